// The envelope of a mail that came in, and the answer to it: what the SMTP server and the intake have in common.
//
// Source: RFC 5321 §2.3.1 (envelope), RFC 3461 §4 (what the sender wants to be told).
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "daemon/router.h"
#include "mapping/address.h"
#include "mapping/result.h"
#include "store/store.h"

namespace mmgate {

struct EnvelopeRecipient {
    Address mailbox;   // as parsed from RCPT TO
    Route route;       // what the router said at RCPT
    Notify notify;
    std::string original_recipient;   // ORCPT "type;address", xtext undone
};

enum class Channel : std::uint8_t { clear,
                                    tls };

/// A transaction whose data have arrived.
struct ReceivedEnvelope {
    std::string client;   // address literal
    std::string helo;
    std::string protocol;                        // "SMTP", "ESMTP", "ESMTPS" or "ESMTPSA", for Received
    std::string return_path;                     // MAIL FROM without < >, "" the null sender
    std::string envelope_id;                     // ENVID, xtext undone
    bool return_full = false;                    // RET=FULL
    std::vector<EnvelopeRecipient> recipients;   // at least one
    std::vector<std::string> peers{};            // names of those that the client may speak MM4 as; mostly none
    Channel channel = Channel::clear;
};

/// The answer after the dot: the text behind "250 2.0.0 " ("Ok: queued as 01JD3M8K2V7QF"), or what is wrong.
using Accepted = Result<std::string>;

}   // namespace mmgate
