#include "daemon/mail_intake.h"

#include <algorithm>

#include "daemon/read_report.h"
#include "mapping/charset.h"
#include "mapping/limits.h"
#include "mapping/mail/header_scan.h"
#include "mapping/mail/mail_writer.h"
#include "mapping/mm1/messages.h"
#include "mapping/status.h"

namespace mmgate {

namespace {

// Smaller mails are mapped where they are: a worker's turn costs more than they do.
constexpr std::size_t kMappedInline = 64 * 1024;
// A mail that asks to expire at once would be gone before the phone is told.
constexpr std::chrono::seconds kShortestLife{60};
constexpr std::size_t kTransactionIdBytes = 24;   // of a notification: daemon/names.h

bool same_mailbox(std::string_view a, std::string_view b) { return mail::same_name(a, b); }

/// Whether a report's address and a recipient of ours are the same: case does not matter, and neither does what stands before the type.
/// A phone of a peer's goes by its number at whatever domain the peer has.
bool is_same(std::string_view reported, const Recipient& recipient) {
    const std::string& value = recipient.address.value;
    if (recipient.address.kind == Address::Kind::phone && reported.size() > value.size() && (reported[value.size()] == '/' || reported[value.size()] == '@'))
        reported = reported.substr(0, value.size());
    return same_mailbox(reported, value);
}
bool is_about(const ReceivedDsn::Recipient& report, const Recipient& recipient) { return is_same(report.original_recipient, recipient) || is_same(report.final_recipient, recipient); }

/// Whether a recipient was sent a mail: reports come back about no other.
bool goes_by_mail(const Recipient& recipient) { return recipient.route == "mail" || !peer_of_route(recipient.route).empty(); }

/// The end that a report puts to a recipient's delivery; nothing where it only tells how things stand, or tells too late.
std::optional<RecipientState> end_by_report(const ReceivedDsn::Recipient& report, const Recipient& recipient) {
    const bool awaited = recipient.state == RecipientState::relayed && recipient.report_expected;
    const bool open = !is_end(recipient.state) || recipient.state == RecipientState::relayed;
    if (report.action == "failed" && (open || recipient.state == RecipientState::delivered)) return RecipientState::failed;
    if (report.action == "delivered" && (awaited || !is_end(recipient.state))) return RecipientState::delivered;
    // Where it went nobody reports any more: this is all that the originator will hear (RFC 4356 §2.1.4.2). Of a request to a peer it says nothing about the MM.
    if ((report.action == "relayed" || report.action == "expanded") && awaited && recipient.route == "mail") return RecipientState::relayed;
    return std::nullopt;
}

/// RFC 5321 §4.1.3: an IPv6 address carries its tag.
std::string address_literal(const std::string& client) { return (client.find(':') == std::string::npos ? "[" : "[IPv6:") + client + "]"; }

/// Whether one of the addresses that a report came to is the one that the message went out from.
bool went_out_as(const std::vector<const EnvelopeRecipient*>& addresses, const Message& message) {
    return std::ranges::any_of(addresses, [&](const EnvelopeRecipient* to) { return to->route.address.value == message.originator.value; });
}

std::string received_field(const ReceivedEnvelope& envelope, const Config& config, Instant now) {
    std::string out = "Received: from " + header_text(envelope.helo, kLimits.domain_bytes) + " (" + address_literal(envelope.client) + ")\r\n\tby " + config.hostname +
                      " (mmgate) with " + envelope.protocol;
    if (envelope.recipients.size() == 1) out += "\r\n\tfor <" + to_mail_text(envelope.recipients.front().mailbox) + ">";
    return out + ";\r\n\t" + mail::mail_date(now) + "\r\n";
}

}   // namespace

struct MailIntake::Taken {
    ReceivedEnvelope envelope;
    Octets mail;
    std::function<void(Accepted)> done;
    std::shared_ptr<const Config> config;   // the one that was in force when the mail came
    Instant now{};
    std::size_t size = 0;
    std::vector<const EnvelopeRecipient*> phones, mailboxes;
    bool to_system = false;          // our address for what relays say to each other is among the recipients
    std::vector<Operation> others;   // what is committed together with the MM: the copy for postmaster
};

struct MailIntake::Mapped {
    Result<mail::ReceivedMail> received;
    Octets content;
};

MailIntake::MailIntake(Loop& loop, Store& store, Committer& committer, Workers& workers, const Names& names, Random& random, Log& log, Metrics& metrics,
                       const Admission& admission)
    : loop_(loop), store_(store), committer_(committer), workers_(workers), names_(names), random_(random), log_(log), metrics_(metrics), admission_(admission) {}

void MailIntake::configure(std::shared_ptr<const Config> config, std::shared_ptr<const Router> router) {
    config_ = std::move(config);
    router_ = std::move(router);
}

void MailIntake::accept(ReceivedEnvelope envelope, Octets mail, std::function<void(Accepted)> done) {
    auto taken = std::make_shared<Taken>();
    taken->envelope = std::move(envelope);
    taken->mail = std::move(mail);
    taken->size = taken->mail.size();
    taken->done = std::move(done);
    taken->config = config_;
    taken->now = loop_.now();
    for (const EnvelopeRecipient& recipient : taken->envelope.recipients) {
        if (recipient.route.route == "system") {
            taken->to_system = true;
            continue;
        }
        auto& kind = recipient.route.route == "mail" ? taken->mailboxes : taken->phones;
        // The same phone named twice is one recipient.
        if (std::ranges::none_of(kind, [&](const EnvelopeRecipient* known) { return known->route.address.value == recipient.route.address.value; })) kind.push_back(&recipient);
    }
    // Who was let in for MM4 alone is no mail client; his host may say that it could not deliver what we sent.
    const bool bounce = taken->envelope.return_path.empty() && taken->mailboxes.empty();
    if (!bounce && !taken->envelope.peers.empty() && !contains(taken->config->smtp_networks, taken->envelope.client))
        return refuse(taken, {Fault::sender_denied, 0, "this client may send MM4, and this is none"});
    if (!bounce)
        if (auto open = admission_.takes_new(); !open) return refuse(taken, open.error());
    if (taken->to_system && !taken->envelope.return_path.empty())
        return refuse(taken, {Fault::sender_denied, 0, "the system address takes MM4 and reports on what went out, no mail"});
    if (!taken->mailboxes.empty()) {
        auto header = mail::scan_header(taken->mail);
        if (!header) return refuse(taken, header.error());
        if (header->count("Received") > kLimits.received_fields) return refuse(taken, {Fault::routing_loop, 0, "more than 100 Received fields"});
        Enqueue copy;
        Message& message = copy.message;
        message.kind = MessageKind::mail;
        message.interface = Interface::mail;
        message.arrival = taken->now;
        message.expires = taken->now + taken->config->lifetime;
        message.return_path = taken->envelope.return_path;
        message.envelope_id = taken->envelope.envelope_id;
        message.automatic = taken->envelope.return_path.empty();
        message.peer = taken->envelope.helo + " [" + taken->envelope.client + "]";
        if (auto sender = parse_mailbox(taken->envelope.return_path)) message.originator = std::move(*sender);
        message.headers.from = message.originator;
        message.headers.date = taken->now;
        message.headers.subject = "mail to postmaster";
        for (const EnvelopeRecipient* to : taken->mailboxes) {
            Recipient recipient;
            recipient.address = to->route.address;
            recipient.route = to->route.route;
            recipient.lane = to->route.lane;
            recipient.next_attempt = taken->now;
            recipient.notify = to->notify;
            recipient.original_recipient = to->original_recipient;
            message.headers.to.push_back(recipient.address);
            message.recipients.push_back(std::move(recipient));
        }
        copy.original_header = Octets(header->text);
        copy.content = received_field(taken->envelope, *taken->config, taken->now) + taken->mail;
        message.size_bytes = copy.content.size();
        copy.events.push_back({taken->now, std::nullopt, "accepted", "for postmaster, from " + message.peer});
        taken->others.emplace_back(std::move(copy));
    }
    if (taken->phones.empty() && !taken->to_system) {
        std::vector<Operation> operations = std::move(taken->others);
        return submit(taken, std::move(operations), {});
    }
    if (taken->envelope.return_path.empty()) return accept_report(taken);
    accept_message(taken);
}

void MailIntake::accept_report(const Shared& taken) {
    auto read = [taken] { return mail::read_dsn(taken->mail); };
    if (taken->size <= kMappedInline) return report_read(taken, read());
    workers_.run(read, [this, taken](Result<std::optional<ReceivedDsn>> dsn) { report_read(taken, std::move(dsn)); });
}

void MailIntake::report_read(const Shared& taken, Result<std::optional<ReceivedDsn>> dsn) {
    if (!dsn) return refuse(taken, dsn.error());
    if (!*dsn) {
        auto disposition = mail::read_disposition(taken->mail);
        if (disposition && *disposition) return find_read(taken, std::move(**disposition));
        if (taken->others.empty()) return refuse(taken, {Fault::sender_denied, 0, "a mail from <> to a phone is no report about a mail of ours"});
        std::vector<Operation> operations = std::move(taken->others);
        return submit(taken, std::move(operations), {});
    }
    const ReceivedDsn& report = **dsn;
    std::optional<QueueId> id = names_.message_of(report.envelope_id);
    if (!id) id = names_.message_of(report.message_id);
    for (const std::string& mentioned : report.mentioned_message_ids)
        if (!id) id = names_.message_of(mentioned);
    // A request to a peer has its transaction id in the envelope and, in its header, that of the message.
    if (const auto request = names_.request_of(report.envelope_id); !id && request) id = request->id;
    for (const std::string& mentioned : report.mentioned_message_ids)
        if (const auto request = names_.request_of(mentioned); !id && request) id = request->id;
    if (!id) return settle_by_report(taken, std::move(**dsn), std::nullopt);
    workers_.run([this, id = *id] { return store_.find(id); },
                 [this, taken, report = std::move(**dsn)](std::optional<Message> message) { settle_by_report(taken, report, std::move(message)); });
}

void MailIntake::settle_by_report(const Shared& taken, ReceivedDsn dsn, std::optional<Message> message) {
    std::vector<Operation> operations = std::move(taken->others);
    const ReportPolicy policy{taken->config->service_messages, taken->config->report_delay};
    // A report goes to whom the mail came from. Whoever has seen the mail knows its Message-ID, and must not end with it what others are still to get.
    const bool came_back = message && (taken->to_system || went_out_as(taken->phones, *message));
    const std::size_t recipients = came_back ? message->recipients.size() : 0;
    const auto by_mail = came_back ? std::ranges::count_if(message->recipients, goes_by_mail) : 0;
    Reported noted;
    std::size_t matched = 0;
    for (const ReceivedDsn::Recipient& report : dsn.recipients) {
        // A bounce that names nobody is about the only mail recipient there is.
        const bool names_nobody = report.original_recipient.empty() && report.final_recipient.empty();
        for (std::uint16_t index = 0; index < recipients; ++index) {
            Recipient& recipient = message->recipients[index];
            if (!goes_by_mail(recipient) || (taken->to_system && recipient.route == "mail") || !(names_nobody ? by_mail == 1 : is_about(report, recipient))) continue;
            ++matched;
            const std::string& said = report.diagnostic.empty() ? dsn.text : report.diagnostic;
            const std::string text = header_text("a report from [" + taken->envelope.client + "] says " + report.action + (said.empty() ? "" : ": " + said), kLimits.reason_bytes);
            const auto end_state = end_by_report(report, recipient);
            if (!end_state) {
                noted.events.push_back({taken->now, index, "report", text});
                log_.info(to_text(message->id), "report-noted", {{"to", recipient.address}, {"action", report.action}, {"state", to_text(recipient.state)}});
                continue;
            }
            End end;
            end.state = *end_state;
            const bool ran_out = report.status == "4.4.7" || report.status == "5.4.7";
            if (is_failure(end.state)) end.fault = ran_out ? Fault::expired : Fault::peer_refused;
            end.reason = said.empty() ? text : said;
            // A class that says something else than the action is the sender's mistake, and not to be passed on.
            const bool agrees = is_failure(end.state) ? report.status.starts_with('4') || report.status.starts_with('5') : report.status.starts_with('2');
            if (agrees) end.enhanced_status = report.status;
            end.remote_mta = recipient.remote_mta;
            const std::vector<RecipientState> was{recipient.state};
            recipient.report_expected = end.state != RecipientState::relayed;   // what is delivered by a report's word is delivered indeed
            Settle settle = end_of(*message, index, std::move(end), taken->now, policy);
            settle.was = was;
            settle.events.front().detail = text;
            recipient = settle.recipient;
            const bool handed_on = recipient.state == RecipientState::relayed;
            log_.notice(to_text(message->id), is_failure(recipient.state) ? "report-failed" : handed_on ? "report-relayed"
                                                                                                        : "report-delivered",
                        {{"to", recipient.address}, {"status", report.status}, {"reason", recipient.reason}});
            metrics_.add(Counter::reports_in);
            operations.emplace_back(std::move(settle));
        }
    }
    if (!noted.events.empty()) {
        noted.id = message->id;
        operations.emplace_back(std::move(noted));
    }
    if (matched == 0) {
        // Dropped, not answered: an answer to a report would go to whom nobody wrote.
        metrics_.add(Counter::reports_in_unmatched);
        log_.notice("-", "report-unmatched", {{"client", taken->envelope.client}, {"message-id", header_text(dsn.message_id, 100)}, {"consequence", "dropped"}});
    }
    submit(taken, std::move(operations), "Ok: report taken");
}

void MailIntake::find_read(const Shared& taken, mail::ReceivedDisposition disposition) {
    const auto id = names_.message_of(disposition.original_message_id);
    if (!id) return settle_read(taken, disposition, std::nullopt);
    workers_.run([this, id = *id] { return store_.find(id); },
                 [this, taken, disposition = std::move(disposition)](std::optional<Message> message) { settle_read(taken, disposition, std::move(message)); });
}

void MailIntake::settle_read(const Shared& taken, const mail::ReceivedDisposition& disposition, std::optional<Message> message) {
    std::vector<Operation> operations = std::move(taken->others);
    std::optional<std::uint16_t> reader;
    const bool came_back = message && went_out_as(taken->phones, *message);
    for (std::size_t i = 0; came_back && i < message->recipients.size(); ++i) {
        const Recipient& recipient = message->recipients[i];
        if (recipient.route == "mail" && recipient.attempts > 0 && same_mailbox(disposition.final_recipient, recipient.address.value)) reader = static_cast<std::uint16_t>(i);
    }
    auto settle = reader && disposition.status ? after_reading(*message, *reader, *disposition.status, taken->now, {*taken->config, *router_, names_, random_, taken->now}) : std::nullopt;
    if (settle) {
        metrics_.add(Counter::read_reports_in);
        if (!settle->consequences.empty()) metrics_.add(Counter::read_reports_out);
        log_.info(to_text(message->id), "read-report", {{"to", settle->recipient.address}, {"client", taken->envelope.client}, {"reports", settle->consequences.size()}});
        operations.emplace_back(std::move(*settle));
    } else {
        metrics_.add(Counter::reports_in_unmatched);
        log_.notice("-", "report-unmatched", {{"client", taken->envelope.client}, {"message-id", header_text(disposition.original_message_id, 100)}, {"kind", "disposition notification"}, {"consequence", "dropped"}});
    }
    submit(taken, std::move(operations), "Ok: report taken");
}

void MailIntake::accept_message(const Shared& taken) {
    mail::MailToMmOptions options;
    options.now = taken->now;
    options.return_path = taken->envelope.return_path;
    options.our_domains = taken->config->domains;
    options.our_domains.push_back(taken->config->domain);
    options.numbering = taken->config->numbering;
    for (const Application& application : taken->config->applications)
        if (contains(application.networks, taken->envelope.client)) options.application_ids.push_back(application.id);
    options.application_allowed = !options.application_ids.empty();
    auto map = [taken, options = std::move(options)]() -> Mapped {
        Mapped out{mail::mail_to_mm(taken->mail, options), {}};
        if (out.received) {
            out.content = mm1::encode_content(out.received->mm.content);
            out.received->mm.content = {};
        }
        return out;
    };
    if (taken->size <= kMappedInline) return mapped(taken, map());
    workers_.run(map, [this, taken](Mapped result) { mapped(taken, std::move(result)); });
}

void MailIntake::mapped(const Shared& taken, Mapped result) {
    metrics_.add(result.received ? Counter::converted_to_mm : Counter::not_converted_to_mm);
    if (!result.received) return refuse(taken, result.received.error());
    metrics_.add(Counter::parts_left_out, result.received->notes.size());
    const Config& config = *taken->config;
    const ReceivedEnvelope& envelope = taken->envelope;
    Enqueue enqueue;
    Message& message = enqueue.message;
    message.headers = std::move(result.received->mm.headers);
    message.kind = MessageKind::mm;
    message.interface = Interface::mail;
    message.arrival = taken->now;
    // What the sender wishes, within what the operator allows.
    std::chrono::milliseconds life = config.lifetime;
    if (message.headers.expiry) life = std::min(life, std::max<std::chrono::milliseconds>(kShortestLife, message.headers.expiry->from(taken->now) - taken->now));
    message.expires = taken->now + life;
    message.return_path = envelope.return_path;
    if (auto sender = parse_mailbox(envelope.return_path)) message.originator = std::move(*sender);
    message.envelope_id = envelope.envelope_id;
    message.return_full = envelope.return_full;
    message.automatic = result.received->automatic;
    message.peer = envelope.helo + " [" + envelope.client + "]";
    message.headers.delivery_report = std::ranges::any_of(taken->phones, [](const EnvelopeRecipient* r) { return r->notify.success; });
    // RFC 4356 §2.1.3.3: who is in no header is blind, unless there is nobody else.
    if (message.headers.to.empty() && message.headers.cc.empty() && taken->phones.size() == 1) message.headers.to.push_back(taken->phones.front()->route.address);
    // What the phone will fetch: its ids are as long as any.
    const mm1::RetrieveConf fetched{std::string(kTransactionIdBytes, 'x'), mm1::kOurVersion, names_.message_id(QueueId{}), message.headers};
    const std::size_t pdu_bytes = mm1::encode_retrieve_head(fetched).size() + result.content.size();
    if (pdu_bytes > config.message_size_bytes)
        return refuse(taken, {Fault::message_too_big, 0, "the MM would have " + std::to_string(pdu_bytes) + " octets, " + std::to_string(config.message_size_bytes) + " are allowed"});
    for (const EnvelopeRecipient* to : taken->phones) {
        Recipient recipient;
        recipient.address = to->route.address;
        auto listed = [&](const std::vector<Address>& list) { return std::ranges::find(list, recipient.address.value, &Address::value) != list.end(); };
        recipient.role = listed(message.headers.to) ? RecipientRole::to : listed(message.headers.cc) ? RecipientRole::cc
                                                                                                     : RecipientRole::bcc;
        recipient.route = to->route.route;
        recipient.lane = lane_for(to->route, message.headers.priority);
        recipient.next_attempt = taken->now;
        recipient.notify = to->notify;
        recipient.original_recipient = to->original_recipient;
        if (recipient.route == "mm1") recipient.token = random_.octets(kTokenBytes);
        message.recipients.push_back(std::move(recipient));
    }
    message.size_bytes = result.content.size();
    enqueue.content = std::move(result.content);
    enqueue.original_header = received_field(envelope, config, taken->now) + result.received->original_header;
    enqueue.events.push_back({taken->now, std::nullopt, "accepted",
                              "from <" + header_text(envelope.return_path, kLimits.path_bytes) + "> by " + header_text(message.peer, kLimits.domain_bytes + 64) + " with " +
                                  envelope.protocol + ", " + std::to_string(taken->size) + " octets, " + std::to_string(message.recipients.size()) + " recipients"});
    for (const std::string& note : result.received->notes) enqueue.events.push_back({taken->now, std::nullopt, "left-out", header_text(note, kLimits.reason_bytes)});
    taken->mail = {};   // mapped: its octets are in the content now
    std::vector<Operation> operations;
    operations.emplace_back(std::move(enqueue));
    for (Operation& other : taken->others) operations.push_back(std::move(other));
    submit(taken, std::move(operations), {});
}

void MailIntake::submit(const Shared& taken, std::vector<Operation> operations, std::string text) {
    if (operations.empty()) return taken->done(std::move(text));
    const bool enqueues = std::holds_alternative<Enqueue>(operations.front());
    committer_.submit(std::move(operations), [this, taken, enqueues, text = std::move(text)](Result<std::vector<Outcome>> outcomes) mutable {
        if (!outcomes) return refuse(taken, outcomes.error());
        if (enqueues) {
            const std::string id = to_text(outcomes->front().id);
            if (text.empty()) text = "Ok: queued as " + id;
            metrics_.add(Counter::smtp_accepted);
            metrics_.add(Counter::smtp_bytes, taken->size);
            log_.info(id, "accepted",
                      {{"from", taken->envelope.return_path}, {"client", taken->envelope.client}, {"size", taken->size}, {"recipients", taken->envelope.recipients.size()}});
        }
        taken->done(std::move(text));
        kick_();
    });
}

void MailIntake::refuse(const Shared& taken, const Error& error) {
    metrics_.add(Counter::smtp_rejected);
    if (error.fault == Fault::storage_full) metrics_.add(Counter::store_full);
    if (error.fault == Fault::message_too_big) metrics_.add(Counter::too_big);
    if (error.fault == Fault::routing_loop) metrics_.add(Counter::routing_loops);
    metrics_.statuses().gave(Door::smtp_in, spec_of(error.fault).enhanced);
    log_.notice("-", "mail-refused",
                {{"client", taken->envelope.client}, {"from", taken->envelope.return_path}, {"fault", spec_of(error.fault).name}, {"rule", error.rule}, {"octet", error.offset}});
    taken->done(fail(error));
}

}   // namespace mmgate
