// Result<T>: a value, or the Error that a peer, or the surroundings, caused.
//
// We never throw. A broken promise of our own is an assert, not an Error.
// What each Fault is answered with on every interface stands in status.h.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

#include <tl/expected.hpp>

namespace mmgate {

using Octets = std::string;       // owned binary data, any octet
using Bytes = std::string_view;   // a view of binary data, any octet

/// What went wrong, in terms of who has to act. One row each in status.h.
enum class Fault : std::uint8_t {
    malformed,             // syntax: the octets break a rule of the format
    truncated,             // the input ends inside a value
    too_large,             // a count, depth or length beyond limits.h
    unsupported_version,   // another major version of MMS
    unsupported_type,      // a PDU type that is not served in this direction
    message_too_big,       // over limits.message_size
    content_refused,       // nothing deliverable, or a kind that must not pass
    sender_denied,         // who may not use this door
    sender_syntax,         // an originator address that does not parse
    recipient_syntax,      // a recipient address that does not parse
    recipient_unknown,     // a number or mailbox that is not served
    relay_denied,          // a recipient that is not ours on the mail door
    no_recipients,         // an MM without any recipient
    not_found,             // a message or location that does not exist
    routing_loop,          // too many hops
    storage_full,          // no room: temporary
    storage_failed,        // the store did not commit: temporary
    overloaded,            // too much at once: temporary
    peer_unreachable,      // connection or name look-up failed: temporary
    peer_deferred,         // the peer answered: later
    peer_refused,          // the peer answered: never
    null_mx,               // the recipient's domain takes no mail (RFC 7505)
    no_such_domain,        // the recipient's domain does not exist
    expired,               // the lifetime is over
    hidden_sender,         // Sender-Visibility Hide has no safe mapping to mail
    unmappable,            // a mail whose header forbids or cannot say its way into MMS
    content_lost,          // what the store kept is no longer what it was given: permanent
    internal,              // anything else on our side: temporary
};

/// A fault with what a person needs to find it: the octet where it stands and the rule it breaks.
struct Error {
    Fault fault = Fault::internal;
    std::size_t offset = 0;   // octet of the input, 0 where there is none
    std::string rule;         // one clause of plain text without a final full stop, never a peer's raw octets

    bool operator==(const Error&) const = default;
};

template <class T>
using Result = tl::expected<T, Error>;

inline tl::unexpected<Error> fail(Error error) { return tl::unexpected<Error>(std::move(error)); }
inline tl::unexpected<Error> fail(Fault fault, std::string rule, std::size_t offset = 0) {
    return tl::unexpected<Error>(Error{fault, offset, std::move(rule)});
}

/// For std::visit over a closed set of alternatives.
template <class... Ts>
struct overloaded : Ts... {
    using Ts::operator()...;
};
template <class... Ts>
overloaded(Ts...) -> overloaded<Ts...>;

}   // namespace mmgate
