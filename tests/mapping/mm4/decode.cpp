#include <criterion/criterion.h>

#include <algorithm>
#include <optional>
#include <string>
#include <vector>

#include "mapping/mm4/codec.h"
#include "mapping/mm4/words.h"
#include "samples.h"

using namespace mmgate;
using namespace mmgate::mm4;

namespace {

using Kind = Address::Kind;

bool is_noted(const Notes& notes, std::string_view text) {
    return std::ranges::any_of(notes, [&](const std::string& note) { return note.find(text) != std::string::npos; });
}

}   // namespace

Test(mm4_decode, reads_a_whole_forward_request) {
    // Written as one relay writes to another, three recipients of whom one is elsewhere.
    const Octets mail =
        "Received: from mms1.a.example by mm4.a.example with MMS id q1; Fri, 20 Nov 2026 09:00:00 +0000\r\n"
        "Date: Fri, 20 Nov 2026 09:00:00 +0000\r\n"
        "From: +41790000001/TYPE=PLMN@mms.a.example\r\n"
        "Sender: system-user@mms.a.example\r\n"
        "To: +48600000002/TYPE=PLMN@mms.b.example, +33600000003/TYPE=PLMN@mms.c.example\r\n"
        "Cc: someone@x.example\r\n"
        "Subject: =?UTF-8?B?R3LDvMOfZQ==?=\r\n"
        "Message-ID: <q1.7f3a@mms.a.example>\r\n"
        "MIME-Version: 1.0\r\n"
        "X-Mms-3GPP-MMS-Version: 6.16.0\r\n"
        "X-Mms-Message-Type: MM4_forward.REQ\r\n"
        "X-Mms-Transaction-ID: \"t-000042@mms.a.example\"\r\n"
        "X-Mms-Message-ID: \"m-7f3a@mms.a.example\"\r\n"
        "X-Mms-Message-Class: Personal\r\n"
        "X-Mms-Priority: Normal\r\n"
        "X-Mms-Expiry: Fri, 27 Nov 2026 09:00:00 GMT\r\n"
        "X-Mms-Delivery-Report: Yes\r\n"
        "X-Mms-Originator-R/S-Delivery-Report: No\r\n"
        "X-Mms-Read-Reply: No\r\n"
        "X-Mms-Sender-Visibility: Show\r\n"
        "X-Mms-Adaptation-Allowed: Yes\r\n"
        "X-Mms-Ack-Request: Yes\r\n"
        "X-Mms-Originator-System: system-user@mms.a.example\r\n"
        "X-Mms-Linked-ID: 4711\r\n"
        "X-Mms-Reply-Charging: Requested\r\n"
        "Content-Type: multipart/related; type=\"application/smil\"; start=\"<s1>\"; boundary=\"b1\"\r\n"
        "\r\n"
        "--b1\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Location: t.txt\r\n\r\nHello\r\n"
        "--b1\r\nContent-Type: application/smil\r\nContent-ID: <s1>\r\n\r\n<smil/>\r\n"
        "--b1--\r\n";
    ForwardReq want;
    want.version = {6, 16, 0};
    want.ids = {"t-000042@mms.a.example", "m-7f3a@mms.a.example", "\"t-000042@mms.a.example\"", "\"m-7f3a@mms.a.example\""};
    want.headers.message_id = "m-7f3a@mms.a.example";
    want.headers.from = Address{Kind::phone, "+41790000001", {}};
    want.headers.to = {{Kind::phone, "+48600000002", {}}, {Kind::phone, "+33600000003", {}}};
    want.headers.cc = {{Kind::mailbox, "someone@x.example", {}}};
    want.headers.subject = "Grüße";
    want.headers.date = kSent;
    want.headers.expiry = When{std::nullopt, kSent + std::chrono::hours(7 * 24)};
    want.headers.delivery_report = true;
    want.headers.extension_fields = {{"X-Mms-Linked-ID", "4711"}};
    want.content.media = {"multipart/related", {{"type", "application/smil"}, {"start", "<s1>"}}};
    Part smil, text;
    smil.media = {"application/smil", {}};
    smil.content_id = "s1";
    smil.data = "<smil/>";
    text.media = {"text/plain", {{"charset", "utf-8"}}};
    text.content_location = "t.txt";
    text.data = "Hello";
    want.content.parts = {smil, text};   // the presentation comes first
    want.ack_requested = true;
    want.originator_system = want.sender = "system-user@mms.a.example";
    want.from_domain = "mms.a.example";
    want.phone_domains = {{"+41790000001", "mms.a.example"}, {"+48600000002", "mms.b.example"}, {"+33600000003", "mms.c.example"}};
    cr_expect(read_as<ForwardReq>(mail) == want);
    cr_expect(read_as<ForwardReq>(mail, reading_strictly()) == want);
}

