#include "mapping/mm1/multipart.h"

#include <criterion/criterion.h>

#include <array>
#include <optional>

#include "mapping/limits.h"
#include "mapping/mm1/media.h"
#include "mapping/mm1/wsp.h"
#include "tests/support/hex.h"

using namespace mmgate;
using namespace mmgate::mm1;
using test::hex;
using test::octets;

namespace {

struct Read {
    std::vector<Entry> entries;
    std::optional<Error> error;
};
Read read(const std::string& wire) {
    Cursor in(wire);
    Read out{read_multipart(in), in.error()};
    cr_expect(!out.error || out.entries.empty(), "half a value of %s", hex(wire.substr(0, 100)).c_str());
    return out;
}

std::string list(const std::vector<Parameter>& parameters, std::string_view before, std::string_view behind) {
    std::string out;
    for (const Parameter& one : parameters) out += std::string(before) + one.name + "=" + one.value + std::string(behind);
    return out;
}
/// "text/plain; charset=utf-8 [Content-ID=<a>] {filename=x} 'Hi'", nested ones in parentheses.
std::string told(const std::vector<Entry>& entries) {
    std::string out;
    for (const Entry& entry : entries) {
        if (!out.empty()) out += " | ";
        out += entry.media.type + list(entry.media.parameters, "; ", "") + list(entry.headers, " [", "]") +
               list(entry.disposition_parameters, " {", "}");
        out += is_multipart(entry.media.type) ? " (" + told(entry.parts) + ")" : " '" + entry.data + "'";
    }
    return out;
}

/// One part of type text/plain with these octets as its headers, and "Hi".
std::string with_headers(std::string_view written) {
    const std::string headers = octets(written);
    Octets out = octets("01");
    write_uintvar(out, 1 + headers.size());
    return out + octets("02 83") + headers + "Hi";
}

/// `inner` as the only part of a multipart, `levels` times.
std::string nested(std::string inner, std::size_t levels) {
    for (; levels > 0; --levels) {
        Octets out = octets("01 01");
        write_uintvar(out, inner.size());
        inner = out + octets("A3") + inner;
    }
    return inner;
}

}   // namespace

Test(multipart, reads_entries) {
    struct Row {
        std::string_view name, wire, want;
    };
    constexpr Row kRows[] = {
        {"nothing in it", "00", ""},
        {"one text", "01 04 02 03 83 81 EA 48 69", "text/plain; charset=utf-8 'Hi'"},
        {"two, one empty", "02 01 00 9E 01 01 83 'x'", "image/jpeg '' | text/plain 'x'"},
        {"octets behind the last", "01 01 01 83 'x' 'yz'", "text/plain 'x'"},
        {"a longer count and lengths than needed", "80 01 80 01 80 01 83 'x'", "text/plain 'x'"},
        {"a type as text", "01 0B 01 'image/jpeg' 00 'x'", "image/jpeg 'x'"},
        {"no type but its octet", "01 01 01 00 'x'", "application/octet-stream 'x'"},
        {"an empty general form", "01 02 01 1F 00 'x'", "application/octet-stream 'x'"},
        {"an unknown type", "01 01 01 D9 'x'", "application/octet-stream 'x'"},
        {"zeros behind the headers", "01 03 01 83 00 00 'x'", "text/plain 'x'"},
        {"a multipart inside", "02 01 08 A6 02 01 01 83 'a' 01 00 82 01 01 9D 'g'",
         "application/vnd.wap.multipart.alternative (text/plain 'a' | text/html '') | image/gif 'g'"},
        {"by an Internet number", "01 01 05 8F 01 01 01 83 'a'", "multipart/alternative (text/plain 'a')"},
        {"by a name", "01 10 05 'multipart/mixed' 00 01 01 01 83 'a'", "multipart/mixed (text/plain 'a')"},
        {"an empty one inside", "01 01 01 A3 00", "application/vnd.wap.multipart.mixed ()"},
    };
    for (const Row& row : kRows) {
        const Read got = read(octets(row.wire));
        cr_assert(!got.error, "%s: %s", row.name.data(), got.error->rule.c_str());
        cr_expect(told(got.entries) == row.want, "%s: %s", row.name.data(), told(got.entries).c_str());
    }
}

