#include "daemon/watch/alarms.h"

#include <criterion/criterion.h>

#include <algorithm>

using namespace mmgate;
using namespace std::chrono_literals;

namespace {

constexpr AlarmLimits kLimits{.queue = 100, .oldest = Seconds(3600), .store = 80, .peer = Seconds(300), .certificate = Seconds(86'400), .conversions = 3, .clear = 80, .settle = Seconds(30)};

/// Of a gateway where all is well.
Figures well() {
    Figures figures;
    figures[Reading::accepting] = std::uint64_t{1};
    figures[Reading::disk_free_bytes] = std::uint64_t{1000};
    figures[Reading::disk_reserve_bytes] = std::uint64_t{100};
    figures[Reading::last_reload_result] = std::uint64_t{1};
    return figures;
}
Condition of(const Figures& figures, AlarmKind kind, const AlarmLimits& limits = kLimits) {
    const std::vector<Finding> findings = judge(figures, {}, limits);
    auto found = std::ranges::find(findings, kind, &Finding::kind);
    return found == findings.end() ? Condition::good : found->condition;
}
Finding finding(Condition condition, const std::string& object = {}) { return {AlarmKind::peer_down, object, condition, "text"}; }

}   // namespace

Test(alarms, all_is_well) {
    for (const Finding& one : judge(well(), {}, kLimits)) cr_expect(one.condition == Condition::good, "%s", std::string(to_text(one.kind)).c_str());
}

Test(alarms, figures_raise_at_their_threshold_and_clear_below_it) {
    struct Row {
        AlarmKind kind;
        Reading reading;
        std::uint64_t value;
        Condition want;
    };
    using enum Condition;
    for (const Row& row : std::initializer_list<Row>{{AlarmKind::queue_high, Reading::messages, 80, good},
                                                     {AlarmKind::queue_high, Reading::messages, 81, between},
                                                     {AlarmKind::queue_high, Reading::messages, 99, between},
                                                     {AlarmKind::queue_high, Reading::messages, 100, bad},
                                                     {AlarmKind::oldest_age_high, Reading::oldest_age, 2880, good},
                                                     {AlarmKind::oldest_age_high, Reading::oldest_age, 3599, between},
                                                     {AlarmKind::oldest_age_high, Reading::oldest_age, 3600, bad},
                                                     {AlarmKind::store_low, Reading::store_used, 64, good},
                                                     {AlarmKind::store_low, Reading::store_used, 79, between},
                                                     {AlarmKind::store_low, Reading::store_used, 80, bad},
                                                     {AlarmKind::store_low, Reading::disk_free_bytes, 150, good},
                                                     {AlarmKind::store_low, Reading::disk_free_bytes, 149, between},
                                                     {AlarmKind::store_low, Reading::disk_free_bytes, 124, bad},
                                                     {AlarmKind::not_accepting, Reading::accepting, 0, bad},
                                                     {AlarmKind::config_rejected, Reading::last_reload_result, 2, good},
                                                     {AlarmKind::config_rejected, Reading::last_reload_result, 3, bad}}) {
        Figures figures = well();
        figures[row.reading] = row.value;
        cr_expect(of(figures, row.kind) == row.want, "%s at %lu", std::string(to_text(row.kind)).c_str(), static_cast<unsigned long>(row.value));
    }
}

Test(alarms, thresholds_of_zero_are_never_reached) {
    AlarmLimits never = kLimits;
    never.queue = never.conversions = 0;
    never.oldest = Seconds(0);
    Figures figures = well();
    figures[Reading::messages] = figures[Reading::oldest_age] = std::uint64_t{1'000'000};
    for (AlarmKind kind : {AlarmKind::queue_high, AlarmKind::oldest_age_high, AlarmKind::conversion_failing}) cr_expect(of(figures, kind, never) == Condition::good);
}

Test(alarms, peers_are_down_by_their_status_and_domains_never) {
    struct Row {
        PeerType type;
        PeerStatus status;
        AlarmKind kind;
        Condition want;
    };
    for (const Row& row : std::initializer_list<Row>{{PeerType::push, PeerStatus::down, AlarmKind::bearer_failing, Condition::bad},
                                                     {PeerType::push, PeerStatus::backoff, AlarmKind::bearer_failing, Condition::between},
                                                     {PeerType::mm4, PeerStatus::down, AlarmKind::peer_down, Condition::bad},
                                                     {PeerType::relay, PeerStatus::up, AlarmKind::peer_down, Condition::good},
                                                     {PeerType::domain, PeerStatus::down, AlarmKind::peer_down, Condition::good}}) {
        Figures figures = well();
        FigureRow& peer = figures.rows(FigureTable::peer).emplace_back("mm4:other", FigureTable::peer);
        peer[Column::peer_type] = static_cast<std::uint64_t>(row.type);
        peer[Column::peer_status] = static_cast<std::uint64_t>(row.status);
        cr_expect(of(figures, row.kind) == row.want, "type %d", static_cast<int>(row.type));
    }
}

Test(alarms, conversions_fail_in_a_row) {
    ConversionTrend trend;
    Figures figures = well();
    auto look = [&](std::uint64_t done, std::uint64_t failed) {
        figures[Counter::converted_to_mm] = done;
        figures[Counter::not_converted_to_mail] = failed;
        trend.look(figures);
        return trend.in_row;
    };
    cr_expect(look(5, 2) == 0 && look(5, 4) == 2 && look(5, 4) == 2 && look(5, 5) == 3);
    const std::vector<Finding> findings = judge(figures, trend, kLimits);
    cr_expect(std::ranges::find(findings, AlarmKind::conversion_failing, &Finding::kind)->condition == Condition::bad);
    cr_expect(look(6, 5) == 0);
}

Test(alarms, settle_before_they_are_raised_and_before_they_clear) {
    AlarmBook book;
    Instant now{1'000'000s};
    auto look = [&](Condition condition, Seconds later) {
        now += later;
        const std::vector<AlarmChange> changes = book.look({finding(condition)}, Seconds(30), now);
        cr_assert(changes.size() <= 1);
        return changes.empty() ? 0 : changes[0].raised ? 1
                                                       : -1;
    };
    using enum Condition;
    cr_expect(look(bad, 0s) == 0 && look(bad, 29s) == 0 && look(good, 1s) == 0);         // a spike
    cr_expect(look(bad, 1s) == 0 && look(between, 29s) == 0 && look(bad, 1s) == 0);      // begins anew
    cr_expect(look(bad, 30s) == 1 && look(bad, 1s) == 0 && book.active().size() == 1);   // raised once
    cr_expect(look(good, 1s) == 0 && look(bad, 29s) == 0 && look(good, 1s) == 0);        // swings: stays raised
    cr_expect(look(between, 40s) == 0 && look(good, 1s) == 0 && look(good, 29s) == 0);
    cr_expect(look(good, 1s) == -1 && book.active().empty());
}

Test(alarms, what_is_gone_is_good) {
    AlarmBook book;
    const Instant now{1'000'000s};
    cr_expect(book.look({finding(Condition::bad, "mm4:a"), finding(Condition::bad, "mm4:b")}, 0s, now).size() == 2);
    const auto changes = book.look({finding(Condition::bad, "mm4:b")}, 0s, now + 1s);
    cr_expect(changes.size() == 1 && !changes[0].raised && changes[0].alarm.object == "mm4:a");
}

Test(alarms, health_is_that_of_the_worst) {
    AlarmBook book;
    const Instant now{1'000'000s};
    cr_expect(book.health() == Health::ok && book.reason().empty());
    const Finding minor{AlarmKind::config_rejected, {}, Condition::bad, "minor"}, critical{AlarmKind::not_accepting, {}, Condition::bad, "critical"};
    book.look({minor}, 0s, now);
    cr_expect(book.health() == Health::degraded && book.reason() == "minor");
    book.look({minor, critical}, 0s, now);
    cr_expect(book.health() == Health::failed && book.reason() == "critical");
    book.look({}, 0s, now);
    cr_expect(book.health() == Health::ok);
}

Test(alarms, are_bounded) {
    AlarmBook book;
    std::vector<Finding> findings;
    for (int i = 0; i < 1000; ++i) findings.push_back(finding(Condition::bad, std::to_string(i)));
    cr_expect(book.look(findings, 0s, Instant{1s}).size() == AlarmBook::kMostAlarms);
}
