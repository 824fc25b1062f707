#include "daemon/http/request_reader.h"

#include <array>
#include <cassert>
#include <charconv>
#include <utility>

namespace mmgate::http {

namespace {

constexpr std::size_t kMostChunkLineBytes = 256;
constexpr std::size_t kMostChunkDigits = 8;
constexpr std::size_t kMostLengthDigits = 15;
// An announced length is only a promise: more than this is not set aside before octets come.
constexpr std::size_t kMostSetAside = 1024 * 1024;

// Source: RFC 9110 §5.6.2.
constexpr std::array<bool, 256> token_octets() {
    std::array<bool, 256> out{};
    for (int c = '0'; c <= '9'; ++c) out[static_cast<std::size_t>(c)] = true;
    for (int c = 'a'; c <= 'z'; ++c) out[static_cast<std::size_t>(c)] = out[static_cast<std::size_t>(c - 'a' + 'A')] = true;
    for (char c : std::string_view("!#$%&'*+-.^_`|~")) out[static_cast<std::size_t>(c)] = true;
    return out;
}
constexpr auto kTokenOctets = token_octets();

bool is_token(Bytes text) {
    return !text.empty() && std::ranges::all_of(text, [](unsigned char c) { return kTokenOctets[c]; });
}
bool is_control(unsigned char c) { return (c < 0x20 && c != '\t') || c == 0x7F; }

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }
std::string lower(Bytes text) {
    std::string out(text);
    for (char& c : out) c = lower(c);
    return out;
}

Bytes trimmed(Bytes text) {
    while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
    while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
    return text;
}

// Whether one of the comma-separated members of a field, in any of its lines, is `member`.
bool has_member(const Request& request, std::string_view name, std::string_view member) {
    for (const Field& field : request.fields) {
        if (field.name != name) continue;
        Bytes rest = field.value;
        while (true) {
            const std::size_t comma = rest.find(',');
            if (lower(trimmed(rest.substr(0, comma))) == member) return true;
            if (comma == Bytes::npos) break;
            rest.remove_prefix(comma + 1);
        }
    }
    return false;
}

}   // namespace

std::size_t RequestReader::feed(Bytes input) {
    std::size_t taken = 0;
    while (taken < input.size()) {
        const Bytes rest = input.substr(taken);
        if (progress_ == Progress::head) taken += feed_line(rest, limits_.head_bytes - head_bytes_);
        else if (progress_ == Progress::body) taken += chunked_ ? feed_chunk(rest) : feed_body(rest);
        else break;
    }
    return taken;
}

std::size_t RequestReader::feed_line(Bytes input, std::size_t most) {
    const std::size_t lf = input.find('\n');
    const Bytes part = input.substr(0, lf == Bytes::npos ? lf : lf + 1);
    if (pending_.size() + part.size() > most) {
        const bool chunk_line = progress_ == Progress::body && chunk_ != Chunk::trailer;
        refuse(chunk_line ? 400 : 431, chunk_line ? "a line of a chunked body is too long" : "the header is too long");
        return part.size();
    }
    if (lf == Bytes::npos) {
        pending_ += part;
        return part.size();
    }
    const Octets joined = pending_.empty() ? Octets() : std::exchange(pending_, {}).append(part);
    const Bytes line = joined.empty() ? part : Bytes(joined);
    // Waiting for the CRLF would wait for ever: the peer believes to have sent one.
    if (!line.ends_with("\r\n")) refuse(400, "a line ends in LF without CR");
    else if (std::ranges::any_of(line.substr(0, line.size() - 2), is_control)) refuse(400, "a control character in a line");
    else read_line(line.substr(0, line.size() - 2));
    return part.size();
}

void RequestReader::read_line(Bytes line) {
    if (progress_ == Progress::body) return read_chunk_line(line);
    head_bytes_ += line.size() + 2;
    read_head_line(line);
}

