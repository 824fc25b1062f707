#include "mapping/mail/mime_tree.h"

#include <gmime/gmime.h>

#include <algorithm>
#include <array>
#include <memory>

#include "mapping/charset.h"
#include "mapping/limits.h"
#include "mapping/mail/encoded_words.h"
#include "mapping/mail/transfer_encoding.h"

namespace mmgate::mail {
namespace {

template <auto release>
struct Release {
    template <class T>
    void operator()(T* p) const noexcept {
        release(p);
    }
};
using ContentType = std::unique_ptr<GMimeContentType, Release<g_object_unref>>;
using Disposition = std::unique_ptr<GMimeContentDisposition, Release<g_object_unref>>;
using AddressList = std::unique_ptr<InternetAddressList, Release<g_object_unref>>;
using DateTime = std::unique_ptr<GDateTime, Release<g_date_time_unref>>;

/// GMime's types are registered once; afterwards it may be used from any thread.
void initialise_gmime() {
    [[maybe_unused]] static const bool done = [] {
        g_mime_init();
        return true;
    }();
}

/// A colon that our own reading takes for quoted may start a group in GMime's, and each level costs it stack.
constexpr std::ptrdiff_t kMaxColons = 1024;

constexpr bool is_token_char(char c) {
    return c > ' ' && c < 0x7F && std::string_view("()<>@,;:\\\"/[]?=").find(c) == std::string_view::npos;
}
bool is_token(std::string_view text) { return !text.empty() && std::all_of(text.begin(), text.end(), is_token_char); }

std::string lower_case(std::string_view text) {
    std::string out(text);
    for (char& c : out)
        if (c >= 'A' && c <= 'Z') c = static_cast<char>(c + ('a' - 'A'));
    return out;
}

/// A field's value on one line in UTF-8. GMime sees neither NUL nor raw octets of an unknown charset.
std::string readable(std::string_view folded) {
    std::string text = unfolded(folded);
    return is_ascii(text) || is_utf8(text) ? text : to_utf8(text, "");
}

/// Encoded words are decoded here, after GMime has found their places: it must not know them. The disguise is made of atom characters.
constexpr std::string_view kEncodedWordMark = "=?";
constexpr std::string_view kDisguisedMark = "=^?^";
std::string replaced(std::string text, std::string_view from, std::string_view to) {
    for (std::size_t at = text.find(from); at != std::string::npos; at = text.find(from, at + to.size())) text.replace(at, from.size(), to);
    return text;
}
std::string disguised(const std::string& text) { return replaced(text, kEncodedWordMark, kDisguisedMark); }
std::string decoded_or_empty(const char* text) {
    if (!text) return {};
    std::string out = text;
    return out.find(kDisguisedMark) == std::string::npos ? out : decode_encoded_words(replaced(std::move(out), kDisguisedMark, kEncodedWordMark));
}

std::string text_or_empty(const char* text) { return text ? text : ""; }

/// A value with parameters in its simplest form, which nearly all mail has: no comment, no quoted pair, no encoding of any kind. Nothing for any other form:
/// GMime, which takes ten times as long, has the last word on those.
std::optional<MediaType> read_simple_parameters(std::string_view text) {
    std::size_t at = 0;
    auto skip_blanks = [&] { at = std::min(text.find_first_not_of(" \t", at), text.size()); };
    auto token = [&] {
        std::size_t start = at;
        while (at < text.size() && is_token_char(text[at]) && text[at] != '*' && text[at] != '%' && text[at] != '\'') ++at;
        return text.substr(start, at - start);
    };
    MediaType out;
    out.type = lower_case(token());
    if (at < text.size() && text[at] == '/') {
        ++at;
        std::string_view subtype = token();
        if (out.type.empty() || subtype.empty()) return std::nullopt;
        out.type += "/" + lower_case(subtype);
    }
    if (out.type.empty()) return std::nullopt;
    for (;;) {
        skip_blanks();
        if (at == text.size()) return out;
        if (text[at++] != ';') return std::nullopt;
        skip_blanks();
        if (at == text.size()) return out;
        std::string name = lower_case(token());
        if (name.empty() || at == text.size() || text[at++] != '=' || at == text.size() || out.parameters.size() == kLimits.parameters) return std::nullopt;
        std::string_view value;
        if (text[at] == '"') {
            std::size_t end = text.find('"', ++at);
            if (end == std::string_view::npos) return std::nullopt;
            value = text.substr(at, end - at);
            at = end + 1;
            if (value.find('\\') != std::string_view::npos || value.find("=?") != std::string_view::npos || !is_ascii(value)) return std::nullopt;
        } else {
            value = token();
        }
        if (value.empty() || out.parameter(name)) return std::nullopt;
        out.parameters.push_back({std::move(name), std::string(value)});
    }
}

/// The first value of each name counts, but what an ASCII one stands in for comes after it. Source: RFC 2231 §4; RFC 6266 §4.3.
std::vector<Parameter> read_parameters(GMimeParamList* list) {
    std::vector<Parameter> out;
    int count = std::min(g_mime_param_list_length(list), static_cast<int>(kLimits.parameters));
    for (int i = 0; i < count; ++i) {
        GMimeParam* parameter = g_mime_param_list_get_parameter_at(list, i);
        std::string name = lower_case(text_or_empty(g_mime_param_get_name(parameter)));
        std::string value = decoded_or_empty(g_mime_param_get_value(parameter));
        auto found = std::find_if(out.begin(), out.end(), [&](const Parameter& p) { return p.name == name; });
        if (found == out.end() && is_token(name)) out.push_back({std::move(name), std::move(value)});
        else if (found != out.end() && is_ascii(found->value) && !is_ascii(value)) found->value = std::move(value);
    }
    return out;
}

/// A type that is not two tokens cannot be handed on; nothing then.
std::optional<MediaType> read_media_type(std::string_view folded) {
    std::string text = readable(folded);
    if (std::optional<MediaType> simple = read_simple_parameters(text)) {
        if (simple->type == "text") simple->type = "text/plain";   // from before types had subtypes
        if (simple->type.find('/') != std::string::npos) return simple;
    }
    ContentType parsed(g_mime_content_type_parse(nullptr, disguised(text).c_str()));
    if (!parsed) return std::nullopt;
    MediaType out;
    std::string type = lower_case(text_or_empty(g_mime_content_type_get_media_type(parsed.get())));
    std::string subtype = lower_case(text_or_empty(g_mime_content_type_get_media_subtype(parsed.get())));
    if (!is_token(type) || !is_token(subtype)) return std::nullopt;
    out.type = type + "/" + subtype;
    out.parameters = read_parameters(g_mime_content_type_get_parameters(parsed.get()));
    return out;
}

void read_disposition(std::string_view folded, Entity& entity) {
    std::string text = readable(folded);
    if (std::optional<MediaType> simple = read_simple_parameters(text); simple && simple->type.find('/') == std::string::npos) {
        entity.disposition = simple->type;
        if (const std::string* name = simple->parameter("filename")) entity.file_name = *name;
        return;
    }
    Disposition parsed(g_mime_content_disposition_parse(nullptr, disguised(text).c_str()));
    if (!parsed) return;
    std::string token = lower_case(text_or_empty(g_mime_content_disposition_get_disposition(parsed.get())));
    if (is_token(token)) entity.disposition = std::move(token);
    MediaType parameters{{}, read_parameters(g_mime_content_disposition_get_parameters(parsed.get()))};
    if (const std::string* name = parameters.parameter("filename")) entity.file_name = *name;
}

struct EncodingName {
    std::string_view name;
    TransferEncoding encoding;
};
// Source: RFC 2045 §6.1; the x- names are what old agents write.
constexpr auto kEncodings = std::to_array<EncodingName>({
    {"base64", TransferEncoding::base64},
    {"quoted-printable", TransferEncoding::quoted_printable},
    {"x-uuencode", TransferEncoding::uuencode},
    {"x-uue", TransferEncoding::uuencode},
    {"uuencode", TransferEncoding::uuencode},
});

/// Text between the first < and > of an identifier, or all of it.
std::string without_brackets(std::string text) {
    std::size_t open = text.find('<');
    if (open == std::string::npos) return text;
    std::size_t close = text.find('>', open);
    return text.substr(open + 1, close == std::string::npos ? close : close - open - 1);
}

/// A name to which other parts refer. Folding adds spaces to it that are taken out again; any other space is part of the name, as phones give them.
/// Source: RFC 2557 §4.4.2; RFC 2047 where a name is beyond ASCII.
std::string read_name(std::string_view folded) {
    std::string joined;
    joined.reserve(folded.size());
    bool at_fold = true;
    for (char c : folded) {
        if (c == '\r' || c == '\n') at_fold = true;
        else if (!at_fold || (c != ' ' && c != '\t')) {
            joined += c;
            at_fold = false;
        }
    }
    std::string name = unfolded(joined);
    return name.find(kEncodedWordMark) == std::string::npos ? name : decode_text(folded);
}

/// Reads what the header of an entity says of its body. `fallback` is the media type where none is given.
void describe(Entity& entity, std::string_view fallback) {
    for (const HeaderField& field : entity.header.fields) {
        if (field.name.size() < 10 || !same_name(field.name.substr(0, 8), "content-")) continue;
        std::string_view rest = field.name.substr(8);
        if (same_name(rest, "type") && !entity.media_given) {
            std::optional<MediaType> media = read_media_type(field.folded);
            if (!media) media = MediaType{"application/octet-stream", {}};
            entity.media = *std::move(media);
            entity.media_given = true;
        } else if (same_name(rest, "transfer-encoding")) {
            std::string name = unfolded(field.folded);
            for (const EncodingName& row : kEncodings)
                if (same_name(std::string_view(name).substr(0, name.find_first_of(" \t;(")), row.name)) entity.encoding = row.encoding;
        } else if (same_name(rest, "disposition")) {
            read_disposition(field.folded, entity);
        } else if (same_name(rest, "id")) {
            entity.content_id = without_brackets(read_name(field.folded));
        } else if (same_name(rest, "location")) {
            entity.content_location = read_name(field.folded);
        }
    }
    if (!entity.media_given) entity.media.type = fallback;
    if (entity.file_name.empty())
        if (const std::string* name = entity.media.parameter("name")) entity.file_name = *name;
}

bool is_message(const MediaType& media) { return media.type == "message/rfc822" || media.type == "message/global"; }

std::string boundary_of(const Entity& entity) {
    if (!entity.is_multipart()) return {};
    const std::string* boundary = entity.media.parameter("boundary");
    if (!boundary) return {};
    return boundary->substr(0, boundary->find_last_not_of(" \t") + 1);   // RFC 2046 §5.1.1: never ends with a space
}

/// One pass over the mail. The open entities form a chain from the mail to the innermost; their addresses hold, because
/// a list of parts grows only when its last entry is closed.
class TreeReader {
public:
    explicit TreeReader(Bytes mail) : mail_(mail) {}

