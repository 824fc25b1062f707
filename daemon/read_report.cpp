#include "daemon/read_report.h"

#include <algorithm>

#include "daemon/mm4/replies.h"
#include "mapping/mail/disposition.h"
#include "mapping/mail/report_mail.h"
#include "mapping/mm1/messages.h"

namespace mmgate {

namespace {

std::string applic_id_of(const MmHeaders& headers) { return headers.reply_applic_id.empty() ? headers.applic_id : headers.reply_applic_id; }

Result<Enqueue> to_phone(const Message& message, const Recipient& recipient, ReadStatus status, Instant date, const ReportContext& context) {
    auto route = context.router.of_recipient(message.originator);
    if (!route) return fail(route.error());
    const std::uint8_t version = mm1::answer_version(message.originator_mms_version);
    if (!mm1::knows_read_orig(version)) {
        Message report = report_message(message, MessageKind::mm, std::move(*route), context);
        report.headers.subject = status == ReadStatus::read ? "Read" : "Deleted without being read";
        if (!message.headers.subject.empty()) report.headers.subject += ": " + message.headers.subject;
        const Content content = mail::make_read_message(recipient.address, status, message.headers.subject, message.arrival, date);
        return enqueue_of_report(std::move(report), mm1::encode_content(content), "read report as a message");
    }
    mm1::ReadOrigInd ind;
    ind.version = version;
    ind.message_id = context.names.message_id(message.id);
    ind.reader = recipient.address;
    ind.originator = message.originator;
    ind.date = date;
    ind.status = status;
    ind.applic_id = applic_id_of(message.headers);
    Message report = report_message(message, MessageKind::push, std::move(*route), context);
    report.headers.subject = "M-Read-Orig.ind";
    return enqueue_of_report(std::move(report), mm1::encode_read_orig_ind(ind), "M-Read-Orig.ind");
}

Result<Enqueue> to_mail(const Message& message, const Recipient& recipient, ReadStatus status, Instant date, const ReportContext& context) {
    auto target = parse_mailbox(message.return_path);
    if (!target) return fail(target.error());
    auto route = context.router.of_recipient(*target);
    if (!route) return fail(route.error());
    const std::string unique = base64url(context.random.octets(15));
    mail::DispositionOptions options;
    options.message_id = "mdn." + unique + "@" + context.config.domain;
    options.hostname = context.config.hostname;
    options.reader = recipient.address.kind == Address::Kind::phone ? context.router.mail_address_of(recipient.address) : recipient.address;
    options.to = target->value;
    options.original_message_id = message.headers.message_id;
    options.original_recipient = recipient.original_recipient;
    options.subject = message.headers.subject;
    options.status = status;
    options.at = date;
    options.now = context.now;
    options.boundary_seed = unique;
    Message report = report_message(message, MessageKind::mail, std::move(*route), context);
    report.headers.message_id = options.message_id;
    report.headers.subject = "Read report";
    return enqueue_of_report(std::move(report), mail::make_disposition(options), "disposition notification");
}

Result<Enqueue> to_peer(const Message& message, const Recipient& recipient, ReadStatus status, Instant date, const ReportContext& context) {
    const Peer* peer = message.mm4 ? context.router.peers().named(message.mm4->peer) : nullptr;
    if (!peer) return fail(Fault::recipient_unknown, "the peer that it came from is no longer in the configuration");
    return mm4::make_read_report(*peer, message, recipient, status, date, {context.config, context.router, context.random, context.now});
}

Result<Enqueue> report_to_originator(const Message& message, const Recipient& recipient, ReadStatus status, Instant date, const ReportContext& context) {
    switch (message.interface) {
        case Interface::mail: return to_mail(message, recipient, status, date, context);
        case Interface::mm1: return to_phone(message, recipient, status, date, context);
        case Interface::mm4: return to_peer(message, recipient, status, date, context);
        case Interface::mm7: break;
    }
    return fail(Fault::unsupported_type, "no read reports go there");
}

}   // namespace

std::optional<Settle> after_reading(const Message& message, std::uint16_t index, ReadStatus status, Instant date, const ReportContext& context) {
    const Recipient& before = message.recipients.at(index);
    if (before.read || message.reports_on) return std::nullopt;
    Settle settle;
    settle.ref = {message.id, index};
    settle.was = {before.state};
    settle.recipient = before;
    settle.recipient.read = status;
    settle.events.push_back({context.now, index, status == ReadStatus::read ? "read" : "deleted-unread", "as the reader's side reports"});
    if (!message.headers.read_report || message.automatic) return settle;
    auto report = report_to_originator(message, before, status, std::clamp(date, message.arrival, std::max(message.arrival, context.now)), context);
    if (report) settle.consequences.push_back(std::move(*report));
    else settle.events.push_back({context.now, index, "report-impossible", report.error().rule});
    return settle;
}

}   // namespace mmgate
