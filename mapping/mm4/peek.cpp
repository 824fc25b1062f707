#include <algorithm>

#include "mapping/charset.h"
#include "mapping/limits.h"
#include "mapping/mail/header_scan.h"
#include "mapping/mm4/addresses.h"
#include "mapping/mm4/codec.h"
#include "mapping/mm4/values.h"
#include "mapping/mm4/words.h"

namespace mmgate::mm4 {

namespace {

constexpr std::string_view kPrefix = "X-Mms-";
constexpr std::size_t kShownTypeBytes = 60;

bool is_mms_field(std::string_view name) { return mail::same_name(name.substr(0, kPrefix.size()), kPrefix); }

void take_identifier(const std::string& value, std::string& text, std::string& raw) {
    Result<std::string> id = read_identifier(value);
    if (!id) return;
    text = *std::move(id);
    raw = value;
}

}   // namespace

Result<std::optional<Peeked>> peek(Bytes mail) {
    Result<mail::HeaderBlock> header = mail::scan_header(mail);
    if (!header) return fail(header.error());
    auto value = [&](std::string_view name) {
        const mail::HeaderField* field = header->find(name);
        return field ? mail::unfolded(field->folded) : std::string();
    };
    if (!header->find("X-Mms-Message-Type")) return std::optional<Peeked>();
    Peeked out;
    out.has_x_mms = true;
    const std::string type = value("X-Mms-Message-Type");
    out.type = type_of_name(type);
    out.written = header_text(type, kShownTypeBytes);
    take_identifier(value("X-Mms-Transaction-ID"), out.transaction_id, out.raw_transaction_id);
    take_identifier(value("X-Mms-Message-ID"), out.message_id, out.raw_message_id);
    const Dialect lenient;
    if (Result<std::string> mailbox = parse_system_address(value("X-Mms-Originator-System"), lenient)) out.originator_system = *std::move(mailbox);
    if (Result<std::string> mailbox = parse_system_address(value("Sender"), lenient)) out.sender = *std::move(mailbox);
    const std::string ack = value("X-Mms-Ack-Request");
    out.ack_requested = std::ranges::any_of(kYesNo, [&](const TruthSpec& word) { return word.value && mail::same_name(word.name, ack); });
    if (Result<Version> version = parse_version(value("X-Mms-3GPP-MMS-Version"))) out.version = *version;
    return out;
}

bool has_mms_fields(Bytes mail) {
    Result<mail::HeaderBlock> header = mail::scan_header(mail);
    return header && std::ranges::any_of(header->fields, [](const mail::HeaderField& field) { return is_mms_field(field.name); });
}

Octets without_mms_fields(Bytes mail) {
    Result<mail::HeaderBlock> header = mail::scan_header(mail);
    if (!header) return Octets(mail);
    Octets out;
    out.reserve(mail.size());
    // A field reaches from its name to the next field's; the last one to the end of the block.
    for (std::size_t i = 0; i < header->fields.size(); ++i) {
        const char* begin = header->fields[i].name.data();
        const char* end = i + 1 < header->fields.size() ? header->fields[i + 1].name.data() : header->text.data() + header->text.size();
        if (!is_mms_field(header->fields[i].name)) out.append(begin, static_cast<std::size_t>(end - begin));
    }
    return out.append(mail.substr(header->text.size()));
}

}   // namespace mmgate::mm4
