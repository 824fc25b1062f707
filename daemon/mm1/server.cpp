#include "daemon/mm1/server.h"

namespace mmgate::mm1 {

http::ServerOptions http_options(const Config& config) {
    http::ServerOptions options;
    options.connections = config.mm1_connections;
    options.connections_per_client = config.mm1_connections_per_client;
    options.timeout = config.mm1_timeout;
    options.reader.body_bytes = config.message_size_bytes;
    return options;
}

Server::Server(Loop& loop, MemoryBudget& budget, Service& service, const Config& config) : http_(loop, budget, service, http_options(config)) {}

Result<void> Server::configure(const Config& config) {
    if (auto listening = http_.listen(config.mm1_listen); !listening) return listening;
    http_.configure(http_options(config));
    return {};
}

std::string Server::url(const Config& config) const {
    if (!config.mm1_url.empty()) return config.mm1_url.ends_with('/') ? config.mm1_url.substr(0, config.mm1_url.size() - 1) : config.mm1_url;
    const auto listening = http_.endpoints();
    return listening.empty() ? std::string() : "http://" + to_text(listening.front());
}

}   // namespace mmgate::mm1
