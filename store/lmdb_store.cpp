#include "store/lmdb_store.h"

#include <atomic>
#include <cerrno>
#include <chrono>
#include <mutex>
#include <shared_mutex>

#include <fcntl.h>
#include <sys/random.h>
#include <unistd.h>

#include "store/batch.h"
#include "store/check.h"
#include "store/content_sum.h"
#include "store/directory.h"
#include "store/lanes.h"
#include "store/layout.h"
#include "store/lmdb.h"
#include "store/messages.h"
#include "store/migration.h"
#include "store/pieces.h"
#include "store/records.h"
#include "store/repair.h"
#include "store/room.h"

namespace mmgate {

namespace {

using namespace layout;

// The map begins with this and doubles. Address space only: the file grows with what is written.
constexpr std::uint64_t kFirstMapBytes = 64ULL << 20;
constexpr std::size_t kSecretBytes = 32;
// With no more than this a disk counts as full, whatever the reserve.
constexpr std::uint64_t kHardlyAnyBytes = 1 << 20;
// Readers are short; only a backup keeps the map from growing for longer.
constexpr std::chrono::seconds kReadersWait{5};

Error not_open() { return {Fault::storage_failed, 0, "the store is closed after an error of the disk and is being opened again"}; }

Result<Octets> random_secret() {
    Octets secret(kSecretBytes, '\0');
    if (getrandom(secret.data(), secret.size(), 0) != static_cast<ssize_t>(secret.size())) return fail(Fault::storage_failed, "the kernel gave no random octets");
    return secret;
}

class LmdbStore final : public Store {
public:
    LmdbStore(const LmdbOptions& options, Directory directory)
        : options_(options), retention_{options.history, options.report_wait}, tell_(options.tell ? options.tell : [](std::string) {}), directory_(std::move(directory)), room_(options.map_size_bytes, options.disk_reserve_bytes) {}

    Result<void> open();
    Result<void> repair();

    Result<std::vector<Outcome>> apply(std::span<Operation> operations) override;
    Result<void> admits(std::uint64_t size_bytes) const override;
    std::vector<Claimed> claim(std::string_view lane, Instant now, std::size_t limit) override;
    void abandon(std::span<const RecipientRef> refs) override {
        for (const RecipientRef& ref : refs) lanes_.abandon(ref);
    }
    void abandon(std::string_view lane, QueueId id) override { lanes_.abandon({id, lane == kPurgeLane ? kPurgeIndex : kReportIndex}); }
    void rest(std::string_view lane, Instant until) override { lanes_.rest(lane, until); }
    std::vector<LaneDue> lanes(Instant now, std::size_t limit) const override { return open_ ? lanes_.due(now, limit) : std::vector<LaneDue>(); }
    std::vector<LaneLoad> lane_loads(std::size_t limit) const override { return lanes_.loads(limit); }

    std::optional<Message> find(QueueId id) const override;
    std::optional<QueueId> named(const SubmissionKey& key, Instant now) const override;
    std::vector<std::string> held_routes() const override;
    Result<Octets> content(QueueId id) const override;
    std::optional<Octets> original_header(QueueId id) const override;
    std::vector<Event> events(QueueId id) const override;
    std::vector<Message> list(QueueId after, std::size_t limit, bool ended) const override;
    StoreStats stats() const override;
    Octets secret() const override { return secret_; }
    std::vector<std::string> check() const override;
    Result<void> backup(const std::string& path) const override;

private:
    // How one try to commit a batch ended.
    struct Attempt {
        int code = 0;   // LMDB's; 0 with an error: refused before the commit
        std::optional<Error> refused;
        std::vector<Outcome> outcomes;
    };
    Attempt attempt(std::span<const Operation> operations);
    void publish(const Batch& batch, std::uint64_t pages_in_use);

    Result<void> load();
    Result<void> bring_up();
    Result<void> prepare(lmdb::WriteTxn& txn);
    Result<void> reopen();
    bool grow();
    std::uint64_t room_bytes() const { return room_.bytes(directory_.free_bytes()); }

    // The map for oneself, or an unowned lock when readers keep it too long.
    std::unique_lock<std::shared_timed_mutex> map_alone() const {
        std::lock_guard turn(turnstile_);
        return std::unique_lock(map_, kReadersWait);
    }
    template <class Body>
    bool read(Body body) const;
    std::optional<Instant> earliest(const lmdb::Txn& txn, LaneId lane, Instant from) const;
    bool take(const lmdb::Txn& txn, const DueKey& entry, std::string_view lane, Instant now, std::vector<Claimed>& out);

