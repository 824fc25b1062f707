// How one peer writes and wants MM4: the switches of its technical sheet.
//
// Pure values. Source: 3GPP TS 23.140 §8.4; what relays are seen to do (docs/conformance.md).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "mapping/result.h"

namespace mmgate::mm4 {

/// How X-Mms-Expiry is written: an HTTP-date, or seconds from the sending on.
enum class ExpiryForm : std::uint8_t { date,
                                       delta };
/// How phones stand in To, Cc and From: "+44…/TYPE=PLMN@domain" or without the domain.
enum class AddressForm : std::uint8_t { with_domain,
                                        without_domain };

/// X-Mms-3GPP-MMS-Version: the version of TS 23.140 that a relay implements.
struct Version {
    std::uint16_t major = 6;
    std::uint16_t minor = 16;
    std::uint16_t patch = 0;
    auto operator<=>(const Version&) const = default;
};
std::string to_text(const Version& version);   // "6.16.0"
/// Reads one to three numbers with dots between; what is missing is 0. Fails: malformed.
Result<Version> parse_version(std::string_view text);

/// Whether it is a major version whose rules we know: 4, 5 or 6. Another one is tried all the same.
constexpr bool is_known(const Version& version) { return version.major >= 4 && version.major <= 6; }

struct Dialect {
    Version version;   // announced; Rel-6 fields are left out below 6
    bool rel6_fields = true;
    bool quote_ids = true;   // transaction and message ids as quoted strings
    ExpiryForm expiry = ExpiryForm::date;
    AddressForm addresses = AddressForm::with_domain;
    bool lenient = true;   // reads what is seen and no sheet allows: see kLenient in mm4/fields.h
    bool operator==(const Dialect&) const = default;
};

}   // namespace mmgate::mm4
