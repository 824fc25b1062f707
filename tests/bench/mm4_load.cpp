// A relay that has many MMs for us: `mm4_load PORT CONNECTIONS MESSAGES SIZE BASE` sends MM4_forward.REQ, each with identifiers of its own and to another phone, and
// prints one JSON line: {"rate":…,"p50_ms":…,"p99_ms":…,"self_cpu_s":…,"err":…}. A message counts when the dot is answered 250, which is after its commit.
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <thread>
#include <vector>

#include "mapping/mm4/codec.h"

using namespace mmgate;
using Clock = std::chrono::steady_clock;

namespace {

constexpr const char *kTransaction = "TTTTTTTTTTTT", *kMessage = "MMMMMMMMMMMM";   // put in place for each mail
constexpr const char* kPhone = "+447700000000";

Octets picture(std::size_t size) {
    Octets out = "\xff\xd8\xff\xe0";
    std::uint32_t state = 1;
    while (out.size() < size) {
        state = state * 1664525 + 1013904223;
        out += static_cast<char>(state >> 24);
    }
    return out;
}

Octets sample(std::size_t size) {
    mm4::ForwardReq request;
    request.version = {6, 16, 0};
    request.ids = {kTransaction, kMessage, {}, {}};
    request.headers.from = Address{Address::Kind::phone, "+48600000002", {}};
    request.headers.to = {Address{Address::Kind::phone, kPhone, {}}};
    request.headers.subject = "A photograph";
    request.headers.date = std::chrono::floor<std::chrono::milliseconds>(std::chrono::system_clock::now());
    request.sender = request.originator_system = "system-user@mms.b.example";
    request.content = {{"multipart/mixed", {}}, {Part{.media = {"image/jpeg", {}}, .content_id = "p", .content_location = "p.jpg", .disposition = {}, .file_name = "p.jpg", .data = picture(size), .parts = {}}}};
    mm4::EncodeOptions options;
    options.dialect.version = request.version;
    options.domain = "mms.b.example";
    options.hostname = "mx.b.example";
    options.system_address = request.sender;
    options.peer_domain = "mms.example.net";
    options.boundary_seed = "bench";
    options.now = request.headers.date;
    auto mail = mm4::encode(request, options);
    if (!mail) std::exit(2);
    return *mail + (mail->ends_with("\r\n") ? ".\r\n" : "\r\n.\r\n");
}

/// Twelve digits.
std::string digits(std::size_t number) {
    std::string out = std::to_string(number);
    return std::string(12 - out.size(), '0') + out;
}
void put(Octets& mail, std::string_view place, const std::string& value) {
    for (std::size_t at = mail.find(place); at != Octets::npos; at = mail.find(place, at + value.size())) mail.replace(at, place.size(), value);
}

class Client {
public:
    explicit Client(std::uint16_t port) : fd_(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
        sockaddr_in to{};
        to.sin_family = AF_INET;
        to.sin_port = htons(port);
        to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        const int on = 1;
        const timeval patience{30, 0};
        setsockopt(fd_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        setsockopt(fd_, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
        good_ = connect(fd_, reinterpret_cast<sockaddr*>(&to), sizeof to) == 0 && replies(1) && said("EHLO mx.b.example\r\n", 1);
    }
    ~Client() { close(fd_); }
    Client(const Client&) = delete;
    Client& operator=(const Client&) = delete;

    bool deliver(const Octets& mail, const std::string& phone) {
        return good_ && (good_ = said("MAIL FROM:<+48600000002/TYPE=PLMN@mms.b.example>\r\nRCPT TO:<" + phone + "/TYPE=PLMN@mms.example.net>\r\nDATA\r\n", 3) && said(mail, 1));
    }

private:
    bool said(std::string_view text, int answers) {
        while (!text.empty()) {
            const ssize_t sent = send(fd_, text.data(), text.size(), MSG_NOSIGNAL);
            if (sent <= 0) return false;
            text.remove_prefix(static_cast<std::size_t>(sent));
        }
        return replies(answers);
    }
    bool replies(int count) {
        char buffer[4096];
        for (;;) {
            for (std::size_t end; count > 0 && (end = input_.find('\n')) != std::string::npos; input_.erase(0, end + 1)) {
                if (input_[0] > '3') return false;
                count -= input_[3] == ' ' ? 1 : 0;
            }
            if (count == 0) return true;
            const ssize_t got = recv(fd_, buffer, sizeof buffer, 0);
            if (got <= 0) return false;
            input_.append(buffer, static_cast<std::size_t>(got));
        }
    }

    int fd_;
    bool good_ = false;
    std::string input_;
};

}   // namespace

int main(int argc, char** argv) {
    if (argc != 6) return std::fputs("usage: mm4_load PORT CONNECTIONS MESSAGES SIZE BASE\n", stderr), 2;
    const auto port = static_cast<std::uint16_t>(std::atoi(argv[1]));
    const std::size_t connections = std::strtoul(argv[2], nullptr, 10), messages = std::strtoul(argv[3], nullptr, 10), base = std::strtoul(argv[5], nullptr, 10);
    const Octets pattern = sample(std::strtoul(argv[4], nullptr, 10));
    std::atomic<std::size_t> next{0};
    std::vector<std::vector<double>> took(connections);
    std::vector<std::thread> threads;
    const auto began = Clock::now();
    for (std::size_t i = 0; i < connections; ++i)
        threads.emplace_back([&, i] {
            Client client(port);
            for (std::size_t number; (number = next++) < messages;) {
                const std::string id = digits(base + number);
                Octets mail = pattern;
                // All stand in the header: the picture need not be looked through.
                Octets header = mail.substr(0, mail.find("\r\n\r\n"));
                const std::size_t header_bytes = header.size();
                const std::string phone = "+447700" + id.substr(6);
                put(header, kTransaction, id);
                put(header, kMessage, id);
                put(header, kPhone, phone);
                mail.replace(0, header_bytes, header);
                const auto start = Clock::now();
                if (!client.deliver(mail, phone)) return;
                took[i].push_back(std::chrono::duration<double, std::milli>(Clock::now() - start).count());
            }
        });
    for (std::thread& thread : threads) thread.join();
    const double seconds = std::chrono::duration<double>(Clock::now() - began).count();
    std::vector<double> all;
    for (const auto& some : took) all.insert(all.end(), some.begin(), some.end());
    std::ranges::sort(all);
    const auto at = [&](double part) { return all.empty() ? 0.0 : all[std::min(all.size() - 1, static_cast<std::size_t>(part * static_cast<double>(all.size())))]; };
    rusage usage{};
    getrusage(RUSAGE_SELF, &usage);
    const double cpu = static_cast<double>(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) + static_cast<double>(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
    std::printf("{\"rate\":%.1f,\"p50_ms\":%.3f,\"p99_ms\":%.3f,\"self_cpu_s\":%.2f,\"err\":%zu}\n", static_cast<double>(all.size()) / seconds, at(0.5), at(0.99), cpu, messages - all.size());
}
