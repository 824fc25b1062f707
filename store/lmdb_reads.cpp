#include "store/lmdb_engine.h"

#include "store/content_sum.h"
#include "store/messages.h"
#include "store/pieces.h"

namespace mmgate {

using namespace layout;

std::optional<Message> LmdbStore::find(QueueId id) const {
    std::optional<Message> out;
    read([&](const lmdb::Txn& txn) {
        messages::Found found = messages::read(txn, id);
        if (found.damaged) tell_("the record of message " + to_text(id) + " is damaged; mmq check lists what is wrong");
        if (found.tracked) out = std::move(found.tracked->message);
    });
    if (out) lanes_.show_active(*out);
    return out;
}

std::optional<QueueId> LmdbStore::named(const SubmissionKey& key, Instant now) const {
    std::optional<QueueId> out;
    read([&](const lmdb::Txn& txn) {
        auto record = txn.get(kSubmissions, submission_key(key));
        auto found = record ? records::submission_of(*record) : std::nullopt;
        if (found && found->until > now) out = found->id;
    });
    return out;
}

std::vector<std::string> LmdbStore::held_routes() const {
    std::vector<std::string> out;
    read([&](const lmdb::Txn& txn) {
        lmdb::Cursor cursor = txn.cursor(kHeldRoutes);
        for (bool found = cursor.first(); found; found = cursor.next()) out.emplace_back(cursor.key());
    });
    return out;
}

Result<Octets> LmdbStore::content(QueueId id) const {
    std::optional<Tracked> head;
    std::optional<Octets> octets;
    int error = 0;
    const bool seen = read([&](const lmdb::Txn& txn) {
        head = messages::read_head(txn, id);
        if (head && head->has_content) octets = pieces::read(txn, kContent, id, head->message.size_bytes);
        error = txn.error();
    });
    if (!seen) return fail(not_open());
    if (error != 0) return fail(lmdb::error_of(error, "reading the store"));
    if (!head || !head->has_content) return fail(Fault::not_found, "its content is no longer kept");
    if (octets && (!head->content_sum || content_sum(*octets) == *head->content_sum)) return std::move(*octets);
    tell_("the content of message " + to_text(id) + " is not what was stored; mmq check lists what is wrong");
    return fail(Fault::content_lost, octets ? "the store gave other octets than it was given" : "octets are missing in the store");
}

std::optional<Octets> LmdbStore::original_header(QueueId id) const {
    std::optional<Octets> out;
    read([&](const lmdb::Txn& txn) {
        auto head = messages::read_head(txn, id);
        if (head && head->original_header_bytes > 0) out = pieces::read(txn, kOriginal, id, head->original_header_bytes);
    });
    return out;
}

std::vector<Event> LmdbStore::events(QueueId id) const {
    std::vector<Event> out;
    read([&](const lmdb::Txn& txn) { out = messages::read_events(txn, id).events; });
    return out;
}

std::vector<Message> LmdbStore::list(QueueId after, std::size_t limit, bool ended) const {
    std::vector<Message> out;
    if (after.value == UINT64_MAX) return out;
    read([&](const lmdb::Txn& txn) {
        QueueId id{after.value + 1};
        lmdb::Cursor cursor = txn.cursor(ended ? kMessages : kWaiting);
        while (out.size() < limit) {
            if (!(ended ? cursor.seek(record_key(id, Kind::message, 0)) : cursor.seek(id_key(id)))) break;
            id = id_of(cursor.key());
            // A damaged one is left out: the check names it.
            if (auto found = messages::read(txn, id); found.tracked) out.push_back(std::move(found.tracked->message));
            if (id.value == UINT64_MAX) break;
            ++id.value;
        }
    });
    for (Message& message : out) lanes_.show_active(message);
    return out;
}

StoreStats LmdbStore::stats() const {
    StoreStats out;
    {
        std::lock_guard numbers(numbers_);
        out.recipients_by_state = tally_.recipients_by_state;
        out.messages = tally_.waiting;
        out.records = tally_.messages;
        out.content_bytes = tally_.content_bytes;
    }
    const auto leased = lanes_.leased_by_state();
    for (RecipientState state : {RecipientState::queued, RecipientState::deferred}) {
        const auto place = static_cast<std::size_t>(state);
        const std::uint64_t active = std::min(leased[place], out.recipients_by_state[place]);
        out.recipients_by_state[place] -= active;
        out.recipients_by_state[static_cast<std::size_t>(RecipientState::active)] += active;
    }
    out.disk_free_bytes = directory_.free_bytes();
    out.commits = commits_;
    out.accepting = admits(0).has_value();
    read([&](const lmdb::Txn& txn) {
        out.file_bytes = env_->file_bytes();
        out.map_bytes = env_->map_bytes();
        out.used_bytes = room_.used_bytes();
        lmdb::Cursor cursor = txn.cursor(kWaiting);
        if (!cursor.first()) return;
        if (auto head = messages::read_head(txn, id_of(cursor.key()))) out.oldest_arrival = head->message.arrival;
    });
    return out;
}

}   // namespace mmgate
