#include "mapping/mail/mail_to_mm.h"

#include <criterion/criterion.h>

#include <array>
#include <string>

#include "mapping/charset.h"
#include "mapping/limits.h"
#include "mapping/mail/transfer_encoding.h"
#include "mapping/status.h"

using namespace mmgate;
using namespace mmgate::mail;
using namespace std::string_literals;
using namespace std::string_view_literals;

namespace {

constexpr Instant kNow = Instant(std::chrono::seconds(1'780'000'000));   // 28 May 2026

MailToMmOptions options() {
    MailToMmOptions out;
    out.now = kNow;
    out.return_path = "anna@x.example";
    out.our_domains = {"mms.example.net", "mms2.example.net"};
    out.numbering = {"44", "0", "00"};
    return out;
}
MailToMmOptions application_options() {
    MailToMmOptions out = options();
    out.application_allowed = true;
    out.application_ids = {"MEM", "x.y"};
    return out;
}

/// Lines with LF as a mail with CRLF.
std::string crlf(std::string_view lines) {
    std::string out;
    for (char c : lines) {
        if (c == '\n') out += '\r';
        out += c;
    }
    return out;
}

std::string repeat(std::string_view text, std::size_t times) {
    std::string out;
    for (std::size_t i = 0; i < times; ++i) out += text;
    return out;
}

std::string fault_of(const std::string& wire, const MailToMmOptions& how = options()) {
    Result<ReceivedMail> got = mail_to_mm(wire, how);
    return got ? "" : std::string(spec_of(got.error().fault).name);
}

/// The texts of an MM in order, with " | " between the parts and <type name size> for the others.
std::string outline(const Content& content) {
    std::string out;
    for (const Part& part : content.parts) {
        if (part.media.type == "application/smil") continue;
        if (!out.empty()) out += " | ";
        if (part.media.type == "text/plain" && part.disposition.empty())
            out += part.data;
        else
            out += "<" + part.media.type + " " + part.content_location + " " + std::to_string(part.data.size()) + ">";
    }
    return out;
}

std::string outline_of(std::string_view lines) {
    Result<ReceivedMail> got = mail_to_mm(crlf(lines), options());
    return got ? outline(got->mm.content) : "refused: " + got.error().rule;
}

ReceivedMail received(const std::string& wire, const MailToMmOptions& how = options()) {
    Result<ReceivedMail> got = mail_to_mm(wire, how);
    cr_assert(got.has_value(), "%s", got ? "" : got.error().rule.c_str());
    return *std::move(got);
}

std::string every_octet(std::size_t size) {
    std::string out;
    for (std::size_t i = 0; i < size; ++i) out += static_cast<char>((i * 7 + i / 256) & 0xFF);
    return out;
}

}   // namespace

Test(mail_to_mm, subject_keeps_its_characters) {
    struct Row {
        std::string_view field, want;
    };
    const Row rows[] = {
        {"plain words", "plain words"},
        {"=?utf-8?Q?Gr=C3=BC=C3=9Fe?=", "Grüße"},
        {"=?utf-8?B?R3LDvMOfZQ==?=", "Grüße"},
        {"=?ISO-8859-1?q?Gr=FC=DFe?=", "Grüße"},
        {"=?utf-8*de?Q?Gr=C3=BC=C3=9Fe?=", "Grüße"},
        {"=?koi8-r?B?8NLJ18XU?=", "Привет"},
        {"=?iso-2022-jp?B?GyRCRnxLXBsoQg==?=", "日本"},
        {"=?gb2312?B?xOO6ww==?=", "你好"},
        {"a =?utf-8?Q?=C3=BC?= b", "a ü b"},
        {"=?utf-8?Q?a?= =?utf-8?Q?b?=", "ab"},
        {"=?utf-8?Q?a?=\n =?utf-8?Q?b?=", "ab"},
        {"=?utf-8?Q?=C3?= =?utf-8?Q?=BC?=", "ü"},
        {"folded\n here", "folded here"},
        {"Gr\xC3\xBC\xC3\x9F"
         "e raw",
         "Grüße raw"},
        {"Gr\xFC\xDF"
         "e raw",
         "Grüße raw"},
        {"\x80 euro", "€ euro"},
        {"=?utf-8?X?abc?=", "=?utf-8?X?abc?="},
        {"=?utf-8?Q?abc", "=?utf-8?Q?abc"},
        {"=?utf-8?B?SGVsbG8NCkJjYzogZXZpbEB4?=", "Hello Bcc: evil@x"},
        {"=?utf-8?Q?a=0D=0AX:b=00c?=", "a X:b c"},
        {"=?utf-8?Q?a=0Db?=", "a b"},
        {"x\xE2\x80\xA8y", "x y"},
        {"😀 smile", "😀 smile"},
    };
    for (auto [field, want] : rows) {
        ReceivedMail got = received(crlf("From: a@b.example\nSubject: " + std::string(field) + "\n\nbody\n"));
        cr_expect(got.mm.headers.subject == want, "%s gave %s", std::string(field).c_str(), got.mm.headers.subject.c_str());
    }
    // A charset nobody knows is shown somehow, on one line, and the mail is taken.
    ReceivedMail odd = received(crlf("From: a@b.example\nSubject: =?x-klingon?Q?ab=FFc?=\n\nbody\n"));
    cr_expect(odd.mm.headers.subject.find("ab") != std::string::npos, "%s", odd.mm.headers.subject.c_str());
    ReceivedMail longest = received("From: a@b.example\r\nSubject: " + repeat("ü", 4000) + "\r\n\r\nbody\r\n");
    cr_expect(longest.mm.headers.subject.size() <= kLimits.subject_bytes && longest.mm.headers.subject.ends_with("ü"));
    cr_expect(received(crlf("From: a@b.example\nSubject: one\nSubject: two\n\nx\n")).mm.headers.subject == "one");
}

Test(mail_to_mm, addresses_keep_their_characters) {
    struct Row {
        std::string_view field, address, name;
    };
    const Row rows[] = {
        {"anna@x.example", "anna@x.example", ""},
        {"<anna@X.Example>", "anna@x.example", ""},
        {"Anna <anna@x.example>", "anna@x.example", "Anna"},
        {"Anna B. C <anna@x.example>", "anna@x.example", "Anna B. C"},
        {"\"Doe, Anna\" <anna@x.example>", "anna@x.example", "Doe, Anna"},
        {"\"a\\\"b\" <anna@x.example>", "anna@x.example", "a\"b"},
        {"=?utf-8?Q?Anna_M=C3=BCller?= <anna@x.example>", "anna@x.example", "Anna Müller"},
        {"\"=?utf-8?Q?Anna_M=C3=BCller?=\" <anna@x.example>", "anna@x.example", "Anna Müller"},
        {"Anna M\xFCller <anna@x.example>", "anna@x.example", "Anna Müller"},
        {"anna@x.example (Anna)", "anna@x.example", "Anna"},
        {"first@x.example, second@y.example", "first@x.example", ""},
        {"team: first@x.example, second@y.example;", "first@x.example", ""},
        {"bad, second@y.example", "second@y.example", ""},
        {"\"a b\"@x.example", "a b@x.example", ""},
        {"anna@b\xC3\xBC"
         "cher.example",
         "anna@xn--bcher-kva.example", ""},
        {"=?utf-8?Q?x=0D=0ABcc=3A_y?= <anna@x.example>", "anna@x.example", "x Bcc: y"},
        {"", "anna@x.example", ""},   // the return path
        {"not an address", "anna@x.example", ""},
        {"undisclosed:;", "anna@x.example", ""},
    };
    for (auto [field, address, name] : rows) {
        ReceivedMail got = received(crlf("From: " + std::string(field) + "\n\nbody\n"));
        cr_expect(got.mm.headers.from->value == address, "%s gave %s", std::string(field).c_str(), got.mm.headers.from->value.c_str());
        cr_expect(got.mm.headers.from->display_name == name, "%s gave name %s", std::string(field).c_str(), got.mm.headers.from->display_name.c_str());
    }
    MailToMmOptions null_sender = options();
    null_sender.return_path.clear();
    cr_expect(fault_of(crlf("Subject: nobody\n\nx\n"), null_sender) == "malformed");
    cr_expect(fault_of(crlf("From: rubbish\n\nx\n"), null_sender) == "malformed");
}

Test(mail_to_mm, a_phone_of_ours_cannot_be_claimed) {
    struct Row {
        std::string_view header, want;
    };
    const Row rows[] = {
        {"From: +447700900123@mms.example.net\n", "sender-denied"},
        {"From: +447700900123@MMS2.example.net\n", "sender-denied"},
        {"From: 07700900123@mms.example.net\n", "sender-denied"},
        {"From: \"+447700900123/TYPE=PLMN\"@mms.example.net\n", "sender-denied"},
        {"From : +447700900123@mms.example.net\n", "sender-denied"},
        {"from: Anna <+447700900123@mms.example.net>\n", "sender-denied"},
        {"From: a@b.example\nResent-From: +447700900123@mms.example.net\n", "sender-denied"},
        {"From: postmaster@mms.example.net\n", ""},
        {"From: +447700900123@other.example\n", ""},
        {"From: \"+447700900123\" <a@b.example>\n", ""},
    };
    for (auto [header, want] : rows) cr_expect(fault_of(crlf(std::string(header) + "\nx\n")) == want, "%s", std::string(header).c_str());
    MailToMmOptions spoofed = options();
    spoofed.return_path = "+447700900123@mms.example.net";
    cr_expect(fault_of(crlf("Subject: no From\n\nx\n"), spoofed) == "sender-denied");
}

Test(mail_to_mm, recipients_of_the_header_are_kept) {
    ReceivedMail got = received(crlf(
        "From: a@b.example\nTo: \"Bob, the\" <+447700900123@mms.example.net>, friends: 07700900124@mms2.example.net,\n\tc@y.example;\n"
        "To: d@y.example\nCc: =?utf-8?Q?J=C3=BCrgen?= <e@y.example>, junk\nBcc: secret@y.example\n\nx\n"));
    const MmHeaders& h = got.mm.headers;
    cr_assert(h.to.size() == 4 && h.cc.size() == 1, "%zu %zu", h.to.size(), h.cc.size());
    cr_expect(h.to[0].kind == Address::Kind::phone && h.to[0].value == "+447700900123" && h.to[0].display_name == "Bob, the");
    cr_expect(h.to[1].kind == Address::Kind::phone && h.to[1].value == "+447700900124");
    cr_expect(h.to[2].value == "c@y.example" && h.to[3].value == "d@y.example");
    cr_expect(h.cc[0].value == "e@y.example" && h.cc[0].display_name == "Jürgen");
}

Test(mail_to_mm, fields_become_elements) {
    struct Row {
        std::string_view header;
        MessageClass message_class;
        Priority priority;
        bool automatic, read_report;
    };
    constexpr auto personal = MessageClass::personal, informational = MessageClass::informational, machine = MessageClass::automatic;
    constexpr auto normal = Priority::normal, high = Priority::high, low = Priority::low;
    const Row rows[] = {
        {"", personal, normal, false, false},
        {"Precedence: bulk\n", informational, normal, true, false},
        {"Precedence: LIST\n", informational, normal, true, false},
        {"Precedence: junk\n", informational, normal, true, false},
        {"Precedence: first-class\n", personal, normal, false, false},
        {"List-Id: <l.x.example>\n", informational, normal, true, false},
        {"Auto-Submitted: auto-generated\n", machine, normal, true, false},
        {"Auto-Submitted: auto-replied (vacation)\n", machine, normal, true, false},
        {"Auto-Submitted: no\n", personal, normal, false, false},
        {"Importance: high\n", personal, high, false, false},
        {"Importance: Low\n", personal, low, false, false},
        {"Importance: normal\nX-Priority: 1\n", personal, normal, false, false},
        {"X-Priority: 1 (Highest)\n", personal, high, false, false},
        {"X-Priority: 2\n", personal, high, false, false},
        {"X-Priority: 3\n", personal, normal, false, false},
        {"X-Priority: 5 (Lowest)\n", personal, low, false, false},
        {"X-MSMail-Priority: High\n", personal, high, false, false},
        {"Priority: non-urgent\n", personal, low, false, false},
        {"Priority: urgent\nX-Priority: 4\n", personal, low, false, false},
        {"Disposition-Notification-To: <anna@x.example>\n", personal, normal, false, true},
        {"Disposition-Notification-To: <anna@x.example>\nDisposition-Notification-Options: signed-receipt-protocol=optional,pkcs7\n", personal, normal, false, true},
        {"Disposition-Notification-To: <anna@x.example>\nDisposition-Notification-Options: a=optional,b; c= Required,d\n", personal, normal, false, false},
        {"Disposition-Notification-To: other@x.example\n", personal, normal, false, false},
        {"Disposition-Notification-To: anna@x.example, b@x.example\n", personal, normal, false, false},
        {"X-Mms-Priority: High\nX-Mms-Message-Class: Auto\nX-Mms-Read-Report: Yes\nX-Mms-Applic-ID: MEM\n", personal, normal, false, false},
        {"Sensitivity: normal\n", personal, normal, false, false},
    };
    for (const Row& row : rows) {
        ReceivedMail got = received(crlf("From: a@b.example\n" + std::string(row.header) + "\nx\n"));
        const MmHeaders& h = got.mm.headers;
        cr_expect(h.message_class == row.message_class && h.priority == row.priority && got.automatic == row.automatic && h.read_report == row.read_report, "%s",
                  std::string(row.header).c_str());
        cr_expect(h.applic_id.empty());
    }
    MailToMmOptions null_sender = options();
    null_sender.return_path.clear();
    ReceivedMail bounce = received(crlf("From: a@b.example\nDisposition-Notification-To: a@b.example\n\nx\n"), null_sender);
    cr_expect(bounce.automatic && bounce.mm.headers.message_class == MessageClass::automatic && !bounce.mm.headers.read_report);
    for (std::string_view value : {"Personal", "private", "Company-Confidential"})
        cr_expect(fault_of(crlf("From: a@b.example\nSensitivity: " + std::string(value) + "\n\nx\n")) == "unmappable");
}

Test(mail_to_mm, dates_and_ids) {
    struct Row {
        std::string_view field;
        std::int64_t want;   // seconds since 1970; 0 is now
    };
    const Row rows[] = {
        {"Date: Wed, 27 May 2026 10:00:00 +0200\n", 1'779'868'800},
        {"Date: 27 May 2026 08:00 GMT\n", 1'779'868'800},
        {"Date: Fri, 29 May 2026 21:00:00 +0000\n", 0},   // a day and more ahead
        {"Date: Sun, 31 Dec 1989 23:59:59 +0000\n", 0},
        {"Date: Mon, 01 Jan 1990 00:00:00 +0000\n", 631'152'000},
        {"Date: Tue, 01 Jan 99999 00:00:00 +0000\n", 0},
        {"Date: yesterday\n", 0},
        {"", 0},
    };
    for (auto [field, want] : rows) {
        ReceivedMail got = received(crlf("From: a@b.example\n" + std::string(field) + "\nx\n"));
        Instant date = want == 0 ? kNow : Instant(std::chrono::seconds(want));
        cr_expect(got.mm.headers.date == date, "%s", std::string(field).c_str());
    }
    cr_expect(received(crlf("From: a@b.example\nMessage-ID: <x.1@b.example>\n\nx\n")).mm.headers.message_id == "x.1@b.example");
    cr_expect(received(crlf("From: a@b.example\nMessage-ID: x.1@b.example\n\nx\n")).mm.headers.message_id == "x.1@b.example");
    cr_expect(received(crlf("From: a@b.example\nMessage-ID: <a b>\n\nx\n")).mm.headers.message_id.empty());
    cr_expect(received(crlf("From: a@b.example\nMessage-ID: <" + repeat("x", 300) + ">\n\nx\n")).mm.headers.message_id.empty());
    ReceivedMail expiring = received(crlf("From: a@b.example\nExpires: Sat, 30 May 2026 00:00:00 +0000\n\nx\n"));
    cr_expect(expiring.mm.headers.expiry && expiring.mm.headers.expiry->absolute == Instant(std::chrono::seconds(1'780'099'200)));
    cr_expect(!received(crlf("From: a@b.example\nExpires: Sat, 30 May 2020 00:00:00 +0000\n\nx\n")).mm.headers.expiry);
}

Test(mail_to_mm, forwarding_becomes_history) {
    ReceivedMail got = received(crlf(
        "Resent-From: c@z.example\nResent-Date: Wed, 27 May 2026 10:00:00 +0000\nResent-Message-ID: <3@z.example>\n"
        "Resent-From: b@y.example\nResent-Date: Tue, 26 May 2026 10:00:00 +0000\n"
        "From: a@x.example\nDate: Mon, 25 May 2026 10:00:00 +0000\nMessage-ID: <1@x.example>\n\nx\n"));
    const MmHeaders& h = got.mm.headers;
    cr_expect(h.from->value == "c@z.example" && h.message_id == "3@z.example");
    cr_expect(h.date == Instant(std::chrono::seconds(1'779'876'000)));
    cr_assert(h.previously_sent.size() == 2);
    cr_expect(h.previously_sent[0].count == 0 && h.previously_sent[0].by.value == "a@x.example");
    cr_expect(h.previously_sent[0].date == Instant(std::chrono::seconds(1'779'703'200)));
    cr_expect(h.previously_sent[1].count == 1 && h.previously_sent[1].by.value == "b@y.example");
    ReceivedMail many = received(crlf(repeat("Resent-From: r@z.example\n", 90) + "From: a@x.example\n\nx\n"));
    cr_expect(many.mm.headers.previously_sent.size() <= 21);
}

Test(mail_to_mm, bodies_become_parts) {
    struct Row {
        std::string what, lines, want;
    };
    const std::string picture = encode_base64("\xFF\xD8\xFF" + every_octet(2000));
    const std::string jpeg = "Content-Type: image/jpeg; name=a.jpg\nContent-Transfer-Encoding: base64\n\n" + picture + "\n";
    const std::string html_mail =
        "Content-Type: multipart/related; boundary=r\n\n--r\nContent-Type: text/html\n\n<p>Hi <img src=\"cid:two\"><img src=\"cid:one\"><img src=\"cid:dot\"></p>\n"
        "--r\nContent-ID: <one>\nContent-Disposition: inline; filename=one.jpg\n" +
        jpeg + "--r\nContent-ID: <two>\nContent-Disposition: inline; filename=two.jpg\n" + jpeg +
        "--r\nContent-ID: <dot>\nContent-Type: image/gif\nContent-Transfer-Encoding: base64\n\nR0lGODlhAQABAAAAACw=\n--r--\n";
    const std::string alternative_with_pictures =
        "Content-Type: multipart/alternative; boundary=A\n\n--A\n\nplain words\n--A\n" + html_mail + "--A--\n";
    const Row rows[] = {
        {"plain", "\nHello\n", "Hello"},
        {"no header but From", "\n\n\n  Hello  \n\n", "  Hello"},
        {"quoted-printable", "Content-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: quoted-printable\n\nGr=C3=BC=\n=C3=9Fe\n", "Grüße"},
        {"base64 text", "Content-Type: text/plain; charset=iso-8859-1\nContent-Transfer-Encoding: base64\n\nR3L832U=\n", "Grüße"},
        {"unlabelled 8-bit",
         "Content-Type: text/plain\n\nGr\xFC\xDF"
         "e\n",
         "Grüße"},
        {"flowed", "Content-Type: text/plain; format=flowed\n\nThis line \ngoes on.\n> quoted \n> more\n-- \nsig\n", "This line goes on.\r\n> quoted more\r\n--\r\nsig"},
        {"delsp", "Content-Type: text/plain; format=flowed; delsp=yes\n\nab \ncd\n", "abcd"},
        {"html", "Content-Type: text/html; charset=utf-8\n\n<p>Gr&uuml;&szlig;e</p><script>x</script><p>2</p>\n", "Grüße\r\n\r\n2"},
        {"html charset in meta",
         "Content-Type: text/html\n\n<meta charset=iso-8859-1><p>Gr\xFC\xDF"
         "e</p>\n",
         "Grüße"},
        {"alternative prefers plain", "Content-Type: multipart/alternative; boundary=b\n\n--b\n\nplain\n--b\nContent-Type: text/html\n\n<b>html</b>\n--b--\n", "plain"},
        {"alternative with empty plain", "Content-Type: multipart/alternative; boundary=b\n\n--b\n\n \xC2\xA0 \n--b\nContent-Type: text/html\n\n<b>html</b>\n--b--\n", "html"},
        {"alternative with an invitation",
         "Content-Type: multipart/alternative; boundary=b\n\n--b\n\nplain\n--b\nContent-Type: text/calendar; method=REQUEST\n\nBEGIN:VCALENDAR\n--b--\n",
         "plain | <text/calendar text_1.ics 15>"},
        {"related in order of reference", html_mail, "Hi | <image/jpeg two.jpg 2003> | <image/jpeg one.jpg 2003>"},
        {"related by Content-Location",
         "Content-Type: multipart/related; boundary=r\n\n--r\nContent-Type: text/html\n\n<p>Hi <img src=\"p/two.jpg\"><img src=http://x/one.jpg><img src='dot.gif'></p>\n"
         "--r\nContent-Location: http://x/one.jpg\nContent-Disposition: inline; filename=one.jpg\n" +
             jpeg + "--r\nContent-Location: p/two.jpg\nContent-Disposition: inline; filename=two.jpg\n" + jpeg +
             "--r\nContent-Location: dot.gif\nContent-Type: image/gif\nContent-Transfer-Encoding: base64\n\nR0lGODlhAQABAAAAACw=\n--r--\n",
         "Hi | <image/jpeg two.jpg 2003> | <image/jpeg one.jpg 2003>"},
        {"pictures of the richer alternative", alternative_with_pictures, "plain words | <image/jpeg two.jpg 2003> | <image/jpeg one.jpg 2003>"},
        {"mixed in order", "Content-Type: multipart/mixed; boundary=b\n\npreamble\n--b\n\none\n--b\n" + jpeg + "--b\n\ntwo\n--b--\nepilogue\n", "one | <image/jpeg a.jpg 2003> | two"},
        {"unknown multipart", "Content-Type: multipart/x-odd; boundary=b\n\n--b\n\none\n--b\n\ntwo\n--b--\n", "one\r\n\r\ntwo"},
        {"no end delimiter", "Content-Type: multipart/mixed; boundary=b\n\n--b\n\none\n--b\n\ntwo\n", "one\r\n\r\ntwo"},
        {"no delimiter at all", "Content-Type: multipart/mixed; boundary=b\n\nall of it\n", "all of it"},
        {"no boundary", "Content-Type: multipart/mixed\n\nall of it\n", "all of it"},
        {"attachment kept", "Content-Type: multipart/mixed; boundary=b\n\n--b\n\none\n--b\nContent-Type: application/pdf\nContent-Disposition: attachment; filename=\"a b.pdf\"\n\n%PDF\n--b--\n",
         "one | <application/pdf a_b.pdf 4>"},
        {"text attached",
         "Content-Type: multipart/mixed; boundary=b\n\n--b\n\none\n--b\nContent-Type: text/plain\nContent-Disposition: attachment; filename=n.txt\n\nGr\xFC\xDF"
         "e\n--b--\n",
         "one | <text/plain n.txt 7>"},
        {"picture called octets", "Content-Type: application/octet-stream; name=x.jpg\nContent-Transfer-Encoding: base64\n\n" + picture, "<image/jpeg x.jpg 2003>"},
        {"signed", "Content-Type: multipart/signed; boundary=b\n\n--b\n\none\n--b\nContent-Type: application/pgp-signature\n\nxyz\n--b--\n", "one\r\n\r\n[signature removed]"},
        {"encrypted", "Content-Type: multipart/encrypted; boundary=b\n\n--b\nContent-Type: application/pgp-encrypted\n\nVersion: 1\n--b\nContent-Type: application/octet-stream\n\nxyz\n--b--\n",
         "[not delivered: encrypted message, 110 octets]"},
        {"enveloped", "Content-Type: application/pkcs7-mime; name=smime.p7m\n\nxyz\n", "[not delivered: smime.p7m, application/pkcs7-mime, 5 octets]"},
        {"tnef", "Content-Type: multipart/mixed; boundary=b\n\n--b\n\none\n--b\nContent-Type: application/ms-tnef; name=winmail.dat\n\nxyz\n--b--\n",
         "one\r\n\r\n[not delivered: winmail.dat, application/ms-tnef, 3 octets]"},
        {"external body", "Content-Type: message/external-body; access-type=URL; URL=\"http://127.0.0.1/\"\n\nContent-Type: image/gif\n\n", "[not delivered: message/external-body, 27 octets]"},
        {"forwarded", "Content-Type: message/rfc822\n\nFrom: z@z.example\nSubject: =?utf-8?Q?=C3=BC?=\nDate: then\nX: y\n\ninner\n", "From: z@z.example\r\nSubject: ü\r\nDate: then\r\n\r\ninner"},
        {"digest", "Content-Type: multipart/digest; boundary=b\n\n--b\n\nSubject: 1\n\nfirst\n--b\n\nSubject: 2\n\nsecond\n--b--\n",
         "Subject: 1\r\n\r\nfirst\r\n\r\nSubject: 2\r\n\r\nsecond"},
        {"report", "Content-Type: multipart/report; boundary=b\n\n--b\n\nIt failed\n--b\nContent-Type: message/delivery-status\n\nAction: failed\n--b--\n", "It failed"},
        {"nothing but a subject", "Subject: see you\n\n", "see you"},
        {"nothing at all", "\n", "(no text)"},
        {"empty attachment", "Content-Type: image/jpeg; name=a.jpg\n\n", "[not delivered: a.jpg, image/jpeg, 0 octets]"},
        {"base64 rubbish", "Content-Type: image/jpeg; name=a.jpg\nContent-Transfer-Encoding: base64\n\n!!!!????\n", "[not delivered: a.jpg, image/jpeg, 0 octets]"},
        {"base64 with dirt",
         "Content-Type: image/gif; name=a.gif\nContent-Transfer-Encoding: base64\n\nR0l\n GOD-lh\x01"
         "AQ==trailing\n",
         "<image/gif a.gif 7>"},
        {"csv as text", "Content-Type: text/csv\n\na,b\n", "a,b"},
        {"own presentation dropped", "Content-Type: multipart/related; boundary=b\n\n--b\nContent-Type: application/smil\n\n<smil/>\n--b\n\none\n--b--\n", "one"},
        {"delimiter as header end", "Content-Type: multipart/mixed; boundary=b\n\n--b\nContent-Type: text/plain\n--b\n\ntwo\n--b--\n", "two"},
        {"uuencoded", "Content-Type: image/gif; name=a.gif\nContent-Transfer-Encoding: x-uuencode\n\nbegin 644 a.gif\n#0V%T\n`\nend\n", "<image/gif a.gif 3>"},
        {"unreadable type", "Content-Type: ???\n\nabc\n", "<application/octet-stream application_1 5>"},
    };
    for (const auto& [what, lines, want] : rows) {
        std::string got = outline_of("From: a@b.example\n" + lines);
        cr_expect(got == want, "%s gave %s", what.c_str(), got.c_str());
    }
    cr_expect(fault_of(crlf("From: a@b.example\nContent-Type: message/partial; id=x; number=1; total=2\n\nx\n")) == "content-refused");
    cr_expect(fault_of(crlf("From: a@b.example\nContent-Type: multipart/mixed; boundary=b\n\n--b\nContent-Type: message/partial; id=x; number=1\n\nx\n--b--\n")) == "content-refused");
}

Test(mail_to_mm, parts_arrive_octet_for_octet) {
    const std::string data = every_octet(70'000);
    ReceivedMail got = received("From: a@b.example\r\nContent-Type: image/png\r\nContent-Transfer-Encoding: base64\r\n\r\n" + encode_base64(data));
    cr_assert(got.mm.content.parts.size() == 2);
    cr_expect(got.mm.content.parts[1].data == data);
    cr_expect(got.original_header == "From: a@b.example\r\nContent-Type: image/png\r\nContent-Transfer-Encoding: base64\r\n");
    cr_expect(got.notes.empty());
}

Test(mail_to_mm, presentation_leads) {
    std::string picture = encode_base64("\xFF\xD8\xFF" + every_octet(2000));
    Content content = received(crlf("From: a@b.example\nContent-Type: multipart/mixed; boundary=b\n\n--b\n\nbefore\n--b\nContent-Type: image/jpeg; name=\"Gr\xC3\xBC\xC3\x9F"
                                    "e \\\"1\\\".jpg\"\n"
                                    "Content-Transfer-Encoding: base64\n\n" +
                                    picture + "--b\nContent-Type: audio/amr; name=\"../../etc/passwd\"\n\n#!AMR\n--b\n\nafter\n--b--\n"))
                          .mm.content;
    cr_expect(content.media.type == "multipart/related" && *content.media.parameter("start") == "<smil>" && *content.media.parameter("type") == "application/smil");
    cr_assert(content.parts.size() == 5);
    const Part& smil = content.parts[0];
    cr_expect(smil.media.type == "application/smil" && smil.content_id == "smil");
    cr_expect(smil.data.find("<par dur=\"5s\"><img src=\"Gr_e_1.jpg\" region=\"Image\"/><text src=\"text_1.txt\" region=\"Text\"/></par>"
                             "<par><audio src=\"passwd.amr\"/></par><par dur=\"5s\"><text src=\"text_2.txt\" region=\"Text\"/></par>") != std::string::npos,
              "%s", smil.data.c_str());
    cr_expect(content.parts[2].file_name == "Grüße _1_.jpg", "%s", content.parts[2].file_name.c_str());
    for (const Part& part : content.parts) {
        cr_expect(!part.content_id.empty() && part.content_id.size() <= 64 && is_ascii(part.content_id));
        cr_expect(part.media.type != "text/plain" || *part.media.parameter("charset") == "utf-8");
    }
}

Test(mail_to_mm, applications_get_the_body_untouched) {
    const std::string payload = "<?xml version=\"1.0\"?>\r\n<emn mailbox=\"mailat:anna@mail.example\"/>  \r\n\r\n";
    std::string head = "From: mem@x.example\r\nSubject: n\r\nApplic-ID:  MEM \r\nReply-Applic-ID: x.r\r\nAux-Applic-Info: i\r\n";
    ReceivedMail got = received(head + "Content-Type: Text/VND.wap.emn+xml; Charset=iso-8859-1; x-a=B\r\nContent-ID: <p@x>\r\nContent-Location: p.xml\r\n\r\n" + payload, application_options());
    const MmHeaders& h = got.mm.headers;
    cr_expect(h.applic_id == "MEM" && h.reply_applic_id == "x.r" && h.aux_applic_info == "i" && !h.adaptation_allowed && h.subject == "n");
    cr_expect(got.mm.content.media.type == "multipart/mixed");
    cr_assert(got.mm.content.parts.size() == 1);
    const Part& part = got.mm.content.parts[0];
    cr_expect(part.data == payload && part.media.type == "text/vnd.wap.emn+xml");
    cr_expect(part.media.parameters == std::vector<Parameter>({{"charset", "iso-8859-1"}, {"x-a", "B"}}));
    cr_expect(part.content_id == "p@x" && part.content_location == "p.xml");

    const std::string binary = every_octet(999);
    got = received(head + "Content-Type: application/vnd.wap.emn+wbxml\r\nContent-Transfer-Encoding: base64\r\n\r\n" + encode_base64(binary), application_options());
    cr_expect(got.mm.content.parts[0].data == binary);

    got = received(head +
                       "Content-Type: multipart/related; type=\"text/x\"; boundary=b\r\n\r\n--b\r\nContent-Type: text/x\r\n\r\none\r\n--b\r\nContent-Type: multipart/mixed; boundary=c\r\n\r\n--c\r\n\r\n"
                       "two\r\n\r\n--c--\r\n--b--\r\n",
                   application_options());
    cr_expect(got.mm.content.media == MediaType({"multipart/related", {{"type", "text/x"}}}));
    cr_assert(got.mm.content.parts.size() == 2 && got.mm.content.parts[1].parts.size() == 1);
    cr_expect(got.mm.content.parts[0].data == "one" && got.mm.content.parts[1].parts[0].data == "two\r\n");

    struct Row {
        std::string_view header;
        bool permitted;
        std::string_view fault, applic_id;
    };
    const Row rows[] = {
        {"Applic-ID: MEM\n", true, "", "MEM"},
        {"applic-id:\n MEM\n", true, "", "MEM"},
        {"Applic-ID: mem\n", true, "", ""},
        {"Applic-ID: other\n", true, "", ""},
        {"Applic-ID: MEM\n", false, "", ""},
        {"Applic-ID: MEM\nApplic-ID: MEM\n", true, "unmappable", ""},
        {"Applic-ID: MEM\nApplic-ID: MEM\n", false, "", ""},
        {"Applic-ID: \n", true, "unmappable", ""},
        {"X-Mms-Applic-ID: MEM\n", true, "", ""},
    };
    for (const Row& row : rows) {
        std::string wire = crlf("From: a@b.example\n" + std::string(row.header) + "\nx\n");
        MailToMmOptions how = row.permitted ? application_options() : options();
        cr_expect(fault_of(wire, how) == row.fault, "%s", std::string(row.header).c_str());
        if (row.fault.empty()) cr_expect(received(wire, how).mm.headers.applic_id == row.applic_id, "%s", std::string(row.header).c_str());
    }
}

Test(mail_to_mm, hostile_structure_is_bounded) {
    auto nested = [](std::size_t levels) {
        std::string out = "From: a@b.example\r\n";
        for (std::size_t i = 0; i < levels; ++i) {
            std::string boundary = "b" + std::to_string(i) + "x";
            out += "Content-Type: multipart/mixed; boundary=" + boundary + "\r\n\r\n--" + boundary + "\r\n";
        }
        return out + "\r\ndeep\r\n";
    };
    auto parts = [](std::size_t count) { return "From: a@b.example\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n" + repeat("--b\r\n\r\nx\r\n", count) + "--b--\r\n"; };
    auto messages = [](std::size_t levels) { return "From: a@b.example\r\n" + repeat("Content-Type: message/rfc822\r\n\r\n", levels) + "Subject: in\r\n\r\nx\r\n"; };
    struct Row {
        std::string_view what;
        std::string wire;
        std::string_view want;
    };
    const Row rows[] = {
        {"20 levels", nested(20), ""},
        {"21 levels", nested(21), "too-large"},
        {"10 000 levels", nested(10'000), "too-large"},
        {"999 parts", parts(999), ""},
        {"1000 parts", parts(1000), "too-large"},
        {"100 000 parts", parts(100'000), "too-large"},
        {"5 000 messages in messages", messages(5'000), ""},
        {"100 000 fields", repeat("X: y\r\n", 100'000) + "\r\n", "too-large"},
        {"block of 128 KiB", "From: a@b.example\r\n" + repeat("X: " + repeat("y", 995) + "\r\n", 130) + "\r\nx", ""},
        {"block above it", "From: a@b.example\r\n" + repeat("X: " + repeat("y", 995) + "\r\n", 132) + "\r\nx", "too-large"},
        {"field of 16 KiB", "From: a@b.example\r\nX:" + repeat("y", 16 * 1024) + "\r\n\r\nx", ""},
        {"field above it", "From: a@b.example\r\nX:" + repeat("y", 16 * 1024 + 1) + "\r\n\r\nx", "too-large"},
        {"folded field above it", "From: a@b.example\r\nX:" + repeat("\r\n y", 5'000) + "\r\n\r\nx", "too-large"},
        {"field of a part above it", "From: a@b.example\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nX:" + repeat("y", 20'000) + "\r\n\r\nx", "too-large"},
        {"8 nested groups", "From: a@b.example\r\nTo: " + repeat("g:", 8) + "x@y.example" + repeat(";", 8) + "\r\n\r\nx", ""},
        {"9 nested groups", "From: a@b.example\r\nTo: " + repeat("g:", 9) + "x@y.example" + repeat(";", 9) + "\r\n\r\nx", "too-large"},
        {"8 000 nested groups", "From: a@b.example\r\nTo: " + repeat("g:", 8'000) + "\r\n\r\nx", "too-large"},
        {"groups behind a quote", "From: a@b.example\r\nTo: \"" + repeat("g:", 8'000) + "\r\n\r\nx", "too-large"},
        {"groups in From", "From: " + repeat("g:", 8'000) + "\r\n\r\nx", "too-large"},
        {"deep comments", "From: a@b.example\r\nTo: " + repeat("(", 16'000) + "\r\n\r\nx", ""},
        {"1001 addresses", "From: a@b.example\r\nTo: " + repeat("a@b.example,", 1001) + "\r\n\r\nx", "too-large"},
        {"100 Received", "From: a@b.example\r\n" + repeat("Received: x\r\n", 100) + "\r\nx", ""},
        {"101 Received", "From: a@b.example\r\n" + repeat("Received: x\r\n", 101) + "\r\nx", "routing-loop"},
        {"20 000 parameters", "From: a@b.example\r\nContent-Type: text/plain; " + repeat("a=b;", 4'000) + "\r\n\r\nx", ""},
        {"continued parameters", "From: a@b.example\r\nContent-Type: image/gif; name*0*=utf-8''a" + repeat("; name*1=b", 1'500) + "\r\n\r\nx", ""},
        {"NUL everywhere", "From: a@b.example\0\r\nSub\0ject: x\0y\r\nContent-Type: text/\0plain\r\n\r\na\0b\r\n"s, ""},
        {"no header", "just text", ""},
        {"nothing", "", ""},
        {"only a colon", ":", ""},
        {"only dashes", "--", ""},
    };
    for (const Row& row : rows) cr_expect(fault_of(row.wire) == row.want, "%s gave '%s'", std::string(row.what).c_str(), fault_of(row.wire).c_str());
    // Every cut of a mail with all kinds of structure gives an answer.
    std::string whole = crlf(
        "From: a@b.example\nTo: g: x@y.example;\nContent-Type: multipart/mixed; boundary=b\n\n--b\nContent-Type: message/rfc822\n\nSubject: =?utf-8?Q?=C3=BC?=\n"
        "Content-Type: multipart/alternative; boundary=c\n\n--c\n\nx\n--c\nContent-Type: text/html\n\n<p>y</p>\n--c--\n--b\nContent-Type: image/gif\n"
        "Content-Transfer-Encoding: base64\n\nR0lGODlh\n--b--\n");
    for (std::size_t size = 0; size < whole.size(); ++size) cr_expect(mail_to_mm(whole.substr(0, size), options()).has_value(), "cut at %zu", size);
}

Test(mail_to_mm, an_mm_stays_within_a_pdu) {
    std::string many = "From: a@b.example\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n" + repeat("--b\r\n\r\nwords\r\n--b\r\nContent-Type: image/gif\r\n\r\nGIF89a\r\n", 300) + "--b--\r\n";
    ReceivedMail got = received(many);
    cr_expect(got.mm.content.parts.size() <= kLimits.pdu_parts, "%zu", got.mm.content.parts.size());
    cr_expect(got.notes == std::vector<std::string>{"[not delivered: 200 more attachments]"});
    ReceivedMail novel = received("From: a@b.example\r\n\r\n" + repeat("Some words in a sentence of a paragraph. ", 50'000));
    cr_expect(novel.mm.content.parts.size() <= kLimits.mail_text_slides + 1, "%zu", novel.mm.content.parts.size());
    ReceivedMail letter = received("From: a@b.example\r\n\r\n" + repeat("Some words in a sentence of a paragraph. ", 60));
    cr_expect(letter.mm.content.parts.size() == 4, "%zu", letter.mm.content.parts.size());
}
