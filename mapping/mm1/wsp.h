// WSP value encodings: the integers, strings and lengths that MM1 PDUs are built from.
//
// Pure: reads from a Cursor and never past its end. The MMS fields are in fields.h, Content-Type values in media.h.
// Source: WAP-230-WSP §8.1 (integers), §8.4.2 (values); OMA-TS-MMS_ENC-V1_3 §7.3 (Encoded-string).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "mapping/cursor.h"

namespace mmgate::mm1 {

/// What a value is, told by its first octet. Source: WAP-230-WSP §8.4.1.2.
enum class Shape : std::uint8_t {
    length,          // 00..1E: that many octets follow
    quoted_length,   // 1F: a uintvar length follows
    text,            // 20..7F: a text up to its NUL
    octet,           // 80..FF: the value is this octet
};
constexpr Shape shape_of(std::uint8_t first) {
    return first < 0x1F ? Shape::length : first == 0x1F ? Shape::quoted_length
                                      : first < 0x80    ? Shape::text
                                                        : Shape::octet;
}

/// Reads a variable-length unsigned integer: seven bits an octet, high bit set on all but the last. 1 to 5 octets, 0 to 2^32-1.
/// Fails: truncated when the input ends first; too_large past five octets or 32 bits.
/// Source: WAP-230-WSP §8.1.2.
std::uint32_t read_uintvar(Cursor& in);
/// Reads a Value-length: 00..1E itself, or 1F and a uintvar.
std::uint32_t read_value_length(Cursor& in);
/// Reads a Long-integer: a length of 1 to 30 and as many octets, big-endian. Fails: malformed for length 0 or above 30, too_large above 2^63-1.
std::uint64_t read_long_integer(Cursor& in);
/// Reads an Integer-value: a Short-integer (80..FF) or a Long-integer.
std::uint64_t read_integer(Cursor& in);
/// Reads a text up to and including its NUL, without a leading quote 7F: the raw octets, at most `limit`.
/// Fails: truncated without a NUL, too_large beyond the limit.
Bytes read_raw_text(Cursor& in, std::size_t limit, std::string_view what);
/// The same as UTF-8 in one line: folds and controls become one space, octets that are no UTF-8 are read as windows-1252.
/// `limit` holds for the octets and for the UTF-8: what was read can be written and read again.
std::string read_text(Cursor& in, std::size_t limit, std::string_view what);
/// Reads an Encoded-string-value, with or without charset, to UTF-8 in one line.
/// Source: OMA-TS-MMS_ENC-V1_3 §7.3 (Encoded-string-value).
std::string read_encoded_string(Cursor& in, std::size_t limit, std::string_view what);
/// Passes over one value whatever it is.
void skip_value(Cursor& in);

void write_uintvar(Octets& out, std::uint64_t value);
void write_value_length(Octets& out, std::size_t length);
void write_long_integer(Octets& out, std::uint64_t value);
/// Short form up to 127, else long.
void write_integer(Octets& out, std::uint64_t value);
/// A text with its NUL, and the quote 7F where the first octet needs it. Controls and NULs in `text` become spaces.
void write_text(Octets& out, std::string_view text);
/// A text as it came, for values that are echoed octet by octet. `text` holds no NUL.
void write_raw_text(Octets& out, std::string_view text);
/// A mark 22, the text and a NUL.
void write_quoted_string(Octets& out, std::string_view text);
/// Plain where it is printable ASCII, else the length form with UTF-8.
void write_encoded_string(Octets& out, std::string_view text);

/// Text as one line: every run of controls, line ends included, becomes one space; nothing is trimmed.
std::string one_line(std::string_view text);

}   // namespace mmgate::mm1
