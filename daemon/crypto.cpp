#include "daemon/crypto.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/rand.h>

#include <array>
#include <cassert>

namespace mmgate {

namespace {

constexpr char kBase64Url[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

constexpr std::array<std::int8_t, 256> reverse_of_base64url() {
    std::array<std::int8_t, 256> out{};
    for (auto& value : out) value = -1;
    for (int i = 0; i < 64; ++i) out[static_cast<unsigned char>(kBase64Url[i])] = static_cast<std::int8_t>(i);
    return out;
}
constexpr auto kBase64UrlValue = reverse_of_base64url();

void digest_into(std::uint8_t* out, Bytes data) {
    unsigned length = 0;
    [[maybe_unused]] int ok = EVP_Digest(data.data(), data.size(), out, &length, EVP_sha256(), nullptr);
    assert(ok == 1 && length == 32);
}

}  // namespace

Octets sha256(Bytes data) {
    Octets out(32, '\0');
    digest_into(reinterpret_cast<std::uint8_t*>(out.data()), data);
    return out;
}

std::string sha256_hex(Bytes data) {
    constexpr char kHex[] = "0123456789abcdef";
    std::string out;
    out.reserve(64);
    for (unsigned char octet : sha256(data)) {
        out += kHex[octet >> 4];
        out += kHex[octet & 15];
    }
    return out;
}

SubmissionKey submission_key(std::initializer_list<Bytes> fields) {
    // Digests of fixed length stand for the fields, so that their borders cannot move.
    Octets joined;
    for (Bytes field : fields) joined += sha256(field);
    SubmissionKey key{};
    digest_into(key.data(), joined);
    return key;
}

bool equal_in_constant_time(Bytes a, Bytes b) {
    return a.size() == b.size() && CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0;
}

std::string base64url(Bytes data) {
    std::string out;
    out.reserve((data.size() * 4 + 2) / 3);
    std::uint32_t bits = 0;
    int held = 0;
    for (unsigned char octet : data) {
        bits = (bits << 8) | octet;
        held += 8;
        while (held >= 6) {
            held -= 6;
            out += kBase64Url[(bits >> held) & 63];
        }
    }
    if (held > 0) out += kBase64Url[(bits << (6 - held)) & 63];
    return out;
}

Result<Octets> from_base64url(std::string_view text) {
    Octets out;
    out.reserve(text.size() * 3 / 4);
    std::uint32_t bits = 0;
    int held = 0;
    for (std::size_t i = 0; i < text.size(); ++i) {
        std::int8_t value = kBase64UrlValue[static_cast<unsigned char>(text[i])];
        if (value < 0) return fail(Fault::malformed, "not a character of base64url", i);
        bits = (bits << 6) | static_cast<std::uint32_t>(value);
        held += 6;
        if (held >= 8) {
            held -= 8;
            out += static_cast<char>((bits >> held) & 0xFF);
        }
    }
    // One text for one value: the bits that are left over must be zero, and a single last character means nothing.
    if (held == 6 || (bits & ((1U << held) - 1)) != 0) return fail(Fault::malformed, "base64url ends in the middle of an octet", text.size());
    return out;
}

Octets SystemRandom::octets(std::size_t count) {
    Octets out(count, '\0');
    int ok = RAND_bytes(reinterpret_cast<unsigned char*>(out.data()), static_cast<int>(count));
    // Without randomness no secret may be made: better to stop than to hand out guessable URLs.
    if (ok != 1) std::abort();
    return out;
}

std::uint32_t SystemRandom::below(std::uint32_t bound) {
    assert(bound > 0);
    // Values in the incomplete last run of `bound` would favour small results; they are drawn again.
    const std::uint32_t reject_from = UINT32_MAX - UINT32_MAX % bound;
    for (;;) {
        Octets raw = octets(4);
        std::uint32_t value = 0;
        for (unsigned char octet : raw) value = (value << 8) | octet;
        if (value < reject_from) return value % bound;
    }
}

AesBlock::AesBlock(Bytes key) : key_(key) { assert(key_.size() == 32); }

namespace {
using Cipher = std::unique_ptr<EVP_CIPHER_CTX, decltype([](EVP_CIPHER_CTX* p) { EVP_CIPHER_CTX_free(p); })>;

Octets one_block(const Octets& key, Bytes block, int encipher) {
    assert(block.size() == 16);
    Cipher context(EVP_CIPHER_CTX_new());
    Octets out(32, '\0');
    int length = 0;
    auto* in = reinterpret_cast<const unsigned char*>(block.data());
    auto* to = reinterpret_cast<unsigned char*>(out.data());
    [[maybe_unused]] bool ok =
        context && EVP_CipherInit_ex(context.get(), EVP_aes_256_ecb(), nullptr, reinterpret_cast<const unsigned char*>(key.data()), nullptr, encipher) == 1 &&
        EVP_CIPHER_CTX_set_padding(context.get(), 0) == 1 && EVP_CipherUpdate(context.get(), to, &length, in, 16) == 1;
    assert(ok && length == 16);
    out.resize(16);
    return out;
}
}  // namespace

Octets AesBlock::encipher(Bytes block) const { return one_block(key_, block, 1); }
Octets AesBlock::decipher(Bytes block) const { return one_block(key_, block, 0); }

}  // namespace mmgate
