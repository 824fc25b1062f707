// A mail on its way to a next hop: its values, the commands of its envelope, its content as DATA takes it, and how each recipient fared.
//
// Pure. What is not fit for the wire is refused here, whoever made it: no text becomes a command and no content an end of data.
// Source: RFC 5321 §3.3 (a transaction), §4.5.2 (transparency); RFC 3461 §4 (delivery status notifications).
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "daemon/smtp/offered.h"
#include "mapping/address.h"
#include "mapping/result.h"
#include "store/store.h"

namespace mmgate::smtp {

struct OutboundRecipient {
    Address mailbox;
    Notify notify;
    std::string original_recipient;   // "rfc822;a@b" or "": ORCPT where DSN is offered
};

struct OutboundMail {
    std::string subject;       // the queue id, for logs
    std::string return_path;   // "" is the null sender
    std::string envelope_id;   // "" none
    std::vector<OutboundRecipient> recipients;
    std::shared_ptr<const Octets> data;   // RFC 5322 with CRLF line ends, neither dot-stuffed nor terminated
};

/// How one recipient fared.
struct Delivered {
    enum class Verdict : std::uint8_t { delivered,
                                        relayed,
                                        deferred,
                                        failed } verdict = Verdict::deferred;
    Fault fault = Fault::internal;   // of deferred and failed
    std::string reply;               // "250 2.0.0 Ok: queued as 1A2B", or our own words; one clean line
    std::string enhanced_status;     // "2.0.0"
    std::string remote_mta;          // host that answered, or ""
    /// Of a deferral: whether it is about this message, or whoever is sent there next fares no better.
    enum class Extent : std::uint8_t { message,
                                       destination } extent = Extent::message;

    bool operator==(const Delivered&) const = default;
};

/// What a look at the content says.
struct ContentFacts {
    bool eight_bit = false;     // octets above 127
    bool leading_dot = false;   // a line that must be stuffed
};

/// Checks content for the wire: lines end with CRLF and nothing else, at most 998 octets each, no NUL; the last line may lack its end.
/// Fails: malformed. Source: RFC 5321 §2.3.8, RFC 5322 §2.1.1.
Result<ContentFacts> check_content(Bytes data);

/// The content with the dot before every leading dot, its last CRLF and the final dot. Source: RFC 5321 §4.5.2.
Octets stuffed_and_terminated(Bytes data);
/// What ends content without leading dots: ".", after a CRLF where the last line lacks it.
Bytes terminator(Bytes data);

/// "MAIL FROM:<a@b> SIZE=123 RET=HDRS ENVID=x", with CRLF; parameters only for what is offered.
/// Fails: sender_syntax when the return path cannot stand in a command.
Result<std::string> mail_command(const OutboundMail& mail, const ContentFacts& facts, const Offered& offered);
/// "RCPT TO:<a@b> NOTIFY=FAILURE ORCPT=rfc822;a@b", with CRLF.
/// Fails: recipient_syntax.
Result<std::string> rcpt_command(const OutboundRecipient& recipient, const Offered& offered);

/// RFC 3461 §4: '+', '=' and all outside 33 to 126 as '+' and two upper-case hexadecimal digits.
std::string to_xtext(std::string_view text);

}   // namespace mmgate::smtp
