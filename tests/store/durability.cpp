// What is left after the process, the disk or the power failed: every acknowledged commit, whole, and nothing half.
#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <fstream>
#include <map>
#include <random>

#include <criterion/criterion.h>

#include <fcntl.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/store/faulty_disk.h"
#include "tests/store/samples.h"

using namespace mmgate;
using namespace mmgate::samples;

namespace {

void expect_whole(const Store& store, const std::string& name) {
    for (const std::string& finding : store.check()) cr_expect(false, "%s: %s", name.c_str(), finding.c_str());
}

std::vector<Operation> some_mail(int number, std::size_t size = 20'000) {
    std::vector<Operation> out;
    for (int i = 0; i < 3; ++i) {
        Enqueue one = enqueue({recipient("+44770090000" + std::to_string(i)), recipient("a@example.org", "mail:" + std::to_string(number))}, std::string(size, 'm'));
        one.message.headers.subject = std::to_string(number);
        out.emplace_back(std::move(one));
    }
    return out;
}

struct BreakageRow {
    const char* name;
    faulty_disk::Call call;
    int error;
    bool for_ever;
    Fault fault;
};
constexpr BreakageRow kBreakages[] = {
    {"a write fails once", faulty_disk::Call::write, EIO, false, Fault::storage_failed},
    {"a write is cut short", faulty_disk::Call::write, 0, false, Fault::storage_failed},
    {"no write works any more", faulty_disk::Call::write, EIO, true, Fault::storage_failed},
    {"the disk is full", faulty_disk::Call::write, ENOSPC, true, Fault::storage_full},
    {"a sync fails once", faulty_disk::Call::sync, EIO, false, Fault::storage_failed},
    {"no sync works any more", faulty_disk::Call::sync, EIO, true, Fault::storage_failed},
    {"a sync finds the disk full", faulty_disk::Call::sync, ENOSPC, false, Fault::storage_full},
    {"the page that makes it valid fails once", faulty_disk::Call::meta_write, EIO, false, Fault::storage_failed},
    {"the page that makes it valid fails for ever", faulty_disk::Call::meta_write, EIO, true, Fault::storage_failed},
};

}   // namespace

// F04, F05: at every write and every sync of a commit.
Test(durability, a_failing_disk_loses_nothing) {
    for (const BreakageRow& row : kBreakages) {
        bool failed = true;
        for (unsigned after = 0; failed && after < 60; ++after) {
            const std::string name = std::string(row.name) + " after " + std::to_string(after);
            TemporaryDirectory directory;
            LmdbOptions options = options_in(directory);
            std::vector<std::string> told;
            options.tell = [&](std::string text) { told.push_back(std::move(text)); };
            options.reopen_every = std::chrono::milliseconds(0);
            auto store = open(options);
            apply(*store, some_mail(1));
            auto claimed = store->claim("mm1", kStart, 1);
            cr_assert(claimed.size() == 1);
            const std::string before = describe(*store, kStart);

            std::vector<Operation> batch = some_mail(2);
            batch.emplace_back(settle({claimed[0].message.id, 0}, claimed[0].message.recipients[0], RecipientState::delivered));
            faulty_disk::break_down({row.call, after, row.error, row.for_ever});
            auto outcome = store->apply(batch);
            failed = !outcome.has_value();
            if (failed) {
                cr_expect(outcome.error().fault == row.fault, "%s: %s", name.c_str(), outcome.error().rule.c_str());
                cr_expect(!told.empty(), "%s: the operator hears of it", name.c_str());
                if (row.for_ever && row.call != faulty_disk::Call::meta_write) {
                    std::vector<Operation> again = some_mail(3);
                    cr_expect(!store->apply(again).has_value(), "%s", name.c_str());
                }
            }
            faulty_disk::mend();
            if (failed && row.for_ever) {
                // Whatever it answered meanwhile: it comes back by itself.
                std::vector<Operation> none;
                cr_expect(store->apply(none).has_value(), "%s: it works again", name.c_str());
            }
            if (failed) cr_expect(describe(*store, kStart) == before, "%s: nothing of it happened, and the lease stands", name.c_str());
            cr_expect(store->apply(batch).has_value() || !failed, "%s: once more", name.c_str());
            const std::string after_it = describe(*store, at(1));
            expect_whole(*store, name);
            store.reset();
            cr_expect(describe(*open(options), at(1)) == after_it, "%s: after a restart", name.c_str());
        }
        cr_expect(!failed, "%s: more calls than a commit makes", row.name);
    }
}

