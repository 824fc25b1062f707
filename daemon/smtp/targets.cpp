#include "daemon/smtp/targets.h"

#include <algorithm>

#include "daemon/smtp/reply_reader.h"
#include "mapping/status.h"

namespace mmgate::smtp {

namespace {

constexpr std::size_t kAddresses = 5;          // tried for one mail in one attempt
constexpr std::size_t kAddressesPerHost = 2;   // where there are other hosts

struct Host {
    std::string name;
    std::vector<std::string> addresses;
    std::uint16_t port = 0;
};

std::vector<Target> targets_of(const std::vector<Host>& hosts) {
    std::vector<Target> out;
    const std::size_t per_host = std::max(kAddressesPerHost, kAddresses / std::max<std::size_t>(hosts.size(), 1));
    for (const Host& host : hosts) {
        std::size_t taken = 0;
        for (const std::string& address : host.addresses) {
            if (out.size() == kAddresses || taken++ == per_host) break;
            out.push_back({host.name, {address, host.port}});
        }
    }
    return out;
}

/// Look-ups of several hosts at the same time.
struct Search {
    std::vector<Host> hosts;
    std::size_t missing = 0;
    std::optional<Error> error;
    std::function<void(Result<std::vector<Target>>)> done;

    void end() {
        std::vector<Target> targets = targets_of(hosts);
        if (targets.empty() && error) return done(fail(*error));
        done(std::move(targets));
    }
};

}   // namespace

void locate(Resolver& resolver, const Transport& transport, std::function<void(Result<std::vector<Target>>)> done) {
    if (transport.hosts.empty()) {
        resolver.mail_hosts(transport.domain, [done = std::move(done), port = transport.port](Result<std::vector<MailHost>> found) {
            if (!found) return done(fail(found.error()));
            std::vector<Host> hosts;
            for (MailHost& one : *found) hosts.push_back({std::move(one.name), std::move(one.addresses), port});
            done(targets_of(hosts));
        });
        return;
    }
    auto search = std::make_shared<Search>();   // shared by its look-ups
    search->done = std::move(done);
    search->missing = transport.hosts.size();
    for (const NextHop& hop : transport.hosts) search->hosts.push_back({hop.host, {}, hop.port});
    for (std::size_t i = 0; i < transport.hosts.size(); ++i) {
        resolver.addresses(transport.hosts[i].host, [search, i](Result<std::vector<std::string>> found) {
            if (found) search->hosts[i].addresses = std::move(*found);
            else if (!search->error) search->error = found.error();
            if (--search->missing == 0) search->end();
        });
    }
}

Delivered look_up_verdict(const Error& error, const Transport& transport) {
    // A host that the operator named: whatever is wrong with its name is waited out.
    const bool failed = transport.hosts.empty() && !transport.domain_is_ours && !is_temporary(error.fault);
    const FaultSpec& spec = spec_of(failed ? error.fault : Fault::peer_unreachable);
    std::string status(failed ? spec.enhanced : "4.4.3");
    const std::string& name = transport.hosts.empty() ? transport.domain : transport.hosts.front().host;
    return {failed ? Delivered::Verdict::failed : Delivered::Verdict::deferred, spec.fault, printable_line(std::to_string(spec.smtp_code) + " " + status + " " + name + ": " + error.rule), status, {}, Delivered::Extent::destination};
}

}   // namespace mmgate::smtp
