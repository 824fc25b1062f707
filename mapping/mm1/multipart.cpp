#include "mapping/mm1/multipart.h"

#include <algorithm>
#include <array>

#include "mapping/limits.h"
#include "mapping/mm1/media.h"
#include "mapping/mm1/wsp.h"

namespace mmgate::mm1 {

namespace {

enum class HeaderSyntax : std::uint8_t { quoted,
                                         uri,
                                         disposition,
                                         text_or_number,
                                         encoding,
                                         passed_over };

struct PartHeaderSpec {
    std::uint8_t number;
    std::string_view name;
    HeaderSyntax syntax;
    bool written;   // by this number
};

// Source: WAP-230-WSP table 39, the rows that a body part has use for. Content-Length repeats what dataLen says and is often wrong.
constexpr auto kPartHeaders = std::to_array<PartHeaderSpec>({
    {0x0A, "Content-Base", HeaderSyntax::uri, true},
    {0x0B, "Content-Encoding", HeaderSyntax::encoding, false},
    {0x0C, "Content-Language", HeaderSyntax::text_or_number, false},
    {0x0D, "Content-Length", HeaderSyntax::passed_over, false},
    {0x0E, "Content-Location", HeaderSyntax::uri, true},
    {0x12, "Date", HeaderSyntax::text_or_number, false},
    {0x1D, "Last-Modified", HeaderSyntax::text_or_number, false},
    {0x2E, "Content-Disposition", HeaderSyntax::disposition, true},
    {0x30, "X-Wap-Content-URI", HeaderSyntax::uri, false},
    {0x40, "Content-ID", HeaderSyntax::quoted, true},
    {0x45, "Content-Disposition", HeaderSyntax::disposition, false},
    // No assignment of WSP, but what one widespread encoder writes.
    {0x48, "Content-Transfer-Encoding", HeaderSyntax::text_or_number, false},
});

constexpr auto kDispositions = std::to_array<std::string_view>({"form-data", "attachment", "inline"});
constexpr auto kEncodings = std::to_array<std::string_view>({"gzip", "compress", "deflate"});
constexpr std::size_t kSmallestEntry = 3;   // two lengths and a content type

// Views: a text of nothing but quotes or spaces is walked once.
std::string_view unquoted(std::string_view text) {
    while (text.starts_with('"')) {
        text.remove_prefix(1);
        if (text.ends_with('"')) text.remove_suffix(1);
    }
    return text;
}

/// Without outer spaces and quotes, whichever are outermost.
std::string_view bare(std::string_view text) {
    while (text.starts_with(' ') || text.starts_with('"') || text.ends_with(' ')) {
        while (text.starts_with(' ')) text.remove_prefix(1);
        while (text.ends_with(' ')) text.remove_suffix(1);
        text = unquoted(text);
    }
    return text;
}

bool same_name(std::string_view a, std::string_view b) {
    auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; };
    return std::ranges::equal(a, b, {}, lower, lower);
}

template <std::size_t N>
std::string token_name(const std::array<std::string_view, N>& names, std::uint8_t octet) {
    const std::size_t index = octet & 0x7F;
    return index < N ? std::string(names[index]) : std::string();
}

void add_once(Entry& entry, std::string_view name, std::string_view value) {
    if (entry.header(name) || entry.headers.size() >= kLimits.part_headers) return;   // the first wins
    entry.headers.push_back({std::string(name), std::string(value)});
}

/// "attachment; filename=a" of a text, as mail has it.
void add_disposition(Entry& entry, std::string_view text) {
    if (entry.header("Content-Disposition")) return;
    std::vector<Parameter> parameters;
    std::string name = split_text_type(text, parameters);
    if (name.empty()) return;
    add_once(entry, "Content-Disposition", name);
    if (entry.header("Content-Disposition")) entry.disposition_parameters = std::move(parameters);
}

void read_disposition(Cursor& in, Entry& entry) {
    if (entry.header("Content-Disposition")) return skip_value(in);
    const Shape shape = shape_of(in.peek());
    // Without the length that belongs before it: seen.
    if (shape == Shape::octet) return add_disposition(entry, token_name(kDispositions, in.octet("Content-Disposition")));
    if (shape == Shape::text) return add_disposition(entry, read_text(in, kLimits.text_bytes, "Content-Disposition"));
    std::uint32_t length = read_value_length(in);
    Cursor form = in.sub(length, "Content-Disposition");
    switch (shape_of(form.peek())) {
        case Shape::text: add_disposition(entry, read_text(form, kLimits.text_bytes, "disposition")); break;
        case Shape::octet: add_disposition(entry, token_name(kDispositions, form.octet("disposition"))); break;
        default: return;   // nothing that a disposition begins with
    }
    if (form.error()) return in.set_error_at(form.error()->fault, form.error()->rule, form.error()->offset);
    if (entry.header("Content-Disposition")) read_parameters(form, entry.disposition_parameters);
}

/// A header whose value is a text, by number or by name.
void add_text(Entry& entry, const PartHeaderSpec& spec, std::string_view text) {
    switch (spec.syntax) {
        case HeaderSyntax::quoted: return add_once(entry, spec.name, unquoted(text));
        case HeaderSyntax::uri: return add_once(entry, spec.name, bare(text));
        case HeaderSyntax::disposition: return add_disposition(entry, text);
        case HeaderSyntax::encoding:
        case HeaderSyntax::text_or_number: return add_once(entry, spec.name, text);
        case HeaderSyntax::passed_over: return;
    }
}

void read_known_header(Cursor& in, Entry& entry, const PartHeaderSpec& spec) {
    const Shape shape = shape_of(in.peek());
    const bool is_text = !in.at_end() && (shape == Shape::text || in.peek() == 0);
    if (spec.syntax == HeaderSyntax::disposition) return read_disposition(in, entry);
    if (is_text && spec.syntax != HeaderSyntax::passed_over) return add_text(entry, spec, read_text(in, kLimits.text_bytes, spec.name));
    if (shape == Shape::octet && spec.syntax == HeaderSyntax::encoding) {
        std::string name = token_name(kEncodings, in.octet(spec.name));
        if (!name.empty()) add_once(entry, spec.name, name);
        return;
    }
    skip_value(in);
}

/// Reads the headers behind the content type, up to the end of `in`.
void read_headers(Cursor& in, Entry& entry) {
    std::uint8_t page = 1;
    std::size_t count = 0;
    while (!in.at_end() && !in.error()) {
        if (++count > kLimits.pdu_headers) return in.set_error(Fault::too_large, "too many headers in one part");
        const std::uint8_t first = in.peek();
        if (first >= 0x80) {
            in.octet("header");
            auto spec = std::ranges::find(kPartHeaders, first & 0x7F, &PartHeaderSpec::number);
            // Behind a shift to another code page the numbers mean something else.
            if (page != 1 || spec == kPartHeaders.end()) skip_value(in);
            else read_known_header(in, entry, *spec);
        } else if (first == 0x7F) {
            in.octet("page shift");
            page = in.octet("code page");
        } else if (first >= 0x20) {
            std::string name = read_text(in, kLimits.text_bytes, "header name");
            std::string value = read_text(in, kLimits.text_bytes, "header value");
            auto spec = std::ranges::find_if(kPartHeaders, [&](const PartHeaderSpec& known) { return same_name(known.name, name); });
            if (spec == kPartHeaders.end()) add_once(entry, name, value);
            else add_text(entry, *spec, value);
        } else if (first >= 0x01) {
            page = in.octet("page shift");
        } else {
            // Zeros to the end are padding; anything else behind a zero is not.
            if (in.view().find_first_not_of('\0') != Bytes::npos) return in.set_error(Fault::malformed, "00 where a header of a part is due");
            in.rest();
        }
    }
}

struct Frame {
    Cursor in;
    std::uint32_t left;   // entries still to read
    std::vector<Entry> entries;
    Entry owner;   // the entry whose data this multipart is
};

}   // namespace

