// The store that a configuration names: the same for the daemon and for mmq on a stopped gateway.
#pragma once

#include "daemon/config.h"
#include "store/lmdb_store.h"

namespace mmgate {

/// All but `tell`.
LmdbOptions store_options(const Config& config);

}   // namespace mmgate
