#include "daemon/control/pdu_json.h"

#include <criterion/criterion.h>

#include "tests/mapping/mm1/examples.h"
#include "tests/support/hex.h"

using namespace mmgate;

namespace {

std::string json(std::string_view wire) {
    auto pdu = mm1::decode_pdu(test::octets(wire));
    cr_assert(pdu.has_value(), "%s: %s at %zu", wire.data(), pdu.error().rule.c_str(), pdu.error().offset);
    return control::pdu_json(*pdu);
}

void expect_json(std::string_view wire, std::string_view want) {
    const std::string got = json(wire);
    cr_expect(got == want, "\n  got  %s\n  want %s", got.c_str(), want.data());
}

constexpr std::string_view kHi = R"("size":2,"sha256":"3639efcd08abb273b1619e82e78c29a7df02c1051b1820e99fc395dcaa3326b8","text":"Hi")";

}   // namespace

Test(pdu_json, a_submission) {
    expect_json(
        "8C 80 98 'T1' 00 8D 92 89 01 81 97 '+447001/TYPE=PLMN' 00 97 'a@b.c' 00 96 05 EA 48 C3 A9 00 8F 82 86 80 91 81 88 05 81 03 01 51 80 85 04 65 00 00 00"
        "'X-A' 00 'v' 00 84 1B B3 89 'application/smil' 00 8A '<AAAA>' 00 01"
        "26 02 06 83 85 'h' 00 81 83 C0 22 '<t>' 00 8E 't.txt' 00 AE 08 82 86 'x.txt' 00 8D 82 'X-Q' 00 'w' 00 'Hi'",
        std::string(R"({"type":"m-send-req","headers":{"X-Mms-Transaction-ID":"T1","X-Mms-MMS-Version":"1.2","From":{"insert":true},)") +
            R"("To":["+447001/TYPE=PLMN","a@b.c"],"Subject":"Hé","X-Mms-Priority":"High","X-Mms-Delivery-Report":true,"X-Mms-Report-Allowed":false,)" +
            R"("X-Mms-Expiry":{"rel":86400},"Date":{"abs":1694498816},"X-A":"v"},)" +
            R"("content_type":{"type":"application/vnd.wap.multipart.related","params":{"type":"application/smil","start":"<AAAA>"}},)" +
            R"("parts":[{"type":"text/plain","params":{"name":"h","charset":"us-ascii","filename":"x.txt"},)" +
            R"("headers":{"Content-ID":"<t>","Content-Location":"t.txt","Content-Disposition":"inline","X-Q":"w"},)" + std::string(kHi) + "}]}");
}

Test(pdu_json, every_kind_of_value) {
    expect_json("8C 81 98 'T1' 00 8D 92 92 E5 93 'too big' 00",
                R"({"type":"m-send-conf","headers":{"X-Mms-Transaction-ID":"T1","X-Mms-MMS-Version":"1.2","X-Mms-Response-Status":229,"X-Mms-Response-Text":"too big"}})");
    expect_json("8C 83 98 'n1' 00 8D 9F 95 81 91 85",
                R"({"type":"m-notifyresp-ind","headers":{"X-Mms-Transaction-ID":"n1","X-Mms-MMS-Version":"1","X-Mms-Status":129,"X-Mms-Report-Allowed":133}})");
    expect_json("8C 92 98 'b4' 00 8D 92 92 02 80 80 92 02 81 E4 93 04 81 'no' 00 83 05 81 'x/2' 00",
                std::string(R"({"type":"m-mbox-delete-conf","headers":{"X-Mms-Transaction-ID":"b4","X-Mms-MMS-Version":"1.2",)") +
                    R"("X-Mms-Response-Status":[{"count":0,"status":128},{"count":1,"status":228}],"X-Mms-Response-Text":{"count":1,"text":"no"},)" +
                    R"("X-Mms-Content-Location":{"count":1,"uri":"x/2"}}})");
    expect_json("8C 8D 98 'b2' 00 8D 92 A3 82 A3 83 A4 04 82 'in' 00 AF 80 B3 8A A8 96 A8 AE A8 C1 A9 80",
                std::string(R"({"type":"m-mbox-view-req","headers":{"X-Mms-Transaction-ID":"b2","X-Mms-MMS-Version":"1.2","X-Mms-MM-State":["New","Retrieved"],)") +
                    R"("X-Mms-MM-Flags":{"token":"Filter","text":"in"},"X-Mms-Start":0,"X-Mms-Limit":10,"X-Mms-Attributes":["Subject","Content",193],"X-Mms-Totals":true}})");
    expect_json("8C 84 8D 92 8B '<m1@x>' 00 85 04 65 00 00 00 89 06 80 '+447' 00 82 'a@b' 00 A0 05 81 'a@b' 00 A1 06 81 04 65 00 00 00 8A 'mine' 00 84 83 'Hi'",
                std::string(R"({"type":"m-retrieve-conf","headers":{"X-Mms-MMS-Version":"1.2","Message-ID":"m1@x","Date":{"abs":1694498816},"From":{"address":"+447"},"Cc":["a@b"],)") +
                    R"("X-Mms-Previously-Sent-By":{"count":1,"address":"a@b"},"X-Mms-Previously-Sent-Date":{"count":1,"abs":1694498816},"X-Mms-Message-Class":"mine"},)" +
                    R"("content_type":{"type":"text/plain","params":{}},"parts":[{"type":"text/plain","params":{},"headers":{},)" + std::string(kHi) + "}]}");
}

Test(pdu_json, nested_parts_are_parts_with_parts) {
    const std::string got = json("8C 84 8D 92 85 04 65 00 00 00 84 A3 01 01 06 A6 01 01 02 83 'Hi'");
    cr_expect(got.find(R"("parts":[{"type":"application/vnd.wap.multipart.alternative","params":{},"headers":{},"parts":[{"type":"text/plain")") != std::string::npos, "%s", got.c_str());
}

Test(pdu_json, every_pdu_type_is_told_in_utf8) {
    for (const auto& example : test::kExamplePdus) {
        const std::string got = json(example.hex);
        cr_expect(got.starts_with("{\"type\":\"m-") && got.ends_with("}") && got.find('\n') == std::string::npos, "%s: %s", example.name.data(), got.c_str());
    }
    cr_expect(json("8C 85 98 7F FC 41 00 8D 92").find("\xC3\xBC"
                                                      "A") != std::string::npos,
              "an id of another charset");
    cr_expect(json("8C 85 98 'n1' 00 8D 92 'Subject' 00 'no' 00").find("Subject") == std::string::npos, "a name is not the numbered field");
}

Test(pdu_json, nothing_of_a_peer_steers_a_terminal) {
    // DEL, CSI and a line separator in a transaction id, which is kept as it came, and in the text of a part
    const std::string got = json("8C 80 98 'T' 7F C2 9B '2J' E2 80 A8 C2 A9 00 8D 92 89 01 81 84 03 83 81 EA 'a' C2 85 7F E2 80 A9 'b'");
    cr_expect(got.find(R"("X-Mms-Transaction-ID":"T\u007f\u009b2J\u2028)"
                       "\xC2\xA9\"") != std::string::npos,
              "%s", got.c_str());
    cr_expect(got.find(R"("text":"a\u0085\u007f\u2029b")") != std::string::npos, "%s", got.c_str());
}
