#include "mapping/mm1/messages.h"

#include <algorithm>

#include "mapping/charset.h"
#include "mapping/limits.h"
#include "mapping/mail/encoded_words.h"
#include "mapping/mm1/fields.h"
#include "mapping/mm1/media.h"
#include "mapping/mm1/multipart.h"
#include "mapping/mm1/pdus.h"
#include "mapping/mm1/wsp.h"

namespace mmgate::mm1 {

namespace {

constexpr std::uint8_t kYes = 0x80;
constexpr std::uint8_t kNo = 0x81;
constexpr std::uint8_t kRead = 0x80;   // X-Mms-Read-Status
constexpr std::uint8_t kDeletedUnread = 0x81;
constexpr std::uint8_t kVersion10 = 0x90;
constexpr std::uint8_t kVersion11 = 0x91;
constexpr std::uint8_t kVersion12 = 0x92;
// What is left of two short messages when all other fields have their usual size.
constexpr std::size_t kNotificationSubjectBytes = 30;

struct StatusSpec {
    DeliveryStatus status;
    std::uint8_t octet;   // of 1.2 and later
    std::uint8_t octet_11;
    std::uint8_t octet_10;
};

// Source: OMA-TS-MMS_ENC-V1_3 §7.3.54; to an older originator the nearest status that it knows.
constexpr auto kDeliveryStatuses = std::to_array<StatusSpec>({
    {DeliveryStatus::expired, 0x80, 0x80, 0x80},
    {DeliveryStatus::retrieved, 0x81, 0x81, 0x81},
    {DeliveryStatus::rejected, 0x82, 0x82, 0x82},
    {DeliveryStatus::deferred, 0x83, 0x83, 0x83},
    {DeliveryStatus::unrecognised, 0x85, 0x85, 0x83},
    {DeliveryStatus::indeterminate, 0x85, 0x85, 0x83},
    {DeliveryStatus::forwarded, 0x86, 0x86, 0x83},
    {DeliveryStatus::unreachable, 0x87, 0x82, 0x82},
});

struct Downgrade {
    std::uint8_t from, to_11, to_10;
};

// Source: OMA-TS-MMS_ENC-V1_3 §7.3.48: a code is never sent to a client that is older than it. To 1.2, EB alone is unknown.
constexpr auto kDowngrades = std::to_array<Downgrade>({
    {0xC0, 0xC0, 0x81},
    {0xC1, 0xC1, 0x84},
    {0xC2, 0xC2, 0x85},
    {0xC3, 0xC3, 0x86},
    {0xC4, 0xC0, 0x81},
    {0xE0, 0xE0, 0x81},
    {0xE1, 0xE1, 0x82},
    {0xE2, 0xE2, 0x83},
    {0xE3, 0xE3, 0x84},
    {0xE4, 0xE4, 0x85},
    {0xE5, 0xE5, 0x87},
    {0xE6, 0xE6, 0x82},
    {0xE7, 0xE7, 0x82},
    {0xE8, 0xE8, 0x82},
    {0xE9, 0xE9, 0x82},
    {0xEA, 0xE1, 0x82},
    {0xEB, 0xE1, 0x82},
});

/// Writes one PDU's fields in order, leaving out what the version does not know.
class Writer {
public:
    Writer(PduType type, std::uint8_t version) : version_(version) {
        out_ += static_cast<char>(0x80 | field::message_type);
        out_ += static_cast<char>(type);
    }
    Writer& put(std::uint8_t number, Value value) {
        if (field_of(number)->since <= version_) write_field(out_, {number, std::move(value)});
        return *this;
    }
    Writer& text(std::uint8_t number, const std::string& value) { return value.empty() ? *this : put(number, value); }
    Writer& version() { return put(field::mms_version, Octet{version_}); }
    Writer& yes(std::uint8_t number, bool value) { return value ? put(number, Octet{kYes}) : *this; }
    Octets take() { return std::move(out_); }
    Octets& octets() { return out_; }

private:
    Octets out_;
    std::uint8_t version_;
};

std::uint64_t unix_seconds(Instant instant) {
    auto seconds = std::chrono::duration_cast<Seconds>(instant.time_since_epoch()).count();
    return seconds < 0 ? 0 : static_cast<std::uint64_t>(seconds);
}

std::uint8_t class_octet(MessageClass message_class) { return static_cast<std::uint8_t>(0x80 + static_cast<int>(message_class)); }
std::uint8_t priority_octet(Priority priority) { return static_cast<std::uint8_t>(0x80 + static_cast<int>(priority)); }

const std::string* text_of(const Pdu& pdu, std::uint8_t number) {
    const Value* value = pdu.find(number);
    return value ? std::get_if<std::string>(value) : nullptr;
}
std::optional<std::uint8_t> octet_of(const Pdu& pdu, std::uint8_t number) {
    const Value* value = pdu.find(number);
    const Octet* octet = value ? std::get_if<Octet>(value) : nullptr;
    return octet ? std::optional(octet->value) : std::nullopt;
}
bool is_yes(const Pdu& pdu, std::uint8_t number) { return octet_of(pdu, number) == kYes; }

constexpr std::uint64_t kLatestUnixSecond = 253402300799;   // end of the year 9999

std::optional<When> when_of(const Pdu& pdu, std::uint8_t number) {
    const Value* value = pdu.find(number);
    const TimeValue* time = value ? std::get_if<TimeValue>(value) : nullptr;
    if (!time) return std::nullopt;
    // A date beyond all calendars is as good as none.
    const Seconds seconds{static_cast<std::int64_t>(std::min(time->seconds, kLatestUnixSecond))};
    When when;
    if (time->relative) when.relative = seconds;
    else when.absolute = Instant(seconds);
    return when;
}

std::string without_brackets(std::string_view text) {
    if (text.starts_with('<')) text.remove_prefix(1);
    if (text.ends_with('>')) text.remove_suffix(1);
    return std::string(text);
}

// Content-Transfer-Encoding in a binary part comes from converters of mail. Source: RFC 2045 §6.
std::optional<Octets> undone_base64(Bytes text) {
    Octets out;
    std::uint32_t bits = 0;
    int held = 0;
    bool padded = false;
    for (char c : text) {
        int value = c >= 'A' && c <= 'Z' ? c - 'A' : c >= 'a' && c <= 'z' ? c - 'a' + 26
                                                 : c >= '0' && c <= '9'   ? c - '0' + 52
                                                 : c == '+'               ? 62
                                                 : c == '/'               ? 63
                                                                          : -1;
        if (c == '\r' || c == '\n' || c == ' ' || c == '\t') continue;
        if (c == '=') {
            padded = true;
            continue;
        }
        if (value < 0 || padded) return std::nullopt;
        bits = (bits << 6) | static_cast<std::uint32_t>(value);
        held += 6;
        if (held >= 8) {
            held -= 8;
            out += static_cast<char>((bits >> held) & 0xFF);
        }
    }
    if (held >= 6) return std::nullopt;   // a last character of which no octet can be made
    return out;
}

std::optional<Octets> undone_quoted_printable(Bytes text) {
    auto hex = [](char c) { return c >= '0' && c <= '9' ? c - '0' : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                                                : c >= 'a' && c <= 'f'   ? c - 'a' + 10
                                                                                         : -1; };
    Octets out;
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] != '=') {
            out += text[i];
        } else if (text.substr(i + 1, 2) == "\r\n") {
            i += 2;
        } else if (text.substr(i + 1, 1) == "\n") {
            i += 1;
        } else {
            if (i + 2 >= text.size() || hex(text[i + 1]) < 0 || hex(text[i + 2]) < 0) return std::nullopt;
            out += static_cast<char>(hex(text[i + 1]) * 16 + hex(text[i + 2]));
            i += 2;
        }
    }
    return out;
}

