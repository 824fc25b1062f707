#include <criterion/criterion.h>

#include <memory>
#include <optional>

#include "daemon/push/kannel.h"
#include "daemon/push/make_bearer.h"
#include "daemon/push/pap.h"
#include "mapping/push/wsp_push.h"
#include "tests/support/http_peer.h"

using namespace mmgate;
using namespace mmgate::push;
using tests::HttpPeer;

namespace {

Config config_of(PushKind kind, std::string url) {
    Config config;
    config.domain = "mms.example.net";
    config.push_kind = kind;
    config.push_url = std::move(url);
    config.push_user = "mm&s";
    config.push_password = "p w";
    config.push_from = "12345";
    config.push_connections = 2;
    config.push_timeout = Seconds(5);
    return config;
}

Push sample(std::size_t octets = 3) {
    Octets pdu = "\x8C\x82";
    pdu.resize(octets, 'n');
    return {"+447700900123", pdu, "0000000000001.0.1", Seconds(7200)};
}

Pushed pushed(const Config& config, Push push) {
    Loop loop;
    std::shared_ptr<Bearer> bearer = make_bearer(loop, config);
    std::optional<Pushed> out;
    auto* raw = bearer.get();
    // The callback is the last to hold the bearer, as after a reload.
    raw->push(std::move(push), [&, holder = std::move(bearer)](Pushed verdict) {
        out = std::move(verdict);
        loop.stop();
    });
    cr_assert(!out, "done ran from inside push");
    loop.run();
    return *out;
}

std::string answer(const std::string& status, const std::string& body) {
    return "HTTP/1.1 " + status + "\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
}

std::string pap_answer(unsigned code) {
    return answer("202 Accepted", "<?xml version=\"1.0\"?><pap><push-response push-id=\"x\"><response-result code=\"" + std::to_string(code) +
                                      "\" desc=\"words\"/></push-response></pap>");
}

bool holds(const std::string& text, std::string_view part) { return text.find(part) != std::string::npos; }

}   // namespace

Test(pap_bearer, hands_over_and_believes_the_code) {
    struct Row {
        const char* name;
        std::string answer;
        Verdict verdict;
        const char* reason;
    };
    const Row rows[] = {
        {"accepted", pap_answer(1001), Verdict::accepted, "PAP 1001 words"},
        {"known already", pap_answer(2007), Verdict::accepted, "PAP 2007 words"},
        {"no such address", pap_answer(2003), Verdict::refused, "PAP 2003 words"},
        {"trouble", pap_answer(3000), Verdict::try_later, "PAP 3000 words"},
        {"a bad message", answer("400 Bad Request", "<pap><badmessage-response code=\"2000\"/></pap>"), Verdict::refused, "PAP 2000 Bad request"},
        {"a wrong password", answer("401 Unauthorized", "who?"), Verdict::try_later, "HTTP 401"},
        {"a wrong path", answer("404 Not Found", ""), Verdict::try_later, "HTTP 404"},
        {"success without a word", answer("202 Accepted", ""), Verdict::try_later, "HTTP 202"},
        {"a closed connection", "", Verdict::try_later, "PAP: "},
    };
    for (const Row& row : rows) {
        HttpPeer peer([&](const std::string&) { return row.answer; });
        const Pushed got = pushed(config_of(PushKind::pap, peer.url("/wappush")), sample());
        cr_expect(got.verdict == row.verdict && holds(got.reason, row.reason), "%s: %s", row.name, got.reason.c_str());
        const auto requests = peer.requests();
        cr_assert(requests.size() == 1, "%s", row.name);
        cr_expect(requests[0].starts_with("POST /wappush HTTP/1.1\r\n"));
        cr_expect(holds(requests[0], "\r\nAuthorization: Basic bW0mczpwIHc=\r\n"));
        cr_expect(holds(requests[0], "push-id=\"0000000000001.0.1@mms.example.net\" deliver-before-timestamp=\""));
        cr_expect(holds(requests[0], "WAPPUSH=+447700900123/TYPE=PLMN@127.0.0.1\""));
        cr_expect(holds(requests[0], "\r\n\r\n\x8C\x82n\r\n--mmgate-push--\r\n"));
    }
}

Test(pap_bearer, asks_again_without_quality_of_service_once) {
    HttpPeer peer([&](const std::string&) { return pap_answer(3007); });
    const Pushed got = pushed(config_of(PushKind::pap, peer.url("/")), sample());
    cr_expect(got.verdict == Verdict::try_later);
    const auto requests = peer.requests();
    cr_assert(requests.size() == 2);
    cr_expect(holds(requests[0], "<quality-of-service") && !holds(requests[1], "<quality-of-service"));
}

