#include "daemon/mm4/identity.h"

#include <criterion/criterion.h>

using namespace mmgate;
using namespace mmgate::mm4;

namespace {

Network network(std::array<std::uint8_t, 16> address, std::uint8_t bits) {
    Network out;
    out.address = address;
    out.prefix_bits = bits;
    return out;
}

Peer peer(const char* name, PeerTls tls) {
    Peer out;
    out.name = name;
    out.domain = std::string("mms.") + name + ".example";
    out.tls = tls;
    out.networks = {network({10, 0}, 16)};
    out.next_hop = {{{std::string("mx.") + name + ".example", 25}}};
    return out;
}

std::string joined(const std::vector<std::string>& names) {
    std::string out;
    for (const std::string& name : names) out += (out.empty() ? "" : " ") + name;
    return out;
}

SessionFacts from(const char* client, Channel channel = Channel::clear) {
    SessionFacts facts;
    facts.client = client;
    facts.channel = channel;
    return facts;
}
SessionFacts showing(CertificateFacts certificate) {
    SessionFacts facts = from("10.0.0.1", Channel::tls);
    facts.certificate = std::move(certificate);
    return facts;
}

}   // namespace

Test(identity, by_address_and_tls) {
    Config config;
    for (const auto& [name, tls] : {std::pair{"none", PeerTls::none}, {"may", PeerTls::may}, {"must", PeerTls::must}, {"verify", PeerTls::verify}, {"mutual", PeerTls::mutual}})
        config.peers.push_back(peer(name, tls));
    const Identity identity(config);
    cr_expect(joined(identity.peers_of(from("10.0.0.1"))) == "none may");
    cr_expect(joined(identity.peers_of(from("10.0.0.1", Channel::tls))) == "none may must verify");
    cr_expect(identity.peers_of(from("10.1.0.1", Channel::tls)).empty());
    cr_expect(identity.peers_of(from("not an address", Channel::tls)).empty());
    cr_expect(identity.standing_of(from("10.0.0.1")).certificate_wanted && !identity.standing_of(from("10.1.0.1")).certificate_wanted);
}

Test(identity, nobody_where_nobody_is_listed) {
    Config config;
    Peer by_name = peer("a", PeerTls::may), by_literal = peer("b", PeerTls::may), nowhere = peer("c", PeerTls::may);
    by_name.networks.clear();   // a name gives no address here
    by_literal.networks.clear();
    by_literal.next_hop = {{{"192.0.2.1", 25}}, {{"2001:db8::1", 25}}};
    nowhere.networks.clear();
    nowhere.next_hop.clear();
    config.peers = {by_name, by_literal, nowhere};
    const Identity identity(config);
    for (const char* address : {"10.0.0.1", "127.0.0.1", "0.0.0.0", "192.0.2.2"}) cr_expect(identity.peers_of(from(address, Channel::tls)).empty(), "%s", address);
    cr_expect(joined(identity.peers_of(from("192.0.2.1"))) == "b" && joined(identity.peers_of(from("2001:db8::1"))) == "b");
    cr_expect(Identity(Config{}).standing_of(from("10.0.0.1")).lack == Lack::nothing);
}

Test(identity, by_certificate) {
    Config config;
    Peer named = peer("named", PeerTls::mutual), pinned = peer("pinned", PeerTls::mutual);
    named.tls_ca = "/ca.pem";
    pinned.tls_pins = {"PIN"};
    config.peers = {named, pinned};
    const Identity identity(config);
    struct Row {
        const char* name;
        CertificateFacts certificate;
        const char* peers;
    };
    const Row rows[] = {
        {"right", {{"/ca.pem"}, {}, {"mx.named.example"}, "X", {}, {}, {}}, "named"},
        {"another name", {{"/ca.pem"}, {}, {"mx.pinned.example"}, "X", {}, {}, {}}, ""},
        {"another authority", {{""}, {}, {"mx.named.example"}, "X", {}, {}, {}}, ""},
        {"no authority", {{}, {}, {"mx.named.example"}, "X", {}, {}, {}}, ""},
        {"no name", {{"/ca.pem"}, {}, {}, "X", {}, {}, {}}, ""},
        {"the pin", {{}, {}, {}, "PIN", {}, {}, {}}, "pinned"},
        {"both", {{"/ca.pem"}, {}, {"mx.named.example"}, "PIN", {}, {}, {}}, "named pinned"},
    };
    for (const Row& row : rows) cr_expect(joined(identity.peers_of(showing(row.certificate))) == row.peers, "%s", row.name);
    cr_expect(identity.peers_of(from("10.0.0.1", Channel::tls)).empty(), "without a certificate");
    cr_expect(identity.standing_of(from("10.0.0.1", Channel::tls)).lack == Lack::certificate);
    SessionFacts elsewhere = showing(rows[6].certificate);
    elsewhere.client = "192.0.2.1";
    cr_expect(identity.peers_of(elsewhere).empty(), "a certificate is no address");
    cr_expect(identity.authorities() == std::vector<std::string>{"/ca.pem"});
}

