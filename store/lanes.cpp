#include "store/lanes.h"

#include <algorithm>

namespace mmgate {

namespace {

std::size_t place_of(RecipientState state) { return static_cast<std::size_t>(state); }

}   // namespace

void Lanes::clear() {
    std::lock_guard lock(mutex_);
    lanes_.clear();
    numbers_.clear();
    order_.clear();
}

void Lanes::load(LaneId number, std::string name, std::optional<Instant> earliest) {
    std::lock_guard lock(mutex_);
    numbers_[name] = number;
    Lane& lane = lanes_[number];
    lane.name = std::move(name);
    place(number, lane, earliest);
}

std::optional<LaneId> Lanes::number_of(std::string_view name) const {
    std::lock_guard lock(mutex_);
    auto found = numbers_.find(name);
    if (found == numbers_.end()) return std::nullopt;
    return found->second;
}

std::vector<LaneDue> Lanes::due(Instant now, std::size_t limit) const {
    std::lock_guard lock(mutex_);
    std::vector<LaneDue> out;
    for (const auto& [at, number] : order_) {
        if (out.size() == limit) break;
        out.push_back({lanes_.at(number).name, at});
        if (at > now) break;
    }
    return out;
}

std::vector<LaneLoad> Lanes::loads(std::size_t limit) const {
    std::lock_guard lock(mutex_);
    std::vector<LaneLoad> out;
    for (const auto& [name, number] : numbers_) {
        if (out.size() == limit) break;
        const Lane& lane = lanes_.at(number);
        if (lane.entries > 0) out.push_back({name, lane.entries, lane.earliest});
    }
    return out;
}

void Lanes::count(LaneId number) {
    std::lock_guard lock(mutex_);
    if (auto found = lanes_.find(number); found != lanes_.end()) ++found->second.entries;
}

// Moves a lane to where its earliest entry puts it in the order.
void Lanes::place(LaneId number, Lane& lane, std::optional<Instant> earliest) {
    if (lane.earliest) order_.erase({lane.turn(), number});
    lane.earliest = earliest;
    if (earliest) order_.insert({lane.turn(), number});
}

void Lanes::rest(std::string_view name, Instant until) {
    std::lock_guard lock(mutex_);
    auto number = numbers_.find(name);
    if (number == numbers_.end()) return;
    Lane& lane = lanes_.at(number->second);
    const auto earliest = lane.earliest;
    place(number->second, lane, std::nullopt);
    lane.rests_until = until;
    place(number->second, lane, earliest);
}

// An entry that is not leased is there.
void Lanes::offer(LaneId number, Instant at) {
    auto found = lanes_.find(number);
    if (found == lanes_.end()) return;
    Lane& lane = found->second;
    if (!lane.earliest || at < *lane.earliest) place(number, lane, at);
    if (!lane.returned || at < *lane.returned) lane.returned = at;
}

std::vector<LaneId> Lanes::commit(const LaneChanges& changes) {
    std::lock_guard lock(mutex_);
    std::set<LaneId> unsure;
    for (const auto& [number, name] : changes.created) {
        numbers_[name] = number;
        lanes_[number].name = name;
    }
    // Removals first, then additions, then the ends of leases: what a settled recipient leaves is its lease's entry, never the lane's earliest.
    for (const DueKey& entry : changes.removed) {
        if (auto lane = lanes_.find(entry.lane); lane != lanes_.end() && lane->second.entries > 0) --lane->second.entries;
        if (auto lease = leases_.find(entry.ref); lease != leases_.end()) {
            lease->second.entry.reset();
            continue;
        }
        auto lane = lanes_.find(entry.lane);
        if (lane != lanes_.end() && lane->second.earliest == entry.at) unsure.insert(entry.lane);
    }
    for (const DueKey& entry : changes.added) {
        if (auto lane = lanes_.find(entry.lane); lane != lanes_.end()) ++lane->second.entries;
        if (auto lease = leases_.find(entry.ref); lease != leases_.end()) lease->second.entry = entry;
        else offer(entry.lane, entry.at);
    }
    for (const auto& [ref, state] : changes.states) {
        auto lease = leases_.find(ref);
        if (lease == leases_.end() || !lease->second.state) continue;
        --leased_by_state_[place_of(*lease->second.state)];
        lease->second.state = state;
        ++leased_by_state_[place_of(state)];
    }
    for (const RecipientRef& ref : changes.ended) end_lease(ref);
    for (LaneId number : changes.emptied) {
        auto lane = lanes_.find(number);
        if (lane == lanes_.end()) continue;
        place(number, lane->second, std::nullopt);
        numbers_.erase(lane->second.name);
        lanes_.erase(lane);
        unsure.erase(number);
    }
    return {unsure.begin(), unsure.end()};
}

void Lanes::set_earliest(LaneId number, std::optional<Instant> earliest) {
    std::lock_guard lock(mutex_);
    if (auto found = lanes_.find(number); found != lanes_.end()) place(number, found->second, earliest);
}

bool Lanes::leased(const RecipientRef& ref) const {
    std::lock_guard lock(mutex_);
    return leases_.contains(ref);
}

std::array<std::uint64_t, 12> Lanes::leased_by_state() const {
    std::lock_guard lock(mutex_);
    return leased_by_state_;
}

void Lanes::show_active(Message& message) const {
    std::lock_guard lock(mutex_);
    for (std::size_t i = 0; i < message.recipients.size(); ++i) {
        RecipientState& state = message.recipients[i].state;
        const bool waits = state == RecipientState::queued || state == RecipientState::deferred;
        if (waits && leases_.contains({message.id, static_cast<std::uint16_t>(i)})) state = RecipientState::active;
    }
}

std::optional<Instant> Lanes::begin_claim(LaneId number) {
    std::lock_guard lock(mutex_);
    auto found = lanes_.find(number);
    if (found == lanes_.end()) return std::nullopt;
    found->second.returned.reset();
    return found->second.earliest;
}

void Lanes::lease(const DueKey& entry, std::optional<RecipientState> state) {
    std::lock_guard lock(mutex_);
    if (leases_.try_emplace(entry.ref, Lease{entry, state}).second && state) ++leased_by_state_[place_of(*state)];
}

void Lanes::end_claim(LaneId number, std::optional<Instant> next) {
    std::lock_guard lock(mutex_);
    auto found = lanes_.find(number);
    if (found == lanes_.end()) return;
    const std::optional<Instant>& returned = found->second.returned;
    place(number, found->second, next && returned ? std::min(next, returned) : next ? next
                                                                                    : returned);
}

void Lanes::abandon(const RecipientRef& ref) {
    std::lock_guard lock(mutex_);
    end_lease(ref);
}

void Lanes::end_lease(const RecipientRef& ref) {
    auto lease = leases_.find(ref);
    if (lease == leases_.end()) return;
    if (lease->second.entry) offer(lease->second.entry->lane, lease->second.entry->at);
    if (lease->second.state) --leased_by_state_[place_of(*lease->second.state)];
    leases_.erase(lease);
}

}   // namespace mmgate
