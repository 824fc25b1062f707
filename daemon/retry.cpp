#include "daemon/retry.h"

#include <algorithm>
#include <cassert>

namespace mmgate {

Instant next_attempt(const std::vector<Seconds>& schedule, std::uint32_t attempts, Instant now, Instant expires, Random& random) {
    assert(!schedule.empty() && attempts > 0);
    const Seconds wait = schedule[std::min<std::size_t>(attempts, schedule.size()) - 1];
    const auto whole = std::chrono::duration_cast<std::chrono::milliseconds>(wait);
    const auto tenth = std::clamp<std::int64_t>(whole.count() / 10, 1, UINT32_MAX - 1);
    const std::chrono::milliseconds jitter{random.below(static_cast<std::uint32_t>(2 * std::min<std::int64_t>(tenth, UINT32_MAX / 2 - 1) + 1)) - tenth};
    return std::min(now + whole + jitter, expires);
}

}   // namespace mmgate
