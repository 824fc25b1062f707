#include "daemon/mm4/carrier.h"

#include <algorithm>
#include <array>
#include <utility>

#include "daemon/retry.h"
#include "mapping/mm1/messages.h"
#include "mapping/mm4/words.h"
#include "mapping/status.h"

namespace mmgate::mm4 {

namespace {

// What the operator holds is looked at again when he lets it go, and now and then, the oldest of it, whether its time is over.
constexpr std::chrono::minutes kHeldRests{1};
constexpr std::size_t kHeldLook = 64;

}   // namespace

struct Carrier::Batch {
    std::string peer;   // its name
    Claimed claimed;
    std::function<void()> done;
    std::size_t open = 0;   // requests on their way
};

Carrier::Carrier(Parts parts, std::function<void()> kick) : parts_(parts), kick_(std::move(kick)) {
    constexpr std::string_view kRoute = "mm4:";
    for (const std::string& route : parts_.store.held_routes())
        if (route.starts_with(kRoute)) held_.insert(route.substr(kRoute.size()));
}

void Carrier::configure(std::shared_ptr<const Config> config, std::shared_ptr<const Router> router) {
    config_ = std::move(config);
    router_ = std::move(router);
}

bool Carrier::carries(std::string_view lane) const { return !peer_of_lane(lane).empty(); }

std::size_t Carrier::free_slots(std::string_view lane) const {
    const std::string_view name = peer_of_lane(lane);
    if (held_.contains(name)) {
        const auto look = held_looks_.find(lane);
        return look == held_looks_.end() || look->second <= parts_.loop.now() ? kHeldLook : 0;
    }
    const Peer* peer = router_->peers().named(name);
    if (!peer) return 1;   // what waits for it is told so
    const std::size_t connections = parts_.client.free_slots(smtp::transport_of_peer(*peer, *config_));
    const auto line = lines_.find(name);
    return line == lines_.end() ? connections : std::min(connections, line->second.free_slots(connections + line->second.under_way(), parts_.loop.now()));
}

Instant Carrier::next_slot(std::string_view lane, Instant now) const {
    const std::string_view name = peer_of_lane(lane);
    if (held_.contains(name)) {
        const auto look = held_looks_.find(lane);
        return look == held_looks_.end() ? now : std::max(now, look->second);
    }
    const auto line = lines_.find(name);
    // While it is tried, what is under way is in the way.
    if (line != lines_.end() && line->second.is_down()) return line->second.under_way() > 0 ? now : std::max(now, *line->second.next_try());
    const Peer* peer = router_->peers().named(name);
    return peer ? parts_.client.next_slot(smtp::transport_of_peer(*peer, *config_)) : now;
}

/// Lanes that rest because of the peer are looked at again.
void Carrier::wake(std::string_view peer) {
    for (const Priority priority : {Priority::high, Priority::normal, Priority::low}) {
        const std::string lane = mm4_lane(peer, priority);
        held_looks_.erase(lane);
        parts_.store.rest(lane, parts_.loop.now());
    }
    kick_();
}

int Carrier::rank(std::string_view lane) const {
    const std::string_view peer = peer_of_lane(lane);
    return lane == mm4_lane(peer, Priority::high) ? 0 : lane == mm4_lane(peer, Priority::normal) ? 1
                                                                                                 : 2;
}

const PeerLine* Carrier::line(std::string_view peer) const {
    const auto found = lines_.find(peer);
    return found == lines_.end() ? nullptr : &found->second;
}

void Carrier::set_gate(const std::string& peer, Gate gate) {
    if (gate == Gate::held) held_.insert(peer);
    else held_.erase(peer);
    wake(peer);
}

void Carrier::try_now() {
    for (auto& [peer, line] : lines_) line.try_now(parts_.loop.now());
}

void Carrier::when_settled(QueueId id, std::function<void()> then) {
    if (under_way_.contains(id)) waiting_.emplace(id, std::move(then));
    else then();
}

// ------------------------------------------------------------------------------------------------------------------------------------- out

void Carrier::carry(std::string_view lane, Claimed claimed, std::function<void()> done) {
    auto batch = std::make_shared<Batch>(Batch{std::string(peer_of_lane(lane)), std::move(claimed), std::move(done), 1});
    const Message& message = batch->claimed.message;
    ++under_way_[message.id];
    lines_[batch->peer].began();
    const Peer* peer = router_->peers().named(batch->peer);
    const Instant now = parts_.loop.now();
    const std::vector<std::uint16_t>& indexes = batch->claimed.recipients;
    if (now >= last_attempt(message, *config_)) return end_all(batch, indexes, RecipientState::expired, {Fault::expired, 0, "the time for delivery is over"});
    if (!peer) return wait_for_peer(batch);
    if (held_.contains(batch->peer)) return keep_held(lane, batch);
    if (message.kind == MessageKind::mm && peer->message_size_bytes > 0 && message.size_bytes > peer->message_size_bytes)
        return end_all(batch, indexes, RecipientState::failed, {Fault::message_too_big, 0, "the peer takes at most " + std::to_string(peer->message_size_bytes) + " octets"});

    std::vector<Settle> silent;
    std::vector<Request> requests = requests_of(batch->claimed, peer->recipients);
    std::erase_if(requests, [&](const Request& request) {
        const Recipient& first = message.recipients[request.recipients.front()];
        if (!first.response_awaited || first.requests_sent <= config_->mm4_resend) return false;
        parts_.metrics.add(Counter::mm4_unanswered);
        for (std::uint16_t index : request.recipients) {
            silent.push_back(after_silence(batch->claimed.message, index, now, *config_));
            parts_.log.warning(to_text(message.id), "mm4-unanswered", {{"peer", batch->peer}, {"to", silent.back().recipient.address}, {"requests", first.requests_sent}});
            batch->claimed.message.recipients[index] = silent.back().recipient;
        }
        return true;
    });
    batch->open = requests.size() + (silent.empty() ? 0 : 1);
    if (!silent.empty()) settle(batch, std::move(silent));
    for (Request& request : requests) {
        if (message.kind == MessageKind::mm) forward(batch, *peer, std::move(request));
        else send_finished(batch, std::move(request));
    }
}

/// It keeps its place; its lane is looked at again when its time is over, or before.
void Carrier::keep_held(std::string_view lane, const Shared& batch) {
    const Instant now = parts_.loop.now(), next = std::min<Instant>(now + kHeldRests, last_attempt(batch->claimed.message, *config_));
    Instant& look = held_looks_.try_emplace(std::string(lane), next).first->second;
    look = look > now ? std::min(look, next) : next;
    for (const std::uint16_t index : batch->claimed.recipients) {
        const RecipientRef ref{batch->claimed.message.id, index};
        parts_.store.abandon({&ref, 1});
    }
    end(batch);
}

/// What has been sent goes again as it was; the rest becomes new requests of at most so many recipients.
std::vector<Carrier::Request> Carrier::requests_of(const Claimed& claimed, std::size_t most_recipients) {
    std::vector<Request> out;
    Request* fresh = nullptr;
    std::map<std::uint16_t, std::size_t> known;   // where in `out`
    std::vector<std::uint16_t> unsent;
    for (std::uint16_t index : claimed.recipients) {
        const std::uint16_t number = claimed.message.recipients.at(index).request;
        if (number == 0 || is_answered(claimed.message.recipients.at(index))) {
            unsent.push_back(index);
            continue;
        }
        const auto [entry, added] = known.emplace(number, out.size());
        if (added) out.push_back({number, {}});
        out[entry->second].recipients.push_back(index);
    }
    for (std::uint16_t index : unsent) {
        if (!fresh || fresh->recipients.size() >= most_recipients) {
            out.push_back({next_request(claimed.message, index), {}});
            fresh = &out.back();
        }
        fresh->recipients.push_back(index);
    }
    return out;
}

void Carrier::forward(const Shared& batch, const Peer& peer, Request request) {
    const Message& message = batch->claimed.message;
    Outgoing outgoing = outgoing_request(message, request.number, peer, *router_, parts_.names, parts_.loop.now());
    const Sent sent{request.number, outgoing.request.ack_requested, outgoing.report_awaited};
    write(batch, std::move(request), [&store = parts_.store, id = message.id, outgoing = std::move(outgoing), sent]() mutable -> Result<Written> {
        auto content = store.content_to_carry(id);
        if (!content) return fail(content.error());
        auto decoded = mm1::decode_content(*content);
        if (!decoded) return fail(decoded.error());
        outgoing.request.content = std::move(*decoded);
        const std::string transaction = outgoing.request.ids.transaction_id;
        auto mail = encode(std::move(outgoing.request), outgoing.options);
        if (!mail) return fail(mail.error());
        return Written{std::move(*mail), sent, transaction, MessageType::forward_req};
    });
}

void Carrier::send_finished(const Shared& batch, Request request) {
    const std::uint16_t number = request.number;
    write(batch, std::move(request), [&store = parts_.store, id = batch->claimed.message.id, number]() -> Result<Written> {
        auto mail = store.content_to_carry(id);
        if (!mail) return fail(mail.error());
        auto peeked = peek(*mail);
        if (!peeked) return fail(peeked.error());
        Written written;
        if (*peeked) written = {{}, {number, (*peeked)->ack_requested, false}, (*peeked)->transaction_id, (*peeked)->type};
        written.mail = std::move(*mail);
        return written;
    });
}

/// Requests are written side by side and leave in the order in which they were claimed: a short one of low priority must not overtake a long one of high.
void Carrier::write(const Shared& batch, Request request, std::function<Result<Written>()> writing) {
    auto draft = std::make_shared<Draft>(Draft{batch, std::move(request), std::nullopt});
    drafts_[batch->peer].push_back(draft);
    parts_.workers.run(std::move(writing), [this, draft](Result<Written> written) {
        draft->written = std::move(written);
        const auto line = drafts_.find(draft->batch->peer);
        while (!line->second.empty() && line->second.front()->written) {
            const std::shared_ptr<Draft> next = std::move(line->second.front());
            line->second.pop_front();
            send(next->batch, next->request, std::move(*next->written));
        }
        if (line->second.empty()) drafts_.erase(line);
    });
}

void Carrier::send(const Shared& batch, const Request& request, Result<Written> written) {
    const Message& message = batch->claimed.message;
    const Peer* peer = router_->peers().named(batch->peer);
    if (!written || !peer) {
        const Error error = written ? Error{Fault::internal, 0, "the peer is no longer in the configuration"} : written.error();
        if (!is_temporary(error.fault)) return end_all(batch, request.recipients, RecipientState::failed, error);
        std::vector<Settle> settles;
        const smtp::Delivered later{smtp::Delivered::Verdict::deferred, error.fault, error.rule, "4.3.0", {}};
        for (std::uint16_t index : request.recipients) settles.push_back(after_sending(message, index, later, {}, parts_.loop.now(), *config_, parts_.random));
        return settle(batch, std::move(settles));
    }
    smtp::OutboundMail outbound;
    outbound.subject = to_text(message.id);
    outbound.return_path = envelope_sender(message, *peer, *router_);
    outbound.envelope_id = written->envelope_id;
    outbound.data = std::make_shared<const Octets>(std::move(written->mail));
    Notify notify{.never = false, .success = false, .failure = true, .delay = false};
    // What relays say to each other is never answered by mail.
    if (message.kind != MessageKind::mm || outbound.return_path.empty()) notify = {.never = true, .success = false, .failure = false, .delay = false};
    for (std::uint16_t index : request.recipients) outbound.recipients.push_back({path_of(message.recipients.at(index).address, peer->domain), notify, {}});
    parts_.client.send(smtp::transport_of_peer(*peer, *config_), std::move(outbound),
                       [this, batch, request, sent = written->sent, type = written->type](const std::vector<smtp::Delivered>& verdicts) {
                           delivered(batch, request, sent, type, verdicts);
                       });
}

void Carrier::delivered(const Shared& batch, const Request& request, const Sent& sent, std::optional<MessageType> type, const std::vector<smtp::Delivered>& verdicts) {
    using Delivered = smtp::Delivered;
    const Instant now = parts_.loop.now();
    PeerLine& line = lines_[batch->peer];
    const auto unreachable = std::ranges::find_if(verdicts, [](const Delivered& one) { return one.verdict == Delivered::Verdict::deferred && one.extent == Delivered::Extent::destination; });
    const bool was_down = line.is_down();
    if (unreachable == verdicts.end()) {
        line.succeeded();
        if (was_down) parts_.log.notice("-", "peer-up", {{"peer", batch->peer}});
    } else {
        line.failed(unreachable->reply, config_->mm4_retry, now, parts_.random);
        if (!was_down) parts_.log.warning("-", "peer-down", {{"peer", batch->peer}, {"reason", unreachable->reply}});
    }
    Message& message = batch->claimed.message;
    const std::string id = to_text(message.id);
    std::vector<Settle> settles;
    bool taken = false;
    for (std::size_t i = 0; i < request.recipients.size(); ++i) {
        const std::uint16_t index = request.recipients[i];
        Settle settle = after_sending(message, index, verdicts.at(i), sent, now, *config_, parts_.random);
        const bool sent_now = verdicts[i].verdict != Delivered::Verdict::deferred && verdicts[i].verdict != Delivered::Verdict::failed;
        if (!sent_now) parts_.metrics.statuses().got(Door::mm4_out, settle.recipient.enhanced_status);
        if (auto again = look_up_again(message, settle, *router_, now)) settle = std::move(*again);
        const Recipient& recipient = settle.recipient;
        constexpr auto kAttempts = std::to_array<Attempt>({Attempt::sent, Attempt::sent, Attempt::deferred, Attempt::refused});   // by Verdict
        parts_.metrics.peers().note(recipient.lane, kAttempts[static_cast<std::size_t>(verdicts[i].verdict)], verdicts[i].reply, now);
        taken = taken || sent_now;
        parts_.log.write(sent_now ? Level::info : Level::warning, id, sent_now && recipient.response_awaited ? std::string_view("sent") : to_text(recipient.state),
                         {{"peer", batch->peer},
                          {"to", recipient.address},
                          {"type", type ? name_of(*type) : std::string_view("none")},
                          {"attempt", recipient.attempts},
                          {"mta", recipient.remote_mta},
                          {"reply", verdicts[i].reply}});
        message.recipients[index] = recipient;   // the last of them to end reports at once
        settles.push_back(std::move(settle));
    }
    if (taken) count(type, message.recipients[request.recipients.front()]);
    keep_together(settles);
    settle(batch, std::move(settles));
}

void Carrier::count(std::optional<MessageType> type, const Recipient& recipient) {
    if (recipient.requests_sent > 1) parts_.metrics.add(Counter::mm4_resent);
    else if (type == MessageType::forward_req) parts_.metrics.add(Counter::mm4_requests_out);
    else if (type && is_response(*type)) parts_.metrics.add(Counter::mm4_responses_out);
    else parts_.metrics.add(Counter::mm4_reports_out);
}

// --------------------------------------------------------------------------------------------------------------------------------- outcomes

void Carrier::wait_for_peer(const Shared& batch) {
    std::vector<Settle> settles;
    const smtp::Delivered later{smtp::Delivered::Verdict::deferred, Fault::peer_unreachable, "no [[peer]] has the name " + batch->peer + " any more", "4.4.4", {}};
    const Message& message = batch->claimed.message;
    for (std::uint16_t index : batch->claimed.recipients) {
        if (auto other = leaves_peer(message, index, *router_, parts_.loop.now(), parts_.random)) {
            parts_.log.notice(to_text(message.id), "rerouted", {{"peer", batch->peer}, {"to", other->recipient.address}, {"route", other->recipient.route}});
            settles.push_back(std::move(*other));
            continue;
        }
        parts_.log.warning(to_text(message.id), "deferred", {{"peer", batch->peer}, {"to", message.recipients.at(index).address}, {"reason", later.reply}});
        settles.push_back(after_sending(message, index, later, {}, parts_.loop.now(), *config_, parts_.random));
    }
    settle(batch, std::move(settles));
}

void Carrier::end_all(const Shared& batch, const std::vector<std::uint16_t>& recipients, RecipientState state, const Error& error) {
    Message& message = batch->claimed.message;
    std::vector<Settle> settles;
    for (std::uint16_t index : recipients) {
        const Recipient& before = message.recipients.at(index);
        std::string reason = error.rule;
        if (state == RecipientState::expired && !before.reason.empty()) reason += "; the last word was: " + before.reason;
        End end{state, error.fault, reason, {}, before.remote_mta};
        end.unconfirmed = before.response_awaited;   // the peer's host has it
        Settle settle = end_of(message, index, std::move(end), parts_.loop.now(), {config_->service_messages, config_->report_delay});
        message.recipients[index] = settle.recipient;
        parts_.log.notice(to_text(message.id), to_text(state), {{"peer", batch->peer}, {"to", settle.recipient.address}, {"reason", reason}});
        settles.push_back(std::move(settle));
    }
    settle(batch, std::move(settles));
}

void Carrier::settle(const Shared& batch, std::vector<Settle> settles) {
    std::vector<Operation> operations;
    for (Settle& one : settles) operations.emplace_back(std::move(one));
    parts_.settler.settle(
        std::move(operations), [this, batch] { end(batch); }, Committer::Urgency::prompt);
}

void Carrier::end(const Shared& batch) {
    if (--batch->open > 0) return;
    lines_[batch->peer].ended();
    const QueueId id = batch->claimed.message.id;
    const auto found = under_way_.find(id);
    if (--found->second == 0) {
        under_way_.erase(found);
        auto [first, last] = waiting_.equal_range(id);
        std::vector<std::function<void()>> ready;
        for (auto entry = first; entry != last; ++entry) ready.push_back(std::move(entry->second));
        waiting_.erase(first, last);
        for (const auto& then : ready) then();
    }
    batch->done();
}

}   // namespace mmgate::mm4
