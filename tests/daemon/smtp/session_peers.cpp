// How the dialogue takes clients for peers, or does not: what it asks for, what it offers, what it hands on.
#include <criterion/criterion.h>

#include "daemon/admission.h"
#include "daemon/crypto.h"
#include "daemon/router.h"
#include "daemon/smtp/session.h"

using namespace mmgate;
using namespace mmgate::smtp;

namespace {

Peer peer(const char* name, PeerTls tls) {
    Peer out;
    out.name = name;
    out.domain = std::string("mms.") + name + ".example";
    out.prefixes = {"+448800"};
    out.tls = tls;
    out.tls_pins = {"PIN"};
    out.next_hop = {{{"192.0.2.7", 25}}};
    return out;
}

struct Dialogue final : SessionPolicy {
    Config config;
    MemoryBudget memory{1'000'000};
    TlsOffer tls = TlsOffer::offered;
    ClientRights rights = ClientRights::denied;
    std::optional<mm4::Identity> identity;
    std::optional<Router> router;
    std::optional<Session> session;
    std::optional<IncomingMail> mail;
    std::vector<Refusal> refusals;
    std::string wire, user;
    bool closed = false, securing = false, fast = false;

    explicit Dialogue(std::vector<Peer> peers) {
        config.domain = "mms.example.net";
        config.hostname = "gw.example.net";
        config.numbering = {"44", "0", "00"};
        config.mm4_system = "mms-system";
        config.subscribers = {{"+447700"}};
        config.message_size_bytes = 10'000;
        config.recipients = 3;
        config.smtp_line_bytes = config.smtp_command_bytes = 2000;
        config.smtp_commands = 500;
        config.smtp_errors = 20;
        config.peers = std::move(peers);
    }
    Result<Route> route(const Address& mailbox, const Whence& whence) const override { return router->of_mail_recipient(mailbox, whence); }
    Result<void> admits(std::uint64_t) const override { return {}; }
    Admission admission;
    Result<void> takes_new() const override { return admission.takes_new(); }
    mm4::Standing standing_of(const mm4::SessionFacts& facts) const override { return identity->standing_of(facts); }
    bool accepts(const mm4::SessionFacts& facts, std::string_view name, std::string_view password) const override { return identity->accepts(facts, name, password); }
    bool takes_message_of(const std::vector<std::string>&) override { return !fast; }

    void follow(SessionStep step) {
        wire += step.replies;
        for (Refusal& refusal : step.refusals) refusals.push_back(std::move(refusal));
        if (step.authenticated) user = *step.authenticated;
        closed = step.next == Next::close;
        securing = step.next == Next::start_tls;
        if (!step.mail) return;
        mail.emplace(std::move(*step.mail));
        follow(session->answered(Accepted("Ok")));
    }
    void begin() {
        identity.emplace(config);
        router.emplace(config);
        session.emplace(std::make_shared<const SessionRules>(session_rules(config, tls)), *this, memory, "192.0.2.7", rights);
        follow(session->greet());
        wire.clear();
    }
    /// Codes and enhanced codes of the replies to this.
    std::string say(std::string_view input) {
        wire.clear();
        while (!input.empty() && !closed && !securing) {
            SessionStep step = session->received(input, 0);
            input.remove_prefix(step.consumed);
            follow(std::move(step));
        }
        std::string out;
        for (std::string_view rest = wire; !rest.empty(); rest.remove_prefix(rest.find("\r\n") + 2)) {
            if (rest[3] == '-') continue;
            const bool enhanced = rest.size() > 5 && rest[4] == rest[0] && rest[5] == '.';
            out += (out.empty() ? "" : "|") + std::string(rest.substr(0, enhanced ? std::min(rest.find(' ', 4), rest.find("\r\n")) : 3));
        }
        return out;
    }
    void secure(std::optional<CertificateFacts> certificate = std::nullopt) {
        cr_assert(say("EHLO x.example\r\nSTARTTLS\r\n") == "250|220 2.0.0");
        follow(session->secured(std::move(certificate)));
        cr_assert(say("EHLO x.example\r\n") == "250");
    }
};

constexpr char kMail[] = "MAIL FROM:<a@mms.a.example>\r\n";
constexpr char kHello[] = "EHLO x.example\r\n";
const std::string kWhole = std::string(kMail) + "RCPT TO:<+447700900123@mms.example.net>\r\nDATA\r\nx\r\n.\r\n";

std::string plain(std::string_view user, std::string_view password) { return base64(std::string(1, '\0') + std::string(user) + '\0' + std::string(password)); }

}   // namespace

