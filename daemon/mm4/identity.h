// As whom a session may speak MM4: which peers its address, its certificate and its password make it. Pure.
//
// An address is needed always; a certificate of those whose tls is mutual, TLS of those whose tls is must or more, a password of those that have one.
// Whether what it sends is then theirs (domains and numbers) is looked at when the message is here.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "daemon/certificate.h"
#include "daemon/config.h"
#include "daemon/received_envelope.h"

namespace mmgate::mm4 {

/// What is known of the other side of a session.
struct SessionFacts {
    std::string client;   // its address, a literal
    Channel channel = Channel::clear;
    std::optional<CertificateFacts> certificate;   // the one that it showed
    std::string user;                              // that it gave the password of, "": none
};

/// What the first of several candidates lacks that is nearest to speaking.
enum class Lack : std::uint8_t {   // the nearest last
    nothing,                       // there are peers, or nobody could ever be one from this address
    tls,
    certificate,   // none was shown, or not the right one
    authentication,
};

struct Standing {
    std::vector<std::string> peers;        // as whom it may speak now, by name
    std::vector<std::string> candidates;   // whose address it has
    Lack lack = Lack::nothing;
    bool certificate_wanted = false;        // a candidate is known by its certificate
    bool password_wanted = false;           // ... and one by its password, and none was given yet
    bool line_ends_repaired = false;        // all it may speak as may send bare CR and LF
    std::uint64_t message_size_bytes = 0;   // of MMs, the largest that a candidate may send; 0: there is no candidate
};

class Identity {
public:
    explicit Identity(const Config& config);

    Standing standing_of(const SessionFacts& facts) const;
    std::vector<std::string> peers_of(const SessionFacts& facts) const { return standing_of(facts).peers; }
    /// Whether a candidate of this session has this user name and password. Takes as long whether the name is known or not.
    bool accepts(const SessionFacts& facts, std::string_view user, std::string_view password) const;

    /// Files of authorities that certificates of sessions are to be held against; "": those of the system.
    std::vector<std::string> authorities() const;
    /// nullptr: there is none of this name.
    const Peer* named(std::string_view name) const;

private:
    struct Known {
        Peer peer;
        std::vector<Network> networks;   // where it calls from
        CertificateRules certificate;
    };
    std::vector<Known> peers_;
    std::uint64_t message_size_bytes_;
};

}   // namespace mmgate::mm4
