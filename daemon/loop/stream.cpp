#include "daemon/loop/stream.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cassert>
#include <cerrno>
#include <cstring>

namespace mmgate {

namespace {

constexpr std::size_t kReadAtOnce = 256 * 1024;
constexpr std::size_t kFirstRead = 16 * 1024;
constexpr std::size_t kTlsReadAtOnce = 16 * 1024;   // one TLS record
// An owner that cannot take input stops reading; what piles up all the same is a flood.
constexpr std::size_t kMostInput = 1024 * 1024;
constexpr std::chrono::milliseconds kCloseGrace{2000};
constexpr std::string_view kPeerClosed = "closed by the peer";
constexpr int kBacklog = 1024;
constexpr std::size_t kAcceptsAtOnce = 64;
// Out of descriptors: accepting is tried again after this.
constexpr std::chrono::milliseconds kAcceptPause{200};

struct SocketAddress {
    sockaddr_storage storage{};
    socklen_t length = 0;
};

Result<SocketAddress> socket_address(const Endpoint& endpoint) {
    SocketAddress out;
    auto* v4 = reinterpret_cast<sockaddr_in*>(&out.storage);
    auto* v6 = reinterpret_cast<sockaddr_in6*>(&out.storage);
    if (inet_pton(AF_INET, endpoint.host.c_str(), &v4->sin_addr) == 1) {
        v4->sin_family = AF_INET;
        v4->sin_port = htons(endpoint.port);
        out.length = sizeof *v4;
    } else if (inet_pton(AF_INET6, endpoint.host.c_str(), &v6->sin6_addr) == 1) {
        v6->sin6_family = AF_INET6;
        v6->sin6_port = htons(endpoint.port);
        out.length = sizeof *v6;
    } else {
        return fail(Fault::internal, endpoint.host + " is not an address");
    }
    return out;
}

Endpoint endpoint_of(const sockaddr_storage& storage) {
    std::array<char, INET6_ADDRSTRLEN> text{};
    if (storage.ss_family == AF_INET) {
        const auto& v4 = reinterpret_cast<const sockaddr_in&>(storage);
        inet_ntop(AF_INET, &v4.sin_addr, text.data(), text.size());
        return {text.data(), ntohs(v4.sin_port)};
    }
    const auto& v6 = reinterpret_cast<const sockaddr_in6&>(storage);
    if (IN6_IS_ADDR_V4MAPPED(&v6.sin6_addr)) inet_ntop(AF_INET, v6.sin6_addr.s6_addr + 12, text.data(), text.size());
    else inet_ntop(AF_INET6, &v6.sin6_addr, text.data(), text.size());
    return {text.data(), ntohs(v6.sin6_port)};
}

void send_without_delay(int fd) {
    int on = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
}

class TcpStream final : public Stream {
public:
    TcpStream(Loop& loop, int fd, std::string peer, StreamEvents& events, bool connecting, const std::string& broken = {})
        : loop_(loop), fd_(fd), peer_(std::move(peer)), events_(events), input_(evbuffer_new()), output_(evbuffer_new()), connecting_(connecting) {
        assert(input_ && output_);
        send_without_delay(fd_);
        read_.reset(event_new(
            loop.base(), fd_, EV_READ | EV_PERSIST, [](evutil_socket_t, short, void* self) { static_cast<TcpStream*>(self)->guarded_call(&TcpStream::on_readable); }, this));
        write_.reset(event_new(
            loop.base(), fd_, EV_WRITE | EV_PERSIST, [](evutil_socket_t, short, void* self) { static_cast<TcpStream*>(self)->guarded_call(&TcpStream::on_writable); }, this));
        if (!broken.empty()) fail_soon(broken);
        else if (connecting_) want_write(true);
        else want_read(true);
    }
    ~TcpStream() override {
        if (destroyed_) *destroyed_ = true;
        shut();
    }

