// The sum by which content that a disk has changed is known. Against decay, not against an adversary.
#pragma once

#include <cstdint>

#include "mapping/result.h"

namespace mmgate {

/// XXH3 of 64 bits with seed 0. It stands on disk: another function would be another format.
std::uint64_t content_sum(Bytes content);

}   // namespace mmgate
