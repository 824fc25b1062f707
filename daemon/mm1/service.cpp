#include "daemon/mm1/service.h"

#include <utility>

#include "daemon/mm1/confirmation.h"
#include "daemon/mm4/replies.h"
#include "daemon/outcome.h"
#include "daemon/read_report.h"
#include "mapping/mm1/messages.h"
#include "mapping/mm1/pdus.h"
#include "mapping/status.h"

namespace mmgate::mm1 {

Service::Service(Parts parts, std::function<void()> enqueued) : parts_(parts), enqueued_(std::move(enqueued)), reads_(parts.workers) {}

void Service::configure(std::shared_ptr<const Config> config, std::shared_ptr<const Router> router) {
    config_ = std::move(config);
    router_ = std::move(router);
    identities_ = std::make_unique<const Identities>(*config_);
}

void Service::handle(http::Request request, const std::string& peer, http::Respond respond) {
    parts_.metrics.add(Counter::mm1_requests);
    Ask ask = ask_of(request);
    std::visit(overloaded{
                   [&](Retrieve& retrieval) { retrieve(retrieval.locator, peer, identities_->identify(request, peer), std::move(respond)); },
                   [&](Post& posted) { post(std::move(request), std::move(posted.peek), peer, std::move(respond)); },
                   [&](NotMm1& not_mm1) {
                       on_refused(peer, not_mm1.response.status, not_mm1.rule);
                       respond(std::move(not_mm1.response));
                   },
               },
               ask);
}

void Service::on_refused(const std::string& peer, int status, const std::string& rule) {
    parts_.metrics.add(Counter::mm1_bad_requests);
    parts_.log.notice("-", "mm1-refused", {{"peer", peer}, {"status", status}, {"reason", rule}});
}

Asker Service::asker_of(const std::optional<std::string>& identity) const {
    if (!identity) return {};
    auto phone = router_->subscriber(*identity);
    return {true, phone ? phone->value : std::string()};
}

// ------------------------------------------------------------------------------------------------------------------------------------ posts

void Service::post(http::Request request, Peek peek, const std::string& peer, http::Respond respond) {
    const TreatmentRow& row = treatment_of(peek);
    if (request.body_cut) {
        parts_.metrics.add(Counter::mm1_refused);
        parts_.metrics.add(Counter::too_big);
        parts_.metrics.statuses().gave(Door::mm1_in, spec_of(Fault::message_too_big).enhanced);
        parts_.log.notice("-", "mm1-refused", {{"peer", peer}, {"reason", "the message is over limits.message_size"}});
        return respond(refuse_oversized(peek));
    }
    const std::optional<std::string> identity = identities_->identify(request, peer);
    switch (row.treatment) {
        case Treatment::submission: return submit(std::move(request.body), {std::move(peek), {}, peer, std::move(respond)}, identity);
        case Treatment::confirmation: return confirm(request.body, peek, peer, identity, std::move(respond));
        case Treatment::read_report: return take_read_report(request.body, peek, peer, identity, std::move(respond));
        case Treatment::noted: {
            auto pdu = decode_pdu(request.body);
            if (!pdu) {
                on_refused(peer, 400, pdu.error().rule);
                return respond(refuse_unreadable(peek, pdu.error()));
            }
            parts_.log.info("-", "mm1-noted", {{"type", pdu_spec(row.type).name}, {"peer", peer}});
            return respond(with_nothing());
        }
        case Treatment::denied:
            parts_.metrics.add(Counter::mm1_refused);
            parts_.log.notice("-", "mm1-refused", {{"peer", peer}, {"type", pdu_spec(row.type).name}, {"reason", "a service that is not offered"}});
            return respond(refuse(peek, row.conf, Fault::sender_denied, "This service is not offered here."));
        case Treatment::unsupported: {
            // Without any type it was meant to be something, and is broken; with a wrong one it is not for us.
            const Fault fault = peek.type_octet ? Fault::unsupported_type : Fault::malformed;
            on_refused(peer, peek.transaction_id ? 200 : 400, std::string(spec_of(fault).text));
            return respond(refuse(peek, row.conf, fault, spec_of(fault).text));
        }
    }
}

void Service::import(Octets pdu, const std::string& number, Imported done) {
    const Peek peek = mm1::peek(pdu);
    if (peek.type != PduType::m_send_req) return done(fail(Fault::unsupported_type, "only M-Send.req can be imported"));
    submit(std::move(pdu), {peek, {}, "mmq", {}, std::move(done)}, number);
}

void Service::submit(Octets pdu, Submitting submitting, const std::optional<std::string>& identity) {
    if (!identity) {
        parts_.metrics.add(Counter::mm1_unidentified);
        return refuse_submission(submitting, {Fault::sender_denied, 0, "nobody who is trusted says who the sender is"});
    }
    auto sender = router_->subscriber(*identity);
    if (!sender) return refuse_submission(submitting, sender.error());
    submitting.sender = std::move(*sender);
    if (auto open = parts_.admission.takes_new(); !open) return refuse_submission(submitting, open.error());
    if (auto admitted = parts_.store.admits(pdu.size()); !admitted) return refuse_submission(submitting, admitted.error());
    if (pdu.size() <= kLargePduBytes) return accept(std::move(submitting), read_submission(pdu));
    parts_.workers.run([pdu = std::move(pdu)] { return read_submission(pdu); },
                       [this, submitting = std::move(submitting)](Result<ReadSubmission> read) mutable { accept(std::move(submitting), std::move(read)); });
}

void Service::accept(Submitting submitting, Result<ReadSubmission> read) {
    if (!read) {
        parts_.metrics.add(Counter::mm1_refused);
        parts_.metrics.statuses().gave(Door::mm1_in, spec_of(read.error().fault).enhanced);
        parts_.log.notice("-", "mm1-refused", {{"peer", submitting.peer}, {"from", submitting.sender}, {"reason", read.error().rule}, {"octet", read.error().offset}});
        return submitting.imported ? submitting.imported(fail(read.error())) : submitting.respond(refuse_unreadable(submitting.peek, read.error()));
    }
    SendConf conf;
    conf.transaction_id = read->req.transaction_id;
    auto made = submission_of(std::move(*read), submitting.sender, submitting.peer, *config_, *router_, parts_.random, parts_.loop.now());
    if (!made) return refuse_submission(submitting, made.error());

    conf.version = answer_version(made->enqueue.message.originator_mms_version);
    conf.response_status = accepted_status(*made, conf.version);
    if (made->partial) conf.response_text = "Some recipients cannot be reached.";
    const std::uint64_t size_bytes = made->enqueue.message.size_bytes;
    const std::size_t recipients = made->enqueue.message.recipients.size();
    std::vector<Operation> operations;
    operations.emplace_back(std::move(made->enqueue));
    parts_.committer.submit(std::move(operations), [this, submitting = std::move(submitting), conf = std::move(conf), size_bytes,
                                                    recipients](Result<std::vector<Outcome>> outcomes) mutable {
        if (!outcomes) return refuse_submission(submitting, outcomes.error());
        const Outcome& outcome = outcomes->front();
        const std::string id = to_text(outcome.id);
        if (outcome.repeated) {
            parts_.metrics.add(Counter::mm1_repeated);
            parts_.log.info(id, "repeated", {{"from", submitting.sender}, {"peer", submitting.peer}});
        } else {
            parts_.metrics.add(Counter::mm1_submitted);
            parts_.metrics.add(Counter::mm1_recipients, recipients);
            parts_.metrics.add(Counter::mm1_bytes, size_bytes);
            parts_.log.info(id, "accepted",
                            {{"from", submitting.sender}, {"interface", "mm1"}, {"size", size_bytes}, {"recipients", recipients}, {"peer", submitting.peer}});
            enqueued_();
        }
        if (submitting.imported) return submitting.imported(outcome.id);
        conf.message_id = parts_.names.message_id(outcome.id);
        submitting.respond(with_pdu(encode_send_conf(conf)));
    });
}

void Service::refuse_submission(const Submitting& submitting, const Error& error) {
    parts_.metrics.add(Counter::mm1_refused);
    if (error.fault == Fault::storage_full) parts_.metrics.add(Counter::store_full);
    parts_.metrics.statuses().gave(Door::mm1_in, spec_of(error.fault).enhanced);
    const Level level = is_temporary(error.fault) ? Level::warning : Level::notice;
    parts_.log.write(level, "-", "mm1-refused", {{"peer", submitting.peer}, {"from", submitting.sender}, {"fault", spec_of(error.fault).name}, {"reason", error.rule}});
    if (submitting.imported) return submitting.imported(fail(error));
    submitting.respond(refuse(submitting.peek, PduType::m_send_conf, error.fault, spec_of(error.fault).text));
}

// ---------------------------------------------------------------------------------------------------------------------------- confirmations

void Service::confirm(const Octets& body, const Peek& peek, const std::string& peer, const std::optional<std::string>& identity, http::Respond respond) {
    parts_.metrics.add(Counter::mm1_responses);
    auto pdu = decode_pdu(body);
    auto resp = pdu ? notify_resp_of(*pdu) : Result<NotifyResp>(fail(pdu.error()));
    if (!resp) {
        on_refused(peer, 400, resp.error().rule);
        return respond(refuse_unreadable(peek, resp.error()));
    }
    // What cannot be matched gets the same 200: a phone that retries would never stop.
    const auto ref = recipient_of_transaction(resp->transaction_id);
    if (!ref || is_other_major(peek)) {
        parts_.log.info("-", "confirmation-unmatched", {{"peer", peer}});
        return respond(with_nothing());
    }
    reads_.run([this, ref = *ref, resp = std::move(*resp), asker = asker_of(identity), respond = std::move(respond)]() -> Task {
        auto before = resp.status == DeliveryStatus::deferred ? parts_.store.events(ref.id) : std::vector<Event>();
        return [this, ref, resp, asker, respond, message = parts_.store.find(ref.id), before = std::move(before)] { confirmed(resp, ref, message, before, asker, respond); };
    });
}

void Service::confirmed(const NotifyResp& resp, const RecipientRef& ref, const std::optional<Message>& message, std::span<const Event> before, const Asker& asker, http::Respond respond) {
    const std::string id = to_text(ref.id);
    if (!message || !is_confirmation_of(*message, ref.index, resp.transaction_id) ||
        (asker.known && asker.number != message->recipients[ref.index].address.value)) {
        parts_.log.notice("-", "confirmation-unmatched", {{"reason", "no recipient has this transaction id"}});
        return respond(with_nothing());
    }
    auto settle = after_confirmation(*message, ref.index, resp, *config_, parts_.loop.now());
    if (!settle) return respond(with_nothing());
    if (resp.status == DeliveryStatus::deferred) mm4::report_deferral(*settle, *message, before, {*config_, *router_, parts_.random, parts_.loop.now()});
    const Recipient& recipient = settle->recipient;
    parts_.log.info(id, settle->events.empty() ? std::string_view("confirmed") : std::string_view(settle->events.front().what),
                    {{"to", recipient.address}, {"reason", recipient.reason}, {"report_allowed", recipient.report_allowed ? "yes" : "no"}});
    std::vector<Operation> operations;
    operations.emplace_back(std::move(*settle));
    auto settled = [this, respond = std::move(respond)] {
        enqueued_();   // a report may be due, or another notification
        respond(with_nothing());
    };
    parts_.settler.settle(std::move(operations), std::move(settled), Committer::Urgency::prompt);
}

void Service::take_read_report(const Octets& body, const Peek& peek, const std::string& peer, const std::optional<std::string>& identity, http::Respond respond) {
    parts_.metrics.add(Counter::mm1_responses);
    auto pdu = decode_pdu(body);
    auto ind = pdu ? read_rec_ind_of(*pdu) : Result<ReadRecInd>(fail(pdu.error()));
    if (!ind) {
        on_refused(peer, 400, ind.error().rule);
        return respond(refuse_unreadable(peek, ind.error()));
    }
    const Asker asker = asker_of(identity);
    const auto id = parts_.names.message_of(ind->message_id);
    // The message id is no secret: every recipient has it. Who is not known has read nothing.
    if (!id || !asker.known || asker.number.empty()) {
        parts_.log.info("-", "read-report-unmatched", {{"peer", peer}, {"reason", id ? "the phone is not known" : "no message of ours has this id"}});
        return respond(with_nothing());
    }
    reads_.run([this, id = *id, ind = std::move(*ind), asker, respond = std::move(respond)]() -> Task {
        return [this, ind, asker, respond, message = parts_.store.find(id)] { was_read(ind, message, asker, respond); };
    });
}

void Service::was_read(const ReadRecInd& ind, const std::optional<Message>& message, const Asker& asker, http::Respond respond) {
    const auto index = message ? reader_of(*message, asker.number) : std::nullopt;
    const Instant now = parts_.loop.now();
    auto settle = index ? after_reading(*message, *index, ind.status, ind.date.value_or(now), {*config_, *router_, parts_.names, parts_.random, now}) : std::nullopt;
    if (!settle) {
        parts_.log.info(message ? to_text(message->id) : std::string("-"), "read-report-unmatched", {{"reason", index ? "that it was read is known" : "this phone has not retrieved it"}});
        return respond(with_nothing());
    }
    parts_.metrics.add(Counter::read_reports_in);
    if (!settle->consequences.empty()) parts_.metrics.add(Counter::read_reports_out);
    parts_.log.info(to_text(message->id), "read-report", {{"to", settle->recipient.address}, {"reports", settle->consequences.size()}});
    std::vector<Operation> operations;
    operations.emplace_back(std::move(*settle));
    auto settled = [this, respond = std::move(respond)] {
        enqueued_();
        respond(with_nothing());
    };
    parts_.settler.settle(std::move(operations), std::move(settled), Committer::Urgency::prompt);
}

// ------------------------------------------------------------------------------------------------------------------------------- retrievals

void Service::retrieve(const std::string& text, const std::string& peer, const std::optional<std::string>& identity, http::Respond respond) {
    const Instant asked = parts_.loop.now();
    auto where = located(text);
    if (!where) return do_not_give(NotGiven::not_found, asked, peer, std::move(respond));
    reads_.run([this, where = std::move(*where), asker = asker_of(identity), asked, peer, respond = std::move(respond)]() -> Task {
        auto message = parts_.store.find(where.ref.id);
        auto why = refuses_retrieval(message, where, asker, asked);
        Result<std::shared_ptr<const Octets>> content;
        if (!why) {
            content = contents_.of(where.ref.id, [&] { return parts_.store.content_to_carry(where.ref.id); });
            if (!content) why = NotGiven::failed;
            if (!content && !is_temporary(content.error().fault))
                return [this, message = std::move(*message), index = where.ref.index, error = content.error(), asked, peer, respond] {
                    lose(message, index, error);
                    do_not_give(NotGiven::lost, asked, peer, respond);
                };
        }
        if (why) return [this, why = *why, asked, peer, respond] { do_not_give(why, asked, peer, respond); };
        Octets head = retrieve_head_of(*message, where.ref.index, parts_.names);
        return [this, message = std::move(*message), index = where.ref.index, head = std::move(head), content = std::move(*content), respond]() mutable {
            give(message, index, std::move(head), std::move(content), respond);
        };
    });
}

void Service::give(const Message& message, std::uint16_t index, Octets head, std::shared_ptr<const Octets> content, http::Respond respond) {
    parts_.metrics.add(Counter::mm1_retrieved);
    parts_.metrics.add(Counter::mm1_retrieved_bytes, head.size() + content->size());
    parts_.log.info(to_text(message.id), "retrieved", {{"to", message.recipients[index].address}, {"size", head.size() + content->size()}});
    http::Response response = with_pdu(std::move(head));
    response.tail = std::move(content);
    respond(std::move(response));
    auto settle = after_retrieval(message, index, *config_, parts_.random, parts_.loop.now());
    if (!settle) return;
    std::vector<Operation> operations;
    operations.emplace_back(std::move(*settle));
    parts_.settler.settle(std::move(operations), [] {});
}

// Nobody will ever have it: its sender is told so.
void Service::lose(const Message& message, std::uint16_t index, const Error& error) {
    parts_.log.error(to_text(message.id), "failed", {{"to", message.recipients[index].address}, {"reason", error.rule}});
    std::vector<Operation> operations;
    operations.emplace_back(end_of(message, index, {RecipientState::failed, error.fault, error.rule, {}, {}}, parts_.loop.now(), {config_->service_messages, config_->report_delay}));
    parts_.settler.settle(std::move(operations), [this] { enqueued_(); });
}

void Service::do_not_give(NotGiven why, Instant asked, const std::string& peer, http::Respond respond) {
    if (why != NotGiven::not_found) {
        parts_.log.notice("-", "not-given", {{"peer", peer}, {"reason", why == NotGiven::held ? "held" : why == NotGiven::lost ? "the content is lost"
                                                                                                                               : "the content cannot be read"}});
        return respond(not_given(why, parts_.loop.now()));
    }
    parts_.metrics.add(Counter::mm1_not_found);
    parts_.log.notice("-", "not-found", {{"peer", peer}});
    const Instant at = asked + kNotFoundAfter;
    late_.push_back({late_.empty() ? at : std::max(at, late_.back().at), std::move(respond)});
    if (!late_timer_.pending()) answer_late();
}

void Service::answer_late() {
    const Instant now = parts_.loop.now();
    while (!late_.empty() && late_.front().at <= now) {
        const http::Respond respond = std::move(late_.front().respond);
        late_.pop_front();
        respond(not_given(NotGiven::not_found, now));
    }
    if (!late_.empty()) late_timer_ = parts_.loop.after(late_.front().at - now, [this] { answer_late(); });
}

}   // namespace mmgate::mm1