std::vector<Entry> read_multipart(Cursor& in) {
    std::vector<Frame> stack;
    std::size_t parts = 0;
    auto open = [&](Cursor& body, Entry owner) {
        const std::size_t start = body.offset();
        if (body.at_end()) return in.set_error_at(Fault::truncated, "multipart without a number of entries", start);
        std::uint32_t count = read_uintvar(body);
        if (body.error()) return in.set_error_at(body.error()->fault, body.error()->rule, body.error()->offset);
        if (count > body.remaining() / kSmallestEntry) return in.set_error_at(Fault::truncated, "multipart announces more entries than its octets can hold", start);
        parts += count;
        if (parts > kLimits.pdu_parts) return in.set_error_at(Fault::too_large, "more than " + std::to_string(kLimits.pdu_parts) + " parts", start);
        if (stack.size() >= kLimits.pdu_depth) return in.set_error_at(Fault::too_large, "multiparts nested deeper than " + std::to_string(kLimits.pdu_depth), start);
        stack.push_back({body, count, {}, std::move(owner)});
        stack.back().entries.reserve(count);
    };
    open(in, {});
    while (!stack.empty() && !in.error()) {
        Frame& frame = stack.back();
        if (frame.left == 0) {
            std::vector<Entry> done = std::move(frame.entries);
            Entry owner = std::move(frame.owner);
            const bool outermost = stack.size() == 1;
            stack.pop_back();
            if (outermost) return done;
            owner.parts = std::move(done);
            stack.back().entries.push_back(std::move(owner));
            continue;
        }
        --frame.left;
        Cursor& body = frame.in;
        std::uint32_t head_length = read_uintvar(body);
        std::uint32_t data_length = read_uintvar(body);
        Cursor head = body.sub(head_length, "headers of a part");
        Cursor data = body.sub(data_length, "data of a part");
        if (!body.error() && head.at_end()) body.set_error(Fault::malformed, "part without a content type");
        if (body.error()) {
            in.set_error_at(body.error()->fault, body.error()->rule, body.error()->offset);
            break;
        }
        Entry entry;
        entry.media = read_content_type(head, ContentTypePlace::part);
        read_headers(head, entry);
        if (head.error()) {
            in.set_error_at(head.error()->fault, head.error()->rule, head.error()->offset);
            break;
        }
        if (is_multipart(entry.media.type)) {
            open(data, std::move(entry));
        } else {
            entry.data = data.rest();
            frame.entries.push_back(std::move(entry));
        }
    }
    return {};
}

