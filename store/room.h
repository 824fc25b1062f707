// How much new mail may still be taken: an estimate that learns from every commit.
//
// Room is what the map may still grow by, what the disk has above its reserve, and what deletions freed inside the file. Of the last not
// all is usable: content wants four pages in a row, and what the commit before freed has to wait. How many free pages are of no
// use shows when the file grows although they are there. Pure but for its atomics: any thread may ask while one tells.
#pragma once

#include <atomic>
#include <cstdint>

namespace mmgate {

/// The store's size as of a commit, in pages.
struct Extent {
    std::uint64_t in_use = 0;    // by databases, the free list and the meta pages
    std::uint64_t touched = 0;   // from the beginning of the file that were ever used
};

class Room {
public:
    Room(std::uint64_t most_bytes, std::uint64_t disk_reserve_bytes) : most_bytes_(most_bytes), disk_reserve_bytes_(disk_reserve_bytes) {}

    /// The store was opened.
    void begin(Extent extent, std::uint32_t page_bytes);
    /// A commit was made.
    void committed(Extent extent);

    /// What new mail may take, with so much free on the disk.
    std::uint64_t bytes(std::uint64_t disk_free_bytes) const;
    std::uint64_t used_bytes() const { return in_use_ * page_bytes_; }

private:
    const std::uint64_t most_bytes_, disk_reserve_bytes_;
    std::atomic<std::uint64_t> page_bytes_ = 4096, in_use_ = 0, touched_ = 0;
    std::atomic<std::uint64_t> useless_ = 0;                 // free pages that the file grew in spite of
    std::uint64_t free_before_ = 0, free_long_before_ = 0;   // one commit and two commits ago
};

}   // namespace mmgate
