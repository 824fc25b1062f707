// A gateway that is nothing but its control socket, and a program that asks it. For the tests of this folder.
#pragma once

#include <criterion/criterion.h>

#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <future>
#include <thread>

#include <nlohmann/json.hpp>

#include "daemon/control/server.h"
#include "mapping/mm1/messages.h"
#include "tests/support/memory_store.h"

namespace mmgate::control {

using Json = nlohmann::ordered_json;

/// Another program at the other end of the socket: blocking, line by line.
class Asker {
public:
    explicit Asker(const std::string& path) {
        sockaddr_un address{};
        address.sun_family = AF_UNIX;
        path.copy(address.sun_path, sizeof address.sun_path - 1);
        fd_ = socket(AF_UNIX, SOCK_STREAM, 0);
        connected_ = connect(fd_, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0;
    }
    ~Asker() { close(fd_); }
    bool connected() const { return connected_; }
    void send(std::string_view text) {
        while (!text.empty()) {
            ssize_t n = ::send(fd_, text.data(), text.size(), MSG_NOSIGNAL);
            if (n <= 0) return;
            text.remove_prefix(static_cast<std::size_t>(n));
        }
    }
    /// Without its LF; "" at the end of the connection.
    std::string line() {
        std::size_t end;
        while ((end = read_.find('\n')) == std::string::npos)
            if (!more()) return "";
        std::string out = read_.substr(0, end);
        read_.erase(0, end + 1);
        return out;
    }
    std::string octets(std::size_t count) {
        while (read_.size() < count)
            if (!more()) break;
        std::string out = read_.substr(0, count);
        read_.erase(0, out.size());
        return out;
    }
    /// All lines of one answer; the last one is its end.
    std::vector<Json> ask(std::string_view request) {
        send(std::string(request) + "\n");
        std::vector<Json> out;
        for (;;) {
            std::string text = line();
            out.push_back(Json::parse(text, nullptr, false));
            if (text.empty() || out.back().contains("end")) return out;
        }
    }

private:
    bool more() {
        char buffer[4096];
        ssize_t n = ::recv(fd_, buffer, sizeof buffer, 0);
        if (n > 0) read_.append(buffer, static_cast<std::size_t>(n));
        return n > 0;
    }
    int fd_ = -1;
    bool connected_ = false;
    std::string read_;
};

/// A gateway that is nothing but its control socket; its loop runs on a thread of its own.
struct Rig {
    std::filesystem::path folder;
    MemoryStore store;
    Loop loop;
    Workers workers{loop, 2};
    Committer committer{store, [this](Task task) { loop.post(std::move(task)); }};
    Metrics metrics;
    Names names{store.secret(), "mms.example.net"};
    Log log{{Level::error, Numbers::masked}};
    Config config;
    Telemetry telemetry{loop, workers, store, metrics, log, [] { return PartsNow{}; }};
    bool reload_ok = true;
    int kicks = 0;
    std::unique_ptr<Server> server;
    std::thread thread;

    Rig() {
        char text[] = "/tmp/mmgate-control-XXXXXX";
        folder = mkdtemp(text);
        config.domain = "mms.example.net";
        config.hostname = "gw1.mms.example.net";
        config.state_dir = folder;
        config.control = folder / "run" / "control.sock";
        config.alarms = {.queue = 0, .oldest = Seconds(0), .store = 80, .peer = Seconds(300), .certificate = Seconds(86'400), .conversions = 0, .clear = 80, .settle = Seconds(0)};
    }
    ~Rig() {
        stop();
        std::filesystem::remove_all(folder);
    }
    Result<std::unique_ptr<Server>> open() {
        telemetry.configure(std::make_shared<const Config>(config));
        return Server::open(loop, workers, store, committer, metrics, telemetry, names, log, config,
                            {[this] { return Reloaded{reload_ok, {"one", "two"}}; },
                             [](const Request& request, const Octets&, const auto& done) { done("{\"asked\":\"" + request.peer + "\"}\n", 1, End{}); },
                             [this] { ++kicks; }});
    }
    void start() {
        auto opened = open();
        cr_assert(opened.has_value(), "%s", opened ? "" : opened.error().rule.c_str());
        server = std::move(*opened);
        telemetry.begin([this](const Telemetry::Change& change) { server->publish(change); });
        thread = std::thread([this] { loop.run(); });
    }
    void stop() {
        if (!thread.joinable()) return;
        // The server and what the committer still posts belong to the loop's thread.
        std::promise<void> gone;
        loop.post([&] {
            telemetry.stopping();
            server.reset();
            gone.set_value();
        });
        gone.get_future().wait();
        loop.stop();
        thread.join();
    }
    QueueId add(std::string_view to, MessageKind kind = MessageKind::mm) {
        Enqueue enqueue;
        enqueue.message.kind = kind;
        enqueue.message.interface = Interface::mm1;
        enqueue.message.arrival = loop.now();
        enqueue.message.expires = loop.now() + std::chrono::hours(1);
        enqueue.message.originator = {Address::Kind::phone, "+447700900123", ""};
        enqueue.message.headers.from = enqueue.message.originator;
        enqueue.message.headers.subject = "Gr\u00fc\u00dfe";
        enqueue.message.recipients.resize(1);
        Recipient& recipient = enqueue.message.recipients[0];
        recipient.address = {Address::Kind::mailbox, std::string(to), ""};
        recipient.route = "mail";
        recipient.lane = "mail:[127.0.0.1]:1025";
        recipient.next_attempt = loop.now();
        Content content;
        content.media.type = "multipart/mixed";
        content.parts.resize(2);
        content.parts[0].media = {"text/plain", {{"charset", "utf-8"}}};
        content.parts[0].data = "Hello MMS";
        content.parts[1].media.type = "image/jpeg";
        content.parts[1].content_location = "p.jpg";
        content.parts[1].data = Octets(200'000, '\xff');
        enqueue.content = kind == MessageKind::mm ? mm1::encode_content(content) : Octets("Subject: x\r\n\r\nbody\r\n");
        enqueue.events.push_back({loop.now(), std::nullopt, "accepted", "from mm1"});
        Operation operation = std::move(enqueue);
        return store.apply({&operation, 1})->front().id;
    }
};

/// Runs as nobody, on a thread of its own.
template <class Body>
void as_nobody(Body&& body) {
    std::thread([&] {
        // Of this thread alone: the system call instead of the library's function for all threads.
        syscall(SYS_setresuid, 65534, 65534, 65534);
        body();
    }).join();
}
/// Lets everybody come as far as the gateway's own check.
inline void open_doors(const Rig& rig) {
    std::filesystem::permissions(rig.folder, std::filesystem::perms(0755));
    std::filesystem::permissions(rig.folder / "run", std::filesystem::perms(0755));
    std::filesystem::permissions(rig.config.control, std::filesystem::perms(0666));
}

inline int code_of(const std::vector<Json>& answer) { return answer.back().value("code", -1); }
inline std::string ids(std::initializer_list<QueueId> list) {
    std::string out;
    for (QueueId id : list) out += (out.empty() ? "\"" : ",\"") + to_text(id) + "\"";
    return "\"ids\":[" + out + "]";
}

}   // namespace mmgate::control
