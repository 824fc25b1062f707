// Whether a peer can be reached, and how much to send to it at once: one line for each. Pure.
//
// What a peer as a whole does wrong is no message's doing: the line is closed, everything in it keeps its place, and one message after a growing wait tries
// whether the peer is back. Then more and more go at the same time, the first in the line first, so that a peer that returns is not run over.
#pragma once

#include <cstddef>
#include <optional>
#include <string>

#include "daemon/crypto.h"
#include "mapping/mm.h"

namespace mmgate::mm4 {

class PeerLine {
public:
    /// How many more messages may be sent now, of at most `most` at the same time.
    std::size_t free_slots(std::size_t most, Instant now) const;
    void began() { ++under_way_; }
    /// The peer's host spoke with us.
    void succeeded();
    /// It could not be reached, or would not speak with us at all; `waits` between attempts, the last repeating.
    void failed(std::string reason, const std::vector<Seconds>& waits, Instant now, Random& random);
    void ended();
    /// The operator asks for an attempt now.
    void try_now(Instant now);

    bool is_down() const { return failures_ > 0; }
    std::size_t under_way() const { return under_way_; }
    /// When it is tried again; nothing while it is up.
    std::optional<Instant> next_try() const { return is_down() ? std::optional(next_try_) : std::nullopt; }
    Instant down_since() const { return down_since_; }
    const std::string& reason() const { return reason_; }   // of the last failure
    unsigned failures() const { return failures_; }

private:
    std::size_t under_way_ = 0;
    std::size_t window_ = 0;   // messages at once while it comes back; 0: as many as there are connections
    unsigned failures_ = 0;    // in a row
    Instant next_try_{}, down_since_{};
    std::string reason_;
};

}   // namespace mmgate::mm4
