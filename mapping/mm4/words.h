// The words of MM4's enumerated fields: what each means in our values, how it is written, how else it is read.
//
// Words are compared without regard to case. Message classes, priorities and content classes are those of MM1, read from its tables.
// Source: 3GPP TS 23.140 §8.4.5; RFC 4356 §2.1.4 for statuses beyond it; what peers were seen to write for the other spellings.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "mapping/mm4/messages.h"
#include "mapping/status.h"

namespace mmgate::mm4 {

struct TypeSpec {
    MessageType type;
    std::string_view name;   // X-Mms-Message-Type
};
inline constexpr auto kTypes = std::to_array<TypeSpec>({
    {MessageType::forward_req, "MM4_forward.REQ"},
    {MessageType::forward_res, "MM4_forward.RES"},
    {MessageType::delivery_report_req, "MM4_delivery_report.REQ"},
    {MessageType::delivery_report_res, "MM4_delivery_report.RES"},
    {MessageType::read_reply_report_req, "MM4_read_reply_report.REQ"},
    {MessageType::read_reply_report_res, "MM4_read_reply_report.RES"},
});

using Aliases = std::array<std::string_view, 3>;   // other spellings that are read; "" fills

/// A request status that has one meaning for us: Ok, or a fault, whose word stands in status.h and which says whether trying again makes sense.
struct RequestStatusSpec {
    std::optional<Fault> fault;
    Aliases aliases;
    constexpr std::string_view name() const { return fault ? spec_of(*fault).mm4_status : std::string_view("Ok"); }
};
inline constexpr auto kRequestStatuses = std::to_array<RequestStatusSpec>({
    {std::nullopt, {"0", "200"}},
    {Fault::internal, {}},            // Error-unspecified: again
    {Fault::sender_denied, {}},       // Error-service-denied
    {Fault::malformed, {}},           // Error-message-format-corrupt
    {Fault::recipient_unknown, {}},   // Error-sending-address-unresolved
    {Fault::not_found, {}},           // Error-message-not-found
    {Fault::peer_deferred, {}},       // Error-network-problem: again
    {Fault::content_refused, {}},     // Error-content-not-accepted
    {Fault::unsupported_type, {}},    // Error-unsupported-message
});

/// The status that a delivery report tells. What no row knows is indeterminate: never taken for delivered.
struct MmStatusSpec {
    DeliveryStatus status;
    std::string_view name;      // as read
    std::string_view written;   // the nearest that every peer knows
    Aliases aliases;
    bool final;   // no other status follows for this recipient
};
inline constexpr auto kMmStatuses = std::to_array<MmStatusSpec>({
    {DeliveryStatus::expired, "Expired", "Expired", {}, true},
    {DeliveryStatus::retrieved, "Retrieved", "Retrieved", {}, true},
    {DeliveryStatus::rejected, "Rejected", "Rejected", {}, true},
    {DeliveryStatus::deferred, "Deferred", "Deferred", {}, false},
    {DeliveryStatus::unrecognised, "Unrecognised", "Unrecognised", {"Unrecognized"}, true},
    {DeliveryStatus::indeterminate, "Indeterminate", "Indeterminate", {}, true},
    {DeliveryStatus::forwarded, "Forwarded", "Forwarded", {"ForwardedToMMBox"}, true},
    {DeliveryStatus::unreachable, "Unreachable", "Rejected", {}, true},
});

/// X-Mms-MM-Status-Extension, which tells who rejected. Other texts are kept as they are.
struct StatusExtensionSpec {
    std::string_view name;
    Aliases aliases;
};
inline constexpr std::string_view kRejectedByRecipient = "Rejection-by-MMS-Recipient";
inline constexpr std::string_view kRejectedByRelay = "Rejection-by-Other-RS";
inline constexpr auto kStatusExtensions = std::to_array<StatusExtensionSpec>({
    {kRejectedByRecipient, {"Rejected-by-recipient"}},
    {kRejectedByRelay, {"Rejected-by-other-MMSC"}},
});

/// X-Mms-Read-Status, compared without spaces and hyphens.
struct ReadStatusSpec {
    ReadStatus status;
    std::string_view name;
};
inline constexpr auto kReadStatuses = std::to_array<ReadStatusSpec>({
    {ReadStatus::read, "Read"},
    {ReadStatus::deleted_unread, "Deleted without being read"},
});

/// The words of yes-or-no fields and of Sender-Visibility (where yes is Hide). Those marked lenient are read from lenient peers only.
struct TruthSpec {
    std::string_view name;
    bool value;
    bool lenient;
};
inline constexpr auto kYesNo = std::to_array<TruthSpec>({
    {"Yes", true, false},
    {"No", false, false},
    {"1", true, true},
    {"0", false, true},
    {"true", true, true},
    {"false", false, true},
});
inline constexpr auto kVisibility = std::to_array<TruthSpec>({{"Hide", true, false}, {"Show", false, false}});

template <class Row, std::size_t n>
constexpr bool rows_are_in_order(const std::array<Row, n>& rows, auto member) {
    for (std::size_t i = 0; i < n; ++i)
        if (static_cast<std::size_t>(rows[i].*member) != i) return false;
    return true;
}
static_assert(rows_are_in_order(kTypes, &TypeSpec::type) && kTypes.size() == 6);
static_assert(rows_are_in_order(kMmStatuses, &MmStatusSpec::status) && kMmStatuses.size() == static_cast<std::size_t>(DeliveryStatus::unreachable) + 1);
static_assert(rows_are_in_order(kReadStatuses, &ReadStatusSpec::status));

constexpr std::string_view name_of(MessageType type) { return kTypes[static_cast<std::size_t>(type)].name; }
constexpr const MmStatusSpec& spec_of(DeliveryStatus status) { return kMmStatuses[static_cast<std::size_t>(status)]; }
constexpr std::string_view name_of(ReadStatus status) { return kReadStatuses[static_cast<std::size_t>(status)].name; }

std::optional<MessageType> type_of_name(std::string_view written);

/// What a request status means: nothing is Ok, otherwise the fault, of which is_temporary says whether to try again. "Error-transient-" and "Error-permanent-",
/// OMA's prefixes, decide by themselves; of what no row knows, "Error-transient-…" comes again and all else does not.
std::optional<Fault> fault_of_status(std::string_view written);
/// The spelling of kRequestStatuses where a row knows it, else the text fit for one line.
std::string canonical_request_status(std::string_view written);

DeliveryStatus delivery_status_of(std::string_view written);
std::string canonical_status_extension(std::string_view written);
std::optional<ReadStatus> read_status_of(std::string_view written);
/// Nothing for a class that is none of the four.
std::optional<MessageClass> message_class_of(std::string_view written);
std::string_view name_of(MessageClass message_class);
std::optional<Priority> priority_of(std::string_view written);
std::string_view name_of(Priority priority);
/// The octet of X-Mms-Content-Class on MM1, and its word; "" for an octet without one.
std::optional<std::uint8_t> content_class_of(std::string_view written);
std::string_view content_class_name(std::uint8_t octet);

}   // namespace mmgate::mm4
