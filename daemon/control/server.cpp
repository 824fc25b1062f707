#include "daemon/control/server.h"

#include <pwd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

#include "config.h"
#include "daemon/control/message_json.h"
#include "daemon/loop/stream.h"

namespace mmgate::control {

namespace {

constexpr std::size_t kMostSessions = 64;
constexpr std::size_t kUnsentBytes = 256 * 1024;   // above it no further piece is made
constexpr std::size_t kUnreadEvents = 64 * 1024;   // octets; who leaves more unread is dropped
constexpr std::chrono::milliseconds kReaderPatience{30'000};
constexpr std::chrono::milliseconds kIdle{300'000};
constexpr std::chrono::milliseconds kAcceptPause{1'000};

std::optional<uid_t> uid_of(const std::string& name) {
    passwd entry{};
    passwd* found = nullptr;
    std::array<char, 16384> buffer{};
    if (getpwnam_r(name.c_str(), &entry, buffer.data(), buffer.size(), &found) != 0 || !found) return std::nullopt;
    return found->pw_uid;
}

}   // namespace

/// What the credentials of the other side allow.
enum class Server::Rights : std::uint8_t { none,
                                           monitor,
                                           all };

/// One connection: one request at a time, answered piece by piece as fast as the other side reads.
class Server::Session final : public StreamEvents, public std::enable_shared_from_this<Session> {
public:
    Session(Server& server, std::uint64_t number, int fd, ucred peer, Rights rights) : server_(server), number_(number), peer_(peer), rights_(rights) {
        stream_ = Stream::accepted(server.loop_, fd, "control", *this);
        stream_->idle_timeout(kIdle);
        stream_->write(encode_hello(kVersion));
    }

    void refuse(Exit code, std::string text) {
        stream_->write(encode_end({code, 0, std::move(text)}));
        stream_->close_after_flush();
    }

    bool follows() const { return follows_; }
    const ucred& peer() const { return peer_; }
    /// False: it reads too little of what it is told.
    bool tell(const std::string& line) {
        if (stream_->unsent() + line.size() > kUnreadEvents) return false;
        stream_->write(line);
        return true;
    }

    void on_input() override {
        if (taking_) return;
        if (busy_ && octets_left_ > 0) return take_octets();
        if (follows_) {   // has nothing more to say
            evbuffer_drain(stream_->input(), evbuffer_get_length(stream_->input()));
            return;
        }
        taking_ = true;
        while (!busy_ && take_line()) continue;
        taking_ = false;
    }
    void on_flushed() override {
        if (waits_for_reader_) {
            waits_for_reader_ = false;
            next_piece();
        }
    }
    void on_closed(const std::string& reason) override {
        if (reason == "timeout" && waits_for_reader_) server_.log_.warning("-", "control-reader-dropped", {{"uid", peer_.uid}, {"pid", peer_.pid}});
        server_.forget(number_);   // this is destroyed here
    }

private:
    bool take_line() {
        evbuffer* input = stream_->input();
        std::size_t length = 0;
        std::unique_ptr<char, FreedBy<free>> line(evbuffer_readln(input, &length, EVBUFFER_EOL_LF));
        if (length >= kRequestBytes || (!line && evbuffer_get_length(input) >= kRequestBytes)) {
            busy_ = true;   // for good
            refuse(Exit::usage, "the request is longer than 64 KiB");
        } else if (line) {
            begin(decode_request({line.get(), length}));
        }
        return line != nullptr;
    }

    void begin(Result<Request> request) {
        busy_ = true;
        stream_->reading(false);
        stream_->idle_timeout(std::chrono::milliseconds(0));   // it is our turn
        request_ = {};
        count_ = missing_ = 0;
        if (!request) return finish({Exit::usage, 0, request.error().rule});
        request_ = std::move(*request);
        if (auto denial = denied()) {
            server_.metrics_.add(Counter::control_refused);
            server_.log_.warning("-", "control-refused", {{"verb", spec_of(request_.verb).name}, {"uid", peer_.uid}, {"pid", peer_.pid}, {"actor", request_.actor}});
            request_ = {};
            return finish(std::move(*denial));
        }
        switch (request_.verb) {
            case Verb::reload: return reload();
            case Verb::stats: return stats();
            case Verb::alarms: return alarms();
            case Verb::events: return follow();
            default: break;
        }
        octets_.clear();
        octets_left_ = request_.octets;
        if (octets_left_ > 0) {
            stream_->reading(true);
            stream_->idle_timeout(kReaderPatience);
            return take_octets();
        }
        if (!is_of_store(request_.verb)) return ask_parts();
        cursor_ = {};
        cursor_.request = request_;
        next_piece();
    }

    /// Those that follow an import.
    void take_octets() {
        evbuffer* input = stream_->input();
        const std::size_t before = octets_.size(), now = static_cast<std::size_t>(std::min<std::uint64_t>(octets_left_, evbuffer_get_length(input)));
        octets_.resize(before + now);
        evbuffer_remove(input, octets_.data() + before, now);
        octets_left_ -= now;
        if (octets_left_ > 0) return;
        stream_->reading(false);
        stream_->idle_timeout(std::chrono::milliseconds(0));
        ask_parts();
    }

    void ask_parts() {
        server_.callbacks_.parts(request_, std::exchange(octets_, {}), [weak = weak_from_this()](const std::string& lines, std::uint64_t count, End end) {
            auto self = weak.lock();
            if (!self) return;
            self->stream_->write(lines);
            self->count_ = count;
            self->finish(std::move(end));
        });
    }

    std::optional<End> denied() const {
        const VerbSpec& spec = spec_of(request_.verb);
        const bool over_snmp = !request_.actor.empty();
        if (over_snmp && !server_.snmp_control_) return End{Exit::not_allowed, 0, "SNMP may not control this gateway: snmp.control is false"};
        if (rights_ == Rights::all || spec.monitors || over_snmp) return std::nullopt;
        return End{Exit::not_allowed, 0, "snmp.user may ask for stats, alarms and events only"};
    }

    void stats() {
        server_.telemetry_.ask([weak = weak_from_this()](Figures figures) {
            auto self = weak.lock();
            if (!self) return;
            self->stream_->write(encode_figures(figures));
            self->count_ = 1;
            self->finish({});
        });
    }

    void alarms() {
        for (const Alarm& alarm : server_.telemetry_.alarms()) {
            stream_->write(encode_alarm(alarm));
            ++count_;
        }
        finish({});
    }

    void follow() {
        const Telemetry& telemetry = server_.telemetry_;
        Notice notice;
        notice.at = server_.loop_.now();
        notice.version = kVersion;
        notice.started = telemetry.started();
        notice.health = telemetry.health();
        notice.text = telemetry.reason();
        stream_->write(encode_notice(notice));
        for (const Alarm& alarm : telemetry.alarms()) {
            notice.what = Notice::What::alarm_raised;
            notice.alarm = alarm;
            stream_->write(encode_notice(notice));
        }
        notice.what = Notice::What::ready;
        stream_->write(encode_notice(notice));
        follows_ = true;
        stream_->reading(true);   // so that its end is seen
    }

    void reload() {
        Reloaded done = server_.callbacks_.reload();
        for (const std::string& line : done.lines) stream_->write(text_line(line));
        count_ = done.lines.size();
        finish({done.ok ? Exit::done : Exit::configuration, 0, done.ok ? "" : "the configuration has errors; the old one stays in force"});
    }

    void next_piece() {
        server_.workers_.run([answers = server_.answers_, cursor = cursor_, now = server_.loop_.now()]() mutable { return answers->next(std::move(cursor), now); },
                             [weak = weak_from_this()](Piece piece) {
                                 if (auto self = weak.lock()) self->take(std::move(piece));
                             });
    }

    void take(Piece piece) {
        stream_->write(piece.octets);
        count_ += piece.count;
        missing_ += piece.missing;
        // Octets that were announced and cannot be had: only the end of the connection tells the other side.
        if (piece.failed && cursor_.backup) return stream_->close_after_flush();
        if (piece.failed) return finish(*piece.failed);
        cursor_ = std::move(piece.cursor);
        last_ = piece.last;
        if (piece.change.empty()) return proceed();
        change(std::move(piece.change));
    }

    void change(std::vector<QueueId> ids) {
        std::vector<Operation> operations;
        for (QueueId id : ids) operations.push_back(operation_of(request_, id, server_.loop_.now()));
        server_.committer_.submit(std::move(operations), [weak = weak_from_this(), ids = std::move(ids)](Result<std::vector<Outcome>> outcomes) {
            if (auto self = weak.lock()) self->changed(ids, outcomes);
        });
    }

    void changed(const std::vector<QueueId>& ids, const Result<std::vector<Outcome>>& outcomes) {
        if (!outcomes) {
            bool later = outcomes.error().fault == Fault::storage_full || outcomes.error().fault == Fault::overloaded;
            return finish({later ? Exit::busy : Exit::io, 0, outcomes.error().rule});
        }
        Verb verb = request_.verb;
        for (std::size_t i = 0; i < ids.size(); ++i) {
            std::size_t recipients = (*outcomes)[i].changed;
            if (recipients == 0) continue;
            stream_->write(changed_line(ids[i], recipients));
            server_.log_.info(to_text(ids[i]), "operator", {{"verb", spec_of(verb).name}, {"recipients", recipients}, {"uid", peer_.uid}});
            if (verb == Verb::erase) server_.metrics_.add(Counter::deleted, recipients);
            ++count_;
        }
        proceed();
    }

    /// Goes on, waits for the reader, or ends.
    void proceed() {
        if (last_) return finish(verdict(request_, count_, missing_));
        if (stream_->unsent() < kUnsentBytes) return next_piece();
        waits_for_reader_ = true;
        stream_->idle_timeout(kReaderPatience);
    }

    void finish(End end) {
        end.count = count_;
        const Verb verb = request_.verb;
        const VerbSpec& spec = spec_of(verb);
        if (spec.changes && !request_.dry_run) audit(spec, end);
        if (count_ > 0 && !request_.dry_run && (verb == Verb::release || verb == Verb::retry || verb == Verb::undelete)) server_.callbacks_.try_now();
        cursor_ = {};
        stream_->write(encode_end(end));
        busy_ = false;
        stream_->idle_timeout(kIdle);
        stream_->reading(true);
        on_input();   // the next request may be here already
    }

    void audit(const VerbSpec& spec, const End& end) {
        const std::string actor = request_.actor.empty() ? "uid " + std::to_string(peer_.uid) : "snmp " + request_.actor;
        server_.log_.notice("-", "control",
                            {{"verb", spec.name}, {"name", request_.peer}, {"uid", peer_.uid}, {"pid", peer_.pid}, {"actor", actor}, {"count", count_}, {"code", static_cast<int>(end.code)}});
        Notice notice;
        notice.what = Notice::What::control;
        notice.at = server_.loop_.now();
        notice.verb = spec.name;
        notice.actor = actor;
        notice.count = count_;
        notice.code = end.code;
        notice.text = end.text;
        server_.publish(notice);
    }

    Server& server_;
    const std::uint64_t number_;
    const ucred peer_;
    const Rights rights_;
    std::unique_ptr<Stream> stream_;
    bool taking_ = false, busy_ = false, waits_for_reader_ = false, last_ = false, follows_ = false;
    Request request_;
    Cursor cursor_;
    std::uint64_t count_ = 0, missing_ = 0;
    Octets octets_;   // of an import
    std::uint64_t octets_left_ = 0;
};

Server::Server(Loop& loop, Workers& workers, Store& store, Committer& committer, Metrics& metrics, Telemetry& telemetry, const Names& names, Log& log, Callbacks callbacks)
    : loop_(loop), workers_(workers), store_(store), committer_(committer), metrics_(metrics), telemetry_(telemetry), names_(names), log_(log), callbacks_(std::move(callbacks)) {}

Server::~Server() {
    sessions_.clear();
    accept_.reset();
    if (fd_ >= 0) {
        ::unlink(path_.c_str());
        ::close(fd_);
    }
}

Result<std::unique_ptr<Server>> Server::open(Loop& loop, Workers& workers, Store& store, Committer& committer, Metrics& metrics, Telemetry& telemetry, const Names& names, Log& log,
                                             const Config& config, Callbacks callbacks) {
    std::unique_ptr<Server> server(new Server(loop, workers, store, committer, metrics, telemetry, names, log, std::move(callbacks)));
    server->reconfigure(config);
    if (auto listening = server->listen(config.control); !listening) return fail(listening.error());
    return server;
}

void Server::reconfigure(const Config& config) {
    answers_ = std::make_shared<const Answers>(store_, names_, config);
    allowed_ = {0, geteuid()};
    for (const std::string& name : config.control_users) {
        auto uid = uid_of(name);
        if (uid) allowed_.insert(*uid);
        else log_.warning("-", "control-user-unknown", {{"key", "gateway.control_users"}, {"name", name}});
    }
    monitor_ = config.snmp_user.empty() ? std::nullopt : uid_of(config.snmp_user);
    if (!monitor_ && !config.snmp_user.empty()) log_.warning("-", "control-user-unknown", {{"key", "snmp.user"}, {"name", config.snmp_user}});
    snmp_control_ = config.snmp_control;
}

Result<void> Server::listen(const std::string& path) {
    auto broken = [&](const std::string& what) { return fail(Fault::internal, "control socket " + path + ": " + what); };
    auto system_says = [&](const char* what) { return broken(std::string(what) + ": " + std::strerror(errno)); };
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if (path.size() >= sizeof address.sun_path) return broken("the path is too long");
    path.copy(address.sun_path, path.size());
    auto* generic = reinterpret_cast<sockaddr*>(&address);
    if (std::size_t slash = path.rfind('/'); slash != std::string::npos && slash > 0) ::mkdir(path.substr(0, slash).c_str(), 0750);

    int fd = ::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) return system_says("no socket");
    struct stat status {};
    if (::lstat(path.c_str(), &status) == 0) {
        if (!S_ISSOCK(status.st_mode)) return ::close(fd), broken("something else is there already");
        // Left behind by a gateway that was killed, or another one's that runs.
        if (::connect(fd, generic, sizeof address) == 0 || errno == EAGAIN) return ::close(fd), broken("another gateway answers there");
        if (errno != ECONNREFUSED) return ::close(fd), system_says("cannot tell whose it is");
        ::unlink(path.c_str());
    }
    // Nobody connects before listen, so the mode is right from the first connection on.
    if (::bind(fd, generic, sizeof address) != 0 || ::chmod(path.c_str(), 0660) != 0 || ::listen(fd, 64) != 0) {
        auto error = system_says("cannot listen");
        ::close(fd);
        return error;
    }
    fd_ = fd;
    path_ = path;
    accept_.reset(event_new(
        loop_.base(), fd_, EV_READ | EV_PERSIST, [](evutil_socket_t, short, void* self) { guarded([&] { static_cast<Server*>(self)->on_connection(); }); }, this));
    event_add(accept_.get(), nullptr);
    return {};
}

void Server::on_connection() {
    int fd = ::accept4(fd_, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd >= 0) return admit(fd);
    if (errno == EAGAIN || errno == EINTR || errno == ECONNABORTED) return;
    // Out of descriptors: the connection waits in the queue instead of waking us without end.
    log_.error("-", "control-accept-failed", {{"reason", std::strerror(errno)}});
    event_del(accept_.get());
    pause_ = loop_.after(kAcceptPause, [this] { event_add(accept_.get(), nullptr); });
}

void Server::admit(int fd) {
    ucred peer{};
    socklen_t length = sizeof peer;
    bool known = ::getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &length) == 0;
    std::uint64_t number = ++last_number_;
    const Rights rights = !known ? Rights::none : allowed_.contains(peer.uid) ? Rights::all
                                              : monitor_ == peer.uid          ? Rights::monitor
                                                                              : Rights::none;
    auto session = std::make_shared<Session>(*this, number, fd, peer, rights);
    sessions_.emplace(number, session);
    if (rights == Rights::none) {
        metrics_.add(Counter::control_refused);
        log_.warning("-", "control-refused", {{"uid", peer.uid}, {"pid", peer.pid}});
        session->refuse(Exit::not_allowed, "you may not: root, the gateway's own user and gateway.control_users may");
    } else if (sessions_.size() > kMostSessions) {
        session->refuse(Exit::busy, "too many connections to the control socket");
    }
}

void Server::publish(const Notice& notice) {
    const std::string line = encode_notice(notice);
    std::vector<std::uint64_t> dropped;
    for (const auto& [number, session] : sessions_)
        if (session->follows() && !session->tell(line)) dropped.push_back(number);
    for (std::uint64_t number : dropped) {
        const ucred peer = sessions_.at(number)->peer();
        log_.warning("-", "control-reader-dropped", {{"uid", peer.uid}, {"pid", peer.pid}, {"reason", "it does not read its events"}});
        sessions_.erase(number);
    }
}

void Server::publish(const Telemetry::Change& change) {
    Notice notice;
    notice.at = loop_.now();
    for (const AlarmChange& one : change.alarms) {
        notice.what = one.raised ? Notice::What::alarm_raised : Notice::What::alarm_cleared;
        notice.alarm = one.alarm;
        publish(notice);
    }
    notice.what = Notice::What::health;
    notice.alarm = {};
    notice.health = change.health;
    notice.text = change.reason;
    publish(notice);
}

void Server::forget(std::uint64_t number) { sessions_.erase(number); }

}   // namespace mmgate::control