Test(multipart, reads_headers) {
    struct Row {
        std::string_view headers, want;
    };
    constexpr Row kRows[] = {
        {"C0 22 '<a>' 00", "[Content-ID=<a>] "},
        {"C0 22 '<a>' 22 00", "[Content-ID=<a>] "},
        {"C0 '<a>' 00", "[Content-ID=<a>] "},
        {"C0 22 'a' 00", "[Content-ID=a] "},
        {"C0 22 22 'a' 22 22 00", "[Content-ID=a] "},
        {"C0 00", "[Content-ID=] "},
        {"8E 'a.jpg' 00", "[Content-Location=a.jpg] "},
        {"8E 7F C3 A9 '.jpg' 00", "[Content-Location=é.jpg] "},
        {"8E 22 ' a.jpg ' 00", "[Content-Location=a.jpg] "},
        {"8E 20 22 'a.jpg' 22 20 00", "[Content-Location=a.jpg] "},
        {"8A 'x/' 00", "[Content-Base=x/] "},
        {"AE 08 81 86 'a.txt' 00", "[Content-Disposition=attachment] {filename=a.txt} "},
        {"C5 01 82", "[Content-Disposition=inline] "},
        {"C5 82", "[Content-Disposition=inline] "},
        {"AE 80", "[Content-Disposition=form-data] "},
        {"AE 'Attachment' 00", "[Content-Disposition=attachment] "},
        {"AE 'attachment; filename=\"a;b\"; Size=3' 00", "[Content-Disposition=attachment] {filename=a;b} {size=3} "},
        {"AE 0A 'inline' 00 98 'a' 00", "[Content-Disposition=inline] {filename=a} "},
        {"AE 81 C5 01 82", "[Content-Disposition=attachment] "},   // the first wins
        {"AE 83 C5 82", "[Content-Disposition=inline] "},          // 83 is none
        {"AE 00 C5 82", "[Content-Disposition=inline] "},
        {"AE 01 00 C5 82", "[Content-Disposition=inline] "},
        {"AE 06 81 86 'abcd'", "[Content-Disposition=attachment] "},   // the parameter crosses the form's end
        {"8D 82", ""},
        {"8D 02 01 00 8E 'a' 00", "[Content-Location=a] "},
        {"8B 80", "[Content-Encoding=gzip] "},
        {"8B 'x' 00", "[Content-Encoding=x] "},
        {"8B 85 8E 'a' 00", "[Content-Location=a] "},
        {"8C 'en' 00", "[Content-Language=en] "},
        {"8C 99 92 04 65 00 00 00 9D 01 00", ""},
        {"B0 'u' 00", "[X-Wap-Content-URI=u] "},
        {"C8 'base64' 00", "[Content-Transfer-Encoding=base64] "},
        {"C8 81 8E 'a' 00", "[Content-Location=a] "},
        {"8E 'a' 00 8E 'b' 00", "[Content-Location=a] "},
        // Of another shape than is due: passed over
        {"C0 81 8E 'a' 00", "[Content-Location=a] "},
        {"C0 03 'abc' 8E 'a' 00", "[Content-Location=a] "},
        {"8E 85 C0 22 'a' 00", "[Content-ID=a] "},
        // Numbers that a part has no use for
        {"AF 84 B4 82 FF 02 01 02 8E 'a' 00", "[Content-Location=a] "},
        // By name
        {"'X-Q' 00 'w' 00", "[X-Q=w] "},
        {"'X-Q' 00 05 'w' 00", "[X-Q= w] "},
        {"'X-Q' 00 00", "[X-Q=] "},
        {"'content-id' 00 22 '<a>' 22 00", "[Content-ID=<a>] "},
        {"'Content-Location' 00 ' a ' 00 8E 'b' 00", "[Content-Location=a] "},
        {"'CONTENT-DISPOSITION' 00 'inline; filename=a' 00", "[Content-Disposition=inline] {filename=a} "},
        {"'Content-Disposition' 00 00 C5 82", "[Content-Disposition=inline] "},
        {"'Content-Length' 00 '7' 00", ""},
        {"'content-transfer-encoding' 00 'base64' 00", "[Content-Transfer-Encoding=base64] "},
        {"'X' 00 'a' 0D 0A 'Bcc: b' 00", "[X=a Bcc: b] "},
        // Other code pages
        {"02 C0 22 '<a>' 00 8E 'b' 00 01 8E 'a' 00", "[Content-Location=a] "},
        {"7F 05 8E 'b' 00 7F 01 8E 'a' 00", "[Content-Location=a] "},
        {"1F 8E 85", ""},
    };
    for (const Row& row : kRows) {
        const Read got = read(with_headers(row.headers));
        cr_assert(!got.error, "%s: %s", row.headers.data(), got.error->rule.c_str());
        const std::string want = "text/plain " + std::string(row.want) + "'Hi'";
        cr_expect(told(got.entries) == want, "%s: %s", row.headers.data(), told(got.entries).c_str());
    }
}

