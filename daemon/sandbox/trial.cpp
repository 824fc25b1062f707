#include "daemon/sandbox/trial.h"

#include <fcntl.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <functional>
#include <thread>
#include <vector>

#include "daemon/sandbox/sandbox.h"

namespace mmgate::sandbox {

namespace {

enum class Wanted : std::uint8_t { refused,
                                   done };

/// `make` gives whether the attempt succeeded; if not, errno says why.
struct Attempt {
    std::string name;
    Wanted wanted;
    std::function<bool()> make;
};

// The child ends with this when the attempt succeeded; else with errno, which is smaller.
constexpr int kSucceeded = 200;

bool opens(const std::string& path, int flags) {
    const int fd = ::open(path.c_str(), flags | O_CLOEXEC, 0600);
    if (fd < 0) return false;
    ::close(fd);
    if (flags & O_CREAT) ::unlink(path.c_str());
    return true;
}
bool creates(const std::string& folder) { return opens(folder + "/.mmgate-try-sandbox", O_WRONLY | O_CREAT | O_EXCL); }

bool executes() {
    char name[] = "true";
    char* const arguments[] = {name, nullptr};
    char* const environment[] = {nullptr};
    ::execve("/bin/true", arguments, environment);
    return false;
}

bool forks() {
    const pid_t child = ::fork();
    if (child == 0) ::_exit(0);
    if (child < 0) return false;
    ::waitpid(child, nullptr, 0);
    return true;
}

/// A socket of any kind that is neither Unix nor Internet.
bool socket_of_another_family() {
    constexpr int kFamilies = 64;   // more than there are
    int error = EPERM;
    for (int family = 0; family < kFamilies; ++family) {
        if (family == AF_UNIX || family == AF_INET || family == AF_INET6) continue;
        for (int type : {SOCK_STREAM, SOCK_DGRAM, SOCK_RAW, SOCK_SEQPACKET}) {
            const int fd = ::socket(family, type | SOCK_CLOEXEC, 0);
            if (fd >= 0) return ::close(fd) == 0;
            if (errno != EPERM) error = errno;
        }
    }
    errno = error;
    return false;
}

/// Carries a file out of a folder where it may be made.
bool moves_out_of(const std::string& folder) {
    const std::string from = folder + "/.mmgate-try-moving", to = "/tmp/.mmgate-try-moving";
    const int fd = ::open(from.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0) return false;
    ::close(fd);
    const bool moved = ::rename(from.c_str(), to.c_str()) == 0;
    const int error = errno;
    ::unlink(moved ? to.c_str() : from.c_str());
    errno = error;
    return moved;
}

/// Puts a file of another user's, or of nobody's, under a name of ours.
bool links_into(const std::string& folder) {
    const std::string name = folder + "/.mmgate-try-link";
    const bool linked = ::linkat(AT_FDCWD, "/etc/passwd", AT_FDCWD, name.c_str(), 0) == 0 || ::symlink("/etc/passwd", name.c_str()) == 0;
    const int error = errno;
    if (linked) ::unlink(name.c_str());
    errno = error;
    return linked;
}

bool socket_of(int family, int type) {
    const int fd = ::socket(family, type | SOCK_CLOEXEC, 0);
    if (fd >= 0) ::close(fd);
    return fd >= 0;
}

bool maps_code() { return ::mmap(nullptr, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) != MAP_FAILED; }
bool turns_data_into_code() {
    void* page = ::mmap(nullptr, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    return page != MAP_FAILED && ::mprotect(page, 4096, PROT_READ | PROT_EXEC) == 0;
}

/// With arguments that do nothing even where it is allowed.
std::function<bool()> call(long number, long first = 0, long second = 0, long third = 0) {
    return [=] { return ::syscall(number, first, second, third, 0L, 0L) >= 0; };
}

std::vector<Attempt> attempts(const Config& config, const std::string& config_file) {
    const auto refused = Wanted::refused, done = Wanted::done;
    return {
        {"exec", refused, executes},
        {"fork", refused, forks},
        {"ptrace", refused, [] { return ::ptrace(PTRACE_TRACEME, 0, nullptr, nullptr) == 0; }},
        {"process_vm_readv", refused, call(SYS_process_vm_readv, ::getpid())},
        {"process_vm_writev", refused, call(SYS_process_vm_writev, ::getpid())},
        {"signal another process", refused, [] { return ::kill(::getppid(), 0) == 0; }},
        {"write /etc", refused, [] { return creates("/etc"); }},
        {"write /usr", refused, [] { return creates("/usr"); }},
        {"write /tmp", refused, [] { return creates("/tmp"); }},
        {"write /var/lib", refused, [] { return creates("/var/lib"); }},
        {"write the program's memory as a file", refused, [] { return opens("/proc/self/mem", O_RDWR); }},
        {"write the configuration", refused, [&config_file] { return opens(config_file, O_WRONLY); }},
        {"carry a file out of the state directory", refused, [&config] { return moves_out_of(config.state_dir); }},
        {"link a file into the state directory", refused, [&config] { return links_into(config.state_dir); }},
        {"read another process's memory", refused, [] { return opens("/proc/" + std::to_string(::getppid()) + "/mem", O_RDONLY); }},
        {"list /etc", refused, [] { return opens("/etc", O_RDONLY | O_DIRECTORY); }},
        {"read /proc", refused, [] { return opens("/proc/version", O_RDONLY); }},
        {"read /root", refused, [] { return opens("/root", O_RDONLY | O_DIRECTORY); }},
        {"read /home", refused, [] { return opens("/home", O_RDONLY | O_DIRECTORY); }},
        {"make a device", refused, [&config] { return ::mknod((config.state_dir + "/.mmgate-try-device").c_str(), S_IFCHR | 0600, 0x103) == 0; }},
        {"socket(AF_PACKET)", refused, [] { return socket_of(AF_PACKET, SOCK_RAW); }},
        {"socket(AF_NETLINK)", refused, [] { return socket_of(AF_NETLINK, SOCK_RAW); }},
        {"socket(SOCK_RAW)", refused, [] { return socket_of(AF_INET, SOCK_RAW); }},
        {"socket of any other family", refused, socket_of_another_family},
        {"memory to write and execute", refused, maps_code},
        {"execute what was written", refused, turns_data_into_code},
        {"push input into the terminal", refused, [] { return ::ioctl(0, TIOCSTI, "") == 0; }},
        {"mount", refused, [] { return ::mount("none", "/nowhere", "tmpfs", 0, nullptr) == 0; }},
        {"umount", refused, [] { return ::umount2("/nowhere", 0) == 0; }},
        {"fsopen", refused, call(SYS_fsopen, 0, 0)},
        {"pivot_root", refused, call(SYS_pivot_root, 0, 0)},
        {"setns", refused, call(SYS_setns, -1, 0)},
        {"unshare", refused, [] { return ::unshare(CLONE_FILES) == 0; }},
        {"chroot", refused, [] { return ::chroot("/") == 0; }},
        {"setuid", refused, [] { return ::setuid(::getuid()) == 0; }},
        {"setgid", refused, [] { return ::setgid(::getgid()) == 0; }},
        {"setgroups", refused, call(SYS_setgroups, -1, 0)},
        {"capset", refused, call(SYS_capset, 0, 0)},
        {"load a module", refused, call(SYS_finit_module, -1, 0, 0)},
        {"bpf", refused, call(SYS_bpf, -1, 0, 0)},
        {"perf_event_open", refused, call(SYS_perf_event_open, 0, 0, 0)},
        {"io_uring", refused, call(SYS_io_uring_setup, 0, 0)},
        {"io_uring_enter", refused, call(SYS_io_uring_enter, -1)},
        {"keyctl", refused, call(SYS_keyctl, 0, -3, 0)},
        {"add_key", refused, call(SYS_add_key, 0, 0, 0)},
        {"open_by_handle_at", refused, call(SYS_open_by_handle_at, -1, 0, 0)},
        {"userfaultfd", refused, call(SYS_userfaultfd, 0)},
        {"personality", refused, call(SYS_personality, 0xFFFFFFFF)},
        {"set the clock", refused, call(SYS_clock_settime, -1, 0)},
        {"write the state directory", done, [&config] { return creates(config.state_dir); }},
        {"read the configuration", done, [&config_file] { return opens(config_file, O_RDONLY); }},
        {"read resolv.conf", done, [] { return opens("/etc/resolv.conf", O_RDONLY) || errno == ENOENT; }},
        {"socket(AF_INET)", done, [] { return socket_of(AF_INET, SOCK_STREAM); }},
        {"start a thread", done, [] {
             std::atomic<bool> ran = false;
             std::thread([&ran] { ran = true; }).join();
             return ran.load();
         }},
    };
}

/// Says whether a thread that runs already was confined, too: it tries to execute.
bool executes_in_a_thread(const std::function<void()>& confine) {
    std::atomic<bool> confined = false;
    int error = 0;
    std::thread old([&] {
        confined.wait(false);
        executes();
        error = errno;
    });
    confine();
    confined = true;
    confined.notify_all();
    old.join();
    errno = error;
    return false;
}

/// Runs in the child, to its end.
[[noreturn]] void carry_out(const Attempt& attempt, const std::function<void()>& confine_both) {
    const rlimit none{};
    ::setrlimit(RLIMIT_CORE, &none);
    confine_both();
    const bool succeeded = attempt.make();
    ::_exit(succeeded ? kSucceeded : errno);
}

}   // namespace

int try_all(const Config& config, const std::string& config_file) {
    const Reach reach = reach_of(config, config_file);
    auto files = [&] { return config.sandbox ? confine_files(reach) : Done("nothing: security.sandbox is false"); };
    auto calls = [&] { return config.sandbox ? confine_calls() : Done("nothing: security.sandbox is false"); };
    auto both = [&] {
        static_cast<void>(files());
        static_cast<void>(calls());
    };
    std::vector<Attempt> all = attempts(config, config_file);
    // /etc is read by name services; what is secret there is kept by its mode, which does not hold for root.
    if (::geteuid() != 0) {
        for (const char* secret : {"/etc/shadow", "/etc/gshadow"}) all.push_back({std::string("read ") + secret, Wanted::refused, [secret] { return opens(secret, O_RDONLY); }});
    } else {
        std::printf("read /etc/shadow: not tried, as nothing but its mode keeps root from it: try it as the gateway's user\n");
    }
    // Confines itself, after it has started a thread.
    all.push_back({"exec by a thread that ran before", Wanted::refused, [&] { return executes_in_a_thread(both); }});
    auto told = [](const Done& done) { return done ? *done : "not confined: " + done.error().rule; };
    all.push_back({"files", Wanted::done, [&] { return std::printf("files: %s\n", told(files()).c_str()) > 0; }});
    all.push_back({"calls", Wanted::done, [&] { return std::printf("calls: %s\n", told(calls()).c_str()) > 0; }});

    int bad = 0;
    for (const Attempt& attempt : all) {
        const bool by_itself = &attempt >= &all[all.size() - 3];
        std::fflush(stdout);
        const pid_t child = ::fork();
        if (child == 0) {
            if (!by_itself) carry_out(attempt, both);
            const bool succeeded = attempt.make();
            std::fflush(stdout);
            ::_exit(succeeded ? kSucceeded : errno);
        }
        int status = 0;
        if (child < 0 || ::waitpid(child, &status, 0) != child) return std::perror("mmgated: fork"), 1;
        if (attempt.name == "files" || attempt.name == "calls") continue;
        const bool killed = WIFSIGNALED(status);
        // A program that was executed ends with 0.
        const bool done = !killed && (WEXITSTATUS(status) == kSucceeded || WEXITSTATUS(status) == 0);
        const bool right = done == (attempt.wanted == Wanted::done);
        const std::string how = done ? "done" : killed ? (WTERMSIG(status) == SIGSYS ? "refused (killed)" : "refused (signal " + std::to_string(WTERMSIG(status)) + ")")
                                                       : "refused (" + std::string(std::strerror(WEXITSTATUS(status))) + ")";
        std::printf("%s: %s%s\n", attempt.name.c_str(), how.c_str(), right ? "" : "  <- WRONG");
        if (!right) ++bad;
    }
    if (bad) std::printf("%d of %zu attempts ended as they must not\n", bad, all.size() - 2);
    return bad ? 1 : 0;
}

}   // namespace mmgate::sandbox
