// The numbers under which faults stand on disk. They outlive the order of the enumeration.
#pragma once

#include <array>
#include <cstdint>

#include "mapping/result.h"

namespace mmgate::records {

struct FaultNumber {
    std::uint8_t number;
    Fault fault;
};

// A number is never used for anything else; a new fault takes the next one.
inline constexpr auto kFaultNumbers = std::to_array<FaultNumber>({
    {0, Fault::malformed},
    {1, Fault::truncated},
    {2, Fault::too_large},
    {3, Fault::unsupported_version},
    {4, Fault::unsupported_type},
    {5, Fault::message_too_big},
    {6, Fault::content_refused},
    {7, Fault::sender_denied},
    {8, Fault::sender_syntax},
    {9, Fault::recipient_syntax},
    {10, Fault::recipient_unknown},
    {11, Fault::relay_denied},
    {12, Fault::no_recipients},
    {13, Fault::not_found},
    {14, Fault::routing_loop},
    {15, Fault::storage_full},
    {16, Fault::storage_failed},
    {17, Fault::overloaded},
    {18, Fault::peer_unreachable},
    {19, Fault::peer_deferred},
    {20, Fault::peer_refused},
    {21, Fault::null_mx},
    {22, Fault::no_such_domain},
    {23, Fault::expired},
    {24, Fault::hidden_sender},
    {25, Fault::internal},
    {26, Fault::unmappable},
    {27, Fault::content_lost},
});

/// A fault without a number here is written as internal; tests/store/records.cpp finds it.
constexpr std::uint8_t number_of(Fault fault) {
    for (const FaultNumber& row : kFaultNumbers)
        if (row.fault == fault) return row.number;
    return number_of(Fault::internal);
}

/// A reason of a later version is one we cannot name: internal. The text beside it says it.
constexpr Fault fault_of(std::uint8_t number) {
    for (const FaultNumber& row : kFaultNumbers)
        if (row.number == number) return row.fault;
    return Fault::internal;
}

}   // namespace mmgate::records
