#include "daemon/notifier.h"

#include <algorithm>
#include <array>

#include "daemon/names.h"
#include "daemon/retry.h"
#include "mapping/mm1/messages.h"
#include "mapping/status.h"

namespace mmgate {

namespace {

// Pushes waiting behind each connection of the bearer: enough that none runs dry while a claim is under way.
constexpr std::size_t kPushesPerConnection = 8;

// A phone that fetched and did not confirm is reminded this often, no more: some never confirm.
constexpr std::uint32_t kMostRemindersAfterFetch = 2;

// Below this a terminal may drop a notification as expired while it shows it.
constexpr Seconds kShortestExpiry{60};

End end_by_expiry(const Recipient& recipient) {
    End end{RecipientState::expired, Fault::expired, {}, {}, {}};
    switch (recipient.state) {
        case RecipientState::fetched: end.reason = "fetched, but the phone never confirmed"; break;
        case RecipientState::notified: end.reason = "the phone was notified and did not fetch"; break;
        default: end.reason = recipient.reason.empty() ? "the phone could not be notified in time" : "the phone could not be notified: " + recipient.reason; break;
    }
    return end;
}

}   // namespace

std::uint8_t version_towards(const Message& message, const Recipient& recipient) {
    // Application fields exist since 1.3; without them every terminal reads 1.0.
    if (!message.headers.applic_id.empty()) return mm1::kOurVersion;
    return recipient.mms_version != 0 ? mm1::answer_version(recipient.mms_version) : mm1::kUnknownVersion;
}

Octets notification_of(const Message& message, std::uint16_t index, std::string_view url, Instant now) {
    const Recipient& recipient = message.recipients.at(index);
    const RecipientRef ref{message.id, index};
    mm1::NotificationInd ind;
    ind.transaction_id = notification_transaction_id(ref, recipient.token);
    ind.version = version_towards(message, recipient);
    if (!message.headers.sender_hidden) ind.from = message.headers.from;
    ind.subject = message.headers.subject;
    ind.message_class = message.headers.message_class;
    ind.priority = message.headers.priority;
    ind.delivery_report = message.headers.delivery_report;
    // Some phones refuse an MM that is bigger than announced; the head of M-Retrieve.conf varies by a few names.
    mm1::RetrieveConf head{ind.transaction_id, ind.version, std::string(60, 'x'), message.headers};
    ind.size_bytes = message.size_bytes + mm1::encode_retrieve_head(head).size() + 1;
    ind.expiry = recipient.expiry_told > 0 ? Seconds(recipient.expiry_told)
                                           : std::max(kShortestExpiry, std::chrono::duration_cast<Seconds>(message.expires - now));
    ind.content_location = std::string(url) + "/" + locator(ref, recipient.token);
    ind.applic_id = message.headers.applic_id;
    ind.reply_applic_id = message.headers.reply_applic_id;
    ind.aux_applic_info = message.headers.aux_applic_info;
    return mm1::encode_notification_ind(ind);
}

Settle after_notification(const Message& message, std::uint16_t index, const push::Pushed& pushed, Instant now, const Config& config, Random& random) {
    const Recipient& before = message.recipients.at(index);
    if (pushed.verdict == push::Verdict::refused) {
        End end{RecipientState::failed, Fault::peer_unreachable, "the push was refused: " + pushed.reason, "5.4.1", {}};
        return end_of(message, index, std::move(end), now, {config.service_messages, config.report_delay});
    }
    Settle settle;
    settle.ref = {message.id, index};
    // A phone may answer before its push gateway does: what it did stands.
    settle.was = {before.state};
    settle.recipient = before;
    Recipient& recipient = settle.recipient;
    ++recipient.attempts;
    recipient.reason = pushed.reason;
    if (pushed.verdict == push::Verdict::try_later) {
        if (before.state == RecipientState::queued) recipient.state = RecipientState::deferred;
        recipient.next_attempt = next_attempt(config.retry, recipient.attempts, now, message.expires, random);
        settle.events.push_back({now, index, "push-deferred", pushed.reason});
        return settle;
    }
    if (before.state == RecipientState::fetched) {
        ++recipient.notified_since_fetch;
        recipient.next_attempt = recipient.notified_since_fetch >= kMostRemindersAfterFetch
                                     ? message.expires
                                     : next_attempt(config.notify_again, recipient.attempts, now, message.expires, random);
    } else {
        recipient.state = RecipientState::notified;
        recipient.next_attempt = next_attempt(config.notify_again, recipient.attempts, now, message.expires, random);
    }
    if (recipient.expiry_told == 0)
        recipient.expiry_told = static_cast<std::uint32_t>(std::max(kShortestExpiry, std::chrono::duration_cast<Seconds>(message.expires - now)).count());
    settle.events.push_back({now, index, "notified", pushed.reason});
    return settle;
}

Notifier::Notifier(Loop& loop, Store& store, Workers& workers, Settler& settler, Random& random, Log& log, Metrics& metrics)
    : loop_(loop), store_(store), workers_(workers), settler_(settler), random_(random), log_(log), metrics_(metrics) {}

void Notifier::configure(std::shared_ptr<const Config> config, std::string url, std::shared_ptr<push::Bearer> bearer) {
    config_ = std::move(config);
    url_ = std::move(url);
    bearer_ = std::move(bearer);
}

std::size_t Notifier::free_slots(std::string_view) const {
    const std::size_t most = std::max<std::size_t>(1, config_->push_connections) * kPushesPerConnection;
    // Claims in halves: one by one they would cost a worker's turn each.
    return pushing_ > most / 2 ? 0 : most - pushing_;
}

void Notifier::carry(std::string_view, Claimed claimed, std::function<void()> done) {
    auto carried = std::make_shared<Carried>();   // shared by the pushes of its recipients
    carried->claimed = std::move(claimed);
    carried->done = std::move(done);
    carried->open = carried->claimed.recipients.size();
    if (carried->claimed.message.kind == MessageKind::push) {
        workers_.run([this, id = carried->claimed.message.id] { return store_.content_to_carry(id); },
                     [this, carried](Result<Octets> pdu) { push_finished_pdu(carried, std::move(pdu)); });
        return;
    }
    for (std::uint16_t index : std::vector(carried->claimed.recipients)) notify(carried, index);
}

void Notifier::notify(const std::shared_ptr<Carried>& carried, std::uint16_t index) {
    const Message& message = carried->claimed.message;
    const Recipient& recipient = message.recipients.at(index);
    const Instant now = loop_.now();
    const std::string id = to_text(message.id);
    if (now >= message.expires) {
        Settle settle = end_of(message, index, end_by_expiry(recipient), now, {config_->service_messages, config_->report_delay});
        log_.notice(id, "expired", {{"to", recipient.address}, {"reason", settle.recipient.reason}});
        settled(carried, std::move(settle));
        return;
    }
    if (recipient.state == RecipientState::fetched && recipient.notified_since_fetch >= kMostRemindersAfterFetch) {
        Settle settle;
        settle.ref = {message.id, index};
        settle.was = {RecipientState::fetched};
        settle.recipient = recipient;
        settle.recipient.next_attempt = message.expires;
        settled(carried, std::move(settle));
        return;
    }
    push::Push push;
    push.number = recipient.address.value;
    push.pdu = notification_of(message, index, url_, now);
    push.push_id = id + "." + std::to_string(index) + "." + std::to_string(recipient.attempts + 1);
    push.lifetime = std::chrono::duration_cast<Seconds>(message.expires - now);
    ++pushing_;
    bearer_->push(std::move(push), [this, carried, index, config = config_, bearer = bearer_](push::Pushed pushed) {
        --pushing_;
        note(pushed);
        const Message& message = carried->claimed.message;
        const Recipient& recipient = message.recipients.at(index);
        const std::string id = to_text(message.id);
        switch (pushed.verdict) {
            case push::Verdict::accepted:
                metrics_.add(Counter::push_sent);
                log_.info(id, "notified", {{"to", recipient.address}, {"attempt", recipient.attempts + 1}, {"reply", pushed.reason}});
                break;
            case push::Verdict::try_later:
                metrics_.add(Counter::push_deferred);
                log_.warning(id, "push-deferred", {{"to", recipient.address}, {"attempt", recipient.attempts + 1}, {"reason", pushed.reason}});
                break;
            case push::Verdict::refused:
                metrics_.add(Counter::push_failed);
                log_.warning(id, "push-refused", {{"to", recipient.address}, {"reason", pushed.reason}});
                break;
        }
        settled(carried, after_notification(message, index, pushed, loop_.now(), *config, random_));
    });
}

void Notifier::push_finished_pdu(const std::shared_ptr<Carried>& carried, Result<Octets> pdu) {
    const Message& message = carried->claimed.message;
    const std::uint16_t index = carried->claimed.recipients.front();
    const Recipient& recipient = message.recipients.at(index);
    const Instant now = loop_.now();
    const ReportPolicy policy{config_->service_messages, config_->report_delay};
    if (now >= message.expires) {
        settled(carried, end_of(message, index, {RecipientState::expired, Fault::expired, "the report could not be pushed in time", {}, {}}, now, policy));
        return;
    }
    if (!pdu) {
        const Error& error = pdu.error();
        if (is_temporary(error.fault)) return settled(carried, after_notification(message, index, {push::Verdict::try_later, error.rule}, now, *config_, random_));
        log_.error(to_text(message.id), "failed", {{"to", recipient.address}, {"reason", error.rule}});
        return settled(carried, end_of(message, index, {RecipientState::failed, error.fault, error.rule, {}, {}}, now, policy));
    }
    push::Push push{recipient.address.value, std::move(*pdu), to_text(message.id) + ".0." + std::to_string(recipient.attempts + 1),
                    std::chrono::duration_cast<Seconds>(message.expires - now)};
    ++pushing_;
    bearer_->push(std::move(push), [this, carried, index, policy, config = config_, bearer = bearer_](push::Pushed pushed) {
        --pushing_;
        note(pushed);
        const Message& message = carried->claimed.message;
        const Instant now = loop_.now();
        log_.info(to_text(message.id), "report-pushed", {{"to", message.recipients.at(index).address}, {"reply", pushed.reason}});
        if (pushed.verdict == push::Verdict::accepted)
            settled(carried, end_of(message, index, {RecipientState::delivered, Fault::internal, pushed.reason, {}, {}}, now, policy));
        else
            settled(carried, after_notification(message, index, pushed, now, *config, random_));
    });
}

void Notifier::note(const push::Pushed& pushed) {
    constexpr auto kAttempts = std::to_array<Attempt>({Attempt::sent, Attempt::deferred, Attempt::refused});   // by Verdict
    constexpr std::array<std::string_view, 3> kCodes{"2.0.0", "4.4.1", "5.1.1"};
    const auto verdict = static_cast<std::size_t>(pushed.verdict);
    metrics_.peers().note("mm1", kAttempts[verdict], pushed.reason, loop_.now());
    if (pushed.verdict != push::Verdict::accepted) metrics_.statuses().got(Door::push_out, kCodes[verdict]);
}

void Notifier::settled(const std::shared_ptr<Carried>& carried, Settle settle) {
    std::vector<Operation> operations;
    operations.emplace_back(std::move(settle));
    settler_.settle(std::move(operations), [carried] {
        if (--carried->open == 0) carried->done();
    });
}

}   // namespace mmgate