    Result<Entity> read() {
        Entity root;
        if (std::optional<Error> error = open(root, 0, "text/plain")) return fail(*std::move(error));
        while (at_ < mail_.size())
            if (std::optional<Error> error = take_delimiter()) return fail(*std::move(error));
        close_down_to(0, mail_.size());
        return root;
    }

private:
    struct Open {
        Entity* entity;
        std::size_t body_start;
        std::string boundary;   // of a multipart whose delimiters are looked for
        bool message;
    };

    std::optional<Error> open(Entity& first, std::size_t start, std::string_view fallback) {
        Entity* entity = &first;
        for (;;) {
            Result<HeaderBlock> header = scan_header(mail_.substr(start));
            if (!header) return Error{header.error().fault, start + header.error().offset, header.error().rule};
            entity->header = *std::move(header);
            describe(*entity, fallback);
            at_ = start + entity->header.body_offset;
            bool message = is_message(entity->media) && entity->encoding == TransferEncoding::identity && messages_ < kLimits.rfc822_depth;
            open_.push_back({entity, at_, boundary_of(*entity), message});
            bool nests = message || !open_.back().boundary.empty();
            if (nests && ++depth_ > kLimits.mime_depth) return Error{Fault::too_large, start, "parts are nested deeper than 20 levels"};
            if (!message) return std::nullopt;
            ++messages_;
            if (++parts_ > kLimits.mime_parts) return too_many(start);
            entity = &entity->parts.emplace_back();
            start = at_;
            fallback = "text/plain";
        }
    }

