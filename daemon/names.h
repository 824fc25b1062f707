// The names that leave the gateway: Message-IDs, retrieval URLs, transaction ids. Each leads back to the queue without an index.
//
// A Message-ID is the queue id enciphered with the store's secret: it reveals neither order nor rate, and nobody can make one. The transaction id
// of a request to a peer is made likewise.
// A retrieval URL and a transaction id name recipient and message, and hold random octets that only that recipient's record knows.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "daemon/crypto.h"
#include "store/store.h"

namespace mmgate {

/// Random octets of the retrieval URL of one recipient of one message: nobody guesses 128 bits.
inline constexpr std::size_t kTokenBytes = 16;

/// A request to a peer: the message it forwards, and which of its requests it is.
struct Mm4Request {
    QueueId id;
    std::uint16_t number = 0;
    bool operator==(const Mm4Request&) const = default;
};

class Names {
public:
    /// `secret`: 32 octets, the store's. `domain`: gateway.domain, the right side of every Message-ID.
    Names(Bytes secret, std::string domain);

    /// "3F7…@mms.example.net", without < >. 26 characters before the @.
    std::string message_id(QueueId id) const;
    /// The message that a Message-ID of ours names (with or without < >, any domain); nothing when it is not one of ours.
    std::optional<QueueId> message_of(std::string_view message_id) const;

    /// X-Mms-Transaction-ID of the request with this number (from 1 on) of a message to a peer, of the same form: "3F7…@mms.example.net".
    std::string transaction_id(Mm4Request request) const;
    /// The request that such a transaction id names; nothing when it is not one of ours.
    std::optional<Mm4Request> request_of(std::string_view transaction_id) const;

private:
    std::string enciphered(Bytes block) const;
    Octets deciphered(std::string_view name) const;   // "" when it is no block

    AesBlock cipher_;
    std::string domain_;
};

/// The last path segment of a retrieval URL: queue id, index and the recipient's 16 random octets; 35 characters of base64url.
std::string locator(RecipientRef ref, Bytes token);
/// X-Mms-Transaction-ID of a notification: queue id, index and 8 octets of a digest of the token, so that a repeated notification is
/// identical and the URL's secret is not in it; 24 characters.
std::string notification_transaction_id(RecipientRef ref, Bytes token);

struct Located {
    RecipientRef ref;
    Octets token;   // to be compared with the record's in constant time
};
std::optional<Located> located(std::string_view locator);
/// The recipient a transaction id of ours names; the caller compares the whole text with the one made from the record's token.
std::optional<RecipientRef> recipient_of_transaction(std::string_view transaction_id);

}   // namespace mmgate
