// Read reports as mail: message disposition notifications, written and read.
//
// Pure. Source: RFC 8098 (notifications), RFC 4356 §2.1.4.3 (their meaning for MMS).
#pragma once

#include <optional>
#include <string>

#include "mapping/mm.h"
#include "mapping/report.h"
#include "mapping/result.h"

namespace mmgate::mail {

struct DispositionOptions {
    std::string message_id;            // of the notification, without < >
    std::string hostname;              // Reporting-UA
    Address reader;                    // who read the message: a mailbox
    std::string to;                    // who asked
    std::string original_message_id;   // without < >, "" when the original had none
    std::string original_recipient;    // "rfc822;a@b", or ""
    std::string subject;               // of the original
    ReadStatus status = ReadStatus::read;
    Instant at{};   // when it was read
    Instant now{};
    std::string boundary_seed;
};
/// A multipart/report disposition notification with CRLF line ends.
Octets make_disposition(const DispositionOptions& options);

struct ReceivedDisposition {
    std::string original_message_id;    // without < >, of the field or the returned header; "" when neither names one
    std::string final_recipient;        // the address alone
    std::optional<ReadStatus> status;   // nothing: dispatched, processed, what ended in an error, or a word that nobody knows
};
/// Reads a mail as a disposition notification; nothing when it is none. Fails as read_mime_tree does.
Result<std::optional<ReceivedDisposition>> read_disposition(Bytes mail);

}   // namespace mmgate::mail