    evbuffer* input() override { return input_.get(); }
    void write(Bytes octets) override {
        if (fd_ < 0 || closing_) return;
        evbuffer_add(output_.get(), octets.data(), octets.size());
        flush_soon();
    }
    void write(std::shared_ptr<const Octets> keep, Bytes octets) override {
        if (fd_ < 0 || closing_ || octets.empty()) return;
        auto* held = new std::shared_ptr<const Octets>(std::move(keep));   // freed by the evbuffer when the octets have left
        evbuffer_add_reference(
            output_.get(), octets.data(), octets.size(), [](const void*, size_t, void* arg) { delete static_cast<std::shared_ptr<const Octets>*>(arg); }, held);
        flush_soon();
    }
    std::size_t unsent() const override { return evbuffer_get_length(output_.get()); }

    void start_tls(TlsSession session, bool) override {
        evbuffer_drain(input_.get(), evbuffer_get_length(input_.get()));
        // What the clear socket still holds was written before the handshake began and must not be read after it: the
        // handshake reads it and fails, which is what an injection deserves.
        tls_ = std::move(session);
        if (!tls_ || SSL_set_fd(tls_.get(), fd_) != 1) {
            fail_soon("TLS could not be started");
            return;
        }
        handshaking_ = true;
        flush_soon();
    }
    bool secured() const override { return tls_ && !handshaking_; }
    std::string tls_description() const override {
        return secured() ? std::string(SSL_get_version(tls_.get())) + " " + SSL_get_cipher_name(tls_.get()) : std::string();
    }
    TlsPeer tls_peer() const override { return TlsPeer(secured() ? tls_.get() : nullptr); }
    void idle_timeout(std::chrono::milliseconds after) override {
        idle_ = after;
        touch();
    }
    void reading(bool on) override {
        paused_ = !on;
        want_read(on && !connecting_ && !input_ended_);
        // Octets may lie decrypted in the session, where no event tells of them.
        if (on && tls_ && SSL_pending(tls_.get()) > 0) flush_soon();
    }
    void close_after_flush() override {
        if (fd_ < 0 || closing_) return;
        closing_ = true;
        paused_ = true;
        want_read(false);
        grace_ = loop_.after(kCloseGrace, [this] { close("closed"); });
        flush_soon();
    }
    const std::string& peer_address() const override { return peer_; }

private:
    void guarded_call(void (TcpStream::*step)()) {
        guarded([&] { (this->*step)(); }, [&] { close("internal error"); });
    }
    void shut() {
        read_.reset();
        write_.reset();
        idle_timer_.cancel();
        grace_.cancel();
        soon_.cancel();
        tls_.reset();
        if (fd_ >= 0) ::close(fd_);
        fd_ = -1;
    }
    /// Ends the stream and tells the owner, who may destroy it: nothing of it may be touched afterwards.
    void close(const std::string& reason) {
        if (fd_ < 0) return;
        shut();
        events_.on_closed(reason);
    }
    void fail_soon(std::string reason) {
        soon_ = loop_.after(std::chrono::milliseconds(0), [this, reason = std::move(reason)] { close(reason); });
    }
    void want_read(bool on) {
        if (!read_) return;
        if (on) event_add(read_.get(), nullptr);
        else event_del(read_.get());
    }
    void want_write(bool on) {
        if (!write_ || writing_ == on) return;
        writing_ = on;
        if (on) event_add(write_.get(), nullptr);
        else event_del(write_.get());
    }
    /// Output waits for the end of the callback that runs, so that replies to a pipelined group leave together. The kernel is asked to tell of room
    /// only where it had none.
    void flush_soon() {
        if (write_ && !writing_) event_active(write_.get(), EV_WRITE, 1);
    }

