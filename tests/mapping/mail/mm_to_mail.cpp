#include "mapping/mail/mm_to_mail.h"

#include <criterion/criterion.h>
#include <gmime/gmime.h>
#include <rapidcheck.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <memory>
#include <string>

#include "mapping/charset.h"
#include "mapping/limits.h"
#include "mapping/mail/mail_to_mm.h"
#include "mapping/mail/mail_writer.h"
#include "mapping/mail/mime_tree.h"
#include "mapping/mail/plain_text.h"
#include "mapping/mail/smil.h"

using namespace mmgate;
using namespace mmgate::mail;

namespace {

constexpr Instant kSent = Instant(std::chrono::seconds(1'780'000'000));

MmToMailOptions options() {
    MmToMailOptions out;
    out.message_id = "3F7ABCDEFGHJKMNPQRSTVWXYZ0@mms.example.net";
    out.domain = "mms.example.net";
    out.hostname = "gw1.mms.example.net";
    out.queue_id = "0123456789ABC";
    out.received_for = "<a@b.example>";
    out.boundary_seed = "0123456789ABC";
    out.received_at = kSent;
    return out;
}

Address phone(std::string number) { return {Address::Kind::phone, std::move(number), {}}; }
Address mailbox(std::string address, std::string name = {}) { return {Address::Kind::mailbox, std::move(address), std::move(name)}; }

MmHeaders headers() {
    MmHeaders out;
    out.from = phone("+447700900123");
    out.to = {mailbox("a@b.example", "Anna")};
    out.subject = "Grüße";
    out.date = kSent;
    return out;
}

Part text(std::string data, std::string name = "t.txt", std::string charset = "utf-8") {
    Part out;
    out.media = {"text/plain", {{"charset", std::move(charset)}}};
    out.content_location = std::move(name);
    out.data = std::move(data);
    return out;
}
Part file(std::string type, std::string name, std::string data = "\xFF\xD8\xFFoctets") {
    Part out;
    out.media.type = std::move(type);
    out.content_location = std::move(name);
    out.data = std::move(data);
    return out;
}
Part smil(std::string body) { return file("application/smil", "s.smil", "<smil><body>" + body + "</body></smil>"); }
Content content(std::vector<Part> parts) { return {{"multipart/related", {}}, std::move(parts)}; }

std::string written(const MmHeaders& headers, const Content& content, const MmToMailOptions& how = options()) {
    Result<Octets> mail = mm_to_mail(headers, content, how);
    cr_assert(mail.has_value(), "%s", mail ? "" : mail.error().rule.c_str());
    return *std::move(mail);
}

/// The value of the first field of that name, unfolded and decoded; "-" when it is missing.
std::string field_of(const std::string& mail, std::string_view name) {
    Result<HeaderBlock> header = scan_header(mail);
    const HeaderField* field = header ? header->find(name) : nullptr;
    return field ? decode_text(field->folded) : "-";
}

/// "multipart/mixed(text/plain image/jpeg)"
std::string shape(const Entity& entity) {
    std::string out = entity.media.type;
    if (entity.parts.empty()) return out;
    out += "(";
    for (const Entity& part : entity.parts) out += (&part == &entity.parts.front() ? "" : " ") + shape(part);
    return out + ")";
}

/// The same as GMime's own parser sees it.
std::string gmime_shape(GMimeObject* object) {
    GMimeContentType* type = g_mime_object_get_content_type(object);
    std::string out = std::string(g_mime_content_type_get_media_type(type)) + "/" + g_mime_content_type_get_media_subtype(type);
    if (!GMIME_IS_MULTIPART(object)) return out;
    out += "(";
    int count = g_mime_multipart_get_count(GMIME_MULTIPART(object));
    for (int i = 0; i < count; ++i) out += (i == 0 ? "" : " ") + gmime_shape(g_mime_multipart_get_part(GMIME_MULTIPART(object), i));
    return out + ")";
}
struct Parsed {
    std::string shape, subject;
    int recipients = 0;
};
Parsed parse_with_gmime(const std::string& mail) {
    g_mime_init();
    GMimeStream* stream = g_mime_stream_mem_new_with_buffer(mail.data(), mail.size());
    GMimeParser* parser = g_mime_parser_new_with_stream(stream);
    GMimeMessage* message = g_mime_parser_construct_message(parser, nullptr);
    Parsed out;
    if (message) {
        out.shape = gmime_shape(g_mime_message_get_mime_part(message));
        if (const char* subject = g_mime_message_get_subject(message)) out.subject = subject;
        InternetAddressList* all = g_mime_message_get_all_recipients(message);
        out.recipients = all ? internet_address_list_length(all) : 0;
        if (all) g_object_unref(all);
        g_object_unref(message);
    }
    g_object_unref(parser);
    g_object_unref(stream);
    return out;
}

Entity tree_of(const std::string& mail) {
    Result<Entity> tree = read_mime_tree(mail);
    cr_assert(tree.has_value());
    return *std::move(tree);
}

std::vector<std::string> lines_of(const std::string& mail) {
    std::vector<std::string> out;
    for (std::size_t at = 0; at < mail.size();) {
        std::size_t end = std::min(mail.find("\r\n", at), mail.size());
        out.push_back(mail.substr(at, end - at));
        at = end + 2;
    }
    return out;
}

/// The first line that is too long or holds a control or an octet beyond ASCII; "" when all is well.
std::string unclean_line(const std::string& mail) {
    for (const std::string& line : lines_of(mail))
        if (line.size() > kLimits.mail_line_bytes || std::any_of(line.begin(), line.end(), [](char c) { return (c < ' ' && c != '\t') || c == 0x7F; })) return line;
    return mail.ends_with("\r\n") ? "" : "no line end";
}

}   // namespace

Test(mm_to_mail, structure_is_what_a_reader_expects) {
    const Part hello = text("Hello"), picture = file("image/jpeg", "a.jpg"), sound = file("audio/amr", "a.amr");
    const std::string page = "multipart/related(multipart/alternative(text/plain text/html) image/jpeg)";
    struct Row {
        std::string what;
        std::vector<Part> parts;
        std::string want;
    };
    const Row rows[] = {
        {"text", {hello}, "text/plain"},
        {"two texts", {hello, text("you", "u.txt")}, "text/plain"},
        {"nothing", {}, "text/plain"},
        {"presentation only", {smil("")}, "text/plain"},
        {"text and picture", {hello, picture}, page},
        {"picture alone", {picture}, "multipart/mixed(text/plain image/jpeg)"},
        {"two pictures", {picture, file("image/jpeg", "b.jpg")}, "multipart/related(multipart/alternative(text/plain text/html) image/jpeg image/jpeg)"},
        {"text and sound", {hello, sound}, "multipart/mixed(text/plain audio/amr)"},
        {"sound alone", {sound}, "multipart/mixed(text/plain audio/amr)"},
        {"all", {smil("<par><text src='t.txt'/><img src='a.jpg'/></par>"), hello, picture, sound, file("text/x-vcard", "c.vcf")}, "multipart/mixed(" + page + " audio/amr text/x-vcard)"},
        {"odd picture", {hello, file("image/vnd.wap.wbmp", "a.wbmp")}, "multipart/mixed(text/plain image/vnd.wap.wbmp)"},
        {"empty text and picture", {text("  \r\n"), picture}, "multipart/mixed(text/plain image/jpeg)"},
        {"nested", {Part{{"multipart/mixed", {}}, {}, {}, {}, {}, {}, {hello, picture}}}, page},
    };
    for (const Row& row : rows) {
        std::string mail = written(headers(), content(row.parts));
        cr_expect(shape(tree_of(mail)) == row.want, "%s gave %s", row.what.c_str(), shape(tree_of(mail)).c_str());
        cr_expect(parse_with_gmime(mail).shape == row.want, "%s is to GMime %s", row.what.c_str(), parse_with_gmime(mail).shape.c_str());
        cr_expect(unclean_line(mail).empty(), "%s", row.what.c_str());
    }
    MmToMailOptions keep = options();
    keep.keep_smil = true;
    cr_expect(shape(tree_of(written(headers(), content({smil(""), hello}), keep))) == "multipart/mixed(text/plain application/smil)");
}

Test(mm_to_mail, slides_come_in_the_order_of_the_presentation) {
    std::string mail = written(headers(), content({smil("<par><img src='cid:two'/><text src='2.txt'/></par><par><img src='one%20a.jpg'/><text src='missing'/><text src='cid:%3Ct1%3E'/></par>"),
                                                   text("loose", "l.txt"), [] {
                                                       Part out = text("first", "1.txt");
                                                       out.content_id = "t1";
                                                       return out; }(),
                                                   text("second", "2.txt"), file("image/jpeg", "one a.jpg"), [] {
                                                       Part out = file("image/png", "");
                                                       out.content_id = "two";
                                                       return out; }()}));
    Entity tree = tree_of(mail);
    cr_assert(tree.parts.size() == 3);
    std::string plain = decoded_body(tree.parts[0].parts[0]);
    cr_expect(tidy_text(plain) == "second\n\n[image: two.png]\n\nfirst\n\n[image: one a.jpg]\n\nloose", "%s", plain.c_str());
    std::string html = decoded_body(tree.parts[0].parts[1]);
    std::size_t at = 0;
    for (const std::string& want : {std::string("second"), "cid:" + tree.parts[1].content_id, std::string("first"), "cid:" + tree.parts[2].content_id, std::string("loose")}) {
        at = html.find(want, at);
        cr_expect(at != std::string::npos, "%s", want.c_str());
    }
    cr_expect(tree.parts[1].file_name == "two.png" && tree.parts[1].disposition == "inline" && tree.parts[1].content_id.ends_with("@mms.example.net"));
    cr_expect(tree.parts[1].content_id != tree.parts[2].content_id);
    // A broken presentation: the order of the parts.
    mail = written(headers(), content({file("application/smil", "s", "not xml at all"), text("one"), text("two", "u.txt")}));
    cr_expect(decoded_body(tree_of(mail)) == "one\r\n\r\ntwo\r\n");
}

Test(mm_to_mail, texts_of_any_charset_become_utf8) {
    std::string mail = written(headers(), content({text("Gr\xFC\xDF"
                                                        "e",
                                                        "a", "iso-8859-1"),
                                                   text(std::string("\xFE\xFF\x20\xAC", 4), "b", "utf-16"), text("line\nend\r\n", "c", "us-ascii")}));
    Entity tree = tree_of(mail);
    cr_expect(decoded_body(tree) == "Grüße\r\n\r\n€\r\n\r\nline\r\nend\r\n", "%s", decoded_body(tree).c_str());
    std::string hard = "From here\n.\n..\n" + std::string(2000, 'x') + "\ntrailing \n--=_0123456789ABC_1_\n=_\ttab";
    mail = written(headers(), content({text(hard), file("image/jpeg", "a.jpg")}));
    Entity again = tree_of(mail);
    cr_expect(shape(again) == "multipart/related(multipart/alternative(text/plain text/html) image/jpeg)");
    std::string want = "From here\r\n.\r\n..\r\n" + std::string(2000, 'x') + "\r\ntrailing\r\n--=_0123456789ABC_1_\r\n=_\ttab\r\n\r\n[image: a.jpg]\r\n";
    std::string got = decoded_body(again.parts[0].parts[0]);
    cr_expect(got == want, "%s", got.substr(got.find_last_of('x')).c_str());
    mail = written(headers(), content({text("Καλημέρα κόσμε")}));
    Entity greek = tree_of(mail);
    cr_expect(greek.encoding == TransferEncoding::base64 && decoded_body(greek) == "Καλημέρα κόσμε\r\n");
}

Test(mm_to_mail, html_shows_text_as_text) {
    std::string mail = written(headers(), content({text("<script>alert(1)</script> & \"q\"\n  indented"), file("image/jpeg", "\"><b>.jpg")}));
    std::string html = decoded_body(tree_of(mail).parts[0].parts[1]);
    cr_expect(html.find("&lt;script&gt;alert(1)&lt;/script&gt; &amp; &quot;q&quot;<br>") != std::string::npos, "%s", html.c_str());
    cr_expect(html.find("<script") == std::string::npos && html.find("<b>") == std::string::npos && html.find("http") == std::string::npos);
}

Test(mm_to_mail, header_says_who_and_when) {
    MmHeaders h = headers();
    h.to = {mailbox("a@b.example", "Müller, Anna"), phone("+447700900124"), {Address::Kind::short_code, "12345", {}}};
    h.cc = {mailbox("c d@b.example", "plain name"), mailbox("e@b.example", "x \"y\"")};
    h.priority = Priority::high;
    h.read_report = true;
    std::string mail = written(h, content({text("x")}));
    cr_expect(mail.starts_with("Received: by gw1.mms.example.net (mmgate) with MMS id 0123456789ABC for"));
    cr_expect(field_of(mail, "Received") == "by gw1.mms.example.net (mmgate) with MMS id 0123456789ABC for <a@b.example>; Thu, 28 May 2026 20:26:40 +0000", "%s", field_of(mail, "Received").c_str());
    cr_expect(field_of(mail, "Date") == "Thu, 28 May 2026 20:26:40 +0000");
    cr_expect(field_of(mail, "From") == "+447700900123@mms.example.net");
    cr_expect(field_of(mail, "To") == "Müller, Anna <a@b.example>, +447700900124@mms.example.net, 12345@mms.example.net", "%s", field_of(mail, "To").c_str());
    cr_expect(field_of(mail, "Cc") == "plain name <\"c d\"@b.example>, \"x \\\"y\\\"\" <e@b.example>", "%s", field_of(mail, "Cc").c_str());
    cr_expect(field_of(mail, "Subject") == "Grüße" && field_of(mail, "MIME-Version") == "1.0" && field_of(mail, "Importance") == "High");
    cr_expect(field_of(mail, "Message-ID") == "<3F7ABCDEFGHJKMNPQRSTVWXYZ0@mms.example.net>");
    cr_expect(field_of(mail, "Disposition-Notification-To") == "+447700900123@mms.example.net");
    for (std::string_view absent : {"Precedence", "Auto-Submitted", "Reply-To", "Applic-ID", "Bcc", "X-Mms-Message-ID", "Resent-From"}) cr_expect(field_of(mail, absent) == "-", "%s", absent.data());
    cr_expect(return_path_of(h, "mms.example.net") == "+447700900123@mms.example.net");

    h = headers();
    h.to.clear();
    h.subject.clear();
    h.priority = Priority::low;
    h.message_class = MessageClass::automatic;
    h.read_report = true;
    mail = written(h, content({text("x")}));
    cr_expect(field_of(mail, "To") == "undisclosed-recipients:;" && field_of(mail, "Subject") == "-" && field_of(mail, "Importance") == "Low");
    cr_expect(field_of(mail, "Auto-Submitted") == "auto-generated" && field_of(mail, "Precedence") == "bulk" && field_of(mail, "Disposition-Notification-To") == "-");
    cr_expect(return_path_of(h, "mms.example.net").empty());
}

Test(mm_to_mail, foreign_senders_do_not_appear_in_from) {
    struct Row {
        Address sender;
        std::string from, reply_to, return_path;
    };
    const Row rows[] = {
        {mailbox("alias@mms.example.net", "Al"), "Al <alias@mms.example.net>", "-", "alias@mms.example.net"},
        {mailbox("anna@x.example", "Anna"), "\"anna@x.example via MMS\" <postmaster@mms.example.net>", "Anna <anna@x.example>", "anna@x.example"},
        {{Address::Kind::short_code, "12345", {}}, "\"12345@mms.example.net via MMS\" <postmaster@mms.example.net>", "-", "12345@mms.example.net"},
        {{Address::Kind::ipv4, "192.0.2.1", {}}, "\"192.0.2.1 via MMS\" <postmaster@mms.example.net>", "-", "postmaster@mms.example.net"},
        {mailbox("m\xC3\xBC@mms.example.net"), "mü@mms.example.net via MMS <postmaster@mms.example.net>", "-", "postmaster@mms.example.net"},
    };
    for (const Row& row : rows) {
        MmHeaders h = headers();
        h.from = row.sender;
        std::string mail = written(h, content({text("x")}));
        cr_expect(field_of(mail, "From") == row.from, "%s", field_of(mail, "From").c_str());
        cr_expect(field_of(mail, "Reply-To") == row.reply_to, "%s", field_of(mail, "Reply-To").c_str());
        cr_expect(return_path_of(h, "mms.example.net") == row.return_path);
    }
}

Test(mm_to_mail, history_becomes_resent_fields_or_text) {
    MmHeaders h = headers();
    h.previously_sent = {{1, phone("+447700900124"), kSent - std::chrono::hours(1)}, {0, phone("+447700900125"), kSent - std::chrono::hours(2)}};
    std::string mail = written(h, content({text("x")}));
    std::string names;
    Result<HeaderBlock> header = scan_header(mail);
    for (const HeaderField& f : header->fields) names.append(f.name).append(" ");
    cr_expect(names.starts_with("Received Resent-Date Resent-From Resent-To Resent-Message-ID Resent-From Resent-Date Date From To Message-ID Subject "), "%s", names.c_str());
    cr_expect(field_of(mail, "From") == "+447700900125@mms.example.net" && field_of(mail, "Resent-From") == "+447700900123@mms.example.net");
    cr_expect(field_of(mail, "Date") == "Thu, 28 May 2026 18:26:40 +0000" && field_of(mail, "To") == "unrecoverable-recipients:;");
    cr_expect(field_of(mail, "Resent-Message-ID") == "<" + options().message_id + ">" && field_of(mail, "Message-ID") != field_of(mail, "Resent-Message-ID"));

    h.previously_sent[1].by = mailbox("a@x.example");
    mail = written(h, content({text("x")}));
    cr_expect(field_of(mail, "From") == "+447700900123@mms.example.net" && field_of(mail, "Resent-From") == "-");
    cr_expect(decoded_body(tree_of(mail)).starts_with("Forwarded message. First sent by a@x.example on Thu, 28 May 2026 18:26:40 +0000\r\nSent on by +447700900124@mms.example.net on "));
}

Test(mm_to_mail, refusals) {
    MmHeaders hidden = headers(), nobody = headers(), charging = headers(), drm = headers();
    hidden.sender_hidden = true;
    nobody.from.reset();
    charging.reply_charging = 0x82;
    charging.reply_charging_id = "id@x";
    drm.drm_content = true;
    struct Row {
        MmHeaders headers;
        Content content;
        Fault want;
    };
    const Row rows[] = {
        {hidden, content({text("x")}), Fault::hidden_sender},
        {nobody, content({text("x")}), Fault::hidden_sender},
        {charging, content({text("x")}), Fault::content_refused},
        {drm, content({text("x")}), Fault::content_refused},
        {headers(), content({file("application/vnd.oma.drm.message", "a.dm")}), Fault::content_refused},
        {headers(), content({Part{{"multipart/mixed", {}}, {}, {}, {}, {}, {}, {file("application/vnd.oma.drm.content", "a")}}}), Fault::content_refused},
    };
    for (const Row& row : rows) {
        Result<Octets> got = mm_to_mail(row.headers, row.content, options());
        cr_expect(!got && got.error().fault == row.want);
    }
    charging.reply_charging = 0x80;   // an offer is merely dropped
    cr_expect(mm_to_mail(charging, content({text("x")}), options()).has_value());
}

Test(mm_to_mail, applications_get_it_untouched) {
    MmHeaders h = headers();
    h.applic_id = "MEM";
    h.reply_applic_id = "r";
    Part payload = file("text/vnd.wap.emn+xml", "p.xml", "<emn/>\n \r\n\0x");
    payload.media.parameters = {{"charset", "iso-8859-1"}};
    payload.content_id = "p@x";
    MmToMailOptions how = options();
    how.keep_applic_id = true;
    std::string mail = written(h, {{"multipart/mixed", {}}, {payload}}, how);
    Entity tree = tree_of(mail);
    cr_expect(field_of(mail, "Applic-ID") == "MEM" && field_of(mail, "Reply-Applic-ID") == "r");
    cr_expect(tree.media.type == "text/vnd.wap.emn+xml" && *tree.media.parameter("charset") == "iso-8859-1" && decoded_body(tree) == payload.data && tree.content_id == "p@x" && tree.content_location == "p.xml");
    mail = written(h, {{"multipart/related", {{"type", "a/b"}}}, {payload, Part{{"multipart/mixed", {}}, {}, {}, {}, {}, {}, {payload}}}}, how);
    cr_expect(shape(tree_of(mail)) == "multipart/related(text/vnd.wap.emn+xml multipart/mixed(text/vnd.wap.emn+xml))");
    cr_expect(field_of(written(h, {{"multipart/mixed", {}}, {payload}}), "Applic-ID") == "-");
}

namespace {

/// The same values in every run, unless RC_PARAMS in the environment asks for others.
template <class Property>
bool holds(const std::string& claim, Property property) {
    setenv("RC_PARAMS", "seed=20260528 max_success=200", 0);
    return rc::check(claim, property);
}

/// Text of what hurts: controls, line ends, encoded words, delimiters, torn and whole UTF-8.
rc::Gen<std::string> hostile() {
    auto piece = rc::gen::elementOf(std::vector<std::string>{"\r\n", "\n", "\r", std::string(1, '\0'), "Bcc: x@y", ":", "=?utf-8?Q?=0D=0A?=", "?=", "\"", "\\", "<", ">", ",", ";", "@", "é", "€", "😀", "\xFF", "\xC3",
                                                             "\x85", "\xE2\x80\xA8", " ", "\t", "--=_0123456789ABC_1_", "--", ".", "a", "Zz", "0", "/", "..", "%0d%0a", "=_", "From ", std::string(300, 'w')});
    return rc::gen::map(rc::gen::container<std::vector<std::string>>(piece), [](const std::vector<std::string>& pieces) {
        std::string out;
        for (const std::string& one : pieces) out += one;
        return out;
    });
}

}   // namespace

Test(mm_to_mail, no_value_breaks_out_of_its_place) {
    const std::vector<std::string> known = {"Received", "Date", "From", "Reply-To", "To", "Cc", "Message-ID", "Subject", "Importance", "Disposition-Notification-To", "Auto-Submitted", "Precedence", "MIME-Version",
                                            "Content-Type", "Content-Transfer-Encoding", "Content-ID", "Content-Disposition", "Content-Location", "Resent-Date", "Resent-From", "Resent-To", "Resent-Cc", "Resent-Message-ID", "Applic-ID",
                                            "Reply-Applic-ID", "Aux-Applic-Info"};
    bool held = holds("mail of hostile values is clean and keeps its structure", [&] {
        MmHeaders h = headers();
        h.subject = *hostile();
        h.from = Address{*rc::gen::element(Address::Kind::phone, Address::Kind::mailbox, Address::Kind::other), *hostile(), *hostile()};
        h.to = {mailbox(*hostile() + "@b.example", *hostile()), phone(*hostile()), mailbox("ok@b.example", *hostile())};
        h.cc = {mailbox("a@" + *hostile(), *hostile())};
        h.read_report = true;
        h.applic_id = *hostile();
        h.reply_applic_id = *hostile();
        h.aux_applic_info = *hostile();
        if (*rc::gen::arbitrary<bool>()) h.previously_sent = {{0, Address{*rc::gen::element(Address::Kind::phone, Address::Kind::mailbox), *hostile(), *hostile()}, kSent}};
        Part words = text(*hostile(), *hostile(), *hostile());
        Part picture = file("image/jpeg", *hostile(), *hostile());
        picture.content_id = *hostile();
        picture.file_name = *hostile();
        picture.disposition = *hostile();
        picture.media.parameters = {{*hostile(), *hostile()}, {"name", *hostile()}, {"x", *hostile()}};
        Part odd = file("application/" + *rc::gen::element<std::string>("pdf", "octet-stream"), *hostile(), *hostile());
        odd.media.parameters = {{"codecs", *hostile()}};
        MmToMailOptions how = options();
        how.keep_applic_id = *rc::gen::arbitrary<bool>();
        Result<Octets> mail = mm_to_mail(h, content({smil("<par><img src=\"x\"/></par>"), words, picture, odd}), how);
        RC_ASSERT(mail.has_value());
        RC_ASSERT(unclean_line(*mail) == "");
        Result<Entity> tree = read_mime_tree(*mail);
        RC_ASSERT(tree.has_value());
        std::vector<const Entity*> open{&*tree};
        while (!open.empty()) {
            const Entity* entity = open.back();
            open.pop_back();
            for (const HeaderField& field : entity->header.fields) RC_ASSERT(std::find(known.begin(), known.end(), field.name) != known.end());
            for (const Entity& part : entity->parts) open.push_back(&part);
        }
        for (std::string_view once : {"Date", "From", "To", "Subject", "Message-ID", "MIME-Version", "Content-Type"}) RC_ASSERT(tree->header.count(once) <= 1U);
        RC_ASSERT(parse_with_gmime(*mail).shape == shape(*tree));
        std::string pictures;
        std::vector<const Entity*> walk{&*tree};
        while (!walk.empty()) {
            const Entity* entity = walk.back();
            walk.pop_back();
            if (entity->media.type == "image/jpeg") pictures += decoded_body(*entity);
            for (const Entity& part : entity->parts) walk.push_back(&part);
        }
        RC_ASSERT(pictures == picture.data);
        RC_ASSERT(decode_text(tree->header.find("Subject") ? tree->header.find("Subject")->folded : "") == header_text(h.subject, h.subject.size() * 3 + 3));
    });
    cr_expect(held);
}

Test(mm_to_mail, encoded_words_are_short_and_whole) {
    bool held = holds("a text field comes back as it was", [] {
        std::string value = header_text(*hostile(), 4000);
        Octets out;
        write_text_field(out, "Subject", value);
        for (const std::string& line : lines_of(out)) {
            RC_ASSERT(line.size() <= kLimits.mail_line_bytes);
            for (std::size_t at = line.find("=?utf-8?"); at != std::string::npos; at = line.find("=?utf-8?", at + 1)) {
                std::size_t end = line.find("?=", at + 10);
                RC_ASSERT(end != std::string::npos);
                if (value.find("=?") != std::string::npos || !is_ascii(value)) RC_ASSERT(line.size() <= 76U);
            }
        }
        Result<HeaderBlock> block = scan_header(out);
        RC_ASSERT(block && block->fields.size() == 1U);
        RC_ASSERT(decode_text(block->fields[0].folded) == value);
    });
    cr_expect(held);
}

Test(mm_to_mail, a_mail_that_comes_back_is_the_same_mm) {
    bool held = holds("mail_to_mm of mm_to_mail keeps subject, text and octets", [] {
        MmHeaders h = headers();
        h.subject = header_text(*hostile(), kLimits.subject_bytes);
        std::string words = tidy_text(to_utf8(*hostile(), "utf-8"));
        Part picture = file("image/jpeg", "a.jpg", "\xFF\xD8" + std::string(1024, '\1') + *hostile());
        Part sound = file("audio/amr", "s.amr", "#!AMR" + *hostile());
        std::string mail = *mm_to_mail(h, content({text(words), picture, sound}), options());
        MailToMmOptions how;
        how.now = kSent;
        how.return_path = "a@b.example";
        Result<ReceivedMail> back = mail_to_mm(mail, how);
        RC_ASSERT(back.has_value());
        RC_ASSERT(back->mm.headers.subject == h.subject);
        RC_ASSERT(back->mm.headers.date == h.date);
        std::vector<std::string> data;
        for (const Part& part : back->mm.content.parts)
            if (part.media.type == "image/jpeg" || part.media.type == "audio/amr") data.push_back(part.data);
        RC_ASSERT(data == std::vector<std::string>({picture.data, sound.data}));
    });
    cr_expect(held);
}
