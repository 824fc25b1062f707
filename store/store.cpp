#include "store/store.h"

#include <algorithm>

namespace mmgate {

namespace {

// Crockford's base 32: no I, L, O, U. Source: crockford.com/base32.html.
constexpr std::string_view kCrockford = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
constexpr std::size_t kQueueIdChars = 13;   // 64 bits, five a character

constexpr std::string_view kStates[] = {"queued", "active", "deferred", "held", "notified", "fetched",
                                        "delivered", "relayed", "rejected", "expired", "failed", "deleted"};
static_assert(std::size(kStates) == static_cast<std::size_t>(RecipientState::deleted) + 1);
constexpr std::string_view kInterfaces[] = {"mail", "mm1", "mm4", "mm7"};
static_assert(std::size(kInterfaces) == static_cast<std::size_t>(Interface::mm7) + 1);

char upper(char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c; }

// What people write for a digit when they copy by hand.
char as_crockford(char c) {
    switch (upper(c)) {
        case 'O': return '0';
        case 'I':
        case 'L': return '1';
        default: return upper(c);
    }
}

}   // namespace

std::string to_text(QueueId id) {
    std::string out(kQueueIdChars, '0');
    for (std::size_t i = kQueueIdChars; i-- > 0; id.value >>= 5) out[i] = kCrockford[id.value & 31];
    return out;
}

std::optional<QueueId> queue_id_of(std::string_view text) {
    // 13 characters hold 65 bits: the first one is below 16.
    if (text.size() != kQueueIdChars) return std::nullopt;
    std::uint64_t value = 0;
    for (std::size_t i = 0; i < text.size(); ++i) {
        const std::size_t digit = kCrockford.find(as_crockford(text[i]));
        if (digit == std::string_view::npos || (i == 0 && digit > 15)) return std::nullopt;
        value = (value << 5) | digit;
    }
    return QueueId{value};
}

std::string_view to_text(RecipientState state) { return kStates[static_cast<std::size_t>(state)]; }

std::optional<RecipientState> recipient_state_of(std::string_view text) {
    const auto* found = std::ranges::find(kStates, text);
    if (found == std::end(kStates)) return std::nullopt;
    return static_cast<RecipientState>(found - std::begin(kStates));
}

std::string_view to_text(Interface interface) { return kInterfaces[static_cast<std::size_t>(interface)]; }

RecipientState state_of(const Message& message) {
    const auto least = std::ranges::min_element(message.recipients, {}, &Recipient::state);
    return least == message.recipients.end() ? RecipientState::queued : least->state;
}

bool can_be_undeleted(const Message& message, Instant now) {
    return std::ranges::any_of(message.recipients, [&](const Recipient& recipient) { return can_be_undeleted(recipient, now); });
}

Result<Octets> Store::content_to_carry(QueueId id) const {
    Result<Octets> out = content(id);
    if (!out && out.error().fault == Fault::not_found) out.error().fault = Fault::storage_failed;
    return out;
}

}   // namespace mmgate
