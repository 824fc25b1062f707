// MMGATE-MIB's definitions from the table of figures and the table of alarms, and the manual's tables of the same.
#pragma once

#include <string>

namespace mmgate {

/// Text conventions apart, what stands between the template's marks, each in SMIv2.
std::string mib_objects();         // object groups, scalars, tables
std::string mib_notifications();   // of alarms
std::string mib_conformance();     // groups of objects and notifications

/// For mmgate-mib(7).
std::string mib_groups_table();
std::string mib_alarms_table();

}   // namespace mmgate
