// A PDU for people: one line a field, then the parts.
#pragma once

#include <string>

#include "mapping/mm1/codec.h"

namespace mmgate::mm1 {

/// "2026-01-02T03:04:05Z" of seconds since 1970; the number itself beyond the year 9999.
std::string utc_text(std::uint64_t unix_seconds);
/// One field's value for people: "High", "86400 s from now", "Yes". UTF-8 without controls.
std::string value_text(const FieldValue& field);
/// The whole PDU, texts of text parts included, at most `text_bytes` of each. UTF-8 without controls but line ends, whatever the peer sent.
std::string dump(const Pdu& pdu, std::size_t text_bytes = 400);

}   // namespace mmgate::mm1
