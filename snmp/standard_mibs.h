// The gateway in NETWORK-SERVICES-MIB and MTA-MIB.
//
// Source: RFC 2788 (applTable, assocTable), RFC 2789 (mtaTable, mtaGroupTable, mtaGroupErrorTable). Groups are the doors; what a door does not do has
// no instance, as the module asks.
#pragma once

#include "snmp/mib.h"

namespace mmgate::snmp {

inline constexpr std::uint32_t kApplication = 1;   // applIndex

/// The tables, for registration.
std::vector<Oid> standard_tables();

/// What of applTable depends on more than the figures of one moment.
struct Operation {
    bool answers = false;       // the gateway
    Instant last_change{};      // of its operational state
    std::string last_version;   // that it is known to have
};
/// applOperStatus. Source: RFC 2788.
enum class OperStatus : std::uint8_t { up = 1,
                                       down = 2,
                                       congested = 4,
                                       quiescing = 6 };
OperStatus oper_status(const Figures& figures, bool answers);

void add_network_services(const Figures& figures, const Operation& operation, const Clock& clock, View& view);
void add_mta(const Figures& figures, const Clock& clock, View& view);

}   // namespace mmgate::snmp
