#include "daemon/smtp/command.h"

#include <algorithm>
#include <array>
#include <limits>

#include "mapping/charset.h"
#include "mapping/limits.h"

namespace mmgate::smtp {

namespace {

constexpr std::size_t kEnvelopeIdBytes = 100;          // RFC 3461 §4.4, as xtext
constexpr std::size_t kOriginalRecipientBytes = 500;   // RFC 3461 §4.2, as xtext
constexpr std::size_t kSizeDigits = 20;                // RFC 1870 §4

constexpr char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }
constexpr bool is_digit(char c) { return c >= '0' && c <= '9'; }
constexpr bool is_alnum(char c) { return is_digit(c) || (lower(c) >= 'a' && lower(c) <= 'z'); }
constexpr bool is_control(char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7F; }

bool same_word(std::string_view a, std::string_view b) { return std::ranges::equal(a, b, {}, lower, lower); }
bool begins_with_word(std::string_view text, std::string_view word) { return text.size() >= word.size() && same_word(text.substr(0, word.size()), word); }

void skip_spaces(std::string_view& text) { text.remove_prefix(std::min(text.find_first_not_of(' '), text.size())); }

std::optional<std::uint64_t> number(std::string_view digits) {
    if (digits.empty() || digits.size() > kSizeDigits || !std::ranges::all_of(digits, is_digit)) return std::nullopt;
    std::uint64_t value = 0;
    for (char c : digits) {
        const auto digit = static_cast<std::uint64_t>(c - '0');
        if (value > (std::numeric_limits<std::uint64_t>::max() - digit) / 10) return std::numeric_limits<std::uint64_t>::max();
        value = value * 10 + digit;
    }
    return value;
}

// ------------------------------------------------------------------------------------------------------------------ parameters of MAIL and RCPT

// What is wrong with a value; nothing when it was read.
using Problem = std::optional<ReplyId>;

template <class Target>
struct ParameterSpec {
    std::string_view keyword;
    Problem (*read)(std::string_view value, Target& into);
};

Problem read_size(std::string_view value, MailFrom& into) {
    auto size = number(value);
    if (!size) return ReplyId::bad_parameter;
    into.size_bytes = *size;
    return std::nullopt;
}

Problem read_body(std::string_view value, MailFrom&) {
    // Undeclared octets beyond ASCII are taken as well, so that the word changes nothing here.
    if (same_word(value, "7BIT") || same_word(value, "8BITMIME")) return std::nullopt;
    return same_word(value, "BINARYMIME") ? ReplyId::unknown_parameter : ReplyId::bad_parameter;
}

Problem read_ret(std::string_view value, MailFrom& into) {
    into.return_full = same_word(value, "FULL");
    return into.return_full || same_word(value, "HDRS") ? Problem() : ReplyId::bad_parameter;
}

Problem read_envid(std::string_view value, MailFrom& into) {
    auto id = from_xtext(value);
    if (!id || id->empty() || value.size() > kEnvelopeIdBytes) return ReplyId::bad_parameter;
    into.envelope_id = std::move(*id);
    return std::nullopt;
}

Problem read_notify(std::string_view value, RcptTo& into) {
    into.notify = {.never = false, .success = false, .failure = false, .delay = false};
    if (same_word(value, "NEVER")) {
        into.notify.never = true;
        return std::nullopt;
    }
    while (true) {
        const std::size_t comma = std::min(value.find(','), value.size());
        const std::string_view word = value.substr(0, comma);
        if (same_word(word, "SUCCESS")) into.notify.success = true;
        else if (same_word(word, "FAILURE")) into.notify.failure = true;
        else if (same_word(word, "DELAY")) into.notify.delay = true;
        else return ReplyId::bad_parameter;
        if (comma == value.size()) return std::nullopt;
        value.remove_prefix(comma + 1);
    }
}

Problem read_orcpt(std::string_view value, RcptTo& into) {
    const std::size_t semicolon = value.find(';');
    if (semicolon == std::string_view::npos || value.size() > kOriginalRecipientBytes) return ReplyId::bad_parameter;
    const std::string_view type = value.substr(0, semicolon);
    auto address = from_xtext(value.substr(semicolon + 1));
    const bool type_is_word = !type.empty() && std::ranges::all_of(type, [](char c) { return is_alnum(c) || c == '-'; });
    if (!type_is_word || !address || address->empty()) return ReplyId::bad_parameter;
    into.original_recipient = std::string(type) + ";" + *address;
    return std::nullopt;
}

constexpr auto kMailParameters = std::to_array<ParameterSpec<MailFrom>>({
    {"SIZE", read_size},     // RFC 1870
    {"BODY", read_body},     // RFC 6152
    {"RET", read_ret},       // RFC 3461 §4.3
    {"ENVID", read_envid},   // RFC 3461 §4.4
});
constexpr auto kRcptParameters = std::to_array<ParameterSpec<RcptTo>>({
    {"NOTIFY", read_notify},   // RFC 3461 §4.1
    {"ORCPT", read_orcpt},     // RFC 3461 §4.2
});

// RFC 5321 §4.1.2: esmtp-keyword, esmtp-value.
bool is_keyword(std::string_view text) {
    return !text.empty() && is_alnum(text.front()) && std::ranges::all_of(text, [](char c) { return is_alnum(c) || c == '-'; });
}
bool is_value(std::string_view text) {
    return !text.empty() && std::ranges::all_of(text, [](char c) { return c > ' ' && c <= '~' && c != '='; });
}

/// Reads all of `text`, which stands behind the path.
template <class Target, std::size_t count>
Problem read_parameters(std::string_view text, const std::array<ParameterSpec<Target>, count>& table, Target& into) {
    std::array<bool, count> seen{};
    Problem unknown;   // told only when the others are well formed: it says that we lack something
    for (skip_spaces(text); !text.empty(); skip_spaces(text)) {
        into.has_parameters = true;
        const std::string_view one = text.substr(0, std::min(text.find(' '), text.size()));
        text.remove_prefix(one.size());
        const std::size_t equals = one.find('=');
        const std::string_view keyword = one.substr(0, std::min(equals, one.size()));
        const std::string_view value = equals == std::string_view::npos ? std::string_view() : one.substr(equals + 1);
        if (!is_keyword(keyword) || (equals != std::string_view::npos && !is_value(value))) return ReplyId::bad_parameter;
        const auto row = std::ranges::find_if(table, [&](const auto& spec) { return same_word(spec.keyword, keyword); });
        if (row == table.end()) {
            unknown = ReplyId::unknown_parameter;
            continue;
        }
        bool& given = seen[static_cast<std::size_t>(row - table.begin())];
        if (given) return ReplyId::repeated_parameter;
        given = true;
        if (equals == std::string_view::npos) return ReplyId::bad_parameter;   // all of ours need a value
        if (Problem problem = row->read(value, into)) return problem;
    }
    return unknown;
}

// ----------------------------------------------------------------------------------------------------------------------------------- arguments

struct PathAndRest {
    std::string_view path;   // without < >
    std::string_view rest;
};

/// Splits "FROM:<path> rest"; nothing when it is not of this form.
std::optional<PathAndRest> split_path(std::string_view argument, std::string_view keyword) {
    if (!begins_with_word(argument, keyword)) return std::nullopt;
    argument.remove_prefix(keyword.size());
    if (!argument.starts_with('<')) return std::nullopt;
    bool quoted = false;
    for (std::size_t i = 1; i < argument.size(); ++i) {
        const char c = argument[i];
        if (quoted && c == '\\') ++i;
        else if (c == '"') quoted = !quoted;
        else if (c == '>' && !quoted) {
            PathAndRest out{argument.substr(1, i - 1), argument.substr(i + 1)};
            if (!out.rest.empty() && out.rest.front() != ' ') return std::nullopt;
            return out;
        }
    }
    return std::nullopt;
}

/// What is wrong with octets beyond ASCII. Source: RFC 6531 §3.5.
Problem ascii_problem(std::string_view path, std::string_view rest) {
    if (!is_ascii(rest) || !is_utf8(path)) return ReplyId::eight_bit_command;
    if (!is_ascii(path)) return ReplyId::non_ascii_address;
    return std::nullopt;
}

Command parse_mail(std::string_view argument) {
    auto split = split_path(argument, "FROM:");
    if (!split) return Refused{ReplyId::bad_path};
    if (Problem problem = ascii_problem(split->path, split->rest)) return Refused{*problem};
    MailFrom out;
    if (!split->path.empty()) {
        if (split->path.find('@') == std::string_view::npos) return Refused{ReplyId::sender_unqualified};
        auto sender = parse_mailbox(split->path);
        if (!sender) return BadAddress{{Fault::sender_syntax, 0, std::move(sender.error().rule)}};
        out.sender = std::move(*sender);
    }
    if (Problem problem = read_parameters(split->rest, kMailParameters, out)) return Refused{*problem};
    return out;
}

Command parse_rcpt(std::string_view argument) {
    auto split = split_path(argument, "TO:");
    if (!split) return Refused{ReplyId::bad_path};
    if (Problem problem = ascii_problem(split->path, split->rest)) return Refused{*problem};
    RcptTo out;
    if (same_word(split->path, "postmaster")) {
        out.mailbox = {Address::Kind::mailbox, "postmaster", {}};
    } else {
        auto mailbox = parse_mailbox(split->path);
        if (!mailbox) return BadAddress{{Fault::recipient_syntax, 0, std::move(mailbox.error().rule)}};
        out.mailbox = std::move(*mailbox);
    }
    if (Problem problem = read_parameters(split->rest, kRcptParameters, out)) return Refused{*problem};
    return out;
}

template <Dialect dialect>
Command parse_hello(std::string_view argument) {
    if (argument.empty() || !is_domain_or_literal(argument)) return Refused{ReplyId::bad_hello};
    return Hello{dialect, std::string(argument)};
}

template <class Alone>
Command without_argument(std::string_view argument) {
    if (!argument.empty()) return Refused{ReplyId::argument_not_allowed};
    return Alone{};
}

template <class Any>
Command with_any_argument(std::string_view) { return Any{}; }

Command parse_vrfy(std::string_view argument) {
    if (argument.empty()) return Refused{ReplyId::argument_needed};
    return Vrfy{};
}

Command parse_bdat(std::string_view argument) {
    const std::string_view size = argument.substr(0, std::min(argument.find(' '), argument.size()));
    return Bdat{number(size)};
}

Command parse_auth(std::string_view argument) {
    Auth auth;
    auth.mechanism = argument.substr(0, std::min(argument.find(' '), argument.size()));
    if (auth.mechanism.empty()) return Refused{ReplyId::argument_needed};
    for (char& c : auth.mechanism)
        if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
    argument.remove_prefix(auth.mechanism.size());
    skip_spaces(argument);
    if (argument.find(' ') != std::string_view::npos) return Refused{ReplyId::argument_not_allowed};
    if (!argument.empty()) auth.response = argument;
    return auth;
}

Command not_implemented(std::string_view) { return Refused{ReplyId::not_implemented}; }
Command foreign_protocol(std::string_view) { return Refused{ReplyId::foreign_protocol}; }

// ---------------------------------------------------------------------------------------------------------------------------------------- verbs

struct VerbSpec {
    std::string_view name;
    Command (*parse)(std::string_view argument);
};

// Source: RFC 5321 §4.1.1; RFC 4954; those not offered: RFC 4468, 1985, 821 and what other servers know.
constexpr auto kVerbs = std::to_array<VerbSpec>({
    {"MAIL", parse_mail},
    {"RCPT", parse_rcpt},
    {"DATA", without_argument<Data>},
    {"EHLO", parse_hello<Dialect::esmtp>},
    {"HELO", parse_hello<Dialect::smtp>},
    {"QUIT", without_argument<Quit>},
    {"RSET", without_argument<Rset>},
    {"NOOP", with_any_argument<Noop>},
    {"VRFY", parse_vrfy},
    {"HELP", with_any_argument<Help>},
    {"STARTTLS", without_argument<StartTls>},
    {"BDAT", parse_bdat},
    {"EXPN", not_implemented},
    {"AUTH", parse_auth},
    {"BURL", not_implemented},
    {"ETRN", not_implemented},
    {"TURN", not_implemented},
    {"ATRN", not_implemented},
    {"SEND", not_implemented},
    {"SOML", not_implemented},
    {"SAML", not_implemented},
    {"XCLIENT", not_implemented},
    {"XFORWARD", not_implemented},
    // A web browser, or a program that it was tricked into talking to us through.
    {"GET", foreign_protocol},
    {"POST", foreign_protocol},
    {"PUT", foreign_protocol},
    {"HEAD", foreign_protocol},
    {"CONNECT", foreign_protocol},
    {"OPTIONS", foreign_protocol},
    {"DELETE", foreign_protocol},
    {"PATCH", foreign_protocol},
    {"TRACE", foreign_protocol},
    {"PRI", foreign_protocol},
});

// "Host: example.net": a field of some protocol's header.
bool is_like_a_header(std::string_view verb) {
    return verb.size() > 1 && verb.ends_with(':') && std::ranges::all_of(verb.substr(0, verb.size() - 1), [](char c) { return is_alnum(c) || c == '-'; });
}

}   // namespace

