// OpenSSL's digests, random octets and block cipher behind a few functions.
#pragma once

#include <cstdlib>
#include <initializer_list>
#include <memory>
#include <string>
#include <string_view>

#include "mapping/result.h"
#include "store/store.h"

namespace mmgate {

/// SHA-256 of `data`, 32 octets / 64 lower-case hex digits.
Octets sha256(Bytes data);
std::string sha256_hex(Bytes data);
/// A key over several fields, each counted, so that no two lists of fields give the same key.
SubmissionKey submission_key(std::initializer_list<Bytes> fields);
/// Compares in a time that depends on the lengths only.
bool equal_in_constant_time(Bytes a, Bytes b);
/// Whether a password is the one that `stored` was made of, as crypt(5) makes it. Takes its time: that is what these methods are for.
bool matches_crypt(std::string_view password, const std::string& stored);
std::string base64(Bytes data);                         // of RFC 4648 §4, with padding, in one line
Result<Octets> from_base64(std::string_view text);      // malformed
std::string base64url(Bytes data);                      // without padding
Result<Octets> from_base64url(std::string_view text);   // malformed

/// AES-256 on single blocks of 16 octets: a permutation that only the key's owner can compute. Not for messages longer than a block.
class AesBlock {
public:
    explicit AesBlock(Bytes key);   // 32 octets
    Octets encipher(Bytes block) const;
    Octets decipher(Bytes block) const;

private:
    Octets key_;
};

/// Where chance comes in, so that tests can replay it.
class Random {
public:
    virtual ~Random() = default;
    virtual Octets octets(std::size_t count) = 0;
    /// Uniform in [0, bound).
    virtual std::uint32_t below(std::uint32_t bound) = 0;
};
/// The kernel's generator through OpenSSL.
class SystemRandom final : public Random {
public:
    Octets octets(std::size_t count) override;
    std::uint32_t below(std::uint32_t bound) override;
};

}   // namespace mmgate
