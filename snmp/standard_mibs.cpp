#include "snmp/standard_mibs.h"

#include <algorithm>
#include <array>
#include <functional>

namespace mmgate::snmp {

namespace {

const Oid kApplTable{1, 3, 6, 1, 2, 1, 27, 1};
const Oid kAssocTable{1, 3, 6, 1, 2, 1, 27, 2};
const Oid kTcpProtocol{1, 3, 6, 1, 2, 1, 27, 4};   // applTCPProtoID, with the port behind it
const Oid kMtaTable{1, 3, 6, 1, 2, 1, 28, 1};
const Oid kMtaGroupTable{1, 3, 6, 1, 2, 1, 28, 2};
const Oid kMtaGroupErrorTable{1, 3, 6, 1, 2, 1, 28, 5};
constexpr std::uint32_t kSmtpPort = 25, kHttpPort = 80;

constexpr std::string_view kDescription = "Gateway between Internet mail and multimedia messaging";

std::uint64_t sum(const Figures& figures, std::initializer_list<Counter> counters) {
    std::uint64_t out = 0;
    for (Counter counter : counters) out += number_of(figures[counter]);
    return out;
}
Instant time_of(const Figure& figure) { return Instant(Seconds(static_cast<Seconds::rep>(number_of(figure)))); }
bool is_there(const Figure& figure) { return !std::holds_alternative<std::monostate>(figure); }
/// The standard modules measure volumes in K-octets.
std::uint64_t kilo(std::uint64_t bytes) { return bytes / 1024; }

std::uint64_t waiting_recipients(const Figures& figures) {
    std::uint64_t out = 0;
    for (const FigureRow& row : figures.rows(FigureTable::queue)) {
        auto state = recipient_state_of(row.name);
        if (state && !is_end(*state)) out += number_of(row[Column::queue_recipients]);
    }
    return out;
}

std::uint64_t failed_outbound(const Figures& figures) { return number_of(figures[Counter::mail_failed_connections]); }
std::uint64_t opened_outbound(const Figures& figures) {
    const std::uint64_t all = number_of(figures[Counter::mail_connections]);
    return all - std::min(all, failed_outbound(figures));
}

using Rows = std::map<std::uint32_t, Value>;   // by column

}   // namespace

std::vector<Oid> standard_tables() { return {kApplTable, kAssocTable, kMtaTable, kMtaGroupTable, kMtaGroupErrorTable}; }

OperStatus oper_status(const Figures& figures, bool answers) {
    if (!answers) return OperStatus::down;
    if (static_cast<Health>(number_of(figures[Reading::health])) == Health::stopping) return OperStatus::quiescing;
    return number_of(figures[Reading::accepting]) ? OperStatus::up : OperStatus::congested;
}

void add_network_services(const Figures& figures, const Operation& operation, const Clock& clock, View& view) {
    Rows row{
        {2, octets("mmgate")},
        {3, octets("")},
        {4, octets(operation.last_version)},
        {6, integer(static_cast<std::uint64_t>(oper_status(figures, operation.answers)))},
        {7, timeticks(clock.stamp(operation.last_change))},
        {16, octets(kDescription)},
        {17, octets("")},
    };
    if (operation.answers) {
        auto stamp = [&](Reading reading) { return timeticks(is_there(figures[reading]) ? clock.stamp(time_of(figures[reading])) : 0); };
        row.merge(Rows{
            {5, stamp(Reading::started)},
            {8, gauge32(number_of(figures[Reading::smtp_sessions]) + number_of(figures[Reading::mm1_sessions]))},
            {9, gauge32(number_of(figures[Reading::mail_sessions]))},
            {10, counter32(number_of(figures[Counter::smtp_connections]) + number_of(figures[Reading::mm1_connections]))},
            {11, counter32(opened_outbound(figures))},
            {12, stamp(Reading::last_inbound)},
            {13, stamp(Reading::last_outbound)},
            {14, counter32(sum(figures, {Counter::smtp_refused_connections}))},
            {15, counter32(failed_outbound(figures))},
        });
    }
    for (auto& [column, value] : row) view[kApplTable + Oid{1, column, kApplication}] = std::move(value);

    struct ProtocolSpec {
        std::uint32_t port;
        std::uint64_t type;   // assocApplicationType, what the other end is: uainitiator(1), peerinitiator(3), peerresponder(4)
    };
    // By kProtocolWords.
    constexpr auto kProtocols = std::to_array<ProtocolSpec>({{kSmtpPort, 3}, {kHttpPort, 1}, {kSmtpPort, 4}});
    for (const FigureRow& session : figures.rows(FigureTable::session)) {
        const std::uint64_t protocol = number_of(session[Column::session_protocol]);
        if (protocol < 1 || protocol > kProtocols.size()) continue;
        // Numbers are given by each server for itself.
        const auto number = std::strtoull(session.name.c_str(), nullptr, 10);
        const auto index = static_cast<std::uint32_t>((number * 4 + protocol) & 0x7FFFFFFF);
        auto put = [&](std::uint32_t column, Value value) { view[kAssocTable + Oid{1, column, kApplication, index}] = std::move(value); };
        put(2, octets(text_of(session[Column::session_remote])));
        put(3, object_id(kTcpProtocol + Oid{kProtocols[protocol - 1].port}));
        put(4, integer(kProtocols[protocol - 1].type));
        put(5, timeticks(clock.stamp(time_of(session[Column::session_since]))));
    }
}

namespace {

/// What waits for the peers of some types, and when they are next tried and why they last failed.
struct Waiting {
    std::uint64_t recipients = 0;
    std::optional<Instant> next;
    std::string failure = "never";
};
Waiting waiting_for(const Figures& figures, std::initializer_list<PeerType> types) {
    Waiting out;
    Instant last{};
    for (const FigureRow& peer : figures.rows(FigureTable::peer)) {
        if (std::ranges::find(types, static_cast<PeerType>(number_of(peer[Column::peer_type]))) == types.end()) continue;
        out.recipients += number_of(peer[Column::peer_queued]);
        if (is_there(peer[Column::peer_next_attempt])) {
            const Instant next = time_of(peer[Column::peer_next_attempt]);
            out.next = out.next ? std::min(*out.next, next) : next;
        }
        if (const Instant failed = time_of(peer[Column::peer_last_failure]); is_there(peer[Column::peer_last_failure]) && failed >= last) {
            last = failed;
            out.failure = text_of(peer[Column::peer_last_error]);
        }
    }
    return out;
}

/// What every group of this kind shows of what it waits for.
Rows waiting_rows(const Waiting& waiting, const Clock& clock) {
    return {{10, gauge32(waiting.recipients)}, {22, octets(waiting.failure)}, {23, integer(waiting.next ? clock.until(*waiting.next) : 0)}};
}

struct MtaGroup {
    std::string_view name, description;
    std::uint32_t port;
    Rows (*rows)(const Figures&, const Clock&);
};

Rows smtp_in(const Figures& figures, const Clock& clock) {
    Rows out{{2, counter32(sum(figures, {Counter::smtp_accepted}))},
             {3, counter32(sum(figures, {Counter::smtp_rejected}))},
             {6, counter32(kilo(sum(figures, {Counter::smtp_bytes})))},
             {9, counter32(sum(figures, {Counter::smtp_recipients}))},
             {13, gauge32(number_of(figures[Reading::smtp_sessions]))},
             {15, counter32(sum(figures, {Counter::smtp_connections}))},
             {19, counter32(sum(figures, {Counter::smtp_refused_connections}))},
             {21, octets(sum(figures, {Counter::smtp_refused_connections}) ? "too many connections" : "never")},
             {26, counter32(sum(figures, {Counter::converted_to_mm}))},
             {27, counter32(sum(figures, {Counter::not_converted_to_mm}))},
             {33, counter32(sum(figures, {Counter::routing_loops}))}};
    if (is_there(figures[Reading::last_inbound])) out[17] = integer(clock.since(time_of(figures[Reading::last_inbound])));
    return out;
}

Rows smtp_out(const Figures& figures, const Clock& clock) {
    Rows out{{5, counter32(sum(figures, {Counter::mail_messages}))},
             {8, counter32(kilo(sum(figures, {Counter::mail_bytes})))},
             {11, counter32(sum(figures, {Counter::mail_sent}))},
             {14, gauge32(number_of(figures[Reading::mail_sessions]))},
             {16, counter32(opened_outbound(figures))},
             {20, counter32(failed_outbound(figures))},
             {26, counter32(sum(figures, {Counter::converted_to_mail}))},
             {27, counter32(sum(figures, {Counter::not_converted_to_mail}))}};
    if (is_there(figures[Reading::last_outbound])) out[18] = integer(clock.since(time_of(figures[Reading::last_outbound])));
    out.merge(waiting_rows(waiting_for(figures, {PeerType::relay, PeerType::domain}), clock));
    return out;
}

Rows mm1_in(const Figures& figures, const Clock&) {
    return {{2, counter32(sum(figures, {Counter::mm1_submitted}))},
            {3, counter32(sum(figures, {Counter::mm1_refused}))},
            {6, counter32(kilo(sum(figures, {Counter::mm1_bytes})))},
            {9, counter32(sum(figures, {Counter::mm1_recipients}))},
            {13, gauge32(number_of(figures[Reading::mm1_sessions]))},
            {15, counter32(number_of(figures[Reading::mm1_connections]))}};
}

Rows mm1_out(const Figures& figures, const Clock& clock) {
    Rows out{{5, counter32(sum(figures, {Counter::mm1_retrieved}))}, {8, counter32(kilo(sum(figures, {Counter::mm1_retrieved_bytes})))}, {11, counter32(sum(figures, {Counter::mm1_retrieved}))}};
    out.merge(waiting_rows(waiting_for(figures, {PeerType::push}), clock));
    return out;
}

Rows mm4_in(const Figures& figures, const Clock&) {
    return {{2, counter32(sum(figures, {Counter::mm4_requests_in}))}, {3, counter32(sum(figures, {Counter::mm4_refused}))}};
}

Rows mm4_out(const Figures& figures, const Clock& clock) {
    Rows out{{5, counter32(sum(figures, {Counter::mm4_requests_out}))}};
    out.merge(waiting_rows(waiting_for(figures, {PeerType::mm4}), clock));
    return out;
}

// The index is the place from 1, and is for good.
const auto kMtaGroups = std::to_array<MtaGroup>({
    {"smtp-in", "mail that comes in", kSmtpPort, smtp_in},
    {"smtp-out", "mail that goes out", kSmtpPort, smtp_out},
    {"mm1-in", "submissions of phones", kHttpPort, mm1_in},
    {"mm1-out", "notifications to phones and their retrievals", kHttpPort, mm1_out},
    {"mm4-in", "messages from other MMS environments", kSmtpPort, mm4_in},
    {"mm4-out", "messages to other MMS environments", kSmtpPort, mm4_out},
});

/// The group whose errors are those of a door.
std::uint32_t group_of(Door door) {
    switch (door) {
        case Door::smtp_in: return 1;
        case Door::smtp_out: return 2;
        case Door::mm1_in: return 3;
        case Door::push_out: return 4;
        case Door::mm4_in: return 5;
        case Door::mm4_out: return 6;
    }
    return 0;
}

}   // namespace

void add_mta(const Figures& figures, const Clock& clock, View& view) {
    const Rows mta{
        {1, counter32(sum(figures, {Counter::smtp_accepted, Counter::mm1_submitted}))},   // what peers send comes in by SMTP
        {2, gauge32(number_of(figures[Reading::messages]))},
        {3, counter32(sum(figures, {Counter::mail_messages, Counter::mm1_retrieved, Counter::mm4_requests_out}))},
        {4, counter32(kilo(sum(figures, {Counter::smtp_bytes, Counter::mm1_bytes})))},
        {5, gauge32(kilo(number_of(figures[Reading::content_bytes])))},
        {6, counter32(kilo(sum(figures, {Counter::mail_bytes, Counter::mm1_retrieved_bytes})))},
        {7, counter32(sum(figures, {Counter::smtp_recipients, Counter::mm1_recipients}))},
        {8, gauge32(waiting_recipients(figures))},
        {9, counter32(sum(figures, {Counter::mail_sent, Counter::mm1_retrieved}))},
        {10, counter32(sum(figures, {Counter::converted_to_mm, Counter::converted_to_mail}))},
        {11, counter32(sum(figures, {Counter::not_converted_to_mm, Counter::not_converted_to_mail}))},
        {12, counter32(sum(figures, {Counter::routing_loops}))},
    };
    for (const auto& [column, value] : mta) view[kMtaTable + Oid{1, column, kApplication}] = value;

    for (std::uint32_t index = 1; const MtaGroup& group : kMtaGroups) {
        Rows row = group.rows(figures, clock);
        row.merge(Rows{{24, object_id(kTcpProtocol + Oid{group.port})},
                       {25, octets(group.name)},
                       {28, octets(group.description)},
                       {29, octets("")},
                       {30, integer(number_of(figures[Reading::uptime]) * 100)},
                       {31, integer(0)}});
        for (auto& [column, value] : row) view[kMtaGroupTable + Oid{1, column, kApplication, index}] = std::move(value);
        ++index;
    }
    for (const FigureRow& status : figures.rows(FigureTable::status)) {
        const std::uint32_t group = group_of(static_cast<Door>(number_of(status[Column::status_group])));
        const std::uint64_t code = number_of(status[Column::status_code]);
        if (group == 0 || code < 4'000'000 || code > 5'999'999) continue;
        auto put = [&](std::uint32_t column, std::uint64_t count) { view[kMtaGroupErrorTable + Oid{1, column, kApplication, group, static_cast<std::uint32_t>(code)}] = counter32(count); };
        put(1, number_of(status[Column::status_inbound]));
        put(2, 0);
        put(3, number_of(status[Column::status_outbound]));
    }
}

}   // namespace mmgate::snmp
