#include "daemon/control/message_json.h"

#include <nlohmann/json.hpp>

#include "config.h"
#include "mapping/charset.h"

namespace mmgate::control {

namespace {

using Json = nlohmann::ordered_json;

constexpr std::size_t kMostTextBytes = 64 * 1024;   // of all texts that `cat` shows

// Texts of peers may be anything: what is no UTF-8 becomes U+FFFD.
std::string line_of(const Json& json) { return json.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n"; }

Json when(Instant at) { return at == Instant{} ? Json(nullptr) : Json(time_text(at)); }

std::string address_text(const Address& address) { return address.value.empty() ? std::string() : to_mms_text(address); }

std::string originator_text(const Message& message) {
    if (!message.originator.value.empty()) return address_text(message.originator);
    return message.headers.from ? address_text(*message.headers.from) : std::string();
}

std::string_view to_text(MessageKind kind) {
    switch (kind) {
        case MessageKind::mm: return "mm";
        case MessageKind::mail: return "mail";
        case MessageKind::push: return "push";
        case MessageKind::mm4: return "mm4";
    }
    return "";
}
std::string_view to_text(RecipientRole role) {
    switch (role) {
        case RecipientRole::to: return "to";
        case RecipientRole::cc: return "cc";
        case RecipientRole::bcc: return "bcc";
    }
    return "";
}
std::string_view to_text(Priority priority) { return priority == Priority::low ? "low" : priority == Priority::high ? "high"
                                                                                                                    : "normal"; }
std::string_view to_text(MessageClass message_class) {
    switch (message_class) {
        case MessageClass::personal: return "personal";
        case MessageClass::advertisement: return "advertisement";
        case MessageClass::informational: return "informational";
        case MessageClass::automatic: return "auto";
    }
    return "";
}

Json recipient_json(const Recipient& recipient) {
    bool waits = !is_end(recipient.state) && recipient.state != RecipientState::held;
    return {{"address", address_text(recipient.address)},
            {"route", recipient.route},
            {"state", mmgate::to_text(recipient.state)},
            {"attempts", recipient.attempts},
            {"next_attempt", waits ? when(recipient.next_attempt) : Json(nullptr)},
            {"reason", recipient.reason}};
}

Json message_json(const Message& message) {
    Json json{{"id", mmgate::to_text(message.id)},
              {"state", mmgate::to_text(state_of(message))},
              {"arrival", time_text(message.arrival)},
              {"size", message.size_bytes},
              {"from", originator_text(message)},
              {"interface", mmgate::to_text(message.interface)},
              {"recipients", Json::array()}};
    for (const Recipient& recipient : message.recipients) json["recipients"].push_back(recipient_json(recipient));
    return json;
}

Json addresses(const std::vector<Address>& list) {
    Json json = Json::array();
    for (const Address& address : list) json.push_back(address_text(address));
    return json;
}

Json headers_json(const Message& message, std::string_view message_id) {
    const MmHeaders& headers = message.headers;
    Json json{{"message_id", message_id}, {"from", headers.from ? address_text(*headers.from) : std::string()}, {"to", addresses(headers.to)}, {"cc", addresses(headers.cc)}, {"subject", headers.subject}, {"date", when(headers.date)}, {"class", to_text(headers.message_class)}, {"priority", to_text(headers.priority)}, {"delivery_report", headers.delivery_report}, {"read_report", headers.read_report}};
    if (!headers.message_id.empty()) json["original_message_id"] = headers.message_id;
    if (!headers.applic_id.empty()) json["applic_id"] = headers.applic_id;
    return json;
}

bool is_text(const Part& part) { return part.media.type.starts_with("text/") || part.media.type == "application/smil"; }

}   // namespace

std::string time_text(Instant at) {
    auto days = std::chrono::floor<std::chrono::days>(at);
    std::chrono::year_month_day date(days);
    std::chrono::hh_mm_ss time(std::chrono::floor<std::chrono::seconds>(at - days));
    char text[64];
    std::snprintf(text, sizeof text, "%04d-%02u-%02uT%02d:%02d:%02dZ", static_cast<int>(date.year()), static_cast<unsigned>(date.month()),
                  static_cast<unsigned>(date.day()), static_cast<int>(time.hours().count()), static_cast<int>(time.minutes().count()),
                  static_cast<int>(time.seconds().count()));
    return text;
}

std::string list_line(const Message& message) { return line_of(message_json(message)); }

std::string show_line(const Message& message, std::string_view message_id) {
    Json json = message_json(message);
    json["kind"] = to_text(message.kind);
    json["expires"] = when(message.expires);
    json["peer"] = message.peer;
    json["return_path"] = message.return_path;
    json["envelope_id"] = message.envelope_id;
    json["reports_on"] = message.reports_on ? Json(mmgate::to_text(*message.reports_on)) : Json(nullptr);
    json["headers"] = headers_json(message, message_id);
    for (std::size_t i = 0; i < message.recipients.size(); ++i) {
        const Recipient& recipient = message.recipients[i];
        Json& out = json["recipients"][i];
        out["role"] = to_text(recipient.role);
        out["lane"] = recipient.lane;
        out["ended"] = is_end(recipient.state) ? when(recipient.next_attempt) : Json(nullptr);
        out["enhanced_status"] = recipient.enhanced_status;
        out["remote"] = recipient.remote_mta;
        out["report_expected"] = recipient.report_expected;
    }
    return line_of(json);
}

std::string event_line(const Message& message, const Event& event) {
    Json recipient = nullptr;
    if (event.recipient && *event.recipient < message.recipients.size()) recipient = address_text(message.recipients[*event.recipient].address);
    return line_of({{"id", mmgate::to_text(message.id)}, {"at", time_text(event.at)}, {"recipient", std::move(recipient)}, {"what", event.what}, {"detail", event.detail}});
}

std::vector<const Part*> leaf_parts(const Content& content) {
    std::vector<const Part*> out;
    std::vector<const Part*> left;   // a stack, deepest last: no recursion over what a peer sent
    for (auto it = content.parts.rbegin(); it != content.parts.rend(); ++it) left.push_back(&*it);
    while (!left.empty()) {
        const Part* part = left.back();
        left.pop_back();
        if (!part->is_multipart()) out.push_back(part);
        for (auto it = part->parts.rbegin(); it != part->parts.rend(); ++it) left.push_back(&*it);
    }
    return out;
}

std::string cat_line(const Message& message, std::string_view message_id, const Content& content) {
    Json json{{"id", mmgate::to_text(message.id)}, {"headers", headers_json(message, message_id)}, {"content_type", content.media.type}, {"parts", Json::array()}};
    std::size_t room = kMostTextBytes;
    for (const Part* part : leaf_parts(content)) {
        Json out{{"number", json["parts"].size() + 1}, {"type", part->media.type}, {"name", part->file_name.empty() ? part->content_location : part->file_name}, {"size", part->data.size()}};
        if (is_text(*part)) {
            const std::string* charset = part->media.parameter("charset");
            std::string text = to_utf8(part->data, charset ? *charset : "utf-8");
            bool whole = text.size() <= room;
            if (!whole) {
                std::size_t end = room;   // on a character's boundary
                while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0) == 0x80) --end;
                text.resize(end);
            }
            room -= text.size();
            out["text"] = std::move(text);
            if (!whole) out["cut"] = true;
        }
        json["parts"].push_back(std::move(out));
    }
    return line_of(json);
}

std::string cat_text_line(const Message& message, std::string_view message_id, std::string_view text) {
    return line_of({{"id", mmgate::to_text(message.id)}, {"headers", headers_json(message, message_id)}, {"text", text.substr(0, kMostTextBytes)}, {"cut", text.size() > kMostTextBytes}});
}

std::string changed_line(QueueId id, std::size_t recipients) { return line_of({{"id", mmgate::to_text(id)}, {"recipients", recipients}}); }
std::string missing_line(QueueId id) { return line_of({{"id", mmgate::to_text(id)}, {"error", "no such ID"}}); }
std::string text_line(std::string_view text) { return line_of({{"text", text}}); }
std::string why_line(QueueId id, const std::vector<std::string>& sentences) { return line_of({{"id", mmgate::to_text(id)}, {"why", sentences}}); }

}   // namespace mmgate::control
