#include "snmp/monitor.h"

#include <criterion/criterion.h>

using namespace mmgate;
using namespace mmgate::snmp;
using namespace std::chrono_literals;
using What = control::Notice::What;

namespace {

constexpr Instant kNow{1'000'000s};

Figures figures() {
    Figures out;
    out[Reading::version] = std::string("1.0");
    out[Reading::health] = std::uint64_t{1};
    out[Reading::accepting] = std::uint64_t{1};
    out[Reading::control_enabled] = std::uint64_t{1};
    out[Counter::smtp_accepted] = std::uint64_t{42};
    return out;
}
control::Notice notice(What what, Health health = Health::ok, Instant started = kNow - 1h) {
    control::Notice out;
    out.what = what;
    out.at = kNow;
    out.started = started;
    out.version = "1.0";
    out.health = health;
    return out;
}
control::Notice alarm(What what, AlarmKind kind) {
    control::Notice out = notice(what);
    out.alarm = {kind, {}, spec_of(kind).severity, kNow, "text"};
    return out;
}
std::vector<std::uint32_t> told(Monitor& monitor) {
    std::vector<std::uint32_t> out;
    while (auto next = monitor.notifications().next(kNow)) out.push_back(next->number);
    return out;
}
void meet(Monitor& monitor, Instant started = kNow - 1h) {
    monitor.figures(figures(), kNow);
    monitor.notice(notice(What::begin, Health::ok, started), kNow);
    monitor.notice(notice(What::ready), kNow);
}
using Numbers = std::vector<std::uint32_t>;

}   // namespace

Test(monitor, tells_of_a_gateway_that_has_just_started_and_of_no_other) {
    Monitor long_running(kNow, 0), fresh(kNow, 0);
    meet(long_running);
    cr_expect(told(long_running).empty());
    meet(fresh, kNow - 5s);
    cr_expect((told(fresh) == Numbers{1}));
    // The same one again after a break, and then another.
    meet(fresh, kNow - 5s);
    cr_expect(told(fresh).empty());
    meet(fresh, kNow - 1s);
    cr_expect((told(fresh) == Numbers{1}));
}

Test(monitor, each_raise_has_its_clear) {
    for (const AlarmSpec& spec : kAlarms) {
        if (spec.kind == AlarmKind::gateway_lost) continue;
        Monitor monitor(kNow, 0);
        meet(monitor);
        monitor.notice(alarm(What::alarm_raised, spec.kind), kNow);
        monitor.notice(alarm(What::alarm_raised, spec.kind), kNow);   // told twice, raised once
        monitor.notice(alarm(What::alarm_cleared, spec.kind), kNow);
        monitor.notice(alarm(What::alarm_cleared, spec.kind), kNow);
        cr_expect((told(monitor) == Numbers{spec.number, spec.number + 1u}), "%s", std::string(to_text(spec.kind)).c_str());
    }
}

Test(monitor, makes_up_for_what_it_missed) {
    Monitor monitor(kNow, 0);
    meet(monitor);
    monitor.notice(alarm(What::alarm_raised, AlarmKind::queue_high), kNow);
    told(monitor);
    // The conversation broke off; meanwhile one alarm was cleared and another raised.
    monitor.notice(notice(What::begin), kNow);
    monitor.notice(alarm(What::alarm_raised, AlarmKind::store_low), kNow);
    cr_expect(told(monitor).empty(), "not before all is known");
    monitor.notice(notice(What::ready), kNow);
    cr_expect((told(monitor) == Numbers{spec_of(AlarmKind::queue_high).number + 1u, spec_of(AlarmKind::store_low).number}));
}

Test(monitor, a_gateway_that_is_lost_is_an_alarm_of_the_agents_own) {
    Monitor monitor(kNow, 0);
    meet(monitor);
    const Clock clock{kNow, 1000};
    const Oid accepted = mib_object(spec_of(Counter::smtp_accepted)) + Oid{0}, health = mib_object(spec_of(Reading::health)) + Oid{0};
    cr_expect(monitor.view(clock).at(accepted) == counter64(42));
    monitor.tick(kNow + 9'999ms);
    cr_expect(monitor.gateway_answers() && told(monitor).empty());
    monitor.tick(kNow + 10s);
    cr_expect(!monitor.gateway_answers());
    cr_expect((told(monitor) == Numbers{28, 3}));
    const View lost = monitor.view(clock);
    cr_expect(!lost.contains(accepted) && lost.at(health) == integer(5));
    cr_expect(lost.at({1, 3, 6, 1, 2, 1, 27, 1, 1, 6, 1}) == integer(2), "applOperStatus is down");
    monitor.figures(figures(), kNow + 20s);
    monitor.notice(notice(What::begin), kNow + 20s);
    cr_expect((told(monitor) == Numbers{29, 3}));
    cr_expect(monitor.view(clock).at({1, 3, 6, 1, 2, 1, 27, 1, 1, 6, 1}) == integer(1));
}

Test(monitor, tells_of_a_change_of_health_once_and_of_the_end) {
    Monitor monitor(kNow, 0);
    meet(monitor);
    monitor.notice(notice(What::health, Health::degraded), kNow);
    monitor.notice(notice(What::health, Health::degraded), kNow);
    cr_expect((told(monitor) == Numbers{3}));
    monitor.notice(notice(What::health, Health::stopping), kNow);
    cr_expect((told(monitor) == Numbers{2, 3}));
}

Test(monitor, an_act_is_told_and_shown) {
    Monitor monitor(kNow, 0);
    meet(monitor);
    control::Notice act = notice(What::control);
    act.verb = "hold";
    act.actor = "snmp duty";
    act.count = 3;
    monitor.notice(act, kNow);
    const auto notification = monitor.notifications().next(kNow);
    cr_assert(notification && notification->number == 4 && notification->objects.size() == 4);
    const View view = monitor.view({kNow, 1000});
    for (const auto& [oid, value] : notification->objects) cr_expect(view.at(oid) == value);
}