Test(mm4_decode, reads_responses) {
    for (MessageType type : {MessageType::forward_res, MessageType::delivery_report_res, MessageType::read_reply_report_res}) {
        const SampleMail mail = sample_mail(type).with("X-Mms-Request-Status-Code", "error-MESSAGE-not-found").also("X-Mms-Status-Text", "\"No \\\"such\\\" thing\"");
        const auto response = read_as<Response>(mail.text());
        cr_expect(response.type == type && response.status == "Error-message-not-found" && response.status_text == "No \"such\" thing");
        cr_expect(fault_of_status(response.status) == Fault::not_found);
        cr_expect(response.ids.transaction_id == "t-000042@mms.a.example" && response.sender == "system-user@mms.a.example" && response.to == "system-user@mms.b.example");
        cr_expect(response.request_recipients.empty() && response.notes.empty());
    }
    // Some join the recipients by dots.
    const SampleMail some = sample_mail(MessageType::forward_res).also("X-Mms-Request-Recipients", "+41790000001/TYPE=PLMN@mms.a.example.+41790000002/TYPE=PLMN@mms.a.example");
    cr_expect((read_as<Response>(some.text()).request_recipients == std::vector<Address>{{Kind::phone, "+41790000001", {}}, {Kind::phone, "+41790000002", {}}}));
    // The identifier of the MM may be missing in the answer to a read report, and nowhere else.
    cr_expect(read_as<Response>(sample_mail(MessageType::read_reply_report_res).without("X-Mms-Message-ID").text()).ids.message_id.empty());
    cr_expect(error_of(sample_mail(MessageType::forward_res).without("X-Mms-Message-ID").text()).rule == "X-Mms-Message-ID: the field is missing");
}

Test(mm4_decode, reads_reports) {
    const auto delivery = read_as<DeliveryReportReq>(sample_mail(MessageType::delivery_report_req)
                                                         .with("X-Mms-Message-Type", "MM4_Delivery_report.REQ")
                                                         .with("X-Mms-MM-Status-Code", "Unrecognized")
                                                         .also("X-Mms-Forward-To-Originator-UA", "no")
                                                         .also("X-Mms-Ack-Request", "YES")
                                                         .text());
    cr_expect(delivery.status == DeliveryStatus::unrecognised && delivery.forward_to_originator == false && delivery.ack_requested);
    cr_expect((delivery.recipient == Address{Kind::phone, "+41790000001", {}} && delivery.recipient_domain == "mms.a.example"));
    cr_expect((delivery.originator == Address{Kind::phone, "+48600000002", {}} && delivery.originator_domain == "mms.b.example"));
    cr_expect(delivery.date == kSent && delivery.sender == "system-user@mms.a.example");
    const auto older = read_as<DeliveryReportReq>(sample_mail(MessageType::delivery_report_req).with("X-Mms-3GPP-MMS-Version", "5.3.0").text());
    cr_expect((!older.forward_to_originator && older.version == Version{5, 3, 0}));
    for (const char* spelling : {"Deleted without being read", "deleted-without-being-read", "DeletedWithoutBeingRead"}) {
        const auto read = read_as<ReadReplyReportReq>(sample_mail(MessageType::read_reply_report_req).with("X-Mms-Read-Status", spelling).text());
        cr_expect(read.status == ReadStatus::deleted_unread && read.date == kSent && read.recipient.value == "+41790000001", "%s", spelling);
    }
    const auto two = read_as<DeliveryReportReq>(sample_mail(MessageType::delivery_report_req).with("To", "a@x.example, b@x.example").text());
    cr_expect(two.originator.value == "a@x.example" && is_noted(two.notes, "To: more than one"));
    cr_expect(error_of(sample_mail(MessageType::delivery_report_req).with("To", "undisclosed-recipients:;").text()).fault == Fault::recipient_syntax);
}

