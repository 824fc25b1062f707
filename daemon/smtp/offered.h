// What a server offers in its answer to EHLO, as far as the sender makes use of it.
//
// Pure. It holds for one connection, and not across STARTTLS. Source: RFC 5321 §4.1.1.1.
#pragma once

#include <cstdint>
#include <optional>

#include "daemon/smtp/reply_reader.h"

namespace mmgate::smtp {

struct Offered {
    bool pipelining = false;        // RFC 2920
    bool starttls = false;          // RFC 3207
    bool dsn = false;               // RFC 3461
    bool eight_bit_mime = false;    // RFC 6152
    bool size = false;              // RFC 1870: SIZE= is understood
    std::uint64_t size_bytes = 0;   // ... and the greatest message, 0: no fixed limit
    bool auth_plain = false;        // RFC 4954, RFC 4616
    bool auth_login = false;
    std::optional<std::uint32_t> mails;               // RFC 9422: MAILMAX of a session
    std::optional<std::uint32_t> recipients;          // RCPTMAX of a transaction
    std::optional<std::uint32_t> recipient_domains;   // RCPTDOMAINMAX of a session

    bool operator==(const Offered&) const = default;
};

/// Reads the lines after the first. Keywords that are not known, and parameters that are wrong, count as not offered.
Offered offered_by(const ServerReply& ehlo);

}   // namespace mmgate::smtp
