#include "daemon/http/server.h"

#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cassert>

#include <event2/buffer.h>

#include "daemon/http/response_head.h"

namespace mmgate::http {

namespace {

// Deadlines are looked at this often at least.
constexpr std::chrono::milliseconds kLongestLook{15'000};
// Pipelined requests wait in the kernel beyond this.
constexpr std::size_t kMostWaitingInput = 64 * 1024;
constexpr std::size_t kMostUnsent = 64 * 1024;

}   // namespace

class Server::Connection final : public StreamEvents, public std::enable_shared_from_this<Connection> {
public:
    enum class Phase : std::uint8_t {
        reading,    // a request, or the wait for one
        handling,   // the handler has it
        closing,    // the last response leaves; what comes in is dropped
    };

    Connection(Server& server, int fd, std::string peer)
        : number(server.next_number_++), began(server.loop_.now()), server_(server), reader_(server.options_.reader), share_(std::make_unique<MemoryShare>(server.budget_)), since_(began), stream_(Stream::accepted(server.loop_, fd, std::move(peer), *this)) {
        look_later();
    }

    const std::uint64_t number;
    const Instant began;
    const std::string& peer() const { return stream_->peer_address(); }
    bool idle() const { return phase_ == Phase::reading && reader_.idle() && stream_->unsent() == 0; }
    /// Takes its place at the end of one of the server's lists; in its first it has been put already.
    void stand_in(Connections& list) {
        if (list_ && list_ != &list) list.splice(list.end(), *list_, place_);
        if (!list_) place_ = std::prev(list.end());
        list_ = &list;
    }
    /// Leaves its list, which may end it.
    void leave() { list_->erase(place_); }

    void on_input() override {
        if (phase_ == Phase::closing) {
            evbuffer_drain(stream_->input(), evbuffer_get_length(stream_->input()));
            return;
        }
        if (phase_ == Phase::handling) {
            if (evbuffer_get_length(stream_->input()) > kMostWaitingInput) read_on(false);
            return;
        }
        // Who does not take our responses gets no more of them.
        if (stream_->unsent() > kMostUnsent) return read_on(false);
        pump();
    }
    void on_flushed() override {
        if (phase_ == Phase::closing && !lingers_) return stream_->close_after_flush();
        sending_.reset();
        tail_.reset();
        if (idle()) stand_in(server_.idle_);
        if (phase_ == Phase::reading) {
            read_on(true);
            pump();
        }
    }
    bool on_input_end() override {
        if (phase_ == Phase::handling) {
            keep_alive_ = false;   // one who has said all that he had to say still waits for the answer
            return true;
        }
        if (stream_->unsent() == 0) return false;
        stream_->close_after_flush();
        return true;
    }
    void on_closed(const std::string&) override { server_.forget(*this); }   // ends this

    /// Between requests: nothing is lost with it.
    void end_if_idle() {
        if (idle()) server_.forget(*this);
    }

private:
    // What a response needs beside the connection, which may end first: the memory stays taken until the handler is through with the request.
    struct Exchange {
        std::weak_ptr<Connection> connection;
        std::unique_ptr<MemoryShare> share;
        std::uint64_t number;
    };

    void read_on(bool on) {
        if (reading_ == on) return;
        reading_ = on;
        stream_->reading(on);
    }

    void pump() {
        const auto self = shared_from_this();   // a handler that answers at once may end us
        pumping_ = true;
        while (phase_ == Phase::reading && stream_->unsent() <= kMostUnsent) {
            evbuffer_iovec piece{};
            if (evbuffer_peek(stream_->input(), -1, nullptr, &piece, 1) < 1 || piece.iov_len == 0) break;
            if (reader_.idle()) begin();
            const std::size_t taken = reader_.feed(Bytes(static_cast<const char*>(piece.iov_base), piece.iov_len));
            evbuffer_drain(stream_->input(), taken);
            received_ += taken;
            moved_ = server_.loop_.now();
            look_at_reader();
        }
        pumping_ = false;
    }

    void begin() {
        since_ = server_.loop_.now();
        received_ = 0;
        continued_ = false;
        stand_in(server_.active_);
    }

    void look_at_reader() {
        switch (reader_.progress()) {
            case RequestReader::Progress::head: return;
            case RequestReader::Progress::refused: return refuse(reader_.refusal().status, reader_.refusal().rule);
            case RequestReader::Progress::body:
            case RequestReader::Progress::complete: break;
        }
        // What could not be held is refused before it comes; counted is only what has come: to announce much costs the peer nothing.
        const bool fits = share_->bytes() > 0 || share_->resize(std::max(reader_.announced_bytes(), reader_.body_bytes()));
        if (!fits || !share_->resize(reader_.body_bytes())) return refuse(503, "too many messages in memory");
        if (reader_.progress() == RequestReader::Progress::complete) return hand_over();
        if (reader_.wants_continue() && !continued_) {
            continued_ = true;
            if (evbuffer_get_length(stream_->input()) == 0) stream_->write("HTTP/1.1 100 Continue\r\n\r\n");
        }
    }

