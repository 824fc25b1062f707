// One TCP connection on the loop, in clear or in TLS, and the listener that accepts them.
//
// Reads with recv (or SSL_read) straight into an evbuffer, up to 256 KiB a turn: libevent 2.1's bufferevents take 4 KiB at most.
// The owner is told of events through StreamEvents; from inside a callback it may destroy the stream.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <string>

#include <event2/buffer.h>

#include "daemon/config.h"
#include "daemon/loop/loop.h"
#include "daemon/loop/tls.h"
#include "mapping/result.h"

namespace mmgate {

using Evbuffer = std::unique_ptr<evbuffer, FreedBy<evbuffer_free>>;

class StreamEvents {
public:
    virtual ~StreamEvents() = default;
    virtual void on_connected() {}   // of connect()
    virtual void on_input() = 0;     // input() grew
    /// The peer sends no more and may still read (a half-closed connection). True keeps the stream for what is to be written; otherwise on_closed follows.
    virtual bool on_input_end() { return false; }
    virtual void on_flushed() {}                             // all that was written has left
    virtual void on_secured() {}                             // the TLS handshake is done; input() is empty
    virtual void on_closed(const std::string& reason) = 0;   // by the peer, an error, or the idle timeout ("timeout"); once
};

class Stream {
public:
    /// Takes over an accepted socket.
    static std::unique_ptr<Stream> accepted(Loop& loop, int fd, std::string peer_address, StreamEvents& events);
    /// Starts to connect to an address literal; failures come through on_closed. Null when no descriptor is left.
    static std::unique_ptr<Stream> connect(Loop& loop, const Endpoint& to, StreamEvents& events);
    virtual ~Stream() = default;

    virtual evbuffer* input() = 0;
    virtual void write(Bytes octets) = 0;
    /// Writes without a copy; `keep` is released when the octets have left.
    virtual void write(std::shared_ptr<const Octets> keep, Bytes octets) = 0;
    virtual std::size_t unsent() const = 0;
    /// Drops what is in input() (RFC 3207 §4.2), then starts the handshake; on_secured or on_closed follows.
    virtual void start_tls(TlsSession session, bool as_server) = 0;
    virtual bool secured() const = 0;
    virtual std::string tls_description() const = 0;   // "TLSv1.3 TLS_AES_256_GCM_SHA384", "" in clear
    virtual TlsPeer tls_peer() const = 0;              // who the other side of a secured stream is
    /// Without progress for this long: on_closed("timeout"). Zero: never. Each read and write begins anew.
    virtual void idle_timeout(std::chrono::milliseconds after) = 0;
    /// Stops and resumes reading: back-pressure.
    virtual void reading(bool on) = 0;
    /// Closes when all is sent, or after a short grace. Further events: only on_closed.
    virtual void close_after_flush() = 0;
    virtual const std::string& peer_address() const = 0;   // literal, IPv4-mapped as IPv4
};

class Listener {
public:
    /// Binds and listens, or takes over a socket that the service manager opened at exactly this address. `on_accept` gets a non-blocking socket and the peer's address literal, and owns the socket.
    /// Out of descriptors it pauses instead of spinning. Fails: internal with the endpoint and the system's word.
    static Result<std::unique_ptr<Listener>> open(Loop& loop, const Endpoint& at, std::function<void(int fd, std::string peer)> on_accept);
    virtual ~Listener() = default;
    virtual Endpoint endpoint() const = 0;   // with the port it really got
};

}   // namespace mmgate
