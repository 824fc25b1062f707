#include "daemon/mm4/peer_line.h"

#include <criterion/criterion.h>

using namespace mmgate;
using namespace mmgate::mm4;
using namespace std::chrono_literals;

namespace {

constexpr Instant kNow{1'700'000'000'000ms};
const std::vector<Seconds> kWaits = {60s, 120s, 300s};

struct Middle final : Random {
    Octets octets(std::size_t count) override { return Octets(count, 'r'); }
    std::uint32_t below(std::uint32_t bound) override { return bound / 2; }   // no jitter
};

struct Bed {
    PeerLine line;
    Middle random;
    void begin(std::size_t count) {
        for (std::size_t i = 0; i < count; ++i) line.began();
    }
    void end(std::size_t count) {
        for (std::size_t i = 0; i < count; ++i) line.ended();
    }
    void fail_at(Instant now, std::string reason = "refused") { line.failed(std::move(reason), kWaits, now, random); }
};

}   // namespace

Test(peer_line, gives_all_connections_to_a_peer_that_is_up) {
    Bed bed;
    cr_expect(bed.line.free_slots(8, kNow) == 8 && !bed.line.is_down() && !bed.line.next_try());
    bed.begin(3);
    cr_expect(bed.line.free_slots(8, kNow) == 5 && bed.line.free_slots(2, kNow) == 0, "never fewer than none");
    bed.line.succeeded();
    cr_expect(bed.line.free_slots(8, kNow) == 5, "and goes on doing so");
    bed.end(5);
    cr_expect(bed.line.under_way() == 0 && bed.line.free_slots(8, kNow) == 8, "what ends twice is not counted twice");
}

Test(peer_line, waits_longer_with_each_failure_and_tries_with_one_message) {
    Bed bed;
    Instant now = kNow;
    for (const Seconds wait : {60s, 120s, 300s, 300s}) {
        bed.begin(1);
        bed.fail_at(now);
        cr_expect(bed.line.free_slots(8, now) == 0, "while it is under way");
        bed.end(1);
        cr_expect(bed.line.is_down() && bed.line.next_try() == now + wait, "after %u failures", bed.line.failures());
        cr_expect(bed.line.free_slots(8, now + wait - 1ms) == 0 && bed.line.free_slots(8, now + wait) == 1);
        now += wait;
    }
    cr_expect(bed.line.failures() == 4 && bed.line.down_since() == kNow && bed.line.reason() == "refused");
}

Test(peer_line, what_falls_with_it_counts_once) {
    Bed bed;
    bed.begin(8);
    for (int i = 0; i < 8; ++i) bed.fail_at(kNow + std::chrono::milliseconds(i), "the word of " + std::to_string(i));
    cr_expect(bed.line.failures() == 1 && bed.line.next_try() == kNow + 60s && bed.line.reason() == "the word of 7");
    bed.end(7);
    cr_expect(bed.line.free_slots(8, kNow + 60s) == 0, "one of those is still under way");
    bed.end(1);
    cr_expect(bed.line.free_slots(8, kNow + 60s) == 1);
}

Test(peer_line, a_peer_that_returns_is_not_run_over) {
    Bed bed;
    bed.fail_at(kNow);
    std::size_t before = 0;
    for (const std::size_t want : {2U, 4U, 8U, 16U, 32U, 64U}) {
        bed.line.succeeded();
        cr_expect(bed.line.free_slots(1000, kNow) == want && want > before, "%zu", bed.line.free_slots(1000, kNow));
        cr_expect(bed.line.free_slots(3, kNow) == std::min<std::size_t>(want, 3), "never more than there are connections");
        before = want;
    }
    bed.line.succeeded();
    cr_expect(bed.line.free_slots(1000, kNow) == 1000, "it is back");
    bed.fail_at(kNow);
    bed.line.succeeded();
    cr_expect(bed.line.free_slots(1000, kNow) == 2, "each time anew");
    cr_expect(!bed.line.is_down() && bed.line.failures() == 0);
}

Test(peer_line, the_operator_may_try_at_once) {
    Bed bed;
    bed.line.try_now(kNow);
    cr_expect(!bed.line.is_down() && bed.line.free_slots(8, kNow) == 8);
    bed.fail_at(kNow);
    bed.line.try_now(kNow + 1s);
    cr_expect(bed.line.free_slots(8, kNow + 1s) == 1 && bed.line.next_try() == kNow + 1s);
    bed.fail_at(kNow + 1s);
    cr_expect(bed.line.failures() == 2 && bed.line.next_try() == kNow + 121s);
}
