// One row a fault: how each interface says it.
//
// Sources: RFC 5321 §4.2, RFC 3463 and its registry (SMTP); OMA-TS-MMS_ENC-V1_3 §7.3.48 (Response-Status),
// §7.3.54 (X-Mms-Status); 3GPP TS 23.140 §8.4 (MM4 Request-Status).
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

#include "mapping/report.h"
#include "mapping/result.h"

namespace mmgate {

struct FaultSpec {
    Fault fault;
    std::string_view name;   // as logs and mmq print it
    std::uint16_t smtp_code;
    std::string_view enhanced;        // RFC 3463
    std::string_view text;            // what a person reads behind the codes
    std::uint8_t response_status;     // X-Mms-Response-Status of encapsulation 1.1 and later
    std::string_view mm4_status;      // X-Mms-Request-Status-Code
    DeliveryStatus delivery_status;   // when it is a recipient's end
};

// clang-format off
inline constexpr auto kFaults = std::to_array<FaultSpec>({
    {Fault::malformed,           "malformed",           554, "5.6.0",  "Message is malformed",                   0xE2, "Error-message-format-corrupt",       DeliveryStatus::unrecognised},
    {Fault::truncated,           "truncated",           554, "5.6.0",  "Message is cut short",                   0xE2, "Error-message-format-corrupt",       DeliveryStatus::unrecognised},
    {Fault::too_large,           "too-large",           554, "5.6.0",  "Message exceeds a structural limit",     0xE2, "Error-message-format-corrupt",       DeliveryStatus::unrecognised},
    {Fault::unsupported_version, "unsupported-version", 554, "5.6.1",  "MMS version is not supported",           0x88, "Error-unsupported-message",          DeliveryStatus::unrecognised},
    {Fault::unsupported_type,    "unsupported-type",    554, "5.6.1",  "Message type is not supported",          0x88, "Error-unsupported-message",          DeliveryStatus::unrecognised},
    {Fault::message_too_big,     "message-too-big",     552, "5.3.4",  "Message is too big",                     0xE5, "Error-content-not-accepted",         DeliveryStatus::rejected},
    {Fault::content_refused,     "content-refused",     550, "5.6.1",  "Content is not accepted",                0xE5, "Error-content-not-accepted",         DeliveryStatus::rejected},
    {Fault::sender_denied,       "sender-denied",       550, "5.7.1",  "Sender is not allowed here",             0xE1, "Error-service-denied",               DeliveryStatus::rejected},
    {Fault::sender_syntax,       "sender-syntax",       501, "5.1.7",  "Bad sender address syntax",              0xE3, "Error-sending-address-unresolved",   DeliveryStatus::unreachable},
    {Fault::recipient_syntax,    "recipient-syntax",    501, "5.1.3",  "Bad recipient address syntax",           0xE3, "Error-sending-address-unresolved",   DeliveryStatus::unreachable},
    {Fault::recipient_unknown,   "recipient-unknown",   550, "5.1.1",  "Recipient is not known here",            0xE3, "Error-sending-address-unresolved",   DeliveryStatus::unreachable},
    {Fault::relay_denied,        "relay-denied",        550, "5.7.1",  "Relaying is not allowed",                0xE1, "Error-service-denied",               DeliveryStatus::rejected},
    {Fault::no_recipients,       "no-recipients",       554, "5.5.1",  "No valid recipients",                    0xE3, "Error-sending-address-unresolved",   DeliveryStatus::unreachable},
    {Fault::not_found,           "not-found",           550, "5.1.1",  "Message is not found",                   0xE4, "Error-message-not-found",            DeliveryStatus::indeterminate},
    {Fault::routing_loop,        "routing-loop",        554, "5.4.6",  "Routing loop detected",                  0xE0, "Error-network-problem",              DeliveryStatus::unreachable},
    {Fault::storage_full,        "storage-full",        452, "4.3.1",  "Insufficient storage, try again later",  0xC0, "Error-network-problem",              DeliveryStatus::indeterminate},
    {Fault::storage_failed,      "storage-failed",      451, "4.3.0",  "Storage failed, try again later",        0xC0, "Error-network-problem",              DeliveryStatus::indeterminate},
    {Fault::overloaded,          "overloaded",          451, "4.3.2",  "Too busy, try again later",              0xC3, "Error-network-problem",              DeliveryStatus::indeterminate},
    {Fault::peer_unreachable,    "peer-unreachable",    451, "4.4.1",  "Next hop does not answer",               0xC3, "Error-network-problem",              DeliveryStatus::unreachable},
    {Fault::peer_deferred,       "peer-deferred",       451, "4.0.0",  "Next hop asked to try later",            0xC0, "Error-network-problem",              DeliveryStatus::unreachable},
    {Fault::peer_refused,        "peer-refused",        550, "5.0.0",  "Next hop refused",                       0xE0, "Error-unspecified",                  DeliveryStatus::rejected},
    {Fault::null_mx,             "null-mx",             556, "5.1.10", "Recipient's domain takes no mail",       0xE3, "Error-sending-address-unresolved",   DeliveryStatus::unreachable},
    {Fault::no_such_domain,      "no-such-domain",      550, "5.1.2",  "Recipient's domain does not exist",      0xE3, "Error-sending-address-unresolved",   DeliveryStatus::unreachable},
    {Fault::expired,             "expired",             550, "5.4.7",  "Delivery time expired",                  0xE0, "Error-network-problem",              DeliveryStatus::expired},
    {Fault::hidden_sender,       "hidden-sender",       550, "5.7.3",  "Hidden sender cannot be mapped to mail", 0xEA, "Error-service-denied",               DeliveryStatus::rejected},
    {Fault::unmappable,          "unmappable",          554, "5.6.0",  "Message cannot be handed on to MMS",     0xE5, "Error-content-not-accepted",         DeliveryStatus::rejected},
    {Fault::content_lost,        "content-lost",        554, "5.3.0",  "Content was lost to a damaged disk",     0xE0, "Error-unspecified",                  DeliveryStatus::indeterminate},
    {Fault::internal,            "internal",            451, "4.3.0",  "Internal error, try again later",        0xC0, "Error-unspecified",                  DeliveryStatus::indeterminate},
});
// clang-format on

constexpr bool faults_are_in_order() {
    for (std::size_t i = 0; i < kFaults.size(); ++i)
        if (kFaults[i].fault != static_cast<Fault>(i)) return false;
    return kFaults.size() == static_cast<std::size_t>(Fault::internal) + 1;
}
static_assert(faults_are_in_order());

constexpr const FaultSpec& spec_of(Fault fault) { return kFaults[static_cast<std::size_t>(fault)]; }
/// Whether the one who caused it may try again with the same message.
constexpr bool is_temporary(Fault fault) { return spec_of(fault).smtp_code < 500; }

}   // namespace mmgate
