// What the store's tests are made of: messages, directories, engines.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "store/lmdb_store.h"
#include "store/store.h"

namespace mmgate::samples {

/// The time of the tests, and times near it.
inline constexpr Instant kStart{std::chrono::milliseconds(1'790'000'000'000)};
inline Instant at(std::int64_t seconds) { return kStart + Seconds(seconds); }

/// A recipient that is due on arrival.
Recipient recipient(std::string address, std::string lane = "mm1", Instant due = kStart);
/// A message with every field of a message set, to one recipient unless said otherwise; it lives a day.
Enqueue enqueue(std::vector<Recipient> recipients = {recipient("+447700900001")}, std::string content = "content", Instant arrival = kStart);
SubmissionKey key(std::uint8_t number);
Settle settle(RecipientRef ref, const Recipient& before, RecipientState state, Instant due = kStart, std::vector<RecipientState> was = {});

/// A directory of its own under $TMPDIR (absent: in memory) that goes with the value.
class TemporaryDirectory {
public:
    TemporaryDirectory();
    ~TemporaryDirectory();
    TemporaryDirectory(const TemporaryDirectory&) = delete;
    TemporaryDirectory& operator=(const TemporaryDirectory&) = delete;
    const std::string& path() const { return path_; }
    std::string operator/(const std::string& name) const { return path_ + "/" + name; }

private:
    std::string path_;
};

/// Applies and expects success; one outcome each.
std::vector<Outcome> apply(Store& store, std::vector<Operation> operations);
Outcome apply_one(Store& store, Operation operation);
/// Opens a store and expects success; what it tells goes to standard error.
std::unique_ptr<Store> open(const LmdbOptions& options);
/// Options for a store below a temporary directory, without a reserve.
LmdbOptions options_in(const TemporaryDirectory& directory);

/// Everything that can be asked of a store, as text: two stores that say the same are the same. Sizes of files are left out.
std::string describe(const Store& store, Instant now);
std::string text_of(const Message& message);

}   // namespace mmgate::samples
