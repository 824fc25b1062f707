// `mmq route` and `mmq peer`: who goes where, and how the peers are.
#include <algorithm>
#include <array>

#include "daemon/control/queue_commands.h"

namespace mmgate::control {

namespace {

struct PeerCommand {
    std::string_view name;
    Verb verb;
    std::size_t fewest, most;   // operands
    std::string_view takes;
};
constexpr auto kPeerCommands = std::to_array<PeerCommand>({
    {"list", Verb::peers, 0, 0, "peer list takes no name; see peer show"},
    {"show", Verb::peer, 1, 1, "peer show takes one name"},
    {"test", Verb::peer_test, 1, 2, "peer test takes one name, and the recipient to name if need be"},
    {"hold", Verb::peer_hold, 1, 1, "peer hold takes one name"},
    {"release", Verb::peer_release, 1, 1, "peer release takes one name"},
});

}   // namespace

int route(Conversation& other, Options& options, const Operands& operands) {
    if (operands.size() != 1 || operands.front().empty()) return misused("route takes one number or mail address");
    options.request.verb = Verb::route;
    options.request.address = operands.front();
    return carry_out(other, options);
}

int peer(Conversation& other, Options& options, const Operands& operands) {
    const auto* command = operands.empty() ? kPeerCommands.end() : std::ranges::find(kPeerCommands, std::string_view(operands.front()), &PeerCommand::name);
    if (command == kPeerCommands.end()) return misused("peer takes list, show, test, hold or release");
    const std::size_t given = operands.size() - 1;
    if (given < command->fewest || given > command->most || std::ranges::count(operands, "")) return misused(std::string(command->takes));
    options.request.verb = command->verb;
    if (given > 0) options.request.peer = operands[1];
    if (given > 1) options.request.address = operands[2];
    return carry_out(other, options);
}

}   // namespace mmgate::control
