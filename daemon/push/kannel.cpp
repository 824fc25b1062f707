#include "daemon/push/kannel.h"

#include <algorithm>
#include <array>
#include <string_view>

#include "mapping/charset.h"
#include "mapping/limits.h"
#include "mapping/push/wsp_push.h"

namespace mmgate::push {

namespace {

constexpr std::size_t kMostUrlBytes = 2048;
constexpr std::int64_t kMostValidityMinutes = 28 * 24 * 60;

// One value, in the query of a GET or in a header field of a POST.
struct Parameter {
    std::string_view query;
    std::string_view field;
    std::string value;
};

std::string percent_encoded(Bytes octets) {
    constexpr char kHex[] = "0123456789ABCDEF";
    std::string out;
    out.reserve(octets.size() * 3);
    for (unsigned char octet : octets) {
        if ((octet >= '0' && octet <= '9') || (octet >= 'A' && octet <= 'Z') || (octet >= 'a' && octet <= 'z')) {
            out += static_cast<char>(octet);
        } else {
            out += '%';
            out += kHex[octet >> 4];
            out += kHex[octet & 15];
        }
    }
    return out;
}

std::string hex(Bytes octets) {
    constexpr char kHex[] = "0123456789ABCDEF";
    std::string out;
    for (unsigned char octet : octets) {
        out += kHex[octet >> 4];
        out += kHex[octet & 15];
    }
    return out;
}

struct ReplyRow {
    int first_status, last_status;
    std::string_view text;   // in the body; "" any
    Verdict verdict;
};

// A refused account or a wrong path says nothing about this phone: it is tried again, and the operator reads why.
// Source: Kannel user guide 1.4.5, table "sendsms replies"; the texts of smsbox 1.4.5.
constexpr auto kReplies = std::to_array<ReplyRow>({
    {200, 299, "", Verdict::accepted},
    {300, 599, "Not routable", Verdict::refused},
    {400, 400, "", Verdict::refused},
    {300, 599, "", Verdict::try_later},
});

}   // namespace

HttpRequest kannel_request(const Config& config, const Push& push, std::uint8_t push_number) {
    const Octets data = encode_wsp_push(push_number, push.pdu, config.push_text_type ? ContentTypeForm::text : ContentTypeForm::number);
    const std::int64_t minutes = std::clamp<std::int64_t>(push.lifetime.count() / 60, 1, kMostValidityMinutes);
    const Parameter parameters[] = {
        {"username", "X-Kannel-Username", config.push_user},
        {"password", "X-Kannel-Password", config.push_password},
        {"from", "X-Kannel-From", config.push_from},
        {"to", "X-Kannel-To", push.number},
        {"coding", "X-Kannel-Coding", "1"},
        {"mclass", "X-Kannel-MClass", config.push_class_one ? "1" : ""},
        {"alt-dcs", "X-Kannel-Alt-DCS", config.push_class_one ? "1" : ""},
        {"validity", "X-Kannel-Validity", std::to_string(minutes)},
    };
    HttpRequest request;
    request.timeout = config.push_timeout;
    request.url = config.push_url;
    char before = request.url.find('?') == std::string::npos ? '?' : '&';
    for (const Parameter& parameter : parameters) {
        if (parameter.value.empty()) continue;
        request.url += before;
        request.url += std::string(parameter.query) + "=" + percent_encoded(parameter.value);
        before = '&';
    }
    request.url += "&udh=" + percent_encoded(kWapPushPorts) + "&text=" + percent_encoded(data);
    request.method = HttpRequest::Method::get;
    if (request.url.size() <= kMostUrlBytes) return request;

    request.method = HttpRequest::Method::post;
    request.url = config.push_url;
    request.fields.push_back({"Content-Type", "application/octet-stream"});
    for (const Parameter& parameter : parameters)
        if (!parameter.value.empty()) request.fields.push_back({std::string(parameter.field), parameter.value});
    request.fields.push_back({"X-Kannel-UDH", hex(kWapPushPorts)});
    request.body = data;
    return request;
}

Pushed kannel_outcome(const Result<HttpResponse>& response) {
    if (!response) return {Verdict::try_later, "Kannel: " + header_text(response.error().rule, kLimits.reason_bytes)};
    std::string reason = "Kannel " + std::to_string(response->status) + " " + header_text(response->body, kLimits.reason_bytes);
    for (const ReplyRow& row : kReplies)
        if (response->status >= row.first_status && response->status <= row.last_status && response->body.find(row.text) != std::string::npos)
            return {row.verdict, std::move(reason)};
    return {Verdict::try_later, std::move(reason)};
}

KannelBearer::KannelBearer(Loop& loop, const Config& config) : config_(config), client_(loop, HttpClient::Options{config.push_connections}) {}

void KannelBearer::push(Push push, std::function<void(Pushed)> done) {
    client_.send(kannel_request(config_, push, push_number_++), [done = std::move(done)](Result<HttpResponse> response) { done(kannel_outcome(response)); });
}

}   // namespace mmgate::push
