// Reads HTTP/1.x requests as their octets arrive. No sockets.
//
// Strict where two programs could see two requests in the same octets: only CRLF ends a line, nothing is folded, a name stands directly before its
// colon, the body has one length and one way to say it. What is refused ends the connection: nobody knows where the next request would begin.
// Source: RFC 9112 §2.2 (lines), §3 (request line), §5 (fields), §6.3 (body length), §7.1 (chunks), §11.2 (smuggling).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "daemon/http/message.h"

namespace mmgate::http {

struct ReaderLimits {
    std::size_t head_bytes = 16 * 1024;   // request line and fields; of a chunked body's trailer as well
    std::size_t target_bytes = 2048;
    std::size_t fields = 100;
    std::size_t body_bytes = 1024 * 1024;
    std::size_t kept_of_cut_body = 4096;   // of a body over the limit this much is kept: enough to answer it in its own protocol
};

struct Refusal {
    int status = 400;
    std::string rule;   // what was broken, one clause
    bool operator==(const Refusal&) const = default;
};

class RequestReader {
public:
    enum class Progress : std::uint8_t { head,
                                         body,
                                         complete,
                                         refused };

    explicit RequestReader(ReaderLimits limits) : limits_(limits) {}

    /// Takes octets from the front of `input` and says how many: all, unless the request ends or is refused before.
    std::size_t feed(Bytes input);
    Progress progress() const { return progress_; }
    /// Whether nothing of a request has arrived.
    bool idle() const { return progress_ == Progress::head && request_.method.empty() && pending_.empty(); }

    /// The peer waits for 100 (Continue) before it sends the body. Valid from Progress::body on.
    bool wants_continue() const { return wants_continue_; }
    /// Octets of the body that have come and are kept.
    std::size_t body_bytes() const { return request_.body.size(); }
    /// Octets that the body will have as far as its length was announced: no more than a promise.
    std::size_t announced_bytes() const { return announced_; }
    /// Of Progress::refused.
    const Refusal& refusal() const { return refusal_; }
    /// Of Progress::complete; the reader begins anew.
    Request take();

private:
    enum class Chunk : std::uint8_t { size,
                                      data,
                                      data_end,
                                      trailer };

    std::size_t feed_body(Bytes input);
    std::size_t feed_chunk(Bytes input);
    std::size_t feed_line(Bytes input, std::size_t most);
    void read_line(Bytes line);
    void read_head_line(Bytes line);
    void read_request_line(Bytes line);
    void read_field(Bytes line);
    void read_framing();
    void read_chunk_line(Bytes line);
    void append(Bytes octets);
    void complete();
    void refuse(int status, std::string rule);

    ReaderLimits limits_;
    Progress progress_ = Progress::head;
    Request request_;
    Refusal refusal_;
    Octets pending_;   // a line of which more must come
    std::size_t head_bytes_ = 0;
    std::size_t announced_ = 0;   // Content-Length within the limit
    std::size_t expected_ = 0;    // octets of the body (or of this chunk) still to come
    std::size_t trailer_bytes_ = 0;
    bool http_1_0_ = false;
    bool chunked_ = false;
    bool too_long_ = false;   // the body is over the limit
    bool wants_continue_ = false;
    bool blank_seen_ = false;
    Chunk chunk_ = Chunk::size;
};

}   // namespace mmgate::http
