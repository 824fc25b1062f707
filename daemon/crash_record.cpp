#include "daemon/crash_record.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <utility>

namespace mmgate {

namespace {

// More than all carriers together have under way; what finds no slot is carried without one.
constexpr std::size_t kSlots = 2048;
constexpr std::array<char, 8> kMagic{'m', 'm', 'g', 'c', 'r', 'a', 's', 'h'};
constexpr std::uint32_t kVersion = 1;
constexpr std::uint32_t kMostCrashes = 255;
// So many suspects say nothing about any of them.
constexpr std::size_t kMostSuspects = kSlots / 2;

// FNV-1a: the same in every build, which std::hash is not.
std::uint64_t digest(std::string_view text) {
    std::uint64_t value = 0xcbf29ce484222325;
    for (const char octet : text) value = (value ^ static_cast<unsigned char>(octet)) * 0x100000001b3;
    return value;
}

// A signal handler knows nothing but what has static storage.
std::atomic<std::atomic<std::uint32_t>*> g_mark{nullptr};
static_assert(std::atomic<std::uint32_t>::is_always_lock_free && std::atomic<std::atomic<std::uint32_t>*>::is_always_lock_free);

extern "C" void mark_and_end(int signal) {
    if (auto* mark = g_mark.load()) mark->store(static_cast<std::uint32_t>(signal));
    ::raise(signal);   // its default is back: SA_RESETHAND
}

}   // namespace

struct CrashRecord::File {
    struct Entry {
        std::uint64_t id, lane;
        std::atomic<std::uint32_t> under_way;
        std::uint32_t crashes;
    };
    std::array<char, 8> magic;
    std::uint32_t version;
    std::atomic<std::uint32_t> signal;   // that ended the run; 0 none
    std::array<Entry, kSlots> entries;
};

Result<CrashRecord> CrashRecord::open(const std::string& path) {
    const auto failed = [&] { return fail(Fault::storage_failed, path + ": " + std::strerror(errno)); };
    const int fd = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0) return failed();
    struct stat status {};
    bool made = ::fstat(fd, &status) == 0;
    const bool fits = made && S_ISREG(status.st_mode) && status.st_size == sizeof(File);
    if (made && !fits) made = ::ftruncate(fd, 0) == 0;
    // Room on the disk, too: a page that cannot be written ends a process.
    if (made && (errno = ::posix_fallocate(fd, 0, sizeof(File))) != 0) made = false;
    void* memory = made ? ::mmap(nullptr, sizeof(File), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0) : MAP_FAILED;
    if (memory == MAP_FAILED) {
        const int error = errno;
        ::close(fd);
        errno = error;
        return failed();
    }
    ::close(fd);
    CrashRecord record(static_cast<File*>(memory));
    record.read_last_run();
    return record;
}

CrashRecord::CrashRecord(CrashRecord&& other) noexcept
    : file_(std::exchange(other.file_, nullptr)), last_run_(other.last_run_), suspects_(std::move(other.suspects_)), free_(std::move(other.free_)) {}

CrashRecord::~CrashRecord() {
    if (!file_) return;
    auto* mine = &file_->signal;
    g_mark.compare_exchange_strong(mine, nullptr);
    ::munmap(file_, sizeof(File));
}

void CrashRecord::read_last_run() {
    if (file_->magic != kMagic || file_->version != kVersion) {
        std::memset(static_cast<void*>(file_), 0, sizeof(File));
        file_->magic = kMagic;
        file_->version = kVersion;
    }
    last_run_.signal = static_cast<int>(file_->signal.exchange(0));
    for (Slot slot = kSlots; slot-- > 0;) {
        File::Entry& entry = file_->entries[slot];
        const bool was_there = entry.under_way.exchange(0) != 0 && last_run_.signal != 0;
        if (was_there) {
            ++last_run_.under_way;
            entry.crashes = std::min(entry.crashes, kMostCrashes - 1) + 1;
        }
        if (entry.crashes > 0 && suspects_.size() < kMostSuspects && suspects_.emplace(Key{{entry.id}, entry.lane}, slot).second) continue;
        entry.crashes = 0;
        free_.push_back(slot);
    }
}

void CrashRecord::watch_signals() {
    if (!file_) return;
    g_mark = &file_->signal;
    for (const int signal : {SIGABRT, SIGBUS, SIGFPE, SIGILL, SIGSEGV}) {
        struct sigaction present {};
        if (::sigaction(signal, nullptr, &present) != 0 || present.sa_handler != SIG_DFL) continue;   // a sanitizer's
        struct sigaction ours {};
        ours.sa_handler = mark_and_end;
        ours.sa_flags = SA_RESETHAND | SA_NODEFER;
        ::sigaction(signal, &ours, nullptr);
    }
}

unsigned CrashRecord::crashes(QueueId id, std::string_view lane) const {
    if (suspects_.empty()) return 0;
    const auto found = suspects_.find({id, digest(lane)});
    return found == suspects_.end() ? 0 : file_->entries[found->second].crashes;
}

CrashRecord::Slot CrashRecord::begin(QueueId id, std::string_view lane) {
    if (!file_) return kUnrecorded;
    const Key key{id, digest(lane)};
    Slot slot = kUnrecorded;
    if (const auto found = suspects_.find(key); found != suspects_.end()) {
        slot = found->second;
    } else {
        if (free_.empty()) return kUnrecorded;
        slot = free_.back();
        free_.pop_back();
        file_->entries[slot].id = key.id.value;
        file_->entries[slot].lane = key.lane;
    }
    file_->entries[slot].under_way = 1;
    return slot;
}

void CrashRecord::end(Slot slot) {
    if (slot == kUnrecorded) return;
    File::Entry& entry = file_->entries[slot];
    entry.under_way = 0;
    if (entry.crashes > 0) suspects_.erase({{entry.id}, entry.lane});
    entry.crashes = 0;
    free_.push_back(slot);
}

void CrashRecord::forget(QueueId id, std::string_view lane) {
    if (const auto found = suspects_.find({id, digest(lane)}); found != suspects_.end()) end(found->second);
}

}   // namespace mmgate
