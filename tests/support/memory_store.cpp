#include "tests/support/memory_store.h"

#include <algorithm>

namespace mmgate {

void MemoryStore::fail_with(std::optional<Error> error) {
    std::lock_guard lock(mutex_);
    error_ = std::move(error);
}

bool MemoryStore::fits(const State& state, std::uint64_t size_bytes) const {
    std::uint64_t held = 0;
    for (const auto& [id, item] : state.items) held += item.content.size();
    return held + size_bytes <= options_.content_bytes;
}

Result<void> MemoryStore::admits(std::uint64_t size_bytes) const {
    std::lock_guard lock(mutex_);
    if (fits(state_, size_bytes)) return {};
    return fail(Fault::storage_full, "the store is full");
}

Result<std::vector<Outcome>> MemoryStore::apply(std::span<Operation> operations) {
    std::lock_guard lock(mutex_);
    if (error_) return fail(*error_);
    State next = state_;
    std::vector<Outcome> outcomes;
    for (const Operation& operation : operations) {
        const auto* enqueue = std::get_if<Enqueue>(&operation);
        const std::size_t before = next.items.size();
        outcomes.push_back(perform(next, operation));
        if (enqueue && next.items.size() > before && !fits(next, 0)) return fail(Fault::storage_full, "the store is full: new mail is deferred");
    }
    // A lane's rest ends with its work.
    std::set<std::string, std::less<>> lanes;
    for (const auto& [id, item] : next.items)
        for (const DueEntry& entry : footprint(item.tracked).due) lanes.insert(entry.lane);
    std::erase_if(next.rests, [&](const auto& rest) { return !lanes.contains(rest.first); });
    state_ = std::move(next);
    ++commits_;
    return outcomes;
}

Outcome MemoryStore::perform(State& state, const Operation& operation) const {
    static const std::vector<Enqueue> kNone;
    return std::visit(overloaded{
                          [&](const Enqueue& op) { return enqueue(state, op); },
                          [&](const Settle& op) {
                              state.leases.erase(op.ref);
                              const Outcome outcome = change(state, op.ref.id, op.consequences, [&](Tracked& tracked) { return settle(tracked, op, retention_); });
                              if (outcome.changed > 0)
                                  for (const Alias& alias : op.aliases) state.submissions[alias.key] = {op.ref.id, alias.until};
                              return outcome;
                          },
                          [&](const Reported& op) {
                              state.leases.erase({op.id, kReportIndex});
                              return change(state, op.id, op.consequences, [&](Tracked& tracked) { return reported(tracked, op, retention_); });
                          },
                          [&](const Hold& op) { return change(state, op.id, kNone, [&](Tracked& tracked) { return hold(tracked, op); }); },
                          [&](const Release& op) { return change(state, op.id, kNone, [&](Tracked& tracked) { return release(tracked, op); }); },
                          [&](const Retry& op) { return change(state, op.id, kNone, [&](Tracked& tracked) { return retry(tracked, op); }); },
                          [&](const Delete& op) { return change(state, op.id, kNone, [&](Tracked& tracked) { return erase(tracked, op, retention_); }); },
                          [&](const Undelete& op) { return change(state, op.id, kNone, [&](Tracked& tracked) { return undelete(tracked, op, retention_); }); },
                          [&](const Purge& op) {
                              state.leases.erase({op.id, kPurgeIndex});
                              auto found = state.items.find(op.id);
                              if (found == state.items.end()) return Outcome{op.id, false, 0};
                              const Outcome given_up = change(state, op.id, kNone, [&](Tracked& tracked) { return give_up_deleted(tracked, op, retention_); });
                              if (!forgettable(found->second.tracked, op.now)) return given_up;
                              Outcome out{op.id, false, found->second.tracked.message.recipients.size()};
                              state.items.erase(found);
                              return out;
                          },
                          [&](const PurgeSubmissions& op) {
                              std::vector<std::pair<Instant, SubmissionKey>> over;
                              for (const auto& [key, known] : state.submissions)
                                  if (known.until <= op.now) over.emplace_back(known.until, key);
                              std::ranges::sort(over);
                              over.resize(std::min(over.size(), op.limit));
                              for (const auto& [until, key] : over) state.submissions.erase(key);
                              return Outcome{{}, false, over.size()};
                          },
                          [&](const SetGate& op) {
                              const bool changed = op.gate == Gate::held ? state.held_routes.insert(op.route).second : state.held_routes.erase(op.route) > 0;
                              return Outcome{{}, false, changed ? std::size_t{1} : std::size_t{0}};
                          },
                      },
                      operation);
}

Outcome MemoryStore::enqueue(State& state, const Enqueue& operation) const {
    Enqueue enqueue = operation;
    auto known_as = [&](const SubmissionKey& key) -> std::optional<QueueId> {
        auto found = state.submissions.find(key);
        if (found == state.submissions.end() || found->second.until <= enqueue.message.arrival) return std::nullopt;
        return found->second.id;
    };
    if (enqueue.submission) {
        auto known = state.submissions.find(*enqueue.submission);
        if (known != state.submissions.end() && known->second.until > enqueue.message.arrival) return {known->second.id, true, 0};
    }
    if (!operation.recipient_keys.empty()) {
        enqueue.message.recipients.clear();
        enqueue.recipient_keys.clear();
        std::optional<QueueId> first;
        for (std::size_t i = 0; i < operation.recipient_keys.size(); ++i) {
            if (auto id = known_as(operation.recipient_keys[i])) {
                first = first.value_or(*id);
                continue;
            }
            enqueue.message.recipients.push_back(operation.message.recipients[i]);
            enqueue.recipient_keys.push_back(operation.recipient_keys[i]);
        }
        if (enqueue.message.recipients.empty()) return {*first, true, 0};
    }
    const QueueId id = next_id(state.last, enqueue.message.arrival);
    state.last = id;
    Item item{accepted(enqueue, id, retention_), {}, {}, enqueue.events};
    if (item.tracked.has_content) item.content = enqueue.content;
    if (item.tracked.original_header_bytes > 0) item.original_header = enqueue.original_header;
    const Outcome out{id, false, item.tracked.message.recipients.size()};
    state.items.emplace(id, std::move(item));
    if (enqueue.submission) state.submissions[*enqueue.submission] = {id, enqueue.submission_until};
    for (const SubmissionKey& key : enqueue.recipient_keys) state.submissions[key] = {id, enqueue.submission_until};
    for (const Alias& alias : enqueue.aliases) state.submissions[alias.key] = {id, alias.until};
    return out;
}

Outcome MemoryStore::change(State& state, QueueId id, const std::vector<Enqueue>& consequences, const std::function<Change(Tracked&)>& transition) const {
    auto found = state.items.find(id);
    if (found == state.items.end()) return {id, false, 0};
    Item& item = found->second;
    Change change = transition(item.tracked);
    item.events.insert(item.events.end(), change.events.begin(), change.events.end());
    if (!item.tracked.has_content) item.content.clear();
    if (item.tracked.original_header_bytes == 0) item.original_header.clear();
    if (change.consequences)
        for (const Enqueue& one : consequences) enqueue(state, one);
    return {id, false, change.counted};
}

std::optional<QueueId> MemoryStore::named(const SubmissionKey& key, Instant now) const {
    std::lock_guard lock(mutex_);
    auto found = state_.submissions.find(key);
    if (found == state_.submissions.end() || found->second.until <= now) return std::nullopt;
    return found->second.id;
}

std::vector<std::string> MemoryStore::held_routes() const {
    std::lock_guard lock(mutex_);
    return {state_.held_routes.begin(), state_.held_routes.end()};
}

std::vector<Claimed> MemoryStore::claim(std::string_view lane, Instant now, std::size_t limit) {
    std::lock_guard lock(mutex_);
    std::vector<std::tuple<Instant, QueueId, std::uint16_t>> due;
    for (const auto& [id, item] : state_.items)
        for (const DueEntry& entry : footprint(item.tracked).due)
            if (entry.lane == lane && entry.at <= now && !state_.leases.contains({id, entry.index})) due.emplace_back(entry.at, id, entry.index);
    std::ranges::sort(due);
    std::vector<Claimed> out;
    for (const auto& [at, id, index] : due) {
        auto known = std::ranges::find(out, id, [](const Claimed& claimed) { return claimed.message.id; });
        if (known == out.end()) {
            if (out.size() == limit) continue;
            known = out.insert(out.end(), {state_.items.at(id).tracked.message, {}});
        }
        state_.leases.insert({id, index});
        if (index < kReportIndex) known->recipients.push_back(index);
    }
    for (Claimed& claimed : out) std::ranges::sort(claimed.recipients);
    return out;
}

void MemoryStore::abandon(std::span<const RecipientRef> refs) {
    std::lock_guard lock(mutex_);
    for (const RecipientRef& ref : refs) state_.leases.erase(ref);
}

void MemoryStore::abandon(std::string_view lane, QueueId id) {
    std::lock_guard lock(mutex_);
    state_.leases.erase({id, lane == kPurgeLane ? kPurgeIndex : kReportIndex});
}

void MemoryStore::rest(std::string_view lane, Instant until) {
    std::lock_guard lock(mutex_);
    state_.rests[std::string(lane)] = until;
}

std::vector<LaneDue> MemoryStore::lanes(Instant now, std::size_t limit) const {
    std::lock_guard lock(mutex_);
    std::map<std::string, Instant> earliest;
    for (const auto& [id, item] : state_.items)
        for (const DueEntry& entry : footprint(item.tracked).due) {
            if (state_.leases.contains({id, entry.index})) continue;
            auto [found, is_new] = earliest.try_emplace(entry.lane, entry.at);
            found->second = std::min(found->second, entry.at);
        }
    std::vector<LaneDue> out;
    for (const auto& [lane, at] : earliest) {
        auto rest = state_.rests.find(lane);
        out.push_back({lane, rest == state_.rests.end() ? at : std::max(at, rest->second)});
    }
    std::ranges::stable_sort(out, {}, &LaneDue::due);
    auto future = std::ranges::find_if(out, [&](const LaneDue& lane) { return lane.due > now; });
    if (future != out.end()) out.erase(future + 1, out.end());
    if (out.size() > limit) out.resize(limit);
    return out;
}

std::vector<LaneLoad> MemoryStore::lane_loads(std::size_t limit) const {
    std::lock_guard lock(mutex_);
    std::map<std::string, LaneLoad> loads;
    for (const auto& [id, item] : state_.items)
        for (const DueEntry& entry : footprint(item.tracked).due) {
            LaneLoad& load = loads[entry.lane];
            load.lane = entry.lane;
            ++load.entries;
            if (!state_.leases.contains({id, entry.index})) load.earliest = load.earliest ? std::min(*load.earliest, entry.at) : entry.at;
        }
    std::vector<LaneLoad> out;
    for (auto& [lane, load] : loads)
        if (out.size() < limit) out.push_back(std::move(load));
    return out;
}

Message MemoryStore::shown(const Item& item) const {
    Message out = item.tracked.message;
    for (std::size_t i = 0; i < out.recipients.size(); ++i) {
        RecipientState& state = out.recipients[i].state;
        const bool waits = state == RecipientState::queued || state == RecipientState::deferred;
        if (waits && state_.leases.contains({out.id, static_cast<std::uint16_t>(i)})) state = RecipientState::active;
    }
    return out;
}

std::optional<Message> MemoryStore::find(QueueId id) const {
    std::lock_guard lock(mutex_);
    auto found = state_.items.find(id);
    if (found == state_.items.end()) return std::nullopt;
    return shown(found->second);
}

Result<Octets> MemoryStore::content(QueueId id) const {
    std::lock_guard lock(mutex_);
    auto found = state_.items.find(id);
    if (found == state_.items.end() || !found->second.tracked.has_content) return fail(Fault::not_found, "its content is not kept");
    return found->second.content;
}

std::optional<Octets> MemoryStore::original_header(QueueId id) const {
    std::lock_guard lock(mutex_);
    auto found = state_.items.find(id);
    if (found == state_.items.end() || found->second.tracked.original_header_bytes == 0) return std::nullopt;
    return found->second.original_header;
}

std::vector<Event> MemoryStore::events(QueueId id) const {
    std::lock_guard lock(mutex_);
    auto found = state_.items.find(id);
    return found == state_.items.end() ? std::vector<Event>() : found->second.events;
}

std::vector<Message> MemoryStore::list(QueueId after, std::size_t limit, bool ended) const {
    std::lock_guard lock(mutex_);
    std::vector<Message> out;
    for (auto at = state_.items.upper_bound(after); at != state_.items.end() && out.size() < limit; ++at)
        if (ended || footprint(at->second.tracked).waiting) out.push_back(shown(at->second));
    return out;
}

StoreStats MemoryStore::stats() const {
    std::lock_guard lock(mutex_);
    StoreStats out;
    for (const auto& [id, item] : state_.items) {
        const bool waiting = footprint(item.tracked).waiting;
        ++out.records;
        out.messages += waiting ? 1 : 0;
        if (waiting && !out.oldest_arrival) out.oldest_arrival = item.tracked.message.arrival;
        out.content_bytes += item.content.size();
        for (const Recipient& recipient : shown(item).recipients) ++out.recipients_by_state[static_cast<std::size_t>(recipient.state)];
    }
    out.file_bytes = out.map_bytes = out.used_bytes = out.content_bytes;
    out.disk_free_bytes = options_.content_bytes - std::min(options_.content_bytes, out.content_bytes);
    out.commits = commits_;
    out.accepting = !error_ && fits(state_, 1);
    return out;
}

Result<void> MemoryStore::backup(const std::string&) const { return fail(Fault::storage_failed, "there is nothing on a disk"); }

}   // namespace mmgate
