#include "mapping/mm1/media.h"

#include <criterion/criterion.h>

#include <array>

#include "mapping/limits.h"
#include "mapping/mm1/wsp.h"
#include "tests/support/hex.h"

using namespace mmgate;
using namespace mmgate::mm1;
using test::hex;
using test::octets;

namespace {

/// "text/plain; charset=utf-8", or "error" and the octet; "+N" behind it when N octets are left.
std::string told(const std::string& wire, ContentTypePlace place) {
    Cursor in(wire);
    const MediaType media = read_content_type(in, place);
    if (in.error()) return "error at " + std::to_string(in.error()->offset);
    std::string out = media.type;
    for (const Parameter& parameter : media.parameters) out += "; " + parameter.name + "=" + parameter.value;
    return in.at_end() ? out : out + " +" + std::to_string(in.remaining());
}

struct Row {
    std::string_view wire, want;
};
template <class Rows>
void expect(const Rows& rows, ContentTypePlace place) {
    for (const Row& row : rows)
        cr_expect(told(octets(row.wire), place) == row.want, "%s gives %s", row.wire.data(), told(octets(row.wire), place).c_str());
}

std::string written(const MediaType& media) {
    Octets out;
    write_content_type(out, media);
    return hex(out);
}

}   // namespace

Test(media, numbers) {
    struct NumberRow {
        std::uint64_t number;
        std::string_view type;
    };
    // The ends of each table, and what MMS uses between them.
    constexpr NumberRow kRows[] = {
        {0x00, "*/*"},
        {0x03, "text/plain"},
        {0x0A, "text/vnd.wap.wta-event"},
        {0x0E, "multipart/byteranges"},
        {0x1D, "image/gif"},
        {0x1E, "image/jpeg"},
        {0x20, "image/png"},
        {0x22, "application/vnd.wap.multipart.*"},
        {0x23, "application/vnd.wap.multipart.mixed"},
        {0x26, "application/vnd.wap.multipart.alternative"},
        {0x33, "application/vnd.wap.multipart.related"},
        {0x3E, "application/vnd.wap.mms-message"},
        {0x3F, "application/vnd.wap.rollover-certificate"},
        {0x4F, "audio/*"},
        {0x58, "application/vnd.syncml.dm.notification"},
        {0x59, ""},
        {0x5A, "application/octet-stream"},
        {0x5B, ""},
        {0x0200, ""},
        {0x0201, "application/vnd.uplanet.cacheop-wbxml"},
        {0x0305, "text/calendar"},
        {0x031E, "application/vnd.innopath.wamp.notification"},
        {0x031F, ""},
        {0xFFFFFFFFFFFF, ""},
    };
    for (const NumberRow& row : kRows) cr_expect(media_of(row.number).value_or("") == row.type, "%llx", static_cast<unsigned long long>(row.number));
    for (std::uint8_t number = 0; number <= 0x3E; ++number) {
        const auto type = media_of(number);
        cr_assert(type.has_value(), "%u", number);
        cr_expect(number_of_media(*type) == number, "%s", type->data());
        for (char c : *type) cr_expect(c < 'A' || c > 'Z', "%s", type->data());
    }
    cr_expect(!number_of_media("application/vnd.wap.rollover-certificate") && !number_of_media("application/smil") && !number_of_media("audio/*"),
              "old terminals do not know the number");
}

