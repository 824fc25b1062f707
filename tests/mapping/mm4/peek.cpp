#include <criterion/criterion.h>

#include <string>

#include "mapping/mm4/codec.h"
#include "samples.h"

using namespace mmgate;
using namespace mmgate::mm4;

Test(mm4_peek, tells_what_routes_and_answers_a_mail) {
    const SampleMail mail = sample_mail(MessageType::forward_req).also("X-Mms-Ack-Request", "yes").also("X-Mms-Originator-System", "<relay@mms.a.example>");
    Result<std::optional<Peeked>> peeked = peek(mail.text());
    cr_assert(peeked && *peeked);
    const Peeked& p = **peeked;
    cr_expect(p.type == MessageType::forward_req && p.written == "MM4_forward.REQ" && p.has_x_mms && p.ack_requested);
    cr_expect(p.transaction_id == "t-000042@mms.a.example" && p.raw_transaction_id == "\"t-000042@mms.a.example\"");
    cr_expect(p.message_id == "m-7f3a@mms.a.example" && p.raw_message_id == "\"m-7f3a@mms.a.example\"");
    cr_expect((p.originator_system == "relay@mms.a.example" && p.sender == "system-user@mms.a.example" && p.version == Version{6, 16, 0}));
}

Test(mm4_peek, tells_what_it_can_of_a_mail_that_does_not_decode) {
    const SampleMail mail = SampleMail{{{"X-Mms-Message-Type", "MM4_\x07nonsense\xFF.REQ"}, {"X-Mms-Transaction-ID", "\xFF"}, {"X-Mms-3GPP-MMS-Version", "?"}, {"X-Mms-Ack-Request", "1"}}, {}};
    Result<std::optional<Peeked>> peeked = peek(mail.text());
    cr_assert(peeked && *peeked);
    const Peeked& p = **peeked;
    cr_expect(!p.type && p.written.starts_with("MM4_ nonsense") && p.written.find('\x07') == std::string::npos, "%s", p.written.c_str());
    cr_expect(p.transaction_id.empty() && p.raw_transaction_id.empty() && p.message_id.empty() && p.originator_system.empty() && p.sender.empty());
    cr_expect(p.ack_requested && p.version == Version{});
    const Octets long_type = SampleMail{{{"X-Mms-Message-Type", std::string(10'000, 'x')}}, {}}.text();
    Result<std::optional<Peeked>> long_one = peek(long_type);
    cr_expect(long_one && *long_one && (*long_one)->written.size() <= 60);
}

Test(mm4_peek, sees_no_mm4_in_other_mail) {
    for (const Octets& mail : {Octets(), Octets("\r\n"), sample_mail(MessageType::forward_req).without("X-Mms-Message-Type").text(), Octets("Subject: a\r\n\r\nX-Mms-Message-Type: MM4_forward.REQ\r\n")}) {
        Result<std::optional<Peeked>> peeked = peek(mail);
        cr_expect(peeked && !*peeked);
    }
    Result<std::optional<Peeked>> huge = peek("X-Mms-Message-Type: " + std::string(10'000'000, 'x') + "\r\n\r\n");
    cr_expect(!huge && huge.error().fault == Fault::too_large);
}

Test(mm4_strip, takes_mms_fields_from_the_header_and_nothing_else) {
    struct Row {
        Octets mail, want;
    };
    const Row rows[] = {
        {"Subject: a\r\nX-Mms-Message-Type: MM4_forward.REQ\r\nTo: b@c.example\r\n\r\nX-Mms-Body: stays\r\n", "Subject: a\r\nTo: b@c.example\r\n\r\nX-Mms-Body: stays\r\n"},
        {"x-MMS-a: 1\r\n b\r\n\tc\r\nSubject: a\r\n d\r\n\r\n", "Subject: a\r\n d\r\n\r\n"},
        {"X-Mms-A: 1\r\nX-Mms-A: 2\r\nX-Mms-B : 3\r\n\r\nbody", "\r\nbody"},
        {"X-Mms-: 1\r\n\r\n", "\r\n"},
        {"X-Mms: 1\r\nX-MmsA: 2\r\nOld-X-Mms-A: 3\r\n\r\n", "X-Mms: 1\r\nX-MmsA: 2\r\nOld-X-Mms-A: 3\r\n\r\n"},
        {"Subject: X-Mms-A: 1\r\n\r\n--b\r\nX-Mms-A: 1\r\n\r\n", "Subject: X-Mms-A: 1\r\n\r\n--b\r\nX-Mms-A: 1\r\n\r\n"},
        {"Subject: a\nX-Mms-A: 1\nTo: b@c.example\n\nbody", "Subject: a\nTo: b@c.example\n\nbody"},
        {"X-Mms-A: 1", ""},
        {"", ""},
    };
    for (const Row& row : rows) {
        const Octets stripped = without_mms_fields(row.mail);
        cr_expect(stripped == row.want, "%s", stripped.c_str());
        cr_expect(has_mms_fields(row.mail) == (row.mail != row.want), "%s", row.mail.c_str());
        cr_expect(!has_mms_fields(stripped) && without_mms_fields(stripped) == stripped, "%s", row.mail.c_str());
    }
    for (MessageType type : kAllTypes) {
        const Octets mail = without_mms_fields(sample_mail(type).text());
        cr_expect(!has_mms_fields(mail) && !decode(mail, reading()) && !peek(mail)->has_value());
        cr_expect(value_of(mail, "Message-ID") == "<q1.7f3a@mms.a.example>");
    }
}
