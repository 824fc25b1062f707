// A page of the store that cannot be had: its file was cut short, or its disk does not read it. The kernel ends a process for that with SIGBUS, without a word.
#pragma once

#include <csignal>
#include <string_view>

namespace mmgate {

/// While this is there, such an end says on standard error what it means. Then comes what would have come without it, or, where `status` is not 0, the end
/// with that status; this is for programs that do nothing but read a store, whose SIGSEGV means the same: LMDB follows what a damaged page says. One at a time.
class LostPage {
public:
    LostPage(std::string_view program, std::string_view store, int status = 0);
    ~LostPage();
    LostPage(const LostPage&) = delete;
    LostPage& operator=(const LostPage&) = delete;
};

}   // namespace mmgate
