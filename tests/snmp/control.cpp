#include "snmp/control.h"

#include <criterion/criterion.h>

using namespace mmgate;
using namespace mmgate::snmp;

namespace {

// Of MMGATE-MIB: mmgateControlLock, -Operator, -Action, -State, -LastResult.
enum Object : std::uint32_t { kLock = 2,
                              kOperator,
                              kAction,
                              kState,
                              kLastResult = 8 };
Oid instance(std::uint32_t object) { return mib_scalar(Group::control, object) + Oid{0}; }
Value shown(const Control& control, std::uint32_t object) {
    View view;
    control.add_to(view);
    return view.at(instance(object));
}
Control allowed(std::uint32_t lock = 7) {
    Control control(lock);
    control.gateway(true);
    return control;
}

}   // namespace

Test(control, tests_what_is_set) {
    struct Row {
        Setting setting;
        SetError want;
    };
    using enum SetError;
    const Control control = allowed();
    for (const Row& row : std::initializer_list<Row>{{{instance(kAction), integer(1)}, none},
                                                     {{instance(kAction), integer(2)}, none},
                                                     {{instance(kAction), integer(5)}, none},
                                                     {{instance(kAction), integer(0)}, wrong_value},
                                                     {{instance(kAction), integer(6)}, wrong_value},
                                                     {{instance(kAction), octets("2")}, wrong_type},
                                                     {{instance(kOperator), octets("duty officer")}, none},
                                                     {{instance(kOperator), octets("")}, none},
                                                     {{instance(kOperator), octets(std::string(32, 'x'))}, none},
                                                     {{instance(kOperator), octets(std::string(33, 'x'))}, wrong_length},
                                                     {{instance(kOperator), octets("a\nb")}, wrong_value},
                                                     {{instance(kOperator), integer(1)}, wrong_type},
                                                     {{instance(kLock), integer(7)}, none},
                                                     {{instance(kLock), integer(8)}, inconsistent_value},
                                                     {{instance(kState), integer(1)}, not_writable},
                                                     {{mib_scalar(Group::control, kAction), integer(2)}, not_writable},
                                                     {{mib_scalar(Group::system, 1) + Oid{0}, octets("x")}, not_writable}})
        cr_expect(control.test(row.setting) == row.want);
}

Test(control, is_off_unless_the_gateway_says_otherwise) {
    Control control(1);
    cr_expect(control.test({instance(kAction), integer(2)}) == SetError::resource_unavailable, "nobody has said");
    control.gateway(false);
    cr_expect(control.test({instance(kAction), integer(2)}) == SetError::not_writable);
    control.gateway(true);
    cr_expect(control.test({instance(kAction), integer(2)}) == SetError::none);
}

Test(control, acts_in_the_name_that_came_with_it) {
    struct Row {
        std::uint64_t action;
        control::Verb verb;
        bool all;
    };
    for (const Row& row : {Row{2, control::Verb::hold, true}, Row{3, control::Verb::release, true}, Row{4, control::Verb::retry, true}, Row{5, control::Verb::reload, false}}) {
        Control control = allowed();
        control.commit({{instance(kAction), integer(row.action)}, {instance(kOperator), octets("duty")}, {instance(kLock), integer(7)}});
        auto request = control.take_request();
        cr_assert(request.has_value());
        cr_expect(request->verb == row.verb && request->all == row.all && request->actor == "duty");
        cr_expect(!control.take_request(), "once");
        cr_expect(shown(control, kLock) == integer(8) && shown(control, kAction) == integer(1) && shown(control, kState) == integer(2));
        // What the gateway would refuse is not asked of it.
        cr_expect(control::decode_request(control::encode_request(*request)).has_value());
    }
    Control control = allowed();
    control.commit({{instance(kAction), integer(5)}});
    cr_expect(control.take_request()->actor == "unnamed");
}

Test(control, one_act_at_a_time) {
    Control control = allowed();
    control.commit({{instance(kAction), integer(2)}});
    cr_expect(control.test({instance(kAction), integer(3)}) == SetError::resource_unavailable);
    cr_expect(control.test({instance(kOperator), octets("x")}) == SetError::none);
    control.take_request();
    control.finished(control::End{control::Exit::done, 4, ""});
    cr_expect(shown(control, kState) == integer(3) && control.test({instance(kAction), integer(3)}) == SetError::none);
}

Test(control, doing_nothing_is_no_act) {
    Control control = allowed();
    control.commit({{instance(kAction), integer(1)}});
    cr_expect(!control.take_request() && shown(control, kState) == integer(1));
}

Test(control, says_how_it_ended) {
    struct Row {
        std::optional<control::End> end;
        std::uint64_t state;
        std::string result;
    };
    for (const Row& row : std::initializer_list<Row>{{control::End{control::Exit::done, 4, ""}, 3, ""},
                                                     {control::End{control::Exit::nothing_matched, 0, ""}, 3, ""},
                                                     {control::End{control::Exit::not_allowed, 0, "no"}, 4, "no"},
                                                     {std::nullopt, 4, "the gateway does not answer"}}) {
        Control control = allowed();
        control.commit({{instance(kAction), integer(2)}});
        control.finished(row.end);
        cr_expect(shown(control, kState) == integer(row.state));
        View view;
        control.add_to(view);
        cr_expect(row.result.empty() ? !view.contains(instance(kLastResult)) : view.at(instance(kLastResult)) == octets(row.result));
    }
}

Test(control, the_lock_wraps) {
    Control control = allowed(0x7FFFFFFF);
    control.commit({{instance(kLock), integer(0x7FFFFFFF)}});
    cr_expect(shown(control, kLock) == integer(0));
}
