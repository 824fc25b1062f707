#include "daemon/watch/metrics_server.h"

#include "daemon/watch/open_metrics.h"

namespace mmgate {

namespace {

// Collectors are few, and ask for nothing but a path.
http::ServerOptions options() {
    http::ServerOptions out;
    out.connections = 16;
    out.connections_per_client = 16;
    out.timeout = std::chrono::milliseconds(30'000);
    out.reader = {.head_bytes = 8 * 1024, .target_bytes = 256, .fields = 64, .body_bytes = 0, .kept_of_cut_body = 0};
    return out;
}

http::Response refusal(int status, std::string text) {
    http::Response out;
    out.status = status;
    out.content_type = "text/plain; charset=utf-8";
    out.body = std::move(text);
    out.close = true;
    return out;
}

}   // namespace

MetricsServer::MetricsServer(Loop& loop, MemoryBudget& budget, Telemetry& telemetry, Log& log) : telemetry_(telemetry), log_(log), http_(loop, budget, *this, options()) {}

void MetricsServer::handle(http::Request request, const std::string& peer, http::Respond respond) {
    auto refuse = [&](http::Response response, const std::string& rule) {
        on_refused(peer, response.status, rule);
        respond(std::move(response));
    };
    if (request.path != "/metrics") return refuse(refusal(404, "Only /metrics is here.\r\n"), "another path");
    if (request.method != "GET") {
        http::Response response = refusal(405, "Only GET is answered.\r\n");
        response.allow = "GET";
        return refuse(std::move(response), "another method");
    }
    if (request.body_cut || !request.body.empty()) return refuse(refusal(400, "A GET has no body.\r\n"), "a body");
    telemetry_.ask([respond = std::move(respond)](const Figures& figures) {
        http::Response response;
        response.content_type = kOpenMetricsType;
        response.body = open_metrics(figures);
        respond(std::move(response));
    });
}

void MetricsServer::on_refused(const std::string& peer, int status, const std::string& rule) {
    log_.notice("-", "metrics-refused", {{"peer", peer}, {"status", status}, {"reason", rule}});
}

}   // namespace mmgate
