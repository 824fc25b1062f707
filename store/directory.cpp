#include "store/directory.h"

#include <array>
#include <cerrno>
#include <cstring>

#include <fcntl.h>
#include <linux/magic.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/statvfs.h>
#include <unistd.h>

namespace mmgate {

namespace {

struct RemoteFileSystem {
    std::uint32_t type;
    const char* name;
};

// Source: statfs(2); linux/magic.h where it names them.
constexpr auto kRemote = std::to_array<RemoteFileSystem>({
    {NFS_SUPER_MAGIC, "NFS"},
    {SMB_SUPER_MAGIC, "SMB"},
    {0xFF534D42, "CIFS"},
    {0xFE534D42, "SMB2"},
    {AFS_SUPER_MAGIC, "AFS"},
    {CODA_SUPER_MAGIC, "Coda"},
    {V9FS_MAGIC, "9P"},
    {0x00C36400, "Ceph"},
    {0x0BD00BD0, "Lustre"},
    {0x47504653, "GPFS"},
    {0x01161970, "GFS2"},
    {0x7461636F, "OCFS2"},
    {0x786F4256, "vboxsf"},
});

constexpr const char* kLockName = "gateway.lock";

Error failed(const std::string& what) {
    return {Fault::storage_failed, 0, what + ": " + std::strerror(errno)};
}

// Who holds the lock, as it wrote itself.
std::string holder(int lock) {
    std::array<char, 32> text{};
    const ssize_t size = pread(lock, text.data(), text.size() - 1, 0);
    std::string pid(text.data(), size > 0 ? static_cast<std::size_t>(size) : 0);
    while (!pid.empty() && pid.back() == '\n') pid.pop_back();
    return pid.empty() ? "another process" : "process " + pid;
}

}   // namespace

Descriptor& Descriptor::operator=(Descriptor&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
}

Descriptor::~Descriptor() {
    if (fd_ >= 0) close(fd_);
}

Result<Directory> Directory::take(const std::string& path) {
    Directory out;
    out.path_ = path;
    if (mkdir(path.c_str(), 0700) != 0 && errno != EEXIST) return fail(failed("making the directory " + path));
    out.directory_ = Descriptor(open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!out.directory_) return fail(failed("opening the directory " + path));

    struct statfs file_system {};
    if (fstatfs(out.directory_.get(), &file_system) != 0) return fail(failed("asking for the file system of " + path));
    for (const RemoteFileSystem& remote : kRemote)
        if (static_cast<std::uint32_t>(file_system.f_type) == remote.type)
            return fail(Fault::storage_failed, path + " lies on a remote file system (" + remote.name + "); the store needs a local disk");

    out.lock_ = Descriptor(openat(out.directory_.get(), kLockName, O_RDWR | O_CREAT | O_CLOEXEC, 0600));
    if (!out.lock_) return fail(failed("opening " + path + "/" + kLockName));
    if (flock(out.lock_.get(), LOCK_EX | LOCK_NB) != 0) {
        if (errno == EWOULDBLOCK) return fail(Fault::storage_failed, "the store in " + path + " is in use by " + holder(out.lock_.get()));
        return fail(failed("locking " + path + "/" + kLockName));
    }
    // A lock file that somebody deletes is another one the next time; the folder stays the same.
    if (flock(out.directory_.get(), LOCK_EX | LOCK_NB) != 0) {
        if (errno == EWOULDBLOCK) return fail(Fault::storage_failed, "the store in " + path + " is in use by " + holder(out.lock_.get()));
        return fail(failed("locking " + path));
    }
    const std::string pid = std::to_string(getpid()) + "\n";
    // Only a help for people: the lock holds without it, also on a full disk.
    [[maybe_unused]] const bool named = ftruncate(out.lock_.get(), 0) == 0 && pwrite(out.lock_.get(), pid.data(), pid.size(), 0) > 0;
    return out;
}

std::uint64_t Directory::free_bytes() const {
    struct statvfs space {};
    if (fstatvfs(directory_.get(), &space) != 0) return 0;
    return static_cast<std::uint64_t>(space.f_bavail) * space.f_frsize;
}

void Directory::sync() const { fsync(directory_.get()); }

}   // namespace mmgate
