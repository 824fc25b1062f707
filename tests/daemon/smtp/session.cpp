#include "daemon/admission.h"
#include "daemon/smtp/session.h"

#include <criterion/criterion.h>

#include <array>

#include "daemon/router.h"

using namespace mmgate;
using namespace mmgate::smtp;
using namespace std::string_view_literals;

namespace {

Config sample() {
    Config config;
    config.domain = "mms.example.net";
    config.hostname = "gw.example.net";
    config.postmaster = "ops@example.net";
    config.numbering = {"44", "0", "00"};
    config.subscribers = {{"+447700"}};
    config.message_size_bytes = 10'000;
    config.recipients = 3;
    config.smtp_line_bytes = 2000;
    config.smtp_command_bytes = 2048;
    config.smtp_commands = 500;
    config.smtp_errors = 20;
    return config;
}

struct Policy final : SessionPolicy {
    Router router{sample()};
    std::optional<Error> full;
    mm4::Identity identity{sample()};
    bool too_fast = false;
    Result<Route> route(const Address& mailbox, const Whence& whence) const override { return router.of_mail_recipient(mailbox, whence); }
    mm4::Standing standing_of(const mm4::SessionFacts& facts) const override { return identity.standing_of(facts); }
    bool accepts(const mm4::SessionFacts& facts, std::string_view user, std::string_view password) const override { return identity.accepts(facts, user, password); }
    bool takes_message_of(const std::vector<std::string>&) override { return !too_fast; }
    Admission admission;
    Result<void> takes_new() const override { return admission.takes_new(); }
    Result<void> admits(std::uint64_t) const override {
        if (full) return fail(*full);
        return {};
    }
};

enum class Pieces : std::uint8_t { whole,
                                   octets };

/// A pump without a socket: mails are taken, and answered with "Ok: queued as ID".
struct Dialogue {
    Policy policy;
    MemoryBudget memory{1'000'000};
    ClientRights rights = ClientRights::may_send;
    TlsOffer tls = TlsOffer::offered;
    std::optional<Error> verdict;
    std::optional<Session> session;
    std::vector<IncomingMail> mails;
    std::vector<Refusal> refusals;
    std::string wire;
    bool closed = false, securing = false, greeted = true;

    void follow(SessionStep step) {
        wire += step.replies;
        for (Refusal& refusal : step.refusals) refusals.push_back(std::move(refusal));
        closed = step.next == Next::close;
        securing = step.next == Next::start_tls;
        if (!step.mail) return;
        mails.push_back(std::move(*step.mail));
        follow(session->answered(verdict ? Accepted(fail(*verdict)) : Accepted("Ok: queued as ID")));
    }
    void begin() {
        session.emplace(std::make_shared<const SessionRules>(session_rules(sample(), tls)), policy, memory, "192.0.2.7", rights);
        if (greeted) follow(session->greet());
        wire.clear();
    }
    /// Says all of it, at once or octet by octet, as far as the session listens.
    void say(std::string_view input, Pieces pieces = Pieces::whole) {
        while (!input.empty() && !closed && !securing) {
            const std::string_view piece = input.substr(0, pieces == Pieces::whole ? input.size() : 1);
            SessionStep step = session->received(piece, pieces == Pieces::whole ? 0 : input.size() - 1);
            const std::size_t consumed = step.consumed;
            const bool waited = step.mail.has_value();
            cr_assert(consumed > 0 || waited);
            follow(std::move(step));
            input.remove_prefix(consumed);
        }
    }
    /// "250 2.1.0|550 5.1.1": code and enhanced code of each reply.
    std::string codes() const {
        std::string out;
        for (std::string_view rest = wire; !rest.empty();) {
            const std::size_t end = rest.find("\r\n");
            cr_assert(end != std::string_view::npos);
            const std::string_view line = rest.substr(0, end);
            rest.remove_prefix(end + 2);
            cr_assert(line.size() >= 4 && line.size() <= 510);
            for (char c : line) cr_assert(c >= ' ' && c <= '~');
            if (line[3] == '-') continue;
            if (!out.empty()) out += '|';
            const std::size_t space = line.find(' ', 4);
            const std::string_view second = line.substr(4, space == std::string_view::npos ? space : space - 4);
            out += line.substr(0, 3);
            if (second.size() >= 5 && second[0] == line[0] && second[1] == '.') out += " " + std::string(second);
        }
        return out;
    }
};

constexpr std::string_view kHello = "EHLO client.example\r\n";
constexpr std::string_view kTo = "RCPT TO:<+447700900123@mms.example.net>\r\n";
constexpr std::string_view kFrom = "MAIL FROM:<a@b.example>\r\n";
const std::string kEnvelope = std::string(kHello) + std::string(kFrom) + std::string(kTo) + "DATA\r\n";
constexpr std::string_view kEnvelopeReplies = "250|250 2.1.0|250 2.1.5|354";

struct Row {
    std::string name;
    std::string input;
    std::string replies;
    enum { open,
           closes } end = open;
    std::size_t mails = 0;
    std::function<void(Dialogue&)> with = {};
};

void check(const Row& row) {
    std::string first;
    for (Pieces pieces : {Pieces::whole, Pieces::octets}) {
        Dialogue dialogue;
        if (row.with) row.with(dialogue);
        dialogue.begin();
        dialogue.say(row.input, pieces);
        const char* how = pieces == Pieces::whole ? "whole" : "octet by octet";
        cr_expect(dialogue.codes() == row.replies, "%s, %s: %s", row.name.c_str(), how, dialogue.wire.c_str());
        cr_expect(dialogue.closed == (row.end == Row::closes), "%s, %s: closed %d", row.name.c_str(), how, dialogue.closed);
        cr_expect(dialogue.mails.size() == row.mails, "%s, %s: %zu mails", row.name.c_str(), how, dialogue.mails.size());
        if (pieces == Pieces::whole) first = dialogue.wire;
        else cr_expect(dialogue.wire == first, "%s: %s", row.name.c_str(), dialogue.wire.c_str());
    }
}

std::string repeated(std::string_view text, std::size_t count) {
    std::string out;
    for (std::size_t i = 0; i < count; ++i) out += text;
    return out;
}

std::string hello_then(std::string_view line) { return std::string(kHello) + std::string(line) + "\r\n"; }
std::string mail_then(std::string_view line) { return std::string(kHello) + std::string(kFrom) + std::string(line) + "\r\n"; }

}   // namespace

