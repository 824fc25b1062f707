#include "mapping/push/pap.h"

#include <criterion/criterion.h>

#include <string>

using namespace mmgate;
using namespace mmgate::push;
using namespace std::string_literals;

namespace {

PapPush sample() {
    PapPush push;
    push.push_id = "n1.447@mms.example.net";
    push.number = "+447700900123";
    push.ppg = "ppg.example.net";
    push.pdu = Octets("\x8C\x82\0\r\n--", 7);
    return push;
}

}   // namespace

Test(pap, writes_control_entity_and_content) {
    const PapBody body = encode_pap_push(sample());
    cr_expect(body.content_type == "multipart/related; boundary=mmgate-push; type=\"application/xml\"");
    const Octets want =
        "--mmgate-push\r\n"
        "Content-Type: application/xml; charset=utf-8\r\n"
        "\r\n"
        "<?xml version=\"1.0\"?>\r\n"
        "<!DOCTYPE pap PUBLIC \"-//WAPFORUM//DTD PAP 1.0//EN\" \"http://www.wapforum.org/DTD/pap_1.0.dtd\">\r\n"
        "<pap>\r\n"
        " <push-message push-id=\"n1.447@mms.example.net\">\r\n"
        "  <address address-value=\"WAPPUSH=+447700900123/TYPE=PLMN@ppg.example.net\"/>\r\n"
        "  <quality-of-service delivery-method=\"unconfirmed\" network=\"GSM\" bearer=\"SMS\"/>\r\n"
        " </push-message>\r\n"
        "</pap>\r\n"
        "\r\n--mmgate-push\r\n"
        "Content-Type: application/vnd.wap.mms-message\r\n"
        "X-Wap-Application-Id: x-wap-application:mms.ua\r\n"
        "Content-Transfer-Encoding: binary\r\n"
        "\r\n" +
        sample().pdu + "\r\n--mmgate-push--\r\n";
    cr_expect(body.octets == want, "%s", body.octets.c_str());
}

Test(pap, writes_what_is_asked_for) {
    PapPush push = sample();
    push.push_id = "a\"<&>\n@b";
    push.ppg.clear();
    push.quality_of_service = false;
    push.deliver_before = Instant(std::chrono::milliseconds(4'102'444'799'999));   // the last second of 2099
    const Octets octets = encode_pap_push(push).octets;
    cr_expect(octets.find("push-id=\"a&quot;&lt;&amp;&gt; @b\" deliver-before-timestamp=\"2099-12-31T23:59:59Z\">") != Octets::npos, "%s", octets.c_str());
    cr_expect(octets.find("address-value=\"WAPPUSH=+447700900123/TYPE=PLMN\"/>") != Octets::npos);
    cr_expect(octets.find("quality-of-service") == Octets::npos);
}

Test(pap, takes_a_boundary_that_no_part_holds) {
    PapPush push = sample();
    push.pdu = "--mmgate-push mmgate-push-0 mmgate-push-1";
    const PapBody body = encode_pap_push(push);
    cr_expect(body.content_type.find("boundary=mmgate-push-2;") != std::string::npos);
    cr_expect(body.octets.ends_with("\r\n--mmgate-push-2--\r\n"));
}

