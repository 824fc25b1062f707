#include "daemon/retry.h"

#include <criterion/criterion.h>

using namespace mmgate;
using namespace std::chrono_literals;

namespace {
struct Loaded final : Random {
    std::uint32_t share = 0;   // of 2^16
    Octets octets(std::size_t count) override { return Octets(count, 'x'); }
    std::uint32_t below(std::uint32_t bound) override { return static_cast<std::uint32_t>((std::uint64_t{bound} * share) >> 16); }
};
}   // namespace

Test(retry, follows_the_schedule_with_jitter_and_ends_at_expiry) {
    const std::vector<Seconds> schedule{60s, 300s, 900s};
    const Instant now{1'000'000'000ms};
    const Instant never = now + 24h;
    Loaded random;
    const struct {
        std::uint32_t attempts;
        std::uint32_t share;
        std::chrono::milliseconds wait;
    } rows[] = {{1, 0, 54'000ms}, {1, 32768, 60'000ms}, {1, 65535, 66'000ms}, {2, 32768, 300'000ms}, {3, 32768, 900'000ms}, {4, 32768, 900'000ms}, {1000, 32768, 900'000ms}};
    for (auto [attempts, share, wait] : rows) {
        random.share = share;
        auto got = next_attempt(schedule, attempts, now, never, random) - now;
        cr_expect(got >= wait - 2ms && got <= wait + 2ms, "attempt %u waits %lld ms", attempts, static_cast<long long>(got.count()));
    }
    cr_expect(next_attempt(schedule, 3, now, now + 10s, random) == now + 10s, "the end is written down at expiry");
}
