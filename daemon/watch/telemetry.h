// Gathers all figures of one moment, looks at them once a second, and raises and clears alarms.
//
// The store is asked on a worker; the rest is known on the loop's thread, which is where everything here runs.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "daemon/config.h"
#include "daemon/log.h"
#include "daemon/loop/loop.h"
#include "daemon/loop/workers.h"
#include "daemon/metrics.h"
#include "daemon/watch/alarms.h"
#include "daemon/watch/association.h"
#include "store/store.h"

namespace mmgate {

/// What the parts of the gateway know of themselves.
struct PartsNow {
    std::size_t carrying = 0;    // of the dispatcher
    std::size_t unsettled = 0;   // of the settler
    std::uint64_t commit_failures = 0;
    std::uint64_t memory_bytes = 0;
    bool drained = false;   // the operator lets no new messages in
    Associations smtp, mm1, mail;
};

/// What the store knows of itself.
struct StoreNow {
    StoreStats stats;
    std::vector<LaneLoad> lanes;
};

/// A certificate that the gateway shows, as it was when it was loaded.
struct CertificateNow {
    std::string key;                    // of the configuration
    std::optional<Instant> not_after;   // nothing: it cannot be read
};

class Telemetry {
public:
    static constexpr std::chrono::milliseconds kLookEvery{1000};
    /// More lanes than this are not looked at: their names are strangers' choice.
    static constexpr std::size_t kMostLanes = 1000;

    /// What has changed: alarms, or the gateway's health alone.
    struct Change {
        std::vector<AlarmChange> alarms;
        Health health{};
        std::string reason;
    };
    using Changed = std::function<void(const Change&)>;

    /// All that is referred to outlives this. `parts` is called on the loop's thread.
    Telemetry(Loop& loop, Workers& workers, const Store& store, Metrics& metrics, Log& log, std::function<PartsNow()> parts);

    void configure(std::shared_ptr<const Config> config);
    /// Begins to look; `changed` hears of each raise and clear.
    void begin(Changed changed);
    /// The configuration was read anew, or was to be.
    void reloaded(bool ok);
    /// The gateway ends: its health says so from now on.
    void stopping();

    /// Gives all figures as of now, on the loop's thread, not from inside.
    void ask(std::function<void(Figures)> done);
    std::vector<Alarm> alarms() const { return book_.active(); }
    Health health() const { return stopping_ ? Health::stopping : book_.health(); }
    std::string reason() const { return stopping_ ? "the gateway is being stopped" : book_.reason(); }
    Instant started() const { return started_; }

private:
    void look();
    void take(const Figures& figures);
    Figures gather(const StoreNow& store) const;
    void add_store(const StoreNow& store, Figures& figures) const;
    void add_parts(const PartsNow& parts, Figures& figures) const;
    void add_peers(const StoreNow& store, Figures& figures) const;
    void add_certificates(Figures& figures) const;
    void add_alarms(Figures& figures) const;

    Loop& loop_;
    Workers& workers_;
    const Store& store_;
    Metrics& metrics_;
    Log& log_;
    std::function<PartsNow()> parts_;
    std::shared_ptr<const Config> config_;   // shared with the rest of the gateway until the next reload
    std::uint64_t map_limit_bytes_ = 0, disk_reserve_bytes_ = 0;
    std::vector<CertificateNow> certificates_;
    const Instant started_;
    Changed changed_;
    AlarmBook book_;
    ConversionTrend conversions_;
    Health last_health_ = Health::ok;
    std::optional<Instant> last_alarm_, last_reload_;
    bool reload_ok_ = true, stopping_ = false;
    std::uint64_t inbound_seen_ = 0;   // connections and requests, as counted at the last look
    std::optional<Instant> last_inbound_;
    Timer next_;
};

/// The row of a next hop. `relay`: the lane of mail.relay, "" where there is none.
PeerType peer_type_of(std::string_view name, std::string_view relay);
PeerStatus peer_status_of(const PeerRecord& record, std::uint64_t queued, Seconds down_after, Instant now);

}   // namespace mmgate
