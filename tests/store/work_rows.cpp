// Arrival, claims, settling, lanes, lists.
#include <algorithm>

#include <criterion/criterion.h>

#include "tests/store/conformance.h"
#include "tests/store/samples.h"

namespace mmgate::conformance {

using namespace samples;
using enum RecipientState;

namespace {

const std::vector<std::uint16_t> kOnlyFirst{0};

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
    const auto fill = [&](std::size_t most_bytes) {
        while (taken.size() < 1000 && store.admits(most_bytes)) taken.push_back(apply_one(store, enqueue({recipient("+447700900001")}, octets)).id);
    };
    fill(4 * octets.size());
    std::vector<Operation> together;
    for (int i = 0; i < 5; ++i) together.emplace_back(enqueue({recipient("+447700900001")}, octets));
    auto over = store.apply(together);
    cr_assert(!over.has_value() && over.error().fault == Fault::storage_full, "each would fit alone");
    fill(octets.size());
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

constexpr Row kRows[] = {
    {"an accepted message is all there", whole},
    {"ids ascend and are never used twice", ids},
    {"a submission that is repeated is one message", submissions},
    {"a recipient that has a message gets it once", recipient_keys},
    {"a message is found by what others call it", aliases},
    {"a route is held until it is released", gates},
    {"a claim leases what is due, oldest first", claims},
    {"nothing waits longer than its message lives", expiry},
    {"settling respects what happened meanwhile", settles},
    {"lanes are found by their earliest work", lanes},
    {"a lane rests while nobody takes its work", rests},
    {"lists come in pages", pages},
    {"a message to a thousand", groups},
    {"a full store keeps working", full},
};

}   // namespace

std::span<const Row> work_rows() { return kRows; }

}   // namespace mmgate::conformance
