#include "daemon/settler.h"

#include <algorithm>

#include "mapping/status.h"

namespace mmgate {

namespace {

constexpr std::chrono::milliseconds kFirstWait{500};
constexpr unsigned kMostDoublings = 6;   // 32 s

}   // namespace

Settler::Settler(Loop& loop, Committer& committer, Log& log, Metrics& metrics) : loop_(loop), committer_(committer), log_(log), metrics_(metrics) {}

void Settler::settle(std::vector<Operation> operations, std::function<void()> done, Committer::Urgency urgency) {
    auto pending = std::make_shared<Pending>();
    pending->operations = std::move(operations);
    pending->done = std::move(done);
    pending->urgency = urgency;
    submit(std::move(pending));
}

void Settler::submit(std::shared_ptr<Pending> pending) {
    // The operations are copied because the store consumes them and may refuse.
    committer_.submit(
        pending->operations, [this, pending](Result<std::vector<Outcome>> outcomes) {
            if (outcomes) {
                if (pending->tries > 0) --unsettled_;
                count(pending->operations, *outcomes);
                pending->done();
                return;
            }
            if (pending->tries++ == 0) ++unsettled_;
            log_.error("-", "outcome-not-written", {{"reason", outcomes.error().rule}, {"tries", pending->tries}, {"consequence", "kept in memory, tried again"}});
            std::erase_if(timers_, [](const Timer& timer) { return !timer.pending(); });
            timers_.push_back(loop_.after(kFirstWait * (1U << std::min(pending->tries, kMostDoublings)), [this, pending] { submit(pending); }));
        },
        pending->urgency);
}

// Of mail. Phones end recipients themselves, and the notifier says what became of a push; of a peer the MM4 carrier says what became of a request.
void Settler::note_peer(const Recipient& recipient) {
    if (!recipient.lane.starts_with("mail:")) return;
    PeerBook& peers = metrics_.peers();
    switch (recipient.state) {
        case RecipientState::delivered:
        case RecipientState::relayed: return peers.note(recipient.lane, Attempt::sent, recipient.reason, loop_.now());
        case RecipientState::deferred: return peers.note(recipient.lane, Attempt::deferred, recipient.reason, loop_.now());
        case RecipientState::failed:
            // What we could not even write down for it is not the next hop's fault.
            if (!recipient.remote_mta.empty()) peers.note(recipient.lane, Attempt::refused, recipient.reason, loop_.now());
            return;
        default: return;
    }
}

void Settler::count(const std::vector<Operation>& operations, const std::vector<Outcome>& outcomes) {
    for (std::size_t i = 0; i < operations.size(); ++i) {
        const auto* settle = std::get_if<Settle>(&operations[i]);
        if (!settle || outcomes[i].changed == 0) continue;
        note_peer(settle->recipient);
        switch (settle->recipient.state) {
            case RecipientState::delivered: metrics_.add(Counter::delivered); break;
            case RecipientState::relayed: metrics_.add(Counter::relayed); break;
            case RecipientState::rejected: metrics_.add(Counter::rejected); break;
            case RecipientState::expired: metrics_.add(Counter::expired); break;
            case RecipientState::failed: metrics_.add(Counter::failed); break;
            default: break;
        }
    }
}

}   // namespace mmgate
