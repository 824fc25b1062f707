// The envelope's commands and the content of DATA: only what is fit for the wire leaves.
#include "daemon/smtp/outbound.h"

#include <criterion/criterion.h>

#include <string>

using namespace mmgate;
using namespace mmgate::smtp;
using namespace std::literals;

namespace {

Offered everything() {
    Offered offered;
    offered.pipelining = offered.dsn = offered.eight_bit_mime = offered.size = true;
    return offered;
}

OutboundMail mail_from(std::string return_path, std::string envelope_id = {}) {
    return {.subject = "Q", .return_path = std::move(return_path), .envelope_id = std::move(envelope_id), .recipients = {}, .data = std::make_shared<const Octets>("x\r\n")};
}

}   // namespace

Test(outbound, checks_content) {
    std::string most(998, 'a');
    struct Row {
        const char* name;
        std::string data;
        const char* error;
        bool eight_bit = false, leading_dot = false;
    };
    const Row rows[] = {
        {"nothing", "", ""},
        {"one line", "a\r\n", ""},
        {"last line without end", "a\r\nb", ""},
        {"empty lines", "\r\n\r\n", ""},
        {"longest line", most + "\r\n", ""},
        {"longest line without end", most, ""},
        {"line too long", "a\r\n" + most + "a\r\n", "more than 998 octets in line 2 of our own mail"},
        {"line too long without end", most + "a", "more than 998 octets in line 1 of our own mail"},
        {"bare LF", "a\nb\r\n", "a bare LF in line 1 of our own mail"},
        {"bare LF first", "\n", "a bare LF in line 1 of our own mail"},
        {"bare CR", "a\rb\r\n", "a bare CR or a NUL in line 1 of our own mail"},
        {"CR CR LF", "a\r\r\n", "a bare CR or a NUL in line 1 of our own mail"},
        {"CR at the end", "a\r", "a bare CR or a NUL in line 1 of our own mail"},
        {"NUL", "a\0b\r\n"s, "a bare CR or a NUL in line 1 of our own mail"},
        {"8-bit", "a\r\n\xc3\xa4\r\n", "", true, false},
        {"a dot", ".\r\n", "", false, true},
        {"a dot in the last line", "a\r\n.b", "", false, true},
        {"a dot inside", "a.\r\nb.c\r\n", ""},
        {"end of data inside", "a\r\n.\r\nMAIL FROM:<x>\r\n", "", false, true},
        {"LF dot LF", "a\n.\n", "a bare LF in line 1 of our own mail"},
        {"CRLF dot LF", "a\r\n.\n", "a bare LF in line 2 of our own mail"},
        {"CR dot CRLF", "a\r.\r\n", "a bare CR or a NUL in line 1 of our own mail"},
    };
    for (const Row& row : rows) {
        auto facts = check_content(row.data);
        std::string error = facts ? "" : facts.error().rule;
        cr_expect(error == row.error, "%s: %s", row.name, error.c_str());
        if (facts) cr_expect(facts->eight_bit == row.eight_bit && facts->leading_dot == row.leading_dot, "%s", row.name);
    }
}

Test(outbound, stuffs_leading_dots) {
    struct Row {
        const char *data, *wire;
    };
    const Row rows[] = {
        {"", ".\r\n"},
        {"a\r\n", "a\r\n.\r\n"},
        {"a", "a\r\n.\r\n"},
        {".", "..\r\n.\r\n"},
        {".\r\n", "..\r\n.\r\n"},
        {"..\r\n.a\r\nb.\r\n", "...\r\n..a\r\nb.\r\n.\r\n"},
        {"a\r\n.\r\nQUIT\r\n", "a\r\n..\r\nQUIT\r\n.\r\n"},
    };
    for (const Row& row : rows) {
        std::string wire = stuffed_and_terminated(row.data);
        cr_expect(wire == row.wire, "%s: %s", row.data, wire.c_str());
        if (std::string_view(row.data).find('.') == std::string_view::npos) cr_expect(row.data + std::string(terminator(row.data)) == row.wire, "%s", row.data);
    }
}

