#include "daemon/config_text.h"

#include <algorithm>
#include <type_traits>

#include "daemon/config_values.h"

namespace mmgate {

namespace {

/// A basic string of TOML 1.0; the configuration holds no control characters.
std::string quoted(std::string_view text) {
    std::string out = "\"";
    for (const char c : text) {
        if (c == '"' || c == '\\') out += '\\';
        out += c;
    }
    return out + "\"";
}

template <class T>
std::string one_text(const T& value) {
    if constexpr (std::is_same_v<T, std::string>) return quoted(value);
    else if constexpr (std::is_same_v<T, bool>) return value ? "true" : "false";
    else if constexpr (std::is_same_v<T, Seconds>) return quoted(duration_text(value));
    else if constexpr (std::is_same_v<T, std::uint64_t>) return quoted(size_text(value));
    else if constexpr (std::is_integral_v<T>) return std::to_string(value);
    else if constexpr (std::is_enum_v<T>) return quoted(std::ranges::find(words_of(value), value, &Word<T>::value)->text);
    else return quoted(to_text(value));
}

template <class T>
std::string text_of(const std::vector<T>& values) {
    std::string out;
    for (const T& value : values) out += (out.empty() ? "" : ", ") + one_text(value);
    return "[" + out + "]";
}
template <class T>
std::string text_of(const std::optional<T>& value) {
    return value ? one_text(*value) : quoted("");
}
template <class T>
std::string text_of(const T& value) {
    return one_text(value);
}

}   // namespace

std::string value_text(const KeyTarget& target) {
    return std::visit([](const auto* value) { return text_of(*value); }, target);
}

bool is_secret(std::string_view name, Shape shape) {
    constexpr std::string_view kWords[] = {"password", "secret", "token"};
    return shape == Shape::secret || std::ranges::any_of(kWords, [&](std::string_view word) { return name.find(word) != std::string_view::npos; });
}

}   // namespace mmgate
