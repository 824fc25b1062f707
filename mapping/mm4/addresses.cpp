#include "mapping/mm4/addresses.h"

#include <algorithm>
#include <array>

#include "mapping/charset.h"
#include "mapping/limits.h"
#include "mapping/mail/encoded_words.h"
#include "mapping/mail/header_scan.h"
#include "mapping/mm4/values.h"

namespace mmgate::mm4 {

namespace {

using mail::same_name;

constexpr std::size_t kAddrSpecBytes = 254;   // RFC 5321 §4.5.3.1.3 without < >
constexpr std::size_t kNumberDigits = 15;
constexpr std::string_view kType = "/TYPE=", kPlmn = "/TYPE=PLMN", kIpv6 = "/TYPE=IPv6";

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_number(std::string_view text) { return !text.empty() && text.size() <= kNumberDigits && std::ranges::all_of(text, is_digit); }

/// The last place where `word` stands in any case; npos without one.
std::size_t rfind_word(std::string_view text, std::string_view word) {
    for (std::size_t at = text.size(); at-- > 0;)
        if (same_name(text.substr(at, word.size()), word)) return at;
    return std::string_view::npos;
}

bool is_one_of(const std::vector<std::string>& domains, std::string_view domain) {
    return std::ranges::any_of(domains, [&](const std::string& one) { return same_name(one, domain); });
}

auto bad(std::string rule) { return fail(Fault::recipient_syntax, std::move(rule)); }

/// A number with or without + as the peer's country rule reads it.
Result<Address> address_of_number(std::string_view number, const DecodeOptions& options) {
    const bool plus = number.starts_with('+');
    if (!is_number(number.substr(plus ? 1 : 0))) return bad("the number is not 1 to 15 digits");
    if (plus) return Address{Address::Kind::phone, std::string(number), {}};
    if (!options.numbering.country_code.empty())
        if (Result<std::string> e164 = to_e164(options.numbering, number)) return Address{Address::Kind::phone, *std::move(e164), {}};
    return Address{Address::Kind::short_code, std::string(number), {}};
}

/// A text with /TYPE= in it. What is no number is read as MM1 reads it.
Result<Address> address_of_typed(std::string_view local, const DecodeOptions& options) {
    if (local.find('@') != std::string_view::npos) return bad("the address has two domains");
    const std::size_t at = rfind_word(local, kType);
    if (same_name(local.substr(at), kPlmn)) return address_of_number(local.substr(0, at), options);
    return parse_mms_address(local);
}

/// The text inside < > and the name in front; the whole text where there are no brackets.
struct Named {
    std::string name;
    std::string_view address;
};
Result<Named> without_name(std::string_view text) {
    if (!text.ends_with('>')) return Named{{}, text};
    const std::size_t open = text.rfind('<');
    if (open == std::string_view::npos) return bad("the address ends in > without a <");
    std::string_view written = trimmed(text.substr(0, open));
    std::optional<std::string> plain = unquoted(written);
    std::string name = mail::decode_encoded_words(plain ? *plain : std::string(written));
    return Named{header_text(to_utf8(name, {}), kLimits.mms_address_bytes), trimmed(text.substr(open + 1, text.size() - open - 2))};
}

std::string domain_text(std::string_view domain) {
    Result<Address> canonical = parse_mailbox("x@" + std::string(domain));
    return canonical ? std::string(domain_part(*canonical)) : std::string();
}

}   // namespace

Result<std::vector<std::string>> split_addresses(std::string_view list) {
    std::vector<std::string> out;
    std::string item;
    std::size_t group_name = std::string::npos;   // where the first colon outside of quotes and < > stands in the item
    auto end_item = [&] {
        if (group_name != std::string::npos && rfind_word(item, kIpv6) == std::string_view::npos) item.erase(0, group_name + 1);
        std::string_view text = trimmed(item);
        if (!text.empty()) out.emplace_back(text);
        item.clear();
        group_name = std::string::npos;
    };
    bool quoted = false, angle = false;
    std::size_t comments = 0;
    for (std::size_t i = 0; i < list.size(); ++i) {
        const char c = list[i];
        if (c == '\\' && (quoted || comments > 0) && i + 1 < list.size()) {
            if (comments == 0) item.append(list.substr(i, 2));
            ++i;
        } else if (comments > 0) {
            if (c == '(') ++comments;
            if (c == ')') --comments;
        } else if (quoted) {
            quoted = c != '"';
            item += c;
        } else if (c == '(') {
            ++comments;
        } else if ((c == ',' || c == ';') && !angle) {
            end_item();
            if (out.size() > kLimits.header_addresses) break;
        } else {
            if (c == '"') quoted = true;
            if (c == '<' || c == '>') angle = c == '<';
            if (c == ':' && !angle && group_name == std::string::npos) group_name = item.size();
            item += c;
        }
    }
    end_item();
    if (out.size() > kLimits.header_addresses) return fail(Fault::too_large, "an address field has more than 1000 addresses");
    return out;
}

Result<Mm4Address> parse_mm4_address(std::string_view text, const DecodeOptions& options) {
    if (std::ranges::any_of(text, [](char c) { return static_cast<unsigned char>(c) < ' ' || c == 0x7F; })) return bad("the address holds a control character");
    Result<Named> named = without_name(trimmed(text));
    if (!named) return fail(named.error());
    std::string whole(named->address);
    if (std::optional<std::string> inner = unquoted(whole)) whole = *std::move(inner);   // "the whole address in quotes"
    if (whole.empty()) return bad("the address is empty");
    if (whole.size() > kAddrSpecBytes) return bad("the address is longer than 254 octets");
    if (!is_ascii(whole)) return bad("the address is not ASCII");   // SMTPUTF8 is not spoken between relays

    const std::size_t at = whole.rfind('@');
    std::string local = whole.substr(0, at);
    if (std::optional<std::string> inner = unquoted(local)) local = *std::move(inner);
    const bool typed = rfind_word(local, kType) != std::string_view::npos;
    Mm4Address out;
    if (at != std::string::npos) {
        out.domain = domain_text(std::string_view(whole).substr(at + 1));
        if (out.domain.empty()) return bad("the domain is malformed");
        if (local.size() > kLimits.local_part_bytes) return bad("the local part is longer than 64 octets");
        // A number at a stranger's domain without its type is a mailbox like any other.
        const bool known = is_one_of(options.our_domains, out.domain) || is_one_of(options.peer_domains, out.domain);
        const bool number = is_number(local) || (local.starts_with('+') && is_number(std::string_view(local).substr(1)) && options.dialect.lenient);
        if (!typed && !(known && number)) {
            Result<Address> mailbox = parse_mailbox(whole);
            if (!mailbox) return fail(mailbox.error());
            mailbox->display_name = std::move(named->name);
            return Mm4Address{*std::move(mailbox), {}};
        }
    } else if (!typed && !options.dialect.lenient) {
        return bad("the address has neither a type nor a domain");
    }
    Result<Address> address = typed ? address_of_typed(local, options) : address_of_number(local, options);
    if (!address) return fail(address.error());
    out.address = *std::move(address);
    out.address.display_name = std::move(named->name);
    return out;
}

std::string to_mm4_text(const Address& address, std::string_view domain) {
    std::string local;
    std::string_view digits = address.value;
    if (digits.starts_with('+')) digits.remove_prefix(1);
    switch (address.kind) {
        case Address::Kind::mailbox: break;
        case Address::Kind::phone:
            if (!is_number(digits)) return {};
            local = address.value + std::string(kPlmn);
            break;
        case Address::Kind::short_code: local = is_number(address.value) ? address.value + std::string(kPlmn) : address.value; break;
        case Address::Kind::ipv4:
        case Address::Kind::ipv6:
        case Address::Kind::other: local = to_mms_text(address); break;
    }
    std::string out = local;
    if (address.kind == Address::Kind::mailbox || !domain.empty()) {
        Address mailbox = address.kind == Address::Kind::mailbox ? address : Address{Address::Kind::mailbox, local + "@" + std::string(domain), {}};
        if (local_part(mailbox).empty() || local_part(mailbox).size() > kLimits.local_part_bytes || !is_domain_or_literal(domain_part(mailbox))) return {};
        out = to_mail_text(mailbox);
    }
    const bool sayable = !out.empty() && out.size() <= kAddrSpecBytes && std::ranges::all_of(out, [](char c) { return c >= ' ' && c < 0x7F; });
    return sayable ? out : std::string();
}

Result<std::string> parse_system_address(std::string_view text, const Dialect& dialect) {
    constexpr std::string_view kSystem = "system=";
    text = trimmed(text);
    if (dialect.lenient && same_name(text.substr(0, kSystem.size()), kSystem)) {
        std::string_view host = text.substr(kSystem.size());
        host = trimmed(host.substr(0, host.find(';')));
        std::string domain = domain_text(host);
        if (domain.empty() || domain.front() == '[') return fail(Fault::malformed, "the host of the system address is malformed");
        return std::string(kSystemUser) + "@" + domain;
    }
    Result<Named> named = without_name(text);
    if (!named) return fail(Fault::malformed, named.error().rule);
    std::string whole(named->address);
    if (std::optional<std::string> inner = unquoted(whole)) whole = trimmed(*inner);
    if (whole.size() > 2 && whole.front() == '<' && whole.back() == '>') whole = whole.substr(1, whole.size() - 2);
    if (!is_ascii(whole)) return fail(Fault::malformed, "the address is not ASCII");
    Result<Address> mailbox = parse_mailbox(whole);
    if (!mailbox) return fail(Fault::malformed, mailbox.error().rule);
    return mailbox->value;
}

}   // namespace mmgate::mm4
