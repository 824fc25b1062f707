// The header of an MM4 message, read row by row into its information elements.
//
// Source: 3GPP TS 23.140 §8.4.4, §8.4.5.
#pragma once

#include "mapping/mail/header_scan.h"
#include "mapping/mm4/codec.h"
#include "mapping/mm4/elements.h"

namespace mmgate::mm4 {

struct ReadElements {
    Elements elements;
    Notes notes;
};

/// Fails as decode does, with the name of the field in front of the rule.
Result<ReadElements> read_fields(const mail::HeaderBlock& header, MessageType type, const DecodeOptions& options);

/// The first place where a field's value holds NUL, or CR or LF that do not fold it; nothing when there is none.
std::optional<Error> find_bare_control(const mail::HeaderBlock& header);

}   // namespace mmgate::mm4
