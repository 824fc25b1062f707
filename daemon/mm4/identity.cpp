#include "daemon/mm4/identity.h"

#include <algorithm>

#include "daemon/config_values.h"
#include "daemon/crypto.h"
#include "daemon/smtp/transport.h"

namespace mmgate::mm4 {

namespace {

/// Where a peer calls from: its networks, or the addresses that its next hops are given by. A host by its name is nobody here: names are for those who
/// answer for a zone, and not for identities.
std::vector<Network> networks_of(const Peer& peer) {
    if (!peer.networks.empty()) return peer.networks;
    std::vector<Network> out;
    for (const NextHop& hop : peer.next_hop)
        if (auto network = parse_network(hop.host)) out.push_back(*network);
    return out;
}

Lack lack_of(const Peer& peer, const CertificateRules& certificate, const SessionFacts& facts) {
    if (facts.channel == Channel::clear && (peer.tls >= PeerTls::must || !peer.accept_user.empty())) return Lack::tls;
    if (peer.tls == PeerTls::mutual && (!facts.certificate || !check(*facts.certificate, certificate))) return Lack::certificate;
    if (!peer.accept_user.empty() && facts.user != peer.accept_user) return Lack::authentication;
    return Lack::nothing;
}

/// Whether a text is one of crypt(5), which begin with the name of their method.
bool is_crypt(std::string_view stored) { return stored.starts_with('$'); }

bool password_is(const std::string& stored, std::string_view given) {
    return is_crypt(stored) ? matches_crypt(given, stored) : equal_in_constant_time(sha256(given), sha256(stored));
}

}   // namespace

Identity::Identity(const Config& config) : message_size_bytes_(config.message_size_bytes) {
    for (const Peer& peer : config.peers) peers_.push_back({peer, networks_of(peer), smtp::certificate_rules_of(peer)});
}

const Peer* Identity::named(std::string_view name) const {
    const auto found = std::ranges::find_if(peers_, [&](const Known& known) { return known.peer.name == name; });
    return found == peers_.end() ? nullptr : &found->peer;
}

Standing Identity::standing_of(const SessionFacts& facts) const {
    Standing standing;
    bool repaired = true;
    for (const auto& [peer, networks, certificate] : peers_) {
        if (!contains(networks, facts.client)) continue;
        standing.candidates.push_back(peer.name);
        standing.message_size_bytes = std::max(standing.message_size_bytes, peer.message_size_bytes > 0 ? peer.message_size_bytes : message_size_bytes_);
        standing.certificate_wanted |= peer.tls == PeerTls::mutual;
        standing.password_wanted |= !peer.accept_user.empty() && facts.user.empty();
        const Lack lack = lack_of(peer, certificate, facts);
        standing.lack = std::max(standing.lack, lack);
        // Who has given a password is the one whose it is, and nobody else beside.
        if (lack != Lack::nothing || (!facts.user.empty() && facts.user != peer.accept_user)) continue;
        standing.peers.push_back(peer.name);
        repaired &= peer.normalize;
    }
    if (!standing.peers.empty()) standing.lack = Lack::nothing;
    standing.line_ends_repaired = repaired && !standing.peers.empty();
    return standing;
}

bool Identity::accepts(const SessionFacts& facts, std::string_view user, std::string_view password) const {
    if (facts.channel == Channel::clear) return false;
    bool accepted = false;
    for (const Known& known : peers_) {
        if (known.peer.accept_user.empty() || !contains(known.networks, facts.client)) continue;
        const bool right_user = equal_in_constant_time(sha256(user), sha256(known.peer.accept_user));
        const bool right_password = password_is(known.peer.accept_password, password);
        accepted |= right_user & right_password;
    }
    return accepted;
}

std::vector<std::string> Identity::authorities() const {
    std::vector<std::string> out;
    for (const Known& known : peers_)
        if (known.peer.tls == PeerTls::mutual && known.certificate.pins.empty() && !std::ranges::count(out, known.certificate.authorities)) out.push_back(known.certificate.authorities);
    return out;
}

}   // namespace mmgate::mm4
