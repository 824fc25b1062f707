// Names without waiting: c-ares on the loop.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "daemon/config.h"
#include "daemon/loop/loop.h"
#include "mapping/enum.h"
#include "mapping/result.h"

namespace mmgate {

inline constexpr std::size_t kMailHosts = 5;          // of one domain: the best by preference
inline constexpr std::size_t kAddressesPerHost = 8;   // of each family

/// One host to try: its name for people and TLS, and its address literals, IPv6 and IPv4 interleaved.
struct MailHost {
    std::string name;
    std::vector<std::string> addresses;
    bool operator==(const MailHost&) const = default;
};

class Resolver {
public:
    virtual ~Resolver() = default;
    /// The hosts that take mail for a domain, in the order to try them: by preference, equal ones shuffled, the domain itself where there is no MX.
    /// An address literal in brackets is its own host. Addresses that are not public are left out unless mail.private_mx.
    /// Fails: null_mx; no_such_domain (NXDOMAIN, a domain with neither MX nor address, a literal that may not be used); routing_loop (we are the
    /// best MX ourselves); peer_unreachable (SERVFAIL, timeout, MX without a usable host). The rule says which, for people.
    /// `done` runs on the loop, never from inside. Source: RFC 5321 §5.1, RFC 7505.
    virtual void mail_hosts(const std::string& domain, std::function<void(Result<std::vector<MailHost>>)> done) = 0;
    /// Addresses of one host name that the operator configured: the hosts file first, then DNS; any range. Literals give themselves.
    virtual void addresses(const std::string& host, std::function<void(Result<std::vector<std::string>>)> done) = 0;
    /// The NAPTR records of a name, unsorted, at most kNamePointers. None: the name has none, or does not exist.
    /// Fails: peer_unreachable (SERVFAIL, timeout); no_such_domain (no name at all).
    virtual void name_pointers(const std::string& name, std::function<void(Result<std::vector<NamePointer>>)> done) = 0;
    /// Takes over [dns], mail.private_mx and gateway.hostname for look-ups from now on.
    virtual void reconfigure(const Config& config) = 0;
};

std::unique_ptr<Resolver> make_resolver(Loop& loop, const Config& config);

}   // namespace mmgate
