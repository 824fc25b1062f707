#include "daemon/smtp/server.h"

#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cassert>

#include <event2/buffer.h>

namespace mmgate::smtp {

namespace {

// Deadlines are of seconds and minutes: looking once a second is exact enough.
constexpr std::chrono::milliseconds kLook{1000};
// Who does not take our replies gets no more of them.
constexpr std::size_t kMostUnsent = 64 * 1024;

}   // namespace

class Server::Connection final : public StreamEvents, public std::enable_shared_from_this<Connection> {
public:
    Connection(Server& server, int fd, std::string peer, ClientRights rights, std::vector<std::string> candidates)
        : candidates(std::move(candidates)), number(server.next_number_++), server_(server), config_(server.config_), session_(server.rules_, server, server.memory_, peer, rights), began_(server.loop_.now()), since_(began_), stream_(Stream::accepted(server.loop_, fd, std::move(peer), *this)) {
        // A turn later, so that octets that are here already show who speaks first.
        greeting_ = server.loop_.after(std::chrono::milliseconds(0), [this] { act(session_.greet()); });
    }

    const std::string& peer() const { return stream_->peer_address(); }
    Instant began() const { return began_; }
    Connections::iterator place;                 // in the server's list
    const std::vector<std::string> candidates;   // peers that it counts for
    const std::uint64_t number;

    void on_input() override { pump(); }
    void on_flushed() override {
        if (!reading_ && session_.phase() != Phase::waiting) {
            read_on(true);
            pump();
        }
    }
    void on_secured() override {
        auto certificate = server_.certificate_of(*stream_);
        server_.log_.debug("-", "smtp-tls", {{"client", peer()}, {"tls", stream_->tls_description()}, {"certificate", certificate ? certificate->subject : "none"}});
        since_ = server_.loop_.now();
        act(session_.secured(std::move(certificate)));
    }
    void on_closed(const std::string& reason) override {
        if (session_.phase() != Phase::closed && session_.phase() != Phase::commands) server_.log_.info("-", "smtp-lost", {{"client", peer()}, {"reason", reason}});
        server_.forget(*this);   // ends this
    }

    void end(ReplyId reason) {
        greeting_.cancel();
        act(session_.end(reason));
    }

    void look_at_clock(Instant now) {
        switch (session_.phase()) {
            case Phase::closed:    // the stream's own grace ends it
            case Phase::waiting:   // the store answers, and whoever waits for it is not to blame
                return;
            case Phase::securing:
                if (now - since_ > kHandshake) server_.forget(*this);
                return;
            case Phase::commands:
                if (now - since_ > config_->smtp_idle) return end(ReplyId::idle);
                if (now - began_ > config_->smtp_session && session_.between_transactions()) return end(ReplyId::session_over);
                return;
            case Phase::content: {
                const auto lasted = std::chrono::duration_cast<Seconds>(now - since_);
                const bool crawls = lasted > kRateHoldsAfter && session_.content_seen() < kSlowestBytesPerSecond * static_cast<std::uint64_t>(lasted.count());
                if (lasted > config_->smtp_data || crawls) return end(ReplyId::too_slow);
                return;
            }
        }
    }

private:
    void read_on(bool on) {
        if (reading_ == on) return;
        reading_ = on;
        stream_->reading(on);
    }

    void pump() {
        if (pumping_) return;
        const auto self = shared_from_this();   // what a step leads to may end us
        pumping_ = true;
        const std::uint64_t commands_before = session_.commands();
        const Phase phase_before = session_.phase();
        greeting_.cancel();   // who has spoken first is not greeted
        evbuffer* const input = stream_->input();
        while (session_.phase() == Phase::commands || session_.phase() == Phase::content) {
            if (stream_->unsent() > kMostUnsent) {
                read_on(false);
                break;
            }
            evbuffer_iovec piece{};
            if (evbuffer_peek(input, -1, nullptr, &piece, 1) < 1 || piece.iov_len == 0) break;
            SessionStep step = session_.received(Bytes(static_cast<const char*>(piece.iov_base), piece.iov_len), evbuffer_get_length(input) - piece.iov_len);
            evbuffer_drain(input, step.consumed);
            act(std::move(step));
        }
        pumping_ = false;
        // A deadline begins anew with what is achieved.
        if (session_.commands() != commands_before || session_.phase() != phase_before) since_ = server_.loop_.now();
    }

    void act(SessionStep step) {
        for (Refusal& refusal : step.refusals) tell(refusal);
        if (step.authenticated) server_.log_.info("-", "smtp-authenticated", {{"client", peer()}, {"user", *step.authenticated}});
        if (!step.replies.empty()) stream_->write(step.replies);
        switch (step.next) {
            case Next::read: return;
            case Next::wait:
                if (step.mail) hand_over(std::move(*step.mail));
                return;
            case Next::start_tls:
                since_ = server_.loop_.now();
                return stream_->start_tls(server_.tls_ ? server_.tls_->accept_session(session_.certificate_wanted() ? ClientCertificate::asked : ClientCertificate::not_asked) : nullptr, true);
            case Next::close: return stream_->close_after_flush();
        }
    }

