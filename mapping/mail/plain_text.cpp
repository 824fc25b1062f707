#include "mapping/mail/plain_text.h"

#include <algorithm>
#include <array>

namespace mmgate::mail {
namespace {

constexpr bool is_continuation(char c) { return (static_cast<unsigned char>(c) & 0xC0) == 0x80; }

/// Characters that take no room, or room without ink.
constexpr auto kInvisible = std::to_array<std::string_view>({
    "\xC2\xA0",       // no-break space
    "\xC2\xAD",       // soft hyphen
    "\xCD\x8F",       // combining grapheme joiner
    "\xE2\x80\x8B",   // zero width space
    "\xE2\x80\x8C",   // zero width non-joiner
    "\xE2\x80\x8D",   // zero width joiner
    "\xEF\xBB\xBF",   // byte order mark
});

/// Calls `line(view)` for every line, without its line end; a last one without a line end counts, an empty rest does not.
template <class Line>
void for_each_line(std::string_view text, Line line) {
    while (!text.empty()) {
        std::size_t lf = text.find('\n');
        std::string_view one = text.substr(0, lf);
        text.remove_prefix(lf == std::string_view::npos ? text.size() : lf + 1);
        line(one);
    }
}

/// The octet offset of the character number `characters`, or the end.
std::size_t offset_of_character(std::string_view text, std::size_t characters) {
    std::size_t at = 0;
    while (at < text.size()) {
        if (!is_continuation(text[at]) && characters-- == 0) return at;
        ++at;
    }
    return at;
}

}   // namespace

std::string tidy_text(std::string_view text) {
    std::string out;
    out.reserve(text.size());
    std::size_t ink = 0;    // how much of `out` is worth keeping: white space behind it is dropped at the line's end
    bool started = false;   // something visible has come
    for (std::size_t i = 0; i < text.size(); ++i) {
        char c = text[i];
        if (c == '\r') {
            if (i + 1 < text.size() && text[i + 1] == '\n') continue;
            c = '\n';
        }
        auto octet = static_cast<unsigned char>(c);
        if (c == '\n') {
            out.resize(ink);
            if (started) out.push_back('\n');
            ink = out.size();
        } else if (octet == ' ' || octet == '\t') {
            out.push_back(c);
        } else if (octet > ' ' && octet != 0x7F) {
            out.push_back(c);
            ink = out.size();
            started = true;
        }
    }
    while (!out.empty() && (out.back() == '\n' || out.back() == ' ' || out.back() == '\t')) out.pop_back();
    return out;
}

std::string reflow(std::string_view text, bool delete_space) {
    std::string out;
    out.reserve(text.size());
    bool joins = false;   // the last line was flowed: the next of the same depth continues it
    std::size_t last_depth = 0;
    for_each_line(text, [&](std::string_view line) {
        std::size_t depth = std::min(line.find_first_not_of('>'), line.size());
        line.remove_prefix(depth);
        if (line.starts_with(' ')) line.remove_prefix(1);
        bool signature = line == "-- ";
        bool flowed = !signature && line.ends_with(' ');
        if (flowed && delete_space) line.remove_suffix(1);
        if (joins && (depth != last_depth || signature)) {
            out.push_back('\n');
            joins = false;
        }
        if (!joins && depth > 0) {
            out.append(depth, '>');
            if (!line.empty()) out.push_back(' ');
        }
        out += line;
        if (!flowed) out.push_back('\n');
        joins = flowed;
        last_depth = depth;
    });
    return out;
}

bool has_visible_text(std::string_view text) {
    while (!text.empty()) {
        if (static_cast<unsigned char>(text.front()) <= ' ') {
            text.remove_prefix(1);
            continue;
        }
        auto row = std::find_if(kInvisible.begin(), kInvisible.end(), [&](std::string_view c) { return text.starts_with(c); });
        if (row == kInvisible.end()) return true;
        text.remove_prefix(row->size());
    }
    return false;
}

std::vector<std::string> split_text(std::string_view text, std::size_t characters) {
    std::vector<std::string> out;
    while (!text.empty()) {
        std::size_t limit = offset_of_character(text, characters);
        if (limit == text.size()) {
            out.emplace_back(text);
            break;
        }
        std::string_view window = text.substr(0, limit);
        std::size_t cut = limit, skip = 0;
        for (std::string_view mark : {"\n\n", "\n", ". ", " "}) {
            std::size_t found = window.rfind(mark);
            if (found == std::string_view::npos || found < limit / 2) continue;
            cut = found + (mark == ". " ? 1 : 0);
            skip = mark == ". " ? 1 : mark.size();
            break;
        }
        out.emplace_back(text.substr(0, cut));
        text.remove_prefix(cut + skip);
    }
    return out;
}

std::size_t count_characters(std::string_view text) {
    return static_cast<std::size_t>(std::count_if(text.begin(), text.end(), [](char c) { return !is_continuation(c); }));
}

std::string with_crlf(std::string_view text) {
    std::string out;
    out.reserve(text.size() + text.size() / 32 + 2);
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] == '\r' && i + 1 < text.size() && text[i + 1] == '\n') continue;
        if (text[i] == '\r' || text[i] == '\n')
            out += "\r\n";
        else
            out.push_back(text[i]);
    }
    return out;
}

std::string one_line(std::string_view text) {
    std::string out;
    for (char c : text) {
        bool blank = c == ' ' || c == '\t' || c == '\r' || c == '\n';
        if (!blank)
            out.push_back(c);
        else if (!out.empty() && out.back() != ' ')
            out.push_back(' ');
    }
    if (out.ends_with(' ')) out.pop_back();
    return out;
}

}   // namespace mmgate::mail
