// One table over both engines: what store.h promises.
#include <random>

#include <criterion/criterion.h>
#include <criterion/parameterized.h>

#include "tests/store/conformance.h"
#include "tests/store/samples.h"
#include "tests/support/memory_store.h"

using namespace mmgate;
using namespace mmgate::samples;
using namespace mmgate::conformance;
using enum RecipientState;

namespace {

constexpr std::uint64_t kSmall = 16 << 20;
constexpr std::size_t kEngines = 2;

std::vector<Row> all_rows() {
    std::vector<Row> out(work_rows().begin(), work_rows().end());
    out.insert(out.end(), end_rows().begin(), end_rows().end());
    return out;
}

}   // namespace

ParameterizedTestParameters(store, conforms) {
    const std::size_t count = all_rows().size() * kEngines;
    auto* numbers = static_cast<std::size_t*>(cr_malloc(count * sizeof(std::size_t)));
    for (std::size_t i = 0; i < count; ++i) numbers[i] = i;
    return cr_make_param_array(std::size_t, numbers, count, [](criterion_test_params* params) { cr_free(params->params); });
}
ParameterizedTest(std::size_t* number, store, conforms) {
    const Row row = all_rows()[*number / kEngines];
    cr_log_info("%s", row.name);
    if (*number % kEngines == 0) {
        MemoryStore store({kHistory, kReportWait, kSmall});
        row.test(store);
        return;
    }
    TemporaryDirectory directory;
    LmdbOptions options = options_in(directory);
    options.history = kHistory;
    options.report_wait = kReportWait;
    options.map_size_bytes = kSmall;
    auto store = open(options);
    row.test(*store);
    for (const std::string& finding : store->check()) cr_expect(false, "%s: %s", row.name, finding.c_str());
    // All of it is on the disk, but for the leases.
    const std::vector<Message> held_in_memory = store->list({}, 1'000'000, true);
    for (const Message& message : held_in_memory)
        for (std::size_t i = 0; i < message.recipients.size(); ++i) {
            const RecipientRef ref{message.id, static_cast<std::uint16_t>(i)};
            store->abandon({&ref, 1});
            store->abandon(kReportLane, message.id);
            store->abandon(kPurgeLane, message.id);
        }
    const std::string before = describe(*store, at(50));
    store.reset();
    cr_expect(describe(*open(options), at(50)) == before, "%s: after opening it again", row.name);
}

