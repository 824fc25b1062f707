#include "daemon/reporter.h"

#include <algorithm>

#include "daemon/mm4/replies.h"
#include "mapping/mail/report_mail.h"
#include "mapping/mm1/messages.h"
#include "mapping/status.h"

namespace mmgate {

namespace {

constexpr std::size_t kReportsAtOnce = 64;
constexpr std::size_t kPurgesAtOnce = 256;
constexpr std::chrono::minutes kSubmissionsEvery{5};

using Waiting = std::vector<const Recipient*>;

// A mail's sender gets one delivery status notification about all of them.
void report_by_mail(Reported& reported, const Message& message, const Waiting& waiting, const Octets& original_header, const ReportContext& context) {
    auto target = parse_mailbox(message.return_path);
    Result<Route> route = target ? context.router.of_recipient(*target) : Result<Route>(fail(target.error()));
    if (!route || route->route != "mail") {
        reported.events.push_back({context.now, std::nullopt, "report-impossible", "no way back to the sender: " + (route ? "it is a phone of ours" : route.error().rule)});
        return;
    }
    std::vector<RecipientReport> reports;
    for (const Recipient* recipient : waiting) {
        reports.push_back(report_of(*recipient));
        // Final-Recipient is a mail address: the number at our domain.
        if (recipient->address.kind == Address::Kind::phone) reports.back().recipient = context.router.mail_address_of(recipient->address);
    }
    mail::DsnOptions options;
    // Its own Message-ID is not made from a queue id, which does not exist yet.
    const std::string unique = base64url(context.random.octets(15));
    options.message_id = "dsn." + unique + "@" + context.config.domain;
    options.hostname = context.config.hostname;
    options.from = "postmaster@" + context.config.domain;
    options.to = message.return_path;
    options.envelope_id = message.envelope_id;
    options.arrival = message.arrival;
    options.now = context.now;
    options.original_header = original_header;
    options.boundary_seed = unique;
    Message report = report_message(message, MessageKind::mail, std::move(*route), context);
    report.headers.message_id = options.message_id;
    report.headers.subject = "Delivery report";
    reported.consequences.push_back(enqueue_of_report(std::move(report), mail::make_dsn(reports, options), "delivery status notification"));
    reported.events.push_back({context.now, std::nullopt, "reported", "delivery status notification to " + message.return_path});
}

// A phone gets one M-Delivery.ind per recipient when it asked, else one service MM that names all that failed.
void report_to_phone(Reported& reported, const Message& message, const Waiting& waiting, const ReportContext& context) {
    auto route = context.router.of_recipient(message.originator);
    if (!route) {
        reported.events.push_back({context.now, std::nullopt, "report-impossible", "no way back to the sender: " + route.error().rule});
        return;
    }
    if (message.headers.delivery_report) {
        for (const Recipient* recipient : waiting) {
            RecipientReport what = report_of(*recipient);
            mm1::DeliveryInd ind;
            ind.version = mm1::answer_version(message.originator_mms_version);
            ind.message_id = context.names.message_id(message.id);
            ind.to = recipient->address;
            ind.date = recipient->next_attempt;
            ind.status = what.status;
            if (is_failure(recipient->state)) ind.status_text = what.diagnostic;
            ind.applic_id = message.headers.reply_applic_id.empty() ? message.headers.applic_id : message.headers.reply_applic_id;
            Message report = report_message(message, MessageKind::push, *route, context);
            report.headers.subject = "M-Delivery.ind";
            reported.consequences.push_back(enqueue_of_report(std::move(report), mm1::encode_delivery_ind(ind), "M-Delivery.ind"));
        }
        reported.events.push_back({context.now, std::nullopt, "reported", "M-Delivery.ind to the originator"});
        return;
    }
    std::vector<RecipientReport> failures;
    for (const Recipient* recipient : waiting)
        if (is_failure(recipient->state)) failures.push_back(report_of(*recipient));
    if (failures.empty()) return;
    Message report = report_message(message, MessageKind::mm, std::move(*route), context);
    report.headers.subject = std::ranges::all_of(failures, &RecipientReport::unconfirmed) ? "Unconfirmed" : "Not delivered";
    if (!message.headers.subject.empty()) report.headers.subject += ": " + message.headers.subject;
    Content content = mail::make_service_message(failures, message.headers.subject, message.arrival);
    reported.consequences.push_back(enqueue_of_report(std::move(report), mm1::encode_content(content), "service message"));
    reported.events.push_back({context.now, std::nullopt, "reported", "service message to the originator"});
}

// A peer's relay gets one MM4_delivery_report.REQ per recipient.
void report_to_peer(Reported& reported, const Message& message, const Waiting& waiting, const ReportContext& context) {
    const Peer* peer = message.mm4 ? context.router.peers().named(message.mm4->peer) : nullptr;
    if (!peer) {
        reported.events.push_back({context.now, std::nullopt, "report-impossible", "the peer that it came from is no longer in the configuration"});
        return;
    }
    std::size_t made = 0;
    for (const Recipient* recipient : waiting) {
        auto report = mm4::make_delivery_report(*peer, message, *recipient, report_of(*recipient), {context.config, context.router, context.random, context.now});
        if (report) reported.consequences.push_back(std::move(*report));
        else reported.events.push_back({context.now, std::nullopt, "report-impossible", report.error().rule});
        made += report ? 1 : 0;
    }
    if (made > 0) reported.events.push_back({context.now, std::nullopt, "reported", "MM4_delivery_report.REQ to peer " + peer->name});
}

}   // namespace

Reported reports_on(const Message& message, const Octets& original_header, const ReportContext& context) {
    Reported reported;
    reported.id = message.id;
    const ReportPolicy policy{context.config.service_messages, context.config.report_delay};
    Waiting waiting;
    for (std::size_t i = 0; i < message.recipients.size(); ++i) {
        const Recipient& recipient = message.recipients[i];
        if (!recipient.report_due || recipient.report_from > context.now) continue;
        reported.recipients.push_back(static_cast<std::uint16_t>(i));
        // Asked again: a reload may have switched service messages off meanwhile.
        if (report_wanted(message, recipient, policy)) waiting.push_back(&recipient);
    }
    if (waiting.empty()) return reported;
    switch (message.interface) {
        case Interface::mail: report_by_mail(reported, message, waiting, original_header, context); break;
        case Interface::mm4: report_to_peer(reported, message, waiting, context); break;
        case Interface::mm1: report_to_phone(reported, message, waiting, context); break;
        case Interface::mm7: break;
    }
    return reported;
}

Reporter::Reporter(Loop& loop, Store& store, Workers& workers, Settler& settler, const Names& names, Random& random, Log& log, Metrics& metrics)
    : loop_(loop), store_(store), workers_(workers), settler_(settler), names_(names), random_(random), log_(log), metrics_(metrics) {}

void Reporter::configure(std::shared_ptr<const Config> config, std::shared_ptr<const Router> router) {
    config_ = std::move(config);
    router_ = std::move(router);
}

std::size_t Reporter::free_slots(std::string_view) const { return kReportsAtOnce - std::min(kReportsAtOnce, reporting_); }

void Reporter::carry(std::string_view, Claimed claimed, std::function<void()> done) {
    ++reporting_;
    auto message = std::make_shared<const Message>(std::move(claimed.message));   // shared by the worker and the loop
    workers_.run(
        [this, message, config = config_, router = router_, now = loop_.now()] {
            Octets header = message->interface == Interface::mail ? store_.original_header(message->id).value_or(Octets()) : Octets();
            return reports_on(*message, header, {*config, *router, names_, random_, now});
        },
        [this, message, done = std::move(done)](Reported reported) mutable {
            const std::string id = to_text(message->id);
            for (const Event& event : reported.events) log_.info(id, event.what, {{"detail", event.detail}});
            for (const Enqueue& report : reported.consequences) {
                switch (report.message.kind) {
                    case MessageKind::mail: metrics_.add(Counter::dsn_sent); break;
                    case MessageKind::push: metrics_.add(Counter::delivery_reports_sent); break;
                    case MessageKind::mm4: break;   // counted when a peer has taken it
                    case MessageKind::mm: metrics_.add(Counter::service_messages_sent); break;
                }
            }
            std::vector<Operation> operations;
            operations.emplace_back(std::move(reported));
            settler_.settle(std::move(operations), [this, done = std::move(done)] {
                --reporting_;
                done();
            });
        });
}

Janitor::Janitor(Loop& loop, Settler& settler, Log& log) : loop_(loop), settler_(settler), log_(log) { forget_submissions(); }

std::size_t Janitor::free_slots(std::string_view) const { return kPurgesAtOnce - std::min(kPurgesAtOnce, purging_); }

void Janitor::carry(std::string_view, Claimed claimed, std::function<void()> done) {
    ++purging_;
    log_.debug(to_text(claimed.message.id), "purged");
    std::vector<Operation> operations;
    operations.emplace_back(Purge{claimed.message.id, loop_.now()});
    settler_.settle(std::move(operations), [this, done = std::move(done)] {
        --purging_;
        done();
    });
}

void Janitor::forget_submissions() {
    next_ = loop_.after(kSubmissionsEvery, [this] {
        std::vector<Operation> operations;
        operations.emplace_back(PurgeSubmissions{loop_.now(), 100'000});
        settler_.settle(std::move(operations), [] {});
        forget_submissions();
    });
}

}   // namespace mmgate
