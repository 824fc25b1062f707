#include <criterion/criterion.h>

#include <string>

#include "mapping/mail/mail_to_mm.h"
#include "mapping/mail/transfer_encoding.h"

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

/// "envelope|message_id|text" and " / original>final action status diagnostic" for each recipient; "-" when it is no report.
std::string outline(std::string_view lines) {
    Result<std::optional<ReceivedDsn>> got = read_dsn(crlf(lines));
    if (!got) return "refused";
    if (!*got) return "-";
    const ReceivedDsn& dsn = **got;
    std::string out = dsn.envelope_id + "|" + dsn.message_id + "|" + dsn.text;
    for (const ReceivedDsn::Recipient& r : dsn.recipients) out += " / " + r.original_recipient + ">" + r.final_recipient + " " + r.action + " " + r.status + " " + r.diagnostic;
    return out;
}

std::string report(std::string_view status_type, std::string_view status, std::string_view third) {
    return "From: MAILER-DAEMON@x.example\nTo: +447700900123@mms.example.net\nSubject: Undelivered\nContent-Type: multipart/report; report-type=delivery-status;\n\tboundary=\"b/1\"\n\n"
           "preamble\n--b/1\nContent-Type: text/plain\n\nI'm sorry to have to inform you\nthat it failed.\n\n--b/1\nContent-Type: " +
           std::string(status_type) + "\n\n" + std::string(status) + "\n--b/1\n" + std::string(third) + "\n--b/1--\n";
}

constexpr std::string_view kHeaders = "Content-Type: text/rfc822-headers\n\nReceived: x\nMessage-ID: <M1@mms.example.net>\nSubject: s\n";

}   // namespace

Test(read_dsn, reads_reports_of_any_mta) {
    struct Row {
        std::string what, mail, want;
    };
    const std::string text = "I'm sorry to have to inform you that it failed.";
    const Row rows[] = {
        {"the common shape",
         report("message/delivery-status",
                "Reporting-MTA: dns; mx.x.example\nX-Postfix-Queue-ID: 4F2\nX-Postfix-Sender: rfc822; +447700900123@mms.example.net\nArrival-Date: Thu, 28 May 2026 20:26:40 +0000 (UTC)\nOriginal-Envelope-Id: M1@mms.example.net\n\n"
                "Final-Recipient: rfc822; a@x.example\nOriginal-Recipient: rfc822;a+2Btag@x.example\nAction: failed\nStatus: 5.1.1\nRemote-MTA: dns; y.example\nDiagnostic-Code: smtp; 550 5.1.1 <a@x.example>:\n    User unknown\n",
                "Content-Description: Undelivered Message\nContent-Type: message/rfc822\n\nReceived: x\nMessage-ID: <M1@mms.example.net>\n\nbody\n"),
         "M1@mms.example.net|M1@mms.example.net|" + text + " / a+tag@x.example>a@x.example failed 5.1.1 smtp; 550 5.1.1 <a@x.example>: User unknown"},
        {"headers only, two recipients",
         report("message/delivery-status", "Reporting-MTA: dns; mx\n\nAction: delayed\nFinal-Recipient: rfc822;a@x.example\nStatus: 4.4.1\n\nAction: Delivered (really)\nFinal-Recipient: RFC822; <b@x.example>\nStatus: 2.1.5 (ok)\n", kHeaders),
         "|M1@mms.example.net|" + text + " / >a@x.example delayed 4.4.1  / >b@x.example delivered 2.1.5 "},
        {"no empty line before the fields of the part", report("message/delivery-status", "\n\nFinal-Recipient: rfc822; a@x.example\nAction: failed\nStatus: 5.0.0\n\n\n\n", kHeaders), "|M1@mms.example.net|" + text + " / >a@x.example failed 5.0.0 "},
        {"international", report("message/global-delivery-status", "Reporting-MTA: dns; mx\n\nFinal-Recipient: utf-8; \xC3\xBC@x.example\nAction: failed\nStatus: 5.6.7\n", "Content-Type: message/global-headers\n\nMessage-ID: <M2@mms.example.net>\n"),
         "|M2@mms.example.net|" + text + " / >ü@x.example failed 5.6.7 "},
        {"encoded status", report("message/delivery-status\nContent-Transfer-Encoding: base64", encode_base64("Reporting-MTA: dns; mx\r\n\r\nFinal-Recipient: rfc822; a@x.example\r\nAction: failed\r\nStatus: 5.2.2\r\n"), kHeaders),
         "|M1@mms.example.net|" + text + " / >a@x.example failed 5.2.2 "},
        {"phone numbers are no xtext", report("message/delivery-status", "X: y\n\nOriginal-Recipient: rfc822;+447700900124@x.example\nFinal-Recipient: rfc822; +447700900124@x.example\nAction: failed\nStatus: 5.1.1\n", kHeaders),
         "|M1@mms.example.net|" + text + " / +447700900124@x.example>+447700900124@x.example failed 5.1.1 "},
        {"unknown action says nothing", report("message/delivery-status", "X: y\n\nFinal-Recipient: rfc822; a@x.example\nAction: exploded\nStatus: 5.1.1\n\nFinal-Recipient: rfc822; b@x.example\nStatus: 5.1.1\n", kHeaders), "|M1@mms.example.net|" + text},
        {"odd status", report("message/delivery-status", "X: y\n\nFinal-Recipient: rfc822; a@x.example\nAction: failed\nStatus: five\n", kHeaders), "|M1@mms.example.net|" + text + " / >a@x.example failed  "},
        {"rubbish between the fields", report("message/delivery-status", "rubbish\nX: y\n\nnonsense\n\nFinal-Recipient: rfc822; a@x.example\nAction: failed\nStatus: 5.1.1\n", kHeaders), "|M1@mms.example.net|" + text + " / >a@x.example failed 5.1.1 "},
        {"explained in HTML",
         "Content-Type: multipart/report; boundary=b\n\n--b\nContent-Type: multipart/alternative; boundary=c\n\n--c\nContent-Type: text/html\n\n<p>Your message<br>wasn't delivered.</p>\n--c--\n"
         "--b\nContent-Type: message/delivery-status\n\nReporting-MTA: dns;x\n\nFinal-recipient: rfc822;a@x.example\naction: failed\nstatus: 5.1.10\nDiagnostic-code: smtp;550 5.1.10 RESOLVER.ADR.RecipientNotFound\n\n--b\nContent-Type: message/rfc822\n\nMessage-ID: <M1@mms.example.net>\n\n--b--\n",
         "|M1@mms.example.net|Your message wasn't delivered. / >a@x.example failed 5.1.10 smtp;550 5.1.10 RESOLVER.ADR.RecipientNotFound"},
        {"a read receipt", "Content-Type: multipart/report; report-type=disposition-notification; boundary=b\n\n--b\n\nread <M1@mms.example.net>\n--b\nContent-Type: message/disposition-notification\n\nDisposition: x\n--b--\n", "-"},
        {"words without identifiers", "Subject: out of office\nIn-Reply-To: <M1@mms.example.net>\n\nI am away.\n", "-"},
        {"empty", "", "-"},
    };
    for (const Row& row : rows) cr_expect(outline(row.mail) == row.want, "%s gave %s", row.what.c_str(), outline(row.mail).c_str());
}

