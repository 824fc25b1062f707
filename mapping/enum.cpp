#include "mapping/enum.h"

#include <regex.h>

#include <algorithm>
#include <array>
#include <memory>
#include <optional>

namespace mmgate {

namespace {

constexpr std::size_t kGroups = 10;       // \0 to \9
constexpr std::size_t kRepetitions = 4;   // + * ? of a rule
constexpr std::string_view kScheme = "mailto:";

std::string lower(std::string_view text) {
    std::string out(text);
    for (char& c : out)
        if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
    return out;
}

/// "E2U+mms:mailto", "E2U+sip+mms:mailto", and the older "mms+E2U". Source: RFC 6116 §3.4.3.
bool is_for_mms_by_mail(std::string_view service) {
    const std::string text = lower(service);
    if (text == "mms+e2u" || text == "mms:mailto+e2u") return true;
    if (!text.starts_with("e2u+")) return false;
    for (std::size_t start = 4; start <= text.size();) {
        const std::size_t end = std::min(text.find('+', start), text.size());
        if (std::string_view(text).substr(start, end - start) == "mms:mailto") return true;
        start = end + 1;
    }
    return false;
}

/// Counted repetition multiplies itself into memory, so does each + of another one, and references back multiply into time: no rule for numbers needs them.
bool is_harmless(std::string_view pattern) {
    if (pattern.size() > kPointerBytes || pattern.find('{') != std::string_view::npos || pattern.find('\0') != std::string_view::npos) return false;
    std::size_t repetitions = 0;
    for (std::size_t i = 0; i < pattern.size(); ++i) {
        const char c = pattern[i];
        if (c == '\\' && i + 1 < pattern.size()) {
            if (pattern[++i] >= '0' && pattern[i] <= '9') return false;
        } else if (c == '+' || c == '*' || c == '?') {
            ++repetitions;
        }
    }
    return repetitions <= kRepetitions;
}

struct Rule {
    std::string pattern, substitution;
    bool ignore_case = false;
};
/// "!pattern!substitution!i", with any delimiter that is no digit, no backslash and no flag.
std::optional<Rule> rule_of(std::string_view text) {
    if (text.size() < 3 || text.size() > kPointerBytes) return std::nullopt;
    const char delimiter = text.front();
    if ((delimiter >= '0' && delimiter <= '9') || delimiter == '\\' || delimiter == 'i') return std::nullopt;
    std::array<std::string, 3> fields;
    std::size_t field = 0;
    for (std::size_t i = 1; i < text.size(); ++i) {
        if (text[i] == '\\' && i + 1 < text.size() && text[i + 1] == delimiter) fields[field] += text[++i];
        else if (text[i] != delimiter) fields[field] += text[i];
        else if (++field == fields.size()) return std::nullopt;
    }
    if (field != 2 || (!fields[2].empty() && fields[2] != "i") || !is_harmless(fields[0])) return std::nullopt;
    return Rule{std::move(fields[0]), std::move(fields[1]), !fields[2].empty()};
}

std::optional<std::string> applied(const Rule& rule, const std::string& number) {
    regex_t compiled;
    if (regcomp(&compiled, rule.pattern.c_str(), REG_EXTENDED | (rule.ignore_case ? REG_ICASE : 0)) != 0) return std::nullopt;
    const std::unique_ptr<regex_t, decltype(&regfree)> owner(&compiled, regfree);
    std::array<regmatch_t, kGroups> groups{};
    if (regexec(&compiled, number.c_str(), groups.size(), groups.data(), 0) != 0) return std::nullopt;
    std::string out;
    for (std::size_t i = 0; i < rule.substitution.size() && out.size() <= kPointerBytes; ++i) {
        const char c = rule.substitution[i];
        if (c != '\\' || i + 1 == rule.substitution.size()) {
            out += c;
            continue;
        }
        const char next = rule.substitution[++i];
        if (next < '0' || next > '9') {
            out += next;
            continue;
        }
        const regmatch_t& group = groups[static_cast<std::size_t>(next - '0')];
        if (group.rm_so >= 0) out.append(number, static_cast<std::size_t>(group.rm_so), static_cast<std::size_t>(group.rm_eo - group.rm_so));
    }
    if (out.size() > kPointerBytes) return std::nullopt;
    return out;
}

int hex_digit(char c) {
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    if (c >= 'A' && c <= 'F') return c - 'A' + 10;
    return -1;
}

/// The mailbox of "mailto:a%2Fb@c?subject=x". Source: RFC 6068 §2.
Result<Address> mailbox_of(std::string_view uri) {
    if (lower(uri.substr(0, kScheme.size())) != kScheme) return fail(Fault::recipient_unknown, "what ENUM leads to is no mail address");
    uri.remove_prefix(kScheme.size());
    uri = uri.substr(0, uri.find('?'));
    std::string text;
    for (std::size_t i = 0; i < uri.size(); ++i) {
        const int high = uri[i] == '%' && i + 2 < uri.size() ? hex_digit(uri[i + 1]) : -1;
        const int low = high >= 0 ? hex_digit(uri[i + 2]) : -1;
        text += low >= 0 ? static_cast<char>(high << 4 | low) : uri[i];
        if (low >= 0) i += 2;
    }
    auto mailbox = parse_mailbox(text);
    if (!mailbox) return fail(Fault::recipient_unknown, "what ENUM leads to is no mail address");
    return mailbox;
}

}   // namespace

std::string enum_name(std::string_view number, std::string_view zone) {
    std::string out;
    for (std::size_t i = number.size(); i-- > 0;)
        if (number[i] >= '0' && number[i] <= '9') out.append(1, number[i]).append(1, '.');
    return out.append(zone);
}

Result<Pointed> follow(std::vector<NamePointer> records, std::string_view number) {
    std::ranges::stable_sort(records, {}, [](const NamePointer& record) { return std::pair(record.order, record.preference); });
    if (records.size() > kNamePointers) records.resize(kNamePointers);
    Error why{Fault::recipient_unknown, 0, "ENUM knows the number, but no MMS environment of it"};
    for (const NamePointer& record : records) {
        const std::string flags = lower(record.flags);
        if (flags.empty()) {
            // Not the end: another name is to be asked (RFC 6116 §3.2).
            if (!record.replacement.empty() && record.replacement != "." && record.replacement.size() <= kPointerBytes) return Pointed{{}, lower(record.replacement)};
            continue;
        }
        if (flags != "u" || !is_for_mms_by_mail(record.service)) continue;
        const auto rule = rule_of(record.rule);
        if (!rule) {
            why.rule = "a rule of ENUM is not understood";
            continue;
        }
        const auto uri = applied(*rule, std::string(number));
        if (!uri) {
            why.rule = "a rule of ENUM does not fit the number";
            continue;
        }
        auto mailbox = mailbox_of(*uri);
        if (mailbox) return Pointed{std::move(*mailbox), {}};
        why = mailbox.error();
    }
    return fail(std::move(why));
}

}   // namespace mmgate
