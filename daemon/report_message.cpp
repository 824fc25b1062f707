#include "daemon/report_message.h"

#include <algorithm>

namespace mmgate {

namespace {

// A report is worth bringing for two days; after that whoever waits has given up (RFC 5321 §4.5.4.1 knows no number).
constexpr std::chrono::hours kReportLifetime{48};

}   // namespace

Message report_message(const Message& about, MessageKind kind, Route route, const ReportContext& context) {
    Message report;
    report.kind = kind;
    report.interface = about.interface;
    report.arrival = context.now;
    report.expires = context.now + std::min<std::chrono::milliseconds>(kReportLifetime, context.config.lifetime);
    report.automatic = true;
    report.reports_on = about.id;
    report.peer = "mmgate";
    report.originator = {Address::Kind::mailbox, "postmaster@" + context.config.domain, {}};
    report.headers.from = report.originator;
    report.headers.date = context.now;
    report.headers.message_class = MessageClass::automatic;
    Recipient recipient;
    recipient.address = route.address;
    recipient.route = std::move(route.route);
    recipient.lane = std::move(route.lane);
    recipient.next_attempt = context.now;
    recipient.notify = {.never = true, .success = false, .failure = false, .delay = false};
    if (recipient.route == "mm1") recipient.token = context.random.octets(kTokenBytes);
    report.headers.to.push_back(recipient.address);
    report.recipients.push_back(std::move(recipient));
    return report;
}

Enqueue enqueue_of_report(Message report, Octets content, std::string_view what) {
    Enqueue enqueue;
    report.size_bytes = content.size();
    enqueue.events.push_back({report.arrival, std::nullopt, "made", std::string(what) + " about " + (report.reports_on ? to_text(*report.reports_on) : std::string())});
    enqueue.message = std::move(report);
    enqueue.content = std::move(content);
    return enqueue;
}

}   // namespace mmgate
