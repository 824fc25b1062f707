#include "store/lmdb_store.h"

#include <cerrno>

#include <fcntl.h>
#include <sys/random.h>
#include <unistd.h>

#include "store/check.h"
#include "store/lmdb_engine.h"
#include "store/migration.h"
#include "store/repair.h"

namespace mmgate {

using namespace layout;

namespace {

// The map begins with this and doubles. Address space only: the file grows with what is written.
constexpr std::uint64_t kFirstMapBytes = 64ULL << 20;
constexpr std::size_t kSecretBytes = 32;

Result<Octets> random_secret() {
    Octets secret(kSecretBytes, '\0');
    if (getrandom(secret.data(), secret.size(), 0) != static_cast<ssize_t>(secret.size())) return fail(Fault::storage_failed, "the kernel gave no random octets");
    return secret;
}

}   // namespace

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
