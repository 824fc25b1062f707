#include "daemon/watch/telemetry.h"

#include <criterion/criterion.h>

#include <algorithm>

#include "tests/support/memory_store.h"

using namespace mmgate;
using namespace std::chrono_literals;

namespace {

struct Bed {
    MemoryStore store;
    Loop loop;
    Workers workers{loop, 1};
    Metrics metrics;
    Log log{{Level::error, Numbers::masked}};
    Config config;
    PartsNow parts;
    Telemetry telemetry{loop, workers, store, metrics, log, [this] { return parts; }};

    Bed() { config.alarms = {.queue = 0, .oldest = Seconds(0), .store = 80, .peer = Seconds(300), .certificate = Seconds(86'400), .conversions = 0, .clear = 80, .settle = Seconds(0)}; }
    Figures figures() {
        telemetry.configure(std::make_shared<const Config>(config));
        Figures out;
        telemetry.ask([&](Figures given) {
            out = std::move(given);
            loop.stop();
        });
        loop.run();
        return out;
    }
    void enqueue(std::string_view lane) {
        Enqueue enqueue;
        enqueue.message.arrival = loop.now();
        enqueue.message.expires = loop.now() + 1h;
        Recipient& recipient = enqueue.message.recipients.emplace_back();
        recipient.address = {Address::Kind::phone, "+447800900001", ""};
        recipient.lane = lane;
        recipient.next_attempt = loop.now();
        enqueue.content = "x";
        Operation operation = std::move(enqueue);
        cr_assert(store.apply({&operation, 1}).has_value());
    }
};

const FigureRow* row_of(const Figures& figures, FigureTable table, std::string_view name) {
    const auto& rows = figures.rows(table);
    auto found = std::ranges::find(rows, name, &FigureRow::name);
    return found == rows.end() ? nullptr : &*found;
}

}   // namespace

Test(telemetry, peers_are_the_configured_ones_and_those_that_were_tried, .timeout = 30) {
    Bed bed;
    bed.config.push_kind = PushKind::pap;
    bed.config.peers.resize(2);
    bed.config.peers[0].name = "other";
    bed.config.peers[1].name = "idle";
    for (std::string_view lane : {"mm4:high:other", "mm4:normal:other", "mm4:normal:other", "mail:a.example", "resolve"}) bed.enqueue(lane);
    bed.metrics.peers().note("mm4:low:other", Attempt::deferred, "421 4.3.2 not now", bed.loop.now());
    const Figures figures = bed.figures();
    std::vector<std::string> names;
    for (const FigureRow& row : figures.rows(FigureTable::peer)) names.push_back(row.name);
    cr_expect((names == std::vector<std::string>{"mail:a.example", "mm1", "mm4:idle", "mm4:other"}));
    const FigureRow* other = row_of(figures, FigureTable::peer, "mm4:other");
    cr_assert(other);
    cr_expect(number_of((*other)[Column::peer_type]) == static_cast<std::uint64_t>(PeerType::mm4));
    cr_expect(number_of((*other)[Column::peer_status]) == static_cast<std::uint64_t>(PeerStatus::backoff));
    cr_expect(number_of((*other)[Column::peer_queued]) == 3 && number_of((*other)[Column::peer_deferred]) == 1);
    cr_expect(text_of((*other)[Column::peer_last_error]) == "421 4.3.2 not now" && number_of((*other)[Column::peer_next_attempt]) > 0);
    cr_expect(number_of((*row_of(figures, FigureTable::peer, "mm4:idle"))[Column::peer_status]) == static_cast<std::uint64_t>(PeerStatus::unknown));
}

Test(telemetry, status_of_peers) {
    const Instant now{1'000'000s};
    struct Row {
        PeerRecord record;
        std::uint64_t queued;
        PeerStatus want;
    };
    PeerRecord fresh, up, failing, down;
    up.sent = 1;
    failing.failures = down.failures = 1;
    failing.failing_since = now - 299s;
    down.failing_since = now - 300s;
    for (const Row& row : {Row{fresh, 1, PeerStatus::unknown}, Row{up, 0, PeerStatus::up}, Row{failing, 1, PeerStatus::backoff}, Row{down, 1, PeerStatus::down}, Row{down, 0, PeerStatus::unknown}})
        cr_expect(peer_status_of(row.record, row.queued, 300s, now) == row.want);
}

Test(telemetry, figures_are_those_of_the_parts, .timeout = 30) {
    Bed bed;
    bed.config.snmp_control = true;
    bed.config.memory_bytes = 1000;
    bed.parts = {3, 2, 1, 500, false, {2, 9, {{7, "192.0.2.1", bed.loop.now()}}}, {}, {}};
    bed.metrics.add(Counter::smtp_connections, 9);
    bed.metrics.statuses().gave(Door::smtp_in, "5.1.1");
    bed.enqueue("mail:a.example");
    const Figures figures = bed.figures();
    struct Row {
        MetricId id;
        std::uint64_t want;
    };
    for (const Row& row : {Row{Reading::carrying, 3}, Row{Reading::unsettled, 2}, Row{Reading::commit_failures, 1}, Row{Reading::memory_bytes, 500}, Row{Reading::memory_limit_bytes, 1000},
                           Row{Reading::smtp_sessions, 2}, Row{Counter::smtp_connections, 9}, Row{Reading::messages, 1}, Row{Reading::accepting, 1}, Row{Reading::control_enabled, 1}, Row{Reading::health, 1}})
        cr_expect(number_of(figures.scalar(spec_of(row.id))) == row.want, "%s", std::string(spec_of(row.id).name).c_str());
    cr_assert(figures.rows(FigureTable::session).size() == 1);
    cr_expect(text_of(figures.rows(FigureTable::session)[0][Column::session_remote]) == "192.0.2.1");
    const FigureRow* status = row_of(figures, FigureTable::status, "smtp_in 5.1.1");
    cr_expect(status && number_of((*status)[Column::status_inbound]) == 1);
    cr_expect(number_of((*row_of(figures, FigureTable::queue, "queued"))[Column::queue_recipients]) == 1);
    for (const MetricSpec& spec : kScalarMetrics) {
        const bool may_lack = spec.kind == Kind::time;   // what has not happened yet
        cr_expect(may_lack || !std::holds_alternative<std::monostate>(figures.scalar(spec)), "%s is not filled in", std::string(spec.name).c_str());
    }
}

Test(telemetry, raises_and_clears_as_it_looks, .timeout = 30) {
    Bed bed;
    bed.config.alarms.queue = 1;
    bed.telemetry.configure(std::make_shared<const Config>(bed.config));
    bed.enqueue("mail:a.example");
    std::vector<bool> seen;
    bed.telemetry.begin([&](const Telemetry::Change& change) {
        for (const AlarmChange& one : change.alarms)
            if (one.alarm.kind == AlarmKind::queue_high) seen.push_back(one.raised);
        if (seen.size() == 1 && bed.telemetry.health() == Health::degraded) {
            Operation erase = Delete{bed.store.list({}, 1, false).front().id, bed.loop.now()};
            cr_assert(bed.store.apply({&erase, 1}).has_value());
        } else if (seen.size() == 2) {
            bed.loop.stop();
        }
    });
    bed.loop.run();
    cr_expect((seen == std::vector<bool>{true, false}) && bed.telemetry.health() == Health::ok);
    cr_expect(bed.metrics.value(Counter::alarms_raised) == 1 && bed.metrics.value(Counter::alarms_cleared) == 1);
}

Test(telemetry, says_that_it_stops, .timeout = 30) {
    Bed bed;
    bed.telemetry.configure(std::make_shared<const Config>(bed.config));
    Health heard = Health::ok;
    bed.telemetry.begin([&](const Telemetry::Change& change) { heard = change.health; });
    bed.telemetry.stopping();
    cr_expect(heard == Health::stopping && bed.telemetry.reason() == "the gateway is being stopped");
}
