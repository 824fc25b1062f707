// What a transport to a peer asks of a connection, and the try-out of it: TLS by name, authority and pin, passwords, several hosts, so many a second.
#include <criterion/criterion.h>

#include <algorithm>
#include <string>

#include "daemon/smtp/client.h"
#include "daemon/smtp/probe.h"
#include "tests/support/certificate.h"
#include "tests/support/dns_stub.h"
#include "tests/support/smtp_stub.h"

using namespace mmgate;
using namespace mmgate::smtp;
using namespace std::chrono_literals;
using tests::SmtpStub;

namespace {

constexpr char kTaken[] = "250 2.0.0 taken";

struct Bed {
    Loop loop;
    tests::DnsStub dns{loop};
    Config config;
    Log log{Log::Options{.level = Level::error}};
    Metrics metrics;
    std::unique_ptr<Resolver> resolver;
    std::unique_ptr<Client> client;
    std::size_t under_way = 0;

    Bed() {
        config.dns_servers = {dns.endpoint()};
        config.dns_timeout = 5s;
        resolver = make_resolver(loop, config);
        client = make_client(loop, *resolver, log, metrics);
    }
    static Transport to(std::initializer_list<Endpoint> hosts) {
        Transport transport;
        transport.pool = "mm4:other";
        for (const Endpoint& one : hosts) transport.hosts.push_back({one});
        transport.hostname = "gw.example";
        transport.connections = 4;
        transport.patience = transport.final_patience = 5s;
        return transport;
    }
    void send(const Transport& transport, std::vector<Delivered>& out) {
        ++under_way;
        OutboundMail mail{.subject = "Q", .return_path = "", .envelope_id = "", .recipients = {{Address{Address::Kind::mailbox, "r@a.example", ""}, {}, ""}}, .data = std::make_shared<const Octets>("x\r\n")};
        client->send(transport, std::move(mail), [this, &out](std::vector<Delivered> verdicts) {
            out = std::move(verdicts);
            if (--under_way == 0) loop.stop();
        });
    }
    Delivered send(const Transport& transport) {
        std::vector<Delivered> out;
        send(transport, out);
        run();
        return out.at(0);
    }
    /// "resolve ok|connect ok|greeting failed 421 …|…", the skipped ones without a word.
    std::string try_out(const Transport& transport) {
        std::string out;
        probe(loop, *resolver, transport, {}, Address{Address::Kind::mailbox, "r@a.example", ""}, [&](std::vector<ProbeStep> steps) {
            for (const ProbeStep& step : steps) {
                if (step.result == ProbeStep::Result::skipped) continue;
                out += (out.empty() ? "" : "|") + step.step + (step.result == ProbeStep::Result::ok ? " ok" : " failed " + step.detail);
            }
            loop.stop();
        });
        run();
        return out;
    }
    void run() {
        bool late = false;
        Timer deadline = loop.after(30s, [&] {
            late = true;
            loop.stop();
        });
        loop.run();
        cr_assert(!late, "not done after 30 s");
    }
};

TlsContext server_with(const tests::Certificate& certificate) { return std::move(*TlsContext::server(certificate.certificate_file(), certificate.key_file())); }

}   // namespace

