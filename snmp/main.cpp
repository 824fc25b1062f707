// mmgate-snmp: reads its arguments, joins the gateway's figures and the AgentX subagent, and runs them in turns.

#include <config.h>
#include <getopt.h>
#include <sys/random.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sysexits.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <optional>
#include <variant>

#include "daemon/control/protocol.h"
#include "snmp/agent.h"
#include "snmp/gateway_link.h"
#include "snmp/monitor.h"

namespace mmgate::snmp {
namespace {

// Nothing is due sooner, and nothing waits longer.
constexpr std::chrono::milliseconds kTurn{500};

struct Arguments {
    std::string control = kDefaultControlSocket, agentx = kDefaultAgentxSocket;
    bool check_only = false;
};

constexpr char kUsage[] =
    "usage: mmgate-snmp [-c FILE | --control PATH] [--agentx SOCKET] [--check] [--version] [--help]\n"
    "\n"
    "  -c FILE           the gateway's configuration, which names its control socket\n"
    "  --control PATH    the control socket (absent: %s)\n"
    "  --agentx SOCKET   where snmpd takes subagents (absent: %s)\n"
    "  --check           say whether both answer, and end\n"
    "\n"
    "See mmgate-snmp(8) and mmgate-mib(7).\n";

int misused() {
    std::fprintf(stderr, kUsage, kDefaultControlSocket, kDefaultAgentxSocket);
    return EX_USAGE;
}

/// The arguments, or the status to exit with at once.
std::variant<Arguments, int> read_arguments(int argc, char** argv) {
    enum : int { kControl = 256,
                 kAgentx,
                 kCheck,
                 kVersionOption,
                 kHelp };
    const option options[] = {{"config", required_argument, nullptr, 'c'}, {"control", required_argument, nullptr, kControl}, {"agentx", required_argument, nullptr, kAgentx}, {"check", no_argument, nullptr, kCheck}, {"version", no_argument, nullptr, kVersionOption}, {"help", no_argument, nullptr, kHelp}, {nullptr, 0, nullptr, 0}};
    Arguments arguments;
    std::optional<std::string> config_file, control;
    for (int given; (given = getopt_long(argc, argv, "c:", options, nullptr)) != -1;) {
        switch (given) {
            case 'c': config_file = optarg; break;
            case kControl: control = optarg; break;
            case kAgentx: arguments.agentx = optarg; break;
            case kCheck: arguments.check_only = true; break;
            case kVersionOption: std::printf("mmgate-snmp %s\n", kVersion); return EX_OK;
            case kHelp: std::printf(kUsage, kDefaultControlSocket, kDefaultAgentxSocket); return EX_OK;
            default: return misused();
        }
    }
    if (optind < argc || (config_file && control)) {
        std::fprintf(stderr, optind < argc ? "mmgate-snmp: %s: no such argument\n" : "mmgate-snmp: either -c or --control\n", argv[optind]);
        return misused();
    }
    if (control) arguments.control = *control;
    if (config_file) {
        auto named = control::control_socket_of(*config_file);
        if (!named) {
            std::fprintf(stderr, "%s\n", named.error().rule.c_str());
            return EX_CONFIG;
        }
        arguments.control = *named;
    }
    return arguments;
}

Instant wall_clock() { return std::chrono::time_point_cast<std::chrono::milliseconds>(std::chrono::system_clock::now()); }

int say(int status, const std::string& text) {
    std::fprintf(stderr, "mmgate-snmp: %s\n", text.c_str());
    return status;
}

/// Asks the gateway for its figures, as the agent will.
int check_gateway(const std::string& path) {
    Conversation conversation;
    if (auto problem = conversation.open(path)) return say(errno == EACCES ? EX_NOPERM : EX_UNAVAILABLE, path + ": " + *problem);
    control::Request request;
    request.verb = control::Verb::stats;
    conversation.send(control::encode_request(request));
    const timeval patience{5, 0};
    ::setsockopt(conversation.fd(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    for (bool open = true; open;) {
        fd_set waiting;
        FD_ZERO(&waiting);
        FD_SET(conversation.fd(), &waiting);
        timeval left = patience;
        if (::select(conversation.fd() + 1, &waiting, nullptr, nullptr, &left) <= 0) return say(EX_UNAVAILABLE, path + ": no answer");
        std::vector<std::string> lines;
        open = conversation.receive(lines);
        for (const std::string& line : lines) {
            auto end = control::decode_end(line);
            if (end && end->code == control::Exit::done) return EX_OK;
            if (end) return say(static_cast<int>(end->code), path + ": " + end->text);
        }
    }
    return say(EX_UNAVAILABLE, path + ": the gateway broke off the conversation");
}

/// Whether somebody listens where subagents are taken; of other transports than Unix sockets nothing is known before.
int check_master(const std::string& socket) {
    const std::string path = socket.starts_with("unix:") ? socket.substr(5) : socket;
    if (!path.starts_with('/')) return EX_OK;
    Conversation conversation;
    if (auto problem = conversation.open(path)) return say(errno == EACCES ? EX_NOPERM : EX_UNAVAILABLE, path + ": " + *problem);
    return EX_OK;
}

/// A descriptor that tells of the signals that end the agent.
int end_signals() {
    sigset_t ending;
    sigemptyset(&ending);
    for (int number : {SIGTERM, SIGINT}) sigaddset(&ending, number);
    sigprocmask(SIG_BLOCK, &ending, nullptr);
    std::signal(SIGPIPE, SIG_IGN);
    return signalfd(-1, &ending, SFD_CLOEXEC | SFD_NONBLOCK);
}

int run(const Arguments& arguments) {
    if (arguments.check_only) {
        const int gateway = check_gateway(arguments.control), master = check_master(arguments.agentx);
        return gateway != EX_OK ? gateway : master;
    }
    const int signals = end_signals();
    if (signals < 0) return say(EX_OSERR, std::strerror(errno));
    Log log;
    std::uint32_t lock = 0;
    if (getrandom(&lock, sizeof lock, 0) != sizeof lock) return say(EX_OSERR, "no random octets");
    Monitor monitor(wall_clock(), lock);
    View view;
    bool stale = true;   // the view: something has come since it was made
    GatewayLink link(arguments.control,
                     {[&](Figures figures) {
                          monitor.figures(std::move(figures), wall_clock());
                          stale = true;
                      },
                      [&](const control::Notice& notice) {
                          monitor.notice(notice, wall_clock());
                          stale = true;
                      },
                      [&](const std::optional<control::End>& end) {
                          monitor.control().finished(end);
                          stale = true;
                      }},
                     log);
    Agent* agent = nullptr;
    Agent the_agent(arguments.agentx,
                    {[&]() -> const View& {
                         if (stale) view = monitor.view({wall_clock(), agent ? agent->uptime() : 0});
                         stale = false;
                         return view;
                     },
                     [&](const Setting& setting) { return monitor.control().test(setting); },
                     [&](const std::vector<Setting>& settings) {
                         monitor.control().commit(settings);
                         stale = true;
                     },
                     [&] { monitor.notifications().session_ended(wall_clock()); }},
                    log);
    agent = &the_agent;
    log.notice("started", {{"version", kVersion}, {"control", arguments.control}, {"agentx", arguments.agentx}});

    for (signalfd_siginfo signal{}; ::read(signals, &signal, sizeof signal) != sizeof signal;) {
        std::vector<int> fds = link.fds();
        fds.push_back(signals);
        agent->turn(fds, kTurn);
        Instant now = wall_clock();
        link.read(now);
        link.tick(now);
        monitor.tick(now);
        if (auto request = monitor.control().take_request()) link.act(std::move(*request), now);
        stale = true;   // ages and times go on
        while (agent->connected()) {
            auto notification = monitor.notifications().next(now);
            if (!notification) break;
            agent->notify(*notification);
            log.info("notified", {{"number", notification->number}, {"subject", notification->subject}});
        }
    }
    log.notice("stopped");
    return EX_OK;
}

}   // namespace
}   // namespace mmgate::snmp

int main(int argc, char** argv) {
    auto arguments = mmgate::snmp::read_arguments(argc, argv);
    if (const int* status = std::get_if<int>(&arguments)) return *status;
    return mmgate::snmp::run(std::get<mmgate::snmp::Arguments>(arguments));
}
