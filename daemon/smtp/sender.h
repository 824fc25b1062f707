// The sending side of an SMTP connection as a state machine without a socket.
//
// The pump feeds it what arrives and does what each step says; the sender knows what was said and what may follow. One connection carries
// any number of mails. A recipient is delivered only by a positive reply to the final dot, never by anything before it or instead of it.
// Source: RFC 5321 §3.3, §4.3; RFC 2920 (pipelining), RFC 3207 (STARTTLS), RFC 4954 (AUTH), RFC 3461 (DSN), RFC 9422 (LIMITS).
#pragma once

#include <memory>
#include <optional>
#include <set>
#include <string>
#include <variant>
#include <vector>

#include "daemon/smtp/offered.h"
#include "daemon/smtp/outbound.h"
#include "daemon/smtp/reply_reader.h"
#include "daemon/smtp/transport.h"

namespace mmgate::smtp {

struct SenderOptions {
    std::string hostname;   // what EHLO says
    TlsUse tls = TlsUse::opportunistic;
    std::string remote_mta{};   // name of the host, as verdicts and notifications show it
    TlsStart start = TlsStart::starttls;
    std::optional<Credentials> credentials{};               // said within TLS, or the connection is of no use
    std::uint32_t recipients = kRecipientsPerTransaction;   // at most
};

/// What the sender waits for, and so which deadline holds.
enum class Awaited : std::uint8_t {
    nothing,   // ready for a mail, or closed
    greeting,
    reply,   // to a command
    handshake,
    final_reply,   // to the content
};

/// How a mail fared on this connection: one entry a recipient, nothing where another connection may still try.
using Verdicts = std::vector<std::optional<Delivered>>;

/// What the pump does now, in this order.
struct SendStep {
    Octets commands;                         // to write
    std::shared_ptr<const Octets> content;   // to write after them
    Octets after_content;                    // to write after that
    bool start_tls = false;
    bool close = false;   // when `commands` have left; what else is unsent is dropped
    Awaited awaited = Awaited::nothing;
    bool advanced = false;              // a whole reply came or something was said: the wait begins anew
    std::optional<Verdicts> finished;   // the mail that `begin` gave has ended here
    bool possible_duplicate = false;    // ... without an answer to the final dot
    bool tls_failed = false;            // the handshake failed, and the same host may be tried in clear
    std::optional<Delivered> trouble;   // the connection failed: what holds for recipients nobody else takes

    bool writes() const { return !commands.empty() || content != nullptr || start_tls; }
};

class Sender {
public:
    explicit Sender(SenderOptions options);

    /// The connection stands.
    SendStep connected();
    /// The TLS handshake is done, and the certificate is right where it must be.
    SendStep secured();
    /// The handshake is done, and the certificate is not right: `reason` is one clause for people.
    SendStep distrusted(std::string_view reason);
    /// Octets of the server. `all_sent`: whether all that earlier steps wrote has left.
    SendStep received(Bytes octets, bool all_sent);
    /// Starts a transaction for these recipients of a mail. Only when `ready`.
    SendStep begin(std::shared_ptr<const OutboundMail> mail, std::vector<std::size_t> recipients);
    /// The connection ended, or the deadline passed, or the pump gives up: `reason` is one clause for people.
    SendStep lost(std::string_view reason, bool all_sent);
    /// An orderly end. Only when `ready`.
    SendStep quit();

    bool ready() const { return std::holds_alternative<Idle>(state_); }
    /// Whether the server takes one more mail in this session.
    bool may_begin() const { return ready() && (!offered_.mails || mails_begun_ < *offered_.mails); }
    std::string_view awaiting() const;   // "the greeting", "the reply to MAIL": for people

private:
    /// A mail being sent: the same until its last transaction here.
    struct Job {
        std::shared_ptr<const OutboundMail> mail;   // shared with the pump, which may send the rest elsewhere
        ContentFacts facts;
        Verdicts verdicts;
        std::vector<std::size_t> waiting;    // recipients no transaction has named yet
        std::vector<std::size_t> named;      // recipients of this transaction, in the order of RCPT
        std::vector<std::size_t> accepted;   // ... that the server took
        std::vector<std::size_t> again;      // ... that it took too many for
    };
    struct Connecting {};
    struct Greeting {};
    struct Ehlo {};
    struct Helo {};
    struct StartTls {};
    struct Handshake {};
    struct Auth {
        std::vector<std::string> answers;   // to each 334 that may still come, the next one last
    };
    struct Idle {};
    struct Envelope {
        Job job;
        std::vector<std::string> commands;   // MAIL, RCPT…, DATA
        std::size_t sent = 0;
        std::size_t answered = 0;
        bool mail_refused = false;
    };
    struct Content {
        Job job;
    };
    struct Reset {
        std::optional<Job> job;
    };
    struct Closed {};
    using State = std::variant<Connecting, Greeting, Ehlo, Helo, StartTls, Handshake, Auth, Idle, Envelope, Content, Reset, Closed>;

    void take(const ServerReply& reply, bool all_sent, SendStep& step);
    void take_greeting(const ServerReply& reply, SendStep& step);
    void take_ehlo(const ServerReply& reply, SendStep& step);
    void take_auth(const ServerReply& reply, SendStep& step);
    void take_envelope(const ServerReply& reply, SendStep& step);
    void take_reset(const ServerReply& reply, SendStep& step);
    void take_final(const ServerReply& reply, bool all_sent, SendStep& step);

    void send_ehlo(SendStep& step);
    void identify(SendStep& step);
    void next_transaction(Job job, SendStep& step);
    void send_envelope(Envelope& envelope, SendStep& step);
    void send_content(Job job, SendStep& step);
    void end_refused_transaction(Job job, SendStep& step);
    void finish(Job job, SendStep& step);
    void give_up(Delivered trouble, bool all_sent, SendStep& step);
    void out_of_step(std::string_view rule, bool all_sent, SendStep& step);

    Delivered verdict_of(const ServerReply& reply) const;
    Delivered accepted_verdict(const ServerReply& reply, const OutboundRecipient& recipient) const;
    Delivered trouble_of(const ServerReply& reply) const;
    Delivered host_verdict(Fault fault, std::string_view status, std::string_view reason) const;
    Awaited awaited() const;
    bool names_domain(const OutboundRecipient& recipient);

    SenderOptions options_;
    State state_;
    ReplyReader reader_;
    Offered offered_;
    bool secured_ = false;
    std::size_t mails_begun_ = 0;                  // MAIL commands of this session
    std::set<std::string, std::less<>> domains_;   // of its RCPT commands, kept while the server limits them
};

}   // namespace mmgate::smtp