    void hand_over() {
        Request request = reader_.take();
        keep_alive_ = request.keep_alive;
        lingers_ = request.body_cut;
        phase_ = Phase::handling;
        since_ = server_.loop_.now();
        // Shared by the copies that a std::function makes of its target.
        auto exchange = std::make_shared<Exchange>(Exchange{weak_from_this(), std::move(share_), ++exchange_});
        share_ = std::make_unique<MemoryShare>(server_.budget_);
        server_.handler_.handle(std::move(request), peer(), [exchange](Response response) {
            exchange->share.reset();
            if (auto connection = exchange->connection.lock()) connection->respond(exchange->number, std::move(response));
        });
    }

    void respond(std::uint64_t number, Response response) {
        if (phase_ != Phase::handling || number != exchange_) return;   // the deadline answered first
        write(std::move(response));
        if (phase_ == Phase::reading && !pumping_) {
            read_on(true);
            pump();
        }
    }

    void refuse(int status, const std::string& rule) {
        server_.handler_.on_refused(peer(), status, rule);
        // One whom we are only too busy for may be in the middle of a message: it is to read why.
        lingers_ = status == 503;
        keep_alive_ = false;
        Response response;
        response.status = status;
        response.content_type = "text/plain; charset=utf-8";
        response.body = rule + "\r\n";
        share_ = std::make_unique<MemoryShare>(server_.budget_);
        write(std::move(response));
    }

    void write(Response response) {
        auto sending = std::make_unique<MemoryShare>(server_.budget_);
        auto tail = response.tail ? server_.tail_of(response.tail) : nullptr;
        if ((tail || !response.tail) && sending->resize(response.body.size())) {
            sending_ = std::move(sending);
            tail_ = std::move(tail);
        } else {
            server_.handler_.on_refused(peer(), 503, "too many messages in memory");
            response = {};
            response.status = 503;
        }
        const bool keep = keep_alive_ && !response.close && !server_.draining_;
        std::string head = response_head(response, keep, server_.date());
        head += response.body;
        written_ = head.size() + (response.tail ? response.tail->size() : 0);
        stream_->write(head);
        if (response.tail) {
            const Bytes octets = *response.tail;
            stream_->write(std::move(response.tail), octets);
        }
        since_ = server_.loop_.now();
        phase_ = keep ? Phase::reading : Phase::closing;
        if (!keep) {
            read_on(true);
            evbuffer_drain(stream_->input(), evbuffer_get_length(stream_->input()));
        }
    }

    Instant deadline() const {
        // Slow is who goes on: what has gone quickly buys nobody a pause.
        const auto at_slowest = [this](std::size_t octets) {
            return std::min(since_ + std::chrono::milliseconds(octets * 1000 / kSlowestBytesPerSecond), std::max(since_, moved_)) + server_.options_.timeout;
        };
        const std::size_t unsent = stream_->unsent();
        switch (phase_) {
            case Phase::handling: return since_ + kMostHandling;
            case Phase::closing:
                if (unsent == 0) return since_ + kMostLinger;
                break;
            case Phase::reading:
                // A response may still be leaving while the next request is awaited.
                if (unsent == 0) return at_slowest(reader_.idle() ? 0 : received_);
                break;
        }
        return at_slowest(written_ - std::min(written_, unsent));
    }

    void look_later() {
        const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline() - server_.loop_.now());
        timer_ = server_.loop_.after(std::clamp(left, std::chrono::milliseconds(1), kLongestLook), [this] { look_at_clock(); });
    }

    void look_at_clock() {
        // Nobody tells when a part of a response leaves.
        if (const std::size_t unsent = stream_->unsent(); unsent != std::exchange(unsent_, unsent)) moved_ = server_.loop_.now();
        if (server_.loop_.now() < deadline()) return look_later();
        if (phase_ == Phase::handling) {
            look_later();
            return refuse(503, "not answered in time");
        }
        if (phase_ == Phase::reading && !reader_.idle() && stream_->unsent() == 0) server_.handler_.on_refused(peer(), 408, "the request did not arrive in time");
        server_.forget(*this);
    }

