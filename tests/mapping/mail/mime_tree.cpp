#include "mapping/mail/mime_tree.h"

#include <criterion/criterion.h>

#include <string>

#include "mapping/limits.h"
#include "mapping/mail/body_parts.h"

using namespace mmgate;
using namespace mmgate::mail;

namespace {

std::string crlf(std::string_view lines) {
    std::string out;
    for (char c : lines) {
        if (c == '\n') out += '\r';
        out += c;
    }
    return out;
}

/// "name=value;..." after the type.
std::string media_of(std::string_view field) {
    std::string mail = "Content-Type: " + crlf(field) + "\r\n\r\n";
    Result<Entity> tree = read_mime_tree(mail);
    cr_assert(tree.has_value());
    std::string out = tree->media.type;
    for (const Parameter& p : tree->media.parameters) out += ";" + p.name + "=" + p.value;
    return out;
}

std::string outline(const Entity& entity) {
    std::string out = entity.media.type;
    if (entity.parts.empty()) return out + "'" + std::string(entity.body) + "'";
    out += "(";
    for (const Entity& part : entity.parts) out += (&part == &entity.parts.front() ? "" : " ") + outline(part);
    return out + ")";
}

}   // namespace

Test(header_scan, cuts_fields_without_decoding) {
    std::string mail = "A: 1\r\nB : 2\r\n\tmore\r\n  and\r\nC:\r\nd-E: x:y\r\n\r\nbody";
    Result<HeaderBlock> got = scan_header(mail);
    cr_assert(got && got->fields.size() == 4);
    cr_expect(got->fields[1].name == "B" && unfolded(got->fields[1].folded) == "2\tmore  and");
    cr_expect(got->find("c")->folded.empty() && unfolded(got->find("D-e")->folded) == "x:y" && !got->find("x"));
    cr_expect(got->count("a") == 1 && got->body_offset == mail.size() - 4 && got->text.size() == got->body_offset - 2);
    struct Row {
        std::string mail;
        std::size_t fields, body_offset;
    };
    const Row rows[] = {
        {"", 0, 0},
        {"\r\n", 0, 2},
        {"no field\r\nA: b\r\n\r\n", 0, 0},
        {"A: b", 1, 4},
        {"A: b\r\n", 1, 6},
        {"A: b\nC: d\n\nx", 2, 11},
        {"A: b\r\n--x: y\r\n\r\n", 1, 6},
        {" folded first\r\n\r\n", 0, 0},
        {": empty name\r\n", 0, 0},
        {"A\xFF: b\r\n", 0, 0},
        {"A: b\r\n \r\nC: d\r\n\r\n", 2, 17},
    };
    for (const Row& row : rows) {
        Result<HeaderBlock> block = scan_header(row.mail);
        cr_expect(block && block->fields.size() == row.fields && block->body_offset == row.body_offset, "%s", row.mail.c_str());
    }
}

Test(header_scan, measures_groups) {
    struct Row {
        std::string_view list;
        std::size_t want;
    };
    const Row rows[] = {
        {"a@b, c@d", 0},
        {"g: a@b;", 1},
        {"g: a@b; h: c@d;", 1},
        {"g: h: a@b;;", 2},
        {"\"a:b\" <c@d>", 0},
        {"a (x:y:z) <c@d>", 0},
        {"<@a,@b:c@d>", 0},
        {"a@[IPv6:1::2]", 0},
        {";;;g:", 1},
        {"a\\:b:", 1},
        {"\"\\\":\":", 1},
    };
    for (auto [list, want] : rows) cr_expect(group_depth(list) == want, "%s gave %zu", list.data(), group_depth(list));
}

Test(mime_tree, media_types_and_parameters) {
    struct Row {
        std::string_view field, want;
    };
    const Row rows[] = {
        {"text/plain", "text/plain"},
        {"Text/PLAIN; Charset=UTF-8", "text/plain;charset=UTF-8"},
        {"text/plain ; charset = utf-8 ", "text/plain;charset=utf-8"},
        {"text/plain; charset=\"utf-8\"; format=flowed;", "text/plain;charset=utf-8;format=flowed"},
        {"text/plain; name=\"a;b=c\\\"d\"", "text/plain;name=a;b=c\"d"},
        {"text/plain (comment); charset=us-ascii", "text/plain;charset=us-ascii"},
        {"image/jpeg;\n\tname=a.jpg", "image/jpeg;name=a.jpg"},
        {"image/jpeg; name*=utf-8''%e2%82%ac.jpg", "image/jpeg;name=€.jpg"},
        {"image/jpeg; name*=iso-8859-1'en'%fc.jpg", "image/jpeg;name=ü.jpg"},
        {"image/jpeg; name*0=\"a\"; name*1=\"b.jpg\"", "image/jpeg;name=ab.jpg"},
        {"image/jpeg; name*1=\"b.jpg\"; name*0=\"a\"", "image/jpeg;name=ab.jpg"},
        {"image/jpeg; name*0*=utf-8''%e2%82; name*1*=%ac; name*2=.jpg", "image/jpeg;name=€.jpg"},
        {"image/jpeg; name=\"=?utf-8?Q?=E2=82=AC?=.jpg\"", "image/jpeg;name=€.jpg"},
        {"image/jpeg; name==?utf-8?B?4oKs?=", "image/jpeg;name=€"},
        {"image/jpeg; name=\"\xE2\x82\xAC.jpg\"", "image/jpeg;name=€.jpg"},
        {"image/jpeg; name=\"\xFC.jpg\"", "image/jpeg;name=ü.jpg"},
        {"image/jpeg; name=a b.jpg", "image/jpeg;name=a b.jpg"},
        {"text", "text/plain"},
        {"", "application/octet-stream"},
        {"/", "application/octet-stream"},
        {"a/b; boundary=\"x y\"; boundary=z", "a/b;boundary=x y"},
        {"message/external-body; access-type=URL;\n URL*0=\"http://\"; URL*1=\"x/\"", "message/external-body;access-type=URL;url=http://x/"},
    };
    for (auto [field, want] : rows) cr_expect(media_of(field) == want, "%s gave %s", std::string(field).c_str(), media_of(field).c_str());
}

