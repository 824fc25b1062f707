// Bringing a store of an older format up to ours.
//
// First a backup beside the store, then rewriting in short transactions, and at last, in one commit, the new number. A gateway that dies in between begins again
// where the records say so; until the last commit the older program still reads all of it.
// docs/store.md tells what each format has.
#pragma once

#include <functional>

#include "store/directory.h"
#include "store/lmdb.h"
#include "store/lmdb_store.h"
#include "store/records.h"

namespace mmgate {

/// `env` is open, nobody else uses it, and it is of format `meta.schema_version`, older than ours. Fails: storage_full, storage_failed; the store is as it was, or
/// half-way and good for another try.
Result<void> migrate(lmdb::Env& env, const Directory& directory, const records::Meta& meta, const LmdbOptions& options);

}   // namespace mmgate
