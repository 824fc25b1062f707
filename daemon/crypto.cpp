#include "daemon/crypto.h"

#include <crypt.h>
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

}   // namespace

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

bool matches_crypt(std::string_view password, const std::string& stored) {
    if (password.find('\0') != std::string_view::npos) return false;
    auto workspace = std::make_unique<crypt_data>();
    const char* made = crypt_r(std::string(password).c_str(), stored.c_str(), workspace.get());
    return made && made[0] != '*' && equal_in_constant_time(made, stored);
}

std::string base64(Bytes data) {
    std::string out((data.size() + 2) / 3 * 4 + 1, '\0');
    const int length = EVP_EncodeBlock(reinterpret_cast<unsigned char*>(out.data()), reinterpret_cast<const unsigned char*>(data.data()), static_cast<int>(data.size()));
    out.resize(static_cast<std::size_t>(length));
    return out;
}

Result<Octets> from_base64(std::string_view text) {
    const std::size_t digits = text.find('=') == std::string_view::npos ? text.size() : text.find('=');
    const std::size_t padding = text.size() - digits;
    if (text.size() % 4 != 0 || padding > 2 || text.substr(digits).find_first_not_of('=') != std::string_view::npos) return fail(Fault::malformed, "not base64", digits);
    std::string url(text.substr(0, digits));
    for (char& c : url) c = c == '+' ? '-' : c == '/'           ? '_'
                                         : c == '-' || c == '_' ? '!'
                                                                : c;
    return from_base64url(url);
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
}   // namespace

Octets AesBlock::encipher(Bytes block) const { return one_block(key_, block, 1); }
Octets AesBlock::decipher(Bytes block) const { return one_block(key_, block, 0); }

}   // namespace mmgate
