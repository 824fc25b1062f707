#include "daemon/outcome.h"

#include <algorithm>
#include <cassert>

#include "mapping/charset.h"
#include "mapping/limits.h"
#include "mapping/status.h"

namespace mmgate {

namespace {

// X.Y.Z of a temporary fault that lasted until the end: RFC 3463 wants class 5 in a final report.
std::string as_final(std::string_view enhanced) {
    std::string out(enhanced);
    if (out.starts_with('4')) out[0] = '5';
    return out;
}

}   // namespace

Settle end_of(const Message& message, std::uint16_t index, End end, Instant now, const ReportPolicy& policy) {
    assert(is_end(end.state));
    Settle settle;
    settle.ref = {message.id, index};
    settle.recipient = message.recipients.at(index);
    Recipient& recipient = settle.recipient;
    recipient.unconfirmed = end.unconfirmed || (recipient.state == RecipientState::fetched && end.state == RecipientState::expired);
    recipient.state = end.state;
    recipient.fault = end.fault;
    recipient.reason = header_text(end.reason, kLimits.reason_bytes);
    recipient.next_attempt = now;
    if (end.state != RecipientState::relayed) recipient.report_from = {};
    recipient.remote_mta = std::move(end.remote_mta);
    if (!end.enhanced_status.empty()) recipient.enhanced_status = std::move(end.enhanced_status);
    else if (is_failure(end.state)) recipient.enhanced_status = as_final(spec_of(end.fault).enhanced);
    else recipient.enhanced_status = "2.0.0";

    settle.events.push_back({now, index, std::string(to_text(end.state)), recipient.reason});
    if (report_wanted(message, recipient, policy)) {
        recipient.report_due = true;
        bool last = true;
        for (std::size_t i = 0; i < message.recipients.size(); ++i)
            if (i != index && !is_end(message.recipients[i].state)) last = false;
        settle.report_at = std::max(last ? now : now + policy.delay, recipient.report_from);
    }
    return settle;
}

bool report_wanted(const Message& message, const Recipient& recipient, const ReportPolicy& policy) {
    if (!is_end(recipient.state) || recipient.state == RecipientState::deleted) return false;
    if (message.reports_on || message.automatic || message.headers.message_class == MessageClass::automatic) return false;
    // Somebody further on will report: until then, or until nobody did in time, nothing has happened that the originator asked about.
    if (recipient.state == RecipientState::relayed && recipient.report_expected && recipient.report_from == Instant{}) return false;
    const bool failure = is_failure(recipient.state);
    switch (message.interface) {
        case Interface::mail:
            if (message.return_path.empty() || recipient.notify.never) return false;
            // Fetched and never confirmed is a failure to one and a relaying to the other.
            if (recipient.state == RecipientState::expired && recipient.unconfirmed) return recipient.notify.failure || recipient.notify.success;
            return failure ? recipient.notify.failure : recipient.notify.success;
        case Interface::mm1:
            // Whether the phone rejected the MM is the phone's to reveal.
            if (recipient.state == RecipientState::rejected && !recipient.report_allowed) return false;
            if (failure) return message.headers.delivery_report || policy.service_messages;
            if (!message.headers.delivery_report) return false;
            return recipient.report_allowed;
        case Interface::mm4:
            if (!message.mm4) return false;
            // A phone that allows no report is kept from the originator, not from its relay, which learns that nothing can be known.
            return message.mm4->relay_report || (message.headers.delivery_report && recipient.report_allowed);
        case Interface::mm7: return false;
    }
    return false;
}

RecipientReport report_of(const Recipient& recipient) {
    RecipientReport report;
    report.recipient = recipient.address;
    report.enhanced_status = recipient.enhanced_status;
    report.diagnostic = recipient.reason;
    report.remote_mta = recipient.remote_mta;
    report.original_recipient = recipient.original_recipient;
    report.at = recipient.next_attempt;
    report.unconfirmed = is_failure(recipient.state) && recipient.unconfirmed;
    // Who asked about success is told that it went as far as anybody knows (RFC 4356 §2.1.4.1, Indeterminate); all others, that nobody knows more.
    if (recipient.state == RecipientState::expired && recipient.unconfirmed && recipient.notify.success) report.enhanced_status = "2.0.0";
    switch (recipient.state) {
        case RecipientState::delivered:
            // A 2xx of a next hop that promises no report says that the mail was handed on, not that it was read or even delivered.
            report.status = recipient.route == "mm1" ? DeliveryStatus::retrieved : recipient.report_expected ? DeliveryStatus::retrieved
                                                                                                             : DeliveryStatus::indeterminate;
            // RFC 4356 §2.1.4.1: the phone's user asked not to be reported on.
            if (recipient.route == "mm1" && !recipient.report_allowed) report.status = DeliveryStatus::indeterminate;
            break;
        case RecipientState::relayed:
            // A report that was promised and did not come, or came and said as much.
            {
                const bool did_not_come = recipient.report_expected && recipient.report_from != Instant{};
                report.status = did_not_come || recipient.unconfirmed ? DeliveryStatus::indeterminate : DeliveryStatus::forwarded;
            }
            break;
        case RecipientState::rejected: report.status = recipient.route == "mm1" && !recipient.report_allowed ? DeliveryStatus::indeterminate : DeliveryStatus::rejected; break;
        case RecipientState::expired:
            report.status = recipient.unconfirmed ? DeliveryStatus::indeterminate : DeliveryStatus::expired;
            break;
        case RecipientState::failed: report.status = recipient.unconfirmed ? DeliveryStatus::indeterminate : spec_of(recipient.fault).delivery_status; break;
        default: report.status = DeliveryStatus::indeterminate; break;
    }
    return report;
}

}   // namespace mmgate
