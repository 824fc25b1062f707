#include "daemon/http/request_reader.h"

#include <criterion/criterion.h>

#include <optional>
#include <string>

using namespace mmgate;
using namespace mmgate::http;
using namespace std::string_literals;
using Progress = RequestReader::Progress;

namespace {

constexpr ReaderLimits kSmall{.head_bytes = 600, .target_bytes = 40, .fields = 8, .body_bytes = 100, .kept_of_cut_body = 10};

// Feeds in pieces of `step` octets; stops where the reader does.
std::size_t feed(RequestReader& reader, Bytes octets, std::size_t step) {
    std::size_t fed = 0;
    while (fed < octets.size()) {
        const Bytes piece = octets.substr(fed, step);
        const std::size_t taken = reader.feed(piece);
        fed += taken;
        if (taken < piece.size()) break;
    }
    return fed;
}

const std::string kHead = "POST /mms HTTP/1.1\r\nHost: gw\r\n";

}   // namespace

Test(request_reader, reads_requests_whole_and_in_pieces) {
    struct Row {
        const char* name;
        std::string octets;
        const char* method;
        const char* path;
        std::string body;
        bool keep_alive;
    };
    const Row rows[] = {
        {"a retrieval", "GET /AbC-_ HTTP/1.1\r\nHost: gw:8080\r\n\r\n", "GET", "/AbC-_", "", true},
        {"with a query", "GET /a?b=c%20d HTTP/1.1\r\nHost: gw\r\n\r\n", "GET", "/a?b=c%20d", "", true},
        {"absolute form", "GET http://gw:8080/a/b?c HTTP/1.1\r\nHost: other\r\n\r\n", "GET", "/a/b?c", "", true},
        {"absolute form without path", "GET HTTPS://gw HTTP/1.1\r\nHost: gw\r\n\r\n", "GET", "/", "", true},
        {"absolute form with query alone", "GET http://gw?x HTTP/1.1\r\nHost: gw\r\n\r\n", "GET", "/?x", "", true},
        {"a submission", kHead + "Content-Length: 5\r\n\r\n\x8C\x80\0\r\n"s, "POST", "/mms", "\x8C\x80\0\r\n"s, true},
        {"no body at all", kHead + "\r\n", "POST", "/mms", "", true},
        {"a length of zero", kHead + "Content-Length: 0\r\n\r\n", "POST", "/mms", "", true},
        {"leading zeros", kHead + "Content-Length: 0005\r\n\r\nabcde", "POST", "/mms", "abcde", true},
        {"chunks", kHead + "Transfer-Encoding: Chunked\r\n\r\n3\r\nabc\r\n0a;x=\"y\"\r\n0123456789\r\n0\r\n\r\n", "POST", "/mms", "abc0123456789", true},
        {"chunks with a trailer", kHead + "Transfer-Encoding: chunked\r\n\r\n1\r\na\r\n00\r\nContent-Length: 7\r\nX: y\r\n\r\n", "POST", "/mms", "a", true},
        {"HTTP/1.0", "GET / HTTP/1.0\r\n\r\n", "GET", "/", "", false},
        {"HTTP/1.0 kept", "GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n", "GET", "/", "", true},
        {"HTTP/1.1 closed", "GET / HTTP/1.1\r\nHost: gw\r\nConnection: TE, Close\r\n\r\n", "GET", "/", "", false},
        {"an empty line in front", "\r\nGET / HTTP/1.1\r\nHost: gw\r\n\r\n", "GET", "/", "", true},
        {"a later 1.x", "GET / HTTP/1.7\r\nHost: gw\r\n\r\n", "GET", "/", "", true},
        {"an odd method", "M-SEARCH * HTTP/1.1\r\nHost: gw\r\n\r\n", "M-SEARCH", "*", "", true},
        {"latin octets in a value", "GET / HTTP/1.1\r\nHost: gw\r\nX-Name: \xE9\t\x80\r\n\r\n", "GET", "/", "", true},
        {"an empty Host", "GET / HTTP/1.1\r\nHost:\r\n\r\n", "GET", "/", "", true},
    };
    for (const Row& row : rows) {
        for (std::size_t step : {std::size_t{1}, std::size_t{3}, std::size_t{7}, row.octets.size() + 100}) {
            RequestReader reader(kSmall);
            cr_expect(reader.idle());
            const std::string two = row.octets + "GET /next";
            const std::size_t fed = feed(reader, two, step);
            cr_assert(reader.progress() == Progress::complete, "%s in %zu: %s", row.name, step, reader.refusal().rule.c_str());
            cr_expect(fed == row.octets.size(), "%s in %zu", row.name, step);
            const Request request = reader.take();
            cr_expect(request.method == row.method && request.path == row.path && request.body == row.body && request.keep_alive == row.keep_alive && !request.body_cut,
                      "%s in %zu: %s %s", row.name, step, request.method.c_str(), request.path.c_str());
            cr_expect(reader.idle());
        }
        // Cut anywhere, it waits.
        for (std::size_t cut = 0; cut < row.octets.size(); ++cut) {
            RequestReader reader(kSmall);
            reader.feed(Bytes(row.octets).substr(0, cut));
            cr_expect(reader.progress() == Progress::head || reader.progress() == Progress::body, "%s cut at %zu", row.name, cut);
        }
    }
}

