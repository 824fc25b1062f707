// The pool, the walk over mail hosts and the deadlines, against servers in this process that behave, misbehave and attack.
#include "daemon/smtp/client.h"

#include <criterion/criterion.h>

#include <algorithm>
#include <string>

#include "tests/support/certificate.h"
#include "tests/support/dns_stub.h"
#include "tests/support/smtp_stub.h"

using namespace mmgate;
using namespace mmgate::smtp;
using namespace std::chrono_literals;
using tests::SmtpStub;

namespace {

std::string text_of(const std::vector<Delivered>& verdicts) {
    static constexpr const char* kNames[] = {"delivered", "relayed", "deferred", "failed"};
    std::string out;
    for (const Delivered& v : verdicts) out += (out.empty() ? "" : "; ") + std::string(kNames[static_cast<int>(v.verdict)]) + " " + v.reply;
    return out;
}

struct Fixture {
    Loop loop;
    tests::DnsStub dns{loop};
    Config config;
    Log log{Log::Options{.level = Level::error}};
    Metrics metrics;
    std::unique_ptr<Resolver> resolver;
    std::unique_ptr<Client> client;
    std::size_t under_way = 0;

    explicit Fixture(Seconds patience = 5s) {
        config.hostname = "gw.example";
        config.dns_servers = {dns.endpoint()};
        config.dns_timeout = 5s;
        config.private_mx = true;
        config.mail_connections = 20;
        config.mail_timeout = patience;
        config.mail_final_timeout = patience;
        resolver = make_resolver(loop, config);
        client = make_client(loop, *resolver, log, metrics);
    }

