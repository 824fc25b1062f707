// The MM1 door: HTTP listeners for phones, in front of the service.
#pragma once

#include <string>
#include <vector>

#include "daemon/config.h"
#include "daemon/http/server.h"
#include "daemon/memory_budget.h"
#include "daemon/mm1/service.h"

namespace mmgate::mm1 {

class Server {
public:
    /// Does not listen yet. `budget` and `service` must outlive the server.
    Server(Loop& loop, MemoryBudget& budget, Service& service, const Config& config);

    /// Takes over mm1.listen and the limits, now and on a reload: endpoints that stay are not touched.
    /// Fails: internal, with the endpoint; what listened before goes on.
    Result<void> configure(const Config& config);
    /// With the ports they really got, in the order of mm1.listen.
    std::vector<Endpoint> endpoints() const { return http_.endpoints(); }
    /// What retrieval URLs begin with: mm1.url, or the first listener; without a final slash.
    std::string url(const Config& config) const;

    /// No new connections or requests; what is under way finishes.
    void drain() { http_.drain(); }
    std::size_t connections() const { return http_.connections(); }
    Associations associations() const { return http_.associations(); }

private:
    http::Server http_;
};

/// The limits of mm1 as HTTP's.
http::ServerOptions http_options(const Config& config);

}   // namespace mmgate::mm1
