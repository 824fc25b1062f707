// The committer: one thread that owns the write transaction and serves everybody with one commit.
//
// It takes all operations that queued while the last commit ran, applies them together, and posts each outcome back to the loop. What nobody waits for
// shares the commit of what somebody waits for, so that outcomes of deliveries do not stand in the way of new mail.
// A batch that fails is tried again in parts, so that one bad operation does not refuse the others: first together what brings no new
// mail, then the rest one submission at a time. When the disk fails every part, what is left of the batch fails without another try.
#pragma once

#include <chrono>
#include <condition_variable>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "store/store.h"

namespace mmgate {

class Committer {
public:
    using Task = std::function<void()>;
    using Post = std::function<void(Task)>;   // runs a task on the loop's thread; callable from any thread
    using Done = std::function<void(Result<std::vector<Outcome>>)>;

    /// `store` and what `post` reaches must outlive the committer.
    Committer(Store& store, Post post);
    ~Committer();   // stops; what was submitted is applied first
    Committer(const Committer&) = delete;
    Committer& operator=(const Committer&) = delete;

    /// Whether somebody waits for the commit.
    enum class Urgency : std::uint8_t {
        prompt,    // begins a commit as soon as the last one has ended
        relaxed,   // rides along with a prompt one, or begins its own when none has come for kRelaxedWait
    };
    static constexpr std::chrono::milliseconds kRelaxedWait{20};

    /// Queues operations that belong together; `done` runs on the loop with one outcome each, after the commit, or with the error.
    void submit(std::vector<Operation> operations, Done done, Urgency urgency = Urgency::prompt);
    /// Operations submitted and not yet answered. Loop's thread.
    std::size_t pending() const { return *pending_; }
    /// Submissions that the store did not take, since the start. Loop's thread.
    std::uint64_t failures() const { return *failures_; }
    /// Applies what is queued and stops. Outcomes are still posted.
    void stop();

private:
    struct Submission {
        std::vector<Operation> operations;
        Done done;
        Urgency urgency = Urgency::prompt;
        std::uint64_t size_bytes = 0;
    };
    using Batch = std::vector<Submission>;
    void run();
    Batch next_batch();
    void carry_out(Batch batch);
    void answer(Submission& submission, Result<std::vector<Outcome>> outcomes);

    Store& store_;
    Post post_;
    // Loop's thread only; shared with the tasks on their way to it, which may outlive the committer.
    std::shared_ptr<std::size_t> pending_ = std::make_shared<std::size_t>(0);
    std::shared_ptr<std::uint64_t> failures_ = std::make_shared<std::uint64_t>(0);
    std::mutex mutex_;
    std::condition_variable wake_;
    std::deque<Submission> queued_;
    std::size_t prompt_ = 0;   // of queued_
    bool stopping_ = false;
    std::thread thread_;
};

}   // namespace mmgate
