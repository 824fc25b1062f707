#include "mapping/mm4/elements.h"

#include <algorithm>
#include <cassert>

#include "mapping/mail/header_scan.h"
#include "mapping/mm4/fields.h"

namespace mmgate::mm4 {

namespace {

template <class Report>
Elements elements_of_report(const Report& report) {
    Elements out;
    out.version = report.version;
    out.ids = report.ids;
    out.from = report.recipient;
    out.to = {report.originator};
    out.date = report.date;
    out.ack_requested = report.ack_requested;
    out.status_text = report.status_text;
    out.applic_id = report.applic_id;
    out.reply_applic_id = report.reply_applic_id;
    out.aux_applic_info = report.aux_applic_info;
    out.sender = report.sender;
    return out;
}

template <class Report>
Report report_of(Elements& elements) {
    Report out;
    out.version = elements.version;
    out.ids = std::move(elements.ids);
    out.recipient = *std::move(elements.from);
    out.originator = std::move(elements.to.front());
    out.date = elements.date;
    out.ack_requested = elements.ack_requested;
    out.status_text = std::move(elements.status_text);
    out.applic_id = std::move(elements.applic_id);
    out.reply_applic_id = std::move(elements.reply_applic_id);
    out.aux_applic_info = std::move(elements.aux_applic_info);
    out.sender = std::move(elements.sender);
    out.recipient_domain = domain_of(elements.phone_domains, out.recipient);
    out.originator_domain = domain_of(elements.phone_domains, out.originator);
    return out;
}

ForwardReq forward_of(Elements& elements) {
    ForwardReq out;
    out.version = elements.version;
    out.ids = elements.ids;
    elements.message_id = std::move(elements.ids.message_id);
    out.ack_requested = elements.ack_requested;
    out.relay_report = elements.relay_report;
    out.originator_system = std::move(elements.originator_system);
    out.sender = std::move(elements.sender);
    out.forward_counter = elements.forward_counter;
    out.from_domain = domain_of(elements.phone_domains, *elements.from);
    out.phone_domains = std::move(elements.phone_domains);
    out.headers = std::move(static_cast<MmHeaders&>(elements));
    return out;
}

Response response_of(MessageType type, Elements& elements) {
    Response out;
    out.type = type;
    out.version = elements.version;
    out.ids = std::move(elements.ids);
    out.status = std::move(elements.request_status);
    out.status_text = std::move(elements.status_text);
    out.sender = std::move(elements.sender);
    out.request_recipients = std::move(elements.request_recipients);
    if (!elements.to.empty() && elements.to.front().kind == Address::Kind::mailbox) out.to = std::move(elements.to.front().value);
    return out;
}

}   // namespace

MessageType type_of(const Mm4Message& message) {
    return std::visit(overloaded{
                          [](const ForwardReq&) { return MessageType::forward_req; },
                          [](const Response& response) { return response.type; },
                          [](const DeliveryReportReq&) { return MessageType::delivery_report_req; },
                          [](const ReadReplyReportReq&) { return MessageType::read_reply_report_req; },
                      },
                      message);
}

Elements elements_of(const Mm4Message& message) {
    return std::visit(overloaded{
                          [](const ForwardReq& req) {
                              Elements out;
                              static_cast<MmHeaders&>(out) = req.headers;
                              out.version = req.version;
                              out.ids = req.ids;
                              out.ack_requested = req.ack_requested;
                              out.relay_report = req.relay_report;
                              out.originator_system = req.originator_system;
                              out.sender = req.sender;
                              out.forward_counter = req.forward_counter;
                              out.phone_domains = req.phone_domains;
                              return out;
                          },
                          [](const Response& res) {
                              Elements out;
                              out.version = res.version;
                              out.ids = res.ids;
                              out.request_status = res.status;
                              out.status_text = res.status_text;
                              out.sender = res.sender;
                              out.request_recipients = res.request_recipients;
                              if (!res.to.empty()) out.to = {Address{Address::Kind::mailbox, res.to, {}}};
                              return out;
                          },
                          [](const DeliveryReportReq& req) {
                              Elements out = elements_of_report(req);
                              out.forward_to_originator = req.forward_to_originator;
                              out.mm_status = req.status;
                              out.status_extension = req.status_extension;
                              return out;
                          },
                          [](const ReadReplyReportReq& req) {
                              Elements out = elements_of_report(req);
                              out.read_status = req.status;
                              return out;
                          },
                      },
                      message);
}

Mm4Message message_of(MessageType type, Elements elements) {
    if (is_response(type)) return response_of(type, elements);
    assert(elements.from);
    if (type == MessageType::forward_req) return forward_of(elements);
    assert(!elements.to.empty());
    if (type == MessageType::read_reply_report_req) {
        auto out = report_of<ReadReplyReportReq>(elements);
        out.status = elements.read_status;
        return out;
    }
    auto out = report_of<DeliveryReportReq>(elements);
    out.forward_to_originator = elements.forward_to_originator;
    out.status = elements.mm_status;
    out.status_extension = std::move(elements.status_extension);
    return out;
}

std::string domain_of(const PhoneDomains& domains, const Address& address) {
    if (address.kind == Address::Kind::mailbox) return {};
    auto found = std::ranges::find(domains, address.value, &PhoneDomains::value_type::first);
    return found == domains.end() ? std::string() : found->second;
}

const FieldSpec* field_of(std::string_view name) {
    auto found = std::ranges::find_if(kFields, [&](const FieldSpec& field) { return mail::same_name(field.name, name); });
    return found == kFields.end() ? nullptr : &*found;
}

}   // namespace mmgate::mm4
