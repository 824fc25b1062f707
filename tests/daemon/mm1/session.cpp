#include "daemon/mm1/session.h"

#include <criterion/criterion.h>

#include <string>

#include "mapping/mm1/messages.h"
#include "mapping/mm1/pdus.h"
#include "mapping/status.h"

using namespace mmgate;
using namespace mmgate::mm1;
using namespace std::string_literals;

namespace {

Network loopback() {
    Network network;
    network.address = {127, 0, 0, 0};
    network.prefix_bits = 8;
    return network;
}

Config sample() {
    Config config;
    config.msisdn_headers = {"X-MSISDN", "X-WAP-Network-Client-MSISDN"};
    config.mm1_trusted = {loopback()};
    config.mm1_clients = {{"10.1.2.3", "+447700900777"}, {"127.0.0.9", "+447700900999"}, {"2001:DB8:0:0::7", "+447700900666"}};
    return config;
}

http::Request with_fields(std::vector<http::Field> fields) {
    http::Request request;
    request.method = "GET";
    request.path = "/";
    request.fields = std::move(fields);
    return request;
}

Peek peek_of(PduType type, std::uint8_t version = 0x92) { return {type, static_cast<std::uint8_t>(type), "T1", version}; }

std::uint8_t response_status(const http::Response& response) {
    const auto pdu = decode_pdu(response.body);
    cr_assert(pdu.has_value(), "%s", pdu ? "" : pdu.error().rule.c_str());
    const Value* value = pdu->find(0x12);
    cr_assert(value != nullptr);
    if (const auto* counted = std::get_if<CountedValue>(value)) return std::get<Octet>(counted->value).value;
    return std::get<Octet>(*value).value;
}

}   // namespace

Test(identity, only_what_is_trusted_and_said_once) {
    struct Row {
        const char* name;
        const char* peer;
        std::vector<http::Field> fields;
        const char* number;   // "" nobody
    };
    const Row rows[] = {
        {"a header from a trusted address", "127.0.0.1", {{"x-msisdn", "+447700900123"}}, "+447700900123"},
        {"the same from another address", "192.0.2.1", {{"x-msisdn", "+447700900123"}}, ""},
        {"from an IPv6 address that looks alike", "::1", {{"x-msisdn", "+447700900123"}}, ""},
        {"without plus", "127.0.0.1", {{"x-msisdn", "447700900123"}}, "447700900123"},
        {"a tel URI", "127.0.0.1", {{"x-msisdn", "tel:+447700900123"}}, "+447700900123"},
        {"a tel URI in capitals", "127.0.0.1", {{"x-msisdn", "TEL:447700900123"}}, "447700900123"},
        {"a header twice", "127.0.0.1", {{"x-msisdn", "+447700900123"}, {"x-msisdn", "+447700900123"}}, ""},
        {"a list", "127.0.0.1", {{"x-msisdn", "+447700900123, +447700900124"}}, ""},
        {"a list of one and nothing", "127.0.0.1", {{"x-msisdn", "+447700900123,"}}, ""},
        {"an empty header", "127.0.0.1", {{"x-msisdn", ""}}, ""},
        {"a word", "127.0.0.1", {{"x-msisdn", "anonymous"}}, ""},
        {"plus alone", "127.0.0.1", {{"x-msisdn", "+"}}, ""},
        {"two pluses", "127.0.0.1", {{"x-msisdn", "++447700900123"}}, ""},
        {"spaces inside", "127.0.0.1", {{"x-msisdn", "+44 7700 900123"}}, ""},
        {"too long for a number", "127.0.0.1", {{"x-msisdn", "+4477009001234567"}}, ""},
        {"as long as a number gets", "127.0.0.1", {{"x-msisdn", "+447700900123456"}}, "+447700900123456"},
        {"the second configured header", "127.0.0.1", {{"x-wap-network-client-msisdn", "447700900124"}}, "447700900124"},
        {"the first configured one decides", "127.0.0.1", {{"x-wap-network-client-msisdn", "447700900124"}, {"x-msisdn", "447700900123"}}, "447700900123"},
        {"a broken first one is not passed over", "127.0.0.1", {{"x-msisdn", "?"}, {"x-wap-network-client-msisdn", "447700900124"}}, ""},
        {"a header wins over the table", "127.0.0.9", {{"x-msisdn", "+447700900123"}}, "+447700900123"},
        {"a broken header leaves no identity at all", "127.0.0.9", {{"x-msisdn", "?"}}, ""},
        {"the table", "127.0.0.9", {}, "+447700900999"},
        {"the table for an address that is not trusted", "10.1.2.3", {}, "+447700900777"},
        {"a header that is not believed leaves the table", "10.1.2.3", {{"x-msisdn", "+447700900123"}}, "+447700900777"},
        {"the table by another spelling", "2001:db8::7", {}, "+447700900666"},
        {"nobody", "192.0.2.1", {}, ""},
    };
    const Identities identities(sample());
    for (const Row& row : rows) cr_expect(identities.identify(with_fields(row.fields), row.peer).value_or("") == row.number, "%s", row.name);
}

