#include "daemon/smtp/offered.h"

#include <algorithm>
#include <array>
#include <charconv>

namespace mmgate::smtp {

namespace {

std::string upper(std::string_view text) {
    std::string out(text);
    for (char& c : out)
        if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
    return out;
}

std::vector<std::string> words(std::string_view line) {
    std::vector<std::string> out;
    while (!line.empty()) {
        std::size_t end = line.find(' ');
        if (end != 0) out.push_back(upper(line.substr(0, end)));
        if (end == std::string_view::npos) break;
        line.remove_prefix(end + 1);
    }
    return out;
}

template <class Number>
std::optional<Number> number(std::string_view text, std::size_t max_digits) {
    Number value = 0;
    auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (text.empty() || text.size() > max_digits || error != std::errc() || end != text.data() + text.size()) return std::nullopt;
    return value;
}

struct FlagSpec {
    std::string_view keyword;
    bool Offered::*flag;
};
// Source: IANA registry of SMTP service extensions.
constexpr auto kFlags = std::to_array<FlagSpec>({
    {"PIPELINING", &Offered::pipelining},
    {"STARTTLS", &Offered::starttls},
    {"DSN", &Offered::dsn},
    {"8BITMIME", &Offered::eight_bit_mime},
    {"SIZE", &Offered::size},
});

// LOGIN has no standard of its own, and yet there are servers that know nothing else.
constexpr auto kMechanisms = std::to_array<FlagSpec>({
    {"PLAIN", &Offered::auth_plain},
    {"LOGIN", &Offered::auth_login},
});

struct LimitSpec {
    std::string_view name;
    std::optional<std::uint32_t> Offered::*limit;
};
// Source: RFC 9422 §4.
constexpr auto kLimitNames = std::to_array<LimitSpec>({
    {"MAILMAX", &Offered::mails},
    {"RCPTMAX", &Offered::recipients},
    {"RCPTDOMAINMAX", &Offered::recipient_domains},
});

bool is_limit_name(std::string_view name) {
    if (name.empty()) return false;
    for (char c : name)
        if (!((c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_')) return false;
    return true;
}

/// A syntax error in the whole makes all limits void, one in a value only that one. Source: RFC 9422 §3.
void read_limits(const std::vector<std::string>& parameters, Offered& offered) {
    for (const std::string& parameter : parameters)
        if (!is_limit_name(std::string_view(parameter).substr(0, parameter.find('=')))) return;
    for (const std::string& parameter : parameters) {
        std::string_view name = std::string_view(parameter).substr(0, parameter.find('='));
        if (name.size() == parameter.size()) continue;
        for (const LimitSpec& spec : kLimitNames) {
            auto value = number<std::uint32_t>(std::string_view(parameter).substr(name.size() + 1), 6);
            if (spec.name == name && value && *value > 0) offered.*spec.limit = *value;
        }
    }
}

}   // namespace

Offered offered_by(const ServerReply& ehlo) {
    Offered offered;
    for (std::size_t i = 1; i < ehlo.lines.size(); ++i) {
        std::vector<std::string> line = words(ehlo.lines[i]);
        if (line.empty()) continue;
        std::string keyword = std::move(line.front());
        line.erase(line.begin());
        for (const FlagSpec& spec : kFlags)
            if (spec.keyword == keyword) offered.*spec.flag = true;
        if (keyword == "SIZE" && !line.empty()) offered.size_bytes = number<std::uint64_t>(line.front(), 20).value_or(0);
        if (keyword == "LIMITS") read_limits(line, offered);
        if (keyword != "AUTH") continue;
        for (const FlagSpec& spec : kMechanisms)
            if (std::ranges::count(line, spec.keyword) > 0) offered.*spec.flag = true;
    }
    return offered;
}

}   // namespace mmgate::smtp
