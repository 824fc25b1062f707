#include "tests/support/dns_stub.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cassert>

namespace mmgate::tests {

namespace {

constexpr int kA = 1, kCname = 5, kMx = 15, kAaaa = 28, kOpt = 41;

std::string number16(std::size_t value) { return {static_cast<char>(value >> 8), static_cast<char>(value)}; }

std::string wire_name(std::string_view name) {
    std::string out;
    while (!name.empty() && name != ".") {
        std::string_view label = name.substr(0, name.find('.'));
        out += static_cast<char>(label.size());
        out += label;
        name.remove_prefix(std::min(name.size(), label.size() + 1));
    }
    return out + '\0';
}

std::string record(std::string_view owner, int type, std::string_view data) {
    return wire_name(owner) + number16(static_cast<std::size_t>(type)) + number16(1) + std::string("\0\0\0\x3c", 4) + number16(data.size()) + std::string(data);
}

}   // namespace

struct DnsStub::Connection {
    DnsStub* stub;
    int fd;
    EventHandle event;
    std::string input;
    ~Connection() { ::close(fd); }
};

DnsStub::DnsStub(Loop& loop) : loop_(loop) {
    // One number for both: UDP takes any, and the next try follows where TCP has it taken.
    for (int i = 0; i < 20 && tcp_ < 0; ++i) {
        if (udp_ >= 0) ::close(udp_);
        udp_ = ::socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
        sockaddr_in at{};
        at.sin_family = AF_INET;
        at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        socklen_t length = sizeof at;
        if (::bind(udp_, reinterpret_cast<sockaddr*>(&at), sizeof at) != 0) continue;
        ::getsockname(udp_, reinterpret_cast<sockaddr*>(&at), &length);
        port_ = ntohs(at.sin_port);
        int listener = ::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
        if (::bind(listener, reinterpret_cast<sockaddr*>(&at), sizeof at) == 0 && ::listen(listener, 50) == 0) {
            tcp_ = listener;
        } else {
            ::close(listener);
        }
    }
    assert(tcp_ >= 0);
    udp_event_.reset(event_new(
        loop_.base(), udp_, EV_READ | EV_PERSIST, [](evutil_socket_t, short, void* self) { guarded([&] { static_cast<DnsStub*>(self)->on_datagram(); }); }, this));
    tcp_event_.reset(event_new(
        loop_.base(), tcp_, EV_READ | EV_PERSIST, [](evutil_socket_t, short, void* self) { guarded([&] { static_cast<DnsStub*>(self)->on_connection(); }); }, this));
    event_add(udp_event_.get(), nullptr);
    event_add(tcp_event_.get(), nullptr);
}

DnsStub::~DnsStub() {
    connections_.clear();
    udp_event_.reset();
    tcp_event_.reset();
    ::close(udp_);
    ::close(tcp_);
}

void DnsStub::mx(const std::string& name, std::uint16_t preference, const std::string& target) { zone_[name].push_back({kMx, number16(preference) + wire_name(target)}); }
void DnsStub::a(const std::string& name, const std::string& address) {
    in_addr octets{};
    inet_pton(AF_INET, address.c_str(), &octets);
    zone_[name].push_back({kA, std::string(reinterpret_cast<const char*>(&octets), 4)});
}
void DnsStub::aaaa(const std::string& name, const std::string& address) {
    in6_addr octets{};
    inet_pton(AF_INET6, address.c_str(), &octets);
    zone_[name].push_back({kAaaa, std::string(reinterpret_cast<const char*>(&octets), 16)});
}
void DnsStub::cname(const std::string& name, const std::string& target) { zone_[name].push_back({kCname, target}); }
void DnsStub::name(const std::string& name) { zone_[name]; }
void DnsStub::fails(const std::string& name, int rcode, int type) { rcodes_[{name, type}] = rcode; }
void DnsStub::silent(const std::string& name) { silent_.insert(name); }
void DnsStub::late(const std::string& name, std::chrono::milliseconds delay) { delays_[name] = delay; }
void DnsStub::truncated(const std::string& name) { truncated_.insert(name); }
void DnsStub::cut(const std::string& name) { cut_.insert(name); }

/// The answer to a question, or "" for silence.
std::string DnsStub::answer(std::string_view question, bool tcp, std::string& name) {
    if (question.size() < 17) return {};
    ++questions_;
    tcp_questions_ += tcp ? 1 : 0;
    std::size_t at = 12;
    name.clear();
    while (at < question.size() && question[at] != 0) {
        auto length = static_cast<unsigned char>(question[at]);
        if (!name.empty()) name += '.';
        for (char c : question.substr(at + 1, length)) name += static_cast<char>(tolower(c));
        at += length + 1;
    }
    if (at + 5 > question.size()) return {};
    int type = static_cast<unsigned char>(question[at + 1]) << 8 | static_cast<unsigned char>(question[at + 2]);
    std::string_view asked = question.substr(12, at + 5 - 12);
    if (silent_.contains(name)) return {};

    int rcode = 0;
    std::string answers;
    std::size_t count = 0;
    std::string owner = name;
    for (int hop = 0; hop < 8; ++hop) {
        auto node = zone_.find(owner);
        if (node == zone_.end()) {
            rcode = 3;
            break;
        }
        const Record* alias = nullptr;
        for (const Record& r : node->second) {
            if (r.type == kCname) alias = &r;
            if (r.type != type) continue;
            answers += record(owner, type, r.data);
            ++count;
        }
        if (alias == nullptr) break;
        answers += record(owner, kCname, wire_name(alias->data));
        ++count;
        owner = alias->data;
    }
    for (int key : {0, type})
        if (auto set = rcodes_.find({name, key}); set != rcodes_.end()) rcode = set->second;
    if (rcode != 0 && rcode != 3) answers.clear(), count = 0;

    bool whole = tcp || !truncated_.contains(name);
    bool too_long = !tcp && answers.size() > 1000;
    if (!whole || too_long) answers.clear(), count = 0;
    std::string out(question.substr(0, 2));
    out += static_cast<char>(0x81 | (!whole || too_long ? 0x02 : 0));   // QR, RD, TC
    out += static_cast<char>(0x80 | rcode);                             // RA
    out += number16(1) + number16(count) + number16(0) + number16(0);
    out += asked;
    out += answers;
    if (cut_.contains(name)) out.resize(out.size() - 3);
    return out;
}

void DnsStub::on_datagram() {
    char octets[2048];
    sockaddr_in from{};
    socklen_t length = sizeof from;
    ssize_t got = ::recvfrom(udp_, octets, sizeof octets, 0, reinterpret_cast<sockaddr*>(&from), &length);
    if (got <= 0) return;
    std::string name;
    std::string reply = answer(std::string_view(octets, static_cast<std::size_t>(got)), false, name);
    if (reply.empty()) return;
    auto send = [fd = udp_, from, reply] {
        [[maybe_unused]] auto sent = ::sendto(fd, reply.data(), reply.size(), 0, reinterpret_cast<const sockaddr*>(&from), sizeof from);
    };
    if (auto delay = delays_.find(name); delay != delays_.end()) {
        timers_.push_back(loop_.after(delay->second, send));
    } else {
        send();
    }
}

void DnsStub::on_connection() {
    int fd = ::accept4(tcp_, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd < 0) return;
    auto connection = std::make_unique<Connection>();
    connection->stub = this;
    connection->fd = fd;
    connection->event.reset(event_new(
        loop_.base(), fd, EV_READ | EV_PERSIST,
        [](evutil_socket_t socket, short, void* arg) {
            guarded([&] {
                auto* self = static_cast<Connection*>(arg);
                char octets[2048];
                ssize_t got = ::read(socket, octets, sizeof octets);
                if (got <= 0) {
                    event_del(self->event.get());
                    return;
                }
                self->input.append(octets, static_cast<std::size_t>(got));
                while (self->input.size() >= 2) {
                    auto size = static_cast<std::size_t>(static_cast<unsigned char>(self->input[0]) << 8 | static_cast<unsigned char>(self->input[1]));
                    if (self->input.size() < size + 2) break;
                    std::string name;
                    std::string reply = self->stub->answer(std::string_view(self->input).substr(2, size), true, name);
                    self->input.erase(0, size + 2);
                    reply = number16(reply.size()) + reply;
                    [[maybe_unused]] auto sent = ::write(socket, reply.data(), reply.size());
                }
            });
        },
        connection.get()));
    event_add(connection->event.get(), nullptr);
    connections_.push_back(std::move(connection));
}

}   // namespace mmgate::tests
