// A name server on loopback, UDP and TCP on one port, on the loop of the test. Each name answers as it was told, well or badly.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "daemon/config.h"
#include "daemon/loop/loop.h"

namespace mmgate::tests {

class DnsStub {
public:
    explicit DnsStub(Loop& loop);
    ~DnsStub();

    Endpoint endpoint() const { return {"127.0.0.1", port_}; }

    void mx(const std::string& name, std::uint16_t preference, const std::string& target);   // "." is the root
    void a(const std::string& name, const std::string& address);
    void aaaa(const std::string& name, const std::string& address);
    void cname(const std::string& name, const std::string& target);
    void name(const std::string& name);                             // exists without records
    void fails(const std::string& name, int rcode, int type = 0);   // type 0: any
    void silent(const std::string& name);                           // never answers
    void late(const std::string& name, std::chrono::milliseconds delay);
    void truncated(const std::string& name);   // over UDP; whole over TCP
    void cut(const std::string& name);         // an answer that ends inside a record

    std::size_t questions() const { return questions_; }
    std::size_t tcp_questions() const { return tcp_questions_; }

private:
    struct Connection;
    struct Record {
        int type;
        std::string data;
    };
    std::string answer(std::string_view question, bool tcp, std::string& name);
    void on_datagram();
    void on_connection();

    Loop& loop_;
    std::uint16_t port_ = 0;
    int udp_ = -1, tcp_ = -1;
    EventHandle udp_event_, tcp_event_;
    std::vector<std::unique_ptr<Connection>> connections_;
    std::vector<Timer> timers_;
    std::map<std::string, std::vector<Record>> zone_;
    std::map<std::pair<std::string, int>, int> rcodes_;
    std::map<std::string, std::chrono::milliseconds> delays_;
    std::set<std::string> silent_, truncated_, cut_;
    std::size_t questions_ = 0, tcp_questions_ = 0;
};

}   // namespace mmgate::tests
