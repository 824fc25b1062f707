#include "daemon/smtp/replies.h"

#include <algorithm>

#include "mapping/status.h"

namespace mmgate::smtp {

namespace {

constexpr std::size_t kRuleBytes = 100;

void append_line(Octets& out, std::uint16_t code, std::string_view enhanced, std::string_view text, std::string_view rule) {
    out += static_cast<char>('0' + code / 100);
    out += static_cast<char>('0' + code / 10 % 10);
    out += static_cast<char>('0' + code % 10);
    out += ' ';
    if (!enhanced.empty()) {
        out += enhanced;
        out += ' ';
    }
    out += text;
    if (!rule.empty()) {
        out += ": ";
        for (char c : rule.substr(0, kRuleBytes)) out += c >= ' ' && c <= '~' ? c : '?';
    }
    out += "\r\n";
}

}   // namespace

void append_reply(Octets& out, ReplyId id) {
    const ReplySpec& row = spec_of(id);
    append_line(out, row.code, row.enhanced, row.text, {});
}

void append_reply(Octets& out, const Error& error) {
    const FaultSpec& row = mmgate::spec_of(error.fault);
    // What is wrong on our side for now is the operator's to know.
    append_line(out, row.smtp_code, row.enhanced, row.text, is_temporary(error.fault) ? std::string_view() : std::string_view(error.rule));
}

}   // namespace mmgate::smtp
