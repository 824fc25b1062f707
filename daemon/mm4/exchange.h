// An exchange with a peer: what each step makes of a recipient, from the request that leaves to the report that ends it. Pure.
//
//   queued -> (250) deferred, its response awaited -> (RES Ok) relayed, its report awaited -> delivered | rejected | expired | failed
//
// A 250 says that the peer's host has the mail, a response Ok that its relay has taken the message, a report what became of it. Each is taken for what it
// says and no more: without a response the same request is sent again with the same identifiers, and then fails; without a report nobody knows.
// Source: 3GPP TS 23.140 §8.4.1 to §8.4.3; the timers are the operator's ([mm4]).
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "daemon/config.h"
#include "daemon/crypto.h"
#include "daemon/names.h"
#include "daemon/outcome.h"
#include "daemon/router.h"
#include "daemon/smtp/outbound.h"
#include "mapping/mm4/codec.h"
#include "store/store.h"

namespace mmgate::mm4 {

// ---------------------------------------------------------------------------------------------------------------------- names in the store

/// A request of a peer for these recipients: its repetition has the same key.
SubmissionKey request_key(std::string_view peer, const Ids& ids, std::vector<std::string> recipients);
/// That a recipient has an MM of a peer already, whatever request brought it.
SubmissionKey recipient_key(std::string_view peer, std::string_view message_id, const Address& recipient);
/// What was sent to a peer under a Message-ID that is not made by our Names: of another relay, or the peer's own.
SubmissionKey forwarded_key(std::string_view peer, std::string_view message_id);
/// That an MM has gone through here to a recipient, whoever brought it: it does not go twice.
SubmissionKey transit_key(std::string_view message_id, const Address& recipient);
/// A report of ours to a peer, by the transaction id of its request.
SubmissionKey report_key(std::string_view peer, std::string_view transaction_id);

/// How long names are remembered after a message's time: late reports find it, repeated requests are known. Source: the sheet's §7.2.
inline constexpr std::chrono::hours kNamesOutlive{7 * 24};

// -------------------------------------------------------------------------------------------------------------------------------- requests

Dialect dialect_of(const Peer& peer);

/// "+447700900123/TYPE=PLMN@mms.example.net", as it stands in an SMTP path; a mailbox is itself.
Address path_of(const Address& address, std::string_view domain);

struct Outgoing {
    ForwardReq request;   // without content
    EncodeOptions options;
    bool report_awaited = false;   // the peer is asked for a delivery report
};
/// MM4_forward.REQ number `number` of a message, and how it is written for `peer`.
Outgoing outgoing_request(const Message& message, std::uint16_t number, const Peer& peer, const Router& router, const Names& names, Instant now);

/// Whether a request with this message asks a peer for delivery reports: for the originator, or for ourselves where the peer's Release has a field for it.
bool asks_for_report(const Message& message, const Peer& peer);

/// MAIL FROM of what goes to a peer: the originator of an MM where it has an address with us, our system address, or nobody ("").
std::string envelope_sender(const Message& message, const Peer& peer, const Router& router);

/// What has to be known of a request whose mail a peer's host has just answered.
struct Sent {
    std::uint16_t number = 0;
    bool response_awaited = false;
    bool report_awaited = false;
};
/// What the SMTP verdict makes of a recipient.
Settle after_sending(const Message& message, std::uint16_t index, const smtp::Delivered& delivered, const Sent& sent, Instant now, const Config& config, Random& random);

/// Recipients of one request that are tried again come back at the same time, the latest of theirs, so that they stay one request: what a peer took although its
/// reply was lost is repeated as it was, and each peer gets one mail.
void keep_together(std::vector<Settle>& settles);

/// The end of a recipient whose request was sent as often as it may be and never responded to.
Settle after_silence(const Message& message, std::uint16_t index, Instant now, const Config& config);

/// Whether the request that this recipient was in has had its response, and a new one is due.
bool is_answered(const Recipient& recipient);
/// The number of a new request whose first recipient is `first`: no other request of the message has it, to whichever peer, and none of this recipient had it that
/// was answered. The same one until it is taken: a repetition after a lost reply has the same identifiers.
std::uint16_t next_request(const Message& message, std::uint16_t first);
/// When a peer is no longer tried with a message: the message's own time, or [mm4].lifetime after it came.
Instant last_attempt(const Message& message, const Config& config);

// -------------------------------------------------------------------------------------------------------------- what a peer says about them

/// The recipients of `message` that a response of this peer is about: those of its request, and of these the ones it names.
std::vector<std::uint16_t> recipients_of(const Response& response, const Message& message, std::uint16_t number, std::string_view peer);
/// What a response makes of a recipient; nothing when it comes too late.
std::optional<Settle> after_response(const Message& message, std::uint16_t index, const Response& response, bool report_awaited, Instant now, const Config& config,
                                     Random& random);

/// A peer that does not know a number may have lost it to another operator since somebody said that it serves it. Instead of its end in `refused` the recipient
/// goes back to the lane "resolve", once, to be looked up anew. Nothing where the refusal is about something else, and where nobody but our own tables leads there.
/// Source: the sheet's §5.
std::optional<Settle> look_up_again(const Message& message, const Settle& refused, const Router& router, Instant now);

/// A recipient that goes another way from now on, due at once, as if it had just come.
Settle takes_route(const Message& message, std::uint16_t index, const Route& route, std::string_view event, std::string why, Instant now, Random& random);

/// A number whose peer is no longer in the configuration goes where that leads now, unless the peer may have the message. Nothing where it leads nowhere, and of
/// what came from another relay: it waits.
std::optional<Settle> leaves_peer(const Message& message, std::uint16_t index, const Router& router, Instant now, Random& random);

/// The recipient of `message` at this peer that a report is about.
std::optional<std::uint16_t> recipient_at(const Message& message, const Address& recipient, std::string_view peer);
/// What a delivery report makes of a recipient; nothing when its fate was known before.
/// X-Mms-Forward-To-Originator-UA: No is a recipient who lets his relay know and nobody else: the originator gets no delivery report then, whether or not he asked for
/// one. Of a failure he is told as he is where no report was asked for: by a bounce or a service message.
std::optional<Settle> after_report(const Message& message, std::uint16_t index, const DeliveryReportReq& report, Instant now, const Config& config);

}   // namespace mmgate::mm4