Test(media, content_type) {
    constexpr auto kRows = std::to_array<Row>({
        {"83", "text/plain"},
        {"B3", "application/vnd.wap.multipart.related"},
        {"D9", "application/octet-stream"},   // not assigned
        {"FF", "application/octet-stream"},
        {"'image/jpeg' 00", "image/jpeg"},
        {"'Image/JPEG' 00 41", "image/jpeg +1"},
        {"'application/vnd.wap.multipart.mixed' 00", "application/vnd.wap.multipart.mixed"},
        {"03 83 81 EA", "text/plain; charset=utf-8"},
        {"03 83 81 EA 48", "text/plain; charset=utf-8 +1"},
        {"1F 03 83 81 EA", "text/plain; charset=utf-8"},
        {"01 83", "text/plain"},
        {"03 02 03 05", "text/calendar"},
        {"03 02 03 09", "text/directory; profile=vcard"},
        {"02 01 03", "text/plain"},
        {"03 02 7F FF", "application/octet-stream"},
        {"1B B3 89 'application/smil' 00 8A '<AAAA>' 00", "application/vnd.wap.multipart.related; type=application/smil; start=<AAAA>"},
        {"1B B3 8A '<AAAA>' 00 89 'application/smil' 00", "application/vnd.wap.multipart.related; start=<AAAA>; type=application/smil"},
        {"0E 'text/x' 00 85 'a.txt' 00", "text/x; name=a.txt"},
        // A type given as text with its parameters as text
        {"'text/plain; charset=utf-8' 00", "text/plain; charset=utf-8"},
        {"'text/plain;Charset=\"UTF-8\" ; name= a b ;x;=y;z=' 00", "text/plain; charset=utf-8; name=a b; z="},
        {"1F 21 'text/plain;charset=us-ascii' 00 81 EA 85 'n' 00", "text/plain; charset=us-ascii; name=n"},   // the first wins
        {"20 00", "application/octet-stream"},
        {"';x=y' 00", "application/octet-stream; x=y"},
    });
    constexpr auto kRefused = std::to_array<Row>({
        {"", "error at 0"},
        {"1F", "error at 1"},
        {"'text/plain'", "error at 0"},
        {"04 83 81 EA", "error at 1"},
        {"1F 8F FF FF FF 7F 83", "error at 6"},
        {"1F 90 80 80 80 00 83", "error at 1"},
        {"02 'ab' 00", "error at 1"},   // the type crosses the end of the form
        {"02 02 03", "error at 2"},
        {"01 00", "error at 1"},
    });
    for (ContentTypePlace place : {ContentTypePlace::pdu, ContentTypePlace::part}) {
        expect(kRows, place);
        expect(kRefused, place);
    }
    expect(std::to_array<Row>({{"00", "error at 0"}, {"1F 00", "error at 0"}}), ContentTypePlace::pdu);
    expect(std::to_array<Row>({{"00", "application/octet-stream"}, {"1F 00 41", "application/octet-stream +1"}}), ContentTypePlace::part);
}

