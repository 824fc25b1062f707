// What was under way when the process crashed. What is there again and again is the likely reason, and is parked before it does it once more.
//
// A small mapped file beside the store: everything that is carried has a slot in it. A handler of fatal signals marks the file and does nothing else; the
// kernel keeps the pages of a process that is gone. SIGKILL and a power cut mark nothing: they are no message's fault.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "mapping/result.h"
#include "store/store.h"

namespace mmgate {

class CrashRecord {
public:
    /// A place in the file; kUnrecorded where there was none left.
    using Slot = std::size_t;
    static constexpr Slot kUnrecorded = SIZE_MAX;

    /// Of the last run, as far as it crashed.
    struct LastRun {
        int signal = 0;              // 0: it did not
        std::size_t under_way = 0;   // messages that were carried at that moment
    };

    /// Remembers nothing beyond this run.
    CrashRecord() = default;
    /// Reads what the last run left and begins anew. A file that is damaged or of another version counts for nothing. Fails: storage_failed, and with it only
    /// the record is missing.
    static Result<CrashRecord> open(const std::string& path);
    CrashRecord(CrashRecord&& other) noexcept;
    CrashRecord& operator=(CrashRecord&&) = delete;
    ~CrashRecord();

    /// From here on SIGABRT, SIGBUS, SIGFPE, SIGILL and SIGSEGV mark the file before they end the process, where nothing else has asked for them. Of one record
    /// in a process.
    void watch_signals();

    const LastRun& last_run() const { return last_run_; }
    /// In how many crashes in a row this message was being carried in this lane.
    unsigned crashes(QueueId id, std::string_view lane) const;
    /// It is carried from here on, ...
    Slot begin(QueueId id, std::string_view lane);
    /// ... and it has not ended us.
    void end(Slot slot);
    /// It begins with a clean slate: somebody else sees to it.
    void forget(QueueId id, std::string_view lane);

private:
    struct File;
    struct Key {
        QueueId id;
        std::uint64_t lane = 0;   // a digest of its name
        auto operator<=>(const Key&) const = default;
    };
    explicit CrashRecord(File* file) : file_(file) {}
    void read_last_run();

    File* file_ = nullptr;   // mapped
    LastRun last_run_;
    std::map<Key, Slot> suspects_;
    std::vector<Slot> free_;
};

}   // namespace mmgate
