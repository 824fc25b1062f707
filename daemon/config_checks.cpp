#include "daemon/config_checks.h"

#include <algorithm>
#include <map>
#include <set>

#include "daemon/config_values.h"

namespace mmgate {

namespace {

using Report = std::function<void(std::string_view key, std::string_view message)>;

std::string element(std::string_view table, std::size_t index) { return std::string(table) + "." + std::to_string(index); }

std::vector<std::string> our_domains(const Config& config) {
    std::vector<std::string> out = config.domains;
    out.push_back(config.domain);
    return out;
}

void check_gateway(const Config& config, const Report& report) {
    std::string_view postmaster = config.postmaster;
    if (!postmaster.empty() && std::ranges::count(our_domains(config), postmaster.substr(postmaster.rfind('@') + 1)))
        report("gateway.postmaster", "must be a mailbox elsewhere: mail to postmaster at our own domains goes there");
    if (config.control.size() > 107) report("gateway.control", "is too long for a Unix socket; 107 octets are the most");
}

void check_limits(const Config& config, const Report& report) {
    if (config.memory_bytes < 2 * config.message_size_bytes)
        report("limits.memory", "must be at least twice limits.message_size, which is " + size_text(config.message_size_bytes));
    if (config.map_size_bytes < 4 * config.message_size_bytes)
        report("limits.map_size", "must be at least four times limits.message_size, which is " + size_text(config.message_size_bytes));
}

void check_listeners(const Config& config, const Report& report) {
    std::set<std::string> taken;
    auto check = [&](std::string_view key, const std::vector<Endpoint>& listen) {
        if (listen.empty()) report(key, "must name at least one address and port");
        for (const Endpoint& endpoint : listen)
            if (endpoint.port != 0 && !taken.insert(to_text(endpoint)).second) report(key, "names " + to_text(endpoint) + ", which is taken already");
    };
    check("smtp.listen", config.smtp_listen);
    check("mm1.listen", config.mm1_listen);
    if (!config.metrics_listen.empty()) check("metrics.listen", config.metrics_listen);
    static const std::vector<Network> kLoopback{*parse_network("127.0.0.0/8"), *parse_network("::1")};
    for (const Endpoint& endpoint : config.metrics_listen)
        if (!contains(kLoopback, endpoint.host)) report("metrics.listen", "must be loopback addresses, which " + endpoint.host + " is not; let a proxy that knows who asks stand before it");
}

void check_tls(const Config& config, const Report& report) {
    if (config.tls_key.empty() != config.tls_certificate.empty()) {
        bool has_key = !config.tls_key.empty();
        report(has_key ? "smtp.tls.key" : "smtp.tls.certificate", has_key ? "needs smtp.tls.certificate beside it" : "needs smtp.tls.key beside it");
    }
    if (config.tls_mode == TlsMode::required && config.tls_certificate.empty())
        report("smtp.tls.mode", "is required, but there is no smtp.tls.certificate; nobody could hand in mail");
}

void check_mm1(const Config& config, const Report& report) {
    if (config.msisdn_headers.empty()) report("mm1.msisdn_header", "must name at least one header");
    if (config.mm1_url.find('?') != std::string::npos) report("mm1.url", "must not have a query");
    std::set<std::string> addresses;
    for (std::size_t i = 0; i < config.mm1_clients.size(); ++i) {
        const Mm1Client& client = config.mm1_clients[i];
        auto digit = [](char c) { return c >= '0' && c <= '9'; };
        if (!client.msisdn.empty() && (std::ranges::count_if(client.msisdn, digit) < 3 || std::ranges::count_if(client.msisdn, digit) > 18 ||
                                       client.msisdn.find_first_not_of("+0123456789 -.()") != std::string::npos))
            report(element("mm1.client", i), "has an msisdn that is no telephone number; write one such as \"+447700900123\"");
        if (!client.address.empty() && !addresses.insert(client.address).second) report(element("mm1.client", i), "has the address of another client");
    }
}

void check_push(const Config& config, const Report& report) {
    if (config.push_kind == PushKind::smpp) report("push.kind", "must be pap, kannel or none: this version has no smpp bearer");
    if (config.push_kind != PushKind::none && config.push_url.empty()) report("push.url", "is missing; the bearer needs an address");
    if (config.push_kind == PushKind::none && !config.push_url.empty()) report("push.kind", "is missing; write \"pap\" or \"kannel\"");
}

void check_queue(const Config& config, const Report& report) {
    if (config.retry.empty()) report("queue.retry", "must have at least one time");
    if (config.notify_again.empty()) report("queue.notify_again", "must have at least one time");
}

void check_numbers(const Config& config, const Report& report) {
    std::map<std::string, std::string> owners;
    auto claim = [&](const std::string& prefix, const std::string& owner, const std::string& key) {
        if (prefix.empty()) return;
        auto [it, fresh] = owners.emplace(prefix, owner);
        if (!fresh) report(key, "claims " + prefix + ", which " + it->second + " has already");
    };
    for (std::size_t i = 0; i < config.subscribers.size(); ++i) claim(config.subscribers[i].prefix, "[[subscribers]]", element("subscribers", i));
    for (std::size_t i = 0; i < config.peers.size(); ++i)
        for (const std::string& prefix : config.peers[i].prefixes) claim(prefix, "peer " + config.peers[i].name, element("peer", i));
}

void check_peer_doors(const Config& config, const Peer& peer, const std::string& key, const Report& report) {
    const bool own_certificate = !peer.tls_certificate.empty();
    if (own_certificate == peer.tls_key.empty()) report(key, own_certificate ? "has a tls_certificate and needs its tls_key beside it" : "has a tls_key and needs tls_certificate beside it");
    if (peer.tls == PeerTls::mutual && !own_certificate && config.tls_certificate.empty())
        report(key, "has tls = \"mutual\", for which we must show a certificate: give tls_certificate here or smtp.tls.certificate");
    const bool named = std::ranges::any_of(peer.next_hop, [](const NextHop& hop) { return hop.host.find_first_not_of("0123456789.:abcdefABCDEF") != std::string::npos; });
    if (peer.tls >= PeerTls::verify && peer.tls_names.empty() && peer.tls_pins.empty() && !named)
        report(key, "has tls = \"" + std::string(peer.tls == PeerTls::mutual ? "mutual" : "verify") + "\", but neither a next_hop with a name, nor tls_names, nor tls_pins to verify it by");
    if (peer.user.empty() != peer.password.empty()) report(key, "needs both user and password, or neither");
    if (peer.accept_user.empty() != peer.accept_password.empty()) report(key, "needs both accept_user and accept_password, or neither");
    if (!peer.user.empty() && peer.tls < PeerTls::must) report(key, "has a password, which is said within TLS only: set tls to must, verify or mutual");
    if (peer.tls_implicit && peer.tls < PeerTls::must) report(key, "has tls_implicit, for which tls must be must, verify or mutual");
    if (peer.message_size_bytes > config.message_size_bytes) report(key, "has a message_size above limits.message_size, which is " + size_text(config.message_size_bytes));
}

void check_peers(const Config& config, const Report& report) {
    std::set<std::string> names, domains, accepted;
    for (std::size_t i = 0; i < config.peers.size(); ++i) {
        const Peer& peer = config.peers[i];
        const std::string key = element("peer", i);
        if (!peer.name.empty() && !names.insert(peer.name).second) report(key, "has the name of another peer: " + peer.name);
        auto take_domain = [&](const std::string& domain) {
            if (domain.empty()) return;
            if (!domains.insert(domain).second) report(key, "has the domain of another peer: " + domain);
            if (std::ranges::count(our_domains(config), domain)) report(key, "has one of our own domains: " + domain);
        };
        take_domain(peer.domain);
        for (const std::string& domain : peer.domains) take_domain(domain);
        if (!peer.accept_user.empty() && !accepted.insert(peer.accept_user).second) report(key, "has the accept_user of another peer: " + peer.accept_user);
        check_peer_doors(config, peer, key, report);
    }
    if (!config.mm4_default_peer.empty() && !names.contains(config.mm4_default_peer)) report("mm4.default_peer", "names no [[peer]]: " + config.mm4_default_peer);
    if (config.mm4_retry.empty()) report("mm4.retry", "must have at least one time");
    std::set<std::string> ported;
    for (std::size_t i = 0; i < config.ported.size(); ++i) {
        const PortedNumber& number = config.ported[i];
        if (!number.peer.empty() && !names.contains(number.peer)) report(element("ported", i), "names no [[peer]]: " + number.peer);
        if (!number.number.empty() && !ported.insert(number.number).second) report(element("ported", i), "has the number of another [[ported]]: " + number.number);
    }
    std::set<std::string> zones;
    for (std::size_t i = 0; i < config.enum_zones.size(); ++i)
        if (!config.enum_zones[i].zone.empty() && !zones.insert(config.enum_zones[i].zone).second) report(element("enum", i), "has the zone of another [[enum]]: " + config.enum_zones[i].zone);
    std::set<std::string> applications;
    for (std::size_t i = 0; i < config.applications.size(); ++i)
        if (!config.applications[i].id.empty() && !applications.insert(config.applications[i].id).second)
            report(element("application", i), "has the id of another application: " + config.applications[i].id);
}

}   // namespace

void check_config(const Config& config, const Report& report) {
    check_gateway(config, report);
    check_limits(config, report);
    check_listeners(config, report);
    check_tls(config, report);
    check_mm1(config, report);
    check_push(config, report);
    check_queue(config, report);
    check_numbers(config, report);
    check_peers(config, report);
}

}   // namespace mmgate
