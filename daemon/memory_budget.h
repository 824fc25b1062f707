// How many octets of messages may be in memory at once, over all sessions of all doors (limits.memory).
//
// A session takes a share before it takes octets, and refuses its peer for now when there is none left. The loop's thread only.
#pragma once

#include <cassert>
#include <cstdint>
#include <utility>

namespace mmgate {

class MemoryBudget {
public:
    explicit MemoryBudget(std::uint64_t most_bytes) : most_bytes_(most_bytes) {}
    ~MemoryBudget() { assert(taken_bytes_ == 0); }
    MemoryBudget(const MemoryBudget&) = delete;
    MemoryBudget& operator=(const MemoryBudget&) = delete;

    void configure(std::uint64_t most_bytes) { most_bytes_ = most_bytes; }   // shares that are out stay
    std::uint64_t taken_bytes() const { return taken_bytes_; }

private:
    friend class MemoryShare;
    std::uint64_t most_bytes_;
    std::uint64_t taken_bytes_ = 0;
};

/// What one session holds of the budget, which must outlive it; given back when the share ends.
class MemoryShare {
public:
    explicit MemoryShare(MemoryBudget& budget) : budget_(&budget) {}
    ~MemoryShare() { budget_->taken_bytes_ -= bytes_; }
    MemoryShare(MemoryShare&& other) noexcept : budget_(other.budget_), bytes_(std::exchange(other.bytes_, 0)) {}
    MemoryShare& operator=(MemoryShare&&) = delete;

    /// Makes the share this large. False, and nothing changed, when the budget has no room for more; less is always granted.
    [[nodiscard]] bool resize(std::uint64_t bytes) {
        if (bytes > bytes_ && bytes - bytes_ > (budget_->most_bytes_ > budget_->taken_bytes_ ? budget_->most_bytes_ - budget_->taken_bytes_ : 0)) return false;
        budget_->taken_bytes_ += bytes - bytes_;
        bytes_ = bytes;
        return true;
    }
    std::uint64_t bytes() const { return bytes_; }

private:
    MemoryBudget* budget_;
    std::uint64_t bytes_ = 0;
};

}   // namespace mmgate
