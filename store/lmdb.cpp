#include "store/lmdb.h"

#include <cassert>
#include <cerrno>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace mmgate::lmdb {

namespace {

// Readers at a time: workers and the control socket's; LMDB's own default is 126.
constexpr unsigned kReaders = 512;

// Each of these would let a commit return before it is on the disk, or two writers meet.
constexpr unsigned kForbidden = MDB_NOSYNC | MDB_NOMETASYNC | MDB_WRITEMAP | MDB_MAPASYNC | MDB_NOLOCK;

// Read transactions belong to objects, not to threads. MDB_NOMEMINIT stays out: no old memory of ours, which may be mail, reaches the disk.
constexpr unsigned kFlags = MDB_NOTLS;

constexpr mode_t kMode = 0600;

MDB_val val(Bytes bytes) { return {bytes.size(), const_cast<char*>(bytes.data())}; }
Bytes bytes_of(const MDB_val& value) { return {static_cast<const char*>(value.mv_data), value.mv_size}; }

}   // namespace

bool is_map_full(int code) { return code == MDB_MAP_FULL; }

Error error_of(int code, std::string_view during) {
    const bool full = code == MDB_MAP_FULL || code == ENOSPC || code == EDQUOT;
    std::string text(during);
    text += ": ";
    text += code == MDB_MAP_FULL ? "the store has reached its largest size" : mdb_strerror(code);
    return {full ? Fault::storage_full : Fault::storage_failed, 0, std::move(text)};
}

bool Cursor::move(MDB_cursor_op operation, Bytes key) {
    if (!handle_ || error_ != 0) return false;
    MDB_val k = val(key), v{};
    const int code = mdb_cursor_get(handle_.get(), &k, &v, operation);
    if (code == 0) {
        key_ = bytes_of(k);
        value_ = bytes_of(v);
        return true;
    }
    if (code != MDB_NOTFOUND) error_ = code;
    return false;
}

std::optional<Bytes> Txn::get(Database database, Bytes key) const {
    if (error_ != 0) return std::nullopt;
    MDB_val k = val(key), v{};
    const int code = mdb_get(handle_.get(), env_->databases_[database.place], &k, &v);
    if (code == 0) return bytes_of(v);
    if (code != MDB_NOTFOUND) note(code);
    return std::nullopt;
}

Cursor Txn::cursor(Database database) const {
    if (error_ != 0) return Cursor(nullptr, error_);
    MDB_cursor* cursor = nullptr;
    const int code = mdb_cursor_open(handle_.get(), env_->databases_[database.place], &cursor);
    if (code != 0) note(code);
    return Cursor(CursorHandle(cursor), code);
}

ReadTxn::ReadTxn(const Env& env) : Txn(env) {
    MDB_txn* txn = nullptr;
    note(mdb_txn_begin(env.handle_.get(), nullptr, MDB_RDONLY, &txn));
    handle_.reset(txn);
}

WriteTxn::WriteTxn(const Env& env) : Txn(env) {
    MDB_txn* txn = nullptr;
    note(mdb_txn_begin(env.handle_.get(), nullptr, 0, &txn));
    handle_.reset(txn);
}

void WriteTxn::put(Database database, Bytes key, Bytes value) {
    if (error_ != 0) return;
    MDB_val k = val(key), v = val(value);
    note(mdb_put(handle_.get(), env_->databases_[database.place], &k, &v, 0));
}

void WriteTxn::append(Database database, Bytes key, Bytes value) {
    if (error_ != 0) return;
    MDB_val k = val(key), v = val(value);
    int code = mdb_put(handle_.get(), env_->databases_[database.place], &k, &v, MDB_APPEND);
    if (code == MDB_KEYEXIST) code = mdb_put(handle_.get(), env_->databases_[database.place], &k, &v, 0);   // damage put a key above it
    note(code);
}

bool WriteTxn::erase(Database database, Bytes key) {
    if (error_ != 0) return false;
    MDB_val k = val(key);
    const int code = mdb_del(handle_.get(), env_->databases_[database.place], &k, nullptr);
    if (code != 0 && code != MDB_NOTFOUND) note(code);
    return code == 0;
}

void WriteTxn::erase(Cursor& cursor) {
    if (error_ != 0) return;
    const int code = cursor.error_ != 0 ? cursor.error_ : mdb_cursor_del(cursor.handle_.get(), 0);
    if (code == 0) return;
    cursor.error_ = code;
    note(code);
}