    void touch() {
        if (idle_.count() == 0) {
            idle_timer_.cancel();
            return;
        }
        // One timer that looks back is cheaper than one set anew for each read.
        last_progress_ = std::chrono::steady_clock::now();
        if (!idle_timer_.pending()) arm_idle(idle_);
    }
    void arm_idle(std::chrono::milliseconds wait) {
        idle_timer_ = loop_.after(wait, [this] {
            auto quiet = std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::steady_clock::now() - last_progress_);
            if (quiet + std::chrono::milliseconds(1) >= idle_) close("timeout");
            else arm_idle(idle_ - quiet);
        });
    }

    void on_writable() {
        if (connecting_) {
            int error = 0;
            socklen_t length = sizeof error;
            getsockopt(fd_, SOL_SOCKET, SO_ERROR, &error, &length);
            if (error != 0) return close(std::string("cannot connect: ") + std::strerror(error));
            connecting_ = false;
            touch();
            if (unsent() == 0) want_write(false);
            if (!paused_) want_read(true);
            return events_.on_connected();
        }
        if (handshaking_) return handshake();
        bool destroyed = false;
        destroyed_ = &destroyed;
        const bool had = unsent() > 0;
        bool alive = tls_ ? write_tls() : write_plain();
        if (destroyed) return;
        destroyed_ = nullptr;
        if (!alive) return;
        if (unsent() == 0) {
            want_write(false);
            if (closing_) {
                if (tls_) SSL_shutdown(tls_.get());
                // Our end first; what the peer still sends is taken and dropped until it closes, so that it gets our last reply.
                ::shutdown(fd_, SHUT_WR);
                want_read(true);
                return;
            }
            if (tls_ && SSL_pending(tls_.get()) > 0 && !paused_) return on_readable();
            if (had) events_.on_flushed();
        } else {
            want_write(true);
        }
    }
    bool write_plain() {
        while (unsent() > 0) {
            int n = evbuffer_write(output_.get(), fd_);
            if (n < 0) {
                if (errno == EAGAIN || errno == EINTR) return true;
                close(std::string("cannot write: ") + std::strerror(errno));
                return false;
            }
            touch();
        }
        return true;
    }
    bool write_tls() {
        while (unsent() > 0) {
            evbuffer_iovec piece{};
            evbuffer_peek(output_.get(), -1, nullptr, &piece, 1);
            ERR_clear_error();
            int n = SSL_write(tls_.get(), piece.iov_base, static_cast<int>(std::min<std::size_t>(piece.iov_len, 1 << 20)));
            if (n <= 0) {
                int error = SSL_get_error(tls_.get(), n);
                if (error == SSL_ERROR_WANT_WRITE || error == SSL_ERROR_WANT_READ) return true;
                close("TLS failed while writing");
                return false;
            }
            evbuffer_drain(output_.get(), static_cast<std::size_t>(n));
            touch();
        }
        return true;
    }

