#include "mapping/mail/report_mail.h"

#include <criterion/criterion.h>

#include <algorithm>
#include <string>

#include "mapping/limits.h"
#include "mapping/mail/mail_to_mm.h"
#include "mapping/mail/mime_tree.h"

using namespace mmgate;
using namespace mmgate::mail;

namespace {

constexpr Instant kNow = Instant(std::chrono::seconds(1'780'000'000));

DsnOptions options() {
    DsnOptions out;
    out.message_id = "dsn.1@mms.example.net";
    out.hostname = "gw1.mms.example.net";
    out.from = "postmaster@mms.example.net";
    out.to = "anna@x.example";
    out.envelope_id = "E1";
    out.arrival = kNow - std::chrono::hours(1);
    out.now = kNow;
    out.original_header = "From: anna@x.example\r\nSubject: =?utf-8?Q?Gr=C3=BC=C3=9Fe?=\r\nMessage-ID: <1@x.example>\r\nDate: Thu, 28 May 2026 19:00:00 +0000\r\n";
    out.boundary_seed = "s1";
    return out;
}

RecipientReport report(DeliveryStatus status, std::string enhanced = {}, std::string diagnostic = {}, std::string remote = {}) {
    RecipientReport out;
    out.recipient = {Address::Kind::phone, "+447700900123", {}};
    out.status = status;
    out.enhanced_status = std::move(enhanced);
    out.diagnostic = std::move(diagnostic);
    out.remote_mta = std::move(remote);
    return out;
}

void expect_clean(const Octets& mail) {
    for (std::size_t at = 0; at < mail.size();) {
        std::size_t end = std::min(mail.find("\r\n", at), mail.size());
        std::string line = mail.substr(at, end - at);
        cr_expect(line.size() <= kLimits.mail_line_bytes && std::all_of(line.begin(), line.end(), [](char c) { return (c >= ' ' && c < 0x7F) || c == '\t'; }), "%s", line.c_str());
        at = end + 2;
    }
}

std::string field(const HeaderBlock& header, std::string_view name) {
    const HeaderField* found = header.find(name);
    return found ? decode_text(found->folded) : "-";
}

}   // namespace

Test(make_dsn, action_follows_from_the_outcome) {
    struct Row {
        DeliveryStatus outcome;
        std::string_view enhanced, action, status, subject;
    };
    const Row rows[] = {
        {DeliveryStatus::expired, "", "failed", "5.4.7", "Undelivered"},
        {DeliveryStatus::expired, "4.4.1", "failed", "5.4.1", "Undelivered"},
        {DeliveryStatus::rejected, "", "failed", "5.7.1", "Undelivered"},
        {DeliveryStatus::rejected, "5.2.1", "failed", "5.2.1", "Undelivered"},
        {DeliveryStatus::unrecognised, "", "failed", "5.6.1", "Undelivered"},
        {DeliveryStatus::unreachable, "5.1.1", "failed", "5.1.1", "Undelivered"},
        {DeliveryStatus::unreachable, "", "failed", "5.4.1", "Undelivered"},
        {DeliveryStatus::retrieved, "", "delivered", "2.1.5", "Delivered"},
        {DeliveryStatus::retrieved, "2.0.0", "delivered", "2.0.0", "Delivered"},
        {DeliveryStatus::forwarded, "", "relayed", "2.0.0", "Handed on"},
        {DeliveryStatus::indeterminate, "", "relayed", "2.0.0", "Handed on"},
        {DeliveryStatus::indeterminate, "5.3.4", "failed", "5.3.4", "Undelivered"},
        {DeliveryStatus::deferred, "", "delayed", "4.2.0", "Delayed"},
        {DeliveryStatus::deferred, "4.4.1", "delayed", "4.4.1", "Delayed"},
        {DeliveryStatus::rejected, "bad", "failed", "5.7.1", "Undelivered"},
        {DeliveryStatus::rejected, "5.1.1\r\nX: y", "failed", "5.7.1", "Undelivered"},
    };
    for (const Row& row : rows) {
        Octets mail = make_dsn({report(row.outcome, std::string(row.enhanced))}, options());
        expect_clean(mail);
        auto back = read_dsn(mail);
        cr_assert(back && *back && (*back)->recipients.size() == 1, "%d", static_cast<int>(row.outcome));
        const ReceivedDsn::Recipient& got = (*back)->recipients[0];
        cr_expect(got.action == row.action && got.status == row.status, "%d: %s %s", static_cast<int>(row.outcome), got.action.c_str(), got.status.c_str());
        cr_expect(field(*scan_header(mail), "Subject") == std::string(row.subject) + ": Grüße");
    }
}

Test(make_dsn, tells_people_and_programs) {
    RecipientReport gone = report(DeliveryStatus::unreachable, "5.1.1", "550 5.1.1 no such\r\nuser", "mx.y.example");
    gone.recipient = {Address::Kind::mailbox, "b@y.example", {}};
    gone.original_recipient = "rfc822;b+x@y.example";
    gone.at = kNow;
    RecipientReport slow = report(DeliveryStatus::expired, "5.4.7", "the phone did not fetch it in time");
    Octets mail = make_dsn({slow, gone, report(DeliveryStatus::retrieved)}, options());
    expect_clean(mail);
    Result<Entity> tree = read_mime_tree(mail);
    cr_assert(tree && tree->parts.size() == 3);
    cr_expect(tree->media.type == "multipart/report" && *tree->media.parameter("report-type") == "delivery-status");
    cr_expect(field(tree->header, "To") == "anna@x.example" && field(tree->header, "From") == "Mail gateway <postmaster@mms.example.net>");
    cr_expect(field(tree->header, "Auto-Submitted") == "auto-replied" && field(tree->header, "References") == "<1@x.example>" && field(tree->header, "In-Reply-To") == "<1@x.example>");
    cr_expect(field(tree->header, "Message-ID") == "<dsn.1@mms.example.net>" && field(tree->header, "Date") == "Thu, 28 May 2026 20:26:40 +0000");
    std::string words = decoded_body(tree->parts[0]);
    for (std::string_view want : {"Your message was not delivered to:", "+447700900123@mms.example.net", "could not be reached in the time there was.", "the phone did not fetch it in time", "b@y.example",
                                  "There is no such number or mailbox.", "mx.y.example said: 550 5.1.1 no such user", "When: Thu, 28 May 2026 20:26:40 +0000", "What to do: Check the address", "Your message was delivered to:",
                                  "Subject: Grüße", "Received here: Thu, 28 May 2026 19:26:40 +0000"})
        cr_expect(words.find(want) != std::string::npos, "%s is missing in %s", want.data(), words.c_str());
    cr_expect(tree->parts[1].media.type == "message/delivery-status" && tree->parts[2].media.type == "text/rfc822-headers");
    std::string status(tree->parts[1].body);
    for (std::string_view want : {"Original-Envelope-Id: E1\r\n", "Reporting-MTA: dns; gw1.mms.example.net\r\n", "DSN-Gateway: dns; gw1.mms.example.net\r\n", "Arrival-Date: Thu, 28 May 2026 19:26:40 +0000\r\n\r\n",
                                  "Final-Recipient: rfc822; +447700900123@mms.example.net\r\nAction: failed\r\nStatus: 5.4.7\r\nDiagnostic-Code: x-mms; the phone did not fetch it in time\r\n",
                                  "Original-Recipient: rfc822;b+x@y.example\r\nFinal-Recipient: rfc822; b@y.example\r\n", "Remote-MTA: dns; mx.y.example\r\nDiagnostic-Code: smtp; 550 5.1.1 no such user\r\nLast-Attempt-Date: "})
        cr_expect(status.find(want) != std::string::npos, "%s is missing in %s", want.data(), status.c_str());
    cr_expect(decoded_body(tree->parts[2]) == options().original_header);
}

Test(make_dsn, stands_hostile_values) {
    DsnOptions how = options();
    how.envelope_id = "x\r\nBcc: y";
    how.original_header = "Subject: \xFF raw\r\nMessage-ID: <a b>\r\nX: " + std::string(5000, 'y') + "\r\n--=_s1_1_--\r\n";
    RecipientReport bad = report(DeliveryStatus::rejected, "5.1.1", "line\r\n--=_s1_1_\r\nX: y \xE2\x82\xAC" + std::string(3000, 'z'), "m\r\nx");
    bad.original_recipient = "utf-8;\xC3\xBC@x.example\r\nAction: delivered";
    Octets mail = make_dsn({bad}, how);
    expect_clean(mail);
    Result<Entity> tree = read_mime_tree(mail);
    cr_assert(tree && tree->parts.size() == 3);
    cr_expect(tree->parts[1].media.type == "message/global-delivery-status");
    cr_expect(std::string(tree->parts[1].body).find("Original-Recipient: utf-8;\\x{FC}@x.example Action: delivered\r\n") != std::string::npos);
    auto back = read_dsn(mail);
    cr_assert(back && *back && (*back)->recipients.size() == 1);
    cr_expect((*back)->recipients[0].action == "failed");
    cr_expect(!scan_header(mail)->find("Bcc") && !scan_header(mail)->find("References"));
}

Test(make_dsn, does_not_call_undelivered_what_may_have_arrived) {
    RecipientReport fetched = report(DeliveryStatus::indeterminate, "5.4.7", "fetched, but the phone never confirmed");
    fetched.unconfirmed = true;
    const Octets mail = make_dsn({fetched}, options());
    expect_clean(mail);
    cr_expect(field(*scan_header(mail), "Subject") == "Unconfirmed: Grüße");
    const Octets text = decoded_body((*read_mime_tree(mail)).parts.at(0));
    cr_expect(text.find("It is not known whether your message reached:\r\n") != Octets::npos && text.find("Ask the recipient before you send the message again.") != Octets::npos);
    cr_expect(text.find("not delivered") == Octets::npos && text.find("could not be reached") == Octets::npos, "%s", text.c_str());
    cr_expect((*read_dsn(mail))->recipients.at(0).action == "failed" && (*read_dsn(mail))->recipients.at(0).status == "5.4.7");

    const Octets both = make_dsn({fetched, report(DeliveryStatus::unreachable, "5.1.1")}, options());
    cr_expect(field(*scan_header(both), "Subject") == "Undelivered: Grüße");
    const Octets words = decoded_body((*read_mime_tree(both)).parts.at(0));
    cr_expect(words.find("Your message was not delivered to:") < words.find("It is not known whether your message reached:"));

    fetched.enhanced_status = "2.0.0";   // for who asked about success
    cr_expect((*read_dsn(make_dsn({fetched}, options())))->recipients.at(0).action == "relayed");
}

Test(make_service_message, says_what_did_not_reach_whom_and_why) {
    RecipientReport second = report(DeliveryStatus::rejected, "5.7.1", "550 5.7.1 go away", "mx.y.example");
    second.recipient = {Address::Kind::mailbox, "b@y.example", {}};
    Content content = make_service_message({report(DeliveryStatus::unreachable, "5.1.1"), second},
                                           "Gr\xC3\xBC\xC3\x9F"
                                           "e\r\nfrom",
                                           kNow);
    cr_assert(content.parts.size() == 1 && content.media.type == "multipart/mixed");
    const std::string want =
        "Your message \"Grüße from\" of Thu, 28 May 2026 20:26:40 +0000 was not delivered.\r\n\r\nTo +447700900123: There is no such number or mailbox. Check the address and send the message again.\r\n\r\n"
        "To b@y.example: The message was refused. Ask the recipient whether messages from you are accepted. (550 5.7.1 go away)";
    cr_expect(content.parts[0].data == want, "%s", content.parts[0].data.c_str());
    cr_expect(content.parts[0].media.type == "text/plain" && *content.parts[0].media.parameter("charset") == "utf-8");
    cr_expect(make_service_message({}, "", kNow).parts[0].data.starts_with("Your message of Thu"));
    second.unconfirmed = true;
    const std::string unknown = make_service_message({second}, "", kNow).parts[0].data;
    cr_expect(unknown.starts_with("It is not known whether your message of Thu, 28 May 2026 20:26:40 +0000 arrived.\r\n\r\nTo b@y.example: Nobody confirmed that it arrived;"), "%s", unknown.c_str());
}
