// Why a message is where it is, in plain words: state, last reason, next step. Pure.
#pragma once

#include <string>
#include <vector>

#include "store/store.h"

namespace mmgate::control {

/// "5 min", "2 h", "3 d": two units are never needed to decide what to do.
std::string span_text(Seconds span);

/// One sentence or two for the message and for each recipient, with times relative to `now` and absolute. `mm4_lifetime`: how long a peer is tried with an MM;
/// `held_routes`: what the operator holds as a whole.
std::vector<std::string> explain(const Message& message, Instant now, Seconds mm4_lifetime, const std::vector<std::string>& held_routes = {});

}   // namespace mmgate::control
