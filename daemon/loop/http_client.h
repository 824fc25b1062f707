// HTTP requests out, without waiting: libcurl's multi interface on the loop.
//
// For peers that the configuration names, never for a URL that came in a message. Bounded: 64 KiB of answer, a deadline for the whole exchange,
// so many connections and no more. No redirects, no cookies, no proxy from the environment, http and https only; certificates are verified.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "daemon/loop/loop.h"
#include "mapping/result.h"

namespace mmgate {

struct HttpField {
    std::string name;
    std::string value;   // a CR, LF or NUL in it refuses the request
    bool operator==(const HttpField&) const = default;
};

struct HttpRequest {
    enum class Method : std::uint8_t { get,
                                       post };
    Method method = Method::post;
    std::string url;
    std::vector<HttpField> fields;               // Content-Type of a POST stands among them
    Octets body;                                 // of a POST
    std::string user, password;                  // Basic; an empty user sends no credentials
    std::chrono::milliseconds timeout{30'000};   // from the first octet of the connection to the last of the answer
};

struct HttpResponse {
    int status = 0;
    std::string media_type;   // Content-Type as it came, or ""
    Octets body;              // at most HttpClient::kMostAnswerBytes
};

class HttpClient {
public:
    static constexpr std::size_t kMostAnswerBytes = 64 * 1024;
    static constexpr std::size_t kMostWaiting = 10'000;

    struct Options {
        std::size_t connections = 8;   // at once, over all hosts; kept open and used again
    };
    using Done = std::function<void(Result<HttpResponse>)>;

    HttpClient(Loop& loop, Options options);
    /// Drops what is under way; its `done` is not called.
    ~HttpClient();
    HttpClient(const HttpClient&) = delete;
    HttpClient& operator=(const HttpClient&) = delete;

    /// Sends when a connection is free. `done` runs on the loop once, never from inside, with any status that the peer gave; it may
    /// destroy the client. Fails: malformed (the URL, a field, or what the peer sent), too_large (its answer), peer_unreachable (names,
    /// connection, TLS, deadline), overloaded (more than kMostWaiting are waiting).
    void send(HttpRequest request, Done done);

private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

}   // namespace mmgate
