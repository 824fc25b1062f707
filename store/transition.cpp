#include "store/transition.h"

#include <algorithm>
#include <cassert>
#include <iterator>
#include <type_traits>
#include <variant>

#include "store/content_sum.h"

namespace mmgate {

namespace {

// Milliseconds in an id are shifted by this: a million ids in each, and 43 bits of time, which last until the year 2248.
constexpr unsigned kIdTimeShift = 20;
constexpr std::int64_t kLatestIdTime = (std::int64_t{1} << 43) - 1;

bool is_under_way(RecipientState state) { return state == RecipientState::queued || state == RecipientState::deferred; }

bool fits(RecipientState present, const std::vector<RecipientState>& was) {
    if (was.empty()) return !is_end(present);
    return std::ranges::any_of(was, [&](RecipientState one) { return one == present || (one == RecipientState::active && is_under_way(present)); });
}

bool has_report_due(const Message& message) {
    return std::ranges::any_of(message.recipients, &Recipient::report_due);
}

bool all_ended(const Message& message) {
    return std::ranges::all_of(message.recipients, [](const Recipient& recipient) { return is_end(recipient.state); });
}

bool awaits_report(const Recipient& recipient) { return recipient.state == RecipientState::relayed && recipient.report_expected; }

// Until when something that was deleted is kept; nothing when nothing is.
std::optional<Instant> kept_until(const Message& message) {
    std::optional<Instant> out;
    for (const Recipient& recipient : message.recipients)
        if (recipient.deleted_from) out = std::max(out.value_or(Instant{}), recipient.next_attempt + kUndeleteFor);
    return out;
}

// Nothing is left to do.
bool is_over(const Tracked& tracked) { return !tracked.report_at && all_ended(tracked.message) && !has_report_due(tracked.message); }

void report_no_later(Tracked& tracked, Instant at) { tracked.report_at = std::max(Instant{}, std::min(tracked.report_at.value_or(at), at)); }

// A message with nothing left to do gives its content back and gets a time to be forgotten; a late report brings it back from there. What was deleted keeps
// its content for a while: the same lane then comes for that first.
void conclude(Tracked& tracked, const Retention& retention) {
    const Message& message = tracked.message;
    tracked.purge_at.reset();
    if (!is_over(tracked)) return;
    if (auto until = kept_until(message)) {
        tracked.purge_at = until;
        return;
    }
    tracked.has_content = false;
    // The header block is what a report on a late failure would return.
    if (std::ranges::none_of(message.recipients, awaits_report)) tracked.original_header_bytes = 0;
    Instant last = std::max(Instant{}, message.arrival);
    for (const Recipient& recipient : message.recipients) {
        const Seconds kept = awaits_report(recipient) ? std::max(retention.history, retention.report_wait) : retention.history;
        last = std::max(last, std::max(recipient.next_attempt, message.arrival) + kept);
    }
    tracked.purge_at = last;
}

// What was deleted can no longer be brought back: which recipients that changes.
std::vector<std::uint16_t> forget_deleted(Message& message) {
    std::vector<std::uint16_t> out;
    for (std::size_t i = 0; i < message.recipients.size(); ++i) {
        if (!message.recipients[i].deleted_from) continue;
        message.recipients[i].deleted_from.reset();
        out.push_back(static_cast<std::uint16_t>(i));
    }
    return out;
}

}   // namespace

QueueId next_id(QueueId last, Instant arrival) {
    const std::int64_t time = std::clamp<std::int64_t>(arrival.time_since_epoch().count(), 0, kLatestIdTime);
    return {std::max(last.value + 1, static_cast<std::uint64_t>(time) << kIdTimeShift)};
}

Tracked accepted(const Enqueue& enqueue, QueueId id, const Retention& retention) {
    assert(!enqueue.message.recipients.empty() && enqueue.message.recipients.size() <= kMostRecipients);
    Tracked tracked;
    tracked.message = enqueue.message;
    tracked.message.id = id;
    tracked.message.size_bytes = enqueue.content.size();
    for (Recipient& recipient : tracked.message.recipients) {
        if (recipient.state == RecipientState::active) recipient.state = RecipientState::queued;
        if (recipient.report_due) report_no_later(tracked, enqueue.report_at.value_or(tracked.message.arrival));
    }
    tracked.has_content = true;
    tracked.content_sum = content_sum(enqueue.content);
    tracked.original_header_bytes = static_cast<std::uint32_t>(enqueue.original_header.size());
    conclude(tracked, retention);
    return tracked;
}

Change settle(Tracked& tracked, const Settle& operation, const Retention& retention) {
    Change change;
    if (operation.ref.index >= tracked.message.recipients.size()) return change;
    Recipient& present = tracked.message.recipients[operation.ref.index];
    const RecipientState before = present.state;
    const bool ends = is_end(operation.recipient.state);
    if (before == RecipientState::deleted) {
        if (!ends) return change;
        change.events = operation.events;
        // It got there all the same, or nowhere for good: what would come back would be delivered twice.
        if (!present.deleted_from) return change;
        present.deleted_from.reset();
        change.recipients = {operation.ref.index};
        conclude(tracked, retention);
        return change;
    }
    if (!fits(before, operation.was) || (is_end(before) && !ends)) return change;

    const RecipientState held_from = present.held_from;
    present = operation.recipient;
    if (present.state == RecipientState::active) present.state = before;
    if (before == RecipientState::held && !ends) {
        present.held_from = present.state == RecipientState::held ? held_from : present.state;
        present.state = RecipientState::held;
    }
    if (operation.report_at) report_no_later(tracked, *operation.report_at);
    if (present.report_due) report_no_later(tracked, operation.report_at.value_or(present.next_attempt));
    change.recipients = {operation.ref.index};
    change.events = operation.events;
    change.counted = 1;
    change.consequences = true;
    conclude(tracked, retention);
    return change;
}

Change reported(Tracked& tracked, const Reported& operation, const Retention& retention) {
    Change change;
    for (std::uint16_t index : operation.recipients) {
        if (index >= tracked.message.recipients.size()) continue;
        Recipient& recipient = tracked.message.recipients[index];
        if (!recipient.report_due) continue;
        recipient.report_due = false;
        change.recipients.push_back(index);
    }
    change.counted = change.recipients.size();
    // Told already: what is asked for a second time must not make a second report.
    if (change.counted == 0 && !operation.recipients.empty()) return change;
    change.events = operation.events;
    change.consequences = true;
    // The others have their turn when their time comes; an end that came between the reporter's claim and now at once.
    tracked.report_at.reset();
    for (const Recipient& recipient : tracked.message.recipients)
        if (recipient.report_due) report_no_later(tracked, recipient.report_from);
    conclude(tracked, retention);
    return change;
}

Change hold(Tracked& tracked, const Hold& operation) {
    Change change;
    for (std::size_t i = 0; i < tracked.message.recipients.size(); ++i) {
        Recipient& recipient = tracked.message.recipients[i];
        if (is_end(recipient.state) || recipient.state == RecipientState::held) continue;
        recipient.held_from = recipient.state;
        recipient.state = RecipientState::held;
        if (!operation.reason.empty()) recipient.reason = operation.reason;
        change.recipients.push_back(static_cast<std::uint16_t>(i));
    }
    change.counted = change.recipients.size();
    if (change.counted > 0) change.events.push_back({operation.now, std::nullopt, "held", operation.reason.empty() ? "by the operator" : operation.reason});
    return change;
}

Change release(Tracked& tracked, const Release& operation) {
    Change change;
    for (std::size_t i = 0; i < tracked.message.recipients.size(); ++i) {
        Recipient& recipient = tracked.message.recipients[i];
        if (recipient.state != RecipientState::held) continue;
        const bool known = !is_end(recipient.held_from) && recipient.held_from != RecipientState::held && recipient.held_from != RecipientState::active;
        recipient.state = known ? recipient.held_from : RecipientState::queued;
        recipient.held_from = RecipientState::queued;
        change.recipients.push_back(static_cast<std::uint16_t>(i));
    }
    change.counted = change.recipients.size();
    if (change.counted > 0) change.events.push_back({operation.now, std::nullopt, "released", "by the operator"});
    return change;
}

Change retry(Tracked& tracked, const Retry& operation) {
    Change change;
    for (std::size_t i = 0; i < tracked.message.recipients.size(); ++i) {
        Recipient& recipient = tracked.message.recipients[i];
        if (is_end(recipient.state) || recipient.state == RecipientState::held) continue;
        recipient.next_attempt = operation.now;
        change.recipients.push_back(static_cast<std::uint16_t>(i));
    }
    change.counted = change.recipients.size();
    if (change.counted > 0) change.events.push_back({operation.now, std::nullopt, "retry", "asked for by the operator"});
    return change;
}

Change erase(Tracked& tracked, const Delete& operation, const Retention& retention) {
    Change change;
    for (std::size_t i = 0; i < tracked.message.recipients.size(); ++i) {
        Recipient& recipient = tracked.message.recipients[i];
        if (is_end(recipient.state)) continue;
        if (!operation.for_good) recipient.deleted_from = recipient.state;
        recipient.state = RecipientState::deleted;
        recipient.next_attempt = operation.now;
        recipient.reason = "deleted by the operator";
        recipient.report_due = false;
        change.recipients.push_back(static_cast<std::uint16_t>(i));
    }
    if (operation.for_good) std::ranges::copy(forget_deleted(tracked.message), std::back_inserter(change.recipients));
    change.counted = change.recipients.size();
    if (change.counted == 0) return change;
    change.events.push_back({operation.now, std::nullopt, "deleted", operation.for_good ? "for good, by the operator" : "by the operator"});
    conclude(tracked, retention);
    return change;
}

Change undelete(Tracked& tracked, const Undelete& operation, const Retention& retention) {
    Change change;
    for (std::size_t i = 0; i < tracked.message.recipients.size(); ++i) {
        Recipient& recipient = tracked.message.recipients[i];
        if (!can_be_undeleted(recipient, operation.now)) continue;
        recipient.state = *recipient.deleted_from;
        recipient.deleted_from.reset();
        recipient.next_attempt = operation.now;
        recipient.reason.clear();
        change.recipients.push_back(static_cast<std::uint16_t>(i));
    }
    change.counted = change.recipients.size();
    if (change.counted == 0) return change;
    change.events.push_back({operation.now, std::nullopt, "undeleted", "by the operator"});
    conclude(tracked, retention);
    return change;
}

std::size_t would_change(const Operation& operation, const Message& message) {
    Tracked copy;
    copy.message = message;
    const auto counted = [&](const auto& one) -> std::size_t {
        using Kind = std::decay_t<decltype(one)>;
        if constexpr (std::is_same_v<Kind, Hold>) return hold(copy, one).counted;
        else if constexpr (std::is_same_v<Kind, Release>) return release(copy, one).counted;
        else if constexpr (std::is_same_v<Kind, Retry>) return retry(copy, one).counted;
        else if constexpr (std::is_same_v<Kind, Delete>) return erase(copy, one, {}).counted;
        else if constexpr (std::is_same_v<Kind, Undelete>) return undelete(copy, one, {}).counted;
        else return 0;
    };
    return std::visit(counted, operation);
}

Change give_up_deleted(Tracked& tracked, const Purge& operation, const Retention& retention) {
    Change change;
    const auto until = kept_until(tracked.message);
    if (!is_over(tracked) || !until || operation.now < *until) return change;
    change.recipients = forget_deleted(tracked.message);
    change.counted = change.recipients.size();
    conclude(tracked, retention);
    return change;
}

bool forgettable(const Tracked& tracked, Instant now) { return is_over(tracked) && !kept_until(tracked.message) && tracked.purge_at.value_or(now) <= now; }

std::optional<Instant> due_of(const Message& message, const Recipient& recipient) {
    if (is_end(recipient.state) || recipient.state == RecipientState::held) return std::nullopt;
    return std::max(Instant{}, std::min(recipient.next_attempt, message.expires));
}

Footprint footprint(const Tracked& tracked) {
    Footprint out;
    const Message& message = tracked.message;
    for (std::size_t i = 0; i < message.recipients.size(); ++i) {
        const Recipient& recipient = message.recipients[i];
        ++out.recipients_by_state[static_cast<std::size_t>(recipient.state)];
        if (!is_end(recipient.state)) out.waiting = true;
        if (auto at = due_of(message, recipient)) out.due.push_back({recipient.lane, *at, static_cast<std::uint16_t>(i)});
    }
    if (tracked.report_at) out.due.push_back({std::string(kReportLane), *tracked.report_at, kReportIndex});
    if (tracked.purge_at) out.due.push_back({std::string(kPurgeLane), *tracked.purge_at, kPurgeIndex});
    std::ranges::sort(out.due);
    if (tracked.has_content) out.content_bytes = message.size_bytes;
    return out;
}

}   // namespace mmgate
