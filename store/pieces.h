// Octets of any length in pieces that LMDB can always find room for.
//
// LMDB keeps a large value in pages that follow each other; in a store that has seen many deletions long runs are rare, though space is
// free. A piece fills four pages: runs of four are found at once, also after a mass delete. An empty value has no piece.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "store/layout.h"
#include "store/lmdb.h"

namespace mmgate::pieces {

/// Four pages of 4096 octets less LMDB's header of 16.
inline constexpr std::size_t kPieceBytes = 4 * 4096 - 16;

/// Writes the pieces of a message above all others in `database`.
void append(lmdb::WriteTxn& txn, lmdb::Database database, QueueId id, Bytes octets);
/// All `size_bytes` octets, or nothing when a piece is missing or has another size.
std::optional<Octets> read(const lmdb::Txn& txn, lmdb::Database database, QueueId id, std::uint64_t size_bytes);
/// Whether the pieces are those of a value of this size; reads no octets.
bool complete(const lmdb::Txn& txn, lmdb::Database database, QueueId id, std::uint64_t size_bytes);
void erase(lmdb::WriteTxn& txn, lmdb::Database database, QueueId id);

}   // namespace mmgate::pieces
