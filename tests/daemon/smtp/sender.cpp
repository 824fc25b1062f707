// Dialogues with servers that behave, misbehave and attack. Each row is a script:
//   "< text"   a line of the server; lines that follow each other arrive in one piece, "|" between them parts the pieces
//   "> text"   the next line that we must have said; ">>" all of the content up to the final dot
//   "early"    the next lines of the server arrive before all we wrote has left
//   "tls"      the handshake is asked for and done; "mail": the mail begins; "lost", "lost early": the connection ends; "quit"
// and at the end nothing more may have been said. Verdicts: one a recipient, "-" where another connection may try.
#include "daemon/smtp/sender.h"

#include <criterion/criterion.h>

#include <sstream>
#include <string>

using namespace mmgate;
using namespace mmgate::smtp;
using namespace std::literals;

namespace {

struct Row {
    const char* name;
    const char* script;
    const char* verdicts;       // "" where the mail has not ended or not begun
    const char* trouble = "";   // beginning of the reply
    int recipients = 1;
    TlsUse tls = TlsUse::opportunistic;
    Notify notify = {};
    const char* data = "Subject: x\r\n\r\nhello\r\n";
    TlsStart start = TlsStart::starttls;
    std::optional<Credentials> credentials = {};
    std::uint32_t most = kRecipientsPerTransaction;
};
const Row identified(const char* name, const char* script, const char* verdicts, const char* trouble = "") {
    return {name, script, verdicts, trouble, 1, TlsUse::required, {}, "Subject: x\r\n\r\nhello\r\n", TlsStart::starttls, Credentials{"relay", "secret"}};
}

constexpr Notify kNever{.never = true};
constexpr Notify kBoth{.success = true};
constexpr const char* kHello = "< 220 mx.example ESMTP\n> EHLO gw.example\n";

const Row kRows[] = {
    // The whole way
    {"a plain server",
     "hello\n< 250 mx.example\nmail\n> MAIL FROM:<+44770@gw.example>\n< 250 ok\n> RCPT TO:<r0@a.example>\n< 250 ok\n> DATA\n< 354 go\n>> \n"
     "< 250 2.0.0 queued as 1\nquit\n> QUIT\n",
     "delivered 2.0.0"},
    {"pipelining, SIZE and DSN",
     "hello\n< 250-mx.example\n< 250-PIPELINING\n< 250-SIZE 1000\n< 250 DSN\nmail\n> MAIL FROM:<+44770@gw.example> SIZE=21 RET=HDRS ENVID=id+2B1\n"
     "> RCPT TO:<r0@a.example> NOTIFY=SUCCESS,FAILURE ORCPT=rfc822;r0@a.example\n> DATA\n< 250 ok\n< 250 ok\n< 354 go\n>> \n< 250 2.6.0 queued\n",
     "relayed 2.6.0", "", 1, TlsUse::opportunistic, kBoth},
    {"replies in pieces", "hello\n< 250-mx\n|\n< 250 PIPELINING\nmail\n> MAIL FROM:<+44770@gw.example>\n> RCPT TO:<r0@a.example>\n> DATA\n< 250 ok\n|\n< 250 ok\n|\n< 354 go\n>> \n< 250 ok\n",
     "delivered 2.0.0"},
    {"250 without text", "hello\n< 250\nmail\n> MAIL FROM:<+44770@gw.example>\n< 250\n> RCPT TO:<r0@a.example>\n< 250\n> DATA\n< 354\n>> \n< 250\n", "delivered 2.0.0"},
    {"no report with NEVER",
     "hello\n< 250-mx\n< 250 DSN\nmail\n> MAIL FROM:<+44770@gw.example> RET=HDRS ENVID=id+2B1\n< 250 ok\n"
     "> RCPT TO:<r0@a.example> NOTIFY=NEVER ORCPT=rfc822;r0@a.example\n< 250 ok\n> DATA\n< 354 go\n>> \n< 250 ok\n",
     "delivered 2.0.0", "", 1, TlsUse::opportunistic, kNever},
    {"no report without DSN", "ready\nmail\ntaken\n< 250 ok\n", "delivered 2.0.0", "", 1, TlsUse::opportunistic, kBoth},
    {"two mails on one connection", "ready\nmail\ntaken\n< 250 ok\nmail\ntaken\n< 250 2.0.0 second\n", "delivered 2.0.0"},
    {"251 counts as taken", "ready\nmail\n> MAIL FROM:<+44770@gw.example>\n< 250 ok\n> RCPT TO:<r0@a.example>\n< 251 will forward\n> DATA\n< 354 go\n>> \n< 250 ok\n", "delivered 2.0.0"},
    {"status of another class", "ready\nmail\ntaken\n< 250 5.0.0 odd\n", "delivered 2.0.0"},

    // Greeting
    {"greeting in lines", "< 220-mx.example\n< 220 welcome\n> EHLO gw.example\n", ""},
    {"greeting 421", "< 421 4.3.2 too busy\n", "", "421 4.3.2"},
    {"greeting 450", "< 450 later\n", "", "450 later"},
    {"greeting 554", "< 554 no service\n", "", "554 no service"},
    {"greeting 521", "< 521 5.3.2 never\n", "", "521 5.3.2"},
    {"greeting 250", "< 250 hello\n", "", "451 4.5.0 mx.example is out of step: an unexpected greeting"},
    {"greeting 354", "< 354 go\n", "", "451 4.5.0"},
    {"greeting garbage", "< SSH-2.0-OpenSSH_9\n", "", "451 4.5.0 mx.example is out of step: a reply that does not begin with a reply code"},
    {"two greetings", "< 220 a\n< 250 b\n", "", "451 4.5.0 mx.example is out of step: a reply before the command"},
    {"lost before the greeting", "lost\n", "", "451 4.4.2"},

    // EHLO and HELO
    {"EHLO unknown", "hello\n< 500 what\n> HELO gw.example\n< 250 mx\nmail\ntaken\n< 250 ok\n", "delivered 2.0.0"},
    {"EHLO not implemented", "hello\n< 502 no\n> HELO gw.example\n< 250 mx\n", ""},
    {"EHLO refused for now", "hello\n< 421 busy\n", "", "421 busy"},
    {"EHLO 554", "hello\n< 554 no\n", "", "554 no"},
    {"EHLO 354", "hello\n< 354 go\n", "", "354 go"},
    {"HELO refused", "hello\n< 500 what\n> HELO gw.example\n< 550 5.7.1 go away\n", "", "550 5.7.1"},
    {"an answer to EHLO and more", "hello\n< 250 mx\n< 250 mx\n", "", "250 mx"},

    // STARTTLS
    {"STARTTLS", "hello\n< 250-mx\n< 250-PIPELINING\n< 250 STARTTLS\n> STARTTLS\n< 220 go\ntls\n> EHLO gw.example\n< 250 mx\nmail\ntaken\n< 250 ok\n", "delivered 2.0.0"},
    {"STARTTLS offered again in TLS", "hello\n< 250-mx\n< 250 STARTTLS\n> STARTTLS\n< 220 go\ntls\n> EHLO gw.example\n< 250-mx\n< 250 STARTTLS\nmail\ntaken\n< 250 ok\n", "delivered 2.0.0"},
    {"STARTTLS refused", "hello\n< 250-mx\n< 250 STARTTLS\n> STARTTLS\n< 454 4.7.0 not now\nmail\ntaken\n< 250 ok\n", "delivered 2.0.0"},
    {"STARTTLS unexpected", "hello\n< 250-mx\n< 250 STARTTLS\n> STARTTLS\n< 250 ok\n", "", "451 4.5.0"},
    {"STARTTLS closing", "hello\n< 250-mx\n< 250 STARTTLS\n> STARTTLS\n< 421 4.3.2 bye\n", "", "421 4.3.2"},
    {"a reply in clear behind 220", "hello\n< 250-mx\n< 250 STARTTLS\n> STARTTLS\n< 220 go\n< 250 injected\n", "", "451 4.5.0 mx.example is out of step: a reply before the command"},
    {"half a reply in clear behind 220", "hello\n< 250-mx\n< 250 STARTTLS\n> STARTTLS\n< 220 go\n<< 250 inj\n", "", "451 4.5.0 mx.example is out of step: a reply before the command"},
    {"handshake fails", "hello\n< 250-mx\n< 250 STARTTLS\n> STARTTLS\n< 220 go\nlost\n", "", "451 4.7.5"},
    {"TLS off", "hello\n< 250-mx\n< 250 STARTTLS\nmail\ntaken\n< 250 ok\n", "delivered 2.0.0", "", 1, TlsUse::never},
    {"TLS required, not offered", "hello\n< 250 mx\n", "", "451 4.7.0 mx.example does not offer TLS", 1, TlsUse::required},
    {"TLS required, refused", "hello\n< 250-mx\n< 250 STARTTLS\n> STARTTLS\n< 454 4.7.0 not now\n", "", "454 4.7.0", 1, TlsUse::required},
    {"TLS required, only HELO", "hello\n< 500 what\n> HELO gw.example\n< 250 mx\n", "", "451 4.7.0", 1, TlsUse::required},
    {"EHLO refused in TLS", "hello\n< 250-mx\n< 250 STARTTLS\n> STARTTLS\n< 220 go\ntls\n> EHLO gw.example\n< 502 no\n", "", "502 no"},

    {"TLS at once", "tls\nhello\n< 250 mx\nmail\ntaken\n< 250 ok\n", "delivered 2.0.0", "", 1, TlsUse::required, {}, "Subject: x\r\n\r\nhello\r\n", TlsStart::at_once},
    {"TLS at once fails", "lost\n", "", "451 4.7.5", 1, TlsUse::required, {}, "", TlsStart::at_once},
    {"the certificate is not right", "hello\n< 250-mx\n< 250 STARTTLS\n> STARTTLS\n< 220 go\ndistrusted\n", "", "451 4.7.5 mx.example is not trusted: another name", 1, TlsUse::verified},

    // AUTH
    identified("AUTH PLAIN", "encrypted\n< 250 AUTH LOGIN PLAIN\n> AUTH PLAIN AHJlbGF5AHNlY3JldA==\n< 235 2.7.0 ok\nmail\ntaken\n< 250 ok\n", "delivered 2.0.0"),
    identified("AUTH LOGIN", "encrypted\n< 250 AUTH LOGIN\n> AUTH LOGIN\n< 334 VXNlcm5hbWU6\n> cmVsYXk=\n< 334 UGFzc3dvcmQ6\n> c2VjcmV0\n< 235 ok\nmail\ntaken\n< 250 ok\n", "delivered 2.0.0"),
    identified("AUTH refused", "encrypted\n< 250 AUTH PLAIN\n> AUTH PLAIN AHJlbGF5AHNlY3JldA==\n< 535 5.7.8 no\n", "", "535 5.7.8 no"),
    identified("AUTH not offered", "encrypted\n< 250 AUTH CRAM-MD5\n", "", "451 4.7.0 mx.example offers neither AUTH PLAIN nor AUTH LOGIN"),
    identified("AUTH asks for more", "encrypted\n< 250 AUTH PLAIN\n> AUTH PLAIN AHJlbGF5AHNlY3JldA==\n< 334 \n", "", "451 4.5.0"),
    {"no password in clear", "hello\n< 250 AUTH PLAIN\n", "", "451 4.7.11", 1, TlsUse::opportunistic, {}, "", TlsStart::starttls, Credentials{"relay", "secret"}},

    // Refusals of the envelope
    {"MAIL deferred", "ready\nmail\n> MAIL FROM:<+44770@gw.example>\n< 451 4.7.1 greylisted\n> RSET\n< 250 ok\nquit\n> QUIT\n", "deferred 4.7.1; deferred 4.7.1", "", 2},
    {"MAIL refused", "ready\nmail\n> MAIL FROM:<+44770@gw.example>\n< 550 5.7.1 no\n> RSET\n< 250 ok\n", "failed 5.7.1"},
    {"MAIL too big", "ready\nmail\n> MAIL FROM:<+44770@gw.example>\n< 552 5.3.4 too big\n> RSET\n< 250 ok\n", "failed 5.3.4"},
    {"MAIL 354", "ready\nmail\n> MAIL FROM:<+44770@gw.example>\n< 354 go\n", "-", "451 4.5.0"},
    {"MAIL closing", "ready\nmail\n> MAIL FROM:<+44770@gw.example>\n< 421 4.3.2 bye\n", "-", "421 4.3.2"},
    {"MAIL refused, pipelined",
     "piped\nmail\n> MAIL FROM:<+44770@gw.example>\n> RCPT TO:<r0@a.example>\n> RCPT TO:<r1@a.example>\n> DATA\n"
     "< 550 5.7.1 no\n< 503 5.5.1 x\n< 503 5.5.1 x\n< 503 5.5.1 x\n> RSET\n< 250 ok\n",
     "failed 5.7.1; failed 5.7.1", "", 2},
    {"MAIL refused, all else taken", "piped\nmail\n> MAIL FROM:<+44770@gw.example>\n> RCPT TO:<r0@a.example>\n> DATA\n< 550 5.7.1 no\n< 250 ok\n< 354 go\n", "failed 5.7.1", "451 4.5.0"},
    {"one of two refused", "ready\nmail\n> MAIL FROM:<+44770@gw.example>\n< 250 ok\n> RCPT TO:<r0@a.example>\n< 550 5.1.1 unknown\n> RCPT TO:<r1@a.example>\n< 250 ok\n> DATA\n< 354 go\n>> \n< 250 ok\n",
     "failed 5.1.1; delivered 2.0.0", "", 2},
    {"one deferred, one refused, one taken",
     "piped\nmail\n> MAIL FROM:<+44770@gw.example>\n> RCPT TO:<r0@a.example>\n> RCPT TO:<r1@a.example>\n> RCPT TO:<r2@a.example>\n> DATA\n"
     "< 250 ok\n< 450 4.2.1 later\n< 550 5.1.1 unknown\n< 250 ok\n< 354 go\n>> \n< 250 ok\n",
     "deferred 4.2.1; failed 5.1.1; delivered 2.0.0", "", 3},
    {"all refused", "ready\nmail\n> MAIL FROM:<+44770@gw.example>\n< 250 ok\n> RCPT TO:<r0@a.example>\n< 550 no\n> RSET\n< 250 ok\nmail\ntaken\n< 250 ok\n", "delivered 2.0.0"},
    {"all refused, pipelined", "piped\nmail\n> MAIL FROM:<+44770@gw.example>\n> RCPT TO:<r0@a.example>\n> DATA\n< 250 ok\n< 550 5.1.1 no\n< 554 5.5.1 no\n> RSET\n< 250 ok\n", "failed 5.1.1"},
    {"all refused, but 354", "piped\nmail\n> MAIL FROM:<+44770@gw.example>\n> RCPT TO:<r0@a.example>\n> DATA\n< 250 ok\n< 550 5.1.1 no\n< 354 go\n", "failed 5.1.1",
     "451 4.5.0 mx.example is out of step: 354 without a recipient"},
    {"RCPT 354", "ready\nmail\n> MAIL FROM:<+44770@gw.example>\n< 250 ok\n> RCPT TO:<r0@a.example>\n< 354 go\n", "-", "451 4.5.0"},
    {"RCPT closing", "piped\nmail\n> MAIL FROM:<+44770@gw.example>\n> RCPT TO:<r0@a.example>\n> RCPT TO:<r1@a.example>\n> DATA\n< 250 ok\n< 550 5.1.1 no\n< 421 bye\n", "failed 5.1.1; -", "421 bye", 2},
    {"DATA deferred", "ready\nmail\n> MAIL FROM:<+44770@gw.example>\n< 250 ok\n> RCPT TO:<r0@a.example>\n< 250 ok\n> DATA\n< 451 4.3.0 no\n> RSET\n< 250 ok\n", "deferred 4.3.0"},
    {"DATA refused", "ready\nmail\n> MAIL FROM:<+44770@gw.example>\n< 250 ok\n> RCPT TO:<r0@a.example>\n< 250 ok\n> DATA\n< 554 no\n> RSET\n< 250 ok\n", "failed 5.0.0"},
    {"DATA 250", "ready\nmail\n> MAIL FROM:<+44770@gw.example>\n< 250 ok\n> RCPT TO:<r0@a.example>\n< 250 ok\n> DATA\n< 250 ok\n", "-", "451 4.5.0"},
    {"DATA 334", "ready\nmail\n> MAIL FROM:<+44770@gw.example>\n< 250 ok\n> RCPT TO:<r0@a.example>\n< 250 ok\n> DATA\n< 334 go\n", "-", "451 4.5.0"},
    {"RSET refused", "ready\nmail\n> MAIL FROM:<+44770@gw.example>\n< 550 5.7.1 no\n> RSET\n< 500 what\n", "failed 5.7.1", "500 what"},
    {"too few replies, then lost", "piped\nmail\n> MAIL FROM:<+44770@gw.example>\n> RCPT TO:<r0@a.example>\n> DATA\n< 250 ok\n< 250 ok\nlost\n", "-", "451 4.4.2 mx.example gone"},
    {"too many replies", "piped\nmail\n> MAIL FROM:<+44770@gw.example>\n> RCPT TO:<r0@a.example>\n> DATA\n< 250 ok\n< 250 ok\n< 250 ok\n< 354 go\n", "-", "451 4.5.0"},
    {"lost after MAIL", "ready\nmail\n> MAIL FROM:<+44770@gw.example>\nlost\n", "-", "451 4.4.2"},

    // The end of the content
    {"content refused", "ready\nmail\ntaken\n< 554 5.6.0 no\n", "failed 5.6.0"},
    {"content deferred", "ready\nmail\ntaken\n< 452 4.3.1 full\n", "deferred 4.3.1"},
    {"closing after the dot", "ready\nmail\ntaken\n< 421 4.3.2 bye\n", "deferred 4.3.2"},
    {"354 after the dot", "ready\nmail\ntaken\n< 354 go\n", "deferred 4.5.0 twice", "451 4.5.0"},
    {"garbage after the dot", "ready\nmail\ntaken\n< +OK\n", "deferred 4.5.0 twice", "451 4.5.0"},
    {"lost after the dot", "ready\nmail\ntaken\nlost\n", "deferred 4.4.2 twice", "451 4.4.2"},
    {"lost before the dot", "ready\nmail\ntaken\nlost early\n", "-", "451 4.4.2"},
    {"accepted, then garbage", "ready\nmail\ntaken\n< 250 ok\n< nonsense\n", "delivered 2.0.0", "451 4.5.0"},
    {"accepted, then closing", "ready\nmail\ntaken\n< 250 ok\n< 421 bye\n", "delivered 2.0.0", "421 bye"},
    {"354 and 250 at once", "ready\nmail\n> MAIL FROM:<+44770@gw.example>\n< 250 ok\n> RCPT TO:<r0@a.example>\n< 250 ok\n> DATA\n< 354 go\n< 250 ok\n", "-", "451 4.5.0"},
    {"354 and half a 250 at once", "ready\nmail\n> MAIL FROM:<+44770@gw.example>\n< 250 ok\n> RCPT TO:<r0@a.example>\n< 250 ok\n> DATA\n< 354 go\n<< 250 o\n", "-", "451 4.5.0"},
    {"250 before the dot", "ready\nmail\ntaken\nearly\n< 250 ok\n", "-", "250 ok"},
    {"552 before the dot", "ready\nmail\ntaken\nearly\n< 552 5.3.4 too big\n", "failed 5.3.4"},
    {"451 before the dot", "ready\nmail\ntaken\nearly\n< 451 4.3.0 no\n", "deferred 4.3.0"},
    {"421 before the dot", "ready\nmail\ntaken\nearly\n< 421 4.3.0 no\n", "-", "421 4.3.0"},
    {"dots are stuffed", "ready\nmail\n> MAIL FROM:<+44770@gw.example>\n< 250 ok\n> RCPT TO:<r0@a.example>\n< 250 ok\n> DATA\n< 354 go\n> a\n> ..\n> ...b\n> .\n< 250 ok\n", "delivered 2.0.0", "", 1, TlsUse::opportunistic, {}, "a\r\n.\r\n..b\r\n"},
    {"the last line has no end", "ready\nmail\n> MAIL FROM:<+44770@gw.example>\n< 250 ok\n> RCPT TO:<r0@a.example>\n< 250 ok\n> DATA\n< 354 go\n> a\n> .\n< 250 ok\n", "delivered 2.0.0", "", 1, TlsUse::opportunistic, {}, "a"},

    // What we do not send
    {"a bare LF of our own", "ready\nmail\nquit\n> QUIT\n", "failed 5.6.0", "", 1, TlsUse::opportunistic, {}, "a\nb\r\n"},
    {"over the announced size", "hello\n< 250-mx\n< 250 SIZE 20\nmail\nquit\n> QUIT\n", "failed 5.3.4"},
    {"8-bit without 8BITMIME", "ready\nmail\nquit\n> QUIT\n", "failed 5.6.3", "", 1, TlsUse::opportunistic, {}, "\xc3\xa4\r\n"},
    {"8-bit with 8BITMIME", "hello\n< 250-mx\n< 250 8BITMIME\nmail\n> MAIL FROM:<+44770@gw.example> BODY=8BITMIME\n", "", "", 1, TlsUse::opportunistic, {}, "\xc3\xa4\r\n"},

    // Limits on recipients and mails
    {"452 after the first",
     "ready\nmail\n> MAIL FROM:<+44770@gw.example>\n< 250 ok\n> RCPT TO:<r0@a.example>\n< 250 ok\n> RCPT TO:<r1@a.example>\n< 452 4.5.3 too many\n> DATA\n< 354 go\n>> \n< 250 ok\n"
     "> MAIL FROM:<+44770@gw.example>\n< 250 ok\n> RCPT TO:<r1@a.example>\n< 250 ok\n> DATA\n< 354 go\n>> \n< 250 2.6.0 ok\n",
     "delivered 2.0.0; delivered 2.6.0", "", 2},
    {"452 at the first", "ready\nmail\n> MAIL FROM:<+44770@gw.example>\n< 250 ok\n> RCPT TO:<r0@a.example>\n< 452 4.5.3 too many\n> RSET\n< 250 ok\n", "deferred 4.5.3"},
    {"452, then DATA refused",
     "ready\nmail\n> MAIL FROM:<+44770@gw.example>\n< 250 ok\n> RCPT TO:<r0@a.example>\n< 250 ok\n> RCPT TO:<r1@a.example>\n< 552 too many\n> DATA\n< 451 no\n> RSET\n< 250 ok\n"
     "> MAIL FROM:<+44770@gw.example>\n< 250 ok\n> RCPT TO:<r1@a.example>\n< 250 ok\n> DATA\n< 354 go\n>> \n< 250 ok\n",
     "deferred 4.0.0; delivered 2.0.0", "", 2},
    {"RCPTMAX",
     "hello\n< 250-mx\n< 250-PIPELINING\n< 250 LIMITS RCPTMAX=2\nmail\n> MAIL FROM:<+44770@gw.example>\n> RCPT TO:<r0@a.example>\n> RCPT TO:<r1@a.example>\n> DATA\n< 250 a\n< 250 b\n< 250 c\n< 354 d\n>> \n"
     "< 250 ok\n> MAIL FROM:<+44770@gw.example>\n> RCPT TO:<r2@a.example>\n> DATA\n< 250 a\n< 250 b\n< 354 d\n>> \n< 554 5.6.0 no\n",
     "delivered 2.0.0; delivered 2.0.0; failed 5.6.0", "", 3},
    {"as many recipients as the transport says",
     "ready\nmail\n> MAIL FROM:<+44770@gw.example>\n< 250 ok\n> RCPT TO:<r0@a.example>\n< 250 ok\n> DATA\n< 354 go\n>> \n< 250 ok\n"
     "> MAIL FROM:<+44770@gw.example>\n< 250 ok\n> RCPT TO:<r1@a.example>\n< 250 ok\n> DATA\n< 354 go\n>> \n< 250 ok\n",
     "delivered 2.0.0; delivered 2.0.0",
     "",
     2,
     TlsUse::opportunistic,
     {},
     "Subject: x\r\n\r\nhello\r\n",
     TlsStart::starttls,
     {},
     1},
    {"MAILMAX", "hello\n< 250-mx\n< 250 LIMITS RCPTMAX=1 MAILMAX=1\nmail\ntaken\n< 250 ok\nquit\n> QUIT\n", "delivered 2.0.0; -", "", 2},
    {"lost in the second transaction", "hello\n< 250-mx\n< 250 LIMITS RCPTMAX=1\nmail\ntaken\n< 250 ok\n> MAIL FROM:<+44770@gw.example>\nlost\n", "delivered 2.0.0; -", "451 4.4.2", 2},
};

// Words of a script that stand for others.
std::string spelled_out(std::string script) {
    const std::pair<std::string, std::string> words[] = {
        {"ready\n", std::string(kHello) + "< 250 mx.example\n"},
        {"piped\n", std::string(kHello) + "< 250-mx.example\n< 250 PIPELINING\n"},
        {"encrypted\n", std::string(kHello) + "< 250-mx\n< 250 STARTTLS\n> STARTTLS\n< 220 go\ntls\n> EHLO gw.example\n< 250-mx\n"},
        {"hello\n", kHello},
        {"taken\n", "> MAIL FROM:<+44770@gw.example>\n< 250 ok\n> RCPT TO:<r0@a.example>\n< 250 ok\n> DATA\n< 354 go\n>> \n"},
    };
    for (const auto& [word, meaning] : words)
        for (std::size_t at = 0; (at = script.find(word, at)) != std::string::npos;) {
            if (at == 0 || script[at - 1] == '\n') {
                script.replace(at, word.size(), meaning);
                at += meaning.size();
            } else {
                ++at;
            }
        }
    return script;
}

class Conversation {
public:
    explicit Conversation(const Row& row) : row_(row), sender_({"gw.example", row.tls, "mx.example", row.start, row.credentials, row.most}) { follow(sender_.connected()); }