void undo_transfer_encoding(Part& part, std::string_view encoding) {
    auto is = [&](std::string_view name) {
        return std::ranges::equal(encoding, name, {}, [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; });
    };
    std::optional<Octets> plain;
    if (is("base64")) plain = undone_base64(part.data);
    else if (is("quoted-printable")) plain = undone_quoted_printable(part.data);
    if (plain) part.data = std::move(*plain);   // what does not decode stays as it is
}

/// A part of an MM from an entry of a PDU, without its nested parts.
Part part_of(Entry& entry) {
    Part part;
    part.media.type = internet_type_of(entry.media.type);
    for (Parameter& parameter : entry.media.parameters) {
        if (parameter.name == "name") part.file_name = parameter.value;
        else part.media.parameters.push_back(std::move(parameter));
    }
    if (const std::string* id = entry.header("Content-ID")) part.content_id = without_brackets(*id);
    if (const std::string* location = entry.header("Content-Location")) part.content_location = *location;
    if (const std::string* disposition = entry.header("Content-Disposition"))
        if (*disposition == "inline" || *disposition == "attachment") part.disposition = *disposition;
    if (part.file_name.empty())
        for (const Parameter& parameter : entry.disposition_parameters)
            if (parameter.name == "filename") part.file_name = parameter.value;
    // It may have to serve as Content-Location, which has neither: the stored form is to read as it was written.
    part.file_name.erase(0, std::min(part.file_name.find_first_not_of(" \""), part.file_name.size()));
    part.file_name.erase(part.file_name.find_last_not_of(' ') + 1);
    part.data = std::move(entry.data);
    if (const std::string* encoding = entry.header("Content-Transfer-Encoding")) undo_transfer_encoding(part, *encoding);
    return part;
}

