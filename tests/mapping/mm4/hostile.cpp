// What a peer, or a phone behind one, may send to make us say what we do not mean, or work without end.
#include <criterion/criterion.h>

#include <string>
#include <vector>

#include "mapping/limits.h"
#include "mapping/mail/header_scan.h"
#include "mapping/mm4/codec.h"
#include "mapping/mm4/fields.h"
#include "samples.h"

using namespace mmgate;
using namespace mmgate::mm4;

namespace {

using Kind = Address::Kind;

const std::string kInjections[] = {
    "a\r\nX-Evil: 1",
    "a\r\n\r\nX-Evil: 1\r\n",
    "a\nX-Evil: 1",
    "a\rX-Evil: 1",
    std::string("a\0\r\nX-Evil: 1", 14),
    "=?utf-8?Q?a=0D=0AX-Evil:_1?=",
    "\r\nX-Evil: 1",
    "a\r\n.\r\nMAIL FROM:<x@y.example>\r\n",
    "a\x0B\x0C\x1B[2J\x7F\xC2\x85",
    "\"\r\nX-Evil: 1\"",
    std::string(5000, 'x') + "\r\nX-Evil: 1",
};

template <class Kind_>
Kind_ sample(MessageType type) {
    return read_as<Kind_>(sample_mail(type).text());
}

/// Either the message is refused, or its mail is clean and has no header field that we did not mean.
void expect_no_injection(const AnyMessage& message, const char* where) {
    Result<Octets> mail = encode(message, writing());
    if (!mail) return;
    cr_expect(is_clean(*mail), "%s", where);
    cr_expect(values_of(*mail, "X-Evil").empty(), "%s:\n%s", where, mail->substr(0, 3000).c_str());
    Result<mail::HeaderBlock> header = mail::scan_header(*mail);
    cr_assert(header.has_value());
    cr_expect(header->find("Content-Type") != nullptr, "%s", where);   // the header ends behind it
    auto back = decode(*mail, reading());
    cr_expect(back.has_value(), "%s: %s", where, back ? "" : back.error().rule.c_str());
}

std::string repeated(std::string_view text, std::size_t times) {
    std::string out;
    out.reserve(text.size() * times);
    for (std::size_t i = 0; i < times; ++i) out += text;
    return out;
}

}   // namespace

Test(mm4_hostile, texts_start_no_field_of_their_own) {
    for (const std::string& text : kInjections) {
        using Spoil = void (*)(ForwardReq&, const std::string&);
        const Spoil spoils[] = {
            [](ForwardReq& m, const std::string& t) { m.headers.subject = t; },
            [](ForwardReq& m, const std::string& t) { m.headers.applic_id = t; },
            [](ForwardReq& m, const std::string& t) { m.headers.reply_applic_id = t; },
            [](ForwardReq& m, const std::string& t) { m.headers.aux_applic_info = t; },
            [](ForwardReq& m, const std::string& t) { m.ids.transaction_id = t; },
            [](ForwardReq& m, const std::string& t) { m.ids.raw_transaction_id = t; },
            [](ForwardReq& m, const std::string& t) { m.ids.message_id = t; },
            [](ForwardReq& m, const std::string& t) { m.ids.raw_message_id = t; },
            [](ForwardReq& m, const std::string& t) { m.sender = t; },
            [](ForwardReq& m, const std::string& t) { m.originator_system = t; },
            [](ForwardReq& m, const std::string& t) { m.headers.from = Address{Kind::mailbox, t + "@x.example", t}; },
            [](ForwardReq& m, const std::string& t) { m.headers.from = Address{Kind::phone, "+41790000001", t}; },
            [](ForwardReq& m, const std::string& t) { m.headers.to = {{Kind::short_code, t, {}}, {Kind::other, t, {}}, {Kind::ipv4, t, {}}}; },
            [](ForwardReq& m, const std::string& t) { m.headers.to = {{Kind::mailbox, "a@" + t, {}}}; },
            [](ForwardReq& m, const std::string& t) { m.headers.cc = {{Kind::mailbox, t, {}}}; },
            [](ForwardReq& m, const std::string& t) { m.headers.previously_sent = {{0, {Kind::mailbox, t, {}}, kSent}}; },
            [](ForwardReq& m, const std::string& t) { m.headers.extension_fields = {{"X-Mms-A", t}}; },
            [](ForwardReq& m, const std::string& t) { m.headers.extension_fields = {{"X-Mms-" + t, "1"}, {t, "1"}}; },
            [](ForwardReq& m, const std::string& t) { m.headers.extension_fields = {{"X-Mms-Message-Class", t}}; },
            [](ForwardReq& m, const std::string& t) { m.content.media.parameters = {{"x", t}, {t, "x"}}; },
            [](ForwardReq& m, const std::string& t) { m.content.parts.front().media.type = "text/" + t; },
            [](ForwardReq& m, const std::string& t) { m.content.parts.front().content_id = m.content.parts.front().content_location = m.content.parts.front().file_name = t; },
        };
        for (std::size_t i = 0; i < std::size(spoils); ++i) {
            auto message = sample<ForwardReq>(MessageType::forward_req);
            spoils[i](message, text);
            expect_no_injection(message, ("forward, place " + std::to_string(i) + ", " + text.substr(0, 40)).c_str());
        }
        auto response = sample<Response>(MessageType::forward_res);
        response.status_text = response.status = text;
        expect_no_injection(response, "response: texts");
        response = sample<Response>(MessageType::forward_res);
        response.to = response.sender = text;
        response.request_recipients = {{Kind::mailbox, text, text}};
        expect_no_injection(response, "response: addresses");
        auto report = sample<DeliveryReportReq>(MessageType::delivery_report_req);
        report.status_text = report.status_extension = report.applic_id = text;
        expect_no_injection(report, "delivery report");
        auto read = sample<ReadReplyReportReq>(MessageType::read_reply_report_req);
        read.status_text = read.aux_applic_info = read.sender = text;
        expect_no_injection(read, "read report");
        // What stands in the options is ours, or was a peer's once.
        EncodeOptions options = writing();
        options.domain = options.peer_domain = options.hostname = options.internet_message_id = options.system_address = options.boundary_seed = text;
        options.phone_domains = {{"+41790000001", text}};
        Result<Octets> mail = encode(sample<ForwardReq>(MessageType::forward_req), options);
        cr_expect(!mail || (is_clean(*mail) && values_of(*mail, "X-Evil").empty()));
    }
}

