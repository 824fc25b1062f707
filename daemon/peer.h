// A peer: another MMS environment that is reached over MM4, with all that its technical sheet says. Keys: peer_keys.h.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "daemon/endpoint.h"
#include "mapping/mm4/dialect.h"

namespace mmgate {

/// What a connection with a peer must be like. Each asks for more than the one before.
enum class PeerTls : std::uint8_t {
    none,     // in clear
    may,      // TLS when the other side offers it; certificates are not verified
    must,     // TLS or nothing; certificates are not verified
    verify,   // ... and the peer's certificate must be right
    mutual,   // ... and ours is shown to it, and its one asked for when it calls
};

/// Whose address MAIL FROM names.
enum class EnvelopeSender : std::uint8_t {
    user,     // the originator, where it has an address with us
    system,   // our system address
    null,     // user for MMs; <> for responses and reports
};

struct Peer {
    std::string name, domain, preset;
    std::vector<std::string> domains;       // further ones
    std::vector<std::string> prefixes;      // its numbers, for routing
    std::vector<std::string> originators;   // its numbers, for what it sends; empty: prefixes
    bool transit = false;

    // Where it is and who it is
    std::vector<NextHop> next_hop;
    std::vector<Network> networks;
    PeerTls tls = PeerTls::may;
    bool tls_implicit = false;
    std::vector<std::string> tls_names, tls_pins;
    std::string tls_ca, tls_certificate, tls_key;
    std::string user, password, accept_user, accept_password;

    // How much
    std::uint32_t connections = 0, rate = 0, recipients = 0;
    std::uint32_t inbound_connections = 0, inbound_rate = 0;
    std::uint64_t message_size_bytes = 0;

    // How it speaks
    std::string version;
    bool rel6 = true, quote_ids = true, ack = true, relay_reports = false, lenient = true, normalize = false;
    mm4::ExpiryForm expiry = mm4::ExpiryForm::date;
    mm4::AddressForm addresses = mm4::AddressForm::with_domain;
    EnvelopeSender mail_from = EnvelopeSender::user;
    std::string system;   // its system address: where a response goes whose request names none of its own

    bool operator==(const Peer&) const = default;
};

}   // namespace mmgate