    const LmdbOptions options_;
    const Retention retention_;
    const std::function<void(std::string)> tell_;
    Directory directory_;
    Octets secret_;
    Lanes lanes_;

    // Locks are taken in this order. write: one writer. claims: no commit between a claim's snapshot and its leases. turnstile: who waits
    // for the map alone is not overtaken by new readers. map: shared by readers, exclusive while the map grows or is opened anew.
    mutable std::mutex write_;
    std::mutex claims_;
    mutable std::mutex turnstile_;
    mutable std::shared_timed_mutex map_;

    std::unique_ptr<lmdb::Env> env_;   // replaced under write and map
    std::atomic<bool> open_ = false;
    std::chrono::steady_clock::time_point reopen_after_{};   // write
    records::Encoder encoder_;                               // write

    mutable std::mutex numbers_;   // guards tally_
    records::Tally tally_;
    Room room_;
    std::atomic<std::uint64_t> commits_ = 0;
};

// ---- opening

Result<void> LmdbStore::open() {
    std::lock_guard write(write_);
    std::unique_lock map(map_);
    return load();
}

Result<void> LmdbStore::load() {
    open_ = false;
    env_.reset();
    auto env = lmdb::Env::open({directory_.path(), std::min(kFirstMapBytes, options_.map_size_bytes), database_names()});
    if (!env) return fail(env.error());
    env_ = std::move(*env);
    // A store that was larger once: the map holds what the file holds, and no less than that.
    if (env_->map_bytes() > options_.map_size_bytes)
        tell_("the store in " + directory_.path() + " has grown to " + std::to_string(env_->map_bytes() >> 20) + " MiB, more than its configured largest size");

    if (auto ours = bring_up(); !ours) return ours;
    lmdb::WriteTxn txn(*env_);
    if (txn.error() != 0) return fail(lmdb::error_of(txn.error(), "opening the store in " + directory_.path()));
    auto prepared = prepare(txn);
    if (!prepared) return prepared;
    lanes_.clear();
    lanes_.load(kReportLaneId, std::string(kReportLane), earliest(txn, kReportLaneId, {}));
    lanes_.load(kPurgeLaneId, std::string(kPurgeLane), earliest(txn, kPurgeLaneId, {}));
    {
        lmdb::Cursor cursor = txn.cursor(kLanes);
        for (bool found = cursor.first(); found; found = cursor.next()) {
            auto name = cursor.key().size() == kLaneKeySize ? records::lane_of(cursor.value()) : std::nullopt;
            if (!name || lanes_.number_of(*name)) {
                tell_("the record of a lane is damaged, and what is due in it stays; mmq check lists what is wrong");
                continue;
            }
            const LaneId lane = number_at<LaneId>(cursor.key(), 0);
            lanes_.load(lane, std::move(*name), earliest(txn, lane, {}));
        }
    }
    {
        lmdb::Cursor cursor = txn.cursor(kDue);
        for (bool found = cursor.first(); found; found = cursor.next())
            if (cursor.key().size() == kDueKeySize) lanes_.count(due_of_key(cursor.key()).lane);
    }
    const std::uint64_t pages = txn.pages_in_use();
    if (const int code = txn.commit(); code != 0) return fail(lmdb::error_of(code, "opening the store in " + directory_.path()));
    room_.begin({pages, env_->pages_touched()}, env_->page_bytes());
    open_ = true;
    return {};
}

// Refuses a store of another format than ours, or brings it up to ours.
Result<void> LmdbStore::bring_up() {
    std::optional<records::Meta> meta;
    {
        lmdb::ReadTxn txn(*env_);
        if (txn.error() != 0) return fail(lmdb::error_of(txn.error(), "opening the store in " + directory_.path()));
        auto record = txn.get(kMeta, kMetaKey);
        if (!record) return {};
        meta = records::meta_of(*record);
    }
    if (!meta || meta->secret.size() != kSecretBytes || meta->schema_version == 0)
        return fail(Fault::storage_failed, "the record of its format is damaged in the store in " + directory_.path() + "; restore a backup");
    if (meta->schema_version > kSchemaVersion)
        return fail(Fault::storage_failed, "the store in " + directory_.path() + " has format " + std::to_string(meta->schema_version) + " of a newer mmgate, and this one knows format " +
                                               std::to_string(kSchemaVersion) + "; start the newer one, or put the backup " + directory_.path() + "/data.format-" + std::to_string(kSchemaVersion) +
                                               ".*.mdb that it made, or another from before the upgrade, in the place of data.mdb");
    secret_ = std::move(meta->secret);
    if (meta->schema_version == kSchemaVersion) return {};
    meta->secret = secret_;
    return migrate(*env_, directory_, *meta, options_);
}

// Reads what the store says of itself, or says it in a new one.
Result<void> LmdbStore::prepare(lmdb::WriteTxn& txn) {
    auto record = txn.get(kMeta, kMetaKey);
    if (!record) {
        if (txn.cursor(kMessages).first()) return fail(Fault::storage_failed, "the store in " + directory_.path() + " has messages and no record of its format");
        auto secret = random_secret();
        if (!secret) return fail(secret.error());
        secret_ = std::move(*secret);
        txn.put(kMeta, kMetaKey, encoder_.meta({kSchemaVersion, secret_, 0}));
        tally_ = {};
        tally_.next_lane = kFirstLane;
        txn.put(kMeta, kTallyKey, encoder_.tally(tally_));
        return {};
    }
    auto written = txn.get(kMeta, kTallyKey);
    auto tally = written ? records::tally_of(*written) : std::nullopt;
    if (!tally) {
        tell_("the tally of the store is damaged; it is counted anew");
        tally = recount(txn);
    }
    // An id given twice would overwrite mail: what is there counts more than what the tally says.
    if (lmdb::Cursor newest = txn.cursor(kMessages); newest.last() && newest.key().size() == kRecordKeySize)
        tally->last_id = std::max(tally->last_id, id_of(newest.key()).value);
    std::lock_guard numbers(numbers_);
    tally_ = *tally;
    return {};
}

// After an error nothing that is mapped or cached is trusted: the environment is closed, and what is on the disk is what counts.
Result<void> LmdbStore::reopen() {
    const auto now = std::chrono::steady_clock::now();
    if (now < reopen_after_) return fail(not_open());
    reopen_after_ = now + options_.reopen_every;
    auto map = map_alone();
    if (!map) return fail(Fault::storage_failed, "the store waits for a reader before it can be opened again");
    auto loaded = load();
    if (!loaded) {
        open_ = false;
        tell_("the store cannot be opened again: " + loaded.error().rule + "; nothing is accepted or delivered until it can");
        return loaded;
    }
    reopen_after_ = {};
    tell_("the store was opened anew after an error");
    return {};
}

bool LmdbStore::grow() {
    const std::uint64_t now = env_->map_bytes();
    if (now >= options_.map_size_bytes) return false;
    auto map = map_alone();
    if (!map) return false;
    return env_->resize(std::min(now * 2, options_.map_size_bytes)).has_value();
}

// ---- writing

Result<std::vector<Outcome>> LmdbStore::apply(std::span<Operation> operations) {
    std::lock_guard write(write_);
    if (!open_) {
        if (auto opened = reopen(); !opened) return fail(opened.error());
    }
    for (;;) {
        Attempt tried = attempt(operations);
        if (tried.refused) return fail(std::move(*tried.refused));
        if (tried.code == 0) return std::move(tried.outcomes);
        if (lmdb::is_map_full(tried.code)) {
            if (grow()) continue;
            return fail(lmdb::error_of(tried.code, "writing the store"));
        }
        // Whether it was a write or a sync, what the kernel still caches may not be what is on the disk: never sync again and go on.
        Error error = lmdb::error_of(tried.code, "writing the store");
        // LMDB calls a write that a full disk cut short an error of the disk.
        if (tried.code == EIO && directory_.free_bytes() <= std::max(options_.disk_reserve_bytes, kHardlyAnyBytes)) error = {Fault::storage_full, 0, "writing the store: the disk is full"};
        tell_(error.rule + "; nothing of that was accepted");
        open_ = false;
        [[maybe_unused]] auto opened = reopen();   // or with the next batch
        return fail(error);
    }
}

LmdbStore::Attempt LmdbStore::attempt(std::span<const Operation> operations) {
    Attempt out;
    lmdb::WriteTxn txn(*env_);
    Batch batch(txn, encoder_, lanes_, tally_, retention_, room_bytes(), tell_);
    out.outcomes.reserve(operations.size());
    for (const Operation& operation : operations) {
        out.outcomes.push_back(batch.perform(operation));
        if (txn.error() != 0 || batch.refused()) break;
    }
    if (batch.refused()) {
        out.refused = batch.refused();
        return out;
    }
    batch.finish();
    const std::uint64_t pages = txn.pages_in_use();
    std::lock_guard claims(claims_);
    out.code = txn.commit();
    if (out.code == 0) publish(batch, pages);
    return out;
}

void LmdbStore::publish(const Batch& batch, std::uint64_t pages_in_use) {
    {
        std::lock_guard numbers(numbers_);
        tally_ = batch.tally();
    }
    room_.committed({pages_in_use, env_->pages_touched()});
    ++commits_;
    const std::vector<LaneId> unsure = lanes_.commit(batch.lane_changes());
    if (unsure.empty()) return;
    lmdb::ReadTxn txn(*env_);   // the writer needs no share of the map: nobody else makes it grow
    // Unreadable: the entry that was the earliest stays as a sign to look, and the next claim sees what is there.
    if (txn.error() != 0) return;
    for (LaneId lane : unsure) lanes_.set_earliest(lane, earliest(txn, lane, {}));
}

Result<void> LmdbStore::admits(std::uint64_t size_bytes) const {
    std::shared_lock map(map_, std::try_to_lock);
    if (!map) return {};   // the map grows: the commit will tell
    if (!open_) return fail(not_open());
    if (Batch::room_for(size_bytes) <= room_bytes()) return {};
    return fail(Fault::storage_full, "the store holds " + std::to_string(room_.used_bytes() >> 20) + " of at most " + std::to_string(options_.map_size_bytes >> 20) + " MiB, and its disk has " +
                                         std::to_string(directory_.free_bytes() >> 20) + " MiB left of which " + std::to_string(options_.disk_reserve_bytes >> 20) + " are kept free");
}

// ---- claiming

std::vector<Claimed> LmdbStore::claim(std::string_view lane, Instant now, std::size_t limit) {
    std::vector<Claimed> out;
    std::lock_guard claims(claims_);
    auto number = lanes_.number_of(lane);
    if (!number || limit == 0) return out;
    read([&](const lmdb::Txn& txn) {
        auto from = lanes_.begin_claim(*number);
        if (!from || *from > now) return;
        // What stands in front of the earliest entry is leased: the walk begins behind it.
        std::optional<Instant> next;
        lmdb::Cursor cursor = txn.cursor(kDue);
        for (bool found = cursor.seek(due_key({*number, *from, {}})); found; found = cursor.next()) {
            const DueKey entry = due_of_key(cursor.key());
            if (entry.lane != *number) break;
            if (lanes_.leased(entry.ref)) continue;
            if (entry.at > now || out.size() == limit) {
                next = entry.at;
                break;
            }
            if (!take(txn, entry, lane, now, out)) {
                // Out of everybody's way until the next start; the check names it.
                lanes_.lease(entry, std::nullopt);
                tell_("message " + to_text(entry.ref.id) + " is due in lane " + std::string(lane) + " and cannot be read; it is passed over; mmq check lists what is wrong");
            }
        }
        if (cursor.error() == 0) lanes_.end_claim(*number, next);
    });
    return out;
}

// Leases what is due of the entry's message; false when the record and the entry do not go together.
bool LmdbStore::take(const lmdb::Txn& txn, const DueKey& entry, std::string_view lane, Instant now, std::vector<Claimed>& out) {
    messages::Found found = messages::read(txn, entry.ref.id);
    if (!found.tracked) return false;
    Claimed claimed{std::move(found.tracked->message), {}};
    const Message& message = claimed.message;
    if (entry.ref.index >= kReportIndex) {
        lanes_.lease(entry, std::nullopt);
        out.push_back(std::move(claimed));
        return true;
    }
    for (std::size_t i = 0; i < message.recipients.size(); ++i) {
        const Recipient& recipient = message.recipients[i];
        const RecipientRef ref{message.id, static_cast<std::uint16_t>(i)};
        auto due = due_of(message, recipient);
        if (!due || *due > now || recipient.lane != lane || lanes_.leased(ref)) continue;
        lanes_.lease({entry.lane, *due, ref}, recipient.state);
        claimed.recipients.push_back(ref.index);
    }
    if (!lanes_.leased(entry.ref)) return false;
    out.push_back(std::move(claimed));
    return true;
}

// The earliest entry of a lane that is not leased.
std::optional<Instant> LmdbStore::earliest(const lmdb::Txn& txn, LaneId lane, Instant from) const {
    lmdb::Cursor cursor = txn.cursor(kDue);
    for (bool found = cursor.seek(due_key({lane, from, {}})); found && cursor.key().size() == kDueKeySize; found = cursor.next()) {
        const DueKey entry = due_of_key(cursor.key());
        if (entry.lane != lane) break;
        if (!lanes_.leased(entry.ref)) return entry.at;
    }
    return std::nullopt;
}

// ---- reading

template <class Body>
bool LmdbStore::read(Body body) const {
    std::unique_lock turn(turnstile_);
    std::shared_lock map(map_);
    turn.unlock();
    if (!open_) return false;
    lmdb::ReadTxn txn(*env_);
    if (txn.error() != 0) {
        tell_(lmdb::error_of(txn.error(), "reading the store").rule);
        return false;
    }
    body(txn);
    if (txn.error() != 0) tell_(lmdb::error_of(txn.error(), "reading the store").rule);
    return true;
}

std::optional<Message> LmdbStore::find(QueueId id) const {
    std::optional<Message> out;
    read([&](const lmdb::Txn& txn) {
        messages::Found found = messages::read(txn, id);
        if (found.damaged) tell_("the record of message " + to_text(id) + " is damaged; mmq check lists what is wrong");
        if (found.tracked) out = std::move(found.tracked->message);
    });
    if (out) lanes_.show_active(*out);
    return out;
}

std::optional<QueueId> LmdbStore::named(const SubmissionKey& key, Instant now) const {
    std::optional<QueueId> out;
    read([&](const lmdb::Txn& txn) {
        auto record = txn.get(kSubmissions, submission_key(key));
        auto found = record ? records::submission_of(*record) : std::nullopt;
        if (found && found->until > now) out = found->id;
    });
    return out;
}

std::vector<std::string> LmdbStore::held_routes() const {
    std::vector<std::string> out;
    read([&](const lmdb::Txn& txn) {
        lmdb::Cursor cursor = txn.cursor(kHeldRoutes);
        for (bool found = cursor.first(); found; found = cursor.next()) out.emplace_back(cursor.key());
    });
    return out;
}

Result<Octets> LmdbStore::content(QueueId id) const {
    std::optional<Tracked> head;
    std::optional<Octets> octets;
    int error = 0;
    const bool seen = read([&](const lmdb::Txn& txn) {
        head = messages::read_head(txn, id);
        if (head && head->has_content) octets = pieces::read(txn, kContent, id, head->message.size_bytes);
        error = txn.error();
    });
    if (!seen) return fail(not_open());
    if (error != 0) return fail(lmdb::error_of(error, "reading the store"));
    if (!head || !head->has_content) return fail(Fault::not_found, "its content is no longer kept");
    if (octets && (!head->content_sum || content_sum(*octets) == *head->content_sum)) return std::move(*octets);
    tell_("the content of message " + to_text(id) + " is not what was stored; mmq check lists what is wrong");
    return fail(Fault::content_lost, octets ? "the store gave other octets than it was given" : "octets are missing in the store");
}

std::optional<Octets> LmdbStore::original_header(QueueId id) const {
    std::optional<Octets> out;
    read([&](const lmdb::Txn& txn) {
        auto head = messages::read_head(txn, id);
        if (head && head->original_header_bytes > 0) out = pieces::read(txn, kOriginal, id, head->original_header_bytes);
    });
    return out;
}

std::vector<Event> LmdbStore::events(QueueId id) const {
    std::vector<Event> out;
    read([&](const lmdb::Txn& txn) { out = messages::read_events(txn, id).events; });
    return out;
}

std::vector<Message> LmdbStore::list(QueueId after, std::size_t limit, bool ended) const {
    std::vector<Message> out;
    if (after.value == UINT64_MAX) return out;
    read([&](const lmdb::Txn& txn) {
        QueueId id{after.value + 1};
        lmdb::Cursor cursor = txn.cursor(ended ? kMessages : kWaiting);
        while (out.size() < limit) {
            if (!(ended ? cursor.seek(record_key(id, Kind::message, 0)) : cursor.seek(id_key(id)))) break;
            id = id_of(cursor.key());
            // A damaged one is left out: the check names it.
            if (auto found = messages::read(txn, id); found.tracked) out.push_back(std::move(found.tracked->message));
            if (id.value == UINT64_MAX) break;
            ++id.value;
        }
    });
    for (Message& message : out) lanes_.show_active(message);
    return out;
}

StoreStats LmdbStore::stats() const {
    StoreStats out;
    {
        std::lock_guard numbers(numbers_);
        out.recipients_by_state = tally_.recipients_by_state;
        out.messages = tally_.waiting;
        out.records = tally_.messages;
        out.content_bytes = tally_.content_bytes;
    }
    const auto leased = lanes_.leased_by_state();
    for (RecipientState state : {RecipientState::queued, RecipientState::deferred}) {
        const auto place = static_cast<std::size_t>(state);
        const std::uint64_t active = std::min(leased[place], out.recipients_by_state[place]);
        out.recipients_by_state[place] -= active;
        out.recipients_by_state[static_cast<std::size_t>(RecipientState::active)] += active;
    }
    out.disk_free_bytes = directory_.free_bytes();
    out.commits = commits_;
    out.accepting = admits(0).has_value();
    read([&](const lmdb::Txn& txn) {
        out.file_bytes = env_->file_bytes();
        out.map_bytes = env_->map_bytes();
        out.used_bytes = room_.used_bytes();
        lmdb::Cursor cursor = txn.cursor(kWaiting);
        if (!cursor.first()) return;
        if (auto head = messages::read_head(txn, id_of(cursor.key()))) out.oldest_arrival = head->message.arrival;
    });
    return out;
}

// ---- looking after it

std::vector<std::string> LmdbStore::check() const {
    return check_store([this](const std::function<void(const lmdb::Txn&)>& body) { return read([&](const lmdb::Txn& txn) { body(txn); }); });
}

Result<void> LmdbStore::repair() {
    std::lock_guard write(write_);
    for (;;) {
        int code = 0;
        {
            lmdb::WriteTxn txn(*env_);
            mmgate::repair(txn, encoder_);
            code = txn.commit();
        }
        if (code == 0) break;
        if (!lmdb::is_map_full(code) || !grow()) return fail(lmdb::error_of(code, "repairing the store"));
    }
    std::unique_lock map(map_);
    return load();
}

Result<void> LmdbStore::backup(const std::string& path) const {
    {
        // The map cannot grow while the copy reads it: give it all it may ever need, which is address space only.
        std::lock_guard write(write_);
        auto map = map_alone();
        if (map && open_ && env_->map_bytes() < options_.map_size_bytes) {
            if (auto grown = env_->resize(options_.map_size_bytes); !grown) return grown;
        }
    }
    Descriptor file(::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
    if (!file) return fail(Fault::storage_failed, lmdb::error_of(errno, "making " + path).rule);
    std::shared_lock map(map_);
    int code = open_ ? env_->copy_to(file.get()) : EIO;
    map.unlock();
    if (code == 0 && fsync(file.get()) != 0) code = errno;
    if (code == 0) return {};
    unlink(path.c_str());
    return fail(Fault::storage_failed, lmdb::error_of(code, "copying the store to " + path).rule);
}

}   // namespace

Result<std::unique_ptr<Store>> open_lmdb_store(const LmdbOptions& options) {
    auto directory = Directory::take(options.directory);
    if (!directory) return fail(directory.error());
    auto store = std::make_unique<LmdbStore>(options, std::move(*directory));
    if (auto opened = store->open(); !opened) return fail(opened.error());
    return store;
}

Result<Repaired> repair_lmdb_store(const LmdbOptions& options) {
    auto directory = Directory::take(options.directory);
    if (!directory) return fail(directory.error());
    LmdbStore store(options, std::move(*directory));
    if (auto opened = store.open(); !opened) return fail(opened.error());
    Repaired out;
    out.found = store.check();
    if (out.found.empty()) return out;
    if (auto repaired = store.repair(); !repaired) return fail(repaired.error());
    out.left = store.check();
    return out;
}

}   // namespace mmgate