    static Error too_many(std::size_t offset) { return {Fault::too_large, offset, "the mail has more than 1000 parts"}; }

    /// Gives every entity above `level` the body that ends here.
    void close_down_to(std::size_t level, std::size_t end) {
        while (open_.size() > level) {
            Open& top = open_.back();
            top.entity->body = end > top.body_start ? mail_.substr(top.body_start, end - top.body_start) : Bytes{};
            if (top.message || !top.boundary.empty()) --depth_;
            if (top.message) --messages_;
            open_.pop_back();
        }
    }

    /// Moves behind the next line that is a delimiter of an open multipart, or to the end.
    std::optional<Error> take_delimiter() {
        while (at_ < mail_.size()) {
            // Base64 holds no hyphen, so most of a large mail is passed over at the speed of memchr.
            std::size_t dash = mail_.find('-', at_);
            if (dash == Bytes::npos) break;
            bool starts_line = dash == 0 || mail_[dash - 1] == '\n';
            if (!starts_line || dash + 1 >= mail_.size() || mail_[dash + 1] != '-') {
                at_ = dash + 1;
                continue;
            }
            std::size_t lf = mail_.find('\n', dash);
            std::size_t next = lf == Bytes::npos ? mail_.size() : lf + 1;
            std::string_view line = mail_.substr(dash + 2, next - dash - 2);
            at_ = next;
            for (std::size_t level = open_.size(); level-- > 0;) {
                const std::string& boundary = open_[level].boundary;
                if (boundary.empty() || !line.starts_with(boundary)) continue;
                std::string_view tail = line.substr(boundary.size());
                bool last = tail.starts_with("--");
                if (last) tail.remove_prefix(2);
                if (tail.find_first_not_of(" \t\r\n") != std::string_view::npos) continue;
                return delimit(level, dash, next, last);
            }
        }
        at_ = mail_.size();
        return std::nullopt;
    }