Test(mime_tree, the_short_way_reads_as_gmime_does) {
    // A quoted pair makes the same value one for GMime.
    for (std::string_view field : {"text/plain; charset=utf-8", "Image/JPEG; name=\"a b.jpg\"; x-y=1", "multipart/mixed; boundary=\"=_a:b/c?d\"", "a/b;c=d;e=\"f;g\"", "application/x-y.z+w; a=!#$&-.^_`{|}~"})
        cr_expect(media_of(field) + ";zz=z" == media_of(std::string(field) + "; zz=\"\\z\""), "%s", std::string(field).c_str());
    for (std::string_view list : {"a@b.example", "<a@b.example>", "Anna <a@b.example>", "Anna Maria  <a+b.c@d-e.example>", " a@b.example "}) {
        auto ours = decode_addresses(list), theirs = decode_addresses(std::string(list) + ",");
        cr_assert(ours && theirs && ours->size() == 1 && theirs->size() == 1, "%s", std::string(list).c_str());
        cr_expect(ours->front().addr_spec == theirs->front().addr_spec && ours->front().display_name == theirs->front().display_name, "%s", std::string(list).c_str());
    }
}

Test(mime_tree, structure) {
    struct Row {
        std::string_view what, mail, want;
    };
    const Row rows[] = {
        {"plain", "\nx\n", "text/plain'x\r\n'"},
        {"simple", "Content-Type: multipart/mixed; boundary=b\n\nno\n--b\n\none\n--b\n\ntwo\n--b--\nno\n", "multipart/mixed(text/plain'one' text/plain'two')"},
        {"nested", "Content-Type: multipart/mixed; boundary=b\n\n--b\nContent-Type: multipart/x; boundary=bb\n\n--bb\n\none\n--bb--\n--b\n\ntwo\n--b--\n", "multipart/mixed(multipart/x(text/plain'one') text/plain'two')"},
        {"inner one never closed", "Content-Type: multipart/mixed; boundary=b\n\n--b\nContent-Type: multipart/x; boundary=c\n\n--c\n\none\n--b\n\ntwo\n--b--\n", "multipart/mixed(multipart/x(text/plain'one') text/plain'two')"},
        {"the same boundary twice", "Content-Type: multipart/mixed; boundary=b\n\n--b\nContent-Type: multipart/x; boundary=b\n\n--b\n\none\n--b--\n--b--\n", "multipart/mixed(multipart/x(text/plain'one'))"},
        {"a boundary that begins another", "Content-Type: multipart/mixed; boundary=b\n\n--b\n\none\n--bc\ntwo\n--b --\nthree\n--b-- \nno\n", "multipart/mixed(text/plain'one\r\n--bc\r\ntwo\r\n--b --\r\nthree')"},
        {"white space behind a delimiter", "Content-Type: multipart/mixed; boundary=b\n\n--b \t\n\none\n--b--\t\n", "multipart/mixed(text/plain'one')"},
        {"boundary in quotes with spaces", "Content-Type: multipart/mixed; boundary=\"a b\"\n\n--a b\n\none\n--a b--\n", "multipart/mixed(text/plain'one')"},
        {"empty part", "Content-Type: multipart/mixed; boundary=b\n\n--b\n--b\n\n--b--\n", "multipart/mixed(text/plain'' text/plain'')"},
        {"message", "Content-Type: message/rfc822\n\nSubject: x\n\ny\n", "message/rfc822(text/plain'y\r\n')"},
        {"message in a part", "Content-Type: multipart/mixed; boundary=b\n\n--b\nContent-Type: message/rfc822\n\nContent-Type: multipart/x; boundary=c\n\n--c\n\none\n--c--\n--b--\n", "multipart/mixed(message/rfc822(multipart/x(text/plain'one')))"},
        {"encoded message is a leaf", "Content-Type: message/rfc822\nContent-Transfer-Encoding: base64\n\nQQ==\n", "message/rfc822'QQ==\r\n'"},
        {"messages too deep", "Content-Type: message/rfc822\n\nContent-Type: message/rfc822\n\nContent-Type: message/rfc822\n\nContent-Type: message/rfc822\n\nx\n", "message/rfc822(message/rfc822(message/rfc822(message/rfc822'x\r\n')))"},
        {"digest", "Content-Type: multipart/digest; boundary=b\n\n--b\n\nSubject: x\n\ny\n--b--\n", "multipart/digest(message/rfc822(text/plain'y'))"},
        {"delimiter without line end", "Content-Type: multipart/mixed; boundary=b\n\n--b\n\none\n--b--", "multipart/mixed(text/plain'one')"},
        {"first type counts", "Content-Type: a/b\nContent-Type: multipart/mixed; boundary=b\n\n--b\n\none\n--b--", "a/b'--b\r\n\r\none\r\n--b--'"},
    };
    for (auto [what, mail, want] : rows) {
        std::string wire = crlf(mail);
        Result<Entity> tree = read_mime_tree(wire);
        cr_expect(tree && outline(*tree) == want, "%s gave %s", what.data(), tree ? outline(*tree).c_str() : "an error");
    }
    // Lines that end with LF alone do as well.
    std::string unix_lines = "Content-Type: multipart/mixed; boundary=b\n\n--b\n\none\n--b--\n";
    cr_expect(outline(*read_mime_tree(unix_lines)) == "multipart/mixed(text/plain'one')");
}