// While the disk is away nothing is answered from memory, and nobody is sent round in circles.
Test(durability, a_store_that_is_away_says_so) {
    TemporaryDirectory directory;
    LmdbOptions options = options_in(directory);
    options.reopen_every = std::chrono::hours(1);
    unsigned told = 0;
    options.tell = [&](const std::string&) { ++told; };
    auto store = open(options);
    const QueueId id = apply(*store, some_mail(1))[0].id;
    // The directory goes away as well, so that opening it anew fails.
    std::filesystem::rename(options.directory, options.directory + ".away");
    faulty_disk::break_down({faulty_disk::Call::sync, 0, EIO, true});
    std::vector<Operation> mail = some_mail(2);
    cr_expect(store->apply(mail).error().fault == Fault::storage_failed);
    faulty_disk::mend();
    std::filesystem::rename(options.directory + ".away", options.directory);
    const unsigned heard = told;
    for (int i = 0; i < 1000; ++i) cr_expect(store->apply(mail).error().fault == Fault::storage_failed);
    cr_expect(told == heard, "tried once an hour, as configured");
    cr_expect(store->admits(1).error().fault == Fault::storage_failed && !store->stats().accepting);
    cr_expect(store->lanes(at(9), 9).empty() && store->claim("mm1", at(9), 9).empty() && !store->find(id) && store->list({}, 9, true).empty());
    cr_expect(!store->check().empty() && !store->backup(directory / "copy").has_value() && !std::filesystem::exists(directory / "copy"));
    store.reset();
    cr_expect(open(options)->find(id).has_value());
}

// F02: what the file may look like after a cut at any write: all that was synced, and any part of what was not.
Test(durability, a_power_cut_at_any_write) {
    TemporaryDirectory directory;
    const LmdbOptions options = options_in(directory);
    open(options);
    std::ifstream begun(options.directory + "/data.mdb", std::ios::binary);
    const std::string empty((std::istreambuf_iterator<char>(begun)), {});

    faulty_disk::remember();
    std::vector<std::pair<std::size_t, std::string>> acknowledged;   // after so many calls, the store says this
    {
        auto store = open(options);
        for (int round = 0; round < 12; ++round) {
            std::vector<Operation> batch = some_mail(round, 3000);
            for (const Claimed& one : store->claim("mm1", at(round), 2))
                batch.emplace_back(settle({one.message.id, 0}, one.message.recipients[0], round % 3 == 0 ? RecipientState::deferred : RecipientState::failed, at(round + 2)));
            for (const Message& message : store->list({}, 1, false)) batch.emplace_back(Delete{message.id, at(round)});
            apply(*store, std::move(batch));
            for (const Message& message : store->list({}, 1000, true))
                for (std::uint16_t i = 0; i < message.recipients.size(); ++i) {
                    const RecipientRef ref{message.id, i};
                    store->abandon({&ref, 1});
                }
            acknowledged.emplace_back(faulty_disk::remembered(), describe(*store, at(100)));
        }
    }
    const std::vector<faulty_disk::Told> told = faulty_disk::recall();
    cr_assert(told.size() > 40);

    std::mt19937 random(7);
    auto write = [](std::string& file, off_t offset, std::string_view octets) {
        if (file.size() < offset + octets.size()) file.resize(offset + octets.size());
        std::ranges::copy(octets, file.begin() + offset);
    };
    // After `cut` calls, in the middle of the next.
    for (std::size_t cut = acknowledged.front().first; cut < told.size(); ++cut) {
        std::string file = empty;
        std::size_t synced = 0;
        for (std::size_t i = 0; i < cut; ++i)
            if (told[i].sync) synced = i;
        for (std::size_t i = 0; i <= cut; ++i) {
            const faulty_disk::Told& one = told[i];
            const bool whole = i < synced || (one.durable && i < cut);
            for (std::size_t at = 0; at < one.octets.size(); at += 512)
                if (whole || random() % 2 == 0) write(file, one.offset + static_cast<off_t>(at), std::string_view(one.octets).substr(at, 512));
        }
        TemporaryDirectory after;
        const LmdbOptions found = options_in(after);
        std::filesystem::create_directory(found.directory);
        std::ofstream(found.directory + "/data.mdb", std::ios::binary) << file;
        auto store = open(found);
        const std::string says = describe(*store, at(100));
        auto next = std::ranges::find_if(acknowledged, [&](const auto& one) { return one.first > cut; });
        const bool unanswered = next != acknowledged.end() && says == next->second;   // committed, and its answer was on the way
        cr_expect(unanswered || says == std::prev(next)->second, "cut %zu of %zu: %s\nnot\n%s", cut, told.size(), says.c_str(), std::prev(next)->second.c_str());
        expect_whole(*store, "cut " + std::to_string(cut));
    }
}

