// What we say to a peer about what it sent: responses, delivery reports and read reports, as messages for the queue. Pure.
//
// Each is a finished mail for the peer's lane. Nothing is ever reported on it, and when it cannot be brought in time it is dropped.
// Source: 3GPP TS 23.140 §8.4.1.3 (response), §8.4.2 (delivery report), §8.4.3 (read-reply report).
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "daemon/config.h"
#include "daemon/crypto.h"
#include "daemon/router.h"
#include "mapping/mm4/messages.h"
#include "mapping/report.h"
#include "mapping/result.h"
#include "store/store.h"

namespace mmgate::mm4 {

struct ReplyContext {
    const Config& config;
    const Router& router;
    Random& random;
    Instant now{};
};

/// What a request is answered with.
struct Answer {
    MessageType request = MessageType::forward_req;
    Ids ids;              // of the request, to be echoed
    std::string to;       // the system address that is answered
    std::string status;   // "Ok", or the word of a fault in status.h
    std::string text;     // for people, "" none
};
/// Fails as encode does.
Result<Enqueue> make_response(const Peer& peer, const Answer& answer, const ReplyContext& context);

/// The system address of a peer to answer: of those that its message names, in this order, the first in a domain of the peer; else the one of its configuration.
std::string answer_address(const Peer& peer, std::initializer_list<std::string_view> named);

/// MM4_delivery_report.REQ about one recipient of an MM that a peer sent. Fails as encode does.
Result<Enqueue> make_delivery_report(const Peer& peer, const Message& about, const Recipient& recipient, const RecipientReport& report, const ReplyContext& context);
/// What a relay hears when the phone of a recipient, whom the settle keeps waiting, postpones: MM4_delivery_report.REQ with Deferred, which is no end. Once a recipient,
/// as `before` (the events so far) tells, only where a report was asked for and the phone allows it; becomes a consequence and an event of the settle.
/// Source: 3GPP TS 23.140 §8.4.2, §8.1.6 (Deferred).
void report_deferral(Settle& settle, const Message& about, std::span<const Event> before, const ReplyContext& context);
/// MM4_read_reply_report.REQ. Fails as encode does.
Result<Enqueue> make_read_report(const Peer& peer, const Message& about, const Recipient& recipient, ReadStatus status, Instant date, const ReplyContext& context);

}   // namespace mmgate::mm4