    void run() {
        std::istringstream script(spelled_out(row_.script));
        std::string server;
        bool early = false;
        for (std::string line; std::getline(script, line);) {
            if (line.starts_with("< ")) {
                server += line.substr(2) + "\r\n";
                continue;
            }
            if (line.starts_with("<< ")) {
                server += line.substr(3);
                continue;
            }
            if (!server.empty()) follow(sender_.received(std::exchange(server, ""), !std::exchange(early, false)));
            if (line.starts_with("> ")) {
                expect(line.substr(2));
            } else if (line == ">> ") {
                expect_content();
            } else if (line == "early") {
                early = true;
            } else if (line == "tls") {
                cr_expect(handshake_, "%s: a handshake is due", row_.name);
                handshake_ = false;
                follow(sender_.secured());
            } else if (line == "distrusted") {
                follow(sender_.distrusted("another name"));
            } else if (line == "mail") {
                cr_assert(sender_.may_begin(), "%s: ready for a mail", row_.name);
                begin();
            } else if (line == "quit") {
                cr_assert(sender_.ready(), "%s: ready to quit", row_.name);
                follow(sender_.quit());
            } else if (line.starts_with("lost")) {
                follow(sender_.lost("gone while waiting", line == "lost"));
            } else {
                cr_assert(line == "|", "%s: unknown word %s", row_.name, line.c_str());
            }
        }
        if (!server.empty()) follow(sender_.received(server, !early));
        cr_expect(said_.empty(), "%s: also said %s", row_.name, said_.c_str());
        cr_expect(verdicts_ == row_.verdicts, "%s: %s", row_.name, verdicts_.c_str());
        cr_expect(std::string(row_.trouble).empty() ? trouble_.empty() : trouble_.starts_with(row_.trouble), "%s: %s", row_.name, trouble_.c_str());
        cr_expect(trouble_.empty() || closed_, "%s: trouble closes", row_.name);
    }

private:
    void begin() {
        auto mail = std::make_shared<OutboundMail>();
        *mail = {.subject = "Q", .return_path = "+44770@gw.example", .envelope_id = "id+1", .recipients = {}, .data = std::make_shared<const Octets>(row_.data)};
        std::vector<std::size_t> all;
        for (int i = 0; i < row_.recipients; ++i) {
            std::string address = "r" + std::to_string(i) + "@a.example";
            mail->recipients.push_back({Address{Address::Kind::mailbox, address, ""}, row_.notify, "rfc822;" + address});
            all.push_back(all.size());
        }
        follow(sender_.begin(mail, all));
    }

