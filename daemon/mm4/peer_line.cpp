#include "daemon/mm4/peer_line.h"

#include <algorithm>
#include <limits>

#include "daemon/retry.h"

namespace mmgate::mm4 {

namespace {

// A peer's host that comes back gets one message, then twice as many with each that it takes, until this.
constexpr std::size_t kFullWindow = 64;

}   // namespace

std::size_t PeerLine::free_slots(std::size_t most, Instant now) const {
    if (is_down()) return under_way_ == 0 && now >= next_try_ ? 1 : 0;
    const std::size_t window = window_ == 0 ? most : std::min(most, window_);
    return window - std::min(window, under_way_);
}

void PeerLine::succeeded() {
    if (is_down()) window_ = 1;
    failures_ = 0;
    if (window_ > 0) window_ = window_ >= kFullWindow ? 0 : window_ * 2;
}

void PeerLine::failed(std::string reason, const std::vector<Seconds>& waits, Instant now, Random& random) {
    // What was sent before it fell over tells nothing new.
    const bool known = is_down() && now < next_try_;
    reason_ = std::move(reason);
    if (known) return;
    if (!is_down()) down_since_ = now;
    ++failures_;
    next_try_ = next_attempt(waits, failures_, now, Instant(std::chrono::milliseconds(std::numeric_limits<std::int64_t>::max())), random);
}

void PeerLine::ended() { under_way_ -= std::min<std::size_t>(under_way_, 1); }

void PeerLine::try_now(Instant now) {
    if (is_down()) next_try_ = now;
}

}   // namespace mmgate::mm4
