// Names of domains that are well kept, badly kept, slow, hostile and dead, from a name server of the test.
#include "daemon/loop/resolver.h"

#include <criterion/criterion.h>

#include <set>
#include <string>

#include "mapping/status.h"
#include "tests/support/dns_stub.h"

using namespace mmgate;
using namespace std::chrono_literals;

namespace {

/// "mx1.a.example 192.0.2.1 2001:db8::1; …" or "! fault: rule".
std::string text_of(const Result<std::vector<MailHost>>& result) {
    if (!result) return "! " + std::string(spec_of(result.error().fault).name) + ": " + result.error().rule;
    std::string out;
    for (const MailHost& host : *result) {
        out += (out.empty() ? "" : "; ") + host.name;
        for (const std::string& address : host.addresses) out += " " + address;
    }
    return out;
}
std::string text_of(const Result<std::vector<std::string>>& result) {
    if (!result) return "! " + std::string(spec_of(result.error().fault).name) + ": " + result.error().rule;
    std::string out;
    for (const std::string& address : *result) out += (out.empty() ? "" : " ") + address;
    return out;
}

struct Fixture {
    Loop loop;
    tests::DnsStub dns{loop};
    Config config;
    std::unique_ptr<Resolver> resolver;

    explicit Fixture(Seconds patience = 5s, bool private_mx = false) {
        config.dns_servers = {dns.endpoint()};
        config.dns_timeout = patience;
        config.private_mx = private_mx;
        config.hostname = "gw.example";
        resolver = make_resolver(loop, config);
    }
    std::string mail_hosts(const std::string& domain) {
        std::string out = "(nothing)";
        bool inside = true;
        resolver->mail_hosts(domain, [&](Result<std::vector<MailHost>> result) {
            out = inside ? "called from inside" : text_of(result);
            loop.stop();
        });
        inside = false;
        loop.run();
        return out;
    }
    std::string addresses(const std::string& host) {
        std::string out = "(nothing)";
        resolver->addresses(host, [&](Result<std::vector<std::string>> result) {
            out = text_of(result);
            loop.stop();
        });
        loop.run();
        return out;
    }
};

}   // namespace

