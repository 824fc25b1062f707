#include "mapping/address.h"

#include <idn2.h>

#include <algorithm>
#include <array>
#include <memory>

#include "mapping/charset.h"
#include "mapping/limits.h"

namespace mmgate {

namespace {

constexpr std::size_t kE164MinDigits = 7;
constexpr std::size_t kE164MaxDigits = 15;

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_alpha(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }
bool is_control(char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7F; }
bool is_separator(char c) { return c == '-' || c == '.' || c == '(' || c == ')' || c == ' '; }

bool equal_ignoring_case(std::string_view a, std::string_view b) { return std::ranges::equal(a, b, {}, lower, lower); }
bool starts_ignoring_case(std::string_view text, std::string_view prefix) {
    return text.size() >= prefix.size() && equal_ignoring_case(text.substr(0, prefix.size()), prefix);
}

std::string_view trimmed(std::string_view text) {
    while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
    while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
    return text;
}

// RFC 5322 §3.2.3
bool is_atext(char c) {
    return is_digit(c) || is_alpha(c) || static_cast<unsigned char>(c) >= 0x80 || std::string_view("!#$%&'*+-/=?^_`{|}~").find(c) != std::string_view::npos;
}

bool is_dot_string(std::string_view text) {
    if (text.empty() || text.front() == '.' || text.back() == '.' || text.find("..") != std::string_view::npos) return false;
    return std::ranges::all_of(text, [](char c) { return c == '.' || is_atext(c); });
}

/// "+" and digits of a written number, separators dropped; nothing when anything else is in it.
std::string digits_of(std::string_view written) {
    std::string out;
    for (char c : written) {
        if (is_digit(c) || (c == '+' && out.empty())) out += c;
        else if (!is_separator(c)) return {};
    }
    return out == "+" ? std::string() : out;
}

struct Idn2Free {
    void operator()(char* text) const noexcept { idn2_free(text); }
};

/// A domain in A-labels and lower case. Source: RFC 5891; RFC 1123 §2.1 for the letters.
Result<std::string> canonical_domain(std::string_view domain) {
    auto bad = [](std::string rule) { return fail(Fault::recipient_syntax, std::move(rule)); };
    if (domain.empty()) return bad("domain is empty");
    if (domain.size() > kLimits.domain_bytes) return bad("domain is longer than 255 octets");
    if (domain.front() == '[') {
        if (!is_domain_or_literal(domain)) return bad("address literal is malformed");
        std::string out(domain);
        std::ranges::transform(out, out.begin(), lower);
        return out;
    }
    std::string out;
    if (is_ascii(domain)) {
        out.assign(domain);
    } else {
        char* raw = nullptr;
        std::string text(domain);
        if (!is_utf8(text) || idn2_to_ascii_8z(text.c_str(), &raw, IDN2_NONTRANSITIONAL | IDN2_NFC_INPUT) != IDN2_OK) return bad("domain is no internationalised name");
        std::unique_ptr<char, Idn2Free> held(raw);
        out = raw;
    }
    std::ranges::transform(out, out.begin(), lower);
    if (out.ends_with('.')) out.pop_back();
    // One final dot is the root's; behind another it would be part of the name.
    if (out.ends_with('.') || !is_domain_or_literal(out) || out.front() == '[') return bad("domain is malformed");
    return out;
}

bool is_ipv4(std::string_view text) {
    int parts = 0;
    while (true) {
        std::size_t dot = std::min(text.find('.'), text.size());
        std::string_view part = text.substr(0, dot);
        if (part.empty() || part.size() > 3 || !std::ranges::all_of(part, is_digit)) return false;
        int value = 0;
        for (char c : part) value = value * 10 + (c - '0');
        if (value > 255) return false;
        ++parts;
        if (dot == text.size()) return parts == 4;
        text.remove_prefix(dot + 1);
    }
}

/// Groups of up to four hexadecimal digits, at most one "::", and possibly IPv4 at the end. Source: RFC 4291 §2.2.
bool is_ipv6(std::string_view text) {
    if (text.size() < 2 || text.size() > 45) return false;
    bool compressed = false;
    int groups = 0;
    if (text.starts_with("::")) {
        compressed = true;
        text.remove_prefix(2);
        if (text.empty()) return true;
    }
    while (true) {
        std::size_t colon = std::min(text.find(':'), text.size());
        std::string_view group = text.substr(0, colon);
        if (colon == text.size() && group.find('.') != std::string_view::npos) {
            if (!is_ipv4(group)) return false;
            groups += 2;
            break;
        }
        if (group.empty() || group.size() > 4 || !std::ranges::all_of(group, [](char c) { return is_digit(c) || (lower(c) >= 'a' && lower(c) <= 'f'); })) return false;
        ++groups;
        if (colon == text.size()) break;
        text.remove_prefix(colon + 1);
        if (text.starts_with(':')) {
            if (compressed) return false;
            compressed = true;
            text.remove_prefix(1);
            if (text.empty()) break;
        } else if (text.empty()) {
            return false;
        }
    }
    return compressed ? groups < 8 : groups == 8;
}

/// The text between the quotes of a quoted-string, quoted-pairs undone; nothing when it is not one whole quoted-string.
std::optional<std::string> unquoted(std::string_view text) {
    if (text.size() < 2 || text.front() != '"' || text.back() != '"') return std::nullopt;
    std::string out;
    text = text.substr(1, text.size() - 2);
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] == '"' || is_control(text[i])) return std::nullopt;
        if (text[i] == '\\' && (++i == text.size() || is_control(text[i]))) return std::nullopt;
        out += text[i];
    }
    return out;
}

