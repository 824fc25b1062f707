#include "daemon/watch/alarms.h"

#include <algorithm>
#include <set>

namespace mmgate {

namespace {

/// Where a figure stands: bad from `raise` on, good up to the share of it that clears.
Condition over(std::uint64_t value, std::uint64_t raise, std::uint32_t clear_percent) {
    if (value >= raise) return Condition::bad;
    return value <= raise / 100 * clear_percent + raise % 100 * clear_percent / 100 ? Condition::good : Condition::between;
}

std::string mib_of(std::uint64_t bytes) { return std::to_string(bytes >> 20) + " MiB"; }

std::string age_text(Seconds age) {
    const auto s = age.count();
    return s < 120 ? std::to_string(s) + " s" : s < 7200    ? std::to_string(s / 60) + " min"
                                            : s < 2 * 86400 ? std::to_string(s / 3600) + " h"
                                                            : std::to_string(s / 86400) + " days";
}

void judge_queue(const Figures& figures, const AlarmLimits& limits, std::vector<Finding>& out) {
    if (limits.queue > 0) {
        const std::uint64_t messages = number_of(figures[Reading::messages]);
        out.push_back({AlarmKind::queue_high, {}, over(messages, limits.queue, limits.clear), std::to_string(messages) + " messages wait"});
    }
    if (limits.oldest.count() > 0) {
        const std::uint64_t age = number_of(figures[Reading::oldest_age]);
        out.push_back({AlarmKind::oldest_age_high, {}, over(age, static_cast<std::uint64_t>(limits.oldest.count()), limits.clear), "the oldest message has waited for " + age_text(Seconds(static_cast<Seconds::rep>(age)))});
    }
}

void judge_store(const Figures& figures, const AlarmLimits& limits, std::vector<Finding>& out) {
    const std::uint64_t used = number_of(figures[Reading::store_used]), free = number_of(figures[Reading::disk_free_bytes]), reserve = number_of(figures[Reading::disk_reserve_bytes]);
    const Condition map = over(used, limits.store, limits.clear);
    // A quarter above the reserve is near it, half above it is not.
    const Condition disk = free < reserve + reserve / 4 ? Condition::bad : free < reserve + reserve / 2 ? Condition::between
                                                                                                        : Condition::good;
    const std::string text = map == Condition::bad ? "the store holds " + std::to_string(used) + " percent of what it may"
                                                   : "the store's disk has " + mib_of(free) + " left, of which " + mib_of(reserve) + " are kept free";
    out.push_back({AlarmKind::store_low, {}, std::max(map, disk), text});
    out.push_back({AlarmKind::not_accepting, {}, number_of(figures[Reading::accepting]) ? Condition::good : Condition::bad, "new messages are deferred: the gateway is drained, the store is full or its disk fails"});
}

void judge_peers(const Figures& figures, std::vector<Finding>& out) {
    for (const FigureRow& peer : figures.rows(FigureTable::peer)) {
        const auto type = static_cast<PeerType>(number_of(peer[Column::peer_type]));
        if (type == PeerType::domain) continue;
        const auto status = static_cast<PeerStatus>(number_of(peer[Column::peer_status]));
        const Condition condition = status == PeerStatus::down ? Condition::bad : status == PeerStatus::backoff ? Condition::between
                                                                                                                : Condition::good;
        const std::string failures = std::to_string(number_of(peer[Column::peer_failures])) + " attempts in a row have failed";
        if (type == PeerType::push) out.push_back({AlarmKind::bearer_failing, {}, condition, "pushes do not come through: " + failures});
        else out.push_back({AlarmKind::peer_down, peer.name, condition, peer.name + " cannot be reached: " + failures});
    }
}

void judge_certificates(const Figures& figures, std::vector<Finding>& out) {
    for (const FigureRow& certificate : figures.rows(FigureTable::certificate)) {
        const auto status = static_cast<CertificateStatus>(number_of(certificate[Column::certificate_status]));
        const std::string days = std::to_string(number_of(certificate[Column::certificate_days_left]));
        const std::string what = status == CertificateStatus::expired ? " has expired" : status == CertificateStatus::unreadable ? " cannot be read"
                                                                                                                                 : " expires in " + days + " days";
        out.push_back({AlarmKind::certificate_expiring, certificate.name, status == CertificateStatus::valid ? Condition::good : Condition::bad,
                       "the certificate of " + certificate.name + what});
    }
}

}   // namespace

void ConversionTrend::look(const Figures& figures) {
    const std::uint64_t done_now = number_of(figures[Counter::converted_to_mm]) + number_of(figures[Counter::converted_to_mail]);
    const std::uint64_t failed_now = number_of(figures[Counter::not_converted_to_mm]) + number_of(figures[Counter::not_converted_to_mail]);
    in_row = done_now > done ? 0 : in_row + (failed_now - failed);
    done = done_now;
    failed = failed_now;
}

std::vector<Finding> judge(const Figures& figures, const ConversionTrend& conversions, const AlarmLimits& limits) {
    std::vector<Finding> out;
    judge_queue(figures, limits, out);
    judge_store(figures, limits, out);
    judge_peers(figures, out);
    judge_certificates(figures, out);
    constexpr std::uint64_t kReloadFailed = 3;   // of kReloadWords
    out.push_back({AlarmKind::config_rejected, {}, number_of(figures[Reading::last_reload_result]) == kReloadFailed ? Condition::bad : Condition::good, "the configuration has errors; the one before stays in force"});
    if (limits.conversions > 0) {
        const Condition condition = conversions.in_row >= limits.conversions ? Condition::bad : conversions.in_row > 0 ? Condition::between
                                                                                                                       : Condition::good;
        out.push_back({AlarmKind::conversion_failing, {}, condition, std::to_string(conversions.in_row) + " messages in a row could not be mapped"});
    }
    return out;
}

std::vector<AlarmChange> AlarmBook::look(const std::vector<Finding>& findings, Seconds settle, Instant now) {
    std::vector<AlarmChange> out;
    std::set<std::pair<AlarmKind, std::string>> seen;
    auto take = [&](AlarmKind kind, const std::string& object, Condition condition, const std::string& text) {
        const std::pair key(kind, object);
        auto found = watched_.find(key);
        if (found == watched_.end()) {
            if (condition != Condition::bad || watched_.size() >= kMostAlarms) return;
            found = watched_.emplace(key, Watched{}).first;
        }
        Watched& watched = found->second;
        if (condition != Condition::bad) watched.bad_since.reset();
        else if (!watched.bad_since) watched.bad_since = now;
        if (condition != Condition::good) watched.good_since.reset();
        else if (!watched.good_since) watched.good_since = now;

        if (watched.raised && condition == Condition::bad) watched.raised->text = text;
        if (!watched.raised && watched.bad_since && now - *watched.bad_since >= settle) {
            watched.raised = Alarm{kind, object, spec_of(kind).severity, now, text};
            out.push_back({*watched.raised, true, now});
        } else if (watched.raised && watched.good_since && now - *watched.good_since >= settle) {
            out.push_back({*watched.raised, false, now});
            watched.raised.reset();
        }
        if (!watched.raised && !watched.bad_since) watched_.erase(found);
    };
    for (const Finding& finding : findings) {
        seen.emplace(finding.kind, finding.object);
        take(finding.kind, finding.object, finding.condition, finding.text);
    }
    std::vector<std::pair<AlarmKind, std::string>> gone;
    for (const auto& [key, watched] : watched_)
        if (!seen.contains(key)) gone.push_back(key);
    for (const auto& [kind, object] : gone) take(kind, object, Condition::good, {});
    return out;
}

std::vector<Alarm> AlarmBook::active() const {
    std::vector<Alarm> out;
    for (const auto& [key, watched] : watched_)
        if (watched.raised) out.push_back(*watched.raised);
    return out;
}

Health AlarmBook::health() const {
    Health health = Health::ok;
    for (const Alarm& alarm : active()) health = std::max(health, alarm.severity == Severity::critical ? Health::failed : Health::degraded);
    return health;
}

std::string AlarmBook::reason() const {
    const std::vector<Alarm> alarms = active();
    auto worst = std::ranges::max_element(alarms, {}, &Alarm::severity);
    return worst == alarms.end() ? std::string() : worst->text;
}

}   // namespace mmgate