Test(multipart, refuses) {
    struct Row {
        std::string_view name;
        std::string wire;
        Fault fault;
        std::size_t offset;
    };
    const Row rows[] = {
        {"no count", "", Fault::truncated, 0},
        {"a cut count", octets("81"), Fault::truncated, 1},
        {"a count beyond 32 bits", octets("90 80 80 80 00"), Fault::too_large, 0},
        {"a count that the octets cannot hold", octets("8F FF FF FF 7F 01 02 03"), Fault::truncated, 0},
        {"one entry more than there is", octets("02 01 00 83"), Fault::truncated, 0},
        {"an entry missing", octets("02 01 05 83 'Hello'"), Fault::truncated, 9},
        {"headers beyond the end", octets("01 04 00 83"), Fault::truncated, 3},
        {"data beyond the end", octets("01 01 03 83 'Hi'"), Fault::truncated, 4},
        {"lengths that overflow", octets("01 8F FF FF FF 7F 8F FF FF FF 7F 83"), Fault::truncated, 11},
        {"a length beyond 32 bits", octets("01 90 80 80 80 00 01 83"), Fault::too_large, 1},
        {"no headers", octets("01 00 02 'Hi'"), Fault::malformed, 5},
        {"a type beyond the headers", octets("01 01 04 03 83 81 EA 'x'"), Fault::truncated, 4},
        {"a text type beyond the headers", octets("01 02 02 'ab' 00 'x'"), Fault::truncated, 3},
        {"a header without its value", with_headers("C0"), Fault::truncated, 5},
        {"a text header that does not end", with_headers("8E 'abc'"), Fault::truncated, 5},
        {"a name that does not end", with_headers("'abc'"), Fault::truncated, 4},
        {"a value that does not end", with_headers("'abc' 00 'd'"), Fault::truncated, 8},
        {"an unknown header's length", with_headers("FF 05 01"), Fault::truncated, 6},
        {"a disposition beyond its length", with_headers("AE 03 'abc'"), Fault::truncated, 6},
        {"a disposition beyond the headers", with_headers("AE 05 81"), Fault::truncated, 6},
        {"00 in front of a header", with_headers("00 8E 'a' 00"), Fault::malformed, 4},
        {"a cut page shift", with_headers("7F"), Fault::truncated, 5},
        {"a long text", with_headers("8E '" + std::string(kLimits.text_bytes + 1, 'a') + "' 00"), Fault::too_large, 6},
        {"a multipart inside without a count", octets("01 01 00 A3"), Fault::truncated, 4},
        {"a multipart inside that is cut", octets("02 01 03 A3 01 01 02 01 01 83 'x'"), Fault::truncated, 4},
        {"a multipart inside that reaches out of its entry", octets("02 01 04 A3 01 01 02 83 01 01 83 'x'"), Fault::truncated, 8},
    };
    for (const Row& row : rows) {
        const Read got = read(row.wire);
        cr_assert(got.error.has_value(), "%s is taken", row.name.data());
        cr_expect(got.error->fault == row.fault && got.error->offset == row.offset, "%s: %s at %zu", row.name.data(), got.error->rule.c_str(),
                  got.error->offset);
    }
}

