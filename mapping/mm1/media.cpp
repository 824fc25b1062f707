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
    "*/*", "text/*", "text/html", "text/plain", "text/x-hdml", "text/x-ttml", "text/x-vcalendar", "text/x-vcard", "text/vnd.wap.wml", "text/vnd.wap.wmlscript",
    "text/vnd.wap.wta-event", "multipart/*", "multipart/mixed", "multipart/form-data", "multipart/byteranges", "multipart/alternative", "application/*",
    "application/java-vm", "application/x-www-form-urlencoded", "application/x-hdmlc", "application/vnd.wap.wmlc", "application/vnd.wap.wmlscriptc",
    "application/vnd.wap.wta-eventc", "application/vnd.wap.uaprof", "application/vnd.wap.wtls-ca-certificate", "application/vnd.wap.wtls-user-certificate",
    "application/x-x509-ca-cert", "application/x-x509-user-cert", "image/*", "image/gif", "image/jpeg", "image/tiff", "image/png", "image/vnd.wap.wbmp",
    "application/vnd.wap.multipart.*", "application/vnd.wap.multipart.mixed", "application/vnd.wap.multipart.form-data", "application/vnd.wap.multipart.byteranges",
    "application/vnd.wap.multipart.alternative", "application/xml", "text/xml", "application/vnd.wap.wbxml", "application/x-x968-cross-cert",
    "application/x-x968-ca-cert", "application/x-x968-user-cert", "text/vnd.wap.si", "application/vnd.wap.sic", "text/vnd.wap.sl", "application/vnd.wap.slc",
    "text/vnd.wap.co", "application/vnd.wap.coc", "application/vnd.wap.multipart.related", "application/vnd.wap.sia", "text/vnd.wap.connectivity-xml",
    "application/vnd.wap.connectivity-wbxml", "application/pkcs7-mime", "application/vnd.wap.hashed-certificate", "application/vnd.wap.signed-certificate",
    "application/vnd.wap.cert-response", "application/xhtml+xml", "application/wml+xml", "text/css", "application/vnd.wap.mms-message",
    "application/vnd.wap.rollover-certificate", "application/vnd.wap.locc+wbxml", "application/vnd.wap.loc+xml", "application/vnd.syncml.dm+wbxml",
    "application/vnd.syncml.dm+xml", "application/vnd.syncml.notification", "application/vnd.wap.xhtml+xml", "application/vnd.wv.csp.cir",
    "application/vnd.oma.dd+xml", "application/vnd.oma.drm.message", "application/vnd.oma.drm.content", "application/vnd.oma.drm.rights+xml",
    "application/vnd.oma.drm.rights+wbxml", "application/vnd.wv.csp+xml", "application/vnd.wv.csp+wbxml", "application/vnd.syncml.ds.notification", "audio/*",
    "video/*", "application/vnd.oma.dd2+xml", "application/mikey", "application/vnd.oma.dcd", "application/vnd.oma.dcdc", "text/x-vmessage",
    "application/vnd.omads-email+wbxml", "text/x-vbookmark", "application/vnd.syncml.dm.notification", "", "application/octet-stream",
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
std::string without_quotes(std::string text) {
    while (text.starts_with('"')) {
        text.erase(0, 1);
        if (text.ends_with('"')) text.pop_back();
    }
    return text;
}

void add_once(std::vector<Parameter>& parameters, std::string name, std::string value) {
    if (std::ranges::find(parameters, name, &Parameter::name) != parameters.end()) return;   // the first wins
    if (parameters.size() < kLimits.parameters) parameters.push_back({std::move(name), std::move(value)});
}

std::string media_name(std::uint64_t number) { return std::string(media_of(number).value_or(kOctetStream)); }

/// Types given as text may carry parameters as text: "text/plain; charset=utf-8".
std::string split_text_type(std::string text, std::vector<Parameter>& parameters) {
    std::string_view rest = text;
    std::size_t semicolon = std::min(rest.find(';'), rest.size());
    std::string type = lower(trimmed(rest.substr(0, semicolon)));
    rest.remove_prefix(semicolon);
    while (rest.starts_with(';')) {
        rest.remove_prefix(1);
        std::size_t end = std::min(rest.find(';'), rest.size());
        std::string_view one = rest.substr(0, end);
        rest.remove_prefix(end);
        std::size_t equals = one.find('=');
        if (equals == std::string_view::npos) continue;
        std::string name = lower(trimmed(one.substr(0, equals)));
        if (!name.empty()) add_once(parameters, std::move(name), without_quotes(std::string(trimmed(one.substr(equals + 1)))));
    }
    return type;
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
    if (shape_of(in.peek()) != Shape::octet) return read_text(in, kLimits.text_bytes, "version");
    std::uint8_t octet = in.octet("version");
    std::string out = std::to_string((octet >> 4) & 7);
    if ((octet & 15) != 15) out += "." + std::to_string(octet & 15);
    return out;
}

