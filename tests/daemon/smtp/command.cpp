#include "daemon/smtp/command.h"

#include <criterion/criterion.h>

#include <array>
#include <limits>

using namespace mmgate;
using namespace mmgate::smtp;
using namespace std::string_view_literals;

namespace {

/// The reply that a line is refused with, or nothing.
std::optional<ReplyId> refusal_of(std::string_view line) {
    const auto parsed = parse_command(line);
    const auto* refused = std::get_if<Refused>(&parsed.command);
    return refused ? std::optional(refused->reply) : std::nullopt;
}

template <class T>
T parsed_as(std::string_view line) {
    auto parsed = parse_command(line);
    cr_assert(std::holds_alternative<T>(parsed.command), "%.*s", static_cast<int>(line.size()), line.data());
    return std::get<T>(parsed.command);
}

}   // namespace

Test(command, refuses_what_is_no_command) {
    struct Row {
        std::string_view line;
        ReplyId reply;
    };
    constexpr auto kRows = std::to_array<Row>({
        {"", ReplyId::unknown_command},
        {"FOO", ReplyId::unknown_command},
        {" NOOP", ReplyId::unknown_command},
        {"MAILFROM:<a@b.example>", ReplyId::unknown_command},
        {"NOOP\0"sv, ReplyId::control_in_command},
        {"NO\tOP", ReplyId::control_in_command},
        {"MAIL FROM:<a\x1B@b.example>", ReplyId::control_in_command},
        {"NOOP \x7F", ReplyId::control_in_command},
        {"NOOP \xC3\xA9", ReplyId::eight_bit_command},
        {"\xC3\xA9", ReplyId::eight_bit_command},
        {"EHLO m\xC3\xBCller.example", ReplyId::eight_bit_command},

        {"GET / HTTP/1.1", ReplyId::foreign_protocol},
        {"POST /mm1 HTTP/1.0", ReplyId::foreign_protocol},
        {"CONNECT a.example:25 HTTP/1.1", ReplyId::foreign_protocol},
        {"Host: a.example", ReplyId::foreign_protocol},
        {"User-Agent: x", ReplyId::foreign_protocol},
        {"Subject:", ReplyId::foreign_protocol},

        {"DATA now", ReplyId::argument_not_allowed},
        {"RSET x", ReplyId::argument_not_allowed},
        {"QUIT x", ReplyId::argument_not_allowed},
        {"STARTTLS x", ReplyId::argument_not_allowed},
        {"VRFY", ReplyId::argument_needed},
        {"EHLO", ReplyId::bad_hello},
        {"HELO ", ReplyId::bad_hello},
        {"EHLO two words", ReplyId::bad_hello},
        {"EHLO -x.example", ReplyId::bad_hello},
        {"EHLO [300.1.1.1]", ReplyId::bad_hello},
        {"EHLO a..b", ReplyId::bad_hello},

        {"EXPN list", ReplyId::not_implemented},
        {"AUTH", ReplyId::argument_needed},
        {"AUTH PLAIN AGEAYg== x", ReplyId::argument_not_allowed},
        {"ETRN x", ReplyId::not_implemented},
        {"TURN", ReplyId::not_implemented},
        {"XCLIENT ADDR=127.0.0.1", ReplyId::not_implemented},
        {"XFORWARD ADDR=127.0.0.1", ReplyId::not_implemented},
        {"BURL imap://a.example LAST", ReplyId::not_implemented},

        {"MAIL", ReplyId::bad_path},
        {"MAIL FROM", ReplyId::bad_path},
        {"MAIL FROM:", ReplyId::bad_path},
        {"MAIL FROM:a@b.example", ReplyId::bad_path},
        {"MAIL FROM: <a@b.example>", ReplyId::bad_path},
        {"MAIL FROM:<a@b.example", ReplyId::bad_path},
        {"MAIL FROM:<a@b.example>SIZE=1", ReplyId::bad_path},
        {"MAIL TO:<a@b.example>", ReplyId::bad_path},
        {"MAIL FROM:<\"a>@b.example", ReplyId::bad_path},
        {"RCPT FROM:<a@b.example>", ReplyId::bad_path},
        {"RCPT TO:a@b.example", ReplyId::bad_path},
        {"RCPT TO: <a@b.example>", ReplyId::bad_path},
        {"MAIL FROM:<a>", ReplyId::sender_unqualified},
        {"MAIL FROM:<postmaster>", ReplyId::sender_unqualified},
        {"MAIL FROM:<m\xC3\xBCller@b.example>", ReplyId::non_ascii_address},
        {"MAIL FROM:<a@m\xC3\xBCller.example>", ReplyId::non_ascii_address},
        {"RCPT TO:<m\xC3\xBCller@b.example>", ReplyId::non_ascii_address},
        {"MAIL FROM:<m\xFCller@b.example>", ReplyId::eight_bit_command},
        {"MAIL FROM:<a@b.example> ENVID=\xC3\xA9", ReplyId::eight_bit_command},

        {"MAIL FROM:<a@b.example> SIZE", ReplyId::bad_parameter},
        {"MAIL FROM:<a@b.example> SIZE=", ReplyId::bad_parameter},
        {"MAIL FROM:<a@b.example> SIZE=-1", ReplyId::bad_parameter},
        {"MAIL FROM:<a@b.example> SIZE=1k", ReplyId::bad_parameter},
        {"MAIL FROM:<a@b.example> SIZE=123456789012345678901", ReplyId::bad_parameter},
        {"MAIL FROM:<a@b.example> SIZE=1 SIZE=1", ReplyId::repeated_parameter},
        {"MAIL FROM:<a@b.example> size=1 BODY=7BIT SiZe=2", ReplyId::repeated_parameter},
        {"MAIL FROM:<a@b.example> BODY=9BIT", ReplyId::bad_parameter},
        {"MAIL FROM:<a@b.example> BODY=BINARYMIME", ReplyId::unknown_parameter},
        {"MAIL FROM:<a@b.example> SMTPUTF8", ReplyId::unknown_parameter},
        {"MAIL FROM:<a@b.example> AUTH=<>", ReplyId::unknown_parameter},
        {"MAIL FROM:<a@b.example> REQUIRETLS", ReplyId::unknown_parameter},
        {"MAIL FROM:<a@b.example> BY=120;R", ReplyId::unknown_parameter},
        {"MAIL FROM:<a@b.example> X=1 SIZE=x", ReplyId::bad_parameter},
        {"MAIL FROM:<a@b.example> X==1", ReplyId::bad_parameter},
        {"MAIL FROM:<a@b.example> -X=1", ReplyId::bad_parameter},
        {"MAIL FROM:<a@b.example> =1", ReplyId::bad_parameter},
        {"MAIL FROM:<a@b.example> NOTIFY=NEVER", ReplyId::unknown_parameter},
        {"MAIL FROM:<a@b.example> RET=ALL", ReplyId::bad_parameter},
        {"MAIL FROM:<a@b.example> RET=FULL RET=HDRS", ReplyId::repeated_parameter},
        {"MAIL FROM:<a@b.example> ENVID=a+", ReplyId::bad_parameter},
        {"MAIL FROM:<a@b.example> ENVID=a+2", ReplyId::bad_parameter},
        {"MAIL FROM:<a@b.example> ENVID=a+0D+0A", ReplyId::bad_parameter},
        {"MAIL FROM:<a@b.example> ENVID=a+2b", ReplyId::bad_parameter},
        {"RCPT TO:<a@b.example> NOTIFY=NEVER,SUCCESS", ReplyId::bad_parameter},
        {"RCPT TO:<a@b.example> NOTIFY=", ReplyId::bad_parameter},
        {"RCPT TO:<a@b.example> NOTIFY=SUCCESS,", ReplyId::bad_parameter},
        {"RCPT TO:<a@b.example> NOTIFY=DELAY NOTIFY=DELAY", ReplyId::repeated_parameter},
        {"RCPT TO:<a@b.example> ORCPT=a@b.example", ReplyId::bad_parameter},
        {"RCPT TO:<a@b.example> ORCPT=rfc822;", ReplyId::bad_parameter},
        {"RCPT TO:<a@b.example> ORCPT=;a@b.example", ReplyId::bad_parameter},
        {"RCPT TO:<a@b.example> ORCPT=rfc822;a+00b", ReplyId::bad_parameter},
        {"RCPT TO:<a@b.example> SIZE=1", ReplyId::unknown_parameter},
    });
    for (const Row& row : kRows) cr_expect(refusal_of(row.line) == row.reply, "%.*s", static_cast<int>(row.line.size()), row.line.data());
}

