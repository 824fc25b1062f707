#include "daemon/mm4/intake.h"

#include <utility>

#include "daemon/loop/loop.h"
#include "daemon/mm4/exchange.h"
#include "daemon/mm4/reception.h"
#include "daemon/read_report.h"
#include "mapping/charset.h"
#include "mapping/limits.h"
#include "mapping/mm1/messages.h"
#include "mapping/mm4/words.h"
#include "mapping/status.h"

namespace mmgate::mm4 {

namespace {

constexpr std::size_t kReadInline = 64 * 1024;
constexpr int kMostOvertakings = 5;

}   // namespace

struct Intake::Taken {
    ReceivedEnvelope envelope;
    Octets mail;
    std::function<void(Accepted)> done;
    std::shared_ptr<const Config> config;   // those that were in force when the mail came
    std::shared_ptr<const Router> router;
    const Peer* peer = nullptr;   // of the router's directory
    Peeked peeked;
    Instant now{};
    std::size_t size = 0;
    bool responded = false;   // its response waits to be committed, or has been
    int overtaken = 0;        // how often the message that it is about had changed before it could be
};

struct Intake::Read {
    Result<Mm4Message> message;
    Octets content;   // of a forward request, as the store keeps it
};

void Intake::configure(std::shared_ptr<const Config> config, std::shared_ptr<const Router> router) {
    config_ = std::move(config);
    router_ = std::move(router);
}

ReplyContext Intake::context(const Shared& taken) const { return {*taken->config, *taken->router, parts_.random, taken->now}; }

void Intake::accept(ReceivedEnvelope envelope, Octets mail, std::function<void(Accepted)> done) {
    auto peeked = peek(mail);
    // What does not even have a header block is the mail intake's to refuse.
    if (!peeked) return parts_.mail.accept(std::move(envelope), std::move(mail), std::move(done));
    if (!*peeked || envelope.peers.empty()) {
        if (has_mms_fields(mail)) {
            parts_.log.notice("-", "mm4-stripped", {{"client", envelope.client}, {"from", envelope.return_path}, {"type", *peeked ? header_text((*peeked)->written, 64) : std::string("none")}, {"consequence", "X-Mms fields mean nothing from there"}});
            mail = without_mms_fields(mail);
        }
        return parts_.mail.accept(std::move(envelope), std::move(mail), std::move(done));
    }
    auto taken = std::make_shared<Taken>();
    taken->envelope = std::move(envelope);
    taken->mail = std::move(mail);
    taken->size = taken->mail.size();
    taken->done = std::move(done);
    taken->config = config_;
    taken->router = router_;
    taken->peeked = std::move(**peeked);
    taken->now = parts_.loop.now();
    auto speaker = speaker_of(taken->envelope, taken->peeked, router_->peers());
    if (!speaker) return refuse(taken, speaker.error());
    taken->peer = *speaker;
    auto read = [taken, options = decode_options(*taken->peer, taken->envelope, *taken->config, taken->now)] {
        Read out{decode(taken->mail, options), {}};
        if (auto* request = out.message ? std::get_if<ForwardReq>(&*out.message) : nullptr) {
            out.content = mm1::encode_content(request->content);
            request->content = {};
        }
        return out;
    };
    if (taken->size <= kReadInline) return decoded(taken, read());
    parts_.workers.run(read, [this, taken](Read out) { decoded(taken, std::move(out)); });
}

void Intake::decoded(const Shared& taken, Read read) {
    if (!read.message) return answer_refused(taken, read.message.error());
    taken->mail = {};
    std::visit(overloaded{
                   [&](ForwardReq& request) {
                       if (auto open = parts_.admission.takes_new(); !open) return refuse(taken, open.error());
                       on_request(taken, std::move(request), std::move(read.content));
                   },
                   [&](Response& response) { on_response(taken, std::move(response)); },
                   [&](DeliveryReportReq& report) { on_report(taken, std::move(report)); },
                   [&](ReadReplyReportReq& report) { on_read_report(taken, std::move(report)); },
               },
               *read.message);
}

// --------------------------------------------------------------------------------------------------------------------------------- refusals

void Intake::refuse(const Shared& taken, const Error& error) {
    parts_.metrics.add(Counter::smtp_rejected);
    parts_.metrics.add(Counter::mm4_refused);
    parts_.metrics.statuses().gave(Door::mm4_in, spec_of(error.fault).enhanced);
    if (error.fault == Fault::storage_full) parts_.metrics.add(Counter::store_full);
    parts_.log.notice("-", "mm4-refused",
                      {{"client", taken->envelope.client},
                       {"peer", taken->peer ? taken->peer->name : std::string("none")},
                       {"type", header_text(taken->peeked.written, 64)},
                       {"from", taken->envelope.return_path},
                       {"fault", spec_of(error.fault).name},
                       {"reason", error.rule}});
    taken->done(fail(error));
}

/// A request that does not decode is answered by a response where one was asked for and can be made.
void Intake::answer_refused(const Shared& taken, const Error& error) {
    const Peeked& peeked = taken->peeked;
    const bool answerable = peeked.type && !is_response(*peeked.type) && peeked.ack_requested && !peeked.transaction_id.empty() && !peeked.message_id.empty();
    // A loop ends in the dialogue: a response might travel round it, too.
    if (!answerable || error.fault == Fault::routing_loop || is_temporary(error.fault)) return refuse(taken, error);
    parts_.metrics.add(Counter::mm4_refused);
    parts_.metrics.statuses().gave(Door::mm4_in, spec_of(error.fault).enhanced);
    parts_.log.notice("-", "mm4-refused",
                      {{"client", taken->envelope.client}, {"peer", taken->peer->name}, {"type", name_of(*peeked.type)}, {"fault", spec_of(error.fault).name}, {"reason", error.rule}, {"consequence", "a response"}});
    std::vector<Operation> operations;
    respond(taken, operations, {peeked.transaction_id, peeked.message_id, peeked.raw_transaction_id, peeked.raw_message_id}, spec_of(error.fault).mm4_status, error.rule);
    commit(taken, std::move(operations), "Ok: a response follows");
}

void Intake::alien(const Shared& taken, std::string_view why) {
    parts_.metrics.add(Counter::mm4_alien);
    parts_.log.notice("-", "mm4-alien",
                      {{"client", taken->envelope.client},
                       {"peer", taken->peer->name},
                       {"type", header_text(taken->peeked.written, 64)},
                       {"transaction", header_text(taken->peeked.transaction_id, 100)},
                       {"message-id", header_text(taken->peeked.message_id, 100)},
                       {"reason", why},
                       {"consequence", "nothing changes"}});
}

void Intake::respond(const Shared& taken, std::vector<Operation>& operations, const Ids& ids, std::string_view status, std::string_view text) {
    const Peeked& peeked = taken->peeked;
    if (!peeked.ack_requested || !peeked.type || taken->responded) return;
    taken->responded = true;
    Answer answer{*peeked.type, ids, answer_address(*taken->peer, {peeked.originator_system, peeked.sender, taken->envelope.return_path}), std::string(status), header_text(text, kLimits.reason_bytes)};
    auto named = parse_mailbox(peeked.originator_system.empty() ? peeked.sender : peeked.originator_system);
    if (named && named->value != answer.to)
        parts_.log.notice("-", "mm4-answer-address", {{"peer", taken->peer->name}, {"named", *named}, {"used", answer.to}, {"reason", "the address named is in no domain of the peer"}});
    auto response = make_response(*taken->peer, answer, context(taken));
    if (response) operations.emplace_back(std::move(*response));
    else parts_.log.error("-", "mm4-response-impossible", {{"peer", taken->peer->name}, {"reason", response.error().rule}});
}

void Intake::commit(const Shared& taken, std::vector<Operation> operations, std::string text) {
    if (operations.empty()) return taken->done(std::move(text));
    parts_.committer.submit(std::move(operations), [this, taken, text = std::move(text)](Result<std::vector<Outcome>> outcomes) mutable {
        if (!outcomes) return refuse(taken, outcomes.error());
        taken->done(std::move(text));
        kick_();
    });
}

/// Of a report: what it is about may change meanwhile, by its response or by another report. Then `again` looks at it once more.
void Intake::commit_report(const Shared& taken, std::vector<Operation> operations, std::function<void()> again) {
    parts_.committer.submit(std::move(operations), [this, taken, again = std::move(again)](Result<std::vector<Outcome>> outcomes) {
        if (!outcomes) return refuse(taken, outcomes.error());
        if (outcomes->front().changed == 0) return ++taken->overtaken > kMostOvertakings ? refuse(taken, {Fault::overloaded, 0, "the message changes too often"}) : again();
        taken->done("Ok: report taken");
        kick_();
    });
}

// --------------------------------------------------------------------------------------------------------------------------------- requests

void Intake::on_request(const Shared& taken, ForwardReq request, Octets content) {
    // Who lies about whom a message is from gets no record of it and no response: the session ends its turn here.
    if (auto checked = check_originator(request, *taken->peer, *taken->router); !checked) return refuse(taken, checked.error());
    struct Known {
        std::optional<Message> record;
        std::vector<std::size_t> seen;
    };
    auto look = [&store = parts_.store, taken, key = request_key(taken->peer->name, request.ids, recipients_of(taken->envelope)), message_id = request.ids.message_id] {
        Known known;
        if (auto id = store.named(key, taken->now)) known.record = store.find(*id);
        for (std::size_t i = 0; i < taken->envelope.recipients.size() && !known.record; ++i) {
            const Route& route = taken->envelope.recipients[i].route;
            // What this peer brought before, in whichever request, goes no second time, and is answered as the first one was.
            if (route.route == "mm1" || store.named(recipient_key(taken->peer->name, message_id, route.address), taken->now)) continue;
            if (store.named(transit_key(message_id, route.address), taken->now)) known.seen.push_back(i);
        }
        return known;
    };
    parts_.workers.run(look, [this, taken, request = std::move(request), content = std::move(content)](Known known) mutable {
        if (known.record) return repeat_answer(taken, request.ids, *known.record);
        receive_request(taken, std::move(request), std::move(content), std::move(known.seen));
    });
}

void Intake::repeat_answer(const Shared& taken, const Ids& ids, const Message& record) {
    parts_.metrics.add(Counter::mm4_repeated);
    parts_.log.info(to_text(record.id), "repeated", {{"peer", taken->peer->name}, {"client", taken->envelope.client}, {"status", status_of_record(record)}});
    std::vector<Operation> operations;
    respond(taken, operations, ids, status_of_record(record));
    commit(taken, std::move(operations), "Ok: known as " + to_text(record.id));
}

void Intake::receive_request(const Shared& taken, ForwardReq request, Octets content, std::vector<std::size_t> seen) {
    const Ids ids = request.ids;
    Received received = receive(std::move(request), std::move(content), taken->envelope, seen, *taken->peer, *taken->router, parts_.names, parts_.random, taken->now);
    const bool unanswerable = !taken->peeked.ack_requested || received.enqueue.message.recipients.empty();
    if (received.refused && (unanswerable || is_temporary(received.refused->fault))) return refuse(taken, *received.refused);
    if (received.refused) {
        parts_.metrics.add(Counter::mm4_refused);
        parts_.metrics.statuses().gave(Door::mm4_in, spec_of(received.refused->fault).enhanced);
        parts_.log.notice("-", "mm4-refused",
                          {{"client", taken->envelope.client}, {"peer", taken->peer->name}, {"type", name_of(MessageType::forward_req)}, {"fault", spec_of(received.refused->fault).name}, {"reason", received.refused->rule}, {"consequence", "a response"}});
    }
    const Address from = received.enqueue.message.originator;
    const std::size_t recipients = received.enqueue.message.recipients.size();
    std::vector<Operation> operations;
    const bool refused = received.refused.has_value();
    operations.emplace_back(std::move(received.enqueue));
    respond(taken, operations, ids, refused ? spec_of(received.refused->fault).mm4_status : std::string_view("Ok"), refused ? received.refused->rule : std::string());
    parts_.committer.submit(std::move(operations), [this, taken, from, recipients, refused](Result<std::vector<Outcome>> outcomes) {
        if (!outcomes) return refuse(taken, outcomes.error());
        const std::string id = to_text(outcomes->front().id);
        if (outcomes->front().repeated) {
            parts_.metrics.add(Counter::mm4_repeated);
            parts_.log.info(id, "repeated", {{"peer", taken->peer->name}, {"client", taken->envelope.client}});
        } else if (!refused) {
            parts_.metrics.add(Counter::mm4_requests_in);
            parts_.metrics.add(Counter::smtp_accepted);
            parts_.metrics.add(Counter::smtp_bytes, taken->size);
            parts_.log.info(id, "accepted", {{"from", from}, {"interface", "mm4"}, {"peer", taken->peer->name}, {"client", taken->envelope.client}, {"size", taken->size}, {"recipients", recipients}});
        }
        taken->done("Ok: queued as " + id);
        kick_();
    });
}

// -------------------------------------------------------------------------------------------------------------------------------- responses

void Intake::find_settled(QueueId id, std::function<void(std::optional<Message>)> then) {
    // A peer may be faster than the commit that says what it was sent.
    parts_.carrier.when_settled(id, [this, id, then = std::move(then)] { parts_.workers.run([&store = parts_.store, id] { return store.find(id); }, then); });
}

void Intake::on_response(const Shared& taken, Response response) {
    if (const auto request = parts_.names.request_of(response.ids.transaction_id)) {
        return find_settled(request->id, [this, taken, response = std::move(response), number = request->number](std::optional<Message> message) {
            settle_request(taken, response, number, std::move(message));
        });
    }
    auto named = [&store = parts_.store, taken, key = report_key(taken->peer->name, response.ids.transaction_id)] { return store.named(key, taken->now); };
    parts_.workers.run(named, [this, taken, response = std::move(response)](std::optional<QueueId> id) {
        if (!id) return settle_own_report(taken, response, std::nullopt);
        find_settled(*id, [this, taken, response](std::optional<Message> message) { settle_own_report(taken, response, std::move(message)); });
    });
}

void Intake::settle_request(const Shared& taken, const Response& response, std::uint16_t number, std::optional<Message> message) {
    const Peer& peer = *taken->peer;
    const auto about = message ? mm4::recipients_of(response, *message, number, peer.name) : std::vector<std::uint16_t>();
    std::vector<Operation> operations;
    std::vector<Settle> settles;
    for (std::uint16_t index : about) {
        auto settle = after_response(*message, index, response, asks_for_report(*message, peer), taken->now, *taken->config, parts_.random);
        if (!settle) continue;
        if (auto again = look_up_again(*message, *settle, *taken->router, taken->now)) settle = std::move(again);
        // Some relays name the message by an identifier of their own from here on.
        if (!response.ids.message_id.empty() && !parts_.names.message_of(response.ids.message_id))
            settle->aliases.push_back({forwarded_key(peer.name, response.ids.message_id), std::max(message->expires, taken->now) + kNamesOutlive});
        const Recipient& recipient = settle->recipient;
        message->recipients[index] = recipient;
        parts_.log.write(is_failure(recipient.state) ? Level::warning : Level::info, to_text(message->id), "response",
                         {{"peer", peer.name}, {"to", recipient.address}, {"status", response.status}, {"state", to_text(recipient.state)}});
        settles.push_back(std::move(*settle));
    }
    if (settles.empty()) {
        alien(taken, about.empty() ? "no request of ours to this peer has this transaction id" : "the request has had its response");
    } else {
        parts_.metrics.add(Counter::mm4_responses_in);
        if (const auto fault = fault_of_status(response.status)) parts_.metrics.statuses().got(Door::mm4_out, spec_of(*fault).enhanced);
    }
    keep_together(settles);
    for (Settle& settle : settles) operations.emplace_back(std::move(settle));
    commit(taken, std::move(operations), "Ok: response taken");
}

void Intake::settle_own_report(const Shared& taken, const Response& response, std::optional<Message> message) {
    std::vector<Operation> operations;
    if (message) {
        if (auto settle = after_response(*message, 0, response, false, taken->now, *taken->config, parts_.random)) {
            parts_.log.info(to_text(message->id), "response", {{"peer", taken->peer->name}, {"status", response.status}, {"state", to_text(settle->recipient.state)}});
            operations.emplace_back(std::move(*settle));
        }
    }
    if (operations.empty()) alien(taken, message ? "the report has had its response" : "no request of ours to this peer has this transaction id");
    else parts_.metrics.add(Counter::mm4_responses_in);
    commit(taken, std::move(operations), "Ok: response taken");
}

// ---------------------------------------------------------------------------------------------------------------------------------- reports

void Intake::find_forwarded(const Shared& taken, const std::string& message_id, std::function<void(std::optional<Message>)> then) {
    if (const auto id = parts_.names.message_of(message_id)) return find_settled(*id, std::move(then));
    auto named = [&store = parts_.store, taken, key = forwarded_key(taken->peer->name, message_id)] { return store.named(key, taken->now); };
    parts_.workers.run(named, [this, then = std::move(then)](std::optional<QueueId> id) {
        if (!id) return then(std::nullopt);
        find_settled(*id, then);
    });
}

void Intake::on_report(const Shared& taken, DeliveryReportReq report) {
    std::string message_id = report.ids.message_id;
    find_forwarded(taken, message_id, [this, taken, report = std::move(report)](std::optional<Message> message) { settle_report(taken, report, std::move(message)); });
}

void Intake::settle_report(const Shared& taken, const DeliveryReportReq& report, std::optional<Message> message) {
    const auto index = message ? recipient_at(*message, report.recipient, taken->peer->name) : std::nullopt;
    std::vector<Operation> operations;
    if (!index) {
        alien(taken, message ? "the message has no such recipient at this peer" : "no message of ours to this peer has this message id");
        respond(taken, operations, report.ids, spec_of(Fault::not_found).mm4_status);
        return commit(taken, std::move(operations), "Ok: report taken");
    }
    auto settle = after_report(*message, *index, report, taken->now, *taken->config);
    if (!settle) {
        alien(taken, "what became of the message is known already");
        respond(taken, operations, report.ids, "Ok");
        return commit(taken, std::move(operations), "Ok: report taken");
    }
    if (taken->overtaken == 0) {
        parts_.metrics.add(Counter::mm4_reports_in);
        parts_.log.info(to_text(message->id), "report",
                        {{"peer", taken->peer->name}, {"to", settle->recipient.address}, {"status", spec_of(report.status).name}, {"state", to_text(settle->recipient.state)}});
    }
    operations.emplace_back(std::move(*settle));
    respond(taken, operations, report.ids, "Ok");
    commit_report(taken, std::move(operations), [this, taken, report, id = message->id] {
        find_settled(id, [this, taken, report](std::optional<Message> found) { settle_report(taken, report, std::move(found)); });
    });
}

void Intake::on_read_report(const Shared& taken, ReadReplyReportReq report) {
    std::string message_id = report.ids.message_id;
    find_forwarded(taken, message_id, [this, taken, report = std::move(report)](std::optional<Message> message) { settle_read_report(taken, report, std::move(message)); });
}

void Intake::settle_read_report(const Shared& taken, const ReadReplyReportReq& report, std::optional<Message> message) {
    const auto index = message ? recipient_at(*message, report.recipient, taken->peer->name) : std::nullopt;
    std::vector<Operation> operations;
    if (!index) {
        alien(taken, message ? "the message has no such recipient at this peer" : "no message of ours to this peer has this message id");
        respond(taken, operations, report.ids, spec_of(Fault::not_found).mm4_status);
        return commit(taken, std::move(operations), "Ok: report taken");
    }
    auto settle = after_reading(*message, *index, report.status, report.date, {*taken->config, *taken->router, parts_.names, parts_.random, taken->now});
    if (!settle) {
        alien(taken, "that it was read is known already");
        respond(taken, operations, report.ids, "Ok");
        return commit(taken, std::move(operations), "Ok: report taken");
    }
    if (taken->overtaken == 0) {
        parts_.metrics.add(Counter::read_reports_in);
        parts_.log.info(to_text(message->id), "read-report", {{"peer", taken->peer->name}, {"to", settle->recipient.address}, {"status", name_of(report.status)}, {"reports", settle->consequences.size()}});
        if (!settle->consequences.empty()) parts_.metrics.add(Counter::read_reports_out);
    }
    operations.emplace_back(std::move(*settle));
    respond(taken, operations, report.ids, "Ok");
    commit_report(taken, std::move(operations), [this, taken, report, id = message->id] {
        find_settled(id, [this, taken, report](std::optional<Message> found) { settle_read_report(taken, report, std::move(found)); });
    });
}

}   // namespace mmgate::mm4
