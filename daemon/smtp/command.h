// Command lines of an SMTP client as values.
//
// Pure: a line in, a command or the reply that refuses it out. Verbs and parameters are tables.
// Source: RFC 5321 §4.1, RFC 1870 (SIZE), RFC 6152 (BODY), RFC 3461 §4 (DSN), RFC 3207 (STARTTLS), RFC 4954 (AUTH), RFC 3030 (BDAT).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

#include "daemon/smtp/replies.h"
#include "mapping/address.h"
#include "store/store.h"

namespace mmgate::smtp {

enum class Dialect : std::uint8_t { smtp,
                                    esmtp };

struct Hello {
    Dialect dialect = Dialect::esmtp;
    std::string host;   // a domain or an address literal
};
struct MailFrom {
    std::optional<Address> sender;   // nothing: <>
    std::uint64_t size_bytes = 0;    // SIZE; 0: not told. More than 64 bits hold is the greatest number they hold
    std::string envelope_id;         // ENVID, xtext undone
    bool return_full = false;        // RET=FULL
    bool has_parameters = false;
};
struct RcptTo {
    Address mailbox;   // "postmaster" may stand without a domain (RFC 5321 §4.5.1)
    Notify notify;
    std::string original_recipient;   // ORCPT, xtext undone
    bool has_parameters = false;
};
struct Data {};
/// Not offered, and yet the octets that it announces are content and never commands.
struct Bdat {
    std::optional<std::uint64_t> size_bytes;   // nothing: malformed, and so nobody knows where commands begin again
};
struct Rset {};
struct Noop {};
struct Vrfy {};
struct Help {};
struct StartTls {};
struct Auth {
    std::string mechanism;                 // in upper case
    std::optional<std::string> response;   // the initial one; "=" is an empty one
};
struct Quit {};
/// A line that is no command we take; the reply says why.
struct Refused {
    ReplyId reply = ReplyId::unknown_command;
};
/// An address that does not parse.
struct BadAddress {
    Error error;   // sender_syntax or recipient_syntax
};

using Command = std::variant<Refused, BadAddress, Hello, MailFrom, RcptTo, Data, Bdat, Rset, Noop, Vrfy, Help, StartTls, Auth, Quit>;

struct ParsedCommand {
    std::string_view verb;   // its row's name, "?" for a verb that no row has: for the log
    Command command;
};

/// Reads a line without its CRLF.
ParsedCommand parse_command(std::string_view line);

/// Undoes xtext. Nothing when it is malformed or holds anything but printable ASCII.
/// Source: RFC 3461 §4.
std::optional<std::string> from_xtext(std::string_view text);

}   // namespace mmgate::smtp
