#include "daemon/router.h"

#include <algorithm>
#include <array>

namespace mmgate {

namespace {

constexpr std::string_view kMm4 = "mm4:";
constexpr std::string_view kMail = "mail:";
constexpr std::string_view kPostmaster = "postmaster";
constexpr auto kPriorityWords = std::to_array<std::string_view>({"low:", "normal:", "high:"});

std::string_view longest_prefix(const std::vector<std::string>& prefixes, std::string_view number) {
    std::string_view longest;
    for (const std::string& prefix : prefixes)
        if (number.starts_with(prefix) && prefix.size() > longest.size()) longest = prefix;
    return longest;
}

}   // namespace

std::string mail_lane(const Address& mailbox, const Config& config) {
    return std::string(kMail) + (config.mail_relay ? to_text(*config.mail_relay) : std::string(domain_part(mailbox)));
}

bool is_mail_lane_of(std::string_view lane, const Config& config) {
    if (!lane.starts_with(kMail)) return false;
    lane.remove_prefix(kMail.size());
    if (config.mail_relay) return lane == to_text(*config.mail_relay);
    // A domain has no port, and an address literal ends with its bracket.
    return lane.ends_with(']') || lane.find(':') == std::string_view::npos;
}

std::string mm4_lane(std::string_view peer, Priority priority) {
    return std::string(kMm4) + std::string(kPriorityWords[static_cast<std::size_t>(priority)]) + std::string(peer);
}

std::string lane_for(const Route& route, Priority priority) {
    const std::string_view peer = peer_of_route(route.route);
    return peer.empty() ? route.lane : mm4_lane(peer, priority);
}

std::string_view peer_of_route(std::string_view route) { return route.starts_with(kMm4) ? route.substr(kMm4.size()) : std::string_view(); }

std::string_view peer_of_lane(std::string_view lane) {
    if (!lane.starts_with(kMm4)) return {};
    lane.remove_prefix(kMm4.size());
    for (std::string_view word : kPriorityWords)
        if (lane.starts_with(word)) return lane.substr(word.size());
    return {};
}

Router::Router(const Config& config)
    : config_(config), peers_(config), domains_(config.domains), system_address_(config.mm4_system + "@" + config.domain) {
    domains_.insert(domains_.begin(), config.domain);
}

bool Router::is_our_domain(std::string_view domain) const {
    return std::ranges::any_of(domains_, [&](const std::string& ours) { return equal_ignoring_case(ours, domain); });
}

Address Router::mail_address_of(const Address& phone) const { return {Address::Kind::mailbox, phone.value + "@" + domains_.front(), {}}; }

bool Router::is_system_address(const Address& mailbox) const {
    return mailbox.kind == Address::Kind::mailbox && is_our_domain(domain_part(mailbox)) && equal_ignoring_case(local_part(mailbox), config_.mm4_system);
}

// ------------------------------------------------------------------------------------------------------------------------------------ numbers

std::string_view Router::served_prefix(std::string_view number) const {
    std::string_view longest;
    for (const SubscriberRange& range : config_.subscribers)
        if (number.starts_with(range.prefix) && range.prefix.size() > longest.size()) longest = range.prefix;
    return longest;
}

bool Router::is_served_here(std::string_view number) const {
    const auto ported = std::ranges::find(config_.ported, number, &PortedNumber::number);
    if (ported != config_.ported.end()) return ported->peer.empty();
    const std::string_view served = served_prefix(number);
    return !served.empty() && peers_.of_number(number).prefix.size() < served.size();
}

/// Whether somebody beside our own tables may know better.
bool Router::must_be_asked(std::string_view number, std::string_view served) const {
    const bool by_service = !config_.portability_url.empty() && longest_prefix(config_.portability_prefixes, number).size() > served.size();
    if (!served.empty()) return by_service;
    return by_service || std::ranges::any_of(config_.enum_zones, [&](const EnumZone& zone) { return !longest_prefix(zone.prefixes, number).empty(); });
}

Result<Route> Router::to_peer(const Peer& peer, Address address, std::string why) const {
    return Route{std::move(address), std::string(kMm4) + peer.name, mm4_lane(peer.name, Priority::normal), std::move(why)};
}

Result<Route> Router::of_number(std::string number) const {
    const auto ported = std::ranges::find(config_.ported, number, &PortedNumber::number);
    if (ported != config_.ported.end()) return of_ported(number, ported->peer.empty() ? std::string_view(config_.domain) : std::string_view(ported->peer), "[[ported]]");
    const std::string_view served = served_prefix(number);
    const bool ours = !served.empty() && peers_.of_number(number).prefix.size() < served.size();
    if (must_be_asked(number, ours ? served : std::string_view()))
        return Route{{Address::Kind::phone, std::move(number), {}}, std::string(kResolveLane), std::string(kResolveLane), "the portability service or ENUM is to be asked"};
    return by_prefix(number);
}

Result<Route> Router::by_prefix(const std::string& number) const {
    const std::string_view served = served_prefix(number);
    const PeerDirectory::Match match = peers_.of_number(number);
    Address phone{Address::Kind::phone, number, {}};
    if (!served.empty() && served.size() > match.prefix.size()) return Route{std::move(phone), "mm1", "mm1", std::string(served) + " is served here"};
    if (match.peer) return to_peer(*match.peer, std::move(phone), std::string(match.prefix) + " is served by peer " + match.peer->name);
    if (const Peer* hub = peers_.named(config_.mm4_default_peer)) return to_peer(*hub, std::move(phone), "nobody else is known to serve it; peer " + hub->name + " is the default");
    return fail(Fault::recipient_unknown, "the number is in no range that is served here or by a peer");
}

Result<Route> Router::of_ported(const std::string& number, std::string_view peer_or_domain, std::string_view who_says) const {
    const std::string says = std::string(who_says) + " says that ";
    Address phone{Address::Kind::phone, number, {}};
    if (is_our_domain(peer_or_domain)) return Route{std::move(phone), "mm1", "mm1", says + "it is served here"};
    const Peer* peer = peers_.named(peer_or_domain);
    if (!peer) peer = peers_.of_domain(peer_or_domain);
    if (!peer) return fail(Fault::recipient_unknown, says + "another operator serves it, who is no peer of ours");
    return to_peer(*peer, std::move(phone), says + "peer " + peer->name + " serves it");
}

std::vector<std::string> Router::considered(const std::string& number) const {
    const auto ported = std::ranges::find(config_.ported, number, &PortedNumber::number);
    if (ported != config_.ported.end()) return {"[[ported]]: " + (ported->peer.empty() ? "served here" : "peer " + ported->peer)};
    std::vector<std::string> out{"[[ported]]: not listed"};
    const std::string_view served = served_prefix(number);
    out.push_back(served.empty() ? "[[subscribers]]: no range of ours" : "[[subscribers]]: " + std::string(served) + " is ours");
    std::vector<std::pair<std::string_view, std::string_view>> matches;   // prefix, peer
    for (const Peer& peer : peers_.all())
        if (const std::string_view prefix = longest_prefix(peer.prefixes, number); !prefix.empty()) matches.emplace_back(prefix, peer.name);
    std::ranges::sort(matches, [](const auto& a, const auto& b) { return a.first.size() > b.first.size(); });
    std::string peers;
    for (const auto& [prefix, name] : matches) peers += (peers.empty() ? "" : ", ") + std::string(prefix) + " of " + std::string(name);
    out.push_back("[[peer]] prefixes: " + (peers.empty() ? "none matches" : peers));
    if (must_be_asked(number, is_served_here(number) ? served : std::string_view())) out.emplace_back("somebody else may know better: asked below");
    else if (!config_.portability_url.empty() || !config_.enum_zones.empty()) out.emplace_back("[portability] and [[enum]]: not asked about this number");
    if (served.empty() && peers.empty() && !config_.mm4_default_peer.empty()) out.push_back("mm4.default_peer: " + config_.mm4_default_peer);
    return out;
}

// ---------------------------------------------------------------------------------------------------------------------------------- mailboxes

Result<Route> Router::of_foreign_mailbox(const Address& mailbox) const {
    std::string why = config_.mail_relay ? "all mail goes to the relay " + to_text(*config_.mail_relay) : "mail goes to the MX of " + std::string(domain_part(mailbox));
    return Route{mailbox, "mail", mail_lane(mailbox, config_), std::move(why)};
}

Result<Route> Router::of_postmaster() const {
    if (config_.postmaster.empty()) return fail(Fault::recipient_unknown, "gateway.postmaster is not set");
    auto target = parse_mailbox(config_.postmaster);
    if (!target) return fail(target.error());
    auto route = of_foreign_mailbox(*target);
    if (route) route->why = "postmaster is " + config_.postmaster + "; " + route->why;
    return route;
}

Result<Route> Router::of_recipient(const Address& recipient) const {
    switch (recipient.kind) {
        case Address::Kind::phone: {
            auto number = to_e164(config_.numbering, recipient.value);
            if (!number) return fail(number.error());
            return of_number(std::move(*number));
        }
        case Address::Kind::mailbox: {
            const std::string_view domain = domain_part(recipient);
            if (is_our_domain(domain)) {
                // What we send is from there, and phones answer to it.
                if (equal_ignoring_case(local_part(recipient), kPostmaster)) return of_postmaster();
                auto number = number_of_local_part(config_.numbering, local_part(recipient));
                if (!number) return fail(number.error());
                return of_number(std::move(*number));
            }
            if (const Peer* peer = peers_.of_domain(domain)) {
                auto number = number_of_local_part(config_.numbering, local_part(recipient));
                Address address = number ? Address{Address::Kind::phone, *number, {}} : recipient;
                return to_peer(*peer, std::move(address), std::string(domain) + " is a domain of peer " + peer->name);
            }
            return of_foreign_mailbox(recipient);
        }
        case Address::Kind::short_code: return fail(Fault::recipient_unknown, "short codes are not served here");
        default: return fail(Fault::recipient_unknown, "this type of address is not served here");
    }
}

/// What leads out of here again is for those who may send us on our way.
Result<Route> Router::allowed(Result<Route> route, const Whence& whence) const {
    if (!route || route->route == "mm1") return route;
    // A peer's own messages come back to it only by a mistake in somebody's tables.
    const std::string_view to = peer_of_route(route->route);
    const auto transits = [&](const std::string& name) {
        const Peer* peer = peers_.named(name);
        return peer && peer->transit && name != to;
    };
    if (std::ranges::any_of(whence.peers, transits)) return route;
    if (contains(config_.mm4_mail_networks, whence.client) && !std::ranges::count(whence.peers, to)) return route;
    // Whose it is remains to be seen. A peer may mean a phone of ours that came from elsewhere; anybody, one of our own range.
    if (route->route == kResolveLane) {
        const std::string_view served = served_prefix(route->address.value);
        if (!whence.peers.empty() || served.size() > peers_.of_number(route->address.value).prefix.size()) {
            route->route = kResolveHere;
            return route;
        }
    }
    if (std::ranges::count(whence.peers, to)) return fail(Fault::routing_loop, "the number is served by the peer that it comes from");
    return fail(Fault::relay_denied, "the number is served by another operator, and this client may not send there");
}

Result<Route> Router::of_mail_recipient(const Address& mailbox, const Whence& whence) const {
    if (mailbox.kind != Address::Kind::mailbox) return fail(Fault::recipient_syntax, "not a mailbox");
    std::string_view domain = domain_part(mailbox);
    std::string_view local = local_part(mailbox);
    // RFC 5321 §4.5.1: postmaster without a domain is ours too.
    bool ours = domain.empty() || is_our_domain(domain);
    if (ours && equal_ignoring_case(local, kPostmaster)) return of_postmaster();
    if (is_system_address(mailbox)) return Route{mailbox, "system", {}, "our address for what relays say to each other"};
    if (!ours && !whence.peers.empty() && peers_.of_domain(domain)) return allowed(of_recipient(mailbox), whence);
    if (!ours) return fail(Fault::relay_denied, "the domain is not ours");
    auto number = number_of_local_part(config_.numbering, local);
    if (!number) return fail(number.error());
    auto route = allowed(of_number(std::move(*number)), whence);
    // Whoever says that a number is here is not refused as a stranger: a relay looks again for who serves it, but only where it is told that we do not.
    if (!route && route.error().fault == Fault::relay_denied && !whence.peers.empty()) return fail(Fault::recipient_unknown, "the number is not served here, but by another operator");
    return route;
}

Result<Address> Router::subscriber(std::string_view msisdn) const {
    auto number = to_e164(config_.numbering, msisdn);
    if (!number) return fail(Fault::sender_denied, "the sender's number is not a phone number");
    if (!is_served_here(*number)) return fail(Fault::sender_denied, "the sender's number is in no range that is served here");
    return Address{Address::Kind::phone, std::move(*number), {}};
}

}   // namespace mmgate
