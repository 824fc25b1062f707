// Damaged records of the store: nothing, or a value that is written and read as the same.
//
// Input: an octet that chooses the kind, then the record.
#include <cstdint>
#include <cstdlib>

#include "store/records.h"

using namespace mmgate;

namespace {

/// Fails also where assert is off.
void hold(bool promise) {
    if (!promise) std::abort();
}

}   // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size == 0) return 0;
    const Bytes record(reinterpret_cast<const char*>(data + 1), size - 1);
    static records::Encoder encoder;   // it keeps its memory, as in the store
    switch (data[0] % 7) {
        case 0:
            if (const auto meta = records::meta_of(record)) hold(records::meta_of(encoder.meta(*meta)) == meta);
            break;
        case 1:
            if (const auto tally = records::tally_of(record)) hold(records::tally_of(encoder.tally(*tally)) == tally);
            break;
        case 2:
            if (const auto lane = records::lane_of(record)) hold(records::lane_of(encoder.lane(*lane)) == lane);
            break;
        case 3:
            if (const auto submission = records::submission_of(record)) hold(records::submission_of(encoder.submission(*submission)) == submission);
            break;
        case 4:
            if (auto message = records::message_of(record)) {
                // The recipients stand elsewhere, the record has their number.
                Tracked tracked = message->tracked;
                if (message->recipients > 100'000) break;
                tracked.message.recipients.resize(message->recipients);
                const auto again = records::message_of(encoder.message(tracked));
                hold(again && again->recipients == message->recipients && again->tracked == message->tracked);
            }
            break;
        case 5:
            if (const auto recipient = records::recipient_of(record)) hold(records::recipient_of(encoder.recipient(*recipient)) == recipient);
            break;
        default:
            if (const auto events = records::events_of(record)) hold(records::events_of(encoder.events(*events)) == events);
            break;
    }
    return 0;
}