    static std::string lane_of(const SmtpStub& stub) { return "mail:" + to_text(stub.endpoint()); }
    static OutboundMail mail(std::size_t recipients = 1, std::string data = "Subject: x\r\n\r\nhello\r\n") {
        OutboundMail mail{.subject = "Q", .return_path = "+44770@gw.example", .envelope_id = "", .recipients = {}, .data = std::make_shared<const Octets>(std::move(data))};
        for (std::size_t i = 0; i < recipients; ++i) mail.recipients.push_back({Address{Address::Kind::mailbox, "r" + std::to_string(i) + "@a.example", ""}, {}, ""});
        return mail;
    }
    /// `out` is what became of it once `run` returns.
    void send(const std::string& lane, std::string& out, OutboundMail mail) {
        ++under_way;
        client->send(transport_of_lane(lane, config), std::move(mail), [this, &out](std::vector<Delivered> verdicts) {
            out = text_of(verdicts);
            if (--under_way == 0) loop.stop();
        });
        cr_expect(out.empty(), "done runs later");
    }
    std::string send(const std::string& lane, OutboundMail one = mail()) {
        std::string out;
        send(lane, out, std::move(one));
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

}   // namespace

Test(client, delivers_over_a_relay) {
    Fixture f;
    SmtpStub stub(f.loop);
    std::string got = f.send(Fixture::lane_of(stub), Fixture::mail(2, "Subject: x\r\n\r\n.\r\nhello\r\n"));
    cr_expect(got == "delivered 250 2.0.0 taken; delivered 250 2.0.0 taken", "%s", got.c_str());
    cr_assert(stub.mails().size() == 1);
    cr_expect(stub.mails()[0] == "Subject: x\r\n\r\n..\r\nhello\r\n");
    const std::vector<std::string> lines = {"EHLO gw.example", "MAIL FROM:<+44770@gw.example>", "RCPT TO:<r0@a.example>", "RCPT TO:<r1@a.example>", "DATA"};
    cr_expect(stub.lines() == lines);
    cr_expect(f.metrics.value(Counter::mail_connections) == 1);

    Endpoint by_name{"localhost", stub.endpoint().port};
    cr_expect(f.send("mail:" + to_text(by_name)) == "delivered 250 2.0.0 taken", "a relay by name; IPv6 first, where nobody listens");
    std::string big = f.send(Fixture::lane_of(stub), Fixture::mail(
                                                         1, "Subject: big\r\n\r\n" + [] {
                                                             std::string body;
                                                             for (int i = 0; i < 50'000; ++i) body += std::string(70, 'x') + "\r\n";
                                                             return body;
                                                         }()));
    cr_expect(big == "delivered 250 2.0.0 taken");
    cr_expect(stub.mails().back().size() == 16 + 50'000 * 72);
}

Test(client, holds_its_deadlines_and_believes_nothing_but_the_last_reply) {
    struct Row {
        const char* name;
        const char* verb;
        std::deque<std::string> answers;
        const char* verdict;   // beginning
        std::size_t mails = 0;
    };
    const Row rows[] = {
        {"good", "HELP", {""}, "delivered 250 2.0.0 taken", 1},
        {"silent at the greeting", "GREETING", {""}, "deferred 451 4.4.2 127.0.0.1 [127.0.0.1]: no answer within 2 s while waiting for the greeting"},
        {"silent at EHLO", "EHLO", {""}, "deferred 451 4.4.2 127.0.0.1 [127.0.0.1]: no answer within 2 s while waiting for the reply to EHLO"},
        {"silent at MAIL", "MAIL", {""}, "deferred 451 4.4.2 127.0.0.1 [127.0.0.1]: no answer within 2 s while waiting for the reply to MAIL"},
        {"silent at RCPT", "RCPT", {""}, "deferred 451 4.4.2 127.0.0.1 [127.0.0.1]: no answer within 2 s while waiting for the reply to RCPT"},
        {"silent at DATA", "DATA", {""}, "deferred 451 4.4.2 127.0.0.1 [127.0.0.1]: no answer within 2 s while waiting for the reply to DATA"},
        {"silent at the dot", ".", {""}, "deferred 451 4.4.2 127.0.0.1 [127.0.0.1]: no answer within 2 s while waiting for the reply to the content; no answer to the final dot", 1},
        {"drips at the greeting", "GREETING", {"!drip"}, "deferred 451 4.4.2 127.0.0.1 [127.0.0.1]: no answer within 2 s while waiting for the greeting"},
        {"drips at MAIL", "MAIL", {"!drip"}, "deferred 451 4.4.2 127.0.0.1 [127.0.0.1]: no answer within 2 s"},
        {"drips at the dot", ".", {"!drip"}, "deferred 451 4.4.2 127.0.0.1 [127.0.0.1]: no answer within 2 s", 1},
        {"floods at the greeting", "GREETING", {"!flood"}, "deferred 451 4.5.0 127.0.0.1 is out of step: a reply of more than 64 KiB"},
        {"floods at EHLO", "EHLO", {"!flood"}, "deferred 451 4.5.0 127.0.0.1 is out of step: a reply of more than 64 KiB"},
        {"floods at the dot", ".", {"!flood"}, "deferred 451 4.5.0 127.0.0.1 is out of step: a reply of more than 64 KiB; no answer to the final dot", 1},
        {"closes at once", "GREETING", {"!close "}, "deferred 451 4.4.2 127.0.0.1 [127.0.0.1]: closed by the peer while waiting for the greeting"},
        {"closes at EHLO", "EHLO", {"!close "}, "deferred 451 4.4.2"},
        {"closes at MAIL", "MAIL", {"!close "}, "deferred 451 4.4.2"},
        {"closes at DATA", "DATA", {"!close "}, "deferred 451 4.4.2"},
        {"closes at the dot", ".", {"!close "}, "deferred 451 4.4.2 127.0.0.1 [127.0.0.1]: closed by the peer while waiting for the reply to the content; no answer to the final dot", 1},
        {"accepts and closes", ".", {"!close 250 2.0.0 taken\r\n"}, "delivered 250 2.0.0 taken", 1},
        {"refuses and closes", ".", {"!close 554 5.6.0 no\r\n"}, "failed 554 5.6.0 no", 1},
        {"half an answer, then the end", ".", {"!close 250 2.0.0 ta"}, "deferred 451 4.4.2", 1},
        {"354 and the answer at once", "DATA", {"354 go\r\n250 2.0.0 taken\r\n"}, "deferred 451 4.5.0"},
        {"NULs", ".", {std::string("250 2.0.0 a\0b\r\n", 15)}, "delivered 250 2.0.0 a?b", 1},
        {"garbage at the greeting", "GREETING", {"\x16\x03\x01\x02\r\n"}, "deferred 451 4.5.0"},
        {"garbage at the dot", ".", {"OK\r\n"}, "deferred 451 4.5.0", 1},
        {"354 at MAIL", "MAIL", {"354 go\r\n"}, "deferred 451 4.5.0"},
        {"250 at DATA", "DATA", {"250 ok\r\n"}, "deferred 451 4.5.0"},
        {"greeting 554", "GREETING", {"!close 554 5.7.1 go away\r\n"}, "deferred 554 5.7.1 go away"},
        {"greeting 421", "GREETING", {"!close 421 4.3.2 busy\r\n"}, "deferred 421 4.3.2 busy"},
        {"RCPT refused", "RCPT", {"550 5.1.1 unknown\r\n"}, "failed 550 5.1.1 unknown"},
        {"greylisted", "RCPT", {"450 4.7.1 later\r\n"}, "deferred 450 4.7.1 later"},
    };
    Fixture f(2s);
    std::list<SmtpStub> stubs;
    std::vector<std::string> got(std::size(rows));
    for (std::size_t i = 0; i < std::size(rows); ++i) {
        SmtpStub& stub = stubs.emplace_back(f.loop);
        stub.answer(rows[i].verb, rows[i].answers);
        f.send(Fixture::lane_of(stub), got[i], Fixture::mail());
    }
    f.run();
    auto stub = stubs.begin();
    for (std::size_t i = 0; i < std::size(rows); ++i, ++stub) {
        cr_expect(got[i].starts_with(rows[i].verdict), "%s: %s", rows[i].name, got[i].c_str());
        cr_expect(stub->mails().size() == rows[i].mails, "%s: %zu mails", rows[i].name, stub->mails().size());
    }
}

Test(client, walks_over_mail_hosts) {
    Fixture f;
    SmtpStub busy(f.loop, "127.0.0.2");
    SmtpStub good(f.loop, "127.0.0.3", busy.endpoint().port);
    f.config.mail_port = busy.endpoint().port;
    f.client->reconfigure();
    busy.answer("GREETING", {"!close 421 4.3.2 busy\r\n"});
    auto& d = f.dns;
    d.mx("walk.example", 10, "dead.walk.example");
    d.mx("walk.example", 20, "busy.walk.example");
    d.mx("walk.example", 30, "good.walk.example");
    d.a("dead.walk.example", "127.0.0.4");
    d.a("busy.walk.example", "127.0.0.2");
    d.a("good.walk.example", "127.0.0.3");
    d.mx("busy.example", 10, "busy.walk.example");
    d.mx("dead.example", 10, "dead.walk.example");
    d.mx("null.example", 0, ".");
    d.fails("servfail.example", 2);
    d.mx("stays.example", 10, "good.walk.example");
    d.mx("stays.example", 20, "other.walk.example");
    d.a("other.walk.example", "127.0.0.5");
    for (int i = 0; i < 5; ++i) {
        d.mx("five.example", 10, "dead" + std::to_string(i) + ".walk.example");
        d.a("dead" + std::to_string(i) + ".walk.example", "127.0.1." + std::to_string(i + 1));
        d.a("dead" + std::to_string(i) + ".walk.example", "127.0.2." + std::to_string(i + 1));
    }
    struct Row {
        const char *lane, *verdict;
    };
    const Row rows[] = {
        {"mail:walk.example", "delivered 250 2.0.0 taken"},
        {"mail:[127.0.0.3]", "delivered 250 2.0.0 taken"},
        {"mail:busy.example", "deferred 421 4.3.2 busy"},
        {"mail:dead.example", "deferred 451 4.4.1 dead.walk.example [127.0.0.4]: cannot connect: Connection refused while waiting for the connection"},
        {"mail:null.example", "failed 556 5.1.10 null.example: the domain takes no mail"},
        {"mail:gone.example", "failed 550 5.1.2 gone.example: the domain does not exist"},
        {"mail:servfail.example", "deferred 451 4.4.3 servfail.example: the domain's mail hosts could not be looked up"},
        {"mail:relay.gone.example:25", "deferred 451 4.4.3 relay.gone.example: the host does not exist"},
    };
    for (const Row& row : rows) {
        std::string got = f.send(row.lane);
        cr_expect(got == row.verdict, "%s: %s", row.lane, got.c_str());
    }
    good.answer("RCPT", {"550 5.1.1 unknown\r\n"});
    cr_expect(f.send("mail:stays.example") == "failed 550 5.1.1 unknown", "what one host says of a recipient is not asked of another");
    auto before = f.metrics.value(Counter::mail_connections);
    f.send("mail:five.example");
    cr_expect(f.metrics.value(Counter::mail_connections) - before == 5, "no more than five addresses");
}

Test(client, keeps_connections_and_replaces_them) {
    Fixture f;
    SmtpStub stub(f.loop);
    std::string lane = Fixture::lane_of(stub);
    for (int i = 0; i < 5; ++i) cr_expect(f.send(lane) == "delivered 250 2.0.0 taken");
    cr_expect(stub.connections() == 1);
    stub.answer("MAIL", {"550 5.7.1 no\r\n", "250 ok\r\n"});
    stub.answer("RCPT", {"503 5.5.1 no\r\n", "250 ok\r\n"});
    stub.answer("DATA", {"503 5.5.1 no\r\n", "354 go\r\n"});
    f.config.mail_connections = 1;
    f.client->reconfigure();
    cr_expect(f.send(lane) == "failed 550 5.7.1 no");
    cr_expect(f.send(lane) == "delivered 250 2.0.0 taken");
    cr_expect(stub.connections() == 1, "a refusal does not cost the connection");

    stub.answer("MAIL", {"!close 421 4.4.2 idle too long\r\n", "250 ok\r\n"});
    cr_expect(f.send(lane) == "delivered 250 2.0.0 taken", "a stale connection is no trouble");
    cr_expect(stub.connections() == 2);
    stub.drop();
    cr_expect(f.send(lane) == "delivered 250 2.0.0 taken");
    cr_expect(stub.connections() == 3);
    stub.answer("MAIL", {"!close 421 4.7.0 not now\r\n", "250 ok\r\n"});
    cr_expect(f.send(lane) == "deferred 421 4.7.0 not now", "what a host says on a kept connection counts");
    cr_expect(f.send(lane) == "delivered 250 2.0.0 taken");

    for (int i = 0; i < 100; ++i) cr_assert(f.send(lane) == "delivered 250 2.0.0 taken");
    cr_expect(stub.connections() == 5, "a hundred mails and no more: %zu", stub.connections());
}

Test(client, takes_its_time_to_open_many_connections) {
    Fixture f;
    SmtpStub stub(f.loop);
    std::string lane = Fixture::lane_of(stub);
    f.config.mail_connections = 6;
    f.client->reconfigure();
    cr_expect(f.client->free_slots(transport_of_lane(lane, f.config)) == 2);
    std::vector<std::string> got(60);
    for (std::size_t i = 0; i < 2; ++i) f.send(lane, got[i], Fixture::mail());
    cr_expect(f.client->free_slots(transport_of_lane(lane, f.config)) == 0);
    f.run();
    cr_expect(f.client->free_slots(transport_of_lane(lane, f.config)) == 4, "two more for two delivered: %zu", f.client->free_slots(transport_of_lane(lane, f.config)));
    for (std::size_t i = 2; i < got.size(); ++i) f.send(lane, got[i], Fixture::mail());
    f.run();
    cr_expect(std::count(got.begin(), got.end(), "delivered 250 2.0.0 taken") == 60);
    cr_expect(stub.most_open() <= 6 && stub.most_open() > 2, "%zu", stub.most_open());
    cr_expect(f.client->free_slots(transport_of_lane(lane, f.config)) == 6);

    // Fewer when the host is in trouble; what it has is made use of.
    stub.answer("GREETING", {"!close 421 4.7.0 too many\r\n"});
    stub.drop();
    cr_expect(f.send(lane).starts_with("deferred 421 4.7.0 too many"));
    cr_expect(f.client->free_slots(transport_of_lane(lane, f.config)) < 6 && f.client->free_slots(transport_of_lane(lane, f.config)) > 0);
}

Test(client, makes_do_with_what_a_host_takes) {
    Fixture f;
    SmtpStub stub(f.loop);
    stub.answer("GREETING", {"220 stub\r\n", "!close 421 4.7.0 one is enough\r\n"});
    std::vector<std::string> got(20);
    for (std::string& one : got) f.send(Fixture::lane_of(stub), one, Fixture::mail());
    f.run();
    cr_expect(std::count(got.begin(), got.end(), "delivered 250 2.0.0 taken") == 20, "%s", got.back().c_str());
}

Test(client, obeys_limits_over_several_sessions) {
    Fixture f;
    SmtpStub stub(f.loop);
    stub.answer("EHLO", {"250-stub\r\n250-PIPELINING\r\n250 LIMITS RCPTMAX=1 MAILMAX=1\r\n"});
    std::string got = f.send(Fixture::lane_of(stub), Fixture::mail(3));
    cr_expect(got == "delivered 250 2.0.0 taken; delivered 250 2.0.0 taken; delivered 250 2.0.0 taken", "%s", got.c_str());
    cr_expect(stub.connections() == 3);
    got = f.send(Fixture::lane_of(stub), Fixture::mail(30));
    cr_expect(got.ends_with("deferred 451 4.5.3 127.0.0.1 takes too few recipients at once"), "%s", got.c_str());
}

Test(client, speaks_tls_where_it_can) {
    Fixture f;
    tests::Certificate certificate("mx.example");
    SmtpStub secure(f.loop), broken(f.loop);
    secure.offer_tls(std::move(*TlsContext::server(certificate.certificate_file(), certificate.key_file())));
    broken.break_tls();
    cr_expect(f.send(Fixture::lane_of(secure), Fixture::mail(1, std::string(100, 'x') + "\r\n")) == "delivered 250 2.0.0 taken");
    cr_expect(secure.secured() == 1 && secure.mails().size() == 1);
    cr_expect(std::count(secure.lines().begin(), secure.lines().end(), "EHLO gw.example") == 2, "capabilities are asked for anew");

    cr_expect(f.send(Fixture::lane_of(broken)) == "delivered 250 2.0.0 taken", "in clear, by a second connection");
    cr_expect(broken.connections() == 2 && broken.secured() == 0);

    f.config.mail_tls = false;
    f.client->reconfigure();
    SmtpStub unused(f.loop);
    unused.offer_tls(std::move(*TlsContext::server(certificate.certificate_file(), certificate.key_file())));
    cr_expect(f.send(Fixture::lane_of(unused)) == "delivered 250 2.0.0 taken");
    cr_expect(unused.secured() == 0);
}

Test(client, leaves_a_dead_destination_alone) {
    Fixture f(2s);
    SmtpStub silent(f.loop), good(f.loop);
    silent.answer("GREETING", {""});
    std::string lane = Fixture::lane_of(silent);
    std::vector<std::string> got(10);
    for (std::string& one : got) f.send(lane, one, Fixture::mail());
    std::string quick;
    f.send(Fixture::lane_of(good), quick, Fixture::mail());
    f.run();
    cr_expect(quick == "delivered 250 2.0.0 taken");
    cr_expect(silent.connections() <= 2, "those that wait share the fate of the first: %zu", silent.connections());
    for (const std::string& one : got) cr_expect(one.starts_with("deferred 451 4.4.2"), "%s", one.c_str());
    cr_expect(f.client->free_slots(transport_of_lane(lane, f.config)) == 0);
    auto before = silent.connections();
    cr_expect(f.send(lane).starts_with("deferred 451 4.4.2"), "answered at once");
    cr_expect(silent.connections() == before);
    f.client->try_now();
    cr_expect(f.client->free_slots(transport_of_lane(lane, f.config)) > 0);
    silent.answer("GREETING", {"220 stub\r\n"});
    cr_expect(f.send(lane) == "delivered 250 2.0.0 taken", "the operator asked for it");
}

Test(client, ends_without_a_word_when_it_goes) {
    Fixture f;
    SmtpStub stub(f.loop);
    std::string lane = Fixture::lane_of(stub), unused;
    cr_expect(f.send(lane) == "delivered 250 2.0.0 taken");
    cr_expect(stub.open() == 1);
    f.client->drain();
    cr_expect(f.client->free_slots(transport_of_lane(lane, f.config)) == 0);
    Timer look = f.loop.after(200ms, [&] { f.loop.stop(); });
    f.loop.run();
    cr_expect(stub.lines().back() == "QUIT" && stub.open() == 0, "idle connections say QUIT");

    f.send(lane, unused, Fixture::mail());
    f.client.reset();
    look = f.loop.after(50ms, [&] { f.loop.stop(); });
    f.loop.run();
    cr_expect(unused.empty());
}
