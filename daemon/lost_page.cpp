#include "daemon/lost_page.h"

#include <unistd.h>

#include <array>
#include <string>

namespace mmgate {

namespace {

constexpr std::array kSignals{SIGBUS, SIGSEGV};

// A signal handler knows nothing but what has static storage.
std::string g_word;
int g_status = 0;
std::array<struct sigaction, kSignals.size()> g_before{};

void put_back() {
    for (std::size_t i = 0; i < kSignals.size(); ++i)
        if (i == 0 || g_status != 0) ::sigaction(kSignals[i], &g_before[i], nullptr);
}

extern "C" void tell_and_end(int) {
    [[maybe_unused]] const ssize_t told = ::write(STDERR_FILENO, g_word.data(), g_word.size());
    if (g_status != 0) ::_exit(g_status);
    put_back();   // the access is made again, and has its usual end
}

}   // namespace

LostPage::LostPage(std::string_view program, std::string_view store, int status) {
    g_word = std::string(program) + ": a page of the store in " + std::string(store) +
             " cannot be read: data.mdb is damaged or cut short, or its disk fails; see \"mmq check\" in mmq(1), or put a backup in its place\n";
    g_status = status;
    struct sigaction ours {};
    ours.sa_handler = tell_and_end;
    for (std::size_t i = 0; i < kSignals.size(); ++i)
        if (i == 0 || g_status != 0) ::sigaction(kSignals[i], &ours, &g_before[i]);
}

LostPage::~LostPage() { put_back(); }

}   // namespace mmgate
