#include "snmp/notification_queue.h"

#include <criterion/criterion.h>

using namespace mmgate;
using namespace mmgate::snmp;
using namespace std::chrono_literals;

namespace {
constexpr Instant kNow{1'000'000s};
Notification of(std::uint32_t number, std::string subject = {}) { return {number, {}, std::move(subject)}; }
std::vector<std::uint32_t> drain(NotificationQueue& queue, Instant now) {
    std::vector<std::uint32_t> out;
    while (auto next = queue.next(now)) out.push_back(next->number);
    return out;
}
}   // namespace

Test(notification_queue, keeps_the_order_and_its_rate) {
    NotificationQueue queue;
    for (std::uint32_t i = 0; i < 30; ++i) queue.push(of(i));
    std::vector<std::uint32_t> first = drain(queue, kNow);
    cr_expect(first.size() == NotificationQueue::kBurst && first.front() == 0 && first.back() == 19);
    cr_expect(drain(queue, kNow + 999ms).empty());
    cr_expect((drain(queue, kNow + 2'500ms) == std::vector<std::uint32_t>{20, 21}));
    cr_expect(drain(queue, kNow + 1h).size() == 8 && queue.waiting() == 0);
}

Test(notification_queue, sends_again_what_a_session_took_with_it) {
    NotificationQueue queue;
    queue.push(of(1));
    drain(queue, kNow);
    queue.push(of(2));
    queue.push(of(3));
    drain(queue, kNow + 31s);
    queue.push(of(4));
    queue.session_ended(kNow + 32s);
    cr_expect((drain(queue, kNow + 40s) == std::vector<std::uint32_t>{2, 3, 4}), "the first one has long arrived");
}

Test(notification_queue, a_raise_and_its_clear_cancel_each_other_when_room_is_short) {
    NotificationQueue queue;
    queue.push(of(1));
    queue.push(of(10, "a"));
    queue.push(of(11, "a"));
    for (std::size_t i = 3; i <= NotificationQueue::kMostWaiting; ++i) queue.push(of(2));
    cr_expect(queue.dropped() == 2 && queue.waiting() == NotificationQueue::kMostWaiting - 1);
    cr_expect(queue.next(kNow)->number == 1 && queue.next(kNow)->number == 2);
}

Test(notification_queue, the_oldest_goes_when_nothing_cancels) {
    NotificationQueue queue;
    for (std::uint32_t i = 0; i < NotificationQueue::kMostWaiting + 5; ++i) queue.push(of(i));
    cr_expect(queue.dropped() == 5 && queue.next(kNow)->number == 5);
}
