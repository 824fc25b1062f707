// mmq's side of the conversation on the control socket: one request, lines and octets back.
#pragma once

#include <chrono>
#include <functional>
#include <string>

#include "daemon/control/protocol.h"

namespace mmgate::control {

/// Why a conversation did not take place or did not end well, for a person, with what mmq then exits with.
struct Failure {
    Exit code = Exit::not_running;
    std::string text;
};

/// Who answers requests: a gateway, or a store that nobody runs on.
class Conversation {
public:
    virtual ~Conversation() = default;
    /// Asks. `line` gets each line of the answer but the last, `octets` what was announced as such, piece by piece; either may return
    /// false to stop. `payload`: the octets that import announces. Gives the last line. Fails: io when the conversation breaks off.
    virtual tl::expected<End, Failure> ask(const Request& request, const std::function<bool(std::string_view)>& line, const std::function<bool(Bytes)>& octets, Bytes payload = {}) = 0;
};

class QueueClient final : public Conversation {
public:
    ~QueueClient() override;
    /// Gives up a gateway that says nothing for so long; 0: never, its work may take its time.
    explicit QueueClient(std::chrono::seconds patience = {}) : patience_(patience) {}
    QueueClient(const QueueClient&) = delete;
    QueueClient& operator=(const QueueClient&) = delete;

    /// Fails: not_running where nobody listens, not_allowed where the socket is not ours to open, bad_data where something else answers.
    tl::expected<void, Failure> connect(const std::string& path);
    tl::expected<End, Failure> ask(const Request& request, const std::function<bool(std::string_view)>& line, const std::function<bool(Bytes)>& octets, Bytes payload = {}) override;

private:
    std::optional<std::string> read_line();
    bool fill();
    Failure broken_off() const;

    const std::chrono::seconds patience_;
    bool silent_ = false;
    int fd_ = -1;
    std::string buffer_;
};

}   // namespace mmgate::control
