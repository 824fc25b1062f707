// Which stores are opened, and what is found in them.
#include <algorithm>
#include <array>
#include <filesystem>
#include <random>

#include <criterion/criterion.h>

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "store/layout.h"
#include "store/lmdb.h"
#include "store/pieces.h"
#include "store/records.h"
#include "tests/store/samples.h"

using namespace mmgate;
using namespace mmgate::samples;

namespace {

// Changes a closed store behind its back.
void tamper(const LmdbOptions& options, const std::function<void(lmdb::WriteTxn&)>& change) {
    auto env = lmdb::Env::open({options.directory, options.map_size_bytes, layout::database_names()});
    cr_assert(env.has_value());
    lmdb::WriteTxn txn(**env);
    change(txn);
    cr_assert(txn.commit() == 0);
}

struct Damage {
    const char* name;
    std::function<void(lmdb::WriteTxn&, QueueId)> done;
    const char* finding;   // what the check says of it
    bool readable;         // whether the message still is
    bool mended;           // by a repair
};

// Lanes are numbered as they come; those of one message by name.
constexpr layout::LaneId kMailLane = layout::kFirstLane, kPhoneLane = kMailLane + 1;

const Octets kNoise = "\xff\xff\xff\x7fnoise that is no record";

using namespace layout;
const Damage kDamages[] = {
    {"a message", [](lmdb::WriteTxn& txn, QueueId id) { txn.put(kMessages, record_key(id, Kind::message, 0), kNoise); }, "damaged or missing", false, false},
    {"a message cut short", [](lmdb::WriteTxn& txn, QueueId id) { txn.put(kMessages, record_key(id, Kind::message, 0), Octets(*txn.get(kMessages, record_key(id, Kind::message, 0))).substr(0, 40)); },
     "damaged or missing", false, false},
    {"an empty record", [](lmdb::WriteTxn& txn, QueueId id) { txn.put(kMessages, record_key(id, Kind::message, 0), {}); }, "damaged or missing", false, false},
    {"a recipient", [](lmdb::WriteTxn& txn, QueueId id) { txn.put(kMessages, record_key(id, Kind::recipient, 1), kNoise); }, "damaged or missing", false, false},
    {"a recipient gone", [](lmdb::WriteTxn& txn, QueueId id) { txn.erase(kMessages, record_key(id, Kind::recipient, 1)); }, "damaged or missing", false, false},
    {"a message gone", [](lmdb::WriteTxn& txn, QueueId id) { txn.erase(kMessages, record_key(id, Kind::message, 0)); }, "records without a message", false, false},
    {"a recipient too many", [](lmdb::WriteTxn& txn, QueueId id) { txn.put(kMessages, record_key(id, Kind::recipient, 2), kNoise); }, "beyond its recipients", true, true},
    {"events", [](lmdb::WriteTxn& txn, QueueId id) { txn.put(kMessages, record_key(id, Kind::events, 0), kNoise); }, "events is damaged", true, true},
    {"a piece gone", [](lmdb::WriteTxn& txn, QueueId id) { txn.erase(kContent, piece_key(id, 1)); }, "content is not complete", true, false},
    {"a piece too short", [](lmdb::WriteTxn& txn, QueueId id) { txn.put(kContent, piece_key(id, 0), "x"); }, "content is not complete", true, false},
    {"a piece too many", [](lmdb::WriteTxn& txn, QueueId id) { txn.put(kContent, piece_key(id, 3), "x"); }, "content is not complete", true, false},
    {"other octets in a piece", [](lmdb::WriteTxn& txn, QueueId id) { txn.put(kContent, piece_key(id, 1), std::string(pieces::kPieceBytes, 'w')); }, "content is not what was stored", true, false},
    {"the header gone", [](lmdb::WriteTxn& txn, QueueId id) { txn.erase(kOriginal, piece_key(id, 0)); }, "original header is not complete", true, false},
    {"an orphaned piece", [](lmdb::WriteTxn& txn, QueueId id) { txn.put(kContent, piece_key({id.value + 1}, 0), "x"); }, "orphaned content", true, true},
    {"an orphaned header", [](lmdb::WriteTxn& txn, QueueId id) { txn.put(kOriginal, piece_key({id.value + 1}, 0), "x"); }, "orphaned original header", true, true},
    {"a key of another length", [](lmdb::WriteTxn& txn, QueueId) { txn.put(kContent, "short", "x"); }, "has 5 octets", true, true},
    {"not in the due index", [](lmdb::WriteTxn& txn, QueueId id) { txn.erase(kDue, due_key({kPhoneLane, kStart, {id, 0}})); }, "not in the due index", true, true},
    {"due without a recipient", [](lmdb::WriteTxn& txn, QueueId id) { txn.put(kDue, due_key({kPhoneLane, at(-5), {id, 7}}), {}); }, "has nothing that is due", true, true},
    {"due at another time", [](lmdb::WriteTxn& txn, QueueId id) { txn.put(kDue, due_key({kPhoneLane, at(-5), {id, 0}}), {}); }, "has nothing that is due", true, true},
    {"due without a message", [](lmdb::WriteTxn& txn, QueueId id) { txn.put(kDue, due_key({kPhoneLane, at(-5), {{id.value + 1}, 0}}), {}); }, "has nothing that is due", true, true},
    {"not among the waiting", [](lmdb::WriteTxn& txn, QueueId id) { txn.erase(kWaiting, id_key(id)); }, "does not stand among the waiting", true, true},
    {"waiting without a message", [](lmdb::WriteTxn& txn, QueueId id) { txn.put(kWaiting, id_key({id.value + 1}), {}); }, "does not wait", true, true},
    {"a lane's name", [](lmdb::WriteTxn& txn, QueueId) { txn.put(kLanes, lane_key(kMailLane), kNoise); }, "is damaged", true, true},
    {"a lane without work", [](lmdb::WriteTxn& txn, QueueId) { txn.put(kLanes, lane_key(999), records::Encoder().lane("idle")); }, "has no entry", true, true},
    {"two lanes of a name", [](lmdb::WriteTxn& txn, QueueId) { txn.put(kLanes, lane_key(999), records::Encoder().lane("mm1")); }, "two lanes are named mm1", true, true},
    {"a submission", [](lmdb::WriteTxn& txn, QueueId) { txn.put(kSubmissions, submission_key(key(1)), kNoise); }, "submission's record is damaged", true, true},
    {"a submission for ever", [](lmdb::WriteTxn& txn, QueueId) { txn.erase(kSubmissionsByTime, submission_time_key(at(10), submission_key(key(1)))); }, "is never forgotten", true, true},
    {"a submission's time", [](lmdb::WriteTxn& txn, QueueId) { txn.put(kSubmissionsByTime, submission_time_key(at(11), submission_key(key(1))), {}); }, "that is not there", true, true},
    {"the tally's numbers", [](lmdb::WriteTxn& txn, QueueId) { auto tally = *records::tally_of(*txn.get(kMeta, kTallyKey)); ++tally.content_bytes; txn.put(kMeta, kTallyKey, records::Encoder().tally(tally)); },
     "the tally is not", true, true},
};

// A store with one message to damage, and one that must not feel it.
struct Two {
    QueueId victim, healthy;
};
Two two_messages(const LmdbOptions& options) {
    auto store = open(options);
    Enqueue victim = enqueue({recipient("+447700900001"), recipient("a@example.org", "mail:a")}, std::string(40'000, 'v'));
    victim.submission = key(1);
    victim.submission_until = at(10);
    // Far enough apart for an orphan between them.
    const QueueId id = apply_one(*store, victim).id;
    return {id, apply_one(*store, enqueue({recipient("+447700900002"), recipient("a@example.org", "mail:a")}, "healthy", at(1))).id};
}

}   // namespace

Test(opening, one_process_owns_a_store) {
    TemporaryDirectory directory;
    const LmdbOptions options = options_in(directory);
    auto store = open(options);
    auto second = open_lmdb_store(options);
    cr_assert(!second.has_value());
    cr_expect(second.error().rule.find("in use by process " + std::to_string(getpid())) != std::string::npos, "%s", second.error().rule.c_str());
    const pid_t child = fork();
    if (child == 0) _exit(open_lmdb_store(options).has_value() ? 1 : 0);
    int status = 0;
    waitpid(child, &status, 0);
    cr_expect(WIFEXITED(status) && WEXITSTATUS(status) == 0, "another process is refused");
    std::filesystem::remove(options.directory + "/gateway.lock");
    auto third = open_lmdb_store(options);
    cr_assert(!third.has_value(), "the lock does not go with its file");
    cr_expect(third.error().rule.find("in use by another process") != std::string::npos, "%s", third.error().rule.c_str());
    cr_expect(apply_one(*store, enqueue()).changed == 1, "and does no harm");
    store.reset();
    cr_expect(open_lmdb_store(options).has_value());
}

Test(opening, files_are_private_and_closed_on_exec) {
    TemporaryDirectory directory;
    const LmdbOptions options = options_in(directory);
    umask(0);
    auto store = open(options);
    std::size_t descriptors = 0;
    for (const auto& entry : std::filesystem::directory_iterator("/proc/self/fd")) {
        std::error_code gone;
        const auto target = std::filesystem::read_symlink(entry.path(), gone);
        if (gone || !target.string().starts_with(options.directory)) continue;
        ++descriptors;
        cr_expect((fcntl(std::stoi(entry.path().filename()), F_GETFD) & FD_CLOEXEC) != 0, "%s", target.c_str());
    }
    cr_expect(descriptors >= 4, "data, its synced twin, two locks: %zu", descriptors);
    struct stat status {};
    cr_expect(stat(options.directory.c_str(), &status) == 0 && (status.st_mode & 0777) == 0700);
    for (const auto& entry : std::filesystem::directory_iterator(options.directory))
        cr_expect(stat(entry.path().c_str(), &status) == 0 && (status.st_mode & 0777) == 0600, "%s", entry.path().c_str());
}

Test(opening, refusals_name_the_reason) {
    TemporaryDirectory directory;
    LmdbOptions options = options_in(directory);
    options.directory = directory / "missing/store";
    cr_expect(open_lmdb_store(options).error().rule.find("making the directory") != std::string::npos);
    options.directory = "/proc/self/status";
    cr_expect(!open_lmdb_store(options).has_value());

    options = options_in(directory);
    const Octets secret = open(options)->secret();
    cr_expect(secret.size() == 32 && open(options)->secret() == secret, "made once");
    TemporaryDirectory other;
    cr_expect(open(options_in(other))->secret() != secret);

    records::Encoder encoder;
    struct Row {
        const char* name;
        Octets meta;
        std::string says;
    };
    const Row rows[] = {
        {"newer", Octets(encoder.meta({layout::kSchemaVersion + 1, secret, 0})), "has format " + std::to_string(layout::kSchemaVersion + 1) + " of a newer mmgate, and this one knows format " + std::to_string(layout::kSchemaVersion)},
        {"damaged", kNoise, "damaged"},
        {"no secret", Octets(encoder.meta({layout::kSchemaVersion, "short", 0})), "damaged"},
    };
    for (const Row& row : rows) {
        tamper(options, [&](lmdb::WriteTxn& txn) { txn.put(layout::kMeta, layout::kMetaKey, row.meta); });
        auto opened = open_lmdb_store(options);
        cr_assert(!opened.has_value(), "%s", row.name);
        cr_expect(opened.error().rule.find(row.says) != std::string::npos, "%s: %s", row.name, opened.error().rule.c_str());
    }
    tamper(options, [&](lmdb::WriteTxn& txn) { txn.put(layout::kMeta, layout::kMetaKey, encoder.meta({layout::kSchemaVersion, secret, 0})); });
    cr_expect(open_lmdb_store(options).has_value());
    // A file that is no store at all.
    TemporaryDirectory foreign;
    const LmdbOptions there = options_in(foreign);
    std::filesystem::create_directory(there.directory);
    std::filesystem::copy_file("/proc/self/exe", there.directory + "/data.mdb");
    cr_expect(!open_lmdb_store(there).has_value());
}

Test(opening, damage_is_named_and_harms_nothing_else) {
    for (const Damage& damage : kDamages) {
        TemporaryDirectory directory;
        LmdbOptions options = options_in(directory);
        unsigned told = 0;
        options.tell = [&](const std::string&) { ++told; };
        const auto [id, healthy] = two_messages(options);
        tamper(options, [&damage, id = id](lmdb::WriteTxn& txn) { damage.done(txn, id); });
        auto store = open(options);
        auto findings = store->check();
        cr_expect(std::ranges::any_of(findings, [&](const std::string& one) { return one.find(damage.finding) != std::string::npos; }), "%s: %s", damage.name,
                  findings.empty() ? "nothing found" : findings.front().c_str());
        cr_expect(store->find(id).has_value() == damage.readable, "%s", damage.name);
        auto content = store->content(id);
        if (std::string_view(damage.finding).starts_with("content is not")) cr_expect(!content && content.error().fault == Fault::content_lost, "%s", damage.name);
        else if (damage.readable) cr_expect(content.has_value(), "%s", damage.name);
        store->original_header(id);
        store->events(id);
        cr_expect(store->list({}, 100, true).size() == (damage.readable ? 2 : 1), "%s", damage.name);
        std::size_t flows = 0;
        for (const Claimed& one : store->claim("mm1", at(50), 100)) flows += one.message.id == healthy ? 1 : 0;
        cr_expect(flows == 1, "%s: the others flow", damage.name);
        cr_expect(store->claim("mm1", at(50), 100).empty(), "%s: and what cannot be read is not offered again", damage.name);
        const std::size_t changed = apply_one(*store, settle({id, 0}, recipient("+447700900001"), RecipientState::failed)).changed;
        cr_expect(changed == (damage.readable ? 1 : 0), "%s", damage.name);
        cr_expect(damage.readable || told > 0, "%s: the operator hears of it", damage.name);
        cr_expect(apply_one(*store, settle({healthy, 0}, recipient("+447700900002"), RecipientState::failed)).changed == 1, "%s", damage.name);
        cr_expect(apply_one(*store, enqueue()).changed == 1, "%s", damage.name);
    }
}

Test(opening, a_repair_mends_what_follows_from_the_records) {
    for (const Damage& damage : kDamages) {
        TemporaryDirectory directory;
        LmdbOptions options = options_in(directory);
        options.tell = [](const std::string&) {};
        const auto [id, healthy] = two_messages(options);
        const std::string before = describe(*open(options), at(50));
        tamper(options, [&damage, id = id](lmdb::WriteTxn& txn) { damage.done(txn, id); });
        auto repaired = repair_lmdb_store(options);
        cr_assert(repaired.has_value(), "%s", damage.name);
        const auto named = [&](const std::vector<std::string>& findings) {
            return std::ranges::any_of(findings, [&](const std::string& one) { return one.find(damage.finding) != std::string::npos; });
        };
        cr_expect(named(repaired->found), "%s", damage.name);
        cr_expect(repaired->left.empty() == damage.mended && named(repaired->left) == !damage.mended, "%s: %s", damage.name, repaired->left.empty() ? "nothing left" : repaired->left.front().c_str());
        auto store = open(options);
        const bool told_less = std::string_view(damage.name) == "events";
        if (damage.mended && !told_less) cr_expect(describe(*store, at(50)) == before, "%s:\n%s\nand before:\n%s", damage.name, describe(*store, at(50)).c_str(), before.c_str());
        std::size_t flows = 0;
        for (const char* lane : {"mm1", "mail:a"})
            for (const Claimed& one : store->claim(lane, at(50), 100)) flows += one.message.id == healthy ? 1 : 0;
        cr_expect(flows == 2, "%s: the others flow", damage.name);
        cr_expect(apply_one(*store, enqueue({recipient("c@example.org", "mail:c")})).id > healthy, "%s: ids go on", damage.name);
    }
    // Nothing wrong, nothing done.
    TemporaryDirectory directory;
    const LmdbOptions options = options_in(directory);
    two_messages(options);
    auto repaired = repair_lmdb_store(options);
    cr_assert(repaired.has_value());
    cr_expect(repaired->found.empty() && repaired->left.empty());
    auto store = open(options);
    cr_expect(!repair_lmdb_store(options).has_value(), "never while somebody has it open");
}

Test(opening, a_damaged_tally_is_counted_anew) {
    TemporaryDirectory directory;
    const LmdbOptions options = options_in(directory);
    std::string before;
    QueueId last{};
    {
        auto store = open(options);
        for (int i = 0; i < 5; ++i) last = apply_one(*store, enqueue({recipient("a@example.org", "mail:" + std::to_string(i))})).id;
        apply_one(*store, Delete{last, kStart});
        before = describe(*store, kStart);
    }
    tamper(options, [](lmdb::WriteTxn& txn) { txn.put(layout::kMeta, layout::kTallyKey, kNoise); });
    auto store = open(options);
    cr_expect(describe(*store, kStart) == before);
    cr_expect(apply_one(*store, enqueue({recipient("a@example.org", "mail:new")}, "x", at(-100))).id > last, "ids go on");
    for (const std::string& finding : store->check()) cr_expect(false, "%s", finding.c_str());
}

Test(opening, a_backup_is_a_store) {
    TemporaryDirectory directory;
    const LmdbOptions options = options_in(directory);
    auto store = open(options);
    for (int i = 0; i < 50; ++i) apply_one(*store, enqueue({recipient("a@example.org", "mail:" + std::to_string(i % 5))}, std::string(20'000, 'b')));
    const std::string before = describe(*store, kStart);
    TemporaryDirectory copy;
    const LmdbOptions there = options_in(copy);
    std::filesystem::create_directory(there.directory);
    const std::string file = there.directory + "/data.mdb";
    umask(0);
    cr_expect(store->backup(file).has_value());
    struct stat status {};
    cr_expect(stat(file.c_str(), &status) == 0 && (status.st_mode & 0777) == 0600);
    cr_expect(store->backup(file).error().fault == Fault::storage_failed, "never over what is there");
    cr_expect(store->backup(copy / "missing/file").error().fault == Fault::storage_failed);
    apply_one(*store, enqueue());
    auto restored = open(there);
    cr_expect(describe(*restored, kStart) == before && restored->secret() == store->secret());
    for (const std::string& finding : restored->check()) cr_expect(false, "%s", finding.c_str());
}

// F17 in small: what is asked often costs the same however long the queue is. Bounds are generous: they tell minutes from moments.
Test(opening, a_long_queue, .timeout = 300) {
    constexpr int kMessages = 100'000;
    TemporaryDirectory directory;
    const LmdbOptions options = options_in(directory);
    using Clock = std::chrono::steady_clock;
    auto within = [](Clock::time_point start, std::chrono::milliseconds most, const char* what) {
        const auto took = std::chrono::duration_cast<std::chrono::milliseconds>(Clock::now() - start);
        cr_expect(took < most, "%s took %lld ms", what, static_cast<long long>(took.count()));
    };
    auto start = Clock::now();
    {
        auto store = open(options);
        for (int i = 0; i < kMessages;) {
            std::vector<Operation> batch;
            for (int n = 0; n < 1000; ++n, ++i) batch.emplace_back(enqueue({recipient("a@example.org", i % 2 == 0 ? "mm1" : "mail:" + std::to_string(i), at(i % 977))}, "short"));
            apply(*store, std::move(batch));
        }
        within(start, std::chrono::seconds(60), "enqueueing");
    }
    start = Clock::now();
    auto store = open(options);
    within(start, std::chrono::seconds(5), "opening");
    start = Clock::now();
    for (int i = 0; i < 1000; ++i) cr_expect(store->lanes(at(1000), 256).size() == 256);
    within(start, std::chrono::seconds(5), "a thousand looks at 50,000 lanes");
    start = Clock::now();
    cr_expect(store->list({}, 100, false).size() == 100 && store->stats().messages == kMessages);
    within(start, std::chrono::milliseconds(500), "the first page");
    start = Clock::now();
    std::size_t claimed = 0;
    for (;;) {
        auto some = store->claim("mm1", at(1000), 64);
        if (some.empty()) break;
        claimed += some.size();
    }
    cr_expect(claimed == kMessages / 2);
    within(start, std::chrono::seconds(30), "claiming 50,000 without settling one");
    start = Clock::now();
    std::vector<Operation> ends;
    for (const Message& one : store->list({}, kMessages, false)) ends.emplace_back(Delete{one.id, kStart});
    apply(*store, std::move(ends));
    start = Clock::now();
    for (int i = 0; i < 100; ++i) apply_one(*store, enqueue());
    within(start, std::chrono::seconds(10), "a hundred commits after a mass delete");
    cr_expect(store->lanes(at(1'000'000'000), 1000).size() == 1 + 1, "the lanes are gone with their work");
}