// Both engines do the same for the same reasons: a long random life, compared on the way.
Test(store, engines_agree) {
    TemporaryDirectory directory;
    LmdbOptions options = options_in(directory);
    options.history = Seconds(30);
    options.report_wait = Seconds(60);
    auto real = open(options);
    MemoryStore model({options.history, options.report_wait, 1ULL << 30});
    std::mt19937 random(20'260'101);
    auto below = [&](std::uint32_t n) { return static_cast<std::uint32_t>(random() % n); };
    const std::string lane_names[] = {"mm1", "mail:a", "mail:b", "mail:c", "mm4:x"};
    const RecipientState targets[] = {queued, active, deferred, held, notified, fetched, delivered, relayed, rejected, expired, failed, deleted};
    std::vector<QueueId> known{{1}};
    for (int step = 0; step < 1500; ++step) {
        const Instant now = at(step / 10);
        auto some_id = [&] { return known[known.size() - 1 - below(static_cast<std::uint32_t>(std::min<std::size_t>(known.size(), 12)))]; };
        auto some_enqueue = [&] {
            std::vector<Recipient> recipients;
            for (std::uint32_t i = 0; i <= below(3); ++i) {
                recipients.push_back(recipient("+4477009000" + std::to_string(below(90)), lane_names[below(5)], now + Seconds(below(20))));
                if (below(12) == 0) {
                    recipients.back().state = failed;
                    recipients.back().report_due = below(2) == 0;
                }
            }
            Enqueue out = enqueue(recipients, std::string(below(3) * 9000 * (below(8) == 0 ? 1 : 0) + below(40), 'c'), now);
            out.message.expires = now + Seconds(below(40));
            if (below(4) == 0) out.original_header.clear();
            if (below(4) == 0) {
                for (std::size_t i = 0; i < recipients.size(); ++i) out.recipient_keys.push_back(key(static_cast<std::uint8_t>(20 + below(8))));
                out.submission_until = now + Seconds(below(10));
            } else if (below(3) == 0) {
                out.submission = key(static_cast<std::uint8_t>(below(6)));
                out.submission_until = now + Seconds(below(10));
            }
            return out;
        };
        std::vector<Operation> operations;
        for (std::uint32_t i = 0; i <= below(4); ++i) {
            switch (below(12)) {
                case 0:
                case 1:
                case 2: operations.emplace_back(some_enqueue()); break;
                case 3:
                case 4:
                case 5: {
                    const RecipientRef ref{some_id(), static_cast<std::uint16_t>(below(3))};
                    Settle one = settle(ref, recipient("+447700900099", lane_names[below(5)]), targets[below(12)], now + Seconds(below(10)));
                    if (below(3) == 0) one.was = {targets[below(12)], targets[below(12)]};
                    one.recipient.report_due = is_end(one.recipient.state) && below(2) == 0;
                    one.recipient.report_expected = below(2) == 0;
                    if (below(4) == 0) one.report_at = now + Seconds(below(10));
                    if (one.recipient.report_due && below(2) == 0) one.recipient.report_from = now + Seconds(below(10));
                    if (below(8) == 0) one.aliases = {{key(static_cast<std::uint8_t>(40 + below(4))), now + Seconds(below(10))}};
                    if (below(6) == 0) one.consequences = {some_enqueue()};
                    operations.emplace_back(std::move(one));
                    break;
                }
                case 6: operations.emplace_back(Reported{some_id(), {0, static_cast<std::uint16_t>(below(4))}, {{now, std::nullopt, "reported", {}}}, {}}); break;
                case 7: operations.emplace_back(Hold{some_id(), now}); break;
                case 8: operations.emplace_back(Release{some_id(), now}); break;
                case 9: operations.emplace_back(Retry{some_id(), now}); break;
                case 10:
                    switch (below(4)) {
                        case 0: operations.emplace_back(Delete{some_id(), now, below(3) == 0}); break;
                        case 1: operations.emplace_back(Undelete{some_id(), now + Seconds(below(2) * kUndeleteFor.count())}); break;
                        case 2: operations.emplace_back(Purge{some_id()}); break;
                        case 3: operations.emplace_back(Purge{some_id(), now + Seconds(below(2) * kUndeleteFor.count())}); break;
                    }
                    break;
                case 11: operations.emplace_back(PurgeSubmissions{now, below(3)}); break;
            }
        }
        auto theirs = model.apply(operations);
        auto ours = real->apply(operations);
        cr_assert(theirs.has_value() && ours.has_value());
        for (std::size_t i = 0; i < ours->size(); ++i) {
            const Outcome &a = (*ours)[i], &b = (*theirs)[i];
            cr_assert(a.id == b.id && a.repeated == b.repeated && a.changed == b.changed, "step %d, operation %zu: %zu and %zu changed", step, i, a.changed, b.changed);
            if (std::holds_alternative<Enqueue>(operations[i]) && !a.repeated) known.push_back(a.id);
        }
        const std::string lane = below(6) == 0 ? std::string(kReportLane) : below(6) == 0 ? std::string(kPurgeLane)
                                                                                          : lane_names[below(5)];
        const std::size_t limit = below(4);
        auto a = real->claim(lane, now, limit), b = model.claim(lane, now, limit);
        cr_assert(a.size() == b.size(), "step %d: %zu and %zu claimed in %s", step, a.size(), b.size(), lane.c_str());
        for (std::size_t i = 0; i < a.size(); ++i) {
            cr_assert(a[i].message == b[i].message && a[i].recipients == b[i].recipients, "step %d: claims differ", step);
            if (below(4) > 0) continue;
            for (std::uint16_t index : a[i].recipients) {
                const RecipientRef ref{a[i].message.id, index};
                real->abandon({&ref, 1});
                model.abandon({&ref, 1});
            }
            real->abandon(lane, a[i].message.id);
            model.abandon(lane, a[i].message.id);
        }
        if (step % 20 != 0) continue;
        const std::string one = describe(*real, now), other = describe(model, now);
        cr_assert(one == other, "step %d:\n%s\nand the model:\n%s", step, one.c_str(), other.c_str());
        if (step % 200 == 0)
            for (const std::string& finding : real->check()) cr_assert(false, "step %d: %s", step, finding.c_str());
    }
    for (const std::string& finding : real->check()) cr_expect(false, "%s", finding.c_str());
}