Test(mm4_decode, keeps_how_identifiers_were_written) {
    for (std::string raw : {"\"t-1\"", "t-1", "<t-1>", "\"<t-1>\""}) {
        const auto message = read_forward(sample_mail(MessageType::forward_req).with("X-Mms-Transaction-ID", raw).with("x-mms-message-id", raw));
        cr_expect((message.ids == Ids({"t-1", "t-1", raw, raw})), "%s", raw.c_str());
    }
    const auto without = read_forward(sample_mail(MessageType::forward_req).without("X-Mms-Message-ID"));
    cr_expect(without.ids.message_id == "q1.7f3a@mms.a.example" && without.ids.raw_message_id.empty() && without.headers.message_id == without.ids.message_id);
    cr_expect(is_noted(without.notes, "read from Message-ID"));
    const SampleMail neither = sample_mail(MessageType::forward_req).without("X-Mms-Message-ID").without("Message-ID");
    cr_expect(error_of(neither.text()).rule == "X-Mms-Message-ID: the field is missing");
}

Test(mm4_decode, reads_expiry_in_every_form) {
    struct Row {
        std::string written;
        std::optional<Instant> want;
    };
    const Row rows[] = {
        {"Fri, 27 Nov 2026 09:00:00 GMT", kSent + std::chrono::hours(168)},
        {"604800", kSent + std::chrono::hours(168)},   // from Date, which is a little ago
        {"2026-11-27T09:00:00Z", kSent + std::chrono::hours(168)},
        {"Thu, 19 Nov 2026 09:00:00 GMT", kSent - std::chrono::hours(24)},   // past: the relay's to judge
        {"soon", std::nullopt},
    };
    for (const Row& row : rows) {
        const auto message = read_forward(sample_mail(MessageType::forward_req).also("X-Mms-Expiry", row.written));
        cr_expect(message.headers.expiry.has_value() == row.want.has_value(), "%s", row.written.c_str());
        if (row.want) cr_expect(message.headers.expiry->absolute == row.want && !message.headers.expiry->relative, "%s", row.written.c_str());
        else cr_expect(is_noted(message.notes, "X-Mms-Expiry: "));
    }
    // A clock that is a year late or early gives no base.
    for (const char* date : {"Thu, 20 Nov 2025 09:00:00 +0000", "Fri, 20 Nov 2026 21:00:00 +0000", "Sat, 20 Nov 2027 09:00:00 +0000"}) {
        const auto message = read_forward(sample_mail(MessageType::forward_req).with("Date", date).also("X-Mms-Expiry", "60"));
        cr_expect(message.headers.expiry->absolute == reading().now + std::chrono::seconds(60), "%s", date);
    }
}

Test(mm4_decode, takes_the_time_of_receipt_for_an_implausible_date) {
    for (const char* date : {"Sat, 20 Nov 2027 09:00:00 +0000", "Thu, 01 Jan 1970 00:00:00 +0000"}) {
        const auto message = read_forward(sample_mail(MessageType::forward_req).with("Date", date));
        cr_expect(message.headers.date == reading().now && is_noted(message.notes, "Date: "), "%s", date);
    }
    const auto near = read_forward(sample_mail(MessageType::forward_req).with("Date", "Fri, 20 Nov 2026 12:00:00 +0000"));
    cr_expect(near.headers.date == kSent + std::chrono::hours(3) && near.notes.empty());
}

Test(mm4_decode, keeps_a_class_of_the_peers_own) {
    const auto message = read_forward(sample_mail(MessageType::forward_req).also("X-Mms-Message-Class", "\"Test\""));
    cr_expect(message.headers.message_class == MessageClass::personal);
    cr_expect((message.headers.extension_fields == std::vector<Parameter>{{"X-Mms-Message-Class", "\"Test\""}}));
    EncodeOptions options = writing();
    options.system_address = "system-user@mms.a.example";
    cr_expect(value_of(written(message, options), "X-Mms-Message-Class") == "\"Test\"");
    cr_expect(read_forward(sample_mail(MessageType::forward_req).also("X-Mms-Message-Class", "\"Auto\"")).headers.message_class == MessageClass::automatic);
}

