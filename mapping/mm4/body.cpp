#include "mapping/mm4/body.h"

#include <algorithm>

#include "mapping/charset.h"
#include "mapping/limits.h"
#include "mapping/mail/body_parts.h"
#include "mapping/mm1/media.h"

namespace mmgate::mm4 {

namespace {

constexpr std::string_view kRelated = "multipart/related", kPresentation = "application/smil";

bool is_blank(Bytes data) { return data.find_first_not_of(" \t\r\n") == Bytes::npos; }

std::string_view without_brackets(std::string_view id) {
    if (id.starts_with('<')) id.remove_prefix(1);
    if (id.ends_with('>')) id.remove_suffix(1);
    return id;
}

void set_parameter(MediaType& media, std::string_view name, std::string value) {
    auto found = std::ranges::find(media.parameters, name, &Parameter::name);
    if (value.empty()) {
        if (found != media.parameters.end()) media.parameters.erase(found);
    } else if (found != media.parameters.end()) {
        found->value = std::move(value);
    } else {
        media.parameters.push_back({std::string(name), std::move(value)});
    }
}

/// The part that presents the others: the one that start names, with or without < >, else the first presentation, else the first part.
std::size_t root_of(const MediaType& media, const std::vector<Part>& parts) {
    std::string_view start = media.parameter("start") ? without_brackets(*media.parameter("start")) : std::string_view();
    auto named = std::ranges::find_if(parts, [&](const Part& part) { return !start.empty() && without_brackets(part.content_id) == start; });
    if (named != parts.end()) return static_cast<std::size_t>(named - parts.begin());
    auto presentation = std::ranges::find_if(parts, [](const Part& part) { return part.media.type == kPresentation; });
    return presentation == parts.end() ? 0 : static_cast<std::size_t>(presentation - parts.begin());
}

void name_root(MediaType& media, const Part& root) {
    set_parameter(media, "type", root.media.type);
    set_parameter(media, "start", root.content_id.empty() ? std::string() : "<" + root.content_id + ">");
}

void present_first(MediaType& media, std::vector<Part>& parts) {
    if (media.type != kRelated || parts.empty()) return;
    const auto root = parts.begin() + static_cast<std::ptrdiff_t>(root_of(media, parts));
    std::rotate(parts.begin(), root, root + 1);
    name_root(media, parts.front());
}

/// Makes what a part says of itself fit our values.
void tidy(Part& part) {
    if (!part.disposition.empty() && part.disposition != "inline") part.disposition = "attachment";   // RFC 2183 §2.8
    std::erase_if(part.media.parameters, [&](const Parameter& p) { return p.name == "name" && (p.value.empty() || header_text(p.value, kLimits.uri_bytes) == part.file_name); });
    for (Parameter& p : part.media.parameters) p.value = header_text(p.value, kLimits.uri_bytes);
}

auto broken() { return fail(Fault::malformed, "Content-Type: no part of the multipart is found in its body"); }

}   // namespace

Result<Content> read_content(const mail::Entity& mail) {
    if (mail.media.type.starts_with(mm1::kWapMultipart)) return fail(Fault::malformed, "Content-Type: a binary multipart of WAP is no MIME");
    if (mail.is_multipart() && mail.parts.empty()) {
        if (!is_blank(mail.body)) return broken();
        return Content{{"multipart/mixed", {}}, {}};
    }
    Result<Content> content = mail::untouched_content(mail);
    if (!content) return content;
    std::vector<std::vector<Part>*> open{&content->parts};
    while (!open.empty()) {
        std::vector<Part>& parts = *open.back();
        open.pop_back();
        for (Part& part : parts) {
            tidy(part);
            if (!part.is_multipart()) continue;
            if (part.parts.empty() && !is_blank(part.data)) return broken();
            part.data.clear();
            present_first(part.media, part.parts);
            open.push_back(&part.parts);
        }
    }
    for (Parameter& p : content->media.parameters) p.value = header_text(p.value, kLimits.uri_bytes);
    present_first(content->media, content->parts);
    if (!mail.is_multipart()) {
        const Part& only = content->parts.front();
        if (only.data.empty() && only.media.type == "text/plain" && only.file_name.empty() && only.content_location.empty() && only.content_id.empty()) content->parts.clear();
    }
    return content;
}

MediaType media_to_write(const Content& content) {
    MediaType out = content.media;
    if (out.type == kRelated && !content.parts.empty()) name_root(out, content.parts[root_of(out, content.parts)]);
    return out;
}

}   // namespace mmgate::mm4
