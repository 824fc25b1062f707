// The durable queue in LMDB.
//
// The format on disk, what is durable when, and what happens when the disk fails stand in docs/store.md.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "store/store.h"

namespace mmgate {

/// What happens to a store of an older format before it is opened.
struct Upgrade {
    enum class Stage : std::uint8_t { backs_up,
                                      rewrites,
                                      done };
    Stage stage = Stage::backs_up;
    std::uint32_t from = 0, to = 0;   // formats
    std::string backup{};             // the file that has what was there before
    std::uint64_t bytes = 0;          // in use, and so of the backup
    std::uint64_t messages = 0;       // rewritten so far
};

struct LmdbOptions {
    std::string directory;                              // of the store alone; made when its parent is there
    std::uint64_t map_size_bytes = 64ULL << 30;         // the store never grows beyond it; new mail is refused at nine tenths
    std::uint64_t disk_reserve_bytes = 64ULL << 20;     // with less left on the disk new mail is refused
    Seconds history = std::chrono::hours(24 * 7);       // how long the record of an ended message stays
    Seconds report_wait = std::chrono::hours(24 * 7);   // the same for a recipient whose report is still to come, when longer
    std::chrono::milliseconds reopen_every{1000};       // how often a store that failed and cannot be opened again is tried
    std::function<void(const Upgrade&)> on_upgrade;     // again and again while it lasts
    std::function<void(std::string)> tell;              // what an operator should know: damage found, environment re-opened; from any thread, and not to call back
};

/// Opens the store, or makes it; one of an older format is brought up to ours once there is a backup beside it, `data.format-N.COMMIT.mdb`. Fails with a
/// text for people: storage_failed when the directory is another process's, lies on a remote file system, or holds a store of a newer format;
/// storage_full when there is no room to make one, or for that backup.
Result<std::unique_ptr<Store>> open_lmdb_store(const LmdbOptions& options);

/// What Store::check found, and what of that repairing did not mend.
struct Repaired {
    std::vector<std::string> found, left;
};
/// Opens a store that nobody has open, makes its indexes and counters anew out of its records, frees what belongs to no message, and closes it. What is
/// lost stays lost: a damaged record, content that is not what was stored. Fails as opening and committing do.
Result<Repaired> repair_lmdb_store(const LmdbOptions& options);

}   // namespace mmgate
