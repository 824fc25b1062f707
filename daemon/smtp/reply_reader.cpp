#include "daemon/smtp/reply_reader.h"

#include <algorithm>

#include "mapping/limits.h"

namespace mmgate::smtp {

namespace {

bool is_digit(char c) { return c >= '0' && c <= '9'; }

/// The length of an enhanced status code that begins `text` and ends with a space or the text's end; 0 when there is none.
std::size_t enhanced_length(std::string_view text) {
    std::size_t at = 0;
    for (int field = 0; field < 3; ++field) {
        std::size_t digits = 0;
        while (at + digits < text.size() && is_digit(text[at + digits])) ++digits;
        if (digits == 0 || digits > (field == 0 ? 1U : 3U)) return 0;
        at += digits;
        if (field < 2) {
            if (at >= text.size() || text[at] != '.') return 0;
            ++at;
        }
    }
    return at == text.size() || text[at] == ' ' ? at : 0;
}

}   // namespace

std::string enhanced_status(const ServerReply& reply) {
    if (reply.lines.empty()) return {};
    std::string_view text = reply.lines.front();
    std::size_t length = enhanced_length(text);
    if (length == 0 || text[0] - '0' != reply.code / 100) return {};
    return std::string(text.substr(0, length));
}

std::string printable_line(std::string_view text) {
    std::string out;
    for (char c : text.substr(0, kLimits.reason_bytes * 4)) {
        bool space = c == ' ' || c == '\t' || c == '\r' || c == '\n';
        if (space && (out.empty() || out.back() == ' ')) continue;
        out += space ? ' ' : c > 0x20 && c < 0x7F ? c
                                                  : '?';
        if (out.size() == kLimits.reason_bytes) break;
    }
    while (!out.empty() && out.back() == ' ') out.pop_back();
    return out;
}

std::string to_text(const ServerReply& reply) {
    std::string all = std::to_string(reply.code);
    std::string_view first_status;
    for (const std::string& line : reply.lines) {
        if (all.size() > kLimits.reason_bytes) break;
        std::string_view text = line;
        std::string_view status = text.substr(0, enhanced_length(text));
        if (first_status.empty()) {
            first_status = status;
        } else if (status == first_status) {
            text.remove_prefix(status.size());
        }
        all += ' ';
        all += text;
    }
    return printable_line(all);
}

std::vector<ServerReply> ReplyReader::feed(Bytes octets) {
    std::vector<ServerReply> out;
    while (!octets.empty() && !error_) {
        std::size_t end = octets.find('\n');
        Bytes piece = octets.substr(0, end);
        reply_bytes_ += piece.size() + 1;
        if (line_.size() + piece.size() > kReplyLineBytes) {
            broken(Fault::too_large, "a reply line of more than 2048 octets");
        } else if (reply_bytes_ > kReplyBytes) {
            broken(Fault::too_large, "a reply of more than 64 KiB");
        } else {
            line_ += piece;
            if (end == Bytes::npos) break;
            octets.remove_prefix(end + 1);
            if (take_line()) {
                out.push_back(std::move(reply_));
                reply_ = {};
                reply_bytes_ = 0;
            }
        }
    }
    return out;
}

bool ReplyReader::broken(Fault fault, std::string_view rule) {
    error_ = Error{fault, 0, std::string(rule)};
    return false;
}

bool ReplyReader::take_line() {
    if (line_.empty() || line_.back() != '\r') return broken(Fault::malformed, "a reply line that ends with a bare LF");
    line_.pop_back();
    if (line_.find('\r') != std::string::npos) return broken(Fault::malformed, "a bare CR in a reply");

    // Reply-code = %x32-35 %x30-35 %x30-39
    if (line_.size() < 3 || line_[0] < '2' || line_[0] > '5' || line_[1] < '0' || line_[1] > '5' || !is_digit(line_[2]))
        return broken(Fault::malformed, "a reply that does not begin with a reply code");
    if (line_.size() > 3 && line_[3] != ' ' && line_[3] != '-') return broken(Fault::malformed, "a reply code without a space or hyphen after it");

    auto code = static_cast<std::uint16_t>((line_[0] - '0') * 100 + (line_[1] - '0') * 10 + (line_[2] - '0'));
    if (!reply_.lines.empty() && code != reply_.code) return broken(Fault::malformed, "lines of one reply that differ in code");
    if (reply_.lines.size() == kReplyLines) return broken(Fault::too_large, "a reply of more than 256 lines");

    bool last = line_.size() == 3 || line_[3] == ' ';
    reply_.code = code;
    reply_.lines.push_back(line_.size() > 4 ? line_.substr(4) : std::string());
    line_.clear();
    return last;
}

}   // namespace mmgate::smtp