/// Moves entries into parts, level by level, without recursion over input.
std::vector<Part> parts_of(std::vector<Entry>& entries) {
    std::vector<Part> parts;
    struct Level {
        std::vector<Entry>* from;
        std::vector<Part>* to;
    };
    std::vector<Level> levels{{&entries, &parts}};
    while (!levels.empty()) {
        Level level = levels.back();
        levels.pop_back();
        level.to->reserve(level.from->size());   // the addresses of parts are kept below
        for (Entry& entry : *level.from) {
            level.to->push_back(part_of(entry));
            if (!entry.parts.empty()) levels.push_back({&entry.parts, &level.to->back().parts});
        }
    }
    return parts;
}

/// Whether a part is compressed: nobody here unpacks it, and without the word about it whoever gets it cannot.
bool has_content_encoding(const std::vector<Entry>& entries) {
    // As deep as the decoder goes: kLimits.pdu_depth.
    return std::ranges::any_of(entries, [](const Entry& entry) { return entry.header("Content-Encoding") || has_content_encoding(entry.parts); });
}

std::string bracketed(std::string_view id) { return "<" + std::string(id) + ">"; }

/// The head of a part in a PDU: what an entry of multipart.h writes for it.
Octets head_of(const Part& part) {
    MediaType media;
    media.type = wap_type_of(part.media.type);
    bool has_charset = false;
    for (const Parameter& parameter : part.media.parameters) {
        // Parameters of mail that binary parts have no use for.
        if (parameter.name == "boundary" || parameter.name == "format" || parameter.name == "delsp" || parameter.name == "name") continue;
        has_charset = has_charset || parameter.name == "charset";
        media.parameters.push_back(parameter);
    }
    if (part.media.type.starts_with("text/") && !has_charset && is_utf8(part.data)) media.parameters.insert(media.parameters.begin(), {"charset", "utf-8"});
    if (!part.file_name.empty()) media.parameters.push_back({"name", part.file_name});
    std::vector<Parameter> headers;
    if (!part.content_id.empty()) headers.push_back({"Content-ID", bracketed(part.content_id)});
    // A part without any name of its own is referred to by its file's.
    const bool named_by_file = part.content_location.empty() && part.content_id.empty();
    if (const std::string& location = named_by_file ? part.file_name : part.content_location; !location.empty()) headers.push_back({"Content-Location", location});
    if (!part.disposition.empty()) headers.push_back({"Content-Disposition", part.disposition});
    return entry_head(media, headers, {});
}

void write_parts(Octets& out, const std::vector<Part>& parts) {
    write_uintvar(out, parts.size());
    for (const Part& part : parts) {
        Octets head = head_of(part);
        write_uintvar(out, head.size());
        if (part.is_multipart()) {
            // The depth is bounded by the decoders, which alone make nested parts.
            Octets inner;
            write_parts(inner, part.parts);
            write_uintvar(out, inner.size());
            out += head;
            out += inner;
        } else {
            write_uintvar(out, part.data.size());
            out += head;
            out += part.data;
        }
    }
}

std::size_t octets_of(const std::vector<Part>& parts) {
    std::size_t total = 0;
    for (const Part& part : parts) total += part.data.size() + 128 + octets_of(part.parts);
    return total;
}

/// An address for a terminal that reads plain ASCII text only.
std::string address_text(const Address& address) { return to_mms_text(address); }

Content content_of(Pdu& pdu) {
    Content content;
    MediaType media = *pdu.content_type;
    content.parts = parts_of(pdu.parts);
    if (is_multipart(media.type)) {
        content.media.type = internet_type_of(media.type);
        content.media.parameters = std::move(media.parameters);
    } else {
        content.media.type = "multipart/mixed";
    }
    return content;
}

