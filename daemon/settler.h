// Writes outcomes back, for as long as it takes.
//
// What has been delivered must never be delivered again because a commit failed: the outcome is kept and submitted anew until the store takes it. The lease
// lasts as long, so that nobody else claims the recipient meanwhile.
#pragma once

#include <functional>
#include <memory>
#include <vector>

#include "daemon/log.h"
#include "daemon/loop/loop.h"
#include "daemon/metrics.h"
#include "store/committer.h"

namespace mmgate {

class Settler {
public:
    Settler(Loop& loop, Committer& committer, Log& log, Metrics& metrics);

    /// `done` runs on the loop once the operations are durable. Prompt: somebody waits for that.
    void settle(std::vector<Operation> operations, std::function<void()> done, Committer::Urgency urgency = Committer::Urgency::relaxed);
    /// Outcomes that the store has refused and that wait to be submitted again.
    std::size_t unsettled() const { return unsettled_; }

private:
    struct Pending {
        std::vector<Operation> operations;
        std::function<void()> done;
        Committer::Urgency urgency = Committer::Urgency::relaxed;
        unsigned tries = 0;
    };
    void submit(std::shared_ptr<Pending> pending);   // shared by the commit's callback and the timer of its repetition
    void note_peer(const Recipient& recipient);
    void count(const std::vector<Operation>& operations, const std::vector<Outcome>& outcomes);

    Loop& loop_;
    Committer& committer_;
    Log& log_;
    Metrics& metrics_;
    std::size_t unsettled_ = 0;
    std::vector<Timer> timers_;
};

}   // namespace mmgate
