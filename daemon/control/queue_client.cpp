#include "daemon/control/queue_client.h"

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include <nlohmann/json.hpp>

namespace mmgate::control {

namespace {

using Json = nlohmann::json;

// A line of the gateway is a message with its recipients at most; what is longer is no gateway.
constexpr std::size_t kMostLineBytes = 64 * 1024 * 1024;
constexpr std::size_t kReadBytes = 64 * 1024;

}   // namespace

QueueClient::~QueueClient() {
    if (fd_ >= 0) ::close(fd_);
}

Failure QueueClient::broken_off() const {
    if (silent_) return {Exit::busy, "the gateway does not answer"};
    return {Exit::io, "the gateway broke off the conversation"};
}

tl::expected<void, Failure> QueueClient::connect(const std::string& path) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if (path.size() >= sizeof address.sun_path) return tl::unexpected(Failure{Exit::configuration, path + ": the path of the control socket is too long"});
    std::memcpy(address.sun_path, path.data(), path.size());
    fd_ = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd_ < 0 || ::connect(fd_, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
        const int error = errno;
        if (error == EACCES || error == EPERM) return tl::unexpected(Failure{Exit::not_allowed, path + ": you may not use the control socket; be root, or be named in gateway.control_users"});
        if (error == EAGAIN) return tl::unexpected(Failure{Exit::busy, path + ": the gateway is busy; try again"});
        return tl::unexpected(Failure{Exit::not_running, path + ": " + std::strerror(error) + "; the gateway is not running, or its configuration names another socket (-c FILE, --control PATH)"});
    }
    const timeval patience{patience_.count(), 0};
    ::setsockopt(fd_, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    auto hello = read_line();
    if (!hello && silent_) return tl::unexpected(broken_off());
    if (!hello) return tl::unexpected(Failure{Exit::not_allowed, path + ": the gateway turned us away; be root, or be named in gateway.control_users"});
    Json json = Json::parse(*hello, nullptr, false);
    if (!json.is_object()) return tl::unexpected(Failure{Exit::bad_data, path + ": no gateway answers there"});
    if (json.contains("end")) return tl::unexpected(Failure{static_cast<Exit>(json.value("code", 77)), path + ": " + json.value("text", std::string("refused"))});
    if (json.value("protocol", 0) != kProtocolVersion) return tl::unexpected(Failure{Exit::bad_data, path + ": the gateway speaks another version; use the mmq that was installed with it"});
    return {};
}

bool QueueClient::fill() {
    const std::size_t before = buffer_.size();
    buffer_.resize(before + kReadBytes);
    ssize_t n = 0;
    do n = ::read(fd_, buffer_.data() + before, kReadBytes);
    while (n < 0 && errno == EINTR);
    silent_ = n < 0 && errno == EAGAIN;
    buffer_.resize(before + static_cast<std::size_t>(std::max<ssize_t>(n, 0)));
    return n > 0;
}

std::optional<std::string> QueueClient::read_line() {
    std::size_t searched = 0;
    for (;;) {
        if (std::size_t end = buffer_.find('\n', searched); end != std::string::npos) {
            std::string line = buffer_.substr(0, end);
            buffer_.erase(0, end + 1);
            return line;
        }
        searched = buffer_.size();
        if (searched > kMostLineBytes || !fill()) return std::nullopt;
    }
}

tl::expected<End, Failure> QueueClient::ask(const Request& request, const std::function<bool(std::string_view)>& line, const std::function<bool(Bytes)>& octets, Bytes payload) {
    const std::string text = encode_request(request);
    for (std::string_view rest : {std::string_view(text), payload})
        while (!rest.empty()) {
            ssize_t n = ::send(fd_, rest.data(), rest.size(), MSG_NOSIGNAL);
            if (n < 0 && errno == EINTR) continue;
            if (n <= 0) return tl::unexpected(broken_off());
            rest.remove_prefix(static_cast<std::size_t>(n));
        }
    for (;;) {
        auto got = read_line();
        if (!got) return tl::unexpected(broken_off());
        // Only the first members tell the lines apart; a message is not parsed twice.
        if (got->starts_with("{\"end\":") || got->starts_with("{\"octets\":")) {
            Json json = Json::parse(*got, nullptr, false);
            if (json.is_object() && json.contains("end")) return End{static_cast<Exit>(json.value("code", 70)), json.value("count", std::uint64_t{0}), json.value("text", std::string())};
            std::uint64_t left = json.is_object() ? json.value("octets", std::uint64_t{0}) : 0;
            while (left > 0) {
                if (buffer_.empty() && !fill()) return tl::unexpected(broken_off());
                Bytes piece = Bytes(buffer_).substr(0, static_cast<std::size_t>(std::min<std::uint64_t>(left, buffer_.size())));
                if (!octets(piece)) return End{Exit::io, 0, "the output cannot be written"};
                left -= piece.size();
                buffer_.erase(0, piece.size());
            }
            continue;
        }
        if (!line(*got)) return End{Exit::io, 0, "the output cannot be written"};
    }
}

}   // namespace mmgate::control
