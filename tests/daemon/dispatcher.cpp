#include "daemon/dispatcher.h"

#include <criterion/criterion.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <future>
#include <set>

#include "store/transition.h"
#include "tests/support/memory_store.h"

using namespace mmgate;

namespace {

/// Takes the messages of lanes that begin with a prefix, unless their lane is named as dead; ends them at once.
struct Taker final : Carrier {
    Taker(Loop& l, Store& s, std::string p) : loop(l), store(s), prefix(std::move(p)) {}
    bool carries(std::string_view lane) const override { return lane.starts_with(prefix); }
    std::size_t free_slots(std::string_view lane) const override {
        asked.insert(std::string(lane));
        return dead.contains(std::string(lane)) ? 0 : slots - std::min(slots, kept.size());
    }
    std::string_view pool(std::string_view lane) const override { return shared ? prefix : lane; }
    int rank(std::string_view lane) const override { return lane.ends_with("last") ? 1 : 0; }
    Instant next_slot(std::string_view lane, Instant now) const override {
        return dead.contains(std::string(lane)) ? now + std::chrono::seconds(1) : now;
    }
    void try_now() override { dead.clear(); }
    void carry(std::string_view lane, Claimed claimed, std::function<void()> done) override {
        carried.emplace_back(lane);
        ids.push_back(claimed.message.id);
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
    bool keep = false, shared = false;   // `shared`: its lanes share slots
    std::set<std::string> dead;
    mutable std::set<std::string> asked;
    std::vector<std::string> carried;
    std::vector<QueueId> ids;
    std::vector<std::function<void()>> kept;
};

struct Bed {
    Bed() = default;
    explicit Bed(const std::string& crash_file) : crashes(std::move(*CrashRecord::open(crash_file))) {}

    Loop loop;
    MemoryStore store;
    Log log{{Level::error}};
    Workers workers{loop, 1};
    Taker mail{loop, store, "mail:"}, phones{loop, store, "mm1"};
    Metrics metrics;
    Committer committer{store, [this](Task task) { loop.post(std::move(task)); }};
    Settler settler{loop, committer, log, metrics};
    CrashRecord crashes;
    Dispatcher dispatcher{loop, store, workers, settler, crashes, log, {&mail, &phones}};
    Timer deadline;
    std::optional<Instant> arrival{};
    bool late = false;

