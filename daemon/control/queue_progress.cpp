#include "daemon/control/queue_progress.h"

#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <iostream>

namespace mmgate::control {

namespace {

constexpr std::chrono::seconds kEvery{1};
constexpr std::string_view kTakeBack = "\r\x1b[K";

}   // namespace

bool shows_progress(const Options& options) {
    const char* kind = std::getenv("TERM");
    return !options.json && isatty(STDERR_FILENO) == 1 && (!kind || std::string_view(kind) != "dumb");
}

Progress::Progress(std::string what) : what_(std::move(what)), thread_([this] { run(); }) {}

Progress::~Progress() {
    {
        std::lock_guard lock(mutex_);
        done_ = true;
    }
    over_.notify_one();
    thread_.join();
    hide();
}

void Progress::count_line() {
    std::lock_guard lock(mutex_);
    ++lines_;
}

void Progress::count_octets(std::uint64_t octets) {
    std::lock_guard lock(mutex_);
    octets_ += octets;
}

void Progress::hide() {
    std::lock_guard lock(mutex_);
    if (shown_) std::cerr << kTakeBack << std::flush;
    shown_ = false;
}

void Progress::run() {
    std::unique_lock lock(mutex_);
    while (!over_.wait_for(lock, kEvery, [this] { return done_; })) draw();
}

void Progress::draw() {
    const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(std::chrono::steady_clock::now() - begin_).count();
    std::string text = "mmq: " + what_ + ": " + std::to_string(seconds) + " s";
    if (octets_ > 0) text += ", " + std::to_string(octets_ >> 20) + " MiB";
    else if (lines_ > 0) text += ", " + std::to_string(lines_) + " lines";
    std::cerr << kTakeBack << text << std::flush;
    shown_ = true;
}

tl::expected<End, Failure> WatchedConversation::ask(const Request& request, const std::function<bool(std::string_view)>& line, const std::function<bool(Bytes)>& octets, Bytes payload) {
    Progress progress(what_);
    const bool same_terminal = isatty(STDOUT_FILENO) == 1;
    return other_->ask(
        request,
        [&](std::string_view text) {
            progress.count_line();
            if (same_terminal) progress.hide();
            return line(text);
        },
        [&](Bytes some) {
            progress.count_octets(some.size());
            if (same_terminal) progress.hide();
            return octets(some);
        },
        payload);
}

}   // namespace mmgate::control
