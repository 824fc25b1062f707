// Numbers that a portability service knows better: what it says, what is remembered of it, and what becomes of a recipient.
#include "daemon/number_resolver.h"

#include <criterion/criterion.h>

#include <atomic>

#include "mapping/status.h"
#include "tests/support/http_peer.h"
#include "tests/support/memory_store.h"

using namespace mmgate;
using namespace std::chrono_literals;
using enum RecipientState;

namespace {

constexpr std::string_view kBob = "+447800900123", kOurs = "+447700900123", kNobody = "+447900900123";

struct Middle final : Random {
    Octets octets(std::size_t count) override { return Octets(count, 'r'); }
    std::uint32_t below(std::uint32_t bound) override { return bound / 2; }
};

Peer peer(std::string name, std::vector<std::string> prefixes) {
    Peer out;
    out.domain = "mms." + name + ".example";
    out.name = std::move(name);
    out.prefixes = std::move(prefixes);
    return out;
}

std::string http(unsigned status, std::string_view body) {
    return "HTTP/1.1 " + std::to_string(status) + " x\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" + std::string(body);
}

struct Bed {
    tests::HttpPeer service;
    Config config;
    Loop loop;
    MemoryStore store;
    Middle random;
    Log log{{Level::error}};
    Metrics metrics;
    Committer committer{store, [this](Committer::Task task) { loop.post(std::move(task)); }};
    Settler settler{loop, committer, log, metrics};
    NumberResolver resolver{loop, settler, random, log};
    Timer deadline;

    explicit Bed(tests::HttpPeer::Script script) : service(std::move(script)) {
        config.domain = "mms.example.net";
        config.hostname = "gw.example.net";
        config.numbering = {"44", "0", "00"};
        config.subscribers = {{"+447700"}};
        config.mm4_system = "mms-system";
        config.retry = {60s};
        config.report_delay = 5s;
        config.service_messages = true;
        config.peers = {peer("other", {"+4478"}), peer("third", {"+336"})};
        config.portability_url = service.url("/ask?number={number}");
        config.portability_prefixes = {"+44"};
        config.portability_timeout = 5s;
        config.portability_memory = 1h;
        configure();
    }
    void configure() { resolver.configure(std::make_shared<const Config>(config), std::make_shared<const Router>(config)); }
    std::size_t asked() const { return service.requests().size(); }

    void run() {
        deadline = loop.after(10s, [] { cr_assert(false, "too late"); });
        loop.run();
    }
    /// The route, or "! fault: rule".
    std::string look_up(std::string_view number, NumberResolver::Steps* steps = nullptr) {
        std::string out;
        bool inside = true;
        resolver.look_up(std::string(number), [&](const Result<Route>& route, const NumberResolver::Steps& taken) {
            cr_expect(!inside, "called from inside");
            out = route ? route->route : "! " + std::string(spec_of(route.error().fault).name);
            if (steps) *steps = taken;
            loop.stop();
        });
        inside = false;
        run();
        return out;
    }
    /// Carries a message with this recipient, and gives what became of it.
    Recipient carry(Recipient recipient, std::optional<Mm4Origin> origin = std::nullopt, Seconds lifetime = 1h) {
        Enqueue enqueue;
        Message& message = enqueue.message;
        message.interface = origin ? Interface::mm4 : Interface::mm1;
        message.arrival = loop.now() - 2h;
        message.expires = loop.now() + lifetime;
        message.originator = {Address::Kind::phone, "+447700900001", {}};
        message.headers.delivery_report = true;
        message.headers.message_id = "m1@mms.b.example";
        message.mm4 = std::move(origin);
        recipient.next_attempt = loop.now() - 1s;
        message.recipients = {std::move(recipient)};
        std::vector<Operation> operations{std::move(enqueue)};
        const auto outcomes = store.apply(operations);
        cr_assert(outcomes.has_value());
        const QueueId id = outcomes->front().id;
        auto claimed = store.claim(kResolveLane, loop.now(), 1);
        cr_assert(claimed.size() == 1 && resolver.carries(kResolveLane) && resolver.free_slots(kResolveLane) == 32);
        loop.post([&] { resolver.carry(kResolveLane, std::move(claimed[0]), [this] { loop.stop(); }); });
        run();
        cr_expect(resolver.free_slots(kResolveLane) == 32);
        return store.find(id)->recipients.at(0);
    }
};

Recipient recipient(std::string_view number, std::string route = "resolve") {
    Recipient out;
    out.address = {Address::Kind::phone, std::string(number), {}};
    out.route = std::move(route);
    out.lane = kResolveLane;
    return out;
}

/// Which its peer did not know.
Recipient unknown_at(std::string peer) {
    Recipient out = recipient(kBob, "mm4:" + std::move(peer));
    out.looked_up_again = true;
    out.fault = Fault::recipient_unknown;
    out.reason = "the relay responded Error-sending-address-unresolved";
    out.remote_mta = "mx.other.example";
    out.request = 1;
    return out;
}

}   // namespace

