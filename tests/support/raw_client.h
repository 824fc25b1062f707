// A blocking TCP client for tests: sends exactly these octets, reads what comes. Gives up after five seconds.
#pragma once

#include <cstdint>
#include <string>

namespace mmgate::tests {

class RawClient {
public:
    explicit RawClient(std::uint16_t port);   // of 127.0.0.1
    ~RawClient();
    RawClient(RawClient&& other) noexcept;
    RawClient(const RawClient&) = delete;
    RawClient& operator=(const RawClient&) = delete;

    /// False when the peer no longer takes octets.
    bool send(const std::string& octets);
    /// One HTTP response with its head and as much body as Content-Length says; "" when the peer closed or said nothing.
    std::string response();
    /// All octets until the peer closes.
    std::string rest();
    void close();

private:
    bool more();

    int fd_ = -1;
    std::string input_;
};

}   // namespace mmgate::tests
