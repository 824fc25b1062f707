// Reports about a message as values: what M-Delivery.ind, MM4 reports and delivery status notifications share.
//
// Source: RFC 4356 §2.1.4, RFC 3464, OMA-TS-MMS_ENC-V1_3 §7.3.54 (X-Mms-Status).
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "mapping/address.h"
#include "mapping/mm.h"

namespace mmgate {

/// What happened to one recipient, in the words of X-Mms-Status.
enum class DeliveryStatus : std::uint8_t {
    expired,
    retrieved,
    rejected,
    deferred,
    unrecognised,
    indeterminate,
    forwarded,
    unreachable,
};

/// What a reader did with an MM, in the words of X-Mms-Read-Status.
enum class ReadStatus : std::uint8_t { read,
                                       deleted_unread };

/// One recipient's outcome for a report in any of the three worlds.
struct RecipientReport {
    Address recipient;
    DeliveryStatus status = DeliveryStatus::indeterminate;
    std::string enhanced_status;      // "5.1.1"; class 2, 4 or 5
    std::string diagnostic;           // the remote's reply or our reason, one line
    std::string remote_mta;           // "" when no other system was involved
    std::string original_recipient;   // ORCPT as given: "rfc822;a@b", xtext undone, or ""
    std::optional<Instant> at;        // when it happened
    bool unconfirmed = false;         // a failure only as far as is known: it may have arrived all the same
};

/// What a delivery status notification that came back says of our mail.
struct ReceivedDsn {
    std::string envelope_id;   // Original-Envelope-Id, or ""
    std::string message_id;    // of the returned header (part 3), without < >, or ""
    struct Recipient {
        std::string original_recipient;   // address part only
        std::string final_recipient;      // address part only
        std::string action;               // failed, delayed, delivered, relayed, expanded: lower case
        std::string status;               // "5.1.1"
        std::string diagnostic;           // one line
    };
    std::vector<Recipient> recipients;
    std::string text;   // part 1, one line, at most 200 octets
    // Further identifiers that may be ours: all that the returned header or, of a bounce that is no report, the text names (50 at most; mail addresses
    // are among them). Such a bounce has one recipient without addresses unless it says whom it is about.
    std::vector<std::string> mentioned_message_ids;
};

}   // namespace mmgate
