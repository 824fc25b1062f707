// A GET of a retrieval URL: whether the MM is given, and what becomes of the recipient. Pure.
//
// The rule for a retrieval that nobody confirms stands in docs/architecture.md: here the recipient only becomes `fetched`, due again when the
// notification would be; reminders and the end are the notifier's.
// Source: OMA-MMS-CTR-V1_3 §8.2 (retrieval).
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "daemon/config.h"
#include "daemon/crypto.h"
#include "daemon/mm1/session.h"
#include "daemon/names.h"
#include "mapping/result.h"
#include "store/store.h"

namespace mmgate::mm1 {

/// Who asks: nobody known, or a number. A number that is no subscriber's is known too, and is nobody's here.
struct Asker {
    bool known = false;
    std::string number;   // E.164, "" for one that is not served here
};

/// Whether recipient `ref.index` of what the store found may be given to the one who asks. Nothing: yes.
/// The secret is compared in constant time. A recipient that is `fetched` may fetch again: the first answer may have been lost.
std::optional<NotGiven> refuses_retrieval(const std::optional<Message>& message, const Located& located, const Asker& asker, Instant now);

/// All of M-Retrieve.conf before the content.
Octets retrieve_head_of(const Message& message, std::uint16_t index, const Names& names);

/// The recipient after M-Retrieve.conf has been handed over; nothing when it was `fetched` before.
std::optional<Settle> after_retrieval(const Message& message, std::uint16_t index, const Config& config, Random& random, Instant now);

}   // namespace mmgate::mm1
