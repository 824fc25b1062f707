#include "store/batch.h"

#include <algorithm>
#include <cassert>

#include "store/messages.h"
#include "store/pieces.h"

namespace mmgate {

namespace {

constexpr std::uint64_t kPageBytes = 4096;
// The records of a message, its index entries, and the pages that are copied to write them.
constexpr std::uint64_t kRoomBesideContent = 2 * kPageBytes;

}   // namespace

std::uint64_t Batch::room_for(std::uint64_t size_bytes) { return size_bytes + size_bytes / 8 + kRoomBesideContent; }

Batch::Batch(lmdb::WriteTxn& txn, records::Encoder& encoder, const Lanes& lanes, const records::Tally& tally, const Retention& retention, std::uint64_t room_bytes,
             const std::function<void(std::string)>& tell)
    : txn_(txn), encoder_(encoder), lanes_(lanes), tally_(tally), retention_(retention), room_bytes_(room_bytes), tell_(tell) {}

Outcome Batch::perform(const Operation& operation) {
    static const std::vector<Enqueue> kNone;
    return std::visit(
        overloaded{
            [&](const Enqueue& op) { return enqueue(op, Door::outside); },
            [&](const Settle& op) {
                // Also when it is refused: whoever carried the recipient has done so.
                lanes_changed_.ended.push_back(op.ref);
                const Outcome outcome = change(op.ref.id, op.consequences, [&](Tracked& tracked) { return settle(tracked, op, retention_); });
                if (outcome.changed > 0)
                    for (const Alias& alias : op.aliases) name(alias.key, op.ref.id, alias.until);
                return outcome;
            },
            [&](const Reported& op) {
                lanes_changed_.ended.push_back({op.id, kReportIndex});
                return change(op.id, op.consequences, [&](Tracked& tracked) { return reported(tracked, op, retention_); });
            },
            [&](const Hold& op) { return change(op.id, kNone, [&](Tracked& tracked) { return hold(tracked, op); }); },
            [&](const Release& op) { return change(op.id, kNone, [&](Tracked& tracked) { return release(tracked, op); }); },
            [&](const Retry& op) { return change(op.id, kNone, [&](Tracked& tracked) { return retry(tracked, op); }); },
            [&](const Delete& op) { return change(op.id, kNone, [&](Tracked& tracked) { return erase(tracked, op, retention_); }); },
            [&](const Undelete& op) { return change(op.id, kNone, [&](Tracked& tracked) { return undelete(tracked, op, retention_); }); },
            [&](const Purge& op) { return purge(op); },
            [&](const PurgeSubmissions& op) { return purge_submissions(op); },
            [&](const SetGate& op) { return set_gate(op); },
        },
        operation);
}

std::optional<QueueId> Batch::known(const SubmissionKey& key, Instant now) {
    const Bytes digest = layout::submission_key(key);
    auto record = txn_.get(layout::kSubmissions, digest);
    if (!record) return std::nullopt;
    auto found = records::submission_of(*record);
    if (!found) {
        tell_("a submission's record is damaged and is overwritten");
        return std::nullopt;
    }
    return found->until > now ? std::optional(found->id) : std::nullopt;
}

void Batch::name(const SubmissionKey& key, QueueId id, Instant until) {
    const Bytes digest = layout::submission_key(key);
    if (auto record = txn_.get(layout::kSubmissions, digest))
        if (auto former = records::submission_of(*record)) txn_.erase(layout::kSubmissionsByTime, layout::submission_time_key(former->until, digest));
    txn_.put(layout::kSubmissions, digest, encoder_.submission({id, until}));
    txn_.put(layout::kSubmissionsByTime, layout::submission_time_key(until, digest), {});
}

Outcome Batch::enqueue(const Enqueue& operation, Door door) {
    using namespace layout;
    const Instant now = operation.message.arrival;
    if (operation.submission)
        if (auto id = known(*operation.submission, now)) return {*id, true, 0};
    if (!operation.recipient_keys.empty()) {
        assert(operation.recipient_keys.size() == operation.message.recipients.size());
        std::vector<std::size_t> fresh;
        std::optional<QueueId> first;
        for (std::size_t i = 0; i < operation.recipient_keys.size(); ++i) {
            if (auto id = known(operation.recipient_keys[i], now)) first = first.value_or(*id);
            else fresh.push_back(i);
        }
        if (fresh.empty()) return {*first, true, 0};
        if (fresh.size() < operation.recipient_keys.size()) {
            Enqueue rest = operation;
            rest.message.recipients.clear();
            rest.recipient_keys.clear();
            for (std::size_t i : fresh) {
                rest.message.recipients.push_back(operation.message.recipients[i]);
                rest.aliases.push_back({operation.recipient_keys[i], operation.submission_until});
            }
            return enqueue(rest, door);
        }
    }
    if (door == Door::outside) {
        const std::uint64_t needed = room_for(operation.content.size() + operation.original_header.size());
        if (needed > room_bytes_) {
            if (!refused_) refused_ = Error{Fault::storage_full, 0, "the store is full: new mail is deferred"};
            return {};
        }
        room_bytes_ -= needed;
    }

    const QueueId id = next_id({tally_.last_id}, now);
    tally_.last_id = id.value;
    const Tracked tracked = accepted(operation, id, retention_);
    messages::append(txn_, encoder_, tracked, operation.events);
    if (tracked.has_content) pieces::append(txn_, kContent, id, operation.content);
    if (tracked.original_header_bytes > 0) pieces::append(txn_, kOriginal, id, operation.original_header);
    const Footprint occupied = footprint(tracked);
    if (occupied.waiting) txn_.append(kWaiting, id_key(id), {});
    ++tally_.messages;
    tally_.waiting += occupied.waiting ? 1 : 0;
    move(id, {}, occupied);
    if (operation.submission) name(*operation.submission, id, operation.submission_until);
    for (const SubmissionKey& key : operation.recipient_keys) name(key, id, operation.submission_until);
    for (const Alias& alias : operation.aliases) name(alias.key, id, alias.until);
    return {id, false, tracked.message.recipients.size()};
}

template <class Transition>
Outcome Batch::change(QueueId id, const std::vector<Enqueue>& consequences, Transition transition) {
    Work* work = touch(id);
    if (!work) return {id, false, 0};
    Change change = transition(work->tracked);
    work->recipients.insert(change.recipients.begin(), change.recipients.end());
    work->events.insert(work->events.end(), std::make_move_iterator(change.events.begin()), std::make_move_iterator(change.events.end()));
    if (change.consequences)
        for (const Enqueue& consequence : consequences) enqueue(consequence, Door::consequence);
    return {id, false, change.counted};
}

Outcome Batch::purge(const Purge& operation) {
    lanes_changed_.ended.push_back({operation.id, kPurgeIndex});
    Work* work = touch(operation.id);
    if (!work) return {operation.id, false, 0};
    const Change given_up = give_up_deleted(work->tracked, operation, retention_);
    work->recipients.insert(given_up.recipients.begin(), given_up.recipients.end());
    if (!forgettable(work->tracked, operation.now)) return {operation.id, false, given_up.counted};
    work->forgotten = true;
    return {operation.id, false, work->tracked.message.recipients.size()};
}

Outcome Batch::purge_submissions(const PurgeSubmissions& operation) {
    using namespace layout;
    Outcome out;
    lmdb::Cursor cursor = txn_.cursor(kSubmissionsByTime);
    bool found = cursor.first();
    for (; found && out.changed < operation.limit; found = cursor.next()) {
        const Bytes key = cursor.key();
        if (key.size() == kSubmissionTimeKeySize && instant_of(number_at<std::uint64_t>(key, 0)) > operation.now) break;
        if (key.size() == kSubmissionTimeKeySize) txn_.erase(kSubmissions, Octets(key.substr(sizeof(std::uint64_t))));
        txn_.erase(cursor);
        ++out.changed;
    }
    return out;
}

Outcome Batch::set_gate(const SetGate& operation) {
    const bool was_held = txn_.get(layout::kHeldRoutes, operation.route).has_value();
    const bool held = operation.gate == Gate::held;
    if (held && !was_held) txn_.put(layout::kHeldRoutes, operation.route, {});
    if (!held && was_held) txn_.erase(layout::kHeldRoutes, operation.route);
    return {{}, false, held == was_held ? std::size_t{0} : std::size_t{1}};
}

Batch::Work* Batch::touch(QueueId id) {
    auto known = touched_.find(id);
    if (known != touched_.end()) return known->second.forgotten ? nullptr : &known->second;
    messages::Found found = messages::read(txn_, id);
    if (found.damaged) tell_("the record of message " + to_text(id) + " is damaged: it stays as it is; mmq check lists what is wrong");
    if (!found.tracked) return nullptr;
    Work work;
    work.occupied = footprint(*found.tracked);
    work.before.report_at = found.tracked->report_at;
    work.before.purge_at = found.tracked->purge_at;
    work.before.has_content = found.tracked->has_content;
    work.before.original_header_bytes = found.tracked->original_header_bytes;
    work.tracked = std::move(*found.tracked);
    return &touched_.emplace(id, std::move(work)).first->second;
}

void Batch::finish() {
    for (auto& [id, work] : touched_) write(id, work);
    forget_empty_lanes();
    txn_.put(layout::kMeta, layout::kTallyKey, encoder_.tally(tally_));
}

void Batch::write(QueueId id, Work& work) {
    const Tracked& now = work.tracked;
    const Tracked& before = work.before;
    const Footprint occupies = work.forgotten ? Footprint{} : footprint(now);
    if (before.has_content && (work.forgotten || !now.has_content)) pieces::erase(txn_, layout::kContent, id);
    if (before.original_header_bytes > 0 && (work.forgotten || now.original_header_bytes == 0)) pieces::erase(txn_, layout::kOriginal, id);
    if (work.occupied.waiting && !occupies.waiting) {
        txn_.erase(layout::kWaiting, layout::id_key(id));
        --tally_.waiting;
    }
    if (!work.occupied.waiting && occupies.waiting) {
        txn_.put(layout::kWaiting, layout::id_key(id), {});
        ++tally_.waiting;
    }
    if (work.forgotten) {
        messages::erase(txn_, id);
        --tally_.messages;
    } else {
        for (std::uint16_t index : work.recipients) {
            messages::write(txn_, encoder_, id, index, now.message.recipients[index]);
            lanes_changed_.states.push_back({{id, index}, now.message.recipients[index].state});
        }
        const bool same = before.report_at == now.report_at && before.purge_at == now.purge_at && before.has_content == now.has_content &&
                          before.original_header_bytes == now.original_header_bytes;
        if (!same) messages::write(txn_, encoder_, now);
        messages::add(txn_, encoder_, id, work.events);
    }
    move(id, work.occupied, occupies);
}

// Takes a message's index entries and counts from where they were to where they are to be.
void Batch::move(QueueId id, const Footprint& from, const Footprint& to) {
    for (std::size_t i = 0; i < tally_.recipients_by_state.size(); ++i)
        tally_.recipients_by_state[i] += std::uint64_t{to.recipients_by_state[i]} - from.recipients_by_state[i];
    tally_.content_bytes += to.content_bytes - from.content_bytes;

    std::vector<DueEntry> leaves, comes;
    std::ranges::set_difference(from.due, to.due, std::back_inserter(leaves));
    std::ranges::set_difference(to.due, from.due, std::back_inserter(comes));
    for (const DueEntry& entry : comes) {
        const DueKey key{lane_of(entry.lane), entry.at, {id, entry.index}};
        txn_.put(layout::kDue, layout::due_key(key), {});
        lanes_changed_.added.push_back(key);
    }
    for (const DueEntry& entry : leaves) {
        const DueKey key{lane_of(entry.lane), entry.at, {id, entry.index}};
        txn_.erase(layout::kDue, layout::due_key(key));
        maybe_empty_.insert(key.lane);
        lanes_changed_.removed.push_back(key);
    }
}

LaneId Batch::lane_of(const std::string& name) {
    if (auto known = lanes_.number_of(name)) return *known;
    auto [made, is_new] = new_lanes_.try_emplace(name, tally_.next_lane);
    if (is_new) ++tally_.next_lane;
    return made->second;
}

// A lane lives as long as it has entries: destinations come and go, and their names are a peer's choice.
void Batch::forget_empty_lanes() {
    std::set<LaneId> empty;
    if (!maybe_empty_.empty()) {
        lmdb::Cursor cursor = txn_.cursor(layout::kDue);
        for (LaneId lane : maybe_empty_) {
            if (lane < layout::kFirstLane) continue;
            const bool found = cursor.seek(layout::due_key({lane, {}, {}}));
            if (!found || layout::due_of_key(cursor.key()).lane != lane) empty.insert(lane);
        }
    }
    for (const auto& [name, lane] : new_lanes_) {
        if (empty.erase(lane) > 0) continue;
        txn_.put(layout::kLanes, layout::lane_key(lane), encoder_.lane(name));
        lanes_changed_.created.emplace_back(lane, name);
    }
    for (LaneId lane : empty) txn_.erase(layout::kLanes, layout::lane_key(lane));
    lanes_changed_.emptied.assign(empty.begin(), empty.end());
}

}   // namespace mmgate
