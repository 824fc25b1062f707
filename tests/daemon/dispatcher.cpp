#include "daemon/dispatcher.h"

#include <criterion/criterion.h>

#include <set>

#include "tests/support/memory_store.h"

using namespace mmgate;

namespace {

/// Takes the messages of lanes that begin with a prefix, unless their lane is named as dead; ends them at once.
struct Taker final : Carrier {
    Taker(Loop& l, Store& s, std::string p) : loop(l), store(s), prefix(std::move(p)) {}
    bool carries(std::string_view lane) const override { return lane.starts_with(prefix); }
    std::size_t free_slots(std::string_view lane) const override {
        asked.insert(std::string(lane));
        return dead.contains(std::string(lane)) ? 0 : slots;
    }
    Instant next_slot(std::string_view lane, Instant now) const override {
        return dead.contains(std::string(lane)) ? now + std::chrono::seconds(1) : now;
    }
    void carry(std::string_view lane, Claimed claimed, std::function<void()> done) override {
        carried.emplace_back(lane);
        std::vector<Operation> operations{Delete{claimed.message.id, loop.now()}};
        cr_assert(store.apply(operations).has_value());
        for (std::uint16_t index : claimed.recipients) {
            const RecipientRef ref{claimed.message.id, index};
            store.abandon({&ref, 1});
        }
        if (keep) kept.push_back(std::move(done));
        else loop.post(std::move(done));
        if (carried.size() == enough) loop.stop();
    }

    Loop& loop;
    Store& store;
    std::string prefix;
    std::size_t slots = 2, enough = 1;
    bool keep = false;
    std::set<std::string> dead;
    mutable std::set<std::string> asked;
    std::vector<std::string> carried;
    std::vector<std::function<void()>> kept;
};

struct Bed {
    Loop loop;
    MemoryStore store;
    Log log{{Level::error}};
    Workers workers{loop, 1};
    Taker mail{loop, store, "mail:"}, phones{loop, store, "mm1"};
    Dispatcher dispatcher{loop, store, workers, log, {&mail, &phones}};
    Timer deadline;
    bool late = false;

    void put(const std::string& lane, int messages, std::chrono::milliseconds age = std::chrono::seconds(10)) {
        std::vector<Operation> operations;
        for (int i = 0; i < messages; ++i) {
            Enqueue enqueue;
            enqueue.message.arrival = loop.now() - age;
            enqueue.message.expires = loop.now() + std::chrono::hours(1);
            Recipient recipient;
            recipient.address = {Address::Kind::mailbox, "a@example.org", {}};
            recipient.lane = lane;
            recipient.next_attempt = loop.now() - age;
            enqueue.message.recipients.push_back(std::move(recipient));
            operations.emplace_back(std::move(enqueue));
        }
        cr_assert(store.apply(operations).has_value());
    }
    void run() {
        deadline = loop.after(std::chrono::seconds(10), [this] {
            late = true;
            loop.stop();
        });
        dispatcher.kick();
        loop.run();
    }
};

}   // namespace

// Each of them is due and earlier than what can be delivered.
Test(dispatcher, passes_by_any_number_of_dead_next_hops, .timeout = 60) {
    Bed bed;
    for (int i = 0; i < 700; ++i) {
        const std::string lane = "mail:dead" + std::to_string(i);
        bed.mail.dead.insert(lane);
        bed.put(lane, 1);
    }
    bed.put("mm1", 1, std::chrono::milliseconds(0));
    const Instant began = bed.loop.now();
    bed.run();
    cr_expect(!bed.late && bed.phones.carried.size() == 1 && bed.mail.carried.empty());
    cr_expect(bed.loop.now() - began < std::chrono::milliseconds(900), "before any of the dead has its next turn");
}

Test(dispatcher, comes_back_to_a_next_hop_that_lives_again, .timeout = 60) {
    Bed bed;
    bed.mail.dead = {"mail:a"};
    bed.put("mail:a", 1);
    Timer heals = bed.loop.after(std::chrono::milliseconds(100), [&] { bed.mail.dead.clear(); });
    bed.run();
    cr_expect(!bed.late && bed.mail.carried.size() == 1);
}

Test(dispatcher, claims_no_more_than_there_are_slots_and_goes_on_when_one_is_free, .timeout = 60) {
    Bed bed;
    bed.put("mail:a", 5);
    bed.put("mail:b", 1);
    bed.mail.keep = true;
    bed.mail.enough = 6;
    // Those of `a` that are under way are never more than two; each that ends lets the next one in.
    std::function<void()> look = [&] {
        std::vector<std::function<void()>> ended = std::exchange(bed.mail.kept, {});
        for (auto& done : ended) done();
        if (bed.mail.carried.size() < 6) bed.deadline = bed.loop.after(std::chrono::milliseconds(5), look);
    };
    Timer first = bed.loop.after(std::chrono::milliseconds(50), [&] {
        cr_expect(std::ranges::count(bed.mail.carried, "mail:a") == 2, "%td", std::ranges::count(bed.mail.carried, "mail:a"));
        cr_expect(std::ranges::count(bed.mail.carried, "mail:b") == 1);
        look();
    });
    bed.run();
    cr_expect(bed.mail.carried.size() == 6);
}

Test(dispatcher, leaves_what_nobody_carries, .timeout = 60) {
    Bed bed;
    for (int i = 0; i < 300; ++i) bed.put("gone:" + std::to_string(i), 1);
    bed.put("mm1", 1, std::chrono::milliseconds(0));
    bed.run();
    cr_expect(!bed.late && bed.phones.carried.size() == 1);
    cr_expect(bed.store.list({}, 1000, false).size() == 300);
}

Test(dispatcher, claims_nothing_once_it_drains, .timeout = 60) {
    Bed bed;
    bed.put("mm1", 1);
    bed.dispatcher.drain();
    Timer end = bed.loop.after(std::chrono::milliseconds(50), [&] { bed.loop.stop(); });
    bed.dispatcher.kick();
    bed.loop.run();
    cr_expect(bed.phones.carried.empty());
}
