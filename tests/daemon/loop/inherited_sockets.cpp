#include "daemon/loop/inherited_sockets.h"

#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <unistd.h>

#include <cstdlib>
#include <string>

using namespace mmgate;

namespace {

constexpr int kFirst = 700;   // the test program has its own at 3

/// Puts a socket where the service manager would; gives its address.
sockaddr_storage place(int at, int type, int backlog) {
    const int fd = socket(AF_INET, type, 0);
    sockaddr_storage address{};
    auto& v4 = reinterpret_cast<sockaddr_in&>(address);
    v4.sin_family = AF_INET;
    v4.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    cr_assert(bind(fd, reinterpret_cast<sockaddr*>(&address), sizeof v4) == 0);
    if (backlog > 0) cr_assert(listen(fd, backlog) == 0);
    socklen_t length = sizeof address;
    getsockname(fd, reinterpret_cast<sockaddr*>(&address), &length);
    cr_assert(dup2(fd, at) == at);
    if (fd != at) close(fd);
    return address;
}

void announce(const std::string& pid, const char* count, const char* names) {
    setenv("LISTEN_PID", pid.c_str(), 1);
    setenv("LISTEN_FDS", count, 1);
    if (names) setenv("LISTEN_FDNAMES", names, 1);
}

}   // namespace

Test(inherited_sockets, are_found_by_their_address_again_and_again) {
    const sockaddr_storage address = place(kFirst, SOCK_STREAM, 4);
    sockaddr_storage other = address;
    reinterpret_cast<sockaddr_in&>(other).sin_addr.s_addr = htonl(INADDR_ANY);
    announce(std::to_string(getpid()), "1", "smtp");
    InheritedSockets sockets = InheritedSockets::from_environment(kFirst);
    cr_expect(getenv("LISTEN_PID") == nullptr && getenv("LISTEN_FDS") == nullptr && getenv("LISTEN_FDNAMES") == nullptr, "the environment still says so");
    cr_expect(ne(int, fcntl(kFirst, F_GETFD) & FD_CLOEXEC, 0));
    cr_assert(sockets.unclaimed().size() == 1);
    cr_expect(sockets.unclaimed()[0].starts_with("smtp 127.0.0.1:"));
    cr_expect(eq(int, sockets.open(other), -1));
    for (int turn = 0; turn < 2; ++turn) {
        const int fd = sockets.open(address);
        cr_assert(fd >= 0);
        cr_expect(ne(int, fcntl(fd, F_GETFL) & O_NONBLOCK, 0));
        close(fd);
    }
    cr_expect(sockets.unclaimed().empty());
}

Test(inherited_sockets, of_another_process_are_left_alone) {
    const sockaddr_storage address = place(kFirst, SOCK_STREAM, 4);
    announce(std::to_string(getpid() + 1), "1", nullptr);
    InheritedSockets sockets = InheritedSockets::from_environment(kFirst);
    cr_expect(eq(int, sockets.open(address), -1));
    cr_expect(sockets.unclaimed().empty());
    cr_expect(fcntl(kFirst, F_GETFD) == 0, "it is not ours to close or to change");
}

Test(inherited_sockets, that_do_not_listen_on_tcp_are_named_and_closed) {
    place(kFirst, SOCK_DGRAM, 0);
    place(kFirst + 1, SOCK_STREAM, 0);
    announce(std::to_string(getpid()), "2", "datagrams");
    const InheritedSockets sockets = InheritedSockets::from_environment(kFirst);
    cr_assert(sockets.unusable().size() == 2);
    cr_expect(sockets.unusable()[0] == "datagrams: is no TCP socket");
    cr_expect(sockets.unusable()[1] == "unknown: does not listen");
    cr_expect(fcntl(kFirst, F_GETFD) == -1 && fcntl(kFirst + 1, F_GETFD) == -1);
}

Test(inherited_sockets, ignores_numbers_that_are_none) {
    for (const char* count : {"", "0", "-1", "1x", "1001", "99999999999999999999"}) {
        place(kFirst, SOCK_STREAM, 4);
        announce(std::to_string(getpid()), count, nullptr);
        cr_expect(InheritedSockets::from_environment(kFirst).unclaimed().empty(), "LISTEN_FDS=%s", count);
    }
}