// F01: a process that dies in the middle of anything.
Test(durability, a_kill_at_any_moment, .timeout = 120) {
    constexpr int kRounds = 50;
    TemporaryDirectory directory;
    const LmdbOptions options = options_in(directory);
    std::mt19937 random(11);
    std::map<QueueId, std::string> ledger;   // what was acknowledged: the subject of each message
    std::map<QueueId, bool> ended;
    std::size_t strangers = 0;
    struct Line {
        std::uint64_t id;
        std::uint32_t number;
        char what;   // 'e' enqueued, 's' settled
    };
    for (int round = 0; round < kRounds; ++round) {
        int ends[2];
        cr_assert(pipe(ends) == 0);
        const pid_t child = fork();
        cr_assert(child >= 0);
        if (child == 0) {
            close(ends[0]);
            auto opened = open_lmdb_store(options);
            if (!opened) _exit(1);
            Store& store = **opened;
            for (std::uint32_t number = 0;; ++number) {
                std::vector<Operation> batch = some_mail(static_cast<int>(number), 6000);
                std::vector<Line> lines;
                for (const Claimed& one : store.claim("mm1", at(0), 2)) {
                    batch.emplace_back(settle({one.message.id, 0}, one.message.recipients[0], RecipientState::delivered));
                    lines.push_back({one.message.id.value, 0, 's'});
                }
                auto outcomes = store.apply(batch);
                if (!outcomes) _exit(2);
                for (int i = 0; i < 3; ++i) lines.push_back({(*outcomes)[static_cast<std::size_t>(i)].id.value, number, 'e'});
                for (const Line& line : lines)
                    if (::write(ends[1], &line, sizeof line) != sizeof line) _exit(3);
            }
        }
        close(ends[1]);
        // It dies some acknowledgements later, wherever it has got to by then.
        const std::size_t until = 5 + random() % 60;
        Line line{};
        std::size_t lines = 0;
        auto note = [&] {
            if (line.what == 'e') ledger[{line.id}] = std::to_string(line.number);
            else ended[{line.id}] = true;
        };
        while (lines < until && read(ends[0], &line, sizeof line) == sizeof line) {
            ++lines;
            note();
        }
        cr_assert(lines == until, "the child failed by itself");
        kill(child, SIGKILL);
        while (read(ends[0], &line, sizeof line) == sizeof line) note();   // acknowledged before it died
        close(ends[0]);
        int status = 0;
        cr_assert(waitpid(child, &status, 0) == child && WIFSIGNALED(status));

        auto store = open(options);
        std::size_t found = 0;
        for (const Message& message : store->list({}, 1'000'000, true)) {
            auto known = ledger.find(message.id);
            if (known == ledger.end()) {
                ++strangers;   // committed, and died before it could say so
                ledger[message.id] = message.headers.subject;
            } else {
                cr_expect(known->second == message.headers.subject);
            }
            if (ended.contains(message.id)) cr_expect(message.recipients[0].state == RecipientState::delivered);
            ++found;
        }
        cr_expect(found == ledger.size(), "round %d: %zu of %zu", round, found, ledger.size());
        expect_whole(*store, "round " + std::to_string(round));
    }
    cr_expect(strangers <= std::size_t{3} * kRounds, "at most the batch in flight");
}

