#include "mapping/mail/transfer_encoding.h"

#include <array>
#include <cstdint>

namespace mmgate::mail {
namespace {

constexpr char kAlphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
constexpr std::string_view kHex = "0123456789ABCDEF";
constexpr std::size_t kLine = 76;

// Four tables give each character its six bits in place, so that a group of four is three or-s; the top bit marks what is no base64.
constexpr std::uint32_t kNotBase64 = 0x80000000;
using Table = std::array<std::uint32_t, 256>;
constexpr Table shifted(int bits) {
    Table out{};
    out.fill(kNotBase64);
    for (std::size_t i = 0; i < 64; ++i) out[static_cast<unsigned char>(kAlphabet[i])] = static_cast<std::uint32_t>(i) << bits;
    return out;
}
constexpr Table kFirst = shifted(18), kSecond = shifted(12), kThird = shifted(6), kFourth = shifted(0);

int hex_digit(char c) {
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'A' && c <= 'F') return c - 'A' + 10;
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    return -1;
}

/// Writes the base64 of `data` to `to`, which has room for it, and gives the end.
char* put_groups(char* to, Bytes data) {
    const auto* in = reinterpret_cast<const unsigned char*>(data.data());
    std::size_t left = data.size();
    for (; left >= 3; left -= 3, in += 3, to += 4) {
        std::uint32_t group = static_cast<std::uint32_t>(in[0]) << 16 | static_cast<std::uint32_t>(in[1]) << 8 | in[2];
        to[0] = kAlphabet[group >> 18];
        to[1] = kAlphabet[group >> 12 & 63];
        to[2] = kAlphabet[group >> 6 & 63];
        to[3] = kAlphabet[group & 63];
    }
    if (left == 0) return to;
    std::uint32_t group = static_cast<std::uint32_t>(in[0]) << 16 | (left == 2 ? static_cast<std::uint32_t>(in[1]) << 8 : 0);
    to[0] = kAlphabet[group >> 18];
    to[1] = kAlphabet[group >> 12 & 63];
    to[2] = left == 2 ? kAlphabet[group >> 6 & 63] : '=';
    to[3] = '=';
    return to + 4;
}

constexpr std::size_t encoded_bytes(std::size_t octets) { return (octets + 2) / 3 * 4; }

}   // namespace

Octets decode_base64(Bytes text) {
    Octets out(text.size() / 4 * 3 + 3, '\0');
    const auto* in = reinterpret_cast<const unsigned char*>(text.data());
    const unsigned char* end = in + text.size();
    char* to = out.data();
    auto put = [&](std::uint32_t group) {
        to[0] = static_cast<char>(group >> 16);
        to[1] = static_cast<char>(group >> 8);
        to[2] = static_cast<char>(group);
        to += 3;
    };
    std::uint32_t pending = 0;
    int count = 0;   // characters of the group at hand
    while (in < end) {
        if (count == 0) {
            while (end - in >= 4) {
                std::uint32_t group = kFirst[in[0]] | kSecond[in[1]] | kThird[in[2]] | kFourth[in[3]];
                if (group & kNotBase64) break;
                put(group);
                in += 4;
            }
            if (in == end) break;
        }
        unsigned char c = *in++;
        if (c == '=') break;
        if (kFourth[c] & kNotBase64) continue;
        pending = pending << 6 | kFourth[c];
        if (++count == 4) {
            put(pending);
            pending = 0;
            count = 0;
        }
    }
    if (count == 2) *to++ = static_cast<char>(pending >> 4);
    if (count == 3) {
        *to++ = static_cast<char>(pending >> 10);
        *to++ = static_cast<char>(pending >> 2);
    }
    out.resize(static_cast<std::size_t>(to - out.data()));
    return out;
}

Octets decode_quoted_printable(Bytes text) {
    Octets out;
    out.reserve(text.size());
    std::size_t at = 0;
    while (at < text.size()) {
        std::size_t lf = text.find('\n', at);
        std::size_t end = lf == Bytes::npos ? text.size() : lf;
        std::string_view line_end = lf == Bytes::npos ? "" : end > at && text[end - 1] == '\r' ? "\r\n"
                                                                                               : "\n";
        std::string_view line = text.substr(at, end - at);
        if (line_end.size() == 2) line.remove_suffix(1);
        while (!line.empty() && (line.back() == ' ' || line.back() == '\t')) line.remove_suffix(1);
        bool soft = line.ends_with('=');
        if (soft) line.remove_suffix(1);
        for (std::size_t i = 0; i < line.size(); ++i) {
            int high = -1, low = -1;
            if (line[i] == '=' && i + 2 < line.size()) high = hex_digit(line[i + 1]), low = hex_digit(line[i + 2]);
            if (high >= 0 && low >= 0) {
                out.push_back(static_cast<char>(high << 4 | low));
                i += 2;
            } else {
                out.push_back(line[i]);
            }
        }
        if (!soft) out += line_end;
        at = lf == Bytes::npos ? text.size() : lf + 1;
    }
    return out;
}

std::string base64_text(Bytes data) {
    std::string out(encoded_bytes(data.size()), '\0');
    put_groups(out.data(), data);
    return out;
}

Octets encode_base64(Bytes data) {
    constexpr std::size_t kLineOctets = kLine / 4 * 3;
    std::size_t lines = (data.size() + kLineOctets - 1) / kLineOctets;
    Octets out(encoded_bytes(data.size()) + lines * 2, '\0');
    char* to = out.data();
    for (std::size_t at = 0; at < data.size(); at += kLineOctets) {
        to = put_groups(to, data.substr(at, kLineOctets));
        *to++ = '\r';
        *to++ = '\n';
    }
    return out;
}

Octets encode_quoted_printable(Bytes text) {
    Octets out;
    out.reserve(text.size() + text.size() / 8 + 80);
    std::size_t column = 0;
    auto put = [&](std::string_view token) {
        if (column + token.size() > kLine - 1) {
            out += "=\r\n";
            column = 0;
        }
        out += token;
        column += token.size();
    };
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] == '\r' && i + 1 < text.size() && text[i + 1] == '\n') {
            out += "\r\n";
            column = 0;
            ++i;
            continue;
        }
        auto octet = static_cast<unsigned char>(text[i]);
        bool before_line_end = i + 1 == text.size() || text[i + 1] == '\r' || text[i + 1] == '\n';
        bool blank = octet == ' ' || octet == '\t';
        bool plain = blank ? !before_line_end : octet > ' ' && octet < 0x7F && octet != '=';
        bool first = column == 0 || column >= kLine - 1;
        if (first && (octet == '.' || text.substr(i).starts_with("From "))) plain = false;
        if (plain) {
            put(text.substr(i, 1));
        } else {
            const char escape[3] = {'=', kHex[octet >> 4], kHex[octet & 15]};
            put({escape, 3});
        }
    }
    return out;
}

}   // namespace mmgate::mail
