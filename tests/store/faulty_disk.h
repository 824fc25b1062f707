// A disk that fails on command, and remembers what it was told: the writes and syncs of this test program pass through here.
//
// The program's own pwrite, writev and fdatasync stand in front of the C library's, also for liblmdb, so that no preloading is needed.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include <sys/types.h>

namespace mmgate::faulty_disk {

enum class Call : std::uint8_t { write,
                                 meta_write,
                                 sync };   // meta_write: into LMDB's two meta pages

struct Breakage {
    Call call = Call::write;
    unsigned after = 0;      // so many calls of this kind still work
    int error = 0;           // errno; 0: a write that is cut short
    bool for_ever = false;   // or once
};

/// From now on. One at a time.
void break_down(const Breakage& breakage);
/// Nothing fails; how many calls of the kind were seen since break_down.
unsigned mend();

/// What a file was told, in order.
struct Told {
    off_t offset = 0;
    std::string octets;
    bool sync = false;   // a sync of all before it; a write with O_DSYNC is durable by itself and carries `durable`
    bool durable = false;
};
void remember();
/// What was told so far.
std::size_t remembered();
std::vector<Told> recall();

}   // namespace mmgate::faulty_disk
