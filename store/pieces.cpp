#include "store/pieces.h"

namespace mmgate::pieces {

namespace {

// Visits the pieces of a message in order; whether they add up to `size_bytes` octets, each full but the last.
template <class Visit>
bool walk(const lmdb::Txn& txn, lmdb::Database database, QueueId id, std::uint64_t size_bytes, Visit visit) {
    lmdb::Cursor cursor = txn.cursor(database);
    std::uint64_t left = size_bytes;
    std::uint32_t number = 0;
    bool found = cursor.seek(layout::piece_key(id, 0));
    for (; found && cursor.key().size() == layout::kPieceKeySize && layout::id_of(cursor.key()) == id; found = cursor.next()) {
        const Bytes piece = cursor.value();
        if (Bytes(layout::piece_key(id, number++)) != cursor.key() || piece.size() != std::min<std::uint64_t>(left, kPieceBytes) || piece.empty()) return false;
        visit(piece);
        left -= piece.size();
    }
    return left == 0 && cursor.error() == 0;
}

}   // namespace

void append(lmdb::WriteTxn& txn, lmdb::Database database, QueueId id, Bytes octets) {
    std::uint32_t number = 0;
    for (; !octets.empty(); octets.remove_prefix(std::min(octets.size(), kPieceBytes)))
        txn.append(database, layout::piece_key(id, number++), octets.substr(0, kPieceBytes));
}

std::optional<Octets> read(const lmdb::Txn& txn, lmdb::Database database, QueueId id, std::uint64_t size_bytes) {
    // A damaged size must not make us ask for more memory than there are pieces.
    if (!complete(txn, database, id, size_bytes)) return std::nullopt;
    Octets out;
    out.reserve(size_bytes);
    walk(txn, database, id, size_bytes, [&](Bytes piece) { out.append(piece); });
    return out;
}

bool complete(const lmdb::Txn& txn, lmdb::Database database, QueueId id, std::uint64_t size_bytes) {
    return walk(txn, database, id, size_bytes, [](Bytes) {});
}

void erase(lmdb::WriteTxn& txn, lmdb::Database database, QueueId id) {
    lmdb::Cursor cursor = txn.cursor(database);
    bool found = cursor.seek(layout::piece_key(id, 0));
    for (; found && layout::id_of(cursor.key()) == id; found = cursor.next()) txn.erase(cursor);
}

}   // namespace mmgate::pieces
