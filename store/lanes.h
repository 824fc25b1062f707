// The lanes in memory: their names and numbers, when each has its next work, and what is leased.
//
// What is due stands in the due index on disk; of it this keeps only each lane's earliest entry that is not leased, so that a million waiting
// messages cost no memory here and asking which lanes are due costs no disk. Leases are nowhere else: they end with the process.
// Thread-safe; every call is short. The store sees to it that no commit comes between a claim's begin and its end.
#pragma once

#include <algorithm>
#include <array>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <unordered_map>
#include <vector>

#include "store/layout.h"

namespace mmgate {

using layout::DueKey;
using layout::LaneId;

struct RecipientRefHash {
    std::size_t operator()(const RecipientRef& ref) const { return std::hash<std::uint64_t>{}(ref.id.value * 0x9E3779B97F4A7C15U + ref.index); }
};

/// What a commit means for the lanes.
struct LaneChanges {
    std::vector<std::pair<LaneId, std::string>> created;
    std::vector<LaneId> emptied;                                   // lanes without any entry: forgotten
    std::vector<DueKey> removed, added;                            // entries of the due index
    std::vector<RecipientRef> ended;                               // leases that end (of whole messages under kReportIndex and kPurgeIndex)
    std::vector<std::pair<RecipientRef, RecipientState>> states;   // of recipients that changed
};

class Lanes {
public:
    /// Forgets lanes and keeps leases: the store was opened anew.
    void clear();
    /// Takes a lane as found on disk, with its earliest entry that is not leased.
    void load(LaneId lane, std::string name, std::optional<Instant> earliest);

    std::optional<LaneId> number_of(std::string_view name) const;
    std::vector<LaneDue> due(Instant now, std::size_t limit) const;
    std::vector<LaneLoad> loads(std::size_t limit) const;
    /// Counts an entry as found on disk.
    void count(LaneId lane);

    /// Takes the changes of a commit. Gives the lanes whose earliest entry has to be looked up on disk, see set_earliest.
    std::vector<LaneId> commit(const LaneChanges& changes);
    void set_earliest(LaneId lane, std::optional<Instant> earliest);
    /// Whatever is due in the lane is not before `until`.
    void rest(std::string_view name, Instant until);

    bool leased(const RecipientRef& ref) const;
    /// Leased recipients by the state they have in the store.
    std::array<std::uint64_t, 12> leased_by_state() const;
    /// Shows leased recipients that wait as `active`.
    void show_active(Message& message) const;

    /// Begins a claim: where to start looking, nothing when the lane has no entry that is not leased.
    std::optional<Instant> begin_claim(LaneId lane);
    /// `state`: of a recipient; nothing for a message as a whole.
    void lease(const DueKey& entry, std::optional<RecipientState> state);
    /// Ends a claim: the next entry after those leased.
    void end_claim(LaneId lane, std::optional<Instant> next);

    void abandon(const RecipientRef& ref);

private:
    struct Lane {
        std::string name;
        std::uint64_t entries = 0;
        std::optional<Instant> earliest;   // of the entries that are not leased
        std::optional<Instant> returned;   // the earliest that came back during a claim
        Instant rests_until{};             // its carrier takes nothing before
        Instant turn() const { return std::max(*earliest, rests_until); }
    };
    struct Lease {
        std::optional<DueKey> entry;   // where the leased stands in the due index; nothing: nowhere (held)
        std::optional<RecipientState> state;
    };
    void place(LaneId number, Lane& lane, std::optional<Instant> earliest);
    void end_lease(const RecipientRef& ref);
    void offer(LaneId number, Instant at);

    mutable std::mutex mutex_;
    std::unordered_map<LaneId, Lane> lanes_;
    std::map<std::string, LaneId, std::less<>> numbers_;
    std::set<std::pair<Instant, LaneId>> order_;   // of lanes with an earliest entry, by their turn
    std::unordered_map<RecipientRef, Lease, RecipientRefHash> leases_;
    std::array<std::uint64_t, 12> leased_by_state_{};
};

}   // namespace mmgate
