#include "mapping/mail/transfer_encoding.h"

#include <criterion/criterion.h>
#include <glib.h>

#include <string>

using namespace mmgate;
using namespace mmgate::mail;
using namespace std::string_view_literals;

namespace {

std::string octets(std::size_t size) {
    std::string out;
    for (std::size_t i = 0; i < size; ++i) out += static_cast<char>((i * 31 + i / 7) & 0xFF);
    return out;
}

}   // namespace

Test(transfer_encoding, base64_is_read_leniently) {
    struct Row {
        std::string_view text, want;
    };
    const Row rows[] = {
        {"", ""},
        {"QQ==", "A"},
        {"QUI=", "AB"},
        {"QUJD", "ABC"},
        {"QUJDRA==", "ABCD"},
        {"QUJD\r\nRA==\r\n", "ABCD"},   // lines
        {"Q U\tJ\rD\n", "ABC"},         // white space anywhere
        {"QUJDRA", "ABCD"},             // padding forgotten
        {"QUJD!-_RA==", "ABCD"},        // dirt passed over
        {"QQ==QUJD", "A"},              // the first padding ends it
        {"Q", ""},
        {"QUJDQ", "ABC"},   // one character is no octet
        {"====", ""},
        {"\xFF\xFE", ""},
        {"\0QUJD"sv, "ABC"},
        {"/+8A", "\xFF\xEF\0"sv},
    };
    for (auto [text, want] : rows) cr_expect(decode_base64(text) == want, "%s", std::string(text).c_str());
}

Test(transfer_encoding, base64_round_trips_and_agrees_with_glib) {
    for (std::size_t size : {0u, 1u, 2u, 3u, 56u, 57u, 58u, 113u, 114u, 115u, 1000u, 70000u}) {
        std::string data = octets(size), text = encode_base64(data), line;
        cr_expect(decode_base64(text) == data, "%zu", size);
        cr_expect(size == 0 || text.ends_with("\r\n"));
        for (std::size_t at = 0; at < text.size(); at += 78) cr_expect(text.substr(at, 78).find("\r\n") <= 76, "line at %zu", at);
        gchar* theirs = g_base64_encode(reinterpret_cast<const guchar*>(data.data()), data.size());
        cr_expect(base64_text(data) == theirs, "%zu", size);
        g_free(theirs);
    }
}

Test(transfer_encoding, quoted_printable_is_read_leniently) {
    struct Row {
        std::string_view text, want;
    };
    const Row rows[] = {
        {"", ""},
        {"a=3Db", "a=b"},
        {"=c3=BC", "\xC3\xBC"},
        {"a=\r\nb", "ab"},
        {"a=  \r\nb", "ab"},
        {"a=\nb", "ab"},
        {"a  \r\nb", "a\r\nb"},
        {"a=20\r\nb", "a \r\nb"},
        {"a=", "a"},
        {"a=3", "a=3"},
        {"a=XY=3d", "a=XY="},
        {"=\r\n=\r\n", ""},
        {"\r\n\r\n", "\r\n\r\n"},
        {"a\xFF"
         "b",
         "a\xFF"
         "b"},
        {"=00"sv, "\0"sv},
    };
    for (auto [text, want] : rows) cr_expect(decode_quoted_printable(text) == want, "%s", std::string(text).c_str());
}

Test(transfer_encoding, quoted_printable_is_safe_on_every_hop) {
    struct Row {
        std::string_view text, want;
    };
    const Row rows[] = {
        {"a=b", "a=3Db"},
        {"\xC3\xBC", "=C3=BC"},
        {"a \r\n", "a=20\r\n"},
        {"a\t", "a=09"},
        {"a b", "a b"},
        {".\r\n", "=2E\r\n"},
        {"From me\r\n.x", "=46rom me\r\n=2Ex"},
        {"x.From ", "x.From=20"},
        {"\r", "=0D"},
        {"\n", "=0A"},
        {"\0"sv, "=00"},
    };
    for (auto [text, want] : rows) cr_expect(encode_quoted_printable(text) == want, "%s gave %s", std::string(text).c_str(), encode_quoted_printable(text).c_str());
    for (std::size_t size : {74u, 75u, 76u, 77u, 150u, 151u, 152u, 3000u}) {
        for (const std::string& text : {std::string(size, 'x'), std::string(size, '.'), std::string(size, ' '), std::string(size, '\xFC'), octets(size)}) {
            std::string encoded = encode_quoted_printable(text);
            cr_expect(decode_quoted_printable(encoded) == text, "%zu", size);
            for (std::size_t at = 0; at < encoded.size();) {
                std::size_t end = std::min(encoded.find("\r\n", at), encoded.size());
                cr_expect(end - at <= 76 && encoded[at] != '.');
                at = end + 2;
            }
        }
    }
}
