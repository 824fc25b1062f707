// The addresses to try for a next hop, and what it means when there are none.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "daemon/loop/resolver.h"
#include "daemon/smtp/outbound.h"
#include "daemon/smtp/transport.h"

namespace mmgate::smtp {

/// One address to try.
struct Target {
    std::string host;   // for people, verdicts and TLS
    Endpoint endpoint;
};

/// The addresses of a next hop in the order to try them, a handful at most, with every host having its turn before one has many. Hosts whose names
/// cannot be looked up are passed over where there are others.
/// Fails: as Resolver. `done` runs on the loop, never from inside.
void locate(Resolver& resolver, const Transport& transport, std::function<void(Result<std::vector<Target>>)> done);

/// What such a failure means for a mail.
Delivered look_up_verdict(const Error& error, const Transport& transport);

}   // namespace mmgate::smtp