    void follow(const SendStep& step) {
        cr_expect(!closed_, "%s: a closed connection does no more", row_.name);
        said_ += step.commands;
        if (step.content) said_ += *step.content + step.after_content;
        handshake_ |= step.start_tls;
        closed_ |= step.close;
        if (step.trouble) trouble_ = step.trouble->reply;
        if (!step.finished) return;
        verdicts_.clear();
        for (const auto& verdict : *step.finished) {
            static constexpr const char* kNames[] = {"delivered", "relayed", "deferred", "failed"};
            verdicts_ += (verdicts_.empty() ? "" : "; ");
            verdicts_ += verdict ? kNames[static_cast<int>(verdict->verdict)] + (" " + verdict->enhanced_status) : "-";
        }
        if (step.possible_duplicate) verdicts_ += " twice";
    }

    void expect(const std::string& line) {
        std::string got = said_.substr(0, said_.find("\r\n"));
        cr_expect(got == line, "%s: said '%s' instead of '%s'", row_.name, got.c_str(), line.c_str());
        said_.erase(0, got.size() + 2);
    }
    void expect_content() {
        std::string content = std::string(row_.data) + ".\r\n";
        cr_expect(said_ == content, "%s: content is '%s'", row_.name, said_.c_str());
        said_.clear();
    }

