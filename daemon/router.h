// The next hop: which route and lane a recipient takes, or why there is none. Pure: a table in, a decision out.
//
// A number goes, in this order: where [[ported]] says; to a phone of ours, if it begins with a prefix that is served here; where the portability service or
// ENUM say, which takes asking, and is done by NumberResolver in the lane "resolve"; to the peer with the longest prefix; to the default peer.
// Source: 3GPP TS 23.140 §7.2 (address resolution), RFC 4355 (ENUM), RFC 5321 §4.5.1 (postmaster).
#pragma once

#include <string>
#include <vector>

#include "daemon/config.h"
#include "daemon/peer_directory.h"
#include "mapping/address.h"
#include "mapping/mm.h"
#include "mapping/result.h"

namespace mmgate {

inline constexpr std::string_view kResolveLane = "resolve";
/// The route of a number that is looked up for somebody who may reach phones of ours, and nobody else.
inline constexpr std::string_view kResolveHere = "resolve-here";

struct Route {
    Address address;     // phone in E.164, or mailbox
    std::string route;   // "mm1", "mail", "mm4:NAME"; "resolve" or "resolve-here" until it is known; "system" for what relays say to each other
    std::string lane;    // "mm1", "mail:[127.0.0.1]:1025", "mail:example.org", "mm4:normal:NAME", "resolve"
    std::string why;     // one clause for people: "+447700 is served here"
};

/// The lane of mail to a mailbox: that of the relay, or of its domain.
std::string mail_lane(const Address& mailbox, const Config& config);
/// Whether mail that waits in this lane would still be put there. One of a relay that is no longer in the configuration is left for another.
bool is_mail_lane_of(std::string_view lane, const Config& config);
/// The lane of messages of this priority: peers have three each, other routes have one.
std::string lane_for(const Route& route, Priority priority);
/// The peer's name in a route or lane of MM4; "" for any other.
std::string_view peer_of_route(std::string_view route);
std::string_view peer_of_lane(std::string_view lane);
std::string mm4_lane(std::string_view peer, Priority priority);

/// Where a message comes from, as far as that decides where it may go.
struct Whence {
    std::string client;               // of mail: its address
    std::vector<std::string> peers;   // who the client may speak as; empty: nobody
};

class Router {
public:
    explicit Router(const Config& config);

    /// A recipient that a phone or a report names: a number in any written form, or a mailbox. A mailbox in one of our domains is a phone.
    /// Fails: recipient_unknown, recipient_syntax.
    Result<Route> of_recipient(const Address& recipient) const;
    /// A recipient of mail or MM4 (RCPT TO): our domains; numbers of peers for mm4.mail_networks and for peers that may transit; the domains of other peers for
    /// these; postmaster goes to gateway.postmaster; our system address is route "system".
    /// Fails: relay_denied for foreign domains, recipient_unknown for numbers that nobody is known to serve.
    Result<Route> of_mail_recipient(const Address& mailbox, const Whence& whence) const;
    /// The phone of an identity that a trusted proxy or the client table gives. Fails: sender_denied when it is not served here.
    Result<Address> subscriber(std::string_view msisdn) const;
    /// Where a number goes when portability and ENUM know nothing of it. Fails: recipient_unknown.
    Result<Route> by_prefix(const std::string& number) const;
    /// Where a number goes that a peer, given by its name or a domain, is said to serve; our own domain is a phone of ours.
    /// Fails: recipient_unknown when nobody has that name.
    Result<Route> of_ported(const std::string& number, std::string_view peer_or_domain, std::string_view who_says) const;

    /// What decides where a number goes, in the order in which it is asked, for people: our own tables only.
    std::vector<std::string> considered(const std::string& number) const;

    bool is_our_domain(std::string_view domain) const;
    bool is_served_here(std::string_view number) const;
    /// "+447700900123@mms.example.net".
    Address mail_address_of(const Address& phone) const;
    /// Ours, for what relays say to each other: "mms-system@mms.example.net".
    const std::string& system_address() const { return system_address_; }
    bool is_system_address(const Address& mailbox) const;
    const PeerDirectory& peers() const { return peers_; }
    const Config& config() const { return config_; }

private:
    Result<Route> of_number(std::string number) const;
    Result<Route> of_foreign_mailbox(const Address& mailbox) const;
    Result<Route> of_postmaster() const;
    Result<Route> to_peer(const Peer& peer, Address address, std::string why) const;
    std::string_view served_prefix(std::string_view number) const;
    bool must_be_asked(std::string_view number, std::string_view served) const;
    Result<Route> allowed(Result<Route> route, const Whence& whence) const;

    Config config_;
    PeerDirectory peers_;
    std::vector<std::string> domains_;
    std::string system_address_;
};

}   // namespace mmgate
