#include "store/check.h"

#include <algorithm>
#include <map>
#include <set>

#include "store/content_sum.h"
#include "store/layout.h"
#include "store/messages.h"
#include "store/pieces.h"

namespace mmgate {

using namespace layout;

namespace {

// What one snapshot sees: the map cannot grow meanwhile, and new mail would wait.
constexpr std::size_t kRowsAtOnce = 1000;
constexpr std::uint64_t kOctetsAtOnce = 16 << 20;
constexpr std::size_t kMostFindings = 1000;

// Counts one message into a tally.
void count(records::Tally& tally, const Footprint& occupied) {
    ++tally.messages;
    tally.waiting += occupied.waiting ? 1 : 0;
    tally.content_bytes += occupied.content_bytes;
    for (std::size_t i = 0; i < tally.recipients_by_state.size(); ++i) tally.recipients_by_state[i] += occupied.recipients_by_state[i];
}

class Checker {
public:
    explicit Checker(const Snapshots& snapshots) : snapshots_(snapshots) {}

    std::vector<std::string> run() {
        std::size_t first = 0, last = 0;
        std::optional<records::Tally> written;
        snapshots_([&](const lmdb::Txn& txn) {
            first = txn.number();
            written = tally(txn);
            load_lanes(txn);
        });
        check_messages();
        check_due();
        each(kWaiting, kIdKeySize, "waiting", [&](const lmdb::Txn& txn, const lmdb::Cursor& row) {
            const QueueId id = id_of(row.key());
            messages::Found found = messages::read(txn, id);
            if (!found.damaged && (!found.tracked || !footprint(*found.tracked).waiting)) find(id, "stands among the waiting and does not wait");
        });
        check_pieces(kContent, "content", [](const Tracked& tracked) { return tracked.has_content; });
        check_pieces(kOriginal, "original header", [](const Tracked& tracked) { return tracked.original_header_bytes > 0; });
        check_submissions();
        check_lanes();
        snapshots_([&](const lmdb::Txn& txn) { last = txn.number(); });
        // Counted over many snapshots: comparable only when nothing was committed meanwhile.
        if (first == last) check_tally(written);
        return std::move(findings_);
    }

private:
    void find(std::string text) {
        if (findings_.size() == kMostFindings) text = "there is more: stopped after " + std::to_string(kMostFindings) + " findings";
        if (findings_.size() <= kMostFindings) findings_.push_back(std::move(text));
    }
    void find(QueueId id, std::string_view text) { find("message " + to_text(id) + ": " + std::string(text)); }
    bool enough() const { return findings_.size() > kMostFindings; }

    static std::optional<records::Tally> tally(const lmdb::Txn& txn) {
        auto record = txn.get(kMeta, kTallyKey);
        return record ? records::tally_of(*record) : std::nullopt;
    }

    // Visits every row of a database, some of them in each snapshot.
    template <class Visit>
    void each(lmdb::Database database, std::size_t key_size, std::string_view name, Visit visit) {
        Octets from;
        bool more = true;
        while (more && !enough()) {
            more = false;
            const bool seen = snapshots_([&](const lmdb::Txn& txn) {
                octets_seen_ = 0;
                lmdb::Cursor cursor = txn.cursor(database);
                bool found = from.empty() ? cursor.first() : cursor.seek(from);
                for (std::size_t rows = 0; found; found = cursor.next()) {
                    if (rows++ == kRowsAtOnce || octets_seen_ > kOctetsAtOnce) {
                        from = Octets(cursor.key());
                        more = true;
                        break;
                    }
                    if (cursor.key().size() != key_size) find("a key of " + std::string(name) + " has " + std::to_string(cursor.key().size()) + " octets");
                    else visit(txn, cursor);
                }
                if (cursor.error() != 0) find(std::string(name) + ": " + lmdb::error_of(cursor.error(), "reading").rule);
            });
            if (!seen) find("the store cannot be read");
        }
    }

