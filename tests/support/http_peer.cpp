#include "tests/support/http_peer.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cassert>
#include <cstdlib>

namespace mmgate::tests {

namespace {

// The length of the first whole request in `octets`, 0 when it has not arrived yet. Content-Length only: libcurl knows its bodies' sizes.
std::size_t whole_request(const std::string& octets) {
    const std::size_t end = octets.find("\r\n\r\n");
    if (end == std::string::npos) return 0;
    std::size_t body = 0;
    if (const std::size_t at = octets.find("Content-Length: "); at != std::string::npos && at < end) body = std::strtoul(octets.c_str() + at + 16, nullptr, 10);
    const std::size_t length = end + 4 + body;
    return octets.size() >= length ? length : 0;
}

}   // namespace

HttpPeer::HttpPeer(Script script) : script_(std::move(script)) {
    listener_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in at{};
    at.sin_family = AF_INET;
    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    [[maybe_unused]] int ok = ::bind(listener_, reinterpret_cast<sockaddr*>(&at), sizeof at);
    assert(ok == 0);
    ok = ::listen(listener_, 64);
    assert(ok == 0);
    socklen_t length = sizeof at;
    ::getsockname(listener_, reinterpret_cast<sockaddr*>(&at), &length);
    port_ = ntohs(at.sin_port);
    acceptor_ = std::thread([this] {
        for (;;) {
            const int fd = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
            if (fd < 0 || stopping_) {
                if (fd >= 0) ::close(fd);
                return;
            }
            ++connections_;
            std::lock_guard lock(mutex_);
            open_.push_back(fd);
            threads_.emplace_back([this, fd] { serve(fd); });
        }
    });
}

HttpPeer::~HttpPeer() {
    stopping_ = true;
    ::shutdown(listener_, SHUT_RDWR);
    acceptor_.join();
    {
        std::lock_guard lock(mutex_);
        for (int fd : open_) ::shutdown(fd, SHUT_RDWR);
    }
    for (std::thread& thread : threads_) thread.join();
    ::close(listener_);
}

std::vector<std::string> HttpPeer::requests() const {
    std::lock_guard lock(mutex_);
    return requests_;
}

void HttpPeer::serve(int fd) {
    std::string input;
    std::string chunk(64 * 1024, '\0');
    bool open = true;
    while (open) {
        const ssize_t count = ::recv(fd, chunk.data(), chunk.size(), 0);
        if (count <= 0) break;
        input.append(chunk, 0, static_cast<std::size_t>(count));
        while (const std::size_t length = whole_request(input)) {
            const std::string request = input.substr(0, length);
            input.erase(0, length);
            {
                std::lock_guard lock(mutex_);
                requests_.push_back(request);
            }
            const std::string answer = script_(request);
            std::size_t sent = 0;
            while (sent < answer.size()) {
                const ssize_t n = ::send(fd, answer.data() + sent, answer.size() - sent, MSG_NOSIGNAL);
                if (n <= 0) break;
                sent += static_cast<std::size_t>(n);
            }
            if (answer.empty() || sent < answer.size()) open = false;
        }
    }
    std::lock_guard lock(mutex_);
    std::erase(open_, fd);
    ::close(fd);
}

}   // namespace mmgate::tests
