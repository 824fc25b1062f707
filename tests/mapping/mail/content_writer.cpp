#include "mapping/mail/content_writer.h"

#include <criterion/criterion.h>
#include <rapidcheck.h>

#include <algorithm>
#include <cstdlib>
#include <string>

#include "mapping/limits.h"
#include "mapping/mail/body_parts.h"
#include "mapping/mail/mime_tree.h"

using namespace mmgate;
using namespace mmgate::mail;

namespace {

Part part(std::string type, std::string data, std::vector<Parameter> parameters = {}) {
    Part out;
    out.media = {std::move(type), std::move(parameters)};
    out.data = std::move(data);
    return out;
}

Octets written(const Content& content) {
    Octets out = "MIME-Version: 1.0\r\n";
    write_content(out, content.media, content.parts, "seed");
    return out;
}

Content read_back(const Octets& mail) {
    Result<Entity> tree = read_mime_tree(mail);
    cr_assert(tree.has_value());
    Result<Content> content = untouched_content(*tree);
    cr_assert(content.has_value());
    return *std::move(content);
}

/// ASCII lines of mail: CRLF, no control, not too long.
bool is_clean(const Octets& mail) {
    std::size_t line = 0;
    for (std::size_t i = 0; i < mail.size(); ++i) {
        auto c = static_cast<unsigned char>(mail[i]);
        if (c == '\r' && i + 1 < mail.size() && mail[i + 1] == '\n') {
            if (i - line > kLimits.mail_line_bytes) return false;
            line = ++i + 1;
        } else if ((c < ' ' && c != '\t') || c >= 0x7F) {
            return false;
        }
    }
    return line == mail.size();
}

std::string encoding_of(const Octets& mail, std::size_t nth) {
    std::size_t at = 0;
    constexpr std::string_view kName = "Content-Transfer-Encoding: ";
    for (std::size_t i = 0; i <= nth; ++i) at = mail.find(kName, at) + kName.size();
    return mail.substr(at, mail.find('\r', at) - at);
}

}   // namespace

Test(content_writer, octets_of_texts_survive_alone_and_among_others) {
    struct Row {
        std::string data, alone, among;   // the encodings
    };
    const Row rows[] = {
        {"", "7bit", "7bit"},
        {"Hello\r\n", "7bit", "7bit"},
        {"Hello", "quoted-printable", "7bit"},
        {"one\ntwo\n", "quoted-printable", "quoted-printable"},
        {"one\rtwo\r", "quoted-printable", "quoted-printable"},
        {"ends with a blank ", "quoted-printable", "quoted-printable"},
        {"a tab\t\r\nand more\r\n", "quoted-printable", "quoted-printable"},
        {"\r\n", "7bit", "7bit"},
        {"\r\n\r\n--seed\r\n", "7bit", "7bit"},
        {".\r\n", "quoted-printable", "quoted-printable"},
        {"From here\r\n", "quoted-printable", "quoted-printable"},
        {"--=_seed_1_\r\n", "quoted-printable", "quoted-printable"},
        {std::string(77, 'x'), "quoted-printable", "quoted-printable"},
        {"Gr\xFC\xDF"
         "e aus Z\xFC"
         "rich, und noch viel mehr Text auf Latin-1\r\n",
         "quoted-printable", "quoted-printable"},
        {"\xD0\x9F\xD1\x80\xD0\xB8\xD0\xB2\xD0\xB5\xD1\x82", "base64", "base64"},
        {std::string("\xFE\xFF\0H\0i", 6), "base64", "base64"},
        {std::string(3, '\0'), "base64", "base64"},
    };
    for (const Row& row : rows) {
        Content content{{"multipart/mixed", {}}, {part("text/plain", row.data, {{"charset", "iso-8859-1"}})}};
        Octets mail = written(content);
        cr_expect(read_back(mail) == content && is_clean(mail), "%s", mail.c_str());
        cr_expect(encoding_of(mail, 0) == row.alone, "%s", mail.c_str());
        content.parts.push_back(part("application/smil", row.data));
        content.parts.push_back(part("image/jpeg", row.data));
        mail = written(content);
        cr_expect(read_back(mail) == content && is_clean(mail), "%s", mail.c_str());
        cr_expect(encoding_of(mail, 0) == row.among && encoding_of(mail, 1) == row.among && encoding_of(mail, 2) == "base64", "%s", mail.c_str());
    }
}

