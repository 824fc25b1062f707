// A configuration as text: each value as the file would write it, so that it can be read back. Pure.
#pragma once

#include <string>
#include <string_view>

#include "daemon/key_spec.h"

namespace mmgate {

/// The value that a row points to, as TOML: `"5M"`, `["10.0.0.0/8"]`, `true`; `""` for an optional that is not set.
std::string value_text(const KeyTarget& target);

/// Whether the value of a row is not for showing: a password, or whatever may hold one.
bool is_secret(std::string_view name, Shape shape);

/// The value, or `"(set)"` for a secret that is.
template <class Owner>
std::string shown_value(const KeySpec<Owner>& spec, Owner& owner) {
    const std::string text = value_text(spec.target(owner));
    return is_secret(spec.name, spec.shape) && text != "\"\"" ? "\"(set)\"" : text;
}

}   // namespace mmgate