Test(request_reader, keeps_fields_as_they_are) {
    RequestReader reader(kSmall);
    feed(reader, "GET / HTTP/1.1\r\nHOST: gw\r\nX-MSISDN:  +44 \t\r\nX-Msisdn:\r\n\r\n", 1000);
    const Request request = reader.take();
    cr_expect(request.fields == (std::vector<Field>{{"host", "gw"}, {"x-msisdn", "+44"}, {"x-msisdn", ""}}));
    cr_expect(request.count("x-msisdn") == 2 && *request.field("x-msisdn") == "+44" && request.field("x-other") == nullptr);
}

Test(request_reader, refuses_what_could_be_read_in_two_ways) {
    struct Row {
        const char* name;
        std::string octets;
        int status;
    };
    const std::string get = "GET / HTTP/1.1\r\nHost: gw\r\n";
    const Row rows[] = {
        {"two lengths", kHead + "Content-Length: 5\r\nContent-Length: 6\r\n\r\n", 400},
        {"the same length twice", kHead + "Content-Length: 5\r\ncontent-length: 5\r\n\r\n", 400},
        {"a list of lengths", kHead + "Content-Length: 5, 5\r\n\r\n", 400},
        {"a signed length", kHead + "Content-Length: +5\r\n\r\n", 400},
        {"a negative length", kHead + "Content-Length: -5\r\n\r\n", 400},
        {"a hexadecimal length", kHead + "Content-Length: 0x5\r\n\r\n", 400},
        {"an empty length", kHead + "Content-Length:\r\n\r\n", 400},
        {"length and coding", kHead + "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n", 400},
        {"another coding", kHead + "Transfer-Encoding: gzip\r\n\r\n", 400},
        {"a coding that begins alike", kHead + "Transfer-Encoding: chunkedx\r\n\r\n", 400},
        {"a coding with vertical tab", kHead + "Transfer-Encoding: \vchunked\r\n\r\n", 400},
        {"two codings", kHead + "Transfer-Encoding: gzip, chunked\r\n\r\n", 400},
        {"coding twice", kHead + "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n", 400},
        {"an empty coding", kHead + "Transfer-Encoding:\r\n\r\n", 400},
        {"a coding in 1.0", "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n", 400},
        {"a space in front of the colon", kHead + "Content-Length : 5\r\n\r\n", 400},
        {"a name with a space", kHead + "Content Length: 5\r\n\r\n", 400},
        {"a name with a tab", kHead + "Content-Length\t: 5\r\n\r\n", 400},
        {"no name", kHead + ": 5\r\n\r\n", 400},
        {"no colon", kHead + "Content-Length\r\n\r\n", 400},
        {"a folded field", get + "X: a\r\n b\r\n\r\n", 400},
        {"a folded first field", "GET / HTTP/1.1\r\n Host: gw\r\n\r\n", 400},
        {"a bare LF behind the request line", "GET / HTTP/1.1\nHost: gw\r\n\r\n", 400},
        {"a bare LF behind a field", get + "X: y\nContent-Length: 3\r\n\r\n", 400},
        {"a bare LF at the end", get + "\n", 400},
        {"nothing but LF", "\n", 400},
        {"a bare CR in a value", get + "X: y\rContent-Length: 3\r\n\r\n", 400},
        {"CR CR LF", get + "X: y\r\r\n\r\n", 400},
        {"NUL in a value", get + "X: y\0z\r\n\r\n"s, 400},
        {"NUL in a name", get + "X\0: y\r\n\r\n"s, 400},
        {"no Host", "GET / HTTP/1.1\r\n\r\n", 400},
        {"two Hosts", get + "Host: gw\r\n\r\n", 400},
        {"a list of Hosts", "GET / HTTP/1.1\r\nHost: a, b\r\n\r\n", 400},
        {"a Host with a path", "GET / HTTP/1.1\r\nHost: a/b\r\n\r\n", 400},
        {"two spaces", "GET  / HTTP/1.1\r\nHost: gw\r\n\r\n", 400},
        {"a tab for a space", "GET\t/ HTTP/1.1\r\nHost: gw\r\n\r\n", 400},
        {"no target", "GET HTTP/1.1\r\nHost: gw\r\n\r\n", 400},
        {"an empty target", "GET  HTTP/1.1\r\nHost: gw\r\n\r\n", 400},
        {"a target with a space", "GET /a b HTTP/1.1\r\nHost: gw\r\n\r\n", 400},
        {"a target with 8 bits", "GET /\xC3\xA9 HTTP/1.1\r\nHost: gw\r\n\r\n", 400},
        {"a target that is no path", "GET a HTTP/1.1\r\nHost: gw\r\n\r\n", 400},
        {"an authority of nothing", "GET http:///a HTTP/1.1\r\nHost: gw\r\n\r\n", 400},
        {"a method that is no token", "G(T / HTTP/1.1\r\nHost: gw\r\n\r\n", 400},
        {"HTTP/0.9", "GET /\r\n", 400},
        {"HTTP/2", "PRI * HTTP/2.0\r\n", 505},
        {"no HTTP", "GET / HTTQ/1.1\r\n", 400},
        {"a lower-case version", "GET / http/1.1\r\n", 400},
        {"SMTP", "EHLO example.net\r\n", 400},
        {"TLS", "\x16\x03\x01\x02\0\x01\n"s, 400},
        {"two empty lines in front", "\r\n\r\nGET / HTTP/1.1\r\n", 400},
        {"an unknown expectation", get + "Expect: 200-ok\r\n\r\n", 417},
        {"a chunk size of nothing", kHead + "Transfer-Encoding: chunked\r\n\r\n\r\n", 400},
        {"a signed chunk size", kHead + "Transfer-Encoding: chunked\r\n\r\n+5\r\n", 400},
        {"a prefixed chunk size", kHead + "Transfer-Encoding: chunked\r\n\r\n0x5\r\n", 400},
        {"a chunk size after a space", kHead + "Transfer-Encoding: chunked\r\n\r\n 5\r\n", 400},
        {"a chunk size of nine digits", kHead + "Transfer-Encoding: chunked\r\n\r\n000000005\r\n", 400},
        {"a bare LF behind a chunk size", kHead + "Transfer-Encoding: chunked\r\n\r\n5\nabcde\r\n", 400},
        {"a bare CR in an extension", kHead + "Transfer-Encoding: chunked\r\n\r\n5;a\rb\r\n", 400},
        {"a long extension", kHead + "Transfer-Encoding: chunked\r\n\r\n5;" + std::string(255, 'x') + "\r\n", 400},
        {"more in a chunk than its size", kHead + "Transfer-Encoding: chunked\r\n\r\n1\r\nab\r\n", 400},
        {"a bare LF behind a chunk", kHead + "Transfer-Encoding: chunked\r\n\r\n1\r\na\n", 400},
        {"a trailer that is no field", kHead + "Transfer-Encoding: chunked\r\n\r\n0\r\nx y\r\n\r\n", 400},
        {"a folded trailer", kHead + "Transfer-Encoding: chunked\r\n\r\n0\r\nx: y\r\n z\r\n\r\n", 400},
        {"an endless trailer", kHead + "Transfer-Encoding: chunked\r\n\r\n0\r\n" + [] {
             std::string out;
             for (int i = 0; i < 100; ++i) out += "xxxx: y\r\n";
             return out;
         }(),
         431},
        {"too many fields", get + "a: 1\r\nb: 1\r\nc: 1\r\nd: 1\r\ne: 1\r\nf: 1\r\ng: 1\r\nh: 1\r\n\r\n", 431},
        {"a long target", "GET /" + std::string(40, 'x') + " HTTP/1.1\r\n", 414},
        {"a long head", get + "X: " + std::string(600, 'y') + "\r\n\r\n", 431},
        {"a line without an end", std::string(601, 'G'), 431},
    };
    for (const Row& row : rows) {
        for (std::size_t step : {std::size_t{1}, std::size_t{2}, std::size_t{5}, row.octets.size()}) {
            RequestReader reader(kSmall);
            feed(reader, row.octets, step);
            cr_expect(reader.progress() == Progress::refused, "%s in %zu", row.name, step);
            cr_expect(reader.refusal().status == row.status && !reader.refusal().rule.empty(), "%s in %zu: %d %s", row.name, step, reader.refusal().status,
                      reader.refusal().rule.c_str());
            cr_expect(reader.feed("GET / HTTP/1.1\r\nHost: gw\r\n\r\n") == 0, "%s: goes on behind a refusal", row.name);
        }
    }
}

