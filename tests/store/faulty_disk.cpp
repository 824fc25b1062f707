#include "tests/store/faulty_disk.h"

#include <cerrno>
#include <mutex>
#include <optional>

#include <fcntl.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

namespace mmgate::faulty_disk {

namespace {

constexpr off_t kMetaBytes = 2 * 4096;

struct State {
    std::mutex mutex;
    std::optional<Breakage> fault;
    unsigned seen = 0;
    bool remembers = false;
    std::vector<Told> told;
};
State& state() {
    static State state;
    return state;
}

// What the fault makes of a call of this kind: nothing, an error, or a short write (0).
std::optional<int> verdict(Call call, bool meta) {
    State& now = state();
    if (!now.fault) return std::nullopt;
    Breakage& fault = *now.fault;
    const bool meant = fault.call == call || (fault.call == Call::meta_write && call == Call::write && meta);
    if (!meant) return std::nullopt;
    ++now.seen;
    if (fault.after > 0) {
        --fault.after;
        return std::nullopt;
    }
    const int error = fault.error;
    if (!fault.for_ever) fault.call = static_cast<Call>(0xFF);
    return error;
}

ssize_t write_at(int fd, const void* data, std::size_t size, off_t offset) {
    State& now = state();
    std::lock_guard lock(now.mutex);
    if (auto error = verdict(Call::write, offset < kMetaBytes)) {
        if (*error != 0) {
            errno = *error;
            return -1;
        }
        size /= 2;
    }
    const ssize_t written = syscall(SYS_pwrite64, fd, data, size, offset);
    if (now.remembers && written > 0)
        now.told.push_back({offset, std::string(static_cast<const char*>(data), static_cast<std::size_t>(written)), false, (fcntl(fd, F_GETFL) & O_DSYNC) != 0});
    return written;
}

}   // namespace

void break_down(const Breakage& breakage) {
    std::lock_guard lock(state().mutex);
    state().fault = breakage;
    state().seen = 0;
}

unsigned mend() {
    std::lock_guard lock(state().mutex);
    state().fault.reset();
    return state().seen;
}

void remember() {
    std::lock_guard lock(state().mutex);
    state().remembers = true;
    state().told.clear();
}

std::size_t remembered() {
    std::lock_guard lock(state().mutex);
    return state().told.size();
}

std::vector<Told> recall() {
    std::lock_guard lock(state().mutex);
    state().remembers = false;
    return std::move(state().told);
}

}   // namespace mmgate::faulty_disk

extern "C" {

ssize_t pwrite(int fd, const void* data, size_t size, off_t offset) { return mmgate::faulty_disk::write_at(fd, data, size, offset); }

ssize_t writev(int fd, const struct iovec* pieces, int count) {
    std::string all;
    for (int i = 0; i < count; ++i) all.append(static_cast<const char*>(pieces[i].iov_base), pieces[i].iov_len);
    const off_t offset = lseek(fd, 0, SEEK_CUR);
    if (offset < 0) return syscall(SYS_writev, fd, pieces, count);   // a pipe
    const ssize_t written = mmgate::faulty_disk::write_at(fd, all.data(), all.size(), offset);
    if (written > 0) lseek(fd, written, SEEK_CUR);
    return written;
}

int fdatasync(int fd) {
    using namespace mmgate::faulty_disk;
    State& now = state();
    std::lock_guard lock(now.mutex);
    if (auto error = verdict(Call::sync, false)) {
        errno = *error;
        return -1;
    }
    if (now.remembers) now.told.push_back({0, {}, true, false});
    return static_cast<int>(syscall(SYS_fdatasync, fd));
}

}   // extern "C"
