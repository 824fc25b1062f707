// What a row of the configuration's tables is: where the value goes, its default, its shape and bounds, when a change takes effect.
#pragma once

#include <array>
#include <cstdint>
#include <limits>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "daemon/config.h"

namespace mmgate {

/// Where the value of a key goes. The alternatives are all types that a key can have.
using KeyTarget = std::variant<std::string*, std::vector<std::string>*, std::uint64_t*, std::uint32_t*, std::uint16_t*, bool*, Seconds*,
                               std::vector<Seconds>*, std::vector<Endpoint>*, std::optional<Endpoint>*, std::vector<Network>*, TlsMode*,
                               std::vector<NextHop>*, PushKind*, Level*, Numbers*, PeerTls*, EnvelopeSender*, mm4::ExpiryForm*, mm4::AddressForm*>;

/// What a text must look like beyond being text. One row each in kShapes (config_values.h).
enum class Shape : std::uint8_t { any,
                                  domain,
                                  mailbox,
                                  path,
                                  digits,
                                  prefix,
                                  url,
                                  url_template,
                                  address,
                                  token,
                                  version,
                                  pin,
                                  secret };

/// Limits of a number: octets of a size, seconds of a time.
struct Bounds {
    std::uint64_t least = 0;
    std::uint64_t most = std::numeric_limits<std::uint32_t>::max();
};

template <class Owner>
struct KeySpec {
    std::string_view name;           // "limits.message_size"; within an array of tables: "next_hop"
    std::string_view default_text;   // "5M", "100", "true", `["1m", "5m"]`; "" leaves the member empty
    Reload reload;
    std::string_view documentation;   // sentences for the manual
    Shape shape = Shape::any;
    Bounds bounds{};
    bool required = false;
    KeyTarget (*target)(Owner&) = nullptr;
};

namespace config_detail {
template <class Owner, class Member>
Owner owner_of(Member Owner::*);
}   // namespace config_detail

/// A row: `key<&Config::domain>(…)`, or through a member of a member: `key<&Config::log, &Log::Options::level>(…)`.
template <auto first, auto... rest>
constexpr auto key(std::string_view name, std::string_view default_text, Reload reload, std::string_view documentation, Shape shape = Shape::any,
                   Bounds bounds = {}) {
    using Owner = decltype(config_detail::owner_of(first));
    return KeySpec<Owner>{name, default_text, reload, documentation, shape, bounds, false,
                          [](Owner& owner) { return KeyTarget(&((owner.*first).*....*rest)); }};
}
/// A row without default: it must be given.
template <auto... path>
constexpr auto required_key(std::string_view name, Reload reload, std::string_view documentation, Shape shape = Shape::any) {
    auto spec = key<path...>(name, "", reload, documentation, shape);
    spec.required = true;
    return spec;
}

inline constexpr Bounds kOneOrMore{1};
inline constexpr Bounds kTime{1, 366 * 24 * 3600ull};
inline constexpr std::uint64_t kMiB = 1024 * 1024;

}   // namespace mmgate
