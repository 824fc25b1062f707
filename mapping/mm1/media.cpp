#include "mapping/mm1/media.h"

#include <algorithm>
#include <charconv>

#include "mapping/charset.h"
#include "mapping/limits.h"
#include "mapping/mm1/wsp.h"

namespace mmgate::mm1 {

namespace {

// Source: OMNA WSP content type numbers; WAP-230-WSP table 40 for the first of them. Position is number.
constexpr auto kMedia = std::to_array<std::string_view>({
    "*/*",
    "text/*",
    "text/html",
    "text/plain",
    "text/x-hdml",
    "text/x-ttml",
    "text/x-vcalendar",
    "text/x-vcard",
    "text/vnd.wap.wml",
    "text/vnd.wap.wmlscript",
    "text/vnd.wap.wta-event",
    "multipart/*",
    "multipart/mixed",
    "multipart/form-data",
    "multipart/byteranges",
    "multipart/alternative",
    "application/*",
    "application/java-vm",
    "application/x-www-form-urlencoded",
    "application/x-hdmlc",
    "application/vnd.wap.wmlc",
    "application/vnd.wap.wmlscriptc",
    "application/vnd.wap.wta-eventc",
    "application/vnd.wap.uaprof",
    "application/vnd.wap.wtls-ca-certificate",
    "application/vnd.wap.wtls-user-certificate",
    "application/x-x509-ca-cert",
    "application/x-x509-user-cert",
    "image/*",
    "image/gif",
    "image/jpeg",
    "image/tiff",
    "image/png",
    "image/vnd.wap.wbmp",
    "application/vnd.wap.multipart.*",
    "application/vnd.wap.multipart.mixed",
    "application/vnd.wap.multipart.form-data",
    "application/vnd.wap.multipart.byteranges",
    "application/vnd.wap.multipart.alternative",
    "application/xml",
    "text/xml",
    "application/vnd.wap.wbxml",
    "application/x-x968-cross-cert",
    "application/x-x968-ca-cert",
    "application/x-x968-user-cert",
    "text/vnd.wap.si",
    "application/vnd.wap.sic",
    "text/vnd.wap.sl",
    "application/vnd.wap.slc",
    "text/vnd.wap.co",
    "application/vnd.wap.coc",
    "application/vnd.wap.multipart.related",
    "application/vnd.wap.sia",
    "text/vnd.wap.connectivity-xml",
    "application/vnd.wap.connectivity-wbxml",
    "application/pkcs7-mime",
    "application/vnd.wap.hashed-certificate",
    "application/vnd.wap.signed-certificate",
    "application/vnd.wap.cert-response",
    "application/xhtml+xml",
    "application/wml+xml",
    "text/css",
    "application/vnd.wap.mms-message",
    "application/vnd.wap.rollover-certificate",
    "application/vnd.wap.locc+wbxml",
    "application/vnd.wap.loc+xml",
    "application/vnd.syncml.dm+wbxml",
    "application/vnd.syncml.dm+xml",
    "application/vnd.syncml.notification",
    "application/vnd.wap.xhtml+xml",
    "application/vnd.wv.csp.cir",
    "application/vnd.oma.dd+xml",
    "application/vnd.oma.drm.message",
    "application/vnd.oma.drm.content",
    "application/vnd.oma.drm.rights+xml",
    "application/vnd.oma.drm.rights+wbxml",
    "application/vnd.wv.csp+xml",
    "application/vnd.wv.csp+wbxml",
    "application/vnd.syncml.ds.notification",
    "audio/*",
    "video/*",
    "application/vnd.oma.dd2+xml",
    "application/mikey",
    "application/vnd.oma.dcd",
    "application/vnd.oma.dcdc",
    "text/x-vmessage",
    "application/vnd.omads-email+wbxml",
    "text/x-vbookmark",
    "application/vnd.syncml.dm.notification",
    "",
    "application/octet-stream",
});
static_assert(kMedia[0x3E] == "application/vnd.wap.mms-message" && kMedia[0x33] == "application/vnd.wap.multipart.related" && kMedia[0x5A] == "application/octet-stream");

// Source: OMNA WSP registered content types.
// clang-format off
constexpr auto kRegisteredMedia = std::to_array<MediaNumber>({
    {0x0201, "application/vnd.uplanet.cacheop-wbxml"}, {0x0202, "application/vnd.uplanet.signal"}, {0x0203, "application/vnd.uplanet.alert-wbxml"},
    {0x0204, "application/vnd.uplanet.list-wbxml"}, {0x0205, "application/vnd.uplanet.listcmd-wbxml"}, {0x0206, "application/vnd.uplanet.channel-wbxml"},
    {0x0207, "application/vnd.uplanet.provisioning-status-uri"}, {0x0208, "x-wap.multipart/vnd.uplanet.header-set"}, {0x0209, "application/vnd.uplanet.bearer-choice-wbxml"},
    {0x020A, "application/vnd.phonecom.mmc-wbxml"}, {0x020B, "application/vnd.nokia.syncset+wbxml"}, {0x020C, "image/x-up-wpng"},
    {0x0300, "application/iota.mmc-wbxml"}, {0x0301, "application/iota.mmc-xml"}, {0x0302, "application/vnd.syncml+xml"}, {0x0303, "application/vnd.syncml+wbxml"},
    {0x0304, "text/vnd.wap.emn+xml"}, {0x0305, "text/calendar"}, {0x0306, "application/vnd.omads-email+xml"}, {0x0307, "application/vnd.omads-file+xml"},
    {0x0308, "application/vnd.omads-folder+xml"}, {0x0309, "text/directory;profile=vcard"}, {0x030A, "application/vnd.wap.emn+wbxml"},
    {0x030B, "application/vnd.nokia.ipdc-purchase-response"}, {0x030C, "application/vnd.motorola.screen3+xml"}, {0x030D, "application/vnd.motorola.screen3+gzip"},
    {0x030E, "application/vnd.cmcc.setting+wbxml"}, {0x030F, "application/vnd.cmcc.bombing+wbxml"}, {0x0310, "application/vnd.docomo.pf"},
    {0x0311, "application/vnd.docomo.ub"}, {0x0312, "application/vnd.omaloc-supl-init"}, {0x0313, "application/vnd.oma.group-usage-list+xml"},
    {0x0314, "application/oma-directory+xml"}, {0x0315, "application/vnd.docomo.pf2"}, {0x0316, "application/vnd.oma.drm.roap-trigger+wbxml"},
    {0x0317, "application/vnd.sbm.mid2"}, {0x0318, "application/vnd.wmf.bootstrap"}, {0x0319, "application/vnc.cmcc.dcd+xml"}, {0x031A, "application/vnd.sbm.cid"},
    {0x031B, "application/vnd.oma.bcast.provisioningtrigger"}, {0x031C, "application/vnd.docomo.dm"}, {0x031D, "application/vnd.oma.scidm.messages+xml"},
    {0x031E, "application/vnd.innopath.wamp.notification"},
});
// clang-format on

// Encoding version 1.4 ends at 3E; a newer number would be unknown to older terminals.
constexpr std::size_t kNewestWrittenMedia = 0x3E;
constexpr std::string_view kOctetStream = "application/octet-stream";
constexpr std::string_view kMultipart = "multipart/";
constexpr std::string_view kWapStem = "application/vnd.wap.multipart";   // and a dot, in the names that are assigned

std::string lower(std::string_view text) {
    std::string out(text);
    for (char& c : out)
        if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
    return out;
}

std::string_view trimmed(std::string_view text) {
    while (text.starts_with(' ')) text.remove_prefix(1);
    while (text.ends_with(' ')) text.remove_suffix(1);
    return text;
}

/// The quotes of a Quoted-string, in all the forms that phones write: a mark in front, and perhaps one behind.
std::string without_quotes(std::string_view text) {
    while (text.starts_with('"')) {
        text.remove_prefix(1);
        if (text.ends_with('"')) text.remove_suffix(1);
    }
    return std::string(text);
}

/// Source: RFC 2616 §2.2.
bool is_token(std::string_view text) {
    constexpr std::string_view kSeparators = "()<>@,;:\\\"/[]?={}";
    return !text.empty() && std::ranges::all_of(text, [&](char c) { return c > ' ' && c < 0x7F && kSeparators.find(c) == std::string_view::npos; });
}

void add_once(std::vector<Parameter>& parameters, std::string name, std::string value) {
    if (std::ranges::find(parameters, name, &Parameter::name) != parameters.end()) return;   // the first wins
    if (parameters.size() < kLimits.parameters) parameters.push_back({std::move(name), std::move(value)});
}

/// The number that a charset is written by: that of its name, or the digits of one that has no name.
std::optional<std::uint32_t> written_charset(std::string_view charset) {
    if (charset == "*") return 0;
    if (auto known = charset_number(charset)) return known;
    std::uint32_t number = 0;
    auto [end, error] = std::from_chars(charset.data(), charset.data() + charset.size(), number);
    return !charset.empty() && error == std::errc() && end == charset.data() + charset.size() ? std::optional(number) : std::nullopt;
}

std::string charset_of(std::uint64_t number) {
    if (number == 0) return "*";
    auto name = number <= UINT32_MAX ? charset_name(static_cast<std::uint32_t>(number)) : std::nullopt;
    return name ? std::string(*name) : std::to_string(number);
}

/// One name for each charset, however it was given.
std::string charset_of(std::string_view text) {
    std::string out = lower(without_quotes(text));
    auto number = written_charset(out);
    return number ? charset_of(std::uint64_t{*number}) : out;
}

/// The type of a number. One that is registered with a parameter keeps it as such.
std::string media_name(std::uint64_t number, std::vector<Parameter>& parameters) {
    return split_text_type(media_of(number).value_or(kOctetStream), parameters);
}

/// The same where only the type is asked for.
std::string media_name(std::uint64_t number) {
    std::vector<Parameter> none;
    return media_name(number, none);
}

std::string read_q_value(Cursor& in) {
    std::uint32_t raw = read_uintvar(in);
    if (raw == 0 || raw > 1099) return {};
    const bool two = raw <= 100;
    std::string digits = std::to_string(two ? raw - 1 : raw - 100);
    const std::size_t width = two ? 2 : 3;
    while (digits.size() < width) digits.insert(0, "0");
    return "0." + digits;
}

std::string read_version(Cursor& in) {
    std::uint8_t octet = in.octet("version");
    std::string out = std::to_string((octet >> 4) & 7);
    if ((octet & 15) != 15) out += "." + std::to_string(octet & 15);
    return out;
}

std::string read_charset(Cursor& in) {
    const bool text = shape_of(in.peek()) == Shape::text || in.peek() == 0;
    return text ? charset_of(read_text(in, kLimits.text_bytes, "charset")) : charset_of(read_integer(in));
}

std::string read_parameter_value(Cursor& in, ParameterSyntax syntax) {
    const Shape shape = shape_of(in.peek());
    switch (syntax) {
        case ParameterSyntax::charset: return read_charset(in);
        case ParameterSyntax::media:
            if (shape == Shape::text) return lower(without_quotes(read_text(in, kLimits.text_bytes, "media type")));
            if (in.peek() != 0) return media_name(read_integer(in));
            break;
        case ParameterSyntax::integer:
        case ParameterSyntax::date:
            if (shape != Shape::text) return std::to_string(read_integer(in));
            break;
        case ParameterSyntax::q_value: return read_q_value(in);
        case ParameterSyntax::version:
            if (shape == Shape::octet) return read_version(in);
            break;
        case ParameterSyntax::no_value:
            if (in.peek() == 0) {
                in.octet("No-value");
                return {};
            }
            break;
        case ParameterSyntax::text: break;
    }
    // A value that cannot be written in its own syntax stands as a text; a number where text is due is kept as digits.
    if (shape == Shape::text || in.peek() == 0) return without_quotes(read_text(in, kLimits.text_bytes, "parameter value"));
    return std::to_string(read_integer(in));
}

const ParameterSpec* numbered_parameter(std::uint64_t number, std::span<const ParameterSpec> own) {
    for (std::span<const ParameterSpec> table : {own, std::span<const ParameterSpec>(kParameters)})
        for (const ParameterSpec& spec : table)
            if (spec.number == number) return &spec;
    return nullptr;
}
/// The row of a name that is written by its number.
const ParameterSpec* written_parameter(std::string_view name, std::span<const ParameterSpec> own) {
    for (std::span<const ParameterSpec> table : {own, std::span<const ParameterSpec>(kParameters)})
        for (const ParameterSpec& spec : table)
            if (spec.encoded && spec.name == name) return &spec;
    return nullptr;
}

}   // namespace

std::optional<std::string_view> media_of(std::uint64_t number) {
    if (number < kMedia.size() && !kMedia[number].empty()) return kMedia[number];
    auto found = std::ranges::find(kRegisteredMedia, number, &MediaNumber::number);
    if (found != kRegisteredMedia.end()) return found->type;
    return std::nullopt;
}

std::optional<std::uint8_t> number_of_media(std::string_view type) {
    for (std::size_t i = 0; i <= kNewestWrittenMedia; ++i)
        if (kMedia[i] == type) return static_cast<std::uint8_t>(i);
    return std::nullopt;
}

bool is_multipart(std::string_view type) { return type.starts_with(kMultipart) || type.starts_with(kWapStem); }

std::string internet_type_of(std::string_view wap_type) {
    if (!is_multipart(wap_type)) return std::string(wap_type);
    std::string_view kind = wap_type.substr(wap_type.starts_with(kMultipart) ? kMultipart.size() - 1 : kWapStem.size());
    const bool named = kind.size() > 1 && (kind.front() == '.' || kind.front() == '/') && kind.substr(1) != "*";
    return std::string(kMultipart) + std::string(named ? kind.substr(1) : "mixed");
}

std::string wap_type_of(std::string_view internet_type) {
    if (!internet_type.starts_with(kMultipart)) return std::string(internet_type);
    const std::string prefix = std::string(kWapStem) + ".";
    std::string wap = prefix + std::string(internet_type.substr(kMultipart.size()));
    return number_of_media(wap) && !wap.ends_with('*') ? wap : prefix + "mixed";
}

std::string split_text_type(std::string_view text, std::vector<Parameter>& parameters) {
    // A semicolon within quotes belongs to a value.
    auto end_of_piece = [&text] {
        bool quoted = false;
        std::size_t end = 0;
        for (; end < text.size() && (quoted || text[end] != ';'); ++end) quoted ^= text[end] == '"';
        return end;
    };
    std::size_t end = std::min(text.find(';'), text.size());
    std::string type = lower(trimmed(text.substr(0, end)));
    while (end < text.size()) {
        text.remove_prefix(end + 1);
        end = end_of_piece();
        const std::string_view one = text.substr(0, end);
        const std::size_t equals = one.find('=');
        if (equals == std::string_view::npos) continue;
        std::string name = lower(trimmed(one.substr(0, equals)));
        std::string value = without_quotes(trimmed(one.substr(equals + 1)));
        if (name == "charset") value = charset_of(value);
        if (is_token(name) && !(name == "charset" && value.empty())) add_once(parameters, std::move(name), std::move(value));
    }
    return type;
}

void read_parameters(Cursor& in, std::vector<Parameter>& parameters, std::span<const ParameterSpec> own) {
    // A parameter that crosses the end of the form is dropped with all behind it; the form's length says where to resume.
    while (!in.at_end()) {
        Cursor probe = in;
        std::string name, value;
        if (shape_of(probe.peek()) == Shape::text) {
            name = lower(read_text(probe, kLimits.text_bytes, "parameter name"));
            // By name or by number, a parameter means the same.
            const ParameterSpec* spec = written_parameter(name, own);
            value = read_parameter_value(probe, spec ? spec->syntax : ParameterSyntax::text);
            if (!is_token(name)) name.clear();
        } else {
            const ParameterSpec* spec = numbered_parameter(read_integer(probe), own);
            if (!spec) {
                skip_value(probe);
            } else {
                name = spec->name;
                value = read_parameter_value(probe, spec->syntax);
            }
        }
        if (probe.error()) {
            in.rest();
            return;
        }
        in = probe;
        const bool says_nothing = value.empty() && (name == "charset" || name == "q");
        if (!name.empty() && !says_nothing) add_once(parameters, std::move(name), std::move(value));
    }
}

MediaType read_content_type(Cursor& in, ContentTypePlace place) {
    MediaType media;
    const std::size_t start = in.offset();
    switch (shape_of(in.peek())) {
        case Shape::octet: media.type = media_name(in.octet("Content-Type") & 0x7F, media.parameters); break;
        case Shape::text: media.type = split_text_type(read_text(in, kLimits.text_bytes, "Content-Type"), media.parameters); break;
        case Shape::length:
        case Shape::quoted_length: {
            std::uint32_t length = read_value_length(in);
            Cursor form = in.sub(length, "Content-Type");
            if (in.error()) return media;
            if (form.at_end()) {
                if (place == ContentTypePlace::pdu) in.set_error_at(Fault::malformed, "Content-Type has length 0", start);
                media.type = kOctetStream;
                return media;
            }
            if (shape_of(form.peek()) == Shape::text) media.type = split_text_type(read_text(form, kLimits.text_bytes, "media type"), media.parameters);
            else media.type = media_name(read_integer(form), media.parameters);
            if (form.error()) {
                in.set_error_at(form.error()->fault, form.error()->rule, form.error()->offset);
                return media;
            }
            read_parameters(form, media.parameters);
            break;
        }
    }
    if (media.type.empty()) media.type = kOctetStream;
    return media;
}

void write_parameter(Octets& out, const Parameter& parameter, std::span<const ParameterSpec> own) {
    const ParameterSpec* spec = written_parameter(parameter.name, own);
    if (!spec) {
        if (!is_token(parameter.name)) return;   // it could be read as a number, a length or another name
        write_raw_text(out, parameter.name);
        write_text(out, parameter.value);
        return;
    }
    if (spec->syntax == ParameterSyntax::charset && parameter.value.empty()) return;
    out += static_cast<char>(0x80 | spec->number);
    switch (spec->syntax) {
        case ParameterSyntax::charset:
            if (auto number = written_charset(parameter.value)) write_integer(out, *number);
            else write_text(out, parameter.value);
            break;
        case ParameterSyntax::media:
            if (auto number = number_of_media(parameter.value)) out += static_cast<char>(0x80 | *number);
            else write_text(out, parameter.value);
            break;
        default: write_text(out, parameter.value); break;
    }
}

void write_content_type(Octets& out, const MediaType& media) {
    auto number = number_of_media(media.type);
    if (media.parameters.empty()) {
        if (number) out += static_cast<char>(0x80 | *number);
        else write_text(out, media.type);
        return;
    }
    Octets form;
    if (number) form += static_cast<char>(0x80 | *number);
    else write_text(form, media.type);
    for (const Parameter& parameter : media.parameters) write_parameter(form, parameter);
    write_value_length(out, form.size());
    out += form;
}

}   // namespace mmgate::mm1