Octets entry_head(const MediaType& media, const std::vector<Parameter>& headers, const std::vector<Parameter>& disposition_parameters) {
    Octets head;
    write_content_type(head, media);
    for (const Parameter& header : headers) {
        auto spec = std::ranges::find_if(kPartHeaders, [&](const PartHeaderSpec& s) { return s.written && s.name == header.name; });
        if (spec == kPartHeaders.end()) {
            std::string name = one_line(header.name);
            if (name.empty() || static_cast<unsigned char>(name[0]) < 0x20 || static_cast<unsigned char>(name[0]) >= 0x7F) continue;
            write_raw_text(head, name);
            write_text(head, header.value);
            continue;
        }
        head += static_cast<char>(0x80 | spec->number);
        switch (spec->syntax) {
            case HeaderSyntax::quoted: write_quoted_string(head, header.value); break;
            case HeaderSyntax::disposition: {
                Octets form;
                auto token = std::ranges::find(kDispositions, header.value);
                if (token != kDispositions.end()) form += static_cast<char>(0x80 + (token - kDispositions.begin()));
                else write_text(form, header.value);
                for (const Parameter& parameter : disposition_parameters) write_parameter(form, parameter);
                write_value_length(head, form.size());
                head += form;
                break;
            }
            default: write_text(head, header.value); break;
        }
    }
    return head;
}

void write_multipart(Octets& out, const std::vector<Entry>& entries) {
    write_uintvar(out, entries.size());
    for (const Entry& entry : entries) {
        Octets head = entry_head(entry.media, entry.headers, entry.disposition_parameters);
        write_uintvar(out, head.size());
        if (is_multipart(entry.media.type)) {
            // Depth is bounded by the decoder and by who builds entries: kLimits.pdu_depth.
            Octets inner;
            write_multipart(inner, entry.parts);
            write_uintvar(out, inner.size());
            out += head;
            out += inner;
        } else {
            write_uintvar(out, entry.data.size());
            out += head;
            out += entry.data;
        }
    }
}

}   // namespace mmgate::mm1
