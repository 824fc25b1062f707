// When the next attempt is. Pure.
#pragma once

#include <vector>

#include "daemon/crypto.h"
#include "mapping/mm.h"

namespace mmgate {

/// The time of the attempt after `attempts` have been made (at least one): the schedule's wait, its last repeating, with up to 10 % of
/// jitter so that what failed together does not come back together; never after `expires`, when the end is written down.
Instant next_attempt(const std::vector<Seconds>& schedule, std::uint32_t attempts, Instant now, Instant expires, Random& random);

}   // namespace mmgate
