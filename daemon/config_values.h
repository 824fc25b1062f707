// Texts of the configuration to values and back: sizes, times, endpoints, networks, words, and texts of a certain shape. Pure.
//
// An error's rule is a clause that follows the value: `is no size; write octets or "5M", "300k"`.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "daemon/config.h"
#include "daemon/config_keys.h"
#include "mapping/result.h"

namespace mmgate {

/// "5242880", "5M", "300k", "64G": octets; k, M and G are powers of 1024.
Result<std::uint64_t> parse_size(std::string_view text);
/// "90s", "5m", "1h", "7d", "2w", and sequences of them: "1h30m".
Result<Seconds> parse_duration(std::string_view text);
/// "127.0.0.1:2525", "[::1]:0". A host name only where `names_allowed`.
enum class HostNames : std::uint8_t { refused,
                                      allowed };
Result<Endpoint> parse_endpoint(std::string_view text, HostNames names);
/// "10.0.0.0/8", "::1/128", "192.0.2.1". Bits behind the prefix must be zero.
Result<Network> parse_network(std::string_view text);

/// Shortest text that is read back as the same value: "5M", "90s", "1h".
std::string size_text(std::uint64_t octets);
std::string duration_text(Seconds seconds);

struct ShapeSpec {
    Shape shape;
    std::string_view name;   // in the manual
    bool (*fits)(std::string_view);
    std::string_view wanted;   // "is no domain; write a name such as mms.example.net"
};
std::span<const ShapeSpec> shape_specs();
/// The text in its canonical form: domains in lower case, a URL without its final slash.
Result<std::string> shaped(Shape shape, std::string_view text);

/// Words of the enumerations, first the word, then its value.
template <class T>
struct Word {
    std::string_view text;
    T value;
};
std::span<const Word<TlsMode>> words_of(TlsMode);
std::span<const Word<PushKind>> words_of(PushKind);
std::span<const Word<PeerTls>> words_of(PeerTls);
std::span<const Word<EnvelopeSender>> words_of(EnvelopeSender);
std::span<const Word<mm4::ExpiryForm>> words_of(mm4::ExpiryForm);
std::span<const Word<mm4::AddressForm>> words_of(mm4::AddressForm);
std::span<const Word<Level>> words_of(Level);
std::span<const Word<Numbers>> words_of(Numbers);

}   // namespace mmgate