Test(mm4_hostile, controls_in_values_are_refused) {
    std::size_t count = 0;
    for (MessageType type : kAllTypes) {
        for (const SampleField& field : sample_mail(type).fields) {
            for (const std::string& control : {std::string("\r"), std::string("\n"), std::string(1, '\0'), std::string("\r\r\n ")}) {
                SampleMail mail = sample_mail(type).without(field.name);
                mail.fields.insert(mail.fields.begin(), {field.name, field.value + control + " x"});
                auto message = decode(mail.text(), reading());
                cr_assert(!message, "%s", field.name.c_str());
                if (message.error().fault == Fault::unsupported_type && field.name == "X-Mms-Message-Type") continue;
                cr_expect(message.error().fault == Fault::malformed, "%s", field.name.c_str());
                if (field_of(field.name)) cr_expect(message.error().rule.starts_with(field.name + ": "), "%s", message.error().rule.c_str());
                ++count;
            }
        }
    }
    cr_expect(count > 150, "%zu", count);
    // In the body they are the body's affair.
    SampleMail mail = sample_mail(MessageType::forward_req);
    mail.body = std::string("a\0b\rc\nd", 7);
    cr_expect(decode(mail.text(), reading()).has_value());
}

Test(mm4_hostile, tabs_and_other_controls_do_not_reach_the_model) {
    const auto message = read_forward(sample_mail(MessageType::forward_req).also("Subject", "a\tb\x01\x1B[2Jc =?utf-8?Q?=0D=0AX-Evil:_1=00?=").also("X-Mms-Applic-ID", "x\x02y"));
    for (char c : message.headers.subject + message.headers.applic_id) cr_expect(static_cast<unsigned char>(c) >= ' ' && c != 0x7F);
    const auto response = read_as<Response>(sample_mail(MessageType::forward_res).also("X-Mms-Status-Text", "=?utf-8?Q?=0A=0D?= x").with("X-Mms-Request-Status-Code", "Error-\x01\x7Fx").text());
    for (char c : response.status_text + response.status) cr_expect(static_cast<unsigned char>(c) >= ' ' && c != 0x7F);
}

