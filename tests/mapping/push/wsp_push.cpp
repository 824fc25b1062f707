#include "mapping/push/wsp_push.h"

#include <criterion/criterion.h>

#include <string>

using namespace mmgate;
using namespace mmgate::push;
using namespace std::string_literals;

Test(wsp_push, puts_the_header_in_front) {
    const Octets pdu = "\x8C\x82" + std::string(58, '\0');
    cr_expect(encode_wsp_push(0x2A, pdu) == "\x2A\x06\x03\xBE\xAF\x84" + pdu);
    cr_expect(encode_wsp_push(0xFF, "") == "\xFF\x06\x03\xBE\xAF\x84");
    cr_expect(encode_wsp_push(1, pdu, ContentTypeForm::text) == "\x01\x06\x22"s + "application/vnd.wap.mms-message" + "\0\xAF\x84"s + pdu);
}

Test(wsp_push, names_the_ports) {
    cr_expect(kWapPushPorts == "\x06\x05\x04\x0B\x84\x23\xF0");
    // A notification of 60 octets in one short message.
    cr_expect(kWapPushPorts.size() + encode_wsp_push(0, Octets(60, 'x')).size() == 73);
}