Test(client_peers, verifies_the_certificate) {
    const tests::Certificate authority("authority.example"), other_authority("authority.example");
    const tests::Certificate good("mms.other.example", authority), over("mms.other.example", authority, -3600), self("mms.other.example");
    const tests::Certificate wild("*.other.example", authority);
    struct Row {
        const char* name;
        const tests::Certificate* shown;
        CertificateRules rules;
        const char* trouble;   // "" where it is delivered
    };
    const Row rows[] = {
        {"authority and name", &good, {authority.certificate_file(), {"mms.other.example"}, {}}, ""},
        {"one of the names", &good, {authority.certificate_file(), {"a.example", "MMS.Other.example"}, {}}, ""},
        {"a wildcard", &wild, {authority.certificate_file(), {"mms.other.example"}, {}}, ""},
        {"another name", &good, {authority.certificate_file(), {"mms.example"}, {}}, "its certificate is for mms.other.example and not for mms.example"},
        {"another authority", &good, {other_authority.certificate_file(), {"mms.other.example"}, {}}, "its certificate does not come from an authority"},
        {"over", &over, {authority.certificate_file(), {"mms.other.example"}, {}}, "its certificate does not come from an authority that is trusted for it: certificate has expired"},
        {"its own", &self, {authority.certificate_file(), {"mms.other.example"}, {}}, "its certificate does not come from an authority"},
        {"its own, which is the anchor", &self, {self.certificate_file(), {"mms.other.example"}, {}}, ""},
        {"the pin", &self, {"", {}, {good.pin(), self.pin()}}, ""},
        {"the pin, though it is over", &over, {"", {}, {over.pin()}}, ""},
        {"another pin", &good, {authority.certificate_file(), {"mms.other.example"}, {self.pin()}}, "its public key is none of those that are pinned"},
    };
    for (const Row& row : rows) {
        Bed bed;
        SmtpStub stub(bed.loop);
        stub.offer_tls(server_with(*row.shown));
        Transport transport = Bed::to({stub.endpoint()});
        transport.tls.use = TlsUse::verified;
        transport.tls.peer = row.rules;
        const bool right = row.trouble[0] == '\0';
        const std::string tried = bed.try_out(transport);
        const Delivered got = bed.send(transport);
        if (right) {
            cr_expect(got.reply == kTaken, "%s: %s", row.name, got.reply.c_str());
            cr_expect(tried == "resolve ok|connect ok|greeting ok|EHLO ok|STARTTLS ok|TLS ok|certificate ok|EHLO in TLS ok|MAIL ok|RCPT ok|RSET ok|QUIT ok", "%s: %s", row.name, tried.c_str());
        } else {
            cr_expect(got.verdict == Delivered::Verdict::deferred && got.enhanced_status == "4.7.5" && got.extent == Delivered::Extent::destination, "%s", row.name);
            cr_expect(got.reply.find(row.trouble) != std::string::npos, "%s: %s", row.name, got.reply.c_str());
            cr_expect(tried.find(std::string("TLS ok|certificate failed ") + row.trouble) != std::string::npos, "%s: %s", row.name, tried.c_str());
            cr_expect(std::ranges::none_of(stub.lines(), [](const std::string& line) { return line.starts_with("MAIL"); }), "%s", row.name);
        }
        cr_expect(stub.mails().size() == (right ? 1 : 0), "%s: a try-out sends nothing", row.name);
    }
}

Test(client_peers, never_falls_back_to_clear_where_tls_is_required) {
    for (TlsUse use : {TlsUse::required, TlsUse::verified}) {
        Bed bed;
        SmtpStub without(bed.loop), broken(bed.loop);
        broken.break_tls();
        Transport transport = Bed::to({without.endpoint()});
        transport.tls.use = use;
        Delivered got = bed.send(transport);
        cr_expect(got.reply == "451 4.7.0 127.0.0.1 does not offer TLS" && got.extent == Delivered::Extent::destination, "%s", got.reply.c_str());
        transport = Bed::to({broken.endpoint()});
        transport.tls.use = use;
        got = bed.send(transport);
        cr_expect(got.enhanced_status == "4.7.5" && got.extent == Delivered::Extent::destination, "%s", got.reply.c_str());
        cr_expect(without.mails().empty() && broken.mails().empty() && broken.connections() == 1);
        cr_expect(bed.try_out(transport).find("|STARTTLS ok|TLS failed TLS handshake failed") != std::string::npos);
    }
}

