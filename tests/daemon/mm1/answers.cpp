#include <criterion/criterion.h>

#include "daemon/mm1/confirmation.h"
#include "daemon/mm1/retrieval.h"

using namespace mmgate;
using namespace mmgate::mm1;

namespace {

const Instant kNow(Seconds(1'767'323'045));

Config sample() {
    Config config;
    config.notify_again = {Seconds(600), Seconds(3600)};
    config.report_delay = Seconds(5);
    return config;
}

class Middle final : public Random {
public:
    Octets octets(std::size_t count) override { return Octets(count, 'r'); }
    std::uint32_t below(std::uint32_t bound) override { return bound / 2; }
};

Message sample_message(RecipientState state) {
    Message message;
    message.id = {77};
    message.interface = Interface::mm1;
    message.originator = {Address::Kind::phone, "+447700900001", {}};
    message.expires = kNow + Seconds(100'000);
    message.headers.delivery_report = true;
    Recipient mail;
    mail.route = "mail";
    mail.address = {Address::Kind::mailbox, "a@b.example", {}};
    Recipient phone;
    phone.route = phone.lane = "mm1";
    phone.address = {Address::Kind::phone, "+447700900123", {}};
    phone.token = "0123456789abcdef";
    phone.state = state;
    if (state == RecipientState::held) phone.held_from = RecipientState::notified;
    message.recipients = {mail, phone};
    return message;
}

constexpr RecipientState kAllStates[] = {RecipientState::queued, RecipientState::active, RecipientState::deferred, RecipientState::held,
                                         RecipientState::notified, RecipientState::fetched, RecipientState::delivered, RecipientState::relayed,
                                         RecipientState::rejected, RecipientState::expired, RecipientState::failed, RecipientState::deleted};

NotifyResp resp_of(DeliveryStatus status, std::uint8_t version = 0x92) {
    NotifyResp resp;
    resp.version = version;
    resp.status = status;
    return resp;
}

}   // namespace

Test(retrieval, is_given_to_who_knows_the_secret_and_is_not_another) {
    const Located right{{{77}, 1}, "0123456789abcdef"};
    const Asker nobody{}, owner{true, "+447700900123"}, other{true, "+447700900124"}, foreign{true, ""};
    struct Row {
        const char* name;
        std::optional<Message> message;
        Located located;
        Asker asker;
        Instant now;
        std::optional<NotGiven> want;
    };
    const Message notified = sample_message(RecipientState::notified);
    Message push = notified;
    push.kind = MessageKind::push;
    const Row rows[] = {
        {"nobody known", notified, right, nobody, kNow, std::nullopt},
        {"its recipient", notified, right, owner, kNow, std::nullopt},
        {"another subscriber", notified, right, other, kNow, NotGiven::not_found},
        {"somebody from elsewhere", notified, right, foreign, kNow, NotGiven::not_found},
        {"no message", std::nullopt, right, nobody, kNow, NotGiven::not_found},
        {"another secret", notified, {{{77}, 1}, "0123456789abcdeg"}, nobody, kNow, NotGiven::not_found},
        {"a short secret", notified, {{{77}, 1}, "0123456789abcde"}, nobody, kNow, NotGiven::not_found},
        {"a mail recipient's nothing", notified, {{{77}, 0}, ""}, nobody, kNow, NotGiven::not_found},
        {"a recipient beyond", notified, {{{77}, 2}, "0123456789abcdef"}, nobody, kNow, NotGiven::not_found},
        {"a message that is no MM", push, right, nobody, kNow, NotGiven::not_found},
        {"just before its end", notified, right, nobody, kNow + Seconds(99'999), std::nullopt},
        {"at its end", notified, right, nobody, kNow + Seconds(100'000), NotGiven::not_found},
    };
    for (const Row& row : rows) cr_expect(refuses_retrieval(row.message, row.located, row.asker, row.now) == row.want, "%s", row.name);
    for (RecipientState state : kAllStates) {
        std::optional<NotGiven> want = std::nullopt;
        if (is_end(state)) want = NotGiven::not_found;
        else if (state == RecipientState::held) want = NotGiven::held;
        cr_expect(refuses_retrieval(sample_message(state), right, nobody, kNow) == want, "%s", to_text(state).data());
    }
}

Test(retrieval, makes_the_recipient_fetched_once) {
    Middle random;
    for (RecipientState state : {RecipientState::queued, RecipientState::active, RecipientState::deferred, RecipientState::notified}) {
        const Message message = sample_message(state);
        const auto settle = after_retrieval(message, 1, sample(), random, kNow);
        cr_assert(settle.has_value());
        cr_expect(settle->ref == (RecipientRef{{77}, 1}) && settle->recipient.state == RecipientState::fetched && settle->recipient.next_attempt == kNow + Seconds(600));
        cr_expect(settle->events.size() == 1 && settle->events[0].what == "fetched" && !settle->report_at);
        cr_expect(std::ranges::count(settle->was, state) == 1 && std::ranges::none_of(settle->was, is_end) && std::ranges::count(settle->was, RecipientState::held) == 0);
    }
    cr_expect(!after_retrieval(sample_message(RecipientState::fetched), 1, sample(), random, kNow));
}

Test(retrieval, names_the_message_and_its_transaction) {
    Message message = sample_message(RecipientState::notified);
    message.headers.sender_hidden = true;
    message.headers.subject = "S";
    const Names names(Octets(32, 's'), "mms.example.net");
    const auto field_of = [&](std::uint8_t number) {
        const auto pdu = decode_pdu(retrieve_head_of(message, 1, names) + Octets("\xA3\0", 2));
        cr_assert(pdu.has_value());
        const Value* value = pdu->find(number);
        return value ? std::get<std::string>(*value) : std::string();
    };
    cr_expect(field_of(0x18) == notification_transaction_id({{77}, 1}, "0123456789abcdef"));
    cr_expect(field_of(0x0B) == names.message_id({77}) && field_of(0x16) == "S" && field_of(0x09).empty());
}

Test(confirmation, is_matched_by_the_whole_transaction_id) {
    const Message message = sample_message(RecipientState::notified);
    const std::string id = notification_transaction_id({{77}, 1}, "0123456789abcdef");
    cr_expect(is_confirmation_of(message, 1, id));
    cr_expect(!is_confirmation_of(message, 0, id) && !is_confirmation_of(message, 2, id));
    cr_expect(!is_confirmation_of(message, 1, notification_transaction_id({{77}, 1}, "0123456789abcdeg")));
    cr_expect(!is_confirmation_of(message, 1, id.substr(0, 23)) && !is_confirmation_of(message, 1, id + "A") && !is_confirmation_of(message, 1, ""));
    Message push = message;
    push.kind = MessageKind::push;
    cr_expect(!is_confirmation_of(push, 1, id));
}

Test(confirmation, does_what_the_phone_says) {
    struct Row {
        const char* name;
        RecipientState from;
        DeliveryStatus said;
        RecipientState want;
        const char* reason;
    };
    const Row rows[] = {
        {"fetched and confirmed", RecipientState::fetched, DeliveryStatus::retrieved, RecipientState::delivered, "the phone confirmed the retrieval"},
        {"confirmed without a retrieval", RecipientState::notified, DeliveryStatus::retrieved, RecipientState::delivered, "the phone confirmed the retrieval"},
        {"confirmed while its push is under way", RecipientState::queued, DeliveryStatus::retrieved, RecipientState::delivered, "the phone confirmed the retrieval"},
        {"confirmed under hold", RecipientState::held, DeliveryStatus::retrieved, RecipientState::delivered, "the phone confirmed the retrieval"},
        {"rejected", RecipientState::notified, DeliveryStatus::rejected, RecipientState::rejected, "the phone rejected it"},
        {"postponed", RecipientState::notified, DeliveryStatus::deferred, RecipientState::notified, "the phone answered Deferred: it will fetch later"},
        {"postponed after a retrieval that failed", RecipientState::fetched, DeliveryStatus::deferred, RecipientState::notified, "the phone answered Deferred: it will fetch later"},
        {"postponed under hold", RecipientState::held, DeliveryStatus::deferred, RecipientState::held, "the phone answered Deferred: it will fetch later"},
        {"not understood", RecipientState::notified, DeliveryStatus::unrecognised, RecipientState::failed, "the phone does not understand the message (Unrecognised)"},
    };
    for (const Row& row : rows) {
        const auto settle = after_confirmation(sample_message(row.from), 1, resp_of(row.said), sample(), kNow);
        cr_assert(settle.has_value(), "%s", row.name);
        const Recipient& recipient = settle->recipient;
        cr_expect(recipient.state == row.want && recipient.reason == row.reason, "%s: %s", row.name, recipient.reason.c_str());
        cr_expect(recipient.report_due == is_end(row.want) && settle->report_at.has_value() == is_end(row.want), "%s", row.name);
        cr_expect(recipient.mms_version == 0x92 && settle->events.size() == 1, "%s", row.name);
        if (!is_end(row.want)) cr_expect(recipient.next_attempt == kNow + Seconds(100'000), "%s: not notified again", row.name);
        if (row.want == RecipientState::held) cr_expect(recipient.held_from == RecipientState::notified);
    }
}

Test(confirmation, changes_nothing_after_the_end_or_without_a_meaning) {
    for (RecipientState state : kAllStates) {
        if (is_end(state))
            for (DeliveryStatus status : {DeliveryStatus::retrieved, DeliveryStatus::rejected, DeliveryStatus::deferred, DeliveryStatus::unrecognised})
                cr_expect(!after_confirmation(sample_message(state), 1, resp_of(status), sample(), kNow), "%s", to_text(state).data());
        cr_expect(!after_confirmation(sample_message(state), 1, resp_of(DeliveryStatus::indeterminate), sample(), kNow));
    }
}

Test(confirmation, keeps_what_the_phone_forbids_to_tell) {
    NotifyResp resp = resp_of(DeliveryStatus::retrieved);
    resp.report_allowed = false;
    const auto settle = after_confirmation(sample_message(RecipientState::fetched), 1, resp, sample(), kNow);
    cr_assert(settle.has_value());
    cr_expect(!settle->recipient.report_allowed && !settle->recipient.report_due && settle->recipient.state == RecipientState::delivered);
}

Test(confirmation, tries_the_oldest_version_before_it_gives_up) {
    Message message = sample_message(RecipientState::notified);
    message.recipients[1].mms_version = 0x92;
    const auto again = after_confirmation(message, 1, resp_of(DeliveryStatus::unrecognised), sample(), kNow);
    cr_assert(again.has_value());
    cr_expect(again->recipient.state == RecipientState::notified && again->recipient.next_attempt == kNow && again->recipient.mms_version == 0x90);
    message.recipients[1] = again->recipient;
    const auto end = after_confirmation(message, 1, resp_of(DeliveryStatus::unrecognised), sample(), kNow);
    cr_assert(end.has_value());
    cr_expect(end->recipient.state == RecipientState::failed && end->recipient.fault == Fault::unsupported_version);
    // A message with application fields has no older version.
    message = sample_message(RecipientState::notified);
    message.recipients[1].mms_version = 0x93;
    message.headers.applic_id = "MEM";
    cr_expect(after_confirmation(message, 1, resp_of(DeliveryStatus::unrecognised), sample(), kNow)->recipient.state == RecipientState::failed);
}
