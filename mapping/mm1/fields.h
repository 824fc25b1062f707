// The header fields of MM1 PDUs and their enumerations: number, name, value syntax, version.
//
// Decoder, encoder, dump, documentation and tests walk these rows.
// Source: OMA-TS-MMS_ENC-V1_3 §7.4 for the numbers, §7.3 for the values.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

namespace mmgate::mm1 {

enum class Syntax : std::uint8_t {
    address,              // Encoded-string with an address
    encoded_string,       // UTF-8 after decoding
    text,                 // Text-string
    raw_text,             // Text-string, kept octet by octet because it is echoed
    uri,                  // Text-string, outer spaces dropped
    message_id,           // Text-string, angle brackets dropped
    long_integer,         // Long-integer; a Short-integer is taken too
    date,                 // the same, seconds since 1970
    integer,              // Short- or Long-integer
    version,              // Short-integer, major and minor
    yes_no,               // 80 Yes, 81 No
    enumerated,           // an octet of `values`
    status,               // an octet of `values` whose number is what people quote
    class_or_token,       // an octet of `values`, or a token
    header_number,        // the header octet of another field
    from,                 // Value-length (80 Encoded-string | 81)
    time,                 // Value-length (80 date | 81 seconds)
    counted_address,      // Value-length Integer Encoded-string
    counted_date,         // Value-length Integer Date
    flagged_text,         // Value-length (token of `values`) Encoded-string
    flagged_integer,      // Value-length (token of `values`) Integer
    element_descriptor,   // Value-length Text-string Parameter*
    pdu_type,             // X-Mms-Message-Type
    content_type,         // Content-Type: the last field
    attribute_only,       // has no value of its own: occurs only as a header_number
};

enum class Repeats : std::uint8_t {
    no,   // the first counts
    yes,
    in_mbox,   // only in the PDUs of the MMBox and of deletion
};

struct EnumSpec {
    std::uint8_t octet;
    std::string_view name;
    std::uint8_t since;   // version octet: 90 is 1.0
};

struct FieldSpec {
    std::uint8_t number;
    std::string_view name;
    Syntax syntax;
    Repeats repeats;
    std::uint8_t since;                   // version octet
    std::span<const EnumSpec> values{};   // of enumerated fields and tokens
};

// clang-format off
// Source: OMA-TS-MMS_ENC-V1_3 §7.3.27 (Message-Class)
inline constexpr auto kMessageClasses = std::to_array<EnumSpec>({
    {0x80, "Personal", 0x90}, {0x81, "Advertisement", 0x90}, {0x82, "Informational", 0x90}, {0x83, "Auto", 0x90},
});
inline constexpr auto kPriorities = std::to_array<EnumSpec>({{0x80, "Low", 0x90}, {0x81, "Normal", 0x90}, {0x82, "High", 0x90}});
inline constexpr auto kVisibilities = std::to_array<EnumSpec>({{0x80, "Hide", 0x90}, {0x81, "Show", 0x90}});
// Source: §7.3.54 (X-Mms-Status)
inline constexpr auto kStatuses = std::to_array<EnumSpec>({
    {0x80, "Expired", 0x90}, {0x81, "Retrieved", 0x90}, {0x82, "Rejected", 0x90}, {0x83, "Deferred", 0x90},
    {0x84, "Unrecognised", 0x90}, {0x85, "Indeterminate", 0x91}, {0x86, "Forwarded", 0x91}, {0x87, "Unreachable", 0x92},
});
// Source: §7.3.48 (X-Mms-Response-Status)
inline constexpr auto kResponseStatuses = std::to_array<EnumSpec>({
    {0x80, "Ok", 0x90}, {0x81, "Error-unspecified", 0x90}, {0x82, "Error-service-denied", 0x90},
    {0x83, "Error-message-format-corrupt", 0x90}, {0x84, "Error-sending-address-unresolved", 0x90},
    {0x85, "Error-message-not-found", 0x90}, {0x86, "Error-network-problem", 0x90},
    {0x87, "Error-content-not-accepted", 0x90}, {0x88, "Error-unsupported-message", 0x90},
    {0xC0, "Error-transient-failure", 0x91}, {0xC1, "Error-transient-sending-address-unresolved", 0x91},
    {0xC2, "Error-transient-message-not-found", 0x91}, {0xC3, "Error-transient-network-problem", 0x91},
    {0xC4, "Error-transient-partial-success", 0x92},
    {0xE0, "Error-permanent-failure", 0x91}, {0xE1, "Error-permanent-service-denied", 0x91},
    {0xE2, "Error-permanent-message-format-corrupt", 0x91}, {0xE3, "Error-permanent-sending-address-unresolved", 0x91},
    {0xE4, "Error-permanent-message-not-found", 0x91}, {0xE5, "Error-permanent-content-not-accepted", 0x91},
    {0xE6, "Error-permanent-reply-charging-limitations-not-met", 0x91},
    {0xE7, "Error-permanent-reply-charging-request-not-accepted", 0x91},
    {0xE8, "Error-permanent-reply-charging-forwarding-denied", 0x91},
    {0xE9, "Error-permanent-reply-charging-not-supported", 0x91},
    {0xEA, "Error-permanent-address-hiding-not-supported", 0x92}, {0xEB, "Error-permanent-lack-of-prepaid", 0x93},
});
// Source: §7.3.50 (X-Mms-Retrieve-Status)
inline constexpr auto kRetrieveStatuses = std::to_array<EnumSpec>({
    {0x80, "Ok", 0x91}, {0xC0, "Error-transient-failure", 0x91}, {0xC1, "Error-transient-message-not-found", 0x91},
    {0xC2, "Error-transient-network-problem", 0x91}, {0xE0, "Error-permanent-failure", 0x91},
    {0xE1, "Error-permanent-service-denied", 0x91}, {0xE2, "Error-permanent-message-not-found", 0x91},
    {0xE3, "Error-permanent-content-unsupported", 0x91},
});
// Source: §7.3.58 (X-Mms-Store-Status)
inline constexpr auto kStoreStatuses = std::to_array<EnumSpec>({
    {0x80, "Success", 0x92}, {0xC0, "Error-transient-failure", 0x92}, {0xC1, "Error-transient-network-problem", 0x92},
    {0xE0, "Error-permanent-failure", 0x92}, {0xE1, "Error-permanent-service-denied", 0x92},
    {0xE2, "Error-permanent-message-format-corrupt", 0x92}, {0xE3, "Error-permanent-message-not-found", 0x92},
    {0xE4, "Error-permanent-mmbox-full", 0x92},
});
inline constexpr auto kReadStatuses = std::to_array<EnumSpec>({{0x80, "Read", 0x91}, {0x81, "Deleted without being read", 0x91}});
inline constexpr auto kReplyCharging = std::to_array<EnumSpec>({
    {0x80, "Requested", 0x91}, {0x81, "Requested text only", 0x91}, {0x82, "Accepted", 0x91}, {0x83, "Accepted text only", 0x91},
});
inline constexpr auto kMmStates = std::to_array<EnumSpec>({
    {0x80, "Draft", 0x92}, {0x81, "Sent", 0x92}, {0x82, "New", 0x92}, {0x83, "Retrieved", 0x92}, {0x84, "Forwarded", 0x92},
});
inline constexpr auto kFlagTokens = std::to_array<EnumSpec>({{0x80, "Add", 0x92}, {0x81, "Remove", 0x92}, {0x82, "Filter", 0x92}});
inline constexpr auto kTotalTokens = std::to_array<EnumSpec>({{0x80, "Messages", 0x92}, {0x81, "Octets", 0x92}});
inline constexpr auto kContentClasses = std::to_array<EnumSpec>({
    {0x80, "text", 0x93}, {0x81, "image-basic", 0x93}, {0x82, "image-rich", 0x93}, {0x83, "video-basic", 0x93},
    {0x84, "video-rich", 0x93}, {0x85, "megapixel", 0x93}, {0x86, "content-basic", 0x93}, {0x87, "content-rich", 0x93},
});
inline constexpr auto kRetrievalModes = std::to_array<EnumSpec>({{0x80, "Manual", 0x93}});
inline constexpr auto kCancelStatuses = std::to_array<EnumSpec>({{0x80, "received", 0x93}, {0x81, "corrupted", 0x93}});

// Source: OMA-TS-MMS_ENC-V1_3 table 12 (field name assigned numbers); §7.3 for syntax and version.
inline constexpr auto kFields = std::to_array<FieldSpec>({
    {0x01, "Bcc",                           Syntax::address,            Repeats::yes,     0x90},
    {0x02, "Cc",                            Syntax::address,            Repeats::yes,     0x90},
    {0x03, "X-Mms-Content-Location",        Syntax::uri,                Repeats::in_mbox, 0x90},
    {0x04, "Content-Type",                  Syntax::content_type,       Repeats::no,      0x90},
    {0x05, "Date",                          Syntax::date,               Repeats::no,      0x90},
    {0x06, "X-Mms-Delivery-Report",         Syntax::yes_no,             Repeats::no,      0x90},
    {0x07, "X-Mms-Delivery-Time",           Syntax::time,               Repeats::no,      0x90},
    {0x08, "X-Mms-Expiry",                  Syntax::time,               Repeats::no,      0x90},
    {0x09, "From",                          Syntax::from,               Repeats::no,      0x90},
    {0x0A, "X-Mms-Message-Class",           Syntax::class_or_token,     Repeats::no,      0x90, kMessageClasses},
    {0x0B, "Message-ID",                    Syntax::message_id,         Repeats::no,      0x90},
    {0x0C, "X-Mms-Message-Type",            Syntax::pdu_type,           Repeats::no,      0x90},
    {0x0D, "X-Mms-MMS-Version",             Syntax::version,            Repeats::no,      0x90},
    {0x0E, "X-Mms-Message-Size",            Syntax::long_integer,       Repeats::no,      0x90},
    {0x0F, "X-Mms-Priority",                Syntax::enumerated,         Repeats::no,      0x90, kPriorities},
    {0x10, "X-Mms-Read-Report",             Syntax::yes_no,             Repeats::no,      0x90},
    {0x11, "X-Mms-Report-Allowed",          Syntax::yes_no,             Repeats::no,      0x90},
    {0x12, "X-Mms-Response-Status",         Syntax::status,             Repeats::in_mbox, 0x90, kResponseStatuses},
    {0x13, "X-Mms-Response-Text",           Syntax::encoded_string,     Repeats::in_mbox, 0x90},
    {0x14, "X-Mms-Sender-Visibility",       Syntax::enumerated,         Repeats::no,      0x90, kVisibilities},
    {0x15, "X-Mms-Status",                  Syntax::status,             Repeats::no,      0x90, kStatuses},
    {0x16, "Subject",                       Syntax::encoded_string,     Repeats::no,      0x90},
    {0x17, "To",                            Syntax::address,            Repeats::yes,     0x90},
    {0x18, "X-Mms-Transaction-ID",          Syntax::raw_text,           Repeats::no,      0x90},
    {0x19, "X-Mms-Retrieve-Status",         Syntax::status,             Repeats::no,      0x91, kRetrieveStatuses},
    {0x1A, "X-Mms-Retrieve-Text",           Syntax::encoded_string,     Repeats::no,      0x91},
    {0x1B, "X-Mms-Read-Status",             Syntax::status,             Repeats::no,      0x91, kReadStatuses},
    {0x1C, "X-Mms-Reply-Charging",          Syntax::enumerated,         Repeats::no,      0x91, kReplyCharging},
    {0x1D, "X-Mms-Reply-Charging-Deadline", Syntax::time,               Repeats::no,      0x91},
    {0x1E, "X-Mms-Reply-Charging-ID",       Syntax::message_id,         Repeats::no,      0x91},
    {0x1F, "X-Mms-Reply-Charging-Size",     Syntax::long_integer,       Repeats::no,      0x91},
    {0x20, "X-Mms-Previously-Sent-By",      Syntax::counted_address,    Repeats::yes,     0x91},
    {0x21, "X-Mms-Previously-Sent-Date",    Syntax::counted_date,       Repeats::yes,     0x91},
    {0x22, "X-Mms-Store",                   Syntax::yes_no,             Repeats::no,      0x92},
    {0x23, "X-Mms-MM-State",                Syntax::enumerated,         Repeats::in_mbox, 0x92, kMmStates},
    {0x24, "X-Mms-MM-Flags",                Syntax::flagged_text,       Repeats::yes,     0x92, kFlagTokens},
    {0x25, "X-Mms-Store-Status",            Syntax::status,             Repeats::no,      0x92, kStoreStatuses},
    {0x26, "X-Mms-Store-Status-Text",       Syntax::encoded_string,     Repeats::no,      0x92},
    {0x27, "X-Mms-Stored",                  Syntax::yes_no,             Repeats::no,      0x92},
    {0x28, "X-Mms-Attributes",              Syntax::header_number,      Repeats::yes,     0x92},
    {0x29, "X-Mms-Totals",                  Syntax::yes_no,             Repeats::no,      0x92},
    {0x2A, "X-Mms-Mbox-Totals",             Syntax::flagged_integer,    Repeats::yes,     0x92, kTotalTokens},
    {0x2B, "X-Mms-Quotas",                  Syntax::yes_no,             Repeats::no,      0x92},
    {0x2C, "X-Mms-Mbox-Quotas",             Syntax::flagged_integer,    Repeats::yes,     0x92, kTotalTokens},
    {0x2D, "X-Mms-Message-Count",           Syntax::integer,            Repeats::no,      0x92},
    {0x2E, "Content",                       Syntax::attribute_only,     Repeats::no,      0x92},
    {0x2F, "X-Mms-Start",                   Syntax::integer,            Repeats::no,      0x92},
    {0x30, "Additional-headers",            Syntax::attribute_only,     Repeats::no,      0x92},
    {0x31, "X-Mms-Distribution-Indicator",  Syntax::yes_no,             Repeats::no,      0x92},
    {0x32, "X-Mms-Element-Descriptor",      Syntax::element_descriptor, Repeats::yes,     0x92},
    {0x33, "X-Mms-Limit",                   Syntax::integer,            Repeats::no,      0x92},
    {0x34, "X-Mms-Recommended-Retrieval-Mode", Syntax::enumerated,      Repeats::no,      0x93, kRetrievalModes},
    {0x35, "X-Mms-Recommended-Retrieval-Mode-Text", Syntax::encoded_string, Repeats::no,  0x93},
    {0x36, "X-Mms-Status-Text",             Syntax::encoded_string,     Repeats::no,      0x93},
    {0x37, "X-Mms-Applic-ID",               Syntax::text,               Repeats::no,      0x93},
    {0x38, "X-Mms-Reply-Applic-ID",         Syntax::text,               Repeats::no,      0x93},
    {0x39, "X-Mms-Aux-Applic-Info",         Syntax::text,               Repeats::no,      0x93},
    {0x3A, "X-Mms-Content-Class",           Syntax::enumerated,         Repeats::no,      0x93, kContentClasses},
    {0x3B, "X-Mms-DRM-Content",             Syntax::yes_no,             Repeats::no,      0x93},
    {0x3C, "X-Mms-Adaptation-Allowed",      Syntax::yes_no,             Repeats::no,      0x93},
    {0x3D, "X-Mms-Replace-ID",              Syntax::message_id,         Repeats::no,      0x93},
    {0x3E, "X-Mms-Cancel-ID",               Syntax::message_id,         Repeats::no,      0x93},
    {0x3F, "X-Mms-Cancel-Status",           Syntax::status,             Repeats::no,      0x93, kCancelStatuses},
});
// clang-format on

constexpr bool numbers_ascend() {
    for (std::size_t i = 0; i < kFields.size(); ++i)
        if (kFields[i].number != i + 1) return false;
    return true;
}
static_assert(numbers_ascend());

/// The field of a header octet (81..BF) or number (01..3F); nullptr for one that is not assigned.
constexpr const FieldSpec* field_of(std::uint8_t octet_or_number) {
    const std::uint8_t number = octet_or_number & 0x7F;
    return number >= 1 && number <= kFields.size() ? &kFields[number - 1] : nullptr;
}
constexpr std::optional<std::string_view> value_name(const FieldSpec& field, std::uint8_t octet) {
    for (const EnumSpec& value : field.values)
        if (value.octet == octet) return value.name;
    return std::nullopt;
}

/// Field numbers by name, for those that write them.
namespace field {
inline constexpr std::uint8_t bcc = 0x01, cc = 0x02, content_location = 0x03, content_type = 0x04, date = 0x05, delivery_report = 0x06, delivery_time = 0x07,
                              expiry = 0x08, from = 0x09, message_class = 0x0A, message_id = 0x0B, message_type = 0x0C, mms_version = 0x0D, message_size = 0x0E,
                              priority = 0x0F, read_report = 0x10, report_allowed = 0x11, response_status = 0x12, response_text = 0x13, sender_visibility = 0x14,
                              status = 0x15, subject = 0x16, to = 0x17, transaction_id = 0x18, retrieve_status = 0x19, retrieve_text = 0x1A, read_status = 0x1B,
                              reply_charging = 0x1C, reply_charging_id = 0x1E, previously_sent_by = 0x20, previously_sent_date = 0x21, store_status = 0x25,
                              status_text = 0x36, applic_id = 0x37, reply_applic_id = 0x38, aux_applic_info = 0x39, content_class = 0x3A, drm_content = 0x3B,
                              adaptation_allowed = 0x3C, replace_id = 0x3D, cancel_id = 0x3E, cancel_status = 0x3F;
}   // namespace field

}   // namespace mmgate::mm1
