#include "daemon/loop/public_address.h"

#include <arpa/inet.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>
#include <string>

namespace mmgate {

namespace {

struct Range {
    std::array<std::uint8_t, 16> address;
    unsigned prefix_bits;
};

// Source: RFC 6890 §2.2.2, RFC 5771 §3, RFC 1112 §4.
constexpr auto kReservedV4 = std::to_array<Range>({
    {{0}, 8},               // this network
    {{10}, 8},              // private
    {{100, 64}, 10},        // shared by carriers
    {{127}, 8},             // loopback
    {{169, 254}, 16},       // link-local
    {{172, 16}, 12},        // private
    {{192, 0, 0}, 24},      // protocol assignments
    {{192, 0, 2}, 24},      // documentation
    {{192, 88, 99}, 24},    // 6to4 relays
    {{192, 168}, 16},       // private
    {{198, 18}, 15},        // benchmarks
    {{198, 51, 100}, 24},   // documentation
    {{203, 0, 113}, 24},    // documentation
    {{224}, 4},             // multicast
    {{240}, 4},             // reserved, broadcast
});

// Outside 2000::/3 nothing is globally reachable but translated IPv4, which is looked at as IPv4.
// Source: RFC 4291 §2.4, RFC 6890 §2.2.3, RFC 3849, RFC 9637.
constexpr Range kGlobalV6{{0x20}, 3};
constexpr auto kReservedV6 = std::to_array<Range>({
    {{0x20, 0x01, 0x00}, 23},         // protocol assignments: Teredo, benchmarks, ORCHID
    {{0x20, 0x01, 0x0d, 0xb8}, 32},   // documentation
    {{0x3f, 0xff}, 20},               // documentation
});

struct Embedding {
    Range range;
    std::size_t at;   // of the IPv4 address
};
// Source: RFC 4291 §2.5.5, RFC 6052 §2.1, RFC 3056 §2.
constexpr auto kEmbeddings = std::to_array<Embedding>({
    {{{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff}, 96}, 12},   // mapped
    {{{0x00, 0x64, 0xff, 0x9b}, 96}, 12},                     // translated
    {{{0x20, 0x02}, 16}, 2},                                  // 6to4
});

bool is_in(const std::uint8_t* address, const Range& range) {
    unsigned octets = range.prefix_bits / 8;
    if (std::memcmp(address, range.address.data(), octets) != 0) return false;
    unsigned bits = range.prefix_bits % 8;
    return bits == 0 || ((address[octets] ^ range.address[octets]) >> (8 - bits)) == 0;
}

bool is_public_v4(const std::uint8_t* address) {
    return std::none_of(kReservedV4.begin(), kReservedV4.end(), [&](const Range& range) { return is_in(address, range); });
}

}   // namespace

bool is_address_literal(std::string_view text) {
    std::uint8_t address[16];
    std::string name(text);
    return inet_pton(AF_INET, name.c_str(), address) == 1 || inet_pton(AF_INET6, name.c_str(), address) == 1;
}

bool is_public_address(std::string_view literal) {
    std::uint8_t address[16];
    std::string name(literal);
    if (inet_pton(AF_INET, name.c_str(), address) == 1) return is_public_v4(address);
    if (inet_pton(AF_INET6, name.c_str(), address) != 1) return false;
    for (const Embedding& embedding : kEmbeddings)
        if (is_in(address, embedding.range)) return is_public_v4(address + embedding.at);
    return is_in(address, kGlobalV6) && std::none_of(kReservedV6.begin(), kReservedV6.end(), [&](const Range& range) { return is_in(address, range); });
}

}   // namespace mmgate
