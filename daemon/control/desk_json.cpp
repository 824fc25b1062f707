#include "daemon/control/desk_json.h"

#include <nlohmann/json.hpp>

#include "daemon/config_text.h"
#include "daemon/control/message_json.h"
#include "daemon/control/protocol.h"
#include "daemon/peer_keys.h"

namespace mmgate::control {

namespace {

using Json = nlohmann::ordered_json;

std::string line_of(const Json& json) { return json.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n"; }

Json time_or_null(std::optional<Instant> at) { return at ? Json(time_text(*at)) : Json(nullptr); }

Json json_of(const PeerNow& now) {
    Json json{{"name", now.config->name}, {"domain", now.config->domain}};
    json.update(Json::parse(encode_columns(now.figures, FigureTable::peer), nullptr, false));
    json["held"] = now.held;
    json["under_way"] = now.under_way;
    json["down_since"] = time_or_null(now.down_since);
    json["next_try"] = time_or_null(now.next_try);
    json["reason"] = now.reason;
    return json;
}

constexpr std::string_view kStepResults[] = {"ok", "failed", "skipped"};

}   // namespace

std::string encode_peer(const PeerNow& now) { return line_of(json_of(now)); }

std::string encode_peer_whole(const PeerNow& now) {
    Json json = json_of(now), keys = Json::object();
    Peer peer = *now.config;   // what its rows point into
    for (const auto& spec : kPeerKeys) keys[spec.name] = shown_value(spec, peer);
    json["configuration"] = std::move(keys);
    return line_of(json);
}

std::string encode_route(const RouteNow& now) {
    Json json{{"address", now.written}, {"as", nullptr}, {"route", nullptr}};
    if (now.route) {
        json["as"] = now.route->address.value;
        json["route"] = now.route->route;
        json["next_hop"] = now.next_hop;
        json["held"] = now.held;
    }
    json["why"] = now.route ? now.route->why : now.route.error().rule;
    json["steps"] = now.steps;
    return line_of(json);
}

std::string encode_step(const smtp::ProbeStep& step) {
    return line_of({{"step", step.step}, {"result", kStepResults[static_cast<std::size_t>(step.result)]}, {"detail", step.detail}, {"milliseconds", step.took.count()}});
}

}   // namespace mmgate::control
