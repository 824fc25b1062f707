#include "daemon/mm1/confirmation.h"

#include "daemon/names.h"
#include "daemon/notifier.h"
#include "daemon/outcome.h"

namespace mmgate::mm1 {

namespace {

Settle ended(const Message& message, std::uint16_t index, End end, const Config& config, Instant now) {
    Settle settle = end_of(message, index, std::move(end), now, {config.service_messages, config.report_delay});
    settle.was.clear();   // whatever it was meanwhile: the phone has spoken
    return settle;
}

// Keeps the recipient waiting, in its state or in what a hold will give back.
Settle waits(const Message& message, std::uint16_t index, Instant next, std::string_view event, std::string_view detail, Instant now) {
    Settle settle;
    settle.ref = {message.id, index};
    settle.recipient = message.recipients.at(index);
    Recipient& recipient = settle.recipient;
    if (recipient.state == RecipientState::held) {
        settle.was = {RecipientState::held};
        recipient.held_from = RecipientState::notified;
    } else {
        settle.was = {RecipientState::queued, RecipientState::active, RecipientState::deferred, RecipientState::notified, RecipientState::fetched};
        recipient.state = RecipientState::notified;
    }
    recipient.next_attempt = next;
    recipient.reason = detail;
    settle.events.push_back({now, index, std::string(event), std::string(detail)});
    return settle;
}

}   // namespace

bool is_confirmation_of(const Message& message, std::uint16_t index, std::string_view transaction_id) {
    if (message.kind != MessageKind::mm || index >= message.recipients.size() || message.recipients[index].token.empty()) return false;
    return equal_in_constant_time(notification_transaction_id({message.id, index}, message.recipients[index].token), transaction_id);
}

std::optional<Settle> after_confirmation(const Message& before, std::uint16_t index, const NotifyResp& resp, const Config& config, Instant now) {
    const Recipient& was = before.recipients.at(index);
    if (is_end(was.state)) return std::nullopt;
    const bool lower_version_left = version_towards(before, was) > kUnknownVersion && before.headers.applic_id.empty();
    // The end is reported as the phone now allows it.
    Message message = before;
    Recipient& recipient = message.recipients[index];
    recipient.report_allowed = resp.report_allowed;
    recipient.mms_version = resp.version;
    switch (resp.status) {
        case DeliveryStatus::retrieved:
            return ended(message, index, {RecipientState::delivered, Fault::internal, "the phone confirmed the retrieval", {}, {}}, config, now);
        case DeliveryStatus::rejected:
            return ended(message, index, {RecipientState::rejected, Fault::peer_refused, "the phone rejected it", {}, {}}, config, now);
        case DeliveryStatus::deferred: return waits(message, index, message.expires, "postponed", "the phone answered Deferred: it will fetch later", now);
        case DeliveryStatus::unrecognised:
            if (!lower_version_left)
                return ended(message, index, {RecipientState::failed, Fault::unsupported_version, "the phone does not understand the message (Unrecognised)", {}, {}},
                             config, now);
            recipient.mms_version = kUnknownVersion;
            return waits(message, index, now, "unrecognised", "the phone did not understand; it is notified again in version 1.0", now);
        default: return std::nullopt;
    }
}

std::optional<std::uint16_t> reader_of(const Message& message, std::string_view number) {
    for (std::size_t i = 0; i < message.recipients.size(); ++i) {
        const Recipient& recipient = message.recipients[i];
        const bool retrieved = recipient.state == RecipientState::fetched || recipient.state == RecipientState::delivered;
        if (recipient.route == "mm1" && retrieved && recipient.address.value == number) return static_cast<std::uint16_t>(i);
    }
    return std::nullopt;
}

}   // namespace mmgate::mm1
