// How a next hop is reached: where it is, what a connection to it must be like, how much it takes. A value, made from the configuration.
//
// The client and `mmq peer test` go by it alone. Connections are shared by transports of one pool.
// Source: RFC 3207 (STARTTLS), RFC 8314 §3 (implicit TLS), RFC 4954 (AUTH).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "daemon/certificate.h"
#include "daemon/config.h"

namespace mmgate::smtp {

inline constexpr std::uint32_t kRecipientsPerTransaction = 100;   // RFC 5321 §4.5.3.1.8: what every server takes

/// What is said with AUTH. Never logged, and never said in clear.
struct Credentials {
    std::string user, password;
    bool operator==(const Credentials&) const = default;
};

/// Each asks for more than the one before.
enum class TlsUse : std::uint8_t {
    never,
    opportunistic,   // where it is offered; in clear where it fails
    required,        // without it nothing is sent
    verified,        // ... nor to a host whose certificate is not as `peer` says
};
enum class TlsStart : std::uint8_t { starttls,
                                     at_once };

struct TlsTerms {
    TlsUse use = TlsUse::opportunistic;
    TlsStart start = TlsStart::starttls;
    CertificateRules peer;          // what its certificate must be like, for `verified`
    std::string certificate, key;   // PEM files of ours, shown when asked for; "": none
    bool operator==(const TlsTerms&) const = default;
};

struct Transport {
    std::string pool;              // "mm4:NAME", or the lane of mail
    std::vector<NextHop> hosts;    // in order of preference; none: the MX of `domain`
    std::string domain;            // whose MX
    std::uint16_t port = 25;       // of the MX
    bool domain_is_ours = false;   // named by the operator and by no message: whatever is wrong with it is waited out
    std::string hostname;          // what EHLO says
    TlsTerms tls;
    std::optional<Credentials> credentials;
    std::uint32_t connections = 1;
    std::uint32_t messages_per_second = 0;   // 0: no limit
    std::uint32_t recipients = kRecipientsPerTransaction;
    Seconds patience{}, final_patience{};   // with each reply, and with the one to the final dot
    bool operator==(const Transport&) const = default;
};

/// Of a lane of the router's: "mail:HOST:PORT" of a relay, or "mail:DOMAIN" for its MX; "mail:[ADDRESS]:PORT", "mail:[ADDRESS]".
Transport transport_of_lane(std::string_view mail_lane, const Config& config);
Transport transport_of_peer(const Peer& peer, const Config& config);

/// What a peer's certificate must be like, whichever side it calls from.
CertificateRules certificate_rules_of(const Peer& peer);

}   // namespace mmgate::smtp
