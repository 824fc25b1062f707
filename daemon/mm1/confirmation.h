// M-NotifyResp.ind and M-Acknowledge.ind: what a phone's answer makes of the recipient. Pure.
//
//   Retrieved, Acknowledge   delivered
//   Rejected                 rejected
//   Deferred                 notified, and not notified again: the phone fetches when its user wants
//   Unrecognised             notified once more in version 1.0, which every terminal reads; when it was that already: failed
//
// M-Read-Rec.ind is about a message, not a transaction: whose phone it is says about which recipient.
// Source: OMA-TS-MMS_ENC-V1_3 §7.3.54 (X-Mms-Status), §7.3.47 (Report-Allowed); OMA-MMS-CTR-V1_3 §8.2, §9.3 (Unrecognised).
#pragma once

#include <optional>
#include <string_view>

#include "daemon/config.h"
#include "mapping/mm1/messages.h"
#include "store/store.h"

namespace mmgate::mm1 {

/// Whether the transaction id is the one of this recipient's notification, compared whole.
bool is_confirmation_of(const Message& message, std::uint16_t index, std::string_view transaction_id);

/// What is written back; nothing for an answer that changes nothing: after the end, with a status that nobody knows.
std::optional<Settle> after_confirmation(const Message& message, std::uint16_t index, const NotifyResp& resp, const Config& config, Instant now);

/// The recipient of this number that has retrieved the message: only it can have been read. Nothing: there is none.
std::optional<std::uint16_t> reader_of(const Message& message, std::string_view number);

}   // namespace mmgate::mm1