void RequestReader::read_head_line(Bytes line) {
    if (request_.method.empty()) {
        if (!line.empty()) return read_request_line(line);
        // One empty line in front of a request is a leftover of the body before. Source: RFC 9112 §2.2.
        if (std::exchange(blank_seen_, true)) refuse(400, "empty lines in front of a request");
        return;
    }
    if (line.empty()) read_framing();
    else read_field(line);
}

void RequestReader::read_request_line(Bytes line) {
    const std::size_t first = line.find(' ');
    const std::size_t last = line.rfind(' ');
    if (first == Bytes::npos || first == last) return refuse(400, "the request line has not three parts");
    const Bytes method = line.substr(0, first);
    Bytes target = line.substr(first + 1, last - first - 1);
    const Bytes version = line.substr(last + 1);
    if (!is_token(method)) return refuse(400, "the method is no token");
    if (target.size() > limits_.target_bytes) return refuse(414, "the target is longer than " + std::to_string(limits_.target_bytes) + " octets");
    if (std::ranges::any_of(target, [](unsigned char c) { return c <= 0x20 || c >= 0x7F; })) return refuse(400, "the target holds what a URI does not");
    if (version.size() != 8 || !version.starts_with("HTTP/") || version[6] != '.' || version[5] < '0' || version[5] > '9' || version[7] < '0' || version[7] > '9')
        return refuse(400, "the version is not HTTP's");
    if (version[5] != '1') return refuse(505, "the version is not HTTP/1");
    http_1_0_ = version[7] == '0';
    request_.method = method;
    // Behind a proxy phones send the absolute form. Source: RFC 9112 §3.2.2.
    const std::string scheme = lower(target.substr(0, 8));
    if (scheme.starts_with("http://") || scheme == "https://") {
        target.remove_prefix(scheme == "https://" ? 8 : 7);
        const std::size_t path = target.find_first_of("/?");
        if (path == 0 || target.empty()) return refuse(400, "the target has no authority");
        target = path == Bytes::npos ? Bytes() : target.substr(path);
        request_.path = target.starts_with('/') ? std::string(target) : "/" + std::string(target);
    } else if (target.starts_with('/') || target == "*" || method == "CONNECT") {
        request_.path = target;
    } else {
        return refuse(400, "the target is neither a path nor a URI");
    }
}

void RequestReader::read_field(Bytes line) {
    if (line.front() == ' ' || line.front() == '\t') return refuse(400, "a folded field");
    const std::size_t colon = line.find(':');
    if (colon == Bytes::npos) return refuse(400, "a field without a colon");
    const Bytes name = line.substr(0, colon);
    if (!is_token(name)) return refuse(400, "a field's name is no token directly in front of its colon");
    if (request_.fields.size() == limits_.fields) return refuse(431, "more than " + std::to_string(limits_.fields) + " fields");
    request_.fields.push_back({lower(name), std::string(trimmed(line.substr(colon + 1)))});
}

void RequestReader::read_framing() {
    const std::size_t hosts = request_.count("host");
    if (hosts > 1) return refuse(400, "more than one Host");
    if (hosts == 0 && !http_1_0_) return refuse(400, "no Host in HTTP/1.1");
    if (hosts == 1 && request_.field("host")->find_first_of(" \t,/@") != std::string::npos) return refuse(400, "Host is no authority");

    const std::size_t codings = request_.count("transfer-encoding");
    const std::size_t lengths = request_.count("content-length");
    if (codings > 0) {
        if (http_1_0_) return refuse(400, "Transfer-Encoding in HTTP/1.0");
        if (lengths > 0) return refuse(400, "both Transfer-Encoding and Content-Length");
        if (codings > 1 || lower(*request_.field("transfer-encoding")) != "chunked") return refuse(400, "Transfer-Encoding is not exactly chunked");
        chunked_ = true;
    } else if (lengths > 0) {
        if (lengths > 1) return refuse(400, "more than one Content-Length");
        const std::string& text = *request_.field("content-length");
        if (text.empty() || !std::ranges::all_of(text, [](char c) { return c >= '0' && c <= '9'; })) return refuse(400, "Content-Length is not digits alone");
        std::uint64_t length = 0;
        if (text.size() > kMostLengthDigits) length = UINT64_MAX;
        else std::from_chars(text.data(), text.data() + text.size(), length);
        too_long_ = length > limits_.body_bytes;
        announced_ = expected_ = too_long_ ? std::min<std::uint64_t>(length, limits_.kept_of_cut_body) : length;
        request_.body.reserve(std::min(expected_, kMostSetAside));
    }
    if (const std::string* expect = request_.field("expect")) {
        if (lower(*expect) != "100-continue" || request_.count("expect") > 1) return refuse(417, "an expectation other than 100-continue");
        wants_continue_ = !http_1_0_ && (chunked_ || expected_ > 0);
    }
    const bool close = has_member(request_, "connection", "close");
    request_.keep_alive = !close && (!http_1_0_ || has_member(request_, "connection", "keep-alive"));
    progress_ = Progress::body;
    if (!chunked_ && expected_ == 0) complete();
}

