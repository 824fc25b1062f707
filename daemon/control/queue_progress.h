// How far a long command has come: a line on the terminal that goes when there is something to print, or nothing left to wait for.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <string>
#include <thread>

#include "daemon/control/queue_client.h"
#include "daemon/control/queue_options.h"

namespace mmgate::control {

/// Whether there is somebody to look at it: standard error is a terminal that can take a line back, and the output is for people.
bool shows_progress(const Options& options);

/// Shows the time and what was counted so far on standard error, from a second after it began until it ends.
class Progress {
public:
    explicit Progress(std::string what);
    ~Progress();
    Progress(const Progress&) = delete;
    Progress& operator=(const Progress&) = delete;

    void count_line();
    void count_octets(std::uint64_t octets);
    /// Takes the line away for what is printed now; it comes back in a second.
    void hide();

private:
    void run();
    void draw();

    const std::string what_;
    const std::chrono::steady_clock::time_point begin_ = std::chrono::steady_clock::now();
    std::mutex mutex_;   // guards what follows
    std::condition_variable over_;
    bool done_ = false, shown_ = false;
    std::uint64_t lines_ = 0, octets_ = 0;
    std::thread thread_;   // last: it uses all of the above
};

/// Another conversation, with progress shown while it lasts.
class WatchedConversation final : public Conversation {
public:
    WatchedConversation(std::unique_ptr<Conversation> other, std::string what) : other_(std::move(other)), what_(std::move(what)) {}
    tl::expected<End, Failure> ask(const Request& request, const std::function<bool(std::string_view)>& line, const std::function<bool(Bytes)>& octets, Bytes payload) override;

private:
    std::unique_ptr<Conversation> other_;
    const std::string what_;
};

}   // namespace mmgate::control
