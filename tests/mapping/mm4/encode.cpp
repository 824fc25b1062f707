#include <criterion/criterion.h>

#include <string>
#include <vector>

#include "mapping/mm4/codec.h"
#include "samples.h"

using namespace mmgate;
using namespace mmgate::mm4;

namespace {

using Kind = Address::Kind;

ForwardReq forward() {
    ForwardReq out;
    out.ids = {"t-000042@mms.a.example", "m-7f3a@mms.a.example", {}, {}};
    out.headers.from = Address{Kind::phone, "+41790000001", {}};
    out.headers.to = {{Kind::phone, "+48600000002", {}}, {Kind::phone, "+33600000003", {}}};
    out.headers.subject = "Grüße";
    out.headers.date = kSent;
    out.headers.expiry = When{std::chrono::hours(168), std::nullopt};
    out.headers.delivery_report = true;
    out.ack_requested = true;
    out.content.media = {"multipart/mixed", {}};
    Part text;
    text.media = {"text/plain", {{"charset", "utf-8"}}};
    text.data = "Hello\r\n";
    out.content.parts = {text};
    return out;
}

EncodeOptions to_b() {
    EncodeOptions out = writing();
    out.system_address = "system-user@mms.a.example";
    out.phone_domains = {{"+33600000003", "mms.c.example"}};
    return out;
}

}   // namespace

Test(mm4_encode, writes_a_whole_forward_request) {
    const Octets want =
        "Received: by mm4.a.example (mmgate) with MMS id 0123456789ABC; Fri, 20 Nov\r\n 2026 09:00:00 +0000\r\n"
        "Date: Fri, 20 Nov 2026 09:00:00 +0000\r\n"
        "From: +41790000001/TYPE=PLMN@mms.a.example\r\n"
        "Sender: system-user@mms.a.example\r\n"
        "To: +48600000002/TYPE=PLMN@mms.b.example,\r\n +33600000003/TYPE=PLMN@mms.c.example\r\n"
        "Subject: =?utf-8?B?R3LDvMOfZQ==?=\r\n"
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
        "Content-Type: text/plain;\r\n\tcharset=\"utf-8\"\r\n"
        "Content-Transfer-Encoding: 7bit\r\n"
        "\r\n"
        "Hello\r\n";
    const Octets mail = written(forward(), to_b());
    cr_expect(mail == want, "%s", mail.c_str());
}

Test(mm4_encode, writes_a_whole_response) {
    Response response;
    response.ids = {"t-1", "m-1", "<t-1>", "\"m-1\""};
    response.sender = "system-user@mms.b.example";
    response.to = "system-user@mms.a.example";
    response.status_text = "Willkommen, Grüße";
    EncodeOptions options = to_b();
    options.system_address.clear();
    options.internet_message_id.clear();
    const Octets mail = written(response, options);
    const Octets want =
        "Date: Fri, 20 Nov 2026 09:00:00 +0000\r\n"
        "From: system-user@mms.b.example\r\n"
        "Sender: system-user@mms.b.example\r\n"
        "To: system-user@mms.a.example\r\n"
        "Message-ID: <0123456789ABC@mm4.a.example>\r\n"
        "MIME-Version: 1.0\r\n"
        "X-Mms-3GPP-MMS-Version: 6.16.0\r\n"
        "X-Mms-Message-Type: MM4_forward.RES\r\n"
        "X-Mms-Transaction-ID: <t-1>\r\n"
        "X-Mms-Message-ID: \"m-1\"\r\n"
        "X-Mms-Request-Status-Code: Ok\r\n"
        "X-Mms-Status-Text: =?utf-8?Q?Willkommen=2C_Gr=C3=BC=C3=9Fe?=\r\n"
        "Content-Type: text/plain;\r\n\tcharset=\"us-ascii\"\r\n"
        "Content-Transfer-Encoding: 7bit\r\n"
        "\r\n";
    cr_expect(mail == want, "%s", mail.c_str());
}

