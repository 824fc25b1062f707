// The yardstick beside the HTTP rows of the benchmark: what libevent's HTTP server does when it has nothing to do.
//
// bare_http: listens on a free port of loopback and prints it. GET /N answers with N octets, POST takes a body and answers with a few.
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <event2/http.h>
#include <event2/listener.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <string>

namespace {

constexpr std::size_t kLargestAnswer = 16 * 1024 * 1024;

void answer(evhttp_request* request, void*) {
    static std::map<std::size_t, std::string> bodies;
    const std::size_t size = evhttp_request_get_command(request) == EVHTTP_REQ_GET
                                 ? std::min<std::size_t>(std::strtoul(evhttp_request_get_uri(request) + 1, nullptr, 10), kLargestAnswer)
                                 : 64;
    std::string& body = bodies[size];
    if (body.size() != size) body.assign(size, 'x');
    evbuffer* out = evbuffer_new();
    evbuffer_add_reference(out, body.data(), body.size(), nullptr, nullptr);
    evhttp_add_header(evhttp_request_get_output_headers(request), "Content-Type", "application/vnd.wap.mms-message");
    evhttp_send_reply(request, 200, "OK", out);
    evbuffer_free(out);
}

}   // namespace

int main() {
    event_base* base = event_base_new();
    evhttp* server = evhttp_new(base);
    evhttp_set_allowed_methods(server, EVHTTP_REQ_GET | EVHTTP_REQ_POST);
    evhttp_set_max_body_size(server, 32 << 20);
    evhttp_set_gencb(server, answer, nullptr);
    evhttp_set_bevcb(
        server,
        [](event_base* b, void*) {
            bufferevent* connection = bufferevent_socket_new(b, -1, 0);
            bufferevent_set_max_single_write(connection, 256 * 1024);
            return connection;
        },
        nullptr);
    evhttp_bound_socket* bound = evhttp_bind_socket_with_handle(server, "127.0.0.1", 0);
    if (bound == nullptr) return 1;
    const int fd = evhttp_bound_socket_get_fd(bound);
    const int on = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);   // accepted sockets inherit it
    sockaddr_in at{};
    socklen_t length = sizeof at;
    getsockname(fd, reinterpret_cast<sockaddr*>(&at), &length);
    std::printf("%d\n", ntohs(at.sin_port));
    std::fflush(stdout);
    event_base_dispatch(base);
    return 0;
}
