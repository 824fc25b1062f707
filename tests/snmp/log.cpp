#include "snmp/log.h"

#include <criterion/criterion.h>

using namespace mmgate::snmp;

Test(log, a_line_is_one_line_whatever_was_said) {
    cr_expect(log_line("event", {}) == "- event");
    cr_expect(log_line("event", {{"a", "plain"}, {"b", "two words"}, {"c", "x=\"y\"\r\n\x7f"}, {"d", ""}, {"e", 5}}) == "- event a=plain b=\"two words\" c=\"x=\\\"y\\\"???\" d=\"\" e=5");
    cr_expect(log_line("event", {{"a", std::string(10'000, 'x')}}).size() < 500);
}
