#include "daemon/store_options.h"

namespace mmgate {

LmdbOptions store_options(const Config& config) {
    LmdbOptions options;
    options.directory = config.state_dir + "/queue";
    options.map_size_bytes = config.map_size_bytes;
    options.disk_reserve_bytes = config.disk_reserve_bytes;
    options.history = config.history;
    options.report_wait = config.lifetime;
    return options;
}

}   // namespace mmgate
