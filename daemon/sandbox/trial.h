// The sandbox tried from inside: `mmgated --try-sandbox`.
#pragma once

#include <string>

#include "daemon/config.h"

namespace mmgate::sandbox {

/// Makes every forbidden attempt, each in a process of its own that has confined itself as the gateway does, and some that must succeed; prints a
/// line for each. Makes the state directory if it is missing, and leaves nothing in it. Before the first thread. Gives the exit status: 0 when all
/// ended as they should, else 1.
int try_all(const Config& config, const std::string& config_file);

}   // namespace mmgate::sandbox
