// An HTTP server for tests that says exactly what it is told to, in a thread of its own on a free port of loopback.
#pragma once

#include <atomic>
#include <functional>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace mmgate::tests {

class HttpPeer {
public:
    /// Gives the octets to answer a whole request with; an empty answer closes the connection.
    using Script = std::function<std::string(const std::string& request)>;

    explicit HttpPeer(Script script);
    ~HttpPeer();
    HttpPeer(const HttpPeer&) = delete;
    HttpPeer& operator=(const HttpPeer&) = delete;

    std::string url(const std::string& path) const { return "http://127.0.0.1:" + std::to_string(port_) + path; }
    unsigned connections() const { return connections_; }
    std::vector<std::string> requests() const;

private:
    void serve(int fd);

    Script script_;
    int listener_ = -1;
    unsigned short port_ = 0;
    std::atomic<unsigned> connections_{0};
    std::atomic<bool> stopping_{false};
    mutable std::mutex mutex_;
    std::vector<std::string> requests_;
    std::vector<int> open_;
    std::vector<std::thread> threads_;
    std::thread acceptor_;
};

}   // namespace mmgate::tests
