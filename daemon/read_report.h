// Read reports: from whom a recipient's reader or his relay tells, to the originator, in the originator's world. Pure.
//
// They reach only who asked, once for each recipient: a phone as M-Read-Orig.ind, a peer's relay as MM4_read_reply_report.REQ, mail as a disposition
// notification. Who reads is the recipient's own; what he did says nothing about the delivery of others.
// Source: OMA-MMS-CTR-V1_3 §8.5, 3GPP TS 23.140 §8.4.3, RFC 4356 §2.1.4.3, RFC 8098.
#pragma once

#include <optional>

#include "daemon/report_message.h"
#include "mapping/report.h"
#include "store/store.h"

namespace mmgate {

/// Notes what recipient `index` did with a message, at `date` as the reader's side has it, with the report to the originator as a consequence if one was asked for.
/// Nothing when it was known before.
std::optional<Settle> after_reading(const Message& message, std::uint16_t index, ReadStatus status, Instant date, const ReportContext& context);

}   // namespace mmgate