Test(session, answers_every_command_in_every_state) {
    const Row rows[] = {
        {"connect and leave", "QUIT\r\n", "221 2.0.0", Row::closes},
        {"EHLO", "EHLO client.example\r\n", "250"},
        {"HELO", "helo client.example\r\n", "250"},
        {"NOOP, RSET, VRFY, HELP before EHLO", "NOOP\r\nRSET\r\nVRFY x\r\nHELP\r\n", "250 2.0.0|250 2.0.0|252 2.0.0|214 2.0.0"},
        {"EXPN", "EXPN x\r\n", "502 5.5.1"},
        {"lower case, spaces behind", "ehlo client.example \r\nmail from:<a@b.example>  \r\nrcpt to:<+447700900123@MMS.example.NET> \r\nrset \r\n", "250|250 2.1.0|250 2.1.5|250 2.0.0"},
        {"a mail", kEnvelope + "x\r\n.\r\n", "250|250 2.1.0|250 2.1.5|354|250 2.0.0", Row::open, 1},
        {"two mails", kEnvelope + "x\r\n.\r\n" + kEnvelope.substr(kHello.size()) + "y\r\n.\r\nQUIT\r\n",
         "250|250 2.1.0|250 2.1.5|354|250 2.0.0|250 2.1.0|250 2.1.5|354|250 2.0.0|221 2.0.0", Row::closes, 2},
        {"an empty mail", kEnvelope + ".\r\n", "250|250 2.1.0|250 2.1.5|354|250 2.0.0", Row::open, 1},
        {"EHLO in a transaction ends it", mail_then("EHLO x.example") + std::string(kTo), "250|250 2.1.0|250|503 5.5.1"},
        {"RSET in a transaction ends it", mail_then("RSET") + std::string(kTo) + "DATA\r\n", "250|250 2.1.0|250 2.0.0|503 5.5.1|503 5.5.1"},
        {"QUIT in a transaction", mail_then("QUIT"), "250|250 2.1.0|221 2.0.0", Row::closes},
        {"commands behind QUIT", hello_then("QUIT") + "NOOP\r\n", "250|221 2.0.0", Row::closes},
        {"NOOP in a transaction changes nothing", mail_then("NOOP") + std::string(kTo), "250|250 2.1.0|250 2.0.0|250 2.1.5"},
        {"a transaction after one that was refused", hello_then("MAIL FROM:<a>") + std::string(kFrom) + std::string(kTo), "250|501 5.1.8|250 2.1.0|250 2.1.5"},
        {"HELO and a mail", "HELO x.example\r\n" + kEnvelope.substr(kHello.size()) + "x\r\n.\r\n", "250|250 2.1.0|250 2.1.5|354|250 2.0.0", Row::open, 1},
    };
    for (const Row& row : rows) check(row);
}

