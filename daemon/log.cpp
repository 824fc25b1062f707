#include "daemon/log.h"

#include <sys/stat.h>
#include <sys/uio.h>
#include <systemd/sd-journal.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <vector>

namespace mmgate {

namespace {

constexpr std::size_t kMostValueBytes = 1000;
constexpr std::size_t kMostLineBytes = 8000;

bool is_digit(char c) { return c >= '0' && c <= '9'; }

/// The length of the well-formed UTF-8 character at the front, or 0. Source: RFC 3629 §4.
std::size_t character_bytes(std::string_view text) {
    auto octet = [&](std::size_t i) { return i < text.size() ? static_cast<unsigned char>(text[i]) : 0u; };
    auto tail = [&](std::size_t i) { return (octet(i) & 0xC0) == 0x80; };
    unsigned first = octet(0), second = octet(1);
    if (first < 0x80) return 1;
    if (first >= 0xC2 && first <= 0xDF) return tail(1) ? 2 : 0;
    if (first >= 0xE0 && first <= 0xEF)
        return tail(1) && tail(2) && !(first == 0xE0 && second < 0xA0) && !(first == 0xED && second > 0x9F) ? 3 : 0;
    if (first >= 0xF0 && first <= 0xF4)
        return tail(1) && tail(2) && tail(3) && !(first == 0xF0 && second < 0x90) && !(first == 0xF4 && second > 0x8F) ? 4 : 0;
    return 0;
}

/// Controls (C1 and line separators too) and broken UTF-8 as \xNN, a backslash as two, so that a line stays a line on every terminal and no value ends early.
std::string printable(std::string_view text, std::size_t limit) {
    std::string out;
    while (!text.empty()) {
        if (out.size() >= limit) return out + "…";
        std::size_t count = character_bytes(text);
        bool control = count == 0 || (count == 1 && (static_cast<unsigned char>(text[0]) < 0x20 || text[0] == 0x7F)) ||
                       (count == 2 && text[0] == '\xC2' && static_cast<unsigned char>(text[1]) < 0xA0) ||
                       (count == 3 && (text.starts_with("\u2028") || text.starts_with("\u2029")));
        if (text[0] == '\\') {
            out += "\\\\";   // what a peer wrote is no escape of ours
        } else if (!control) {
            out += text.substr(0, count);
        } else {
            count = std::max<std::size_t>(count, 1);
            for (char c : text.substr(0, count)) {
                char hex[5];
                std::snprintf(hex, sizeof hex, "\\x%02x", static_cast<unsigned char>(c));
                out += hex;
            }
        }
        text.remove_prefix(count);
    }
    return out;
}

std::string value_text(const Log::Options& options, const Field& field) {
    std::string value = printable(field.value, kMostValueBytes);
    if (options.numbers == Numbers::full) return value;
    if (!field.phone) return with_masked_numbers(value);
    std::size_t at = std::min(value.find('@'), value.size());
    return masked(value.substr(0, at)) + value.substr(at);
}

std::string quoted(const std::string& value) {
    if (!value.empty() && value.find_first_of(" \"=") == std::string::npos) return value;
    std::string out = "\"";
    for (char c : value) {
        if (c == '"') out += '\\';
        out += c;
    }
    return out + '"';
}

/// Whether standard error is the journal's stream. Source: systemd.exec(5), $JOURNAL_STREAM.
bool stderr_is_journal() {
    const char* stream = std::getenv("JOURNAL_STREAM");
    struct stat status {};
    if (!stream || fstat(STDERR_FILENO, &status) != 0) return false;
    std::string_view text = stream;
    std::size_t colon = text.find(':');
    return colon != std::string_view::npos && text.substr(0, colon) == std::to_string(status.st_dev) && text.substr(colon + 1) == std::to_string(status.st_ino);
}

std::string now_text() {
    auto now = std::chrono::time_point_cast<std::chrono::milliseconds>(std::chrono::system_clock::now());
    auto ms = now.time_since_epoch().count();
    std::time_t seconds = static_cast<std::time_t>(ms / 1000);
    std::tm tm{};
    gmtime_r(&seconds, &tm);
    char text[80];
    std::snprintf(text, sizeof text, "%04d-%02d-%02dT%02d:%02d:%02d.%03dZ", tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec,
                  static_cast<int>(ms % 1000));
    return text;
}

bool send_to_journal(const Log::Options& options, Level level, std::string_view subject, std::string_view event, const std::string& line,
                     std::span<const Field> fields) {
    std::vector<std::string> entries{"MESSAGE=" + line, "PRIORITY=" + std::to_string(static_cast<int>(level)), "SYSLOG_IDENTIFIER=mmgated",
                                     "MMGATE_EVENT=" + std::string(event)};
    if (subject != "-") entries.push_back("MMGATE_QUEUE_ID=" + std::string(subject));
    for (const Field& field : fields) {
        std::string name = "MMGATE_";
        for (char c : field.key) name += c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : is_digit(c) ? c
                                                                                                               : '_';
        entries.push_back(name + "=" + value_text(options, field));
    }
    std::vector<iovec> vectors;
    for (std::string& entry : entries) vectors.push_back({entry.data(), entry.size()});
    return (sd_journal_sendv)(vectors.data(), static_cast<int>(vectors.size())) == 0;
}

/// "+447700900123@example.net" begins with a number; "a+447700900123@example.net" does not.
bool begins_with_number(std::string_view text) {
    if (text.starts_with('+')) text.remove_prefix(1);
    return std::ranges::find_if_not(text, is_digit) - text.begin() >= 7;
}

}   // namespace

Field::Field(std::string_view k, const Address& address)
    : key(k), value(address.value), phone(address.kind == Address::Kind::phone || (address.kind == Address::Kind::mailbox && begins_with_number(address.value))) {}

std::string masked(std::string_view number) {
    auto digits = static_cast<std::size_t>(std::ranges::count_if(number, is_digit));
    std::size_t hide = digits > 6 ? 4 : digits;
    std::string out(number);
    for (auto it = out.rbegin(); it != out.rend() && hide > 0; ++it)
        if (is_digit(*it)) *it = '*', --hide;
    return out;
}

std::string with_masked_numbers(std::string_view text) {
    std::string out;
    while (!text.empty()) {
        std::size_t plus = text.find('+');
        if (plus == std::string_view::npos) break;
        out += text.substr(0, plus);
        text.remove_prefix(plus);
        auto end = static_cast<std::size_t>(std::ranges::find_if_not(text.substr(1), is_digit) - text.substr(1).begin()) + 1;
        out += end > 8 ? masked(text.substr(0, end)) : std::string(text.substr(0, end));
        text.remove_prefix(end);
    }
    return out.append(text);
}

std::string log_line(const Log::Options& options, std::string_view subject, std::string_view event, std::span<const Field> fields) {
    std::string line = printable(subject, 64) + " " + printable(event, 64);
    for (const Field& field : fields) {
        std::string next = " " + printable(field.key, 64) + "=" + quoted(value_text(options, field));
        if (line.size() + next.size() > kMostLineBytes) return line + " …";
        line += next;
    }
    return line;
}

// sd_journal_sendv calls it success when the socket is not there; so we look first.
Log::Log(Options options)
    : options_(options), stream_is_journal_(stderr_is_journal()), to_journal_(stream_is_journal_ && access("/run/systemd/journal/socket", W_OK) == 0) {}
Log::~Log() = default;
void Log::configure(Options options) { options_ = options; }

void Log::write(Level level, std::string_view subject, std::string_view event, std::initializer_list<Field> fields) {
    if (!enabled(level)) return;
    std::span<const Field> span(fields.begin(), fields.size());
    std::string line = log_line(options_, subject, event, span);
    if (to_journal_ && send_to_journal(options_, level, subject, event, line, span)) return;
    // The journal reads the stream itself: then the prefix tells it the level.
    std::string out = (stream_is_journal_ ? "<" + std::to_string(static_cast<int>(level)) + ">" : now_text() + " ") + line + "\n";
    [[maybe_unused]] auto written = ::write(STDERR_FILENO, out.data(), out.size());
}

}   // namespace mmgate
