// A try-out of a next hop for people: the whole conversation up to RCPT, step by step, and no message.
#pragma once

#include <chrono>
#include <functional>
#include <string>
#include <vector>

#include "daemon/loop/loop.h"
#include "daemon/loop/resolver.h"
#include "daemon/smtp/transport.h"
#include "mapping/address.h"

namespace mmgate::smtp {

struct ProbeStep {
    enum class Result : std::uint8_t { ok,
                                       failed,
                                       skipped };   // not asked for by the transport, or not reached
    std::string step;                               // "resolve", "connect", "greeting", "EHLO", "STARTTLS", "TLS", "certificate", "EHLO in TLS", "AUTH", "MAIL", "RCPT", "QUIT"
    Result result = Result::skipped;
    std::string detail;   // what was found or answered, and why it fails: printable ASCII in one line
    std::chrono::milliseconds took{};
};

/// Holds the conversation with the first address that takes the connection; each before it is a failed step "connect". A mail that is sent goes on to
/// another host after other failures, too. `sender` without a value is the null sender. RSET takes back what RCPT named.
/// `done` runs on the loop, once, never from inside. No wait is longer than half a minute. Loop and resolver must outlive it.
void probe(Loop& loop, Resolver& resolver, const Transport& transport, Address sender, Address recipient, std::function<void(std::vector<ProbeStep>)> done);

}   // namespace mmgate::smtp
