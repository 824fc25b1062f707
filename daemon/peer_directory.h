// Who is who among peers: by name, domain and number. Pure; made anew with each configuration.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "daemon/config.h"

namespace mmgate {

class PeerDirectory {
public:
    explicit PeerDirectory(const Config& config);
    PeerDirectory(const PeerDirectory&) = delete;   // points into itself
    PeerDirectory& operator=(const PeerDirectory&) = delete;

    /// nullptr: there is none.
    const Peer* named(std::string_view name) const;
    const Peer* of_domain(std::string_view domain) const;

    struct Match {
        const Peer* peer = nullptr;
        std::string_view prefix;   // of the peer's, the longest that the number begins with
    };
    Match of_number(std::string_view number) const;

    /// Whether messages may come from this number through this peer: it lies in the peer's `originators`, or its `prefixes` where there are none.
    /// Numbers that are served here are for the caller to refuse.
    static bool may_originate(const Peer& peer, std::string_view number);
    /// Whether the domain is one of the peer's.
    static bool has_domain(const Peer& peer, std::string_view domain);
    const std::vector<Peer>& all() const { return peers_; }

private:
    std::vector<Peer> peers_;
    std::map<std::string, const Peer*, std::less<>> by_name_, by_domain_, by_prefix_;
};

/// ASCII, case ignored: names of hosts and local parts of our own.
bool equal_ignoring_case(std::string_view a, std::string_view b);
std::string in_lower_case(std::string_view text);

}   // namespace mmgate
