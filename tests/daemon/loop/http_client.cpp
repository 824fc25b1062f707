#include "daemon/loop/http_client.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>

#include <atomic>
#include <cstdlib>
#include <optional>

#include "tests/support/http_peer.h"

using namespace mmgate;
using tests::HttpPeer;

namespace {

Result<HttpResponse> exchange(HttpRequest request) {
    Loop loop;
    HttpClient client(loop, {});
    std::optional<Result<HttpResponse>> out;
    client.send(std::move(request), [&](Result<HttpResponse> response) {
        out = std::move(response);
        loop.stop();
    });
    cr_assert(not(out.has_value()), "done ran from inside send");
    loop.run();
    cr_assert(out.has_value());
    return std::move(*out);
}

HttpRequest get(std::string url) {
    HttpRequest request;
    request.method = HttpRequest::Method::get;
    request.url = std::move(url);
    return request;
}

bool has_line(const std::string& request, const std::string& line) { return request.find("\r\n" + line + "\r\n") != std::string::npos; }

}   // namespace

Test(http_client, takes_an_answer_or_says_what_is_wrong_with_it) {
    struct Row {
        const char* name;
        std::string answer;
        int status;   // 0: fails with `fault`
        std::string body;
        Fault fault;
    };
    const std::string most(HttpClient::kMostAnswerBytes, 'x');
    const auto sized = [](const std::string& status, const std::string& body) {
        return "HTTP/1.1 " + status + "\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
    };
    const auto chunked = [](const std::string& body) {
        return "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n8000\r\n" + std::string(0x8000, 'x') + "\r\n8000\r\n" + std::string(0x8000, 'x') +
               "\r\n" + body + "0\r\n\r\n";
    };
    const Row rows[] = {
        {"with a length", sized("200 OK", "hello"), 200, "hello", {}},
        {"another success", sized("202 Accepted", "0: Accepted"), 202, "0: Accepted", {}},
        {"an error is an answer", sized("404 Not Found", "no"), 404, "no", {}},
        {"no body", "HTTP/1.1 204 No Content\r\n\r\n", 204, "", {}},
        {"a redirect is not followed", "HTTP/1.1 302 Found\r\nLocation: /elsewhere\r\nContent-Length: 0\r\n\r\n", 302, "", {}},
        {"continue comes first", "HTTP/1.1 100 Continue\r\n\r\n" + sized("200 OK", "then"), 200, "then", {}},
        {"the largest body", sized("200 OK", most), 200, most, {}},
        {"one octet more", sized("200 OK", most + "x"), 0, "", Fault::too_large},
        {"the largest in chunks", chunked(""), 200, most, {}},
        {"one octet more in chunks", chunked("1\r\nx\r\n"), 0, "", Fault::too_large},
        {"a flood of header", "HTTP/1.1 200 OK\r\nX: " + std::string(70'000, 'y') + "\r\n\r\n", 0, "", Fault::too_large},
        {"many header fields", [] {
             std::string out = "HTTP/1.1 200 OK\r\n";
             for (int i = 0; i < 4000; ++i) out += "X-Field-Number: " + std::to_string(i) + "\r\n";
             return out + "\r\n";
         }(),
         0, "", Fault::too_large},
        {"another protocol", "220 mail.example.net ESMTP\r\n", 0, "", Fault::malformed},
        {"nothing at all", "", 0, "", Fault::peer_unreachable},
    };
    for (const Row& row : rows) {
        HttpPeer peer([&](const std::string&) { return row.answer; });
        const auto response = exchange(get(peer.url("/")));
        if (row.status == 0) {
            cr_expect(not(response.has_value()), "%s", row.name);
            if (!response) cr_expect(response.error().fault == row.fault, "%s: %s", row.name, response.error().rule.c_str());
        } else {
            cr_expect(response.has_value(), "%s: %s", row.name, response ? "" : response.error().rule.c_str());
            if (response) cr_expect(response->status == row.status && response->body == row.body, "%s", row.name);
        }
        cr_expect(eq(sz, peer.requests().size(), 1), "%s", row.name);
    }
}

Test(http_client, says_what_it_is_told_and_nothing_else) {
    ::setenv("http_proxy", "http://127.0.0.1:9", 1);
    HttpPeer peer([](const std::string&) { return "HTTP/1.1 200 OK\r\nContent-Type: text/xml; x=y\r\nContent-Length: 0\r\n\r\n"; });
    HttpRequest request;
    request.url = peer.url("/push?a=%00");
    request.fields = {{"Content-Type", "multipart/related; boundary=b"}, {"X-Empty", ""}};
    request.body = Octets("a\0b", 3) + std::string(1'100'000, 'z');   // libcurl would ask 100-continue for so much
    request.user = "me";
    request.password = "s:ecret";
    const auto response = exchange(request);
    cr_assert(response.has_value());
    cr_expect(response->media_type == "text/xml; x=y");
    const auto requests = peer.requests();
    cr_assert(eq(sz, requests.size(), 1));
    const std::string& seen = requests[0];
    cr_expect(seen.starts_with("POST /push?a=%00 HTTP/1.1\r\n"));
    cr_expect(has_line(seen, "Content-Type: multipart/related; boundary=b"));
    cr_expect(has_line(seen, "X-Empty:"));
    cr_expect(has_line(seen, "Authorization: Basic bWU6czplY3JldA=="));
    cr_expect(seen.find("Expect:") == std::string::npos);
    cr_expect(seen.find("User-Agent:") == std::string::npos);
    cr_expect(seen.ends_with(request.body));
}

Test(http_client, sends_nothing_that_is_not_clean) {
    HttpPeer peer([](const std::string&) { return "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"; });
    struct Row {
        const char* name;
        std::string url;
        HttpField field;
    };
    const Row rows[] = {
        {"a line end in a value", peer.url("/"), {"X-To", "1\r\nX-Admin: yes"}},
        {"a line end in a name", peer.url("/"), {"X\nY", "1"}},
        {"NUL in a value", peer.url("/"), {"X-To", std::string("1\0"
                                                               "2",
                                                               3)}},
        {"no name", peer.url("/"), {"", "1"}},
        {"NUL in the URL", peer.url("/") + std::string("\0x", 2), {"X-To", "1"}},
        {"a file", "file:///etc/passwd", {"X-To", "1"}},
        {"another protocol", "ftp://127.0.0.1/", {"X-To", "1"}},
        {"no URL", "::", {"X-To", "1"}},
    };
    for (const Row& row : rows) {
        HttpRequest request = get(row.url);
        request.fields = {row.field};
        const auto response = exchange(request);
        cr_expect(not(response.has_value()), "%s", row.name);
        if (!response) cr_expect(response.error().fault == Fault::malformed, "%s: %s", row.name, response.error().rule.c_str());
    }
    cr_expect(eq(sz, peer.requests().size(), 0));
}

Test(http_client, keeps_to_its_connections_and_uses_them_again) {
    HttpPeer peer([](const std::string& request) {
        const std::string body = request.substr(0, request.find(' ', 4));
        return "HTTP/1.1 200 OK\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
    });
    Loop loop;
    HttpClient client(loop, {2});
    unsigned right = 0, answered = 0;
    for (int i = 0; i < 100; ++i) {
        client.send(get(peer.url("/" + std::to_string(i))), [&, i](Result<HttpResponse> response) {
            if (response && response->body == "GET /" + std::to_string(i)) ++right;
            if (++answered == 100) loop.stop();
        });
    }
    loop.run();
    cr_expect(eq(u32, right, 100));
    cr_expect(le(u32, peer.connections(), 2));
}

Test(http_client, gives_up_at_its_deadline) {
    std::atomic<bool> let_go = false;
    HttpPeer peer([&](const std::string&) -> std::string {
        let_go.wait(false);
        return "";
    });
    HttpRequest request = get(peer.url("/"));
    request.timeout = std::chrono::milliseconds(50);
    const auto response = exchange(request);
    let_go = true;
    let_go.notify_all();
    cr_assert(not(response.has_value()));
    cr_expect(response.error().fault == Fault::peer_unreachable);
}

Test(http_client, survives_its_own_end_and_the_peer_s) {
    Loop loop;
    std::string gone;
    {
        HttpPeer peer([](const std::string&) { return "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"; });
        gone = peer.url("/");
        auto client = std::make_shared<HttpClient>(loop, HttpClient::Options{1});
        bool dropped = true;
        client->send(get(gone), [&, holder = client](Result<HttpResponse> response) mutable {
            cr_expect(response.has_value());
            client.reset();
            holder.reset();   // the last one
            loop.stop();
        });
        client->send(get(gone), [&](Result<HttpResponse>) { dropped = false; });
        loop.run();
        cr_expect(dropped, "a dropped request was answered");
    }
    HttpClient client(loop, {});
    client.send(get(gone), [&](Result<HttpResponse> response) {
        cr_expect(not(response.has_value()));
        loop.stop();
    });
    loop.run();
}
