// Mail out: connections to next hops, kept and reused, and the transactions over them.
//
// The dialogue is smtp/sender (no sockets); this is the pump, the pool and the walk over MX hosts.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "daemon/config.h"
#include "daemon/log.h"
#include "daemon/loop/loop.h"
#include "daemon/loop/resolver.h"
#include "daemon/loop/tls.h"
#include "daemon/metrics.h"
#include "daemon/smtp/outbound.h"

namespace mmgate::smtp {

class Client {
public:
    virtual ~Client() = default;
    /// Sends one mail to one next hop. `lane` is the router's: "mail:HOST:PORT" of a relay or "mail:DOMAIN" for its MX.
    /// `done` runs on the loop once with one verdict per recipient in order, never from inside `send`.
    /// `relayed` only when the next hop offered DSN and a report was asked for.
    virtual void send(std::string_view lane, OutboundMail mail, std::function<void(std::vector<Delivered>)> done) = 0;
    /// How many transactions may run to this lane now: falls when the next hop is in trouble.
    virtual std::size_t free_slots(std::string_view lane) const = 0;
    virtual void reconfigure(const Config& config) = 0;
    /// Ends idle connections; running transactions finish.
    virtual void drain() = 0;
};

std::unique_ptr<Client> make_client(Loop& loop, Resolver& resolver, const Config& config, Log& log, Metrics& metrics);

}   // namespace mmgate::smtp
