// The records of one message in the database "messages": the message, its recipients, its events.
//
// They stand side by side under one id, so that one page holds most messages whole.
#pragma once

#include <optional>
#include <span>
#include <vector>

#include "store/lmdb.h"
#include "store/records.h"

namespace mmgate::messages {

struct Found {
    std::optional<Tracked> tracked;
    bool damaged = false;   // something is there and does not verify, or a recipient is missing
};
Found read(const lmdb::Txn& txn, QueueId id);
/// The message without its recipients; nothing when it is not there or damaged.
std::optional<Tracked> read_head(const lmdb::Txn& txn, QueueId id);
/// In order; events whose record is damaged are passed over, and `damaged` says so.
struct FoundEvents {
    std::vector<Event> events;
    bool damaged = false;
};
FoundEvents read_events(const lmdb::Txn& txn, QueueId id);

/// Writes a new message above all others.
void append(lmdb::WriteTxn& txn, records::Encoder& encoder, const Tracked& tracked, std::span<const Event> events);
void write(lmdb::WriteTxn& txn, records::Encoder& encoder, const Tracked& tracked);
void write(lmdb::WriteTxn& txn, records::Encoder& encoder, QueueId id, std::uint16_t index, const Recipient& recipient);
/// Adds events after those that are there.
void add(lmdb::WriteTxn& txn, records::Encoder& encoder, QueueId id, std::span<const Event> events);
void erase(lmdb::WriteTxn& txn, QueueId id);

}   // namespace mmgate::messages