Test(session_peers, says_what_a_client_lacks) {
    struct Row {
        const char* name;
        PeerTls tls;
        const char* password;
        const char *in_clear, *in_tls, *with_certificate;
    };
    const Row rows[] = {
        {"in clear", PeerTls::none, "", "250 2.1.0", "250 2.1.0", "250 2.1.0"},
        {"in TLS", PeerTls::must, "", "530 5.7.0", "250 2.1.0", "250 2.1.0"},
        {"with a certificate", PeerTls::mutual, "", "530 5.7.0", "550 5.7.1", "250 2.1.0"},
        {"with a password", PeerTls::may, "p", "530 5.7.0", "530 5.7.0", "530 5.7.0"},
        {"with both", PeerTls::mutual, "p", "530 5.7.0", "550 5.7.1", "530 5.7.0"},
    };
    for (const Row& row : rows) {
        Peer one = peer("a", row.tls);
        if (row.password[0]) one.accept_user = "u";
        one.accept_password = row.password;
        Dialogue dialogue({one});
        dialogue.begin();
        cr_expect(dialogue.session->certificate_wanted() == (row.tls == PeerTls::mutual), "%s", row.name);
        cr_expect(dialogue.say(std::string(kHello) + kMail) == std::string("250|") + row.in_clear, "%s: %s", row.name, dialogue.wire.c_str());
        dialogue.say("RSET\r\n");
        dialogue.secure();
        cr_expect(dialogue.say(kMail) == row.in_tls, "%s: %s", row.name, dialogue.wire.c_str());
        Dialogue other({one});
        other.begin();
        other.secure(CertificateFacts{{}, {}, {}, "PIN", {}, {}, {}});
        cr_expect(other.say(kMail) == row.with_certificate, "%s: %s", row.name, other.wire.c_str());
    }
    Dialogue stranger({});
    stranger.begin();
    cr_expect(stranger.say(std::string(kHello) + kMail) == "250|550 5.7.1");
    Dialogue without({peer("a", PeerTls::must)});
    without.tls = TlsOffer::none;
    without.begin();
    cr_expect(without.say(std::string(kHello) + kMail) == "250|550 5.7.1", "what is not offered is not asked for");
}

Test(session_peers, asks_who_is_no_peer_any_more_to_connect_again) {
    for (const ClientRights rights : {ClientRights::denied, ClientRights::may_send}) {
        Dialogue dialogue({peer("a", PeerTls::must)});
        dialogue.rights = rights;
        dialogue.begin();
        dialogue.secure();
        cr_expect(dialogue.say(kWhole).ends_with("250 2.0.0"));
        dialogue.config.peers = {peer("a", PeerTls::mutual)};
        dialogue.identity.emplace(dialogue.config);
        cr_expect(dialogue.say(kMail) == "421 4.4.2" && dialogue.closed, "%s", dialogue.wire.c_str());
    }
}

Test(session_peers, hands_on_who_the_client_may_be) {
    Dialogue dialogue({peer("a", PeerTls::must), peer("b", PeerTls::may)});
    dialogue.begin();
    cr_expect(dialogue.say(kHello + kWhole).ends_with("250 2.0.0"));
    cr_assert(dialogue.mail);
    cr_expect(dialogue.mail->envelope.peers == std::vector<std::string>{"b"} && dialogue.mail->envelope.channel == Channel::clear);
    dialogue.secure();
    dialogue.say(kWhole);
    cr_expect((dialogue.mail->envelope.peers == std::vector<std::string>{"a", "b"}) && dialogue.mail->envelope.channel == Channel::tls && dialogue.mail->envelope.protocol == "ESMTPS");

    // Who may send mail sends mail, peer or not.
    Dialogue mail({peer("a", PeerTls::must)});
    mail.rights = ClientRights::may_send;
    mail.begin();
    cr_expect(mail.say(kHello + kWhole).ends_with("250 2.0.0") && mail.mail->envelope.peers.empty());
}

