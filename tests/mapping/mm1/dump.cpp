#include "mapping/mm1/dump.h"

#include <criterion/criterion.h>

#include "mapping/charset.h"
#include "tests/mapping/mm1/examples.h"
#include "tests/support/hex.h"

using namespace mmgate;
using namespace mmgate::mm1;
using test::octets;

namespace {

std::string dumped(const std::string& wire, std::size_t text_bytes = 400) {
    const auto pdu = decode_pdu(wire);
    cr_assert(pdu.has_value(), "%s", pdu ? "" : pdu.error().rule.c_str());
    return dump(*pdu, text_bytes);
}

/// The lines of a text part's dump.
std::string text_lines(const std::string& body, std::size_t text_bytes, std::string_view type = "03 83 81 EA") {
    const std::string whole = dumped(octets("8C 93 84") + octets(type) + body, text_bytes);
    const std::size_t at = whole.find("    | ");
    return at == std::string::npos ? "" : whole.substr(at);
}

}   // namespace

Test(dump, one_line_a_field_then_the_parts) {
    const std::string got = dumped(octets(
        "8C 80 98 'T1' 00 8D 92 89 01 81 97 'a@b' 00 88 05 81 03 01 51 80 92 E5 'X-A' 00 'v' 00 84 1B B3 89 'application/smil' 00 8A '<AAAA>' 00 03"
        "04 02 03 83 81 EA 'Hi' 0E 0F A6 C0 22 '<m>' 00 8E 'a' 00 AF 84 8D 82 01 0B 01 'text/x-any' 00 'x' 01 02 9E FF D8"));
    constexpr std::string_view kWant =
        "M-Send.req\n"
        "  X-Mms-Transaction-ID           T1\n"
        "  X-Mms-MMS-Version              1.2\n"
        "  From                           (to be inserted by the relay)\n"
        "  To                             a@b\n"
        "  X-Mms-Expiry                   86400 s from now\n"
        "  X-Mms-Response-Status          Error-permanent-content-not-accepted (229)\n"
        "  X-A                            v\n"
        "  Content-Type                   application/vnd.wap.multipart.related; type=application/smil; start=<AAAA>\n"
        "  part 1\n"
        "    Content-Type                 text/plain; charset=utf-8\n"
        "    size                         2 octets\n"
        "    | Hi\n"
        "  part 2\n"
        "    Content-Type                 application/vnd.wap.multipart.alternative\n"
        "    Content-ID                   <m>\n"
        "    Content-Location             a\n"
        "  part 2.1\n"
        "    Content-Type                 text/x-any\n"
        "    size                         1 octets\n"
        "    | x\n"
        "  part 3\n"
        "    Content-Type                 image/jpeg\n"
        "    size                         2 octets\n";
    cr_expect(got == kWant, "%s", got.c_str());
}

Test(dump, every_pdu_type_has_its_lines) {
    for (const test::ExamplePdu& example : test::kExamplePdus) {
        const std::string got = dumped(octets(example.hex));
        cr_expect(std::string_view(example.name).starts_with(got.substr(0, got.find('\n'))), "%s: %s", example.name.data(), got.c_str());
        cr_expect(is_utf8(got) && got.find("unknown") == std::string::npos, "%s: %s", example.name.data(), got.c_str());
    }
}

Test(dump, nothing_of_a_peer_steers_a_terminal) {
    const std::string got = dumped(octets(
        "8C 93 98 7F 1B '[2J' 0A FF 00 96 7F C2 9B '1m' 00 8B 'a' E2 80 A8 'b' 00 7A C2 85 00 'v' 1B 00 84 83 'x' 1B '[0m' 0D 0A 07 'y' C2 9B 'z'"));
    cr_expect(is_utf8(got));
    for (std::size_t i = 0; i < got.size(); ++i) {
        const auto c = static_cast<unsigned char>(got[i]);
        cr_expect((c >= 0x20 && c != 0x7F) || c == '\n', "%02X at %zu", c, i);
        cr_expect(c != 0xC2 || static_cast<unsigned char>(got[i + 1]) >= 0xA0, "a control at %zu", i);
    }
    cr_expect(got.find("\n  Message-ID                     a b\n") != std::string::npos, "%s", got.c_str());
    cr_expect(got.find("\n    | x [0m\n    | y z\n") != std::string::npos, "%s", got.c_str());
}

Test(dump, long_texts_are_cut_between_characters) {
    cr_expect(text_lines("Grüße", 7) == "    | Grüße\n");
    cr_expect(text_lines("Grüße", 6) == "    | Grüß\n    | ...\n");
    cr_expect(text_lines("Grüße", 5) == "    | Grü\n    | ...\n");
    cr_expect(text_lines("Grüße", 3) == "    | Gr\n    | ...\n");
    cr_expect(text_lines("ab\n\ncd\n", 400) == "    | ab\n    | \n    | cd\n");
    cr_expect(text_lines("😀😀", 7) == "    | 😀\n    | ...\n");
    cr_expect(text_lines(octets("'Gr' FC DF 'e'"), 4, "03 83 81 84") == "    | Grüß\n    | ...\n", "Latin letters");
    cr_expect(text_lines(octets("'Gr' FC DF 'e'"), 4) == "    | Grüß\n    | ...\n", "a wrong label");
    cr_expect(text_lines("", 400).empty());
}

Test(dump, dates_are_UTC) {
    struct Row {
        std::uint64_t seconds;
        std::string_view want;
    };
    constexpr Row kRows[] = {{0, "1970-01-01T00:00:00Z"}, {951782400, "2000-02-29T00:00:00Z"}, {1767323045, "2026-01-02T03:04:05Z"}, {253402300799, "9999-12-31T23:59:59Z"}, {253402300800, "253402300800"}, {UINT64_MAX, "18446744073709551615"}};
    for (const Row& row : kRows) cr_expect(utc_text(row.seconds) == row.want, "%s", utc_text(row.seconds).c_str());
}
