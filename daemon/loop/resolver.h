// Names without waiting: c-ares on the loop.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "daemon/config.h"
#include "daemon/loop/loop.h"
#include "mapping/result.h"

namespace mmgate {

/// One host to try: its name for people and TLS, and its address literals, IPv6 and IPv4 interleaved.
struct MailHost {
    std::string name;
    std::vector<std::string> addresses;
};

class Resolver {
public:
    virtual ~Resolver() = default;
    /// The hosts that take mail for a domain, in the order to try them: by preference, equal ones shuffled, the domain itself where there is no MX.
    /// Fails: null_mx, no_such_domain (NXDOMAIN), peer_unreachable (SERVFAIL, timeout, no usable host).
    /// `done` runs on the loop, never from inside. Source: RFC 5321 §5.1, RFC 7505.
    virtual void mail_hosts(const std::string& domain, std::function<void(Result<std::vector<MailHost>>)> done) = 0;
    /// Addresses of one host name.
    virtual void addresses(const std::string& host, std::function<void(Result<std::vector<std::string>>)> done) = 0;
};

std::unique_ptr<Resolver> make_resolver(Loop& loop, const Config& config);

}  // namespace mmgate