    void on_readable() {
        if (handshaking_) return handshake();
        if (closing_) {
            std::array<char, 4096> dropped{};
            ssize_t n = ::recv(fd_, dropped.data(), dropped.size(), 0);
            if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR)) close("closed");
            return;
        }
        if (paused_) return want_read(false);
        if (evbuffer_get_length(input_.get()) > kMostInput) return close("too much input");
        std::string end;
        std::size_t got = tls_ ? read_tls(end) : read_plain(end);
        if (got > 0) {
            touch();
            bool destroyed = false;
            destroyed_ = &destroyed;
            events_.on_input();
            if (destroyed) return;
            destroyed_ = nullptr;
        }
        if (end.empty()) return;
        if (end == kPeerClosed && !tls_) {
            bool destroyed = false;
            destroyed_ = &destroyed;
            const bool keep = events_.on_input_end();
            if (destroyed) return;
            destroyed_ = nullptr;
            if (keep) {
                input_ended_ = true;
                return want_read(false);
            }
        }
        close(end);
    }
    std::size_t read_plain(std::string& end) {
        std::size_t total = 0;
        // Commands are short, and 256 KiB for each would cost more than reading on when there is more.
        for (std::size_t size = kFirstRead; total < kReadAtOnce; size = kReadAtOnce - total) {
            evbuffer_iovec room[1];
            if (evbuffer_reserve_space(input_.get(), static_cast<ev_ssize_t>(size), room, 1) < 1) {
                end = "out of memory";
                return total;
            }
            const std::size_t asked = std::min(room[0].iov_len, kReadAtOnce - total);
            ssize_t n = ::recv(fd_, room[0].iov_base, asked, 0);
            if (n <= 0) {
                if (n == 0) end = kPeerClosed;
                else if (errno != EAGAIN && errno != EINTR) end = std::string("connection lost: ") + std::strerror(errno);
                return total;
            }
            room[0].iov_len = static_cast<std::size_t>(n);
            evbuffer_commit_space(input_.get(), room, 1);
            total += static_cast<std::size_t>(n);
            if (static_cast<std::size_t>(n) < asked) return total;
        }
        return total;
    }
    std::size_t read_tls(std::string& end) {
        std::size_t total = 0;
        while (total < kReadAtOnce) {
            evbuffer_iovec room[1];
            if (evbuffer_reserve_space(input_.get(), kTlsReadAtOnce, room, 1) < 1) {
                end = "out of memory";
                return total;
            }
            ERR_clear_error();
            int n = SSL_read(tls_.get(), room[0].iov_base, static_cast<int>(std::min(room[0].iov_len, kTlsReadAtOnce)));
            if (n <= 0) {
                int error = SSL_get_error(tls_.get(), n);
                if (error == SSL_ERROR_WANT_READ) return total;
                if (error == SSL_ERROR_WANT_WRITE) {
                    flush_soon();
                    return total;
                }
                end = error == SSL_ERROR_ZERO_RETURN ? std::string(kPeerClosed) : "TLS connection lost";
                return total;
            }
            room[0].iov_len = static_cast<std::size_t>(n);
            evbuffer_commit_space(input_.get(), room, 1);
            total += static_cast<std::size_t>(n);
        }
        flush_soon();   // more may lie decrypted: look again next turn, after the others
        return total;
    }
    void handshake() {
        // The reply that announced TLS leaves in clear first.
        if (unsent() > 0 && !flushed_before_tls_) {
            if (!write_plain()) return;
            if (unsent() > 0) return want_write(true);
        }
        flushed_before_tls_ = true;
        ERR_clear_error();
        int n = SSL_do_handshake(tls_.get());
        if (n == 1) {
            handshaking_ = false;
            touch();
            want_write(false);
            want_read(!paused_);
            if (unsent() > 0 || SSL_pending(tls_.get()) > 0) flush_soon();
            return events_.on_secured();
        }
        int error = SSL_get_error(tls_.get(), n);
        if (error == SSL_ERROR_WANT_READ) {
            want_write(false);
            want_read(true);
        } else if (error == SSL_ERROR_WANT_WRITE) {
            want_write(true);
        } else {
            const char* reason = ERR_reason_error_string(ERR_peek_error());
            std::string text = std::string("TLS handshake failed: ") + (reason ? reason : "connection lost");
            ERR_clear_error();
            close(text);
        }
    }

    Loop& loop_;
    int fd_;
    std::string peer_;
    StreamEvents& events_;
    Evbuffer input_, output_;
    EventHandle read_, write_;
    TlsSession tls_;
    Timer idle_timer_, grace_, soon_;
    std::chrono::milliseconds idle_{0};
    std::chrono::steady_clock::time_point last_progress_{};
    bool* destroyed_ = nullptr;   // set by the destructor while one of our callbacks runs
    bool connecting_ = false;
    bool handshaking_ = false;
    bool flushed_before_tls_ = false;
    bool writing_ = false;
    bool paused_ = false;
    bool input_ended_ = false;
    bool closing_ = false;
};

