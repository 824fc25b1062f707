// Alarms: what is wrong now, decided from the figures of each moment, with hysteresis in value and in time. Pure.
//
// `judge` says of each thing that can go wrong whether it is bad, good or in between; an AlarmBook raises what has been bad, and clears what has been
// good, for as long as the operator wants to wait. In between nothing changes, so that a figure that swings about its threshold makes one alarm.
// From the rows of kAlarms come the notifications of MMGATE-MIB and the operator's list of alarms and what to do.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "daemon/metrics.h"
#include "daemon/watch/alarm_limits.h"
#include "mapping/mm.h"

namespace mmgate {

/// In the order of kAlarmWords.
enum class AlarmKind : std::uint8_t { queue_high = 1,
                                      oldest_age_high,
                                      store_low,
                                      not_accepting,
                                      bearer_failing,
                                      peer_down,
                                      certificate_expiring,
                                      config_rejected,
                                      conversion_failing,
                                      gateway_lost };

/// In the order of kSeverityWords.
enum class Severity : std::uint8_t { cleared = 1,
                                     warning,
                                     minor,
                                     major,
                                     critical };

struct AlarmSpec {
    AlarmKind kind;
    Severity severity;
    std::uint8_t number;                // of the notification that raises it; the one that clears it has the next
    std::string_view raised, cleared;   // their names, without the MIB's prefix
    std::string_view meaning;
    std::string_view remedy;   // what the operator does
};

// clang-format off
inline constexpr auto kAlarms = std::to_array<AlarmSpec>({
    {AlarmKind::queue_high, Severity::major, 10, "QueueHigh", "QueueNormal",
     "More messages wait than alarms.queue allows.",
     "Look with mmq list and mmq stats at whom they wait for: a next hop that is down has an alarm of its own; phones that do not fetch show as notified."},
    {AlarmKind::oldest_age_high, Severity::minor, 12, "OldestAgeHigh", "OldestAgeNormal",
     "A message has waited for longer than alarms.oldest.",
     "mmq list --older names it and mmq why says why it waits. A phone that is off waits for long; mail that waits has a next hop that refuses it."},
    {AlarmKind::store_low, Severity::major, 14, "StoreLow", "StoreNormal",
     "The store is nearly full: alarms.store of limits.map_size, or its disk is near limits.disk_reserve.",
     "Make room on the disk, raise limits.map_size, or delete what is held with mmq delete --all --state held."},
    {AlarmKind::not_accepting, Severity::critical, 16, "NotAccepting", "AcceptingAgain",
     "New messages are deferred: mail is answered 452, phones get a transient status.",
     "The store is full or its disk fails; the log says which. Make room as for storeLow, or replace the disk and restore a backup."},
    {AlarmKind::bearer_failing, Severity::critical, 18, "BearerFailing", "BearerWorking",
     "No push has come through to the bearer for alarms.peer: phones are not told of their messages.",
     "Look at mmgatePeerLastError of the lane mm1, and see whether the push gateway of push.url runs. Nothing is lost; notifications are tried again by themselves."},
    {AlarmKind::peer_down, Severity::major, 20, "PeerDown", "PeerUp",
     "No attempt at a next hop has come through for alarms.peer. Mail domains, which strangers choose, raise no alarm.",
     "Look at its mmgatePeerLastError and ask its operator. What waits for it is tried again as queue.retry says; mmq retry tries it at once."},
    {AlarmKind::certificate_expiring, Severity::warning, 22, "CertificateExpiring", "CertificateRenewed",
     "A certificate ends within alarms.certificate, has ended, or cannot be read.",
     "Put the new certificate in its place and run mmq reload."},
    {AlarmKind::config_rejected, Severity::minor, 24, "ConfigRejected", "ConfigAccepted",
     "A reload found errors in the configuration, and the one before stays in force.",
     "mmgated --check-config says what is wrong and where. Put it right, then mmq reload."},
    {AlarmKind::conversion_failing, Severity::minor, 26, "ConversionFailing", "ConversionWorking",
     "alarms.conversions messages in a row could not be mapped between mail and MMS.",
     "The log names each with the rule that it broke. One sender's program that writes broken mail is usual; if it is none, report it with mmq cat --raw."},
    {AlarmKind::gateway_lost, Severity::critical, 28, "GatewayLost", "GatewayFound",
     "The SNMP agent has no answer from the gateway.",
     "See whether mmgated runs, and whether the agent's user is snmp.user and may open the control socket."},
});
// clang-format on
constexpr const AlarmSpec& spec_of(AlarmKind kind) { return kAlarms[static_cast<std::size_t>(kind) - 1]; }
constexpr std::string_view to_text(AlarmKind kind) { return kAlarmWords[static_cast<std::size_t>(kind) - 1]; }
constexpr std::string_view to_text(Severity severity) { return kSeverityWords[static_cast<std::size_t>(severity) - 1]; }
constexpr bool alarms_are_in_order() {
    for (std::size_t i = 0; i < kAlarms.size(); ++i)
        if (static_cast<std::size_t>(kAlarms[i].kind) != i + 1) return false;
    return kAlarms.size() == std::size(kAlarmWords);
}
static_assert(alarms_are_in_order());

struct Alarm {
    AlarmKind kind{};
    std::string object;   // which peer, which certificate; "" where there is only one
    Severity severity{};
    Instant since{};
    std::string text;   // one sentence
    bool operator==(const Alarm&) const = default;
};

enum class Condition : std::uint8_t { good,
                                      between,
                                      bad };
/// What the figures say of one thing that can go wrong.
struct Finding {
    AlarmKind kind{};
    std::string object;
    Condition condition = Condition::good;
    std::string text;   // of what is bad
};

/// Failures in a row are seen by what has been counted since the last look.
struct ConversionTrend {
    std::uint64_t done = 0, failed = 0;   // as counted then
    std::uint64_t in_row = 0;
    void look(const Figures& figures);
};

/// Everything that can go wrong, as these figures have it. What is not named does not exist, which is good.
std::vector<Finding> judge(const Figures& figures, const ConversionTrend& conversions, const AlarmLimits& limits);

struct AlarmChange {
    Alarm alarm;
    bool raised = false;   // or cleared
    Instant at{};
};

class AlarmBook {
public:
    /// Far more than there are things to fail: a bound, not a limit one works with.
    static constexpr std::size_t kMostAlarms = 200;

    /// Takes what was found and says what has changed by it.
    std::vector<AlarmChange> look(const std::vector<Finding>& findings, Seconds settle, Instant now);
    /// Those that are raised, by kind and object.
    std::vector<Alarm> active() const;
    Health health() const;
    /// The text of the worst one that is raised, "" where there is none.
    std::string reason() const;

private:
    struct Watched {
        std::optional<Alarm> raised;
        std::optional<Instant> bad_since, good_since;
    };
    std::map<std::pair<AlarmKind, std::string>, Watched> watched_;
};

}   // namespace mmgate
