#include "daemon/http/server.h"

#include <criterion/criterion.h>

#include <deque>
#include <future>
#include <functional>
#include <thread>

#include "tests/support/raw_client.h"

using namespace mmgate;
using namespace mmgate::http;
using tests::RawClient;

namespace {

// Answers with what it was asked; by its path a request may be answered later, never, or with much.
class Echo final : public Handler {
public:
    explicit Echo(Loop& loop) : loop_(loop) {}
    void handle(Request request, const std::string& peer, Respond respond) override {
        ++handled;
        Response response;
        response.content_type = "text/plain";
        response.body = request.method + " " + request.path + " " + std::to_string(request.body.size()) + (request.body_cut ? " cut " : " ") + peer;
        if (request.path == "/never") {
            kept.push_back(std::move(respond));
        } else if (request.path == "/later") {
            loop_.post([respond = std::move(respond), response = std::move(response)] { respond(response); });
        } else {
            if (request.path == "/much") response.tail = std::make_shared<const Octets>(3'000'000, 'm');
            if (request.path == "/shared") response.tail = shared;
            respond(std::move(response));
        }
    }
    void on_refused(const std::string&, int status, const std::string&) override { refused.push_back(status); }

    std::size_t handled = 0;
    std::vector<int> refused;
    std::deque<Respond> kept;
    const std::shared_ptr<const Octets> shared = std::make_shared<const Octets>(8'000'000, 's');

private:
    Loop& loop_;
};

// A server on the loop, and a client's story in a thread beside it.
struct Stage {
    explicit Stage(ServerOptions options = {}, std::uint64_t memory = 100'000'000)
        : budget(memory), echo(loop), server(std::make_unique<Server>(loop, budget, echo, options)) {
        cr_assert(server->listen({{"127.0.0.1", 0}}).has_value());
        port = server->endpoints().at(0).port;
    }
    ~Stage() { echo.kept.clear(); }
    void play(const std::function<void()>& story) {
        std::thread client([&] {
            story();
            loop.stop();
        });
        loop.run();
        client.join();
    }
    /// Runs on the loop's thread and waits for it.
    template <class Work>
    auto ask(Work work) {
        std::promise<decltype(work())> answer;
        loop.post([&] { answer.set_value(work()); });
        return answer.get_future().get();
    }

    Loop loop;
    MemoryBudget budget;
    Echo echo;
    std::unique_ptr<Server> server;
    std::uint16_t port = 0;
};

std::string get(const std::string& path) { return "GET " + path + " HTTP/1.1\r\nHost: gw\r\n\r\n"; }
std::string post(const std::string& path, const std::string& body) {
    return "POST " + path + " HTTP/1.1\r\nHost: gw\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
}
bool has(const std::string& text, std::string_view part) { return text.find(part) != std::string::npos; }

}   // namespace

Test(http_server, answers_in_order_on_one_connection) {
    Stage stage;
    stage.play([&] {
        RawClient client(stage.port);
        client.send(get("/a"));
        std::string response = client.response();
        cr_expect(response.starts_with("HTTP/1.1 200 OK\r\n") && response.ends_with("GET /a 0 127.0.0.1") && has(response, "Connection: keep-alive"), "%s", response.c_str());
        client.send(get("/later") + post("/b", "12345") + get("/later") + get("/c"));
        for (const char* end : {"GET /later 0 127.0.0.1", "POST /b 5 127.0.0.1", "GET /later 0 127.0.0.1", "GET /c 0 127.0.0.1"}) cr_expect(client.response().ends_with(end), "%s", end);
        client.send("GET /old HTTP/1.0\r\n\r\n");
        response = client.rest();
        cr_expect(has(response, "Connection: close") && response.ends_with("GET /old 0 127.0.0.1"), "%s", response.c_str());
    });
    stage.server.reset();
    cr_expect(stage.echo.refused.empty() && stage.budget.taken_bytes() == 0);
}

Test(http_server, gives_much_without_losing_any) {
    Stage stage;
    stage.play([&] {
        RawClient client(stage.port);
        client.send(get("/much") + get("/much") + get("/a"));
        for (int i = 0; i < 2; ++i) {
            const std::string response = client.response();
            cr_expect(response.size() > 3'000'000 && response.ends_with(std::string(3'000'000, 'm')));
        }
        cr_expect(client.response().ends_with("GET /a 0 127.0.0.1"));
    });
}