    void hand_over(IncomingMail mail) {
        // Nothing is taken meanwhile, and a client that has said all and shut its side still gets its answer.
        read_on(false);
        server_.metrics_.add(Counter::smtp_recipients, mail.envelope.recipients.size());
        // Shared by the copies that a std::function makes of its target; the memory counts until the mail is through.
        auto memory = std::make_shared<MemoryShare>(std::move(mail.memory));
        server_.taker_(std::move(mail.envelope), std::move(mail.octets), [connection = weak_from_this(), memory](Accepted result) {
            if (auto self = connection.lock()) self->answered(result);
        });
    }

    void answered(const Accepted& result) {
        act(session_.answered(result));
        since_ = server_.loop_.now();
        if (pumping_ || session_.phase() == Phase::closed) return;
        read_on(true);
        pump();
    }

    void tell(const Refusal& refusal) {
        if (refusal.what != Refusal::What::command) server_.metrics_.add(Counter::smtp_rejected);
        if (refusal.what == Refusal::What::smuggling) server_.metrics_.add(Counter::smtp_smuggling);
        // "550 5.7.1 text": the code stands behind the first space.
        const std::string_view enhanced = std::string_view(refusal.reply).substr(std::min<std::size_t>(refusal.reply.size(), 4));
        server_.metrics_.statuses().gave(mmgate::Door::smtp_in, enhanced.substr(0, enhanced.find(' ')));
        const std::string_view event = refusal.what == Refusal::What::command ? "smtp-refused" : refusal.what == Refusal::What::mail ? "mail-refused"
                                                                                                                                     : "smtp-smuggling";
        if (refusal.address) server_.log_.notice("-", event, {{"client", peer()}, {"command", refusal.verb}, {"address", *refusal.address}, {"reply", refusal.reply}});
        else server_.log_.notice("-", event, {{"client", peer()}, {"command", refusal.verb}, {"reply", refusal.reply}});
    }

    Server& server_;
    std::shared_ptr<const Config> config_;   // the one under which the session began
    Session session_;
    const Instant began_;
    Instant since_;   // when the last thing was achieved
    bool pumping_ = false;
    bool reading_ = true;
    Timer greeting_;
    std::unique_ptr<Stream> stream_;   // goes first
};

Server::Server(Loop& loop, const Store& store, MemoryBudget& memory, Taker taker, const Admission& admission, Log& log, Metrics& metrics)
    : loop_(loop), store_(store), memory_(memory), taker_(std::move(taker)), admission_(admission), log_(log), metrics_(metrics) {}
Server::~Server() = default;

Result<void> Server::admits(std::uint64_t size_bytes) const {
    auto admitted = store_.admits(size_bytes);
    if (!admitted && admitted.error().fault == Fault::storage_full) metrics_.add(Counter::store_full);
    return admitted;
}

Result<void> Server::configure(std::shared_ptr<const Config> config, std::shared_ptr<const Router> router) {
    if (auto listening = listen(config->smtp_listen); !listening) return listening;
    const TlsOffer offer = load_certificate(*config);
    rules_ = std::make_shared<const SessionRules>(session_rules(*config, offer));
    identity_ = std::make_shared<const mm4::Identity>(*config);
    load_authorities();
    rates_.clear();
    config_ = std::move(config);
    router_ = std::move(router);
    return {};
}

void Server::load_authorities() {
    authorities_.clear();
    for (const std::string& file : identity_->authorities()) {
        if (auto loaded = TlsAuthorities::of(file)) authorities_.push_back(std::move(*loaded));
        else log_.error("-", "smtp-authorities", {{"reason", loaded.error().rule}, {"consequence", "peers whose certificates come from them are not known"}});
    }
}

std::optional<CertificateFacts> Server::certificate_of(const Stream& stream) const {
    const TlsPeer peer = stream.tls_peer();
    if (!peer.has_certificate()) return std::nullopt;
    std::vector<const TlsAuthorities*> authorities;
    for (const TlsAuthorities& one : authorities_) authorities.push_back(&one);
    return peer.facts(authorities);
}

bool Server::takes_message_of(const std::vector<std::string>& peers) {
    const Instant now = loop_.now();
    bool takes = false;
    for (const std::string& name : peers) {
        const Peer* peer = identity_->named(name);
        TokenBucket& rate = rates_.try_emplace(name, peer ? peer->inbound_rate : 0, now).first->second;
        if (rate.available(now) == 0) continue;
        takes = true;
        rate.take(now);
    }
    return takes;
}

/// Whether one of them may have one more connection, or there are none of them.
bool Server::has_room_for(const std::vector<std::string>& peers) const {
    const auto has_room = [&](const std::string& name) {
        const auto there = per_peer_.find(name);
        const Peer* peer = identity_->named(name);
        return there == per_peer_.end() || !peer || there->second < peer->inbound_connections;
    };
    return peers.empty() || std::ranges::any_of(peers, has_room);
}

TlsOffer Server::load_certificate(const Config& config) {
    if (config.tls_mode == TlsMode::off || (config.tls_certificate.empty() && config.tls_mode != TlsMode::required)) {
        tls_.reset();
        return TlsOffer::none;
    }
    auto loaded = TlsContext::server(config.tls_certificate, config.tls_key);
    const TlsOffer usable = config.tls_mode == TlsMode::required ? TlsOffer::required : TlsOffer::offered;
    if (loaded) {
        tls_ = std::move(*loaded);
        return usable;
    }
    // The certificate of the last configuration is better than none.
    log_.error("-", "smtp-certificate", {{"reason", loaded.error().rule}, {"consequence", tls_ ? "the one read before stays in use" : "STARTTLS is answered 454"}});
    return tls_ ? usable : TlsOffer::broken;
}

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
    // Nothing can fail any more: those that stay move over.
    for (Door& door : next) {
        if (door.listener) continue;
        const auto old = std::ranges::find_if(doors_, [&](const Door& d) { return d.listener && d.wanted == door.wanted; });
        assert(old != doors_.end());
        door.listener = std::move(old->listener);
    }
    doors_ = std::move(next);
    return {};
}