Test(resolver, finds_the_hosts_of_a_domain) {
    Fixture f;
    auto& d = f.dns;
    d.mx("plain.example", 20, "b.plain.example");
    d.mx("plain.example", 10, "a.plain.example");
    d.a("a.plain.example", "8.0.0.1");
    d.aaaa("a.plain.example", "2600::1");
    d.a("b.plain.example", "8.0.0.2");
    d.a("implicit.example", "8.0.0.3");
    d.aaaa("implicit.example", "2600::3");
    d.aaaa("implicit.example", "2600::4");
    d.name("bare.example");
    d.mx("null.example", 0, ".");
    d.mx("nullish.example", 0, ".");
    d.mx("nullish.example", 10, "a.plain.example");
    d.mx("literal.example", 10, "8.0.0.9");
    d.mx("literal.example", 20, "a.plain.example");
    d.mx("onlyliteral.example", 10, "8.0.0.9");
    d.a("onlyliteral.example", "8.0.0.10");
    d.mx("dead.example", 10, "gone.plain.example");
    d.a("dead.example", "8.0.0.11");
    d.mx("half.example", 10, "gone.plain.example");
    d.mx("half.example", 20, "a.plain.example");
    d.cname("alias.example", "plain.example");
    d.mx("toalias.example", 10, "alias.plain.example");
    d.cname("alias.plain.example", "a.plain.example");
    d.cname("loop1.example", "loop2.example");
    d.cname("loop2.example", "loop1.example");
    d.cname("dangling.example", "gone.example");
    d.mx("inside.example", 10, "in.inside.example");
    d.mx("inside.example", 20, "out.inside.example");
    d.a("in.inside.example", "127.0.0.1");
    d.a("in.inside.example", "10.0.0.1");
    d.aaaa("in.inside.example", "::1");
    d.a("out.inside.example", "8.0.0.5");
    d.mx("private.example", 10, "in.inside.example");
    d.mx("ours.example", 10, "gw.example");
    d.mx("ours.example", 20, "a.plain.example");
    d.mx("backup.example", 10, "a.plain.example");
    d.mx("backup.example", 20, "GW.example");
    d.mx("backup.example", 20, "b.plain.example");
    d.fails("servfail.example", 2);
    d.fails("refused.example", 5);
    d.fails("notimp.example", 4);
    d.mx("hostfails.example", 10, "fails.plain.example");
    d.fails("fails.plain.example", 2);
    d.mx("hostfailsbut.example", 10, "fails.plain.example");
    d.mx("hostfailsbut.example", 20, "b.plain.example");
    d.fails("halffails.example", 2, 28);   // AAAA only
    d.a("halffails.example", "8.0.0.7");
    d.fails("halfgone.example", 2, 1);   // A fails, AAAA is not there
    d.name("halfgone.example");
    d.mx("tcp.example", 10, "a.plain.example");
    d.truncated("tcp.example");
    d.mx("strange.example", 10, "a b.plain.example");
    d.mx("cut.example", 10, "a.plain.example");
    d.a("cut.example", "8.0.0.12");
    d.aaaa("cut.example", "2600::12");
    d.cut("cut.example");
    d.a("cuthost.plain.example", "8.0.0.13");
    d.aaaa("cuthost.plain.example", "2600::13");
    d.cut("cuthost.plain.example");
    d.mx("cuthost.example", 10, "cuthost.plain.example");

    struct Row {
        const char *domain, *hosts;
    };
    const Row rows[] = {
        {"plain.example", "a.plain.example 2600::1 8.0.0.1; b.plain.example 8.0.0.2"},
        {"PLAIN.example.", "a.plain.example 2600::1 8.0.0.1; b.plain.example 8.0.0.2"},
        {"implicit.example", "implicit.example 2600::3 8.0.0.3 2600::4"},
        {"bare.example", "! no-such-domain: the domain has neither mail host nor address"},
        {"nowhere.example", "! no-such-domain: the domain does not exist"},
        {"null.example", "! null-mx: the domain takes no mail"},
        {"nullish.example", "a.plain.example 2600::1 8.0.0.1"},
        {"literal.example", "a.plain.example 2600::1 8.0.0.1"},
        {"onlyliteral.example", "! peer-unreachable: the domain's mail hosts are no host names"},
        {"dead.example", "! peer-unreachable: the domain's mail hosts have no address"},
        {"half.example", "a.plain.example 2600::1 8.0.0.1"},
        {"alias.example", "a.plain.example 2600::1 8.0.0.1; b.plain.example 8.0.0.2"},
        {"toalias.example", "alias.plain.example 2600::1 8.0.0.1"},
        {"dangling.example", "! no-such-domain: the domain does not exist"},
        {"inside.example", "out.inside.example 8.0.0.5"},
        {"private.example", "! peer-unreachable: the domain's mail hosts have no public address"},
        {"ours.example", "! routing-loop: the domain's best mail host is this gateway"},
        {"backup.example", "a.plain.example 2600::1 8.0.0.1"},
        {"servfail.example", "! peer-unreachable: the domain's mail hosts could not be looked up"},
        {"refused.example", "! peer-unreachable: the domain's mail hosts could not be looked up"},
        {"notimp.example", "! peer-unreachable: the domain's mail hosts could not be looked up"},
        {"hostfails.example", "! peer-unreachable: the addresses of the domain's mail hosts could not be looked up"},
        {"hostfailsbut.example", "b.plain.example 8.0.0.2"},
        {"halffails.example", "halffails.example 8.0.0.7"},
        {"halfgone.example", "! peer-unreachable: the addresses of the domain's mail hosts could not be looked up"},
        {"tcp.example", "a.plain.example 2600::1 8.0.0.1"},
        {"strange.example", "! peer-unreachable: the domain's mail hosts are no host names"},
        {"cut.example", "! peer-unreachable: the domain's mail hosts could not be looked up"},
        {"cuthost.example", "! peer-unreachable: the addresses of the domain's mail hosts could not be looked up"},
        {"[8.0.0.1]", "[8.0.0.1] 8.0.0.1"},
        {"[IPv6:2600::1]", "[IPv6:2600::1] 2600::1"},
        {"[127.0.0.1]", "! no-such-domain: the address literal is not a public address"},
        {"[IPv6:::1]", "! no-such-domain: the address literal is not a public address"},
        {"[x:y]", "! no-such-domain: the address literal is not understood"},
        {"[", "! no-such-domain: the address literal is not understood"},
        {"", "! no-such-domain: the domain is not a domain name"},
        {"a..example", "! no-such-domain: the domain is not a domain name"},
        {"a b.example", "! no-such-domain: the domain is not a domain name"},
        {".", "! no-such-domain: the domain is not a domain name"},
    };
    for (const Row& row : rows) {
        std::string got = f.mail_hosts(row.domain);
        cr_expect(got == row.hosts, "%s: %s", row.domain, got.c_str());
    }
    cr_expect(d.tcp_questions() > 0, "a truncated answer is asked for again over TCP");
    std::string loop = f.mail_hosts("loop1.example");
    cr_expect(loop.starts_with("! "), "names that point at each other: %s", loop.c_str());
}