    const Row& row_;
    Sender sender_;
    std::string said_, verdicts_, trouble_;
    bool handshake_ = false, closed_ = false;
};

}   // namespace

Test(sender, holds_every_conversation) {
    for (const Row& row : kRows) Conversation(row).run();
}

Test(sender, names_at_most_a_hundred_recipients) {
    Sender sender({"gw.example", TlsUse::never, "mx.example"});
    sender.connected();
    sender.received("220 mx\r\n", true);
    sender.received("250-mx\r\n250 PIPELINING\r\n", true);
    auto mail = std::make_shared<OutboundMail>();
    mail->data = std::make_shared<const Octets>("x\r\n");
    std::vector<std::size_t> all;
    for (int i = 0; i < 101; ++i) {
        mail->recipients.push_back({Address{Address::Kind::mailbox, "r" + std::to_string(i) + "@a.example", ""}, {}, ""});
        all.push_back(all.size());
    }
    SendStep step = sender.begin(mail, all);
    cr_expect(step.commands.find("RCPT TO:<r99@a.example>") != std::string::npos);
    cr_expect(step.commands.find("RCPT TO:<r100@a.example>") == std::string::npos);
}

Test(sender, obeys_the_limit_on_recipient_domains) {
    Sender sender({"gw.example", TlsUse::never, "mx.example"});
    sender.connected();
    sender.received("220 mx\r\n", true);
    sender.received("250-mx\r\n250-PIPELINING\r\n250 LIMITS RCPTDOMAINMAX=1\r\n", true);
    auto mail = std::make_shared<OutboundMail>();
    mail->data = std::make_shared<const Octets>("x\r\n");
    for (const char* address : {"1@a.example", "2@b.example", "3@a.example"}) mail->recipients.push_back({Address{Address::Kind::mailbox, address, ""}, {}, ""});
    SendStep step = sender.begin(mail, {0, 1, 2});
    cr_expect(step.commands == "MAIL FROM:<>\r\nRCPT TO:<1@a.example>\r\nRCPT TO:<3@a.example>\r\nDATA\r\n", "%s", step.commands.c_str());
    step = sender.received("250 a\r\n250 b\r\n250 c\r\n354 d\r\n", true);
    step = sender.received("250 ok\r\n", true);
    cr_assert(step.finished.has_value());
    cr_expect((*step.finished)[0] && !(*step.finished)[1] && (*step.finished)[2]);
    cr_expect(sender.ready(), "the pump ends the session and takes another for the rest");
}

