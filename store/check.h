// Whether a store is whole: every record verifies, and records and indexes say the same.
//
// Walks the store in short snapshots, so that a running gateway is not held up; a message and all that belongs to it are looked at in one.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "store/lmdb.h"
#include "store/records.h"

namespace mmgate {

/// Runs a body in one snapshot; gives whether it could.
using Snapshots = std::function<bool(const std::function<void(const lmdb::Txn&)>&)>;

/// One line a finding, none when all is well; after a thousand findings it stops and says so.
std::vector<std::string> check_store(const Snapshots& snapshots);

/// What the tally should be, counted from the records.
records::Tally recount(const lmdb::Txn& txn);

}   // namespace mmgate
