// Character sets to UTF-8 and back; the table of MIBenum numbers.
//
// Pure; iconv does the conversion. Source: IANA character sets; WAP-230-WSP, OMA-TS-MMS_ENC.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "mapping/result.h"

namespace mmgate {

inline constexpr std::uint32_t kMibUsAscii = 3;
inline constexpr std::uint32_t kMibUtf8 = 106;
inline constexpr std::uint32_t kMibUcs2 = 1000;

/// The preferred MIME name of an IANA MIBenum, lower case; nothing for a number that is not in the table.
std::optional<std::string_view> charset_name(std::uint32_t mib_enum);
/// The MIBenum of a charset name in any case, aliases included; nothing when unknown.
std::optional<std::uint32_t> charset_number(std::string_view name);

bool is_ascii(std::string_view text);
bool is_utf8(std::string_view text);

/// Converts to UTF-8. Octets that do not belong to the charset become U+FFFD; a byte order mark is dropped.
/// An empty, unknown or wrong label (us-ascii with octets >= 80) is read as UTF-8 when valid, else as windows-1252.
/// Never fails: text that a person wrote is shown, if imperfectly.
std::string to_utf8(Bytes text, std::string_view charset);

/// Makes text safe for one header value: CR, LF, NUL and other controls become one space, outer space is trimmed,
/// invalid UTF-8 becomes U+FFFD; cut at `limit_bytes` on a character's boundary.
std::string header_text(std::string_view text, std::size_t limit_bytes);

}   // namespace mmgate
