// What must hold between keys: a key without its certificate, two peers of one name, ranges served twice. Pure.
#pragma once

#include <functional>
#include <string_view>

#include "daemon/config.h"

namespace mmgate {

/// Tells `report` each contradiction: the key it is told at ("peer.1" for the second [[peer]]), and a clause with what would be right.
/// Values that did not parse were told before and stand at their defaults.
void check_config(const Config& config, const std::function<void(std::string_view key, std::string_view message)>& report);

}   // namespace mmgate
