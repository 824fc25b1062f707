#include "daemon/smtp/data_reader.h"

#include <criterion/criterion.h>

#include <array>

using namespace mmgate;
using namespace std::string_view_literals;
using smtp::DataReader;
using Finding = smtp::DataReader::Finding;

namespace {

constexpr DataReader::Bounds kBounds{.content_bytes = 5000, .line_bytes = 1000, .expected_bytes = 0};

struct Row {
    const char* name;
    std::string_view wire;
    std::string_view content;
    std::optional<Finding> finding;
    std::size_t behind = 0;   // octets after the end
};

struct Seen {
    Octets content;
    std::optional<Finding> finding;
    std::size_t taken = 0;
    bool done = false;
};

/// Feeds `wire` in pieces of at most `size` octets.
Seen read(std::string_view wire, std::size_t size, DataReader::Bounds bounds = kBounds) {
    DataReader reader(bounds);
    Seen seen;
    while (seen.taken < wire.size() && !reader.done()) {
        const std::size_t taken = reader.feed(wire.substr(seen.taken, size));
        cr_assert(taken > 0);
        seen.taken += taken;
    }
    cr_expect(reader.octets_seen() == seen.taken);
    seen.done = reader.done();
    seen.finding = reader.finding();
    seen.content = reader.take();
    return seen;
}

}   // namespace

Test(data_reader, finds_the_only_end_and_undoes_the_dots) {
    constexpr auto kRows = std::to_array<Row>({
        {"nothing", ".\r\n"sv, ""sv, {}},
        {"one line", "a\r\n.\r\n"sv, "a\r\n"sv, {}},
        {"an empty line", "\r\n.\r\n"sv, "\r\n"sv, {}},
        {"a dot alone", "..\r\n.\r\n"sv, ".\r\n"sv, {}},
        {"two dots", "...\r\n.\r\n"sv, "..\r\n"sv, {}},
        {"a dot and more, not stuffed", ".x\r\n.\r\n"sv, "x\r\n"sv, {}},
        {"a stuffed dot and more", "..x\r\n.\r\n"sv, ".x\r\n"sv, {}},
        {"dots within a line", "a.\r\nb.c\r\n.\r\n"sv, "a.\r\nb.c\r\n"sv, {}},
        {"a dot before spaces", ". \r\n.\r\n"sv, " \r\n"sv, {}},
        {"commands behind", "a\r\n.\r\nQUIT\r\n"sv, "a\r\n"sv, {}, 6},
        {"a second end behind", "a\r\n.\r\n.\r\n"sv, "a\r\n"sv, {}, 3},
        {"octets beyond ASCII", "\xC3\xA9\xFF\r\n.\r\n"sv, "\xC3\xA9\xFF\r\n"sv, {}},
        {"controls", "\t\v\f\b\x1A\r\n.\r\n"sv, "\t\v\f\b\x1A\r\n"sv, {}},

        {"bare LF", "a\nb\r\n.\r\n"sv, ""sv, Finding::bare_line_end},
        {"bare LF first", "\na\r\n.\r\n"sv, ""sv, Finding::bare_line_end},
        {"bare CR", "a\rb\r\n.\r\n"sv, ""sv, Finding::bare_line_end},
        {"CR CR LF", "a\r\r\n.\r\n"sv, ""sv, Finding::bare_line_end},
        {"LF CR", "a\n\r\n.\r\n"sv, ""sv, Finding::bare_line_end},
        {"CR at a line's start", "\rb\r\n.\r\n"sv, ""sv, Finding::bare_line_end},
        {"dot, bare LF", ".\na\r\n.\r\n"sv, ""sv, Finding::bare_line_end},
        {"dot, CR, more", ".\rx\r\n.\r\n"sv, ""sv, Finding::bare_line_end},
        {"dot, CR, CR, LF", ".\r\r\n.\r\n"sv, ""sv, Finding::bare_line_end},
        {"LF, dot, CR LF", "a\n.\r\n.\r\n"sv, ""sv, Finding::bare_line_end},
        {"CR, dot, CR LF", "a\r.\r\n.\r\n"sv, ""sv, Finding::bare_line_end},
        {"NUL", "a\0b\r\n.\r\n"sv, ""sv, Finding::nul},
        {"NUL in a line of a dot", ".\0\r\n.\r\n"sv, ""sv, Finding::nul},
        {"NUL between CR and LF", "a\r\0\n\r\n.\r\n"sv, ""sv, Finding::bare_line_end},
    });
    for (const Row& row : kRows)
        for (std::size_t size = 1; size <= row.wire.size(); ++size) {
            const Seen seen = read(row.wire, size);
            cr_expect(seen.done, "%s in pieces of %zu", row.name, size);
            cr_expect(seen.content == row.content, "%s in pieces of %zu", row.name, size);
            cr_expect(seen.finding == row.finding, "%s in pieces of %zu", row.name, size);
            cr_expect(row.wire.size() - seen.taken == row.behind, "%s in pieces of %zu", row.name, size);
        }
}

