// Reports as mail and as short service messages to phones. RFC 3464, RFC 6522, RFC 4356 §2.1.4.
#pragma once

#include <string>
#include <vector>

#include "mapping/mm.h"
#include "mapping/report.h"

namespace mmgate::mail {

struct DsnOptions {
    std::string message_id;    // of the notification, without < >
    std::string hostname;      // Reporting-MTA, DSN-Gateway
    std::string from;          // "postmaster@mms.example.net"
    std::string to;            // the return path
    std::string envelope_id;   // Original-Envelope-Id, or ""
    Instant arrival{};         // of the original
    Instant now{};
    Octets original_header;   // header block of the original mail, for text/rfc822-headers
    std::string boundary_seed;
};

/// A multipart/report delivery status notification about these recipients, with CRLF line ends. Action follows from status class and DeliveryStatus:
/// delivered, relayed, failed, delayed. Explains in plain words what happened to whom and why.
Octets make_dsn(const std::vector<RecipientReport>& recipients, const DsnOptions& options);

/// The text of the service MM that tells a phone what did not reach whom and why, and its content (one text part).
Content make_service_message(const std::vector<RecipientReport>& recipients, const std::string& subject_of_original, Instant sent_at);

/// The content of the MM that tells a phone without read reports of its own what a reader did, and when (one text part).
Content make_read_message(const Address& reader, ReadStatus status, const std::string& subject_of_original, Instant sent_at, Instant read_at);

}   // namespace mmgate::mail
