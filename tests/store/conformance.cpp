// One table over both engines: what store.h promises.
#include <algorithm>
#include <random>

#include <criterion/criterion.h>
#include <criterion/parameterized.h>

#include "store/transition.h"
#include "tests/store/samples.h"
#include "tests/support/memory_store.h"

using namespace mmgate;
using namespace mmgate::samples;
using enum RecipientState;

namespace {

constexpr Seconds kHistory{1000};
constexpr Seconds kReportWait{5000};
constexpr std::uint64_t kSmall = 16 << 20;

const std::vector<std::uint16_t> kOnlyFirst{0};

LaneDue lane_due(std::string lane, Instant due) { return {std::move(lane), due}; }
LaneLoad lane_load(std::string lane, std::uint64_t entries, std::optional<Instant> earliest) { return {std::move(lane), entries, earliest}; }

void whole(Store& store) {
    Enqueue given = enqueue({recipient("+447700900001"), recipient("b@example.org", "mail:example.org")}, std::string(100'000, 'x') + "end");
    const Outcome outcome = apply_one(store, given);
    cr_expect(!outcome.repeated && outcome.changed == 2);
    Message wanted = given.message;
    wanted.id = outcome.id;
    auto found = store.find(outcome.id);
    cr_assert(found.has_value());
    cr_expect(*found == wanted, "%s\n%s", text_of(*found).c_str(), text_of(wanted).c_str());
    cr_expect(store.content(outcome.id) == given.content);
    cr_expect(store.original_header(outcome.id) == given.original_header);
    cr_expect(store.events(outcome.id) == given.events);
    cr_expect(store.list({}, 10, false) == std::vector{wanted});
    const StoreStats stats = store.stats();
    cr_expect(stats.messages == 1 && stats.records == 1 && stats.content_bytes == given.content.size() && stats.oldest_arrival == kStart && stats.accepting);
    cr_expect(stats.recipients_by_state[static_cast<std::size_t>(queued)] == 2);

    const std::size_t sizes[] = {0, 1, 16'367, 16'368, 16'369, 32'736, 5'000'000};
    for (std::size_t size : sizes) {
        std::string content(size, '\0');
        for (std::size_t i = 0; i < size; i += 997) content[i] = static_cast<char>(i);
        const QueueId id = apply_one(store, enqueue({recipient("+447700900001")}, content)).id;
        cr_expect(store.content(id) == content, "%zu octets", size);
    }
    cr_expect(store.secret().size() == 32);
    cr_expect(store.find({1}) == std::nullopt && store.content({1}).error().fault == Fault::not_found && store.original_header({1}) == std::nullopt && store.events({1}).empty());
}

void ids(Store& store) {
    QueueId last{};
    const Instant arrivals[] = {kStart, kStart, at(10), at(-100), Instant{}, at(11)};
    for (Instant arrival : arrivals) {
        const QueueId id = apply_one(store, enqueue({recipient("+447700900001")}, "x", arrival)).id;
        cr_expect(id > last);
        last = id;
    }
    cr_expect(last.value >> 20 == static_cast<std::uint64_t>(at(11).time_since_epoch().count()), "an id tells the time of arrival");
    apply(store, {Delete{last, kStart}, Purge{last}});
    cr_expect(apply_one(store, enqueue({recipient("+447700900001")}, "x", at(-1000))).id > last, "not used again");
}

void submissions(Store& store) {
    auto with_key = [](std::uint8_t number, Instant arrival, Instant until) {
        Enqueue out = enqueue({recipient("+447700900001")}, "once", arrival);
        out.submission = key(number);
        out.submission_until = until;
        return out;
    };
    auto both = apply(store, {with_key(1, kStart, at(10)), with_key(1, kStart, at(10)), with_key(2, kStart, at(20))});
    cr_expect(!both[0].repeated && both[1].repeated && both[1].id == both[0].id && both[1].changed == 0 && !both[2].repeated);
    const Outcome again = apply_one(store, with_key(1, at(9), at(30)));
    cr_expect(again.repeated && again.id == both[0].id, "in a later batch");
    apply(store, {Delete{both[0].id, kStart}, Purge{both[0].id}});
    cr_expect(apply_one(store, with_key(1, at(9), at(30))).repeated, "known also when the message is forgotten");
    const Outcome late = apply_one(store, with_key(1, at(10), at(30)));
    cr_expect(!late.repeated && late.id != both[0].id, "over at its time");
    cr_expect(apply_one(store, PurgeSubmissions{at(19)}).changed == 0);
    cr_expect(apply_one(store, PurgeSubmissions{at(30), 1}).changed == 1, "no more than asked for");
    cr_expect(apply_one(store, PurgeSubmissions{at(30)}).changed == 1);
    cr_expect(!apply_one(store, with_key(2, at(5), at(30))).repeated);
}

void claims(Store& store) {
    const QueueId second = apply_one(store, enqueue({recipient("+447700900001", "mm1", at(2)), recipient("b@example.org", "mail:b", at(1)),
                                                     recipient("+447700900002", "mm1", at(3)), recipient("+447700900003", "mm1", at(50))}))
                               .id;
    const QueueId first = apply_one(store, enqueue({recipient("+447700900004", "mm1", at(1))})).id;
    const QueueId third = apply_one(store, enqueue({recipient("+447700900005", "mm1", at(4))})).id;
    cr_expect(store.claim("mm1", at(0), 10).empty());
    cr_expect(store.claim("none", at(9), 10).empty());
    auto claimed = store.claim("mm1", at(10), 2);
    cr_assert(claimed.size() == 2);
    cr_expect(claimed[0].message.id == first && claimed[0].recipients == kOnlyFirst);
    cr_expect(claimed[1].message.id == second && claimed[1].recipients == std::vector<std::uint16_t>({0, 2}), "all that are due of one message");
    cr_expect(claimed[1].message.recipients.size() == 4 && claimed[1].message.recipients[0].state == queued);
    cr_expect(store.find(first)->recipients[0].state == active);
    cr_expect(store.stats().recipients_by_state[static_cast<std::size_t>(active)] == 3);
    auto more = store.claim("mm1", at(10), 10);
    cr_assert(more.size() == 1 && more[0].message.id == third);
    cr_expect(store.claim("mm1", at(10), 10).empty());
    cr_expect(store.claim("mail:b", at(10), 10).size() == 1);

    const RecipientRef back[] = {{second, 0}, {second, 0}, {first, 7}};
    store.abandon(back);
    cr_expect(store.find(second)->recipients[0].state == queued);
    auto again = store.claim("mm1", at(10), 10);
    cr_expect(again.size() == 1 && again[0].message.id == second && again[0].recipients == kOnlyFirst);
    // What one recipient's settling changes does not free the other's lease.
    apply_one(store, settle({second, 0}, again[0].message.recipients[0], deferred, at(5)));
    again = store.claim("mm1", at(10), 10);
    cr_expect(again.size() == 1 && again[0].recipients == kOnlyFirst && again[0].message.recipients[0].attempts == 1);
    cr_expect(store.stats().recipients_by_state[static_cast<std::size_t>(deferred)] == 0, "the deferred one is active");
}

void expiry(Store& store) {
    Enqueue given = enqueue({recipient("+447700900001", "mm1", at(1000))});
    given.message.expires = at(100);
    const QueueId id = apply_one(store, given).id;
    cr_expect(store.lanes(at(0), 10) == std::vector{lane_due("mm1", at(100))});
    cr_expect(store.claim("mm1", at(99), 10).empty());
    const RecipientState waits[] = {deferred, notified, fetched};
    for (RecipientState state : waits) {
        auto claimed = store.claim("mm1", at(100), 10);
        cr_assert(claimed.size() == 1);
        cr_expect(claimed[0].message.recipients[0].next_attempt == at(1000));
        apply_one(store, settle({id, 0}, claimed[0].message.recipients[0], state, at(1000)));
        cr_expect(store.lanes(at(0), 10) == std::vector{lane_due("mm1", at(100))}, "%s", std::string(to_text(state)).c_str());
    }
}

struct SettleRow {
    const char* name;
    RecipientState present;
    std::vector<RecipientState> was;
    RecipientState target, after;
    bool changed, event;
};

void settles(Store& store) {
    const SettleRow rows[] = {
        {"queued to deferred", queued, {}, deferred, deferred, true, true},
        {"queued to delivered", queued, {}, delivered, delivered, true, true},
        {"as expected", notified, {notified, fetched}, fetched, fetched, true, true},
        {"something else meanwhile", fetched, {queued, notified}, notified, fetched, false, false},
        {"active stands for queued", queued, {active}, notified, notified, true, true},
        {"active stands for deferred", deferred, {active}, notified, notified, true, true},
        {"active does not stand for notified", notified, {active}, fetched, notified, false, false},
        {"active is never stored", deferred, {}, active, deferred, true, true},
        {"an end stands", delivered, {}, failed, delivered, false, false},
        {"an end that is named gives way to another", relayed, {relayed}, failed, failed, true, true},
        {"no end goes back to work", relayed, {relayed}, deferred, relayed, false, false},
        {"held, and another wait", held, {}, deferred, held, true, true},
        {"held, and an end", held, {}, delivered, delivered, true, true},
        {"held, and what was expected", held, {queued}, deferred, held, false, false},
        {"deleted, and another wait", deleted, {}, deferred, deleted, false, false},
        {"deleted, and an end: the event tells", deleted, {}, delivered, deleted, false, true},
        {"deleted stays, whoever says otherwise", deleted, {deleted}, failed, deleted, false, true},
    };
    for (const SettleRow& row : rows) {
        Recipient before = recipient("+447700900001");
        before.state = row.present;
        const QueueId id = apply_one(store, enqueue({before})).id;
        Settle operation = settle({id, 0}, before, row.target, at(5), row.was);
        operation.consequences = {enqueue({recipient("+447700900002")}, "consequence")};
        const std::size_t records = store.stats().records;
        const Outcome outcome = apply_one(store, operation);
        auto message = store.find(id);
        cr_assert(message.has_value());
        const Recipient& now = message->recipients[0];
        cr_expect(outcome.changed == (row.changed ? 1 : 0), "%s", row.name);
        cr_expect(now.state == row.after, "%s: %s", row.name, std::string(to_text(now.state)).c_str());
        cr_expect(now.attempts == (row.changed ? 1 : 0), "%s", row.name);
        cr_expect(store.events(id).size() == (row.event ? 3 : 2), "%s", row.name);
        cr_expect(store.stats().records == records + (row.changed ? 1 : 0), "%s: consequences", row.name);
    }
    // What a settle said under a hold is what release goes back to.
    Recipient before = recipient("+447700900001", "held-lane");
    const QueueId id = apply_one(store, enqueue({before})).id;
    apply(store, {Hold{id, at(1)}, settle({id, 0}, before, deferred, at(7)), Release{id, at(2)}});
    cr_expect(store.find(id)->recipients[0].state == deferred && store.claim("held-lane", at(6), 1).empty() && store.claim("held-lane", at(7), 1).size() == 1);
    // A refused settle ends the lease all the same.
    cr_expect(apply_one(store, settle({id, 0}, before, fetched, at(9), {notified})).changed == 0);
    cr_expect(store.claim("held-lane", at(7), 1).size() == 1);
    // To another lane.
    Recipient moved = before;
    moved.lane = "other-lane";
    apply_one(store, settle({id, 0}, moved, deferred, at(8)));
    cr_expect(store.claim("held-lane", at(100), 1).empty() && store.claim("other-lane", at(100), 1).size() == 1);
    // Nobody and nothing.
    cr_expect(apply_one(store, settle({id, 9}, before, failed)).changed == 0);
    cr_expect(apply_one(store, settle({{1}, 0}, before, failed)).changed == 0);
}

void verbs(Store& store) {
    Recipient ended = recipient("+447700900003");
    ended.state = failed;
    Recipient waiting = recipient("+447700900002", "mm1", at(500));
    waiting.state = notified;
    const QueueId id = apply_one(store, enqueue({recipient("+447700900001"), waiting, ended})).id;
    auto states = [&] {
        std::vector<RecipientState> out;
        const Message message = *store.find(id);
        for (const Recipient& one : message.recipients) out.push_back(one.state);
        return out;
    };
    cr_expect(apply_one(store, Hold{id, at(1)}).changed == 2);
    cr_expect(states() == std::vector({held, held, failed}));
    cr_expect(apply_one(store, Hold{id, at(1)}).changed == 0);
    cr_expect(store.lanes(at(1000), 10).empty());
    cr_expect(apply_one(store, Retry{id, at(1)}).changed == 0, "a hold is the stronger");
    cr_expect(apply_one(store, Release{id, at(2)}).changed == 2);
    cr_expect(states() == std::vector({queued, notified, failed}));
    cr_expect(apply_one(store, Release{id, at(2)}).changed == 0);
    cr_expect(store.lanes(at(0), 10) == std::vector{lane_due("mm1", kStart)});
    cr_expect(apply_one(store, Retry{id, at(20)}).changed == 2);
    cr_expect(store.claim("mm1", at(20), 10).at(0).recipients == std::vector<std::uint16_t>({0, 1}));
    // All of them leased: the operator's word stands, and nothing is claimed twice.
    cr_expect(apply_one(store, Hold{id, at(21)}).changed == 2);
    cr_expect(store.stats().recipients_by_state[static_cast<std::size_t>(active)] == 0);
    cr_expect(apply_one(store, Release{id, at(22)}).changed == 2);
    cr_expect(store.claim("mm1", at(30), 10).empty() && store.lanes(at(30), 10).empty());
    cr_expect(apply_one(store, Delete{id, at(23)}).changed == 2);
    cr_expect(states() == std::vector({deleted, deleted, failed}));
    cr_expect(apply_one(store, Release{id, at(23)}).changed == 0 && apply_one(store, Hold{id, at(23)}).changed == 0 && apply_one(store, Retry{id, at(23)}).changed == 0);
    // The one under way is delivered all the same: the event is the truth, the state the operator's.
    cr_expect(apply_one(store, settle({id, 0}, recipient("+447700900001"), delivered, at(24))).changed == 0);
    std::vector<std::string> told;
    for (const Event& event : store.events(id)) told.push_back(event.what);
    cr_expect(told == std::vector<std::string>({"accepted", "routed", "held", "released", "retry", "held", "released", "deleted", "delivered"}));
    cr_expect(states()[0] == deleted && store.find(id)->recipients[0].reason == "deleted by the operator");
    const QueueId nobody{1};
    for (const Outcome& one : apply(store, {Hold{nobody, kStart}, Release{nobody, kStart}, Retry{nobody, kStart}, Delete{nobody, kStart}, Undelete{nobody, kStart}, Purge{nobody}, Reported{nobody, {0}, {}, {}}}))
        cr_expect(one.changed == 0);
}

std::vector<RecipientState> states_of(Store& store, QueueId id) {
    std::vector<RecipientState> out;
    const Message message = *store.find(id);
    for (const Recipient& one : message.recipients) out.push_back(one.state);
    return out;
}

void undeletes(Store& store) {
    Recipient waits = recipient("+447700900002", "mm1", at(500));
    waits.state = notified;
    Recipient ended = recipient("+447700900003");
    ended.state = failed;
    const QueueId id = apply_one(store, enqueue({recipient("+447700900001"), waits, ended}, "kept")).id;
    cr_expect(apply_one(store, Undelete{id, at(1)}).changed == 0, "nothing is deleted");
    cr_expect(apply_one(store, Delete{id, at(10)}).changed == 2);
    cr_expect(states_of(store, id) == std::vector({deleted, deleted, failed}));
    cr_expect(store.content(id) == "kept" && store.original_header(id).has_value() && store.stats().messages == 0 && store.list({}, 10, false).empty());
    cr_expect(can_be_undeleted(*store.find(id), at(9) + kUndeleteFor) && !can_be_undeleted(*store.find(id), at(10) + kUndeleteFor));
    cr_expect(store.claim("mm1", at(1000), 10).empty());

    cr_expect(apply_one(store, Undelete{id, at(20)}).changed == 2);
    cr_expect(states_of(store, id) == std::vector({queued, notified, failed}), "what had ended by itself stays so");
    cr_expect(store.stats().messages == 1 && store.list({}, 10, false).size() == 1 && store.lanes(at(20), 10) == std::vector{lane_due("mm1", at(20))});
    auto claimed = store.claim("mm1", at(20), 10);
    cr_assert(claimed.size() == 1 && claimed[0].recipients == std::vector<std::uint16_t>({0, 1}));
    cr_expect(claimed[0].message.recipients[0].reason.empty());

    // Deleted while under way: what got there all the same does not come back, or it would get there twice.
    apply_one(store, Delete{id, at(30)});
    apply_one(store, settle({id, 0}, claimed[0].message.recipients[0], delivered, at(31)));
    apply_one(store, settle({id, 1}, claimed[0].message.recipients[1], deferred, at(31)));
    cr_expect(apply_one(store, Undelete{id, at(32)}).changed == 1 && states_of(store, id) == std::vector({deleted, notified, failed}));
    cr_expect(apply_one(store, Undelete{id, at(33)}).changed == 0);

    // Under a hold it was, under a hold it is again.
    apply(store, {Hold{id, at(40)}, Delete{id, at(41)}, Undelete{id, at(42)}});
    cr_expect(states_of(store, id)[1] == held && store.find(id)->recipients[1].held_from == notified);

    // For good.
    const std::uint64_t octets = store.stats().content_bytes;
    cr_expect(apply_one(store, Delete{id, at(50)}).changed == 1 && store.stats().content_bytes == octets);
    cr_expect(apply_one(store, Delete{id, at(51)}).changed == 0 && store.stats().content_bytes == octets, "the same said twice harms nothing");
    cr_expect(apply_one(store, Delete{id, at(52), true}).changed == 1 && store.stats().content_bytes == 0 && !store.content(id));
    cr_expect(apply_one(store, Delete{id, at(53), true}).changed == 0 && apply_one(store, Undelete{id, at(53)}).changed == 0);
    const QueueId at_once = apply_one(store, enqueue({recipient("+447700900001", "mm1", at(10'000'000)), ended})).id;
    cr_expect(apply_one(store, Delete{at_once, at(54), true}).changed == 1 && states_of(store, at_once) == std::vector({deleted, failed}) && !store.content(at_once));
    cr_expect(apply_one(store, Undelete{at_once, at(55)}).changed == 0);
    cr_expect(store.events(id).back().detail == "for good, by the operator");
    cr_expect(store.lanes(at(0), 10) == std::vector{lane_due("purge", at(50) + kHistory)});
}

void deleted_is_kept_for_a_day(Store& store) {
    const QueueId id = apply_one(store, enqueue({recipient("+447700900001")}, "a day")).id;
    apply_one(store, Delete{id, at(10)});
    const Instant over = at(10) + kUndeleteFor;
    cr_expect(store.lanes(at(0), 10) == std::vector{lane_due("purge", over)}, "kept longer than the shorter history of these tests");
    cr_expect(apply_one(store, Undelete{id, over}).changed == 0, "too late");
    cr_expect(apply_one(store, Purge{id, over - Seconds(1)}).changed == 0 && store.content(id).has_value(), "too early");
    cr_expect(apply_one(store, Purge{id, over}).changed == 1 && !store.find(id) && store.stats().content_bytes == 0);

    // Where the record is to be remembered longer than that, the content goes first.
    Enqueue group = enqueue({recipient("+447700900001"), recipient("b@example.org", "mail:b")}, "and longer");
    group.message.expires = over + kReportWait;
    const QueueId longer = apply_one(store, group).id;
    Settle handed_on = settle({longer, 1}, group.message.recipients[1], relayed, over - Seconds(10));
    handed_on.recipient.report_expected = true;
    apply(store, {Delete{longer, at(10)}, handed_on});
    cr_expect(store.find(longer)->recipients[1].state == deleted);
    apply(store, {Undelete{longer, at(11)}});
    cr_expect(states_of(store, longer) == std::vector({queued, deleted}), "the one that was handed on stays deleted");
    apply_one(store, settle({longer, 0}, group.message.recipients[0], delivered, over));
    cr_expect(store.lanes(at(0), 10) == std::vector{lane_due("purge", over + kHistory)});

    // Somebody is still to be told of another's end: then the content stays for the report, and the day is over all the same.
    const QueueId told = apply_one(store, enqueue({recipient("+447700900001"), recipient("+447700900002")}, "told")).id;
    Settle bad = settle({told, 1}, recipient("+447700900002"), failed, at(20));
    bad.recipient.report_due = true;
    apply(store, {bad, Delete{told, at(20)}});
    cr_expect(apply_one(store, Purge{told, over + Seconds(100)}).changed == 0 && store.content(told).has_value());
    apply_one(store, Reported{told, {1}, {}, {}});
    cr_expect(store.content(told).has_value(), "and what was deleted can still be brought back");
    cr_expect(apply_one(store, Undelete{told, at(30)}).changed == 1 && states_of(store, told) == std::vector({queued, failed}));
}

void reports(Store& store) {
    const QueueId id = apply_one(store, enqueue({recipient("+447700900001"), recipient("+447700900002"), recipient("+447700900003")})).id;
    const auto before = store.find(id)->recipients;
    auto end = [&](std::uint16_t index, Instant report_at) {
        Settle out = settle({id, index}, before[index], failed, at(index));
        out.recipient.report_due = true;
        out.report_at = report_at;
        return out;
    };
    apply(store, {end(0, at(50)), end(1, at(60))});
    cr_expect(store.lanes(at(49), 10).back() == lane_due("report", at(50)), "the earliest wins");
    cr_expect(store.claim(kReportLane, at(49), 10).empty());
    auto claimed = store.claim(kReportLane, at(50), 10);
    cr_assert(claimed.size() == 1 && claimed[0].message.id == id && claimed[0].recipients.empty());
    cr_expect(store.claim(kReportLane, at(50), 10).empty(), "leased");
    store.abandon(kReportLane, id);
    cr_expect(store.claim(kReportLane, at(50), 10).size() == 1);

    // The third ends while the first two are being reported.
    apply_one(store, end(2, at(70)));
    cr_expect(store.claim(kReportLane, at(80), 10).empty());
    Reported told{id, {0, 1}, {{at(51), std::nullopt, "reported", "to the sender"}}, {enqueue({recipient("sender@example.org", "mail:example.org")}, "report")}};
    cr_expect(apply_one(store, told).changed == 2);
    cr_expect(store.stats().records == 2);
    cr_expect(store.events(id).back().what == "reported");
    auto left = store.find(id)->recipients;
    cr_expect(!left[0].report_due && !left[1].report_due && left[2].report_due);
    cr_expect(store.content(id).has_value() && store.original_header(id).has_value(), "kept for the report that is left");
    cr_expect(store.claim(kReportLane, at(50), 10).size() == 1, "its turn comes at once");
    // Told a second time, after a commit whose outcome was not heard: no second report.
    const std::size_t events = store.events(id).size();
    cr_expect(apply_one(store, told).changed == 0 && store.stats().records == 2 && store.events(id).size() == events);
    cr_expect(apply_one(store, Reported{id, {2, 99}, {}, {}}).changed == 1);
    cr_expect(store.claim(kReportLane, at(100), 10).empty());
    cr_expect(!store.content(id).has_value() && !store.original_header(id).has_value(), "nothing is left to do");

    // A turn with nothing to tell, and ends that came with the message.
    Settle wait = settle({apply_one(store, enqueue()).id, 0}, recipient("+447700900001"), deferred, at(500));
    wait.report_at = at(110);
    apply_one(store, wait);
    cr_expect(store.claim(kReportLane, at(110), 10).size() == 1);
    cr_expect(apply_one(store, Reported{wait.ref.id, {}, {}, {}}).changed == 0);
    cr_expect(store.claim(kReportLane, at(110), 10).empty() && store.find(wait.ref.id)->recipients[0].state == deferred);
    Recipient refused = recipient("+1", "mm1", at(120));
    refused.state = failed;
    refused.report_due = true;
    Enqueue group = enqueue({refused, recipient("+447700900001")}, "group", at(120));
    const QueueId on_arrival = apply_one(store, group).id;
    group.report_at = at(130);
    const QueueId later = apply_one(store, group).id;
    claimed = store.claim(kReportLane, at(120), 10);
    cr_expect(claimed.size() == 1 && claimed[0].message.id == on_arrival);
    claimed = store.claim(kReportLane, at(130), 10);
    cr_expect(claimed.size() == 1 && claimed[0].message.id == later);
}

void endings(Store& store) {
    const QueueId id = apply_one(store, enqueue({recipient("+447700900001"), recipient("b@example.org", "mail:b")})).id;
    const auto before = store.find(id)->recipients;
    apply_one(store, settle({id, 0}, before[0], delivered, at(10)));
    cr_expect(store.content(id).has_value());
    Settle handed_on = settle({id, 1}, before[1], relayed, at(20));
    handed_on.recipient.report_expected = true;
    apply_one(store, handed_on);
    cr_expect(!store.content(id).has_value() && store.original_header(id) == "Subject: hello\r\n", "a late report may want the header");
    cr_expect(store.stats().messages == 0 && store.stats().records == 1 && store.stats().content_bytes == 0 && !store.stats().oldest_arrival);
    cr_expect(store.list({}, 10, false).empty() && store.list({}, 10, true).size() == 1);
    cr_expect(store.lanes(at(0), 10) == std::vector{lane_due("purge", at(20) + kReportWait)});

    // The report comes, and says that it failed: there is something to tell again.
    Settle bounced = settle({id, 1}, handed_on.recipient, failed, at(30), {relayed});
    bounced.recipient.report_due = true;
    bounced.report_at = at(30);
    cr_expect(apply_one(store, bounced).changed == 1);
    cr_expect(store.original_header(id).has_value() && store.claim(kPurgeLane, at(100'000), 10).empty());
    cr_expect(apply_one(store, Purge{id}).changed == 0, "somebody is to be told");
    cr_expect(store.claim(kReportLane, at(30), 10).size() == 1);
    apply_one(store, Reported{id, {1}, {}, {}});
    cr_expect(!store.original_header(id).has_value());
    cr_expect(store.lanes(at(0), 10) == std::vector{lane_due("purge", at(30) + kHistory)});
    cr_expect(store.claim(kPurgeLane, at(29) + kHistory, 10).empty());
    auto claimed = store.claim(kPurgeLane, at(30) + kHistory, 10);
    cr_assert(claimed.size() == 1 && claimed[0].message.id == id && claimed[0].recipients.empty());
    store.abandon(kPurgeLane, id);
    cr_expect(store.claim(kPurgeLane, at(30) + kHistory, 10).size() == 1);
    cr_expect(apply_one(store, Purge{id}).changed == 2);
    cr_expect(!store.find(id) && store.events(id).empty() && store.list({}, 10, true).empty() && store.lanes(at(0), 10).empty() && store.stats().records == 0);

    // Never before its time is work forgotten.
    const QueueId waits = apply_one(store, enqueue()).id;
    cr_expect(apply_one(store, Purge{waits}).changed == 0 && store.find(waits).has_value());
    // One that came ended.
    Recipient refused = recipient("+1");
    refused.state = failed;
    const QueueId ended = apply_one(store, enqueue({refused}, "nothing", at(5))).id;
    cr_expect(!store.content(ended) && store.find(ended).has_value() && store.list({}, 10, false).size() == 1);
    cr_expect(store.claim(kPurgeLane, at(5) + kHistory, 10).size() == 1);
}

void lanes(Store& store) {
    for (int i = 0; i < 20; ++i) apply_one(store, enqueue({recipient("a@example.org", "mail:" + std::to_string(i), at(100 - i))}));
    auto due = store.lanes(at(90), 100);
    cr_assert(due.size() == 11, "%zu", due.size());
    cr_expect(due.front() == lane_due("mail:19", at(81)) && due[9] == lane_due("mail:10", at(90)) && due[10] == lane_due("mail:9", at(91)), "the due ones and the next");
    cr_expect(store.lanes(at(90), 3).size() == 3 && store.lanes(at(1000), 100).size() == 20 && store.lanes(at(0), 100).size() == 1);
    auto load_of = [&](std::string_view lane) {
        auto loads = store.lane_loads(100);
        auto found = std::ranges::find(loads, lane, &LaneLoad::lane);
        return found == loads.end() ? LaneLoad{} : *found;
    };
    cr_expect(store.lane_loads(100).size() == 20 && store.lane_loads(3).size() == 3 && load_of("mail:19") == lane_load("mail:19", 1, at(81)));
    auto claimed = store.claim("mail:19", at(90), 10);
    cr_expect(load_of("mail:19") == lane_load("mail:19", 1, std::nullopt), "under way, and still there");
    cr_expect(store.lanes(at(90), 100).front().lane == "mail:18", "what is leased is not due");
    const RecipientRef ref{claimed.at(0).message.id, 0};
    store.abandon({&ref, 1});
    cr_expect(store.lanes(at(90), 100).front().lane == "mail:19");
    apply_one(store, Hold{ref.id, kStart});
    cr_expect(store.lanes(at(90), 100).front().lane == "mail:18" && load_of("mail:19") == LaneLoad{});
    apply_one(store, Release{ref.id, kStart});
    cr_expect(store.lanes(at(90), 100).front().lane == "mail:19");
    // In front of a long lane stand many that are leased.
    std::vector<Operation> many;
    for (int i = 0; i < 300; ++i) many.emplace_back(enqueue({recipient("+447700900001", "mm1", at(200 + i))}));
    apply(store, std::move(many));
    for (int i = 0; i < 299; ++i) cr_assert(store.claim("mm1", at(1000), 1).size() == 1);
    auto last = store.lanes(at(1000), 100).back();
    cr_expect(last == lane_due("mm1", at(499)) && load_of("mm1") == lane_load("mm1", 300, at(499)));
    auto rest = store.claim("mm1", at(1000), 100);
    cr_expect(rest.size() == 1 && rest[0].message.recipients[0].next_attempt == at(499));
}

void rests(Store& store) {
    apply(store, {enqueue({recipient("a@example.org", "mail:1", at(10))}), enqueue({recipient("a@example.org", "mail:2", at(20))})});
    store.rest("mail:1", at(30));
    store.rest("mail:3", at(500));
    cr_expect(store.lanes(at(25), 10) == (std::vector{lane_due("mail:2", at(20)), lane_due("mail:1", at(30))}), "it is not due before");
    // What comes meanwhile waits too, and what is later is due in its own time.
    apply_one(store, enqueue({recipient("b@example.org", "mail:1", at(5))}));
    cr_expect(store.lanes(at(25), 10).front().lane == "mail:2");
    cr_expect(store.lanes(at(40), 10) == (std::vector{lane_due("mail:2", at(20)), lane_due("mail:1", at(30))}));
    store.rest("mail:1", at(7));
    cr_expect(store.lanes(at(8), 10).front() == lane_due("mail:1", at(7)), "a rest can be cut short");
    store.rest("mail:1", at(300));
    cr_expect(store.claim("mail:1", at(30), 10).size() == 2, "who asks for it gets it");
    cr_expect(store.lanes(at(30), 10) == std::vector{lane_due("mail:2", at(20))});
    // A lane that was empty begins anew.
    store.rest("mail:2", at(300));
    auto claimed = store.claim("mail:2", at(30), 10);
    apply_one(store, Delete{claimed.at(0).message.id, at(30)});
    apply_one(store, enqueue({recipient("b@example.org", "mail:2", at(35))}));
    cr_expect(store.lanes(at(40), 10).front() == lane_due("mail:2", at(35)));
    store.rest("mail:1", at(0));   // it would end when the store is opened again
}

void pages(Store& store) {
    std::vector<QueueId> all;
    for (int i = 0; i < 10; ++i) all.push_back(apply_one(store, enqueue({recipient("+447700900001")}, "x", at(i))).id);
    apply(store, {Delete{all[0], kStart}, Delete{all[5], kStart}});
    auto ids = [](const std::vector<Message>& messages) {
        std::vector<QueueId> out;
        for (const Message& one : messages) out.push_back(one.id);
        return out;
    };
    cr_expect(ids(store.list({}, 3, true)) == std::vector(all.begin(), all.begin() + 3));
    cr_expect(ids(store.list(all[2], 100, true)) == std::vector(all.begin() + 3, all.end()));
    cr_expect(ids(store.list({}, 3, false)) == std::vector(all.begin() + 1, all.begin() + 4));
    cr_expect(ids(store.list(all[3], 3, false)) == std::vector({all[4], all[6], all[7]}));
    cr_expect(store.list(all[9], 10, true).empty() && store.list({UINT64_MAX}, 10, true).empty() && store.list({}, 0, true).empty());
}

void groups(Store& store) {
    std::vector<Recipient> recipients;
    for (int i = 0; i < 1000; ++i) recipients.push_back(recipient("user" + std::to_string(i) + "@example.org", "mail:" + std::to_string(i % 7)));
    const QueueId id = apply_one(store, enqueue(recipients)).id;
    std::size_t claimed = 0;
    for (int lane = 0; lane < 7; ++lane) {
        auto one = store.claim("mail:" + std::to_string(lane), kStart, 10);
        cr_assert(one.size() == 1 && one[0].message.recipients.size() == 1000);
        claimed += one[0].recipients.size();
        std::vector<Operation> ends;
        for (std::uint16_t index : one[0].recipients) ends.emplace_back(settle({id, index}, one[0].message.recipients[index], delivered, at(lane)));
        apply(store, std::move(ends));
    }
    cr_expect(claimed == 1000);
    cr_expect(state_of(*store.find(id)) == delivered && store.events(id).size() == 1002 && !store.content(id));
}

void full(Store& store) {
    const std::string octets(100'000, 'f');
    std::vector<QueueId> taken;
    for (int i = 0; i < 1000 && store.admits(octets.size()); ++i) taken.push_back(apply_one(store, enqueue({recipient("+447700900001")}, octets)).id);
    cr_assert(taken.size() > 50 && taken.size() < 1000, "%zu", taken.size());
    cr_expect(store.admits(octets.size()).error().fault == Fault::storage_full);
    const std::string before = describe(store, kStart);
    std::vector<Operation> more;
    more.emplace_back(Hold{taken[0], kStart});
    for (int i = 0; i < 10; ++i) more.emplace_back(enqueue({recipient("+447700900001")}, octets));
    auto refused = store.apply(more);
    cr_assert(!refused.has_value() && refused.error().fault == Fault::storage_full);
    cr_expect(describe(store, kStart) == before, "nothing of a refused batch happened");
    // What is there goes on, reports included.
    Settle end = settle({taken[0], 0}, recipient("+447700900001"), failed);
    end.consequences = {enqueue({recipient("sender@example.org", "mail:b")}, "a report of a few octets")};
    cr_expect(apply_one(store, end).changed == 1);
    for (QueueId id : taken) apply_one(store, Delete{id, kStart});
    cr_expect(!store.admits(10 * octets.size()).has_value(), "what can be brought back takes its room");
    for (QueueId id : taken) apply_one(store, Delete{id, kStart, true});
    cr_expect(store.admits(10 * octets.size()).has_value());
    cr_expect(apply_one(store, enqueue({recipient("+447700900001")}, octets)).changed == 1);
}

void recipient_keys(Store& store) {
    auto with_keys = [](std::vector<std::uint8_t> numbers, Instant arrival) {
        std::vector<Recipient> recipients;
        std::vector<SubmissionKey> keys;
        for (std::uint8_t number : numbers) {
            recipients.push_back(recipient("+4477009000" + std::to_string(10 + number)));
            keys.push_back(key(number));
        }
        Enqueue out = enqueue(recipients, "once for each", arrival);
        out.recipient_keys = keys;
        out.submission_until = at(100);
        return out;
    };
    const Outcome first = apply_one(store, with_keys({1, 2}, kStart));
    cr_expect(!first.repeated && first.changed == 2);
    const Outcome same = apply_one(store, with_keys({2, 1}, at(1)));
    cr_expect(same.repeated && same.changed == 0 && same.id == first.id);
    const Outcome more = apply_one(store, with_keys({2, 3}, at(2)));
    cr_assert(!more.repeated && more.changed == 1);
    cr_expect(store.find(more.id)->recipients.at(0).address.value == "+447700900013", "only whom it has not reached");
    cr_expect(store.named(key(3), at(3)) == more.id && store.named(key(1), at(99)) == first.id);
    cr_expect(store.named(key(1), at(100)) == std::nullopt && store.named(key(9), at(3)) == std::nullopt);
    cr_expect(!apply_one(store, with_keys({1}, at(100))).repeated, "forgotten when its time is over");
}

void aliases(Store& store) {
    Enqueue given = enqueue({recipient("+447800900001", "mm4:normal:other")}, "x");
    given.aliases = {{key(1), at(10)}};
    const QueueId id = apply_one(store, given).id;
    cr_expect(store.named(key(1), kStart) == id);
    Settle one = settle({id, 0}, recipient("+447800900001", "mm4:normal:other"), relayed);
    one.aliases = {{key(2), at(10)}};
    apply_one(store, one);
    cr_expect(store.named(key(2), kStart) == id);
    one.aliases = {{key(3), at(10)}};
    apply_one(store, one);
    cr_expect(store.named(key(3), kStart) == std::nullopt, "what changed nothing gives no name");
    apply_one(store, PurgeSubmissions{at(11)});
    cr_expect(store.named(key(1), kStart) == std::nullopt && store.named(key(2), kStart) == std::nullopt);
}

void gates(Store& store) {
    cr_expect(store.held_routes().empty());
    cr_expect(apply_one(store, SetGate{"mm4:b", Gate::held}).changed == 1 && apply_one(store, SetGate{"mm4:a", Gate::held}).changed == 1);
    cr_expect(apply_one(store, SetGate{"mm4:a", Gate::held}).changed == 0);
    cr_expect((store.held_routes() == std::vector<std::string>{"mm4:a", "mm4:b"}));
    cr_expect(apply_one(store, SetGate{"mm4:a", Gate::open}).changed == 1 && apply_one(store, SetGate{"mm4:x", Gate::open}).changed == 0);
    cr_expect((store.held_routes() == std::vector<std::string>{"mm4:b"}));
}

void later_reports(Store& store) {
    const QueueId id = apply_one(store, enqueue({recipient("+447800900001", "mm4:normal:other"), recipient("+447800900002", "mm4:normal:other")}, "x")).id;
    Settle waits = settle({id, 0}, recipient("+447800900001", "mm4:normal:other"), relayed);
    waits.recipient.report_due = true;
    waits.recipient.report_from = at(500);
    waits.report_at = at(500);
    apply_one(store, waits);
    Settle ended = settle({id, 1}, recipient("+447800900002", "mm4:normal:other"), failed);
    ended.recipient.report_due = true;
    apply_one(store, ended);
    cr_expect(store.claim(kReportLane, at(0), 10).size() == 1, "the other's end is told at once");
    apply_one(store, Reported{id, {1}, {}, {}});
    cr_expect(store.claim(kReportLane, at(499), 10).empty(), "and the first one's when its time has come");
    cr_expect(store.claim(kReportLane, at(500), 10).size() == 1);
}

struct Row {
    const char* name;
    void (*test)(Store&);
};
constexpr Row kRows[] = {
    {"an accepted message is all there", whole},
    {"ids ascend and are never used twice", ids},
    {"a submission that is repeated is one message", submissions},
    {"a recipient that has a message gets it once", recipient_keys},
    {"a message is found by what others call it", aliases},
    {"a route is held until it is released", gates},
    {"each end is told when its time has come", later_reports},
    {"a claim leases what is due, oldest first", claims},
    {"nothing waits longer than its message lives", expiry},
    {"settling respects what happened meanwhile", settles},
    {"the operator's verbs", verbs},
    {"what was deleted comes back", undeletes},
    {"but not for longer than a day", deleted_is_kept_for_a_day},
    {"every end is told once", reports},
    {"what has ended is freed, kept and forgotten", endings},
    {"lanes are found by their earliest work", lanes},
    {"a lane rests while nobody takes its work", rests},
    {"lists come in pages", pages},
    {"a message to a thousand", groups},
    {"a full store keeps working", full},
};

constexpr std::size_t kEngines = 2;

}   // namespace

ParameterizedTestParameters(store, conforms) {
    static std::size_t numbers[std::size(kRows) * kEngines];
    for (std::size_t i = 0; i < std::size(numbers); ++i) numbers[i] = i;
    return cr_make_param_array(std::size_t, numbers, std::size(numbers));
}
ParameterizedTest(std::size_t* number, store, conforms) {
    const Row row = kRows[*number / kEngines];
    cr_log_info("%s", row.name);
    if (*number % kEngines == 0) {
        MemoryStore store({kHistory, kReportWait, kSmall});
        row.test(store);
        return;
    }
    TemporaryDirectory directory;
    LmdbOptions options = options_in(directory);
    options.history = kHistory;
    options.report_wait = kReportWait;
    options.map_size_bytes = kSmall;
    auto store = open(options);
    row.test(*store);
    for (const std::string& finding : store->check()) cr_expect(false, "%s: %s", row.name, finding.c_str());
    // All of it is on the disk, but for the leases.
    const std::vector<Message> held_in_memory = store->list({}, 1'000'000, true);
    for (const Message& message : held_in_memory)
        for (std::size_t i = 0; i < message.recipients.size(); ++i) {
            const RecipientRef ref{message.id, static_cast<std::uint16_t>(i)};
            store->abandon({&ref, 1});
            store->abandon(kReportLane, message.id);
            store->abandon(kPurgeLane, message.id);
        }
    const std::string before = describe(*store, at(50));
    store.reset();
    cr_expect(describe(*open(options), at(50)) == before, "%s: after opening it again", row.name);
}

// Both engines do the same for the same reasons: a long random life, compared on the way.
Test(store, engines_agree) {
    TemporaryDirectory directory;
    LmdbOptions options = options_in(directory);
    options.history = Seconds(30);
    options.report_wait = Seconds(60);
    auto real = open(options);
    MemoryStore model({options.history, options.report_wait, 1ULL << 30});
    std::mt19937 random(20'260'101);
    auto below = [&](std::uint32_t n) { return static_cast<std::uint32_t>(random() % n); };
    const std::string lane_names[] = {"mm1", "mail:a", "mail:b", "mail:c", "mm4:x"};
    const RecipientState targets[] = {queued, active, deferred, held, notified, fetched, delivered, relayed, rejected, expired, failed, deleted};
    std::vector<QueueId> known{{1}};
    for (int step = 0; step < 1500; ++step) {
        const Instant now = at(step / 10);
        auto some_id = [&] { return known[known.size() - 1 - below(static_cast<std::uint32_t>(std::min<std::size_t>(known.size(), 12)))]; };
        auto some_enqueue = [&] {
            std::vector<Recipient> recipients;
            for (std::uint32_t i = 0; i <= below(3); ++i) {
                recipients.push_back(recipient("+4477009000" + std::to_string(below(90)), lane_names[below(5)], now + Seconds(below(20))));
                if (below(12) == 0) {
                    recipients.back().state = failed;
                    recipients.back().report_due = below(2) == 0;
                }
            }
            Enqueue out = enqueue(recipients, std::string(below(3) * 9000 * (below(8) == 0 ? 1 : 0) + below(40), 'c'), now);
            out.message.expires = now + Seconds(below(40));
            if (below(4) == 0) out.original_header.clear();
            if (below(4) == 0) {
                for (std::size_t i = 0; i < recipients.size(); ++i) out.recipient_keys.push_back(key(static_cast<std::uint8_t>(20 + below(8))));
                out.submission_until = now + Seconds(below(10));
            } else if (below(3) == 0) {
                out.submission = key(static_cast<std::uint8_t>(below(6)));
                out.submission_until = now + Seconds(below(10));
            }
            return out;
        };
        std::vector<Operation> operations;
        for (std::uint32_t i = 0; i <= below(4); ++i) {
            switch (below(12)) {
                case 0:
                case 1:
                case 2: operations.emplace_back(some_enqueue()); break;
                case 3:
                case 4:
                case 5: {
                    const RecipientRef ref{some_id(), static_cast<std::uint16_t>(below(3))};
                    Settle one = settle(ref, recipient("+447700900099", lane_names[below(5)]), targets[below(12)], now + Seconds(below(10)));
                    if (below(3) == 0) one.was = {targets[below(12)], targets[below(12)]};
                    one.recipient.report_due = is_end(one.recipient.state) && below(2) == 0;
                    one.recipient.report_expected = below(2) == 0;
                    if (below(4) == 0) one.report_at = now + Seconds(below(10));
                    if (one.recipient.report_due && below(2) == 0) one.recipient.report_from = now + Seconds(below(10));
                    if (below(8) == 0) one.aliases = {{key(static_cast<std::uint8_t>(40 + below(4))), now + Seconds(below(10))}};
                    if (below(6) == 0) one.consequences = {some_enqueue()};
                    operations.emplace_back(std::move(one));
                    break;
                }
                case 6: operations.emplace_back(Reported{some_id(), {0, static_cast<std::uint16_t>(below(4))}, {{now, std::nullopt, "reported", {}}}, {}}); break;
                case 7: operations.emplace_back(Hold{some_id(), now}); break;
                case 8: operations.emplace_back(Release{some_id(), now}); break;
                case 9: operations.emplace_back(Retry{some_id(), now}); break;
                case 10:
                    switch (below(4)) {
                        case 0: operations.emplace_back(Delete{some_id(), now, below(3) == 0}); break;
                        case 1: operations.emplace_back(Undelete{some_id(), now + Seconds(below(2) * kUndeleteFor.count())}); break;
                        case 2: operations.emplace_back(Purge{some_id()}); break;
                        case 3: operations.emplace_back(Purge{some_id(), now + Seconds(below(2) * kUndeleteFor.count())}); break;
                    }
                    break;
                case 11: operations.emplace_back(PurgeSubmissions{now, below(3)}); break;
            }
        }
        auto theirs = model.apply(operations);
        auto ours = real->apply(operations);
        cr_assert(theirs.has_value() && ours.has_value());
        for (std::size_t i = 0; i < ours->size(); ++i) {
            const Outcome &a = (*ours)[i], &b = (*theirs)[i];
            cr_assert(a.id == b.id && a.repeated == b.repeated && a.changed == b.changed, "step %d, operation %zu: %zu and %zu changed", step, i, a.changed, b.changed);
            if (std::holds_alternative<Enqueue>(operations[i]) && !a.repeated) known.push_back(a.id);
        }
        const std::string lane = below(6) == 0 ? std::string(kReportLane) : below(6) == 0 ? std::string(kPurgeLane)
                                                                                          : lane_names[below(5)];
        const std::size_t limit = below(4);
        auto a = real->claim(lane, now, limit), b = model.claim(lane, now, limit);
        cr_assert(a.size() == b.size(), "step %d: %zu and %zu claimed in %s", step, a.size(), b.size(), lane.c_str());
        for (std::size_t i = 0; i < a.size(); ++i) {
            cr_assert(a[i].message == b[i].message && a[i].recipients == b[i].recipients, "step %d: claims differ", step);
            if (below(4) > 0) continue;
            for (std::uint16_t index : a[i].recipients) {
                const RecipientRef ref{a[i].message.id, index};
                real->abandon({&ref, 1});
                model.abandon({&ref, 1});
            }
            real->abandon(lane, a[i].message.id);
            model.abandon(lane, a[i].message.id);
        }
        if (step % 20 != 0) continue;
        const std::string one = describe(*real, now), other = describe(model, now);
        cr_assert(one == other, "step %d:\n%s\nand the model:\n%s", step, one.c_str(), other.c_str());
        if (step % 200 == 0)
            for (const std::string& finding : real->check()) cr_assert(false, "step %d: %s", step, finding.c_str());
    }
    for (const std::string& finding : real->check()) cr_expect(false, "%s", finding.c_str());
}
