#include "daemon/smtp/outbound.h"

#include <cstring>

#include "mapping/limits.h"

namespace mmgate::smtp {

namespace {

constexpr std::size_t kEnvelopeIdBytes = 100;          // RFC 3461 §4.4, of the xtext
constexpr std::size_t kOriginalRecipientBytes = 500;   // RFC 3461 §4.2, of the xtext

/// Whether a path can stand between < and > without becoming anything else: printable ASCII, no space or angle bracket outside quotes.
bool is_safe_path(std::string_view path) {
    if (path.size() > kLimits.path_bytes) return false;
    bool quoted = false;
    for (std::size_t i = 0; i < path.size(); ++i) {
        auto c = static_cast<unsigned char>(path[i]);
        if (c < 0x20 || c > 0x7E) return false;
        if (quoted && c == '\\') {
            if (++i == path.size() || path[i] < 0x20 || path[i] > 0x7E) return false;
        } else if (c == '"') {
            quoted = !quoted;
        } else if (!quoted && (c == ' ' || c == '<' || c == '>' || c == '\\')) {
            return false;
        }
    }
    return !quoted;
}

/// "SUCCESS,FAILURE", "NEVER", or "" where nothing is asked for.
std::string notify_keywords(const Notify& notify) {
    if (notify.never) return "NEVER";
    std::string out;
    auto add = [&](bool asked, std::string_view keyword) {
        if (!asked) return;
        if (!out.empty()) out += ',';
        out += keyword;
    };
    add(notify.success, "SUCCESS");
    add(notify.failure, "FAILURE");
    add(notify.delay, "DELAY");
    return out;
}

}   // namespace

Result<ContentFacts> check_content(Bytes data) {
    ContentFacts facts;
    std::size_t line_number = 1;
    auto broken = [&](std::string_view rule) {
        return fail(Fault::malformed, std::string(rule) + " in line " + std::to_string(line_number) + " of our own mail");
    };
    for (std::size_t at = 0; at < data.size(); ++line_number) {
        const char* line = data.data() + at;
        const char* line_feed = static_cast<const char*>(std::memchr(line, '\n', data.size() - at));
        std::size_t length = line_feed != nullptr ? static_cast<std::size_t>(line_feed - line) : data.size() - at;
        at += length + 1;
        if (line_feed != nullptr) {
            if (length == 0 || line[length - 1] != '\r') return broken("a bare LF");
            --length;
        }
        if (length > kLimits.mail_line_bytes) return broken("more than 998 octets");

        unsigned char bits = 0;
        bool stray = false;
        for (std::size_t i = 0; i < length; ++i) {   // without a branch, so that it runs many octets at a time
            auto c = static_cast<unsigned char>(line[i]);
            bits |= c;
            stray |= (c == '\r') | (c == 0);
        }
        if (stray) return broken("a bare CR or a NUL");
        facts.eight_bit |= (bits & 0x80) != 0;
        facts.leading_dot |= length > 0 && line[0] == '.';
    }
    return facts;
}

Bytes terminator(Bytes data) { return data.empty() || data.ends_with("\r\n") ? Bytes(".\r\n") : Bytes("\r\n.\r\n"); }

Octets stuffed_and_terminated(Bytes data) {
    Octets out;
    out.reserve(data.size() + data.size() / 64 + 8);
    while (!data.empty()) {
        std::size_t end = data.find("\r\n");
        std::size_t length = end == Bytes::npos ? data.size() : end + 2;
        if (data.front() == '.') out += '.';
        out += data.substr(0, length);
        data.remove_prefix(length);
    }
    out += terminator(out);
    return out;
}

std::string to_xtext(std::string_view text) {
    static constexpr char kHex[] = "0123456789ABCDEF";
    std::string out;
    for (char ch : text) {
        auto c = static_cast<unsigned char>(ch);
        if (c >= 33 && c <= 126 && c != '+' && c != '=') {
            out += ch;
        } else {
            out += {'+', kHex[c >> 4], kHex[c & 15]};
        }
    }
    return out;
}

Result<std::string> mail_command(const OutboundMail& mail, const ContentFacts& facts, const Offered& offered) {
    if (!is_safe_path(mail.return_path)) return fail(Fault::sender_syntax, "the return path cannot stand in a command");
    std::string out = "MAIL FROM:<" + mail.return_path + ">";
    if (offered.size) out += " SIZE=" + std::to_string(mail.data->size());
    if (facts.eight_bit && offered.eight_bit_mime) out += " BODY=8BITMIME";
    if (offered.dsn) {
        out += " RET=HDRS";
        std::string id = to_xtext(mail.envelope_id);
        if (!id.empty() && id.size() <= kEnvelopeIdBytes) out += " ENVID=" + id;
    }
    return out + "\r\n";
}

Result<std::string> rcpt_command(const OutboundRecipient& recipient, const Offered& offered) {
    std::string path = to_mail_text(recipient.mailbox);
    if (recipient.mailbox.value.empty() || !is_safe_path(path)) return fail(Fault::recipient_syntax, "the recipient cannot stand in a command");
    std::string out = "RCPT TO:<" + path + ">";
    if (offered.dsn) {
        if (std::string keywords = notify_keywords(recipient.notify); !keywords.empty()) out += " NOTIFY=" + keywords;
        const std::string& original = recipient.original_recipient;
        std::size_t semicolon = original.find(';');
        if (semicolon != std::string::npos && original.size() > semicolon + 1) {
            std::string orcpt = to_xtext(original.substr(0, semicolon)) + ";" + to_xtext(original.substr(semicolon + 1));
            if (orcpt.size() <= kOriginalRecipientBytes) out += " ORCPT=" + orcpt;
        }
    }
    return out + "\r\n";
}

}   // namespace mmgate::smtp
