// The keys of [[peer]], and the presets: known kinds of relay, as defaults for these keys.
//
// Source of the switches: what the technical sheets of operators ask (docs/conformance.md, TS 23.140 §8.4).
#pragma once

#include <array>
#include <span>
#include <string_view>

#include "daemon/key_spec.h"

namespace mmgate {

// clang-format off
inline const auto kPeerKeys = std::to_array<KeySpec<Peer>>({
    required_key<&Peer::name>("name", Reload::live, "What logs and mmq call it.", Shape::token),
    required_key<&Peer::domain>("domain", Reload::live, "The domain of its MMS environment.", Shape::domain),
    key<&Peer::preset>("preset", "", Reload::live, "The kind of relay that it is: other defaults for the keys below. See PRESETS.", Shape::token),
    key<&Peer::domains>("domains", "[]", Reload::live, "Further domains of its environment, and those that a hub speaks for.", Shape::domain),
    key<&Peer::prefixes>("prefixes", "[]", Reload::live, "What its numbers begin with: + and digits. The longest prefix of all wins.", Shape::prefix),
    key<&Peer::originators>("originators", "[]", Reload::live,
        "What the numbers begin with that it may send from; \"+\" stands for all but those served here. Without it: its prefixes.", Shape::prefix),
    key<&Peer::transit>("transit", "false", Reload::live, "Whether it may send through us to numbers of other peers."),
    key<&Peer::next_hop>("next_hop", "[]", Reload::live, "The hosts to send to, in this order. Without it: the MX of its domain."),
    key<&Peer::networks>("networks", "[]", Reload::live, "Who may speak as this peer. Without it: those next_hop that are addresses; a name gives nobody a right. Never everyone."),

    key<&Peer::tls>("tls", "may", Reload::live,
        "none: in clear. may: TLS where it is offered. must: TLS or nothing. verify: and the peer's certificate must be right. mutual: and each side asks for the other's certificate. "
        "From must on, what cannot be had is waited for and never sent in clear; the same holds for what the peer sends."),
    key<&Peer::tls_implicit>("tls_implicit", "false", Reload::live, "TLS begins with the connection, without STARTTLS."),
    key<&Peer::tls_names>("tls_names", "[]", Reload::live, "The names of which its certificate must have one. Without it: the names of next_hop.", Shape::domain),
    key<&Peer::tls_ca>("tls_ca", "", Reload::live, "PEM file of the authorities that its certificate must come from. Without it and without tls_pins: those of the system.", Shape::path),
    key<&Peer::tls_pins>("tls_pins", "[]", Reload::live,
        "SHA-256 of the public keys that its certificate may have, in base64. With a pin neither authority nor name nor date is looked at.", Shape::pin),
    key<&Peer::tls_certificate>("tls_certificate", "", Reload::live, "PEM file of the certificate that we show to it. Without it: smtp.tls.certificate.", Shape::path),
    key<&Peer::tls_key>("tls_key", "", Reload::live, "PEM file of that certificate's private key.", Shape::path),
    key<&Peer::user>("user", "", Reload::live, "The user name to say to it with AUTH, within TLS only."),
    key<&Peer::password>("password", "", Reload::live, "The password to say to it; see SECRETS.", Shape::secret),
    key<&Peer::accept_user>("accept_user", "", Reload::live, "The user name with which it must identify itself here, within TLS only, besides coming from its networks.", Shape::token),
    key<&Peer::accept_password>("accept_password", "", Reload::live, "The password that it must give: as text, or as crypt(5) makes it. See SECRETS.", Shape::secret),

    key<&Peer::connections>("connections", "4", Reload::live, "The most connections to it at the same time.", Shape::any, {1, 1000}),
    key<&Peer::rate>("rate", "0", Reload::live, "The most messages to it in a second; 0: as many as it takes.", Shape::any, {0, 100000}),
    key<&Peer::recipients>("recipients", "100", Reload::live, "The most recipients of one request to it.", Shape::any, {1, 1000}),
    key<&Peer::inbound_connections>("inbound_connections", "20", Reload::live, "The most connections from its networks at the same time; further ones are answered 421.", Shape::any, {1, 10000}),
    key<&Peer::inbound_rate>("inbound_rate", "0", Reload::live, "The most messages from it in a second, beyond which it is answered 451; 0: any number.", Shape::any, {0, 100000}),
    key<&Peer::message_size_bytes>("message_size", "0", Reload::live,
        "The largest MM that is exchanged with it, as an MM1 PDU; 0: limits.message_size. It is announced to it, and what is larger is not sent.", Shape::any, {0, 256 * kMiB}),

    key<&Peer::version>("version", "6.16.0", Reload::live, "The version of TS 23.140 to announce. Below 6 the fields of Rel-6 are left out.", Shape::version),
    key<&Peer::rel6>("rel6", "true", Reload::live, "Whether it is sent the fields of Rel-6."),
    key<&Peer::quote_ids>("quote_ids", "true", Reload::live, "Whether transaction and message ids are written in quotes."),
    key<&Peer::expiry>("expiry", "date", Reload::live, "How X-Mms-Expiry is written: date, or delta, which is seconds."),
    key<&Peer::addresses>("addresses", "domain", Reload::live, "Whether phones in To and Cc are written with the domain of their environment or without one: domain or bare."),
    key<&Peer::mail_from>("mail_from", "user", Reload::live, "What MAIL FROM names: user, the originator; system, our system address; null, the originator of an MM and nobody for responses and reports."),
    key<&Peer::system>("system", "", Reload::live, "Its system address, for responses to requests that name none of its own.", Shape::mailbox),
    key<&Peer::ack>("ack", "true", Reload::live, "Whether requests to it ask for a response."),
    key<&Peer::relay_reports>("relay_reports", "false", Reload::live, "Whether requests ask for a delivery report for ourselves where the sender asked for none."),
    key<&Peer::lenient>("lenient", "true", Reload::live, "Whether what is seen and no standard allows is read: see the table of lenient inputs in reference.md."),
    key<&Peer::normalize>("normalize", "false", Reload::live, "Whether bare CR and LF in what it sends become line ends, after the end of the message has been found. Otherwise they are refused."),
});
// clang-format on

struct PresetValue {
    std::string_view key, text;   // as in the file
};
struct PresetSpec {
    std::string_view name, documentation;
    std::span<const PresetValue> values;
};

inline constexpr PresetValue kRel4Values[] = {{"version", "4.3.0"}, {"rel6", "false"}};
inline constexpr PresetValue kRel5Values[] = {{"version", "5.3.0"}, {"rel6", "false"}};
inline constexpr PresetValue kGrxValues[] = {{"tls", "none"}, {"mail_from", "user"}, {"connections", "8"}};
inline constexpr PresetValue kHubValues[] = {{"tls", "mutual"}, {"mail_from", "system"}, {"originators", "[\"+\"]"}, {"connections", "10"}};
inline constexpr PresetValue kMbuniValues[] = {{"version", "6.3.0"}, {"rel6", "false"}, {"mail_from", "user"}, {"ack", "true"}, {"normalize", "true"}};
inline constexpr PresetSpec kPresets[] = {
    {"rel4", "A relay of 3GPP Rel-4.", kRel4Values},
    {"rel5", "A relay of 3GPP Rel-5.", kRel5Values},
    {"grx", "An operator on a closed network between operators, in clear.", kGrxValues},
    {"hub", "A hub on the Internet, which speaks for many: mutual TLS, system address as envelope sender, originators of everywhere but here.", kHubValues},
    {"mbuni", "A relay on a mail server of its own that may change line ends.", kMbuniValues},
};

}   // namespace mmgate