Test(kannel_bearer, asks_by_get_and_by_post) {
    HttpPeer peer([](const std::string&) { return answer("202 Accepted", "0: Accepted for delivery"); });
    const Config config = config_of(PushKind::kannel, peer.url("/cgi-bin/sendsms"));
    const Pushed small = pushed(config, sample());
    cr_expect(small.verdict == Verdict::accepted && small.reason == "Kannel 202 0: Accepted for delivery", "%s", small.reason.c_str());
    Push big = sample();
    big.pdu.resize(700, '\x80');
    cr_expect(pushed(config, big).verdict == Verdict::accepted);
    const auto requests = peer.requests();
    cr_assert(requests.size() == 2);
    cr_expect(requests[0].starts_with("GET /cgi-bin/sendsms?username=mm%26s&password=p%20w&from=12345&to=%2B447700900123&coding=1&mclass=1&alt-dcs=1&validity=120"
                                      "&udh=%06%05%04%0B%84%23%F0&text=%00%06%03%BE%AF%84%8C%82n HTTP/1.1\r\n"),
              "%s", requests[0].c_str());
    cr_expect(requests[1].starts_with("POST /cgi-bin/sendsms HTTP/1.1\r\n"));
    for (const char* line : {"X-Kannel-Username: mm&s", "X-Kannel-Password: p w", "X-Kannel-From: 12345", "X-Kannel-To: +447700900123", "X-Kannel-Coding: 1",
                             "X-Kannel-MClass: 1", "X-Kannel-Alt-DCS: 1", "X-Kannel-Validity: 120", "X-Kannel-UDH: 0605040B8423F0", "Content-Type: application/octet-stream"})
        cr_expect(holds(requests[1], std::string("\r\n") + line + "\r\n"), "%s", line);
    cr_expect(requests[1].ends_with("\r\n\r\n" + encode_wsp_push(0, big.pdu)));
}

Test(kannel_bearer, puts_what_is_configured_and_bounds_the_rest) {
    Config config = config_of(PushKind::kannel, "http://127.0.0.1:13013/sendsms?smsc=a");
    config.push_from.clear();
    Push push = sample();
    push.lifetime = Seconds(3);
    HttpRequest request = kannel_request(config, push, 7);
    cr_expect(request.url.starts_with("http://127.0.0.1:13013/sendsms?smsc=a&username=mm%26s&") && !holds(request.url, "from=") && holds(request.url, "&validity=1&") &&
              holds(request.url, "&text=%07%06"));
    config.push_text_type = true;
    config.push_class_one = false;
    request = kannel_request(config, push, 7);
    cr_expect(holds(request.url, "&to=%2B447700900123&coding=1&validity=1&udh=") && holds(request.url, "&text=%07%06%22application%2Fvnd%2Ewap%2Emms%2Dmessage%00%AF%84%8C"), "%s",
              request.url.c_str());
    config.push_text_type = false;
    config.push_class_one = true;
    push.lifetime = Seconds(1'000'000'000);
    cr_expect(holds(kannel_request(config, push, 7).url, "&validity=40320&"));
    push.pdu.clear();
    const std::size_t fixed = kannel_request(config, push, 7).url.size();
    push.pdu.resize((2048 - fixed) / 3, '\x80');   // three octets each in a URL
    cr_expect(kannel_request(config, push, 7).method == HttpRequest::Method::get);
    push.pdu += '\x80';
    cr_expect(kannel_request(config, push, 7).method == HttpRequest::Method::post);
}

Test(kannel_bearer, reads_replies) {
    struct Row {
        int status;
        const char* body;
        Verdict verdict;
    };
    constexpr Row kRows[] = {
        {200, "", Verdict::accepted},
        {202, "3: Queued for later delivery", Verdict::accepted},
        {400, "Empty receiver number not allowed, rejected", Verdict::refused},
        {403, "Authorization failed for sendsms", Verdict::try_later},
        {403, "Not routable. Do not try again.", Verdict::refused},
        {404, "", Verdict::try_later},
        {500, "", Verdict::try_later},
        {503, "Temporal failure, try again later.", Verdict::try_later},
        {302, "", Verdict::try_later},
        {100, "", Verdict::try_later},
    };
    for (const Row& row : kRows) {
        const Pushed got = kannel_outcome(HttpResponse{row.status, "", row.body});
        cr_expect(got.verdict == row.verdict, "%d %s", row.status, row.body);
        cr_expect(holds(got.reason, std::to_string(row.status)));
    }
    cr_expect(kannel_outcome(fail(Fault::peer_unreachable, "no route\r\nto host")).verdict == Verdict::try_later);
    cr_expect(kannel_outcome(HttpResponse{200, "", "a\r\nb"}).reason == "Kannel 200 a b", "%s", kannel_outcome(HttpResponse{200, "", "a\r\nb"}).reason.c_str());
}

Test(make_bearer, says_what_is_missing) {
    const Pushed none = pushed(config_of(PushKind::none, ""), sample());
    cr_expect(none.verdict == Verdict::try_later && holds(none.reason, "push.kind"));
    const Pushed smpp = pushed(config_of(PushKind::smpp, ""), sample());
    cr_expect(smpp.verdict == Verdict::try_later && holds(smpp.reason, "smpp"));
}
