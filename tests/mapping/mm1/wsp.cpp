#include "mapping/mm1/wsp.h"

#include <criterion/criterion.h>

#include <array>
#include <optional>

#include "mapping/limits.h"
#include "tests/support/hex.h"

using namespace mmgate;
using namespace mmgate::mm1;
using test::hex;
using test::octets;
using namespace std::string_view_literals;

namespace {

/// What a reader makes of octets: the value, what is left, or the fault.
template <class T>
struct Read {
    std::optional<T> value;
    std::size_t left = 0;
    std::optional<Error> error;
};

template <class Reader>
auto read(const std::string& wire, Reader reader) {
    Cursor in(wire);
    auto value = reader(in);
    Read<decltype(value)> out;
    out.error = in.error();
    if (!out.error) out.value = value;
    out.left = in.remaining();
    return out;
}

struct NumberRow {
    std::string_view wire;
    std::uint64_t want;
    std::size_t left = 0;
};
struct RefusedRow {
    std::string_view wire;
    Fault fault;
    std::size_t offset;
};

template <class Rows, class Reader>
void expect_numbers(const Rows& rows, Reader reader) {
    for (const NumberRow& row : rows) {
        const auto got = read(octets(row.wire), reader);
        cr_assert(got.value.has_value(), "%s: %s", row.wire.data(), got.error->rule.c_str());
        cr_expect(*got.value == row.want && got.left == row.left, "%s gives %llu and leaves %zu", row.wire.data(),
                  static_cast<unsigned long long>(*got.value), got.left);
    }
}
template <class Rows, class Reader>
void expect_refused(const Rows& rows, Reader reader) {
    for (const RefusedRow& row : rows) {
        const auto got = read(octets(row.wire), reader);
        cr_assert(got.error.has_value(), "'%s' is taken", row.wire.data());
        cr_expect(got.error->fault == row.fault && got.error->offset == row.offset, "'%s': %s at %zu", row.wire.data(), got.error->rule.c_str(),
                  got.error->offset);
        cr_expect(!got.error->rule.empty() && got.left == 0, "%s", row.wire.data());
    }
}

/// A reader of Encoded-strings with a small limit.
std::string encoded(Cursor& in) { return read_encoded_string(in, 20, "text"); }
std::string plain(Cursor& in) { return read_text(in, 20, "text"); }

struct TextRow {
    std::string_view name, wire, want;
    std::size_t left = 0;
};
template <class Rows, class Reader>
void expect_texts(const Rows& rows, Reader reader) {
    for (const TextRow& row : rows) {
        const auto got = read(octets(row.wire), reader);
        cr_assert(got.value.has_value(), "%s: %s", row.name.data(), got.error->rule.c_str());
        cr_expect(*got.value == row.want && got.left == row.left, "%s gives '%s' and leaves %zu", row.name.data(), got.value->c_str(), got.left);
    }
}

template <class Writer>
std::string written(Writer write) {
    Octets out;
    write(out);
    return hex(out);
}

}   // namespace

Test(wsp, shapes_are_told_by_the_first_octet) {
    struct Row {
        std::uint8_t first;
        Shape shape;
    };
    constexpr Row kRows[] = {{0x00, Shape::length}, {0x1E, Shape::length}, {0x1F, Shape::quoted_length}, {0x20, Shape::text}, {0x7F, Shape::text}, {0x80, Shape::octet}, {0xFF, Shape::octet}};
    for (const Row& row : kRows) cr_expect(shape_of(row.first) == row.shape, "%02X", row.first);
}

Test(wsp, uintvar) {
    constexpr auto kRows = std::to_array<NumberRow>({
        {"00", 0},
        {"7F", 127},
        {"81 00", 128},
        {"82 8F 25", 0x87A5},
        {"FF 7F", 16383},
        {"81 80 00", 16384},
        {"83 FF 7F", 65535},
        {"8F FF FF FF 7F", 4294967295},
        {"80 80 80 80 01", 1},   // not minimal
        {"80 80 05", 5},
        {"05 06 07", 5, 2},
    });
    constexpr auto kRefused = std::to_array<RefusedRow>({
        {"90 80 80 80 00", Fault::too_large, 0},   // 2^32
        {"FF FF FF FF 7F", Fault::too_large, 0},
        {"80 80 80 80 80 01", Fault::too_large, 0},   // six octets
        {"FF FF FF FF FF FF FF", Fault::too_large, 0},
        {"", Fault::truncated, 0},
        {"81", Fault::truncated, 1},
        {"8F FF FF FF", Fault::truncated, 4},
    });
    expect_numbers(kRows, read_uintvar);
    expect_refused(kRefused, read_uintvar);
    for (std::uint32_t value : {0u, 1u, 127u, 128u, 0x87A5u, 16383u, 16384u, 2097151u, 2097152u, 268435455u, 268435456u, 4294967295u}) {
        Octets out;
        write_uintvar(out, value);
        Cursor in(out);
        cr_expect(read_uintvar(in) == value && !in.error() && in.at_end(), "%u", value);
    }
    cr_expect(written([](Octets& out) { write_uintvar(out, 16384); }) == "81 80 00");
    cr_expect(written([](Octets& out) { write_uintvar(out, 4294967295); }) == "8F FF FF FF 7F");
}

