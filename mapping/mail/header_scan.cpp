#include "mapping/mail/header_scan.h"

#include <algorithm>
#include <cstring>

#include "mapping/limits.h"

namespace mmgate::mail {
namespace {

constexpr char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c; }
constexpr bool is_blank(char c) { return c == ' ' || c == '\t'; }

/// Where the line that starts at `from` ends: the position behind its LF, or the end of the text.
std::size_t line_end(Bytes text, std::size_t from) {
    std::size_t lf = text.find('\n', from);
    return lf == Bytes::npos ? text.size() : lf + 1;
}

std::string_view without_line_end(std::string_view line) {
    if (line.ends_with('\n')) line.remove_suffix(1);
    if (line.ends_with('\r')) line.remove_suffix(1);
    return line;
}

/// The length of the field name at the start of a line, or 0. Obsolete syntax allows white space before the colon.
/// Source: RFC 5322 §2.2 (name), §4.5 (white space).
struct FieldStart {
    std::size_t name_bytes = 0;
    std::size_t value_offset = 0;
};
FieldStart field_start(std::string_view line) {
    if (line.starts_with("--")) return {};
    std::size_t name = 0;
    while (name < line.size() && line[name] > ' ' && line[name] < 0x7F && line[name] != ':') ++name;
    std::size_t colon = name;
    while (colon < line.size() && is_blank(line[colon])) ++colon;
    if (name == 0 || colon == line.size() || line[colon] != ':') return {};
    return {name, colon + 1};
}

}   // namespace

bool same_name(std::string_view a, std::string_view b) {
    return a.size() == b.size() && std::equal(a.begin(), a.end(), b.begin(), [](char x, char y) { return lower(x) == lower(y); });
}

const HeaderField* HeaderBlock::find(std::string_view name) const {
    for (const HeaderField& field : fields)
        if (same_name(field.name, name)) return &field;
    return nullptr;
}

std::size_t HeaderBlock::count(std::string_view name) const {
    return static_cast<std::size_t>(std::count_if(fields.begin(), fields.end(), [&](const HeaderField& f) { return same_name(f.name, name); }));
}

Result<HeaderBlock> scan_header(Bytes entity) {
    HeaderBlock out;
    out.fields.reserve(16);
    std::size_t at = 0;
    while (at < entity.size()) {
        std::size_t end = line_end(entity, at);
        std::string_view line = without_line_end(entity.substr(at, end - at));
        if (line.empty()) {
            out.text = entity.substr(0, at);
            out.body_offset = end;
            return out;
        }
        FieldStart start = field_start(line);
        if (start.name_bytes == 0) break;
        std::size_t next = end;
        while (next < entity.size() && is_blank(entity[next]) && next - at <= kLimits.header_field_bytes * 2) next = line_end(entity, next);
        std::string_view folded = without_line_end(entity.substr(at + start.value_offset, next - at - start.value_offset));
        if (folded.size() > kLimits.header_field_bytes) return fail(Fault::too_large, "a header field is longer than 16 KiB", at);
        if (next > kLimits.header_block_bytes) return fail(Fault::too_large, "the header block is longer than 128 KiB", at);
        out.fields.push_back({line.substr(0, start.name_bytes), folded});
        at = next;
    }
    out.text = entity.substr(0, at);
    out.body_offset = at;
    return out;
}

std::string unfolded(std::string_view folded) {
    while (!folded.empty() && (is_blank(folded.front()) || folded.front() == '\r' || folded.front() == '\n')) folded.remove_prefix(1);
    while (!folded.empty() && (is_blank(folded.back()) || folded.back() == '\r' || folded.back() == '\n')) folded.remove_suffix(1);
    std::string out(folded);
    std::erase_if(out, [](char c) { return c == '\r' || c == '\n' || c == '\0'; });
    return out;
}

std::size_t group_depth(std::string_view address_list) {
    std::size_t depth = 0, deepest = 0, comments = 0;
    bool quoted = false, literal = false, angle = false;
    for (std::size_t i = 0; i < address_list.size(); ++i) {
        char c = address_list[i];
        if (c == '\\') {
            ++i;
        } else if (quoted) {
            quoted = c != '"';
        } else if (literal) {
            literal = c != ']';
        } else if (comments > 0) {
            if (c == '(') ++comments;
            if (c == ')') --comments;
        } else if (c == '"') {
            quoted = true;
        } else if (c == '[') {
            literal = true;
        } else if (c == '(') {
            ++comments;
        } else if (c == '<' || c == '>') {
            angle = c == '<';
        } else if (c == ':' && !angle) {
            deepest = std::max(deepest, ++depth);
        } else if (c == ';') {
            depth -= depth > 0 ? 1 : 0;
        }
    }
    return deepest;
}

}   // namespace mmgate::mail
