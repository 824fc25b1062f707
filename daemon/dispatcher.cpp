#include "daemon/dispatcher.h"

#include <algorithm>
#include <limits>

namespace mmgate {

namespace {

// One claim takes at most this many messages, so that a long lane does not hold a worker.
constexpr std::size_t kClaimAtOnce = 64;
// Due lanes looked at beyond those that are busy; if there are more, the next turn looks at them.
constexpr std::size_t kLanesAtOnce = 256;
// By the operator; what is beyond has its turn within kLongestWait.
constexpr std::size_t kLanesAwoken = 10'000;
// A lane that is due, has nothing under way and yet no slot is looked at again after this, whatever ends before.
constexpr std::chrono::milliseconds kIdleLook{1000};
// The clock may be drawn towards the wall clock, so that a computed wait is no promise.
constexpr std::chrono::milliseconds kLongestWait{60'000};
// Crashes with a message under way, from which on it is carried alone and parked.
constexpr unsigned kCrashesToStandAlone = 2;
constexpr unsigned kCrashesToBeParked = 3;

}   // namespace

Dispatcher::Dispatcher(Loop& loop, Store& store, Workers& workers, Settler& settler, CrashRecord& crashes, Log& log, std::vector<Carrier*> carriers)
    : loop_(loop), store_(store), workers_(workers), settler_(settler), crashes_(crashes), log_(log), carriers_(std::move(carriers)) {}

void Dispatcher::kick() {
    if (looking_ || draining_) return;
    looking_ = true;
    loop_.post([this] {
        looking_ = false;
        look();
    });
}

void Dispatcher::try_now() {
    for (Carrier* carrier : carriers_) carrier->try_now();
    for (const LaneLoad& load : store_.lane_loads(kLanesAwoken)) store_.rest(load.lane, loop_.now());
    kick();
}

void Dispatcher::drain() {
    draining_ = true;
    carrying_ -= suspects_.size();   // their leases end with us
    suspects_.clear();
    next_.cancel();
    soon_.cancel();
}

Carrier* Dispatcher::carrier_of(std::string_view lane) const {
    auto found = std::ranges::find_if(carriers_, [&](const Carrier* carrier) { return carrier->carries(lane); });
    return found == carriers_.end() ? nullptr : *found;
}

void Dispatcher::look() {
    if (draining_ || alone_) return;   // its end is followed by a look
    const Instant now = loop_.now();
    next_.cancel();
    stood_back_ = false;
    const std::size_t limit = kLanesAtOnce + lanes_.size();
    std::vector<LaneDue> lanes = store_.lanes(now, limit);
    const auto rank_of = [&](const LaneDue& due) {
        const Carrier* carrier = carrier_of(due.lane);
        return due.due > now ? std::numeric_limits<int>::max() : carrier ? carrier->rank(due.lane)
                                                                         : 0;
    };
    std::ranges::stable_sort(lanes, {}, rank_of);
    bool claimed = false, rested = false;
    for (const LaneDue& due : lanes) {
        if (due.due > now) {
            auto wait = std::min(kLongestWait, std::chrono::duration_cast<std::chrono::milliseconds>(due.due - now) + std::chrono::milliseconds(1));
            next_ = loop_.after(wait, [this] { kick(); });
            break;
        }
        auto busy = lanes_.find(due.lane);
        if (busy != lanes_.end() && busy->second.claiming) continue;
        Carrier* carrier = carrier_of(due.lane);
        if (!carrier) {   // a lane of a configuration that is gone: mmq shows it, an operator ends it
            store_.rest(due.lane, now + kLongestWait);
            rested = true;
            continue;
        }
        // A lane that goes first may be about to take what its pool has left; and of a slot that has become free since it asked, too, it takes the first.
        const auto promised = promised_.find(carrier->pool(due.lane));
        const std::size_t free = carrier->free_slots(due.lane);
        const bool is_behind = promised != promised_.end() && carrier->rank(due.lane) > *promised->second.ranks.begin();
        const std::size_t slots = promised == promised_.end() ? free : free - std::min(free, promised->second.slots);
        if (free > 0 && (slots == 0 || is_behind)) {
            stood_back_ = true;
            continue;
        }
        if (slots > 0) {
            claim(due.lane, *carrier, std::min(slots, kClaimAtOnce));
            claimed = true;
            continue;
        }
        // A next hop that is left alone does not stand in front of others: a thousand dead ones must not hold up a living one.
        const Instant next = carrier->next_slot(due.lane, now);
        if (next > now) {
            store_.rest(due.lane, std::min(next, now + kLongestWait));
            rested = true;
        } else if (busy == lanes_.end() && !soon_.pending()) {
            soon_ = loop_.after(kIdleLook, [this] { kick(); });
        }
    }
    // What rests has its turn later, which the next look waits for. And where all that was asked for is due, there may be more behind what is claimed.
    if (rested || (claimed && lanes.size() == limit && lanes.back().due <= now)) kick();
    // Nothing known to be due: still look now and then, for what only the store knows of.
    if (!next_.pending()) next_ = loop_.after(kLongestWait, [this] { kick(); });
}

void Dispatcher::claim(const std::string& lane, Carrier& carrier, std::size_t slots) {
    Lane& state = lanes_[lane];
    state.claiming = true;
    state.promised = slots;
    state.rank = carrier.rank(lane);
    Promise& promise = promised_[std::string(carrier.pool(lane))];
    promise.slots += slots;
    promise.ranks.insert(state.rank);
    const Instant now = loop_.now();
    workers_.run([this, lane, now, slots] { return store_.claim(lane, now, slots); },
                 [this, lane, &carrier](std::vector<Claimed> claimed) { take(lane, carrier, std::move(claimed)); });
}

void Dispatcher::take(const std::string& lane, Carrier& carrier, std::vector<Claimed> claimed) {
    Lane& state = lanes_[lane];
    state.claiming = false;
    const auto promised = promised_.find(carrier.pool(lane));
    Promise& promise = promised->second;
    promise.slots -= state.promised;
    promise.ranks.erase(promise.ranks.find(state.rank));
    if (promise.ranks.empty()) promised_.erase(promised);
    state.carrying += claimed.size();
    carrying_ += claimed.size();
    const bool found = !claimed.empty();
    for (Claimed& one : claimed) {
        // The end of a record is the store's work alone.
        const unsigned crashes = lane == kPurgeLane ? 0 : crashes_.crashes(one.message.id, lane);
        if (crashes >= kCrashesToBeParked) park(lane, std::move(one));
        else if (crashes > 0) suspects_.push_back({lane, &carrier, std::move(one), crashes});
        else begin(lane, carrier, std::move(one));
    }
    if (!found && state.carrying == 0) lanes_.erase(lane);
    next_suspect();
    if (found || stood_back_) kick();   // there may be more than one claim takes, and a lane that stood back for this one
}

void Dispatcher::begin(const std::string& lane, Carrier& carrier, Claimed claimed) {
    const CrashRecord::Slot slot = crashes_.begin(claimed.message.id, lane);
    carrier.carry(lane, std::move(claimed), [this, lane, slot] {
        crashes_.end(slot);
        release(lane);
    });
}

void Dispatcher::next_suspect() {
    if (suspect_under_way_ || suspects_.empty()) return;
    alone_ = suspects_.front().crashes >= kCrashesToStandAlone;
    if (alone_ && (carrying_ > suspects_.size() || !promised_.empty())) return;   // when the last of those has ended
    suspect_under_way_ = true;
    Suspect suspect = std::move(suspects_.front());
    suspects_.pop_front();
    const CrashRecord::Slot slot = crashes_.begin(suspect.claimed.message.id, suspect.lane);
    log_.notice(to_text(suspect.claimed.message.id), "suspected", {{"lane", suspect.lane}, {"crashes", suspect.crashes}, {"consequence", alone_ ? "carried alone" : "carried one at a time"}});
    suspect.carrier->carry(suspect.lane, std::move(suspect.claimed), [this, lane = suspect.lane, slot] {
        crashes_.end(slot);
        suspect_under_way_ = false;
        alone_ = false;
        release(lane);
    });
}

void Dispatcher::park(const std::string& lane, Claimed claimed) {
    const Message& message = claimed.message;
    const std::string reason = "the gateway crashed " + std::to_string(crashes_.crashes(message.id, lane)) + " times in a row while it carried this in lane " + lane;
    std::vector<Operation> operations;
    if (lane == kReportLane) {
        Reported reported;
        reported.id = message.id;
        for (std::size_t i = 0; i < message.recipients.size(); ++i)
            if (message.recipients[i].report_due) reported.recipients.push_back(static_cast<std::uint16_t>(i));
        reported.events.push_back({loop_.now(), std::nullopt, "report-impossible", reason});
        operations.emplace_back(std::move(reported));
    } else {
        operations.emplace_back(Hold{message.id, loop_.now(), reason});
    }
    log_.error(to_text(message.id), "parked", {{"lane", lane}, {"reason", reason}, {"consequence", lane == kReportLane ? "nobody is told of its end" : "held until it is released or deleted"}});
    settler_.settle(std::move(operations), [this, lane, id = message.id, recipients = claimed.recipients] {
        crashes_.forget(id, lane);
        for (const std::uint16_t index : recipients) {
            const RecipientRef ref{id, index};
            store_.abandon({&ref, 1});
        }
        release(lane);
    });
}

void Dispatcher::release(const std::string& lane) {
    --carrying_;
    auto found = lanes_.find(lane);
    if (found != lanes_.end() && --found->second.carrying == 0 && !found->second.claiming) lanes_.erase(found);
    next_suspect();
    kick();
}

}   // namespace mmgate