Test(read_dsn, reads_bounces_that_follow_no_standard) {
    struct Row {
        std::string what, mail, want, mentioned;
    };
    const Row rows[] = {
        {"a copy of the message in the text",
         "X-Failed-Recipients: a@x.example,\n b@x.example\nSubject: Mail delivery failed: returning message to sender\n\nThis message failed:\n\n  a@x.example\n    550 5.7.1 no\n\n------ This is a copy ------\n\nMessage-ID: <M1@mms.example.net>\nFrom: x\n",
         "||This message failed: a@x.example 550 5.7.1 no ------ This is a copy ------ Message-ID: <M1@mms.example.net> From: x / >a@x.example failed 5.7.1 This message failed: a@x.example 550 5.7.1 no ------ This is a copy "
         "------ Message-ID: <M1@mms.example.net> From: x / >b@x.example failed 5.7.1 This message failed: a@x.example 550 5.7.1 no ------ This is a copy ------ Message-ID: <M1@mms.example.net> From: x",
         "a@x.example M1@mms.example.net "},
        {"the message attached", "Content-Type: multipart/mixed; boundary=b\n\n--b\n\nIt failed.\n--b\nContent-Type: message/rfc822\n\nMessage-ID: <M1@mms.example.net>\nResent-Message-ID: <M2@mms.example.net>\n\nx\n--b--\n",
         "|M1@mms.example.net|It failed. x / > failed 5.0.0 It failed. x", "M1@mms.example.net M2@mms.example.net "},
        {"only a warning", "Subject: Warning: could not send message for past 4 hours\n\nId <M1@mms.example.net>\n", "||Id <M1@mms.example.net> / > delayed 4.0.0 Id <M1@mms.example.net>", "M1@mms.example.net "},
        {"delayed", "Subject: Message status - DELAYED\n\nId M1@mms.example.net.\n", "||Id M1@mms.example.net. / > delayed 4.0.0 Id M1@mms.example.net.", "M1@mms.example.net "},
        {"a status that is none", "Subject: failed\n\nversion 15.1.2.3 1.5.1.1 <M1@mms.example.net>\n", "||version 15.1.2.3 1.5.1.1 <M1@mms.example.net> / > failed 5.0.0 version 15.1.2.3 1.5.1.1 <M1@mms.example.net>", "M1@mms.example.net "},
    };
    for (const Row& row : rows) {
        cr_expect(outline(row.mail) == row.want, "%s gave %s", row.what.c_str(), outline(row.mail).c_str());
        std::string mentioned;
        auto got = read_dsn(crlf(row.mail));
        for (const std::string& id : (*got)->mentioned_message_ids) mentioned += id + " ";
        cr_expect(mentioned == row.mentioned, "%s gave %s", row.what.c_str(), mentioned.c_str());
    }
    std::string flood = "\n\n";
    for (int i = 0; i < 20'000; ++i) flood += "<" + std::to_string(i) + "@x> ";
    auto got = read_dsn(flood + "@@@@" + std::string(100'000, '@'));
    cr_expect(got && *got && (*got)->mentioned_message_ids.size() == 50 && (*got)->text.size() <= 200);
}