    void put(const std::string& lane, int messages, std::chrono::milliseconds age = std::chrono::seconds(10)) {
        std::vector<Operation> operations;
        for (int i = 0; i < messages; ++i) {
            Enqueue enqueue;
            enqueue.message.arrival = arrival.value_or(loop.now() - age);
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

Test(dispatcher, tries_at_once_what_the_operator_wants_tried, .timeout = 60) {
    Bed bed;
    bed.mail.dead = {"mail:a"};
    bed.put("mail:a", 1);
    const Instant began = bed.loop.now();
    Timer asks = bed.loop.after(std::chrono::milliseconds(100), [&] { bed.dispatcher.try_now(); });
    bed.run();
    cr_expect(!bed.late && bed.mail.carried.size() == 1);
    cr_expect(bed.loop.now() - began < std::chrono::milliseconds(900), "before its lane has had its rest");
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

Test(dispatcher, lanes_that_share_slots_claim_no_more_than_those, .timeout = 60) {
    Bed bed;
    bed.put("mail:a", 5);
    bed.put("mail:b", 5);
    bed.mail.keep = bed.mail.shared = true;
    bed.mail.enough = 10;
    std::size_t most = 0;
    std::function<void()> look = [&] {
        most = std::max(most, bed.mail.kept.size());
        for (auto& done : std::exchange(bed.mail.kept, {})) done();
        bed.deadline = bed.loop.after(std::chrono::milliseconds(10), look);
    };
    Timer first = bed.loop.after(std::chrono::milliseconds(50), look);
    bed.run();
    cr_expect(bed.mail.carried.size() == 10 && most == 2, "%zu at a time", most);
}

Test(dispatcher, a_slot_that_becomes_free_during_a_claim_goes_to_who_goes_first, .timeout = 60) {
    Bed bed;
    std::promise<void> gate;
    bed.workers.run([&] { gate.get_future().wait(); }, [] {});
    bed.put("mail:first", 2);
    bed.put("mail:last", 1, std::chrono::seconds(20));
    bed.mail.shared = true;
    bed.mail.slots = 1;
    bed.mail.enough = 3;
    Timer frees = bed.loop.after(std::chrono::milliseconds(20), [&] {
        bed.mail.slots = 2;
        bed.dispatcher.kick();
    });
    Timer claims = bed.loop.after(std::chrono::milliseconds(40), [&] { gate.set_value(); });
    bed.run();
    cr_expect(bed.mail.carried == std::vector<std::string>({"mail:first", "mail:first", "mail:last"}));
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

namespace {

/// Messages that all arrive at one time have ids that are known before.
const Instant kArrival{std::chrono::seconds(1'790'000'000)};
const QueueId kFirst = next_id({}, kArrival), kSecond = next_id(kFirst, kArrival), kThird = next_id(kSecond, kArrival);

/// The record of a gateway that has crashed so often with all of `messages` under way in `lane`.
void crash(const std::string& file, int times, const std::vector<QueueId>& messages, const std::string& lane) {
    for (int i = 0; i < times; ++i) {
        const pid_t child = ::fork();
        if (child == 0) {
            ::signal(SIGABRT, SIG_DFL);
            auto record = CrashRecord::open(file);
            if (!record) ::_exit(99);
            record->watch_signals();
            for (QueueId id : messages) record->begin(id, lane);
            std::abort();
        }
        int status = 0;
        ::waitpid(child, &status, 0);
        cr_assert(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
    }
}

struct CrashFile {
    std::string path = "/tmp/mmgate-dispatcher-" + std::to_string(::getpid());
    CrashFile() = default;
    CrashFile(const CrashFile&) = delete;
    CrashFile& operator=(const CrashFile&) = delete;
    ~CrashFile() { std::filesystem::remove(path); }
};

}   // namespace

Test(dispatcher, carries_what_was_under_way_in_a_crash_one_at_a_time, .timeout = 60) {
    const CrashFile file;
    crash(file.path, 1, {kFirst, kSecond, kThird}, "mail:a");
    Bed bed(file.path);
    bed.arrival = kArrival;
    bed.mail.slots = 10;
    bed.put("mail:a", 4);   // the fourth is above suspicion
    bed.mail.keep = true;
    bed.mail.enough = 4;
    std::size_t most = 0;
    std::function<void()> look = [&] {
        most = std::max(most, bed.mail.kept.size());
        for (auto& done : std::exchange(bed.mail.kept, {})) done();
        bed.deadline = bed.loop.after(std::chrono::milliseconds(2), look);
    };
    Timer first = bed.loop.after(std::chrono::milliseconds(30), look);
    bed.run();
    cr_expect(bed.mail.carried.size() == 4 && most == 2, "%zu at a time", most);
}

Test(dispatcher, carries_suspects_of_all_lanes_one_at_a_time, .timeout = 60) {
    const CrashFile file;
    crash(file.path, 1, {kFirst, kSecond}, "mail:a");
    crash(file.path, 1, {kThird}, "mm1");
    Bed bed(file.path);
    bed.arrival = kArrival;
    bed.put("mail:a", 2);
    bed.put("mm1", 1);
    bed.mail.keep = bed.phones.keep = true;
    bed.mail.enough = bed.phones.enough = 100;
    std::size_t most = 0;
    std::function<void()> look = [&] {
        most = std::max(most, bed.mail.kept.size() + bed.phones.kept.size());
        for (Taker* taker : {&bed.mail, &bed.phones})
            for (auto& done : std::exchange(taker->kept, {})) done();
        if (bed.mail.carried.size() + bed.phones.carried.size() == 3 && bed.dispatcher.carrying() == 0) bed.loop.stop();
        else bed.deadline = bed.loop.after(std::chrono::milliseconds(2), look);
    };
    Timer first = bed.loop.after(std::chrono::milliseconds(30), look);
    bed.run();
    cr_expect(bed.mail.carried.size() == 2 && bed.phones.carried.size() == 1 && most == 1, "%zu at a time", most);
}

Test(dispatcher, carries_what_crashed_it_twice_alone, .timeout = 60) {
    const CrashFile file;
    crash(file.path, 2, {kFirst}, "mail:a");
    Bed bed(file.path);
    bed.arrival = kArrival;
    bed.mail.slots = 10;
    bed.put("mail:a", 3);
    bed.put("mm1", 2);
    bed.mail.keep = bed.phones.keep = true;
    bed.mail.enough = 100;
    bool was_alone = false;
    std::function<void()> look = [&] {
        for (Taker* taker : {&bed.mail, &bed.phones})
            for (auto& done : std::exchange(taker->kept, {})) done();
        if (std::ranges::count(bed.mail.ids, kFirst) == 1 && bed.mail.kept.size() == 1 && bed.phones.kept.empty()) was_alone = true;
        if (bed.mail.carried.size() + bed.phones.carried.size() == 5) bed.loop.stop();
        else bed.deadline = bed.loop.after(std::chrono::milliseconds(20), look);
    };
    Timer first = bed.loop.after(std::chrono::milliseconds(30), look);
    bed.phones.enough = 100;
    bed.run();
    cr_expect(was_alone && bed.mail.carried.size() == 3 && bed.phones.carried.size() == 2);
}

Test(dispatcher, parks_what_crashed_it_three_times, .timeout = 60) {
    const CrashFile file;
    crash(file.path, 3, {kFirst}, "mail:a");
    Bed bed(file.path);
    bed.arrival = kArrival;
    bed.put("mail:a", 1);
    bed.put("mm1", 1, std::chrono::milliseconds(0));
    bed.mail.enough = 100;
    bed.phones.enough = 100;
    std::function<void()> look = [&] {
        if (bed.phones.carried.size() == 1 && bed.store.find(kFirst)->recipients[0].state == RecipientState::held && bed.dispatcher.carrying() == 0) bed.loop.stop();
        else bed.deadline = bed.loop.after(std::chrono::milliseconds(2), look);
    };
    Timer first = bed.loop.after(std::chrono::milliseconds(2), look);
    bed.run();
    const Message parked = *bed.store.find(kFirst);
    cr_expect(bed.mail.carried.empty() && parked.recipients[0].reason == "the gateway crashed 3 times in a row while it carried this in lane mail:a", "%s", parked.recipients[0].reason.c_str());
    // Released, it has three tries again.
    std::vector<Operation> operations{Release{kFirst, bed.loop.now()}};
    cr_assert(bed.store.apply(operations).has_value());
    bed.mail.enough = 1;
    bed.run();
    cr_expect(bed.mail.carried.size() == 1);
}
