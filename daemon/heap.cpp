#include "daemon/heap.h"

#include <malloc.h>

namespace mmgate {

namespace {

// Below this a block comes from the heap and not from a mapping of its own; larger than any message that is usual.
constexpr int kMappedBlockBytes = 8 << 20;
// Free memory at the top of the heap that is kept, and what is taken at once when it grows.
constexpr int kKeptBytes = 32 << 20;
constexpr int kGrowthBytes = 1 << 20;
// Each arena keeps that much: as many as threads that handle messages are enough.
constexpr int kArenas = 2;

}   // namespace

void keep_freed_memory() {
    mallopt(M_MMAP_THRESHOLD, kMappedBlockBytes);
    mallopt(M_TRIM_THRESHOLD, kKeptBytes);
    mallopt(M_TOP_PAD, kGrowthBytes);
    mallopt(M_ARENA_MAX, kArenas);
}

void give_back_freed_memory() { malloc_trim(0); }

}   // namespace mmgate
