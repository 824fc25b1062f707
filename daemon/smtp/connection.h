// One SMTP connection to a next hop: the socket, TLS and deadlines around a Sender.
//
// Every wait has a deadline of its own that dripping octets do not prolong.
// Source: RFC 5321 §4.5.3.2 (what is waited for; how long is configured).
#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "daemon/loop/loop.h"
#include "daemon/loop/stream.h"
#include "daemon/smtp/sender.h"
#include "daemon/smtp/tls_material.h"

namespace mmgate::smtp {

/// What becomes of a connection. The owner destroys it after `on_ended`, not inside.
class ConnectionEvents {
public:
    virtual ~ConnectionEvents() = default;
    /// It takes a mail now.
    virtual void on_ready() = 0;
    /// The mail that `begin` gave has ended here. `on_ready` or `on_ended` follows.
    virtual void on_finished(Verdicts verdicts, bool possible_duplicate) = 0;
    /// Once, and last. `trouble` says what holds for recipients without a verdict; nothing after an orderly end.
    virtual void on_ended(std::optional<Delivered> trouble, bool tls_failed) = 0;
};

struct Deadlines {
    std::chrono::milliseconds connect{}, reply{}, final_reply{};
};

class Connection final : StreamEvents {
public:
    /// Starts to connect to an address literal. TLS asks for `options.remote_mta`, and its certificate must be as `certificate` says where TLS is verified.
    Connection(Loop& loop, const Endpoint& to, SenderOptions options, Deadlines deadlines, std::shared_ptr<const TlsMaterial> tls, CertificateRules certificate,
               ConnectionEvents& events);

    /// Only after `on_ready`, once each time.
    void begin(std::shared_ptr<const OutboundMail> mail, std::vector<std::size_t> recipients);
    bool may_begin() const { return sender_.may_begin(); }
    void quit();
    std::string tls_description() const { return stream_ ? stream_->tls_description() : std::string(); }

private:
    void on_connected() override;
    void on_secured() override;
    void on_input() override;
    void on_flushed() override;
    void on_closed(const std::string& reason) override;

    void follow(SendStep step);
    void wait(std::chrono::milliseconds patience);
    void on_deadline();
    bool all_sent() const { return !stream_ || stream_->unsent() == 0; }

    Loop& loop_;
    Deadlines deadlines_;
    std::shared_ptr<const TlsMaterial> tls_;   // shared with the other connections of its kind
    TlsUse tls_use_;
    CertificateRules certificate_;
    ConnectionEvents& events_;
    std::string server_name_;
    std::string address_;
    Sender sender_;
    std::unique_ptr<Stream> stream_;
    Timer deadline_;
    std::chrono::milliseconds patience_{};
    bool ready_told_ = false;
    bool sending_ = false;   // content is on its way out
    bool leaving_ = false;   // QUIT is said
};

}   // namespace mmgate::smtp