    void load_lanes(const lmdb::Txn& txn) {
        lanes_.clear();
        numbers_.clear();
        auto add = [&](LaneId lane, std::string name) {
            numbers_[name] = lane;
            lanes_[lane] = std::move(name);
        };
        add(kReportLaneId, std::string(kReportLane));
        add(kPurgeLaneId, std::string(kPurgeLane));
        lmdb::Cursor cursor = txn.cursor(kLanes);
        for (bool found = cursor.first(); found; found = cursor.next())
            if (auto name = records::lane_of(cursor.value()); name && cursor.key().size() == kLaneKeySize) add(number_at<LaneId>(cursor.key(), 0), *name);
    }

    bool is_indexed(const lmdb::Txn& txn, QueueId id, const DueEntry& entry) {
        auto lane = numbers_.find(entry.lane);
        return lane != numbers_.end() && txn.get(kDue, due_key({lane->second, entry.at, {id, entry.index}}));
    }

    void check_messages() {
        QueueId last{0};
        bool any = false;
        each(kMessages, kRecordKeySize, "messages", [&](const lmdb::Txn& txn, const lmdb::Cursor& row) {
            const QueueId id = id_of(row.key());
            if (kind_of(row.key()) == Kind::events && !records::events_of(row.value())) find(id, "a record of events is damaged");
            if (any && id == last) return;
            any = true;
            last = id;
            check_message(txn, id);
        });
    }

    void check_message(const lmdb::Txn& txn, QueueId id) {
        messages::Found found = messages::read(txn, id);
        if (!found.tracked) {
            find(id, found.damaged ? "its record or one of its recipients' is damaged or missing" : "records without a message");
            return;
        }
        const Tracked& tracked = *found.tracked;
        const Footprint occupied = footprint(tracked);
        count(counted_, occupied);
        lmdb::Cursor after = txn.cursor(kMessages);
        if (after.seek(record_key(id, Kind::recipient, static_cast<std::uint32_t>(tracked.message.recipients.size()))) && id_of(after.key()) == id &&
            kind_of(after.key()) != Kind::events)
            find(id, "has records beyond its recipients");
        if (tracked.has_content) {
            auto content = pieces::read(txn, kContent, id, tracked.message.size_bytes);
            octets_seen_ += tracked.message.size_bytes;
            if (!content) find(id, "its content is not complete");
            else if (tracked.content_sum && content_sum(*content) != *tracked.content_sum) find(id, "its content is not what was stored");
        }
        if (tracked.original_header_bytes > 0 && !pieces::complete(txn, kOriginal, id, tracked.original_header_bytes)) find(id, "its original header is not complete");
        if (occupied.waiting && !txn.get(kWaiting, id_key(id))) find(id, "waits and does not stand among the waiting");
        for (const DueEntry& entry : occupied.due) {
            if (is_indexed(txn, id, entry)) continue;
            load_lanes(txn);   // the lane may be younger than what is known of lanes
            if (!is_indexed(txn, id, entry)) find(id, "is due in lane " + entry.lane + " and not in the due index");
        }
    }

    void check_due() {
        each(kDue, kDueKeySize, "due", [&](const lmdb::Txn& txn, const lmdb::Cursor& row) {
            const DueKey key = due_of_key(row.key());
            messages::Found found = messages::read(txn, key.ref.id);
            if (found.damaged) return;
            if (!lanes_.contains(key.lane)) load_lanes(txn);
            auto lane = lanes_.find(key.lane);
            const std::string name = lane == lanes_.end() ? std::string() : lane->second;
            const auto due = found.tracked ? footprint(*found.tracked).due : std::vector<DueEntry>();
            if (std::ranges::find(due, DueEntry{name, key.at, key.ref.index}) == due.end())
                find(key.ref.id, "an entry of the due index (lane " + std::to_string(key.lane) + " " + name + ") has nothing that is due");
        });
    }