Test(media, parameters) {
    constexpr auto kRows = std::to_array<Row>({
        {"80 0B", "q=0.10"},
        {"80 01", "q=0.00"},
        {"80 64", "q=0.99"},
        {"80 65", "q=0.001"},
        {"80 83 31", "q=0.333"},
        {"80 88 4B", "q=0.999"},
        {"80 88 4C 85 'n' 00", "name=n"},   // 1100 is no q
        {"80 00 85 'n' 00", "name=n"},
        {"81 83", "charset=us-ascii"},
        {"81 EA", "charset=utf-8"},
        {"81 02 03 E8", "charset=iso-10646-ucs-2"},
        {"81 80", "charset=*"},
        {"81 02 27 0F", "charset=9999"},
        {"81 08 7F FF FF FF FF FF FF FF", "charset=9223372036854775807"},
        {"81 'Klingon' 00", "charset=klingon"},
        {"81 'UTF8' 00", "charset=utf-8"},
        {"81 '106' 00", "charset=utf-8"},
        {"81 '0' 00", "charset=*"},
        {"81 22 'utf-8' 22 00", "charset=utf-8"},
        {"81 22 00 85 'n' 00", "name=n"},   // a charset of nothing is none
        {"82 92", "level=1.2"},
        {"82 9F", "level=1"},
        {"82 '1.2' 00", "level=1.2"},
        {"82 02 01 00 85 'n' 00", "level=256; name=n"},   // of another shape
        {"83 85", "type=5"},
        {"85 'a.jpg' 00", "name=a.jpg"},
        {"85 7F C3 A9 00", "name=é"},
        {"85 22 'a.jpg' 00", "name=a.jpg"},
        {"85 22 'a.jpg' 22 00", "name=a.jpg"},
        {"85 'a' 0D 0A 'b' 00", "name=a b"},
        {"85 00 86 'f' 00", "name=; filename=f"},
        {"97 'n' 00 98 'f' 00", "name=n; filename=f"},
        {"89 9E", "type=image/jpeg"},
        {"89 02 03 05", "type=text/calendar"},
        {"89 'Application/SMIL' 00", "type=application/smil"},
        {"8A '<a>' 00 8B 'i' 00", "start=<a>; start-info=i"},
        {"99 22 '<a>' 00 9A 'i' 00", "start=<a>; start-info=i"},
        {"90 00 88 81", "secure=; padding=1"},
        {"91 82 96 02 01 00", "sec=2; size=256"},
        {"93 04 65 00 00 00", "creation-date=1694498816"},
        // By name
        {"'name' 00 'n.txt' 00", "name=n.txt"},
        {"'NAME' 00 'n.txt' 00 85 'x' 00", "name=n.txt"},
        {"'charset' 00 EA", "charset=utf-8"},
        {"'charset' 00 'UTF8' 00", "charset=utf-8"},
        {"'charset' 00 00 85 'n' 00", "name=n"},
        {"'type' 00 9E 'start' 00 '<a>' 00", "type=image/jpeg; start=<a>"},
        {"'x' 00 85", "x=5"},
        {"'x' 00 02 01 00", "x=256"},
        {"'x' 00 00", "x="},
        {"'a b' 00 'v' 00 'x;y' 00 'v' 00 7F C3 A9 00 'v' 00 'z' 00 'v' 00", "z=v"},   // names that are no tokens
        // Unknown numbers are passed over
        {"84 81 85 'n' 00", "name=n"},
        {"FF 02 41 42 85 'n' 00", "name=n"},
        {"02 03 E8 'abc' 00 85 'n' 00", "name=n"},
        // What crosses the end of the form is dropped with all behind it
        {"85 'n' 00 86 'abc'", "name=n"},
        {"85 'n' 00 86", "name=n"},
        {"85 'n' 00 81 04 01", "name=n"},
        {"85 'n' 00 FF 1F 8F FF FF FF 7F", "name=n"},
        {"85 'n' 00 'x' 00", "name=n"},
        {"85 'n' 00 'xyz'", "name=n"},
        {"85 'n' 00 1F 01", "name=n"},
        {"85 'n' 00 86 'f' 00 85 'm' 00", "name=n; filename=f"},   // the first wins
    });
    for (const Row& row : kRows) {
        const std::string wire = octets(row.wire);
        Cursor in(wire);
        std::vector<Parameter> parameters;
        read_parameters(in, parameters);
        std::string got;
        for (const Parameter& parameter : parameters) got += (got.empty() ? "" : "; ") + parameter.name + "=" + parameter.value;
        cr_expect(got == row.want && !in.error() && in.at_end(), "%s gives %s", row.wire.data(), got.c_str());
    }
}

Test(media, the_form_ends_where_its_length_says) {
    // Whatever stands behind the general form is still there.
    for (std::string_view wire : {"06 83 85 'n' 00 86 'f' 48 69", "04 83 81 04 01 48 69", "05 83 FF 1F 8F FF 48 69"}) {
        const std::string whole = octets(wire);
        Cursor in(whole);
        cr_expect(read_content_type(in, ContentTypePlace::part).type == "text/plain" && !in.error() && in.view() == "Hi", "%s", wire.data());
    }
    // No parameter reads past its form.
    const std::string longest = octets("1F 81 00 83");
    for (std::size_t length = 0; length < 140; ++length) {
        const std::string wire = longest + std::string(length, '\x85');
        Cursor in(wire);
        read_content_type(in, ContentTypePlace::part);
        cr_expect(in.error().has_value() == (length < 127), "%zu", length);
    }
}

Test(media, parameters_are_bounded) {
    std::string wire;
    for (std::size_t i = 0; i < kLimits.parameters + 10; ++i) wire += "p" + std::to_string(i) + '\0' + "v" + '\0';
    Cursor in(wire);
    std::vector<Parameter> parameters;
    read_parameters(in, parameters);
    cr_expect(parameters.size() == kLimits.parameters && in.at_end() && !in.error());
    for (std::size_t length : {kLimits.text_bytes, kLimits.text_bytes + 1}) {
        const std::string one = octets("85") + std::string(length, 'a') + '\0';
        Cursor cursor(one);
        parameters.clear();
        read_parameters(cursor, parameters);
        cr_expect(parameters.size() == (length == kLimits.text_bytes ? 1U : 0U), "%zu", length);
    }
}