Test(sender, never_believes_a_reply_to_anything_but_the_dot) {
    // Every reply code at every place of the dialogue: whatever comes before the content has left, nobody is delivered.
    const char* places[] = {"", "220 mx\r\n", "250 mx\r\n", "250 mail\r\n", "250 rcpt\r\n", "354 go\r\n"};
    for (int code = 200; code < 560; ++code) {
        if (code / 10 % 10 > 5) continue;
        for (std::size_t place = 0; place < std::size(places); ++place) {
            Sender sender({"gw.example", TlsUse::never, "mx.example"});
            sender.connected();
            auto mail = std::make_shared<OutboundMail>();
            mail->data = std::make_shared<const Octets>("x\r\n");
            mail->recipients.push_back({Address{Address::Kind::mailbox, "r@a.example", ""}, {}, ""});
            bool begun = false, delivered = false;
            auto look = [&](const SendStep& step) {
                if (!step.finished) return;
                for (const auto& verdict : *step.finished) delivered |= verdict && verdict->verdict <= Delivered::Verdict::relayed;
            };
            for (std::size_t i = 1; i <= place; ++i) {
                look(sender.received(places[i], true));
                if (!begun && sender.ready()) look(sender.begin(mail, {0})), begun = true;
            }
            bool at_the_end = place + 1 == std::size(places);
            SendStep step = sender.received(std::to_string(code) + " x\r\n", true);
            look(step);
            cr_expect(delivered == (at_the_end && code / 100 == 2), "code %d at place %zu", code, place);
        }
    }
}

