#include "mapping/push/pap.h"

#include <algorithm>
#include <charconv>
#include <cstdio>

#include <pugixml.hpp>

#include "mapping/charset.h"
#include "mapping/limits.h"

namespace mmgate::push {

namespace {

constexpr std::size_t kMostAnswerBytes = 64 * 1024;

std::string attribute(std::string_view text) {
    std::string out;
    for (char c : text) {
        switch (c) {
            case '&': out += "&amp;"; break;
            case '<': out += "&lt;"; break;
            case '>': out += "&gt;"; break;
            case '"': out += "&quot;"; break;
            default: out += static_cast<unsigned char>(c) < 0x20 ? ' ' : c;
        }
    }
    return out;
}

// YYYY-MM-DDThh:mm:ssZ. Source: WAP-247-PAP §9.
std::string timestamp(Instant at) {
    const auto day = std::chrono::floor<std::chrono::days>(at);
    const std::chrono::year_month_day date(day);
    const std::chrono::hh_mm_ss time(std::chrono::floor<std::chrono::seconds>(at - day));
    std::array<char, 48> out{};
    std::snprintf(out.data(), out.size(), "%04d-%02u-%02uT%02d:%02d:%02dZ", static_cast<int>(date.year()), static_cast<unsigned>(date.month()),
                  static_cast<unsigned>(date.day()), static_cast<int>(time.hours().count()), static_cast<int>(time.minutes().count()),
                  static_cast<int>(time.seconds().count()));
    return out.data();
}

std::string control_entity(const PapPush& push) {
    std::string out =
        "<?xml version=\"1.0\"?>\r\n"
        "<!DOCTYPE pap PUBLIC \"-//WAPFORUM//DTD PAP 1.0//EN\" \"http://www.wapforum.org/DTD/pap_1.0.dtd\">\r\n"
        "<pap>\r\n"
        " <push-message push-id=\"" +
        attribute(push.push_id) + "\"";
    if (push.deliver_before) out += " deliver-before-timestamp=\"" + timestamp(*push.deliver_before) + "\"";
    out += ">\r\n  <address address-value=\"WAPPUSH=" + attribute(push.number) + "/TYPE=PLMN";
    if (!push.ppg.empty()) out += "@" + attribute(push.ppg);
    out += "\"/>\r\n";
    if (push.quality_of_service) out += "  <quality-of-service delivery-method=\"unconfirmed\" network=\"GSM\" bearer=\"SMS\"/>\r\n";
    out += " </push-message>\r\n</pap>\r\n";
    return out;
}

std::string boundary_beside(Bytes control, Bytes pdu) {
    std::string boundary = "mmgate-push";
    // Each octet of the parts can spoil one number at most, so this ends.
    for (unsigned n = 0; pdu.find(boundary) != Bytes::npos || control.find(boundary) != Bytes::npos; ++n) boundary = "mmgate-push-" + std::to_string(n);
    return boundary;
}

std::string_view local_name(const pugi::xml_node& node) {
    std::string_view name = node.name();
    return name.substr(name.rfind(':') + 1);   // npos + 1 is 0
}

pugi::xml_node child(const pugi::xml_node& parent, std::string_view name) {
    for (const pugi::xml_node& node : parent.children())
        if (local_name(node) == name) return node;
    return {};
}

std::optional<std::uint16_t> code_of(std::string_view text) {
    std::uint16_t code = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), code);
    if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
    return code;
}

}   // namespace

PapBody encode_pap_push(const PapPush& push) {
    const std::string control = control_entity(push);
    const std::string boundary = boundary_beside(control, push.pdu);
    PapBody body;
    body.content_type = "multipart/related; boundary=" + boundary + "; type=\"application/xml\"";
    body.octets.reserve(control.size() + push.pdu.size() + 400);
    body.octets += "--" + boundary + "\r\nContent-Type: application/xml; charset=utf-8\r\n\r\n" + control;
    body.octets += "\r\n--" + boundary +
                   "\r\nContent-Type: application/vnd.wap.mms-message"
                   "\r\nX-Wap-Application-Id: x-wap-application:mms.ua"
                   "\r\nContent-Transfer-Encoding: binary\r\n\r\n";
    body.octets += push.pdu;
    body.octets += "\r\n--" + boundary + "--\r\n";
    return body;
}

PapCode pap_code(std::uint16_t code) {
    const auto* row = std::ranges::lower_bound(kPapCodes, code, {}, &PapCode::code);
    if (row != kPapCodes.end() && row->code == code) return *row;
    switch (code / 1000) {
        case 1: return {code, "success", PapAction::accepted};
        case 2: return {code, "client error", PapAction::refused};
        case 3: return {code, "server error", PapAction::retry};
        case 4: return {code, "service failure", PapAction::retry};
        case 5: return {code, "mobile client aborted", PapAction::refused};
        default: return {code, "no code of this protocol", PapAction::retry};
    }
}

Result<PapAnswer> decode_pap_answer(Bytes xml) {
    if (xml.size() > kMostAnswerBytes) return fail(Fault::too_large, "the answer is longer than 64 KiB");
    pugi::xml_document document;
    // Neither document types nor entities of the peer's own are looked at.
    const pugi::xml_parse_result parsed = document.load_buffer(xml.data(), xml.size(), pugi::parse_minimal | pugi::parse_escapes);
    // Where it broke is told in UTF-8, which may be longer than what came.
    if (!parsed) return fail(Fault::malformed, "the answer is not XML", static_cast<std::size_t>(std::clamp<std::ptrdiff_t>(parsed.offset, 0, static_cast<std::ptrdiff_t>(xml.size()))));
    const pugi::xml_node pap = child(document, "pap");
    pugi::xml_node result = child(child(pap, "push-response"), "response-result");
    if (!result) result = child(pap, "badmessage-response");
    if (!result) return fail(Fault::malformed, "the answer is neither a push-response nor a badmessage-response");
    const auto code = code_of(result.attribute("code").value());
    if (!code) return fail(Fault::malformed, "the answer's code is not a number");
    return PapAnswer{*code, header_text(result.attribute("desc").value(), kLimits.reason_bytes)};
}

}   // namespace mmgate::push