Test(multipart, every_truncation_is_an_error) {
    const std::string whole =
        octets(
            "03 20 03 03 83 81 EA 85 'x' 00 C0 22 '<a>' 00 8E 'a.txt' 00 AE 08 81 86 'a.txt' 00 8D 83 'abc'"
            "01 08 A6 02 01 01 83 'a' 01 00 82 01 02 9E FF D8");
    cr_assert(!read(whole).error, "%s", read(whole).error->rule.c_str());
    for (std::size_t length = 0; length < whole.size(); ++length) cr_expect(read(whole.substr(0, length)).error, "%zu octets are taken", length);
}

Test(multipart, depth_and_number_have_bounds) {
    const std::string leaf = octets("01 01 00 83");
    cr_expect(!read(nested(leaf, kLimits.pdu_depth - 1)).error);
    const Read deep = read(nested(leaf, kLimits.pdu_depth));
    cr_assert(deep.error.has_value());
    cr_expect(deep.error->fault == Fault::too_large);
    cr_expect(read(nested(leaf, 10000)).error.has_value(), "and costs no stack");

    auto many = [](std::size_t count) {
        Octets out;
        write_uintvar(out, count);
        for (std::size_t i = 0; i < count; ++i) out += octets("01 00 83");
        return out;
    };
    cr_expect(read(many(kLimits.pdu_parts)).entries.size() == kLimits.pdu_parts);
    cr_expect(read(many(kLimits.pdu_parts + 1)).error->fault == Fault::too_large);
    // Over all levels: the multipart and what is in it
    cr_expect(!read(nested(many(kLimits.pdu_parts - 1), 1)).error);
    cr_expect(read(nested(many(kLimits.pdu_parts), 1)).error->fault == Fault::too_large);

    std::string headers;
    for (std::size_t i = 0; i < kLimits.part_headers + 10; ++i) headers += "'X-" + std::to_string(i) + "' 00 'v' 00 ";
    cr_expect(read(with_headers(headers)).entries.at(0).headers.size() == kLimits.part_headers, "those beyond are passed over");
    headers.clear();
    for (std::size_t i = 0; i <= kLimits.pdu_headers; ++i) headers += "FF 80";
    cr_expect(read(with_headers(headers)).error->fault == Fault::too_large);
}

Test(multipart, writes_what_phones_read) {
    auto written = [](const std::vector<Entry>& entries) {
        Octets out;
        write_multipart(out, entries);
        return out;
    };
    Entry text;
    text.media = {"text/plain", {{"charset", "utf-8"}, {"name", "t.txt"}}};
    text.headers = {{"Content-ID", "<a>"}, {"Content-Location", "t.txt"}, {"Content-Disposition", "inline"}, {"X-Q", "w"}};
    text.disposition_parameters = {{"filename", "t.txt"}};
    text.data = "Hi";
    cr_expect(written({}) == octets("00"));
    cr_expect(
        written({text}) == octets("01 28 02 0A 83 81 EA 85 't.txt' 00 C0 22 '<a>' 00 8E 't.txt' 00 AE 08 82 86 't.txt' 00 'X-Q' 00 'w' 00 'Hi'"),
        "%s", hex(written({text})).c_str());
    Entry outer;
    outer.media.type = "application/vnd.wap.multipart.alternative";
    outer.parts = {text, text};
    const Octets both = written({outer, text});
    Cursor in(both);
    cr_expect(read_multipart(in) == std::vector<Entry>({outer, text}) && !in.error());

    // What cannot be a name, or ends in a quotation mark
    Entry odd;
    odd.media.type = "a/b";
    odd.headers = {{"", "v"}, {"\x85", "v"}, {"Content-ID", "a\""}, {"Content-Disposition", "odd"}, {"X\r\nY", "a\r\nb"}};
    cr_expect(told(read(written({odd})).entries) == "a/b [Content-ID=a\"] [Content-Disposition=odd] [X Y=a b] ''", "%s",
              told(read(written({odd})).entries).c_str());
}
