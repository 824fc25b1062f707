// GET /metrics on loopback, for a collector of metrics; nothing else is answered there.
#pragma once

#include <vector>

#include "daemon/config.h"
#include "daemon/http/server.h"
#include "daemon/log.h"
#include "daemon/watch/telemetry.h"

namespace mmgate {

class MetricsServer final : private http::Handler {
public:
    /// Does not listen yet. All must outlive the server.
    MetricsServer(Loop& loop, MemoryBudget& budget, Telemetry& telemetry, Log& log);

    /// Listens where metrics.listen says and no longer elsewhere. Fails: internal, with the endpoint; what listened before goes on.
    Result<void> configure(const Config& config) { return http_.listen(config.metrics_listen); }
    /// With the ports they really got.
    std::vector<Endpoint> endpoints() const { return http_.endpoints(); }
    void drain() { http_.drain(); }

private:
    void handle(http::Request request, const std::string& peer, http::Respond respond) override;
    void on_refused(const std::string& peer, int status, const std::string& rule) override;

    Telemetry& telemetry_;
    Log& log_;
    http::Server http_;
};

}   // namespace mmgate
