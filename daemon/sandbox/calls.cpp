// The system calls, by seccomp: three tables.

#include <sched.h>
#include <seccomp.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <initializer_list>
#include <memory>
#include <string_view>
#include <vector>

#include "daemon/sandbox/sandbox.h"
#include "daemon/sandbox/sanitizers.h"

namespace mmgate::sandbox {

namespace {

// What the loop, the committer, the workers and the libraries do. A name that the machine does not know is passed over.
constexpr std::string_view kAllowed[] = {
    // what is open
    "read", "write", "readv", "writev", "pread64", "pwrite64", "preadv", "pwritev", "preadv2", "pwritev2", "lseek", "_llseek", "close", "close_range", "dup", "dup3",
    "fcntl", "fcntl64", "fsync", "fdatasync", "sync_file_range", "ftruncate", "ftruncate64", "fallocate", "fadvise64", "flock", "readahead", "sendfile", "copy_file_range",
    // files, where Landlock lets us
    "open", "openat", "openat2", "stat", "lstat", "fstat", "stat64", "lstat64", "fstat64", "newfstatat", "fstatat64", "statx", "statfs", "fstatfs", "statfs64", "fstatfs64",
    "access", "faccessat", "faccessat2", "readlink", "readlinkat", "getcwd", "getdents", "getdents64", "mkdir", "mkdirat", "rmdir", "unlink", "unlinkat", "rename", "renameat",
    "renameat2", "chmod", "fchmod", "fchmodat", "umask", "memfd_create",
    // memory
    "brk", "munmap", "mremap", "madvise", "msync", "mincore", "membarrier",
    // threads and time
    "futex", "futex_time64", "get_robust_list", "set_robust_list", "set_tid_address", "rseq", "gettid", "sched_yield", "sched_getaffinity", "sched_getparam", "sched_getscheduler",
    "getcpu", "arch_prctl", "exit", "exit_group", "nanosleep", "clock_nanosleep", "clock_nanosleep_time64", "clock_gettime", "clock_gettime64", "clock_getres",
    "clock_getres_time64", "gettimeofday", "time", "times", "timerfd_create", "timerfd_settime", "timerfd_settime64", "timerfd_gettime", "getitimer", "setitimer",
    // signals to ourselves
    "rt_sigaction", "rt_sigprocmask", "rt_sigreturn", "rt_sigpending", "rt_sigtimedwait", "rt_sigsuspend", "sigaltstack", "sigreturn", "restart_syscall", "pause", "alarm",
    "signalfd4",
    // who we are
    "getpid", "getppid", "getuid", "geteuid", "getgid", "getegid", "getresuid", "getresgid", "getgroups", "getpgrp", "getsid", "getpgid", "uname", "sysinfo", "getrusage",
    "getrlimit", "ugetrlimit", "getrandom", "getpriority",
    // connections; which kinds of sockets is said below
    "connect", "bind", "listen", "accept", "accept4", "getsockname", "getpeername", "getsockopt", "setsockopt", "send", "sendto", "sendmsg", "sendmmsg", "recv", "recvfrom",
    "recvmsg", "recvmmsg", "shutdown", "pipe", "pipe2", "eventfd", "eventfd2", "epoll_create", "epoll_create1", "epoll_ctl", "epoll_wait", "epoll_pwait", "epoll_pwait2", "poll",
    "ppoll", "ppoll_time64", "select", "_newselect", "pselect6", "pselect6_time64"};

// What no gateway does by mistake: the process ends at once, before the next step of whoever steers it. A fork is a clone without a thread.
constexpr std::string_view kFatal[] = {
    "execve", "execveat", "fork", "vfork", "ptrace", "process_vm_readv", "process_vm_writev", "process_madvise", "pidfd_getfd", "pidfd_open", "init_module", "finit_module",
    "delete_module", "kexec_load", "kexec_file_load", "bpf", "perf_event_open", "userfaultfd", "io_uring_setup", "io_uring_enter", "io_uring_register", "mount", "umount2",
    "pivot_root", "chroot", "move_mount", "fsopen", "fsconfig", "fsmount", "fspick", "open_tree", "mount_setattr", "setns", "unshare", "keyctl", "add_key", "request_key",
    "open_by_handle_at", "name_to_handle_at", "iopl", "ioperm", "modify_ldt", "personality", "reboot", "swapon", "swapoff", "acct", "quotactl", "syslog", "lookup_dcookie",
    "setuid", "setgid", "setreuid", "setregid", "setresuid", "setresgid", "setfsuid", "setfsgid", "setgroups", "capset", "sethostname", "setdomainname", "mknod", "mknodat",
    "clock_settime", "settimeofday", "adjtimex", "clock_adjtime"};

using Arguments = std::vector<scmp_arg_cmp>;
struct Rule {
    std::uint32_t action;
    std::string_view call;
    Arguments arguments;
};

scmp_arg_cmp equal(unsigned place, scmp_datum_t value) { return {place, SCMP_CMP_EQ, value, 0}; }
scmp_arg_cmp masked(unsigned place, scmp_datum_t mask, scmp_datum_t value) { return {place, SCMP_CMP_MASKED_EQ, mask, value}; }

// What depends on arguments.
std::vector<Rule> by_argument() {
    const auto self = static_cast<scmp_datum_t>(::getpid());
    std::vector<Rule> rules = {
        // A new thread, but no new process. clone3 hides its flags from us; without it the C library takes clone.
        {SCMP_ACT_ALLOW, "clone", {masked(0, CLONE_THREAD, CLONE_THREAD)}},
        {SCMP_ACT_KILL_PROCESS, "clone", {masked(0, CLONE_THREAD, 0)}},
        {SCMP_ACT_ERRNO(ENOSYS), "clone3", {}},
        // Memory is written or executed, never both.
        {SCMP_ACT_ALLOW, "mmap", {masked(2, PROT_WRITE | PROT_EXEC, PROT_WRITE)}},
        {SCMP_ACT_ALLOW, "mmap", {masked(2, PROT_WRITE, 0)}},
        {SCMP_ACT_ALLOW, "mmap2", {masked(2, PROT_WRITE | PROT_EXEC, PROT_WRITE)}},
        {SCMP_ACT_ALLOW, "mmap2", {masked(2, PROT_WRITE, 0)}},
        {SCMP_ACT_ALLOW, "mprotect", {masked(2, PROT_EXEC, 0)}},
        {SCMP_ACT_ALLOW, "tgkill", {equal(0, self)}},
        {SCMP_ACT_ALLOW, "kill", {equal(0, self)}},
        {SCMP_ACT_ALLOW, "prlimit64", {equal(2, 0)}},   // asks only
    };
    for (scmp_datum_t family : {AF_UNIX, AF_INET, AF_INET6}) rules.push_back({SCMP_ACT_ALLOW, "socket", {equal(0, family), {1, SCMP_CMP_MASKED_EQ, 0xF, SOCK_STREAM}}});
    for (scmp_datum_t family : {AF_UNIX, AF_INET, AF_INET6}) rules.push_back({SCMP_ACT_ALLOW, "socket", {equal(0, family), {1, SCMP_CMP_MASKED_EQ, 0xF, SOCK_DGRAM}}});
    rules.push_back({SCMP_ACT_ALLOW, "socketpair", {equal(0, AF_UNIX)}});
    for (scmp_datum_t request : {FIONBIO, FIONREAD, TCGETS, FIOCLEX}) rules.push_back({SCMP_ACT_ALLOW, "ioctl", {equal(1, request)}});
    for (scmp_datum_t option : {PR_SET_NAME, PR_GET_NAME, PR_GET_DUMPABLE, PR_GET_NO_NEW_PRIVS, PR_GET_SECCOMP}) rules.push_back({SCMP_ACT_ALLOW, "prctl", {equal(0, option)}});
    return rules;
}

template <auto release>
struct Release {
    void operator()(scmp_filter_ctx filter) const noexcept { release(filter); }
};
using Filter = std::unique_ptr<void, Release<seccomp_release>>;

/// A libseccomp code as an error; a call that this machine does not have is none.
bool add(const Filter& filter, const Rule& rule) {
    const int number = seccomp_syscall_resolve_name(std::string(rule.call).c_str());
    if (number == __NR_SCMP_ERROR || number < 0) return true;
    return seccomp_rule_add_array(filter.get(), rule.action, number, static_cast<unsigned>(rule.arguments.size()), rule.arguments.data()) == 0;
}

}   // namespace

Done confine_calls() {
    if (kSanitized) return fail(Fault::internal, "a build with sanitizers");
    const Filter filter(seccomp_init(SCMP_ACT_ERRNO(EPERM)));
    if (!filter) return fail(Fault::internal, "seccomp: no memory");
    // Threads run already: all of them, or none. Foreign calling conventions (x32, 32 bits) end the process.
    bool good = seccomp_attr_set(filter.get(), SCMP_FLTATR_CTL_TSYNC, 1) == 0 && seccomp_attr_set(filter.get(), SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS) == 0;
    for (std::string_view call : kAllowed) good = good && add(filter, {SCMP_ACT_ALLOW, call, {}});
    for (std::string_view call : kFatal) good = good && add(filter, {SCMP_ACT_KILL_PROCESS, call, {}});
    for (const Rule& rule : by_argument()) good = good && add(filter, rule);
    if (!good) return fail(Fault::internal, "seccomp: the rules cannot be put together");
    if (const int code = seccomp_load(filter.get()); code != 0) return fail(Fault::internal, std::string("the kernel has no seccomp: ") + std::strerror(-code));
    return "seccomp-" + std::to_string(std::size(kAllowed));
}

}   // namespace mmgate::sandbox
