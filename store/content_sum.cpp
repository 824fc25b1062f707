#include "store/content_sum.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

namespace mmgate {

std::uint64_t content_sum(Bytes content) { return XXH3_64bits(content.data(), content.size()); }

}   // namespace mmgate
