// The operator's door: a Unix socket where mmq asks and commands.
//
// Who may: root, the user the gateway runs as, and gateway.control_users, by the credentials the kernel gives. What changes anything is
// logged with who did it. Reads run on the workers, changes through the committer; a reader who does not read is dropped.
// snmp.user gets figures, alarms and events, and where snmp.control says so what SNMP may do; an actor in a request marks what comes from there.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include <sys/types.h>

#include "daemon/config.h"
#include "daemon/control/answers.h"
#include "daemon/log.h"
#include "daemon/loop/loop.h"
#include "daemon/loop/workers.h"
#include "daemon/metrics.h"
#include "daemon/names.h"
#include "daemon/watch/telemetry.h"
#include "mapping/result.h"
#include "store/committer.h"
#include "store/store.h"

namespace mmgate::control {

/// What a reload did: lines for the operator; not ok: the old configuration stays.
struct Reloaded {
    bool ok = true;
    std::vector<std::string> lines;
};

/// Asks the parts of the gateway (desk.h); the lines and the end come on the loop, perhaps from inside.
/// `octets` are those of import.
using AskParts = std::function<void(const Request& request, Octets octets, std::function<void(std::string lines, std::uint64_t count, End end)> done)>;

struct Callbacks {
    std::function<Reloaded()> reload;
    AskParts parts;
    std::function<void()> try_now;   // messages are due that were not, by the operator's will
};

class Server {
public:
    /// Listens on config.control, mode 0660; the folder is made when only that is missing. All that is referred to outlives the server;
    /// the workers may outlive it, too. Fails: internal, with the path and the system's word; also when another gateway answers there.
    static Result<std::unique_ptr<Server>> open(Loop& loop, Workers& workers, Store& store, Committer& committer, Metrics& metrics, Telemetry& telemetry,
                                                const Names& names, Log& log, const Config& config, Callbacks callbacks);
    ~Server();
    Server(const Server&) = delete;
    Server& operator=(const Server&) = delete;

    void reconfigure(const Config& config);
    const std::string& path() const { return path_; }
    /// Tells all who follow the events.
    void publish(const Notice& notice);
    void publish(const Telemetry::Change& change);

private:
    class Session;
    enum class Rights : std::uint8_t;
    friend class Session;
    Server(Loop& loop, Workers& workers, Store& store, Committer& committer, Metrics& metrics, Telemetry& telemetry, const Names& names, Log& log, Callbacks callbacks);
    Result<void> listen(const std::string& path);
    void on_connection();
    void admit(int fd);
    void forget(std::uint64_t number);

    Loop& loop_;
    Workers& workers_;
    Store& store_;
    Committer& committer_;
    Metrics& metrics_;
    Telemetry& telemetry_;
    const Names& names_;
    Log& log_;
    Callbacks callbacks_;
    std::string path_;
    int fd_ = -1;
    EventHandle accept_;
    Timer pause_;
    std::set<uid_t> allowed_;
    std::optional<uid_t> monitor_;   // snmp.user
    bool snmp_control_ = false;
    std::shared_ptr<const Answers> answers_;   // shared with the pieces under way, which may outlive a reload
    std::uint64_t last_number_ = 0;
    std::map<std::uint64_t, std::shared_ptr<Session>> sessions_;   // shared so that a piece that comes late finds its session gone
};

}   // namespace mmgate::control