Test(session, answers_bad_input_as_the_sheet_says) {
    const std::string long_line = "NOOP " + std::string(2048 - 7, 'x');
    const Row rows[] = {
        {"octets before the greeting", "EHLO client.example\r\n", "554 5.5.0", Row::closes, 0, [](Dialogue& d) { d.greeted = false; }},
        {"MAIL before EHLO", std::string(kFrom), "503 5.5.1"},
        {"a second MAIL", mail_then("MAIL FROM:<b@b.example>"), "250|250 2.1.0|503 5.5.1"},
        {"RCPT before MAIL", hello_then("RCPT TO:<+447700900123@mms.example.net>"), "250|503 5.5.1"},
        {"DATA before MAIL", hello_then("DATA"), "250|503 5.5.1"},
        {"DATA without RCPT", mail_then("DATA"), "250|250 2.1.0|503 5.5.1"},
        {"DATA, all RCPT refused", mail_then("RCPT TO:<x@y.example>\r\nDATA"), "250|250 2.1.0|550 5.7.1|554 5.5.1"},
        {"pipelined with a failing RCPT", mail_then("RCPT TO:<x@y.example>\r\nRCPT TO:<+447700900123@mms.example.net>\r\nDATA") + "x\r\n.\r\n",
         "250|250 2.1.0|550 5.7.1|250 2.1.5|354|250 2.0.0", Row::open, 1},
        {"pipelined behind a failing MAIL", hello_then("MAIL FROM:<a>") + std::string(kTo) + "DATA\r\nQUIT\r\n", "250|501 5.1.8|503 5.5.1|503 5.5.1|221 2.0.0", Row::closes},
        {"DATA with an argument", mail_then("DATA x"), "250|250 2.1.0|501 5.5.4"},
        {"RSET with an argument", hello_then("RSET x"), "250|501 5.5.4"},
        {"QUIT with an argument", hello_then("QUIT x"), "250|501 5.5.4"},
        {"STARTTLS with an argument", hello_then("STARTTLS x"), "250|501 5.5.4"},
        {"MAIL without FROM:<", hello_then("MAIL a@b.example"), "250|501 5.5.4"},
        {"MAIL with a space before <", hello_then("MAIL FROM: <a@b.example>"), "250|501 5.5.4"},
        {"RCPT without TO:<", mail_then("RCPT TO:a@b.example"), "250|250 2.1.0|501 5.5.4"},
        {"unparsable sender", hello_then("MAIL FROM:<a@@b.example>"), "250|501 5.1.7"},
        {"unparsable recipient", mail_then("RCPT TO:<a@@b.example>"), "250|250 2.1.0|501 5.1.3"},
        {"a source route", mail_then("RCPT TO:<@x.example,@y.example:+447700900123@mms.example.net>"), "250|250 2.1.0|250 2.1.5"},
        {"RCPT TO:<>", mail_then("RCPT TO:<>"), "250|250 2.1.0|501 5.1.3"},
        {"postmaster without a domain", mail_then("RCPT TO:<Postmaster>"), "250|250 2.1.0|250 2.1.5"},
        {"postmaster of our domain", mail_then("RCPT TO:<postmaster@mms.example.net>"), "250|250 2.1.0|250 2.1.5"},
        {"an unqualified recipient", mail_then("RCPT TO:<+447700900123>"), "250|250 2.1.0|501 5.1.3"},
        {"an unqualified sender", hello_then("MAIL FROM:<a>"), "250|501 5.1.8"},
        {"the null sender with two recipients", hello_then("MAIL FROM:<>") + std::string(kTo) + "RCPT TO:<+447700900124@mms.example.net>\r\n", "250|250 2.1.0|250 2.1.5|250 2.1.5"},
        {"an unknown user", mail_then("RCPT TO:<bob@mms.example.net>"), "250|250 2.1.0|550 5.1.1"},
        {"a number not served", mail_then("RCPT TO:<+15550100@mms.example.net>"), "250|250 2.1.0|550 5.1.1"},
        {"relaying", mail_then("RCPT TO:<bob@other.example>"), "250|250 2.1.0|550 5.7.1"},
        {"relaying by a source route", mail_then("RCPT TO:<@mms.example.net:bob@other.example>"), "250|250 2.1.0|550 5.7.1"},
        {"relaying by a percent sign", mail_then("RCPT TO:<bob%other.example@mms.example.net>"), "250|250 2.1.0|550 5.1.1"},
        {"relaying by a quoted address", mail_then("RCPT TO:<\"bob@other.example\"@mms.example.net>"), "250|250 2.1.0|550 5.1.1"},
        {"a client that may not send", std::string(kHello) + std::string(kFrom) + std::string(kTo) + "DATA\r\n", "250|550 5.7.1|503 5.5.1|503 5.5.1", Row::open, 0,
         [](Dialogue& d) { d.rights = ClientRights::denied; }},
        {"too many recipients",
         mail_then("RCPT TO:<+447700900121@mms.example.net>\r\nRCPT TO:<+447700900122@mms.example.net>\r\nRCPT TO:<+447700900123@mms.example.net>\r\n"
                   "RCPT TO:<+447700900124@mms.example.net>\r\nRCPT TO:<+447700900125@mms.example.net>\r\nDATA") +
             ".\r\n",
         "250|250 2.1.0|250 2.1.5|250 2.1.5|250 2.1.5|452 4.5.3|452 4.5.3|354|250 2.0.0", Row::open, 1},
        {"declared too big", hello_then("MAIL FROM:<a@b.example> SIZE=79537"), "250|552 5.3.4"},
        {"declared just not too big", hello_then("MAIL FROM:<a@b.example> SIZE=79536"), "250|250 2.1.0"},
        {"declared greater than any number", hello_then("MAIL FROM:<a@b.example> SIZE=99999999999999999999"), "250|552 5.3.4"},
        {"counted too big, not as declared", hello_then("MAIL FROM:<a@b.example> SIZE=10") + std::string(kTo) + "DATA\r\n" + repeated("0123456789abcdef\r\n", 5000) + ".\r\nNOOP\r\n",
         "250|250 2.1.0|250 2.1.5|354|552 5.3.4|250 2.0.0"},
        {"far too big", kEnvelope + repeated("0123456789abcdef\r\n", 80'000), std::string(kEnvelopeReplies) + "|421 4.3.4", Row::closes},
        {"a full store", std::string(kHello) + std::string(kFrom), "250|452 4.3.1", Row::open, 0, [](Dialogue& d) { d.policy.full = Error{Fault::storage_full, 0, "/var/lib/mmgate"}; }},
        {"a broken store", std::string(kHello) + std::string(kFrom), "250|451 4.3.0", Row::open, 0, [](Dialogue& d) { d.policy.full = Error{Fault::storage_failed, 0, "x"}; }},
        {"a store that is full when it counts", kEnvelope + "x\r\n.\r\n", "250|250 2.1.0|250 2.1.5|354|452 4.3.1", Row::open, 1, [](Dialogue& d) { d.verdict = Error{Fault::storage_full, 0, "x"}; }},
        {"content that is no mail", kEnvelope + "x\r\n.\r\n", "250|250 2.1.0|250 2.1.5|354|554 5.6.0", Row::open, 1, [](Dialogue& d) { d.verdict = Error{Fault::too_large, 7, "nested deeper than 20"}; }},
        {"content that is a loop", kEnvelope + "x\r\n.\r\n", "250|250 2.1.0|250 2.1.5|354|554 5.4.6", Row::open, 1, [](Dialogue& d) { d.verdict = Error{Fault::routing_loop, 0, "x"}; }},
        {"content that is refused", kEnvelope + "x\r\n.\r\n", "250|250 2.1.0|250 2.1.5|354|550 5.6.1", Row::open, 1, [](Dialogue& d) { d.verdict = Error{Fault::content_refused, 0, "x"}; }},
        {"the longest command", long_line + "\r\n", "250 2.0.0"},
        {"one octet more", long_line + "x\r\nNOOP\r\n", "500 5.5.2|250 2.0.0"},
        {"a line without an end", std::string(300'000, 'A') + "\r\nNOOP\r\n", "500 5.5.2|250 2.0.0"},
        {"NUL in a command", std::string("NOOP \0\r\nNOOP\r\n"sv), "500 5.5.2", Row::closes},
        {"a control in a command", "NOOP \x1B[2J\r\nNOOP\r\n", "500 5.5.2", Row::closes},
        {"octets beyond ASCII in a command", "NOOP \xC3\xA9\r\n", "501 5.5.2"},
        {"octets beyond ASCII in an address", hello_then("MAIL FROM:<\xC3\xA9@b.example>"), "250|553 5.6.7"},
        {"octets that are no UTF-8 in an address", hello_then("MAIL FROM:<\xE9@b.example>"), "250|501 5.5.2"},
        {"bare LF in a command", "NOOP\nNOOP\r\n", "500 5.5.2", Row::closes},
        {"bare CR in a command", "NOOP\rNOOP\r\n", "500 5.5.2", Row::closes},
        {"CR CR LF", "NOOP\r\r\n", "500 5.5.2", Row::closes},
        {"a long line that ends with LF", std::string(5000, 'A') + "\nNOOP\r\n", "500 5.5.2", Row::closes},
        {"a long line with a CR in it", std::string(3000, 'A') + "\r" + std::string(3000, 'A') + "\r\nNOOP\r\n", "500 5.5.2|250 2.0.0"},
        {"a line too long in the content", kEnvelope + std::string(1999, 'x') + "\r\n.\r\nNOOP\r\n", std::string(kEnvelopeReplies) + "|554 5.6.0|250 2.0.0"},
        {"the longest line in the content", kEnvelope + std::string(1998, 'x') + "\r\n.\r\n", std::string(kEnvelopeReplies) + "|250 2.0.0", Row::open, 1},
        {"STARTTLS when there is none", hello_then("STARTTLS"), "250|502 5.5.1", Row::open, 0, [](Dialogue& d) { d.tls = TlsOffer::none; }},
        {"STARTTLS without a usable certificate", hello_then("STARTTLS"), "250|454 4.7.0", Row::open, 0, [](Dialogue& d) { d.tls = TlsOffer::broken; }},
        {"STARTTLS before EHLO", "STARTTLS\r\n", "503 5.5.1"},
        {"STARTTLS after HELO", "HELO x.example\r\nSTARTTLS\r\n", "250|503 5.5.1"},
        {"STARTTLS in a transaction", mail_then("STARTTLS"), "250|250 2.1.0|503 5.5.1"},
        {"octets behind STARTTLS", hello_then("STARTTLS") + std::string(kFrom), "250|554 5.5.1", Row::closes},
        {"clear where TLS is required", "NOOP\r\n" + hello_then("MAIL FROM:<a@b.example>") + "RSET\r\nVRFY x\r\nQUIT\r\n", "250 2.0.0|250|530 5.7.0|530 5.7.0|530 5.7.0|221 2.0.0", Row::closes, 0,
         [](Dialogue& d) { d.tls = TlsOffer::required; }},
        {"AUTH, which is not offered", hello_then("AUTH PLAIN AGEAYg=="), "250|502 5.5.1"},
        {"an unknown command", hello_then("FROB"), "250|500 5.5.2"},
        {"an empty line", "\r\n", "500 5.5.2"},
        {"twenty errors", repeated("FROB\r\n", 21), repeated("500 5.5.2|", 20) + "421 4.7.0", Row::closes},
        {"NOOPs without end", repeated("NOOP\r\n", 122), repeated("250 2.0.0|", 120) + "421 4.7.0", Row::closes},
        {"commands without end", std::string(kHello) + repeated("MAIL FROM:<a@b.example>\r\nRSET\r\n", 250), "250|" + repeated("250 2.1.0|250 2.0.0|", 249) + "250 2.1.0|421 4.7.0", Row::closes},
        {"a web browser", "GET / HTTP/1.1\r\nHost: x\r\n\r\nEHLO x\r\n", "554 5.5.1", Row::closes},
        {"a web form", "POST / HTTP/1.1\r\n", "554 5.5.1", Row::closes},
        {"a proxy", "CONNECT x:25 HTTP/1.1\r\n", "554 5.5.1", Row::closes},
        {"a header", "User-Agent: x\r\nEHLO x\r\n", "554 5.5.1", Row::closes},
        {"parameters after HELO", "HELO x.example\r\nMAIL FROM:<a@b.example> SIZE=1\r\nMAIL FROM:<a@b.example>\r\nRCPT TO:<+447700900123@mms.example.net> NOTIFY=NEVER\r\n",
         "250|555 5.5.4|250 2.1.0|555 5.5.4"},
        {"an unknown parameter", hello_then("MAIL FROM:<a@b.example> SMTPUTF8"), "250|555 5.5.4"},
        {"a parameter twice", hello_then("MAIL FROM:<a@b.example> SIZE=1 SIZE=1"), "250|501 5.5.4"},
        {"a name that is none", "EHLO a b\r\nHELO\r\n", "501 5.5.4|501 5.5.4"},

        // RFC 3030: what BDAT announces is content, offered or not.
        {"BDAT", mail_then("BDAT 23 LAST") + "RSET\r\n.\r\nMAIL FROM:<>\r\nNOOP\r\n", "250|250 2.1.0|502 5.5.1|250 2.0.0"},
        {"BDAT with commands in it", mail_then("BDAT 6") + "QUIT\r\nNOOP\r\n", "250|250 2.1.0|502 5.5.1|250 2.0.0"},
        {"BDAT 0 LAST", mail_then("BDAT 0 LAST") + "NOOP\r\n", "250|250 2.1.0|502 5.5.1|250 2.0.0"},
        {"DATA after BDAT", mail_then("BDAT 0 LAST") + "DATA\r\n", "250|250 2.1.0|502 5.5.1|503 5.5.1"},
        {"BDAT of 2^64+5 octets", mail_then("BDAT 18446744073709551621 LAST") + "NOOP\r\n", "250|250 2.1.0|502 5.5.1", Row::closes},
        {"BDAT of -1 octets", mail_then("BDAT -1 LAST") + "NOOP\r\n", "250|250 2.1.0|502 5.5.1", Row::closes},
        {"BDAT of abc octets", mail_then("BDAT abc") + "NOOP\r\n", "250|250 2.1.0|502 5.5.1", Row::closes},
        {"BDAT of 10^10 octets", mail_then("BDAT 10000000000") + "NOOP\r\n", "250|250 2.1.0|502 5.5.1", Row::closes},
    };
    for (const Row& row : rows) check(row);
}

Test(session, lets_nothing_be_smuggled) {
    struct Variant {
        const char* name;
        std::string_view octets;
        enum { refused,
               content } is;
    };
    // Sent within the content of a mail, a second one behind it. None but CR LF . CR LF is an end.
    constexpr auto kVariants = std::to_array<Variant>({
        {"LF.LF", "\n.\n"sv, Variant::refused},
        {"LF.CRLF", "\n.\r\n"sv, Variant::refused},
        {"CRLF.LF", "\r\n.\n"sv, Variant::refused},
        {"CRLF.CRCRLF", "\r\n.\r\r\n"sv, Variant::refused},
        {"CRCRLF.CRCRLF", "\r\r\n.\r\r\n"sv, Variant::refused},
        {"CRLF.LFLF", "\r\n.\n\n"sv, Variant::refused},
        {"LFLF.LFLF", "\n\n.\n\n"sv, Variant::refused},
        {"CRLF LF.CRLF", "\r\n\n.\r\n"sv, Variant::refused},
        {"CR.CR", "\r.\r"sv, Variant::refused},
        {"CRLF.CR", "\r\n.\r"sv, Variant::refused},
        {"CR.CRLF", "\r.\r\n"sv, Variant::refused},
        {"CR.LF", "\r.\n"sv, Variant::refused},
        {"LF.CR", "\n.\r"sv, Variant::refused},
        {"LFCR.LFCR", "\n\r.\n\r"sv, Variant::refused},
        {"CRLF CR.CRLF", "\r\n\r.\r\n"sv, Variant::refused},
        {"NUL before the dot", "\r\n\0.\r\n"sv, Variant::refused},
        {"NUL after the dot", "\r\n.\0\r\n"sv, Variant::refused},
        {"NUL between CR and LF, before", "\r\0\n.\r\0\n"sv, Variant::refused},
        {"NUL between CR and LF, after", "\r\n.\r\0\n"sv, Variant::refused},
        {"blank after", "\r\n. \r\n"sv, Variant::content},
        {"blank before", "\r\n .\r\n"sv, Variant::content},
        {"tab after", "\r\n.\t\r\n"sv, Variant::content},
        {"two dots", "\r\n..\r\n"sv, Variant::content},
        {"backspace after", "\r\n.\b\r\n"sv, Variant::content},
        {"backspace before", "\r\n\b.\r\n"sv, Variant::content},
        {"VT", "\v.\v"sv, Variant::content},
        {"FF", "\f.\f"sv, Variant::content},
        {"FS", "\x1C.\x1C"sv, Variant::content},
        {"NEL", "\x85.\x85"sv, Variant::content},
        {"NEL in UTF-8", "\xC2\x85.\xC2\x85"sv, Variant::content},
        {"LS", "\xE2\x80\xA8.\xE2\x80\xA8"sv, Variant::content},
        {"PS", "\xE2\x80\xA9.\xE2\x80\xA9"sv, Variant::content},
        {"overlong CRLF", "\xC0\x8D\xC0\x8A.\xC0\x8D\xC0\x8A"sv, Variant::content},
        {"full-width dot", "\r\n\xEF\xBC\x8E\r\n"sv, Variant::content},
        {"soft hyphen", "\r\n.\xC2\xAD\r\n"sv, Variant::content},
        {"zero width space", "\r\n\xE2\x80\x8B.\r\n"sv, Variant::content},
        {"quoted-printable", "=0D=0A.=0D=0A"sv, Variant::content},
    });
    const std::string inner = "\r\n" + kEnvelope + "From: <evil@b.example>\r\n\r\ninner\r\n.\r\n";
    for (const Variant& variant : kVariants) {
        const std::string input = kEnvelope + "Subject: outer\r\n\r\nouter" + std::string(variant.octets) + inner.substr(variant.is == Variant::refused ? 2 : 0) + "QUIT\r\n";
        for (Pieces pieces : {Pieces::whole, Pieces::octets}) {
            Dialogue dialogue;
            dialogue.begin();
            dialogue.say(input, pieces);
            if (variant.is == Variant::refused) {
                cr_expect(dialogue.codes() == std::string(kEnvelopeReplies) + "|554 5.6.0", "%s: %s", variant.name, dialogue.wire.c_str());
                cr_expect(dialogue.mails.empty() && dialogue.closed, "%s", variant.name);
                cr_expect(dialogue.refusals.size() == 1 && dialogue.refusals.front().what == Refusal::What::smuggling, "%s", variant.name);
            } else {
                cr_expect(dialogue.codes() == std::string(kEnvelopeReplies) + "|250 2.0.0|221 2.0.0", "%s: %s", variant.name, dialogue.wire.c_str());
                cr_expect(dialogue.mails.size() == 1 && dialogue.mails.front().octets.find("MAIL FROM:<a@b.example>\r\n") != Octets::npos, "%s", variant.name);
            }
        }
    }
}

Test(session, offers_what_it_does) {
    struct Case {
        TlsOffer tls;
        bool starttls;
    };
    for (const Case& one : {Case{TlsOffer::none, false}, Case{TlsOffer::broken, false}, Case{TlsOffer::offered, true}, Case{TlsOffer::required, true}}) {
        Dialogue dialogue;
        dialogue.tls = one.tls;
        dialogue.begin();
        dialogue.say(kHello);
        const std::string want = "250-gw.example.net\r\n250-PIPELINING\r\n250-SIZE 79536\r\n250-8BITMIME\r\n250-ENHANCEDSTATUSCODES\r\n" + std::string(one.starttls ? "250-STARTTLS\r\n" : "") +
                                 "250-LIMITS RCPTMAX=3\r\n250 DSN\r\n";
        cr_expect(dialogue.wire == want, "%s", dialogue.wire.c_str());
    }
}

Test(session, hands_the_whole_mail_on) {
    Dialogue dialogue;
    dialogue.begin();
    dialogue.say(
        "EHLO client.example\r\nMAIL FROM:<\"a b\"@b.example> RET=FULL ENVID=QQ+2B1 SIZE=20\r\n"
        "RCPT TO:<07700900123@mms.example.net> NOTIFY=SUCCESS,DELAY ORCPT=rfc822;x@y.example\r\nRCPT TO:<+447700900123@mms.example.net>\r\nRCPT TO:<postmaster>\r\n"
        "DATA\r\nSubject: x\r\n\r\n..\r\n.\r\n");
    cr_assert(dialogue.mails.size() == 1);
    const IncomingMail& mail = dialogue.mails.front();
    cr_expect(mail.octets == "Subject: x\r\n\r\n.\r\n");
    cr_expect(mail.memory.bytes() == mail.octets.size() && dialogue.memory.taken_bytes() == mail.octets.size());
    const ReceivedEnvelope& envelope = mail.envelope;
    cr_expect(envelope.return_path == "\"a b\"@b.example" && envelope.return_full && envelope.envelope_id == "QQ+1");
    cr_expect(envelope.client == "192.0.2.7" && envelope.helo == "client.example" && envelope.protocol == "ESMTP");
    // One phone named twice is one recipient; what was said of it first holds.
    cr_assert(envelope.recipients.size() == 2);
    cr_expect(envelope.recipients[0].route.address.value == "+447700900123" && envelope.recipients[0].route.route == "mm1");
    cr_expect((envelope.recipients[0].notify == Notify{.never = false, .success = true, .failure = false, .delay = true}));
    cr_expect(envelope.recipients[0].original_recipient == "rfc822;x@y.example");
    cr_expect(envelope.recipients[1].route.address.value == "ops@example.net" && envelope.recipients[1].notify == Notify{});
    cr_expect(dialogue.wire.ends_with("250 2.0.0 Ok: queued as ID\r\n"));
}

Test(session, counts_memory_over_all_sessions) {
    Dialogue other;
    other.begin();
    Dialogue dialogue;
    dialogue.memory.configure(1000);
    dialogue.begin();
    dialogue.say(kEnvelope + repeated("0123456789abcdef\r\n", 100) + ".\r\n");
    cr_expect(dialogue.codes() == std::string(kEnvelopeReplies) + "|452 4.3.1", "%s", dialogue.wire.c_str());
    cr_expect(dialogue.memory.taken_bytes() == 0);
    dialogue.wire.clear();
    dialogue.say("MAIL FROM:<a@b.example> SIZE=1001\r\nMAIL FROM:<a@b.example> SIZE=1000\r\n");
    cr_expect(dialogue.codes() == "452 4.3.1|250 2.1.0", "%s", dialogue.wire.c_str());
    // What a session holds is free again when it ends.
    dialogue.say(std::string(kTo) + "DATA\r\n" + repeated("0123456789abcdef\r\n", 10));
    cr_expect(dialogue.memory.taken_bytes() == 180);
    dialogue.session.reset();
    cr_expect(dialogue.memory.taken_bytes() == 0);
}

Test(session, forgets_all_at_tls) {
    Dialogue dialogue;
    dialogue.begin();
    dialogue.say(hello_then("STARTTLS"));
    cr_assert(dialogue.codes() == "250|220 2.0.0" && dialogue.securing);
    cr_expect(dialogue.session->phase() == Phase::securing);
    dialogue.wire.clear();
    dialogue.follow(dialogue.session->secured(std::nullopt));
    dialogue.say(std::string(kFrom) + "STARTTLS\r\n" + kEnvelope + "x\r\n.\r\n");
    cr_expect(dialogue.codes() == "503 5.5.1|554 5.5.1|250|250 2.1.0|250 2.1.5|354|250 2.0.0", "%s", dialogue.wire.c_str());
    cr_expect(dialogue.wire.find("STARTTLS\r\n250") == std::string::npos);
    cr_expect(dialogue.mails.front().envelope.protocol == "ESMTPS");
}

Test(session, takes_nothing_while_a_mail_is_open) {
    Dialogue dialogue;
    dialogue.begin();
    SessionStep step = dialogue.session->received(kEnvelope + "x\r\n.\r\nQUIT\r\n", 0);
    cr_assert(step.mail && step.next == Next::wait && step.consumed == kEnvelope.size() + 6);
    cr_expect(dialogue.session->phase() == Phase::waiting);
    cr_expect(dialogue.session->received("QUIT\r\n", 0).consumed == 0);
    dialogue.follow(dialogue.session->answered(Accepted("Ok: queued as ID")));
    dialogue.say("QUIT\r\n");
    cr_expect(dialogue.wire == "250 2.0.0 Ok: queued as ID\r\n221 2.0.0 Bye\r\n" && dialogue.closed);
}

Test(session, ends_when_told) {
    struct Case {
        const char* name;
        std::string said;
        ReplyId why;
        const char* codes;
    };
    const Case cases[] = {
        {"idle", std::string(kHello), ReplyId::idle, "250|421 4.4.2"},
        {"too slow", kEnvelope + "x", ReplyId::too_slow, "250|250 2.1.0|250 2.1.5|354|421 4.4.2"},
        {"shutting down between commands", std::string(kHello), ReplyId::shutting_down, "250|421 4.3.2"},
        {"shutting down in a transaction", mail_then("NOOP"), ReplyId::shutting_down, "250|250 2.1.0|250 2.0.0|421 4.3.2"},
    };
    for (const Case& one : cases) {
        Dialogue dialogue;
        dialogue.begin();
        dialogue.say(one.said);
        dialogue.follow(dialogue.session->end(one.why));
        cr_expect(dialogue.codes() == one.codes && dialogue.closed, "%s: %s", one.name, dialogue.wire.c_str());
        cr_expect(dialogue.session->phase() == Phase::closed && dialogue.memory.taken_bytes() == 0, "%s", one.name);
    }
    // A mail under way is taken to its end, and refused content ends it as well.
    for (std::string_view rest : {"x\r\n.\r\n"sv, "x\n.\r\n\r\n.\r\n"sv}) {
        Dialogue dialogue;
        dialogue.begin();
        dialogue.say(kEnvelope + "x\r\n");
        dialogue.follow(dialogue.session->end(ReplyId::shutting_down));
        cr_expect(!dialogue.closed);
        dialogue.say(rest);
        cr_expect(dialogue.closed, "%s", dialogue.wire.c_str());
        cr_expect(dialogue.codes() == std::string(kEnvelopeReplies) + (rest[1] == '\n' ? "|554 5.6.0" : "|250 2.0.0|421 4.3.2"), "%s", dialogue.wire.c_str());
    }
}

Test(session, says_for_the_log_what_it_refused) {
    Dialogue dialogue;
    dialogue.begin();
    dialogue.say(mail_then("RCPT TO:<bob@other.example>\r\nFROB x") + kEnvelope.substr(kHello.size() + kFrom.size()) + "a\n\r\n.\r\n");
    cr_assert(dialogue.refusals.size() == 3);
    cr_expect(dialogue.refusals[0].verb == "RCPT" && dialogue.refusals[0].address->value == "bob@other.example" && dialogue.refusals[0].reply.starts_with("550 5.7.1 "));
    cr_expect(dialogue.refusals[1].verb == "?" && !dialogue.refusals[1].address);
    cr_expect(dialogue.refusals[2].verb == "DATA" && dialogue.refusals[2].what == Refusal::What::smuggling);
    // Nothing that a client said comes back to it.
    dialogue.wire.clear();
    Dialogue echo;
    echo.begin();
    echo.say("MARKER x\r\nEHLO MARKER_ MARKER\r\nEHLO x.example\r\nMAIL FROM:<MARKER>\r\nMAIL FROM:<a@b.example> MARKER=MARKER\r\nVRFY MARKER\r\nRCPT TO:<MARKER@x>\r\n");
    cr_expect(echo.wire.find("MARKER") == std::string::npos, "%s", echo.wire.c_str());
}

Test(session, an_accepted_mail_forgives_errors) {
    Dialogue dialogue;
    dialogue.begin();
    dialogue.say(std::string(kHello) + repeated("FROB\r\n", 19));
    dialogue.say(kEnvelope.substr(kHello.size()) + "x\r\n.\r\n" + repeated("FROB\r\n", 19) + "QUIT\r\n");
    cr_expect(dialogue.wire.ends_with("221 2.0.0 Bye\r\n"), "%s", dialogue.wire.c_str());
}
