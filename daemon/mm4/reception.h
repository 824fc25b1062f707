// A request of a peer becomes a message for the queue: who speaks, whether it may say that, where each recipient goes. Pure.
//
// Source: 3GPP TS 23.140 §8.4.1; the sheet's §6.1 (who may speak for whom), §7.2 (repetitions), §7.3 (loops).
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "daemon/config.h"
#include "daemon/crypto.h"
#include "daemon/names.h"
#include "daemon/received_envelope.h"
#include "daemon/router.h"
#include "mapping/mm4/codec.h"
#include "mapping/result.h"
#include "store/store.h"

namespace mmgate::mm4 {

/// As which peer a session speaks in this message: of those that it may speak as, the one whose domain MAIL FROM has, or without a sender its system address.
/// Fails: sender_denied, naming the domain that is nobody's or another's.
Result<const Peer*> speaker_of(const ReceivedEnvelope& envelope, const Peeked& peeked, const PeerDirectory& peers);

DecodeOptions decode_options(const Peer& peer, const ReceivedEnvelope& envelope, const Config& config, Instant now);

/// Whether the originator is one of whom this peer may send: its own numbers and domains, never ours, never another peer's.
/// Fails: sender_denied.
Result<void> check_originator(const ForwardReq& request, const Peer& peer, const Router& router);

/// What became of an earlier request of the same key, as its response says it: "Ok" or the word of the fault that it was refused with.
std::string_view status_of_record(const Message& message);

struct Received {
    Enqueue enqueue;
    std::optional<Error> refused;   // every recipient has failed with it; recorded so that a repetition gets the same answer
};
/// The message of a forward request whose originator has been checked. `content`: as mm1::encode_content writes it. `seen`: recipients, by index in the envelope,
/// that this MM has gone through to before.
Received receive(ForwardReq request, Octets content, const ReceivedEnvelope& envelope, const std::vector<std::size_t>& seen, const Peer& peer, const Router& router,
                 const Names& names, Random& random, Instant now);

/// The numbers and mailboxes of RCPT TO: what makes a request the same one.
std::vector<std::string> recipients_of(const ReceivedEnvelope& envelope);

}   // namespace mmgate::mm4
