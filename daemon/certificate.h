// What is asked of another relay's certificate, and whether one is so. Pure: certificates themselves are read in loop/tls.
//
// Source: RFC 6125 §6.4 (names), RFC 7469 §2.4 (pins).
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "mapping/result.h"

namespace mmgate {

/// What a certificate says, and what is known of it.
struct CertificateFacts {
    std::vector<std::string> authorities;   // those it was held against and chains to now, by the file they stand in; "": those of the system
    std::string chain_fault;                // why it chains to none: "certificate has expired"
    std::vector<std::string> names;         // dNSName, in lower case
    std::string pin;                        // base64 of the SHA-256 of its public key
    std::string subject, issuer, ends;      // for people: one clean line each
};

struct CertificateRules {
    std::string authorities;          // PEM file that it must chain to; "": those of the system
    std::vector<std::string> names;   // of which it must have one
    std::vector<std::string> pins;    // of which it must have one; where there are any, neither chain nor name nor date counts
    bool operator==(const CertificateRules&) const = default;
};

/// Fails: peer_unreachable, with what is wrong.
Result<void> check(const CertificateFacts& facts, const CertificateRules& rules);

/// Whether a dNSName, which may have "*" for its first label, names this host. Case is ignored.
bool certificate_name_matches(std::string_view pattern, std::string_view host);

}   // namespace mmgate
