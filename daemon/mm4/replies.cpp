#include "daemon/mm4/replies.h"

#include <algorithm>

#include "daemon/mm4/exchange.h"
#include "mapping/mm4/addresses.h"
#include "mapping/mm4/words.h"

namespace mmgate::mm4 {

namespace {

constexpr std::size_t kUniqueBytes = 15;

std::string unique_text(Random& random) { return base64url(random.octets(kUniqueBytes)); }

EncodeOptions options_for(const Peer& peer, const ReplyContext& context, std::string unique) {
    EncodeOptions options;
    options.dialect = dialect_of(peer);
    options.domain = context.config.domain;
    options.hostname = context.config.hostname;
    options.system_address = context.router.system_address();
    options.peer_domain = peer.domain;
    options.boundary_seed = std::move(unique);
    options.now = context.now;
    return options;
}

Enqueue enqueue_of(const Peer& peer, const Mm4Message& what, Octets mail, Address to, Priority priority, Seconds lifetime, const ReplyContext& context) {
    Enqueue enqueue;
    Message& message = enqueue.message;
    message.kind = MessageKind::mm4;
    message.interface = Interface::mm4;
    message.arrival = context.now;
    message.expires = context.now + lifetime;
    message.size_bytes = mail.size();
    message.automatic = true;
    message.peer = "mmgate";
    message.originator = {Address::Kind::mailbox, context.router.system_address(), {}};
    message.headers.from = message.originator;
    message.headers.to.push_back(to);
    message.headers.date = context.now;
    message.headers.subject = name_of(type_of(what));
    message.headers.message_class = MessageClass::automatic;
    message.headers.priority = priority;
    Recipient recipient;
    recipient.address = std::move(to);
    recipient.route = "mm4:" + peer.name;
    recipient.lane = mm4_lane(peer.name, priority);
    recipient.next_attempt = context.now;
    recipient.notify = {.never = true, .success = false, .failure = false, .delay = false};
    message.recipients.push_back(std::move(recipient));
    enqueue.content = std::move(mail);
    enqueue.events.push_back({context.now, std::nullopt, "made", std::string(name_of(type_of(what))) + " to peer " + peer.name});
    return enqueue;
}

/// What the two reports have in common.
template <class Report>
Report report_about(const Peer& peer, const Message& about, const Recipient& recipient, const ReplyContext& context) {
    Report report;
    report.version = dialect_of(peer).version;
    report.ids.transaction_id = unique_text(context.random) + "@" + context.config.domain;
    report.ids.message_id = about.headers.message_id;
    report.ids.raw_message_id = about.mm4->message_id;
    report.recipient = recipient.address;
    report.originator = about.originator;
    report.ack_requested = peer.ack;
    report.applic_id = about.headers.reply_applic_id.empty() ? about.headers.applic_id : about.headers.reply_applic_id;
    report.aux_applic_info = about.headers.aux_applic_info;
    report.sender = context.router.system_address();
    return report;
}

Result<Enqueue> enqueue_report(const Peer& peer, const Message& about, const Mm4Message& report, const std::string& transaction_id, const ReplyContext& context) {
    auto mail = encode(report, options_for(peer, context, transaction_id.substr(0, transaction_id.find('@'))));
    if (!mail) return fail(mail.error());
    Enqueue enqueue = enqueue_of(peer, report, std::move(*mail), path_of(about.originator, peer.domain), Priority::normal, context.config.mm4_report_lifetime, context);
    enqueue.message.reports_on = about.id;
    enqueue.aliases.push_back({report_key(peer.name, transaction_id), enqueue.message.expires + kNamesOutlive});
    return enqueue;
}

}   // namespace

std::string answer_address(const Peer& peer, std::initializer_list<std::string_view> named) {
    for (std::string_view one : named) {
        auto mailbox = parse_mailbox(one);
        if (mailbox && PeerDirectory::has_domain(peer, domain_part(*mailbox))) return mailbox->value;
    }
    return peer.system.empty() ? std::string(kSystemUser) + "@" + peer.domain : peer.system;
}

Result<Enqueue> make_response(const Peer& peer, const Answer& answer, const ReplyContext& context) {
    Response response;
    response.type = response_to(answer.request);
    response.version = dialect_of(peer).version;
    response.ids = answer.ids;
    response.status = answer.status;
    response.status_text = answer.text;
    response.sender = context.router.system_address();
    response.to = answer.to;
    auto to = parse_mailbox(answer.to);
    if (!to) return fail(to.error());
    auto mail = encode(response, options_for(peer, context, unique_text(context.random)));
    if (!mail) return fail(mail.error());
    return enqueue_of(peer, response, std::move(*mail), std::move(*to), Priority::high, context.config.mm4_response_lifetime, context);
}

Result<Enqueue> make_delivery_report(const Peer& peer, const Message& about, const Recipient& recipient, const RecipientReport& outcome, const ReplyContext& context) {
    auto report = report_about<DeliveryReportReq>(peer, about, recipient, context);
    report.date = outcome.at.value_or(context.now);
    // Who allows no report is reported on to a relay that asked for itself, and to it alone.
    report.forward_to_originator = about.headers.delivery_report && recipient.report_allowed;
    report.status = outcome.status;
    if (outcome.status == DeliveryStatus::rejected) report.status_extension = recipient.state == RecipientState::rejected ? kRejectedByRecipient : kRejectedByRelay;
    if (outcome.status != DeliveryStatus::retrieved) report.status_text = outcome.diagnostic;
    const std::string transaction_id = report.ids.transaction_id;
    return enqueue_report(peer, about, std::move(report), transaction_id, context);
}

void report_deferral(Settle& settle, const Message& about, std::span<const Event> before, const ReplyContext& context) {
    constexpr std::string_view kEvent = "deferral-reported";
    const Recipient& recipient = settle.recipient;
    const std::uint16_t index = settle.ref.index;
    if (!about.mm4 || about.automatic || !recipient.report_allowed || !(about.mm4->relay_report || about.headers.delivery_report)) return;
    if (std::ranges::any_of(before, [&](const Event& event) { return event.recipient == index && event.what == kEvent; })) return;
    const Peer* peer = context.router.peers().named(about.mm4->peer);
    if (!peer) return;
    RecipientReport outcome;
    outcome.recipient = recipient.address;
    outcome.status = DeliveryStatus::deferred;
    outcome.diagnostic = recipient.reason;
    outcome.at = context.now;
    auto report = make_delivery_report(*peer, about, recipient, outcome, context);
    if (!report) return settle.events.push_back({context.now, index, "report-impossible", report.error().rule});
    settle.consequences.push_back(std::move(*report));
    settle.events.push_back({context.now, index, std::string(kEvent), "to peer " + peer->name});
}

Result<Enqueue> make_read_report(const Peer& peer, const Message& about, const Recipient& recipient, ReadStatus status, Instant date, const ReplyContext& context) {
    auto report = report_about<ReadReplyReportReq>(peer, about, recipient, context);
    report.date = date;
    report.status = status;
    const std::string transaction_id = report.ids.transaction_id;
    return enqueue_report(peer, about, std::move(report), transaction_id, context);
}

}   // namespace mmgate::mm4