Test(identity, by_password) {
    Config config;
    Peer known = peer("known", PeerTls::may), crypted = peer("crypted", PeerTls::must), open = peer("open", PeerTls::may);
    known.accept_user = "known-relay";
    known.accept_password = "secret";
    crypted.accept_user = "crypted-relay";
    crypted.accept_password = "$6$saltsalt$qFmFH.bQmmtXzyBY0s9v7Oicd2z4XSIecDzlB5KiA2/jctKu9YterLp8wwnSq.qc.eoxqOmSuNp2xS0ktL3nh/";
    config.peers = {known, crypted, open};
    const Identity identity(config);
    cr_expect(joined(identity.peers_of(from("10.0.0.1"))) == "open");
    SessionFacts facts = from("10.0.0.1", Channel::tls);
    cr_expect(joined(identity.peers_of(facts)) == "open");
    cr_expect(identity.standing_of(facts).password_wanted);
    struct Row {
        const char *user, *password;
        bool accepted;
    };
    const Row rows[] = {
        {"known-relay", "secret", true},
        {"known-relay", "Secret", false},
        {"known-relay", "", false},
        {"crypted-relay", "secret", false},
        {"", "", false},
        {"open", "", false},
        {"other", "secret", false},
        {"crypted-relay", "password", true},
        {"crypted-relay", "$6$saltsalt$qFmFH.bQmmtXzyBY0s9v7Oicd2z4XSIecDzlB5KiA2/jctKu9YterLp8wwnSq.qc.eoxqOmSuNp2xS0ktL3nh/", false},
    };
    for (const Row& row : rows) cr_expect(identity.accepts(facts, row.user, row.password) == row.accepted, "%s %s", row.user, row.password);
    cr_expect(!identity.accepts(from("10.0.0.1"), "known-relay", "secret"), "not in clear");
    cr_expect(!identity.accepts(from("10.1.0.1", Channel::tls), "known-relay", "secret"), "not from elsewhere");
    facts.user = "known-relay";
    cr_expect(joined(identity.peers_of(facts)) == "known", "whose password it is, and nobody else");
    cr_expect(!identity.standing_of(facts).password_wanted);
}

Test(identity, says_what_is_lacking) {
    Config config;
    Peer one = peer("one", PeerTls::must);
    one.accept_user = "u";
    one.accept_password = "p";
    one.normalize = true;
    one.message_size_bytes = 1000;
    config.message_size_bytes = 5000;
    config.peers = {one};
    const Identity identity(config);
    cr_expect(identity.standing_of(from("10.0.0.1")).lack == Lack::tls);
    cr_expect(identity.standing_of(from("10.0.0.1", Channel::tls)).lack == Lack::authentication);
    cr_expect(identity.standing_of(from("192.0.2.1", Channel::tls)).lack == Lack::nothing);
    SessionFacts facts = from("10.0.0.1", Channel::tls);
    cr_expect(!identity.standing_of(facts).line_ends_repaired && identity.standing_of(facts).message_size_bytes == 1000);
    facts.user = "u";
    cr_expect(identity.standing_of(facts).lack == Lack::nothing && identity.standing_of(facts).line_ends_repaired);

    config.peers.push_back(peer("two", PeerTls::none));
    config.peers.back().accept_user.clear();
    const Standing both = Identity(config).standing_of(from("10.0.0.1", Channel::tls));
    cr_expect(joined(both.peers) == "two" && joined(both.candidates) == "one two" && !both.line_ends_repaired && both.message_size_bytes == 5000 && both.lack == Lack::nothing);
}
