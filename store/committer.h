// The committer: one thread that owns the write transaction and serves everybody with one commit.
//
// It takes all operations that queued while the last commit ran, applies them together, and posts each outcome back to the loop.
// A batch that fails is tried again one submission at a time, so that one bad operation does not refuse the others.
#pragma once

#include <condition_variable>
#include <functional>
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

    /// Queues operations that belong together; `done` runs on the loop with one outcome each, after the commit, or with the error.
    void submit(std::vector<Operation> operations, Done done);
    /// Operations submitted and not yet answered. Loop's thread.
    std::size_t pending() const { return pending_; }
    /// Applies what is queued and stops. Outcomes are still posted.
    void stop();

private:
    struct Submission {
        std::vector<Operation> operations;
        Done done;
    };
    void run();

    Store& store_;
    Post post_;
    std::size_t pending_ = 0;   // loop's thread only
    std::mutex mutex_;
    std::condition_variable wake_;
    std::vector<Submission> queued_;
    bool stopping_ = false;
    std::thread thread_;
};

}  // namespace mmgate
