// A batch of operations carried out in one write transaction.
//
// New messages are written as they come, above all others. Messages that are there already are read once, changed by the transitions,
// and written once at the end, however many operations of the batch were about them. What the batch means for the lanes and
// the counters is collected and takes effect only when the caller has committed.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "store/lanes.h"
#include "store/lmdb.h"
#include "store/records.h"
#include "store/store.h"
#include "store/transition.h"

namespace mmgate {

class Batch {
public:
    /// `tally`: as of the last commit. `room_bytes`: what new mail may still take. `tell` hears of damaged records.
    Batch(lmdb::WriteTxn& txn, records::Encoder& encoder, const Lanes& lanes, const records::Tally& tally, const Retention& retention, std::uint64_t room_bytes,
          const std::function<void(std::string)>& tell);

    /// Carries out one operation. What it failed with stands in the transaction, or in refused().
    Outcome perform(const Operation& operation);
    /// Set when new mail found no room: the batch is not to be committed.
    const std::optional<Error>& refused() const { return refused_; }
    /// Writes what is still to be written. Then the transaction may be committed.
    void finish();

    const records::Tally& tally() const { return tally_; }
    const LaneChanges& lane_changes() const { return lanes_changed_; }

    /// What a message of this size takes of the room, with its records and what LMDB rounds up.
    static std::uint64_t room_for(std::uint64_t size_bytes);

private:
    struct Work {
        Tracked tracked;
        Tracked before;   // but without the recipients
        Footprint occupied;
        std::set<std::uint16_t> recipients;   // changed
        std::vector<Event> events;            // to be added
        bool forgotten = false;
    };

    enum class Door : std::uint8_t { outside,
                                     consequence };
    Outcome enqueue(const Enqueue& operation, Door door);
    Outcome purge(const Purge& operation);
    Outcome purge_submissions(const PurgeSubmissions& operation);
    Outcome set_gate(const SetGate& operation);
    std::optional<QueueId> known(const SubmissionKey& key, Instant now);
    void name(const SubmissionKey& key, QueueId id, Instant until);
    template <class Transition>
    Outcome change(QueueId id, const std::vector<Enqueue>& consequences, Transition transition);
    Work* touch(QueueId id);
    void write(QueueId id, Work& work);
    void move(QueueId id, const Footprint& from, const Footprint& to);
    LaneId lane_of(const std::string& name);
    void forget_empty_lanes();

    lmdb::WriteTxn& txn_;
    records::Encoder& encoder_;
    const Lanes& lanes_;
    records::Tally tally_;
    const Retention& retention_;
    std::uint64_t room_bytes_;
    const std::function<void(std::string)>& tell_;

    std::map<QueueId, Work> touched_;
    std::map<std::string, LaneId, std::less<>> new_lanes_;
    std::set<LaneId> maybe_empty_;
    LaneChanges lanes_changed_;
    std::optional<Error> refused_;
};

}   // namespace mmgate