std::size_t RequestReader::feed_body(Bytes input) {
    const Bytes octets = input.substr(0, expected_);
    request_.body += octets;
    expected_ -= octets.size();
    if (expected_ == 0) complete();
    return octets.size();
}

std::size_t RequestReader::feed_chunk(Bytes input) {
    if (chunk_ == Chunk::data) {
        const Bytes octets = input.substr(0, expected_);
        append(octets);
        expected_ -= octets.size();
        if (progress_ == Progress::body && expected_ == 0) chunk_ = Chunk::data_end;
        return octets.size();
    }
    return feed_line(input, chunk_ == Chunk::trailer ? limits_.head_bytes - trailer_bytes_ : kMostChunkLineBytes);
}

void RequestReader::read_chunk_line(Bytes line) {
    switch (chunk_) {
        case Chunk::size: {
            // Extensions are passed over. Source: RFC 9112 §7.1.1.
            const Bytes digits = trimmed(line.substr(0, line.find(';')));
            std::size_t size = 0;
            const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), size, 16);
            if (digits.empty() || digits.size() > kMostChunkDigits || error != std::errc() || end != digits.data() + digits.size() || line.front() == ' ' ||
                line.front() == '\t')
                return refuse(400, "a chunk's size is not a short hexadecimal number");
            expected_ = size;
            chunk_ = size == 0 ? Chunk::trailer : Chunk::data;
            return;
        }
        case Chunk::data_end:
            if (!line.empty()) return refuse(400, "a chunk is longer than its size says");
            chunk_ = Chunk::size;
            return;
        case Chunk::trailer:
            trailer_bytes_ += line.size() + 2;
            if (line.empty()) return complete();
            if (line.front() == ' ' || line.front() == '\t' || !is_token(line.substr(0, line.find(':'))) || line.find(':') == Bytes::npos)
                return refuse(400, "the trailer holds what is no field");
            return;   // dropped: nothing that comes behind the body may change what it means
        case Chunk::data: break;
    }
    assert(false && "data is not a line");
}

void RequestReader::append(Bytes octets) {
    if (request_.body.size() + octets.size() <= limits_.body_bytes) {
        request_.body += octets;
        return;
    }
    request_.body += octets.substr(0, limits_.body_bytes - request_.body.size());
    request_.body.resize(std::min(request_.body.size(), limits_.kept_of_cut_body));
    request_.body.shrink_to_fit();
    too_long_ = true;
    complete();
}

void RequestReader::complete() {
    request_.body_cut = too_long_;
    if (too_long_) request_.keep_alive = false;   // its rest would be read as the next request
    progress_ = Progress::complete;
}

void RequestReader::refuse(int status, std::string rule) {
    refusal_ = {status, std::move(rule)};
    progress_ = Progress::refused;
    request_ = {};
    pending_ = {};
}

Request RequestReader::take() {
    assert(progress_ == Progress::complete);
    Request out = std::move(request_);
    *this = RequestReader(limits_);
    return out;
}

}   // namespace mmgate::http
