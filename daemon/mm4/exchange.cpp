#include "daemon/mm4/exchange.h"

#include <algorithm>
#include <array>

#include "daemon/retry.h"
#include "mapping/charset.h"
#include "mapping/limits.h"
#include "mapping/mm4/addresses.h"
#include "mapping/mm4/words.h"

namespace mmgate::mm4 {

namespace {

// After a message's time, what is still unknown will not be known.
constexpr std::chrono::hours kReportOutlives{1};

/// What a status in a delivery report makes of a recipient. Source: 3GPP TS 23.140 §8.4.2.
struct ReportedEnd {
    DeliveryStatus status;
    RecipientState state;
    Fault fault;
    bool unconfirmed;
};
constexpr auto kReportedEnds = std::to_array<ReportedEnd>({
    {DeliveryStatus::expired, RecipientState::expired, Fault::expired, false},
    {DeliveryStatus::retrieved, RecipientState::delivered, Fault::internal, false},
    {DeliveryStatus::rejected, RecipientState::rejected, Fault::peer_refused, false},
    {DeliveryStatus::deferred, RecipientState::relayed, Fault::internal, false},   // no end: see after_report
    {DeliveryStatus::unrecognised, RecipientState::failed, Fault::unsupported_version, false},
    {DeliveryStatus::indeterminate, RecipientState::relayed, Fault::internal, true},
    {DeliveryStatus::forwarded, RecipientState::relayed, Fault::internal, false},
    {DeliveryStatus::unreachable, RecipientState::failed, Fault::peer_unreachable, false},
});
static_assert(rows_are_in_order(kReportedEnds, &ReportedEnd::status));

/// The refusals that say no to the message itself: its originator is told that it was rejected. Source: the sheet's §8.2.
constexpr auto kRejections = std::to_array<Fault>({Fault::sender_denied, Fault::content_refused, Fault::unsupported_type, Fault::malformed});

ReportPolicy policy_of(const Config& config) { return {config.service_messages, config.report_delay}; }

std::string one_line(std::string text) { return header_text(text, kLimits.reason_bytes); }

/// The peer has taken the message: a report is waited for, or this is all that will be known.
Settle taken_by_peer(const Message& message, std::uint16_t index, bool report_awaited, std::string reason, const std::string& mta, Instant now, const Config& config) {
    Message after = message;
    Recipient& recipient = after.recipients[index];
    recipient.response_awaited = false;
    recipient.report_expected = report_awaited;
    recipient.report_from = report_awaited ? std::max(now, message.expires) + kReportOutlives : Instant{};
    return end_of(after, index, {report_awaited ? RecipientState::relayed : RecipientState::delivered, Fault::internal, std::move(reason), {}, mta}, now, policy_of(config));
}

}   // namespace

// ---------------------------------------------------------------------------------------------------------------------- names in the store

SubmissionKey request_key(std::string_view peer, const Ids& ids, std::vector<std::string> recipients) {
    std::ranges::sort(recipients);
    Octets all;
    for (const std::string& recipient : recipients) all += recipient + '\n';
    return submission_key({"mm4 request", peer, ids.transaction_id, ids.message_id, all});
}
SubmissionKey recipient_key(std::string_view peer, std::string_view message_id, const Address& recipient) {
    return submission_key({"mm4 recipient", peer, message_id, recipient.value});
}
SubmissionKey forwarded_key(std::string_view peer, std::string_view message_id) { return submission_key({"mm4 forwarded", peer, message_id}); }
SubmissionKey transit_key(std::string_view message_id, const Address& recipient) { return submission_key({"mm4 transit", message_id, recipient.value}); }
SubmissionKey report_key(std::string_view peer, std::string_view transaction_id) { return submission_key({"mm4 report", peer, transaction_id}); }

// -------------------------------------------------------------------------------------------------------------------------------- requests

Dialect dialect_of(const Peer& peer) {
    Dialect dialect;
    if (auto version = parse_version(peer.version)) dialect.version = *version;
    dialect.rel6_fields = peer.rel6;
    dialect.quote_ids = peer.quote_ids;
    dialect.expiry = peer.expiry;
    dialect.addresses = peer.addresses;
    dialect.lenient = peer.lenient;
    return dialect;
}

Address path_of(const Address& address, std::string_view domain) {
    if (address.kind == Address::Kind::mailbox) return address;
    return {Address::Kind::mailbox, to_mm4_text(address, domain), {}};
}

bool is_answered(const Recipient& recipient) { return recipient.request != 0 && !recipient.response_awaited && recipient.requests_sent == 0; }

std::uint16_t next_request(const Message& message, std::uint16_t first) {
    // Peers are served side by side and know nothing of each other's requests: their recipients tell these apart.
    const std::size_t step = message.recipients.size();
    const auto in_use = [&](std::size_t number) { return std::ranges::count(message.recipients, number, &Recipient::request) > 0; };
    std::size_t number = first + 1U;
    while (number <= message.recipients.at(first).request || in_use(number)) number += step;
    constexpr std::size_t kNumbers = 65535;
    return static_cast<std::uint16_t>(1 + (number - 1) % kNumbers);
}

Instant last_attempt(const Message& message, const Config& config) {
    return message.kind == MessageKind::mm ? std::min<Instant>(message.expires, message.arrival + config.mm4_lifetime) : message.expires;
}

Outgoing outgoing_request(const Message& message, std::uint16_t number, const Peer& peer, const Router& router, const Names& names, Instant now) {
    Outgoing out;
    ForwardReq& request = out.request;
    out.options.dialect = dialect_of(peer);
    request.version = out.options.dialect.version;
    request.ids.transaction_id = names.transaction_id({message.id, number});
    // An MM keeps the identifier that its first relay gave it.
    request.ids.message_id = message.interface == Interface::mm4 ? message.headers.message_id : names.message_id(message.id);
    request.headers = message.headers;
    // Who hides is known to relays: reports and lawful questions need it. The last one leaves the sender out.
    request.headers.from = message.originator;
    request.headers.expiry = When{std::nullopt, message.expires};
    for (const PreviouslySent& earlier : message.headers.previously_sent) request.forward_counter = std::max(request.forward_counter, earlier.count + 1);
    request.ack_requested = peer.ack;
    out.report_awaited = asks_for_report(message, peer);
    request.relay_report = out.report_awaited && !message.headers.delivery_report;
    request.originator_system = request.sender = router.system_address();
    for (const Recipient& recipient : message.recipients) {
        if (recipient.address.kind != Address::Kind::phone || recipient.role == RecipientRole::bcc) continue;
        const Peer* other = router.peers().named(peer_of_route(recipient.route));
        request.phone_domains.emplace_back(recipient.address.value, in_lower_case(other ? other->domain : router.config().domain));
    }

    out.options.domain = router.config().domain;
    out.options.hostname = router.config().hostname;
    out.options.queue_id = to_text(message.id);
    out.options.system_address = router.system_address();
    out.options.peer_domain = peer.domain;
    out.options.boundary_seed = out.options.queue_id + "." + std::to_string(number);
    out.options.now = now;
    out.options.phone_domains = request.phone_domains;
    return out;
}

bool asks_for_report(const Message& message, const Peer& peer) {
    const Dialect dialect = dialect_of(peer);
    const bool for_ourselves = peer.relay_reports && dialect.rel6_fields && dialect.version.major >= 6;
    return message.headers.delivery_report || (for_ourselves && !message.automatic);
}

std::string envelope_sender(const Message& message, const Peer& peer, const Router& router) {
    const bool mm = message.kind == MessageKind::mm;
    if (peer.mail_from == EnvelopeSender::null && (!mm || message.automatic)) return {};
    // Only numbers have an address with us; and one that only passes through here is another's.
    if (!mm || peer.mail_from == EnvelopeSender::system || message.originator.kind != Address::Kind::phone || message.interface == Interface::mm4) return router.system_address();
    return path_of(message.originator, router.config().domain).value;
}

Settle after_sending(const Message& message, std::uint16_t index, const smtp::Delivered& delivered, const Sent& sent, Instant now, const Config& config, Random& random) {
    using Verdict = smtp::Delivered::Verdict;
    const Recipient& before = message.recipients.at(index);
    if (delivered.verdict == Verdict::failed) {
        Message after = message;
        ++after.recipients[index].attempts;
        after.recipients[index].response_awaited = false;
        End end{RecipientState::failed, delivered.fault, delivered.reply, delivered.enhanced_status, delivered.remote_mta};
        end.unconfirmed = before.response_awaited;   // it was taken before, and what is refused is a copy
        return end_of(after, index, std::move(end), now, policy_of(config));
    }
    const bool taken = delivered.verdict != Verdict::deferred;
    if (taken && !sent.response_awaited) {
        Message after = message;
        ++after.recipients[index].attempts;
        return taken_by_peer(after, index, sent.report_awaited, delivered.reply, delivered.remote_mta, now, config);
    }
    Settle settle;
    settle.ref = {message.id, index};
    settle.recipient = before;
    Recipient& recipient = settle.recipient;
    recipient.state = RecipientState::deferred;
    recipient.reason = delivered.reply;
    recipient.enhanced_status = delivered.enhanced_status;
    recipient.remote_mta = delivered.remote_mta;
    if (taken) {
        ++recipient.attempts;
        recipient.fault = Fault::peer_deferred;
        recipient.request = sent.number;
        ++recipient.requests_sent;
        recipient.response_awaited = true;
        recipient.reason = "sent, and the response is awaited; the host said: " + delivered.reply;
        recipient.next_attempt = now + config.mm4_response_timeout;
        settle.events.push_back({now, index, recipient.requests_sent > 1 ? "sent-again" : "sent", delivered.reply});
        return settle;
    }
    recipient.fault = delivered.fault;
    if (delivered.extent == smtp::Delivered::Extent::destination) {
        // Not this message's doing: it keeps its place in the line, and the line waits.
        recipient.next_attempt = std::min(before.next_attempt, now);
    } else {
        ++recipient.attempts;
        recipient.next_attempt = next_attempt(config.mm4_retry, recipient.attempts, now, last_attempt(message, config), random);
    }
    settle.events.push_back({now, index, "deferred", delivered.reply});
    return settle;
}

void keep_together(std::vector<Settle>& settles) {
    const auto comes_back = [](const Settle& settle) { return settle.recipient.state == RecipientState::deferred; };
    Instant latest{};
    for (const Settle& settle : settles)
        if (comes_back(settle)) latest = std::max(latest, settle.recipient.next_attempt);
    for (Settle& settle : settles)
        if (comes_back(settle)) settle.recipient.next_attempt = latest;
}

Settle after_silence(const Message& message, std::uint16_t index, Instant now, const Config& config) {
    Message after = message;
    Recipient& recipient = after.recipients[index];
    recipient.response_awaited = false;
    const std::string reason = "its relay took the request " + std::to_string(recipient.requests_sent) + " times and never responded";
    End end{RecipientState::failed, Fault::peer_unreachable, reason, "5.4.7", recipient.remote_mta};
    end.unconfirmed = true;
    return end_of(after, index, std::move(end), now, policy_of(config));
}

// -------------------------------------------------------------------------------------------------------------- what a peer says about them

std::vector<std::uint16_t> recipients_of(const Response& response, const Message& message, std::uint16_t number, std::string_view peer) {
    std::vector<std::uint16_t> out;
    for (std::size_t i = 0; i < message.recipients.size(); ++i) {
        const Recipient& recipient = message.recipients[i];
        if (recipient.request != number || peer_of_route(recipient.route) != peer) continue;
        const bool named = response.request_recipients.empty() || std::ranges::find(response.request_recipients, recipient.address.value, &Address::value) != response.request_recipients.end();
        if (named) out.push_back(static_cast<std::uint16_t>(i));
    }
    return out;
}

std::optional<Settle> after_response(const Message& message, std::uint16_t index, const Response& response, bool report_awaited, Instant now, const Config& config,
                                     Random& random) {
    const Recipient& before = message.recipients.at(index);
    if (is_end(before.state) || !before.response_awaited) return std::nullopt;
    const auto fault = fault_of_status(response.status);
    std::string says = "the relay responded " + response.status;
    if (!response.status_text.empty()) says += ": " + response.status_text;
    says = one_line(std::move(says));
    if (!fault) {
        Settle settle = taken_by_peer(message, index, report_awaited, std::move(says), before.remote_mta, now, config);
        settle.was = {before.state};
        return settle;
    }
    if (!is_temporary(*fault)) {
        Message after = message;
        after.recipients[index].response_awaited = false;
        const RecipientState state = std::ranges::find(kRejections, *fault) == kRejections.end() ? RecipientState::failed : RecipientState::rejected;
        Settle settle = end_of(after, index, {state, *fault, says, {}, before.remote_mta}, now, policy_of(config));
        settle.was = {before.state};
        return settle;
    }
    Settle settle;
    settle.ref = {message.id, index};
    settle.was = {before.state};
    settle.recipient = before;
    Recipient& recipient = settle.recipient;
    recipient.response_awaited = false;
    // It is for a new request now: the same one would be given the same answer from the peer's records.
    recipient.requests_sent = 0;
    recipient.fault = *fault;
    recipient.reason = says;
    recipient.next_attempt = next_attempt(config.mm4_retry, std::max(1U, recipient.attempts), now, last_attempt(message, config), random);
    settle.events.push_back({now, index, "deferred", says});
    return settle;
}

std::optional<Settle> look_up_again(const Message& message, const Settle& refused, const Router& router, Instant now) {
    const Recipient& before = message.recipients.at(refused.ref.index);
    const Recipient& end = refused.recipient;
    const bool unknown_there = end.fault == Fault::recipient_unknown || end.enhanced_status == "5.1.1" || end.enhanced_status == "5.1.6" || end.reason.starts_with("551");
    // Error-message-not-found shares its code with an unknown recipient, and says nothing about one.
    const bool is_refusal = end.state == RecipientState::failed && unknown_there && end.fault != Fault::not_found && !end.unconfirmed;
    if (!is_refusal || before.looked_up_again || message.kind != MessageKind::mm || before.address.kind != Address::Kind::phone) return std::nullopt;
    const auto route = router.of_recipient(before.address);
    if (!route || route->route != kResolveLane) return std::nullopt;
    Settle settle;
    settle.ref = refused.ref;
    settle.was = refused.was;
    settle.recipient = before;
    Recipient& recipient = settle.recipient;
    recipient.looked_up_again = true;
    recipient.state = RecipientState::queued;
    recipient.lane = kResolveLane;   // its route stays the peer that does not know it
    recipient.attempts = 0;
    recipient.requests_sent = 0;
    recipient.response_awaited = false;
    recipient.fault = Fault::recipient_unknown;
    recipient.reason = end.reason;
    recipient.remote_mta = end.remote_mta;
    recipient.next_attempt = now;
    settle.events.push_back({now, refused.ref.index, "looked-up-again", recipient.reason});
    return settle;
}

Settle takes_route(const Message& message, std::uint16_t index, const Route& route, std::string_view event, std::string why, Instant now, Random& random) {
    Settle settle;
    settle.ref = {message.id, index};
    settle.recipient = message.recipients.at(index);
    Recipient& recipient = settle.recipient;
    recipient.state = RecipientState::queued;
    recipient.attempts = 0;
    recipient.route = route.route;
    recipient.lane = lane_for(route, message.headers.priority);
    recipient.next_attempt = now;
    recipient.reason.clear();
    if (recipient.route == "mm1" && recipient.token.empty()) recipient.token = random.octets(kTokenBytes);
    const std::string_view peer = peer_of_route(recipient.route);
    if (message.interface == Interface::mm4 && !peer.empty()) settle.aliases.push_back({forwarded_key(peer, message.headers.message_id), message.expires + kNamesOutlive});
    settle.events.push_back({now, index, std::string(event), header_text(why, kLimits.reason_bytes)});
    return settle;
}

std::optional<Settle> leaves_peer(const Message& message, std::uint16_t index, const Router& router, Instant now, Random& random) {
    const Recipient& before = message.recipients.at(index);
    const bool may_have_it = before.requests_sent > 0 || before.response_awaited;
    if (may_have_it || message.kind != MessageKind::mm || message.interface == Interface::mm4 || before.address.kind != Address::Kind::phone) return std::nullopt;
    const auto route = router.of_recipient(before.address);
    if (!route || route->route == before.route) return std::nullopt;
    return takes_route(message, index, *route, "rerouted", route->why, now, random);
}

std::optional<std::uint16_t> recipient_at(const Message& message, const Address& recipient, std::string_view peer) {
    for (std::size_t i = 0; i < message.recipients.size(); ++i)
        if (peer_of_route(message.recipients[i].route) == peer && message.recipients[i].address.value == recipient.value) return static_cast<std::uint16_t>(i);
    return std::nullopt;
}

std::optional<Settle> after_report(const Message& message, std::uint16_t index, const DeliveryReportReq& report, Instant now, const Config& config) {
    const Recipient& before = message.recipients.at(index);
    // The time for it is over once somebody was told that nobody knows.
    const bool told = !before.report_due && report_wanted(message, before, policy_of(config));
    const bool awaited = before.state == RecipientState::relayed && before.report_expected && !told;
    // A report that overtakes its response says more than the response would; and of a request whose reply was lost, that it came: who was never sent it does
    // not know the message id.
    const bool overtaking = !is_end(before.state);
    if (!awaited && !overtaking) return std::nullopt;
    const ReportedEnd& row = kReportedEnds[static_cast<std::size_t>(report.status)];
    std::string says = "the relay reports " + std::string(spec_of(report.status).name);
    if (!report.status_extension.empty()) says += " (" + report.status_extension + ")";
    if (!report.status_text.empty()) says += ": " + report.status_text;
    says = one_line(std::move(says));
    if (!spec_of(report.status).final) {
        Settle settle;
        settle.ref = {message.id, index};
        settle.was = {before.state};
        settle.recipient = before;
        settle.recipient.reason = says;
        settle.events.push_back({now, index, "report", says});
        return settle;
    }
    Message after = message;
    Recipient& recipient = after.recipients[index];
    recipient.response_awaited = false;
    recipient.report_due = false;
    recipient.report_from = {};
    // What is delivered by a report's word is delivered indeed; what is only handed on has nobody left to report.
    recipient.report_expected = row.state == RecipientState::delivered;
    const bool for_relays_only = report.forward_to_originator == false;
    if (for_relays_only) recipient.report_allowed = false;
    End end{row.state, row.fault, says, {}, before.remote_mta};
    end.unconfirmed = row.unconfirmed;
    Settle settle = end_of(after, index, std::move(end), now, policy_of(config));
    settle.was = {before.state};
    // Another relay is told, and told the same.
    const bool needs_no_asking = is_failure(row.state) && (message.interface == Interface::mail || !message.headers.delivery_report);
    if (for_relays_only && message.interface != Interface::mm4 && !needs_no_asking) {
        settle.recipient.report_due = false;
        settle.report_at.reset();
    }
    return settle;
}

}   // namespace mmgate::mm4