Test(mime_tree, names_of_parts) {
    struct Row {
        std::string_view header, disposition, file_name, content_id, location;
    };
    const Row rows[] = {
        {"Content-Disposition: attachment; filename=\"a b.jpg\"\n", "attachment", "a b.jpg", "", ""},
        {"Content-Disposition: ATTACHMENT; filename*=utf-8''%e2%82%ac.jpg; filename=x.jpg\n", "attachment", "€.jpg", "", ""},
        {"Content-Disposition: inline; filename=\"=?utf-8?B?4oKs?=.jpg\"\n", "inline", "€.jpg", "", ""},
        {"Content-Disposition: inline\nContent-Type: image/gif; name=n.gif\n", "inline", "n.gif", "", ""},
        {"Content-Disposition: attachment; filename=a.gif\nContent-Type: image/gif; name=n.gif\n", "attachment", "a.gif", "", ""},
        {"Content-ID: <x@y>\nContent-Location: a/\n b.gif\n", "", "", "x@y", "a/b.gif"},
        {"Content-Location:\n my photo.jpg \n", "", "", "", "my photo.jpg"},
        {"Content-ID: <=?utf-8?Q?=C3=BC?=>\nContent-Location: =?utf-8?Q?=C3=BC?=\n =?utf-8?Q?.gif?=\n", "", "", "ü", "ü.gif"},
        {"Content-Disposition: attachment; filename=\"?.gif\"; filename*=utf-8''%C3%BC.gif\n", "attachment", "ü.gif", "", ""},
        {"Content-Disposition: attachment; filename*=utf-8''%C3%BC.gif; filename=\"?.gif\"\n", "attachment", "ü.gif", "", ""},
        {"Content-ID: x@y\n", "", "", "x@y", ""},
        {"Content-Id: <x@y\n", "", "", "x@y", ""},
        {"Content-Disposition: ;;;\n", "", "", "", ""},
    };
    for (const Row& row : rows) {
        std::string wire = crlf(std::string(row.header) + "\nx");
        Result<Entity> tree = read_mime_tree(wire);
        cr_assert(tree.has_value());
        cr_expect(tree->disposition == row.disposition && tree->file_name == row.file_name && tree->content_id == row.content_id && tree->content_location == row.location, "%s gave %s %s %s %s", row.header.data(),
                  tree->disposition.c_str(), tree->file_name.c_str(), tree->content_id.c_str(), tree->content_location.c_str());
    }
}

Test(body_parts, picture_sizes) {
    using namespace std::string_view_literals;
    struct Row {
        std::string_view data;
        std::uint32_t width, height;
    };
    const Row rows[] = {
        {"GIF89a\x01\0\x02\x01"sv, 1, 258},
        {"\x89PNG\r\n\x1A\n\0\0\0\rIHDR\0\0\0\x01\0\0\x01\0"sv, 1, 256},
        {"\xFF\xD8\xFF\xE0\0\x04xx\xFF\xC0\0\x11\x08\x00\x03\x00\x02"sv, 2, 3},
        {"\xFF\xD8\xFF\xC4\0\x02\xFF\xC2\0\x11\x08\x00\x03\x00\x02"sv, 2, 3},
        {"\xFF\xD8\xFF\xE0\0\0\0\0\0\0\0\0"sv, 0, 0},
        {"\xFF\xD8\xFF\xE0\xFF\xFFxxxxxxxx"sv, 0, 0},
        {"GIF89a"sv, 0, 0},
        {""sv, 0, 0},
        {"\xFF\xD8"sv, 0, 0},
        {"BM"sv, 0, 0},
    };
    for (auto [data, width, height] : rows) {
        PictureSize got = picture_size(data);
        cr_expect(got.width == width && got.height == height, "%u x %u", got.width, got.height);
    }
}
