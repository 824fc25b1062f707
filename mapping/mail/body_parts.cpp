#include "mapping/mail/body_parts.h"

#include <algorithm>
#include <array>

#include "mapping/charset.h"
#include "mapping/limits.h"
#include "mapping/mail/file_names.h"
#include "mapping/mail/html_text.h"
#include "mapping/mail/plain_text.h"

namespace mmgate::mail {
namespace {

constexpr std::size_t kSmallPictureBytes = 1024;   // what a page refers to below that is a spacer, a bullet or a beacon
constexpr std::size_t kPictureHeadBytes = 16 * 1024;
constexpr std::string_view kSignatureNote = "[signature removed]";
constexpr std::string_view kCutNote = "[the rest of this text is not delivered]";

enum class Treatment : std::uint8_t {
    plain_text,
    html,
    picture,
    sound,
    video,
    attachment,    // kept with its octets, not shown
    other_text,    // text when its charset is known, else an attachment
    signature,     // dropped, one note
    unsupported,   // dropped, noted
    superseded,    // dropped: we write our own
    refused,       // the whole mail is
};

struct PartSpec {
    std::string_view type;        // "text/plain", or "audio/" for all that begin so
    std::string_view canonical;   // the type that a phone is told, "" as it is
    Treatment treatment;
};

// The first row that fits counts; what no row names is an attachment.
// Source: RFC 4356 §2.1.3.3; RFC 2046 §5.2.2 (partial), §5.2.3 (external-body); RFC 8551 (pkcs7); MS-OXTNEF.
constexpr auto kParts = std::to_array<PartSpec>({
    {"text/plain", "", Treatment::plain_text},
    {"text/html", "", Treatment::html},
    {"application/xhtml+xml", "", Treatment::html},
    {"image/jpeg", "", Treatment::picture},
    {"image/jpg", "image/jpeg", Treatment::picture},
    {"image/pjpeg", "image/jpeg", Treatment::picture},
    {"image/png", "", Treatment::picture},
    {"image/x-png", "image/png", Treatment::picture},
    {"image/gif", "", Treatment::picture},
    {"image/webp", "", Treatment::picture},
    {"image/bmp", "", Treatment::picture},
    {"image/x-ms-bmp", "image/bmp", Treatment::picture},
    {"image/vnd.wap.wbmp", "", Treatment::picture},
    {"audio/", "", Treatment::sound},
    {"video/", "", Treatment::video},
    {"text/vcard", "", Treatment::attachment},
    {"text/x-vcard", "", Treatment::attachment},
    {"text/directory", "", Treatment::attachment},
    {"text/calendar", "", Treatment::attachment},
    {"text/x-vcalendar", "", Treatment::attachment},
    {"text/rtf", "", Treatment::attachment},
    {"text/css", "", Treatment::attachment},
    {"text/javascript", "", Treatment::attachment},
    {"text/", "", Treatment::other_text},
    {"application/smil", "", Treatment::superseded},
    {"application/pkcs7-signature", "", Treatment::signature},
    {"application/x-pkcs7-signature", "", Treatment::signature},
    {"application/pgp-signature", "", Treatment::signature},
    {"application/pkcs7-mime", "", Treatment::unsupported},
    {"application/x-pkcs7-mime", "", Treatment::unsupported},
    {"application/pgp-encrypted", "", Treatment::unsupported},
    {"application/ms-tnef", "", Treatment::unsupported},
    {"application/vnd.ms-tnef", "", Treatment::unsupported},
    {"application/applefile", "", Treatment::superseded},
    {"message/external-body", "", Treatment::unsupported},
    {"message/partial", "", Treatment::refused},
});

const PartSpec* spec_of(std::string_view type) {
    for (const PartSpec& row : kParts)
        if (row.type.ends_with('/') ? type.starts_with(row.type) : type == row.type) return &row;
    return nullptr;
}

bool has_prefix(Bytes data, std::string_view prefix) { return data.starts_with(prefix); }

/// Agents that know no better write application/octet-stream: the name and the first octets tell a picture.
std::string_view guessed_type(const Entity& leaf, Bytes data) {
    if (has_prefix(data, "\xFF\xD8\xFF")) return "image/jpeg";
    if (has_prefix(data, "\x89PNG\r\n\x1A\n")) return "image/png";
    if (has_prefix(data, "GIF87a") || has_prefix(data, "GIF89a")) return "image/gif";
    std::size_t dot = leaf.file_name.rfind('.');
    std::string_view named = dot == std::string::npos ? std::string_view() : type_of_extension(std::string_view(leaf.file_name).substr(dot + 1));
    bool shown = named.starts_with("audio/") || named.starts_with("video/") || named == "text/vcard" || named == "text/calendar";
    return shown ? named : std::string_view();
}

bool is_attached(const Entity& leaf) { return leaf.disposition == "attachment"; }

bool is_html(const Entity& leaf) { return leaf.media.type == "text/html" || leaf.media.type == "application/xhtml+xml"; }

/// A multipart in which no part was found is read as the text it then is.
bool is_text_leaf(const Entity& entity) {
    if (entity.is_multipart()) return entity.parts.empty();
    return (entity.media.type == "text/plain" || is_html(entity)) && !is_attached(entity);
}

std::string parameter_or(const Entity& entity, std::string_view name, std::string_view fallback) {
    const std::string* value = entity.media.parameter(name);
    return value ? *value : std::string(fallback);
}

/// The charset's name; a comment behind it is none of it.
std::string charset_of(const Entity& leaf) {
    std::string charset = parameter_or(leaf, "charset", "");
    return charset.substr(0, charset.find_first_of(" \t("));
}

struct LeafText {
    std::string text;
    bool cut_short = false;
};

LeafText text_of(const Entity& leaf) {
    Octets octets = decoded_body(leaf);
    std::string charset = charset_of(leaf);
    if (is_html(leaf)) {
        if (charset.empty()) charset = html_charset(octets);
        HtmlText html = html_to_text(to_utf8(octets, charset));
        return {std::move(html.text), html.cut_short};
    }
    std::string text = to_utf8(octets, charset);
    if (same_name(parameter_or(leaf, "format", ""), "flowed")) {
        // Line ends first, but the spaces that tell a flowed line must stay until it is joined.
        std::erase(text, '\r');
        text = reflow(text, same_name(parameter_or(leaf, "delsp", ""), "yes"));
    }
    return {tidy_text(text), false};
}

std::string readable_size(std::size_t octets) {
    if (octets < 1000) return std::to_string(octets) + " octets";
    if (octets < 1'000'000) return std::to_string((octets + 500) / 1000) + " kB";
    return std::to_string((octets + 500'000) / 1'000'000) + " MB";
}

std::string not_delivered(std::string_view name, std::string_view type, std::size_t size_bytes) {
    std::string out = "[not delivered: ";
    std::string shown = header_text(name, kLimits.file_name_bytes);
    if (!shown.empty()) out += shown + ", ";
    return out.append(type) + ", " + readable_size(size_bytes) + "]";
}

/// What stays of a content type's parameters on a part that is kept: nothing that speaks of the mail.
std::vector<Parameter> kept_parameters(const MediaType& media) {
    std::vector<Parameter> out;
    for (const Parameter& p : media.parameters)
        if (p.name != "name" && p.name != "boundary" && !p.name.starts_with("x-")) out.push_back({p.name, header_text(p.value, kLimits.uri_bytes)});
    return out;
}

std::uint32_t big_endian(Bytes data, std::size_t at, int octets) {
    std::uint32_t out = 0;
    for (int i = 0; i < octets; ++i) out = out << 8 | static_cast<unsigned char>(data[at + static_cast<std::size_t>(i)]);
    return out;
}

class BodyReader {
public:
    /// Recursion follows the tree, whose depth read_mime_tree has bounded.
    void read(const Entity& entity) {
        if (refused_) return;
        if (is_text_leaf(entity))
            read_text(entity);
        else if (entity.is_multipart())
            read_multipart(entity);
        else if (!entity.parts.empty())
            read_message(entity);
        else
            read_part(entity);
    }

    Result<Body> finish() {
        if (refused_) return fail(Fault::content_refused, "message/partial is only a piece of a message");
        if (surplus_ > 0) body_.notes.push_back("[not delivered: " + std::to_string(surplus_) + " more attachments]");
        return std::move(body_);
    }

private:
    void read_multipart(const Entity& entity) {
        std::string_view subtype = std::string_view(entity.media.type).substr(std::string_view("multipart/").size());
        if (subtype == "alternative") {
            read_alternative(entity);
        } else if (subtype == "related") {
            read_related(entity);
        } else if (subtype == "signed") {
            read(entity.parts.front());
            note(kSignatureNote);
        } else if (subtype == "encrypted") {
            note(not_delivered({}, "encrypted message", entity.body.size()));
        } else if (subtype == "report") {
            read(entity.parts.front());
        } else {
            for (const Entity& part : entity.parts) read(part);
        }
    }

    /// Plain text where there is some to see, else the last alternative we can show. The richer one's media and attachments come along with the plain text.
    void read_alternative(const Entity& entity) {
        const Entity* rich = nullptr;
        std::string plain;
        for (const Entity& part : entity.parts) {
            const PartSpec* spec = spec_of(part.media.type);
            if (part.media.type == "text/plain" && !is_attached(part)) {
                std::string text = texts_wanted_ ? text_of(part).text : std::string();
                if (has_visible_text(text)) plain = std::move(text);
            } else if (part.is_multipart() || (spec && spec->treatment <= Treatment::video)) {
                rich = &part;
            }
        }
        if (plain.empty()) {
            if (!rich) rich = &entity.parts.back();
            read(*rich);
        } else {
            add_text(std::move(plain));
            texts_wanted_ = false;
            if (rich) read(*rich);
            texts_wanted_ = true;
        }
        // An invitation or a card beside the text says more than the text.
        for (const Entity& part : entity.parts) {
            const PartSpec* spec = spec_of(part.media.type);
            if (&part != rich && spec && spec->treatment == Treatment::attachment) read(part);
        }
    }

    /// The root first, then what its page refers to in that order, then the rest.
    void read_related(const Entity& entity) {
        const Entity* root = &entity.parts.front();
        std::string start = parameter_or(entity, "start", "");
        if (start.size() > 2 && start.front() == '<' && start.back() == '>') start = start.substr(1, start.size() - 2);
        for (const Entity& part : entity.parts)
            if (!start.empty() && part.content_id == start) root = &part;
        read(*root);

        std::vector<std::string> references;
        bool page = collect_references(*root, references);
        std::vector<const Entity*> rest;
        for (const Entity& part : entity.parts)
            if (&part != root) rest.push_back(&part);
        // Source: RFC 2557 §5 (Content-Location), RFC 2392 (cid).
        auto place = [&](const Entity* part) {
            auto refers = [&](const std::string& name) { return name == part->content_id || name == part->content_location; };
            return std::find_if(references.begin(), references.end(), refers) - references.begin();
        };
        std::stable_sort(rest.begin(), rest.end(), [&](const Entity* a, const Entity* b) { return place(a) < place(b); });
        for (const Entity* part : rest) {
            bool referred = place(part) < static_cast<std::ptrdiff_t>(references.size());
            if (page && referred && is_decoration(*part)) continue;
            read(*part);
        }
    }

    /// Gathers the content ids and locations that the HTML below `root` refers to; whether there is any HTML.
    static bool collect_references(const Entity& root, std::vector<std::string>& out) {
        bool found = false;
        std::vector<const Entity*> open{&root};
        while (!open.empty()) {
            const Entity* entity = open.back();
            open.pop_back();
            if (is_text_leaf(*entity) && is_html(*entity)) {
                found = true;
                for (std::string& name : html_references(decoded_body(*entity))) out.push_back(std::move(name));
            }
            for (const Entity& part : entity->parts) open.push_back(&part);
        }
        return found;
    }

    static bool is_decoration(const Entity& part) {
        if (!part.media.type.starts_with("image/")) return false;
        Entity head;   // the size of a picture stands near its start
        head.encoding = part.encoding;
        head.body = part.body.substr(0, kPictureHeadBytes);
        Octets data = decoded_body(head);
        PictureSize size = picture_size(data);
        return data.size() < kSmallPictureBytes || (size.width == 1 && size.height == 1);
    }

    void read_message(const Entity& entity) {
        const Entity& message = entity.parts.front();
        if (texts_wanted_) {
            std::string lines;
            for (std::string_view name : {"From", "Subject", "Date"})
                if (const HeaderField* field = message.header.find(name))
                    lines.append(name).append(": ").append(header_text(decode_text(field->folded), kLimits.subject_bytes)).append("\n");
            add_text(tidy_text(lines));
        }
        read(message);
    }

    void read_text(const Entity& leaf) {
        if (!texts_wanted_) return;
        LeafText text = text_of(leaf);
        if (has_visible_text(text.text)) add_text(std::move(text.text));
        if (text.cut_short) note(kCutNote);
    }

    void read_part(const Entity& leaf) {
        const PartSpec* spec = spec_of(leaf.media.type);
        Treatment treatment = spec ? spec->treatment : Treatment::attachment;
        switch (treatment) {
            case Treatment::refused: refused_ = true; return;
            case Treatment::superseded: return;
            case Treatment::signature: note(kSignatureNote); return;
            default: break;
        }
        Octets data = decoded_body(leaf);
        if (same_name(leaf.file_name, "winmail.dat")) treatment = Treatment::unsupported;
        if (treatment == Treatment::unsupported || data.empty()) {
            note(not_delivered(leaf.file_name, leaf.media.type, data.size()));
            return;
        }
        std::string charset = charset_of(leaf);
        if (charset.empty()) charset = "us-ascii";
        if (treatment == Treatment::other_text && !is_attached(leaf) && leaf.file_name.empty() && charset_number(charset)) {
            std::string text = tidy_text(to_utf8(data, charset));
            if (texts_wanted_ && has_visible_text(text)) add_text(std::move(text));
            return;
        }
        if (media_parts_ == kLimits.mail_media_parts) {
            ++surplus_;
            return;
        }
        ++media_parts_;
        keep(leaf, spec, treatment, std::move(data));
    }

    void keep(const Entity& leaf, const PartSpec* spec, Treatment treatment, Octets data) {
        Piece piece;
        Part& part = piece.part;
        part.media = {leaf.media.type, kept_parameters(leaf.media)};
        if (leaf.media.type == "application/octet-stream") {
            if (std::string_view guess = guessed_type(leaf, data); !guess.empty()) {
                spec = spec_of(guess);
                treatment = spec ? spec->treatment : Treatment::attachment;
                part.media = {std::string(guess), {}};
            }
        } else if (spec && !spec->canonical.empty()) {
            part.media.type = spec->canonical;
        }
        if (treatment == Treatment::plain_text) {
            data = with_crlf(to_utf8(data, charset_of(leaf)));
            part.media.parameters = {{"charset", "utf-8"}};
        }
        if (treatment == Treatment::picture) piece.kind = MediaKind::picture;
        if (treatment == Treatment::sound) piece.kind = MediaKind::sound;
        if (treatment == Treatment::video) piece.kind = MediaKind::video;
        if (piece.kind == MediaKind::none) part.disposition = "attachment";
        part.file_name = leaf.file_name.empty() ? leaf.content_location.substr(0, leaf.content_location.find('?')) : leaf.file_name;
        part.data = std::move(data);
        body_.pieces.push_back(std::move(piece));
    }

    void add_text(std::string text) {
        if (text.empty()) return;
        if (!body_.pieces.empty() && body_.pieces.back().is_text())
            body_.pieces.back().text += "\n\n" + text;
        else
            body_.pieces.push_back({std::move(text), MediaKind::none, {}});
    }

    void note(std::string_view text) {
        if (std::find(body_.notes.begin(), body_.notes.end(), text) == body_.notes.end() && body_.notes.size() < kLimits.mail_media_parts)
            body_.notes.emplace_back(text);
    }

    Body body_;
    bool texts_wanted_ = true;   // false inside an alternative whose text has been taken
    bool refused_ = false;
    std::size_t media_parts_ = 0;
    std::size_t surplus_ = 0;
};

Part untouched_part(const Entity& leaf) {
    Part part;
    part.media = leaf.media;
    part.content_id = header_text(leaf.content_id, kLimits.uri_bytes);
    part.content_location = header_text(leaf.content_location, kLimits.uri_bytes);
    part.disposition = leaf.disposition;
    part.file_name = header_text(leaf.file_name, kLimits.uri_bytes);
    // A message's structure was looked at, its octets are the payload all the same.
    part.data = decoded_body(leaf);
    return part;
}

}   // namespace

Result<Body> read_body(const Entity& mail) {
    BodyReader reader;
    reader.read(mail);
    return reader.finish();
}

std::string leaf_text(const Entity& leaf) { return is_text_leaf(leaf) ? text_of(leaf).text : std::string(); }

Result<Content> untouched_content(const Entity& mail) {
    Content out;
    if (!mail.is_multipart() || mail.parts.empty()) {
        out.media.type = "multipart/mixed";
        out.parts.push_back(untouched_part(mail));
        return out;
    }
    auto without_boundary = [](MediaType media) {
        std::erase_if(media.parameters, [](const Parameter& p) { return p.name == "boundary"; });
        return media;
    };
    out.media = without_boundary(mail.media);
    struct Level {
        const Entity* from;
        std::vector<Part>* to;
        std::size_t next = 0;
    };
    std::size_t count = 0;
    std::vector<Level> open{{&mail, &out.parts}};
    while (!open.empty()) {
        Level& level = open.back();
        if (level.next == level.from->parts.size()) {
            open.pop_back();
            continue;
        }
        if (level.next == 0) level.to->reserve(level.from->parts.size());   // so that pointers into it hold
        const Entity& entity = level.from->parts[level.next++];
        if (++count > kLimits.pdu_parts) return fail(Fault::too_large, "the mail has more parts than the 256 of an MM");
        bool nested = entity.is_multipart() && !entity.parts.empty();
        if (!nested) {
            level.to->push_back(untouched_part(entity));
            continue;
        }
        if (open.size() == kLimits.pdu_depth) return fail(Fault::too_large, "the mail is nested deeper than the 8 levels of an MM");
        Part& part = level.to->emplace_back();
        part.media = without_boundary(entity.media);
        open.push_back({&entity, &part.parts});
    }
    return out;
}

PictureSize picture_size(Bytes picture) {
    if (picture.starts_with("\x89PNG\r\n\x1A\n") && picture.size() >= 24) return {big_endian(picture, 16, 4), big_endian(picture, 20, 4)};
    if ((picture.starts_with("GIF87a") || picture.starts_with("GIF89a")) && picture.size() >= 10) {
        auto octet = [&](std::size_t at) { return big_endian(picture, at, 1); };
        return {octet(6) | octet(7) << 8, octet(8) | octet(9) << 8};
    }
    if (!picture.starts_with("\xFF\xD8")) return {};
    // Segments of a marker and a length; SOF0 to SOF15 without DHT, JPG and DAC hold the size (ITU-T T.81 §B.2.2).
    for (std::size_t at = 2; at + 9 <= picture.size();) {
        if (big_endian(picture, at, 1) != 0xFF) return {};
        std::uint32_t marker = big_endian(picture, at + 1, 1);
        bool frame = marker >= 0xC0 && marker <= 0xCF && marker != 0xC4 && marker != 0xC8 && marker != 0xCC;
        if (frame) return {big_endian(picture, at + 7, 2), big_endian(picture, at + 5, 2)};
        at += 2 + std::max<std::uint32_t>(big_endian(picture, at + 2, 2), 2);
    }
    return {};
}

}   // namespace mmgate::mail
