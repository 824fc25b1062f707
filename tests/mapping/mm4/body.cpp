#include "mapping/mm4/body.h"

#include <criterion/criterion.h>

#include <string>

#include "samples.h"

using namespace mmgate;
using namespace mmgate::mm4;

namespace {

SampleMail with_body(std::string_view media, std::string body) {
    SampleMail out = sample_mail(MessageType::forward_req).with("Content-Type", media);
    out.body = std::move(body);
    return out;
}

constexpr std::string_view kThree =
    "--b\r\nContent-Type: image/gif\r\nContent-ID: <g>\r\n\r\nGIF89a\r\n"
    "--b\r\nContent-Type: application/smil\r\nContent-ID: <s>\r\n\r\n<smil/>\r\n"
    "--b\r\nContent-Type: text/plain\r\nContent-ID: <t>\r\n\r\nHello\r\n"
    "--b--\r\n";

}   // namespace

Test(mm4_body, has_its_presentation_first_however_start_is_written) {
    struct Row {
        std::string start, first;
    };
    const Row rows[] = {
        {"; start=\"<t>\"", "t"},
        {"; start=\"t\"", "t"},
        {"; start=t", "t"},
        {"; start=\"<t\"", "t"},   // brackets or not
        {"; start=\"<s>\"", "s"},
        {"", "s"},
        {"; start=\"<none>\"", "s"},
        {"; start=\"\"", "s"},   // else the presentation
        {"; start=\"<g>\"", "g"},
    };
    for (const Row& row : rows) {
        const Content content = read_forward(with_body("multipart/related; boundary=b" + row.start, std::string(kThree))).content;
        cr_assert(content.parts.size() == 3, "%s", row.start.c_str());
        cr_expect(content.parts.front().content_id == row.first, "%s", row.start.c_str());
        cr_expect(*content.media.parameter("start") == "<" + row.first + ">" && *content.media.parameter("type") == content.parts.front().media.type, "%s", row.start.c_str());
    }
    const Content mixed = read_forward(with_body("multipart/mixed; boundary=b; start=\"<s>\"", std::string(kThree))).content;
    cr_expect(mixed.media.type == "multipart/mixed" && mixed.parts.front().content_id == "g");
    std::string plain(kThree);
    plain.replace(plain.find("application/smil"), 16, "text/calendar   ");
    cr_expect(read_forward(with_body("multipart/related; boundary=b", plain)).content.parts.front().content_id == "g");
}

Test(mm4_body, of_one_part_is_the_one_part) {
    const Content picture = read_forward(with_body("image/jpeg; name=\"a.jpg\"", "\xFF\xD8\xFF")).content;
    cr_expect(picture.media.type == "multipart/mixed" && picture.parts.size() == 1);
    cr_expect(picture.parts.front().media.type == "image/jpeg" && picture.parts.front().file_name == "a.jpg" && picture.parts.front().data == "\xFF\xD8\xFF");
    cr_expect(read_forward(with_body("text/plain", "Hello")).content.parts.front().data == "Hello");
}

Test(mm4_body, may_be_empty) {
    for (const SampleMail& mail : {with_body("text/plain", ""), with_body("multipart/mixed; boundary=b", "\r\n"), with_body("multipart/mixed; boundary=b", "")}) {
        const Content content = read_forward(mail).content;
        cr_expect((content == Content({{"multipart/mixed", {}}, {}})));
    }
}

Test(mm4_body, is_refused_where_no_part_of_a_multipart_is_found) {
    const SampleMail rows[] = {
        with_body("multipart/mixed; boundary=b", "Hello\r\n"),
        with_body("multipart/mixed", std::string(kThree)),
        with_body("multipart/mixed; boundary=c", std::string(kThree)),
        with_body("application/vnd.wap.multipart.related", "\x01\x02"),
        with_body("multipart/mixed; boundary=b", "--b\r\nContent-Type: multipart/alternative; boundary=i\r\n\r\nHello\r\n--b--\r\n"),
    };
    for (const SampleMail& row : rows) {
        const Error error = error_of(row.text());
        cr_expect(error.fault == Fault::malformed && error.rule.starts_with("Content-Type: "), "%s", error.rule.c_str());
    }
    cr_expect(error_of(sample_mail(MessageType::forward_req).without("Content-Type").text()).rule == "Content-Type: the field is missing");
    // Of a response and a report the body means nothing.
    SampleMail res = sample_mail(MessageType::forward_res).with("Content-Type", "multipart/mixed");
    res.body = "Hello";
    cr_expect(read_as<Response>(res.text()).status == "Ok");
    cr_expect(read_as<Response>(res.without("Content-Type").text()).status == "Ok");
}

Test(mm4_body, that_ends_early_gives_what_is_there) {
    const std::string cut = std::string(kThree).substr(0, kThree.size() - 8);
    cr_expect(read_forward(with_body("multipart/related; boundary=b", cut)).content.parts.size() == 3);
}

Test(mm4_body, of_a_picture_survives_byte_for_byte) {
    std::string picture(1'000'000, '\0');
    std::uint32_t state = 1;
    for (char& c : picture) c = static_cast<char>((state = state * 1'664'525 + 1'013'904'223) >> 24);
    ForwardReq req = read_forward(sample_mail(MessageType::forward_req));
    Part part, text;
    part.media = {"image/jpeg", {}};
    part.content_id = "p1";
    part.content_location = "photo.jpg";
    part.data = picture;
    text.media = {"text/plain", {{"charset", "utf-8"}}};
    text.data = "Grüße\n\r\n.\r\nFrom me\r\n";
    for (const std::vector<Part>& parts : {std::vector<Part>{part}, std::vector<Part>{text, part}}) {
        req.content = {{"multipart/mixed", {}}, parts};
        const Octets mail = written(req);
        cr_expect(read_as<ForwardReq>(mail).content == req.content);
        cr_expect(mail.size() < picture.size() * 138 / 100 + 4096, "%zu octets", mail.size());
    }
}

Test(mm4_body, names_its_root_when_written) {
    Part smil, picture;
    smil.media = {"application/smil", {}};
    smil.content_id = "s";
    smil.data = "<smil/>";
    picture.media = {"image/gif", {}};
    picture.data = "GIF89a";
    ForwardReq req = read_forward(sample_mail(MessageType::forward_req));
    req.content = {{"multipart/related", {{"start", "<wrong>"}, {"type", "text/plain"}}}, {picture, smil}};
    const Content content = read_as<ForwardReq>(written(req)).content;
    cr_expect(*content.media.parameter("start") == "<s>" && *content.media.parameter("type") == "application/smil");
    cr_expect(content.parts.front() == smil && content.parts.back() == picture);
}
