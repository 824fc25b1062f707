// Routes, peers and try-outs as lines of JSON: what `mmq route` and `mmq peer` are told.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "daemon/config.h"
#include "daemon/metrics.h"
#include "daemon/router.h"
#include "daemon/smtp/probe.h"

namespace mmgate::control {

/// A peer of MM4 as an operator sees it.
struct PeerNow {
    const Peer* config;
    FigureRow figures;   // of FigureTable::peer
    bool held = false;   // by the operator
    std::size_t under_way = 0;
    std::optional<Instant> down_since{}, next_try{};
    std::string reason{};   // why it is down
};
/// One object of `peers`.
std::string encode_peer(const PeerNow& now);
/// The same and how it is configured, without secrets: the object of `peer`.
std::string encode_peer_whole(const PeerNow& now);
/// What a number or mailbox was taken for, and what became of it.
struct RouteNow {
    std::string written;              // as asked
    Result<Route> route;              // or why there is none
    std::vector<std::string> steps;   // what was looked at, in order
    std::string next_hop{};           // the hosts of a peer, or the lane
    bool held = false;
};
std::string encode_route(const RouteNow& now);
/// One step of a try-out.
std::string encode_step(const smtp::ProbeStep& step);

}   // namespace mmgate::control