Test(content_writer, names_of_parts_survive) {
    struct Row {
        std::string id, location, file_name, disposition;
        std::string field;   // a line of the mail
    };
    const Row rows[] = {
        {"s1", "s.smil", "", "", "Content-ID: <s1>"},
        {"", "my photo.jpg", "my photo.jpg", "attachment", "Content-Location: my photo.jpg"},
        {"a  b", std::string(200, 'x') + " y", "", "inline", "Content-ID: <a  b>"},
        {"",
         "Gr\xC3\xBC\xC3\x9F"
         "e.jpg",
         "Gr\xC3\xBC\xC3\x9F"
         "e.jpg",
         "attachment", "Content-Location: =?utf-8?B?R3LDvMOfZS5qcGc=?="},
        {"", "a=?b", "", "", ""},
        {"", "http://a.example/b?c=d", "", "", "Content-Location: http://a.example/b?c=d"},
    };
    for (const Row& row : rows) {
        Part one = part("image/gif", "GIF89a");
        one.content_id = row.id;
        one.content_location = row.location;
        one.file_name = row.file_name;
        one.disposition = row.disposition;
        Content content{{"multipart/mixed", {}}, {one, one}};
        Octets mail = written(content);
        if (!row.file_name.empty())
            for (Part& expected : content.parts) expected.media.parameters.push_back({"name", row.file_name});
        cr_expect(read_back(mail) == content, "%s", mail.c_str());
        cr_expect(mail.find("\r\n" + row.field) != Octets::npos, "%s", mail.c_str());
    }
}

Test(content_writer, structure_is_that_of_the_content) {
    Part inner{{"multipart/alternative", {{"x", "y"}}}, {}, {}, {}, {}, {}, {part("text/plain", "a"), part("text/html", "b")}};
    Part empty{{"multipart/mixed", {}}, {}, {}, {}, {}, {}, {}};
    const Content contents[] = {
        {{"multipart/related", {{"type", "application/smil"}, {"start", "<s>"}}}, {part("application/smil", "<smil/>"), inner}},
        {{"multipart/related", {}}, {part("text/plain", "one part only")}},
        {{"multipart/mixed", {}}, {inner}},
        {{"multipart/mixed", {}}, {inner, inner, part("a/b", "x")}},
    };
    for (const Content& content : contents) {
        Octets mail = written(content);
        cr_expect(read_back(mail) == content, "%s", mail.c_str());
    }
    Octets nothing = written({{"multipart/mixed", {}}, {}});
    cr_expect(nothing.ends_with("Content-Type: text/plain;\r\n\tcharset=\"us-ascii\"\r\nContent-Transfer-Encoding: 7bit\r\n\r\n"), "%s", nothing.c_str());
    // The caller's boundary would be one more parameter of that name.
    Octets mail = written({{"multipart/mixed", {{"boundary", "x"}}}, {inner, inner}});
    cr_expect(mail.find("boundary=\"x\"") == Octets::npos);
    cr_expect(written({{"multipart/no such", {}}, {inner, inner}}).find("Content-Type: multipart/mixed;") != Octets::npos);
}

Test(content_writer, room_is_estimated_well) {
    Content content{{"multipart/mixed", {}}, {part("image/jpeg", std::string(1'000'000, '\xD8')), part("text/plain", std::string(1000, 'x'))}};
    const std::size_t estimate = mail_octets_of(content.parts), size = written(content).size();
    cr_expect(estimate >= size && estimate < size * 11 / 10, "%zu for %zu", estimate, size);
}

Test(content_writer, any_octets_survive) {
    setenv("RC_PARAMS", "seed=20260528 max_success=500", 0);
    bool held = rc::check("what is read is what was written", [] {
        auto piece = rc::gen::element<std::string>("\r\n", "\n", "\r", " ", "\t", "=", "=_", "--", ".", "From ", "a", "Zz", "\xFF", "\xC3\xA9", std::string(1, '\0'), std::string(80, 'w'), "=\r\n");
        auto pieces = *rc::gen::container<std::vector<std::string>>(piece);
        std::string data;
        for (const std::string& one : pieces) data += one;
        Content alone{{"multipart/mixed", {}}, {part("text/plain", data, {{"charset", "utf-8"}})}};
        Content among{{"multipart/mixed", {}}, {part("text/plain", data), part("text/x", "")}};
        RC_ASSERT(read_back(written(alone)) == alone);
        RC_ASSERT(read_back(written(among)) == among);
        RC_ASSERT(is_clean(written(alone)) && is_clean(written(among)));
    });
    cr_expect(held);
}