    Server& server_;
    RequestReader reader_;
    std::unique_ptr<MemoryShare> share_;     // of the request
    std::unique_ptr<MemoryShare> sending_;   // of the response
    std::shared_ptr<Tail> tail_;             // of the response, shared with the others that send it
    Connections* list_ = nullptr;
    Connections::iterator place_;
    Instant since_;                // when this phase began
    Instant moved_{};              // when octets were last seen to move in it
    std::size_t unsent_ = 0;       // when they were last looked at
    std::size_t received_ = 0;     // octets of this request
    std::size_t written_ = 0;      // octets of the last response
    std::uint64_t exchange_ = 0;   // the last request's number on this connection
    Phase phase_ = Phase::reading;
    bool keep_alive_ = true;
    bool lingers_ = false;
    bool continued_ = false;
    bool pumping_ = false;
    bool reading_ = true;
    Timer timer_;
    std::unique_ptr<Stream> stream_;   // goes first
};

Server::Server(Loop& loop, MemoryBudget& budget, Handler& handler, ServerOptions options)
    : loop_(loop), budget_(budget), handler_(handler), options_(std::move(options)) {}
Server::~Server() = default;

Result<void> Server::listen(const std::vector<Endpoint>& wanted) {
    std::vector<Door> next;
    std::vector<bool> kept(doors_.size(), false);
    for (const Endpoint& endpoint : wanted) {
        std::size_t same = 0;
        while (same < doors_.size() && (kept[same] || doors_[same].wanted != endpoint)) ++same;
        if (same < doors_.size()) {
            kept[same] = true;
            next.push_back({endpoint, nullptr});
            continue;
        }
        auto opened = Listener::open(loop_, endpoint, [this](int fd, std::string peer) { accept(fd, std::move(peer)); });
        if (!opened) return fail(opened.error());
        next.push_back({endpoint, std::move(*opened)});
    }
    // Nothing can fail any more: those that stay move over, in the order they were matched.
    for (Door& door : next) {
        if (door.listener) continue;
        for (std::size_t i = 0; i < doors_.size(); ++i) {
            if (!kept[i] || !doors_[i].listener || doors_[i].wanted != door.wanted) continue;
            door.listener = std::move(doors_[i].listener);
            break;
        }
        assert(door.listener);
    }
    doors_ = std::move(next);
    return {};
}

std::vector<Endpoint> Server::endpoints() const {
    std::vector<Endpoint> out;
    for (const Door& door : doors_) out.push_back(door.listener->endpoint());
    return out;
}

void Server::configure(ServerOptions options) { options_ = std::move(options); }

Associations Server::associations() const {
    const auto fact = [](const auto& connection) { return Association{connection->number, connection->peer(), connection->began}; };
    Associations out = associations_of(active_, connections(), next_number_ - 1, fact);
    for (Association& idle : associations_of(idle_, idle_.size(), 0, fact).listed)
        if (out.listed.size() < Associations::kMostListed) out.listed.push_back(std::move(idle));
    return out;
}

void Server::drain() {
    draining_ = true;
    doors_.clear();
    const Connections waiting = idle_;
    for (const auto& connection : waiting) connection->end_if_idle();
}

void Server::accept(int fd, std::string peer) {
    std::size_t& from_peer = per_client_[peer];
    if (from_peer >= options_.connections_per_client) return refuse(fd, peer, "too many connections from this address");
    if (connections() >= options_.connections) {
        // Who says nothing makes room for who may.
        if (idle_.empty()) return refuse(fd, peer, "too many connections");
        forget(*idle_.front());
    }
    ++per_client_[peer];
    auto connection = std::make_shared<Connection>(*this, fd, std::move(peer));
    idle_.push_back(connection);
    connection->stand_in(idle_);
}

void Server::refuse(int fd, const std::string& peer, const std::string& rule) {
    if (per_client_[peer] == 0) per_client_.erase(peer);
    constexpr std::string_view kBusy = "HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\nRetry-After: 30\r\nConnection: close\r\n\r\n";
    [[maybe_unused]] const ssize_t sent = ::send(fd, kBusy.data(), kBusy.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    ::close(fd);
    handler_.on_refused(peer, 503, rule);
}

void Server::forget(Connection& connection) {
    const auto found = per_client_.find(connection.peer());
    assert(found != per_client_.end());
    if (--found->second == 0) per_client_.erase(found);
    connection.leave();
}

/// Nothing when there is no memory left for it.
std::shared_ptr<Server::Tail> Server::tail_of(const std::shared_ptr<const Octets>& octets) {
    if (const auto found = tails_.find(octets.get()); found != tails_.end())
        if (auto tail = found->second.lock()) return tail;
    auto tail = std::make_shared<Tail>(Tail{octets, MemoryShare(budget_)});
    if (!tail->share.resize(octets->size())) return nullptr;
    if (tails_.size() >= clean_tails_at_) {
        std::erase_if(tails_, [](const auto& known) { return known.second.expired(); });
        clean_tails_at_ = kCleanTailsAt + 2 * tails_.size();
    }
    tails_[octets.get()] = tail;
    return tail;
}

std::string_view Server::date() {
    const Instant now = loop_.now();
    const std::int64_t second = now.time_since_epoch().count() / 1000;
    if (second != date_second_) {
        date_second_ = second;
        date_ = date_text(now);
    }
    return date_;
}

}   // namespace mmgate::http
