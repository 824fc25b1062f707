#include "mapping/mail/content_writer.h"

#include <algorithm>

#include "mapping/charset.h"
#include "mapping/limits.h"
#include "mapping/mail/mail_writer.h"

namespace mmgate::mail {
namespace {

constexpr std::size_t kPartHeaderBytes = 512;
constexpr std::string_view kMixed = "multipart/mixed";

/// What a person could read in the mail: everything else travels as base64.
bool is_text(const MediaType& media) { return media.type.starts_with("text/") || media.type == "application/smil"; }

/// The name of a part, to which others refer octet by octet: on one line, because folding would add to it. Source: RFC 2557 §4.4.
void write_name_field(Octets& out, std::string_view name, std::string_view value) {
    std::string line = header_text(value, kLimits.uri_bytes + 2);
    if (is_ascii(line) && line.find("=?") == std::string::npos)
        out.append(name).append(": ").append(line).append("\r\n");
    else
        write_text_field(out, name, line);
}

void write_part(Octets& out, const Part& part, BodyPlace place) {
    std::vector<Parameter> parameters = part.media.parameters;
    if (!part.file_name.empty() && !part.media.parameter("name")) parameters.push_back({"name", part.file_name});
    write_parameter_field(out, "Content-Type", part.media.type, parameters);
    if (!part.content_id.empty()) write_name_field(out, "Content-ID", "<" + part.content_id + ">");
    if (!part.content_location.empty()) write_name_field(out, "Content-Location", part.content_location);
    if (!part.disposition.empty()) {
        std::vector<Parameter> name;
        if (!part.file_name.empty()) name.push_back({"filename", part.file_name});
        write_parameter_field(out, "Content-Disposition", part.disposition, name, "attachment");
    }
    if (is_text(part.media))
        write_exact_body(out, part.data, place);
    else
        write_octets_body(out, part.data);
}

void open_multipart(Octets& out, const MediaType& media, const std::string& boundary) {
    std::vector<Parameter> parameters;
    for (const Parameter& p : media.parameters)
        if (p.name != "boundary") parameters.push_back(p);
    parameters.push_back({"boundary", boundary});
    write_parameter_field(out, "Content-Type", media.type, parameters, kMixed);
    out += "\r\n";
}

}   // namespace

void write_content(Octets& out, const MediaType& media, const std::vector<Part>& parts, std::string_view boundary_seed) {
    if (media.type == kMixed && parts.empty()) {
        write_parameter_field(out, "Content-Type", "text/plain", {{"charset", "us-ascii"}});
        write_exact_body(out, {}, BodyPlace::mail);
        return;
    }
    if (media.type == kMixed && parts.size() == 1 && !parts.front().is_multipart()) {
        write_part(out, parts.front(), BodyPlace::mail);
        return;
    }
    struct Level {
        const std::vector<Part>* parts;
        std::string boundary;
        std::size_t next = 0;
    };
    unsigned boundaries = 0;
    std::vector<Level> open;
    auto enter = [&](const MediaType& multipart, const std::vector<Part>& inner) {
        open.push_back({&inner, make_boundary(boundary_seed, ++boundaries)});
        open_multipart(out, multipart, open.back().boundary);
    };
    enter(media, parts);
    while (!open.empty()) {
        Level& level = open.back();
        if (level.next == level.parts->size()) {
            out.append("\r\n--").append(level.boundary).append("--\r\n");
            open.pop_back();
            continue;
        }
        out.append("\r\n--").append(level.boundary).append("\r\n");
        const Part& part = (*level.parts)[level.next++];
        if (part.is_multipart())
            enter(part.media, part.parts);
        else
            write_part(out, part, BodyPlace::part);
    }
}

std::size_t mail_octets_of(const std::vector<Part>& parts) {
    std::size_t octets = 0;
    std::vector<const std::vector<Part>*> open{&parts};
    while (!open.empty()) {
        const std::vector<Part>& level = *open.back();
        open.pop_back();
        for (const Part& part : level) {
            octets += part.data.size() / 3 * 4 + part.data.size() / 20 + kPartHeaderBytes;
            if (!part.parts.empty()) open.push_back(&part.parts);
        }
    }
    return octets;
}

}   // namespace mmgate::mail
