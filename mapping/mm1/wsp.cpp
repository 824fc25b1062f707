#include "mapping/mm1/wsp.h"

#include <algorithm>
#include <array>
#include <cassert>
#include <utility>

#include "mapping/charset.h"
#include "mapping/limits.h"

namespace mmgate::mm1 {

namespace {

constexpr std::uint8_t kLengthQuote = 0x1F;
constexpr std::uint8_t kLongestShortLength = 0x1E;
constexpr char kTextQuote = 0x7F;
constexpr char kQuotedString = 0x22;
constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";

bool is_control(char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7F; }

// Source: IANA, Character Sets (MIBenum).
constexpr auto kUnits =
    std::to_array<std::pair<std::uint64_t, std::size_t>>({{1000, 2}, {1001, 4}, {1013, 2}, {1014, 2}, {1015, 2}, {1017, 4}, {1018, 4}, {1019, 4}});
constexpr auto kSevenBits = std::to_array<std::uint64_t>({37, 39, 40, 1012, 2085});   // ISO-2022, UTF-7, HZ

/// Octets of one unit of a charset whose text may hold NUL octets, 1 of others.
std::size_t unit_bytes(std::uint64_t mib_enum) {
    const auto* found = std::ranges::find(kUnits, mib_enum, &std::pair<std::uint64_t, std::size_t>::first);
    return found == kUnits.end() ? 1 : found->second;
}
/// Whether octets below 80 may mean something else than ASCII.
bool is_seven_bit(std::uint64_t mib_enum) { return std::ranges::find(kSevenBits, mib_enum) != kSevenBits.end(); }

/// Text of wide units without its terminator: a whole unit of NULs, or as few as the encoder thought of. A NUL that completes a unit belongs to the text.
Bytes without_terminator(Bytes text, std::size_t unit) {
    const std::size_t surplus = text.size() % unit;
    const std::size_t count = surplus == 0 ? std::min(unit, text.size()) : surplus;
    const Bytes end = text.substr(text.size() - count);
    return end.find_first_not_of('\0') == Bytes::npos ? text.substr(0, text.size() - count) : text;
}

void limit_text(Cursor& in, const std::string& text, std::size_t limit, std::string_view what, std::size_t start) {
    if (text.size() > limit)
        in.set_error_at(Fault::too_large, std::string(what) + " is longer than " + std::to_string(limit) + " octets of UTF-8", start);
}

/// A text as it is written: readers drop a byte order mark, so one that belongs to the text follows another.
std::string marked(std::string text) {
    if (text.starts_with(kByteOrderMark)) text.insert(0, kByteOrderMark);
    return text;
}

}   // namespace

std::string one_line(std::string_view text) {
    std::string out;
    out.reserve(text.size());
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (!is_control(text[i])) {
            out += text[i];
            continue;
        }
        while (i + 1 < text.size() && is_control(text[i + 1])) ++i;
        // A fold is CR LF and white space: together they are one space.
        if (i + 1 < text.size() && text[i + 1] == ' ') continue;
        out += ' ';
    }
    return out;
}

std::uint32_t read_uintvar(Cursor& in) {
    const std::size_t start = in.offset();
    std::uint64_t value = 0;
    for (int i = 0; i < 5; ++i) {
        std::uint8_t octet = in.octet("uintvar");
        if (in.error()) return 0;
        value = (value << 7) | (octet & 0x7F);
        if ((octet & 0x80) == 0) {
            if (value <= UINT32_MAX) return static_cast<std::uint32_t>(value);
            break;
        }
    }
    in.set_error_at(Fault::too_large, "uintvar exceeds five octets or 32 bits", start);
    return 0;
}

std::uint32_t read_value_length(Cursor& in) {
    const std::size_t start = in.offset();
    std::uint8_t first = in.octet("Value-length");
    if (in.error() || first <= kLongestShortLength) return first;
    if (first == kLengthQuote) return read_uintvar(in);
    in.set_error_at(Fault::malformed, "Value-length expected", start);
    return 0;
}

std::uint64_t read_long_integer(Cursor& in) {
    const std::size_t start = in.offset();
    std::uint8_t length = in.octet("Long-integer");
    if (in.error()) return 0;
    if (length == 0 || length > kLongestShortLength) {
        in.set_error_at(Fault::malformed, "Long-integer must have 1 to 30 octets", start);
        return 0;
    }
    std::uint64_t value = 0;
    for (char c : in.take(length, "Long-integer")) {
        if (value >> 55 != 0) {
            in.set_error_at(Fault::too_large, "Long-integer exceeds 2^63-1", start);
            return 0;
        }
        value = (value << 8) | static_cast<unsigned char>(c);
    }
    return value;
}

std::uint64_t read_integer(Cursor& in) {
    if (in.peek() >= 0x80) return in.octet("Integer") & 0x7F;
    return read_long_integer(in);
}