Test(data_reader, makes_line_ends_of_what_stands_alone_and_ends_with_nothing_else) {
    constexpr auto kRows = std::to_array<Row>({
        {"nothing to do", "a\r\n..b\r\n.\r\n"sv, "a\r\n.b\r\n"sv, {}},
        {"LF", "a\nb\n\nc\r\n.\r\n"sv, "a\r\nb\r\n\r\nc\r\n"sv, {}},
        {"CR", "a\rb\r\n.\r\n"sv, "a\r\nb\r\n"sv, {}},
        {"CR CR LF", "a\r\r\n.\r\n"sv, "a\r\n\r\n"sv, {}},
        {"LF CR LF", "a\n\r\n.\r\n"sv, "a\r\n\r\n"sv, {}},
        {"LF dot LF is no end", "a\n.\nMAIL\r\n.\r\n"sv, "a\r\n.\r\nMAIL\r\n"sv, {}},
        {"LF dot CR LF is no end", "a\n.\r\nMAIL\r\n.\r\n"sv, "a\r\n.\r\nMAIL\r\n"sv, {}},
        {"CR LF dot LF is no end", "a\r\n.\nMAIL\r\n.\r\n"sv, "a\r\n\r\nMAIL\r\n"sv, {}},
        {"CR LF dot CR is no end", "a\r\n.\rMAIL\r\n.\r\n"sv, "a\r\n\r\nMAIL\r\n"sv, {}},
        {"CR dot CR is no end", "a\r.\rMAIL\r\n.\r\n"sv, "a\r\n.\r\nMAIL\r\n"sv, {}},
        {"dot, CR, CR, LF", ".\r\r\n.\r\n"sv, "\r\n\r\n"sv, {}},
        {"NUL", "a\n\0\r\n.\r\n"sv, ""sv, Finding::nul},
    });
    DataReader::Bounds bounds = kBounds;
    bounds.line_ends = smtp::LineEnds::repaired;
    for (const Row& row : kRows)
        for (std::size_t size = 1; size <= row.wire.size(); ++size) {
            const Seen seen = read(row.wire, size, bounds);
            cr_expect(seen.done && seen.content == row.content && seen.finding == row.finding && seen.taken == row.wire.size(), "%s in pieces of %zu: %s", row.name, size, seen.content.c_str());
        }
    // Many short lines are no long one, and what grows beyond the bound is too big.
    std::string lines;
    for (int i = 0; i < 2000; ++i) lines += "x\n";
    cr_expect(read(lines + "\r\n.\r\n", 4096, bounds).finding == Finding::too_big);
    bounds.content_bytes = 6002;
    cr_expect(read(lines + "\r\n.\r\n", 4096, bounds).content.size() == 6002);
}

Test(data_reader, is_not_done_before_the_last_octet) {
    const std::string_view wire = "a\r\n..b\r\n.\r\n";
    for (std::size_t length = 0; length < wire.size(); ++length) cr_expect(!read(wire.substr(0, length), 3).done, "after %zu octets", length);
}

Test(data_reader, holds_the_bounds) {
    const auto lines = [](std::size_t length, std::size_t count) {
        std::string out;
        for (std::size_t i = 0; i < count; ++i) out += std::string(length - 2, 'x') + "\r\n";
        return out;
    };
    struct Case {
        const char* name;
        std::string content;
        std::optional<Finding> finding;
    };
    const Case cases[] = {
        {"the longest line", lines(1000, 1), {}},
        {"one octet more", lines(1001, 1), Finding::line_too_long},
        {"the greatest mail", lines(1000, 5), {}},
        {"one line more", lines(1000, 5) + "\r\n", Finding::too_big},
        {"a huge line without an end", std::string(100'000, 'x') + "\r\n", Finding::line_too_long},
        {"too big, and then something graver", lines(1000, 6) + "a\nb\r\n", Finding::bare_line_end},
    };
    for (const Case& one : cases)
        for (std::size_t size : {1, 7, 999, 1000, 1001, 200'000}) {
            const Seen seen = read(one.content + ".\r\n", size);
            cr_expect(seen.done && seen.finding == one.finding, "%s in pieces of %zu", one.name, size);
            cr_expect(seen.content == (one.finding ? "" : one.content), "%s in pieces of %zu", one.name, size);
        }
}

Test(data_reader, keeps_nothing_when_told_so) {
    DataReader reader(kBounds);
    reader.feed("first\r\n");
    cr_expect(reader.octets_kept() == 7);
    reader.keep_no_more();
    cr_expect(reader.octets_kept() == 0);
    reader.feed("second\r\n.\r\n");
    cr_expect(reader.done() && reader.finding() == Finding::not_kept && reader.take().empty());
}
