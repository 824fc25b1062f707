// Figures as OpenMetrics text: what GET /metrics answers. Pure.
//
// Source: OpenMetrics 1.0.0 (the format that Prometheus and others read); its rules for names, units and types.
#pragma once

#include <string>

#include "daemon/metrics.h"

namespace mmgate {

inline constexpr std::string_view kOpenMetricsType = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// The family's name: "mmgate_smtp_bytes", "mmgate_uptime_seconds", "mmgate_peer_queued", "mmgate_started_timestamp_seconds".
/// "" for what OpenMetrics has no place for: texts, and tables that only the standard MIBs show.
std::string open_metrics_name(const MetricSpec& spec);
/// The name of its samples: a counter's ends in _total, an info's in _info.
std::string open_metrics_sample(const MetricSpec& spec);

/// All families in the order of kMetrics, each with its type, unit, help and samples, and the end mark.
std::string open_metrics(const Figures& figures);

}   // namespace mmgate
