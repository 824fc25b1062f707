#include "mapping/mail/mail_writer.h"

#include <algorithm>
#include <array>
#include <cassert>
#include <cstdio>

#include "mapping/address.h"
#include "mapping/charset.h"
#include "mapping/limits.h"
#include "mapping/mail/plain_text.h"
#include "mapping/mail/transfer_encoding.h"

namespace mmgate::mail {
namespace {

constexpr std::size_t kFoldColumn = 76;   // no line with an encoded word is longer (RFC 2047 §2)
constexpr std::size_t kEncodedWordBytes = 75;
constexpr std::size_t kLongestToken = 900;   // what is longer cannot be folded and is encoded
constexpr std::size_t kSeedBytes = 50;
constexpr std::size_t kParameterSegment = 60;
constexpr std::string_view kHex = "0123456789ABCDEF";
constexpr std::string_view kBase64Word = "=?utf-8?B?";
constexpr std::string_view kQuotedWord = "=?utf-8?Q?";

constexpr bool is_alphanumeric(char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
constexpr bool is_atom_char(char c) { return is_alphanumeric(c) || std::string_view("!#$%&'*+-/=?^_`{|}~").find(c) != std::string_view::npos; }

void append_escape(std::string& out, char mark, char c) {
    auto octet = static_cast<unsigned char>(c);
    out += mark;
    out += kHex[octet >> 4];
    out += kHex[octet & 15];
}

/// The octets of the first character of UTF-8 text.
std::size_t character_bytes(std::string_view text) {
    std::size_t size = 1;
    while (size < text.size() && (static_cast<unsigned char>(text[size]) & 0xC0) == 0x80) ++size;
    return size;
}

/// The Q encoding with the few characters that are safe inside a phrase too. Source: RFC 2047 §5 (3).
std::string q_encoded(std::string_view text) {
    std::string out;
    for (char c : text) {
        if (c == ' ')
            out += '_';
        else if (is_alphanumeric(c) || c == '!' || c == '*' || c == '+' || c == '-' || c == '/')
            out += c;
        else
            append_escape(out, '=', c);
    }
    return out;
}

/// Appends text as encoded words, the first behind `column` characters of the line, each further one on a line of its own. The column after it.
std::size_t append_encoded_words(Octets& out, std::string_view text, std::size_t column) {
    std::size_t beyond = static_cast<std::size_t>(std::count_if(text.begin(), text.end(), [](char c) { return static_cast<unsigned char>(c) >= 0x80; }));
    bool base64 = beyond * 3 > text.size();
    std::size_t frame = kQuotedWord.size() + 2;
    bool first = true;
    while (!text.empty() || first) {
        if (!first || column + frame + 12 > kFoldColumn) {
            out += "\r\n ";
            column = 1;
        }
        first = false;
        std::size_t room = std::min(kEncodedWordBytes, kFoldColumn - column) - frame;
        std::size_t taken = 0, used = 0;
        while (taken < text.size()) {
            std::size_t bytes = character_bytes(text.substr(taken));
            std::size_t cost = base64 ? (taken + bytes + 2) / 3 * 4 : used + q_encoded(text.substr(taken, bytes)).size();
            if (cost > room && taken > 0) break;
            used = cost;
            taken += bytes;
            if (cost > room) break;   // malformed: a run of continuation octets
        }
        std::string_view piece = text.substr(0, taken);
        std::string word = base64 ? std::string(kBase64Word) + base64_text(piece) + "?=" : std::string(kQuotedWord) + q_encoded(piece) + "?=";
        out += word;
        column += word.size();
        text.remove_prefix(taken);
    }
    return column;
}

/// Appends ASCII text folded before spaces, so that unfolding gives back the same text. The column after it.
std::size_t append_folded(Octets& out, std::string_view text, std::size_t column) {
    while (!text.empty()) {
        std::size_t word = std::min(text.find_first_not_of(' '), text.size());
        std::size_t end = std::min(text.find(' ', word), text.size());
        std::string_view token = text.substr(0, end);
        if (column + token.size() > kFoldColumn && token.starts_with(' ') && token.find_first_not_of(' ') != std::string_view::npos) {
            out += "\r\n";
            column = 0;
        }
        out += token;
        column += token.size();
        text.remove_prefix(end);
    }
    return column;
}

bool has_long_token(std::string_view text) {
    for (std::size_t at = 0; at < text.size();) {
        std::size_t end = std::min(text.find(' ', at), text.size());
        if (end - at > kLongestToken) return true;
        at = end + 1;
    }
    return false;
}

/// One line of ASCII: for values that have no way to say more.
std::string ascii_line(std::string_view text) {
    std::string out = header_text(text, text.size() * 3 + 3);
    std::string ascii;
    for (std::size_t i = 0; i < out.size();) {
        std::size_t bytes = character_bytes(std::string_view(out).substr(i));
        ascii += static_cast<unsigned char>(out[i]) < 0x80 ? out[i] : '?';
        i += bytes;
    }
    return ascii;
}

std::string quoted(std::string_view ascii) {
    std::string out = "\"";
    for (char c : ascii) {
        if (c == '"' || c == '\\') out += '\\';
        out += c;
    }
    return out + "\"";
}

/// Source: RFC 5322 §2.2. MM4 has a field with a slash in its name.
bool is_header_name(std::string_view name) {
    return !name.empty() && std::all_of(name.begin(), name.end(), [](char c) { return c > ' ' && c < 0x7F && c != ':'; });
}

/// A parameter beyond ASCII: an ASCII form for old readers, then the segments of the true one. Source: RFC 2231 §3, §4.
void append_extended_parameter(Octets& out, std::string_view name, std::string_view value) {
    out.append(";\r\n\t").append(name).append("=").append(quoted(ascii_line(value)));
    std::string encoded = "utf-8''";
    std::vector<std::string> segments;
    for (std::size_t i = 0; i < value.size();) {
        std::size_t bytes = character_bytes(value.substr(i));
        std::string piece;
        for (char c : value.substr(i, bytes)) {
            if (is_alphanumeric(c) || c == '-' || c == '.' || c == '_')
                piece += c;
            else
                append_escape(piece, '%', c);
        }
        if (encoded.size() + piece.size() > kParameterSegment) {
            segments.push_back(std::move(encoded));
            encoded.clear();
        }
        encoded += piece;
        i += bytes;
    }
    segments.push_back(std::move(encoded));
    for (std::size_t i = 0; i < segments.size(); ++i) {
        out.append(";\r\n\t").append(name).append("*");
        if (segments.size() > 1) out.append(std::to_string(i)).append("*");
        out.append("=").append(segments[i]);
    }
}

/// Whether the text may travel as it is: short ASCII lines that no hop has a reason to touch.
bool is_safe_as_it_is(std::string_view crlf_text) {
    if (crlf_text.find("=_") != std::string_view::npos) return false;
    std::size_t line = 0;
    for (std::size_t i = 0; i < crlf_text.size(); ++i) {
        char c = crlf_text[i];
        if (c == '\r') {
            if (i + 1 == crlf_text.size() || crlf_text[i + 1] != '\n') return false;
            if (i > line && (crlf_text[i - 1] == ' ' || crlf_text[i - 1] == '\t')) return false;
            line = i + 2;
            ++i;
            continue;
        }
        if ((static_cast<unsigned char>(c) < ' ' && c != '\t') || static_cast<unsigned char>(c) >= 0x7F) return false;
        if (i == line && (c == '.' || crlf_text.substr(i).starts_with("From "))) return false;
        if (i - line >= kFoldColumn) return false;
    }
    return crlf_text.empty() || (crlf_text.back() != ' ' && crlf_text.back() != '\t');
}

}   // namespace

void write_text_field(Octets& out, std::string_view name, std::string_view text) {
    assert(is_header_name(name));
    std::string line = header_text(text, text.size() * 3 + 3);
    out.append(name).append(": ");
    bool plain = is_ascii(line) && line.find("=?") == std::string::npos && !has_long_token(line);
    if (plain)
        append_folded(out, line, name.size() + 2);
    else
        append_encoded_words(out, line, name.size() + 2);
    out += "\r\n";
}

void write_field(Octets& out, std::string_view name, std::string_view value) {
    assert(is_header_name(name));
    out.append(name).append(": ");
    std::string line = ascii_line(value);
    // A token that cannot be folded would break the limit on lines; cut in pieces it is at least readable.
    if (has_long_token(line))
        for (std::size_t at = kLongestToken; at < line.size(); at += kLongestToken + 1) line.insert(at, " ");
    append_folded(out, line, name.size() + 2);
    out += "\r\n";
}

bool write_address_field(Octets& out, std::string_view name, const std::vector<Address>& mailboxes) {
    assert(is_header_name(name));
    bool written = false;
    std::size_t column = 0;
    for (const Address& mailbox : mailboxes) {
        std::string address = to_mail_text(mailbox);
        bool sayable = std::all_of(address.begin(), address.end(), [](char c) { return c >= ' ' && c < 0x7F; });
        if (!sayable || address.size() > kLongestToken || !is_domain_or_literal(domain_part(mailbox))) continue;
        Octets one;
        std::string display = header_text(mailbox.display_name, kLimits.mms_address_bytes);
        if (!display.empty()) {
            bool atoms = std::all_of(display.begin(), display.end(), [](char c) { return c == ' ' || is_atom_char(c); });
            if (!is_ascii(display) || display.find("=?") != std::string::npos) {
                append_encoded_words(one, display, name.size() + 2);
            } else if (atoms) {
                one += display;
            } else {
                one += quoted(display);
            }
            address = "<" + address + ">";
            std::size_t last_line = one.rfind('\n') == Octets::npos ? name.size() + 2 + one.size() : one.size() - one.rfind('\n') - 1;
            one += last_line + 1 + address.size() > kFoldColumn ? "\r\n " : " ";
        }
        one += address;
        if (!written) {
            out.append(name).append(": ");
            column = name.size() + 2;
        } else {
            out += ",";
            bool fold = column + one.size() + 2 > kFoldColumn;
            out += fold ? "\r\n " : " ";
            column = fold ? 1 : column + 2;
        }
        out += one;
        column += one.size();
        written = true;
    }
    if (written) out += "\r\n";
    return written;
}

void write_parameter_field(Octets& out, std::string_view name, std::string_view token, const std::vector<Parameter>& parameters, std::string_view fallback) {
    assert(is_header_name(name));
    bool sane = !token.empty() && token.size() <= kLimits.uri_bytes && std::all_of(token.begin(), token.end(), [](char c) { return is_atom_char(c) || c == '.'; });
    out.append(name).append(": ").append(sane ? token : fallback);
    for (const Parameter& parameter : parameters) {
        std::string value = header_text(parameter.value, kLimits.uri_bytes);
        bool sayable = !parameter.name.empty() && std::all_of(parameter.name.begin(), parameter.name.end(), [](char c) { return is_alphanumeric(c) || c == '-'; });
        if (!sayable || parameter.name.size() > kParameterSegment) continue;
        if (is_ascii(value))
            out.append(";\r\n\t").append(parameter.name).append("=").append(quoted(value));
        else
            append_extended_parameter(out, parameter.name, value);
    }
    out += "\r\n";
}

std::string mail_date(Instant at) {
    using namespace std::chrono;
    constexpr auto kDays = std::to_array<const char*>({"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"});
    constexpr auto kMonths = std::to_array<const char*>({"Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"});
    constexpr Instant kFirst = sys_days(year(1970) / January / 1), kLast = sys_days(year(9999) / December / 31);
    at = std::clamp(at, kFirst, kLast);
    sys_days day = floor<days>(at);
    year_month_day date(day);
    hh_mm_ss time(floor<seconds>(at - day));
    std::array<char, 48> text{};
    std::snprintf(text.data(), text.size(), "%s, %02u %s %04d %02d:%02d:%02d +0000", kDays[weekday(day).c_encoding()], static_cast<unsigned>(date.day()),
                  kMonths[static_cast<unsigned>(date.month()) - 1], static_cast<int>(date.year()), static_cast<int>(time.hours().count()),
                  static_cast<int>(time.minutes().count()), static_cast<int>(time.seconds().count()));
    return text.data();
}

void write_text_body(Octets& out, std::string_view text) {
    std::string body = with_crlf(text);
    if (!body.empty() && !body.ends_with("\r\n")) body += "\r\n";
    if (is_safe_as_it_is(body)) {
        out.append("Content-Transfer-Encoding: 7bit\r\n\r\n").append(body);
        return;
    }
    auto beyond = static_cast<std::size_t>(std::count_if(body.begin(), body.end(), [](char c) { return static_cast<unsigned char>(c) >= 0x80; }));
    if (beyond * 6 > body.size())
        out.append("Content-Transfer-Encoding: base64\r\n\r\n").append(encode_base64(body));
    else
        out.append("Content-Transfer-Encoding: quoted-printable\r\n\r\n").append(encode_quoted_printable(body));
}

void write_exact_body(Octets& out, Bytes text, BodyPlace place) {
    const bool whole_lines = text.empty() || text.ends_with("\r\n");
    if (is_safe_as_it_is(text) && (whole_lines || place == BodyPlace::part)) {
        out.append("Content-Transfer-Encoding: 7bit\r\n\r\n").append(text);
        return;
    }
    auto unreadable = static_cast<std::size_t>(std::count_if(text.begin(), text.end(), [](char c) {
        auto octet = static_cast<unsigned char>(c);
        return octet >= 0x7F || (octet < ' ' && octet != '\t' && octet != '\r' && octet != '\n');
    }));
    if (unreadable * 6 > text.size()) {
        write_octets_body(out, text);
        return;
    }
    out.append("Content-Transfer-Encoding: quoted-printable\r\n\r\n").append(encode_quoted_printable(text));
    if (!whole_lines && place == BodyPlace::mail) out += "=\r\n";   // a soft line break, of which nothing remains
}

void write_octets_body(Octets& out, Bytes data) { out.append("Content-Transfer-Encoding: base64\r\n\r\n").append(encode_base64(data)); }

std::string make_boundary(std::string_view seed, unsigned index) {
    std::string out = "=_";
    for (char c : seed.substr(0, kSeedBytes))
        if (is_alphanumeric(c)) out += c;
    // The mark at the end keeps one boundary from being the beginning of another.
    return out + "_" + std::to_string(index) + "_";
}

}   // namespace mmgate::mail
