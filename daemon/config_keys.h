// The table of every configuration key: member, name, default, when a change takes effect, documentation.
//
// The reader (config.cpp), the manual mmgate.toml(5) (docs/reference.cpp), `mmq config` and the tests walk these rows.
// A new key is one member of Config and one row here. The type comes from the member; a text that must be more than text says
// so by its Shape. Defaults are texts read by the same reader as the file.
#pragma once

#include <config.h>   // what configure chose; daemon/config.h is the configuration

#include <array>
#include <string_view>
#include <vector>

#include "daemon/config.h"
#include "daemon/key_spec.h"
#include "daemon/peer_keys.h"

namespace mmgate {

// clang-format off
inline const auto kConfigKeys = std::to_array<KeySpec<Config>>({
    required_key<&Config::domain>("gateway.domain", Reload::restart,
        "The domain of this MMS environment: +E164@domain reaches a phone, and is the address that a phone's mail comes from.", Shape::domain),
    key<&Config::domains>("gateway.domains", "[]", Reload::live,
        "Other domains that reach the same phones.", Shape::domain),
    key<&Config::postmaster>("gateway.postmaster", "", Reload::live,
        "The mailbox that mail to postmaster at any of our domains goes to. Without it such mail is refused. It must not lie in one of our domains.", Shape::mailbox),
    key<&Config::hostname>("gateway.hostname", "", Reload::live,
        "The name of this host, as SMTP greets with it and as it stands in Received fields and reports. Without it: gateway.domain.", Shape::domain),
    key<&Config::state_dir>("gateway.state_dir", kDefaultStateDir, Reload::restart,
        "The directory of the store. It belongs to one running gateway. A relative path begins at the working directory.", Shape::path),
    key<&Config::control>("gateway.control", kDefaultControlSocket, Reload::restart,
        "The Unix socket that mmq talks to.", Shape::path),
    key<&Config::control_users>("gateway.control_users", "[]", Reload::live,
        "Users, by name, who may use the control socket besides root and the user that the gateway runs as. "
        "The socket's group must let them in, too.", Shape::token),

    key<&Config::numbering, &NumberingPlan::country_code>("numbering.country_code", "1", Reload::live,
        "The country code of numbers that are written in national form, without plus.", Shape::digits),
    key<&Config::numbering, &NumberingPlan::trunk_prefix>("numbering.trunk_prefix", "0", Reload::live,
        "What national numbers begin with and E.164 numbers do not; empty where there is no such prefix.", Shape::digits),
    key<&Config::numbering, &NumberingPlan::international_prefix>("numbering.international_prefix", "00", Reload::live,
        "What is dialled before a country code.", Shape::digits),

    key<&Config::message_size_bytes>("limits.message_size", "5M", Reload::live,
        "The largest MM taken from any side, as an MM1 PDU. EHLO SIZE announces 1.4 times it plus 64 KiB.", Shape::any, {4096, 256 * kMiB}),
    key<&Config::recipients>("limits.recipients", "100", Reload::live,
        "The most recipients of one message, whichever side it comes from. Over SMTP further ones are answered 452 4.5.3.", Shape::any, {1, 1000}),
    key<&Config::mm1_connections>("limits.mm1_connections", "2000", Reload::live,
        "The most HTTP connections of phones at the same time.", Shape::any, {1, 100000}),
    key<&Config::mm1_connections_per_client>("limits.mm1_connections_per_client", "200", Reload::live,
        "The most HTTP connections from one address. All phones behind one proxy share an address.", Shape::any, {1, 100000}),
    key<&Config::memory_bytes>("limits.memory", "256M", Reload::live,
        "Octets of messages in flight over all sessions; above it new ones are asked to come later. At least twice limits.message_size.", Shape::any, {kMiB, 1024 * 1024 * kMiB}),
    key<&Config::map_size_bytes>("limits.map_size", "64G", Reload::restart,
        "The store never grows beyond this size. It is address space, not memory, and disk only as far as it is used.", Shape::any, {16 * kMiB, 64 * 1024 * 1024 * kMiB}),
    key<&Config::disk_reserve_bytes>("limits.disk_reserve", "256M", Reload::restart,
        "Free space on the store's disk below which new messages are deferred. What is queued goes on.", Shape::any, {0, 1024 * 1024 * kMiB}),

    key<&Config::smtp_listen>("smtp.listen", R"(["127.0.0.1:2525"])", Reload::listeners,
        "Where Internet mail and MM4 come in. Port 0 is any free port."),
    key<&Config::smtp_networks>("smtp.networks", R"(["127.0.0.0/8", "::1/128"])", Reload::live,
        "Who may hand in mail; others are refused with 550 5.7.1 at MAIL. Recipients that are not ours are refused for everybody. "
        "A public MX lists 0.0.0.0/0 and ::/0. An empty list allows nobody."),
    key<&Config::smtp_connections>("smtp.connections", "1000", Reload::live,
        "The most SMTP connections at the same time; further ones are answered 421 4.7.0.", Shape::any, {1, 100000}),
    key<&Config::smtp_connections_per_client>("smtp.connections_per_client", "100", Reload::live,
        "The most SMTP connections from one address.", Shape::any, {1, 100000}),
    key<&Config::smtp_commands>("smtp.commands", "100000", Reload::live,
        "The most commands of one session, which ends with 421 4.7.0 after them. A busy relay sends thousands of mails over one connection.", Shape::any, kOneOrMore),
    key<&Config::smtp_errors>("smtp.errors", "20", Reload::live,
        "The most refused commands of one session, which ends with 421 4.7.0 after them. A mail that is accepted counts them anew.", Shape::any, kOneOrMore),
    key<&Config::smtp_line_bytes>("smtp.line", "64K", Reload::live,
        "The longest line of a mail. RFC 5321 allows 1000 octets; many programs send more.", Shape::any, {1000, 16 * kMiB}),
    key<&Config::smtp_command_bytes>("smtp.command_line", "4K", Reload::live,
        "The longest command line; longer ones are answered 500 5.5.2.", Shape::any, {512, 64 * 1024}),
    key<&Config::smtp_idle>("smtp.idle", "5m", Reload::live,
        "How long a client may say nothing between commands.", Shape::any, kTime),
    key<&Config::smtp_session>("smtp.session", "1h", Reload::live,
        "How long a session may last; it ends with 421 between two transactions.", Shape::any, kTime),
    key<&Config::smtp_data>("smtp.data", "10m", Reload::live,
        "How long one mail may take from DATA to the dot.", Shape::any, kTime),
    key<&Config::tls_certificate>("smtp.tls.certificate", "", Reload::live,
        "PEM file of the certificate and its chain. With it STARTTLS is offered.", Shape::path),
    key<&Config::tls_key>("smtp.tls.key", "", Reload::live,
        "PEM file of the certificate's private key.", Shape::path),
    key<&Config::tls_mode>("smtp.tls.mode", "opportunistic", Reload::live,
        "off: STARTTLS is not offered. opportunistic: it is offered when there is a certificate. required: MAIL before STARTTLS is refused with 530 5.7.0."),

    key<&Config::mm1_listen>("mm1.listen", R"(["127.0.0.1:8080"])", Reload::listeners,
        "Where phones post and get, usually through the operator's proxy. Port 0 is any free port."),
    key<&Config::mm1_url>("mm1.url", "", Reload::live,
        "What X-Mms-Content-Location begins with, as phones reach it: http:// or https://, a host, a path if any. Without it: http:// and the first listener.", Shape::url),
    key<&Config::msisdn_headers>("mm1.msisdn_header", R"(["X-MSISDN"])", Reload::live,
        "The HTTP headers in which the operator's proxy names the phone, the first one present counts. They are read only from mm1.trusted.", Shape::token),
    key<&Config::mm1_trusted>("mm1.trusted", R"(["127.0.0.0/8", "::1/128"])", Reload::live,
        "The proxies whose mm1.msisdn_header is believed. Whoever sits in these networks can send as any phone."),
    key<&Config::mm1_timeout>("mm1.timeout", "60s", Reload::live,
        "How long a phone may pause within a request or an answer.", Shape::any, kTime),
    key<&Config::submission_memory>("mm1.submission_memory", "1h", Reload::live,
        "How long a repeated M-Send.req is recognised: the same phone, transaction id and content give the same answer and no second message.", Shape::any, kTime),

    key<&Config::push_kind>("push.kind", "none", Reload::live,
        "How notifications reach phones: pap, a Push Proxy Gateway; kannel, a sendsms interface; none, not at all: they are tried again until another bearer is set."),
    key<&Config::push_url>("push.url", "", Reload::live,
        "The bearer's address.", Shape::url),
    key<&Config::push_user>("push.user", "", Reload::live,
        "The user name that the bearer asks for."),
    key<&Config::push_password>("push.password", "", Reload::live,
        "The password that the bearer asks for. It need not stand in the file, see SECRETS.", Shape::secret),
    key<&Config::push_from>("push.from", "", Reload::live,
        "The sender that the bearer asks for: a number or short code."),
    key<&Config::push_text_type>("push.text_type", "false", Reload::live,
        "Of kannel: whether the push names the type of its content in text and not by number. Very old phones know no number for it; some others drop the text."),
    key<&Config::push_class_one>("push.class_one", "true", Reload::live,
        "Of kannel: whether the short messages are of class 1 (data coding F5), which keeps them off the SIM. For message centres that refuse it: false, data coding 04."),
    key<&Config::push_connections>("push.connections", "8", Reload::live,
        "The most pushes at the same time.", Shape::any, {1, 1000}),
    key<&Config::push_timeout>("push.timeout", "30s", Reload::live,
        "How long the bearer may take to answer.", Shape::any, kTime),

    key<&Config::mail_relay>("mail.relay", "", Reload::live,
        "The host that all outgoing mail goes to, also what waits for another one. Without it: the MX of the recipient's domain."),
    key<&Config::mail_connections>("mail.connections", "20", Reload::live,
        "The most SMTP connections to one destination at the same time.", Shape::any, {1, 1000}),
    key<&Config::mail_port>("mail.port", "25", Reload::live,
        "The port of MX hosts.", Shape::any, {1, 65535}),
    key<&Config::mail_timeout>("mail.timeout", "5m", Reload::live,
        "How long a next hop may take to connect and to give each reply.", Shape::any, kTime),
    key<&Config::mail_final_timeout>("mail.final_timeout", "10m", Reload::live,
        "How long a next hop may take to reply to the final dot. A short time here makes duplicates.", Shape::any, kTime),
    key<&Config::mail_tls>("mail.tls", "true", Reload::live,
        "Use STARTTLS where a next hop offers it. Certificates are not verified."),
    key<&Config::notify_failures>("mail.notify_failures", "true", Reload::live,
        "Ask next hops for a report of failure also where the phone asked for no report, so that its owner can be told."),
    key<&Config::keep_smil>("mail.keep_smil", "false", Reload::live,
        "Attach the presentation (SMIL) to outgoing mail."),
    key<&Config::private_mx>("mail.private_mx", "false", Reload::live,
        "Use MX hosts whose addresses are loopback, link-local or private. Off, a foreign domain cannot point our mail at our own network."),

    key<&Config::dns_servers>("dns.servers", "[]", Reload::restart,
        "The name servers to ask. Without it: those of resolv.conf(5)."),
    key<&Config::dns_timeout>("dns.timeout", "5s", Reload::restart,
        "How long one question may take at one server.", Shape::any, {1, 60}),

    key<&Config::retry>("queue.retry", R"(["1m", "5m", "15m", "1h"])", Reload::live,
        "The waits between attempts at mail; the last one repeats.", Shape::any, kTime),
    key<&Config::notify_again>("queue.notify_again", R"(["5m", "15m", "1h", "6h"])", Reload::live,
        "The waits between notifications to a phone that has not fetched its message; the last one repeats.", Shape::any, kTime),
    key<&Config::lifetime>("queue.lifetime", "7d", Reload::live,
        "How long a message waits for its phone, at most (it caps X-Mms-Expiry), and how long mail is tried.", Shape::any, kTime),
    key<&Config::history>("queue.history", "1d", Reload::restart,
        "How long the record of an ended message stays for mmq trace and for late reports.", Shape::any, {0, 366 * 24 * 3600ull}),
    key<&Config::service_messages>("queue.service_messages", "true", Reload::live,
        "Tell a phone that asked for no report by a short message what did not reach whom and why."),
    key<&Config::report_delay>("queue.report_delay", "5s", Reload::live,
        "Failures of one message within this time share one report.", Shape::any, {0, 24 * 3600}),

    key<&Config::mm4_system>("mm4.system", "mms-system", Reload::live,
        "The local part of our system address, which requests and responses between relays come from and go to: mms-system@ and gateway.domain.", Shape::token),
    key<&Config::mm4_default_peer>("mm4.default_peer", "", Reload::live,
        "The name of the peer that gets messages to numbers that no prefix, no zone and nobody else knows: a hub. Without it such numbers are refused.", Shape::token),
    key<&Config::mm4_mail_networks>("mm4.mail_networks", R"(["127.0.0.0/8", "::1/128"])", Reload::live,
        "Mail clients that may send to numbers of peers. Others reach only the phones that are served here. An empty list allows nobody."),
    key<&Config::mm4_response_timeout>("mm4.response_timeout", "30m", Reload::live,
        "How long a peer may take to respond to a request that asked for it. Then the same request is sent again.", Shape::any, kTime),
    key<&Config::mm4_resend>("mm4.resend", "3", Reload::live,
        "How often a request without a response is sent again. After the last time its recipients fail.", Shape::any, {0, 20}),
    key<&Config::mm4_retry>("mm4.retry", R"(["1m", "2m", "5m", "10m", "20m", "30m"])", Reload::live,
        "The waits between attempts at a peer; the last one repeats.", Shape::any, kTime),
    key<&Config::mm4_lifetime>("mm4.lifetime", "1d", Reload::live,
        "How long a peer is tried with an MM, at most.", Shape::any, kTime),
    key<&Config::mm4_response_lifetime>("mm4.response_lifetime", "4h", Reload::live,
        "How long a peer is tried with a response.", Shape::any, kTime),
    key<&Config::mm4_report_lifetime>("mm4.report_lifetime", "1d", Reload::live,
        "How long a peer is tried with a report.", Shape::any, kTime),
    key<&Config::mm4_forwards>("mm4.forwards", "10", Reload::live,
        "The most times that a message may have been forwarded by people; beyond it a peer's request is refused.", Shape::any, {1, 100}),

    key<&Config::portability_url>("portability.url", "", Reload::live,
        "A service that knows which numbers have moved to another operator. It is asked with GET, {number} in the URL standing for the digits with their plus, encoded; "
        "it answers 200 and one line of text with the name of a peer or one of its domains, or 404 where the number has not moved.", Shape::url_template),
    key<&Config::portability_user>("portability.user", "", Reload::live,
        "The user name that the service asks for."),
    key<&Config::portability_password>("portability.password", "", Reload::live,
        "The password that the service asks for; see SECRETS.", Shape::secret),
    key<&Config::portability_prefixes>("portability.prefixes", R"(["+"])", Reload::live,
        "The numbers to ask it about. Numbers that are served here are asked about only if a prefix of this list is longer than the one they are served by.", Shape::prefix),
    key<&Config::portability_timeout>("portability.timeout", "5s", Reload::live,
        "How long the service may take to answer.", Shape::any, {1, 300}),
    key<&Config::portability_memory>("portability.memory", "1h", Reload::live,
        "How long its answers are believed.", Shape::any, kTime),

    key<&Config::sandbox>("security.sandbox", "true", Reload::restart,
        "Give up all that is not needed once the gateway runs: other system calls, and files outside of gateway.state_dir and of what a reload reads. See mmgated(8)."),

    key<&Config::log, &Log::Options::level>("log.level", "info", Reload::live,
        "What is logged: error, warning, notice, info or debug, each with those before it."),
    key<&Config::log, &Log::Options::numbers>("log.numbers", "masked", Reload::live,
        "masked: the last four digits of telephone numbers are hidden. full: they are written whole."),

    key<&Config::alarms, &AlarmLimits::queue>("alarms.queue", "10000", Reload::live,
        "With so many messages waiting the alarm queue_high is raised. 0: never."),
    key<&Config::alarms, &AlarmLimits::oldest>("alarms.oldest", "2d", Reload::live,
        "When a message has waited for so long the alarm oldest_age_high is raised. Messages for phones that are off wait for long. 0s: never.", Shape::any, {0, 366 * 24 * 3600ull}),
    key<&Config::alarms, &AlarmLimits::store>("alarms.store", "80", Reload::live,
        "At this percentage of limits.map_size the alarm store_low is raised; at 90 new messages are deferred. It is raised near limits.disk_reserve, too.", Shape::any, {1, 100}),
    key<&Config::alarms, &AlarmLimits::peer>("alarms.peer", "5m", Reload::live,
        "When attempts at the push bearer, the mail relay or another MMS environment have failed for so long without one that came through, bearer_failing or peer_down is raised.",
        Shape::any, {0, 366 * 24 * 3600ull}),
    key<&Config::alarms, &AlarmLimits::certificate>("alarms.certificate", "14d", Reload::live,
        "So long before a certificate ends the alarm certificate_expiring is raised.", Shape::any, {0, 366 * 24 * 3600ull}),
    key<&Config::alarms, &AlarmLimits::conversions>("alarms.conversions", "10", Reload::live,
        "After so many failed conversions in a row the alarm conversion_failing is raised. 0: never."),
    key<&Config::alarms, &AlarmLimits::clear>("alarms.clear", "80", Reload::live,
        "An alarm over a number clears when that has fallen to this percentage of the threshold.", Shape::any, {1, 100}),
    key<&Config::alarms, &AlarmLimits::settle>("alarms.settle", "30s", Reload::live,
        "How long a thing must have been bad before its alarm is raised, and good before it is cleared.", Shape::any, {0, 24 * 3600}),

    key<&Config::metrics_listen>("metrics.listen", "[]", Reload::listeners,
        "Where GET /metrics answers with all figures in the OpenMetrics format. Loopback addresses only: whoever reaches it reads them, and nothing is encrypted. "
        "Off unless it is asked for, as a listener that nobody uses is only a door. Port 0 is any free port."),

    key<&Config::snmp_user>("snmp.user", "", Reload::live,
        "The user that mmgate-snmp(8) runs as. It may read figures, alarms and events on the control socket, and no message. The socket's group must let it in, too.", Shape::token),
    key<&Config::snmp_control>("snmp.control", "false", Reload::live,
        "Let managers hold, release and flush all messages and reload the configuration by SNMP SET. Who may set is snmpd's to say; each act is logged."),
});

inline const auto kMm1ClientKeys = std::to_array<KeySpec<Mm1Client>>({
    required_key<&Mm1Client::address>("address", Reload::live, "The address that the phone's requests come from.", Shape::address),
    required_key<&Mm1Client::msisdn>("msisdn", Reload::live, "The phone's number, in any form that [numbering] understands."),
});
inline const auto kSubscriberKeys = std::to_array<KeySpec<SubscriberRange>>({
    required_key<&SubscriberRange::prefix>("prefix", Reload::live, "What the numbers begin with: + and digits.", Shape::prefix),
});
inline const auto kApplicationKeys = std::to_array<KeySpec<Application>>({
    required_key<&Application::id>("id", Reload::live, "The identifier, as it stands in Applic-ID and X-Mms-Applic-ID.", Shape::token),
    key<&Application::networks>("networks", "[]", Reload::live, "Who may set it. An empty list allows nobody."),
});
inline const auto kEnumKeys = std::to_array<KeySpec<EnumZone>>({
    required_key<&EnumZone::zone>("zone", Reload::restart, "The zone below which numbers stand in reverse, such as e164.arpa or e164enum.net.", Shape::domain),
    key<&EnumZone::prefixes>("prefixes", R"(["+"])", Reload::restart, "The numbers to ask it about.", Shape::prefix),
    key<&EnumZone::servers>("servers", "[]", Reload::restart, "The name servers to ask. Without it: those of [dns]."),
});
inline const auto kPortedKeys = std::to_array<KeySpec<PortedNumber>>({
    required_key<&PortedNumber::number>("number", Reload::live, "The number: + and digits.", Shape::prefix),
    key<&PortedNumber::peer>("peer", "", Reload::live, "The name of the peer that serves it. Empty: it is served here.", Shape::token),
});
// clang-format on

/// An array of tables: `[[peer]]` fills Config::peers, one element a table.
template <class Element, std::size_t count>
struct TableSpec {
    std::string_view name;
    std::vector<Element> Config::*member;
    const std::array<KeySpec<Element>, count>* keys;
    std::string_view documentation;
};
template <class Element, std::size_t count>
TableSpec(std::string_view, std::vector<Element> Config::*, const std::array<KeySpec<Element>, count>*, std::string_view) -> TableSpec<Element, count>;

/// Calls `visit(table)` with each array of tables.
template <class Visit>
void for_each_table(Visit&& visit) {
    visit(TableSpec{"mm1.client", &Config::mm1_clients, &kMm1ClientKeys,
                    "Which phone sits at an address, where no proxy says so. A header from mm1.trusted wins."});
    visit(TableSpec{"subscribers", &Config::subscribers, &kSubscriberKeys, "Numbers that are served here."});
    visit(TableSpec{"peer", &Config::peers, &kPeerKeys, "Another MMS environment, reached over MM4."});
    visit(TableSpec{"enum", &Config::enum_zones, &kEnumKeys, "A zone of ENUM, where names lead from numbers to peers. The zone with the longest matching prefix is asked."});
    visit(TableSpec{"ported", &Config::ported, &kPortedKeys, "A number that is elsewhere than its prefix says. It goes before all else."});
    visit(TableSpec{"application", &Config::applications, &kApplicationKeys, "Who may set Applic-ID in mail, and to what."});
}

}   // namespace mmgate
