// MM4 messages as Internet mail: mails to values and back, by the tables of fields.h and words.h.
//
// Pure. Strict where a mail could be read as two things or lacks what the specification demands; what peers are known to write otherwise is read when
// the dialect is lenient. What goes out is 7-bit mail whose values start no field of their own.
// Source: 3GPP TS 23.140 §8.4; RFC 5322; RFC 2045 to 2047.
#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "mapping/mm4/messages.h"
#include "mapping/result.h"

namespace mmgate::mm4 {

/// What the header of a mail tells before anything is judged: enough to route a mail, and to answer one that does not decode.
struct Peeked {
    std::optional<MessageType> type;   // nothing: a type we do not know
    std::string written;               // X-Mms-Message-Type as it stands, fit for a log
    std::string transaction_id;        // comparable, "" when missing or malformed
    std::string message_id;            // the same; Message-ID does not stand in here
    std::string originator_system;     // mailbox, or ""
    std::string sender;                // mailbox, or ""
    bool ack_requested = false;
    bool has_x_mms = false;
    std::string raw_transaction_id;   // to be echoed
    std::string raw_message_id;
    Version version;   // as written; ours when it cannot be read
};

/// The header of a mail that has X-Mms-Message-Type; nothing: it is not MM4. Cheap: reads the header only.
/// Fails: too_large as scan_header does.
Result<std::optional<Peeked>> peek(Bytes mail);

struct DecodeOptions {
    Instant now{};
    Dialect dialect;
    std::vector<std::string> our_domains;   // in these two, +digits without /TYPE=PLMN is a phone when the dialect is lenient
    std::vector<std::string> peer_domains;
    std::string envelope_from;             // MAIL FROM, the first to stand in for a Sender that says nothing; "" is the null sender
    NumberingPlan numbering{"", "", ""};   // of numbers without +; without a country code they are short codes
};

/// Reads a mail (after dot-unstuffing, CRLF line ends) as one of the six messages. A field that occurs twice counts once, with a note.
/// Fails, naming field and rule: malformed (missing or unreadable mandatory field; CR, LF or NUL inside a value; a multipart without parts),
/// sender_syntax and recipient_syntax (From, To), unsupported_type (no type of MM4), unsupported_version (what fails, from another major version),
/// routing_loop (Received), too_large (limits.h).
Result<Mm4Message> decode(Bytes mail, const DecodeOptions& options);

struct EncodeOptions {
    Dialect dialect;
    std::string domain;                // ours: behind the sender's number
    std::string hostname, queue_id;    // of Received, which a forward request has when both are given
    std::string system_address;        // ours: Sender, X-Mms-Originator-System; "" takes the message's own
    std::string peer_domain;           // behind numbers that phone_domains does not name
    std::string boundary_seed;         // unique text: boundaries are made of it
    std::string internet_message_id;   // Message-ID without < >; "" is made of boundary_seed and the hostname
    Instant now{};
    PhoneDomains phone_domains;   // number -> domain; absent: peer_domain for recipients, domain for the sender
};

/// The whole mail with CRLF line ends: 7-bit clean, no line over 998 octets, every value free of CR, LF and NUL, octets of parts as they are.
/// Reports swap the domains: the recipient reported on is ours, the originator the peer's.
/// Fails: malformed when a mandatory value is missing; sender_syntax, recipient_syntax for addresses that mail cannot say.
Result<Octets> encode(const Mm4Message& message, const EncodeOptions& options);

/// Whether the header has any X-Mms-* field.
bool has_mms_fields(Bytes mail);

/// The mail without the X-Mms-* fields of its header block, all else octet for octet: from anyone but a peer they mean nothing.
Octets without_mms_fields(Bytes mail);

}   // namespace mmgate::mm4