Test(mm4_decode, reads_the_history_of_a_forwarded_message) {
    const auto message = read_forward(sample_mail(MessageType::forward_req)
                                          .also("X-Mms-Forward-Counter", "2")
                                          .also("X-Mms-Previously-sent-by", "1, someone@x.example, +41790000008/TYPE=PLMN@mms.a.example")
                                          .also("X-Mms-Previously-sent-by", "0, +41790000009/TYPE=PLMN@mms.d.example")
                                          .also("X-Mms-Previously-sent-date-and-time", "0, Wed, 18 Nov 2026 09:00:00 GMT")
                                          .also("X-Mms-Previously-sent-date-and-time", "1,Thu, 19 Nov 2026 09:00:00 GMT")
                                          .also("X-Mms-Previously-sent-date-and-time", "7, Thu, 19 Nov 2026 09:00:00 GMT"));
    const std::vector<PreviouslySent> want{{0, {Kind::phone, "+41790000009", {}}, kSent - std::chrono::hours(48)},
                                           {1, {Kind::mailbox, "someone@x.example", {}}, kSent - std::chrono::hours(24)},
                                           {1, {Kind::phone, "+41790000008", {}}, kSent - std::chrono::hours(24)}};
    cr_expect(message.headers.previously_sent == want && message.forward_counter == 2);
    cr_expect(std::ranges::find(message.phone_domains, std::pair<std::string, std::string>("+41790000009", "mms.d.example")) != message.phone_domains.end());
    SampleMail long_history = sample_mail(MessageType::forward_req);
    for (int i = 0; i < 200; ++i) long_history = long_history.also("X-Mms-Previously-sent-by", std::to_string(i) + ", a@x.example");
    cr_expect(read_forward(long_history).headers.previously_sent.size() == 64);
    cr_expect(error_of(sample_mail(MessageType::forward_req).without("From").text()).rule == "From: the field is missing");
}

Test(mm4_decode, finds_recipients_in_cc_alone) {
    const auto message = read_forward(sample_mail(MessageType::forward_req).without("To").also("Cc", "a@x.example"));
    cr_expect(message.headers.to.empty() && message.headers.cc.size() == 1);
    const auto blind = read_forward(sample_mail(MessageType::forward_req).with("To", "undisclosed-recipients:;"));
    cr_expect(blind.headers.to.empty());
    const auto half = read_forward(sample_mail(MessageType::forward_req).with("To", "a@x.example, nobody at all"));
    cr_expect(half.headers.to.size() == 1 && is_noted(half.notes, "To: 1 addresses cannot be read"));
    cr_expect(error_of(sample_mail(MessageType::forward_req).with("To", "a@x.example, nobody at all").text(), reading_strictly()).fault == Fault::recipient_syntax);
    cr_expect(error_of(sample_mail(MessageType::forward_req).with("From", "nobody at all").text()).fault == Fault::sender_syntax);
}

Test(mm4_decode, finds_whom_to_answer) {
    const SampleMail mail = sample_mail(MessageType::forward_req).without("Sender");
    cr_expect(read_forward(mail).sender == "mms-daemon@mms.a.example");
    DecodeOptions null_sender = reading();
    null_sender.envelope_from.clear();
    cr_expect(read_forward(mail, null_sender).sender == "+41790000001/TYPE=PLMN@mms.a.example");
    const auto foreign = read_forward(mail.also("X-Mms-Originator-System", "\"Someone\" <system-user@elsewhere.example>"));
    cr_expect(foreign.originator_system == "system-user@elsewhere.example");   // the relay's to judge
}

Test(mm4_decode, tells_versions_apart) {
    for (const char* version : {"4.2.0", "5.5.0", "6.3.0", "6.99.0", "7.1.0", "1.0"}) {
        const SampleMail mail = sample_mail(MessageType::forward_req).with("X-Mms-3GPP-MMS-Version", version);
        cr_expect(read_forward(mail).version == *parse_version(version), "%s", version);
        // What does not decode is not understood where the rules are not ours.
        const Fault fault = error_of(mail.without("X-Mms-Transaction-ID").text()).fault;
        cr_expect(fault == (is_known(*parse_version(version)) ? Fault::malformed : Fault::unsupported_version), "%s", version);
    }
    DecodeOptions options = reading();
    options.dialect.version = {5, 5, 0};
    cr_expect((read_forward(sample_mail(MessageType::forward_req).without("X-Mms-3GPP-MMS-Version"), options).version == Version{5, 5, 0}));
    cr_expect((read_forward(sample_mail(MessageType::forward_req).with("X-Mms-3GPP-MMS-Version", "V6"), options).version == Version{5, 5, 0}));
    options.dialect.lenient = false;
    cr_expect(error_of(sample_mail(MessageType::forward_req).without("X-Mms-3GPP-MMS-Version").text(), options).fault == Fault::malformed);
}