Test(mm4_encode, writes_reports_with_the_domains_the_other_way_round) {
    DeliveryReportReq report;
    report.ids = {"d-77", "m-1", {}, {}};
    report.recipient = {Kind::phone, "+41790000001", {}};
    report.originator = {Kind::phone, "+48600000002", {}};
    report.date = kSent - std::chrono::hours(1);
    report.status = DeliveryStatus::retrieved;
    report.status_extension = "Rejection-by-MMS-Recipient";
    Octets mail = written(report, to_b());
    cr_expect(value_of(mail, "From") == "+41790000001/TYPE=PLMN@mms.a.example" && value_of(mail, "To") == "+48600000002/TYPE=PLMN@mms.b.example");
    cr_expect(value_of(mail, "Date") == "Fri, 20 Nov 2026 08:00:00 +0000" && value_of(mail, "X-Mms-MM-Status-Code") == "Retrieved");
    cr_expect(values_of(mail, "Received").empty() && values_of(mail, "X-Mms-MM-Status-Extension").empty());   // an extension goes with Rejected alone
    report.status = DeliveryStatus::rejected;
    mail = written(report, to_b());
    cr_expect(value_of(mail, "X-Mms-MM-Status-Extension") == "Rejection-by-MMS-Recipient");
    report.status = DeliveryStatus::unreachable;   // a word that older peers do not know
    cr_expect(value_of(written(report, to_b()), "X-Mms-MM-Status-Code") == "Rejected");
}

Test(mm4_encode, follows_each_switch_of_the_dialect) {
    const ForwardReq message = forward();
    EncodeOptions bare = to_b();
    bare.dialect.quote_ids = false;
    cr_expect(value_of(written(message, bare), "X-Mms-Transaction-ID") == "t-000042@mms.a.example");
    cr_expect(value_of(written(message, bare), "X-Mms-Message-ID") == "m-7f3a@mms.a.example");
    EncodeOptions delta = to_b();
    delta.dialect.expiry = ExpiryForm::delta;
    cr_expect(value_of(written(message, delta), "X-Mms-Expiry") == "604800");
    delta.now = kSent + std::chrono::milliseconds(1);
    ForwardReq ends = message;
    ends.headers.expiry = When{std::nullopt, kSent + std::chrono::seconds(60)};
    cr_expect(value_of(written(ends, delta), "X-Mms-Expiry") == "60");
    ends.headers.expiry = When{std::nullopt, kSent - std::chrono::seconds(60)};
    cr_expect(value_of(written(ends, delta), "X-Mms-Expiry") == "0");
    EncodeOptions without_domain = to_b();
    without_domain.dialect.addresses = AddressForm::without_domain;
    const Octets mail = written(message, without_domain);
    cr_expect(value_of(mail, "To") == "+48600000002/TYPE=PLMN, +33600000003/TYPE=PLMN" && value_of(mail, "From") == "+41790000001/TYPE=PLMN@mms.a.example");
    EncodeOptions release5 = to_b();
    release5.dialect.version = {5, 5, 0};
    const Octets older = written(message, release5);
    cr_expect(value_of(older, "X-Mms-3GPP-MMS-Version") == "5.5.0" && values_of(older, "X-Mms-Adaptation-Allowed").empty());
    cr_expect(value_of(older, "X-Mms-Delivery-Report") == "Yes");
    EncodeOptions plain = to_b();
    plain.dialect.rel6_fields = false;
    cr_expect(values_of(written(message, plain), "X-Mms-Adaptation-Allowed").empty() && value_of(written(message, plain), "X-Mms-3GPP-MMS-Version") == "6.16.0");
}

