#include "mapping/mm4/values.h"

#include <algorithm>
#include <charconv>

#include "mapping/limits.h"
#include "mapping/mail/mail_writer.h"
#include "mapping/mail/mime_tree.h"

namespace mmgate::mm4 {

namespace {

constexpr std::size_t kDateBytes = 64;     // what is longer is none
constexpr std::size_t kDeltaDigits = 10;   // 300 years
constexpr std::size_t kNumberDigits = 9;
constexpr std::size_t kBareIdBytes = 600;   // fits into one line beside its name

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
bool is_printable(char c) { return c >= ' ' && c < 0x7F; }
bool all_digits(std::string_view text) { return !text.empty() && std::ranges::all_of(text, is_digit); }

/// Whether a bare identifier reads back as itself.
bool may_stand_bare(std::string_view text) {
    return text.front() != '"' && text.front() != '<' && text.find(' ') == std::string_view::npos;
}

std::string_view without_brackets(std::string_view text) {
    bool bracketed = text.size() > 2 && text.front() == '<' && text.back() == '>';
    return bracketed ? text.substr(1, text.size() - 2) : text;
}

/// Digits at the front of `text`, exactly `count` of them and within `first` to `last`; what follows stays in `text`.
std::optional<int> take_number(std::string_view& text, std::size_t count, int first, int last) {
    if (text.size() < count || !all_digits(text.substr(0, count))) return std::nullopt;
    int out = 0;
    std::from_chars(text.data(), text.data() + count, out);
    text.remove_prefix(count);
    return out >= first && out <= last ? std::optional(out) : std::nullopt;
}
bool take(std::string_view& text, std::string_view any_of) {
    if (text.empty() || any_of.find(text.front()) == std::string_view::npos) return false;
    text.remove_prefix(1);
    return true;
}

}   // namespace

std::string_view trimmed(std::string_view text) {
    while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
    while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
    return text;
}

std::optional<std::string> unquoted(std::string_view text) {
    if (text.size() < 2 || text.front() != '"' || text.back() != '"') return std::nullopt;
    std::string out;
    text = text.substr(1, text.size() - 2);
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] == '"') return std::nullopt;
        if (text[i] == '\\' && ++i == text.size()) return std::nullopt;
        out += text[i];
    }
    return out;
}

std::string quoted(std::string_view text) {
    std::string out = "\"";
    for (char c : text) {
        if (c == '"' || c == '\\') out += '\\';
        out += c;
    }
    return out + "\"";
}

Result<std::string> read_identifier(std::string_view text) {
    if (text.size() > kLimits.raw_id_bytes) return fail(Fault::malformed, "the identifier is longer than 255 octets");
    text = trimmed(text);
    std::optional<std::string> plain = unquoted(text);
    std::string out(without_brackets(plain ? std::string_view(*plain) : text));
    if (out.empty()) return fail(Fault::malformed, "the identifier is empty");
    if (out.size() > kLimits.message_id_bytes) return fail(Fault::malformed, "the identifier is longer than 255 octets");
    if (!std::ranges::all_of(out, is_printable)) return fail(Fault::malformed, "the identifier holds something else than printable ASCII");
    return out;
}

std::string identifier_text(const std::string& identifier, const std::string& raw, Quoting quoting) {
    if (!raw.empty() && raw.size() < kBareIdBytes) {
        Result<std::string> same = read_identifier(raw);
        if (same && *same == identifier && std::ranges::all_of(raw, is_printable)) return raw;
    }
    if (identifier.empty()) return {};
    if (quoting == Quoting::bare && may_stand_bare(identifier)) return identifier;
    // What looks bracketed, or has spaces at its ends, keeps them inside brackets of its own.
    bool shielded = identifier.front() == '<' && identifier.back() == '>';
    return quoted(shielded ? "<" + identifier + ">" : identifier);
}

std::optional<Instant> read_date(std::string_view text) {
    text = trimmed(text);
    if (text.size() > kDateBytes || std::ranges::none_of(text, is_letter)) return std::nullopt;
    return mail::decode_date(text);
}

std::optional<Instant> read_rfc3339(std::string_view text) {
    using namespace std::chrono;
    text = trimmed(text);
    if (text.size() > kDateBytes) return std::nullopt;
    auto years = take_number(text, 4, 1970, 9999);
    if (!years || !take(text, "-")) return std::nullopt;
    auto months = take_number(text, 2, 1, 12);
    if (!months || !take(text, "-")) return std::nullopt;
    auto day_number = take_number(text, 2, 1, 31);
    if (!day_number || !take(text, "Tt ")) return std::nullopt;
    auto hour = take_number(text, 2, 0, 23);
    if (!hour || !take(text, ":")) return std::nullopt;
    auto minute = take_number(text, 2, 0, 59);
    if (!minute || !take(text, ":")) return std::nullopt;
    auto second = take_number(text, 2, 0, 60);
    if (!second) return std::nullopt;
    if (take(text, ".")) {
        std::size_t fraction = std::min(text.find_first_not_of("0123456789"), text.size());
        if (fraction == 0) return std::nullopt;
        text.remove_prefix(fraction);
    }
    minutes offset{};
    if (!take(text, "Zz")) {
        const bool west = text.starts_with('-');
        if (!take(text, "+-")) return std::nullopt;
        auto hours_off = take_number(text, 2, 0, 23);
        if (!hours_off || !take(text, ":")) return std::nullopt;
        auto minutes_off = take_number(text, 2, 0, 59);
        if (!minutes_off) return std::nullopt;
        offset = hours(*hours_off) + minutes(*minutes_off);
        if (west) offset = -offset;
    }
    year_month_day date{year(*years), month(static_cast<unsigned>(*months)), day(static_cast<unsigned>(*day_number))};
    if (!text.empty() || !date.ok()) return std::nullopt;
    return Instant(sys_days(date) + hours(*hour) + minutes(*minute) + seconds(*second) - offset);
}

std::string http_date(Instant at) {
    std::string out = mail::mail_date(at);
    return out.substr(0, out.rfind(' ')) + " GMT";
}

std::optional<Instant> read_expiry(std::string_view text, Instant base) {
    text = trimmed(text);
    if (all_digits(text)) {
        std::uint64_t seconds = 0;
        if (text.size() > kDeltaDigits) return std::nullopt;
        std::from_chars(text.data(), text.data() + text.size(), seconds);
        return base + Seconds(static_cast<std::int64_t>(seconds));
    }
    if (std::optional<Instant> date = read_rfc3339(text)) return date;
    return read_date(text);
}

std::optional<std::uint32_t> read_number(std::string_view text) {
    text = trimmed(text);
    if (!all_digits(text) || text.size() > kNumberDigits) return std::nullopt;
    std::uint32_t out = 0;
    std::from_chars(text.data(), text.data() + text.size(), out);
    return out;
}

std::optional<Numbered> read_numbered(std::string_view text) {
    std::size_t comma = text.find(',');
    if (comma == std::string_view::npos) return std::nullopt;
    std::optional<std::uint32_t> number = read_number(text.substr(0, comma));
    if (!number) return std::nullopt;
    return Numbered{*number, trimmed(text.substr(comma + 1))};
}

}   // namespace mmgate::mm4
