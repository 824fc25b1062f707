// The durable queue without durability: another engine behind store.h, for tests.
//
// The plainest thing that can be right: one map, and every question answered by looking at all of it. What it does and what LmdbStore
// does are held together by tests/store/conformance.cpp.
#pragma once

#include <map>
#include <mutex>
#include <optional>
#include <set>
#include <vector>

#include "store/store.h"
#include "store/transition.h"

namespace mmgate {

struct MemoryOptions {
    Seconds history = std::chrono::hours(24 * 7);
    Seconds report_wait = std::chrono::hours(24 * 7);
    std::uint64_t content_bytes = 1ULL << 30;   // with more than this new mail is refused
};

class MemoryStore : public Store {
public:
    explicit MemoryStore(MemoryOptions options = {}) : options_(options), retention_{options.history, options.report_wait} {}

    /// Until it is called with nothing, every apply fails with this.
    void fail_with(std::optional<Error> error);

    Result<std::vector<Outcome>> apply(std::span<Operation> operations) override;
    Result<void> admits(std::uint64_t size_bytes) const override;
    std::vector<Claimed> claim(std::string_view lane, Instant now, std::size_t limit) override;
    void abandon(std::span<const RecipientRef> refs) override;
    void abandon(std::string_view lane, QueueId id) override;
    void rest(std::string_view lane, Instant until) override;
    std::vector<LaneDue> lanes(Instant now, std::size_t limit) const override;
    std::vector<LaneLoad> lane_loads(std::size_t limit) const override;
    std::optional<Message> find(QueueId id) const override;
    std::optional<QueueId> named(const SubmissionKey& key, Instant now) const override;
    std::vector<std::string> held_routes() const override;
    Result<Octets> content(QueueId id) const override;
    std::optional<Octets> original_header(QueueId id) const override;
    std::vector<Event> events(QueueId id) const override;
    std::vector<Message> list(QueueId after, std::size_t limit, bool ended) const override;
    StoreStats stats() const override;
    Octets secret() const override { return Octets(32, 's'); }
    std::vector<std::string> check() const override { return {}; }
    Result<void> backup(const std::string& path) const override;

private:
    struct Item {
        Tracked tracked;
        Octets content, original_header;
        std::vector<Event> events;
    };
    struct Known {
        QueueId id;
        Instant until{};
    };
    struct State {
        std::map<QueueId, Item> items;
        std::map<SubmissionKey, Known> submissions;
        std::set<RecipientRef> leases;
        std::set<std::string> held_routes;
        std::map<std::string, Instant, std::less<>> rests;   // of lanes that have work
        QueueId last;
    };
    bool fits(const State& state, std::uint64_t size_bytes) const;
    Outcome perform(State& state, const Operation& operation) const;
    Outcome enqueue(State& state, const Enqueue& operation) const;
    Outcome change(State& state, QueueId id, const std::vector<Enqueue>& consequences, const std::function<Change(Tracked&)>& transition) const;
    Message shown(const Item& item) const;

    const MemoryOptions options_;
    const Retention retention_;
    mutable std::mutex mutex_;
    State state_;
    std::optional<Error> error_;
    std::uint64_t commits_ = 0;
};

}   // namespace mmgate