Test(number_resolver, what_the_portability_service_says) {
    struct Row {
        const char* name;
        std::string answer;
        std::string_view number;
        const char* route;
    };
    const Row rows[] = {
        {"a peer by its name", http(200, "third\n"), kBob, "mm4:third"},
        {"a peer by its domain", http(200, "  MMS.third.example \r\nand more"), kBob, "mm4:third"},
        {"our own domain", http(200, "mms.example.net"), kBob, "mm1"},
        {"who is nobody's peer", http(200, "mms.nobody.example"), kBob, "! recipient-unknown"},
        {"not ported", http(404, ""), kBob, "mm4:other"},
        {"not ported, and in nobody's range", http(404, ""), kNobody, "! recipient-unknown"},
        {"an error of the service", http(500, "third"), kBob, "! peer-unreachable"},
        {"nothing", http(200, ""), kBob, "! peer-unreachable"},
        {"an empty line", http(200, "\r\nthird"), kBob, "! peer-unreachable"},
        {"no HTTP", "third\r\n", kBob, "! peer-unreachable"},
        {"the end of the connection", "", kBob, "! peer-unreachable"},
    };
    for (const Row& row : rows) {
        Bed bed([&](const std::string&) { return row.answer; });
        const std::string got = bed.look_up(row.number);
        cr_expect(got == row.route, "%s: %s", row.name, got.c_str());
    }
}

Test(number_resolver, asks_by_the_number_and_only_about_numbers_of_its_prefixes) {
    Bed bed([](const std::string&) { return http(404, ""); });
    cr_expect(bed.look_up("+33612345678") == "mm4:third" && bed.asked() == 0);
    cr_expect(bed.look_up(kBob) == "mm4:other" && bed.asked() == 1);
    cr_expect(bed.service.requests()[0].starts_with("GET /ask?number=%2B447800900123 HTTP/1.1\r\n"), "%s", bed.service.requests()[0].c_str());
}

Test(number_resolver, remembers_answers_and_no_failures) {
    std::atomic<int> status{500};
    Bed bed([&](const std::string&) { return http(static_cast<unsigned>(status), status == 200 ? "third" : ""); });
    cr_expect(bed.look_up(kBob) == "! peer-unreachable" && bed.asked() == 1);
    status = 200;
    cr_expect(bed.look_up(kBob) == "mm4:third" && bed.asked() == 2, "who could not answer is asked again");
    NumberResolver::Steps steps;
    status = 404;
    cr_expect(bed.look_up(kBob, &steps) == "mm4:third" && bed.asked() == 2);
    cr_expect(steps.size() == 2 && steps[0] == "remembered: the portability service said third", "%s", steps[0].c_str());
    cr_expect(bed.look_up("+447800900999") == "mm4:other" && bed.look_up("+447800900999", &steps) == "mm4:other" && bed.asked() == 3, "that nobody knows is an answer, too");
    cr_expect(steps[0] == "remembered: nobody knows of another operator");
    bed.configure();
    cr_expect(bed.look_up(kBob) == "mm4:third" && bed.asked() == 3, "a reload that changes nothing forgets nothing");
    bed.config.ported = {{"+447800900555", "third"}};
    bed.configure();
    cr_expect(bed.look_up(kBob) == "mm4:other" && bed.asked() == 4, "what decides has changed");
}

Test(number_resolver, forgets_in_time) {
    Bed bed([](const std::string&) { return http(200, "third"); });
    bed.config.portability_memory = 0s;
    bed.configure();
    cr_expect(bed.look_up(kBob) == "mm4:third" && bed.look_up(kBob) == "mm4:third" && bed.asked() == 2);
}

Test(number_resolver, moves_a_recipient_to_its_route) {
    Bed bed([](const std::string& request) { return request.find("447800") != std::string::npos ? http(200, "third") : http(200, "mms.example.net"); });
    const Recipient away = bed.carry(recipient(kBob));
    cr_expect(away.state == queued && away.route == "mm4:third" && away.lane == "mm4:normal:third" && away.token.empty() && away.attempts == 0);
    const Recipient here = bed.carry(recipient("+447700900999"));
    cr_expect(here.state == queued && here.route == "mm1" && here.lane == "mm1" && here.token.size() == 16, "a phone of ours gets a URL");
}

Test(number_resolver, waits_where_nobody_can_be_asked_and_then_follows_the_prefix) {
    struct Row {
        const char* name;
        std::string_view number;
        std::uint32_t attempts;
        RecipientState state;
        const char* route;
    };
    constexpr Row kRows[] = {
        {"for the first time", kBob, 0, deferred, "resolve"},
        {"for the second time", kBob, 1, deferred, "resolve"},
        {"for the third time", kBob, 2, queued, "mm4:other"},
        {"for the third time, where no prefix leads anywhere", kNobody, 2, deferred, "resolve"},
    };
    for (const Row& row : kRows) {
        Bed bed([](const std::string&) { return http(503, ""); });
        Recipient before = recipient(row.number);
        before.attempts = row.attempts;
        const Recipient after = bed.carry(before);
        cr_expect(after.state == row.state && after.route == row.route, "%s: %s %s", row.name, to_text(after.state).data(), after.route.c_str());
        if (row.state == deferred) cr_expect(after.attempts == row.attempts + 1 && after.fault == Fault::peer_unreachable && after.next_attempt > bed.loop.now() + 50s, "%s", row.name);
    }
}

