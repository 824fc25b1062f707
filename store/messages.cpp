#include "store/messages.h"

#include "store/layout.h"

namespace mmgate::messages {

using layout::Kind;
using layout::kMessages;
using layout::record_key;

namespace {

bool belongs(Bytes key, QueueId id, Kind kind) {
    return key.size() == layout::kRecordKeySize && layout::id_of(key) == id && layout::kind_of(key) == kind;
}

}   // namespace

std::optional<Tracked> read_head(const lmdb::Txn& txn, QueueId id) {
    auto value = txn.get(kMessages, record_key(id, Kind::message, 0));
    if (!value) return std::nullopt;
    auto record = records::message_of(*value);
    if (!record) return std::nullopt;
    record->tracked.message.id = id;
    return std::move(record->tracked);
}

Found read(const lmdb::Txn& txn, QueueId id) {
    lmdb::Cursor cursor = txn.cursor(kMessages);
    if (!cursor.seek(record_key(id, Kind::message, 0)) || !belongs(cursor.key(), id, Kind::message)) return {};
    auto record = records::message_of(cursor.value());
    if (!record) return {std::nullopt, true};
    Tracked& tracked = record->tracked;
    tracked.message.id = id;
    tracked.message.recipients.reserve(record->recipients);
    for (std::uint32_t i = 0; i < record->recipients; ++i) {
        if (!cursor.next() || !belongs(cursor.key(), id, Kind::recipient) || layout::record_number_of(cursor.key()) != i) return {std::nullopt, true};
        auto recipient = records::recipient_of(cursor.value());
        if (!recipient) return {std::nullopt, true};
        tracked.message.recipients.push_back(std::move(*recipient));
    }
    return {std::move(tracked), false};
}

FoundEvents read_events(const lmdb::Txn& txn, QueueId id) {
    FoundEvents out;
    lmdb::Cursor cursor = txn.cursor(kMessages);
    bool found = cursor.seek(record_key(id, Kind::events, 0));
    for (; found && belongs(cursor.key(), id, Kind::events); found = cursor.next()) {
        auto events = records::events_of(cursor.value());
        if (!events) out.damaged = true;
        else out.events.insert(out.events.end(), std::make_move_iterator(events->begin()), std::make_move_iterator(events->end()));
    }
    return out;
}

void append(lmdb::WriteTxn& txn, records::Encoder& encoder, const Tracked& tracked, std::span<const Event> events) {
    const Message& message = tracked.message;
    txn.append(kMessages, record_key(message.id, Kind::message, 0), encoder.message(tracked));
    for (std::size_t i = 0; i < message.recipients.size(); ++i)
        txn.append(kMessages, record_key(message.id, Kind::recipient, static_cast<std::uint32_t>(i)), encoder.recipient(message.recipients[i]));
    if (!events.empty()) txn.append(kMessages, record_key(message.id, Kind::events, 0), encoder.events(events));
}

void write(lmdb::WriteTxn& txn, records::Encoder& encoder, const Tracked& tracked) {
    txn.put(kMessages, record_key(tracked.message.id, Kind::message, 0), encoder.message(tracked));
}

void write(lmdb::WriteTxn& txn, records::Encoder& encoder, QueueId id, std::uint16_t index, const Recipient& recipient) {
    txn.put(kMessages, record_key(id, Kind::recipient, index), encoder.recipient(recipient));
}

void add(lmdb::WriteTxn& txn, records::Encoder& encoder, QueueId id, std::span<const Event> events) {
    if (events.empty()) return;
    std::uint32_t number = 0;
    {
        lmdb::Cursor cursor = txn.cursor(kMessages);
        const bool found = cursor.seek(record_key(id, Kind::end, 0)) ? cursor.previous() : cursor.last();
        if (found && belongs(cursor.key(), id, Kind::events)) number = layout::record_number_of(cursor.key()) + 1;
    }
    txn.put(kMessages, record_key(id, Kind::events, number), encoder.events(events));
}

void erase(lmdb::WriteTxn& txn, QueueId id) {
    lmdb::Cursor cursor = txn.cursor(kMessages);
    bool found = cursor.seek(record_key(id, Kind::message, 0));
    for (; found && cursor.key().size() == layout::kRecordKeySize && layout::id_of(cursor.key()) == id; found = cursor.next()) txn.erase(cursor);
}

}   // namespace mmgate::messages
