// The structure of a mail as a plain value: entities with their headers, and what their fields say, decoded.
//
// The bounds on depth, parts and header size hold before any library sees an octet, so the structure is found here, in one linear pass over views.
// GMime reads the values: media types with their parameters, addresses, dates; it is named in mime_tree.cpp only.
// Source: RFC 2045 §5, RFC 2046 §5.1, RFC 2047, RFC 2183, RFC 2231, RFC 5322 §3.3, §3.4.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "mapping/mail/header_scan.h"
#include "mapping/mm.h"
#include "mapping/result.h"

namespace mmgate::mail {

enum class TransferEncoding : std::uint8_t { identity,
                                             quoted_printable,
                                             base64,
                                             uuencode };

/// A mail, or one part of it. Views lead into the mail, which must live as long.
struct Entity {
    HeaderBlock header;
    MediaType media;            // "text/plain" where the mail says nothing; names lower case, values UTF-8
    bool media_given = false;   // whether a Content-Type stands there and can be read
    TransferEncoding encoding = TransferEncoding::identity;
    std::string disposition;   // "", "inline", "attachment" or another token, lower case
    std::string file_name;     // as the sender wrote it, decoded: not yet fit for use
    std::string content_id;    // without < >
    std::string content_location;
    Bytes body;                  // as it travelled: still encoded
    std::vector<Entity> parts;   // of a multipart; of message/rfc822 the one message, unless it lies too deep

    bool is_multipart() const { return media.type.starts_with("multipart/"); }
};

/// Reads a mail's structure. A delimiter line needs a boundary that is open at that point; what lies outside the parts is dropped, unless there is no part at all.
/// Messages nested deeper than kLimits.rfc822_depth are leaves.
/// Fails: too_large past kLimits.mime_depth, mime_parts, or the limits of scan_header, which hold for every part.
Result<Entity> read_mime_tree(Bytes mail);

/// The octets of a leaf with the transfer encoding undone; an encoding nobody knows is left as it is.
Octets decoded_body(const Entity& leaf);

/// The text of an unstructured field: encoded words decoded, raw octets read as UTF-8 or else windows-1252. Words that break the rules stay as they
/// are. May still hold controls: header_text makes it fit.
/// Source: RFC 2047 §6.
std::string decode_text(std::string_view folded);

struct MailAddress {
    std::string display_name;   // decoded; may hold controls
    std::string addr_spec;      // as written: parse_mailbox judges it
};

/// The mailboxes of an address list in order, those of groups included; what is no address is passed over.
/// Fails: too_large past kLimits.address_groups or header_addresses.
/// Source: RFC 5322 §3.4.
Result<std::vector<MailAddress>> decode_addresses(std::string_view folded);

/// Nothing when it is no date.
/// Source: RFC 5322 §3.3, obsolete forms of §4.3 included.
std::optional<Instant> decode_date(std::string_view folded);

}   // namespace mmgate::mail