Test(session_peers, lets_a_peer_reach_us_and_nobody_behind_us) {
    struct Row {
        const char *recipient, *reply;
    };
    const Row rows[] = {
        {"+447700900123@mms.example.net", "250 2.1.5"},
        {"mms-system@mms.example.net", "250 2.1.5"},
        {"+448800900123@mms.example.net", "550 5.1.1"},
        {"someone@elsewhere.example", "550 5.7.1"},
        {"+448800900123@mms.b.example", "550 5.7.1"},
    };
    Peer hub = peer("a", PeerTls::none), b = peer("b", PeerTls::none);
    hub.prefixes.clear();
    b.next_hop = {{{"192.0.2.8", 25}}};
    for (const Row& row : rows) {
        Dialogue dialogue({hub, b});
        dialogue.begin();
        const std::string got = dialogue.say(std::string(kHello) + kMail + "RCPT TO:<" + row.recipient + ">\r\n");
        cr_expect(got == std::string("250|250 2.1.0|") + row.reply, "%s: %s", row.recipient, dialogue.wire.c_str());
    }
    hub.transit = true;
    Dialogue transit({hub, b});
    transit.begin();
    cr_expect(transit.say(std::string(kHello) + kMail + "RCPT TO:<+448800900123@mms.b.example>\r\n").ends_with("|250 2.1.5"), "%s", transit.wire.c_str());
}

Test(session_peers, takes_passwords) {
    Peer one = peer("a", PeerTls::must);
    one.accept_user = "relay";
    one.accept_password = "secret";
    struct Row {
        const char* name;
        std::string input, replies;
    };
    const std::string good = plain("relay", "secret"), bad = plain("relay", "wrong");
    const Row rows[] = {
        {"PLAIN at once", "AUTH PLAIN " + good + "\r\n" + kMail, "235 2.7.0|250 2.1.0"},
        {"PLAIN when asked", "auth plain\r\n" + good + "\r\n" + kMail, "334|235 2.7.0|250 2.1.0"},
        {"LOGIN", "AUTH LOGIN\r\n" + base64("relay") + "\r\n" + base64("secret") + "\r\n" + kMail, "334|334|235 2.7.0|250 2.1.0"},
        {"LOGIN with the user at once", "AUTH LOGIN " + base64("relay") + "\r\n" + base64("secret") + "\r\n", "334|235 2.7.0"},
        {"the same user to act as", "AUTH PLAIN " + base64(std::string("relay\0relay\0secret", 18)) + "\r\n", "235 2.7.0"},
        {"somebody to act as", "AUTH PLAIN " + base64(std::string("other\0relay\0secret", 18)) + "\r\n", "535 5.7.8"},
        {"wrong", "AUTH PLAIN " + bad + "\r\n" + kMail, "535 5.7.8|530 5.7.0"},
        {"wrong three times", "AUTH PLAIN " + bad + "\r\nAUTH PLAIN " + bad + "\r\nAUTH PLAIN " + bad + "\r\n" + kMail, "535 5.7.8|535 5.7.8|421 4.7.0"},
        {"nothing", "AUTH PLAIN =\r\n", "501 5.5.2"},
        {"no base64", "AUTH PLAIN !!!\r\n", "501 5.5.2"},
        {"no NUL", "AUTH PLAIN " + base64("relay secret") + "\r\n", "501 5.5.2"},
        {"a NUL too many", "AUTH PLAIN " + base64(std::string("\0relay\0secret\0", 14)) + "\r\n", "501 5.5.2"},
        {"cancelled", std::string("AUTH LOGIN\r\n*\r\n") + kMail, "334|501 5.7.0|530 5.7.0"},
        {"a command for a response", "AUTH LOGIN\r\nQUIT!\r\nNOOP\r\n", "334|501 5.5.2|250 2.0.0"},
        {"a response too long", "AUTH LOGIN\r\n" + std::string(3000, 'A') + "\r\nNOOP\r\n", "334|500 5.5.2|250 2.0.0"},
        {"another mechanism", "AUTH CRAM-MD5\r\n", "504 5.5.4"},
        {"twice", "AUTH PLAIN " + good + "\r\nAUTH PLAIN " + good + "\r\n", "235 2.7.0|503 5.5.1"},
        {"in a transaction", "AUTH PLAIN " + good + "\r\n" + kMail + "AUTH PLAIN " + good + "\r\n", "235 2.7.0|250 2.1.0|503 5.5.1"},
    };
    for (const Row& row : rows) {
        Dialogue dialogue({one});
        dialogue.begin();
        dialogue.secure();
        cr_expect(dialogue.wire.find("250-AUTH PLAIN LOGIN\r\n") != std::string::npos, "%s", row.name);
        cr_expect(dialogue.say(row.input) == row.replies, "%s: %s", row.name, dialogue.wire.c_str());
        cr_expect(dialogue.user == (row.replies.find("235") == std::string::npos ? "" : "relay"), "%s", row.name);
        for (const Refusal& refusal : dialogue.refusals)
            cr_expect(refusal.verb == "AUTH" || refusal.verb == "MAIL", "%s: the log has a name of our table and no secret", row.name);
    }
    Dialogue clear({one});
    clear.begin();
    cr_expect(clear.say(std::string(kHello) + "AUTH PLAIN " + good + "\r\n") == "250|538 5.7.11" && clear.wire.find("AUTH PLAIN") == std::string::npos, "%s", clear.wire.c_str());
    Dialogue sent({one});
    sent.begin();
    sent.secure();
    sent.say("AUTH PLAIN " + good + "\r\n" + kWhole);
    cr_expect(sent.mail && sent.mail->envelope.protocol == "ESMTPSA" && sent.mail->envelope.peers == std::vector<std::string>{"a"});
}

