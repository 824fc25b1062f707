#include "mapping/push/wsp_push.h"

namespace mmgate::push {

namespace {

using namespace std::string_view_literals;

constexpr char kPushPdu = 0x06;
constexpr std::string_view kMmsMessageNumber = "\xBE"sv;
constexpr std::string_view kMmsMessageText = "application/vnd.wap.mms-message\0"sv;
constexpr std::string_view kApplicationId = "\xAF\x84"sv;   // X-Wap-Application-Id: x-wap-application:mms.ua

static_assert(kMmsMessageText.size() + kApplicationId.size() < 0x80, "the length of the headers is a uintvar of one octet");

}   // namespace

Octets encode_wsp_push(std::uint8_t push_number, Bytes pdu, ContentTypeForm form) {
    const std::string_view content_type = form == ContentTypeForm::number ? kMmsMessageNumber : kMmsMessageText;
    Octets out;
    out.reserve(3 + content_type.size() + kApplicationId.size() + pdu.size());
    out += static_cast<char>(push_number);
    out += kPushPdu;
    out += static_cast<char>(content_type.size() + kApplicationId.size());
    out += content_type;
    out += kApplicationId;
    out += pdu;
    return out;
}

}   // namespace mmgate::push
