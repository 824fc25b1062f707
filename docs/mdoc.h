// Texts of our tables in mdoc.
#pragma once

#include <string>
#include <string_view>

namespace mmgate {

/// Text in mdoc: each sentence begins a line, nothing that troff would take for a request; ends a line.
std::string mdoc(std::string_view text);

}   // namespace mmgate
