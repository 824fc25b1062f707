#include "daemon/peer_directory.h"

#include <algorithm>

namespace mmgate {

namespace {

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

const Peer* find(const std::map<std::string, const Peer*, std::less<>>& map, std::string_view key) {
    const auto found = map.find(key);
    return found == map.end() ? nullptr : found->second;
}

}   // namespace

bool equal_ignoring_case(std::string_view a, std::string_view b) { return std::ranges::equal(a, b, {}, lower, lower); }

std::string in_lower_case(std::string_view text) {
    std::string out(text);
    std::ranges::transform(out, out.begin(), lower);
    return out;
}

PeerDirectory::PeerDirectory(const Config& config) : peers_(config.peers) {
    for (const Peer& peer : peers_) {
        by_name_.emplace(peer.name, &peer);
        by_domain_.emplace(in_lower_case(peer.domain), &peer);
        for (const std::string& domain : peer.domains) by_domain_.emplace(in_lower_case(domain), &peer);
        for (const std::string& prefix : peer.prefixes) by_prefix_.emplace(prefix, &peer);
    }
}

const Peer* PeerDirectory::named(std::string_view name) const { return find(by_name_, name); }
const Peer* PeerDirectory::of_domain(std::string_view domain) const { return find(by_domain_, in_lower_case(domain)); }

PeerDirectory::Match PeerDirectory::of_number(std::string_view number) const {
    for (std::size_t length = std::min<std::size_t>(number.size(), 16); length > 0; --length) {
        const auto found = by_prefix_.find(number.substr(0, length));
        if (found != by_prefix_.end()) return {found->second, found->first};
    }
    return {};
}

bool PeerDirectory::may_originate(const Peer& peer, std::string_view number) {
    const std::vector<std::string>& allowed = peer.originators.empty() ? peer.prefixes : peer.originators;
    return std::ranges::any_of(allowed, [&](const std::string& prefix) { return number.starts_with(prefix); });
}

bool PeerDirectory::has_domain(const Peer& peer, std::string_view domain) {
    return equal_ignoring_case(peer.domain, domain) || std::ranges::any_of(peer.domains, [&](const std::string& one) { return equal_ignoring_case(one, domain); });
}

}   // namespace mmgate
