// A few threads for pure work on large values and for reads of the store: what the loop must not wait for.
#pragma once

#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>
#include <type_traits>
#include <utility>
#include <vector>

#include "daemon/loop/loop.h"
#include "mapping/result.h"

namespace mmgate {

class Workers {
public:
    Workers(Loop& loop, std::size_t threads);
    ~Workers();   // finishes what runs, drops what waits
    Workers(const Workers&) = delete;
    Workers& operator=(const Workers&) = delete;

    /// Runs `work` on a worker and `done(result)` on the loop. Work that gives a Result may throw: that is Fault::internal to `done`, which would otherwise never
    /// hear of it again.
    template <class Work, class Done>
    void run(Work work, Done done) {
        enqueue([this, work = std::move(work), done = std::move(done)]() mutable {
            using Value = std::invoke_result_t<Work>;
            if constexpr (std::is_void_v<Value>) {
                work();
                loop_.post([done = std::move(done)]() mutable { done(); });
            } else {
                auto value = std::make_shared<Value>(outcome_of<Value>(work));   // shared: std::function copies its target
                loop_.post([value, done = std::move(done)]() mutable { done(std::move(*value)); });
            }
        });
    }
    std::size_t waiting() const;

private:
    template <class Value, class Work>
    static Value outcome_of(Work& work) {
        if constexpr (requires(Value value) { value.error().rule; }) {
            Value value = fail(Fault::internal, "an unexpected error, which the log calls a bug");
            guarded([&] { value = work(); });
            return value;
        } else {
            return work();
        }
    }
    void enqueue(Task task);
    void run_thread();

    Loop& loop_;
    mutable std::mutex mutex_;
    std::condition_variable wake_;
    std::deque<Task> tasks_;
    bool stopping_ = false;
    std::vector<std::thread> threads_;
};

}   // namespace mmgate
