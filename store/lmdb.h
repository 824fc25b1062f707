// LMDB wrapped once: the environment, its transactions and cursors. The only user of lmdb.h.
//
// Always in full sync: data are on the disk before the page that makes them valid, and that page before commit returns.
// A ReadTxn is short: it pins the pages of its snapshot, and the map cannot grow under it. One WriteTxn at a time.
// A WriteTxn keeps its first error; what is asked of it afterwards does nothing, so a batch of puts checks once, at commit.
// Source: LMDB 0.9.24, lmdb.h.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <lmdb.h>

#include "mapping/result.h"

namespace mmgate::lmdb {

/// The release function of a C type inside the type.
template <auto release>
struct FreedBy {
    template <class T>
    void operator()(T* p) const noexcept { release(p); }
};
using EnvHandle = std::unique_ptr<MDB_env, FreedBy<mdb_env_close>>;
using TxnHandle = std::unique_ptr<MDB_txn, FreedBy<mdb_txn_abort>>;
using CursorHandle = std::unique_ptr<MDB_cursor, FreedBy<mdb_cursor_close>>;

/// One of the databases inside the environment, by its place in the list the environment was opened with.
struct Database {
    std::size_t place = 0;
};

/// An LMDB return code as an Error: storage_full when there is no room in the map or on the disk, storage_failed otherwise.
Error error_of(int code, std::string_view during);
/// Whether the code says that the map has no room (and not the disk).
bool is_map_full(int code);

/// Walks a database in the order of its keys. Views are good until the next write or the end of the transaction.
class Cursor {
public:
    Cursor() = default;
    /// To the first key not below `key`.
    bool seek(Bytes key) { return move(MDB_SET_RANGE, key); }
    bool first() { return move(MDB_FIRST, {}); }
    bool last() { return move(MDB_LAST, {}); }
    bool next() { return move(MDB_NEXT, {}); }
    bool previous() { return move(MDB_PREV, {}); }
    Bytes key() const { return key_; }
    Bytes value() const { return value_; }
    /// 0, or what a move or a removal failed with (the end of the database is no failure).
    int error() const { return error_; }

private:
    friend class Txn;
    friend class WriteTxn;
    explicit Cursor(CursorHandle handle, int error) : handle_(std::move(handle)), error_(error) {}
    bool move(MDB_cursor_op operation, Bytes key);

    CursorHandle handle_;
    Bytes key_, value_;
    int error_ = 0;
};

class Env;

/// What reading and writing transactions share.
class Txn {
public:
    std::optional<Bytes> get(Database database, Bytes key) const;
    Cursor cursor(Database database) const;
    /// 0, or the first error.
    int error() const { return error_; }
    /// The number of the commit that is seen, or of the one to be.
    std::size_t number() const { return handle_ ? mdb_txn_id(handle_.get()) : 0; }
    /// Pages in use by all databases, the free list and the two meta pages.
    std::uint64_t pages_in_use() const;

protected:
    Txn(const Env& env) : env_(&env) {}
    void note(int code) const {
        if (error_ == 0) error_ = code;
    }
    const Env* env_;
    TxnHandle handle_;
    mutable int error_ = 0;
};

class ReadTxn : public Txn {
public:
    /// May fail: see error().
    explicit ReadTxn(const Env& env);
};

class WriteTxn : public Txn {
public:
    explicit WriteTxn(const Env& env);
    void put(Database database, Bytes key, Bytes value);
    /// The same for a key above all others of its database; cheaper, and it leaves full pages behind.
    void append(Database database, Bytes key, Bytes value);
    /// Whether the key was there.
    bool erase(Database database, Bytes key);
    /// Removes where the cursor stands, and leaves it so that next() goes to what followed.
    void erase(Cursor& cursor);
    /// Removes everything in a database.
    void clear(Database database);
    /// Commits. 0 when all is on the disk; otherwise nothing happened, and unless is_map_full the environment must be opened anew.
    int commit();
};

struct EnvOptions {
    std::string directory;                // exists
    std::uint64_t map_bytes = 0;          // to begin with; at least what the file holds
    std::vector<const char*> databases;   // names; created when missing
};

/// The open environment. One a directory and process.
class Env {
public:
    /// Fails: storage_failed, storage_full.
    static Result<std::unique_ptr<Env>> open(const EnvOptions& options);

    std::uint64_t map_bytes() const;
    std::uint64_t file_bytes() const;
    std::uint32_t page_bytes() const { return page_bytes_; }
    /// Pages from the beginning of the file that were ever used.
    std::uint64_t pages_touched() const;
    /// Sets the size of the map. No transaction may be open: the caller's promise.
    Result<void> resize(std::uint64_t map_bytes);
    /// Frees the reader slots of processes that died; how many.
    int free_dead_readers();
    /// Writes a compacted copy to an open file. The snapshot is pinned meanwhile.
    int copy_to(int descriptor) const;

private:
    friend class Txn;
    friend class ReadTxn;
    friend class WriteTxn;
    Env() = default;

    EnvHandle handle_;
    std::vector<MDB_dbi> databases_;
    std::uint32_t page_bytes_ = 0;
};

}   // namespace mmgate::lmdb
