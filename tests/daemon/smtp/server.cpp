#include "daemon/smtp/server.h"

#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <thread>

#include "tests/support/certificate.h"
#include "tests/support/memory_store.h"

using namespace mmgate;
using namespace mmgate::smtp;

namespace {

Network loopback() {
    Network network;
    network.address = {127};
    network.prefix_bits = 8;
    return network;
}

Config sample() {
    Config config;
    config.domain = "mms.example.net";
    config.hostname = "gw.example.net";
    config.numbering = {"44", "0", "00"};
    config.subscribers = {{"+447700"}};
    config.message_size_bytes = 1'000'000;
    config.recipients = 100;
    config.smtp_listen = {{"127.0.0.1", 0}};
    config.smtp_networks = {loopback()};
    config.smtp_connections = 100;
    config.smtp_connections_per_client = 100;
    config.smtp_line_bytes = 64 * 1024;
    config.smtp_command_bytes = 2048;
    config.smtp_commands = 1000;
    config.smtp_errors = 20;
    config.smtp_idle = config.smtp_session = config.smtp_data = Seconds(60);
    return config;
}

/// A blocking client, for a thread of its own.
class RawClient {
public:
    explicit RawClient(const Endpoint& to) : fd_(::socket(AF_INET, SOCK_STREAM, 0)) {
        timeval patience{20, 0};
        setsockopt(fd_, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_port = htons(to.port);
        inet_pton(AF_INET, to.host.c_str(), &address.sin_addr);
        connected_ = ::connect(fd_, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
    }
    ~RawClient() { close(); }
    RawClient(const RawClient&) = delete;
    RawClient& operator=(const RawClient&) = delete;

    bool connected() const { return connected_; }
    void say(std::string_view text) {
        while (!text.empty()) {
            const ssize_t n = ::send(fd_, text.data(), text.size(), MSG_NOSIGNAL);
            if (n <= 0) return;
            text.remove_prefix(static_cast<std::size_t>(n));
        }
    }
    /// One line without CRLF; "" at the end.
    std::string line() {
        std::string out;
        char c = 0;
        while (::recv(fd_, &c, 1, 0) == 1) {
            out += c;
            if (out.ends_with("\r\n")) return out.substr(0, out.size() - 2);
        }
        return out;
    }
    /// All lines to the end, each followed by "|".
    std::string rest() {
        std::string out;
        for (std::string one = line(); !one.empty(); one = line()) out += one + "|";
        return out;
    }
    void shut() { ::shutdown(fd_, SHUT_WR); }
    void close() {
        if (fd_ >= 0) ::close(fd_);
        fd_ = -1;
    }

private:
    int fd_;
    bool connected_ = false;
};

struct Bed {
    enum class Taking : std::uint8_t { at_once,
                                       later,
                                       never } taking = Taking::at_once;

    Loop loop;
    Log log{{Level::error}};
    Metrics metrics;
    MemoryStore store;
    MemoryBudget memory{10'000'000};
    Config config = sample();
    std::vector<std::pair<ReceivedEnvelope, Octets>> mails;
    std::vector<std::function<void(Accepted)>> open;
    std::vector<Timer> timers;
    Admission admission;
    Server server{loop, store, memory, [this](ReceivedEnvelope e, Octets m, std::function<void(Accepted)> done) { take(std::move(e), std::move(m), std::move(done)); }, admission, log, metrics};
    Timer deadline;
    bool late = false;

    ~Bed() { open.clear(); }
    void configure() {
        auto listening = server.configure(std::make_shared<const Config>(config), std::make_shared<const Router>(config));
        cr_assert(listening.has_value(), "%s", listening ? "" : listening.error().rule.c_str());
    }
    void take(ReceivedEnvelope envelope, Octets mail, std::function<void(Accepted)> done) {
        mails.emplace_back(std::move(envelope), std::move(mail));
        const Accepted ok("Ok: queued as ID" + std::to_string(mails.size()));
        if (taking == Taking::at_once) done(ok);
        else if (taking == Taking::later) timers.push_back(loop.after(std::chrono::milliseconds(20), [done, ok] { done(ok); }));
        else open.push_back(std::move(done));
    }
    Endpoint endpoint() const { return server.endpoints().front(); }
    /// Runs the loop until it is stopped.
    void run() {
        deadline = loop.after(std::chrono::seconds(30), [this] {
            late = true;
            loop.stop();
        });
        loop.run();
        cr_assert(!late, "not done after 30 s");
    }
    /// Runs the loop while `talk` runs in a thread.
    void run(const std::function<void()>& talk) {
        std::thread thread([&] {
            talk();
            loop.stop();
        });
        run();
        thread.join();
    }
    /// Runs the loop until no connection is left.
    void run_until_empty() {
        look_if_empty();
        run();
    }
    void look_if_empty() {
        timers.push_back(loop.after(std::chrono::milliseconds(5), [this] {
            if (server.connections() == 0) loop.stop();
            else look_if_empty();
        }));
    }
};

const std::string kMail =
    "EHLO client.example\r\nMAIL FROM:<a@b.example>\r\nRCPT TO:<+447700900123@mms.example.net>\r\nDATA\r\nSubject: x\r\n\r\nHello\r\n.\r\n";
constexpr std::string_view kOk = "250 2.1.0 Sender ok|250 2.1.5 Recipient ok|354 End data with <CR><LF>.<CR><LF>|250 2.0.0 Ok: queued as ID";

}   // namespace

Test(smtp_server, takes_mails_and_answers_in_order) {
    for (Bed::Taking taking : {Bed::Taking::at_once, Bed::Taking::later}) {
        Bed bed;
        bed.taking = taking;
        bed.configure();
        cr_expect(bed.endpoint().port != 0);
        std::string greeting, replies;
        bed.run([&] {
            RawClient client(bed.endpoint());
            greeting = client.line();
            client.say(kMail + kMail + "QUIT\r\n");
            client.shut();   // and still gets every answer
            replies = client.rest();
        });
        cr_expect(greeting == "220 gw.example.net ESMTP mmgate", "%s", greeting.c_str());
        cr_expect(replies.find(std::string(kOk) + "1|") != std::string::npos && replies.find(std::string(kOk) + "2|221 2.0.0 Bye|") != std::string::npos, "%s", replies.c_str());
        cr_assert(bed.mails.size() == 2);
        cr_expect(bed.mails[1].second == "Subject: x\r\n\r\nHello\r\n" && bed.mails[1].first.client == "127.0.0.1" && bed.mails[1].first.protocol == "ESMTP");
        cr_expect(bed.metrics.value(Counter::smtp_connections) == 1 && bed.metrics.value(Counter::smtp_recipients) == 2);
        bed.run_until_empty();
        cr_expect(bed.memory.taken_bytes() == 0);
    }
}

Test(smtp_server, carries_large_mails_whole) {
    Bed bed;
    bed.configure();
    std::string content;
    for (std::size_t i = 0; content.size() < 1'300'000; ++i) content += std::to_string(i * i) + "\r\n";
    std::string replies;
    bed.run([&] {
        RawClient client(bed.endpoint());
        client.line();
        client.say(kMail.substr(0, kMail.find("Subject")) + content + ".\r\nQUIT\r\n");
        replies = client.rest();
    });
    cr_assert(bed.mails.size() == 1, "%s", replies.c_str());
    cr_expect(bed.mails[0].second == content);
}

Test(smtp_server, survives_a_client_that_leaves_at_any_octet) {
    Bed bed;
    bed.configure();
    for (std::size_t length = 0; length <= kMail.size(); ++length) {
        const std::size_t before = bed.mails.size();
        bed.run([&] {
            RawClient client(bed.endpoint());
            client.line();
            client.say(std::string_view(kMail).substr(0, length));
        });
        bed.run_until_empty();
        cr_expect(bed.mails.size() == before + (length == kMail.size() ? 1 : 0), "after %zu octets", length);
        cr_expect(bed.memory.taken_bytes() == 0, "after %zu octets", length);
    }
    // Nor does one matter that leaves while its mail is open.
    bed.taking = Bed::Taking::never;
    bed.run([&] {
        RawClient client(bed.endpoint());
        client.line();
        client.say(kMail);
        while (!client.line().starts_with("354")) {}
    });
    while (bed.open.empty()) {
        bed.look_if_empty();
        bed.timers.push_back(bed.loop.after(std::chrono::milliseconds(5), [&] { bed.loop.stop(); }));
        bed.run();
    }
    bed.open.front()(Accepted("Ok: queued as ID"));
    bed.open.clear();
    bed.run_until_empty();
    cr_expect(bed.memory.taken_bytes() == 0);
}

Test(smtp_server, does_not_greet_who_speaks_first) {
    Bed bed;
    bed.configure();
    RawClient client(bed.endpoint());
    client.say("GET / HTTP/1.1\r\nHost: x\r\n\r\n");   // in the socket before the server looks
    std::string replies;
    bed.run([&] { replies = client.rest(); });
    cr_expect(replies == "554 5.5.0 SMTP protocol synchronization|", "%s", replies.c_str());
}

Test(smtp_server, holds_the_limits_on_connections) {
    Bed bed;
    bed.config.smtp_connections_per_client = 2;
    bed.configure();
    std::string first, second, third, fourth;
    bed.run([&] {
        RawClient a(bed.endpoint()), b(bed.endpoint());
        first = a.line();
        second = b.line();
        RawClient c(bed.endpoint());
        third = c.rest();
        a.say("QUIT\r\n");
        a.rest();
        a.close();
        RawClient d(bed.endpoint());
        fourth = d.line();
        // The end of a connection is seen a turn later than its last reply.
        for (int tries = 0; tries < 100 && !fourth.starts_with("220"); ++tries) fourth = RawClient(bed.endpoint()).line();
    });
    cr_expect(first.starts_with("220") && second.starts_with("220") && fourth.starts_with("220"));
    cr_expect(third == "421 4.7.0 Too many connections|", "%s", third.c_str());
    cr_expect(bed.metrics.value(Counter::smtp_refused_connections) >= 1);

    Bed full;
    full.config.smtp_connections = 1;
    full.configure();
    full.run([&] {
        RawClient a(full.endpoint());
        a.line();
        third = RawClient(full.endpoint()).rest();
    });
    cr_expect(third == "421 4.7.0 Too many connections|", "%s", third.c_str());
}

Test(smtp_server, refuses_who_may_not_send) {
    Bed bed;
    bed.config.smtp_networks.clear();
    bed.configure();
    std::string replies;
    bed.run([&] {
        RawClient client(bed.endpoint());
        client.line();
        client.say("HELO x.example\r\nMAIL FROM:<a@b.example>\r\nQUIT\r\n");
        replies = client.rest();
    });
    cr_expect(replies == "250 gw.example.net|550 5.7.1 Mail from your host is not accepted here|221 2.0.0 Bye|", "%s", replies.c_str());
}

Test(smtp_server, drains) {
    Bed bed;
    bed.taking = Bed::Taking::never;
    bed.configure();
    const Endpoint endpoint = bed.endpoint();
    std::string idle, busy;
    bool again = true;
    bed.run([&] {
        RawClient a(endpoint), b(endpoint);
        a.line();
        b.line();
        b.say(kMail);
        while (!b.line().starts_with("354")) {}
        b.say("");
        bed.loop.post([&] { bed.server.drain(); });
        idle = a.rest();
        again = RawClient(endpoint).connected();
        bed.loop.post([&] {
            for (auto& done : bed.open) done(Accepted("Ok: queued as ID"));
            bed.taking = Bed::Taking::at_once;   // should the dot not have been read yet
        });
        busy = b.rest();
    });
    cr_expect(idle == "421 4.3.2 Shutting down|", "%s", idle.c_str());
    cr_expect(!again);
    cr_expect(busy.starts_with("250 2.0.0 Ok: queued as ID") && busy.ends_with("|421 4.3.2 Shutting down|"), "%s", busy.c_str());
    bed.open.clear();
    bed.run_until_empty();
}

Test(smtp_server, ends_who_says_nothing) {
    Bed bed;
    bed.config.smtp_idle = Seconds(0);
    bed.configure();
    std::string replies;
    bed.run([&] {
        RawClient client(bed.endpoint());
        client.line();
        client.say("NOO");   // an octet now and then is nothing
        replies = client.rest();
    });
    cr_expect(replies == "421 4.4.2 Timeout|", "%s", replies.c_str());
}

Test(smtp_server, ends_a_mail_that_does_not_come) {
    Bed bed;
    bed.config.smtp_data = Seconds(0);
    bed.configure();
    std::string replies;
    bed.run([&] {
        RawClient client(bed.endpoint());
        client.line();
        client.say(kMail.substr(0, kMail.size() - 5));
        replies = client.rest();
    });
    cr_expect(replies.ends_with("|421 4.4.2 Message arrives too slowly|"), "%s", replies.c_str());
    cr_expect(bed.mails.empty());
}

Test(smtp_server, follows_a_new_configuration) {
    Bed bed;
    bed.configure();
    const Endpoint first = bed.endpoint();
    bed.config.hostname = "new.example.net";
    bed.config.smtp_listen.push_back({"127.0.0.1", 0});
    bed.configure();
    cr_assert(bed.server.endpoints().size() == 2);
    cr_expect(bed.endpoint() == first);
    std::string greeting;
    bed.run([&] { greeting = RawClient(first).line(); });
    cr_expect(greeting == "220 new.example.net ESMTP mmgate", "%s", greeting.c_str());
    // One that cannot be had changes nothing.
    Config bad = bed.config;
    bad.hostname = "bad.example.net";
    bad.smtp_listen = {{"192.0.2.1", 25}};
    cr_expect(!bed.server.configure(std::make_shared<const Config>(bad), std::make_shared<const Router>(bad)));
    bed.run([&] { greeting = RawClient(first).line(); });
    cr_expect(greeting == "220 new.example.net ESMTP mmgate", "%s", greeting.c_str());
}

namespace {

/// Says `clear` when greeted, then STARTTLS when told 220 a second time, and `secret` in TLS.
struct TlsClient final : StreamEvents {
    Bed& bed;
    std::string clear, secret, replies;
    std::unique_ptr<Stream> stream;
    TlsContext context;
    bool greeted = false, ended = false;

