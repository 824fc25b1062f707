// So many a second, and no more than a second's worth at once. Pure: the caller says what time it is.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>

#include "mapping/mm.h"

namespace mmgate {

class TokenBucket {
public:
    /// Full at first. A rate of 0 is no limit.
    TokenBucket(std::uint32_t per_second, Instant now) : per_second_(per_second), thousandths_(most()), filled_(now) {}

    std::uint32_t per_second() const { return per_second_; }
    bool full(Instant now) const { return per_second_ == 0 || level(now) == most(); }
    /// Whole tokens there are.
    std::size_t available(Instant now) const { return per_second_ == 0 ? SIZE_MAX : static_cast<std::size_t>(std::max<std::int64_t>(level(now), 0) / kToken); }
    /// Takes one, also where there is none: what was let through all the same is waited for later.
    void take(Instant now) {
        if (per_second_ == 0) return;
        thousandths_ = level(now) - kToken;
        filled_ = now;
    }
    /// When there is a token; `now` where there is one.
    Instant next(Instant now) const {
        if (available(now) > 0) return now;
        const std::int64_t missing = kToken - level(now);
        return now + std::chrono::milliseconds((missing + per_second_ - 1) / per_second_);
    }

private:
    static constexpr std::int64_t kToken = 1000;   // so that a token a second is a thousandth in a millisecond
    std::int64_t most() const { return static_cast<std::int64_t>(per_second_) * kToken; }
    std::int64_t level(Instant now) const {
        const auto passed = std::chrono::duration_cast<std::chrono::milliseconds>(now - filled_).count();
        // What is longer ago than it takes to fill fills no more.
        const std::int64_t counted = std::clamp<std::int64_t>(passed, 0, 1'000'000);
        return std::min(most(), thousandths_ + counted * per_second_);
    }

    std::uint32_t per_second_;
    std::int64_t thousandths_;
    Instant filled_;
};

}   // namespace mmgate
