#include "daemon/names.h"

#include <algorithm>

namespace mmgate {

namespace {

// Crockford's alphabet: no I, L, O, U, so that a person can read an id aloud.
constexpr std::string_view kBase32 = "0123456789abcdefghjkmnpqrstvwxyz";
constexpr std::size_t kMessageIdChars = 26;   // 128 bits
constexpr std::size_t kRefBytes = 10;
constexpr std::size_t kTransactionBytes = 8;

// Stands beside the queue id in the enciphered block: a text that does not decipher to it was not made here.
constexpr std::string_view kMark = "mmgate01";
constexpr std::string_view kRequestMark = "mm4r01";

void put_big_endian(Octets& out, std::uint64_t value, int octets) {
    for (int i = octets - 1; i >= 0; --i) out += static_cast<char>((value >> (8 * i)) & 0xFF);
}

std::uint64_t big_endian(Bytes octets) {
    std::uint64_t value = 0;
    for (unsigned char octet : octets) value = (value << 8) | octet;
    return value;
}

std::string base32_of_block(Bytes block) {
    std::string out;
    std::uint32_t bits = 0;
    int held = 2;   // two zero bits in front: 130 bits are 26 characters
    for (unsigned char octet : block) {
        bits = (bits << 8) | octet;
        held += 8;
        while (held >= 5) {
            held -= 5;
            out += kBase32[(bits >> held) & 31];
        }
    }
    return out;
}

std::optional<Octets> block_of_base32(std::string_view text) {
    Octets out;
    std::uint32_t bits = 0;
    int held = -2;
    for (char c : text) {
        char lower = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
        std::size_t value = kBase32.find(lower);
        if (value == std::string_view::npos) return std::nullopt;
        if (held == -2 && value >= 8) return std::nullopt;
        bits = (bits << 5) | static_cast<std::uint32_t>(value);
        held += 5;
        if (held >= 8) {
            held -= 8;
            out += static_cast<char>((bits >> held) & 0xFF);
        }
    }
    return out;
}

Octets octets_of(RecipientRef ref) {
    Octets out;
    put_big_endian(out, ref.id.value, 8);
    put_big_endian(out, ref.index, 2);
    return out;
}

RecipientRef ref_of(Bytes octets) {
    return {QueueId{big_endian(octets.substr(0, 8))}, static_cast<std::uint16_t>(big_endian(octets.substr(8, 2)))};
}

}   // namespace

Names::Names(Bytes secret, std::string domain) : cipher_(secret), domain_(std::move(domain)) {}

std::string Names::enciphered(Bytes block) const { return base32_of_block(cipher_.encipher(block)) + "@" + domain_; }

Octets Names::deciphered(std::string_view name) const {
    if (name.starts_with('<')) name.remove_prefix(1);
    std::string_view left = name.substr(0, std::min(name.find('@'), name.size()));
    if (left.size() != kMessageIdChars) return {};
    auto block = block_of_base32(left);
    return block && block->size() == 16 ? cipher_.decipher(*block) : Octets();
}

std::string Names::message_id(QueueId id) const {
    Octets block;
    put_big_endian(block, id.value, 8);
    block += kMark;
    return enciphered(block);
}

std::optional<QueueId> Names::message_of(std::string_view message_id) const {
    const Octets plain = deciphered(message_id);
    if (plain.empty() || !equal_in_constant_time(Bytes(plain).substr(8), kMark)) return std::nullopt;
    return QueueId{big_endian(Bytes(plain).substr(0, 8))};
}

std::string Names::transaction_id(Mm4Request request) const {
    Octets block;
    put_big_endian(block, request.id.value, 8);
    put_big_endian(block, request.number, 2);
    block += kRequestMark;
    return enciphered(block);
}

std::optional<Mm4Request> Names::request_of(std::string_view transaction_id) const {
    const Octets plain = deciphered(transaction_id);
    if (plain.empty() || !equal_in_constant_time(Bytes(plain).substr(10), kRequestMark)) return std::nullopt;
    return Mm4Request{QueueId{big_endian(Bytes(plain).substr(0, 8))}, static_cast<std::uint16_t>(big_endian(Bytes(plain).substr(8, 2)))};
}

std::string locator(RecipientRef ref, Bytes token) {
    Octets raw = octets_of(ref);
    raw += token;
    return base64url(raw);
}

std::optional<Located> located(std::string_view locator) {
    auto raw = from_base64url(locator);
    if (!raw || raw->size() != kRefBytes + kTokenBytes) return std::nullopt;
    return Located{ref_of(*raw), raw->substr(kRefBytes)};
}

std::string notification_transaction_id(RecipientRef ref, Bytes token) {
    Octets raw = octets_of(ref);
    raw += sha256(Octets("transaction") + Octets(token)).substr(0, kTransactionBytes);
    return base64url(raw);
}

std::optional<RecipientRef> recipient_of_transaction(std::string_view transaction_id) {
    auto raw = from_base64url(transaction_id);
    if (!raw || raw->size() != kRefBytes + kTransactionBytes) return std::nullopt;
    return ref_of(*raw);
}

}   // namespace mmgate
