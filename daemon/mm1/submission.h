// An M-Send.req becomes a message for the queue: who it is from, where each recipient goes, how long it lives. Pure.
//
// Source: OMA-MMS-CTR-V1_3 §8.1 (submission), OMA-TS-MMS_ENC-V1_3 §6.1.1; 3GPP TS 23.140 §7.1 (what the relay fills in).
#pragma once

#include <cstdint>
#include <string>

#include "daemon/config.h"
#include "daemon/crypto.h"
#include "daemon/router.h"
#include "mapping/mm1/messages.h"
#include "mapping/result.h"
#include "store/store.h"

namespace mmgate::mm1 {

/// An M-Send.req as a worker leaves it: the content in the form in which the store keeps it, and the digest that knows a repetition.
struct ReadSubmission {
    SendReq req;   // without its content
    Octets content;
    Octets body_digest;   // SHA-256 of the PDU
};
/// Fails: as decode_pdu and send_req_of.
Result<ReadSubmission> read_submission(Bytes pdu);

struct Submission {
    Enqueue enqueue;
    bool partial = false;   // some recipients have failed at once
};

/// The message of `sender`, a subscriber in E.164. Recipients that cannot be reached are in it as failed, to be reported, as long as there is one
/// that can; one address counts once. Draws 16 octets from `random` for each recipient here.
/// Fails: no_recipients; what the first recipient failed with when none is left; sender_denied for more than limits.recipients.
Result<Submission> submission_of(ReadSubmission read, const Address& sender, std::string_view peer, const Config& config, const Router& router, Random& random,
                                 Instant now);

/// Response-Status of an accepted submission: Ok, or partial success to those that know it.
/// Source: OMA-TS-MMS_ENC-V1_3 §7.3.48 (C4 since 1.2).
std::uint8_t accepted_status(const Submission& submission, std::uint8_t version);

}   // namespace mmgate::mm1
