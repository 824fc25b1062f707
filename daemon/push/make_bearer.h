// The bearer that the configuration asks for.
#pragma once

#include <memory>

#include "daemon/config.h"
#include "daemon/loop/loop.h"
#include "daemon/push/bearer.h"

namespace mmgate::push {

/// Never null: where push.kind names no bearer that is here, one that answers "try later" and says what is missing.
std::unique_ptr<Bearer> make_bearer(Loop& loop, const Config& config);

}   // namespace mmgate::push