    template <class Kept>
    void check_pieces(lmdb::Database database, const std::string& name, Kept kept) {
        QueueId last{0};
        bool any = false;
        each(database, kPieceKeySize, name, [&](const lmdb::Txn& txn, const lmdb::Cursor& row) {
            const QueueId id = id_of(row.key());
            if (any && id == last) return;
            any = true;
            last = id;
            messages::Found found = messages::read(txn, id);
            if (!found.damaged && (!found.tracked || !kept(*found.tracked))) find(id, "orphaned " + name);
        });
    }

    void check_submissions() {
        each(kSubmissions, kDigestSize, "submissions", [&](const lmdb::Txn& txn, const lmdb::Cursor& row) {
            auto known = records::submission_of(row.value());
            if (!known) find("a submission's record is damaged");
            else if (!txn.get(kSubmissionsByTime, submission_time_key(known->until, row.key()))) find(known->id, "its submission is never forgotten");
        });
        each(kSubmissionsByTime, kSubmissionTimeKeySize, "submissions_by_time", [&](const lmdb::Txn& txn, const lmdb::Cursor& row) {
            auto record = txn.get(kSubmissions, row.key().substr(sizeof(std::uint64_t)));
            auto known = record ? records::submission_of(*record) : std::nullopt;
            if (!known || number_of(known->until) != number_at<std::uint64_t>(row.key(), 0)) find("a submission is to be forgotten that is not there");
        });
    }

    void check_lanes() {
        std::set<std::string> names{std::string(kReportLane), std::string(kPurgeLane)};
        each(kLanes, kLaneKeySize, "lanes", [&](const lmdb::Txn& txn, const lmdb::Cursor& row) {
            const LaneId lane = number_at<LaneId>(row.key(), 0);
            auto name = records::lane_of(row.value());
            if (!name) find("the record of lane " + std::to_string(lane) + " is damaged");
            else if (!names.insert(*name).second) find("two lanes are named " + *name);
            lmdb::Cursor due = txn.cursor(kDue);
            if (!due.seek(due_key({lane, {}, {}})) || due_of_key(due.key()).lane != lane) find("lane " + std::to_string(lane) + " has no entry");
        });
    }

    void check_tally(const std::optional<records::Tally>& written) {
        if (!written) {
            find("the tally is damaged or missing");
            return;
        }
        counted_.last_id = written->last_id;
        counted_.next_lane = written->next_lane;
        if (counted_ != *written) find("the tally is not what the records add up to");
    }

    const Snapshots& snapshots_;
    std::vector<std::string> findings_;
    std::uint64_t octets_seen_ = 0;   // of content, in this snapshot
    std::map<LaneId, std::string> lanes_;
    std::map<std::string, LaneId, std::less<>> numbers_;
    records::Tally counted_;
};

}   // namespace

std::vector<std::string> check_store(const Snapshots& snapshots) { return Checker(snapshots).run(); }

records::Tally recount(const lmdb::Txn& txn) {
    records::Tally tally;
    tally.next_lane = kFirstLane;
    lmdb::Cursor messages = txn.cursor(kMessages);
    for (bool found = messages.first(); found; found = messages.next()) {
        if (messages.key().size() != kRecordKeySize) continue;
        const QueueId id = id_of(messages.key());
        tally.last_id = std::max(tally.last_id, id.value);
        if (kind_of(messages.key()) != Kind::message) continue;
        if (auto one = messages::read(txn, id); one.tracked) count(tally, footprint(*one.tracked));
    }
    // Ids live on in submissions whose message is forgotten already, and lanes in entries of the due index.
    lmdb::Cursor submissions = txn.cursor(kSubmissions);
    for (bool found = submissions.first(); found; found = submissions.next())
        if (auto known = records::submission_of(submissions.value())) tally.last_id = std::max(tally.last_id, known->id.value);
    lmdb::Cursor due = txn.cursor(kDue);
    if (due.last() && due.key().size() == kDueKeySize) tally.next_lane = std::max(tally.next_lane, due_of_key(due.key()).lane + 1);
    return tally;
}

}   // namespace mmgate
