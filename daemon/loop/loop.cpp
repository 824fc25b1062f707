#include "daemon/loop/loop.h"

#include <cstdio>
#include <ctime>

#include <event2/thread.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cassert>
#include <csignal>
#include <cstdint>

namespace mmgate {

namespace {

std::int64_t clock_ms(clockid_t id) {
    timespec ts{};
    clock_gettime(id, &ts);
    return static_cast<std::int64_t>(ts.tv_sec) * 1000 + ts.tv_nsec / 1'000'000;
}

timeval to_timeval(std::chrono::milliseconds delay) {
    auto ms = std::max<std::int64_t>(0, delay.count());
    return {static_cast<time_t>(ms / 1000), static_cast<suseconds_t>((ms % 1000) * 1000)};
}

// A step below this is what NTP slews or a leap second does; it is followed at once.
constexpr std::int64_t kFollowedStepMs = 5'000;
// A greater one is followed only when it has lasted this long: an operator who corrects a clock means it, a glitch passes.
constexpr std::int64_t kStepPatienceMs = 10 * 60'000;

}   // namespace

struct Loop::ClockState {
    std::mutex mutex;
    std::int64_t offset_ms = clock_ms(CLOCK_REALTIME) - clock_ms(CLOCK_BOOTTIME);
    std::int64_t step_seen_at_ms = -1;
    std::int64_t last_ms = 0;
};

struct Loop::SignalState {
    EventHandle event;
    Task task;
};

void report_escaped(const char* what) noexcept {
    std::fprintf(stderr, "<2>- bug exception-escaped what=\"%s\" consequence=session-dropped\n", what);
}

Loop::Loop() : clock_(std::make_unique<ClockState>()) {
    std::signal(SIGPIPE, SIG_IGN);
    evthread_use_pthreads();
    base_.reset(event_base_new());
    assert(base_);
    wake_fd_ = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    assert(wake_fd_ >= 0);
    wakeup_.reset(event_new(
        base_.get(), wake_fd_, EV_READ | EV_PERSIST,
        [](evutil_socket_t fd, short, void* self) {
            std::uint64_t count = 0;
            [[maybe_unused]] auto n = ::read(fd, &count, sizeof count);
            guarded([&] { static_cast<Loop*>(self)->run_posted(); });
        },
        this));
    event_add(wakeup_.get(), nullptr);
}

Loop::~Loop() {
    signals_.clear();
    wakeup_.reset();
    if (wake_fd_ >= 0) ::close(wake_fd_);
}

Instant Loop::now() const {
    std::lock_guard lock(clock_->mutex);
    std::int64_t steady = clock_ms(CLOCK_BOOTTIME);
    std::int64_t wall_offset = clock_ms(CLOCK_REALTIME) - steady;
    std::int64_t step = wall_offset - clock_->offset_ms;
    if (step > -kFollowedStepMs && step < kFollowedStepMs) {
        clock_->offset_ms = wall_offset;
        clock_->step_seen_at_ms = -1;
    } else if (clock_->step_seen_at_ms < 0) {
        clock_->step_seen_at_ms = steady;
    } else if (steady - clock_->step_seen_at_ms > kStepPatienceMs) {
        clock_->offset_ms = wall_offset;
        clock_->step_seen_at_ms = -1;
        clock_->last_ms = std::min(clock_->last_ms, steady + wall_offset);
    }
    clock_->last_ms = std::max(clock_->last_ms, steady + clock_->offset_ms);
    return Instant(std::chrono::milliseconds(clock_->last_ms));
}

void Loop::post(Task task) {
    bool was_empty = false;
    {
        std::lock_guard lock(mutex_);
        was_empty = posted_.empty();
        posted_.push_back(std::move(task));
    }
    if (was_empty) {
        std::uint64_t one = 1;
        [[maybe_unused]] auto n = ::write(wake_fd_, &one, sizeof one);
    }
}

void Loop::run_posted() {
    std::vector<Task> tasks;
    {
        std::lock_guard lock(mutex_);
        tasks.swap(posted_);
    }
    for (Task& task : tasks) guarded([&] { task(); });
}

Timer Loop::after(std::chrono::milliseconds delay, Task task) {
    Timer timer;
    timer.state_ = std::make_unique<Timer::State>();
    timer.state_->task = std::move(task);
    timer.state_->event.reset(evtimer_new(
        base_.get(),
        [](evutil_socket_t, short, void* arg) {
            auto* state = static_cast<Timer::State*>(arg);
            state->armed = false;
            Task run = std::move(state->task);   // the task may destroy its own timer
            guarded([&] { run(); });
        },
        timer.state_.get()));
    timeval tv = to_timeval(delay);
    evtimer_add(timer.state_->event.get(), &tv);
    timer.state_->armed = true;
    return timer;
}

void Loop::on_signal(int number, Task task) {
    auto state = std::make_unique<SignalState>();
    state->task = std::move(task);
    state->event.reset(evsignal_new(
        base_.get(), number,
        [](evutil_socket_t, short, void* arg) { guarded([&] { static_cast<SignalState*>(arg)->task(); }); },
        state.get()));
    evsignal_add(state->event.get(), nullptr);
    signals_.push_back(std::move(state));
}

void Loop::run() { event_base_dispatch(base_.get()); }
void Loop::stop() {
    post([this] { event_base_loopbreak(base_.get()); });
}

}   // namespace mmgate
