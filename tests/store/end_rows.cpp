// Ends: the operator's verbs, reports, what is freed and forgotten.
#include <algorithm>

#include <criterion/criterion.h>

#include "tests/store/conformance.h"
#include "tests/store/samples.h"

namespace mmgate::conformance {

using namespace samples;
using enum RecipientState;

namespace {

void verbs(Store& store) {
    Recipient ended = recipient("+447700900003");
    ended.state = failed;
    Recipient waiting = recipient("+447700900002", "mm1", at(500));
    waiting.state = notified;
    const QueueId id = apply_one(store, enqueue({recipient("+447700900001"), waiting, ended})).id;
    auto states = [&] { return states_of(store, id); };
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

constexpr Row kRows[] = {
    {"each end is told when its time has come", later_reports},
    {"the operator's verbs", verbs},
    {"what was deleted comes back", undeletes},
    {"but not for longer than a day", deleted_is_kept_for_a_day},
    {"every end is told once", reports},
    {"what has ended is freed, kept and forgotten", endings},
};

}   // namespace

std::span<const Row> end_rows() { return kRows; }

std::vector<RecipientState> states_of(const Store& store, QueueId id) {
    std::vector<RecipientState> out;
    const Message message = *store.find(id);
    for (const Recipient& one : message.recipients) out.push_back(one.state);
    return out;
}

}   // namespace mmgate::conformance