Test(outbound, writes_mail) {
    ContentFacts plain, eight{.eight_bit = true, .leading_dot = false};
    auto text = [](const OutboundMail& mail, const ContentFacts& facts, const Offered& offered) {
        auto command = mail_command(mail, facts, offered);
        return command ? *command : "! " + command.error().rule;
    };
    cr_expect(text(mail_from(""), plain, {}) == "MAIL FROM:<>\r\n");
    cr_expect(text(mail_from("a@b.example", "ID"), plain, {}) == "MAIL FROM:<a@b.example>\r\n");
    cr_expect(text(mail_from("a@b.example", "I D+="), plain, everything()) == "MAIL FROM:<a@b.example> SIZE=3 RET=HDRS ENVID=I+20D+2B+3D\r\n");
    cr_expect(text(mail_from("a@b.example"), eight, everything()) == "MAIL FROM:<a@b.example> SIZE=3 BODY=8BITMIME RET=HDRS\r\n");
    cr_expect(text(mail_from("a@b.example", std::string(100, 'i')), plain, everything()).find("ENVID=") != std::string::npos);
    cr_expect(text(mail_from("a@b.example", std::string(101, 'i')), plain, everything()).find("ENVID=") == std::string::npos);
    cr_expect(text(mail_from("\"a > b\"@c.example"), plain, {}) == "MAIL FROM:<\"a > b\"@c.example>\r\n");
    for (const char* bad : {"a@b\r\nRCPT TO:<x>", "a@b\n", "a b@c", "a>@b", "<a@b", "\"a@b", "a\x7f@b", "\xc3\xa4@b", "a\\@b", "\"\\"})
        cr_expect(text(mail_from(bad), plain, {}).starts_with("! "), "%s", bad);
}

Test(outbound, writes_rcpt) {
    struct Row {
        const char* name;
        Notify notify;
        std::string original;
        bool dsn;
        const char* command;
    };
    const Row rows[] = {
        {"no DSN", {.never = true}, "rfc822;a@b", false, "RCPT TO:<a@b.example>\r\n"},
        {"never", {.never = true, .success = true}, "", true, "RCPT TO:<a@b.example> NOTIFY=NEVER\r\n"},
        {"failure", {}, "", true, "RCPT TO:<a@b.example> NOTIFY=FAILURE\r\n"},
        {"all", {.success = true, .failure = true, .delay = true}, "", true, "RCPT TO:<a@b.example> NOTIFY=SUCCESS,FAILURE,DELAY\r\n"},
        {"nothing asked", {.failure = false}, "", true, "RCPT TO:<a@b.example>\r\n"},
        {"ORCPT", {}, "rfc822;+44@b", true, "RCPT TO:<a@b.example> NOTIFY=FAILURE ORCPT=rfc822;+2B44@b\r\n"},
        {"ORCPT with a line end", {}, "rfc822;a\r\nb", true, "RCPT TO:<a@b.example> NOTIFY=FAILURE ORCPT=rfc822;a+0D+0Ab\r\n"},
        {"ORCPT without type", {}, "a@b", true, "RCPT TO:<a@b.example> NOTIFY=FAILURE\r\n"},
        {"ORCPT without address", {}, "rfc822;", true, "RCPT TO:<a@b.example> NOTIFY=FAILURE\r\n"},
        {"ORCPT too long", {}, "rfc822;" + std::string(494, 'a'), true, "RCPT TO:<a@b.example> NOTIFY=FAILURE\r\n"},
    };
    for (const Row& row : rows) {
        Offered offered;
        offered.dsn = row.dsn;
        auto command = rcpt_command({Address{Address::Kind::mailbox, "a@b.example", ""}, row.notify, row.original}, offered);
        cr_assert(command.has_value(), "%s", row.name);
        cr_expect(*command == row.command, "%s: %s", row.name, command->c_str());
    }
    cr_expect(!rcpt_command({Address{Address::Kind::mailbox, "", ""}, {}, ""}, {}));
    cr_expect(!rcpt_command({Address{Address::Kind::mailbox, "a@b\r\nDATA", ""}, {}, ""}, {}));
}