// F03, with a disk that is really full. Needs the right to mount; without it the test says that it was left out.
Test(durability, a_full_disk) {
    TemporaryDirectory directory;
    LmdbOptions options = options_in(directory);
    options.directory = directory / "disk/store";
    options.disk_reserve_bytes = 2 << 20;
    options.reopen_every = std::chrono::milliseconds(0);
    const std::string disk = directory / "disk";
    std::filesystem::create_directory(disk);
    if (mount("tmpfs", disk.c_str(), "tmpfs", 0, "size=12m") != 0) cr_skip_test("mounting a small disk: %s", std::strerror(errno));
    {
        auto store = open(options);
        std::vector<QueueId> all;
        for (int cycle = 0; cycle < 3; ++cycle) {
            std::vector<QueueId> taken;
            while (store->admits(60'000)) {
                std::vector<Operation> one;
                one.emplace_back(enqueue({recipient("+447700900001")}, std::string(60'000, 'd')));
                auto outcomes = store->apply(one);
                cr_assert(outcomes.has_value(), "cycle %d, %zu taken: %s", cycle, taken.size(), outcomes ? "" : outcomes.error().rule.c_str());
                taken.push_back(outcomes->front().id);
            }
            cr_expect(taken.size() > 50, "cycle %d: %zu", cycle, taken.size());
            cr_expect(store->admits(60'000).error().fault == Fault::storage_full);
            // The reserve lets what is there go on.
            cr_expect(apply_one(*store, settle({taken[0], 0}, recipient("+447700900001"), RecipientState::notified, at(60))).changed == 1);
            // Somebody else takes the reserve too.
            {
                std::ofstream filler(disk + "/filler", std::ios::binary);
                const std::string block(65'536, 'f');
                while (filler.write(block.data(), static_cast<std::streamsize>(block.size())).flush()) {
                }
            }
            std::vector<Operation> growing;
            growing.emplace_back(settle({taken[1], 0}, recipient("+447700900001"), RecipientState::notified, at(60)));
            std::get<Settle>(growing[0]).consequences.assign(200, enqueue({recipient("a@example.org", "mail:a")}, std::string(60'000, 'r')));
            auto refused = store->apply(growing);
            cr_expect(!refused.has_value() && refused.error().fault == Fault::storage_full);
            cr_expect(store->find(taken[1])->recipients[0].state == RecipientState::queued);
            std::filesystem::remove(disk + "/filler");
            for (QueueId id : taken) cr_expect(apply_one(*store, Delete{id, kStart, true}).changed == 1);
            cr_expect(store->admits(60'000).has_value(), "cycle %d: room again, inside a file that does not shrink", cycle);
            expect_whole(*store, "cycle " + std::to_string(cycle));
        }
    }
    umount(disk.c_str());
}

// F06: twenty times from empty to refused and back.
Test(durability, a_full_map) {
    TemporaryDirectory directory;
    LmdbOptions options = options_in(directory);
    options.map_size_bytes = 16 << 20;
    auto store = open(options);
    std::size_t first = 0;
    for (int round = 0; round < 20; ++round) {
        std::vector<QueueId> taken;
        while (store->admits(30'000)) {
            std::vector<Operation> one;
            one.emplace_back(enqueue({recipient("+447700900001")}, std::string(30'000, 'x')));
            auto outcomes = store->apply(one);
            if (!outcomes) {   // there is room, but not in one place
                cr_expect(outcomes.error().fault == Fault::storage_full);
                break;
            }
            taken.push_back(outcomes->front().id);
        }
        if (round == 0) first = taken.size();
        cr_expect(taken.size() * 10 > first * 8, "round %d: %zu, first %zu", round, taken.size(), first);
        for (std::size_t i = 0; i < taken.size();) {
            std::vector<Operation> some;
            for (; some.size() < 32 && i < taken.size(); ++i) some.emplace_back(settle({taken[i], 0}, recipient("+447700900001"), RecipientState::delivered));
            apply(*store, std::move(some));
        }
        for (std::size_t i = 0; i < taken.size();) {
            std::vector<Operation> some;
            for (; some.size() < 32 && i < taken.size(); ++i) some.emplace_back(Purge{taken[i]});
            apply(*store, std::move(some));
        }
    }
    expect_whole(*store, "full map");
}

// The map begins small and doubles by itself, under readers.
Test(durability, the_map_grows) {
    TemporaryDirectory directory;
    LmdbOptions options = options_in(directory);
    auto store = open(options);
    const std::uint64_t first = store->stats().map_bytes;
    std::vector<QueueId> taken;
    while (store->stats().map_bytes <= first) taken.push_back(apply_one(*store, enqueue({recipient("+447700900001")}, std::string(3'000'000, 'g'))).id);
    cr_expect(store->stats().map_bytes == 2 * first);
    for (QueueId id : taken) cr_expect(store->content(id)->size() == 3'000'000);
    store.reset();
    store = open(options);
    cr_expect(store->list({}, 1000, true).size() == taken.size() && apply_one(*store, enqueue()).changed == 1);
}