Test(session_peers, holds_a_peer_to_what_was_agreed) {
    Peer small = peer("a", PeerTls::none);
    small.message_size_bytes = 5000;
    Dialogue dialogue({small});
    dialogue.begin();
    dialogue.say(kHello);
    const std::string most = std::to_string(mail_bytes_for(5000));
    cr_expect(dialogue.wire.find("250-SIZE " + most + "\r\n") != std::string::npos, "%s", dialogue.wire.c_str());
    cr_expect(dialogue.say("MAIL FROM:<a@mms.a.example> SIZE=" + std::to_string(mail_bytes_for(5000) + 1) + "\r\n") == "552 5.3.4");
    std::string lines;
    while (lines.size() <= mail_bytes_for(5000)) lines += std::string(998, 'x') + "\r\n";
    cr_expect(dialogue.say(std::string(kMail) + "RCPT TO:<+447700900123@mms.example.net>\r\nDATA\r\n" + lines + ".\r\n").ends_with("354|552 5.3.4"));
    dialogue.fast = true;
    cr_expect(dialogue.say(kMail) == "451 4.7.1", "%s", dialogue.wire.c_str());
}

Test(session_peers, repairs_line_ends_of_those_whose_they_may_be_alone) {
    Peer one = peer("a", PeerTls::none), other = peer("b", PeerTls::none);
    one.normalize = true;
    const std::string bare = std::string(kHello) + kMail + "RCPT TO:<+447700900123@mms.example.net>\r\nDATA\r\na\n.\nb\r\n.\r\n";
    Dialogue repaired({one});
    repaired.begin();
    cr_expect(repaired.say(bare).ends_with("354|250 2.0.0") && repaired.mail->octets == "a\r\n.\r\nb\r\n", "%s", repaired.wire.c_str());
    cr_expect(repaired.mail->memory.bytes() == repaired.mail->octets.size());
    Dialogue both({one, other});
    both.begin();
    cr_expect(both.say(bare).ends_with("354|554 5.6.0") && both.closed);
    Dialogue mail({});
    mail.rights = ClientRights::may_send;
    mail.begin();
    cr_expect(mail.say(bare).ends_with("354|554 5.6.0") && mail.closed);
}
