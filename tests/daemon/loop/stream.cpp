#include "daemon/loop/stream.h"

#include <criterion/criterion.h>

using namespace mmgate;

namespace {

// What one side sees, and what it does about it.
struct Side final : StreamEvents {
    std::unique_ptr<Stream> stream;
    std::string received, closed;
    std::function<void(Side&)> input, connected, secured;
    std::function<void(Side&)> ended;
    bool flushed = false;

    void on_connected() override {
        if (connected) connected(*this);
    }
    void on_input() override {
        std::size_t length = evbuffer_get_length(stream->input());
        std::string got(length, '\0');
        evbuffer_remove(stream->input(), got.data(), length);
        received += got;
        if (input) input(*this);
    }
    void on_flushed() override { flushed = true; }
    void on_secured() override {
        if (secured) secured(*this);
    }
    void on_closed(const std::string& reason) override {
        closed = reason;
        if (ended) ended(*this);
    }
};

struct Pair {
    Loop loop;
    Side server, client;
    std::unique_ptr<Listener> listener;
    Timer deadline;
    bool late = false;

    Pair() {
        auto opened = Listener::open(loop, {"127.0.0.1", 0}, [this](int fd, const std::string& peer) {
            cr_assert(peer == "127.0.0.1");
            server.stream = Stream::accepted(loop, fd, peer, server);
        });
        cr_assert(opened.has_value());
        listener = std::move(*opened);
        cr_assert(listener->endpoint().port != 0);
        client.stream = Stream::connect(loop, listener->endpoint(), client);
        deadline = loop.after(std::chrono::seconds(20), [this] {
            late = true;
            loop.stop();
        });
    }
    void run() {
        loop.run();
        cr_assert(!late, "not done after 20 s");
    }
};

}   // namespace

Test(stream, carries_octets_both_ways_and_closes_after_the_last_one) {
    Pair pair;
    const std::string big(3'000'000, 'x');
    pair.client.connected = [&](Side& side) { side.stream->write(big); };
    pair.server.input = [&](Side& side) {
        if (side.received.size() < big.size()) return;
        auto keep = std::make_shared<const Octets>("done\r\n");
        side.stream->write(keep, *keep);
        side.stream->close_after_flush();
    };
    pair.client.ended = [&](Side&) { pair.loop.stop(); };
    pair.run();
    cr_expect(pair.server.received == big);
    cr_expect(pair.client.received == "done\r\n");
    cr_expect(pair.client.closed == "closed by the peer", "%s", pair.client.closed.c_str());
}

Test(stream, may_be_destroyed_from_its_own_callbacks) {
    Pair pair;
    pair.client.connected = [](Side& side) { side.stream->write("x"); };
    pair.server.input = [](Side& side) { side.stream.reset(); };
    pair.client.ended = [&](Side& side) {
        side.stream.reset();
        pair.loop.stop();
    };
    pair.run();
    cr_expect(!pair.server.stream && !pair.client.stream);
}

Test(stream, ends_when_nothing_happens_for_too_long) {
    Pair pair;
    pair.client.connected = [](Side& side) { side.stream->idle_timeout(std::chrono::milliseconds(30)); };
    pair.client.ended = [&](Side&) { pair.loop.stop(); };
    pair.run();
    cr_expect(pair.client.closed == "timeout");
}

Test(stream, tells_of_a_connection_that_cannot_be_made) {
    Pair pair;
    Endpoint nobody = pair.listener->endpoint();
    pair.listener.reset();
    pair.client.stream = Stream::connect(pair.loop, nobody, pair.client);
    pair.client.ended = [&](Side&) { pair.loop.stop(); };
    pair.run();
    cr_expect(pair.client.closed.starts_with("cannot connect"), "%s", pair.client.closed.c_str());
}

Test(stream, stops_reading_when_told) {
    Pair pair;
    pair.client.connected = [](Side& side) { side.stream->write("first"); };
    Timer later;
    pair.server.input = [&](Side& side) {
        if (side.received == "first") {
            side.stream->reading(false);
            pair.client.stream->write("second");
            later = pair.loop.after(std::chrono::milliseconds(30), [&] {
                cr_expect(side.received == "first");
                side.stream->reading(true);
            });
        } else if (side.received == "firstsecond") {
            pair.loop.stop();
        }
    };
    pair.run();
}

Test(listener, names_what_is_wrong) {
    Loop loop;
    auto bad = Listener::open(loop, {"not.an.address", 1}, [](int, std::string) {});
    cr_assert(!bad);
    auto first = Listener::open(loop, {"127.0.0.1", 0}, [](int, std::string) {});
    cr_assert(first.has_value());
    auto second = Listener::open(loop, (*first)->endpoint(), [](int, std::string) {});
    cr_assert(!second);
    cr_expect(second.error().rule.find("127.0.0.1:") != std::string::npos, "%s", second.error().rule.c_str());
}
