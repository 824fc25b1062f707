#include "daemon/service_manager.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <future>

#include "tests/support/memory_store.h"

using namespace mmgate;

namespace {

/// The service manager's end of the conversation, at an abstract address.
struct Manager {
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);

    Manager() {
        const std::string place = "@mmgate-test-" + std::to_string(getpid());
        sockaddr_un address{};
        address.sun_family = AF_UNIX;
        place.copy(address.sun_path, place.size());
        address.sun_path[0] = '\0';
        cr_assert(bind(fd, reinterpret_cast<sockaddr*>(&address), static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + place.size())) == 0);
        setenv("NOTIFY_SOCKET", place.c_str(), 1);
    }
    ~Manager() { close(fd); }

    /// The next datagram, or nothing within the time.
    std::string heard(int within_ms) const {
        pollfd waiting{fd, POLLIN, 0};
        if (poll(&waiting, 1, within_ms) <= 0) return {};
        char text[512];
        const ssize_t length = recv(fd, text, sizeof text, 0);
        return {text, static_cast<std::size_t>(std::max<ssize_t>(length, 0))};
    }
};

constexpr int kSoon = 20'000;

/// A store whose next commits wait until they are let go.
class StuckStore : public MemoryStore {
public:
    std::promise<void> let_go;
    Result<std::vector<Outcome>> apply(std::span<Operation> operations) override {
        gone_.wait();
        return MemoryStore::apply(operations);
    }

private:
    std::shared_future<void> gone_ = let_go.get_future().share();
};

}   // namespace

Test(service_manager, hears_what_it_is_told) {
    const Manager manager;
    const ServiceManager service = ServiceManager::from_environment();
    cr_expect(getenv("NOTIFY_SOCKET") == nullptr);
    cr_expect(not(service.patience().has_value()));
    service.tell("READY=1\nSTATUS=here");
    cr_expect(manager.heard(kSoon) == "READY=1\nSTATUS=here");
    {
        const ServiceManager::Reloading reloading(service);
        cr_expect(manager.heard(kSoon).starts_with("RELOADING=1\nMONOTONIC_USEC="));
    }
    cr_expect(manager.heard(kSoon) == "READY=1");
}

Test(service_manager, may_be_missing_or_gone) {
    for (const char* place : {"", "/nowhere/at/all", "@", "relative", "@mmgate-nobody-listens"}) {
        setenv("NOTIFY_SOCKET", place, 1);
        ServiceManager::from_environment().tell("READY=1");
    }
    unsetenv("NOTIFY_SOCKET");
    ServiceManager::from_environment().tell("READY=1");
}

Test(service_manager, asks_this_process_alone_for_signs_of_life) {
    struct Row {
        const char *patience, *pid;
        bool wanted;
    };
    const std::string own = std::to_string(getpid());
    const Row rows[] = {{"3000000", own.c_str(), true}, {"3000000", nullptr, true}, {"3000000", "1", false}, {"0", nullptr, false}, {"soon", nullptr, false}};
    for (const Row& row : rows) {
        setenv("WATCHDOG_USEC", row.patience, 1);
        row.pid ? setenv("WATCHDOG_PID", row.pid, 1) : unsetenv("WATCHDOG_PID");
        const auto patience = ServiceManager::from_environment().patience();
        cr_expect(patience.has_value() == row.wanted, "%s %s", row.patience, row.pid ? row.pid : "-");
        if (patience) cr_expect(patience->count() == 3000);
    }
}

Test(watchdog, is_told_only_while_the_committer_answers) {
    const Manager manager;
    setenv("WATCHDOG_USEC", "30000", 1);
    const ServiceManager service = ServiceManager::from_environment();
    Loop loop;
    StuckStore store;
    Committer committer(store, [&loop](Task task) { loop.post(std::move(task)); });
    const Watchdog watchdog(loop, committer, service);
    // Many of the looks that the patience of 30 ms asks for, and not one sign of life: the committer hangs.
    Timer end = loop.after(std::chrono::milliseconds(300), [&] {
        cr_expect(manager.heard(0).empty(), "alive, with a committer that hangs");
        store.let_go.set_value();
        end = loop.after(std::chrono::milliseconds(500), [&loop] { loop.stop(); });
    });
    loop.run();
    cr_expect(manager.heard(0) == "WATCHDOG=1");
    cr_expect(manager.heard(0) == "WATCHDOG=1", "only once");
    committer.stop();
}
