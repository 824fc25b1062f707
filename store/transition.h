// What each operation does to one message: the rules every engine shares, and what a message occupies in its indexes.
//
// Pure. An engine finds the message, lets one of these functions change it, writes back what `Change` names, and moves its index
// entries and counters from the footprint before to the footprint after. LmdbStore and the tests' MemoryStore both do just that.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "store/store.h"

namespace mmgate {

/// The index under which a message as a whole stands in the report lane and in the purge lane; no recipient has it.
inline constexpr std::uint16_t kReportIndex = 0xFFFE;
inline constexpr std::uint16_t kPurgeIndex = 0xFFFF;
/// A message has at most this many recipients.
inline constexpr std::size_t kMostRecipients = 0xFF00;

/// How long ended messages are remembered.
struct Retention {
    Seconds history{};       // after the last end
    Seconds report_wait{};   // after an end `relayed` with a report to come, when that is longer
};

/// A message with what the store alone knows of it.
struct Tracked {
    Message message;
    std::optional<Instant> report_at;   // stands in the report lane at this time
    std::optional<Instant> purge_at;    // nothing is left to do: stands in the purge lane at this time
    bool has_content = false;
    std::uint32_t original_header_bytes = 0;    // kept; 0 none
    std::optional<std::uint64_t> content_sum;   // store/content_sum.h; absent: none was there to be had when it came out of an older format
    bool operator==(const Tracked&) const = default;
};

/// What a transition changed and an engine has to write.
struct Change {
    std::vector<std::uint16_t> recipients;
    std::vector<Event> events;
    std::size_t counted = 0;     // Outcome::changed
    bool consequences = false;   // whether those of the operation are to be enqueued
};

/// Brings a new message into the form it is stored in: size, sum, states, times. `id` is its own from now on.
Tracked accepted(const Enqueue& enqueue, QueueId id, const Retention& retention);

/// Settle: see store.h. A recipient whose present state is not in `was` stays as it is. Beyond that:
/// - no end goes back to work; `deleted` stays deleted, and an end that came too late is kept as its events only;
/// - `held` gives way to an end, but not to another wait: what the settle says waits under the hold;
/// - `active` is never stored: it stands for queued or deferred, here and in `was`.
Change settle(Tracked& tracked, const Settle& operation, const Retention& retention);
Change reported(Tracked& tracked, const Reported& operation, const Retention& retention);
Change hold(Tracked& tracked, const Hold& operation);
Change release(Tracked& tracked, const Release& operation);
Change retry(Tracked& tracked, const Retry& operation);
Change erase(Tracked& tracked, const Delete& operation, const Retention& retention);
Change undelete(Tracked& tracked, const Undelete& operation, const Retention& retention);
/// The part of Purge that comes before forgetting.
Change give_up_deleted(Tracked& tracked, const Purge& operation, const Retention& retention);
/// Whether Purge may forget it by `now`: all recipients have ended, nobody is left to be told, nothing is kept for Undelete.
bool forgettable(const Tracked& tracked, Instant now);

/// One entry of the due index.
struct DueEntry {
    std::string lane;
    Instant at{};
    std::uint16_t index = 0;   // a recipient, kReportIndex or kPurgeIndex
    auto operator<=>(const DueEntry&) const = default;
};

/// What a message occupies in indexes and counters.
struct Footprint {
    std::vector<DueEntry> due;   // ascending
    std::array<std::uint32_t, 12> recipients_by_state{};
    bool waiting = false;   // a recipient has not ended
    std::uint64_t content_bytes = 0;
    bool operator==(const Footprint&) const = default;
};
Footprint footprint(const Tracked& tracked);
/// When a recipient is due, no later than its message expires; nothing for held ones and ends.
std::optional<Instant> due_of(const Message& message, const Recipient& recipient);

/// The next id: above `last`, and made of the time of arrival so that ids tell the age.
QueueId next_id(QueueId last, Instant arrival);

}   // namespace mmgate
