#include "mapping/mail/file_names.h"

#include <algorithm>
#include <array>

#include "mapping/charset.h"
#include "mapping/limits.h"

namespace mmgate::mail {
namespace {

struct Extension {
    std::string_view media_type;
    std::string_view extension;   // the first row of a type is the one we write
};

// Source: IANA media types registry; names of MMS terminals for the rest.
constexpr auto kExtensions = std::to_array<Extension>({
    {"text/plain", "txt"},
    {"text/plain", "text"},
    {"text/plain", "log"},
    {"text/html", "html"},
    {"text/html", "htm"},
    {"text/csv", "csv"},
    {"text/calendar", "ics"},
    {"text/vcard", "vcf"},
    {"text/x-vcard", "vcf"},
    {"text/x-vcalendar", "vcs"},
    {"text/css", "css"},
    {"text/rtf", "rtf"},
    {"text/xml", "xml"},
    {"image/jpeg", "jpg"},
    {"image/jpeg", "jpeg"},
    {"image/jpeg", "jpe"},
    {"image/gif", "gif"},
    {"image/png", "png"},
    {"image/webp", "webp"},
    {"image/heic", "heic"},
    {"image/heif", "heif"},
    {"image/avif", "avif"},
    {"image/bmp", "bmp"},
    {"image/tiff", "tif"},
    {"image/tiff", "tiff"},
    {"image/svg+xml", "svg"},
    {"image/vnd.wap.wbmp", "wbmp"},
    {"audio/amr", "amr"},
    {"audio/amr-wb", "awb"},
    {"audio/mpeg", "mp3"},
    {"audio/mp3", "mp3"},
    {"audio/mp4", "m4a"},
    {"audio/x-m4a", "m4a"},
    {"audio/aac", "aac"},
    {"audio/midi", "mid"},
    {"audio/midi", "midi"},
    {"audio/mid", "mid"},
    {"audio/sp-midi", "mid"},
    {"audio/imelody", "imy"},
    {"audio/ogg", "ogg"},
    {"audio/ogg", "opus"},
    {"audio/wav", "wav"},
    {"audio/x-wav", "wav"},
    {"audio/3gpp", "3gp"},
    {"audio/3gpp", "3ga"},
    {"audio/qcelp", "qcp"},
    {"video/3gpp", "3gp"},
    {"video/3gpp2", "3g2"},
    {"video/mp4", "mp4"},
    {"video/mp4", "m4v"},
    {"video/mpeg", "mpg"},
    {"video/mpeg", "mpeg"},
    {"video/quicktime", "mov"},
    {"video/webm", "webm"},
    {"application/smil", "smil"},
    {"application/smil", "smi"},
    {"application/pdf", "pdf"},
    {"application/zip", "zip"},
    {"application/gzip", "gz"},
    {"application/json", "json"},
    {"application/xml", "xml"},
    {"application/rtf", "rtf"},
    {"application/msword", "doc"},
    {"application/vnd.ms-excel", "xls"},
    {"application/vnd.ms-powerpoint", "ppt"},
    {"application/vnd.openxmlformats-officedocument.wordprocessingml.document", "docx"},
    {"application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", "xlsx"},
    {"application/vnd.openxmlformats-officedocument.presentationml.presentation", "pptx"},
    {"application/vnd.oasis.opendocument.text", "odt"},
    {"application/vnd.oasis.opendocument.spreadsheet", "ods"},
    {"application/pgp-keys", "asc"},
    {"application/vnd.android.package-archive", "apk"},
    {"application/java-archive", "jar"},
    {"application/vnd.wap.emn+xml", "emn"},
    {"message/rfc822", "eml"},
});

// Names that old systems keep for devices, with or without an extension.
constexpr auto kDevices = std::to_array<std::string_view>({"con", "prn", "aux", "nul", "com1", "com2", "com3", "com4", "lpt1", "lpt2", "lpt3"});

constexpr std::size_t kAsciiNameBytes = 60;
constexpr std::size_t kLongestExtension = 10;

std::string lower_case(std::string_view text) {
    std::string out(text);
    for (char& c : out)
        if (c >= 'A' && c <= 'Z') c = static_cast<char>(c + ('a' - 'A'));
    return out;
}

constexpr bool is_alphanumeric(char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }

/// Stem and extension (without dot); a dot at the very start belongs to the stem, and what is too long or odd is no extension.
struct NameParts {
    std::string_view stem;
    std::string_view extension;
};
NameParts parts_of(std::string_view name) {
    std::size_t dot = name.rfind('.');
    if (dot == std::string_view::npos || dot == 0) return {name, {}};
    std::string_view extension = name.substr(dot + 1);
    if (extension.empty() || extension.size() > kLongestExtension || !std::all_of(extension.begin(), extension.end(), is_alphanumeric)) return {name, {}};
    return {name.substr(0, dot), extension};
}

bool agrees(std::string_view extension, std::string_view media_type) {
    return std::any_of(kExtensions.begin(), kExtensions.end(),
                       [&](const Extension& row) { return row.media_type == media_type && row.extension == extension; });
}

/// At most `limit` octets, no character torn.
std::string_view cut(std::string_view text, std::size_t limit) {
    if (text.size() <= limit) return text;
    while (limit > 0 && (static_cast<unsigned char>(text[limit]) & 0xC0) == 0x80) --limit;
    return text.substr(0, limit);
}

/// Marks that turn the direction of text: "photo" RIGHT-TO-LEFT OVERRIDE "gpj.exe" reads as a picture. U+200E, U+200F, U+202A to U+202E, U+2066 to U+2069.
bool starts_with_direction_mark(std::string_view text) {
    if (text.size() < 3 || text[0] != '\xE2') return false;
    auto second = static_cast<unsigned char>(text[1]), third = static_cast<unsigned char>(text[2]);
    return (second == 0x80 && (third == 0x8E || third == 0x8F || (third >= 0xAA && third <= 0xAE))) || (second == 0x81 && third >= 0xA6 && third <= 0xA9);
}

std::string without_hazards(std::string_view wanted) {
    std::string clean = header_text(wanted, wanted.size());
    if (std::size_t slash = clean.find_last_of("/\\"); slash != std::string::npos) clean.erase(0, slash + 1);
    std::string out;
    for (std::size_t i = 0; i < clean.size(); ++i) {
        if (starts_with_direction_mark(std::string_view(clean).substr(i))) {
            i += 2;
            continue;
        }
        out.push_back(std::string_view("<>:\"|?*;%").find(clean[i]) == std::string_view::npos ? clean[i] : '_');
    }
    std::size_t first = out.find_first_not_of(" .");
    if (first == std::string::npos) return {};
    return out.substr(first, out.find_last_not_of(" .") + 1 - first);
}

}   // namespace

std::string_view extension_of(std::string_view media_type) {
    for (const Extension& row : kExtensions)
        if (row.media_type == media_type) return row.extension;
    return {};
}

std::string_view type_of_extension(std::string_view extension) {
    std::string name = lower_case(extension);
    for (const Extension& row : kExtensions)
        if (row.extension == name) return row.media_type;
    return {};
}

std::string safe_file_name(std::string_view wanted, std::string_view media_type, std::string_view stem) {
    std::string clean = without_hazards(wanted);
    if (clean.empty()) clean = stem;
    auto [name, written] = parts_of(clean);
    std::string extension(written);
    std::string_view right = extension_of(media_type);
    if (!right.empty() && !agrees(lower_case(written), media_type)) {
        if (type_of_extension(written).empty()) name = clean;
        extension = right;
    }
    std::string out(cut(name, kLimits.file_name_bytes - (extension.empty() ? 0 : extension.size() + 1)));
    if (std::find(kDevices.begin(), kDevices.end(), lower_case(out.substr(0, out.find('.')))) != kDevices.end()) {
        out = "_" + std::string(cut(out, kLimits.file_name_bytes - extension.size() - 2));
    }
    return extension.empty() ? out : out + "." + extension;
}

std::string ascii_file_name(std::string_view safe_name, std::string_view stem) {
    auto [name, extension] = parts_of(safe_name);
    std::string out;
    for (char c : name) {
        bool keep = is_alphanumeric(c) || c == '-' || c == '.';
        if (keep)
            out.push_back(c);
        else if (!out.empty() && out.back() != '_')
            out.push_back('_');
    }
    while (out.ends_with('_') || out.ends_with('.')) out.pop_back();
    bool has_letter = std::any_of(out.begin(), out.end(), is_alphanumeric);
    if (!has_letter) out = stem;
    out.resize(std::min(out.size(), kAsciiNameBytes - kLongestExtension - 1));
    return extension.empty() ? out : out + "." + std::string(extension);
}

std::string UniqueNames::take(std::string name) {
    auto is_taken = [&](const std::string& candidate) { return std::find(taken_.begin(), taken_.end(), lower_case(candidate)) != taken_.end(); };
    std::string candidate = name;
    auto [stem, extension] = parts_of(name);
    for (std::size_t number = 2; is_taken(candidate); ++number) {
        candidate = std::string(cut(stem, kLimits.file_name_bytes - kLongestExtension - 6)) + "-" + std::to_string(number);
        if (!extension.empty()) candidate += "." + std::string(extension);
    }
    taken_.push_back(lower_case(candidate));
    return candidate;
}

}   // namespace mmgate::mail
