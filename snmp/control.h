// The objects by which a manager acts upon the gateway: what may be set, what setting does, what came of it. No sockets, no Net-SNMP.
//
// A set is tested first and acts when all of its request has passed. What it acts by is a request on the control socket, and the gateway has the last word.
// Source: RFC 2579 (TestAndIncr), MMGATE-MIB (mmgateControl).
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "snmp/mib.h"

namespace mmgate::snmp {

/// Why a set is refused, by SNMP's numbers. Source: RFC 3416 §3.
enum class SetError : std::uint8_t {
    none = 0,
    wrong_type = 7,
    wrong_length = 8,
    wrong_value = 10,
    inconsistent_value = 12,
    resource_unavailable = 13,
    not_writable = 17,
};

struct Setting {
    Oid oid;   // with its instance
    Value value;
};

class Control {
public:
    static constexpr std::size_t kOperatorBytes = 32;

    /// `lock`: where the advisory lock begins; any number, so that a restart is noticed.
    explicit Control(std::uint32_t lock) : lock_(lock & 0x7FFFFFFF) {}

    /// Whether one of a request's settings would be allowed now.
    SetError test(const Setting& setting) const;
    /// Carries out a request all of whose settings were allowed.
    void commit(const std::vector<Setting>& settings);
    /// The request that a commit has asked for, once.
    std::optional<control::Request> take_request();
    /// How that request ended; nothing: the gateway did not answer.
    void finished(const std::optional<control::End>& end);

    /// What the gateway has last said: whether it may be controlled. Nothing: it does not answer.
    void gateway(std::optional<bool> enabled) { enabled_ = enabled; }
    /// Somebody has acted upon it.
    void noticed(const control::Notice& notice) { last_ = notice; }
    /// The instances of this group that are no figures.
    void add_to(View& view) const;

private:
    enum class State : std::uint8_t { idle = 1,
                                      running,
                                      done,
                                      failed };
    std::uint32_t lock_;
    std::string operator_;
    State state_ = State::idle;
    std::optional<bool> enabled_;
    std::optional<control::Request> request_;
    std::string problem_;   // of what was asked here and did not reach the gateway
    std::optional<control::Notice> last_;
};

/// Where the group's objects stand, without instance.
std::vector<Oid> control_objects();
/// Those of the notification mmgateControlDone, with what they hold.
std::vector<std::pair<Oid, Value>> control_values(const control::Notice& notice);

}   // namespace mmgate::snmp
