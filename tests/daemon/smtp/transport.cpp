#include "daemon/smtp/transport.h"

#include <criterion/criterion.h>

using namespace mmgate;
using namespace mmgate::smtp;

Test(transport, of_lanes) {
    struct Row {
        const char* lane;
        const char* domain;
        const char* host;   // "" none
        unsigned port;
    };
    const Row rows[] = {
        {"mail:a.example", "a.example", "", 0},
        {"mail:[192.0.2.1]", "[192.0.2.1]", "", 0},
        {"mail:relay.example:2525", "", "relay.example", 2525},
        {"mail:[::1]:25", "", "::1", 25},
        {"mail:127.0.0.1:99999", "", "127.0.0.1", 0},
        {"mail:relay.example:x", "", "relay.example", 0},
    };
    Config config;
    config.domain = "mms.example";
    config.mail_connections = 7;
    for (const Row& row : rows) {
        const Transport transport = transport_of_lane(row.lane, config);
        cr_expect(transport.pool == row.lane && transport.domain == row.domain && transport.connections == 7 && transport.hostname == "mms.example", "%s", row.lane);
        cr_expect(transport.hosts.size() == (row.host[0] ? 1 : 0), "%s", row.lane);
        if (row.host[0]) cr_expect(transport.hosts[0].host == row.host && transport.hosts[0].port == row.port, "%s", row.lane);
        cr_expect(transport.tls.use == TlsUse::opportunistic && !transport.credentials, "%s", row.lane);
    }
    config.mail_tls = false;
    cr_expect(transport_of_lane("mail:a.example", config).tls.use == TlsUse::never);
}

Test(transport, of_peers) {
    Config config;
    config.hostname = "gw.example";
    config.tls_certificate = "/ours.pem";
    config.tls_key = "/ours.key";
    struct Row {
        PeerTls tls;
        TlsUse use;
        const char* certificate;
    };
    const Row rows[] = {
        {PeerTls::none, TlsUse::never, ""},
        {PeerTls::may, TlsUse::opportunistic, ""},
        {PeerTls::must, TlsUse::required, ""},
        {PeerTls::verify, TlsUse::verified, ""},
        {PeerTls::mutual, TlsUse::verified, "/ours.pem"},
    };
    for (const Row& row : rows) {
        Peer peer;
        peer.name = "other";
        peer.domain = "mms.other.example";
        peer.tls = row.tls;
        peer.next_hop = {{{"mx.other.example", 25}}, {{"192.0.2.1", 25}}};
        peer.connections = 3;
        peer.rate = 5;
        peer.recipients = 10;
        const Transport transport = transport_of_peer(peer, config);
        cr_expect(transport.pool == "mm4:other" && transport.hosts == peer.next_hop && transport.domain.empty() && transport.hostname == "gw.example");
        cr_expect(transport.tls.use == row.use && transport.tls.certificate == row.certificate && transport.tls.start == TlsStart::starttls);
        cr_expect(transport.tls.peer.names == std::vector<std::string>{"mx.other.example"}, "names of next hops, and no addresses");
        cr_expect(transport.connections == 3 && transport.messages_per_second == 5 && transport.recipients == 10);
    }
    Peer peer;
    peer.name = "hub";
    peer.domain = "mms.hub.example";
    peer.tls = PeerTls::mutual;
    peer.tls_implicit = true;
    peer.tls_names = {"n.example"};
    peer.tls_pins = {"p"};
    peer.tls_ca = "/ca.pem";
    peer.tls_certificate = "/for-hub.pem";
    peer.tls_key = "/for-hub.key";
    peer.user = "relay";
    peer.password = "secret";
    const Transport transport = transport_of_peer(peer, config);
    cr_expect(transport.hosts.empty() && transport.domain == "mms.hub.example" && transport.domain_is_ours);
    cr_expect(transport.tls == (TlsTerms{TlsUse::verified, TlsStart::at_once, {"/ca.pem", {"n.example"}, {"p"}}, "/for-hub.pem", "/for-hub.key"}));
    cr_expect(transport.credentials == (Credentials{"relay", "secret"}));
}