std::string_view without_quotes(std::string_view text) {
    if (text.size() >= 2 && text.front() == '"' && text.back() == '"') return text.substr(1, text.size() - 2);
    return text;
}

}   // namespace

bool is_domain_or_literal(std::string_view domain) {
    if (domain.empty() || domain.size() > kLimits.domain_bytes) return false;
    if (domain.front() == '[') {
        if (domain.back() != ']' || domain.size() < 3) return false;
        std::string_view inner = domain.substr(1, domain.size() - 2);
        if (starts_ignoring_case(inner, "IPv6:")) return is_ipv6(inner.substr(5));
        return is_ipv4(inner);
    }
    if (domain.ends_with('.')) domain.remove_suffix(1);
    while (true) {
        std::size_t dot = std::min(domain.find('.'), domain.size());
        std::string_view label = domain.substr(0, dot);
        // An underscore is no host name, but greetings and internal names have it.
        if (label.empty() || label.size() > 63 || label.front() == '-' || label.back() == '-' ||
            !std::ranges::all_of(label, [](char c) { return is_digit(c) || is_alpha(c) || c == '-' || c == '_'; }))
            return false;
        if (dot == domain.size()) return true;
        domain.remove_prefix(dot + 1);
    }
}

Result<Address> parse_mailbox(std::string_view path) {
    auto bad = [](std::string rule) { return fail(Fault::recipient_syntax, std::move(rule)); };
    if (path.size() > kLimits.path_bytes) return bad("address is too long");
    if (std::ranges::any_of(path, is_control)) return bad("address holds a control character");
    // RFC 5321 §4.1.1.3, appendix C: a source route is accepted and ignored.
    if (path.starts_with('@')) {
        std::size_t colon = path.find(':');
        if (colon == std::string_view::npos) return bad("source route without an address");
        std::string_view route = path.substr(0, colon);
        while (!route.empty()) {
            std::size_t comma = std::min(route.find(','), route.size());
            std::string_view hop = route.substr(0, comma);
            if (!hop.starts_with('@') || !is_domain_or_literal(hop.substr(1))) return bad("source route is malformed");
            route.remove_prefix(std::min(comma + 1, route.size()));
        }
        path.remove_prefix(colon + 1);
    }
    std::size_t at = path.rfind('@');
    if (at == std::string_view::npos) return bad("address has no domain");
    std::string_view written = path.substr(0, at);
    std::string local;
    if (written.starts_with('"')) {
        auto plain = unquoted(written);
        if (!plain) return bad("quoted local part is malformed");
        local = std::move(*plain);
    } else {
        if (!is_dot_string(written)) return bad("local part is malformed");
        local.assign(written);
    }
    if (local.empty()) return bad("local part is empty");
    if (local.size() > kLimits.local_part_bytes) return bad("local part is longer than 64 octets");
    if (!is_utf8(local)) return bad("local part is neither ASCII nor UTF-8");
    auto domain = canonical_domain(path.substr(at + 1));
    if (!domain) return fail(domain.error());
    return Address{Address::Kind::mailbox, local + "@" + *domain, {}};
}