Test(number_resolver, ends_what_cannot_be_asked_in_time) {
    Bed bed([](const std::string&) { return http(200, "third"); });
    const Recipient after = bed.carry(recipient(kBob), std::nullopt, -1s);
    cr_expect(after.state == expired && after.fault == Fault::expired && after.report_due && bed.asked() == 0);
}

Test(number_resolver, nobody_serves_it) {
    Bed bed([](const std::string&) { return http(404, ""); });
    const Recipient after = bed.carry(recipient(kNobody));
    cr_expect(after.state == failed && after.fault == Fault::recipient_unknown && after.report_due);
}

Test(number_resolver, a_number_that_its_peer_does_not_know_is_asked_about_anew) {
    struct Row {
        const char* name;
        std::string peer, now_says;
        RecipientState state;
        const char* route;
        const char* told;   // the reason that its originator is told
    };
    const char* const kRefusal = "the relay responded Error-sending-address-unresolved";
    const Row rows[] = {
        {"somebody else serves it now", "third", http(404, ""), queued, "mm4:other", ""},
        {"it is ours now", "third", http(200, "mms.example.net"), queued, "mm1", ""},
        {"the same answer", "third", http(200, "third"), failed, "mm4:third", kRefusal},
        {"the same answer by its prefix", "other", http(404, ""), failed, "mm4:other", kRefusal},
        {"nobody's peer", "third", http(200, "mms.nobody.example"), failed, "mm4:third", kRefusal},
        {"nobody can be asked", "third", http(503, ""), deferred, "mm4:third", kRefusal},
    };
    for (const Row& row : rows) {
        std::string answer = http(200, "third");
        std::mutex mutex;
        Bed bed([&](const std::string&) {
            std::lock_guard lock(mutex);
            return answer;
        });
        cr_assert(bed.look_up(kBob) == "mm4:third" && bed.asked() == 1);
        {
            std::lock_guard lock(mutex);
            answer = row.now_says;
        }
        const Recipient after = bed.carry(unknown_at(row.peer));
        cr_expect(bed.asked() == 2, "%s: what was remembered does not count", row.name);
        cr_expect(after.state == row.state && after.route == row.route && after.reason == row.told, "%s: %s %s: %s", row.name, to_text(after.state).data(), after.route.c_str(), after.reason.c_str());
        cr_expect(after.looked_up_again, "%s: once and no more", row.name);
        if (row.state == failed) cr_expect(after.fault == Fault::recipient_unknown && after.report_due && after.remote_mta == "mx.other.example", "%s", row.name);
    }
}

Test(number_resolver, one_that_cannot_be_asked_about_anew_ends_with_its_refusal) {
    Bed bed([](const std::string&) { return http(503, ""); });
    Recipient before = unknown_at("other");
    before.attempts = 2;
    const Recipient after = bed.carry(before);
    cr_expect(after.state == failed && after.fault == Fault::recipient_unknown && after.reason == before.reason);
    Recipient elsewhere = unknown_at("third");   // the prefix leads to another one
    elsewhere.attempts = 2;
    cr_expect(bed.carry(elsewhere).route == "mm4:other");
}

Test(number_resolver, who_may_reach_phones_of_ours_reaches_no_one_else) {
    struct Row {
        const char* name;
        std::string answer;
        RecipientState state;
        const char* route;
        Fault fault;
    };
    const Row rows[] = {
        {"it is ours", http(404, ""), queued, "mm1", Fault::internal},
        {"it is another's by now", http(200, "third"), failed, "resolve-here", Fault::relay_denied},
        {"nobody knows", http(200, "mms.nobody.example"), failed, "resolve-here", Fault::recipient_unknown},
    };
    for (const Row& row : rows) {
        Bed bed([&](const std::string&) { return row.answer; });
        const Recipient after = bed.carry(recipient(kOurs, std::string(kResolveHere)), Mm4Origin{"other", "t", "m", "system-user@mms.other.example", false});
        cr_expect(after.state == row.state && after.route == row.route, "%s: %s %s", row.name, to_text(after.state).data(), after.route.c_str());
        if (row.state == failed) cr_expect(after.fault == row.fault, "%s", row.name);
    }
}

Test(number_resolver, never_back_to_the_peer_that_it_came_from) {
    Bed bed([](const std::string&) { return http(200, "third"); });
    const Mm4Origin third{"third", "t", "m", "system-user@mms.third.example", false}, other{"other", "t", "m", "system-user@mms.other.example", false};
    const Recipient back = bed.carry(recipient(kBob), third);
    cr_expect(back.state == failed && back.fault == Fault::routing_loop);
    const Recipient on = bed.carry(recipient(kBob), other);
    cr_expect(on.state == queued && on.route == "mm4:third");
}
