#include "docs/mdoc.h"

#include <algorithm>

namespace mmgate {

namespace {

constexpr std::size_t kLineColumns = 78;

}   // namespace

std::string mdoc(std::string_view text) {
    std::string out;
    std::size_t column = 0;
    while (!text.empty()) {
        std::size_t end = std::min(text.find(' '), text.size());
        std::string_view word = text.substr(0, end);
        text.remove_prefix(std::min(end + 1, text.size()));
        bool line_start = column == 0;
        if (!line_start && column + 1 + word.size() > kLineColumns) {
            out += '\n';
            line_start = true;
        }
        if (!line_start) out += ' ';
        column = (line_start ? 0 : column + 1) + word.size();
        if (line_start && (word.starts_with('.') || word.starts_with('\''))) out += "\\&";
        out += word;
        if (word.ends_with('.') && !text.empty()) {
            out += '\n';
            column = 0;
        }
    }
    return out + "\n";
}

}   // namespace mmgate