MessageClass class_of(const Pdu& pdu) {
    auto octet = octet_of(pdu, field::message_class);
    return octet && *octet >= 0x80 && *octet <= 0x83 ? static_cast<MessageClass>(*octet - 0x80) : MessageClass::personal;
}

}   // namespace

std::uint8_t answer_version(std::uint8_t peer_version) {
    if (peer_version == 0x9F) return kVersion10;   // a major version alone
    if (peer_version < kVersion10 || peer_version > 0x9F) return kOurVersion;
    return std::min(peer_version, kOurVersion);
}

std::uint8_t response_status_for(std::uint8_t version, std::uint8_t status) {
    if (status < 0xC0) return status;
    auto row = std::ranges::find(kDowngrades, status, &Downgrade::from);
    if (row == kDowngrades.end()) return version <= kVersion10 ? 0x81 : status < 0xE0 ? 0xC0
                                                                                      : 0xE0;
    if (version <= kVersion10) return row->to_10;
    for (const EnumSpec& known : kResponseStatuses)
        if (known.octet == status && known.since <= version) return status;
    return row->to_11;
}

Result<SendReq> send_req_of(Pdu pdu) {
    if (pdu.type != PduType::m_send_req) return fail(Fault::unsupported_type, "not an M-Send.req");
    SendReq req;
    req.transaction_id = *text_of(pdu, field::transaction_id);
    req.version = octet_of(pdu, field::mms_version).value_or(kUnknownVersion);
    if (req.version < kVersion10 || req.version > 0x9F) return fail(Fault::unsupported_version, "the major version of MMS is not 1");
    MmHeaders& headers = req.headers;
    if (const Value* from = pdu.find(field::from)) {
        const FromValue& value = std::get<FromValue>(*from);
        if (value.address)
            if (auto address = parse_mms_address(*value.address)) headers.from = std::move(*address);
    }
    struct RoleOf {
        std::uint8_t number;
        Role role;
    };
    constexpr auto kRoles = std::to_array<RoleOf>({{field::to, Role::to}, {field::cc, Role::cc}, {field::bcc, Role::bcc}});
    std::size_t recipients = 0;
    for (const FieldValue& given : pdu.fields) {
        auto role = std::ranges::find(kRoles, given.number, &RoleOf::number);
        if (role == kRoles.end()) continue;
        if (++recipients > kLimits.pdu_recipients) return fail(Fault::too_large, "more than " + std::to_string(kLimits.pdu_recipients) + " recipients");
        const std::string& text = std::get<std::string>(given.value);
        auto address = parse_mms_address(text);
        if (!address) {
            req.bad_recipients.push_back(header_text(text, 100));
            continue;
        }
        if (role->role == Role::to) headers.to.push_back(*address);
        if (role->role == Role::cc) headers.cc.push_back(*address);
        req.recipients.push_back({std::move(*address), role->role});
    }
    // Encoded words are undone here: on the way to mail and to relays they would be encoded once more, and a reader would see them.
    if (const std::string* subject = text_of(pdu, field::subject)) headers.subject = header_text(mail::decode_encoded_words(*subject), kLimits.subject_bytes);
    if (const Value* date = pdu.find(field::date)) headers.date = Instant(Seconds(static_cast<std::int64_t>(std::min(std::get<std::uint64_t>(*date), kLatestUnixSecond))));
    headers.message_class = class_of(pdu);
    if (auto priority = octet_of(pdu, field::priority); priority && *priority <= 0x82) headers.priority = static_cast<Priority>(*priority - 0x80);
    headers.delivery_report = is_yes(pdu, field::delivery_report);
    headers.read_report = is_yes(pdu, field::read_report);
    headers.sender_hidden = octet_of(pdu, field::sender_visibility) == 0x80;
    headers.expiry = when_of(pdu, field::expiry);
    headers.delivery_time = when_of(pdu, field::delivery_time);
    if (const std::string* id = text_of(pdu, field::applic_id)) headers.applic_id = *id;
    if (const std::string* id = text_of(pdu, field::reply_applic_id)) headers.reply_applic_id = *id;
    if (const std::string* info = text_of(pdu, field::aux_applic_info)) headers.aux_applic_info = *info;
    headers.content_class = octet_of(pdu, field::content_class);
    headers.drm_content = is_yes(pdu, field::drm_content);
    headers.adaptation_allowed = octet_of(pdu, field::adaptation_allowed) != kNo;
    headers.reply_charging = octet_of(pdu, field::reply_charging);
    if (const std::string* id = text_of(pdu, field::reply_charging_id)) headers.reply_charging_id = *id;
    if (has_content_encoding(pdu.parts)) return fail(Fault::content_refused, "a part is compressed by Content-Encoding");
    req.content = content_of(pdu);
    return req;
}

