// What every report of ours shares: it comes from us, is automatic, and nobody reports on it. Pure.
#pragma once

#include <string_view>

#include "daemon/config.h"
#include "daemon/crypto.h"
#include "daemon/names.h"
#include "daemon/router.h"
#include "store/store.h"

namespace mmgate {

/// What reports are made with beside the message.
struct ReportContext {
    const Config& config;
    const Router& router;
    const Names& names;
    Random& random;
    Instant now{};
};

/// A message of this kind to `route` about another, without content.
Message report_message(const Message& about, MessageKind kind, Route route, const ReportContext& context);
/// It as it enters the queue; `what` names it for people: "M-Delivery.ind".
Enqueue enqueue_of_report(Message report, Octets content, std::string_view what);

}   // namespace mmgate
