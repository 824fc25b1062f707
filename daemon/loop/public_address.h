// Which addresses may be hosts of the public Internet, so that a peer's DNS cannot send us to our own networks.
//
// Pure.
#pragma once

#include <string_view>

namespace mmgate {

/// Whether an address literal is globally reachable: not loopback, private, link-local, multicast, documentation or otherwise reserved.
/// IPv4 inside IPv6 (mapped, translated, 6to4) counts as that IPv4 address. False for what is not an address.
/// Source: RFC 6890 and the IANA special-purpose address registries.
bool is_public_address(std::string_view literal);

/// Whether a text is an IPv4 or IPv6 address without brackets or zone.
bool is_address_literal(std::string_view text);

}   // namespace mmgate