Test(wsp, value_length) {
    constexpr auto kRows = std::to_array<NumberRow>({
        {"00", 0},
        {"1E", 30},
        {"1F 1F", 31},
        {"1F 22", 34},
        {"1F 05", 5},   // not canonical
        {"1F 80 05", 5},
        {"1F 8F FF FF FF 7F", 4294967295},
    });
    constexpr auto kRefused = std::to_array<RefusedRow>({
        {"20", Fault::malformed, 0},
        {"80", Fault::malformed, 0},
        {"", Fault::truncated, 0},
        {"1F", Fault::truncated, 1},
        {"1F 81", Fault::truncated, 2},
        {"1F 90 80 80 80 00", Fault::too_large, 1},
    });
    expect_numbers(kRows, read_value_length);
    expect_refused(kRefused, read_value_length);
    cr_expect(written([](Octets& out) { write_value_length(out, 0); }) == "00");
    cr_expect(written([](Octets& out) { write_value_length(out, 30); }) == "1E");
    cr_expect(written([](Octets& out) { write_value_length(out, 31); }) == "1F 1F");
    cr_expect(written([](Octets& out) { write_value_length(out, 128); }) == "1F 81 00");
}

Test(wsp, long_integer) {
    constexpr auto kRows = std::to_array<NumberRow>({
        {"01 00", 0},
        {"01 FF", 255},
        {"02 01 00", 256},
        {"03 01 51 80", 86400},
        {"04 65 00 00 00", 0x65000000},
        {"08 7F FF FF FF FF FF FF FF", 0x7FFFFFFFFFFFFFFF},
        {"09 00 7F FF FF FF FF FF FF FF", 0x7FFFFFFFFFFFFFFF},
        {"1E 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 01 02", 258},
    });
    constexpr auto kRefused = std::to_array<RefusedRow>({
        {"00", Fault::malformed, 0},
        {"1F 01 05", Fault::malformed, 0},
        {"80", Fault::malformed, 0},
        {"08 80 00 00 00 00 00 00 00", Fault::too_large, 0},   // 2^63
        {"09 01 00 00 00 00 00 00 00 00", Fault::too_large, 0},
        {"", Fault::truncated, 0},
        {"01", Fault::truncated, 1},
        {"04 65 00 00", Fault::truncated, 1},
    });
    expect_numbers(kRows, read_long_integer);
    expect_refused(kRefused, read_long_integer);
    for (std::uint64_t value : {0ull, 255ull, 256ull, 65535ull, 65536ull, 0x7FFFFFFFFFFFFFFFull}) {
        Octets out;
        write_long_integer(out, value);
        Cursor in(out);
        cr_expect(read_long_integer(in) == value && in.at_end() && !in.error(), "%s", hex(out).c_str());
    }
    cr_expect(written([](Octets& out) { write_long_integer(out, 0); }) == "01 00");
    cr_expect(written([](Octets& out) { write_long_integer(out, 604800); }) == "03 09 3A 80");
}

Test(wsp, integer) {
    constexpr auto kRows = std::to_array<NumberRow>({{"80", 0}, {"FF", 127}, {"EA", 106}, {"01 80", 128}, {"02 03 E8", 1000}});
    constexpr auto kRefused = std::to_array<RefusedRow>(
        {{"", Fault::truncated, 0}, {"00", Fault::malformed, 0}, {"41 00", Fault::malformed, 0}, {"02 03", Fault::truncated, 1}});
    expect_numbers(kRows, read_integer);
    expect_refused(kRefused, read_integer);
    cr_expect(written([](Octets& out) { write_integer(out, 127); }) == "FF");
    cr_expect(written([](Octets& out) { write_integer(out, 128); }) == "01 80");
}