Test(command, says_whose_address_is_broken) {
    for (std::string_view path : {"a b@c.example", "@b.example", "a@", "a@b..example", "a@@b.example", "a@-b.example", "\"a@b.example", "a<b@c.example", "@x:a"}) {
        const auto sender = parsed_as<BadAddress>("MAIL FROM:<" + std::string(path) + (path.starts_with('"') ? "\">" : ">"));
        cr_expect(sender.error.fault == Fault::sender_syntax);
        const auto recipient = parsed_as<BadAddress>("RCPT TO:<" + std::string(path) + (path.starts_with('"') ? "\">" : ">"));
        cr_expect(recipient.error.fault == Fault::recipient_syntax);
    }
    for (std::string_view line : {"RCPT TO:<>"sv, "RCPT TO:<a>"sv, "RCPT TO:< >"sv}) cr_expect(parsed_as<BadAddress>(line).error.fault == Fault::recipient_syntax);
    const std::string longest = std::string(64, 'a') + "@" + std::string(60, 'b') + "." + std::string(60, 'c') + ".example";
    cr_expect(parsed_as<MailFrom>("MAIL FROM:<" + longest + ">").sender->value == longest);
    parsed_as<BadAddress>("MAIL FROM:<a" + longest + ">");
    parsed_as<BadAddress>("MAIL FROM:<a@" + std::string(400, 'b') + ">");
}

