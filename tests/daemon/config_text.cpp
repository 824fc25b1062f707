#include "daemon/config_text.h"

#include <criterion/criterion.h>

#include "daemon/config_keys.h"

using namespace mmgate;

namespace {

std::string whole(Config config) {
    std::string out;
    for (const auto& spec : kConfigKeys) out += std::string(spec.name) + " = " + value_text(spec.target(config)) + "\n";
    for_each_table([&](const auto& table) {
        for (auto& element : config.*(table.member)) {
            out += "[[" + std::string(table.name) + "]]\n";
            for (const auto& spec : *table.keys) out += std::string(spec.name) + " = " + value_text(spec.target(element)) + "\n";
        }
    });
    return out;
}

}   // namespace

Test(config_text, every_value_reads_back) {
    constexpr std::string_view kText = R"(
gateway.domain = "mms.example.net"
smtp.networks = ["127.0.0.0/8", "2001:db8::/32", "192.0.2.1"]
mail.relay = "[::1]:2525"
queue.retry = ["90s", "1h", "1d"]
push.kind = "pap"
push.url = "http://127.0.0.1:8080/pap"
push.password = "with \"quotes\" and a \\"
[[subscribers]]
prefix = "+447700"
[[peer]]
name = "hub"
domain = "mms.hub.example"
preset = "rel4"
next_hop = ["mx.hub.example:25", "192.0.2.9:2525"]
networks = ["192.0.2.0/24"]
message_size = "5M"
[[enum]]
zone = "e164enum.net"
[[ported]]
number = "+447700900123"
)";
    auto first = parse_config(std::string(kText), "first");
    cr_assert(first, "%s", first ? "" : first.error().front().message.c_str());
    const std::string shown = whole(*first);
    auto again = parse_config(shown, "again");
    cr_assert(again, "%s\n%s", again ? "" : again.error().front().message.c_str(), shown.c_str());
    for (Reload reload : {Reload::live, Reload::listeners, Reload::restart}) cr_expect(changed_keys(*first, *again, reload).empty());
    cr_expect(again->peers == first->peers && again->enum_zones == first->enum_zones && again->ported == first->ported && again->push_password == first->push_password);
}

Test(config_text, secrets_are_told_by_shape_and_name) {
    cr_expect(is_secret("password", Shape::any) && is_secret("x", Shape::secret) && is_secret("push.token", Shape::any) && !is_secret("domain", Shape::domain));
    Config config;
    config.push_password = "sesame";
    for (const auto& spec : kConfigKeys)
        if (spec.name == "push.password") cr_expect(shown_value(spec, config) == "\"(set)\"");
}