void WriteTxn::clear(Database database) {
    if (error_ != 0) return;
    if (const int code = mdb_drop(handle_.get(), env_->databases_[database.place], 0); code != 0) note(code);
}

std::uint64_t Txn::pages_in_use() const {
    constexpr MDB_dbi kFreeList = 0, kNames = 1;
    constexpr std::uint64_t kMetaPages = 2;
    std::uint64_t pages = kMetaPages;
    auto add = [&](MDB_dbi database) {
        MDB_stat stat{};
        if (mdb_stat(handle_.get(), database, &stat) == 0) pages += stat.ms_branch_pages + stat.ms_leaf_pages + stat.ms_overflow_pages;
    };
    if (error_ != 0) return pages;
    add(kFreeList);
    add(kNames);
    for (MDB_dbi database : env_->databases_) add(database);
    return pages;
}

int WriteTxn::commit() {
    if (error_ != 0) return error_;
    error_ = mdb_txn_commit(handle_.release());
    return error_;
}

Result<std::unique_ptr<Env>> Env::open(const EnvOptions& options) {
    std::unique_ptr<Env> env(new Env);
    MDB_env* handle = nullptr;
    int code = mdb_env_create(&handle);
    env->handle_.reset(handle);
    if (code == 0) code = mdb_env_set_maxdbs(handle, static_cast<MDB_dbi>(options.databases.size()));
    if (code == 0) code = mdb_env_set_maxreaders(handle, kReaders);
    if (code == 0) code = mdb_env_set_mapsize(handle, options.map_bytes);
    if (code == 0) code = mdb_env_open(handle, options.directory.c_str(), kFlags, kMode);
    if (code == EACCES)
        for (const char* name : {"/data.mdb", "/lock.mdb"})
            if (access((options.directory + name).c_str(), R_OK | W_OK) != 0 && errno == EACCES) return fail(error_of(code, "opening " + options.directory + name + " as user " + std::to_string(geteuid())));
    if (code != 0) return fail(error_of(code, "opening " + options.directory));

    unsigned flags = 0;
    code = mdb_env_get_flags(handle, &flags);
    assert(code == 0 && (flags & kForbidden) == 0);
    mdb_filehandle_t descriptor = -1;
    if (mdb_env_get_fd(handle, &descriptor) == 0) fcntl(descriptor, F_SETFD, FD_CLOEXEC);
    MDB_stat stat{};
    mdb_env_stat(handle, &stat);
    env->page_bytes_ = stat.ms_psize;
    env->free_dead_readers();

    MDB_txn* raw = nullptr;
    code = mdb_txn_begin(handle, nullptr, 0, &raw);
    TxnHandle txn(raw);
    for (const char* name : options.databases) {
        MDB_dbi database = 0;
        if (code == 0) code = mdb_dbi_open(txn.get(), name, MDB_CREATE, &database);
        env->databases_.push_back(database);
    }
    if (code == 0) code = mdb_txn_commit(txn.release());
    if (code != 0) return fail(error_of(code, "opening the databases in " + options.directory));
    return env;
}

std::uint64_t Env::map_bytes() const {
    MDB_envinfo info{};
    return mdb_env_info(handle_.get(), &info) == 0 ? info.me_mapsize : 0;
}

std::uint64_t Env::pages_touched() const {
    MDB_envinfo info{};
    return mdb_env_info(handle_.get(), &info) == 0 ? info.me_last_pgno + 1 : 0;
}

std::uint64_t Env::file_bytes() const {
    mdb_filehandle_t descriptor = -1;
    struct stat status {};
    if (mdb_env_get_fd(handle_.get(), &descriptor) != 0 || fstat(descriptor, &status) != 0) return 0;
    return static_cast<std::uint64_t>(status.st_size);
}

Result<void> Env::resize(std::uint64_t map_bytes) {
    const int code = mdb_env_set_mapsize(handle_.get(), map_bytes);
    if (code != 0) return fail(error_of(code, "growing the map"));
    return {};
}

int Env::free_dead_readers() {
    int freed = 0;
    mdb_reader_check(handle_.get(), &freed);
    return freed;
}

int Env::copy_to(int descriptor) const { return mdb_env_copyfd2(handle_.get(), descriptor, MDB_CP_COMPACT); }

}   // namespace mmgate::lmdb