Test(request_reader, holds_its_limits) {
    const auto with_body = [](std::size_t octets) { return kHead + "Content-Length: " + std::to_string(octets) + "\r\n\r\n" + std::string(octets, 'b'); };
    const auto in_chunks = [](std::size_t octets) {
        std::string out = kHead + "Transfer-Encoding: chunked\r\n\r\n";
        for (std::size_t left = octets; left > 0;) {
            const std::size_t size = std::min<std::size_t>(left, 9);
            out += std::to_string(size) + "\r\n" + std::string(size, 'b') + "\r\n";
            left -= size;
        }
        return out + "0\r\n\r\n";
    };
    struct Row {
        const char* name;
        std::string octets;
        std::size_t body;
        bool cut;
    };
    const Row rows[] = {
        {"the largest body", with_body(100), 100, false},
        {"one octet more", with_body(101), 10, true},
        {"far more", kHead + "Content-Length: 999999999999999\r\n\r\n" + std::string(50, 'b'), 10, true},
        {"beyond all numbers", kHead + "Content-Length: 99999999999999999999999999\r\n\r\n" + std::string(50, 'b'), 10, true},
        {"the largest in chunks", in_chunks(100), 100, false},
        {"one octet more in chunks", in_chunks(101), 10, true},
        {"one huge chunk", kHead + "Transfer-Encoding: chunked\r\n\r\nffffffff\r\n" + std::string(101, 'b'), 10, true},
    };
    for (const Row& row : rows) {
        for (std::size_t step : {std::size_t{1}, std::size_t{1000}}) {
            RequestReader reader(kSmall);
            feed(reader, row.octets, step);
            cr_assert(reader.progress() == Progress::complete, "%s", row.name);
            const Request request = reader.take();
            cr_expect(request.body == std::string(row.body, 'b') && request.body_cut == row.cut && request.keep_alive == !row.cut, "%s: %zu", row.name, request.body.size());
        }
    }
    // The largest head and the longest target are taken.
    const std::string begin = "GET /" + std::string(39, 'x') + " HTTP/1.1\r\nHost: gw\r\nX: ";
    RequestReader reader(kSmall);
    feed(reader, begin + std::string(600 - begin.size() - 4, 'y') + "\r\n\r\n", 11);
    cr_expect(reader.progress() == Progress::complete, "%s", reader.refusal().rule.c_str());
}