Test(command, reads_paths) {
    struct Row {
        std::string_view line, value;
    };
    constexpr auto kRows = std::to_array<Row>({
        {"RCPT TO:<a@b.example>", "a@b.example"},
        {"rcpt to:<a@B.Example>", "a@b.example"},
        {"RCPT    TO:<Local.Part@b.example>   ", "Local.Part@b.example"},
        {"RCPT TO:<+447700900123@mms.example.net>", "+447700900123@mms.example.net"},
        {"RCPT TO:<+447700900123/TYPE=PLMN@mms.example.net>", "+447700900123/TYPE=PLMN@mms.example.net"},
        {"RCPT TO:<\"a b\"@b.example>", "a b@b.example"},
        {"RCPT TO:<\"a\\\"b\"@b.example>", "a\"b@b.example"},
        {"RCPT TO:<\"a>b\"@b.example>", "a>b@b.example"},
        {"RCPT TO:<@x.example,@y.example:a@b.example>", "a@b.example"},
        {"RCPT TO:<a@[192.0.2.1]>", "a@[192.0.2.1]"},
        {"RCPT TO:<PostMaster>", "postmaster"},
    });
    for (const Row& row : kRows) {
        const auto rcpt = parsed_as<RcptTo>(row.line);
        cr_expect(rcpt.mailbox.value == row.value && !rcpt.has_parameters, "%s: %s", row.line.data(), rcpt.mailbox.value.c_str());
    }
    parsed_as<RcptTo>("RCPT TO:<a@[IPv6:2001:db8::1]>");
    cr_expect(!parsed_as<MailFrom>("MAIL FROM:<>").sender);
    cr_expect(!parsed_as<MailFrom>("mail from:<> size=0").sender);
}

