#include "daemon/smtp/transport.h"

#include <algorithm>

namespace mmgate::smtp {

namespace {

struct TlsRow {
    PeerTls configured;
    TlsUse use;
};
constexpr TlsRow kTlsUses[] = {
    {PeerTls::none, TlsUse::never},
    {PeerTls::may, TlsUse::opportunistic},
    {PeerTls::must, TlsUse::required},
    {PeerTls::verify, TlsUse::verified},
    {PeerTls::mutual, TlsUse::verified},
};
static_assert(std::ranges::is_sorted(kTlsUses, {}, &TlsRow::configured) && std::size(kTlsUses) == static_cast<std::size_t>(PeerTls::mutual) + 1);

/// What holds for every next hop.
Transport transport_of(const Config& config) {
    Transport transport;
    transport.hostname = config.hostname.empty() ? config.domain : config.hostname;
    transport.port = config.mail_port;
    transport.patience = config.mail_timeout;
    transport.final_patience = config.mail_final_timeout;
    return transport;
}

bool is_name(const std::string& host) { return host.find(':') == std::string::npos && host.find_first_not_of("0123456789.") != std::string::npos; }

}   // namespace

Transport transport_of_lane(std::string_view mail_lane, const Config& config) {
    Transport transport = transport_of(config);
    transport.pool = mail_lane;
    transport.tls.use = config.mail_tls ? TlsUse::opportunistic : TlsUse::never;
    transport.connections = config.mail_connections;
    std::string_view hop = mail_lane;
    hop.remove_prefix(std::min(hop.size(), hop.find(':') + 1));
    const std::size_t colon = hop.rfind(':');
    if (colon == std::string_view::npos || hop.ends_with(']')) {
        transport.domain = hop;
        return transport;
    }
    std::string_view host = hop.substr(0, colon);
    if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
    unsigned port = 0;
    for (char c : hop.substr(colon + 1)) port = c >= '0' && c <= '9' && port < 65536 ? port * 10 + static_cast<unsigned>(c - '0') : 65536;
    transport.hosts.push_back({{std::string(host), static_cast<std::uint16_t>(port < 65536 ? port : 0)}});
    return transport;
}

CertificateRules certificate_rules_of(const Peer& peer) {
    CertificateRules rules{peer.tls_ca, peer.tls_names, peer.tls_pins};
    if (rules.names.empty())
        for (const NextHop& hop : peer.next_hop)
            if (is_name(hop.host)) rules.names.push_back(hop.host);
    return rules;
}

Transport transport_of_peer(const Peer& peer, const Config& config) {
    Transport transport = transport_of(config);
    transport.pool = "mm4:" + peer.name;
    transport.hosts = peer.next_hop;
    if (transport.hosts.empty()) transport.domain = peer.domain;
    transport.domain_is_ours = true;
    transport.tls.use = kTlsUses[static_cast<std::size_t>(peer.tls)].use;
    transport.tls.start = peer.tls_implicit ? TlsStart::at_once : TlsStart::starttls;
    transport.tls.peer = certificate_rules_of(peer);
    transport.tls.certificate = peer.tls_certificate;
    transport.tls.key = peer.tls_key;
    if (peer.tls == PeerTls::mutual && peer.tls_certificate.empty()) {
        transport.tls.certificate = config.tls_certificate;
        transport.tls.key = config.tls_key;
    }
    if (!peer.user.empty()) transport.credentials = {peer.user, peer.password};
    transport.connections = std::max<std::uint32_t>(peer.connections, 1);
    transport.messages_per_second = peer.rate;
    transport.recipients = std::max<std::uint32_t>(peer.recipients, 1);
    return transport;
}

}   // namespace mmgate::smtp
