#include "daemon/watch/telemetry.h"

#include <config.h>   // what configure chose; daemon/config.h is the configuration

#include <algorithm>
#include <array>
#include <map>

#include "daemon/loop/tls.h"
#include "daemon/router.h"

namespace mmgate {

namespace {

std::uint64_t seconds_of(Instant at) { return static_cast<std::uint64_t>(std::chrono::duration_cast<Seconds>(at.time_since_epoch()).count()); }
Figure time_of(Instant at) { return at == Instant{} ? Figure() : Figure(seconds_of(at)); }
Figure time_of(const std::optional<Instant>& at) { return at ? time_of(*at) : Figure(); }
template <class State>
Figure state_of(State state) { return static_cast<std::uint64_t>(state); }

std::uint64_t percent_of(std::uint64_t part, std::uint64_t whole) { return whole == 0 ? 0 : static_cast<std::uint64_t>(100.0 * static_cast<double>(part) / static_cast<double>(whole)); }

std::string relay_lane(const Config& config) { return config.mail_relay ? "mail:" + to_text(*config.mail_relay) : std::string(); }

/// Lanes that lead to no next hop; the last one holds what is not yet known where to go.
bool is_internal(std::string_view lane) { return lane == kReportLane || lane == kPurgeLane || lane == kResolveLane; }

}   // namespace

PeerType peer_type_of(std::string_view name, std::string_view relay) {
    struct Row {
        std::string_view begins;
        PeerType type;
    };
    constexpr auto kRows = std::to_array<Row>({{"mail:", PeerType::domain}, {"mm4:", PeerType::mm4}, {"mm7:", PeerType::mm7}});
    if (name == "mm1") return PeerType::push;
    if (name == relay) return PeerType::relay;
    for (const Row& row : kRows)
        if (name.starts_with(row.begins)) return row.type;
    return PeerType::other;
}

PeerStatus peer_status_of(const PeerRecord& record, std::uint64_t queued, Seconds down_after, Instant now) {
    if (record.failures == 0) return record.sent + record.refused > 0 ? PeerStatus::up : PeerStatus::unknown;
    // What was tried in vain has ended meanwhile: nobody tries any more.
    if (queued == 0) return PeerStatus::unknown;
    return now - record.failing_since >= down_after ? PeerStatus::down : PeerStatus::backoff;
}

Telemetry::Telemetry(Loop& loop, Workers& workers, const Store& store, Metrics& metrics, Log& log, std::function<PartsNow()> parts)
    : loop_(loop), workers_(workers), store_(store), metrics_(metrics), log_(log), parts_(std::move(parts)), started_(loop.now()) {}

void Telemetry::configure(std::shared_ptr<const Config> config) {
    // What takes effect at the next start only.
    if (!config_) map_limit_bytes_ = config->map_size_bytes, disk_reserve_bytes_ = config->disk_reserve_bytes;
    config_ = std::move(config);
    certificates_.clear();
    if (!config_->tls_certificate.empty() && config_->tls_mode != TlsMode::off)
        certificates_.push_back({"smtp.tls.certificate", certificate_not_after(config_->tls_certificate)});
}

void Telemetry::begin(Changed changed) {
    changed_ = std::move(changed);
    look();
}

void Telemetry::reloaded(bool ok) {
    last_reload_ = loop_.now();
    reload_ok_ = ok;
}

void Telemetry::stopping() {
    stopping_ = true;
    next_.cancel();
    if (changed_) changed_({{}, health(), reason()});
}

void Telemetry::ask(std::function<void(Figures)> done) {
    workers_.run([&store = store_] { return StoreNow{store.stats(), store.lane_loads(kMostLanes)}; },
                 [this, done = std::move(done)](StoreNow store) { done(gather(store)); });
}

void Telemetry::look() {
    ask([this](Figures figures) {
        if (stopping_) return;
        take(figures);
        next_ = loop_.after(kLookEvery, [this] { look(); });
    });
}

void Telemetry::take(const Figures& figures) {
    const Instant now = loop_.now();
    const std::uint64_t inbound = metrics_.value(Counter::smtp_connections) + metrics_.value(Counter::mm1_requests);
    const std::uint64_t open = number_of(figures[Reading::smtp_sessions]) + number_of(figures[Reading::mm1_sessions]);
    if (inbound != inbound_seen_ || open > 0) last_inbound_ = now;
    inbound_seen_ = inbound;

    conversions_.look(figures);
    Change change{book_.look(judge(figures, conversions_, config_->alarms), config_->alarms.settle, now), book_.health(), book_.reason()};
    for (const AlarmChange& one : change.alarms) {
        metrics_.add(one.raised ? Counter::alarms_raised : Counter::alarms_cleared);
        last_alarm_ = now;
        log_.write(one.raised ? Level::warning : Level::notice, "-", one.raised ? "alarm-raised" : "alarm-cleared",
                   {{"kind", to_text(one.alarm.kind)}, {"object", one.alarm.object}, {"severity", to_text(one.alarm.severity)}, {"text", one.alarm.text}});
    }
    if (change.alarms.empty() && change.health == last_health_) return;
    last_health_ = change.health;
    changed_(change);
}

Figures Telemetry::gather(const StoreNow& store) const {
    Figures figures;
    for (const MetricSpec& spec : std::span(kMetrics).first(static_cast<std::size_t>(Counter::count_))) figures.scalar(spec) = metrics_.value(static_cast<Counter>(spec.id.value));
    const Instant now = loop_.now();
    figures[Reading::version] = std::string(kVersion);
    figures[Reading::started] = time_of(started_);
    figures[Reading::uptime] = static_cast<std::uint64_t>(std::chrono::duration_cast<Seconds>(now - started_).count());
    figures[Reading::health] = state_of(health());
    figures[Reading::health_reason] = reason();
    figures[Reading::last_reload] = time_of(last_reload_);
    constexpr std::uint64_t kNone = 1, kOk = 2, kFailed = 3;   // of kReloadWords
    figures[Reading::last_reload_result] = !last_reload_ ? kNone : reload_ok_ ? kOk
                                                                              : kFailed;
    figures[Reading::control_enabled] = std::uint64_t{config_->snmp_control};
    add_store(store, figures);
    add_parts(parts_(), figures);
    add_peers(store, figures);
    add_certificates(figures);
    add_alarms(figures);
    for (const StatusCount& count : metrics_.statuses().counts()) {
        const std::string code = std::to_string(count.code / 1'000'000) + "." + std::to_string(count.code / 1'000 % 1'000) + "." + std::to_string(count.code % 1'000);
        FigureRow& row = figures.rows(FigureTable::status).emplace_back(std::string(kDoorWords[static_cast<std::size_t>(count.door) - 1]) + " " + code, FigureTable::status);
        row[Column::status_group] = state_of(count.door);
        row[Column::status_code] = std::uint64_t{count.code};
        row[Column::status_inbound] = count.inbound;
        row[Column::status_outbound] = count.outbound;
    }
    return figures;
}

void Telemetry::add_store(const StoreNow& store, Figures& figures) const {
    const StoreStats& stats = store.stats;
    figures[Reading::accepting] = std::uint64_t{stats.accepting};
    figures[Reading::messages] = stats.messages;
    figures[Reading::content_bytes] = stats.content_bytes;
    figures[Reading::oldest_arrival] = time_of(stats.oldest_arrival);
    const auto age = stats.oldest_arrival ? std::chrono::duration_cast<Seconds>(loop_.now() - *stats.oldest_arrival).count() : 0;
    figures[Reading::oldest_age] = static_cast<std::uint64_t>(std::max<Seconds::rep>(0, age));
    figures[Reading::file_bytes] = stats.file_bytes;
    figures[Reading::used_bytes] = stats.used_bytes;
    figures[Reading::map_bytes] = stats.map_bytes;
    figures[Reading::map_limit_bytes] = map_limit_bytes_;
    figures[Reading::disk_free_bytes] = stats.disk_free_bytes;
    figures[Reading::disk_reserve_bytes] = disk_reserve_bytes_;
    figures[Reading::store_used] = percent_of(stats.used_bytes, map_limit_bytes_);
    figures[Reading::records] = stats.records;
    figures[Reading::commits] = stats.commits;
    for (std::size_t i = 0; i < stats.recipients_by_state.size(); ++i) {
        FigureRow& row = figures.rows(FigureTable::queue).emplace_back(to_text(static_cast<RecipientState>(i)), FigureTable::queue);
        row[Column::queue_recipients] = stats.recipients_by_state[i];
    }
}

void Telemetry::add_parts(const PartsNow& parts, Figures& figures) const {
    figures[Reading::carrying] = std::uint64_t{parts.carrying};
    figures[Reading::unsettled] = std::uint64_t{parts.unsettled};
    figures[Reading::commit_failures] = parts.commit_failures;
    figures[Reading::memory_bytes] = parts.memory_bytes;
    if (parts.drained) figures[Reading::accepting] = std::uint64_t{0};
    figures[Reading::memory_limit_bytes] = config_->memory_bytes;
    figures[Reading::last_inbound] = parts.smtp.count + parts.mm1.count > 0 ? time_of(loop_.now()) : time_of(last_inbound_);
    figures[Reading::mm1_connections] = parts.mm1.total;
    struct Row {
        const Associations& sessions;
        Reading count;
    };
    std::uint64_t protocol = 0;   // of kProtocolWords
    for (const Row& kind : {Row{parts.smtp, Reading::smtp_sessions}, Row{parts.mm1, Reading::mm1_sessions}, Row{parts.mail, Reading::mail_sessions}}) {
        ++protocol;
        figures[kind.count] = std::uint64_t{kind.sessions.count};
        for (const Association& session : kind.sessions.listed) {
            FigureRow& row = figures.rows(FigureTable::session).emplace_back(std::to_string(session.number), FigureTable::session);
            row[Column::session_protocol] = protocol;
            row[Column::session_remote] = session.remote;
            row[Column::session_since] = time_of(session.since);
        }
    }
}

void Telemetry::add_peers(const StoreNow& store, Figures& figures) const {
    struct Known {
        PeerRecord record;
        LaneLoad load;
    };
    std::map<std::string, Known> peers;
    const std::string relay = relay_lane(*config_);
    if (config_->push_kind != PushKind::none) peers["mm1"];
    if (!relay.empty()) peers[relay];
    for (const Peer& peer : config_->peers) peers["mm4:" + peer.name];
    Instant last_outbound{};
    for (PeerRecord& record : metrics_.peers().records()) {
        last_outbound = std::max(last_outbound, record.last_success);
        peers[record.name].record = std::move(record);
    }
    for (const LaneLoad& load : store.lanes) {
        const std::string name = peer_of(load.lane);
        if (is_internal(load.lane) || (peers.size() >= PeerBook::kMostPeers && !peers.contains(name))) continue;
        LaneLoad& all = peers[name].load;   // of all its lanes
        all.entries += load.entries;
        if (load.earliest && (!all.earliest || *load.earliest < *all.earliest)) all.earliest = load.earliest;
    }
    for (const auto& [name, known] : peers) {
        const PeerRecord& record = known.record;
        FigureRow& row = figures.rows(FigureTable::peer).emplace_back(name, FigureTable::peer);
        row[Column::peer_type] = state_of(peer_type_of(name, relay));
        row[Column::peer_status] = state_of(peer_status_of(record, known.load.entries, config_->alarms.peer, loop_.now()));
        row[Column::peer_queued] = known.load.entries;
        row[Column::peer_sent] = record.sent;
        row[Column::peer_deferred] = record.deferred;
        row[Column::peer_refused] = record.refused;
        row[Column::peer_failures] = record.failures;
        row[Column::peer_last_success] = time_of(record.last_success);
        row[Column::peer_last_failure] = time_of(record.last_failure);
        row[Column::peer_last_error] = record.last_error;
        row[Column::peer_next_attempt] = time_of(known.load.earliest);
    }
    figures[Reading::last_outbound] = time_of(last_outbound);
}

void Telemetry::add_certificates(Figures& figures) const {
    const Instant now = loop_.now();
    for (const CertificateNow& certificate : certificates_) {
        FigureRow& row = figures.rows(FigureTable::certificate).emplace_back(certificate.key, FigureTable::certificate);
        const Instant ends = certificate.not_after.value_or(Instant{});
        const CertificateStatus status = !certificate.not_after ? CertificateStatus::unreadable : ends <= now                             ? CertificateStatus::expired
                                                                                              : ends - now <= config_->alarms.certificate ? CertificateStatus::expiring
                                                                                                                                          : CertificateStatus::valid;
        row[Column::certificate_status] = state_of(status);
        row[Column::certificate_not_after] = time_of(ends);
        row[Column::certificate_days_left] = static_cast<std::uint64_t>(ends > now ? std::chrono::duration_cast<std::chrono::days>(ends - now).count() : 0);
    }
}

void Telemetry::add_alarms(Figures& figures) const {
    const std::vector<Alarm> active = book_.active();
    figures[Reading::alarms_active] = std::uint64_t{active.size()};
    figures[Reading::last_alarm] = time_of(last_alarm_);
    for (const Alarm& alarm : active) {
        std::string name(to_text(alarm.kind));
        if (!alarm.object.empty()) name += " " + alarm.object;
        FigureRow& row = figures.rows(FigureTable::alarm).emplace_back(name, FigureTable::alarm);
        row[Column::alarm_kind] = state_of(alarm.kind);
        row[Column::alarm_severity] = state_of(alarm.severity);
        row[Column::alarm_since] = time_of(alarm.since);
        row[Column::alarm_object] = alarm.object;
        row[Column::alarm_text] = alarm.text;
    }
}

}   // namespace mmgate
