#include "mapping/charset.h"

#include <criterion/criterion.h>

#include <array>

using namespace mmgate;
using namespace std::string_view_literals;

Test(charset, names_and_numbers_agree) {
    for (std::uint32_t number : {3U, 4U, 17U, 106U, 1000U, 1015U, 2252U, 2259U}) {
        auto name = charset_name(number);
        cr_assert(name.has_value());
        cr_expect(charset_number(*name) == number, "%u", number);
    }
    cr_expect(charset_number("UTF8") == 106U && charset_number("Latin1") == 4U && charset_number("WINDOWS-1252") == 2252U);
    cr_expect(!charset_name(0) && !charset_name(99999) && !charset_number("klingon") && !charset_number(""));
}

Test(charset, text_becomes_unicode) {
    struct Row {
        std::string_view octets, charset, want;
    };
    const Row rows[] = {
        {"plain", "us-ascii", "plain"},
        {"Gr\xFC\xDF"
         "e",
         "iso-8859-1",
         "Gr\xC3\xBC\xC3\x9F"
         "e"},
        {"Gr\xC3\xBC\xC3\x9F"
         "e",
         "utf-8",
         "Gr\xC3\xBC\xC3\x9F"
         "e"},
        {"Gr\xC3\xBC\xC3\x9F"
         "e",
         "us-ascii",
         "Gr\xC3\xBC\xC3\x9F"
         "e"},
        {"Gr\xFC\xDF"
         "e \x80",
         "us-ascii",
         "Gr\xC3\xBC\xC3\x9F"
         "e \xE2\x82\xAC"},
        {"Gr\xFC\xDF"
         "e",
         "utf-8",
         "Gr\xC3\xBC\xC3\x9F"
         "e"},
        {"Gr\xFC\xDF"
         "e",
         "klingon",
         "Gr\xC3\xBC\xC3\x9F"
         "e"},
        {"\xEF\xBB\xBFx", "utf-8", "x"},
        {"\xEF\xBB\xBFx", "us-ascii", "x"},
        {"\0H\0i"sv, "iso-10646-ucs-2", "Hi"},
        {"\xFF\xFEH\0i\0"sv, "utf-16", "Hi"},
        {"\xFE\xFF\0H\0i"sv, "utf-16", "Hi"},
        {"\0H\0i\0"sv, "utf-16be", "Hi\xEF\xBF\xBD"},
        {"\xD8\x3D\xDE\x00"sv, "utf-16be", "\xF0\x9F\x98\x80"},
        {"\x83\x65\x83\x58\x83\x67", "shift_jis", "\xE3\x83\x86\xE3\x82\xB9\xE3\x83\x88"},
        {"", "utf-8", ""},
    };
    for (auto [octets, charset, want] : rows) cr_expect(to_utf8(octets, charset) == want, "%s of %s", std::string(octets).c_str(), charset.data());
    cr_expect(!is_utf8("\xC0\x80") && !is_utf8("\xED\xA0\x80") && !is_utf8("\xF4\x90\x80\x80") && !is_utf8("\xE2\x82"));
}

Test(charset, a_label_stands_for_the_larger_set_that_senders_mean) {
    struct Row {
        std::string_view octets, charset, want;
    };
    const Row rows[] = {
        {"\x93q\x94 \x96 \x80 5\x85", "iso-8859-1", "“q” – € 5…"},
        {"\x93\xFD\x94", "iso-8859-9", "“ı”"},
        {"\xE9\x46", "gb2312", "镕"},
        {"\xE9\x46", "gbk", "镕"},
        {"\x95\x32\x82\x36", "gbk", "𠀀"},
        {"\x87\x40 \xFB\xFC", "shift_jis", "① 髙"},
        {"\xAD\xA1", "euc-jp", "①"},
        {"\x8C\x63", "ks_c_5601-1987", "똠"},
        {"\x8C\x63", "EUC-KR", "똠"},
        {"\x8C\x63", "cp949", "똠"},
        {"\x93\xA1\x94", "tis-620", "“ก”"},
        {"\xA1", "iso-8859-11", "ก"},
    };
    for (auto [octets, charset, want] : rows) cr_expect(to_utf8(octets, charset) == want, "%s gives '%s'", charset.data(), to_utf8(octets, charset).c_str());
}

Test(charset, header_text_is_one_clean_line) {
    struct Row {
        std::string_view text;
        std::size_t limit;
        std::string_view want;
    };
    const Row rows[] = {
        {"plain text", 100, "plain text"},
        {"a\r\nBcc: x@y", 100, "a Bcc: x@y"},
        {"a\0b"sv, 100, "a b"},
        {"  outer  ", 100, "outer"},
        {"a\xE2\x80\xA8"
         "b",
         100, "a b"},
        {"a\xC2\x85"
         "b",
         100, "a b"},
        {"a\xFF"
         "b",
         100,
         "a\xEF\xBF\xBD"
         "b"},
        {"\xC3\xBC\xC3\xBC", 3, "\xC3\xBC"},
        {"abc", 0, ""},
    };
    for (auto [text, limit, want] : rows) cr_expect(header_text(text, limit) == want, "%s gives '%s'", std::string(text).c_str(), header_text(text, limit).c_str());
}