Test(http_server, lets_nobody_smuggle) {
    const std::string inner = get("/smuggled");
    const std::string attacks[] = {
        "POST /a HTTP/1.1\r\nHost: gw\r\nContent-Length: 0\r\nContent-Length: " + std::to_string(inner.size()) + "\r\n\r\n" + inner,
        "POST /a HTTP/1.1\r\nHost: gw\r\nContent-Length: 0\r\nTransfer-Encoding: chunked\r\n\r\n" + inner,
        "POST /a HTTP/1.1\r\nHost: gw\r\nTransfer-Encoding: xchunked\r\n\r\n" + inner,
        "POST /a HTTP/1.1\r\nHost: gw\r\nContent-Length : 5\r\n\r\n" + inner,
        "GET /a HTTP/1.1\r\nHost: gw\r\nX: y\n\n" + inner,
        "POST /a HTTP/1.1\r\nHost: gw\r\nTransfer-Encoding: chunked\r\n\r\n0\n\r\n" + inner,
        "GET /a HTTP/1.1\r\n\r\n" + inner,
    };
    for (const std::string& attack : attacks) {
        Stage stage;
        stage.play([&] {
            RawClient client(stage.port);
            client.send(attack);
            const std::string response = client.response();
            cr_expect(response.starts_with("HTTP/1.1 400 Bad Request\r\n") && has(response, "Connection: close"), "%s", response.c_str());
            client.send(inner);
            client.close();
        });
        cr_expect(stage.echo.handled == 0 && stage.echo.refused == std::vector<int>{400}, "%s", attack.c_str());
    }
}

Test(http_server, answers_a_cut_body_and_lets_the_peer_finish) {
    ServerOptions options;
    options.reader.body_bytes = 1000;
    Stage stage(options);
    stage.play([&] {
        RawClient client(stage.port);
        cr_expect(client.send(post("/a", std::string(5'000'000, 'b'))));
        const std::string response = client.response();
        cr_expect(response.ends_with("POST /a 4096 cut 127.0.0.1") && has(response, "Connection: close"), "%s", response.c_str());
        RawClient chunked(stage.port);
        cr_expect(chunked.send("POST /a HTTP/1.1\r\nHost: gw\r\nTransfer-Encoding: chunked\r\n\r\n10000\r\n" + std::string(0x10000, 'b') + "\r\n0\r\n\r\n"));
        cr_expect(chunked.response().ends_with("POST /a 1000 cut 127.0.0.1"));
    });
}

Test(http_server, tells_who_waits_to_go_on) {
    Stage stage;
    stage.play([&] {
        RawClient client(stage.port);
        client.send("POST /a HTTP/1.1\r\nHost: gw\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n");
        cr_expect(client.response() == "HTTP/1.1 100 Continue\r\n\r\n");
        client.send("abc");
        cr_expect(client.response().ends_with("POST /a 3 127.0.0.1"));
    });
}

Test(http_server, holds_its_limit_per_client) {
    ServerOptions options;
    options.connections_per_client = 2;
    Stage stage(options);
    stage.play([&] {
        RawClient first(stage.port), second(stage.port);
        first.send(get("/a"));
        second.send(get("/a"));
        cr_expect(!first.response().empty() && !second.response().empty());
        RawClient third(stage.port);
        cr_expect(third.rest().starts_with("HTTP/1.1 503 "));
        first.send("GET /bye HTTP/1.0\r\n\r\n");
        first.rest();
        first.close();
        while (stage.ask([&] { return stage.server->connections(); }) > 1) std::this_thread::yield();
        RawClient fourth(stage.port);
        fourth.send(get("/a"));
        cr_expect(fourth.response().ends_with("GET /a 0 127.0.0.1"));
    });
    cr_expect(stage.echo.refused == std::vector<int>{503});
}

Test(http_server, makes_room_by_ending_who_waits_longest) {
    ServerOptions options;
    options.connections = 2;
    Stage stage(options);
    stage.play([&] {
        RawClient silent(stage.port);
        while (stage.ask([&] { return stage.server->connections(); }) < 1) std::this_thread::yield();
        RawClient busy(stage.port);
        busy.send(get("/never"));
        while (stage.ask([&] { return stage.echo.kept.size(); }) < 1) std::this_thread::yield();
        RawClient third(stage.port);
        third.send(get("/never"));
        cr_expect(silent.rest().empty());
        while (stage.ask([&] { return stage.echo.kept.size(); }) < 2) std::this_thread::yield();
        RawClient fourth(stage.port);   // nobody is idle any more
        cr_expect(fourth.rest().starts_with("HTTP/1.1 503 "));
    });
}

