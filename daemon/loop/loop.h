// The event loop: timers, tasks from other threads, signals. One loop owns every session.
//
// Every C callback of the gateway is a `guarded` trampoline: what a library throws drops that session, not the process.
#pragma once

#include <chrono>
#include <exception>
#include <functional>
#include <memory>
#include <mutex>
#include <vector>

#include <event2/event.h>

#include "daemon/loop/inherited_sockets.h"
#include "mapping/mm.h"

namespace mmgate {

/// The release function of a C type inside the type.
template <auto release>
struct FreedBy {
    template <class T>
    void operator()(T* p) const noexcept { release(p); }
};
using EventBase = std::unique_ptr<event_base, FreedBy<event_base_free>>;
using EventHandle = std::unique_ptr<event, FreedBy<event_free>>;

/// Says on standard error that a callback threw; the session it belonged to is dropped by its owner.
void report_escaped(const char* what) noexcept;

/// The only catch: runs `body`, and `drop` when it threw.
template <class Body, class Drop>
void guarded(Body&& body, Drop&& drop) noexcept {
    try {
        body();
        return;
    } catch (const std::exception& e) {
        report_escaped(e.what());
    } catch (...) {
        report_escaped("unknown exception");
    }
    try {
        drop();
    } catch (...) {
        report_escaped("while dropping a session");
    }
}
template <class Body>
void guarded(Body&& body) noexcept {
    guarded(std::forward<Body>(body), [] {});
}

using Task = std::function<void()>;

/// A pending timer; destroying it cancels. Default: no timer.
class Timer {
public:
    Timer() = default;
    bool pending() const { return state_ != nullptr && state_->armed; }
    void cancel() { state_.reset(); }

private:
    friend class Loop;
    struct State {
        EventHandle event;
        Task task;
        bool armed = false;
    };
    std::unique_ptr<State> state_;
};

class Loop {
public:
    Loop();
    ~Loop();
    Loop(const Loop&) = delete;
    Loop& operator=(const Loop&) = delete;

    event_base* base() const { return base_.get(); }

    /// Wall-clock time that never runs backwards and does not follow a sudden step of the system's clock:
    /// it advances with the monotonic clock and is drawn towards the wall clock. Any thread.
    Instant now() const;

    /// Runs `task` on the loop's thread, in order. Any thread.
    void post(Task task);
    /// Runs `task` once after `delay`.
    Timer after(std::chrono::milliseconds delay, Task task);
    /// Calls `task` for each arrival of a signal.
    void on_signal(int number, Task task);

    /// Listeners opened from now on take their sockets from these, where one has their address.
    void adopt(InheritedSockets sockets) { inherited_ = std::move(sockets); }
    InheritedSockets& inherited() { return inherited_; }

    void run();    // until stop
    void stop();   // any thread
private:
    void run_posted();

    InheritedSockets inherited_;
    EventBase base_;
    EventHandle wakeup_;
    int wake_fd_ = -1;
    struct SignalState;
    std::vector<std::unique_ptr<SignalState>> signals_;
    std::mutex mutex_;
    std::vector<Task> posted_;
    struct ClockState;
    std::unique_ptr<ClockState> clock_;
};

}   // namespace mmgate
