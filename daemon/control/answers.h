// What the verbs of the control socket answer, piece by piece: each piece is made on a worker from one short look at the store.
//
// A cursor goes in and comes out, so that a queue of any length is answered in constant memory and nothing is held between pieces.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "daemon/config.h"
#include "daemon/control/protocol.h"
#include "daemon/names.h"
#include "store/store.h"

namespace mmgate::control {

/// A finished copy of the store, already without a name: its disk space goes when it is closed.
class BackupFile {
public:
    BackupFile(int fd, std::uint64_t bytes) : fd_(fd), left_(bytes) {}
    ~BackupFile();
    BackupFile(const BackupFile&) = delete;
    BackupFile& operator=(const BackupFile&) = delete;
    std::uint64_t left() const { return left_; }
    /// The next octets; nothing when the disk fails.
    std::optional<Octets> read(std::size_t most);

private:
    int fd_;
    std::uint64_t left_;
};

/// How far an answer has come.
struct Cursor {
    Request request;
    QueueId after;                        // of verbs that walk the queue
    std::size_t next_id = 0;              // of verbs that name messages
    std::shared_ptr<BackupFile> backup;   // shared with the task that reads from it, which may outlive the session
};

struct Piece {
    std::string octets;            // lines, and octets behind their announcement
    std::uint64_t count = 0;       // objects in it
    std::uint64_t missing = 0;     // ids that do not exist
    std::vector<QueueId> change;   // of verbs that change: what to change before the next piece
    bool last = false;
    std::optional<End> failed;   // ends the answer
    Cursor cursor;               // for the next piece
};

/// What a verb that changes messages asks of the store.
Operation operation_of(const Request& request, QueueId id, Instant now);

/// The end of an answer that came to its end: `count` objects, or messages changed; `missing` ids did not exist.
End verdict(const Request& request, std::uint64_t count, std::uint64_t missing);

class Answers {
public:
    /// What is referred to outlives this and every piece under way.
    Answers(const Store& store, const Names& names, const Config& config);

    /// Any verb but reload and those of monitors. Any thread.
    Piece next(Cursor cursor, Instant now) const;

private:
    Piece walk(Cursor cursor, Instant now) const;
    Piece named(Cursor cursor, Instant now) const;
    Piece check(Cursor cursor) const;
    Piece backup(Cursor cursor) const;
    void describe(const Message& message, Instant now, Piece& piece) const;
    void cat(const Message& message, Piece& piece) const;
    Result<Octets> octets_of(const Message& message, const Request& request, const Octets& content) const;

    const Store& store_;
    const Names& names_;
    const std::string domain_, hostname_, state_dir_;
    const bool keep_smil_;
    const Seconds mm4_lifetime_;
};

}   // namespace mmgate::control
