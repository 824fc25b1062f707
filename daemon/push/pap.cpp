#include "daemon/push/pap.h"

#include "mapping/charset.h"
#include "mapping/limits.h"

namespace mmgate::push {

namespace {

// "http://user@host:8080/path" -> "host".
std::string host_of(std::string_view url) {
    const std::size_t scheme = url.find("://");
    std::string_view rest = scheme == std::string_view::npos ? url : url.substr(scheme + 3);
    rest = rest.substr(0, rest.find_first_of("/?#"));
    if (const std::size_t at = rest.rfind('@'); at != std::string_view::npos) rest.remove_prefix(at + 1);
    if (rest.starts_with('[')) return {};   // an IPv6 literal is no domain of a client address
    return std::string(rest.substr(0, rest.find(':')));
}

}   // namespace

HttpRequest pap_request(const Config& config, const Push& push, Instant now, bool quality_of_service) {
    PapPush message;
    message.push_id = push.push_id + "@" + config.domain;
    message.number = push.number;
    message.ppg = host_of(config.push_url);
    message.deliver_before = now + push.lifetime;
    message.quality_of_service = quality_of_service;
    message.pdu = push.pdu;
    PapBody body = encode_pap_push(message);
    HttpRequest request;
    request.method = HttpRequest::Method::post;
    request.url = config.push_url;
    request.fields = {{"Content-Type", std::move(body.content_type)}};
    request.body = std::move(body.octets);
    request.user = config.push_user;
    request.password = config.push_password;
    request.timeout = config.push_timeout;
    return request;
}

PapOutcome pap_outcome(const Result<HttpResponse>& response) {
    if (!response) return {PapAction::retry, "PAP: " + header_text(response.error().rule, kLimits.reason_bytes)};
    const auto answer = decode_pap_answer(response->body);
    if (!answer) return {PapAction::retry, "PAP: HTTP " + std::to_string(response->status) + " and " + answer.error().rule};
    const PapCode row = pap_code(answer->code);
    std::string reason = "PAP " + std::to_string(row.code) + " ";
    reason += answer->description.empty() ? std::string(row.name) : answer->description;
    return {row.action, std::move(reason)};
}

PapBearer::PapBearer(Loop& loop, const Config& config)
    : loop_(loop), config_(config), client_(std::make_shared<HttpClient>(loop, HttpClient::Options{config.push_connections})) {}

void PapBearer::push(Push push, std::function<void(Pushed)> done) { send(std::move(push), true, std::move(done)); }

void PapBearer::send(Push push, bool quality_of_service, std::function<void(Pushed)> done) {
    HttpRequest request = pap_request(config_, push, loop_.now(), quality_of_service);
    client_->send(std::move(request), [this, alive = std::weak_ptr(client_), push = std::move(push), quality_of_service,
                                       done = std::move(done)](Result<HttpResponse> response) {
        PapOutcome outcome = pap_outcome(response);
        if (outcome.action == PapAction::without_quality && quality_of_service && alive.lock()) return send(push, false, done);
        const Verdict verdict = outcome.action == PapAction::accepted  ? Verdict::accepted
                                : outcome.action == PapAction::refused ? Verdict::refused
                                                                       : Verdict::try_later;
        done({verdict, std::move(outcome.reason)});
    });
}

}   // namespace mmgate::push
