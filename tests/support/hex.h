// Octets of a test as people write them: hexadecimal, with texts in single quotes: "8C 80 98 'T1' 00".
#pragma once

#include <string>
#include <string_view>

namespace mmgate::test {

inline std::string octets(std::string_view written) {
    auto digit = [](char c) { return c <= '9' ? c - '0' : (c | 0x20) - 'a' + 10; };
    std::string out;
    for (std::size_t i = 0; i < written.size(); ++i) {
        if (written[i] == ' ') continue;
        if (written[i] == '\'') {
            std::size_t end = written.find('\'', i + 1);
            out += written.substr(i + 1, end - i - 1);
            i = end;
        } else {
            out += static_cast<char>(digit(written[i]) << 4 | digit(written[i + 1]));
            ++i;
        }
    }
    return out;
}

inline std::string hex(std::string_view octets) {
    std::string out;
    for (char c : octets) {
        constexpr char kDigits[] = "0123456789ABCDEF";
        if (!out.empty()) out += ' ';
        out += kDigits[static_cast<unsigned char>(c) >> 4];
        out += kDigits[static_cast<unsigned char>(c) & 15];
    }
    return out;
}

}   // namespace mmgate::test
