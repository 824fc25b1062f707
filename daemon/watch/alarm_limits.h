// The thresholds of alarms, as [alarms] of the configuration has them.
#pragma once

#include <cstdint>

#include "mapping/mm.h"

namespace mmgate {

struct AlarmLimits {
    std::uint32_t queue = 0;   // messages; 0: no alarm
    Seconds oldest{};          // 0: no alarm
    std::uint32_t store = 0;   // percent of the room
    Seconds peer{};
    Seconds certificate{};
    std::uint32_t conversions = 0;   // failures in a row; 0: no alarm
    std::uint32_t clear = 0;         // an alarm over a figure clears at this percentage of its threshold
    Seconds settle{};                // how long a thing must have been bad to raise its alarm, and good to clear it
    bool operator==(const AlarmLimits&) const = default;
};

}   // namespace mmgate
