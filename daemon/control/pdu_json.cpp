#include "daemon/control/pdu_json.h"

#include <nlohmann/json.hpp>

#include "daemon/crypto.h"
#include "mapping/charset.h"
#include "mapping/mm1/fields.h"
#include "mapping/mm1/media.h"
#include "mapping/mm1/pdus.h"

namespace mmgate::control {

namespace {

using Json = nlohmann::ordered_json;   // members stay in the order of the PDU

constexpr std::uint8_t kYes = 0x80;
constexpr std::uint8_t kNo = 0x81;
constexpr std::uint8_t kMajorOnly = 0x0F;   // in place of a minor version

/// JSON is UTF-8: what a peer sent in another charset is converted, and shown if imperfectly.
Json text_json(std::string_view text) { return to_utf8(text, "utf-8"); }

Json octet_json(const mm1::FieldSpec& field, std::uint8_t octet) {
    switch (field.syntax) {
        case mm1::Syntax::yes_no:
            if (octet == kYes || octet == kNo) return octet == kYes;
            return octet;
        case mm1::Syntax::status: return octet;
        case mm1::Syntax::version: {
            std::string version = std::to_string(octet >> 4 & 7);
            if ((octet & 0x0F) != kMajorOnly) version += "." + std::to_string(octet & 0x0F);
            return version;
        }
        case mm1::Syntax::header_number: {
            const mm1::FieldSpec* named = octet > 0x80 ? mm1::field_of(octet) : nullptr;
            if (named) return std::string(named->name);
            return octet;
        }
        default: {
            auto name = mm1::value_name(field, octet);
            if (name) return std::string(*name);
            return octet;
        }
    }
}

/// "count" and the value under a name that says what it is.
Json counted_json(const mm1::FieldSpec& field, const mm1::CountedValue& counted) {
    Json out = {{"count", counted.count}};
    std::visit(overloaded{
                   [&](const std::string& text) {
                       const bool address = field.syntax == mm1::Syntax::counted_address;
                       out[address ? "address" : field.syntax == mm1::Syntax::uri ? "uri"
                                                                                  : "text"] = text_json(text);
                   },
                   [&](std::uint64_t seconds) { out["abs"] = seconds; },
                   [&](const mm1::Octet& octet) { out["status"] = octet.value; },
               },
               counted.value);
    return out;
}

Json parameters_json(const std::vector<Parameter>& parameters) {
    Json out = Json::object();
    for (const Parameter& parameter : parameters) {
        Json name = text_json(parameter.name);
        if (!out.contains(name.get_ref<const std::string&>())) out[name.get_ref<const std::string&>()] = text_json(parameter.value);
    }
    return out;
}

Json value_json(const mm1::FieldSpec& field, const mm1::Value& value) {
    return std::visit(overloaded{
                          [](const std::string& text) { return text_json(text); },
                          [&](std::uint64_t number) { return field.syntax == mm1::Syntax::date ? Json{{"abs", number}} : Json(number); },
                          [&](const mm1::Octet& octet) { return octet_json(field, octet.value); },
                          [](const mm1::FromValue& from) { return from.address ? Json{{"address", text_json(*from.address)}} : Json{{"insert", true}}; },
                          [](const mm1::TimeValue& time) { return Json{{time.relative ? "rel" : "abs", time.seconds}}; },
                          [&](const mm1::CountedValue& counted) { return counted_json(field, counted); },
                          [&](const mm1::FlaggedValue& flagged) {
                              Json out = {{"token", octet_json(field, flagged.token)}};
                              if (const auto* text = std::get_if<std::string>(&flagged.value)) out["text"] = text_json(*text);
                              else out["value"] = std::get<std::uint64_t>(flagged.value);
                              return out;
                          },
                          [](const mm1::ElementDescriptor& element) {
                              return Json{{"reference", text_json(element.reference)}, {"params", parameters_json(element.parameters)}};
                          },
                      },
                      value);
}

/// Puts one occurrence of a header; `always_list` for those of which there may be many in every message.
void add_header(Json& headers, const std::string& name, bool always_list, Json value) {
    auto found = headers.find(name);
    if (found == headers.end()) {
        headers[name] = always_list ? Json::array({std::move(value)}) : std::move(value);
        return;
    }
    if (!found->is_array()) *found = Json::array({std::move(*found)});
    found->push_back(std::move(value));
}

Json headers_json(const mm1::Pdu& pdu) {
    Json out = Json::object();
    for (const mm1::FieldValue& given : pdu.fields) {
        const mm1::FieldSpec& field = *mm1::field_of(given.number);
        add_header(out, std::string(field.name), field.syntax == mm1::Syntax::address, value_json(field, given.value));
    }
    // A name in place of a number may not pass for the numbered field.
    for (const Parameter& header : pdu.application) {
        std::string name = to_utf8(header.name, "utf-8");
        const bool numbered = std::ranges::any_of(mm1::kFields, [&](const mm1::FieldSpec& field) { return field.name == name; });
        if (!numbered) add_header(out, name, false, text_json(header.value));
    }
    return out;
}

Json part_json(const mm1::Entry& entry) {
    Json out;
    out["type"] = text_json(entry.media.type);
    std::vector<Parameter> parameters = entry.media.parameters;
    parameters.insert(parameters.end(), entry.disposition_parameters.begin(), entry.disposition_parameters.end());
    out["params"] = parameters_json(parameters);
    out["headers"] = parameters_json(entry.headers);
    if (mm1::is_multipart(entry.media.type)) {
        out["parts"] = Json::array();
        for (const mm1::Entry& part : entry.parts) out["parts"].push_back(part_json(part));   // as deep as kLimits.pdu_depth
        return out;
    }
    out["size"] = entry.data.size();
    out["sha256"] = sha256_hex(entry.data);
    if (entry.media.type.starts_with("text/")) {
        const std::string* charset = entry.media.parameter("charset");
        out["text"] = to_utf8(entry.data, charset ? std::string_view(*charset) : std::string_view());
    }
    return out;
}

/// DEL, C1 controls and separators that JSON lets stand, as escapes: they would steer the terminal of who looks. They occur within strings only.
std::string escaped(const std::string& json) {
    std::string out;
    out.reserve(json.size());
    for (std::size_t i = 0; i < json.size(); ++i) {
        const std::string_view rest = std::string_view(json).substr(i);
        if (rest[0] == '\x7F') {
            out += "\\u007f";
        } else if (rest.size() > 1 && rest[0] == '\xC2' && static_cast<unsigned char>(rest[1]) < 0xA0) {
            constexpr std::string_view kDigits = "0123456789abcdef";
            out += std::string("\\u00") + kDigits[static_cast<unsigned char>(rest[1]) >> 4] + kDigits[rest[1] & 0x0F];
            i += 1;
        } else if (rest.starts_with("\xE2\x80\xA8") || rest.starts_with("\xE2\x80\xA9")) {
            out += rest[2] == '\xA8' ? "\\u2028" : "\\u2029";
            i += 2;
        } else {
            out += rest[0];
        }
    }
    return out;
}

}   // namespace

std::string pdu_json(const mm1::Pdu& pdu) {
    Json out;
    out["type"] = std::string(mm1::pdu_spec(pdu.type).json_name);
    out["headers"] = headers_json(pdu);
    if (pdu.content_type) {
        out["content_type"] = {{"type", text_json(pdu.content_type->type)}, {"params", parameters_json(pdu.content_type->parameters)}};
        out["parts"] = Json::array();
        for (const mm1::Entry& part : pdu.parts) out["parts"].push_back(part_json(part));
    }
    return escaped(out.dump(-1, ' ', false, Json::error_handler_t::replace));
}

}   // namespace mmgate::control
