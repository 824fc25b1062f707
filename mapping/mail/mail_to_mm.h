// Internet mail to MM: what a received mail is, and the MM that it becomes. RFC 4356 §2.1.3.3.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "mapping/mm.h"
#include "mapping/report.h"
#include "mapping/result.h"

namespace mmgate::mail {

struct MailToMmOptions {
    Instant now{};
    std::string return_path;                    // MAIL FROM; "" is the null sender
    bool application_allowed = false;           // whether Applic-ID of this client is honoured...
    std::vector<std::string> application_ids;   // ...and for which values
    std::vector<std::string> our_domains;       // From +E164@these is refused: mail of our own does not come this way
    NumberingPlan numbering;                    // To and Cc in our domains become phones
};

struct ReceivedMail {
    Mm mm;
    Octets original_header;           // the header block as received, for notifications of failure
    bool automatic = false;           // null sender, Auto-Submitted, Precedence bulk/list/junk, List-Id: never answered
    std::vector<std::string> notes;   // what was left out: "[not delivered: a.zip, application/zip, 12 kB]"
};

/// Reads a mail (after dot-unstuffing, CRLF line ends) and maps it.
/// Fails: malformed (no originator), too_large (limits.h), routing_loop (Received), sender_denied (From is a phone of ours),
/// unmappable (Sensitivity, an empty Applic-ID or two), content_refused (message/partial).
Result<ReceivedMail> mail_to_mm(Bytes mail, const MailToMmOptions& options);

/// The delivery status notification that a mail to one of our numbers from <> is; nothing when it is anything else.
/// Reads multipart/report and, for bounces that are not, our own Message-ID in the text (status failed).
/// Fails as mail_to_mm does on structure.
Result<std::optional<ReceivedDsn>> read_dsn(Bytes mail);

}   // namespace mmgate::mail
