// Addresses of hosts and networks, as the configuration writes them.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace mmgate {

/// "127.0.0.1:2525", "[::1]:0": an address literal and a port; port 0 is any free one.
struct Endpoint {
    std::string host;   // literal without brackets; a name is allowed for next hops only
    std::uint16_t port = 0;
    bool operator==(const Endpoint&) const = default;
};
std::string to_text(const Endpoint& endpoint);

/// "10.0.0.0/8", "::1/128", "192.0.2.1".
struct Network {
    bool v6 = false;
    std::array<std::uint8_t, 16> address{};
    std::uint8_t prefix_bits = 0;
    bool operator==(const Network&) const = default;
};
std::string to_text(const Network& network);
/// Whether an address literal lies in one of the networks. An empty list contains nobody. IPv4-mapped IPv6 counts as IPv4.
bool contains(const std::vector<Network>& networks, std::string_view address);

/// A host to connect to: a name or an address literal, and a port.
struct NextHop : Endpoint {
    bool operator==(const NextHop&) const = default;
};

}   // namespace mmgate
