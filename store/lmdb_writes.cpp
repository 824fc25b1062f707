#include "store/lmdb_engine.h"

#include <cerrno>

#include "store/messages.h"

namespace mmgate {

using namespace layout;

// ---- writing

Result<std::vector<Outcome>> LmdbStore::apply(std::span<Operation> operations) {
    std::lock_guard write(write_);
    if (!open_) {
        if (auto opened = reopen(); !opened) return fail(opened.error());
    }
    for (;;) {
        Attempt tried = attempt(operations);
        if (tried.refused) return fail(std::move(*tried.refused));
        if (tried.code == 0) return std::move(tried.outcomes);
        if (lmdb::is_map_full(tried.code)) {
            if (grow()) continue;
            return fail(lmdb::error_of(tried.code, "writing the store"));
        }
        // Whether it was a write or a sync, what the kernel still caches may not be what is on the disk: never sync again and go on.
        Error error = lmdb::error_of(tried.code, "writing the store");
        // LMDB calls a write that a full disk cut short an error of the disk.
        if (tried.code == EIO && directory_.free_bytes() <= std::max(options_.disk_reserve_bytes, kHardlyAnyBytes)) error = {Fault::storage_full, 0, "writing the store: the disk is full"};
        tell_(error.rule + "; nothing of that was accepted");
        open_ = false;
        [[maybe_unused]] auto opened = reopen();   // or with the next batch
        return fail(error);
    }
}

LmdbStore::Attempt LmdbStore::attempt(std::span<const Operation> operations) {
    Attempt out;
    lmdb::WriteTxn txn(*env_);
    Batch batch(txn, encoder_, lanes_, tally_, retention_, room_bytes(), tell_);
    out.outcomes.reserve(operations.size());
    for (const Operation& operation : operations) {
        out.outcomes.push_back(batch.perform(operation));
        if (txn.error() != 0 || batch.refused()) break;
    }
    if (batch.refused()) {
        out.refused = batch.refused();
        return out;
    }
    batch.finish();
    const std::uint64_t pages = txn.pages_in_use();
    std::lock_guard claims(claims_);
    out.code = txn.commit();
    if (out.code == 0) publish(batch, pages);
    return out;
}

void LmdbStore::publish(const Batch& batch, std::uint64_t pages_in_use) {
    {
        std::lock_guard numbers(numbers_);
        tally_ = batch.tally();
    }
    room_.committed({pages_in_use, env_->pages_touched()});
    ++commits_;
    const std::vector<LaneId> unsure = lanes_.commit(batch.lane_changes());
    if (unsure.empty()) return;
    lmdb::ReadTxn txn(*env_);   // the writer needs no share of the map: nobody else makes it grow
    // Unreadable: the entry that was the earliest stays as a sign to look, and the next claim sees what is there.
    if (txn.error() != 0) return;
    for (LaneId lane : unsure) lanes_.set_earliest(lane, earliest(txn, lane, {}));
}

Result<void> LmdbStore::admits(std::uint64_t size_bytes) const {
    std::shared_lock map(map_, std::try_to_lock);
    if (!map) return {};   // the map grows: the commit will tell
    if (!open_) return fail(not_open());
    if (Batch::room_for(size_bytes) <= room_bytes()) return {};
    return fail(Fault::storage_full, "the store holds " + std::to_string(room_.used_bytes() >> 20) + " of at most " + std::to_string(options_.map_size_bytes >> 20) + " MiB, and its disk has " +
                                         std::to_string(directory_.free_bytes() >> 20) + " MiB left of which " + std::to_string(options_.disk_reserve_bytes >> 20) + " are kept free");
}

// ---- claiming

std::vector<Claimed> LmdbStore::claim(std::string_view lane, Instant now, std::size_t limit) {
    std::vector<Claimed> out;
    std::lock_guard claims(claims_);
    auto number = lanes_.number_of(lane);
    if (!number || limit == 0) return out;
    read([&](const lmdb::Txn& txn) {
        auto from = lanes_.begin_claim(*number);
        if (!from || *from > now) return;
        // What stands in front of the earliest entry is leased: the walk begins behind it.
        std::optional<Instant> next;
        lmdb::Cursor cursor = txn.cursor(kDue);
        for (bool found = cursor.seek(due_key({*number, *from, {}})); found; found = cursor.next()) {
            const DueKey entry = due_of_key(cursor.key());
            if (entry.lane != *number) break;
            if (lanes_.leased(entry.ref)) continue;
            if (entry.at > now || out.size() == limit) {
                next = entry.at;
                break;
            }
            if (!take(txn, entry, lane, now, out)) {
                // Out of everybody's way until the next start; the check names it.
                lanes_.lease(entry, std::nullopt);
                tell_("message " + to_text(entry.ref.id) + " is due in lane " + std::string(lane) + " and cannot be read; it is passed over; mmq check lists what is wrong");
            }
        }
        if (cursor.error() == 0) lanes_.end_claim(*number, next);
    });
    return out;
}

// Leases what is due of the entry's message; false when the record and the entry do not go together.
bool LmdbStore::take(const lmdb::Txn& txn, const DueKey& entry, std::string_view lane, Instant now, std::vector<Claimed>& out) {
    messages::Found found = messages::read(txn, entry.ref.id);
    if (!found.tracked) return false;
    Claimed claimed{std::move(found.tracked->message), {}};
    const Message& message = claimed.message;
    if (entry.ref.index >= kReportIndex) {
        lanes_.lease(entry, std::nullopt);
        out.push_back(std::move(claimed));
        return true;
    }
    for (std::size_t i = 0; i < message.recipients.size(); ++i) {
        const Recipient& recipient = message.recipients[i];
        const RecipientRef ref{message.id, static_cast<std::uint16_t>(i)};
        auto due = due_of(message, recipient);
        if (!due || *due > now || recipient.lane != lane || lanes_.leased(ref)) continue;
        lanes_.lease({entry.lane, *due, ref}, recipient.state);
        claimed.recipients.push_back(ref.index);
    }
    if (!lanes_.leased(entry.ref)) return false;
    out.push_back(std::move(claimed));
    return true;
}

// The earliest entry of a lane that is not leased.
std::optional<Instant> LmdbStore::earliest(const lmdb::Txn& txn, LaneId lane, Instant from) const {
    lmdb::Cursor cursor = txn.cursor(kDue);
    for (bool found = cursor.seek(due_key({lane, from, {}})); found && cursor.key().size() == kDueKeySize; found = cursor.next()) {
        const DueKey entry = due_of_key(cursor.key());
        if (entry.lane != lane) break;
        if (!lanes_.leased(entry.ref)) return entry.at;
    }
    return std::nullopt;
}

}   // namespace mmgate