    TlsClient(Bed& b, std::string in_clear, std::string in_tls, TlsContext with = TlsContext::client())
        : bed(b), clear(std::move(in_clear)), secret(std::move(in_tls)), context(std::move(with)) {
        stream = Stream::connect(bed.loop, bed.endpoint(), *this);
    }
    void on_input() override {
        std::string got(evbuffer_get_length(stream->input()), '\0');
        evbuffer_remove(stream->input(), got.data(), got.size());
        replies += got;
        if (!greeted) {
            greeted = true;
            stream->write(clear);
        } else if (replies.ends_with("220 2.0.0 Ready to start TLS\r\n")) {
            stream->start_tls(context.connect_session("gw.example.net"), false);
        }
    }
    void on_secured() override {
        replies += "TLS\r\n";
        stream->write(secret);
    }
    void on_closed(const std::string&) override {
        ended = true;
        bed.loop.stop();
    }
};

}   // namespace

Test(smtp_server, takes_mail_in_tls) {
    tests::Certificate certificate("gw.example.net");
    Bed bed;
    bed.config.tls_mode = TlsMode::required;
    bed.config.tls_certificate = certificate.certificate_file();
    bed.config.tls_key = certificate.key_file();
    bed.configure();
    TlsClient client(bed, "EHLO x.example\r\nMAIL FROM:<a@b.example>\r\nSTARTTLS\r\n", kMail + "QUIT\r\n");
    bed.run();
    cr_expect(client.replies.find("250-STARTTLS\r\n") != std::string::npos && client.replies.find("530 5.7.0 ") != std::string::npos, "%s", client.replies.c_str());
    cr_expect(client.replies.find("TLS\r\n250-gw.example.net") != std::string::npos && client.replies.ends_with("221 2.0.0 Bye\r\n"), "%s", client.replies.c_str());
    cr_assert(bed.mails.size() == 1);
    cr_expect(bed.mails[0].first.protocol == "ESMTPS");
}

Test(smtp_server, takes_nothing_that_was_said_in_clear_into_tls) {
    tests::Certificate certificate("gw.example.net");
    Bed bed;
    bed.config.tls_certificate = certificate.certificate_file();
    bed.config.tls_key = certificate.key_file();
    bed.configure();
    TlsClient client(bed, "EHLO x.example\r\nSTARTTLS\r\n" + kMail, "");
    bed.run();
    cr_expect(client.replies.ends_with("554 5.5.1 STARTTLS must be the last command of a group\r\n"), "%s", client.replies.c_str());
    cr_expect(bed.mails.empty());
}

Test(smtp_server, says_so_when_its_certificate_is_unusable) {
    Bed bed;
    bed.config.tls_certificate = "/nonexistent/certificate.pem";
    bed.config.tls_key = "/nonexistent/key.pem";
    bed.configure();
    std::string replies;
    bed.run([&] {
        RawClient client(bed.endpoint());
        client.line();
        client.say("EHLO x.example\r\nSTARTTLS\r\nQUIT\r\n");
        replies = client.rest();
    });
    cr_expect(replies.find("STARTTLS|") == std::string::npos && replies.find("|454 4.7.0 ") != std::string::npos, "%s", replies.c_str());
}

Test(smtp_server, knows_peers_by_their_certificates) {
    const tests::Certificate ours("gw.example.net"), authority("authority.example"), theirs("mx.named.example", authority), stranger("mx.named.example");
    auto known = [&](const char* name) {
        Peer peer;
        peer.name = name;
        peer.domain = std::string("mms.") + name + ".example";
        peer.tls = PeerTls::mutual;
        peer.networks = {loopback()};
        peer.inbound_connections = 10;
        return peer;
    };
    Peer named = known("named"), pinned = known("pinned");
    named.tls_ca = authority.certificate_file();
    named.tls_names = {"mx.named.example"};
    pinned.tls_pins = {stranger.pin()};
    struct Row {
        const char* name;
        const tests::Certificate* shown;
        std::vector<std::string> peers;   // none: refused
    };
    const Row rows[] = {{"by name and authority", &theirs, {"named"}}, {"by pin", &stranger, {"pinned"}}, {"without one", nullptr, {}}, {"with another", &ours, {}}};
    for (const Row& row : rows) {
        Bed bed;
        bed.config.smtp_networks.clear();
        bed.config.tls_certificate = ours.certificate_file();
        bed.config.tls_key = ours.key_file();
        bed.config.peers = {named, pinned};
        bed.configure();
        TlsClient client(bed, "EHLO x.example\r\nSTARTTLS\r\n", kMail + "QUIT\r\n",
                         row.shown ? std::move(*TlsContext::client(row.shown->certificate_file(), row.shown->key_file())) : TlsContext::client());
        bed.run();
        cr_expect(bed.mails.size() == (row.peers.empty() ? 0 : 1), "%s: %s", row.name, client.replies.c_str());
        if (!bed.mails.empty()) cr_expect(bed.mails[0].first.peers == row.peers && bed.mails[0].first.channel == Channel::tls, "%s", row.name);
        else cr_expect(client.replies.find("TLS\r\n250-") != std::string::npos && client.replies.find("\r\n550 5.7.1 ") != std::string::npos, "%s: no handshake fails for it: %s", row.name, client.replies.c_str());
    }
}

Test(smtp_server, gives_a_peer_so_many_connections_and_messages) {
    Bed bed;
    Peer peer;
    peer.name = "other";
    peer.domain = "mms.other.example";
    peer.tls = PeerTls::none;
    peer.networks = {loopback()};
    peer.inbound_connections = 1;
    peer.inbound_rate = 2;
    bed.config.peers = {peer};
    bed.configure();
    std::string second, replies;
    bed.run([&] {
        RawClient a(bed.endpoint());
        a.line();
        second = RawClient(bed.endpoint()).rest();
        a.say("HELO x.example\r\nMAIL FROM:<>\r\nRSET\r\nMAIL FROM:<>\r\nRSET\r\nMAIL FROM:<>\r\nRSET\r\nMAIL FROM:<>\r\nQUIT\r\n");
        replies = a.rest();
    });
    cr_expect(second == "421 4.7.0 Too many connections|", "%s", second.c_str());
    cr_expect(replies.find("250 2.1.0 Sender ok|250 2.0.0 Ok|250 2.1.0 Sender ok|250 2.0.0 Ok|451 4.7.1 ") != std::string::npos, "%s", replies.c_str());
}
