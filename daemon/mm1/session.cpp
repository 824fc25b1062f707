#include "daemon/mm1/session.h"

#include <arpa/inet.h>

#include <algorithm>
#include <cassert>

#include "mapping/limits.h"
#include "mapping/mm1/fields.h"
#include "mapping/mm1/messages.h"
#include "mapping/mm1/pdus.h"
#include "mapping/status.h"

namespace mmgate::mm1 {

namespace {

constexpr std::size_t kFewestDigits = 3;   // short codes do not send, but an operator's test phone may
constexpr std::size_t kMostDigits = 15;    // ITU-T E.164
constexpr std::uint8_t kPduOctet = 0x80 | field::message_type;
// The lowest version that knows X-Mms-Retrieve-Status is 1.1; this one is what most terminals speak.
constexpr std::uint8_t kErrorVersion = 0x92;
constexpr std::uint8_t kServiceDenied = 0xE1;
constexpr std::string_view kAllow = "GET, POST";

struct MethodRow {
    std::string_view method;
    int status;
};
// Known to HTTP and not allowed here. Source: RFC 9110 §9.1, §15.5.6, §15.6.2; RFC 5789.
constexpr auto kMethods = std::to_array<MethodRow>({
    {"HEAD", 405},
    {"OPTIONS", 405},
    {"PUT", 405},
    {"DELETE", 405},
    {"TRACE", 405},
    {"CONNECT", 405},
    {"PATCH", 405},
});

std::string lower(std::string_view text) {
    std::string out(text);
    for (char& c : out)
        if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
    return out;
}

// One spelling for an address: IPv6 has many.
std::string canonical_address(const std::string& literal) {
    std::array<unsigned char, 16> octets{};
    std::array<char, INET6_ADDRSTRLEN> text{};
    for (int family : {AF_INET, AF_INET6})
        if (inet_pton(family, literal.c_str(), octets.data()) == 1 && inet_ntop(family, octets.data(), text.data(), text.size())) return text.data();
    return literal;
}

NotMm1 not_mm1(int status, std::string rule) {
    NotMm1 out;
    out.response.status = status;
    out.response.content_type = "text/plain; charset=utf-8";
    out.response.body = rule + "\r\n";
    if (status == 405) out.response.allow = kAllow;
    out.rule = std::move(rule);
    return out;
}

std::uint8_t version_of(const Peek& peek) { return answer_version(peek.version.value_or(kUnknownVersion)); }

// A .conf other than M-Send.conf, with the little that a refusal needs.
Octets encode_denial(const Peek& peek, PduType conf, std::uint8_t status, std::string_view text) {
    const std::uint8_t version = version_of(peek);
    const PduSpec& spec = pdu_spec(conf);
    const bool of_store = std::ranges::find(spec.mandatory, field::store_status) != spec.mandatory.end();
    const std::uint8_t said = response_status_for(version, status);
    Pdu pdu;
    pdu.type = conf;
    pdu.fields.push_back({field::transaction_id, *peek.transaction_id});
    pdu.fields.push_back({field::mms_version, Octet{version}});
    if (of_store) {
        pdu.fields.push_back({field::store_status, Octet{kServiceDenied}});
    } else if (spec.counted) {
        pdu.fields.push_back({field::response_status, CountedValue{0, Octet{said}}});
    } else {
        pdu.fields.push_back({field::response_status, Octet{said}});
        pdu.fields.push_back({field::response_text, std::string(text)});
    }
    if (spec.body == Body::mandatory) pdu.content_type = MediaType{"application/vnd.wap.multipart.mixed", {}};
    return encode_pdu(pdu);
}

}   // namespace

// ---------------------------------------------------------------------------------------------------------------------------------- who asks

Identities::Identities(const Config& config) : trusted_(config.mm1_trusted) {
    for (const std::string& header : config.msisdn_headers) headers_.push_back(lower(header));
    for (const Mm1Client& client : config.mm1_clients) clients_.emplace(canonical_address(client.address), client.msisdn);
}

std::optional<std::string> Identities::identify(const http::Request& request, std::string_view peer) const {
    if (contains(trusted_, peer)) {
        for (const std::string& header : headers_) {
            const std::size_t count = request.count(header);
            if (count == 0) continue;
            return count == 1 ? number_in_header(*request.field(header)) : std::nullopt;
        }
    }
    const auto client = clients_.find(std::string(peer));
    return client == clients_.end() ? std::nullopt : std::optional(client->second);
}

std::optional<std::string> number_in_header(std::string_view value) {
    if (lower(value.substr(0, 4)) == "tel:") value.remove_prefix(4);
    std::string_view digits = value;
    if (digits.starts_with('+')) digits.remove_prefix(1);
    if (digits.size() < kFewestDigits || digits.size() > kMostDigits) return std::nullopt;
    if (!std::ranges::all_of(digits, [](char c) { return c >= '0' && c <= '9'; })) return std::nullopt;
    return std::string(value);
}

// -------------------------------------------------------------------------------------------------------------------------------- what it asks

Ask ask_of(const http::Request& request) {
    if (request.method == "GET") {
        if (!request.body.empty()) return not_mm1(400, "a GET with a body");
        std::string_view path = request.path;
        path = path.substr(0, path.find_first_of("?#"));
        return Retrieve{std::string(path.substr(path.rfind('/') + 1))};
    }
    if (request.method != "POST") {
        const auto known = std::ranges::find(kMethods, request.method, &MethodRow::method);
        return known == kMethods.end() ? not_mm1(501, "a method that HTTP does not have") : not_mm1(known->status, "only GET and POST are served");
    }
    const std::string* field = request.field("content-type");
    const std::string media = field ? lower(std::string_view(*field).substr(0, field->find_first_of("; \t"))) : std::string();
    // Some phones and most tools leave the type out or give a general one: the first octet tells.
    const bool sniffed = !request.body.empty() && static_cast<std::uint8_t>(request.body[0]) == kPduOctet;
    if (media != kMmsMessage && !sniffed) return not_mm1(media.empty() ? 400 : 415, "not an MMS message");
    if (request.count("content-encoding") > 0) return not_mm1(415, "a content coding");
    Post post{peek(request.body)};
    if (!post.peek.type_octet && !post.peek.transaction_id) return not_mm1(400, "not an MMS message");
    return post;
}

// -------------------------------------------------------------------------------------------------------------------------- what it is answered

bool is_other_major(const Peek& peek) { return peek.version && (*peek.version < 0x90 || *peek.version > 0x9F); }

const TreatmentRow& treatment_of(const Peek& peek) {
    static constexpr TreatmentRow kReserved{{}, Treatment::unsupported, PduType::m_send_conf};
    if (!peek.type) return kReserved;
    return kTreatments[static_cast<std::size_t>(*peek.type) - 0x80];
}

http::Response refuse(const Peek& peek, PduType conf, Fault fault, std::string_view text) {
    if (!peek.transaction_id) {
        NotMm1 out = not_mm1(400, "a request without a transaction id");
        return out.response;
    }
    // Source: OMA-MMS-CTR-V1_3 §9.4: another major version is answered as unsupported, whatever else is wrong.
    const std::uint8_t status = spec_of(is_other_major(peek) ? Fault::unsupported_version : fault).response_status;
    if (conf != PduType::m_send_conf) return with_pdu(encode_denial(peek, conf, is_other_major(peek) ? status : kServiceDenied, text));
    SendConf answer;
    answer.transaction_id = *peek.transaction_id;
    answer.version = version_of(peek);
    answer.response_status = status;
    answer.response_text = text;
    return with_pdu(encode_send_conf(answer));
}

http::Response refuse_unreadable(const Peek& peek, const Error& error) {
    const TreatmentRow& row = treatment_of(peek);
    const bool has_conf = row.conf != PduType{};
    if (!peek.transaction_id || !has_conf) return not_mm1(400, "the PDU is malformed: " + error.rule).response;
    return refuse(peek, row.conf, peek.type_octet && !peek.type ? Fault::unsupported_type : error.fault, error.rule);
}

http::Response refuse_oversized(const Peek& peek) {
    const TreatmentRow& row = treatment_of(peek);
    http::Response response = row.treatment == Treatment::submission && peek.transaction_id
                                  ? refuse(peek, row.conf, Fault::message_too_big, spec_of(Fault::message_too_big).text)
                                  : not_mm1(413, "the message is too big").response;
    response.close = true;
    return response;
}

http::Response not_given(NotGiven why, Instant now) {
    const auto row = std::ranges::find(kNotGiven, why, &NotGivenRow::why);
    http::Response response = with_pdu(encode_retrieve_error(kErrorVersion, now, row->retrieve_status, row->text));
    response.status = row->http_status;
    return response;
}

http::Response with_pdu(Octets pdu) {
    http::Response response;
    response.content_type = kMmsMessage;
    response.body = std::move(pdu);
    return response;
}

http::Response with_nothing() { return {}; }

}   // namespace mmgate::mm1