class TcpListener final : public Listener {
public:
    TcpListener(Loop& loop, int fd, Endpoint endpoint, std::function<void(int, std::string)> on_accept)
        : loop_(loop), fd_(fd), endpoint_(std::move(endpoint)), on_accept_(std::move(on_accept)) {
        event_.reset(event_new(
            loop.base(), fd_, EV_READ | EV_PERSIST,
            [](evutil_socket_t, short, void* arg) {
                auto* self = static_cast<TcpListener*>(arg);
                guarded([&] { self->accept_some(); });
            },
            this));
        event_add(event_.get(), nullptr);
    }
    ~TcpListener() override {
        event_.reset();
        ::close(fd_);
    }
    Endpoint endpoint() const override { return endpoint_; }

private:
    void accept_some() {
        for (std::size_t i = 0; i < kAcceptsAtOnce; ++i) {
            sockaddr_storage peer{};
            socklen_t length = sizeof peer;
            int fd = ::accept4(fd_, reinterpret_cast<sockaddr*>(&peer), &length, SOCK_NONBLOCK | SOCK_CLOEXEC);
            if (fd >= 0) {
                on_accept_(fd, endpoint_of(peer).host);
                continue;
            }
            if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
                // The connection stays in the backlog; without a pause the loop would spin on it.
                event_del(event_.get());
                resume_ = loop_.after(kAcceptPause, [this] { event_add(event_.get(), nullptr); });
            }
            return;
        }
    }

    Loop& loop_;
    int fd_;
    Endpoint endpoint_;
    std::function<void(int, std::string)> on_accept_;
    EventHandle event_;
    Timer resume_;
};

}   // namespace

std::unique_ptr<Stream> Stream::accepted(Loop& loop, int fd, std::string peer_address, StreamEvents& events) {
    return std::make_unique<TcpStream>(loop, fd, std::move(peer_address), events, false);
}

std::unique_ptr<Stream> Stream::connect(Loop& loop, const Endpoint& to, StreamEvents& events) {
    auto address = socket_address(to);
    std::string broken = address ? std::string() : address.error().rule;
    int fd = ::socket(address ? address->storage.ss_family : AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) return nullptr;
    // A failure at once is told like one that comes later: through on_closed.
    if (address && ::connect(fd, reinterpret_cast<const sockaddr*>(&address->storage), address->length) != 0 && errno != EINPROGRESS)
        broken = std::string("cannot connect: ") + std::strerror(errno);
    return std::make_unique<TcpStream>(loop, fd, to.host, events, true, broken);
}

Result<std::unique_ptr<Listener>> Listener::open(Loop& loop, const Endpoint& at, std::function<void(int, std::string)> on_accept) {
    auto address = socket_address(at);
    if (!address) return fail(address.error());
    if (const int given = loop.inherited().open(address->storage); given >= 0)
        return std::unique_ptr<Listener>(new TcpListener(loop, given, at, std::move(on_accept)));
    int fd = ::socket(address->storage.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    auto broken = [&](const char* what) {
        std::string reason = std::string(what) + " " + to_text(at) + ": " + std::strerror(errno);
        if (fd >= 0) ::close(fd);
        return fail(Fault::internal, std::move(reason));
    };
    if (fd < 0) return broken("cannot open a socket for");
    int on = 1;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (address->storage.ss_family == AF_INET6) setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on);
    if (::bind(fd, reinterpret_cast<const sockaddr*>(&address->storage), address->length) != 0) return broken("cannot bind");
    if (::listen(fd, kBacklog) != 0) return broken("cannot listen on");
    sockaddr_storage bound{};
    socklen_t length = sizeof bound;
    getsockname(fd, reinterpret_cast<sockaddr*>(&bound), &length);
    return std::unique_ptr<Listener>(new TcpListener(loop, fd, endpoint_of(bound), std::move(on_accept)));
}

}   // namespace mmgate
