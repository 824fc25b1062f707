// Notifications on their way: rate limited, in order, and sent again where the management system may have missed them. No sockets, no clock.
//
// AgentX does not say whether the master has passed a notification on. A session that ends takes what was sent in the moments before with it, so that is
// kept for kDoubt and sent again when the session ends meanwhile: a notification may come twice, and is not lost.
// Bounded: when more wait than kMostWaiting, a raise and its clear that both wait cancel each other; failing that, the oldest goes, and is counted.
#pragma once

#include <deque>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "snmp/mib.h"

namespace mmgate::snmp {

struct Notification {
    std::uint32_t number = 0;                       // below the MIB's notifications
    std::vector<std::pair<Oid, Value>> objects{};   // instances
    std::string subject{};                          // what a raise and its clear have in common; "" of others
    bool operator==(const Notification&) const = default;
};

class NotificationQueue {
public:
    static constexpr std::size_t kMostWaiting = 256;
    static constexpr std::size_t kBurst = 20;   // at once; then one each kEvery
    static constexpr std::chrono::milliseconds kEvery{1000};
    static constexpr std::chrono::milliseconds kDoubt{30'000};

    void push(Notification notification);
    /// The next one that may be sent now, if the session is there.
    std::optional<Notification> next(Instant now);
    /// The session has ended: what may not have come through waits again, before all else.
    void session_ended(Instant now);

    std::size_t waiting() const { return waiting_.size(); }
    std::uint64_t dropped() const { return dropped_; }

private:
    struct Sent {
        Notification notification;
        Instant at{};
    };
    void make_room();

    std::deque<Notification> waiting_;
    std::deque<Sent> sent_;
    std::uint64_t dropped_ = 0;
    std::size_t tokens_ = kBurst;
    std::optional<Instant> refilled_;
};

}   // namespace mmgate::snmp
