#include "snmp/gateway_link.h"

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace mmgate::snmp {

namespace {

constexpr std::size_t kReadBytes = 64 * 1024;
constexpr int kReadsAtOnce = 64;

control::Request request_of(control::Verb verb) {
    control::Request request;
    request.verb = verb;
    return request;
}

bool is_hello(std::string_view line) { return line.starts_with("{\"mmgate\":"); }

}   // namespace

std::optional<std::string> Conversation::open(const std::string& path) {
    close();
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if (path.size() >= sizeof address.sun_path) return "the path is too long";
    path.copy(address.sun_path, path.size());
    fd_ = ::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd_ >= 0 && ::connect(fd_, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0) return std::nullopt;
    const int error = errno;
    close();
    return std::strerror(error);
}

void Conversation::close() {
    if (fd_ >= 0) ::close(fd_);
    fd_ = -1;
    buffer_.clear();
}

bool Conversation::send(std::string_view line) {
    if (!is_open()) return false;
    if (::send(fd_, line.data(), line.size(), MSG_NOSIGNAL | MSG_DONTWAIT) == static_cast<ssize_t>(line.size())) return true;
    close();
    return false;
}

bool Conversation::receive(std::vector<std::string>& lines) {
    bool ended = false;
    for (int reads = 0; is_open() && !ended && reads < kReadsAtOnce; ++reads) {
        const std::size_t before = buffer_.size();
        buffer_.resize(before + kReadBytes);
        const ssize_t got = ::recv(fd_, buffer_.data() + before, kReadBytes, MSG_DONTWAIT);
        buffer_.resize(before + static_cast<std::size_t>(std::max<ssize_t>(got, 0)));
        if (got < 0 && (errno == EAGAIN || errno == EINTR)) break;
        ended = got <= 0 || buffer_.size() > kMostLineBytes;
        std::size_t from = 0;
        for (std::size_t end; (end = buffer_.find('\n', from)) != std::string::npos; from = end + 1) lines.push_back(buffer_.substr(from, end - from));
        buffer_.erase(0, from);
    }
    if (ended) close();
    return is_open();
}

void GatewayLink::open(Conversation& conversation, const control::Request& request, Instant now) {
    if (auto problem = conversation.open(path_)) return refused(*problem);
    // Behind the greeting, which may already be on its way: nothing in it changes what is asked.
    conversation.send(control::encode_request(request));
    if (&conversation == &asking_) asked_ = now;
}

void GatewayLink::refused(const std::string& why) {
    if (why != last_problem_) log_.warning("gateway-unreachable", {{"socket", path_}, {"reason", why}, {"consequence", "tried again every second"}});
    last_problem_ = why;
}

void GatewayLink::tick(Instant now) {
    if (asked_ && now - *asked_ > kAnswerWithin) {
        refused("no answer");
        asking_.close();
        following_.close();
        asked_.reset();
    }
    if (acted_ && now - *acted_ > kActWithin) end_act(std::nullopt);
    if ((!asking_.is_open() || !following_.is_open()) && now >= next_open_) {
        next_open_ = now + kAskEvery;
        if (!asking_.is_open()) open(asking_, request_of(control::Verb::stats), now);
        if (asking_.is_open() && !following_.is_open()) open(following_, request_of(control::Verb::events), now);
    } else if (asking_.is_open() && !asked_ && now >= next_ask_) {
        if (asking_.send(control::encode_request(request_of(control::Verb::stats)))) asked_ = now;
    }
}

std::vector<int> GatewayLink::fds() const {
    std::vector<int> out;
    for (const Conversation* conversation : {&asking_, &following_, &acting_})
        if (conversation->is_open()) out.push_back(conversation->fd());
    return out;
}

void GatewayLink::read(Instant now) {
    std::vector<std::string> lines;
    if (asking_.is_open() && !asking_.receive(lines)) asked_.reset();
    for (const std::string& line : lines) read_figures(line, now);
    lines.clear();
    if (following_.is_open()) following_.receive(lines);
    for (const std::string& line : lines) {
        if (auto end = control::decode_end(line)) {
            refused(end->text);
            following_.close();
        } else if (auto notice = control::decode_notice(line)) {
            hears_.notice(*notice);
        }
    }
    lines.clear();
    const bool acts = acting_.is_open();
    if (acts) acting_.receive(lines);
    for (const std::string& line : lines) read_act(line);
    if (acts && !acting_.is_open() && acted_) end_act(std::nullopt);
}

void GatewayLink::read_figures(const std::string& line, Instant now) {
    if (is_hello(line)) return;
    if (auto end = control::decode_end(line)) {
        asked_.reset();
        next_ask_ = now + kAskEvery;
        if (end->code == control::Exit::done) return;
        refused(end->text);
        asking_.close();
        return;
    }
    auto figures = control::decode_figures(line);
    if (!figures) return refused(figures.error().rule);
    if (!last_problem_.empty()) log_.notice("gateway-reached", {{"socket", path_}});
    last_problem_.clear();
    hears_.figures(std::move(*figures));
}

void GatewayLink::act(control::Request request, Instant now) {
    log_.notice("act", {{"verb", spec_of(request.verb).name}, {"actor", request.actor}});
    acted_ = now;
    open(acting_, request, now);
    if (!acting_.is_open()) end_act(std::nullopt);
}

void GatewayLink::read_act(const std::string& line) {
    if (auto end = control::decode_end(line); end && acted_) end_act(end);
}

void GatewayLink::end_act(const std::optional<control::End>& end) {
    acting_.close();
    acted_.reset();
    log_.notice("acted", {{"code", end ? static_cast<int>(end->code) : -1}, {"count", end ? end->count : 0}, {"text", end ? end->text : "the gateway does not answer"}});
    hears_.acted(end);
}

}   // namespace mmgate::snmp