Test(wsp, text) {
    constexpr auto kRows = std::to_array<TextRow>({
        {"plain", "'Hi' 00", "Hi"},
        {"empty", "00 00", "", 1},
        {"quoted as it must be", "7F C3 A9 00", "é"},
        {"quoted without need", "7F 'Hi' 00", "Hi"},
        {"high octets without a quote", "C3 A9 00", "é"},
        {"only the first 7F is a quote", "7F 7F 41 00", " A"},
        {"Latin letters without a label", "'caf' E9 00", "café"},
        {"a quotation mark is text", "22 'Hi' 00", "\"Hi"},
        {"folded over two lines", "'a' 0D 0A 20 'b' 00", "a b"},
        {"folded by a tab", "'a' 0D 0A 09 'b' 00", "a b"},
        {"line ends and controls", "'a' 0D 0A 'b' 01 07 'c' 1B 'd' 00", "a b c d"},
        {"a byte order mark", "7F EF BB BF 'x' 00", "x"},
        {"one that belongs to the text", "7F EF BB BF EF BB BF 'x' 00", "\xEF\xBB\xBFx"},
        {"as long as may be", "'12345678901234567890' 00", "12345678901234567890"},
    });
    constexpr auto kRefused = std::to_array<RefusedRow>({
        {"", Fault::truncated, 0},
        {"'Hi'", Fault::truncated, 0},
        {"7F", Fault::truncated, 1},
        {"'123456789012345678901' 00", Fault::too_large, 0},
        {"E9 E9 E9 E9 E9 E9 E9 E9 E9 E9 E9 00", Fault::too_large, 0},   // 22 octets as we keep it
    });
    expect_texts(kRows, plain);
    expect_refused(kRefused, plain);
    cr_expect(written([](Octets& out) { write_text(out, ""); }) == "00");
    cr_expect(written([](Octets& out) { write_text(out, "é"); }) == "7F C3 A9 00");
    cr_expect(written([](Octets& out) { write_text(out, "\xEF\xBB\xBFx"); }) == "7F EF BB BF EF BB BF 78 00", "readers drop one");
    cr_expect(written([](Octets& out) { write_text(out, "a\r\n\0b"sv); }) == "61 20 62 00");
    cr_expect(written([](Octets& out) { write_text(out, "\x02z"); }) == "20 7A 00");
    cr_expect(written([](Octets& out) { write_text(out, "\x7Fz"); }) == "20 7A 00");
    cr_expect(written([](Octets& out) { write_quoted_string(out, "<a>"); }) == "22 3C 61 3E 00");
    cr_expect(written([](Octets& out) { write_quoted_string(out, "a\""); }) == "22 61 22 22 00", "the last mark would be lost");
}

Test(wsp, raw_text_keeps_every_octet) {
    for (std::string_view text : {""sv, "T1"sv, "\x01"sv, "a\r\nb"sv, "\xFF\xFE"sv, "\x7F"sv,
                                  "\x1F"
                                  "9"sv,
                                  " x "sv}) {
        Octets out;
        write_raw_text(out, text);
        Cursor in(out);
        cr_expect(read_raw_text(in, 20, "id") == text && in.at_end() && !in.error(), "%s", hex(out).c_str());
        cr_expect(out == Octets(1, '\0') || shape_of(static_cast<std::uint8_t>(out[0])) == Shape::text, "%s would be taken for another shape",
                  hex(out).c_str());
    }
}

