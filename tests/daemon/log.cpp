#include "daemon/log.h"

#include <criterion/criterion.h>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <functional>
#include <string>
#include <vector>

using namespace mmgate;
using namespace std::literals;

namespace {

constexpr Log::Options kMasked{};
constexpr Log::Options kFull{Level::info, Numbers::full};
const Address kPhone{Address::Kind::phone, "+447700900123", ""};

std::string line(const Log::Options& options, std::vector<Field> fields) { return log_line(options, "-", "e", fields); }

/// What `write` leaves on standard error.
std::string written(const std::function<void(Log&)>& act) {
    int ends[2];
    cr_assert(pipe2(ends, O_NONBLOCK) == 0);
    int saved = dup(STDERR_FILENO);
    dup2(ends[1], STDERR_FILENO);
    Log log(kMasked);
    act(log);
    dup2(saved, STDERR_FILENO);
    std::array<char, 65536> buffer{};
    auto n = read(ends[0], buffer.data(), buffer.size());
    return n > 0 ? std::string(buffer.data(), static_cast<std::size_t>(n)) : "";
}

}   // namespace

Test(log, formats_a_line) {
    std::vector<Field> fields{{"from", kPhone}, {"size", 102400}, {"reply", "250 2.0.0 Ok"}, {"empty", ""}, {"quote", "a\"b"}};
    cr_expect(log_line(kMasked, "01JD3M8K2V7QF", "accepted", fields) ==
              "01JD3M8K2V7QF accepted from=+44770090**** size=102400 reply=\"250 2.0.0 Ok\" empty=\"\" quote=\"a\\\"b\"");
    cr_expect((log_line(kMasked, "-", "started", {}) == "- started"));
}

Test(log, a_value_ends_where_it_ends) {
    cr_expect(line(kMasked, {{"v", "a\\\" to=b"}}) == R"(- e v="a\\\" to=b")");
    cr_expect(line(kMasked, {{"v", "a \\"}, {"w", "b"}}) == R"(- e v="a \\" w=b)");
    cr_expect(line(kMasked, {{"v", "\\x0a"}}) == R"(- e v=\\x0a)", "what a peer wrote is no escape of ours");
}

Test(log, keeps_controls_and_broken_text_off_the_line) {
    struct Row {
        std::string_view value, want;
    };
    for (const Row& row : std::initializer_list<Row>{
             {"a\nb", "a\\x0ab"}, {"\x1b[31m", "\\x1b[31m"}, {"\0"sv, "\\x00"}, {"\x7f", "\\x7f"}, {"Gr\u00fc\u00dfe", "Gr\u00fc\u00dfe"}, {"\xff", "\\xff"}, {"\xc3", "\\xc3"}, {"\xc0\xaf", "\\xc0\\xaf"}, {"\xed\xa0\x80", "\\xed\\xa0\\x80"}, {"\xf4\x90\x80\x80", "\\xf4\\x90\\x80\\x80"}, {"\xc2\x9b", "\\xc2\\x9b"}, {"\u2028", "\\xe2\\x80\\xa8"}, {"\U0001F600", "\U0001F600"}}) {
        std::string got = line(kMasked, {{"v", row.value}});
        cr_expect(got == "- e v=" + std::string(row.want), "%s", got.c_str());
    }
}

Test(log, bounds_values_and_lines) {
    std::string one = line(kMasked, {{"v", std::string(5000, 'x')}});
    cr_expect(one.size() < 1100 && one.ends_with("…"));
    std::vector<Field> many(100, Field("v", std::string(900, 'x')));
    cr_expect(line(kMasked, many).size() < 8192);
}

Test(log, masks_numbers_wherever_they_stand) {
    struct Row {
        const char* name;
        Field field;
        std::string_view masked, full;
    };
    const Row rows[] = {
        {"phone", {"v", kPhone}, "+44770090****", "+447700900123"},
        {"phone as written", {"v", Address{Address::Kind::phone, "07700900123", ""}}, "0770090****", "07700900123"},
        {"mailbox of a phone", {"v", Address{Address::Kind::mailbox, "+447700900123@mms.example.net", ""}}, "+44770090****@mms.example.net", "+447700900123@mms.example.net"},
        {"bare mailbox of a phone", {"v", Address{Address::Kind::mailbox, "447700900123@h1234.example", ""}}, "44770090****@h1234.example", "447700900123@h1234.example"},
        {"mailbox of a person", {"v", Address{Address::Kind::mailbox, "anna99@example.net", ""}}, "anna99@example.net", "anna99@example.net"},
        {"short code", {"v", Address{Address::Kind::short_code, "12345", ""}}, "12345", "12345"},
        {"number in a reply", {"v", "<+447700900123@b> and +4477009001 unknown"}, "\"<+44770090****@b> and +447700**** unknown\"", "\"<+447700900123@b> and +4477009001 unknown\""},
        {"number at the end", {"v", "x+447700900123"}, "x+44770090****", "x+447700900123"},
        {"seven digits are no number", {"v", "+1234567"}, "+1234567", "+1234567"},
        {"eight are", {"v", "+12345678"}, "+1234****", "+12345678"},
        {"ids stay", {"v", "1234567890123"}, "1234567890123", "1234567890123"},
        {"plus alone", {"v", "a+"}, "a+", "a+"},
    };
    for (const Row& row : rows) {
        std::string masked_line = line(kMasked, {row.field});
        cr_expect(masked_line == "- e v=" + std::string(row.masked), "%s: %s", row.name, masked_line.c_str());
        std::string full_line = line(kFull, {row.field});
        cr_expect(full_line == "- e v=" + std::string(row.full), "%s: %s", row.name, full_line.c_str());
    }
    cr_expect(masked("+447700900123") == "+44770090****" && masked("12345") == "*****" && masked("") == "");
}

Test(log, writes_one_timed_line_an_event_at_its_level) {
    unsetenv("JOURNAL_STREAM");
    std::string text = written([](Log& log) {
        log.info("-", "ready", {{"n", 1}});
        log.debug("-", "hidden");
        log.configure({Level::debug, Numbers::masked});
        log.debug("-", "seen");
    });
    std::size_t end = text.find('\n');
    cr_assert(end != std::string::npos);
    cr_expect(text[4] == '-' && text[10] == 'T' && text[23] == 'Z', "%s", text.c_str());
    cr_expect(text.substr(24, end - 24) == " - ready n=1", "%s", text.c_str());
    cr_expect(text.find("hidden") == std::string::npos && text.ends_with(" - seen\n"));
}

Test(log, leads_with_the_level_when_the_journal_reads_the_stream) {
    int ends[2];
    cr_assert(pipe2(ends, O_NONBLOCK) == 0);
    struct stat status {};
    cr_assert(fstat(ends[1], &status) == 0);
    setenv("JOURNAL_STREAM", (std::to_string(status.st_dev) + ":" + std::to_string(status.st_ino)).c_str(), 1);
    int saved = dup(STDERR_FILENO);
    dup2(ends[1], STDERR_FILENO);
    Log log(kMasked);
    log.warning("-", "slow", {{"n", 1}});
    dup2(saved, STDERR_FILENO);
    std::array<char, 4096> buffer{};
    auto n = read(ends[0], buffer.data(), buffer.size());
    // Without a journal on this machine the line falls back to the stream; with one it went there.
    if (access("/run/systemd/journal/socket", F_OK) != 0) cr_expect(n > 0 && std::string(buffer.data(), static_cast<std::size_t>(n)) == "<4>- slow n=1\n");
}
