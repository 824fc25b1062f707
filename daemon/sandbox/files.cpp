// The file system, by Landlock; its system calls have no wrapper in the C library.

#include <fcntl.h>
#include <linux/landlock.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <climits>
#include <cstdlib>
#include <cstring>
#include <set>

#include "daemon/sandbox/sandbox.h"
#include "daemon/sandbox/sanitizers.h"

namespace mmgate::sandbox {

namespace {

// What later versions of Landlock know and the headers of this system may not.
constexpr std::uint64_t kRefer = 1ULL << 13, kTruncate = 1ULL << 14, kIoctlDevice = 1ULL << 15;
constexpr std::uint64_t kScopeAbstractSockets = 1ULL << 0, kScopeSignals = 1ULL << 1;

constexpr std::uint64_t kReadFile = LANDLOCK_ACCESS_FS_READ_FILE;
constexpr std::uint64_t kRead = kReadFile | LANDLOCK_ACCESS_FS_READ_DIR;
// In folders of our own: no devices, and nothing to be executed.
constexpr std::uint64_t kWrite = kRead | LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_REMOVE_FILE | LANDLOCK_ACCESS_FS_REMOVE_DIR | LANDLOCK_ACCESS_FS_MAKE_REG |
                                 LANDLOCK_ACCESS_FS_MAKE_DIR | LANDLOCK_ACCESS_FS_MAKE_SOCK | kRefer | kTruncate;
// Of a single file no right can be given that folders alone have.
constexpr std::uint64_t kOfFiles = LANDLOCK_ACCESS_FS_EXECUTE | LANDLOCK_ACCESS_FS_WRITE_FILE | kReadFile | kTruncate | kIoctlDevice;

struct Version {
    std::uint64_t files;    // rights it can deny
    std::uint64_t scopes;   // and what it can keep inside
};
// By the version that the kernel gives, from 1 on. Source: landlock(7), VERSIONS.
constexpr auto kVersions = std::to_array<Version>({
    {(1ULL << 13) - 1, 0},
    {(1ULL << 14) - 1, 0},
    {(1ULL << 15) - 1, 0},
    {(1ULL << 15) - 1, 0},
    {(1ULL << 16) - 1, 0},
    {(1ULL << 16) - 1, kScopeAbstractSockets | kScopeSignals},
});

/// As of version 6; older kernels take the front of it.
struct RulesetAttributes {
    std::uint64_t files = 0, network = 0, scopes = 0;
};

struct Descriptor {
    int fd = -1;
    explicit Descriptor(int opened) : fd(opened) {}
    Descriptor(const Descriptor&) = delete;
    Descriptor& operator=(const Descriptor&) = delete;
    ~Descriptor() {
        if (fd >= 0) ::close(fd);
    }
};

int create_ruleset(const RulesetAttributes* attributes, std::size_t size, std::uint32_t flags) {
    return static_cast<int>(::syscall(SYS_landlock_create_ruleset, attributes, size, flags));
}

bool allow(int ruleset, const std::string& path, std::uint64_t rights) {
    const Descriptor at(::open(path.c_str(), O_PATH | O_CLOEXEC));
    struct stat status {};
    if (at.fd < 0 || ::fstat(at.fd, &status) != 0) return true;   // what does not exist needs no right
    landlock_path_beneath_attr rule{};
    rule.allowed_access = S_ISDIR(status.st_mode) ? rights : rights & kOfFiles;
    rule.parent_fd = at.fd;
    return ::syscall(SYS_landlock_add_rule, ruleset, LANDLOCK_RULE_PATH_BENEATH, &rule, 0) == 0;
}

Error system_says(const std::string& what) { return {Fault::internal, 0, what + ": " + std::strerror(errno)}; }

std::string folder_of(const std::string& path) {
    const std::size_t slash = path.rfind('/');
    return slash == std::string::npos ? "." : path.substr(0, std::max<std::size_t>(slash, 1));
}

/// The folders that a path leads through by symbolic links, the last one included: what is renewed there must be found again.
void add_folders(std::vector<std::string>& out, const std::string& path) {
    if (path.empty()) return;
    out.push_back(folder_of(path));
    std::array<char, PATH_MAX> real{};
    if (::realpath(path.c_str(), real.data())) out.push_back(folder_of(real.data()));
}

}   // namespace

Reach reach_of(const Config& config, const std::string& config_file) {
    Reach out;
    out.write = {config.state_dir, folder_of(config.control), "/dev/null"};
    // Libraries load character sets, providers and name services when they are first asked for.
    out.read = {"/usr", "/lib", "/lib64", "/etc/ssl", "/etc/mmgate", "/dev/urandom", "/dev/random"};
    for (const std::string* path : {&config_file, &config.tls_certificate, &config.tls_key}) add_folders(out.read, *path);
    for (const Peer& peer : config.peers)
        for (const std::string* path : {&peer.tls_ca, &peer.tls_certificate, &peer.tls_key}) add_folders(out.read, *path);
    if (const char* credentials = std::getenv("CREDENTIALS_DIRECTORY")) out.read.emplace_back(credentials);
    // resolv.conf, hosts, nsswitch.conf and passwd are replaced by new files, for which a rule of the old one would not hold.
    out.files = {"/etc"};
    std::vector<std::string> linked;
    for (const char* path : {"/etc/resolv.conf", "/etc/hosts"}) add_folders(linked, path);
    for (const std::string& folder : linked)
        if (folder != "/etc") out.files.push_back(folder);
    return out;
}

Done confine_files(const Reach& reach) {
    if (kSanitized) return fail(Fault::internal, "a build with sanitizers");
    if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) return fail(system_says("no_new_privs"));
    const int version = create_ruleset(nullptr, 0, LANDLOCK_CREATE_RULESET_VERSION);
    if (version < 1) return fail(system_says("the kernel has no Landlock"));
    const Version& able = kVersions[std::min<std::size_t>(static_cast<std::size_t>(version), kVersions.size()) - 1];
    RulesetAttributes attributes;
    attributes.files = able.files;
    attributes.scopes = able.scopes;
    const Descriptor ruleset(create_ruleset(&attributes, able.scopes ? sizeof attributes : sizeof attributes.files, 0));
    if (ruleset.fd < 0) return fail(system_says("Landlock"));
    auto all = [&](const std::vector<std::string>& paths, std::uint64_t rights) {
        for (const std::string& path : paths)
            if (!allow(ruleset.fd, path, rights & able.files)) return false;
        return true;
    };
    if (!all(reach.write, kWrite) || !all(reach.read, kRead) || !all(reach.files, kReadFile)) return fail(system_says("Landlock"));
    if (::syscall(SYS_landlock_restrict_self, ruleset.fd, 0) != 0) return fail(system_says("Landlock"));
    return "landlock-" + std::to_string(version);
}

}   // namespace mmgate::sandbox
