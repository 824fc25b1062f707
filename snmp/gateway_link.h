// The agent's side of the control socket: asks for figures every second, follows the events, and hands over what a manager wants done.
//
// Three conversations, so that a slow act holds up no figures. None of them ever blocks; what breaks off begins again a second later.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "daemon/control/protocol.h"
#include "snmp/log.h"

namespace mmgate::snmp {

/// One connection: lines in, lines out.
class Conversation {
public:
    /// A line of the gateway is no longer than this.
    static constexpr std::size_t kMostLineBytes = 4 * 1024 * 1024;

    Conversation() = default;
    ~Conversation() { close(); }
    Conversation(const Conversation&) = delete;
    Conversation& operator=(const Conversation&) = delete;

    /// Fails with the system's word.
    std::optional<std::string> open(const std::string& path);
    void close();
    bool is_open() const { return fd_ >= 0; }
    int fd() const { return fd_; }
    /// A request is far smaller than what a socket holds; where it does not fit, the other side is stuck. Either way false closes.
    bool send(std::string_view line);
    /// The lines that have come. False: the conversation has ended, after these.
    bool receive(std::vector<std::string>& lines);

private:
    int fd_ = -1;
    std::string buffer_;
};

class GatewayLink {
public:
    static constexpr std::chrono::milliseconds kAskEvery{1000};
    /// No answer for so long: the conversation is given up. An act may take longer: a long queue is held message by message.
    static constexpr std::chrono::milliseconds kAnswerWithin{8000};
    static constexpr std::chrono::milliseconds kActWithin{60'000};

    struct Hears {
        std::function<void(Figures)> figures;
        std::function<void(const control::Notice&)> notice;
        std::function<void(const std::optional<control::End>&)> acted;
    };
    GatewayLink(std::string path, Hears hears, const Log& log) : path_(std::move(path)), hears_(std::move(hears)), log_(log) {}

    /// Does what is due: opens, asks, gives up. Call it at least every kAskEvery.
    void tick(Instant now);
    /// Reads what has come on any of its descriptors.
    void read(Instant now);
    std::vector<int> fds() const;

    /// Begins an act; `acted` hears how it ended. One at a time.
    void act(control::Request request, Instant now);

private:
    void open(Conversation& conversation, const control::Request& request, Instant now);
    void refused(const std::string& why);
    void read_figures(const std::string& line, Instant now);
    void read_act(const std::string& line);
    void end_act(const std::optional<control::End>& end);

    const std::string path_;
    const Hears hears_;
    const Log& log_;
    Conversation asking_, following_, acting_;
    Instant next_ask_{}, next_open_{};
    std::optional<Instant> asked_, acted_;   // when what is not yet answered was asked
    std::string last_problem_;               // logged once
};

}   // namespace mmgate::snmp