Test(resolver, uses_private_hosts_when_told) {
    Fixture f(5s, true);
    f.dns.mx("lab.example", 10, "mx.lab.example");
    f.dns.a("mx.lab.example", "127.0.0.1");
    std::string got = f.mail_hosts("lab.example");
    cr_expect(got == "mx.lab.example 127.0.0.1", "%s", got.c_str());
    cr_expect(f.mail_hosts("[127.0.0.1]") == "[127.0.0.1] 127.0.0.1");
    f.config.private_mx = false;
    f.resolver->reconfigure(f.config);
    cr_expect(f.mail_hosts("lab.example") == "! peer-unreachable: the domain's mail hosts have no public address");
}

Test(resolver, shuffles_equals_and_bounds_their_number) {
    Fixture f;
    for (int i = 0; i < 500; ++i) {
        std::string host = "h" + std::to_string(i) + ".many.example";
        f.dns.mx("many.example", 10, host);
        f.dns.a(host, "8.1." + std::to_string(i / 250) + "." + std::to_string(i % 250));
    }
    f.dns.mx("two.example", 10, "h0.many.example");
    f.dns.mx("two.example", 10, "h1.many.example");
    for (int i = 0; i < 100; ++i) f.dns.a("wide.example", "8.2.0." + std::to_string(i));

    std::string many = f.mail_hosts("many.example");
    cr_expect(std::count(many.begin(), many.end(), ';') == kMailHosts - 1, "%s", many.c_str());
    std::set<std::string> orders;
    for (int i = 0; i < 40; ++i) orders.insert(f.mail_hosts("two.example"));
    cr_expect(orders.size() == 2, "both orders come up");
    std::string wide = f.mail_hosts("wide.example");
    cr_expect(std::count(wide.begin(), wide.end(), ' ') == kAddressesPerHost, "%s", wide.c_str());
}

Test(resolver, gives_up_on_the_silent_without_holding_up_the_rest) {
    Fixture f(1s);
    f.dns.silent("silent.example");
    f.dns.a("late.example", "8.0.0.1");
    f.dns.late("late.example", 60ms);
    f.dns.a("quick.example", "8.0.0.2");
    f.dns.mx("cut.example", 10, "a.example");
    f.dns.cut("cut.example");
    cr_expect(f.mail_hosts("cut.example").starts_with("! peer-unreachable: "), "an answer that breaks off");
    std::string order;
    for (const char* domain : {"silent.example", "late.example", "quick.example"})
        f.resolver->mail_hosts(domain, [&, domain](Result<std::vector<MailHost>> result) {
            order += std::string(domain) + (result ? " ok; " : " " + result.error().rule);
            if (!result) f.loop.stop();
        });
    f.loop.run();
    cr_expect(order.starts_with("quick.example ok; late.example ok; silent.example "), "%s", order.c_str());
    cr_expect(f.mail_hosts("quick.example") == "quick.example 8.0.0.2", "the resolver lives on");
}

Test(resolver, survives_a_dead_name_server_and_its_own_end) {
    Fixture f(1s);
    f.config.dns_servers = {{"127.0.0.1", 1}};
    f.resolver->reconfigure(f.config);
    std::string got = f.mail_hosts("plain.example");
    cr_expect(got.starts_with("! peer-unreachable: "), "%s", got.c_str());

    f.config.dns_servers = {f.dns.endpoint()};
    f.resolver->reconfigure(f.config);
    f.dns.silent("silent.example");
    bool called = false;
    f.resolver->mail_hosts("silent.example", [&](auto) { called = true; });
    f.resolver.reset();
    f.loop.post([&] { f.loop.stop(); });
    f.loop.run();
    cr_expect(!called, "what was asked of a resolver that is gone is not answered");
}

Test(resolver, finds_configured_hosts) {
    Fixture f;
    f.dns.a("relay.example", "10.0.0.1");
    f.dns.aaaa("relay.example", "fd00::1");
    f.dns.name("empty.example");
    f.dns.fails("servfail.example", 2);
    struct Row {
        const char *host, *addresses;
    };
    const Row rows[] = {
        {"relay.example", "fd00::1 10.0.0.1"},
        {"Relay.Example", "fd00::1 10.0.0.1"},
        {"127.0.0.1", "127.0.0.1"},
        {"::1", "::1"},
        {"localhost", "::1 127.0.0.1"},
        {"gone.example", "! no-such-domain: the host does not exist"},
        {"empty.example", "! no-such-domain: the host has no address"},
        {"servfail.example", "! peer-unreachable: the host's addresses could not be looked up"},
        {"a/b", "! no-such-domain: the host is not a host name"},
    };
    for (const Row& row : rows) {
        std::string got = f.addresses(row.host);
        cr_expect(got == row.addresses, "%s: %s", row.host, got.c_str());
    }
}