Test(wsp, encoded_string) {
    constexpr auto kRows = std::to_array<TextRow>({
        {"plain", "'Hi' 00", "Hi"},
        {"plain and quoted", "7F C3 A9 00", "é"},
        {"the empty text", "00 41", "", 1},
        {"UTF-8", "05 EA 7F C3 A9 00", "é"},
        {"UTF-8 without the quote", "04 EA C3 A9 00", "é"},
        {"UTF-8 that begins with ASCII", "05 EA 48 C3 A9 00", "Hé"},
        {"no text behind the charset", "02 EA 00", ""},
        {"us-ascii", "04 83 'Hi' 00", "Hi"},
        {"us-ascii that is UTF-8", "05 83 'x' C3 A9 00", "xé"},
        {"us-ascii that is a code page", "04 83 'x' E9 00", "xé"},
        {"us-ascii with a byte order mark", "06 83 EF BB BF 'x' 00", "x"},
        {"iso-8859-1", "04 84 'x' E9 00", "xé"},
        {"a charset nobody knows", "06 02 7F FF 'x' E9 00", "xé"},
        {"a quoted length", "1F 04 83 'Hi' 00", "Hi"},
        {"octets behind the NUL", "06 83 'Hi' 00 'xx'", "Hi"},
        {"UCS-2", "09 02 03 E8 00 48 00 69 00 00", "Hi"},
        {"UCS-2, one NUL", "08 02 03 E8 00 48 00 69 00", "Hi"},
        {"UCS-2, no NUL", "07 02 03 E8 00 48 00 69", "Hi"},
        {"UCS-2, little-endian by its mark", "0B 02 03 E8 FF FE 48 00 69 00 00 00", "Hi"},
        {"UTF-16LE without a NUL", "07 02 03 F6 48 00 69 00", "Hi"},
        {"UTF-16LE, one NUL", "08 02 03 F6 48 00 69 00 00", "Hi"},
        {"a character whose last octet is 00", "05 02 03 F5 4E 00", "一"},
        {"such a character and one NUL", "06 02 03 F5 4E 00 00", "一"},
        {"UTF-32 and four NULs", "0B 02 03 FA 00 00 00 78 00 00 00 00", "x"},
        {"UTF-32LE and two NULs", "09 02 03 FB 78 00 00 00 00 00", "x"},
        {"UTF-7", "09 02 03 F4 '+AOk-' 00", "é"},
        {"ISO-2022-JP is seven bits and no ASCII", "0A A7 1B '$B$\"' 1B '(B' 00", "あ"},
        {"line ends in it", "08 EA 'a' 0D 0A 'Bcc' 00", "a Bcc"},
        {"NUL and line end in UCS-2", "0B 02 03 E8 00 00 00 0A 00 'x' 00 00", " x"},
        {"RFC 2047 words stay as they are", "'=?utf-8?Q?x?=' 00", "=?utf-8?Q?x?="},
        {"as long as may be", "1F 16 EA '12345678901234567890' 00", "12345678901234567890"},
    });
    constexpr auto kRefused = std::to_array<RefusedRow>({
        {"", Fault::truncated, 0},
        {"'Hi'", Fault::truncated, 0},
        {"05 EA C3 A9 00", Fault::truncated, 1},   // the length reaches beyond the end
        {"04 EA 'abc' 00", Fault::truncated, 2},   // the text beyond the length
        {"01 EA", Fault::truncated, 2},
        {"02 02 03 'x' 00", Fault::truncated, 2},   // the charset beyond the length
        {"03 00 'x' 00", Fault::malformed, 1},
        {"1F", Fault::truncated, 1},
        {"1F 8F FF FF FF 7F 41 00", Fault::truncated, 6},
        {"1F 17 EA '123456789012345678901' 00", Fault::too_large, 3},
        {"'123456789012345678901' 00", Fault::too_large, 0},
        {"0D 84 E9 E9 E9 E9 E9 E9 E9 E9 E9 E9 E9 00", Fault::too_large, 0},   // 22 octets as we keep it
        {"14 02 03 E8 4E 00 4E 00 4E 00 4E 00 4E 00 4E 00 4E 00 4E 00 00", Fault::too_large, 0},
    });
    expect_texts(kRows, encoded);
    expect_refused(kRefused, encoded);
    cr_expect(written([](Octets& out) { write_encoded_string(out, "Hi"); }) == "48 69 00");
    cr_expect(written([](Octets& out) { write_encoded_string(out, ""); }) == "00");
    cr_expect(written([](Octets& out) { write_encoded_string(out, "é"); }) == "05 EA 7F C3 A9 00");
    cr_expect(written([](Octets& out) { write_encoded_string(out, "Hé"); }) == "05 EA 48 C3 A9 00");
    cr_expect(written([](Octets& out) { write_encoded_string(out, "\xEF\xBB\xBF"); }) == "09 EA 7F EF BB BF EF BB BF 00");
    cr_expect(written([](Octets& out) { write_encoded_string(out, "\"x"); }) == "04 EA 22 78 00", "some take a leading 22 for a mark");
    cr_expect(written([](Octets& out) { write_encoded_string(out, "a\r\n\r\n.\0"sv); }) == "61 20 2E 20 00");
}

Test(wsp, values_are_passed_over_by_their_first_octet) {
    struct Row {
        std::string_view wire;
        std::size_t left;
    };
    constexpr Row kRows[] = {{"00 41", 1}, {"02 FF FF 41", 1}, {"1F 02 FF FF 41", 1}, {"'abc' 00 41", 1}, {"7F 80 00 41", 1}, {"80 41", 1}, {"FF 41", 1}};
    for (const Row& row : kRows) {
        const std::string wire = octets(row.wire);
        Cursor in(wire);
        skip_value(in);
        cr_expect(!in.error() && in.remaining() == row.left, "%s", row.wire.data());
    }
    for (std::string_view wire : {"", "02 FF", "1F", "1F 81", "1F 03 FF FF", "'abc'"}) {
        const std::string cut = octets(wire);
        Cursor in(cut);
        skip_value(in);
        cr_expect(in.error() && in.error()->fault == Fault::truncated, "%s", wire);
    }
}

Test(wsp, a_line_has_no_controls) {
    struct Row {
        std::string_view text, want;
    };
    constexpr Row kRows[] = {{"", ""}, {" a  b ", " a  b "}, {"\r\n", " "}, {"a\r\nb", "a b"}, {"a\r\n b", "a b"}, {"a\tb", "a b"}, {"a\0b"sv, "a b"}, {"\x7F", " "}, {"é€😀", "é€😀"}};
    for (const Row& row : kRows) {
        cr_expect(one_line(row.text) == row.want, "%s", std::string(row.text).c_str());
        cr_expect(one_line(one_line(row.text)) == one_line(row.text));
    }
}