std::string read_charset(Cursor& in) {
    if (shape_of(in.peek()) == Shape::text) return lower(without_quotes(read_text(in, kLimits.text_bytes, "charset")));
    std::uint64_t number = read_integer(in);
    if (number == 0) return "*";
    auto name = number <= UINT32_MAX ? charset_name(static_cast<std::uint32_t>(number)) : std::nullopt;
    return name ? std::string(*name) : std::to_string(number);
}

std::string read_parameter_value(Cursor& in, ParameterSyntax syntax) {
    const Shape shape = shape_of(in.peek());
    switch (syntax) {
        case ParameterSyntax::charset: return read_charset(in);
        case ParameterSyntax::media:
            if (shape == Shape::octet) return media_name(in.octet("media type") & 0x7F);
            if (shape == Shape::text) return lower(without_quotes(read_text(in, kLimits.text_bytes, "media type")));
            break;
        case ParameterSyntax::integer:
        case ParameterSyntax::date:
            if (shape != Shape::text) return std::to_string(read_integer(in));
            break;
        case ParameterSyntax::q_value: return read_q_value(in);
        case ParameterSyntax::version: return read_version(in);
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

}  // namespace

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

bool is_multipart(std::string_view type) { return type.starts_with("multipart/") || type.starts_with("application/vnd.wap.multipart"); }

std::string internet_type_of(std::string_view wap_type) {
    if (!wap_type.starts_with(kWapMultipart)) return std::string(wap_type);
    std::string_view kind = wap_type.substr(kWapMultipart.size());
    return "multipart/" + std::string(kind == "*" || kind.empty() ? "mixed" : kind);
}

std::string wap_type_of(std::string_view internet_type) {
    constexpr std::string_view kMultipart = "multipart/";
    if (!internet_type.starts_with(kMultipart)) return std::string(internet_type);
    std::string wap = std::string(kWapMultipart) + std::string(internet_type.substr(kMultipart.size()));
    return number_of_media(wap) && !wap.ends_with('*') ? wap : std::string(kWapMultipart) + "mixed";
}

void read_parameters(Cursor& in, std::vector<Parameter>& parameters) {
    // A parameter that crosses the end of the form is dropped with all behind it; the form's length says where to resume.
    while (!in.at_end()) {
        Cursor probe = in;
        std::string name, value;
        if (shape_of(probe.peek()) == Shape::text) {
            name = lower(read_text(probe, kLimits.text_bytes, "parameter name"));
            value = read_parameter_value(probe, ParameterSyntax::text);
            // By name or by number, a parameter means the same.
            if (name == "charset") {
                Cursor again = in;
                read_raw_text(again, kLimits.text_bytes, "parameter name");
                value = read_charset(again);
            }
        } else {
            std::uint64_t number = read_integer(probe);
            auto spec = std::ranges::find(kParameters, number, &ParameterSpec::number);
            if (spec == kParameters.end()) {
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
        if (!name.empty()) add_once(parameters, std::move(name), std::move(value));
    }
}

MediaType read_content_type(Cursor& in, bool top) {
    MediaType media;
    const std::size_t start = in.offset();
    switch (shape_of(in.peek())) {
        case Shape::octet: media.type = media_name(in.octet("Content-Type") & 0x7F); break;
        case Shape::text: media.type = split_text_type(read_text(in, kLimits.text_bytes, "Content-Type"), media.parameters); break;
        case Shape::length:
        case Shape::quoted_length: {
            std::uint32_t length = read_value_length(in);
            Cursor form = in.sub(length, "Content-Type");
            if (in.error()) return media;
            if (form.at_end()) {
                if (top) in.set_error_at(Fault::malformed, "Content-Type has length 0", start);
                media.type = kOctetStream;
                return media;
            }
            if (shape_of(form.peek()) == Shape::text) media.type = split_text_type(read_text(form, kLimits.text_bytes, "media type"), media.parameters);
            else media.type = media_name(read_integer(form));
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

void write_parameter(Octets& out, const Parameter& parameter) {
    auto spec = std::ranges::find_if(kParameters, [&](const ParameterSpec& s) { return s.encoded && s.name == parameter.name; });
    if (spec == kParameters.end()) {
        // A name that does not begin as a token would be read as a number or a length.
        std::string name = one_line(parameter.name);
        if (name.empty() || static_cast<unsigned char>(name[0]) <= 0x20 || static_cast<unsigned char>(name[0]) >= 0x7F) return;
        write_raw_text(out, name);
        write_text(out, parameter.value);
        return;
    }
    const std::size_t start = out.size();
    out += static_cast<char>(0x80 | spec->number);
    switch (spec->syntax) {
        case ParameterSyntax::charset: {
            std::uint32_t number = 0;
            auto known = charset_number(parameter.value);
            auto [end, error] = std::from_chars(parameter.value.data(), parameter.value.data() + parameter.value.size(), number);
            const bool digits = !parameter.value.empty() && error == std::errc() && end == parameter.value.data() + parameter.value.size();
            if (known || digits || parameter.value == "*") write_integer(out, known ? *known : number);
            else if (parameter.value.empty()) out.resize(start);
            else write_text(out, parameter.value);
            break;
        }
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

}  // namespace mmgate::mm1
