#include "store/repair.h"

#include <map>
#include <string>
#include <vector>

#include "store/check.h"
#include "store/layout.h"
#include "store/messages.h"
#include "store/pieces.h"

namespace mmgate {

using namespace layout;

namespace {

class Repair {
public:
    Repair(lmdb::WriteTxn& txn, records::Encoder& encoder) : txn_(txn), encoder_(encoder) {}

    void run() {
        // Its numbers stay above all that were ever used: read before what they stand in is gone.
        records::Tally tally = recount(txn_);
        if (auto record = txn_.get(kMeta, kTallyKey))
            if (auto written = records::tally_of(*record)) {
                tally.last_id = std::max(tally.last_id, written->last_id);
                tally.next_lane = std::max(tally.next_lane, written->next_lane);
            }
        next_lane_ = tally.next_lane;
        for (lmdb::Database derived : {kWaiting, kDue, kLanes, kSubmissionsByTime}) txn_.clear(derived);
        each(kMessages, kRecordKeySize, [&](QueueId id, Bytes) { index(id); });
        each(kContent, kPieceKeySize, [&](QueueId id, Bytes) { free_orphan(kContent, id, [](const Tracked& tracked) { return tracked.has_content; }); });
        each(kOriginal, kPieceKeySize, [&](QueueId id, Bytes) { free_orphan(kOriginal, id, [](const Tracked& tracked) { return tracked.original_header_bytes > 0; }); });
        index_submissions();
        tally.next_lane = next_lane_;
        txn_.put(kMeta, kTallyKey, encoder_.tally(tally));
    }

private:
    // Visits each id that a database has keys of; the visit may change what it likes.
    template <class Visit>
    void each(lmdb::Database database, std::size_t key_size, Visit visit) {
        Octets from;
        for (;;) {
            {
                lmdb::Cursor cursor = txn_.cursor(database);
                if (!(from.empty() ? cursor.first() : cursor.seek(from))) return;
                from = Octets(cursor.key());
            }
            if (from.size() != key_size) {   // no key of ours
                txn_.erase(database, from);
                continue;
            }
            const QueueId id = id_of(from);
            visit(id, from);
            if (id.value == UINT64_MAX || txn_.error() != 0) return;
            from = Octets(Bytes(id_key({id.value + 1})));
        }
    }

    void index(QueueId id) {
        messages::Found found = messages::read(txn_, id);
        erase_records(id, Kind::events, 0, [](Bytes value) { return !records::events_of(value); });
        if (!found.tracked) return;
        erase_records(id, Kind::recipient, static_cast<std::uint32_t>(found.tracked->message.recipients.size()), [](Bytes) { return true; });
        const Footprint occupied = footprint(*found.tracked);
        if (occupied.waiting) txn_.put(kWaiting, id_key(id), {});
        for (const DueEntry& entry : occupied.due) txn_.put(kDue, due_key({lane_of(entry.lane), entry.at, {id, entry.index}}), {});
    }

    template <class Wrong>
    void erase_records(QueueId id, Kind kind, std::uint32_t from, Wrong wrong) {
        lmdb::Cursor cursor = txn_.cursor(kMessages);
        bool there = cursor.seek(record_key(id, kind, from));
        for (; there && cursor.key().size() == kRecordKeySize && id_of(cursor.key()) == id && kind_of(cursor.key()) == kind; there = cursor.next())
            if (wrong(cursor.value())) txn_.erase(cursor);
    }

    LaneId lane_of(const std::string& name) {
        if (name == kReportLane) return kReportLaneId;
        if (name == kPurgeLane) return kPurgeLaneId;
        auto [lane, is_new] = lanes_.try_emplace(name, next_lane_);
        if (is_new) {
            ++next_lane_;
            txn_.put(kLanes, lane_key(lane->second), encoder_.lane(name));
        }
        return lane->second;
    }

    template <class Kept>
    void free_orphan(lmdb::Database database, QueueId id, Kept kept) {
        messages::Found found = messages::read(txn_, id);
        if (!found.damaged && (!found.tracked || !kept(*found.tracked))) pieces::erase(txn_, database, id);
    }

    void index_submissions() {
        lmdb::Cursor cursor = txn_.cursor(kSubmissions);
        for (bool there = cursor.first(); there; there = cursor.next()) {
            auto known = cursor.key().size() == kDigestSize ? records::submission_of(cursor.value()) : std::nullopt;
            if (known) txn_.put(kSubmissionsByTime, submission_time_key(known->until, cursor.key()), {});
            else txn_.erase(cursor);
        }
    }

    lmdb::WriteTxn& txn_;
    records::Encoder& encoder_;
    std::map<std::string, LaneId, std::less<>> lanes_;
    LaneId next_lane_ = kFirstLane;
};

}   // namespace

void repair(lmdb::WriteTxn& txn, records::Encoder& encoder) { Repair(txn, encoder).run(); }

}   // namespace mmgate