Test(client_peers, shows_its_certificate_and_its_password) {
    const tests::Certificate theirs("mms.other.example"), ours("gw.example");
    Bed bed;
    SmtpStub stub(bed.loop);
    stub.offer_tls(server_with(theirs));
    stub.begin_with_tls();
    stub.answer("EHLO", {"250-stub\r\n250 AUTH PLAIN LOGIN\r\n"});
    stub.answer("AUTH", {"235 2.7.0 ok\r\n", "535 5.7.8 no\r\n"});
    Transport transport = Bed::to({stub.endpoint()});
    transport.tls = {TlsUse::verified, TlsStart::at_once, {"", {}, {theirs.pin()}}, ours.certificate_file(), ours.key_file()};
    transport.credentials = {"relay", "secret"};
    const Delivered got = bed.send(transport);
    cr_expect(got.reply == kTaken, "%s", got.reply.c_str());
    cr_expect(stub.pins() == std::vector<std::string>{ours.pin()});
    cr_expect(std::ranges::count(stub.lines(), "AUTH PLAIN AHJlbGF5AHNlY3JldA==") == 1);
    const std::string tried = bed.try_out(transport);
    cr_expect(tried == "resolve ok|connect ok|TLS ok|certificate ok|greeting ok|EHLO in TLS ok|AUTH failed 535 5.7.8 no", "%s", tried.c_str());

    transport.tls.certificate = "/nonexistent/certificate.pem";
    const Delivered unreadable = bed.send(transport);
    cr_expect(unreadable.reply == "451 4.3.5 our certificates for this host cannot be read" && unreadable.extent == Delivered::Extent::destination, "%s", unreadable.reply.c_str());
}

Test(client_peers, goes_to_the_next_host_and_remembers_the_dead_one) {
    Bed bed;
    SmtpStub second(bed.loop);
    const Endpoint nobody{"127.0.0.9", second.endpoint().port};
    Transport transport = Bed::to({nobody, second.endpoint()});
    transport.connections = 2;
    std::vector<Delivered> a, b;
    cr_expect(bed.send(transport).reply == kTaken);
    const auto opened = bed.metrics.value(Counter::mail_connections);
    cr_expect(opened == 2, "%zu", static_cast<std::size_t>(opened));
    bed.send(transport, a);
    bed.send(transport, b);
    bed.run();
    cr_expect(a.at(0).reply == kTaken && b.at(0).reply == kTaken);
    cr_expect(bed.metrics.value(Counter::mail_connections) == opened + 1, "the dead host is not tried again");
    const std::string tried = bed.try_out(transport);
    cr_expect(tried.starts_with("resolve ok|connect failed 127.0.0.9 [127.0.0.9]:") && tried.ends_with("|RCPT ok|RSET ok|QUIT ok"), "%s", tried.c_str());
    cr_expect(second.mails().size() == 3);

    Transport nowhere = Bed::to({Endpoint{"gone.example", 25}, nobody});
    nowhere.pool = "mm4:nowhere";
    const Delivered got = bed.send(nowhere);
    cr_expect(got.verdict == Delivered::Verdict::deferred && got.extent == Delivered::Extent::destination, "%s", got.reply.c_str());
}

Test(client_peers, lets_a_second_have_no_more_than_agreed) {
    Bed bed;
    SmtpStub stub(bed.loop);
    Transport transport = Bed::to({stub.endpoint()});
    transport.messages_per_second = 1;
    cr_expect(bed.client->free_slots(transport) == 1);
    cr_expect(bed.send(transport).reply == kTaken);
    cr_expect(bed.client->free_slots(transport) == 0);
    const Instant next = bed.client->next_slot(transport), now = bed.loop.now();
    cr_expect(next > now && next <= now + 1s);
    Timer later = bed.loop.after(std::chrono::duration_cast<std::chrono::milliseconds>(next - now) + 5ms, [&] { bed.loop.stop(); });
    bed.run();
    cr_expect(bed.client->free_slots(transport) == 1 && bed.client->next_slot(transport) <= bed.loop.now());
}

Test(client_peers, does_not_reuse_what_was_made_under_other_terms) {
    const tests::Certificate theirs("mms.other.example");
    Bed bed;
    SmtpStub stub(bed.loop);
    stub.offer_tls(server_with(theirs));
    Transport transport = Bed::to({stub.endpoint()});
    transport.tls.use = TlsUse::never;
    cr_expect(bed.send(transport).reply == kTaken && stub.secured() == 0);
    transport.messages_per_second = 1000;
    cr_expect(bed.send(transport).reply == kTaken && stub.connections() == 1, "how many it may be is no matter of the connection");
    transport.tls.use = TlsUse::required;
    cr_expect(bed.send(transport).reply == kTaken && stub.secured() == 1);
}
