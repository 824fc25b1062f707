// MM to Internet mail: a mail that a person enjoys reading. RFC 4356 §2.1.3.2.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "mapping/mm.h"
#include "mapping/report.h"
#include "mapping/result.h"

namespace mmgate::mail {

struct MmToMailOptions {
    std::string message_id;      // ours, without < >
    std::string domain;          // phones become +E164@domain
    std::string hostname;        // of Received
    std::string queue_id;        // of Received
    std::string received_for;    // "<a@b>" where there is exactly one recipient, else ""
    std::string boundary_seed;   // unique text; boundaries are made from it and checked against the parts
    Instant received_at{};
    bool keep_smil = false;
    bool keep_applic_id = false;   // the recipient is a configured application
};

/// The whole mail with CRLF line ends: 7-bit clean, no line over 998 octets, every value free of CR, LF and NUL.
/// Fails: hidden_sender; content_refused for DRM content and accepted reply charging.
Result<Octets> mm_to_mail(const MmHeaders& headers, const Content& content, const MmToMailOptions& options);

/// MAIL FROM of the mail: "+E164@domain", a mailbox, or "" for class Auto.
std::string return_path_of(const MmHeaders& headers, std::string_view domain);

}   // namespace mmgate::mail