Octets encode_send_conf(const SendConf& conf) {
    Writer writer(PduType::m_send_conf, conf.version);
    writer.put(field::transaction_id, conf.transaction_id).version();
    const std::uint8_t status = response_status_for(conf.version, conf.response_status);
    writer.put(field::response_status, Octet{status});
    writer.text(field::response_text, conf.response_text).text(field::message_id, conf.message_id);
    return writer.take();
}

Octets encode_notification_ind(const NotificationInd& ind) {
    Writer writer(PduType::m_notification_ind, ind.version);
    writer.put(field::transaction_id, ind.transaction_id).version();
    if (ind.from) writer.put(field::from, FromValue{address_text(*ind.from)});
    writer.text(field::subject, header_text(ind.subject, kNotificationSubjectBytes));
    if (ind.version >= kVersion12) writer.yes(field::delivery_report, ind.delivery_report);
    writer.put(field::message_class, Octet{class_octet(ind.message_class)});
    if (ind.priority != Priority::normal && ind.version >= kVersion12) writer.put(field::priority, Octet{priority_octet(ind.priority)});
    writer.put(field::message_size, ind.size_bytes);
    writer.put(field::expiry, TimeValue{true, static_cast<std::uint64_t>(std::max<std::int64_t>(0, ind.expiry.count()))});
    writer.text(field::applic_id, ind.applic_id).text(field::reply_applic_id, ind.reply_applic_id).text(field::aux_applic_info, ind.aux_applic_info);
    // Last, where terminals with a fixed order look for it.
    writer.put(field::content_location, ind.content_location);
    return writer.take();
}

Result<NotifyResp> notify_resp_of(const Pdu& pdu) {
    if (pdu.type != PduType::m_notifyresp_ind && pdu.type != PduType::m_acknowledge_ind) return fail(Fault::unsupported_type, "neither M-NotifyResp.ind nor M-Acknowledge.ind");
    NotifyResp resp;
    resp.transaction_id = *text_of(pdu, field::transaction_id);
    resp.version = octet_of(pdu, field::mms_version).value_or(kUnknownVersion);
    resp.report_allowed = octet_of(pdu, field::report_allowed) != kNo;
    resp.acknowledge = pdu.type == PduType::m_acknowledge_ind;
    if (resp.acknowledge) {
        resp.status = DeliveryStatus::retrieved;
        return resp;
    }
    switch (octet_of(pdu, field::status).value_or(0)) {
        case 0x81: resp.status = DeliveryStatus::retrieved; break;
        case 0x82: resp.status = DeliveryStatus::rejected; break;
        case 0x83: resp.status = DeliveryStatus::deferred; break;
        case 0x84: resp.status = DeliveryStatus::unrecognised; break;
        default: resp.status = DeliveryStatus::indeterminate; break;
    }
    return resp;
}

Octets encode_retrieve_head(const RetrieveConf& conf) {
    const MmHeaders& headers = conf.headers;
    Writer writer(PduType::m_retrieve_conf, conf.version);
    writer.text(field::transaction_id, conf.transaction_id).version();
    writer.text(field::message_id, conf.message_id);
    writer.put(field::date, unix_seconds(headers.date));
    if (headers.from && !headers.sender_hidden) writer.put(field::from, FromValue{address_text(*headers.from)});
    for (const Address& address : headers.to) writer.put(field::to, address_text(address));
    for (const Address& address : headers.cc) writer.put(field::cc, address_text(address));
    for (const PreviouslySent& earlier : headers.previously_sent) {
        writer.put(field::previously_sent_by, CountedValue{earlier.count, address_text(earlier.by)});
        writer.put(field::previously_sent_date, CountedValue{earlier.count, unix_seconds(earlier.date)});
    }
    writer.text(field::subject, headers.subject);
    writer.put(field::message_class, Octet{class_octet(headers.message_class)});
    if (headers.priority != Priority::normal) writer.put(field::priority, Octet{priority_octet(headers.priority)});
    writer.yes(field::delivery_report, headers.delivery_report).yes(field::read_report, headers.read_report);
    writer.text(field::applic_id, headers.applic_id).text(field::reply_applic_id, headers.reply_applic_id).text(field::aux_applic_info, headers.aux_applic_info);
    if (headers.content_class) writer.put(field::content_class, Octet{*headers.content_class});
    writer.yes(field::drm_content, headers.drm_content);
    writer.text(field::replace_id, headers.replace_id);
    writer.octets() += static_cast<char>(0x80 | field::content_type);
    return writer.take();
}

