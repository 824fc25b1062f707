// What became of attempts at next hops: the push bearer, the mail relay, other environments, mail domains.
//
// Bounded: of mail domains, which strangers choose, the ones least recently tried are forgotten. Thread-safe.
#pragma once

#include <cstdint>
#include <map>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "mapping/mm.h"

namespace mmgate {

enum class Attempt : std::uint8_t {
    sent,       // the next hop took it
    deferred,   // to be tried again
    refused,    // the next hop answered, and will not have it
};

/// The next hop of a lane: of "mm4:high:NAME" it is "mm4:NAME", as one environment has a lane for each priority; of others it is the lane.
std::string peer_of(std::string_view lane);

struct PeerRecord {
    std::string name;   // as peer_of gives it
    std::uint64_t sent = 0, deferred = 0, refused = 0;
    std::uint64_t failures = 0;               // deferred since the last answer
    Instant failing_since{};                  // of the first of them
    Instant last_success{}, last_failure{};   // zero: never
    std::string last_error;
};

class PeerBook {
public:
    static constexpr std::size_t kMostPeers = 256;

    /// `lane`: of the queue, or what peer_of gives. `reason`: the next hop's words; of them only what names nobody is kept.
    void note(std::string_view lane, Attempt attempt, std::string_view reason, Instant now);
    /// By name.
    std::vector<PeerRecord> records() const;

private:
    mutable std::mutex mutex_;
    std::map<std::string, PeerRecord, std::less<>> peers_;
};

/// A reply without what it may say of people: addresses in mail and numbers of four digits or more are struck out; printable ASCII, cut at 120 octets.
std::string without_identities(std::string_view text);

}   // namespace mmgate