    std::optional<Error> delimit(std::size_t level, std::size_t line, std::size_t next, bool last) {
        std::size_t end = line;   // the line end before a delimiter belongs to it
        if (end > 0) --end;
        if (end > 0 && mail_[end - 1] == '\r') --end;
        if (last) {
            close_down_to(level, end);
            return std::nullopt;
        }
        close_down_to(level + 1, end);
        if (++parts_ > kLimits.mime_parts) return too_many(line);
        Entity& multipart = *open_[level].entity;
        bool digest = multipart.media.type == "multipart/digest";
        return open(multipart.parts.emplace_back(), next, digest ? "message/rfc822" : "text/plain");
    }

    Bytes mail_;
    std::size_t at_ = 0;
    std::size_t parts_ = 1;
    std::size_t depth_ = 0;      // open multiparts and messages
    std::size_t messages_ = 0;   // open messages
    std::vector<Open> open_;
};

/// Source: IEEE Std 1003.1 uuencode; the data stand between a line "begin MODE NAME" and a line "end".
Octets decode_uuencode(Bytes text) {
    std::size_t begin = text.starts_with("begin ") ? 0 : text.find("\nbegin ");
    if (begin == Bytes::npos) return Octets(text);
    std::size_t lf = text.find('\n', begin + 1);
    if (lf == Bytes::npos) return {};
    text.remove_prefix(lf + 1);
    GMimeEncoding state;
    g_mime_encoding_init_decode(&state, GMIME_CONTENT_ENCODING_UUENCODE);
    Octets out(g_mime_encoding_outlen(&state, text.size()), '\0');
    out.resize(g_mime_encoding_step(&state, text.data(), text.size(), out.data()));
    return out;
}

/// One mailbox of atoms, bare or in angle brackets behind a name of atoms; nothing for any other form.
std::optional<MailAddress> read_simple_mailbox(std::string_view text) {
    auto is_plain = [](char c) { return is_token_char(c) && c != '@'; };
    std::string_view name, address = text;
    if (std::size_t open = text.find('<'); open != std::string_view::npos) {
        if (!text.ends_with('>')) return std::nullopt;
        name = text.substr(0, std::min(text.find_last_not_of(' ', open - (open > 0 ? 1 : 0)) + 1, open));
        address = text.substr(open + 1, text.size() - open - 2);
        if (name.find("  ") != std::string_view::npos || name.find('.') != std::string_view::npos) return std::nullopt;
    }
    std::size_t at = address.find('@');
    if (at == std::string_view::npos || at == 0 || at + 1 == address.size()) return std::nullopt;
    bool plain = std::all_of(name.begin(), name.end(), [&](char c) { return c == ' ' || is_plain(c); }) &&
                 std::all_of(address.begin(), address.begin() + static_cast<std::ptrdiff_t>(at), is_plain) &&
                 std::all_of(address.begin() + static_cast<std::ptrdiff_t>(at) + 1, address.end(), is_plain);
    if (!plain) return std::nullopt;
    return MailAddress{std::string(name), std::string(address)};
}

void collect(InternetAddressList* list, std::vector<MailAddress>& out) {
    // Depth is bounded by group_depth: a group's members are visited in place of the group.
    std::vector<std::pair<InternetAddressList*, int>> open{{list, 0}};
    while (!open.empty() && out.size() <= kLimits.header_addresses) {
        auto& [members, next] = open.back();
        if (next >= internet_address_list_length(members)) {
            open.pop_back();
            continue;
        }
        InternetAddress* address = internet_address_list_get_address(members, next++);
        if (INTERNET_ADDRESS_IS_GROUP(address)) {
            if (InternetAddressList* inner = internet_address_group_get_members(INTERNET_ADDRESS_GROUP(address))) open.emplace_back(inner, 0);
        } else if (INTERNET_ADDRESS_IS_MAILBOX(address)) {
            std::string name = decoded_or_empty(internet_address_get_name(address));
            out.push_back({std::move(name), text_or_empty(internet_address_mailbox_get_addr(INTERNET_ADDRESS_MAILBOX(address)))});
        }
    }
}

}   // namespace

Result<Entity> read_mime_tree(Bytes mail) {
    initialise_gmime();
    return TreeReader(mail).read();
}

Octets decoded_body(const Entity& leaf) {
    switch (leaf.encoding) {
        case TransferEncoding::base64: return decode_base64(leaf.body);
        case TransferEncoding::quoted_printable: return decode_quoted_printable(leaf.body);
        case TransferEncoding::uuencode: return decode_uuencode(leaf.body);
        case TransferEncoding::identity: break;
    }
    return Octets(leaf.body);
}

std::string decode_text(std::string_view folded) {
    std::string text = readable(folded);
    return text.find(kEncodedWordMark) == std::string::npos ? text : decode_encoded_words(text);
}

Result<std::vector<MailAddress>> decode_addresses(std::string_view folded) {
    if (group_depth(folded) > kLimits.address_groups) return fail(Fault::too_large, "address groups are nested deeper than 8 levels");
    if (std::count(folded.begin(), folded.end(), ':') > kMaxColons) return fail(Fault::too_large, "an address field has more than 1024 colons");
    std::vector<MailAddress> out;
    std::string text = readable(folded);
    if (std::optional<MailAddress> simple = read_simple_mailbox(text)) {
        out.push_back(*std::move(simple));
        return out;
    }
    initialise_gmime();
    AddressList list(internet_address_list_parse(nullptr, disguised(text).c_str()));
    if (!list) return out;
    collect(list.get(), out);
    if (out.size() > kLimits.header_addresses) return fail(Fault::too_large, "an address field has more than 1000 addresses");
    return out;
}

std::optional<Instant> decode_date(std::string_view folded) {
    initialise_gmime();
    DateTime date(g_mime_utils_header_decode_date(unfolded(folded).c_str()));
    if (!date) return std::nullopt;
    return Instant(std::chrono::seconds(g_date_time_to_unix(date.get())));
}

}   // namespace mmgate::mail