Octets encode_retrieve_error(std::uint8_t version, Instant date, std::uint8_t retrieve_status, std::string_view text) {
    Writer writer(PduType::m_retrieve_conf, version);
    writer.version().put(field::date, unix_seconds(date));
    writer.put(field::retrieve_status, Octet{retrieve_status}).put(field::retrieve_text, std::string(text));
    Octets& out = writer.octets();
    out += static_cast<char>(0x80 | field::content_type);
    write_content_type(out, {"text/plain", {{"charset", "utf-8"}}});
    out += text;
    return writer.take();
}

Octets encode_delivery_ind(const DeliveryInd& ind) {
    Writer writer(PduType::m_delivery_ind, ind.version);
    writer.version().put(field::message_id, ind.message_id).put(field::to, address_text(ind.to)).put(field::date, unix_seconds(ind.date));
    auto row = std::ranges::find(kDeliveryStatuses, ind.status, &StatusSpec::status);
    const std::uint8_t octet = ind.version >= kVersion12 ? row->octet : ind.version >= kVersion11 ? row->octet_11
                                                                                                  : row->octet_10;
    writer.put(field::status, Octet{octet});
    writer.text(field::status_text, ind.status_text).text(field::applic_id, ind.applic_id);
    return writer.take();
}

Result<ReadRecInd> read_rec_ind_of(const Pdu& pdu) {
    if (pdu.type != PduType::m_read_rec_ind) return fail(Fault::unsupported_type, "no M-Read-Rec.ind");
    ReadRecInd ind;
    ind.version = octet_of(pdu, field::mms_version).value_or(kUnknownVersion);
    ind.message_id = *text_of(pdu, field::message_id);
    if (const Value* date = pdu.find(field::date)) ind.date = Instant(Seconds(static_cast<std::int64_t>(std::min(std::get<std::uint64_t>(*date), kLatestUnixSecond))));
    const auto status = octet_of(pdu, field::read_status);
    if (status != kRead && status != kDeletedUnread) return fail(Fault::malformed, "X-Mms-Read-Status is neither Read nor Deleted without being read");
    ind.status = status == kRead ? ReadStatus::read : ReadStatus::deleted_unread;
    return ind;
}

Octets encode_read_orig_ind(const ReadOrigInd& ind) {
    Writer writer(PduType::m_read_orig_ind, std::max(ind.version, kVersion11));
    writer.version().put(field::message_id, ind.message_id).put(field::to, address_text(ind.originator)).put(field::from, FromValue{address_text(ind.reader)});
    writer.put(field::date, unix_seconds(ind.date)).put(field::read_status, Octet{ind.status == ReadStatus::read ? kRead : kDeletedUnread});
    writer.text(field::applic_id, ind.applic_id);
    return writer.take();
}

Octets encode_content(const Content& content) {
    MediaType media;
    media.type = wap_type_of(content.media.type);
    if (content.media.type == "multipart/related") {
        // Root type and start in the order in which handsets write them, and start with its brackets.
        if (const std::string* type = content.media.parameter("type")) media.parameters.push_back({"type", *type});
        if (const std::string* start = content.media.parameter("start")) media.parameters.push_back({"start", bracketed(without_brackets(*start))});
    }
    Octets out;
    out.reserve(octets_of(content.parts) + 64);
    write_content_type(out, media);
    write_parts(out, content.parts);
    return out;
}

Result<Content> decode_content(Bytes octets) {
    Cursor in(octets);
    Pdu pdu;
    pdu.content_type = read_content_type(in, ContentTypePlace::pdu);
    if (!in.error()) {
        if (is_multipart(pdu.content_type->type)) {
            pdu.parts = read_multipart(in);
        } else {
            Entry entry;
            entry.media = *pdu.content_type;
            entry.data = in.rest();
            pdu.parts.push_back(std::move(entry));
        }
    }
    if (in.error()) return fail(*in.error());
    return content_of(pdu);
}

}   // namespace mmgate::mm1
