// The configuration as values. Keys, defaults, documentation: config_keys.h. Reading: config.cpp.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "daemon/endpoint.h"
#include "daemon/log.h"
#include "daemon/peer.h"
#include "daemon/watch/alarm_limits.h"
#include "mapping/address.h"
#include "mapping/mm.h"
#include "mapping/result.h"

namespace mmgate {

/// When a changed value takes effect: at once, by opening and closing listeners, or not before the next start.
enum class Reload : std::uint8_t { live,
                                   listeners,
                                   restart };

enum class TlsMode : std::uint8_t { off,
                                    opportunistic,
                                    required };
enum class PushKind : std::uint8_t { none,
                                     pap,
                                     kannel,
                                     smpp };

struct Mm1Client {
    std::string address;   // literal
    std::string msisdn;    // as written
    bool operator==(const Mm1Client&) const = default;
};
struct SubscriberRange {
    std::string prefix;   // E.164 digits with plus
    bool operator==(const SubscriberRange&) const = default;
};
/// A zone of ENUM and who answers for it.
struct EnumZone {
    std::string zone;                    // "e164enum.net"
    std::vector<std::string> prefixes;   // numbers to ask it about
    std::vector<Endpoint> servers;
    bool operator==(const EnumZone&) const = default;
};
/// A number that is elsewhere than its prefix says.
struct PortedNumber {
    std::string number, peer;   // peer "": served here
    bool operator==(const PortedNumber&) const = default;
};
struct Application {
    std::string id;
    std::vector<Network> networks;
    bool operator==(const Application&) const = default;
};

struct Config {
    // [gateway]
    std::string domain, hostname, postmaster;
    std::vector<std::string> domains;
    std::string state_dir, control;
    std::vector<std::string> control_users;   // who may use the control socket besides root and the gateway's own user

    NumberingPlan numbering;

    // [limits]
    std::uint64_t message_size_bytes = 0;
    std::uint32_t recipients = 0;   // of one message, any door
    std::uint32_t mm1_connections = 0, mm1_connections_per_client = 0;
    std::uint64_t memory_bytes = 0;         // message octets in flight over all sessions; above it 4xx
    std::uint64_t map_size_bytes = 0;       // the store never grows beyond it
    std::uint64_t disk_reserve_bytes = 0;   // free space below which new mail is refused

    // [smtp]
    std::vector<Endpoint> smtp_listen;
    std::vector<Network> smtp_networks;
    std::string tls_certificate, tls_key;
    TlsMode tls_mode = TlsMode::opportunistic;
    std::uint32_t smtp_connections = 0, smtp_connections_per_client = 0;
    std::uint32_t smtp_commands = 0;   // of one session, beyond which 421
    std::uint32_t smtp_errors = 0;
    std::uint64_t smtp_line_bytes = 0;   // a text line of DATA
    std::uint64_t smtp_command_bytes = 0;
    Seconds smtp_idle{}, smtp_session{}, smtp_data{};

    // [mm1]
    std::vector<Endpoint> mm1_listen;
    std::string mm1_url;                       // without a final slash; "": http:// and the first listener
    std::vector<std::string> msisdn_headers;   // ordered; a single text in the file is a list of one
    std::vector<Network> mm1_trusted;
    std::vector<Mm1Client> mm1_clients;
    Seconds mm1_timeout{};
    Seconds submission_memory{};   // how long the same M-Send.req gives the same answer

    // [push]
    PushKind push_kind = PushKind::none;
    std::string push_url, push_user, push_password, push_from;
    bool push_text_type = false;   // the content type of the WSP push as text
    bool push_class_one = true;    // data coding F5, not 04
    std::uint32_t push_connections = 0;
    Seconds push_timeout{};

    // [mail]
    std::optional<Endpoint> mail_relay;
    std::uint32_t mail_connections = 0;   // per destination
    std::uint16_t mail_port = 25;         // of MX hosts
    Seconds mail_timeout{};               // connect and each reply; the final reply waits for `mail_final_timeout`
    Seconds mail_final_timeout{};
    bool mail_tls = true;          // STARTTLS when offered
    bool notify_failures = true;   // ask NOTIFY=FAILURE where the phone asked for no report
    bool keep_smil = false;
    bool private_mx = false;   // whether MX hosts in loopback and private ranges are used

    // [dns]
    std::vector<Endpoint> dns_servers;
    Seconds dns_timeout{};

    // [queue]
    std::vector<Seconds> retry;          // waits between attempts, the last repeats
    std::vector<Seconds> notify_again;   // waits between notifications, the last repeats
    Seconds lifetime{};
    Seconds history{};              // how long the record of an ended message stays
    bool service_messages = true;   // tell a phone what did not reach whom
    Seconds report_delay{};         // failures of one message within it share one report

    // [security]
    bool sandbox = true;

    // [log]
    Log::Options log;

    // [mm4]
    std::string mm4_system;                   // local part of our system address
    std::string mm4_default_peer;             // who gets numbers that nobody else is known to serve
    std::vector<Network> mm4_mail_networks;   // mail clients that may reach numbers of peers
    Seconds mm4_response_timeout{};           // an MM4_forward.RES is waited for this long
    std::uint32_t mm4_resend = 0;             // times a request without a response is sent again
    std::vector<Seconds> mm4_retry;
    Seconds mm4_lifetime{}, mm4_response_lifetime{}, mm4_report_lifetime{};
    std::uint32_t mm4_forwards = 0;   // X-Mms-Forward-Counter above it is refused

    // [portability]
    std::string portability_url, portability_user, portability_password;
    std::vector<std::string> portability_prefixes;
    Seconds portability_timeout{}, portability_memory{};

    AlarmLimits alarms;   // [alarms]

    // [metrics]
    std::vector<Endpoint> metrics_listen;

    // [snmp]
    std::string snmp_user;   // who the agent runs as: may read figures, alarms and events
    bool snmp_control = false;

    std::vector<SubscriberRange> subscribers;
    std::vector<Peer> peers;
    std::vector<Application> applications;
    std::vector<EnumZone> enum_zones;
    std::vector<PortedNumber> ported;

    bool operator==(const Config&) const = default;
};

/// Keys and tables whose values differ between two configurations, by name in the order of config_keys.h; those of `reload` only.
std::vector<std::string_view> changed_keys(const Config& from, const Config& to, Reload reload);

/// Gives `next` the values of `running` where a change takes effect at a start only: half of a gateway with the new value would be worse than either.
void keep_until_restart(const Config& running, Config& next);

/// What is wrong with a configuration, for a person: "FILE:LINE: key smtp.listn is not known; did you mean smtp.listen?".
struct ConfigError {
    std::string message;
    std::size_t line = 0;   // 0: of no single line
};

/// Reads and checks a file, or its text (`name` stands in messages). Every key of the file must be known; what is absent takes its default.
/// All that is wrong is told at once, in the order of the lines; a broken TOML syntax ends the reading where it stands.
tl::expected<Config, std::vector<ConfigError>> read_config(const std::string& path);
tl::expected<Config, std::vector<ConfigError>> parse_config(std::string_view text, std::string_view name);

}   // namespace mmgate
