// Every figure of the gateway, once: what it is called, what it means, and where it stands in MMGATE-MIB.
//
// From these rows come the OpenMetrics text (watch/open_metrics), the answer to `stats`, MMGATE-MIB and the tables of the manual
// (docs/reference.cpp), and what the SNMP agent registers (snmp/mib). A new figure is one row; a counter is then counted with Metrics::add,
// anything else is filled in by watch/telemetry.
// A place in the MIB is for good: a row that goes leaves its number unused.
#pragma once

#include <algorithm>
#include <array>
#include <atomic>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "daemon/watch/peer_book.h"
#include "daemon/watch/status_book.h"

namespace mmgate {

/// Counted since the start, by Metrics.
enum class Counter : std::uint16_t {
    smtp_connections,
    smtp_refused_connections,
    smtp_accepted,
    smtp_rejected,
    smtp_recipients,
    smtp_bytes,
    smtp_smuggling,
    mm1_requests,
    mm1_bad_requests,
    mm1_submitted,
    mm1_refused,
    mm1_repeated,
    mm1_recipients,
    mm1_bytes,
    mm1_retrieved,
    mm1_retrieved_bytes,
    mm1_not_found,
    mm1_responses,
    mm1_unidentified,
    push_sent,
    push_failed,
    push_deferred,
    mail_messages,
    mail_bytes,
    mail_sent,
    mail_failed,
    mail_deferred,
    mail_connections,
    mail_failed_connections,
    mm4_requests_in,
    mm4_repeated,
    mm4_refused,
    mm4_responses_in,
    mm4_reports_in,
    mm4_alien,
    mm4_requests_out,
    mm4_responses_out,
    mm4_reports_out,
    mm4_resent,
    mm4_unanswered,
    converted_to_mm,
    not_converted_to_mm,
    converted_to_mail,
    not_converted_to_mail,
    parts_left_out,
    too_big,
    routing_loops,
    read_reports_in,
    read_reports_out,
    reports_in,
    reports_in_unmatched,
    dsn_sent,
    delivery_reports_sent,
    service_messages_sent,
    expired,
    delivered,
    relayed,
    rejected,
    failed,
    deleted,
    store_full,
    config_reloads,
    config_reload_failures,
    control_refused,
    alarms_raised,
    alarms_cleared,
    count_,
};

/// Looked up when somebody asks.
enum class Reading : std::uint16_t {
    version = static_cast<std::uint16_t>(Counter::count_),
    started,
    uptime,
    health,
    health_reason,
    accepting,
    last_reload,
    last_reload_result,
    memory_bytes,
    memory_limit_bytes,
    messages,
    content_bytes,
    oldest_arrival,
    oldest_age,
    carrying,
    unsettled,
    smtp_sessions,
    mm1_connections,
    mm1_sessions,
    mail_sessions,
    last_inbound,
    last_outbound,
    file_bytes,
    used_bytes,
    map_bytes,
    map_limit_bytes,
    disk_free_bytes,
    disk_reserve_bytes,
    store_used,
    records,
    commits,
    commit_failures,
    alarms_active,
    last_alarm,
    control_enabled,
    count_,
};

/// A column of a table.
enum class Column : std::uint16_t {
    queue_recipients = static_cast<std::uint16_t>(Reading::count_),
    peer_type,
    peer_status,
    peer_queued,
    peer_sent,
    peer_deferred,
    peer_refused,
    peer_failures,
    peer_last_success,
    peer_last_failure,
    peer_last_error,
    peer_next_attempt,
    certificate_status,
    certificate_not_after,
    certificate_days_left,
    alarm_kind,
    alarm_severity,
    alarm_since,
    alarm_object,
    alarm_text,
    session_protocol,
    session_remote,
    session_since,
    status_group,
    status_code,
    status_inbound,
    status_outbound,
    count_,
};

/// Names a row of kMetrics: its place there.
struct MetricId {
    std::uint16_t value;
    constexpr MetricId(Counter counter) : value(static_cast<std::uint16_t>(counter)) {}
    constexpr MetricId(Reading reading) : value(static_cast<std::uint16_t>(reading)) {}
    constexpr MetricId(Column column) : value(static_cast<std::uint16_t>(column)) {}
    constexpr bool operator==(const MetricId&) const = default;
};

enum class Kind : std::uint8_t {
    counter,   // never falls while the gateway runs
    gauge,
    truth,   // 0 or 1
    state,   // a number from 1, of `words`
    time,    // seconds since 1970
    info,    // a text that stays while the gateway runs
    text,
};
enum class Unit : std::uint8_t { none,
                                 bytes,
                                 seconds,
                                 days,
                                 percent };
constexpr std::string_view to_text(Unit unit) {
    constexpr std::array<std::string_view, 5> kWords{"", "bytes", "seconds", "days", "percent"};
    return kWords[static_cast<std::size_t>(unit)];
}

/// The groups of MMGATE-MIB; the number is the group's in the MIB.
enum class Group : std::uint8_t {
    none = 0,
    system = 1,
    queues = 2,
    peers = 3,
    traffic = 4,
    conversions = 5,
    mms = 6,
    security = 7,
    store = 8,
    alarms = 9,
    control = 10,
};

enum class FigureTable : std::uint8_t { queue,
                                        peer,
                                        certificate,
                                        alarm,
                                        session,
                                        status };

struct FigureTableSpec {
    FigureTable table;
    std::string_view name;
    Group group;           // none: only the standard MIBs show it
    std::uint8_t number;   // of the table in its group
    std::string_view help;
    std::string_view key;   // what names a row
};
inline constexpr auto kFigureTables = std::to_array<FigureTableSpec>({
    {FigureTable::queue, "queue", Group::queues, 10, "Recipients of the messages in the store, by their state.", "The state: queued, active, deferred, held, notified, fetched, or an end."},
    {FigureTable::peer, "peer", Group::peers, 10, "Next hops: the push bearer, the mail relay, other MMS environments, and the mail domains that were last tried.",
     "mm1 (the push bearer), mail:HOST:PORT, mail:DOMAIN, or mm4:NAME."},
    {FigureTable::certificate, "certificate", Group::security, 10, "Certificates that the gateway shows to others.", "The key of the configuration that names it."},
    {FigureTable::alarm, "alarm", Group::alarms, 10, "What is wrong now.", "The kind of the alarm and what it is about."},
    {FigureTable::session, "session", Group::none, 0, "Connections that are open now.", "The number of the connection."},
    {FigureTable::status, "status", Group::none, 0, "Refusals and failures by door and enhanced status code (RFC 3463).", "Door and code."},
});
constexpr const FigureTableSpec& spec_of(FigureTable table) { return kFigureTables[static_cast<std::size_t>(table)]; }

/// Where a row belongs: a group of scalars, or a table.
struct Home {
    Group group = Group::none;
    FigureTable table{};
    bool in_table = false;
    constexpr Home(Group g) : group(g) {}
    constexpr Home(FigureTable t) : group(spec_of(t).group), table(t), in_table(true) {}
};

struct MetricSpec {
    MetricId id;
    std::string_view name;   // as `stats` prints it; OpenMetrics: mmgate_NAME, behind the table's name where it is a column; the MIB: mmgateName
    Kind kind;
    Unit unit;
    Home home;
    std::uint8_t number;   // of the scalar in its group, of the column in its table; columns 1 and 2 are the row's index and name
    std::string_view help;
    std::span<const std::string_view> words{};
};

inline constexpr std::string_view kHealthWords[] = {"ok", "degraded", "failed", "stopping", "unreachable"};
inline constexpr std::string_view kReloadWords[] = {"none", "ok", "failed"};
inline constexpr std::string_view kPeerTypeWords[] = {"push", "relay", "domain", "mm4", "mm7", "other"};
inline constexpr std::string_view kPeerStatusWords[] = {"up", "backoff", "down", "unknown"};
inline constexpr std::string_view kCertificateWords[] = {"valid", "expiring", "expired", "unreadable"};
inline constexpr std::string_view kSeverityWords[] = {"cleared", "warning", "minor", "major", "critical"};
inline constexpr std::string_view kAlarmWords[] = {"queue_high", "oldest_age_high", "store_low", "not_accepting", "bearer_failing", "peer_down", "certificate_expiring", "config_rejected", "conversion_failing", "gateway_lost"};
inline constexpr std::string_view kProtocolWords[] = {"smtp_in", "mm1", "smtp_out"};
inline constexpr std::string_view kDoorWords[] = {"smtp_in", "smtp_out", "mm1_in", "push_out", "mm4_in", "mm4_out"};

/// Numbers of the states above, for those who set them.
enum class Health : std::uint8_t { ok = 1,
                                   degraded,
                                   failed,
                                   stopping,
                                   unreachable };
enum class PeerType : std::uint8_t { push = 1,
                                     relay,
                                     domain,
                                     mm4,
                                     mm7,
                                     other };
enum class PeerStatus : std::uint8_t { up = 1,
                                       backoff,
                                       down,
                                       unknown };
enum class CertificateStatus : std::uint8_t { valid = 1,
                                              expiring,
                                              expired,
                                              unreadable };

// clang-format off
inline constexpr auto kMetrics = std::to_array<MetricSpec>({
    {Counter::smtp_connections, "smtp_connections", Kind::counter, Unit::none, Group::traffic, 1, "SMTP connections accepted"},
    {Counter::smtp_refused_connections, "smtp_refused_connections", Kind::counter, Unit::none, Group::traffic, 2, "SMTP connections answered 421 or 554 at once"},
    {Counter::smtp_accepted, "smtp_accepted", Kind::counter, Unit::none, Group::traffic, 3, "mails accepted (250 after the dot)"},
    {Counter::smtp_rejected, "smtp_rejected", Kind::counter, Unit::none, Group::traffic, 4, "mails refused after the dot"},
    {Counter::smtp_recipients, "smtp_recipients", Kind::counter, Unit::none, Group::traffic, 5, "recipients of mails that came in over SMTP"},
    {Counter::smtp_bytes, "smtp_bytes", Kind::counter, Unit::bytes, Group::traffic, 6, "octets of accepted mails"},
    {Counter::smtp_smuggling, "smtp_smuggling", Kind::counter, Unit::none, Group::security, 1, "mails with bare CR, bare LF or NUL"},
    {Counter::mm1_requests, "mm1_requests", Kind::counter, Unit::none, Group::traffic, 10, "HTTP requests of phones"},
    {Counter::mm1_bad_requests, "mm1_bad_requests", Kind::counter, Unit::none, Group::traffic, 11, "HTTP requests that were no MMS"},
    {Counter::mm1_submitted, "mm1_submitted", Kind::counter, Unit::none, Group::traffic, 12, "M-Send.req accepted"},
    {Counter::mm1_refused, "mm1_refused", Kind::counter, Unit::none, Group::traffic, 13, "M-Send.req answered with an error"},
    {Counter::mm1_repeated, "mm1_repeated", Kind::counter, Unit::none, Group::traffic, 14, "M-Send.req that repeated an earlier one"},
    {Counter::mm1_recipients, "mm1_recipients", Kind::counter, Unit::none, Group::traffic, 15, "recipients of accepted M-Send.req"},
    {Counter::mm1_bytes, "mm1_bytes", Kind::counter, Unit::bytes, Group::traffic, 16, "octets of the content of accepted M-Send.req"},
    {Counter::mm1_retrieved, "mm1_retrieved", Kind::counter, Unit::none, Group::traffic, 17, "M-Retrieve.conf with a message"},
    {Counter::mm1_retrieved_bytes, "mm1_retrieved_bytes", Kind::counter, Unit::bytes, Group::traffic, 18, "octets of M-Retrieve.conf with a message"},
    {Counter::mm1_not_found, "mm1_not_found", Kind::counter, Unit::none, Group::security, 2, "retrievals of unknown, foreign or used-up locations"},
    {Counter::mm1_responses, "mm1_responses", Kind::counter, Unit::none, Group::traffic, 19, "M-NotifyResp.ind and M-Acknowledge.ind"},
    {Counter::mm1_unidentified, "mm1_unidentified", Kind::counter, Unit::none, Group::security, 3, "submissions without a subscriber's identity"},
    {Counter::push_sent, "push_sent", Kind::counter, Unit::none, Group::mms, 1, "pushes that the bearer accepted"},
    {Counter::push_failed, "push_failed", Kind::counter, Unit::none, Group::mms, 2, "pushes that the bearer refused"},
    {Counter::push_deferred, "push_deferred", Kind::counter, Unit::none, Group::mms, 3, "pushes to be tried again"},
    {Counter::mail_messages, "mail_messages", Kind::counter, Unit::none, Group::traffic, 30, "mails that a next hop accepted for one recipient at least"},
    {Counter::mail_bytes, "mail_bytes", Kind::counter, Unit::bytes, Group::traffic, 31, "octets of mails that a next hop accepted"},
    {Counter::mail_sent, "mail_sent", Kind::counter, Unit::none, Group::traffic, 32, "mail recipients that a next hop accepted"},
    {Counter::mail_failed, "mail_failed", Kind::counter, Unit::none, Group::traffic, 33, "mail recipients that a next hop refused"},
    {Counter::mail_deferred, "mail_deferred", Kind::counter, Unit::none, Group::traffic, 34, "mail attempts to be repeated"},
    {Counter::mail_connections, "mail_connections", Kind::counter, Unit::none, Group::traffic, 35, "SMTP connections opened to next hops"},
    {Counter::mail_failed_connections, "mail_failed_connections", Kind::counter, Unit::none, Group::traffic, 36, "SMTP connections to next hops that came to no mail"},
    {Counter::mm4_requests_in, "mm4_requests_in", Kind::counter, Unit::none, Group::traffic, 50, "MM4_forward.REQ accepted from peers"},
    {Counter::mm4_repeated, "mm4_repeated", Kind::counter, Unit::none, Group::traffic, 51, "MM4 requests that repeated an earlier one"},
    {Counter::mm4_refused, "mm4_refused", Kind::counter, Unit::none, Group::traffic, 52, "MM4 messages refused, in the dialogue or by a response"},
    {Counter::mm4_responses_in, "mm4_responses_in", Kind::counter, Unit::none, Group::traffic, 53, "MM4 responses to requests of ours"},
    {Counter::mm4_reports_in, "mm4_reports_in", Kind::counter, Unit::none, Group::traffic, 54, "MM4 reports about messages of ours"},
    {Counter::mm4_alien, "mm4_alien", Kind::counter, Unit::none, Group::traffic, 55, "MM4 responses and reports that were late, unknown or about another peer's messages"},
    {Counter::mm4_requests_out, "mm4_requests_out", Kind::counter, Unit::none, Group::traffic, 56, "MM4_forward.REQ that a peer's relay took"},
    {Counter::mm4_responses_out, "mm4_responses_out", Kind::counter, Unit::none, Group::traffic, 57, "MM4 responses that a peer's relay took"},
    {Counter::mm4_reports_out, "mm4_reports_out", Kind::counter, Unit::none, Group::traffic, 58, "MM4 reports that a peer's relay took"},
    {Counter::mm4_resent, "mm4_resent", Kind::counter, Unit::none, Group::traffic, 59, "MM4 requests sent again for want of a response"},
    {Counter::mm4_unanswered, "mm4_unanswered", Kind::counter, Unit::none, Group::traffic, 60, "MM4 requests given up for want of a response"},
    {Counter::converted_to_mm, "converted_to_mm", Kind::counter, Unit::none, Group::conversions, 1, "mails mapped to multimedia messages"},
    {Counter::not_converted_to_mm, "not_converted_to_mm", Kind::counter, Unit::none, Group::conversions, 2, "mails that could not be mapped"},
    {Counter::converted_to_mail, "converted_to_mail", Kind::counter, Unit::none, Group::conversions, 3, "multimedia messages mapped to mail"},
    {Counter::not_converted_to_mail, "not_converted_to_mail", Kind::counter, Unit::none, Group::conversions, 4, "multimedia messages that could not be mapped"},
    {Counter::parts_left_out, "parts_left_out", Kind::counter, Unit::none, Group::conversions, 5, "parts of mails that an MM cannot carry"},
    {Counter::too_big, "too_big", Kind::counter, Unit::none, Group::conversions, 6, "messages over limits.message_size"},
    {Counter::routing_loops, "routing_loops", Kind::counter, Unit::none, Group::conversions, 7, "mails refused as going round in circles"},
    {Counter::read_reports_in, "read_reports_in", Kind::counter, Unit::none, Group::mms, 15, "read reports from phones, peers and mail"},
    {Counter::read_reports_out, "read_reports_out", Kind::counter, Unit::none, Group::mms, 16, "read reports made for originators"},
    {Counter::reports_in, "reports_in", Kind::counter, Unit::none, Group::mms, 10, "delivery status notifications that ended a recipient"},
    {Counter::reports_in_unmatched, "reports_in_unmatched", Kind::counter, Unit::none, Group::mms, 11, "reports about messages that are not ours"},
    {Counter::dsn_sent, "dsn_sent", Kind::counter, Unit::none, Group::mms, 12, "delivery status notifications made"},
    {Counter::delivery_reports_sent, "delivery_reports_sent", Kind::counter, Unit::none, Group::mms, 13, "M-Delivery.ind made"},
    {Counter::service_messages_sent, "service_messages_sent", Kind::counter, Unit::none, Group::mms, 14, "service messages to originators"},
    {Counter::expired, "expired", Kind::counter, Unit::none, Group::mms, 20, "recipients that expired"},
    {Counter::delivered, "delivered", Kind::counter, Unit::none, Group::mms, 21, "recipients delivered"},
    {Counter::relayed, "relayed", Kind::counter, Unit::none, Group::mms, 22, "recipients handed on with a report promised"},
    {Counter::rejected, "rejected", Kind::counter, Unit::none, Group::mms, 23, "recipients that rejected"},
    {Counter::failed, "failed", Kind::counter, Unit::none, Group::mms, 24, "recipients that failed"},
    {Counter::deleted, "deleted", Kind::counter, Unit::none, Group::mms, 25, "recipients deleted by the operator"},
    {Counter::store_full, "store_full", Kind::counter, Unit::none, Group::store, 10, "submissions refused for lack of room"},
    {Counter::config_reloads, "config_reloads", Kind::counter, Unit::none, Group::system, 9, "configurations reloaded"},
    {Counter::config_reload_failures, "config_reload_failures", Kind::counter, Unit::none, Group::system, 10, "reloads that kept the old configuration"},
    {Counter::control_refused, "control_refused", Kind::counter, Unit::none, Group::security, 4, "connections and requests refused on the control socket"},
    {Counter::alarms_raised, "alarms_raised", Kind::counter, Unit::none, Group::alarms, 1, "alarms raised"},
    {Counter::alarms_cleared, "alarms_cleared", Kind::counter, Unit::none, Group::alarms, 2, "alarms cleared"},

    {Reading::version, "version", Kind::info, Unit::none, Group::system, 1, "the version of the gateway"},
    {Reading::started, "started", Kind::time, Unit::none, Group::system, 2, "when the gateway started; its counters began at zero then"},
    {Reading::uptime, "uptime", Kind::gauge, Unit::seconds, Group::system, 3, "how long the gateway has been running"},
    {Reading::health, "health", Kind::state, Unit::none, Group::system, 4, "ok: no alarm; degraded: an alarm; failed: a critical one", kHealthWords},
    {Reading::health_reason, "health_reason", Kind::text, Unit::none, Group::system, 5, "what is wrong, in words"},
    {Reading::accepting, "accepting", Kind::truth, Unit::none, Group::system, 6, "whether new messages are accepted"},
    {Reading::last_reload, "last_reload", Kind::time, Unit::none, Group::system, 7, "when the configuration was last read, or was to be"},
    {Reading::last_reload_result, "last_reload_result", Kind::state, Unit::none, Group::system, 8, "what came of it; failed: the one before stays in force", kReloadWords},
    {Reading::memory_bytes, "memory_bytes", Kind::gauge, Unit::bytes, Group::system, 11, "octets of messages in flight over all sessions"},
    {Reading::memory_limit_bytes, "memory_limit_bytes", Kind::gauge, Unit::bytes, Group::system, 12, "the most of them, limits.memory"},
    {Reading::messages, "messages", Kind::gauge, Unit::none, Group::queues, 1, "messages with a recipient that has not ended"},
    {Reading::content_bytes, "content_bytes", Kind::gauge, Unit::bytes, Group::queues, 2, "octets of their content"},
    {Reading::oldest_arrival, "oldest_arrival", Kind::time, Unit::none, Group::queues, 3, "when the oldest of them arrived"},
    {Reading::oldest_age, "oldest_age", Kind::gauge, Unit::seconds, Group::queues, 4, "how old the oldest of them is"},
    {Reading::carrying, "carrying", Kind::gauge, Unit::none, Group::queues, 5, "messages that are being delivered now"},
    {Reading::unsettled, "unsettled", Kind::gauge, Unit::none, Group::queues, 6, "outcomes that the store has refused and that wait in memory"},
    {Reading::smtp_sessions, "smtp_sessions", Kind::gauge, Unit::none, Group::traffic, 7, "SMTP connections of clients that are open"},
    {Reading::mm1_connections, "mm1_connections", Kind::counter, Unit::none, Group::traffic, 21, "HTTP connections of phones accepted"},
    {Reading::mm1_sessions, "mm1_sessions", Kind::gauge, Unit::none, Group::traffic, 20, "HTTP connections of phones that are open"},
    {Reading::mail_sessions, "mail_sessions", Kind::gauge, Unit::none, Group::traffic, 37, "SMTP connections to next hops that are open"},
    {Reading::last_inbound, "last_inbound", Kind::time, Unit::none, Group::traffic, 40, "when somebody last had a connection to the gateway"},
    {Reading::last_outbound, "last_outbound", Kind::time, Unit::none, Group::traffic, 41, "when the gateway last reached a next hop"},
    {Reading::file_bytes, "file_bytes", Kind::gauge, Unit::bytes, Group::store, 1, "size of the store's file, which never shrinks"},
    {Reading::used_bytes, "used_bytes", Kind::gauge, Unit::bytes, Group::store, 2, "octets of the file that are in use"},
    {Reading::map_bytes, "map_bytes", Kind::gauge, Unit::bytes, Group::store, 3, "size of the store's map now"},
    {Reading::map_limit_bytes, "map_limit_bytes", Kind::gauge, Unit::bytes, Group::store, 4, "the most that the store may take, limits.map_size"},
    {Reading::disk_free_bytes, "disk_free_bytes", Kind::gauge, Unit::bytes, Group::store, 5, "free octets on the store's disk"},
    {Reading::disk_reserve_bytes, "disk_reserve_bytes", Kind::gauge, Unit::bytes, Group::store, 6, "free octets below which new messages are deferred, limits.disk_reserve"},
    {Reading::store_used, "store_used", Kind::gauge, Unit::percent, Group::store, 7, "octets in use, of the most that the store may take; new messages are deferred at 90"},
    {Reading::records, "records", Kind::gauge, Unit::none, Group::store, 8, "messages that the store knows, those that have ended included"},
    {Reading::commits, "commits", Kind::counter, Unit::none, Group::store, 9, "commits of the store"},
    {Reading::commit_failures, "commit_failures", Kind::counter, Unit::none, Group::store, 11, "changes that the store did not take, for lack of room or by the disk's fault"},
    {Reading::alarms_active, "alarms_active", Kind::gauge, Unit::none, Group::alarms, 3, "alarms that are raised now"},
    {Reading::last_alarm, "last_alarm", Kind::time, Unit::none, Group::alarms, 4, "when an alarm was last raised or cleared"},
    {Reading::control_enabled, "control_enabled", Kind::truth, Unit::none, Group::control, 1, "whether the gateway may be controlled over SNMP, snmp.control"},

    {Column::queue_recipients, "recipients", Kind::gauge, Unit::none, FigureTable::queue, 3, "recipients in this state"},
    {Column::peer_type, "type", Kind::state, Unit::none, FigureTable::peer, 3, "what it is: the push bearer, the mail relay, a mail domain, another MMS environment", kPeerTypeWords},
    {Column::peer_status, "status", Kind::state, Unit::none, FigureTable::peer, 4, "up: the last attempt came through; backoff: it did not; down: none has for alarms.peer", kPeerStatusWords},
    {Column::peer_queued, "queued", Kind::gauge, Unit::none, FigureTable::peer, 5, "recipients that wait for it"},
    {Column::peer_sent, "sent", Kind::counter, Unit::none, FigureTable::peer, 6, "recipients that it accepted"},
    {Column::peer_deferred, "deferred", Kind::counter, Unit::none, FigureTable::peer, 7, "attempts that are to be repeated"},
    {Column::peer_refused, "refused", Kind::counter, Unit::none, FigureTable::peer, 8, "recipients that it refused for good"},
    {Column::peer_failures, "failures", Kind::gauge, Unit::none, FigureTable::peer, 9, "attempts that have failed since the last one that came through"},
    {Column::peer_last_success, "last_success", Kind::time, Unit::none, FigureTable::peer, 10, "when an attempt last came through"},
    {Column::peer_last_failure, "last_failure", Kind::time, Unit::none, FigureTable::peer, 11, "when an attempt last failed"},
    {Column::peer_last_error, "last_error", Kind::text, Unit::none, FigureTable::peer, 12, "what it said then, without addresses and numbers"},
    {Column::peer_next_attempt, "next_attempt", Kind::time, Unit::none, FigureTable::peer, 13, "when something is next due for it"},
    {Column::certificate_status, "status", Kind::state, Unit::none, FigureTable::certificate, 3, "expiring: within alarms.certificate", kCertificateWords},
    {Column::certificate_not_after, "not_after", Kind::time, Unit::none, FigureTable::certificate, 4, "when it ends"},
    {Column::certificate_days_left, "days_left", Kind::gauge, Unit::days, FigureTable::certificate, 5, "whole days until then"},
    {Column::alarm_kind, "kind", Kind::state, Unit::none, FigureTable::alarm, 3, "what is wrong", kAlarmWords},
    {Column::alarm_severity, "severity", Kind::state, Unit::none, FigureTable::alarm, 4, "how bad it is; cleared only in a notification", kSeverityWords},
    {Column::alarm_since, "since", Kind::time, Unit::none, FigureTable::alarm, 5, "when it was raised"},
    {Column::alarm_object, "object", Kind::text, Unit::none, FigureTable::alarm, 6, "what it is about, where there is more than one: a peer, a certificate"},
    {Column::alarm_text, "text", Kind::text, Unit::none, FigureTable::alarm, 7, "what has happened, in words"},
    {Column::session_protocol, "protocol", Kind::state, Unit::none, FigureTable::session, 3, "who it is", kProtocolWords},
    {Column::session_remote, "remote", Kind::text, Unit::none, FigureTable::session, 4, "the address of the other side"},
    {Column::session_since, "since", Kind::time, Unit::none, FigureTable::session, 5, "when it began"},
    {Column::status_group, "door", Kind::state, Unit::none, FigureTable::status, 3, "where", kDoorWords},
    {Column::status_code, "code", Kind::gauge, Unit::none, FigureTable::status, 4, "the code X.Y.Z as X million, Y thousand, Z"},
    {Column::status_inbound, "inbound", Kind::counter, Unit::none, FigureTable::status, 5, "how often we said so"},
    {Column::status_outbound, "outbound", Kind::counter, Unit::none, FigureTable::status, 6, "how often we were told so"},
});
// clang-format on

constexpr bool metrics_are_in_order() {
    for (std::size_t i = 0; i < kMetrics.size(); ++i)
        if (kMetrics[i].id.value != i) return false;
    for (std::size_t i = 0; i < kFigureTables.size(); ++i)
        if (kFigureTables[i].table != static_cast<FigureTable>(i)) return false;
    return kMetrics.size() == static_cast<std::size_t>(Column::count_);
}
static_assert(metrics_are_in_order());
constexpr bool places_are_unique() {
    for (const MetricSpec& a : kMetrics)
        for (const MetricSpec& b : kMetrics)
            if (&a != &b && a.home.group == b.home.group && a.home.in_table == b.home.in_table && (!a.home.in_table || a.home.table == b.home.table) && a.number == b.number) return false;
    return true;
}
static_assert(places_are_unique());

constexpr const MetricSpec& spec_of(MetricId id) { return kMetrics[id.value]; }
inline constexpr std::size_t kScalars = static_cast<std::size_t>(Reading::count_);
/// The rows of a table's columns, in order.
constexpr std::span<const MetricSpec> columns_of(FigureTable table) {
    auto in_table = [&](const MetricSpec& row) { return row.home.in_table && row.home.table == table; };
    auto first = std::find_if(kMetrics.begin(), kMetrics.end(), in_table);
    return {first, std::find_if_not(first, kMetrics.end(), in_table)};
}
inline constexpr std::span<const MetricSpec> kScalarMetrics = std::span(kMetrics).first(kScalars);

/// What a metric says at one moment; nothing where it does not apply.
using Figure = std::variant<std::monostate, std::uint64_t, std::string>;

struct FigureRow {
    std::string name;
    std::vector<Figure> values;   // by columns_of
    explicit FigureRow(std::string_view n, FigureTable table) : name(n), values(columns_of(table).size()) {}
    Figure& operator[](Column column) { return values.at(place_of(column)); }
    const Figure& operator[](Column column) const { return values.at(place_of(column)); }
    bool operator==(const FigureRow&) const = default;

private:
    static std::size_t place_of(Column column) { return static_cast<std::size_t>(&spec_of(column) - columns_of(spec_of(column).home.table).data()); }
};

/// All figures of one moment.
class Figures {
public:
    Figure& operator[](Counter counter) { return scalars_[MetricId(counter).value]; }
    Figure& operator[](Reading reading) { return scalars_[MetricId(reading).value]; }
    const Figure& operator[](Counter counter) const { return scalars_[MetricId(counter).value]; }
    const Figure& operator[](Reading reading) const { return scalars_[MetricId(reading).value]; }
    Figure& scalar(const MetricSpec& spec) { return scalars_.at(spec.id.value); }
    const Figure& scalar(const MetricSpec& spec) const { return scalars_.at(spec.id.value); }
    std::vector<FigureRow>& rows(FigureTable table) { return tables_[static_cast<std::size_t>(table)]; }
    const std::vector<FigureRow>& rows(FigureTable table) const { return tables_[static_cast<std::size_t>(table)]; }
    bool operator==(const Figures&) const = default;

private:
    std::array<Figure, kScalars> scalars_;
    std::array<std::vector<FigureRow>, kFigureTables.size()> tables_;
};
inline std::uint64_t number_of(const Figure& figure) {
    const auto* number = std::get_if<std::uint64_t>(&figure);
    return number ? *number : 0;
}
inline std::string text_of(const Figure& figure) {
    const auto* text = std::get_if<std::string>(&figure);
    return text ? *text : std::string();
}

/// What is counted, by whoever sees it happen. Any thread.
class Metrics {
public:
    void add(Counter counter, std::uint64_t amount = 1) { values_[static_cast<std::size_t>(counter)].fetch_add(amount, std::memory_order_relaxed); }
    std::uint64_t value(Counter counter) const { return values_[static_cast<std::size_t>(counter)].load(std::memory_order_relaxed); }
    PeerBook& peers() { return peers_; }
    StatusBook& statuses() { return statuses_; }

private:
    std::array<std::atomic<std::uint64_t>, static_cast<std::size_t>(Counter::count_)> values_{};
    PeerBook peers_;
    StatusBook statuses_;
};

}   // namespace mmgate