Test(identity, twelve_header_names_trusted_and_not) {
    constexpr std::string_view kNames[] = {"x-wap-network-client-msisdn", "x-msisdn", "x-nokia-msisdn", "x-up-calling-line-id", "x-up-subno", "msisdn",
                                           "x-h3g-msisdn", "x-wap-msisdn", "x-forwarded-msisdn", "x-mdn", "x-vzw-mdn", "user-identity-forward-msisdn"};
    for (std::string_view configured : kNames) {
        Config config = sample();
        config.msisdn_headers = {std::string(configured)};
        const Identities identities(config);
        for (std::string_view sent : kNames) {
            const auto request = with_fields({{std::string(sent), "+447700900123"}, {"x-forwarded-for", "127.0.0.1"}});
            cr_expect(identities.identify(request, "127.0.0.1").has_value() == (sent == configured), "%s for %s", sent.data(), configured.data());
            cr_expect(!identities.identify(request, "192.0.2.1"), "%s from elsewhere", sent.data());
        }
    }
    Config nobody = sample();
    nobody.mm1_trusted.clear();
    cr_expect(!Identities(nobody).identify(with_fields({{"x-msisdn", "+447700900123"}}), "127.0.0.1"), "an empty list trusts nobody");
}

Test(ask, what_a_request_means) {
    struct Row {
        const char* name;
        const char* method;
        const char* path;
        const char* media;   // nullptr: absent
        std::string body;
        int status;            // 0: accepted
        const char* locator;   // of a GET
    };
    const std::string pdu = "\x8C\x80\x98T1\0\x8D\x92"s;
    const Row rows[] = {
        {"a retrieval", "GET", "/AbC", nullptr, "", 0, "AbC"},
        {"below a path, with a query", "GET", "/mms/x/AbC?T=1&/", nullptr, "", 0, "AbC"},
        {"of nothing", "GET", "/", nullptr, "", 0, ""},
        {"with a body", "GET", "/AbC", nullptr, "x", 400, ""},
        {"a PDU", "POST", "/", "application/vnd.wap.mms-message", pdu, 0, ""},
        {"to a message's URL", "POST", "/AbC", "Application/vnd.wap.MMS-message; charset=utf-8", pdu, 0, ""},
        {"without a type", "POST", "/", nullptr, pdu, 0, ""},
        {"as curl sends it", "POST", "/", "application/x-www-form-urlencoded", pdu, 0, ""},
        {"transaction id first", "POST", "/", "application/vnd.wap.mms-message", "\x98T1\0\x8C\x80"s, 0, ""},
        {"transaction id first, without a type", "POST", "/", nullptr, "\x98T1\0\x8C\x80"s, 400, ""},
        {"nothing", "POST", "/", "application/vnd.wap.mms-message", "", 400, ""},
        {"no PDU", "POST", "/", "application/vnd.wap.mms-message", "<html>", 400, ""},
        {"something else", "POST", "/", "text/xml", "<html>", 415, ""},
        {"something else without a type", "POST", "/", nullptr, "<html>", 400, ""},
        {"HEAD", "HEAD", "/AbC", nullptr, "", 405, ""},
        {"OPTIONS", "OPTIONS", "*", nullptr, "", 405, ""},
        {"PUT", "PUT", "/AbC", "application/vnd.wap.mms-message", pdu, 405, ""},
        {"DELETE", "DELETE", "/AbC", nullptr, "", 405, ""},
        {"CONNECT", "CONNECT", "gw:80", nullptr, "", 405, ""},
        {"a method of nobody's", "FETCH", "/", nullptr, "", 501, ""},
        {"a method in lower case", "get", "/AbC", nullptr, "", 501, ""},
    };
    for (const Row& row : rows) {
        http::Request request;
        request.method = row.method;
        request.path = row.path;
        request.body = row.body;
        if (row.media) request.fields.push_back({"content-type", row.media});
        const Ask ask = ask_of(request);
        if (row.status != 0) {
            const auto* not_mm1 = std::get_if<NotMm1>(&ask);
            cr_assert(not_mm1, "%s", row.name);
            cr_expect(not_mm1->response.status == row.status, "%s: %d", row.name, not_mm1->response.status);
            cr_expect((not_mm1->response.allow == "GET, POST") == (row.status == 405), "%s", row.name);
        } else if (request.method == "GET") {
            cr_expect(std::holds_alternative<Retrieve>(ask) && std::get<Retrieve>(ask).locator == row.locator, "%s", row.name);
        } else {
            cr_expect(std::holds_alternative<Post>(ask), "%s", row.name);
        }
    }
    http::Request packed;
    packed.method = "POST";
    packed.body = pdu;
    packed.fields = {{"content-encoding", "gzip"}};
    cr_expect(std::holds_alternative<NotMm1>(ask_of(packed)));
}