Test(command, reads_parameters) {
    auto mail = parsed_as<MailFrom>("MAIL FROM:<a@b.example> SIZE=00012345 BODY=8BITMIME RET=FULL ENVID=QQ+2B314+20x");
    cr_expect(mail.size_bytes == 12345 && mail.return_full && mail.envelope_id == "QQ+314 x" && mail.has_parameters);
    mail = parsed_as<MailFrom>("MAIL FROM:<a@b.example>  ret=hdrs  body=7bit ");
    cr_expect(!mail.return_full && mail.has_parameters && mail.size_bytes == 0);
    constexpr auto kMost = std::numeric_limits<std::uint64_t>::max();
    cr_expect(parsed_as<MailFrom>("MAIL FROM:<> SIZE=18446744073709551615").size_bytes == kMost);
    cr_expect(parsed_as<MailFrom>("MAIL FROM:<> SIZE=18446744073709551616").size_bytes == kMost);
    cr_expect(parsed_as<MailFrom>("MAIL FROM:<> SIZE=99999999999999999999").size_bytes == kMost);
    parsed_as<MailFrom>("MAIL FROM:<> ENVID=" + std::string(100, 'a'));
    cr_expect(refusal_of("MAIL FROM:<> ENVID=" + std::string(101, 'a')) == ReplyId::bad_parameter);

    auto rcpt = parsed_as<RcptTo>("RCPT TO:<a@b.example>");
    cr_expect((rcpt.notify == Notify{}));
    rcpt = parsed_as<RcptTo>("RCPT TO:<a@b.example> NOTIFY=success,Delay ORCPT=rfc822;x+2By@c.example");
    cr_expect((rcpt.notify == Notify{.never = false, .success = true, .failure = false, .delay = true}));
    cr_expect(rcpt.original_recipient == "rfc822;x+y@c.example" && rcpt.has_parameters);
    rcpt = parsed_as<RcptTo>("RCPT TO:<a@b.example> NOTIFY=NEVER");
    cr_expect((rcpt.notify == Notify{.never = true, .success = false, .failure = false, .delay = false}));
    parsed_as<RcptTo>("RCPT TO:<a@b.example> ORCPT=rfc822;" + std::string(493, 'a'));
    cr_expect(refusal_of("RCPT TO:<a@b.example> ORCPT=rfc822;" + std::string(494, 'a')) == ReplyId::bad_parameter);
}

Test(command, reads_the_others) {
    cr_expect(parsed_as<Hello>("EHLO client.example").host == "client.example");
    cr_expect(parsed_as<Hello>("ehlo [192.0.2.1]").dialect == Dialect::esmtp);
    cr_expect(parsed_as<Hello>("HeLo [IPv6:2001:db8::1] ").dialect == Dialect::smtp);
    parsed_as<Hello>("EHLO win_box");
    parsed_as<Data>("data");
    parsed_as<Rset>("RSET ");
    parsed_as<Noop>("NOOP with something");
    parsed_as<Vrfy>("VRFY someone");
    parsed_as<Help>("HELP MAIL");
    parsed_as<StartTls>("StartTLS");
    parsed_as<Quit>("quit");
    cr_expect(parsed_as<Bdat>("BDAT 10 LAST").size_bytes == 10);
    cr_expect(parsed_as<Bdat>("BDAT 0 LAST").size_bytes == 0);
    for (std::string_view line : {"BDAT"sv, "BDAT abc"sv, "BDAT -1"sv, "BDAT +1"sv, "BDAT 184467440737095516210"sv}) cr_expect(!parsed_as<Bdat>(line).size_bytes, "%s", line.data());
    cr_expect(parse_command("mail FROM:<>").verb == "MAIL");
    cr_expect(parse_command("Frob \"x\"").verb == "?");
}

Test(command, reads_how_a_client_says_who_it_is) {
    struct Row {
        std::string_view line, mechanism;
        std::optional<std::string> response;
    };
    const Row rows[] = {{"AUTH PLAIN AGEAYg==", "PLAIN", "AGEAYg=="}, {"auth login", "LOGIN", std::nullopt}, {"AUTH  Plain  =", "PLAIN", "="}, {"AUTH X", "X", std::nullopt}};
    for (const Row& row : rows) {
        const ParsedCommand parsed = parse_command(row.line);
        const auto* auth = std::get_if<Auth>(&parsed.command);
        cr_assert(auth && parsed.verb == "AUTH", "%s", row.line.data());
        cr_expect(auth->mechanism == row.mechanism && auth->response == row.response, "%s", row.line.data());
    }
}
