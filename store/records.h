// The records on disk as values: what records.fbs says, without FlatBuffers' types.
//
// Reading copies a record into aligned memory and verifies all of it before a field is touched: damaged octets give nothing, never a crash.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "mapping/result.h"
#include "store/store.h"
#include "store/transition.h"

namespace mmgate::records {

struct Meta {
    std::uint32_t schema_version = 0;
    Octets secret;
    std::uint32_t migrating_to = 0;
    bool operator==(const Meta&) const = default;
};

/// What is counted, as of a commit.
struct Tally {
    std::uint64_t last_id = 0;
    std::uint64_t next_lane = 0;
    std::uint64_t messages = 0;
    std::uint64_t waiting = 0;
    std::uint64_t content_bytes = 0;
    std::array<std::uint64_t, 12> recipients_by_state{};
    bool operator==(const Tally&) const = default;
};

struct Submission {
    QueueId id;
    Instant until{};
    bool operator==(const Submission&) const = default;
};

/// The record of a message, without its recipients and id, which stand elsewhere.
struct MessageRecord {
    Tracked tracked;
    std::uint32_t recipients = 0;
};

/// Writes records. A view it gives is good until the next call.
class Encoder {
public:
    Encoder();
    ~Encoder();
    Encoder(const Encoder&) = delete;
    Encoder& operator=(const Encoder&) = delete;

    Bytes meta(const Meta& meta);
    Bytes tally(const Tally& tally);
    Bytes lane(std::string_view name);
    Bytes submission(const Submission& submission);
    Bytes message(const Tracked& tracked);
    Bytes recipient(const Recipient& recipient);
    Bytes events(std::span<const Event> events);

private:
    struct Builder;
    std::unique_ptr<Builder> builder_;
};

/// Each gives nothing for octets that do not verify as a record of its kind, or hold a value no version ever wrote.
std::optional<Meta> meta_of(Bytes record);
std::optional<Tally> tally_of(Bytes record);
std::optional<std::string> lane_of(Bytes record);
std::optional<Submission> submission_of(Bytes record);
std::optional<MessageRecord> message_of(Bytes record);
std::optional<Recipient> recipient_of(Bytes record);
std::optional<std::vector<Event>> events_of(Bytes record);

}   // namespace mmgate::records
