// The receiving side of an SMTP connection as a state machine without a socket.
//
// The pump feeds it what arrives, in order, and does what each step says. Decisions that need the rest of the gateway are asked of SessionPolicy,
// whose answers are values. A mail that is complete goes out in a step; the session takes nothing more until it is told what became of it.
// Source: RFC 5321 §3, §4.1.4 (order of commands), §4.5.3 (limits); RFC 2920 (pipelining), RFC 3207 (STARTTLS), RFC 1870 (SIZE), RFC 3461 (DSN), RFC 4954 (AUTH).
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "daemon/config.h"
#include "daemon/memory_budget.h"
#include "daemon/mm4/identity.h"
#include "daemon/received_envelope.h"
#include "daemon/smtp/command.h"
#include "daemon/smtp/data_reader.h"
#include "daemon/smtp/replies.h"

namespace mmgate::smtp {

/// Whether STARTTLS can be had.
enum class TlsOffer : std::uint8_t {
    none,     // not configured
    broken,   // configured, and the certificate cannot be used: it is not announced and answered 454
    offered,
    required,   // MAIL before it is refused
};

struct SessionRules {
    std::string hostname;
    TlsOffer tls = TlsOffer::none;
    std::uint64_t mail_bytes = 0;      // the greatest mail: EHLO SIZE
    std::uint32_t recipients = 0;      // of one mail
    std::uint64_t line_bytes = 0;      // of content, with CRLF
    std::uint64_t command_bytes = 0;   // of a command line, with CRLF
    std::uint32_t commands = 0;        // of one session
    std::uint32_t errors = 0;          // between two accepted mails
};
/// The greatest mail that can hold an MM of this size: base64 and headers beside it.
constexpr std::uint64_t mail_bytes_for(std::uint64_t message_size_bytes) { return message_size_bytes + message_size_bytes * 2 / 5 + 64 * 1024; }
SessionRules session_rules(const Config& config, TlsOffer tls);

/// A complete mail.
struct IncomingMail {
    ReceivedEnvelope envelope;
    Octets octets;        // dots undone; every line ends with CRLF, and nothing else is CR, LF or NUL
    MemoryShare memory;   // of the octets: given back when nobody holds the mail any more
};

/// What the session asks of the gateway. Nothing blocks.
class SessionPolicy {
public:
    virtual ~SessionPolicy() = default;
    /// Fails: relay_denied, recipient_unknown.
    virtual Result<Route> route(const Address& mailbox, const Whence& whence) const = 0;
    /// Fails: storage_full, storage_failed.
    virtual Result<void> admits(std::uint64_t size_bytes) const = 0;
    /// Whether new messages are taken at all. Fails: overloaded.
    virtual Result<void> takes_new() const = 0;
    /// As whom it may speak MM4.
    virtual mm4::Standing standing_of(const mm4::SessionFacts& facts) const = 0;
    virtual bool accepts(const mm4::SessionFacts& facts, std::string_view user, std::string_view password) const = 0;
    /// Counts a message of one of these peers. False: each of them has sent as many as it may for now.
    virtual bool takes_message_of(const std::vector<std::string>& peers) = 0;
};

enum class ClientRights : std::uint8_t { may_send,
                                         denied };

/// Something that was refused, for the log.
struct Refusal {
    enum class What : std::uint8_t { command,
                                     mail,
                                     smuggling } what = What::command;
    std::string_view verb;            // of the command, a name of our own table
    std::string reply;                // without CRLF
    std::optional<Address> address;   // that the command named
};

/// What the pump does after a step.
enum class Next : std::uint8_t {
    read,        // feed what comes
    wait,        // nothing is taken before `answered`
    start_tls,   // when the replies have left; then `secured`
    close,       // when the replies have left
};

struct SessionStep {
    std::size_t consumed = 0;   // octets taken of those fed
    Octets replies;             // to write
    Next next = Next::read;
    std::optional<IncomingMail> mail;   // complete: somebody is to take it and `answered` is to follow
    std::vector<Refusal> refusals;
    std::optional<std::string> authenticated;   // the user whose password was given just now
};

/// What a session is about, and so which deadline holds.
enum class Phase : std::uint8_t { commands,
                                  content,
                                  waiting,
                                  securing,
                                  closed };

class Session {
public:
    /// `policy` and `memory` must outlive the session.
    Session(std::shared_ptr<const SessionRules> rules, SessionPolicy& policy, MemoryBudget& memory, std::string client, ClientRights rights);