Test(refusal, each_fault_in_each_version) {
    struct Row {
        Fault fault;
        std::uint8_t status, status_10;
    };
    // OMA-TS-MMS_ENC-V1_3 §7.3.48.
    constexpr Row kRows[] = {
        {Fault::malformed, 0xE2, 0x83},
        {Fault::truncated, 0xE2, 0x83},
        {Fault::too_large, 0xE2, 0x83},
        {Fault::unsupported_version, 0x88, 0x88},
        {Fault::unsupported_type, 0x88, 0x88},
        {Fault::sender_denied, 0xE1, 0x82},
        {Fault::no_recipients, 0xE3, 0x84},
        {Fault::recipient_unknown, 0xE3, 0x84},
        {Fault::recipient_syntax, 0xE3, 0x84},
        {Fault::message_too_big, 0xE5, 0x87},
        {Fault::content_refused, 0xE5, 0x87},
        {Fault::storage_full, 0xC0, 0x81},
        {Fault::storage_failed, 0xC0, 0x81},
        {Fault::overloaded, 0xC3, 0x86},
        {Fault::hidden_sender, 0xEA, 0x82},
        {Fault::internal, 0xC0, 0x81},
    };
    for (const Row& row : kRows) {
        for (std::uint8_t version : {0x90, 0x91, 0x92, 0x93, 0x9E}) {
            const http::Response response = refuse(peek_of(PduType::m_send_req, version), PduType::m_send_conf, row.fault, "words");
            cr_expect(response.status == 200 && response.content_type == kMmsMessage);
            const std::uint8_t want = version == 0x90 ? row.status_10 : version == 0x91 && row.status == 0xEA ? 0xE1
                                                                                                              : row.status;
            cr_expect(response_status(response) == want, "%s in %02x: %02x", spec_of(row.fault).name.data(), version, response_status(response));
            const Peek answer = peek(response.body);
            cr_expect(answer.type == PduType::m_send_conf && answer.transaction_id == "T1" && answer.version == answer_version(version));
        }
    }
    // Another major version is answered in ours, as unsupported, whatever else is wrong.
    for (std::uint8_t version : {0x80, 0x8F, 0xA0, 0xFF}) {
        const http::Response response = refuse(peek_of(PduType::m_send_req, version), PduType::m_send_conf, Fault::sender_denied, "words");
        cr_expect(response_status(response) == 0x88 && peek(response.body).version == kOurVersion, "%02x", version);
    }
    Peek unnamed = peek_of(PduType::m_send_req);
    unnamed.transaction_id.reset();
    cr_expect(refuse(unnamed, PduType::m_send_conf, Fault::sender_denied, "words").status == 400);
}

