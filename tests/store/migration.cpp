// A store of an older format is brought up to ours, whatever happens meanwhile.
#include <algorithm>
#include <filesystem>

#include <criterion/criterion.h>

#include <sys/stat.h>

#include "store/layout.h"
#include "store/lmdb.h"
#include "store/messages.h"
#include "tests/store/samples.h"

using namespace mmgate;
using namespace mmgate::samples;
using namespace mmgate::layout;

namespace {

using Stage = Upgrade::Stage;

std::unique_ptr<lmdb::Env> environment(const LmdbOptions& options) {
    auto env = lmdb::Env::open({options.directory, options.map_size_bytes, database_names()});
    cr_assert(env.has_value());
    return std::move(*env);
}

template <class Change>
void change(const LmdbOptions& options, Change body) {
    auto env = environment(options);
    lmdb::WriteTxn txn(*env);
    body(txn);
    cr_assert(txn.commit() == 0);
}

records::Meta meta_of(const LmdbOptions& options) {
    auto env = environment(options);
    lmdb::ReadTxn txn(*env);
    return *records::meta_of(*txn.get(kMeta, kMetaKey));
}

// Turns a closed store into what format 2 wrote: no sums, and another number.
void take_back(const LmdbOptions& options, const std::vector<QueueId>& ids, std::uint32_t format = 2) {
    change(options, [&](lmdb::WriteTxn& txn) {
        records::Encoder encoder;
        for (QueueId id : ids) {
            Tracked tracked = *messages::read(txn, id).tracked;
            tracked.content_sum.reset();
            messages::write(txn, encoder, tracked);
        }
        records::Meta meta = *records::meta_of(*txn.get(kMeta, kMetaKey));
        meta.schema_version = format;
        txn.put(kMeta, kMetaKey, encoder.meta(meta));
    });
}

bool has_sum(const LmdbOptions& options, QueueId id) {
    auto env = environment(options);
    lmdb::ReadTxn txn(*env);
    return messages::read_head(txn, id)->content_sum.has_value();
}

std::vector<std::string> backups(const LmdbOptions& options) {
    std::vector<std::string> out;
    for (const auto& entry : std::filesystem::directory_iterator(options.directory))
        if (entry.path().filename().string().starts_with("data.format-")) out.push_back(entry.path().string());
    return out;
}

struct Filled {
    std::vector<QueueId> ids;
    std::string described;
};
Filled fill(const LmdbOptions& options, int messages) {
    Filled out;
    auto store = open(options);
    for (int i = 0; i < messages; ++i)
        out.ids.push_back(apply_one(*store, enqueue({recipient("+447700900001"), recipient("a@example.org", "mail:a")}, std::string(static_cast<std::size_t>(i % 3) * 9000, static_cast<char>('a' + i % 26)), at(i))).id);
    apply(*store, {Delete{out.ids[0], kStart, true}});   // one that has ended
    out.described = describe(*store, at(50));
    return out;
}

}   // namespace

Test(migration, brings_an_older_store_up_to_ours_after_a_backup) {
    for (std::uint32_t format : {1U, 2U}) {
        TemporaryDirectory directory;
        LmdbOptions options = options_in(directory);
        const Filled filled = fill(options, 30);
        take_back(options, filled.ids, format);
        cr_assert(!has_sum(options, filled.ids[2]));

        std::vector<Upgrade> told;
        options.on_upgrade = [&](const Upgrade& upgrade) { told.push_back(upgrade); };
        {
            auto store = open(options);
            cr_expect(describe(*store, at(50)) == filled.described, "format %u", format);
            for (const std::string& finding : store->check()) cr_expect(false, "%s", finding.c_str());
            cr_expect(store->find(filled.ids[0])->recipients[0].state == RecipientState::deleted);
        }
        cr_expect(meta_of(options).schema_version == kSchemaVersion && meta_of(options).migrating_to == 0);
        for (std::size_t i = 1; i < filled.ids.size(); ++i) cr_expect(has_sum(options, filled.ids[i]) == (i % 3 != 0), "message %zu: what has octets has a sum", i);

        cr_assert(told.size() >= 3);
        cr_expect(told.front().stage == Stage::backs_up && told.front().from == format && told.front().to == kSchemaVersion && told.front().bytes > 0);
        cr_expect(told.back().stage == Stage::done && told.back().messages == 20, "%llu rewritten", static_cast<unsigned long long>(told.back().messages));
        cr_expect(backups(options) == std::vector{told.front().backup});
        struct stat status {};
        cr_expect(stat(told.front().backup.c_str(), &status) == 0 && (status.st_mode & 0777) == 0600);

        told.clear();
        cr_expect(describe(*open(options), at(50)) == filled.described && told.empty(), "once");

        // The backup is what was there: put in the store's place, the older program goes on with it.
        TemporaryDirectory other;
        LmdbOptions there = options_in(other);
        std::filesystem::create_directory(there.directory);
        std::filesystem::copy_file(backups(options).front(), there.directory + "/data.mdb");
        cr_expect(meta_of(there).schema_version == format && !has_sum(there, filled.ids[2]));
        cr_expect(describe(*open(there), at(50)) == filled.described);
    }
}

