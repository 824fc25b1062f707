#include "mapping/mm4/values.h"

#include <criterion/criterion.h>

#include <optional>
#include <string>

#include "mapping/mm4/dialect.h"
#include "samples.h"

using namespace mmgate;
using namespace mmgate::mm4;

Test(mm4_identifier, is_compared_without_quotes_and_brackets) {
    const std::string longest(255, 'x'), pairs = [] {
        std::string out;
        for (int i = 0; i < 255; ++i) out += "\\y";
        return out;
    }();
    struct Row {
        std::string written, want;   // "": refused
    };
    const Row rows[] = {
        {"t-1", "t-1"},
        {"\"t-1\"", "t-1"},
        {"<t-1@a.example>", "t-1@a.example"},
        {"\"<t-1@a.example>\"", "t-1@a.example"},
        {" \t\"t-1\" ", "t-1"},
        {R"("a\"b\\c")", R"(a"b\c)"},
        {"\"\"t-1\"\"", "\"\"t-1\"\""},   // no quoted-string: all of it counts
        {"\"t-1", "\"t-1"},
        {"<t-1", "<t-1"},
        {"a b", "a b"},
        {longest, longest},
        {"\"<" + longest + ">\"", longest},
        {"\"" + pairs + "\"", std::string(255, 'y')},
        {"\"<" + pairs + ">\"", std::string(255, 'y')},
        {longest + "x", ""},
        {std::string(100'000, 'x'), ""},
        {"", ""},
        {"\"\"", ""},
        {"  ", ""},
        {"a\tb", ""},
        {"a\x7F", ""},
        {"\xC3\xA9", ""},
        {std::string("a\0b", 3), ""},
    };
    for (const Row& row : rows) {
        Result<std::string> id = read_identifier(row.written);
        cr_expect(id.has_value() == !row.want.empty(), "%s", row.written.substr(0, 80).c_str());
        if (id) cr_expect(*id == row.want, "%s", id->c_str());
        else cr_expect(id.error().fault == Fault::malformed);
    }
}

Test(mm4_identifier, is_echoed_as_it_came) {
    struct Row {
        std::string id, raw;
        Quoting quoting;
        std::string want;
    };
    const Row rows[] = {
        {"t-1", "", Quoting::quoted, "\"t-1\""},
        {"t-1", "", Quoting::bare, "t-1"},
        {"t-1", "<t-1>", Quoting::quoted, "<t-1>"},
        {"t-1", "\"t-1\"", Quoting::bare, "\"t-1\""},
        {"t-1", "t-2", Quoting::quoted, "\"t-1\""},   // raw of another
        {"t-1", "t-1\r\nX-Evil: 1", Quoting::quoted, "\"t-1\""},
        {"a b", "", Quoting::bare, "\"a b\""},
        {R"(a"b\c)", "", Quoting::quoted, R"("a\"b\\c")"},
        {"<t>", "", Quoting::quoted, "\"<<t>>\""},
        {"", "", Quoting::quoted, ""},
    };
    for (const Row& row : rows) {
        const std::string text = identifier_text(row.id, row.raw, row.quoting);
        cr_expect(text == row.want, "%s", text.c_str());
        if (!row.id.empty()) cr_expect(read_identifier(text) == row.id, "%s", text.c_str());
    }
}

Test(mm4_expiry, is_read_in_every_form_seen) {
    const Instant base = kSent;
    const Instant noon = Instant(std::chrono::sys_days(std::chrono::year(2026) / 4 / 2) + std::chrono::hours(12));
    struct Row {
        std::string_view written;
        std::optional<Instant> want;
    };
    const Row rows[] = {
        {"Thu, 02 Apr 2026 12:00:00 GMT", noon},
        {"Thu, 2 Apr 2026 14:00:00 +0200", noon},
        {"604800", base + std::chrono::hours(168)},
        {"0", base},
        {"9999999999", base + Seconds(9'999'999'999)},
        {"99999999999", std::nullopt},
        {"-1", std::nullopt},
        {"1.5", std::nullopt},
        {"2026-04-02T12:00:00Z", noon},
        {"2026-04-02t12:00:00.123z", noon},
        {"2026-04-02 14:00:00+02:00", noon},
        {"2026-04-02T09:30:00-02:30", noon},
        {"2026-02-30T12:00:00Z", std::nullopt},
        {"2026-04-02T25:00:00Z", std::nullopt},
        {"2026-04-02T12:00:00", std::nullopt},
        {"2026-04-02T12:00:00.Z", std::nullopt},
        {"2026-04-02T12:00:00Zx", std::nullopt},
        {"2026-04-02", std::nullopt},
        {"", std::nullopt},
        {"tomorrow", std::nullopt},
        {"Thu, 02 Apr 2026 12:00:00 GMT and then a good deal more that is no part of it", std::nullopt},
    };
    for (const Row& row : rows) cr_expect(read_expiry(row.written, base) == row.want, "%s", std::string(row.written).c_str());
    cr_expect(http_date(noon) == "Thu, 02 Apr 2026 12:00:00 GMT");
}

Test(mm4_numbered_value, is_cut_at_its_first_comma) {
    std::optional<Numbered> date = read_numbered("0, Fri, 20 Nov 2026 08:00:00 GMT");
    cr_expect(date && date->number == 0 && date->rest == "Fri, 20 Nov 2026 08:00:00 GMT");
    std::optional<Numbered> tight = read_numbered("12,a@b.example");
    cr_expect(tight && tight->number == 12 && tight->rest == "a@b.example");
    std::optional<Numbered> nothing = read_numbered("3,");
    cr_expect(nothing && nothing->rest.empty());
    for (std::string_view bad : {"", "1", ",a", "-1, a", "one, a", "1234567890, a", "1 2, a"}) cr_expect(!read_numbered(bad), "%s", std::string(bad).c_str());
}

Test(mm4_quoted_string, is_whole_or_none) {
    cr_expect(unquoted("\"a\"") == "a" && unquoted("\"\"") == "" && unquoted(R"("\"\\")") == R"("\)");
    for (std::string_view bad : {"", "\"", "a", "\"a", "a\"", "\"a\"b\"", "\"a\\\""}) cr_expect(!unquoted(bad), "%s", std::string(bad).c_str());
}

Test(mm4_version, is_one_to_three_numbers) {
    struct Row {
        std::string_view written;
        std::optional<Version> want;
        bool known;
    };
    const Row rows[] = {
        {"6.16.0", Version{6, 16, 0}, true},
        {"5.5.0", Version{5, 5, 0}, true},
        {"6.10", Version{6, 10, 0}, true},
        {"4", Version{4, 0, 0}, true},
        {"7.0.0", Version{7, 0, 0}, false},
        {"3.1.0", Version{3, 1, 0}, false},
        {"", std::nullopt, false},
        {"V6.1.0", std::nullopt, false},
        {"6.", std::nullopt, false},
        {"6..0", std::nullopt, false},
        {"6.1.0.0", std::nullopt, false},
        {"6.1.0 ", std::nullopt, false},
        {"+6.1.0", std::nullopt, false},
        {"-6.1.0", std::nullopt, false},
        {"99999999999999999999.1.0", std::nullopt, false},
    };
    for (const Row& row : rows) {
        Result<Version> version = parse_version(row.written);
        cr_expect(version.has_value() == row.want.has_value(), "%s", std::string(row.written).c_str());
        if (version) cr_expect(*version == *row.want && is_known(*version) == row.known, "%s", std::string(row.written).c_str());
    }
    cr_expect((to_text(Version{6, 16, 0}) == "6.16.0"));
}
