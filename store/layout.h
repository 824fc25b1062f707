// Where everything stands in the LMDB environment: the databases and their keys.
//
// Keys are numbers in network order, so that LMDB's plain comparison orders them as numbers. Nothing a peer sends is a key but as
// a digest. Ids ascend, so that a new message only ever touches the last page of a database (but for submissions).
// docs/store.md describes the same for people.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <string_view>
#include <vector>

#include "store/lmdb.h"
#include "store/store.h"
#include "store/transition.h"

namespace mmgate::layout {

/// The format this program writes. A store with a higher one is refused; a lower one is brought up to it.
inline constexpr std::uint32_t kSchemaVersion = 3;

struct DatabaseSpec {
    const char* name;
    const char* holds;
};

inline constexpr auto kDatabases = std::to_array<DatabaseSpec>({
    {"meta", "Meta and Tally, each under its name"},
    {"messages", "id, kind, number -> Message, Recipient or Events"},
    {"waiting", "id of each message with a recipient that has not ended -> nothing"},
    {"content", "id, piece -> octets"},
    {"original", "id, piece -> octets of the original header block"},
    {"due", "lane, time, id, index -> nothing"},
    {"lanes", "lane -> Lane; exists while the lane has entries in due"},
    {"submissions", "digest -> Submission"},
    {"submissions_by_time", "time, digest -> nothing"},
    {"held_routes", "name of a route -> nothing"},
});

inline constexpr lmdb::Database kMeta{0}, kMessages{1}, kWaiting{2}, kContent{3}, kOriginal{4}, kDue{5}, kLanes{6}, kSubmissions{7}, kSubmissionsByTime{8}, kHeldRoutes{9};

inline std::vector<const char*> database_names() {
    std::vector<const char*> names;
    for (const DatabaseSpec& spec : kDatabases) names.push_back(spec.name);
    return names;
}

inline constexpr Bytes kMetaKey = "meta", kTallyKey = "tally";

/// A key of fixed length, built without the heap.
template <std::size_t size>
struct Key {
    std::array<char, size> octets{};
    operator Bytes() const { return {octets.data(), size}; }
};

/// Writes numbers one after another, highest octet first.
class KeyWriter {
public:
    explicit KeyWriter(char* at) : at_(at) {}
    template <class T>
    KeyWriter& add(T number) {
        for (std::size_t i = sizeof(T); i-- > 0;) *at_++ = static_cast<char>(number >> (8 * i));
        return *this;
    }

private:
    char* at_;
};

/// Reads the number at `offset` of a key; the caller has checked the key's length.
template <class T>
T number_at(Bytes key, std::size_t offset) {
    T out = 0;
    for (std::size_t i = 0; i < sizeof(T); ++i) out = static_cast<T>((out << 8) | static_cast<std::uint8_t>(key[offset + i]));
    return out;
}

inline std::uint64_t number_of(Instant at) { return static_cast<std::uint64_t>(std::max<std::int64_t>(0, at.time_since_epoch().count())); }
inline Instant instant_of(std::uint64_t number) {
    constexpr std::uint64_t kLatest = INT64_MAX;
    return Instant(std::chrono::milliseconds(static_cast<std::int64_t>(std::min(number, kLatest))));
}

// ---- messages: id (8), kind (1), number (4)

/// What a record of a message is. In this order they follow each other.
enum class Kind : std::uint8_t { message = 0,
                                 recipient = 1,
                                 events = 2,
                                 end = 3 };

inline constexpr std::size_t kRecordKeySize = 13;
inline Key<kRecordKeySize> record_key(QueueId id, Kind kind, std::uint32_t number) {
    Key<kRecordKeySize> key;
    KeyWriter(key.octets.data()).add(id.value).add(static_cast<std::uint8_t>(kind)).add(number);
    return key;
}
inline QueueId id_of(Bytes key) { return {number_at<std::uint64_t>(key, 0)}; }
inline Kind kind_of(Bytes record_key) { return static_cast<Kind>(number_at<std::uint8_t>(record_key, 8)); }
inline std::uint32_t record_number_of(Bytes record_key) { return number_at<std::uint32_t>(record_key, 9); }

// ---- waiting: id (8)

inline constexpr std::size_t kIdKeySize = 8;
inline Key<kIdKeySize> id_key(QueueId id) {
    Key<kIdKeySize> key;
    KeyWriter(key.octets.data()).add(id.value);
    return key;
}

// ---- content and original: id (8), piece (4)

inline constexpr std::size_t kPieceKeySize = 12;
inline Key<kPieceKeySize> piece_key(QueueId id, std::uint32_t piece) {
    Key<kPieceKeySize> key;
    KeyWriter(key.octets.data()).add(id.value).add(piece);
    return key;
}

// ---- due: lane (8), time in ms (8), id (8), index (2)

using LaneId = std::uint64_t;
/// The lanes of the store's own making; those of recipients are numbered from kFirstLane, and no number is used twice.
inline constexpr LaneId kReportLaneId = 0, kPurgeLaneId = 1, kFirstLane = 16;

struct DueKey {
    LaneId lane = 0;
    Instant at{};
    RecipientRef ref;
    auto operator<=>(const DueKey&) const = default;
};
inline constexpr std::size_t kDueKeySize = 26;
inline Key<kDueKeySize> due_key(const DueKey& due) {
    Key<kDueKeySize> key;
    KeyWriter(key.octets.data()).add(due.lane).add(number_of(due.at)).add(due.ref.id.value).add(due.ref.index);
    return key;
}
inline DueKey due_of_key(Bytes key) {
    return {number_at<LaneId>(key, 0), instant_of(number_at<std::uint64_t>(key, 8)), {{number_at<std::uint64_t>(key, 16)}, number_at<std::uint16_t>(key, 24)}};
}

// ---- lanes: lane (8)

inline constexpr std::size_t kLaneKeySize = 8;
inline Key<kLaneKeySize> lane_key(LaneId lane) {
    Key<kLaneKeySize> key;
    KeyWriter(key.octets.data()).add(lane);
    return key;
}

// ---- submissions: digest (32); submissions_by_time: time in ms (8), digest (32)

inline constexpr std::size_t kDigestSize = std::tuple_size_v<SubmissionKey>;
inline Bytes submission_key(const SubmissionKey& key) { return {reinterpret_cast<const char*>(key.data()), key.size()}; }
inline constexpr std::size_t kSubmissionTimeKeySize = 8 + kDigestSize;
inline Key<kSubmissionTimeKeySize> submission_time_key(Instant until, Bytes digest) {
    Key<kSubmissionTimeKeySize> key;
    KeyWriter(key.octets.data()).add(number_of(until));
    std::ranges::copy(digest.substr(0, kDigestSize), key.octets.data() + 8);
    return key;
}

}   // namespace mmgate::layout
