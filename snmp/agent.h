// The AgentX subagent: everything of Net-SNMP behind a small door. One of it in a process, as Net-SNMP has it.
//
// What is asked for is looked up in a View; sets are tested and then carried out by whoever is given. A master that is away is sought again by itself.
// A master that is frozen holds the caller of turn() up for some seconds: nothing else may depend on this process.
// Source: RFC 2741 (AgentX).
#pragma once

#include <functional>
#include <span>
#include <string>
#include <vector>

#include "snmp/control.h"
#include "snmp/log.h"
#include "snmp/mib.h"
#include "snmp/notification_queue.h"

namespace mmgate::snmp {

class Agent {
public:
    /// How often a master that is away is sought, and one that is there is asked whether it is.
    static constexpr int kPingSeconds = 5;

    struct Answers {
        std::function<const View&()> view;
        std::function<SetError(const Setting&)> test;
        std::function<void(const std::vector<Setting>&)> commit;
        std::function<void()> session_ended;
    };
    /// `socket`: a path, or what else Net-SNMP takes: "tcp:localhost:705".
    Agent(const std::string& socket, Answers answers, const Log& log);
    ~Agent();
    Agent(const Agent&) = delete;
    Agent& operator=(const Agent&) = delete;

    bool connected() const;
    /// sysUpTime as the master last told it.
    std::uint32_t uptime() const;
    void notify(const Notification& notification);
    /// Waits for the master, for any of `fds`, or for `most`; serves the master.
    void turn(std::span<const int> fds, std::chrono::milliseconds most);
};

}   // namespace mmgate::snmp