    /// 220. Who speaks before it is no SMTP client.
    SessionStep greet();
    /// Octets of the client; `behind` more are there already. Takes all of them unless `next` is another than `read`.
    SessionStep received(Bytes octets, std::size_t behind);
    /// What became of the mail. A refusal is its taker's to log.
    SessionStep answered(const Accepted& result);
    /// The TLS handshake is done, in which the client has shown a certificate or not: all that was said before is forgotten.
    SessionStep secured(std::optional<CertificateFacts> certificate);
    /// The pump ends the session, because of time or shutdown; `shutting_down` lets a mail under way finish.
    SessionStep end(ReplyId reason);

    Phase phase() const;
    /// Whether the client is to be asked for a certificate.
    bool certificate_wanted() const { return standing_.certificate_wanted; }
    bool between_transactions() const { return std::holds_alternative<Idle>(state_) || std::holds_alternative<Connected>(state_); }
    /// Command lines taken so far.
    std::uint64_t commands() const { return commands_; }
    /// Octets of the content under way as they came; 0 outside of content.
    std::uint64_t content_seen() const;

private:
    struct Silent {};      // not greeted yet
    struct Connected {};   // no EHLO or HELO yet
    struct Idle {
        Hello hello;
    };
    struct Authenticating {
        enum class Wanted : std::uint8_t { plain,
                                           user,
                                           password };
        Hello hello;
        Wanted wanted = Wanted::plain;
        std::string user{};
    };
    struct Transaction {
        Hello hello;
        std::uint64_t declared_bytes = 0;
        ReceivedEnvelope envelope;
        std::uint32_t refused = 0;   // RCPT commands, for the address
        bool too_many = false;       // a RCPT command was one too many
    };
    struct Collecting {
        Transaction transaction;
        DataReader reader;
        MemoryShare memory;
    };
    struct Waiting {
        Hello hello;
    };
    struct Securing {};
    struct Closed {};
    using State = std::variant<Silent, Connected, Idle, Authenticating, Transaction, Collecting, Waiting, Securing, Closed>;

    std::size_t take_line(Bytes octets, std::size_t behind, SessionStep& step);
    void keep_of_line(Bytes octets);
    void take_command(std::string_view line, SessionStep& step);
    std::size_t skip(Bytes octets);
    std::size_t collect(Collecting& collecting, Bytes octets, SessionStep& step);
    void end_of_content(Collecting& collecting, SessionStep& step);

    void on(const Refused& refused, SessionStep& step);
    void on(const BadAddress& bad, SessionStep& step);
    void on(Hello& hello, SessionStep& step);
    void on(MailFrom& mail, SessionStep& step);
    void on(RcptTo& rcpt, SessionStep& step);
    void on(const Data&, SessionStep& step);
    void on(const Bdat& bdat, SessionStep& step);
    void on(const Rset&, SessionStep& step);
    void on(const Noop&, SessionStep& step);
    void on(const Vrfy&, SessionStep& step);
    void on(const Help&, SessionStep& step);
    void on(const StartTls&, SessionStep& step);
    void on(const Auth& auth, SessionStep& step);
    void on(const Quit&, SessionStep& step);

    void take_auth_response(std::string_view response, SessionStep& step);
    void judge(std::string_view user, std::string_view password, SessionStep& step);
    std::uint64_t mail_bytes() const;

    void reply(ReplyId id, SessionStep& step);
    void note_refusal(std::size_t reply_from, Refusal::What what, std::optional<Address> address, SessionStep& step);
    void refuse(ReplyId id, SessionStep& step, Refusal::What what = Refusal::What::command, std::optional<Address> address = std::nullopt);
    void refuse(const Error& error, SessionStep& step, Refusal::What what = Refusal::What::command, std::optional<Address> address = std::nullopt);
    void count_idle_command();

    std::shared_ptr<const SessionRules> rules_;   // shared with the sessions that began under the same configuration
    SessionPolicy& policy_;
    MemoryBudget& memory_;
    ClientRights rights_;
    mm4::SessionFacts facts_;
    mm4::Standing standing_;   // of these facts, as last asked for
    State state_;
    Octets line_;                    // the beginning of a command line
    std::size_t behind_ = 0;         // octets that were there behind the command under way
    std::uint64_t skip_bytes_ = 0;   // content of a command that is not offered
    std::uint64_t commands_ = 0;
    std::uint32_t errors_ = 0;
    std::uint32_t idle_commands_ = 0;
    std::uint32_t failed_passwords_ = 0;
    std::string_view verb_ = "?";   // of the command under way
    bool line_too_long_ = false;    // the rest of the line is passed over
    bool secured_ = false;
    bool ending_ = false;   // closes when the mail under way is answered
};

}   // namespace mmgate::smtp