Test(http_server, takes_no_more_than_its_memory) {
    Stage stage({}, 50'000);
    stage.play([&] {
        RawClient first(stage.port), second(stage.port);
        first.send("POST /a HTTP/1.1\r\nHost: gw\r\nContent-Length: 40000\r\n\r\n" + std::string(39'999, 'x'));
        while (stage.ask([&] { return stage.budget.taken_bytes(); }) < 39'999) std::this_thread::yield();
        second.send(post("/b", std::string(20'000, 'b')));
        cr_expect(second.response().starts_with("HTTP/1.1 503 "));
        first.send("x");
        cr_expect(first.response().ends_with("POST /a 40000 127.0.0.1"));
        RawClient third(stage.port);
        third.send(post("/b", std::string(20'000, 'b')));
        cr_expect(third.response().ends_with("POST /b 20000 127.0.0.1"));
        third.send(get("/much"));
        cr_expect(third.response().starts_with("HTTP/1.1 503 "), "a response beyond the budget");
        // What a handler holds stays counted when its connection is gone.
        RawClient fourth(stage.port);
        fourth.send(post("/never", std::string(45'000, 'b')));
        while (stage.ask([&] { return stage.echo.kept.size(); }) < 1) std::this_thread::yield();
        fourth.close();
        RawClient fifth(stage.port);
        fifth.send(post("/b", std::string(20'000, 'b')));
        cr_expect(fifth.response().starts_with("HTTP/1.1 503 "));
        stage.ask([&] {
            stage.echo.kept.front()({});
            stage.echo.kept.clear();
            return 0;
        });
        RawClient sixth(stage.port);
        sixth.send(post("/b", std::string(20'000, 'b')));
        cr_expect(sixth.response().ends_with("POST /b 20000 127.0.0.1"));
    });
}

Test(http_server, sets_nothing_aside_for_who_announces) {
    Stage stage({}, 50'000);
    stage.play([&] {
        std::deque<RawClient> announcers;
        for (int i = 0; i < 5; ++i) announcers.emplace_back(stage.port).send("POST /a HTTP/1.1\r\nHost: gw\r\nContent-Length: 40000\r\n\r\nx");
        while (stage.ask([&] { return stage.budget.taken_bytes(); }) < announcers.size()) std::this_thread::yield();
        RawClient client(stage.port);
        client.send(post("/b", std::string(40'000, 'b')));
        cr_expect(client.response().ends_with("POST /b 40000 127.0.0.1"), "announcements have taken the memory");
        RawClient greedy(stage.port);
        greedy.send("POST /a HTTP/1.1\r\nHost: gw\r\nContent-Length: 60000\r\n\r\n");
        cr_expect(greedy.response().starts_with("HTTP/1.1 503 "), "what cannot be held is refused before it comes");
    });
    stage.server.reset();
    cr_expect(stage.budget.taken_bytes() == 0);
}

Test(http_server, counts_once_what_many_are_given) {
    Stage stage({}, 10'000'000);
    stage.play([&] {
        RawClient first(stage.port), second(stage.port), third(stage.port);
        // None of them reads; more than the system takes off our hands is left of each.
        for (RawClient* client : {&first, &second, &third}) client->send(get("/shared") + get("/shared"));
        while (stage.ask([&] { return stage.echo.handled; }) < 3) std::this_thread::yield();
        cr_expect(stage.ask([&] { return stage.budget.taken_bytes(); }) < 8'000'100);
        for (RawClient* client : {&first, &second, &third}) cr_expect(client->response().ends_with("ss"));
    });
    stage.server.reset();
    cr_expect(stage.echo.refused.empty() && stage.budget.taken_bytes() == 0);
}

Test(http_server, ends_who_keeps_it_waiting) {
    ServerOptions options;
    options.timeout = std::chrono::milliseconds(60);
    Stage stage(options);
    stage.play([&] {
        RawClient silent(stage.port), head(stage.port), body(stage.port), kept(stage.port), deaf(stage.port);
        head.send("GET /a HTTP/1.1\r\nHo");
        body.send("POST /a HTTP/1.1\r\nHost: gw\r\nContent-Length: 100\r\n\r\nabc");
        kept.send(get("/a"));
        for (int i = 0; i < 8; ++i) deaf.send(get("/much"));
        cr_expect(kept.response().ends_with("GET /a 0 127.0.0.1"));
        for (RawClient* client : {&silent, &head, &body, &kept}) cr_expect(client->rest().empty());
        while (stage.ask([&] { return stage.server->connections(); }) > 1) std::this_thread::yield();
        deaf.close();
        while (stage.ask([&] { return stage.server->connections(); }) > 0) std::this_thread::yield();
    });
    cr_expect(std::ranges::count(stage.echo.refused, 408) == 2, "%zu", stage.echo.refused.size());
}

Test(http_server, gives_nobody_a_pause_for_what_went_quickly) {
    ServerOptions options;
    options.timeout = std::chrono::milliseconds(100);
    Stage stage(options);
    stage.play([&] {
        RawClient sender(stage.port), reader(stage.port);
        // At the slowest rate that is allowed, either would take minutes.
        sender.send("POST /a HTTP/1.1\r\nHost: gw\r\nContent-Length: 1000000\r\n\r\n" + std::string(999'999, 'x'));
        for (int i = 0; i < 8; ++i) reader.send(get("/much"));
        const auto began = std::chrono::steady_clock::now();
        while (stage.ask([&] { return stage.server->connections(); }) > 0 && std::chrono::steady_clock::now() - began < std::chrono::seconds(5)) std::this_thread::yield();
        cr_expect(stage.ask([&] { return stage.server->connections(); }) == 0);
    });
    cr_expect(std::ranges::count(stage.echo.refused, 408) == 1);
}

Test(http_server, drains) {
    Stage stage;
    stage.play([&] {
        RawClient idle(stage.port), busy(stage.port);
        idle.send(get("/a"));
        idle.response();
        busy.send(get("/never"));
        while (stage.ask([&] { return stage.echo.kept.size(); }) < 1) std::this_thread::yield();
        stage.ask([&] {
            stage.server->drain();
            return 0;
        });
        cr_expect(idle.rest().empty());
        cr_expect(!RawClient(stage.port).send(get("/a")));
        stage.ask([&] {
            stage.echo.kept.front()({});
            return 0;
        });
        cr_expect(has(busy.rest(), "Connection: close"));
        busy.close();
        while (stage.ask([&] { return stage.server->connections(); }) > 0) std::this_thread::yield();
    });
}

Test(http_server, survives_its_peers_and_they_it) {
    Stage stage;
    stage.play([&] {
        RawClient gone(stage.port);
        gone.send(get("/never"));
        while (stage.ask([&] { return stage.echo.kept.size(); }) < 1) std::this_thread::yield();
        gone.close();
        while (stage.ask([&] { return stage.server->connections(); }) > 0) std::this_thread::yield();
        RawClient open(stage.port);
        open.send(get("/never"));
        while (stage.ask([&] { return stage.echo.kept.size(); }) < 2) std::this_thread::yield();
        stage.ask([&] {
            stage.server.reset();
            for (Respond& respond : stage.echo.kept) respond({});
            return 0;
        });
        cr_expect(open.rest().empty());
    });
}

Test(http_server, listens_where_it_is_told) {
    Loop loop;
    MemoryBudget budget(1000);
    Echo echo(loop);
    Server server(loop, budget, echo, {});
    const Endpoint any{"127.0.0.1", 0}, any6{"::1", 0};
    cr_assert(server.listen({any, any6, any}).has_value());
    const auto first = server.endpoints();
    cr_expect(first.size() == 3 && first[0].port != 0 && first[1].host == "::1" && first[0] != first[2]);
    // The same again touches nothing; what is not wanted any more goes.
    cr_assert(server.listen({any, any}).has_value());
    cr_expect(server.endpoints() == (std::vector<Endpoint>{first[0], first[2]}));
    const auto taken = server.listen({any, {"127.0.0.1", first[2].port}});
    cr_expect(!taken && taken.error().rule.find(std::to_string(first[2].port)) != std::string::npos);
    cr_expect(server.endpoints() == (std::vector<Endpoint>{first[0], first[2]}), "a failure changes nothing");
}
