// A peer's octets as an MM4 message: what is read can be written, is clean then, and is read the same from there on.
//
// Input: the first octet chooses how the peer writes; then a mail.
#include <cstdint>
#include <cstdlib>
#include <string>

#include "mapping/limits.h"
#include "mapping/mm4/codec.h"

using namespace mmgate;
using namespace mmgate::mm4;

namespace {

constexpr Instant kNow = Instant(std::chrono::seconds(1'795'165'200));   // 20 November 2026

/// Fails also where assert is off.
void require(bool holds) {
    if (!holds) std::abort();
}

/// What every mail of ours keeps: ASCII without controls, CRLF, short lines.
void require_clean(const Octets& mail) {
    std::size_t line = 0;
    for (std::size_t i = 0; i < mail.size(); ++i) {
        auto c = static_cast<unsigned char>(mail[i]);
        if (c == '\r') {
            require(i + 1 < mail.size() && mail[i + 1] == '\n' && i - line <= kLimits.mail_line_bytes);
            line = ++i + 1;
        } else {
            require((c >= ' ' && c < 0x7F) || c == '\t');
        }
    }
}

void require_text(const std::string& text, std::size_t limit) {
    require(text.size() <= limit);
    for (char c : text) require(static_cast<unsigned char>(c) >= ' ' && c != 0x7F);
}

void require_sane(const Ids& ids) {
    require_text(ids.transaction_id, kLimits.message_id_bytes);
    require_text(ids.message_id, kLimits.message_id_bytes);
    require(!ids.transaction_id.empty());
}
void require_sane(const ForwardReq& m) {
    const MmHeaders& h = m.headers;
    require(h.from && h.to.size() + h.cc.size() <= kLimits.header_addresses && h.previously_sent.size() <= kLimits.previously_sent);
    require(h.extension_fields.size() <= kLimits.extension_fields && m.content.parts.size() <= kLimits.pdu_parts && m.content.media.type.starts_with("multipart/"));
    require_text(h.subject, kLimits.subject_bytes);
    for (const Parameter& kept : h.extension_fields) require_text(kept.value, kLimits.extension_value_bytes);
}
void require_sane(const Response& m) {
    require(is_response(m.type));
    require_text(m.status, kLimits.status_text_bytes);
    require_text(m.status_text, kLimits.status_text_bytes);
}
void require_sane(const DeliveryReportReq& m) { require_text(m.status_extension, kLimits.status_text_bytes); }
void require_sane(const ReadReplyReportReq& m) { require_text(m.status_text, kLimits.status_text_bytes); }

DecodeOptions reading(std::uint8_t choice) {
    DecodeOptions out;
    out.now = kNow;
    out.dialect.lenient = (choice & 1) == 0;
    out.our_domains = {"mms.b.example"};
    out.peer_domains = {"mms.a.example"};
    if (choice & 2) out.envelope_from = "mms-daemon@mms.a.example";
    if (choice & 4) out.numbering = {"41", "0", "00"};
    return out;
}

EncodeOptions writing(std::uint8_t choice) {
    EncodeOptions out;
    out.dialect.version = choice & 8 ? Version{5, 5, 0} : Version{};
    out.dialect.quote_ids = (choice & 16) == 0;
    out.dialect.expiry = choice & 32 ? ExpiryForm::delta : ExpiryForm::date;
    out.dialect.addresses = choice & 64 ? AddressForm::without_domain : AddressForm::with_domain;
    out.domain = "mms.a.example";
    out.hostname = "mm4.a.example";
    out.queue_id = out.boundary_seed = "0123456789ABC";
    out.system_address = "system-user@mms.a.example";
    out.peer_domain = "mms.b.example";
    out.now = kNow;
    return out;
}

}   // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size == 0) return 0;
    const std::uint8_t choice = data[0];
    const Bytes mail(reinterpret_cast<const char*>(data) + 1, size - 1);

    Result<std::optional<Peeked>> peeked = peek(mail);
    require(!has_mms_fields(without_mms_fields(mail)) || !peeked);
    auto message = decode(mail, reading(choice));
    if (!message) {
        require_text(message.error().rule, 400);
        return 0;
    }
    require(peeked && *peeked && (*peeked)->type == type_of(*message));

    EncodeOptions options = writing(choice);
    // Numbers with the domains they came with; what was read once reads the same from then on.
    auto again = [&](const auto& given) {
        if (const auto* forward = std::get_if<ForwardReq>(&given)) options.phone_domains = forward->phone_domains;
        Result<Octets> written = encode(given, options);
        require(written.has_value());
        require_clean(*written);
        DecodeOptions back = reading(choice);
        back.dialect.lenient = true;
        auto out = decode(*written, back);
        require(out.has_value());
        std::visit([](auto& read) { read.notes.clear(); }, *out);
        return *std::move(out);
    };
    std::visit(
        [](const auto& read) {
            require_sane(read);
            require_sane(read.ids);
            require(read.notes.size() <= kLimits.notes);
        },
        *message);
    const auto second = again(*message);
    require(again(second) == second);
    return 0;
}
