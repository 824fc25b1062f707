// Any octets as an MM1 PDU: what decodes can be shown, written and read again; a submission of it can be stored, read back and sent on as mail.
#include <cstdint>
#include <cstdlib>

#include "daemon/control/pdu_json.h"
#include "daemon/mm1/session.h"
#include "mapping/charset.h"
#include "mapping/limits.h"
#include "mapping/mail/mm_to_mail.h"
#include "mapping/mm1/dump.h"
#include "mapping/mm1/fields.h"
#include "mapping/mm1/messages.h"
#include "tests/mapping/mm1/canonical.h"

using namespace mmgate;

namespace {

constexpr std::size_t kMostForMail = 16 * 1024;

/// Fails also where assert is off.
void hold(bool promise) {
    if (!promise) std::abort();
}

bool is_clean(std::string_view text) {
    for (char c : text)
        if (static_cast<unsigned char>(c) < 0x20 || c == 0x7F) return false;
    return true;
}

/// Whatever is wrong with it, what we answer is a PDU that names the transaction, or no PDU.
void check_answer(Bytes wire, const Error* error) {
    const mm1::Peek peek = mm1::peek(wire);
    if (!error) return;
    const http::Response response = mm1::refuse_unreadable(peek, *error);
    if (response.status != 200 || response.body.empty()) return;
    const auto answer = mm1::decode_pdu(response.body);
    hold(answer.has_value() && peek.transaction_id);
    hold(*answer->find(mm1::field::transaction_id) == mm1::Value(*peek.transaction_id));
}

void check_content(Content content) {
    const Octets stored = mm1::encode_content(content);
    auto read = mm1::decode_content(stored);
    hold(read.has_value());
    hold(mm1::encode_content(*read) == stored);
    hold(read->media.type.starts_with("multipart/"));
}

void check_mail(const mm1::SendReq& req) {
    MmHeaders headers = req.headers;
    headers.from = Address{Address::Kind::phone, "+447700900123", {}};
    mail::MmToMailOptions options;
    options.message_id = "id@mms.example.net";
    options.domain = "mms.example.net";
    options.hostname = "gw.mms.example.net";
    options.queue_id = options.boundary_seed = "0123456789ABC";
    options.keep_applic_id = true;
    const auto mail = mail::mm_to_mail(headers, req.content, options);
    if (!mail) return;
    for (std::size_t i = 0; i < mail->size(); ++i) {
        const auto c = static_cast<unsigned char>((*mail)[i]);
        hold((c >= 0x20 && c < 0x7F) || c == '\t' || c == '\r' || c == '\n');
        hold((c == '\n') == (i > 0 && (*mail)[i - 1] == '\r'));
    }
}

}   // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const Bytes wire(reinterpret_cast<const char*>(data), size);
    const auto pdu = mm1::decode_pdu(wire);
    if (!pdu) {
        hold(pdu.error().offset <= size && !pdu.error().rule.empty() && is_clean(pdu.error().rule));
        check_answer(wire, &pdu.error());
        return 0;
    }
    check_answer(wire, nullptr);
    // What an answer is made of is known without decoding.
    const mm1::Peek peek = mm1::peek(wire);
    hold(peek.type == pdu->type);
    const mm1::Value* id = pdu->find(mm1::field::transaction_id);
    hold(peek.transaction_id.has_value() == (id != nullptr) && (!id || *id == mm1::Value(*peek.transaction_id)));
    const mm1::Value* version = pdu->find(mm1::field::mms_version);
    hold(peek.version.has_value() == (version != nullptr) && (!version || *version == mm1::Value(mm1::Octet{*peek.version})));
    hold(test::survives(*pdu));
    hold(is_utf8(mm1::dump(*pdu)));
    const std::string json = control::pdu_json(*pdu);   // for a terminal, too
    hold(is_utf8(json) && is_clean(json) && json.starts_with("{\"type\":"));
    if (pdu->type == mm1::PduType::m_notifyresp_ind || pdu->type == mm1::PduType::m_acknowledge_ind) hold(mm1::notify_resp_of(*pdu).has_value());
    if (pdu->type != mm1::PduType::m_send_req) return 0;
    const auto req = mm1::send_req_of(*pdu);
    if (!req) return 0;
    hold(req->recipients.size() + req->bad_recipients.size() <= kLimits.pdu_recipients && is_clean(req->headers.subject));
    check_content(req->content);
    if (size <= kMostForMail) check_mail(*req);
    return 0;
}