Test(sender, tells_what_a_deferral_is_about) {
    struct Extents {
        const char *name, *server;
        Delivered::Extent extent;
    };
    using enum Delivered::Extent;
    const Extents rows[] = {
        {"greylisted", "450 4.7.1 later\r\n", message},
        {"closing", "421 4.3.2 bye\r\n", destination},
        {"out of step", "354 go\r\n", destination},
    };
    auto mail = std::make_shared<OutboundMail>();
    *mail = {.subject = "Q", .return_path = "", .envelope_id = "", .recipients = {{Address{Address::Kind::mailbox, "r@a.example", ""}, {}, ""}}, .data = std::make_shared<const Octets>("x\r\n")};
    for (const Extents& row : rows) {
        Sender sender({"gw.example", TlsUse::never, "mx.example"});
        sender.connected();
        sender.received("220 mx\r\n", true);
        sender.received("250 mx\r\n", true);
        sender.begin(mail, {0});
        const SendStep step = sender.received(row.server, true);
        const auto& verdict = step.finished && step.finished->front() ? step.finished->front() : step.trouble;
        if (!verdict) {   // RSET follows, the verdict after it
            const SendStep after = sender.received("250 ok\r\n", true);
            cr_assert(after.finished && after.finished->front(), "%s", row.name);
            cr_expect(after.finished->front()->extent == row.extent, "%s", row.name);
            continue;
        }
        cr_expect(verdict->extent == row.extent, "%s", row.name);
    }
}
