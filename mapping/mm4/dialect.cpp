#include "mapping/mm4/dialect.h"

#include <array>
#include <charconv>

namespace mmgate::mm4 {

std::string to_text(const Version& version) { return std::to_string(version.major) + "." + std::to_string(version.minor) + "." + std::to_string(version.patch); }

Result<Version> parse_version(std::string_view text) {
    Version version{0, 0, 0};
    const std::array<std::uint16_t*, 3> numbers{&version.major, &version.minor, &version.patch};
    for (std::size_t i = 0; i < numbers.size(); ++i) {
        const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), *numbers[i]);
        if (error != std::errc()) return fail(Fault::malformed, "is no version: three numbers with dots between");
        text.remove_prefix(static_cast<std::size_t>(end - text.data()));
        if (text.empty()) return version;
        if (!text.starts_with('.')) break;
        text.remove_prefix(1);
    }
    return fail(Fault::malformed, "is no version: three numbers with dots between");
}

}   // namespace mmgate::mm4