Test(request_reader, tells_what_a_body_will_hold_and_who_waits_for_it) {
    RequestReader reader(kSmall);
    feed(reader, kHead + "Expect: 100-Continue\r\nContent-Length: 80\r\n\r\n", 1000);
    cr_expect(reader.progress() == Progress::body && reader.wants_continue() && reader.announced_bytes() == 80 && reader.body_bytes() == 0);
    feed(reader, std::string(79, 'b'), 1000);
    cr_expect(reader.announced_bytes() == 80 && reader.body_bytes() == 79);
    feed(reader, "b", 1000);
    cr_expect(reader.take().body.size() == 80);
    feed(reader, kHead + "Transfer-Encoding: chunked\r\n\r\n30\r\n" + std::string(0x20, 'b'), 1000);
    cr_expect(!reader.wants_continue() && reader.announced_bytes() == 0 && reader.body_bytes() == 0x20);
    RequestReader other(kSmall);
    feed(other, kHead + "Expect: 100-continue\r\n\r\n", 1000);
    cr_expect(other.progress() == Progress::complete && !other.wants_continue(), "nothing to wait for");
    RequestReader old(kSmall);
    feed(old, "POST / HTTP/1.0\r\nExpect: 100-continue\r\nContent-Length: 1\r\n\r\n", 1000);
    cr_expect(!old.wants_continue(), "HTTP/1.0 knows no 100");
}