Test(refusal, each_service_by_its_own_confirmation) {
    for (const TreatmentRow& row : kTreatments) {
        const Peek asked = peek_of(row.type);
        const TreatmentRow& found = treatment_of(asked);
        cr_expect(found.type == row.type && found.treatment == row.treatment);
        if (row.treatment != Treatment::denied) continue;
        const http::Response response = refuse(asked, row.conf, Fault::sender_denied, "not here");
        const auto pdu = decode_pdu(response.body);   // strict: mandatory fields are there
        cr_assert(response.status == 200 && pdu.has_value(), "%s: %s", pdu_spec(row.conf).name.data(), pdu ? "" : pdu.error().rule.c_str());
        cr_expect(pdu->type == row.conf);
        cr_expect(peek(response.body).transaction_id == "T1");
        if (const Value* stored = pdu->find(0x25)) cr_expect(std::get<Octet>(*stored).value == 0xE1, "%s", pdu_spec(row.conf).name.data());
        else cr_expect(response_status(response) == 0xE1, "%s", pdu_spec(row.conf).name.data());
    }
    Peek reserved;
    reserved.type_octet = 0x98;
    reserved.transaction_id = "T1";
    cr_expect(treatment_of(reserved).treatment == Treatment::unsupported);
    cr_expect(response_status(refuse_unreadable(reserved, {Fault::malformed, 0, "x"})) == 0x88);
}

Test(refusal, what_cannot_be_read) {
    const Error broken{Fault::malformed, 7, "a rule"};
    const auto refused = [&](PduType type) { return refuse_unreadable(peek_of(type), broken); };
    cr_expect(response_status(refused(PduType::m_send_req)) == 0xE2);
    for (PduType type : {PduType::m_notifyresp_ind, PduType::m_acknowledge_ind, PduType::m_read_rec_ind, PduType::m_cancel_conf}) cr_expect(refused(type).status == 400);
    Peek typeless;
    typeless.transaction_id = "T9";
    typeless.version = 0x92;
    cr_expect(response_status(refuse_unreadable(typeless, broken)) == 0xE2);
    Peek nothing;
    nothing.type = PduType::m_send_req;
    nothing.type_octet = 0x80;
    cr_expect(refuse_unreadable(nothing, broken).status == 400);
}

Test(refusal, what_is_too_big) {
    const http::Response known = refuse_oversized(peek_of(PduType::m_send_req));
    cr_expect(known.status == 200 && known.close && response_status(known) == 0xE5);
    const http::Response other = refuse_oversized(peek_of(PduType::m_notifyresp_ind));
    cr_expect(other.status == 413 && other.close);
    Peek unnamed = peek_of(PduType::m_send_req);
    unnamed.transaction_id.reset();
    cr_expect(refuse_oversized(unnamed).status == 413);
}

Test(refusal, what_is_not_given) {
    const Instant now(Seconds(0x65000000));
    struct Row {
        NotGiven why;
        int http;
        std::uint8_t status;
    };
    for (const Row& row : {Row{NotGiven::not_found, 404, 0xE2}, Row{NotGiven::held, 200, 0xC1}, Row{NotGiven::failed, 200, 0xC0}, Row{NotGiven::lost, 200, 0xE0}}) {
        const http::Response response = not_given(row.why, now);
        const auto pdu = decode_pdu(response.body);
        cr_assert(response.status == row.http && response.content_type == kMmsMessage && pdu.has_value());
        cr_expect(pdu->type == PduType::m_retrieve_conf && std::get<Octet>(*pdu->find(0x19)).value == row.status);
        cr_expect(std::get<std::uint64_t>(*pdu->find(0x05)) == 0x65000000u);
        // Phones of version 1.0 know no status: they show the body.
        cr_expect(pdu->content_type->type == "text/plain" && pdu->parts.size() == 1 && !pdu->parts[0].data.empty());
        cr_expect(pdu->find(0x0B) == nullptr, "no Message-ID in an error");
    }
}
