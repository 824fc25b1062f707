// What the agent knows of the gateway: its last figures, its alarms, and what a manager is to be told. No sockets, no Net-SNMP, no clock.
//
// Alarms are followed by state: whatever was missed while the gateway was not reachable, a raise and a clear are made of what differs.
// That the gateway itself is gone is an alarm of the agent's own.
#pragma once

#include <map>
#include <optional>
#include <string>

#include "snmp/control.h"
#include "snmp/notification_queue.h"
#include "snmp/standard_mibs.h"

namespace mmgate::snmp {

class Monitor {
public:
    /// Figures older than this are no longer shown, and the gateway counts as lost.
    static constexpr std::chrono::milliseconds kLostAfter{10'000};
    /// A gateway that has run for longer when the agent first meets it has not just started.
    static constexpr std::chrono::milliseconds kJustStarted{60'000};

    explicit Monitor(Instant now, std::uint32_t lock) : since_(now), control_(lock) { operation_.last_change = now; }

    void figures(Figures figures, Instant now);
    void notice(const control::Notice& notice, Instant now);
    /// Whatever time brings: the gateway is lost.
    void tick(Instant now);

    /// All that can be asked for now.
    View view(const Clock& clock);
    Control& control() { return control_; }
    NotificationQueue& notifications() { return queue_; }
    bool gateway_answers() const { return figures_.has_value(); }

private:
    void begin(const control::Notice& notice, Instant now);
    void ready();
    void health(Health health, const std::string& reason);
    void raise(const Alarm& alarm);
    void clear(const Alarm& alarm);
    void tell_alarm(const Alarm& alarm, std::uint32_t number);
    void note_status(Instant now);
    std::uint32_t index_of(const Alarm& alarm);

    std::optional<Figures> figures_;   // of a gateway that answers
    Instant since_;                    // of the last answer, or the agent's start
    std::optional<Instant> started_;   // of the gateway, as last heard
    std::string version_;
    std::optional<Health> health_;
    std::map<std::string, Alarm> alarms_;                 // raised, and managers told
    std::optional<std::map<std::string, Alarm>> heard_;   // between begin and ready
    OperStatus status_ = OperStatus::down;
    Operation operation_;
    Indices indices_;
    Control control_;
    NotificationQueue queue_;
};

}   // namespace mmgate::snmp
