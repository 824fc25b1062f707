#include "daemon/loop/inherited_sockets.h"

#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <cstring>
#include <optional>
#include <string_view>
#include <utility>

namespace mmgate {

namespace {

constexpr int kMost = 1000;   // a unit has a handful

std::optional<long> number_in(const char* variable) {
    const char* text = std::getenv(variable);
    if (!text) return std::nullopt;
    long value = 0;
    const char* end = text + std::strlen(text);
    const auto [stop, error] = std::from_chars(text, end, value);
    if (error != std::errc() || stop != end) return std::nullopt;
    return value;
}

/// "smtp:mm1" piece by piece; "" when there are no more.
std::string next_name(std::string_view& names) {
    const std::string_view name = names.substr(0, names.find(':'));
    names.remove_prefix(std::min(name.size() + 1, names.size()));
    return std::string(name);
}

/// Why a descriptor is of no use, or nothing.
const char* objection_to(int fd, sockaddr_storage& address) {
    int type = 0, listening = 0;
    socklen_t size = sizeof type, length = sizeof address;
    if (getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &size) != 0 || getsockname(fd, reinterpret_cast<sockaddr*>(&address), &length) != 0) return "is no socket";
    if (type != SOCK_STREAM || (address.ss_family != AF_INET && address.ss_family != AF_INET6)) return "is no TCP socket";
    size = sizeof listening;
    if (getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listening, &size) != 0 || !listening) return "does not listen";
    return nullptr;
}

bool same_address(const sockaddr_storage& a, const sockaddr_storage& b) {
    if (a.ss_family != b.ss_family) return false;
    if (a.ss_family == AF_INET) {
        const auto &x = reinterpret_cast<const sockaddr_in&>(a), &y = reinterpret_cast<const sockaddr_in&>(b);
        return x.sin_port == y.sin_port && x.sin_addr.s_addr == y.sin_addr.s_addr;
    }
    const auto &x = reinterpret_cast<const sockaddr_in6&>(a), &y = reinterpret_cast<const sockaddr_in6&>(b);
    return x.sin6_port == y.sin6_port && std::memcmp(&x.sin6_addr, &y.sin6_addr, sizeof x.sin6_addr) == 0;
}

std::string text_of(const sockaddr_storage& address) {
    char host[NI_MAXHOST], port[NI_MAXSERV];
    if (getnameinfo(reinterpret_cast<const sockaddr*>(&address), sizeof address, host, sizeof host, port, sizeof port, NI_NUMERICHOST | NI_NUMERICSERV) != 0) return "?";
    return (address.ss_family == AF_INET6 ? "[" + std::string(host) + "]" : std::string(host)) + ":" + port;
}

}   // namespace

InheritedSockets InheritedSockets::from_environment(int first) {
    InheritedSockets out;
    const auto pid = number_in("LISTEN_PID"), count = number_in("LISTEN_FDS");
    const char* given = std::getenv("LISTEN_FDNAMES");
    const std::string all_names = given ? given : "";
    for (const char* variable : {"LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES"}) unsetenv(variable);
    if (!pid || *pid != ::getpid() || !count || *count < 1 || *count > kMost) return out;
    std::string_view names = all_names;
    for (int fd = first; fd < first + static_cast<int>(*count); ++fd) {
        std::string name = next_name(names);
        if (name.empty()) name = "unknown";
        sockaddr_storage address{};
        if (const char* why = objection_to(fd, address)) {
            out.unusable_.push_back(name + ": " + why);
            ::close(fd);
            continue;
        }
        ::fcntl(fd, F_SETFD, FD_CLOEXEC);
        ::fcntl(fd, F_SETFL, ::fcntl(fd, F_GETFL) | O_NONBLOCK);
        out.sockets_.push_back({fd, address, std::move(name)});
    }
    return out;
}

InheritedSockets::~InheritedSockets() { close_all(); }

InheritedSockets& InheritedSockets::operator=(InheritedSockets&& other) noexcept {
    if (this == &other) return *this;
    close_all();
    sockets_ = std::exchange(other.sockets_, {});
    unusable_ = std::exchange(other.unusable_, {});
    return *this;
}

void InheritedSockets::close_all() noexcept {
    for (const Socket& socket : sockets_) ::close(socket.fd);
}

int InheritedSockets::open(const sockaddr_storage& address) {
    for (Socket& socket : sockets_) {
        if (!same_address(socket.address, address)) continue;
        socket.claimed = true;
        return ::fcntl(socket.fd, F_DUPFD_CLOEXEC, kFirstDescriptor);
    }
    return -1;
}

std::vector<std::string> InheritedSockets::unclaimed() const {
    std::vector<std::string> out;
    for (const Socket& socket : sockets_)
        if (!socket.claimed) out.push_back(socket.name + " " + text_of(socket.address));
    return out;
}

}   // namespace mmgate
