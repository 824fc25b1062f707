#include "snmp/monitor.h"

#include <algorithm>

namespace mmgate::snmp {

namespace {

enum Number : std::uint32_t { kGatewayStarted = 1,
                              kGatewayStopping,
                              kHealthChanged,
                              kControlDone };

std::string name_of(const Alarm& alarm) { return std::string(to_text(alarm.kind)) + (alarm.object.empty() ? "" : " " + alarm.object); }

std::pair<Oid, Value> scalar(Reading reading, const Figure& figure) {
    const MetricSpec& spec = spec_of(reading);
    return {mib_object(spec) + Oid{0}, value_of(spec, figure).value_or(Value{})};
}
Figure seconds(Instant at) { return static_cast<std::uint64_t>(std::chrono::duration_cast<Seconds>(at.time_since_epoch()).count()); }

FigureRow row_of(const Alarm& alarm) {
    FigureRow row(name_of(alarm), FigureTable::alarm);
    row[Column::alarm_kind] = static_cast<std::uint64_t>(alarm.kind);
    row[Column::alarm_severity] = static_cast<std::uint64_t>(alarm.severity);
    row[Column::alarm_since] = seconds(alarm.since);
    row[Column::alarm_object] = alarm.object;
    row[Column::alarm_text] = alarm.text;
    return row;
}

Alarm lost_alarm(Instant now) { return {AlarmKind::gateway_lost, {}, spec_of(AlarmKind::gateway_lost).severity, now, "the gateway does not answer the SNMP agent"}; }

}   // namespace

void Monitor::figures(Figures figures, Instant now) {
    since_ = now;
    version_ = text_of(figures[Reading::version]);
    control_.gateway(number_of(figures[Reading::control_enabled]) != 0);
    figures_ = std::move(figures);
    if (auto lost = alarms_.find(name_of(lost_alarm({}))); lost != alarms_.end()) {
        const Alarm alarm = lost->second;
        clear(alarm);
    }
    note_status(now);
}

void Monitor::tick(Instant now) {
    if (now - since_ < kLostAfter) return;
    figures_.reset();
    control_.gateway(std::nullopt);
    if (!alarms_.contains(name_of(lost_alarm({})))) {
        raise(lost_alarm(now));
        health(Health::unreachable, "the gateway does not answer the SNMP agent");
    }
    note_status(now);
}

void Monitor::note_status(Instant now) {
    static const Figures kNone;
    const OperStatus status = oper_status(figures_ ? *figures_ : kNone, figures_.has_value());
    if (status != status_) operation_.last_change = now;
    status_ = status;
    operation_.answers = figures_.has_value();
    operation_.last_version = version_;
}

void Monitor::notice(const control::Notice& notice, Instant now) {
    using What = control::Notice::What;
    switch (notice.what) {
        case What::begin: return begin(notice, now);
        case What::ready: return ready();
        case What::alarm_raised:
            if (heard_) heard_->insert_or_assign(name_of(notice.alarm), notice.alarm);
            else if (!alarms_.contains(name_of(notice.alarm))) raise(notice.alarm);
            return;
        case What::alarm_cleared:
            if (alarms_.contains(name_of(notice.alarm))) clear(notice.alarm);
            return;
        case What::health: return health(notice.health, notice.text);
        case What::reload: return;
        case What::control: {
            control_.noticed(notice);
            Notification notification{kControlDone, {}, {}};
            for (auto& [oid, value] : control_values(notice)) notification.objects.emplace_back(oid + Oid{0}, std::move(value));
            notification.objects.pop_back();   // the time is the notification's own
            return queue_.push(std::move(notification));
        }
    }
}

void Monitor::begin(const control::Notice& notice, Instant now) {
    heard_.emplace();
    const bool fresh = started_ ? *started_ != notice.started : now - notice.started < kJustStarted;
    started_ = notice.started;
    version_ = notice.version;
    if (fresh) queue_.push({kGatewayStarted, {scalar(Reading::version, version_), scalar(Reading::started, seconds(notice.started))}, {}});
    health(notice.health, notice.text);
}

// What has changed while nobody told.
void Monitor::ready() {
    if (!heard_) return;
    const std::map<std::string, Alarm> heard = std::move(*heard_);
    heard_.reset();
    std::vector<Alarm> over;
    for (const auto& [name, alarm] : alarms_)
        if (alarm.kind != AlarmKind::gateway_lost && !heard.contains(name)) over.push_back(alarm);
    for (const Alarm& alarm : over) clear(alarm);
    for (const auto& [name, alarm] : heard)
        if (!alarms_.contains(name)) raise(alarm);
}

void Monitor::health(Health health, const std::string& reason) {
    if (health_ == health) return;
    const bool first = !health_ && health == Health::ok;
    health_ = health;
    const auto why = scalar(Reading::health_reason, reason);
    if (health == Health::stopping) queue_.push({kGatewayStopping, {why}, {}});
    if (!first) queue_.push({kHealthChanged, {scalar(Reading::health, static_cast<std::uint64_t>(health)), why}, {}});
}

void Monitor::raise(const Alarm& alarm) {
    alarms_.insert_or_assign(name_of(alarm), alarm);
    tell_alarm(alarm, spec_of(alarm.kind).number);
}

void Monitor::clear(const Alarm& alarm) {
    Alarm over = alarm;
    over.severity = Severity::cleared;
    tell_alarm(over, spec_of(alarm.kind).number + 1u);
    alarms_.erase(name_of(alarm));
}

std::uint32_t Monitor::index_of(const Alarm& alarm) { return indices_[FigureTable::alarm].of(name_of(alarm)); }

void Monitor::tell_alarm(const Alarm& alarm, std::uint32_t number) {
    Notification notification{number, {}, name_of(alarm)};
    const FigureRow row = row_of(alarm);
    const Oid index{index_of(alarm)};
    for (std::size_t i = 0; const MetricSpec& spec : columns_of(FigureTable::alarm)) notification.objects.emplace_back(mib_object(spec) + index, value_of(spec, row.values[i++]).value_or(Value{}));
    queue_.push(std::move(notification));
}

View Monitor::view(const Clock& clock) {
    View view;
    Figures shown = figures_ ? *figures_ : Figures();
    if (!figures_) {
        shown[Reading::health] = static_cast<std::uint64_t>(Health::unreachable);
        shown[Reading::health_reason] = std::string("the gateway does not answer the SNMP agent");
        shown[Reading::accepting] = std::uint64_t{0};
    }
    shown[Reading::alarms_active] = std::uint64_t{alarms_.size()};
    shown.rows(FigureTable::alarm).clear();
    for (const auto& [name, alarm] : alarms_) shown.rows(FigureTable::alarm).push_back(row_of(alarm));
    add_mmgate(shown, indices_, clock, view);
    control_.add_to(view);
    add_network_services(shown, operation_, clock, view);
    if (figures_) add_mta(*figures_, clock, view);
    return view;
}

}   // namespace mmgate::snmp