Test(migration, goes_on_where_a_kill_left_it) {
    TemporaryDirectory directory;
    LmdbOptions options = options_in(directory);
    const Filled filled = fill(options, 2500);
    take_back(options, filled.ids);
    // Killed, as far as the store can tell, between two of its transactions: after the backup, and after some were rewritten.
    struct Killed {};
    for (std::uint64_t after : {std::uint64_t{0}, std::uint64_t{600}}) {
        options.on_upgrade = [&](const Upgrade& upgrade) {
            if (upgrade.stage == Stage::rewrites && upgrade.messages >= after) throw Killed();
        };
        bool killed = false;
        try {
            open_lmdb_store(options);
        } catch (const Killed&) {
            killed = true;
        }
        cr_assert(killed);
        cr_expect(meta_of(options).schema_version == 2 && meta_of(options).migrating_to == kSchemaVersion, "still the older format");
        cr_expect(backups(options).size() == 1, "one backup, of what was there at first");
    }
    // Meanwhile the older program ran once more, and wrote a message as it does.
    take_back(options, {filled.ids[4]});
    std::uint64_t rewritten = 0;
    options.on_upgrade = [&](const Upgrade& upgrade) {
        cr_expect(upgrade.stage != Stage::backs_up);
        rewritten = upgrade.messages;
    };
    cr_expect(describe(*open(options), at(50)) == filled.described);
    cr_expect(rewritten > 0 && rewritten < 1666, "%llu: not all over again", static_cast<unsigned long long>(rewritten));
    for (std::size_t i = 1; i < filled.ids.size(); ++i) cr_assert(has_sum(options, filled.ids[i]) == (i % 3 != 0), "message %zu", i);
}

Test(migration, without_room_for_the_backup_nothing_happens) {
    TemporaryDirectory directory;
    LmdbOptions options = options_in(directory);
    const Filled filled = fill(options, 30);
    take_back(options, filled.ids);
    options.disk_reserve_bytes = 1ULL << 60;
    auto refused = open_lmdb_store(options);
    cr_assert(!refused && refused.error().fault == Fault::storage_full);
    for (const char* says : {"from format 2 to 3", "a backup beside it comes first", "MiB left"}) cr_expect(refused.error().rule.find(says) != std::string::npos, "%s", refused.error().rule.c_str());
    cr_expect(backups(options).empty() && meta_of(options).schema_version == 2 && meta_of(options).migrating_to == 0);
    options.disk_reserve_bytes = 0;
    cr_expect(describe(*open(options), at(50)) == filled.described);
}

Test(migration, what_was_damaged_before_stays_so_and_is_named) {
    TemporaryDirectory directory;
    LmdbOptions options = options_in(directory);
    const Filled filled = fill(options, 30);
    take_back(options, filled.ids);
    change(options, [&](lmdb::WriteTxn& txn) {
        txn.erase(kContent, piece_key(filled.ids[2], 0));
        txn.put(kMessages, record_key(filled.ids[5], Kind::message, 0), "noise");
    });
    auto store = open(options);
    cr_expect(store->content(filled.ids[2]).error().fault == Fault::content_lost && !store->find(filled.ids[5]));
    cr_expect(store->content(filled.ids[8]).has_value());
    const auto findings = store->check();
    for (QueueId id : {filled.ids[2], filled.ids[5]})
        cr_expect(std::ranges::any_of(findings, [&](const std::string& one) { return one.find(to_text(id)) != std::string::npos; }));
}