std::vector<Endpoint> Server::endpoints() const {
    std::vector<Endpoint> out;
    for (const Door& door : doors_) out.push_back(door.listener->endpoint());
    return out;
}

Associations Server::associations() const {
    return associations_of(connections_, connections_.size(), next_number_ - 1, [](const auto& connection) { return Association{connection->number, connection->peer(), connection->began()}; });
}

void Server::drain() {
    draining_ = true;
    doors_.clear();
    const Connections all = connections_;
    for (const auto& connection : all) connection->end(ReplyId::shutting_down);
}

void Server::accept(int fd, std::string peer) {
    const auto from_peer = per_client_.find(peer);
    const bool too_many_from_peer = from_peer != per_client_.end() && from_peer->second >= config_->smtp_connections_per_client;
    if (draining_) return turn_away(fd, peer, ReplyId::shutting_down);
    if (too_many_from_peer || connections_.size() >= config_->smtp_connections) return turn_away(fd, peer, ReplyId::too_many_connections);
    mm4::SessionFacts facts;
    facts.client = peer;
    std::vector<std::string> candidates = identity_->standing_of(facts).candidates;
    if (!has_room_for(candidates)) return turn_away(fd, peer, ReplyId::too_many_connections);
    for (const std::string& one : candidates) ++per_peer_[one];
    ++per_client_[peer];
    metrics_.add(Counter::smtp_connections);
    const ClientRights rights = contains(config_->smtp_networks, peer) ? ClientRights::may_send : ClientRights::denied;
    auto connection = std::make_shared<Connection>(*this, fd, std::move(peer), rights, std::move(candidates));
    connections_.push_back(connection);
    connection->place = std::prev(connections_.end());
    look_later();
}

void Server::turn_away(int fd, const std::string& peer, ReplyId why) {
    metrics_.add(Counter::smtp_refused_connections);
    Octets reply;
    append_reply(reply, why);
    log_.notice("-", "smtp-turned-away", {{"client", peer}, {"connections", connections_.size()}, {"reply", std::string_view(reply).substr(0, reply.size() - 2)}});
    [[maybe_unused]] const ssize_t sent = ::send(fd, reply.data(), reply.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    ::close(fd);
}

void Server::forget(Connection& connection) {
    const auto found = per_client_.find(connection.peer());
    assert(found != per_client_.end());
    if (--found->second == 0) per_client_.erase(found);
    for (const std::string& one : connection.candidates) {
        const auto counted = per_peer_.find(one);
        if (counted != per_peer_.end() && --counted->second == 0) per_peer_.erase(counted);
    }
    connections_.erase(connection.place);
}

void Server::look_later() {
    if (!clock_.pending() && !connections_.empty()) clock_ = loop_.after(kLook, [this] { look_at_clock(); });
}

void Server::look_at_clock() {
    const Instant now = loop_.now();
    const Connections all = connections_;   // ends some of them
    for (const auto& connection : all) connection->look_at_clock(now);
    look_later();
}

}   // namespace mmgate::smtp
