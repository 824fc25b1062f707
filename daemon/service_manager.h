// How the gateway tells the service manager how it is: ready, reloading, stopping, alive. Started by hand it tells nobody.
//
// Source: sd_notify(3), sd_watchdog_enabled(3).
#pragma once

#include <chrono>
#include <optional>
#include <string_view>

#include "daemon/loop/loop.h"
#include "store/committer.h"

namespace mmgate {

class ServiceManager {
public:
    /// By NOTIFY_SOCKET, WATCHDOG_USEC and WATCHDOG_PID, which are removed from the environment. The socket is connected here, before
    /// anything is locked.
    static ServiceManager from_environment();
    ServiceManager(ServiceManager&& other) noexcept;
    ServiceManager& operator=(ServiceManager&&) = delete;
    ~ServiceManager();

    /// Sends assignments, one a line: "READY=1\nSTATUS=...". What cannot be sent is dropped: the manager's own deadlines see to the rest.
    void tell(std::string_view assignments) const;
    /// How long we may be silent before we are taken for dead; nothing: for ever.
    std::optional<std::chrono::milliseconds> patience() const { return patience_; }

    /// RELOADING=1 now, READY=1 at the end of its life.
    class Reloading {
    public:
        explicit Reloading(const ServiceManager& manager);
        ~Reloading() { manager_.tell("READY=1"); }
        Reloading(const Reloading&) = delete;
        Reloading& operator=(const Reloading&) = delete;

    private:
        const ServiceManager& manager_;
    };

private:
    ServiceManager() = default;
    int fd_ = -1;
    std::optional<std::chrono::milliseconds> patience_;
};

/// Says WATCHDOG=1 as often as the service manager wants, but only when an errand to the committer has come back to the loop: then both turn.
class Watchdog {
public:
    /// Begins at once. All outlive it.
    Watchdog(Loop& loop, Committer& committer, const ServiceManager& manager);

private:
    void look();

    Loop& loop_;
    Committer& committer_;
    const ServiceManager& manager_;
    Timer next_;
    // Shared with the errand, which may come back later than we live.
    std::shared_ptr<bool> away_ = std::make_shared<bool>(false);
};

}   // namespace mmgate
