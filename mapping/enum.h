// ENUM: from a number by way of the domain name system to the address of its MMS environment.
//
// Pure: names and records in, an address out. What a record says is bounded and reduced to a mailbox before anybody acts on it; nothing is fetched.
// Source: RFC 6116 §3 (names and rules), RFC 3402 §3.2 (substitution), RFC 4355 §5.4 (E2U+mms:mailto).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "mapping/address.h"
#include "mapping/result.h"

namespace mmgate {

/// A NAPTR record as it came.
struct NamePointer {
    std::uint16_t order = 0, preference = 0;
    std::string flags, service, rule, replacement;
    bool operator==(const NamePointer&) const = default;
};

inline constexpr std::size_t kNamePointers = 20;    // of one name that are looked at
inline constexpr std::size_t kPointerSteps = 5;     // from name to name
inline constexpr std::size_t kPointerBytes = 255;   // of a rule, and of what comes out

/// "+447700900123" below "e164.arpa": "3.2.1.0.0.9.0.0.7.7.4.4.e164.arpa".
std::string enum_name(std::string_view number, std::string_view zone);

/// What the records of a name lead to.
struct Pointed {
    Address mailbox;         // in an MMS environment; its local part may hold /TYPE=PLMN
    std::string next_name;   // or another name to ask; then there is no mailbox
};
/// Follows the record with the lowest order, then preference, that is for MMS by mail and is understood.
/// Fails: recipient_unknown, saying why, when none is.
Result<Pointed> follow(std::vector<NamePointer> records, std::string_view number);

}   // namespace mmgate