Test(mm4_decode, reads_other_words_from_lenient_peers_only) {
    for (const char* word : {"1", "true", "TRUE"}) {
        const SampleMail mail = sample_mail(MessageType::forward_req).also("X-Mms-Delivery-Report", word);
        cr_expect(read_forward(mail).headers.delivery_report, "%s", word);
        const auto strict = read_forward(mail, reading_strictly());
        cr_expect(!strict.headers.delivery_report && is_noted(strict.notes, "X-Mms-Delivery-Report: "), "%s", word);
    }
}

Test(mm4_decode, refuses_other_types_and_none) {
    for (const char* type : {"MM4_capability_negotiation.REQ", "m-send-req", ""})
        cr_expect(error_of(sample_mail(MessageType::forward_req).with("X-Mms-Message-Type", type).text()).fault == Fault::unsupported_type, "%s", type);
    cr_expect(error_of(sample_mail(MessageType::forward_req).without("X-Mms-Message-Type").text()).fault == Fault::unsupported_type);
    cr_expect(error_of("").fault == Fault::unsupported_type && error_of("\r\n").fault == Fault::unsupported_type);
}

Test(mm4_decode, counts_the_hosts_that_a_message_has_passed) {
    SampleMail mail = sample_mail(MessageType::forward_req);
    for (int i = 0; i < 100; ++i) mail = mail.also("Received", "by mm4.a.example; Fri, 20 Nov 2026 09:00:00 +0000");
    cr_expect(read_forward(mail).notes.empty());
    cr_expect(error_of(mail.also("received", "by mm4.a.example").text()).fault == Fault::routing_loop);
}

Test(mm4_decode, keeps_unknown_fields_for_whoever_comes_next) {
    SampleMail mail = sample_mail(MessageType::forward_req).also("X-MMS-Forward-Route", "a; b").also("X-Mms-Who", "=?utf-8?Q?=C3=BC?=").also("X-Other", "1").also("X-Mms-Forward-Route", "c");
    const auto message = read_forward(mail);
    cr_expect((message.headers.extension_fields == std::vector<Parameter>{{"X-MMS-Forward-Route", "a; b"}, {"X-Mms-Who", "=?utf-8?Q?=C3=BC?="}, {"X-Mms-Forward-Route", "c"}}));
    EncodeOptions options = writing();
    options.system_address = "system-user@mms.a.example";
    cr_expect(read_as<ForwardReq>(written(message, options)).headers.extension_fields == message.headers.extension_fields);
    for (int i = 0; i < 100; ++i) mail = mail.also("X-Mms-More-" + std::to_string(i), "x");
    const auto many = read_forward(mail);
    cr_expect(many.headers.extension_fields.size() == 40 && is_noted(many.notes, "X-Mms-*: "));
    const auto long_one = read_forward(sample_mail(MessageType::forward_req).also("X-Mms-Long", std::string(801, 'x')).also("X-Mms-" + std::string(60, 'y'), "1"));
    cr_expect(long_one.headers.extension_fields.empty() && long_one.notes.size() == 2);
}

Test(mm4_decode, leaves_fields_of_other_interfaces_behind) {
    for (const char* name : {"X-Mms-Reply-Charging", "X-Mms-Reply-Charging-Deadline", "X-Mms-Reply-Charging-Size", "X-Mms-Reply-Charging-ID", "X-Mms-Delivery-Time", "X-Mms-MMS-Version", "X-Mms-UACapabilities"})
        cr_expect(read_forward(sample_mail(MessageType::forward_req).also(name, "1")) == read_forward(sample_mail(MessageType::forward_req)), "%s", name);
}
