// What an SNMP manager sees, as values: object identifiers and what they hold. No sockets, no Net-SNMP.
//
// A View is made from the figures of one moment and answers GET and GETNEXT by look-up. MMGATE-MIB comes from the table of figures; the
// standard modules are in standard_mibs.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "daemon/control/protocol.h"
#include "daemon/metrics.h"

namespace mmgate::snmp {

using Oid = std::vector<std::uint32_t>;
Oid operator+(Oid left, const Oid& right);
bool starts_with(const Oid& oid, const Oid& prefix);

struct Value {
    enum class Type : std::uint8_t { integer,
                                     counter32,
                                     gauge32,
                                     timeticks,
                                     counter64,
                                     octets,
                                     oid };
    Type type = Type::integer;
    std::uint64_t number = 0;
    std::string octets{};
    Oid oid{};
    bool operator==(const Value&) const = default;
};
Value integer(std::uint64_t number);
Value counter32(std::uint64_t number);   // wraps
Value gauge32(std::uint64_t number);     // stays at its largest
Value timeticks(std::uint64_t hundredths);
Value counter64(std::uint64_t number);
Value octets(std::string_view text);   // at most 255
Value object_id(Oid oid);
/// DateAndTime in UTC, 11 octets. Source: RFC 2579.
Value date_and_time(Instant at);

using View = std::map<Oid, Value>;

/// The time, here and in the management system.
struct Clock {
    Instant now{};
    std::uint32_t uptime = 0;   // sysUpTime, hundredths of a second
    /// sysUpTime at a time gone by; 0 when that was before the system started.
    std::uint64_t stamp(Instant at) const;
    /// Hundredths of a second since then, or until then.
    std::uint64_t since(Instant at) const;
    std::uint64_t until(Instant at) const;
};

/// Numbers for names: the same as long as the agent runs. Bounded: past kMostNames the one given first is forgotten.
class IndexBook {
public:
    static constexpr std::size_t kMostNames = 4096;
    std::uint32_t of(std::string_view name);

private:
    std::map<std::string, std::uint32_t, std::less<>> numbers_;
    std::uint32_t last_ = 0;
};
/// One for each table.
using Indices = std::map<FigureTable, IndexBook>;

/// All groups.
inline constexpr auto kGroups = std::to_array<Group>(
    {Group::system, Group::queues, Group::peers, Group::traffic, Group::conversions, Group::mms, Group::security, Group::store, Group::alarms, Group::control});

/// MMGATE-MIB's root, and what stands below it.
Oid mib_root();
Oid mib_group(Group group);
Oid mib_notification(std::uint32_t number);
Oid mib_scalar(Group group, std::uint32_t number);   // without its instance
Oid mib_column(FigureTable table, std::uint32_t column);
Oid mib_object(const MetricSpec& spec);   // scalar or column

/// The figure as its object's syntax has it; nothing where it has no value.
std::optional<Value> value_of(const MetricSpec& spec, const Figure& figure);

/// Everything of MMGATE-MIB that comes from figures. The agent adds the rest.
void add_mmgate(const Figures& figures, Indices& indices, const Clock& clock, View& view);

/// Of mmgateDiscontinuityTime, the only object of the groups of figures that is no figure.
inline constexpr std::uint32_t kDiscontinuityTime = 13;

/// All objects that may have instances: scalars and columns, of figures and of the agent's own.
std::vector<Oid> mmgate_objects();

}   // namespace mmgate::snmp
