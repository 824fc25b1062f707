#include "daemon/mm1/retrieval.h"

#include <algorithm>

#include "daemon/notifier.h"
#include "daemon/retry.h"
#include "mapping/mm1/messages.h"

namespace mmgate::mm1 {

std::optional<NotGiven> refuses_retrieval(const std::optional<Message>& message, const Located& located, const Asker& asker, Instant now) {
    if (!message || message->kind != MessageKind::mm || located.ref.index >= message->recipients.size()) return NotGiven::not_found;
    const Recipient& recipient = message->recipients[located.ref.index];
    if (recipient.token.empty() || !equal_in_constant_time(recipient.token, located.token)) return NotGiven::not_found;
    if (asker.known && asker.number != recipient.address.value) return NotGiven::not_found;
    if (is_end(recipient.state) || now >= message->expires) return NotGiven::not_found;
    if (recipient.state == RecipientState::held) return NotGiven::held;
    return std::nullopt;
}

Octets retrieve_head_of(const Message& message, std::uint16_t index, const Names& names) {
    const Recipient& recipient = message.recipients.at(index);
    RetrieveConf conf;
    // Its own transaction id, so that a phone that deferred can acknowledge. Source: OMA-MMS-CTR-V1_3 §8.2.3.
    conf.transaction_id = notification_transaction_id({message.id, index}, recipient.token);
    conf.version = version_towards(message, recipient);
    conf.message_id = names.message_id(message.id);
    conf.headers = message.headers;
    return encode_retrieve_head(conf);
}

std::optional<Settle> after_retrieval(const Message& message, std::uint16_t index, const Config& config, Random& random, Instant now) {
    const Recipient& before = message.recipients.at(index);
    if (before.state == RecipientState::fetched) return std::nullopt;
    Settle settle;
    settle.ref = {message.id, index};
    // An answer of the phone that was quicker than this stands.
    settle.was = {RecipientState::queued, RecipientState::active, RecipientState::deferred, RecipientState::notified};
    settle.recipient = before;
    settle.recipient.state = RecipientState::fetched;
    settle.recipient.reason.clear();
    settle.recipient.next_attempt = next_attempt(config.notify_again, std::max<std::uint32_t>(1, before.attempts), now, message.expires, random);
    settle.events.push_back({now, index, "fetched", std::to_string(message.size_bytes) + " octets"});
    return settle;
}

}   // namespace mmgate::mm1
