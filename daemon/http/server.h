// HTTP servers on the loop: connections, their limits and deadlines, and the requests handed on as values.
//
// Reading is http/request_reader (no sockets); what a request means is the handler's. A connection serves one request at a time, in order.
// Deadlines are for whole phases, so that an octet now and then keeps nothing alive: a head within the timeout, a body and a response at no
// less than kSlowestBytesPerSecond after it and without a pause longer than it, a handler within kMostHandling.
#pragma once

#include <chrono>
#include <functional>
#include <list>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "daemon/config.h"
#include "daemon/http/message.h"
#include "daemon/http/request_reader.h"
#include "daemon/loop/loop.h"
#include "daemon/loop/stream.h"
#include "daemon/memory_budget.h"
#include "daemon/watch/association.h"

namespace mmgate::http {

/// Answers one request: once, on the loop's thread, now or later. The connection may be gone by then.
using Respond = std::function<void(Response)>;

class Handler {
public:
    virtual ~Handler() = default;
    virtual void handle(Request request, const std::string& peer, Respond respond) = 0;
    /// A request that was answered without the handler, or a connection that was turned away: for counters and the log.
    virtual void on_refused(const std::string& peer, int status, const std::string& rule) = 0;
};

struct ServerOptions {
    std::size_t connections = 1000;
    std::size_t connections_per_client = 100;   // from one address
    std::chrono::milliseconds timeout{60'000};
    ReaderLimits reader;
};

class Server {
public:
    static constexpr std::size_t kSlowestBytesPerSecond = 4096;
    static constexpr std::chrono::milliseconds kMostHandling{30'000};
    /// How long a peer whose request was cut may go on sending, so that it reads our answer and not a reset.
    static constexpr std::chrono::milliseconds kMostLinger{30'000};

    /// `budget` and `handler` must outlive the server, `budget` also every Respond.
    Server(Loop& loop, MemoryBudget& budget, Handler& handler, ServerOptions options);
    ~Server();
    Server(const Server&) = delete;
    Server& operator=(const Server&) = delete;

    /// Listens at these endpoints, and no longer at others; one that stays is not touched. A wanted port 0 stays at the port it once got.
    /// Fails: internal; those that listened go on.
    Result<void> listen(const std::vector<Endpoint>& wanted);
    /// With the ports they really got, in the order wanted.
    std::vector<Endpoint> endpoints() const;
    void configure(ServerOptions options);   // for requests that begin from now on

    /// No new connections, no further request on those that are there.
    void drain();
    std::size_t connections() const { return active_.size() + idle_.size(); }
    Associations associations() const;

private:
    class Connection;
    // What follows a response, and the memory that it takes: once, however many connections send it.
    struct Tail {
        std::shared_ptr<const Octets> octets;
        MemoryShare share;
    };
    using Connections = std::list<std::shared_ptr<Connection>>;   // shared with nobody but, weakly, those who are to respond
    struct Door {
        Endpoint wanted;
        std::unique_ptr<Listener> listener;
    };

    void accept(int fd, std::string peer);
    void refuse(int fd, const std::string& peer, const std::string& rule);
    void forget(Connection& connection);
    std::shared_ptr<Tail> tail_of(const std::shared_ptr<const Octets>& octets);
    std::string_view date();

    Loop& loop_;
    MemoryBudget& budget_;
    Handler& handler_;
    ServerOptions options_;
    std::vector<Door> doors_;
    Connections active_;
    Connections idle_;   // between requests, the one that waits longest first
    std::unordered_map<std::string, std::size_t> per_client_;
    // Those that are being sent; what was sent goes when so many are known, so that no response pays for all of them.
    static constexpr std::size_t kCleanTailsAt = 64;
    std::unordered_map<const Octets*, std::weak_ptr<Tail>> tails_;
    std::size_t clean_tails_at_ = kCleanTailsAt;
    std::uint64_t next_number_ = 1;
    bool draining_ = false;
    std::int64_t date_second_ = -1;
    std::string date_;
};

}   // namespace mmgate::http
