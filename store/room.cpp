#include "store/room.h"

#include <algorithm>

namespace mmgate {

namespace {

// New mail stops at this share of the largest map, so that settling and deleting, which copy pages before they free any, always can.
constexpr std::uint64_t kHighWaterPercent = 90;
// Pages that one commit copies and frees, and that only a later one may use.
constexpr std::uint64_t kPagesInFlux = 128;
// Useless pages are forgotten at this rate a commit: neighbours become free and make runs of them.
constexpr std::uint64_t kForgetting = 64;

}   // namespace

void Room::begin(Extent extent, std::uint32_t page_bytes) {
    page_bytes_ = page_bytes;
    in_use_ = extent.in_use;
    touched_ = extent.touched;
    useless_ = kPagesInFlux;
    free_before_ = free_long_before_ = extent.touched - std::min(extent.touched, extent.in_use);
}

void Room::committed(Extent extent) {
    const std::uint64_t free = extent.touched - std::min(extent.touched, extent.in_use);
    if (extent.touched > touched_) useless_ = std::max(kPagesInFlux, std::min({free, free_before_, free_long_before_}));
    else useless_ = std::max(kPagesInFlux, useless_ - useless_ / kForgetting);
    free_long_before_ = free_before_;
    free_before_ = free;
    in_use_ = extent.in_use;
    touched_ = extent.touched;
}

std::uint64_t Room::bytes(std::uint64_t disk_free_bytes) const {
    const std::uint64_t page = page_bytes_, in_use = in_use_, touched = touched_, useless = useless_, most = most_bytes_ / page;
    const std::uint64_t mark = most * kHighWaterPercent / 100;
    const std::uint64_t below_mark = mark > in_use ? mark - in_use : 0;
    const std::uint64_t freed = touched > in_use + useless ? touched - in_use - useless : 0;
    const std::uint64_t never_used = most > touched ? most - touched : 0;
    const std::uint64_t on_disk = disk_free_bytes > disk_reserve_bytes_ ? (disk_free_bytes - disk_reserve_bytes_) / page : 0;
    return std::min(below_mark, freed + std::min(never_used, on_disk)) * page;
}

}   // namespace mmgate
