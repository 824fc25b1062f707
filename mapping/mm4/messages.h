// The six MM4 messages as values, between the codec and what the relay does with them.
//
// Source: 3GPP TS 23.140 §8.4.1 (forward), §8.4.2 (delivery report), §8.4.3 (read-reply report), §8.4.4 (their header fields).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "mapping/mm.h"
#include "mapping/mm4/dialect.h"
#include "mapping/report.h"

namespace mmgate::mm4 {

enum class MessageType : std::uint8_t { forward_req,
                                        forward_res,
                                        delivery_report_req,
                                        delivery_report_res,
                                        read_reply_report_req,
                                        read_reply_report_res };

/// The two identifiers of every message. Comparable text is printable ASCII without the quotes and < > around it, 1 to 255 octets; raw is the field as
/// received, to be echoed, and "" when we made the identifier.
struct Ids {
    std::string transaction_id;   // chosen by who sent the REQ, the same in its repetitions and its RES
    std::string message_id;       // of the MM
    std::string raw_transaction_id;
    std::string raw_message_id;
    bool operator==(const Ids&) const = default;
};

/// Domains that numbers stood with: address value ("+447700900123", "12345") and domain in lower case, each value once.
using PhoneDomains = std::vector<std::pair<std::string, std::string>>;

/// What was read although it breaks a rule, and what was passed over: texts for the log, without a peer's octets.
using Notes = std::vector<std::string>;

/// MM4_forward.REQ: one MM on its way. `headers` holds from, to, cc, subject, date, message_class, priority, delivery_report, read_report, sender_hidden,
/// expiry (an instant, which may have passed), the application identifiers, content_class, drm_content, adaptation_allowed and previously_sent;
/// message_id is ids.message_id; extension_fields are the fields that we do not know, and X-Mms-Message-Class when its class is none of ours.
struct ForwardReq {
    Version version;
    Ids ids;
    MmHeaders headers;
    Content content;   // without parts when the MM is empty; a body that is no multipart is the one part of a multipart/mixed
    bool ack_requested = false;
    bool relay_report = false;           // X-Mms-Originator-R/S-Delivery-Report: the originator's relay wants a report for itself
    std::string originator_system;       // mailbox that the RES goes to, or ""
    std::string sender;                  // mailbox, or ""
    std::uint32_t forward_counter = 0;   // 0: not forwarded, or not told
    std::string from_domain;             // the domain behind the sender's number; "" when there was none
    PhoneDomains phone_domains;          // of the numbers in From, To, Cc and the history
    Notes notes;
    bool operator==(const ForwardReq&) const = default;
};

/// MM4_forward.RES, MM4_delivery_report.RES and MM4_read_reply_report.RES.
struct Response {
    MessageType type = MessageType::forward_res;
    Version version;
    Ids ids;
    std::string status = "Ok";   // as written, in the canonical spelling when known; meaning_of in words.h says what it means
    std::string status_text;
    std::string sender;                        // mailbox, or ""
    std::vector<Address> request_recipients;   // whom alone it is about; empty: all
    std::string to;                            // the system address that is answered; "" on the way out writes no recipient's name
    Notes notes;
    bool operator==(const Response&) const = default;
};

/// MM4_delivery_report.REQ: what became of an MM at one recipient.
struct DeliveryReportReq {
    Version version;
    Ids ids;              // message_id is the MM's
    Address recipient;    // From: whom the MM was for
    Address originator;   // To: who sent the MM
    Instant date{};       // when it happened
    bool ack_requested = false;
    std::optional<bool> forward_to_originator;   // nothing: the peer is older than the field
    DeliveryStatus status = DeliveryStatus::indeterminate;
    std::string status_extension;   // "Rejection-by-MMS-Recipient", "Rejection-by-Other-RS" or what the peer wrote; only goes out with `rejected`
    std::string status_text;
    std::string applic_id, reply_applic_id, aux_applic_info;
    std::string sender;   // mailbox that the RES goes to, or ""
    std::string recipient_domain, originator_domain;
    Notes notes;
    bool operator==(const DeliveryReportReq&) const = default;
};

/// MM4_read_reply_report.REQ: that one recipient read an MM or deleted it unread.
struct ReadReplyReportReq {
    Version version;
    Ids ids;
    Address recipient;
    Address originator;
    Instant date{};
    bool ack_requested = false;
    ReadStatus status = ReadStatus::read;
    std::string status_text;
    std::string applic_id, reply_applic_id, aux_applic_info;
    std::string sender;
    std::string recipient_domain, originator_domain;
    Notes notes;
    bool operator==(const ReadReplyReportReq&) const = default;
};

using Mm4Message = std::variant<ForwardReq, Response, DeliveryReportReq, ReadReplyReportReq>;

MessageType type_of(const Mm4Message& message);

/// The type of the answer to a request: forward_req -> forward_res and so on; a response is its own.
constexpr MessageType response_to(MessageType request) { return static_cast<MessageType>(static_cast<int>(request) | 1); }
constexpr bool is_response(MessageType type) { return static_cast<int>(type) % 2 == 1; }

}   // namespace mmgate::mm4
