#include "mapping/mail/encoded_words.h"

#include <algorithm>
#include <optional>

#include "mapping/charset.h"
#include "mapping/mail/header_scan.h"
#include "mapping/mail/transfer_encoding.h"

namespace mmgate::mail {
namespace {

constexpr std::size_t kMaxCharsetBytes = 60;
constexpr std::size_t kMaxTextBytes = 4096;   // far over the 75 of the standard: some write whole paragraphs

int hex_digit(char c) {
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'A' && c <= 'F') return c - 'A' + 10;
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    return -1;
}

std::string decode_q(std::string_view text) {
    std::string out;
    for (std::size_t i = 0; i < text.size(); ++i) {
        int high = -1, low = -1;
        if (text[i] == '=' && i + 2 < text.size()) high = hex_digit(text[i + 1]), low = hex_digit(text[i + 2]);
        if (high >= 0 && low >= 0) {
            out += static_cast<char>(high << 4 | low);
            i += 2;
        } else {
            out += text[i] == '_' ? ' ' : text[i];
        }
    }
    return out;
}

struct Word {
    std::string_view charset;   // without language
    std::string octets;
    std::size_t size_bytes = 0;   // of the whole word in the line
};

/// The encoded word at the front of `line`.
std::optional<Word> read_word(std::string_view line) {
    std::size_t charset_end = line.substr(0, kMaxCharsetBytes).find('?', 2);
    if (charset_end == std::string_view::npos || charset_end + 2 >= line.size() || line[charset_end + 2] != '?') return std::nullopt;
    std::string_view charset = line.substr(2, charset_end - 2);
    bool token = !charset.empty() && std::all_of(charset.begin(), charset.end(), [](char c) { return c > ' ' && c < 0x7F && c != '=' && c != '"'; });
    std::size_t start = charset_end + 3;
    std::size_t end = line.substr(0, start + kMaxTextBytes).find("?=", start);
    if (!token || end == std::string_view::npos) return std::nullopt;
    Word out;
    out.charset = charset.substr(0, charset.find('*'));
    out.size_bytes = end + 2;
    std::string_view text = line.substr(start, end - start);
    switch (line[charset_end + 1]) {
        case 'B':
        case 'b': out.octets = decode_base64(text); return out;
        case 'Q':
        case 'q': out.octets = decode_q(text); return out;
        default: return std::nullopt;
    }
}

}   // namespace

std::string decode_encoded_words(std::string_view line) {
    std::string out;
    std::string_view charset;   // of the run of words at hand
    std::string run;            // their octets, which only together are sure to be whole characters
    auto end_run = [&] {
        if (!run.empty()) out += to_utf8(run, charset);
        run.clear();
        charset = {};
    };
    bool after_word = false;
    while (!line.empty()) {
        std::size_t start = std::min(line.find("=?"), line.size());
        std::string_view between = line.substr(0, start);
        line.remove_prefix(start);
        std::optional<Word> word = line.empty() ? std::nullopt : read_word(line);
        bool joins = after_word && word && between.find_first_not_of(" \t") == std::string_view::npos;
        if (!joins || !same_name(word->charset, charset)) end_run();
        if (!joins) out += between;
        after_word = word.has_value();
        if (word) {
            charset = word->charset;
            run += word->octets;
            line.remove_prefix(word->size_bytes);
        } else if (!line.empty()) {
            out += line.substr(0, 2);
            line.remove_prefix(2);
        }
    }
    end_run();
    return out;
}

}   // namespace mmgate::mail
