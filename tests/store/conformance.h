// What store.h promises, row by row; conformance.cpp asks each engine for every row.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "store/store.h"

namespace mmgate::conformance {

/// Of the stores that are asked.
inline constexpr Seconds kHistory{1000};
inline constexpr Seconds kReportWait{5000};

struct Row {
    const char* name;
    void (*test)(Store&);
};
/// Arrival, claims, settling, lanes, lists.
std::span<const Row> work_rows();
/// Ends: the operator's verbs, reports, what is freed and forgotten.
std::span<const Row> end_rows();

inline LaneDue lane_due(std::string lane, Instant due) { return {std::move(lane), due}; }
std::vector<RecipientState> states_of(const Store& store, QueueId id);

}   // namespace mmgate::conformance
