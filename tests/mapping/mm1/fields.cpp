// The tables of fields and PDU types against what implementations are known to have got wrong, and against each other.
#include "mapping/mm1/fields.h"

#include <criterion/criterion.h>

#include <algorithm>
#include <set>
#include <string>

#include "mapping/mm1/pdus.h"

using namespace mmgate;
using namespace mmgate::mm1;

Test(fields, are_found_by_number_and_by_octet) {
    struct Row {
        std::uint8_t octet;
        std::string_view name;
    };
    constexpr Row kRows[] = {{0x81, "Bcc"}, {0x8C, "X-Mms-Message-Type"}, {0x90, "X-Mms-Read-Report"}, {0x99, "X-Mms-Retrieve-Status"}, {0xAE, "Content"}, {0xB9, "X-Mms-Aux-Applic-Info"}, {0xBF, "X-Mms-Cancel-Status"}};
    for (const Row& row : kRows) {
        cr_assert(field_of(row.octet) != nullptr);
        cr_expect(field_of(row.octet)->name == row.name && field_of(row.octet & 0x7F) == field_of(row.octet), "%02X", row.octet);
    }
    for (int octet : {0x00, 0x40, 0x7F, 0x80, 0xC0, 0xFF}) cr_expect(field_of(static_cast<std::uint8_t>(octet)) == nullptr, "%02X", octet);
    std::set<std::string_view> names;
    for (const FieldSpec& field : kFields) cr_expect(names.insert(field.name).second, "%s stands twice", field.name.data());
}

Test(fields, octets_mean_what_the_standard_says) {
    struct Row {
        std::uint8_t number, octet;
        std::string_view name;
    };
    constexpr Row kRows[] = {
        {field::message_class, 0x83, "Auto"},
        {field::priority, 0x80, "Low"},
        {field::sender_visibility, 0x80, "Hide"},
        {field::status, 0x80, "Expired"},
        {field::status, 0x81, "Retrieved"},
        {field::status, 0x87, "Unreachable"},
        {field::response_status, 0x80, "Ok"},
        {field::response_status, 0x88, "Error-unsupported-message"},
        {field::response_status, 0xC4, "Error-transient-partial-success"},
        {field::response_status, 0xE2, "Error-permanent-message-format-corrupt"},
        {field::response_status, 0xE6, "Error-permanent-reply-charging-limitations-not-met"},
        {field::response_status, 0xE7, "Error-permanent-reply-charging-request-not-accepted"},
        {field::response_status, 0xEB, "Error-permanent-lack-of-prepaid"},
        {field::retrieve_status, 0xC1, "Error-transient-message-not-found"},
        {field::retrieve_status, 0xE2, "Error-permanent-message-not-found"},
        {field::store_status, 0xE4, "Error-permanent-mmbox-full"},
        {field::read_status, 0x81, "Deleted without being read"},
        {field::reply_charging, 0x82, "Accepted"},
        {field::content_class, 0x87, "content-rich"},
        {field::cancel_status, 0x81, "corrupted"},
        {0x23, 0x84, "Forwarded"},
        {0x34, 0x80, "Manual"},
    };
    for (const Row& row : kRows) cr_expect(value_name(*field_of(row.number), row.octet) == row.name, "%02X %02X", row.number, row.octet);
    for (std::uint8_t octet : {0x7F, 0x89, 0xBF, 0xC5, 0xEC, 0xFF}) cr_expect(!value_name(*field_of(field::response_status), octet), "%02X", octet);
    for (const FieldSpec& field : kFields) {
        const bool has_values = field.syntax == Syntax::enumerated || field.syntax == Syntax::status || field.syntax == Syntax::class_or_token ||
                                field.syntax == Syntax::flagged_text || field.syntax == Syntax::flagged_integer;
        cr_expect(field.values.empty() != has_values, "%s", field.name.data());
        cr_expect(std::ranges::is_sorted(field.values, std::ranges::less_equal{}, &EnumSpec::octet) || field.values.size() < 2, "%s",
                  field.name.data());
        for (const EnumSpec& value : field.values)
            cr_expect(value.octet >= 0x80 && value.since >= 0x90 && value.since <= 0x93, "%s %s", field.name.data(), value.name.data());
    }
}

Test(pdus, have_what_they_must_have) {
    cr_expect(pdu_of(0x7F) == nullptr && pdu_of(0x98) == nullptr && pdu_of(0xFF) == nullptr && pdu_of(0) == nullptr);
    for (const PduSpec& spec : kPdus) {
        cr_expect(pdu_of(static_cast<std::uint8_t>(spec.type)) == &spec && &pdu_spec(spec.type) == &spec, "%s", spec.name.data());
        const auto has = [&](std::uint8_t number) { return std::ranges::find(spec.mandatory, number) != spec.mandatory.end(); };
        cr_expect(has(field::content_type) == (spec.body == Body::mandatory), "%s", spec.name.data());
        cr_expect(spec.name.ends_with(".conf") == spec.json_name.ends_with("-conf"), "%s", spec.name.data());
        // Whatever is sent over a connection of the phone's is answered by a transaction id, but for reports and what was asked for by GET.
        const bool without_id = spec.type == PduType::m_delivery_ind || spec.type == PduType::m_read_rec_ind ||
                                spec.type == PduType::m_read_orig_ind || spec.type == PduType::m_retrieve_conf || spec.type == PduType::m_mbox_descr;
        cr_expect(has(field::transaction_id) != without_id, "%s", spec.name.data());
        cr_expect(has(field::mms_version) == (spec.type != PduType::m_mbox_descr), "%s", spec.name.data());
        cr_expect(!spec.counted || spec.type == PduType::m_mbox_delete_conf || spec.type == PduType::m_delete_conf, "%s", spec.name.data());
        for (std::uint8_t number : spec.mandatory)
            if (number != 0) cr_expect(field_of(number)->since <= spec.since, "%s has %s", spec.name.data(), field_of(number)->name.data());
    }
}