Test(mm4_hostile, huge_headers_are_refused_at_once) {
    const std::string ten_megabytes(10'000'000, 'x');
    for (const FieldSpec& field : kFields) {
        const Octets mail = std::string(field.name) + ": " + ten_megabytes + "\r\n" + sample_mail(MessageType::forward_req).text();
        cr_expect(error_of(mail).fault == Fault::too_large, "%s", std::string(field.name).c_str());
        Result<std::optional<Peeked>> peeked = peek(mail);
        cr_expect(!peeked && peeked.error().fault == Fault::too_large);
    }
    cr_expect(error_of(repeated("X-Mms-A: b\r\n", 1'000'000) + sample_mail(MessageType::forward_req).text()).fault == Fault::too_large);
    cr_expect(error_of("Subject: a" + repeated("\r\n b", 2'500'000) + "\r\n" + sample_mail(MessageType::forward_req).text()).fault == Fault::too_large);
    const auto full = decode(sample_mail(MessageType::forward_req).also("Subject", std::string(16'000, 'x')).text(), reading());
    cr_expect(full && std::get<ForwardReq>(*full).headers.subject.size() == kLimits.subject_bytes);
}

Test(mm4_hostile, recipients_have_a_bound) {
    const std::string hundred_thousand = repeated("+48600000002/TYPE=PLMN@mms.b.example, ", 100'000);
    cr_expect(error_of(sample_mail(MessageType::forward_req).with("To", hundred_thousand).text()).fault == Fault::too_large);
    SampleMail many = sample_mail(MessageType::forward_req).without("To");
    for (int i = 0; i < 10; ++i) many = many.also(i % 2 ? "To" : "Cc", repeated("a@x.example, ", 100));
    const auto thousand = read_forward(many);
    cr_expect(thousand.headers.to.size() + thousand.headers.cc.size() == kLimits.header_addresses);
    cr_expect(error_of(many.also("Cc", "a@x.example").text()).fault == Fault::too_large);
    cr_expect(error_of(sample_mail(MessageType::forward_req).with("To", repeated("(", 16'000)).with("From", repeated("<", 16'000)).text()).fault == Fault::sender_syntax);
    const SampleMail numbered = sample_mail(MessageType::forward_req).also("X-Mms-Previously-sent-by", "0, " + repeated("a@b.c,", 2'000));
    cr_expect(error_of(numbered.text()).fault == Fault::too_large);
}

Test(mm4_hostile, notes_have_a_bound_and_tell_nothing_of_the_peers_octets) {
    SampleMail mail = sample_mail(MessageType::forward_req);
    for (int i = 0; i < 50; ++i) mail = mail.also("X-Mms-Secret-" + std::to_string(i), std::string(801, 's')).also("X-Mms-Priority", "secret").also("X-Mms-Expiry", "secret");
    const auto message = read_forward(mail);
    cr_expect(!message.notes.empty() && message.notes.size() <= kLimits.notes);
    for (const std::string& note : message.notes) cr_expect(note.find("ecret") == std::string::npos && note.size() < 200, "%s", note.c_str());
    for (const char* name : {"From", "To", "Date", "X-Mms-Transaction-ID"}) {
        auto refused = decode(sample_mail(MessageType::forward_req).with(name, "\x01secret\xFF").text(), reading());
        cr_expect(!refused && refused.error().rule.find("secret") == std::string::npos, "%s", name);
    }
}

Test(mm4_hostile, mime_bombs_are_refused) {
    SampleMail mail = sample_mail(MessageType::forward_req).with("Content-Type", "multipart/mixed; boundary=b0");
    std::string deep;
    for (int i = 0; i < 100; ++i) {
        deep += "--b" + std::to_string(i) + "\r\nContent-Type: multipart/mixed; boundary=b" + std::to_string(i + 1) + "\r\n\r\n";
        if (i < 25) continue;
        mail.body = deep;
        cr_expect(error_of(mail.text()).fault == Fault::too_large, "depth %d", i);
        i += 24;
    }
    mail.body = repeated("--b0\r\n\r\nx\r\n", 100'000) + "--b0--\r\n";
    cr_expect(error_of(mail.text()).fault == Fault::too_large);
    mail.body = repeated("--b0\r\n\r\nx\r\n", kLimits.pdu_parts) + "--b0--\r\n";
    cr_expect(read_forward(mail).content.parts.size() == kLimits.pdu_parts);
    mail.body = repeated("--b0\r\n\r\nx\r\n", kLimits.pdu_parts + 1) + "--b0--\r\n";
    cr_expect(error_of(mail.text()).fault == Fault::too_large);
    mail.body = "--b0\r\n" + repeated("X-A: b\r\n", 100'000) + "\r\nx\r\n--b0--\r\n";
    cr_expect(error_of(mail.text()).fault == Fault::too_large);
    // A message in a message in a message is a part.
    mail.body = "--b0\r\n" + repeated("Content-Type: message/rfc822\r\n\r\n", 1'000) + "x\r\n--b0--\r\n";
    auto nested = decode(mail.text(), reading());
    cr_expect(nested ? std::get<ForwardReq>(*nested).content.parts.size() == 1 : nested.error().fault == Fault::too_large);
}

Test(mm4_hostile, every_cut_of_a_mail_is_read_or_refused) {
    for (MessageType type : kAllTypes) {
        SampleMail mail = sample_mail(type);
        if (type == MessageType::forward_req) {
            mail = mail.with("Content-Type", "multipart/related; boundary=b; start=\"<s>\"");
            mail.body = "--b\r\nContent-ID: <s>\r\nContent-Transfer-Encoding: base64\r\n\r\nSGVsbG8=\r\n--b--\r\n";
        }
        const Octets whole = mail.text();
        for (std::size_t length = 0; length <= whole.size(); ++length) {
            const Octets cut = whole.substr(0, length);
            auto message = decode(cut, reading());
            if (message) cr_expect(encode(*message, writing()).has_value());
            (void)peek(cut);
            cr_expect(!has_mms_fields(without_mms_fields(cut)));
        }
    }
}
