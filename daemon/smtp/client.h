// Mail out: connections to next hops, kept and reused, and the transactions over them.
//
// The dialogue is smtp/sender (no sockets); this is the pump, the pools and the walk over hosts.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "daemon/log.h"
#include "daemon/loop/loop.h"
#include "daemon/loop/resolver.h"
#include "daemon/metrics.h"
#include "daemon/smtp/outbound.h"
#include "daemon/smtp/transport.h"
#include "daemon/watch/association.h"

namespace mmgate::smtp {

class Client {
public:
    virtual ~Client() = default;
    /// Sends one mail to one next hop. `done` runs on the loop once with one verdict per recipient in order, never from inside `send`.
    /// `relayed` only when the next hop offered DSN and a report was asked for. A transport that differs from the one last given for its pool takes over.
    virtual void send(const Transport& transport, OutboundMail mail, std::function<void(std::vector<Delivered>)> done) = 0;
    /// How many transactions may run to this next hop now: falls when it is in trouble, or has had what it takes in a second.
    virtual std::size_t free_slots(const Transport& transport) const = 0;
    /// When asking for slots again may help, where there are none for want of rate or because of trouble. Now, where only what is under way is in the way.
    virtual Instant next_slot(const Transport& transport) const = 0;
    /// Reads certificates anew.
    virtual void reconfigure() = 0;
    /// Next hops that are left alone after trouble are tried at the next mail, and hosts are looked up anew.
    virtual void try_now() = 0;
    /// Ends idle connections; running transactions finish.
    virtual void drain() = 0;
    virtual Associations associations() const { return {}; }
};

std::unique_ptr<Client> make_client(Loop& loop, Resolver& resolver, Log& log, Metrics& metrics);

}   // namespace mmgate::smtp