std::optional<std::string> from_xtext(std::string_view text) {
    auto hex = [](char c) { return is_digit(c) ? c - '0' : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                                                                : -1; };
    std::string out;
    out.reserve(text.size());
    for (std::size_t i = 0; i < text.size(); ++i) {
        char c = text[i];
        if (c <= ' ' || c > '~' || c == '=') return std::nullopt;
        if (c == '+') {
            if (i + 2 >= text.size()) return std::nullopt;
            const int high = hex(text[i + 1]), low = hex(text[i + 2]);
            if (high < 0 || low < 0) return std::nullopt;
            c = static_cast<char>(high * 16 + low);
            i += 2;
            if (c < ' ' || c > '~') return std::nullopt;
        }
        out += c;
    }
    return out;
}

ParsedCommand parse_command(std::string_view line) {
    if (std::ranges::any_of(line, is_control)) return {"?", Refused{ReplyId::control_in_command}};
    while (line.ends_with(' ')) line.remove_suffix(1);
    const std::string_view verb = line.substr(0, std::min(line.find(' '), line.size()));
    std::string_view argument = line.substr(verb.size());
    skip_spaces(argument);
    const auto row = std::ranges::find_if(kVerbs, [&](const VerbSpec& spec) { return same_word(spec.name, verb); });
    if (row == kVerbs.end()) {
        if (is_like_a_header(verb)) return {"?", Refused{ReplyId::foreign_protocol}};
        return {"?", Refused{is_ascii(line) ? ReplyId::unknown_command : ReplyId::eight_bit_command}};
    }
    // Octets beyond ASCII in an address have a reply of their own.
    const bool has_path = row->parse == parse_mail || row->parse == parse_rcpt;
    if (!has_path && !is_ascii(line)) return {row->name, Refused{ReplyId::eight_bit_command}};
    return {row->name, row->parse(argument)};
}

}   // namespace mmgate::smtp
