// Listening sockets that the service manager opened for us, found again by their address.
//
// They stay open as long as we live, and a listener works on a duplicate: one that a reload closed can be opened again, and who connects
// between a stop and the next start waits in the socket's queue instead of being refused.
// Source: sd_listen_fds(3).
#pragma once

#include <sys/socket.h>

#include <string>
#include <vector>

namespace mmgate {

class InheritedSockets {
public:
    /// Where they begin.
    static constexpr int kFirstDescriptor = 3;

    /// None.
    InheritedSockets() = default;
    /// What LISTEN_PID, LISTEN_FDS and LISTEN_FDNAMES say is ours; they are removed from the environment. What is no listening TCP socket
    /// is closed and told by `unusable`.
    static InheritedSockets from_environment(int first = kFirstDescriptor);
    ~InheritedSockets();
    InheritedSockets(InheritedSockets&& other) noexcept = default;
    InheritedSockets& operator=(InheritedSockets&& other) noexcept;

    /// A duplicate, non-blocking, of the socket bound to exactly this address, which the caller owns; -1 when there is none.
    int open(const sockaddr_storage& address);

    /// "NAME ADDRESS:PORT" of those that nobody has opened yet.
    std::vector<std::string> unclaimed() const;
    /// "NAME: why" of the descriptors that are of no use.
    const std::vector<std::string>& unusable() const { return unusable_; }

private:
    struct Socket {
        int fd;
        sockaddr_storage address;
        std::string name;   // FileDescriptorName= of the unit
        bool claimed = false;
    };
    void close_all() noexcept;

    std::vector<Socket> sockets_;
    std::vector<std::string> unusable_;
};

}   // namespace mmgate
