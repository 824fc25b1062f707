#include "store/migration.h"

#include <algorithm>
#include <cerrno>
#include <cstdio>

#include <fcntl.h>
#include <unistd.h>

#include "store/content_sum.h"
#include "store/layout.h"
#include "store/messages.h"
#include "store/pieces.h"

namespace mmgate {

using namespace layout;

namespace {

// What one transaction rewrites: LMDB holds its pages in memory until the commit.
constexpr std::size_t kMessagesAtOnce = 1000;

class Migration {
public:
    Migration(lmdb::Env& env, const Directory& directory, const records::Meta& meta, const LmdbOptions& options)
        : env_(env), directory_(directory), meta_(meta), options_(options), now_{Upgrade::Stage::backs_up, meta.schema_version, kSchemaVersion, {}, 0, 0} {}

    Result<void> run() {
        if (meta_.migrating_to != kSchemaVersion) {
            if (auto done = back_up(); !done) return done;
            meta_.migrating_to = kSchemaVersion;
            if (auto done = write([&](lmdb::WriteTxn& txn) { txn.put(kMeta, kMetaKey, encoder_.meta(meta_)); }); !done) return done;
        }
        now_.stage = Upgrade::Stage::rewrites;
        std::optional<QueueId> next = QueueId{0};
        while (next) {
            const QueueId from = *next;
            std::uint64_t rewritten = 0;
            auto done = write([&](lmdb::WriteTxn& txn) { next = add_sums(txn, from, rewritten); });
            if (!done) return done;
            now_.messages += rewritten;
            tell();
        }
        meta_.schema_version = kSchemaVersion;
        meta_.migrating_to = 0;
        if (auto done = write([&](lmdb::WriteTxn& txn) { txn.put(kMeta, kMetaKey, encoder_.meta(meta_)); }); !done) return done;
        now_.stage = Upgrade::Stage::done;
        tell();
        return {};
    }

private:
    void tell() const {
        if (options_.on_upgrade) options_.on_upgrade(now_);
    }

    Result<void> back_up() {
        std::size_t commit = 0;
        {
            lmdb::ReadTxn txn(env_);
            if (txn.error() != 0) return fail(lmdb::error_of(txn.error(), "reading the store"));
            commit = txn.number();
            now_.bytes = txn.pages_in_use() * env_.page_bytes();
        }
        // A newer commit has another name: no backup is ever written over.
        now_.backup = directory_.path() + "/data.format-" + std::to_string(now_.from) + "." + std::to_string(commit) + ".mdb";
        const std::uint64_t free = directory_.free_bytes();
        if (free < now_.bytes + options_.disk_reserve_bytes)
            return fail(Fault::storage_full, "the store in " + directory_.path() + " is to be brought from format " + std::to_string(now_.from) + " to " + std::to_string(now_.to) +
                                                 ", and a backup beside it comes first: that takes " + std::to_string((now_.bytes >> 20) + 1) + " MiB, and its disk has " +
                                                 std::to_string(free >> 20) + " MiB left of which " + std::to_string(options_.disk_reserve_bytes >> 20) + " are kept free");
        tell();
        const std::string unfinished = directory_.path() + "/data.backup.tmp";
        unlink(unfinished.c_str());   // of a gateway that was killed meanwhile
        int code = 0;
        {
            Descriptor file(::open(unfinished.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
            code = file ? env_.copy_to(file.get()) : errno;
            if (code == 0 && fsync(file.get()) != 0) code = errno;
        }
        if (code == 0 && std::rename(unfinished.c_str(), now_.backup.c_str()) != 0) code = errno;
        if (code != 0) {
            unlink(unfinished.c_str());
            return fail(lmdb::error_of(code, "copying the store to " + now_.backup));
        }
        directory_.sync();
        return {};
    }

    // Formats 1 and 2 have no sums. Rewrites messages with content from `from` on; where the next transaction is to go on, or nothing at the end.
    std::optional<QueueId> add_sums(lmdb::WriteTxn& txn, QueueId from, std::uint64_t& rewritten) {
        std::optional<QueueId> next = from;
        rewritten = 0;
        for (std::size_t seen = 0; next && seen < kMessagesAtOnce; ++seen) {
            QueueId id;
            {
                lmdb::Cursor cursor = txn.cursor(kContent);
                if (!cursor.seek(piece_key(*next, 0)) || cursor.key().size() != kPieceKeySize) return std::nullopt;
                id = id_of(cursor.key());
            }
            next = id.value == UINT64_MAX ? std::nullopt : std::optional(QueueId{id.value + 1});
            messages::Found found = messages::read(txn, id);
            if (!found.tracked || found.tracked->content_sum || !found.tracked->has_content) continue;
            auto content = pieces::read(txn, kContent, id, found.tracked->message.size_bytes);
            if (!content) continue;   // damaged before: it is told when it is read
            found.tracked->content_sum = content_sum(*content);
            messages::write(txn, encoder_, *found.tracked);
            ++rewritten;
        }
        return next;
    }

    template <class Body>
    Result<void> write(Body body) {
        for (;;) {
            int code = 0;
            {
                lmdb::WriteTxn txn(env_);
                body(txn);
                code = txn.commit();
            }
            if (code == 0) return {};
            const std::uint64_t map = env_.map_bytes();
            if (!lmdb::is_map_full(code) || map >= options_.map_size_bytes) return fail(lmdb::error_of(code, "bringing the store to format " + std::to_string(now_.to)));
            if (auto grown = env_.resize(std::min(map * 2, options_.map_size_bytes)); !grown) return grown;
        }
    }

    lmdb::Env& env_;
    const Directory& directory_;
    records::Meta meta_;
    const LmdbOptions& options_;
    records::Encoder encoder_;
    Upgrade now_;
};

}   // namespace

Result<void> migrate(lmdb::Env& env, const Directory& directory, const records::Meta& meta, const LmdbOptions& options) {
    return Migration(env, directory, meta, options).run();
}

}   // namespace mmgate