Bytes read_raw_text(Cursor& in, std::size_t limit, std::string_view what) {
    if (in.peek() == static_cast<std::uint8_t>(kTextQuote)) in.octet(what);
    const std::size_t start = in.offset();
    Bytes view = in.view();
    std::size_t end = view.find('\0');
    if (end == Bytes::npos) {
        in.set_error_at(Fault::truncated, std::string(what) + " has no NUL before the end", start);
        return {};
    }
    if (end > limit) {
        in.set_error_at(Fault::too_large, std::string(what) + " is longer than " + std::to_string(limit) + " octets", start);
        return {};
    }
    Bytes text = in.take(end, what);
    in.octet(what);
    return text;
}

std::string read_text(Cursor& in, std::size_t limit, std::string_view what) {
    const std::size_t start = in.offset();
    Bytes raw = read_raw_text(in, limit, what);
    std::string out = one_line(is_ascii(raw) ? std::string(raw) : to_utf8(raw, {}));
    limit_text(in, out, limit, what, start);
    return out;
}

std::string read_encoded_string(Cursor& in, std::size_t limit, std::string_view what) {
    Shape shape = shape_of(in.peek());
    if (shape == Shape::text || shape == Shape::octet) return read_text(in, limit, what);
    const std::size_t start = in.offset();
    std::uint32_t length = read_value_length(in);
    if (in.error() || length == 0) return {};   // 00 is the empty text as well
    Cursor inner = in.sub(length, what);
    if (in.error()) return {};
    std::uint64_t charset = read_integer(inner);
    std::string out;
    auto name = charset <= UINT32_MAX ? charset_name(static_cast<std::uint32_t>(charset)) : std::nullopt;
    if (const std::size_t unit = unit_bytes(charset); unit > 1) {
        out = one_line(to_utf8(without_terminator(inner.rest(), unit), name.value_or("")));
    } else {
        Bytes text = read_raw_text(inner, limit, what);
        out = one_line(is_ascii(text) && !is_seven_bit(charset) ? std::string(text) : to_utf8(text, name.value_or("")));
    }
    limit_text(inner, out, limit, what, start);
    // What an inner element did wrong is wrong with the whole value.
    if (inner.error()) in.set_error_at(inner.error()->fault, inner.error()->rule, std::max(start, inner.error()->offset));
    return out;
}

void skip_value(Cursor& in) {
    std::uint8_t first = in.peek();
    switch (shape_of(first)) {
        case Shape::length:
        case Shape::quoted_length: {
            std::uint32_t length = read_value_length(in);
            in.take(length, "value");
            break;
        }
        case Shape::text: read_raw_text(in, SIZE_MAX, "text"); break;
        case Shape::octet: in.octet("value"); break;
    }
}

void write_uintvar(Octets& out, std::uint64_t value) {
    assert(value <= UINT32_MAX);
    std::array<char, 5> octets{};
    std::size_t count = 0;
    do {
        octets[count] = static_cast<char>((value & 0x7F) | (count > 0 ? 0x80 : 0));
        ++count;
        value >>= 7;
    } while (value != 0);
    while (count > 0) out += octets[--count];
}

void write_value_length(Octets& out, std::size_t length) {
    if (length <= kLongestShortLength) {
        out += static_cast<char>(length);
        return;
    }
    out += static_cast<char>(kLengthQuote);
    write_uintvar(out, length);
}

void write_long_integer(Octets& out, std::uint64_t value) {
    int octets = 1;
    while (octets < 8 && value >> (8 * octets) != 0) ++octets;
    out += static_cast<char>(octets);
    for (int i = octets - 1; i >= 0; --i) out += static_cast<char>((value >> (8 * i)) & 0xFF);
}

void write_integer(Octets& out, std::uint64_t value) {
    if (value < 0x80) out += static_cast<char>(0x80 | value);
    else write_long_integer(out, value);
}

void write_raw_text(Octets& out, std::string_view text) {
    assert(text.find('\0') == std::string_view::npos);
    if (!text.empty() && (static_cast<unsigned char>(text[0]) >= 0x80 || static_cast<unsigned char>(text[0]) < 0x20 || text[0] == kTextQuote)) out += kTextQuote;
    out += text;
    out += '\0';
}

void write_text(Octets& out, std::string_view text) {
    if (text.starts_with(kByteOrderMark) || std::ranges::any_of(text, is_control)) write_raw_text(out, marked(one_line(text)));
    else write_raw_text(out, text);
}

void write_quoted_string(Octets& out, std::string_view text) {
    out += kQuotedString;
    out += one_line(text);
    // A last mark would be taken for the closing one, which many write.
    if (text.ends_with(kQuotedString)) out += kQuotedString;
    out += '\0';
}

void write_encoded_string(Octets& out, std::string_view text) {
    std::string clean = one_line(text);
    // Some decoders take a leading quotation mark for the mark of a Quoted-string: behind a charset it is only text.
    if (is_ascii(clean) && !clean.starts_with(kQuotedString)) {
        write_raw_text(out, clean);
        return;
    }
    Octets inner;
    write_integer(inner, kMibUtf8);
    write_raw_text(inner, marked(std::move(clean)));
    write_value_length(out, inner.size());
    out += inner;
}

}   // namespace mmgate::mm1
