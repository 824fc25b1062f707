#include "daemon/service_manager.h"

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <string>
#include <utility>

namespace mmgate {

namespace {

/// The value of a variable, which is removed.
std::string taken(const char* variable) {
    const char* value = std::getenv(variable);
    std::string out = value ? value : "";
    unsetenv(variable);
    return out;
}

template <class Number>
std::optional<Number> number_in(const std::string& text) {
    Number value{};
    const auto [stop, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc() || stop != text.data() + text.size()) return std::nullopt;
    return value;
}

/// A datagram socket to "/path" or "@abstract"; -1 when there is no such place.
int connected_to(const std::string& place) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if (place.size() < 2 || (place[0] != '/' && place[0] != '@') || place.size() >= sizeof address.sun_path) return -1;
    place.copy(address.sun_path, place.size());
    if (place[0] == '@') address.sun_path[0] = '\0';
    const int fd = ::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    const auto length = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + place.size());
    if (fd < 0 || ::connect(fd, reinterpret_cast<const sockaddr*>(&address), length) == 0) return fd;
    ::close(fd);
    return -1;
}

}   // namespace

ServiceManager ServiceManager::from_environment() {
    ServiceManager out;
    out.fd_ = connected_to(taken("NOTIFY_SOCKET"));
    const auto pid = number_in<pid_t>(taken("WATCHDOG_PID"));
    const auto patience = number_in<std::uint64_t>(taken("WATCHDOG_USEC"));
    if (patience && *patience > 0 && (!pid || *pid == ::getpid())) {
        using namespace std::chrono;
        out.patience_ = duration_cast<milliseconds>(microseconds(*patience));
    }
    return out;
}

ServiceManager::ServiceManager(ServiceManager&& other) noexcept : fd_(std::exchange(other.fd_, -1)), patience_(other.patience_) {}

ServiceManager::~ServiceManager() {
    if (fd_ >= 0) ::close(fd_);
}

void ServiceManager::tell(std::string_view assignments) const {
    if (fd_ < 0) return;
    [[maybe_unused]] const ssize_t sent = ::send(fd_, assignments.data(), assignments.size(), MSG_NOSIGNAL);
}

ServiceManager::Reloading::Reloading(const ServiceManager& manager) : manager_(manager) {
    // The manager takes READY for the end of this reload by the time at which it began.
    timespec now{};
    clock_gettime(CLOCK_MONOTONIC, &now);
    manager_.tell("RELOADING=1\nMONOTONIC_USEC=" + std::to_string(now.tv_sec * 1'000'000 + now.tv_nsec / 1'000));
}

Watchdog::Watchdog(Loop& loop, Committer& committer, const ServiceManager& manager) : loop_(loop), committer_(committer), manager_(manager) {
    if (manager_.patience()) look();
}

void Watchdog::look() {
    // Three looks in the manager's patience: one may come late.
    next_ = loop_.after(std::max(*manager_.patience() / 3, std::chrono::milliseconds(1)), [this] { look(); });
    if (*away_) return;
    *away_ = true;
    // That a commit fails is the store's affair: who answers is alive.
    committer_.submit(
        {}, [away = away_, &manager = manager_](const Result<std::vector<Outcome>>&) {
            *away = false;
            manager.tell("WATCHDOG=1");
        },
        Committer::Urgency::relaxed);
}

}   // namespace mmgate
