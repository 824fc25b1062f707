// What is understood of an answer to EHLO.
#include "daemon/smtp/offered.h"

#include <criterion/criterion.h>

using namespace mmgate::smtp;

Test(offered, reads_the_answer_to_ehlo) {
    struct Row {
        const char* line;
        Offered offered;
    };
    auto with = [](auto set) {
        Offered offered;
        set(offered);
        return offered;
    };
    const Row rows[] = {
        {"PIPELINING", with([](Offered& o) { o.pipelining = true; })},
        {"pipelining", with([](Offered& o) { o.pipelining = true; })},
        {"PIPELINING nonsense", with([](Offered& o) { o.pipelining = true; })},
        {"PIPELININGX", {}},
        {"STARTTLS", with([](Offered& o) { o.starttls = true; })},
        {"DSN", with([](Offered& o) { o.dsn = true; })},
        {"8BITMIME", with([](Offered& o) { o.eight_bit_mime = true; })},
        {"SIZE", with([](Offered& o) { o.size = true; })},
        {"SIZE 0", with([](Offered& o) { o.size = true; })},
        {"SIZE 1000", with([](Offered& o) { o.size = true, o.size_bytes = 1000; })},
        {"size  1000", with([](Offered& o) { o.size = true, o.size_bytes = 1000; })},
        {"SIZE -1", with([](Offered& o) { o.size = true; })},
        {"SIZE 1k", with([](Offered& o) { o.size = true; })},
        {"SIZE 18446744073709551615", with([](Offered& o) { o.size = true, o.size_bytes = UINT64_MAX; })},
        {"SIZE 18446744073709551616", with([](Offered& o) { o.size = true; })},
        {"LIMITS RCPTMAX=10 MAILMAX=5", with([](Offered& o) { o.recipients = 10, o.mails = 5; })},
        {"limits rcptdomainmax=1", with([](Offered& o) { o.recipient_domains = 1; })},
        {"LIMITS RCPTMAX=999999", with([](Offered& o) { o.recipients = 999999; })},
        {"LIMITS RCPTMAX=1000000", {}},
        {"LIMITS RCPTMAX=0 MAILMAX=2", with([](Offered& o) { o.mails = 2; })},
        {"LIMITS RCPTMAX=x MAILMAX=2", with([](Offered& o) { o.mails = 2; })},
        {"LIMITS RCPTMAX MAILMAX=2", with([](Offered& o) { o.mails = 2; })},
        {"LIMITS OTHER=3 MAILMAX=2", with([](Offered& o) { o.mails = 2; })},
        {"LIMITS =3 MAILMAX=2", {}},
        {"LIMITS RCPT:MAX=3 MAILMAX=2", {}},
        {"LIMITS", {}},
        {"XUNKNOWN a b c", {}},
        {"", {}},
        {" ", {}},
    };
    for (const Row& row : rows) cr_expect(offered_by({250, {"mx.example", row.line}}) == row.offered, "%s", row.line);

    cr_expect(offered_by({250, {"PIPELINING"}}) == Offered{}, "the first line is the server's name");
    Offered both = offered_by({250, {"mx", "DSN", "PIPELINING"}});
    cr_expect(both.dsn && both.pipelining);
}