Test(mm4_encode, counts_the_history_from_0) {
    ForwardReq message = forward();
    const Address first{Kind::phone, "+41790000009", {}}, second{Kind::mailbox, "a@x.example", {}};
    message.headers.previously_sent = {{2, second, kSent - std::chrono::hours(1)}, {1, first, kSent - std::chrono::hours(2)}};   // as MM1 counts
    const Octets mail = written(message, to_b());
    cr_expect((values_of(mail, "X-Mms-Previously-sent-by") == std::vector<std::string>{"0, +41790000009/TYPE=PLMN@mms.a.example", "1, a@x.example"}));
    cr_expect((values_of(mail, "X-Mms-Previously-sent-date-and-time") == std::vector<std::string>{"0, Fri, 20 Nov 2026 07:00:00 GMT", "1, Fri, 20 Nov 2026 08:00:00 GMT"}));
    cr_expect(value_of(mail, "X-Mms-Forward-Counter") == "2");
    message.forward_counter = 5;
    cr_expect(value_of(written(message, to_b()), "X-Mms-Forward-Counter") == "5");
}

Test(mm4_encode, names_nobody_where_all_recipients_are_blind) {
    ForwardReq message = forward();
    message.headers.to.clear();
    const Octets mail = written(message, to_b());
    cr_expect(value_of(mail, "To") == "undisclosed-recipients:;" && values_of(mail, "Cc").empty());
    cr_expect(read_as<ForwardReq>(mail).headers.to.empty());
    Response response;
    response.ids = {"t", "m", {}, {}};
    cr_expect(value_of(written(response, to_b()), "To") == "undisclosed-recipients:;");
}

Test(mm4_encode, refuses_what_it_cannot_say) {
    struct Row {
        std::string_view field;
        Fault fault;
        void (*spoil)(ForwardReq&);
    };
    const Row rows[] = {
        {"X-Mms-Transaction-ID", Fault::malformed, [](ForwardReq& m) { m.ids.transaction_id.clear(); }},
        {"X-Mms-Message-ID", Fault::malformed, [](ForwardReq& m) { m.ids.message_id.clear(); }},
        {"X-Mms-Message-ID", Fault::malformed, [](ForwardReq& m) { m.ids.message_id = "é"; }},
        {"X-Mms-Message-ID", Fault::malformed, [](ForwardReq& m) { m.ids.message_id = std::string(256, 'x'); }},
        {"X-Mms-Message-ID", Fault::malformed, [](ForwardReq& m) { m.ids.message_id = "a\r\nb"; }},
        {"From", Fault::sender_syntax, [](ForwardReq& m) { m.headers.from.reset(); }},
        {"From", Fault::sender_syntax, [](ForwardReq& m) { m.headers.from->value = "+not"; }},
    };
    for (const Row& row : rows) {
        ForwardReq message = forward();
        row.spoil(message);
        Result<Octets> mail = encode(message, to_b());
        cr_assert(!mail.has_value(), "%s", std::string(row.field).c_str());
        cr_expect(mail.error().fault == row.fault && mail.error().rule.starts_with(std::string(row.field) + ": "), "%s", mail.error().rule.c_str());
    }
    EncodeOptions nameless = to_b();
    nameless.system_address.clear();
    Result<Octets> unanswerable = encode(forward(), nameless);
    cr_expect(!unanswerable && unanswerable.error().rule == "Sender: an answer is asked for, but not where to");
    DeliveryReportReq report;
    report.ids = {"t", "m", {}, {}};
    report.recipient = {Kind::phone, "+41790000001", {}};
    Result<Octets> to_nobody = encode(report, to_b());
    cr_expect(!to_nobody && to_nobody.error().fault == Fault::recipient_syntax);
    Response wrong;
    wrong.type = MessageType::forward_req;
    cr_expect(!encode(wrong, to_b()));
    wrong.type = MessageType::forward_res;
    wrong.ids = {"t", "m", {}, {}};
    wrong.status.clear();
    Result<Octets> no_status = encode(wrong, to_b());
    cr_expect(!no_status && no_status.error().rule == "X-Mms-Request-Status-Code: the value is missing");
}
