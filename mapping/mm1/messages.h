// The PDUs that the gateway speaks as values, between the generic codec and the MM.
//
// Source: OMA-TS-MMS_ENC-V1_3 §6 (which fields each PDU has); OMA-MMS-CTR (versions).
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "mapping/mm.h"
#include "mapping/mm1/codec.h"
#include "mapping/report.h"
#include "mapping/result.h"

namespace mmgate::mm1 {

inline constexpr std::uint8_t kOurVersion = 0x93;       // 1.3
inline constexpr std::uint8_t kUnknownVersion = 0x90;   // 1.0: what every terminal reads

/// The version to answer a peer in: its own within 1.x, at most ours; ours to another major.
std::uint8_t answer_version(std::uint8_t peer_version);

enum class Role : std::uint8_t { to,
                                 cc,
                                 bcc };
struct SendReq {
    std::string transaction_id;
    std::uint8_t version = kUnknownVersion;
    MmHeaders headers;   // `from` is what the phone claims: never to be believed
    struct Recipient {
        Address address;
        Role role = Role::to;
    };
    std::vector<Recipient> recipients;         // in the PDU's order, blind ones too
    std::vector<std::string> bad_recipients;   // texts that are no address, cleaned for people
    Content content;                           // a top-level media type that is no multipart is wrapped as mixed
};
/// Fails: malformed with the rule; unsupported_version for another major; too_large for too many recipients; content_refused for compressed parts.
Result<SendReq> send_req_of(Pdu pdu);

struct SendConf {
    std::string transaction_id;
    std::uint8_t version = kUnknownVersion;
    std::uint8_t response_status = 0x80;   // of 1.1 and later; written as the version knows it (§4.7 of the sheet: 1.0 codes)
    std::string response_text;
    std::string message_id;   // when accepted
};
Octets encode_send_conf(const SendConf& conf);
/// A Response-Status as `version` knows it. Source: OMA-TS-MMS_ENC-V1_3 §7.3.48.
std::uint8_t response_status_for(std::uint8_t version, std::uint8_t status);

struct NotificationInd {
    std::string transaction_id;
    std::uint8_t version = kUnknownVersion;
    std::optional<Address> from;
    std::string subject;   // shortened to fit two short messages; "" leaves it out
    MessageClass message_class = MessageClass::personal;
    Priority priority = Priority::normal;
    bool delivery_report = false;
    std::uint64_t size_bytes = 0;   // of M-Retrieve.conf
    Seconds expiry{};
    std::string content_location;
    std::string applic_id, reply_applic_id, aux_applic_info;
};
Octets encode_notification_ind(const NotificationInd& ind);

/// M-NotifyResp.ind, or M-Acknowledge.ind (which is the same as Retrieved).
struct NotifyResp {
    std::string transaction_id;
    std::uint8_t version = kUnknownVersion;
    DeliveryStatus status = DeliveryStatus::indeterminate;   // retrieved, rejected, deferred, unrecognised; else: unknown octet
    bool report_allowed = true;
    bool acknowledge = false;
};
Result<NotifyResp> notify_resp_of(const Pdu& pdu);

struct RetrieveConf {
    std::string transaction_id;
    std::uint8_t version = kUnknownVersion;
    std::string message_id;
    MmHeaders headers;
};
/// All octets of M-Retrieve.conf before the content, the number of Content-Type included: the PDU is this followed by what encode_content wrote.
Octets encode_retrieve_head(const RetrieveConf& conf);
/// M-Retrieve.conf with an error: status, text, and the text as the body for 1.0 phones.
Octets encode_retrieve_error(std::uint8_t version, Instant date, std::uint8_t retrieve_status, std::string_view text);

struct DeliveryInd {
    std::uint8_t version = kUnknownVersion;
    std::string message_id;
    Address to;
    Instant date{};
    DeliveryStatus status = DeliveryStatus::indeterminate;   // written as the version knows it
    std::string status_text;                                 // 1.3
    std::string applic_id;                                   // 1.3
};
Octets encode_delivery_ind(const DeliveryInd& ind);

/// M-Read-Rec.ind: what a phone's user did with an MM that asked for a read report.
struct ReadRecInd {
    std::uint8_t version = kUnknownVersion;
    std::string message_id;
    std::optional<Instant> date;   // as the phone's clock has it
    ReadStatus status = ReadStatus::read;
};
/// Fails: unsupported_type; malformed for a status that is none.
Result<ReadRecInd> read_rec_ind_of(const Pdu& pdu);

struct ReadOrigInd {
    std::uint8_t version = kUnknownVersion;
    std::string message_id;
    Address reader, originator;
    Instant date{};
    ReadStatus status = ReadStatus::read;
    std::string applic_id;   // 1.3
};
Octets encode_read_orig_ind(const ReadOrigInd& ind);
/// Whether a terminal of this version knows M-Read-Orig.ind; an older one is told by an MM. Source: OMA-MMS-CTR-V1_1 (read reports).
constexpr bool knows_read_orig(std::uint8_t version) { return version > kUnknownVersion; }

/// Content-Type value and body as they stand behind octet 84: what the store keeps as the content of an MM.
Octets encode_content(const Content& content);
Result<Content> decode_content(Bytes octets);

}   // namespace mmgate::mm1
