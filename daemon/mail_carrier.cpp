#include "daemon/mail_carrier.h"

#include <algorithm>

#include "daemon/retry.h"
#include "daemon/router.h"
#include "mapping/mail/mm_to_mail.h"
#include "mapping/mm1/messages.h"
#include "mapping/status.h"

namespace mmgate {

namespace {

// Of a lane whose next hop is no longer in the configuration: only the store is written.
constexpr std::size_t kMovesAtOnce = 64;

// A delivery report asks the next hop for success and failure; without one the operator decides whether failures are asked for.
Notify notify_of(const Message& message, const Recipient& recipient, const Config& config) {
    // A mail that only passes through keeps what its sender asked for (RFC 3461 §5.2.1).
    if (message.kind == MessageKind::mail && !message.reports_on) return recipient.notify;
    Notify notify{.never = false, .success = false, .failure = false, .delay = false};
    if (message.kind == MessageKind::mm && message.interface == Interface::mm1 && !message.automatic) {
        notify.success = message.headers.delivery_report;
        notify.failure = message.headers.delivery_report || config.notify_failures;
    }
    notify.never = !notify.success && !notify.failure;
    return notify;
}

}   // namespace

Settle to_next_hop_now(const Message& message, std::uint16_t index, Instant now, const Config& config) {
    Settle settle;
    settle.ref = {message.id, index};
    settle.recipient = message.recipients.at(index);
    settle.recipient.lane = mail_lane(settle.recipient.address, config);
    settle.recipient.next_attempt = now;
    settle.events.push_back({now, index, "rerouted", settle.recipient.lane});
    return settle;
}

Settle after_delivery(const Message& message, std::uint16_t index, const smtp::Delivered& delivered, Instant now, const Config& config, Random& random) {
    using Verdict = smtp::Delivered::Verdict;
    const ReportPolicy policy{config.service_messages, config.report_delay};
    const Recipient& before = message.recipients.at(index);
    Message after = message;
    switch (delivered.verdict) {
        case Verdict::delivered:
        case Verdict::relayed: {
            const bool relayed = delivered.verdict == Verdict::relayed;
            after.recipients[index].attempts = before.attempts + 1;
            after.recipients[index].report_expected = relayed;
            return end_of(after, index,
                          {relayed ? RecipientState::relayed : RecipientState::delivered, Fault::internal, delivered.reply, delivered.enhanced_status, delivered.remote_mta}, now,
                          policy);
        }
        case Verdict::failed:
            after.recipients[index].attempts = before.attempts + 1;
            return end_of(after, index, {RecipientState::failed, delivered.fault, delivered.reply, delivered.enhanced_status, delivered.remote_mta}, now, policy);
        case Verdict::deferred: break;
    }
    Settle settle;
    settle.ref = {message.id, index};
    settle.recipient = before;
    Recipient& recipient = settle.recipient;
    ++recipient.attempts;
    recipient.state = RecipientState::deferred;
    recipient.reason = delivered.reply;
    recipient.enhanced_status = delivered.enhanced_status;
    recipient.fault = delivered.fault;
    recipient.remote_mta = delivered.remote_mta;
    recipient.next_attempt = next_attempt(config.retry, recipient.attempts, now, message.expires, random);
    settle.events.push_back({now, index, "deferred", delivered.reply});
    return settle;
}

MailCarrier::MailCarrier(Loop& loop, Store& store, Workers& workers, Settler& settler, smtp::Client& client, const Names& names, Random& random, Log& log, Metrics& metrics)
    : loop_(loop), store_(store), workers_(workers), settler_(settler), client_(client), names_(names), random_(random), log_(log), metrics_(metrics) {}

std::size_t MailCarrier::free_slots(std::string_view lane) const {
    return is_mail_lane_of(lane, *config_) ? client_.free_slots(smtp::transport_of_lane(lane, *config_)) : kMovesAtOnce;
}

Instant MailCarrier::next_slot(std::string_view lane, Instant now) const {
    return is_mail_lane_of(lane, *config_) ? client_.next_slot(smtp::transport_of_lane(lane, *config_)) : now;
}

void MailCarrier::carry(std::string_view lane, Claimed claimed, std::function<void()> done) {
    auto carried = std::make_shared<Carried>(Carried{std::string(lane), std::move(claimed), std::move(done)});   // shared by the stages of its way
    const Message& message = carried->claimed.message;
    const Instant now = loop_.now();
    if (now >= message.expires) {
        end_all(carried, RecipientState::expired, {Fault::expired, 0, "the time for delivery is over"});
        return;
    }
    if (!is_mail_lane_of(lane, *config_)) {
        std::vector<Settle> settles;
        for (std::uint16_t index : carried->claimed.recipients) {
            settles.push_back(to_next_hop_now(message, index, now, *config_));
            log_.info(to_text(message.id), "rerouted", {{"to", message.recipients.at(index).address}, {"lane", settles.back().recipient.lane}});
        }
        settle(carried, std::move(settles));
        return;
    }
    mail::MmToMailOptions options;
    options.message_id = names_.message_id(message.id);
    options.domain = config_->domain;
    options.hostname = config_->hostname;
    options.queue_id = to_text(message.id);
    if (message.recipients.size() == 1) options.received_for = "<" + to_mail_text(message.recipients.front().address) + ">";
    options.boundary_seed = options.queue_id;
    options.received_at = message.arrival;
    options.keep_smil = config_->keep_smil;
    workers_.run(
        [this, kind = message.kind, id = message.id, headers = message.headers, options = std::move(options)]() -> Result<Octets> {
            auto content = store_.content_to_carry(id);
            if (!content) return fail(content.error());
            if (kind != MessageKind::mm) return std::move(*content);
            auto decoded = mm1::decode_content(*content);
            if (!decoded) return fail(decoded.error());
            return mail::mm_to_mail(headers, *decoded, options);
        },
        [this, carried](Result<Octets> mail) { send(carried, std::move(mail)); });
}

void MailCarrier::send(const std::shared_ptr<Carried>& carried, Result<Octets> mail) {
    const Message& message = carried->claimed.message;
    if (message.kind == MessageKind::mm && mail) metrics_.add(Counter::converted_to_mail);
    if (message.kind == MessageKind::mm && !mail && !is_temporary(mail.error().fault)) metrics_.add(Counter::not_converted_to_mail);
    if (!mail) {
        if (!is_temporary(mail.error().fault)) {
            end_all(carried, RecipientState::failed, mail.error());
            return;
        }
        std::vector<Settle> settles;
        for (std::uint16_t index : carried->claimed.recipients)
            settles.push_back(after_delivery(message, index, {smtp::Delivered::Verdict::deferred, mail.error().fault, mail.error().rule, "4.3.0", {}}, loop_.now(), *config_, random_));
        settle(carried, std::move(settles));
        return;
    }
    smtp::OutboundMail outbound;
    outbound.subject = to_text(message.id);
    outbound.return_path = message.kind == MessageKind::mm ? mail::return_path_of(message.headers, config_->domain) : message.return_path;
    if (message.kind == MessageKind::mm && message.automatic) outbound.return_path.clear();
    outbound.envelope_id = names_.message_id(message.id);
    outbound.data = std::make_shared<const Octets>(std::move(*mail));
    for (std::uint16_t index : carried->claimed.recipients) {
        const Recipient& recipient = message.recipients.at(index);
        outbound.recipients.push_back({recipient.address, notify_of(message, recipient, *config_),
                                       recipient.original_recipient.empty() ? "rfc822;" + recipient.address.value : recipient.original_recipient});
    }
    const std::size_t size_bytes = outbound.data->size();
    client_.send(smtp::transport_of_lane(carried->lane, *config_), std::move(outbound), [this, carried, size_bytes](std::vector<smtp::Delivered> delivered) {
        Message& message = carried->claimed.message;
        const std::string id = to_text(message.id);
        std::vector<Settle> settles;
        bool sent_any = false;
        for (std::size_t i = 0; i < carried->claimed.recipients.size(); ++i) {
            const std::uint16_t index = carried->claimed.recipients[i];
            Settle settle = after_delivery(message, index, delivered.at(i), loop_.now(), *config_, random_);
            const Recipient& recipient = settle.recipient;
            const bool sent = recipient.state == RecipientState::delivered || recipient.state == RecipientState::relayed;
            sent_any = sent_any || sent;
            if (!sent) metrics_.statuses().got(Door::smtp_out, recipient.enhanced_status);
            metrics_.add(sent ? Counter::mail_sent : recipient.state == RecipientState::deferred ? Counter::mail_deferred
                                                                                                 : Counter::mail_failed);
            log_.write(sent ? Level::info : Level::warning, id, to_text(recipient.state),
                       {{"to", recipient.address}, {"attempt", recipient.attempts}, {"mta", recipient.remote_mta}, {"reply", recipient.reason}});
            message.recipients[index] = recipient;   // the last of them to end reports at once
            settles.push_back(std::move(settle));
        }
        if (sent_any) {
            metrics_.add(Counter::mail_messages);
            metrics_.add(Counter::mail_bytes, size_bytes);
        }
        settle(carried, std::move(settles));
    });
}

void MailCarrier::end_all(const std::shared_ptr<Carried>& carried, RecipientState state, const Error& error) {
    Message message = carried->claimed.message;
    std::vector<Settle> settles;
    for (std::uint16_t index : carried->claimed.recipients) {
        const Recipient& before = message.recipients.at(index);
        std::string reason = error.rule;
        if (state == RecipientState::expired && !before.reason.empty()) reason += "; the last attempt ended with: " + before.reason;
        Settle settle = end_of(message, index, {state, error.fault, reason, {}, before.remote_mta}, loop_.now(), {config_->service_messages, config_->report_delay});
        message.recipients[index] = settle.recipient;   // the last of them reports at once
        log_.notice(to_text(message.id), to_text(state), {{"to", before.address}, {"reason", reason}});
        settles.push_back(std::move(settle));
    }
    settle(carried, std::move(settles));
}

void MailCarrier::settle(const std::shared_ptr<Carried>& carried, std::vector<Settle> settles) {
    std::vector<Operation> operations;
    for (Settle& one : settles) operations.emplace_back(std::move(one));
    // At once: until it is written that a next hop has the mail, a crash sends it again.
    settler_.settle(
        std::move(operations), [carried] { carried->done(); }, Committer::Urgency::prompt);
}

}   // namespace mmgate