Test(pap, reads_answers) {
    struct Row {
        const char* name;
        std::string xml;
        std::uint16_t code;   // 0: malformed
        const char* description;
    };
    const std::string head =
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<!DOCTYPE pap PUBLIC \"-//WAPFORUM//DTD PAP 1.0//EN\" \"http://www.wapforum.org/DTD/pap_1.0.dtd\">\n";
    const Row rows[] = {
        {"accepted",
         head + "<pap><push-response push-id=\"1@x\" sender-name=\"PPG\" reply-time=\"2026-01-02T03:04:05Z\"><response-result code=\"1001\" "
                "desc=\"The request has been accepted for processing\"></response-result></push-response></pap>",
         1001, "The request has been accepted for processing"},
        {"with progress notes first",
         "<pap><push-response push-id=\"1\"><progress-note stage=\"s\" note=\"n\"/><response-result code=\"2003\" desc=\"no\"/></push-response></pap>", 2003, "no"},
        {"a bad message", head + "<pap><badmessage-response code=\"2000\" desc=\"not\nimplemented\" bad-message-fragment=\"&lt;x&gt;\"/></pap>", 2000, "not implemented"},
        {"without description", "<pap><push-response><response-result code='1000'/></push-response></pap>", 1000, ""},
        {"with a prefix", "<p:pap xmlns:p='x'><p:push-response><p:response-result code='1000'/></p:push-response></p:pap>", 1000, ""},
        {"an entity of its own stays what it is",
         "<!DOCTYPE pap [<!ENTITY e \"boom\">]><pap><push-response><response-result code=\"1000\" desc=\"&e;\"/></push-response></pap>", 1000, "&e;"},
        {"empty", "", 0, ""},
        {"no XML", "202 Accepted", 0, ""},
        {"cut", "<pap><push-response><response-result code=\"1000\"", 0, ""},
        {"another document", "<html><body/></html>", 0, ""},
        {"another message of PAP", "<pap><cancel-response/></pap>", 0, ""},
        {"no result", "<pap><push-response/></pap>", 0, ""},
        {"no code", "<pap><push-response><response-result desc=\"x\"/></push-response></pap>", 0, ""},
        {"a word for a code", "<pap><push-response><response-result code=\"ok\"/></push-response></pap>", 0, ""},
        {"a code beyond 16 bits", "<pap><push-response><response-result code=\"66536\"/></push-response></pap>", 0, ""},
        {"a code with a tail", "<pap><push-response><response-result code=\"1000 \"/></push-response></pap>", 0, ""},
    };
    for (const Row& row : rows) {
        const auto got = decode_pap_answer(row.xml);
        if (row.code == 0) {
            cr_expect(!got && got.error().fault == Fault::malformed, "%s", row.name);
        } else {
            cr_expect(got && *got == (PapAnswer{row.code, row.description}), "%s: %s", row.name, got ? got->description.c_str() : got.error().rule.c_str());
        }
    }
    const std::string longest = "<pap><push-response><response-result code=\"1000\"/></push-response></pap>";
    cr_expect(decode_pap_answer(longest + std::string(64 * 1024 - longest.size(), ' ')).has_value());
    const auto longer = decode_pap_answer(longest + std::string(64 * 1024 - longest.size() + 1, ' '));
    cr_expect(!longer && longer.error().fault == Fault::too_large);
    // In UTF-16 it may break behind more octets of UTF-8 than came.
    const std::string wide = "\0<\0t"s + std::string(60, '\xFF');
    const auto broken = decode_pap_answer(wide);
    cr_expect(!broken && broken.error().offset <= wide.size());
    // Nesting costs neither stack nor time.
    std::string deep;
    for (int i = 0; i < 9000; ++i) deep += "<a>";
    cr_expect(!decode_pap_answer(deep));
}

Test(pap, acts_on_each_code_and_on_the_class_of_others) {
    for (const PapCode& row : kPapCodes) {
        const PapCode got = pap_code(row.code);
        cr_expect(got.code == row.code && got.action == row.action && got.name == row.name, "%u", row.code);
    }
    struct Row {
        std::uint16_t code;
        PapAction action;
    };
    constexpr Row kOthers[] = {{1500, PapAction::accepted}, {2999, PapAction::refused}, {3500, PapAction::retry}, {4999, PapAction::retry}, {5001, PapAction::refused}, {0, PapAction::retry}, {999, PapAction::retry}, {6000, PapAction::retry}, {65535, PapAction::retry}, {2002, PapAction::refused}, {2007, PapAction::accepted}, {3007, PapAction::without_quality}};
    for (const Row& row : kOthers) cr_expect(pap_code(row.code).action == row.action, "%u", row.code);
}