Test(media, writes_the_shortest_form_that_old_terminals_read) {
    struct WrittenRow {
        MediaType media;
        std::string_view want;
    };
    const WrittenRow rows[] = {
        {{"text/plain", {}}, "83"},
        {{"application/vnd.wap.multipart.mixed", {}}, "A3"},
        {{"text/plain", {{"charset", "utf-8"}}}, "03 83 81 EA"},
        {{"text/plain", {{"charset", "iso-10646-ucs-2"}}}, "05 83 81 02 03 E8"},
        {{"text/plain", {{"charset", "*"}}}, "03 83 81 80"},
        {{"text/plain", {{"charset", "x-y"}}}, "06 83 81 78 2D 79 00"},
        {{"text/plain", {{"charset", ""}}}, "01 83"},
        {{"a/b", {}}, "61 2F 62 00"},
        {{"audio/*", {}}, "61 75 64 69 6F 2F 2A 00"},
        {{"application/vnd.wap.multipart.related", {{"type", "image/gif"}, {"start", "<a>"}}}, "08 B3 89 9D 8A 3C 61 3E 00"},
        {{"a/b", {{"name", "é"}}}, "09 61 2F 62 00 85 7F C3 A9 00"},
        {{"a/b", {{"x", "a\nb"}}}, "0A 61 2F 62 00 78 00 61 20 62 00"},
        {{"a/b", {{"", "v"}, {"\x85", "v"}, {" x", "v"}}}, "04 61 2F 62 00"},   // such a name would be read as something else
        {{"a\r\nb/c", {}}, "61 20 62 2F 63 00"},
    };
    for (const WrittenRow& row : rows) cr_expect(written(row.media) == row.want, "%s: %s", row.media.type.c_str(), written(row.media).c_str());
    cr_expect(written({"a/b", {{"name", std::string(30, 'n')}}}).starts_with("1F 24 "), "31 octets take a quoted length");
}

Test(media, multiparts_have_two_names) {
    constexpr Row kInternet[] = {
        {"application/vnd.wap.multipart.mixed", "multipart/mixed"},
        {"application/vnd.wap.multipart.related", "multipart/related"},
        {"application/vnd.wap.multipart.alternative", "multipart/alternative"},
        {"application/vnd.wap.multipart.*", "multipart/mixed"},
        {"application/vnd.wap.multipart.", "multipart/mixed"},
        {"application/vnd.wap.multipart", "multipart/mixed"},
        {"application/vnd.wap.multipartish", "multipart/mixed"},
        {"multipart/*", "multipart/mixed"},
        {"multipart/", "multipart/mixed"},
        {"multipart/mixed", "multipart/mixed"},
        {"image/jpeg", "image/jpeg"},
    };
    for (const Row& row : kInternet) {
        cr_expect(internet_type_of(row.wire) == row.want, "%s", row.wire.data());
        // What is read as a multipart is one afterwards, or its parts would be lost.
        cr_expect(is_multipart(row.wire) == internet_type_of(row.wire).starts_with("multipart/"), "%s", row.wire.data());
    }
    constexpr Row kWap[] = {
        {"multipart/mixed", "application/vnd.wap.multipart.mixed"},
        {"multipart/related", "application/vnd.wap.multipart.related"},
        {"multipart/alternative", "application/vnd.wap.multipart.alternative"},
        {"multipart/report", "application/vnd.wap.multipart.mixed"},
        {"multipart/*", "application/vnd.wap.multipart.mixed"},
        {"text/plain", "text/plain"},
    };
    for (const Row& row : kWap) cr_expect(wap_type_of(row.wire) == row.want, "%s", row.wire.data());
    for (std::uint8_t number : {0x0B, 0x0C, 0x0D, 0x0E, 0x0F, 0x22, 0x23, 0x24, 0x25, 0x26, 0x33})
        cr_expect(is_multipart(*media_of(number)), "%02X", number);
    cr_expect(!is_multipart("text/multipart") && !is_multipart("application/vnd.wap.multi"));
}
