// The durable queue in LMDB: its state and its locks.
#pragma once

#include <atomic>
#include <chrono>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <shared_mutex>
#include <string>
#include <vector>

#include "store/batch.h"
#include "store/directory.h"
#include "store/lanes.h"
#include "store/layout.h"
#include "store/lmdb.h"
#include "store/lmdb_store.h"
#include "store/records.h"
#include "store/room.h"

namespace mmgate {

/// Behind lmdb_store.h. Opening and looking after it stand in lmdb_store.cpp, writing and claiming in lmdb_writes.cpp, reading in lmdb_reads.cpp.
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
    // With no more than this a disk counts as full, whatever the reserve.
    static constexpr std::uint64_t kHardlyAnyBytes = 1 << 20;
    // Readers are short; only a backup keeps the map from growing for longer.
    static constexpr std::chrono::seconds kReadersWait{5};

    static Error not_open() { return {Fault::storage_failed, 0, "the store is closed after an error of the disk and is being opened again"}; }

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
    std::optional<Instant> earliest(const lmdb::Txn& txn, layout::LaneId lane, Instant from) const;
    bool take(const lmdb::Txn& txn, const layout::DueKey& entry, std::string_view lane, Instant now, std::vector<Claimed>& out);

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

}   // namespace mmgate