Result<Address> parse_mms_address(std::string_view text) {
    auto bad = [](std::string rule) { return fail(Fault::recipient_syntax, std::move(rule)); };
    if (text.size() > kLimits.mms_address_bytes) return bad("address is longer than 312 octets");
    if (std::ranges::any_of(text, is_control)) return bad("address holds a control character");
    text = trimmed(text);
    Address out;
    if (text.ends_with('>')) {
        std::size_t open = text.rfind('<');
        if (open == std::string_view::npos) return bad("address ends in > without a <");
        std::string_view name = trimmed(text.substr(0, open));
        auto plain = unquoted(name);
        out.display_name = header_text(to_utf8(plain ? *plain : std::string(name), {}), kLimits.mms_address_bytes);
        text = trimmed(text.substr(open + 1, text.size() - open - 2));
    }
    if (text.empty()) return bad("address is empty");

    // The type stands behind the last "/TYPE=", so that a local part may hold slashes.
    constexpr std::string_view kType = "/TYPE=";
    for (std::size_t at = text.size(); at-- > 0;) {
        if (!starts_ignoring_case(text.substr(at), kType)) continue;
        std::string_view type = text.substr(at + kType.size());
        if (type.find('@') != std::string_view::npos) break;   // "+44…/TYPE=PLMN@domain" is a mailbox
        std::string_view value = text.substr(0, at);
        if (equal_ignoring_case(type, "PLMN")) {
            out.kind = Address::Kind::phone;
            out.value = digits_of(value);
            if (out.value.empty()) return bad("a PLMN address is not a number");
        } else if (equal_ignoring_case(type, "IPv4")) {
            if (!is_ipv4(value)) return bad("an IPv4 address is malformed");
            out.kind = Address::Kind::ipv4;
            out.value.assign(value);
        } else if (equal_ignoring_case(type, "IPv6")) {
            if (!is_ipv6(value)) return bad("an IPv6 address is malformed");
            out.kind = Address::Kind::ipv6;
            out.value.assign(value);
        } else {
            if (value.empty() || type.empty() || !std::ranges::all_of(type, [](char c) { return is_digit(c) || is_alpha(c) || c == '_'; }) || !is_utf8(value))
                return bad("the address type is malformed");
            out.kind = Address::Kind::other;
            out.value.assign(text);
        }
        return out;
    }
    if (text.find('@') != std::string_view::npos) {
        auto mailbox = parse_mailbox(text);
        if (!mailbox) return mailbox;
        out.kind = Address::Kind::mailbox;
        out.value = std::move(mailbox->value);
        return out;
    }
    // Old handsets leave the type away: what looks like a whole number is one, what is shorter is a short code.
    std::string digits = digits_of(text);
    const std::size_t count = digits.size() - (digits.starts_with('+') ? 1 : 0);
    if (!digits.empty() && (count >= kE164MinDigits || digits.starts_with('+'))) {
        out.kind = Address::Kind::phone;
        out.value = std::move(digits);
        return out;
    }
    std::string_view code = text;
    if (code.starts_with('+') || code.starts_with('*') || code.starts_with('#')) code.remove_prefix(1);
    const bool numeric = !code.empty() && std::ranges::all_of(code, [](char c) { return is_digit(c) || c == '*' || c == '#'; });
    const bool alphanumeric = std::ranges::all_of(text, [](char c) { return is_digit(c) || is_alpha(c); });
    if (!numeric && !alphanumeric) return bad("neither a number, a mailbox nor a short code");
    out.kind = Address::Kind::short_code;
    out.value.assign(text);
    return out;
}

std::string to_mms_text(const Address& address) {
    switch (address.kind) {
        case Address::Kind::phone: return address.value + "/TYPE=PLMN";
        case Address::Kind::ipv4: return address.value + "/TYPE=IPv4";
        case Address::Kind::ipv6: return address.value + "/TYPE=IPv6";
        case Address::Kind::mailbox: return to_mail_text(address);
        case Address::Kind::short_code:
        case Address::Kind::other: return address.value;
    }
    return address.value;
}

std::string_view local_part(const Address& mailbox) {
    if (mailbox.kind != Address::Kind::mailbox) return {};
    std::string_view value = mailbox.value;
    return value.substr(0, std::min(value.rfind('@'), value.size()));
}

std::string_view domain_part(const Address& mailbox) {
    if (mailbox.kind != Address::Kind::mailbox) return {};
    std::string_view value = mailbox.value;
    std::size_t at = value.rfind('@');
    return at == std::string_view::npos ? std::string_view() : value.substr(at + 1);
}

Result<std::string> to_e164(const NumberingPlan& plan, std::string_view written) {
    auto bad = [](std::string rule) { return fail(Fault::recipient_unknown, std::move(rule)); };
    std::string digits = digits_of(trimmed(written));
    if (digits.empty()) return bad("not a phone number");
    std::string number;
    auto replaced = [&](std::string_view prefix, std::string_view by) {
        if (prefix.empty() || !digits.starts_with(prefix)) return false;
        number = "+" + std::string(by) + digits.substr(prefix.size());
        return true;
    };
    if (digits.starts_with('+')) number = digits;
    else if (!replaced(plan.international_prefix, "") && !replaced(plan.trunk_prefix, plan.country_code) && !replaced(plan.country_code, plan.country_code))
        return bad("a number without country code or trunk prefix");
    const std::size_t count = number.size() - 1;
    if (count < kE164MinDigits || count > kE164MaxDigits || number[1] == '0') return bad("not an E.164 number of 7 to 15 digits");
    return number;
}

Result<std::string> number_of_local_part(const NumberingPlan& plan, std::string_view local_part) {
    std::string_view text = without_quotes(local_part);
    for (std::string_view selector : {std::string_view("MMS="), std::string_view("SMS=")})
        if (starts_ignoring_case(text, selector)) {
            text.remove_prefix(selector.size());
            break;
        }
    constexpr std::string_view kPlmn = "/TYPE=PLMN";
    if (text.size() > kPlmn.size() && equal_ignoring_case(text.substr(text.size() - kPlmn.size()), kPlmn)) text.remove_suffix(kPlmn.size());
    return to_e164(plan, text);
}

std::string to_mail_text(const Address& mailbox) {
    std::string_view local = local_part(mailbox);
    std::string_view domain = domain_part(mailbox);
    if (is_dot_string(local)) return std::string(local) + "@" + std::string(domain);
    std::string out = "\"";
    for (char c : local) {
        if (c == '"' || c == '\\') out += '\\';
        out += c;
    }
    return out + "\"@" + std::string(domain);
}

}   // namespace mmgate
