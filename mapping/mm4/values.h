// Single values of MM4 header fields: identifiers, dates, expiry, numbered values, texts.
//
// Pure. Readers take a field's value on one line (unfolded), writers give text for one line.
// Source: 3GPP TS 23.140 §8.4.5; RFC 5322 §3.2.4 (quoted-string); RFC 7231 §7.1.1.1 (HTTP-date); RFC 3339.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "mapping/mm.h"
#include "mapping/result.h"

namespace mmgate::mm4 {

/// The text of a whole quoted-string, quoted-pairs undone; nothing for any other text.
std::optional<std::string> unquoted(std::string_view text);
/// A text of one line as a quoted-string.
std::string quoted(std::string_view text);

/// A transaction or message identifier without one pair of quotes, quoted-pairs and one pair of < >.
/// Fails: malformed when it is empty, longer than 255 octets or holds anything but printable ASCII.
Result<std::string> read_identifier(std::string_view text);
/// How an identifier is written: `raw` where it still says the same, else a quoted-string, or bare where `quote` is false and nothing in it needs quotes.
enum class Quoting : std::uint8_t { quoted,
                                    bare };
std::string identifier_text(const std::string& identifier, const std::string& raw, Quoting quoting);

/// An RFC 5322 or HTTP date; nothing for anything else.
std::optional<Instant> read_date(std::string_view text);
/// "2026-04-02T12:00:00Z", with a fraction or an offset.
std::optional<Instant> read_rfc3339(std::string_view text);
/// "Fri, 20 Nov 2026 10:00:00 GMT". Source: RFC 7231 §7.1.1.1.
std::string http_date(Instant at);

/// X-Mms-Expiry as an instant, delta-seconds counted from `base`; nothing when it is none of the three forms.
std::optional<Instant> read_expiry(std::string_view text, Instant base);

/// A decimal number of at most nine digits.
std::optional<std::uint32_t> read_number(std::string_view text);
/// "0, value": the number, and the rest behind the first comma; nothing without either.
struct Numbered {
    std::uint32_t number = 0;
    std::string_view rest;
};
std::optional<Numbered> read_numbered(std::string_view text);

std::string_view trimmed(std::string_view text);

}   // namespace mmgate::mm4
