// Replies of an SMTP server, read from its octets: bounded in every direction and strict about their form.
//
// Pure. A reply is one code and the texts of its lines; a server that breaks the form is out of step and is not believed again.
// Source: RFC 5321 §4.2 (form), §4.5.3.1.5 (length), RFC 2034 §4 and RFC 3463 §2 (enhanced status codes).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "mapping/result.h"

namespace mmgate::smtp {

inline constexpr std::size_t kReplyLineBytes = 2048;    // RFC 5321 §4.5.3.1.5 asks for 512; servers exceed it
inline constexpr std::size_t kReplyBytes = 64 * 1024;   // of all lines of one reply
inline constexpr std::size_t kReplyLines = 256;

struct ServerReply {
    std::uint16_t code = 0;           // 200 to 559
    std::vector<std::string> lines;   // text after the code and its separator, as sent; at least one, which may be empty

    bool positive() const { return code / 100 == 2; }
    bool transient() const { return code / 100 == 4; }
    bool permanent() const { return code / 100 == 5; }
    bool operator==(const ServerReply&) const = default;
};

/// The enhanced status code at the start of the first line whose class is that of the basic code; "" when there is none.
/// The basic code wins over another class. Source: RFC 2034 §4.
std::string enhanced_status(const ServerReply& reply);

/// The whole reply as one line of printable ASCII, fit for logs, records and notifications: "550 5.1.1 No such user".
/// An enhanced status code that later lines repeat is left out there. At most kLimits.reason_bytes octets.
std::string to_text(const ServerReply& reply);

/// Any text that came from elsewhere as one such line.
std::string printable_line(std::string_view text);

class ReplyReader {
public:
    /// The replies that these octets complete, in order. After an error there are no more.
    std::vector<ServerReply> feed(Bytes octets);
    /// The rule the server broke, for good: malformed (not three digits of RFC 5321 §4.2, lines of one reply that differ in code, a bare CR or
    /// LF), too_large (a line, a reply, the number of lines).
    const std::optional<Error>& error() const { return error_; }

    /// Whether octets of a reply have come that is not complete yet.
    bool partial() const { return !line_.empty() || !reply_.lines.empty(); }

private:
    bool take_line();   // whether it was a reply's last
    bool broken(Fault fault, std::string_view rule);

    std::string line_;   // without its end
    ServerReply reply_;
    std::size_t reply_bytes_ = 0;
    std::optional<Error> error_;
};

}   // namespace mmgate::smtp
