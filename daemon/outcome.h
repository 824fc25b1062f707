// What a recipient's end means: the record that goes back to the store, and what its originator is told. Pure.
//
// One end per recipient; a report says what happened, never what was hoped.
#pragma once

#include <optional>
#include <string>

#include "mapping/report.h"
#include "store/store.h"

namespace mmgate {

/// Why and how a recipient's journey ends.
struct End {
    RecipientState state = RecipientState::failed;   // one of the ends
    Fault fault = Fault::internal;                   // of failed, rejected and expired
    std::string reason;                              // one line for people
    std::string enhanced_status;                     // "" takes the fault's, "2.0.0" for success
    std::string remote_mta;
    bool unconfirmed = false;   // nobody knows what became of the message itself
};

/// What of the configuration decides about reports.
struct ReportPolicy {
    bool service_messages = true;   // queue.service_messages
    Seconds delay{5};               // queue.report_delay
};

/// The Settle that ends recipient `index` of `message`; with report_due and report_at when somebody is to be told: at once
/// when it was the last unfinished recipient, else after the policy's delay, so that several failures share one report.
Settle end_of(const Message& message, std::uint16_t index, End end, Instant now, const ReportPolicy& policy);

/// Whether the originator is to be told of this recipient's end. False for all automatic messages and for reports of our own.
/// Source: RFC 3461 §4.1, RFC 4356 §2.1.4, OMA-MMS-CTR (delivery reports).
bool report_wanted(const Message& message, const Recipient& recipient, const ReportPolicy& policy);

/// The recipient's end in the words of a delivery report.
/// Source: RFC 4356 §2.1.4.1, OMA-TS-MMS_ENC-V1_3 §7.3.54.
RecipientReport report_of(const Recipient& recipient);

/// Whether the end is one that the originator did not hope for.
constexpr bool is_failure(RecipientState state) {
    return state == RecipientState::rejected || state == RecipientState::expired || state == RecipientState::failed;
}

}   // namespace mmgate
