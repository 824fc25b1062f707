#include "mapping/charset.h"

#include <iconv.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <memory>

namespace mmgate {

namespace {

struct CharsetSpec {
    std::uint32_t mib_enum;
    std::string_view name;    // preferred MIME name, lower case
    std::string_view iconv;   // what glibc calls it, or its superset that senders mean
};

// A label is also written over texts of a larger set that holds its own: "iso-8859-1" over typographic quotes, "gb2312" over names that only GBK has.
// Source: IANA, Character Sets (MIBenum and preferred MIME name); WHATWG Encoding Standard §4.2 (which label stands for which set).
// clang-format off
constexpr auto kCharsets = std::to_array<CharsetSpec>({
    {3, "us-ascii", "US-ASCII"},
    {4, "iso-8859-1", "CP1252"}, {5, "iso-8859-2", "ISO-8859-2"}, {6, "iso-8859-3", "ISO-8859-3"},
    {7, "iso-8859-4", "ISO-8859-4"}, {8, "iso-8859-5", "ISO-8859-5"}, {9, "iso-8859-6", "ISO-8859-6"},
    {10, "iso-8859-7", "ISO-8859-7"}, {11, "iso-8859-8", "ISO-8859-8"}, {12, "iso-8859-9", "CP1254"},
    {13, "iso-8859-10", "ISO-8859-10"}, {17, "shift_jis", "CP932"}, {18, "euc-jp", "EUC-JP-MS"},
    {36, "ks_c_5601-1987", "UHC"}, {37, "iso-2022-kr", "ISO-2022-KR"}, {38, "euc-kr", "UHC"},
    {39, "iso-2022-jp", "ISO-2022-JP"}, {40, "iso-2022-jp-2", "ISO-2022-JP-2"},
    {81, "iso-8859-6-e", "ISO-8859-6"}, {82, "iso-8859-6-i", "ISO-8859-6"},
    {84, "iso-8859-8-e", "ISO-8859-8"}, {85, "iso-8859-8-i", "ISO-8859-8"},
    {106, "utf-8", "UTF-8"},
    {109, "iso-8859-13", "ISO-8859-13"}, {110, "iso-8859-14", "ISO-8859-14"},
    {111, "iso-8859-15", "ISO-8859-15"}, {112, "iso-8859-16", "ISO-8859-16"},
    {113, "gbk", "GB18030"}, {114, "gb18030", "GB18030"},
    {1000, "iso-10646-ucs-2", "UCS-2BE"}, {1001, "iso-10646-ucs-4", "UCS-4BE"}, {1012, "utf-7", "UTF-7"},
    {1013, "utf-16be", "UTF-16BE"}, {1014, "utf-16le", "UTF-16LE"}, {1015, "utf-16", "UTF-16BE"},
    {1016, "cesu-8", "UTF-8"}, {1017, "utf-32", "UTF-32BE"}, {1018, "utf-32be", "UTF-32BE"}, {1019, "utf-32le", "UTF-32LE"},
    {2009, "ibm850", "IBM850"}, {2010, "ibm852", "IBM852"}, {2011, "ibm437", "IBM437"},
    {2024, "windows-31j", "CP932"}, {2025, "gb2312", "GB18030"}, {2026, "big5", "BIG5"}, {2027, "macintosh", "MACINTOSH"},
    {2082, "viscii", "VISCII"}, {2084, "koi8-r", "KOI8-R"}, {2085, "hz-gb-2312", "GB2312"}, {2086, "ibm866", "IBM866"},
    {2088, "koi8-u", "KOI8-U"}, {2101, "big5-hkscs", "BIG5-HKSCS"}, {2109, "windows-874", "CP874"},
    {2250, "windows-1250", "CP1250"}, {2251, "windows-1251", "CP1251"}, {2252, "windows-1252", "CP1252"},
    {2253, "windows-1253", "CP1253"}, {2254, "windows-1254", "CP1254"}, {2255, "windows-1255", "CP1255"},
    {2256, "windows-1256", "CP1256"}, {2257, "windows-1257", "CP1257"}, {2258, "windows-1258", "CP1258"},
    {2259, "tis-620", "CP874"},
});
// clang-format on

struct Alias {
    std::string_view name;
    std::uint32_t mib_enum;
};

// Source: IANA, Character Sets (aliases), the ones that mail and phones use.
constexpr auto kAliases = std::to_array<Alias>({
    {"ascii", 3},
    {"ansi_x3.4-1968", 3},
    {"iso646-us", 3},
    {"latin1", 4},
    {"l1", 4},
    {"iso_8859-1", 4},
    {"iso8859-1", 4},
    {"cp819", 4},
    {"latin2", 5},
    {"iso8859-2", 5},
    {"latin5", 12},
    {"iso8859-9", 12},
    {"iso8859-15", 111},
    {"latin-9", 111},
    {"latin9", 111},
    {"sjis", 17},
    {"ms_kanji", 17},
    {"x-sjis", 17},
    {"ujis", 18},
    {"ks_c_5601", 36},
    {"cp949", 38},
    {"uhc", 38},
    {"utf8", 106},
    {"unicode-1-1-utf-8", 106},
    {"ucs-2", 1000},
    {"ucs2", 1000},
    {"ucs-4", 1001},
    {"utf16", 1015},
    {"cp936", 113},
    {"x-gbk", 113},
    {"cp850", 2009},
    {"cp852", 2010},
    {"cp437", 2011},
    {"cp932", 2024},
    {"gb_2312-80", 2025},
    {"mac", 2027},
    {"koi8", 2084},
    {"cp866", 2086},
    {"cp1250", 2250},
    {"cp1251", 2251},
    {"cp1252", 2252},
    {"cp1253", 2253},
    {"cp1254", 2254},
    {"cp1255", 2255},
    {"cp1256", 2256},
    {"cp1257", 2257},
    {"cp1258", 2258},
    {"x-cp1252", 2252},
    {"iso-8859-11", 2259},
});

constexpr std::string_view kReplacement = "\xEF\xBF\xBD";

std::string lower(std::string_view text) {
    std::string out(text);
    for (char& c : out)
        if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
    return out;
}

const CharsetSpec* find(std::uint32_t mib_enum) {
    auto found = std::ranges::find(kCharsets, mib_enum, &CharsetSpec::mib_enum);
    return found == kCharsets.end() ? nullptr : &*found;
}

/// Octets of the valid UTF-8 character at the front of `text`, 0 when there is none.
std::size_t utf8_length(std::string_view text) {
    auto at = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
    unsigned char first = at(0);
    if (first < 0x80) return 1;
    std::size_t length = first >= 0xC2 && first <= 0xDF ? 2 : first >= 0xE0 && first <= 0xEF ? 3
                                                          : first >= 0xF0 && first <= 0xF4   ? 4
                                                                                             : 0;
    if (length == 0 || text.size() < length) return 0;
    for (std::size_t i = 1; i < length; ++i)
        if ((at(i) & 0xC0) != 0x80) return 0;
    // Overlong forms, surrogates, and beyond U+10FFFF (RFC 3629 §4).
    if ((first == 0xE0 && at(1) < 0xA0) || (first == 0xED && at(1) > 0x9F) || (first == 0xF0 && at(1) < 0x90) || (first == 0xF4 && at(1) > 0x8F)) return 0;
    return length;
}

std::string repaired_utf8(std::string_view text) {
    std::string out;
    out.reserve(text.size());
    while (!text.empty()) {
        std::size_t length = utf8_length(text);
        if (length == 0) {
            out += kReplacement;
            text.remove_prefix(1);
        } else {
            out += text.substr(0, length);
            text.remove_prefix(length);
        }
    }
    return out;
}

struct IconvClose {
    void operator()(void* handle) const noexcept { iconv_close(static_cast<iconv_t>(handle)); }
};

std::optional<std::string> convert(Bytes text, const char* from) {
    iconv_t raw = iconv_open("UTF-8", from);
    if (raw == reinterpret_cast<iconv_t>(-1)) return std::nullopt;
    std::unique_ptr<void, IconvClose> handle(raw);
    std::string out;
    std::array<char, 4096> block{};
    char* in = const_cast<char*>(text.data());   // iconv does not write to its input
    std::size_t left = text.size();
    while (left > 0) {
        char* to = block.data();
        std::size_t room = block.size();
        std::size_t result = iconv(raw, &in, &left, &to, &room);
        int error = errno;
        out.append(block.data(), block.size() - room);
        if (result != static_cast<std::size_t>(-1) || error == E2BIG) continue;
        if (error == EINVAL) {   // cut off inside a character
            out += kReplacement;
            break;
        }
        out += kReplacement;
        ++in;
        --left;
        iconv(raw, nullptr, nullptr, nullptr, nullptr);
    }
    char* to = block.data();
    std::size_t room = block.size();
    if (iconv(raw, nullptr, nullptr, &to, &room) != static_cast<std::size_t>(-1)) out.append(block.data(), block.size() - room);
    return out;
}

std::string_view without_utf8_mark(std::string_view text) {
    if (text.starts_with("\xEF\xBB\xBF")) text.remove_prefix(3);
    return text;
}

std::string unlabelled(Bytes text) {
    if (is_utf8(text)) return std::string(without_utf8_mark(text));
    return convert(text, "CP1252").value_or(repaired_utf8(text));
}

}   // namespace

std::optional<std::string_view> charset_name(std::uint32_t mib_enum) {
    const CharsetSpec* spec = find(mib_enum);
    return spec ? std::optional(spec->name) : std::nullopt;
}

std::optional<std::uint32_t> charset_number(std::string_view name) {
    std::string wanted = lower(name);
    if (auto found = std::ranges::find(kCharsets, wanted, &CharsetSpec::name); found != kCharsets.end()) return found->mib_enum;
    if (auto found = std::ranges::find(kAliases, wanted, &Alias::name); found != kAliases.end()) return found->mib_enum;
    return std::nullopt;
}

bool is_ascii(std::string_view text) {
    return std::ranges::all_of(text, [](char c) { return static_cast<unsigned char>(c) < 0x80; });
}

bool is_utf8(std::string_view text) {
    while (!text.empty()) {
        std::size_t length = utf8_length(text);
        if (length == 0) return false;
        text.remove_prefix(length);
    }
    return true;
}

std::string to_utf8(Bytes text, std::string_view charset) {
    if (text.empty()) return {};
    auto number = charset_number(charset);
    if (!number) return unlabelled(text);
    switch (*number) {
        case kMibUsAscii: return unlabelled(text);
        case kMibUtf8: return is_utf8(text) ? std::string(without_utf8_mark(text)) : unlabelled(text);
        case kMibUcs2:
        case 1013:
        case 1014:
        case 1015:
            // A byte order mark decides against the label (RFC 2781 §4.3).
            if (text.starts_with("\xFE\xFF")) return convert(text.substr(2), "UTF-16BE").value_or(unlabelled(text));
            if (text.starts_with("\xFF\xFE")) return convert(text.substr(2), "UTF-16LE").value_or(unlabelled(text));
            break;
        default: break;
    }
    auto out = convert(text, std::string(find(*number)->iconv).c_str());
    if (!out) return unlabelled(text);
    return std::string(without_utf8_mark(*out));
}

std::string header_text(std::string_view text, std::size_t limit_bytes) {
    std::string out;
    bool space = false;
    while (!text.empty()) {
        std::size_t length = utf8_length(text);
        std::string_view character = length == 0 ? kReplacement : text.substr(0, length);
        text.remove_prefix(std::max<std::size_t>(length, 1));
        auto first = static_cast<unsigned char>(character[0]);
        // C0, DEL and C1 controls, and the separators that some readers take for line ends.
        bool control = first < 0x20 || first == 0x7F || (first == 0xC2 && static_cast<unsigned char>(character[1]) < 0xA0) || character == "\xE2\x80\xA8" ||
                       character == "\xE2\x80\xA9";
        if (control) {
            space = true;
            continue;
        }
        if (space && !out.empty() && character != " " && !out.ends_with(' ')) {
            if (out.size() + 1 > limit_bytes) break;
            out += ' ';
        }
        space = false;
        if (out.empty() && character == " ") continue;
        if (out.size() + character.size() > limit_bytes) break;
        out += character;
    }
    while (out.ends_with(' ')) out.pop_back();
    return out;
}

}   // namespace mmgate
