#include "daemon/router.h"

#include <criterion/criterion.h>

#include <array>

using namespace mmgate;

namespace {

Config sample() {
    Config config;
    config.domain = "mms.example.net";
    config.domains = {"mms2.example.net"};
    config.postmaster = "ops@example.net";
    config.numbering = {"44", "0", "00"};
    config.subscribers = {{"+447700"}, {"+4477009001"}};
    config.mm4_system = "mms-system";
    return config;
}

struct Row {
    std::string_view recipient;   // as a mailbox or, without @, as a phone
    std::string_view route;       // "" is a refusal
    std::string_view lane;
    std::string_view address;
    Fault fault = Fault::internal;
};

Address address_of(std::string_view text) {
    return {text.find('@') == std::string_view::npos ? Address::Kind::phone : Address::Kind::mailbox, std::string(text), {}};
}

void check(const Result<Route>& got, const Row& row) {
    if (row.route.empty()) {
        cr_assert(!got, "%s is routed", row.recipient.data());
        cr_expect(got.error().fault == row.fault, "%s", row.recipient.data());
        return;
    }
    cr_assert(got.has_value(), "%s", row.recipient.data());
    cr_expect(got->route == row.route && got->lane == row.lane && got->address.value == row.address, "%s: %s %s %s", row.recipient.data(), got->route.c_str(),
              got->lane.c_str(), got->address.value.c_str());
    cr_expect(!got->why.empty());
}

}   // namespace

Test(router, whose_lane_mail_is_in) {
    Config by_mx = sample(), by_relay = sample(), by_other = sample();
    by_relay.mail_relay = Endpoint{"2001:db8::25", 25};
    by_other.mail_relay = Endpoint{"relay.example", 587};
    struct {
        std::string_view mailbox, mx_lane;
    } const rows[] = {{"a@b.example", "mail:b.example"}, {"a@[192.0.2.1]", "mail:[192.0.2.1]"}, {"a@[IPv6:2001:db8::1]", "mail:[IPv6:2001:db8::1]"}};
    for (const auto& row : rows) {
        const Address mailbox = address_of(row.mailbox);
        cr_expect(mail_lane(mailbox, by_mx) == row.mx_lane && mail_lane(mailbox, by_relay) == "mail:[2001:db8::25]:25" && mail_lane(mailbox, by_other) == "mail:relay.example:587");
        for (const Config* config : {&by_mx, &by_relay, &by_other})
            for (const Config* now : {&by_mx, &by_relay, &by_other})
                cr_expect(is_mail_lane_of(mail_lane(mailbox, *config), *now) == (config == now), "%s", mail_lane(mailbox, *config).c_str());
    }
    for (std::string_view lane : {"mm1", "mm4:normal:b.example", ""}) cr_expect(!is_mail_lane_of(lane, by_mx), "%s", lane.data());
}

Test(router, recipients_of_phones) {
    Router router(sample());
    constexpr auto kRows = std::to_array<Row>({
        {"+447700900123", "mm1", "mm1", "+447700900123"},
        {"07700900123", "mm1", "mm1", "+447700900123"},
        {"00447700900123", "mm1", "mm1", "+447700900123"},
        {"+447800900123", "", "", "", Fault::recipient_unknown},
        {"12", "", "", "", Fault::recipient_unknown},
        {"a@b.example", "mail", "mail:b.example", "a@b.example"},
        {"+447700900123@mms.example.net", "mm1", "mm1", "+447700900123"},
        {"nobody@mms.example.net", "", "", "", Fault::recipient_unknown},
        {"PostMaster@mms2.example.net", "mail", "mail:example.net", "ops@example.net"},
    });
    for (const Row& row : kRows) check(router.of_recipient(address_of(row.recipient)), row);
    cr_expect(!router.of_recipient({Address::Kind::short_code, "12345", {}}));
    cr_expect(!router.of_recipient({Address::Kind::ipv4, "192.0.2.1", {}}));
}

Test(router, recipients_of_mail_are_ours_or_refused) {
    Router router(sample());
    constexpr auto kRows = std::to_array<Row>({
        {"+447700900123@mms.example.net", "mm1", "mm1", "+447700900123"},
        {"447700900123@MMS2.Example.NET", "mm1", "mm1", "+447700900123"},
        {"07700900123@mms.example.net", "mm1", "mm1", "+447700900123"},
        {"+447700900123/TYPE=PLMN@mms.example.net", "mm1", "mm1", "+447700900123"},
        {"postmaster@mms.example.net", "mail", "mail:example.net", "ops@example.net"},
        {"PostMaster@mms2.example.net", "mail", "mail:example.net", "ops@example.net"},
        {"+448000000000@mms.example.net", "", "", "", Fault::recipient_unknown},
        {"a@b.example", "", "", "", Fault::relay_denied},
        {"mms-system@mms.example.net", "system", "", "mms-system@mms.example.net"},
        {"+447700900123@b.example", "", "", "", Fault::relay_denied},
        {"a%b.example@mms.example.net", "", "", "", Fault::recipient_unknown},
    });
    for (const Row& row : kRows) check(router.of_mail_recipient(address_of(row.recipient), {}), row);
}

Test(router, a_relay_takes_all_mail) {
    Config config = sample();
    config.mail_relay = Endpoint{"127.0.0.1", 1025};
    Router router(config);
    check(router.of_recipient(address_of("a@b.example")), {"a@b.example", "mail", "mail:127.0.0.1:1025", "a@b.example"});
}

Test(router, subscribers_are_served_numbers_only) {
    Router router(sample());
    auto phone = router.subscriber("447700900123");
    cr_assert(phone && phone->value == "+447700900123" && phone->kind == Address::Kind::phone);
    for (std::string_view bad : {"+447800900123", "", "anna", "+4477009001234567890"}) {
        auto got = router.subscriber(bad);
        cr_assert(!got && got.error().fault == Fault::sender_denied, "%s", bad.data());
    }
    cr_expect(router.mail_address_of(*phone).value == "+447700900123@mms.example.net");
}

namespace {

Peer peer(std::string name, std::vector<std::string> prefixes) {
    Peer out;
    out.domain = "mms." + name + ".example";
    out.name = std::move(name);
    out.prefixes = std::move(prefixes);
    return out;
}

Config with_peers() {
    Config config = sample();
    config.peers = {peer("other", {"+447800", "+44770055"}), peer("third", {"+4478001"}), peer("hub", {})};
    config.peers[0].domains = {"mms2.other.example"};
    config.ported = {{"+447700900555", "third"}, {"+447800900556", ""}};
    config.mm4_mail_networks = {{false, {127}, 8}};
    return config;
}

}   // namespace

Test(router, numbers_go_to_the_longest_prefix_and_domains_to_their_peer) {
    Config config = with_peers();
    Router router(config);
    constexpr auto kRows = std::to_array<Row>({
        {"+447800900123", "mm4:other", "mm4:normal:other", "+447800900123"},
        {"07800 1900123", "mm4:third", "mm4:normal:third", "+4478001900123"},
        {"+447700550123", "mm4:other", "mm4:normal:other", "+447700550123"},
        {"+447700900123", "mm1", "mm1", "+447700900123"},
        {"+447700900555", "mm4:third", "mm4:normal:third", "+447700900555"},
        {"+447800900556", "mm1", "mm1", "+447800900556"},
        {"+33612345678", "", "", "", Fault::recipient_unknown},
        {"+447999900123@MMS2.other.example", "mm4:other", "mm4:normal:other", "+447999900123"},
        {"anna@mms.third.example", "mm4:third", "mm4:normal:third", "anna@mms.third.example"},
        {"+447800900123@mms.example.net", "mm4:other", "mm4:normal:other", "+447800900123"},
    });
    for (const Row& row : kRows) check(router.of_recipient(address_of(row.recipient)), row);
    cr_expect(router.subscriber("+447700900555").has_value() == false && router.subscriber("+447800900556").has_value() && !router.subscriber("+447700550123"));
    config.mm4_default_peer = "hub";
    check(Router(config).of_recipient(address_of("+33612345678")), {"+33612345678", "mm4:hub", "mm4:normal:hub", "+33612345678"});
}

Test(router, who_may_send_on_to_peers) {
    Config config = with_peers();
    config.peers[1].transit = true;
    Router router(config);
    struct From {
        const char* name;
        Whence whence;
        std::string_view to;
        std::string_view route;
        Fault fault = Fault::internal;
    };
    const From rows[] = {
        {"a mail client that may", {"127.0.0.1", {}}, "+447800900123@mms.example.net", "mm4:other"},
        {"a mail client that may not", {"192.0.2.1", {}}, "+447800900123@mms.example.net", "", Fault::relay_denied},
        {"a mail client to a peer's domain", {"127.0.0.1", {}}, "+447800900123@mms.other.example", "", Fault::relay_denied},
        {"a peer to a phone of ours", {"192.0.2.1", {"other"}}, "+447700900123@mms.example.net", "mm1"},
        {"a peer without transit", {"192.0.2.1", {"other"}}, "+4478001900123@mms.example.net", "", Fault::recipient_unknown},
        {"a peer without transit to another's domain", {"192.0.2.1", {"other"}}, "+4478001900123@mms.third.example", "", Fault::relay_denied},
        {"a peer with transit", {"192.0.2.1", {"third"}}, "+447800900123@mms.example.net", "mm4:other"},
        {"a peer with transit to another's domain", {"192.0.2.1", {"third"}}, "+447800900123@mms.other.example", "mm4:other"},
        {"back to where it comes from", {"192.0.2.1", {"third"}}, "+4478001900123@mms.example.net", "", Fault::routing_loop},
        {"back, for a client that is both", {"127.0.0.1", {"other"}}, "+447800900123@mms.example.net", "", Fault::routing_loop},
        {"either of two, the other one's number", {"192.0.2.1", {"other", "third"}}, "+447800900123@mms.example.net", "mm4:other"},
        {"a peer to a foreign domain", {"192.0.2.1", {"third"}}, "a@b.example", "", Fault::relay_denied},
        {"our system address", {"192.0.2.1", {"other"}}, "MMS-System@mms.example.net", "system"},
    };
    for (const From& row : rows) {
        auto got = router.of_mail_recipient(address_of(row.to), row.whence);
        if (row.route.empty()) cr_expect(!got && got.error().fault == row.fault, "%s", row.name);
        else cr_expect(got && got->route == row.route, "%s: %s", row.name, got ? got->route.c_str() : got.error().rule.c_str());
    }
}

Test(router, what_others_may_know_better_is_resolved_later) {
    Config config = with_peers();
    config.enum_zones = {{"e164enum.net", {"+4478"}, {}}};
    check(Router(config).of_recipient(address_of("+447800900123")), {"+447800900123", "resolve", "resolve", "+447800900123"});
    check(Router(config).of_recipient(address_of("+447700900123")), {"+447700900123", "mm1", "mm1", "+447700900123"});
    config.enum_zones.clear();
    config.portability_url = "http://127.0.0.1/{number}";
    config.portability_prefixes = {"+44"};
    check(Router(config).of_recipient(address_of("+447800900123")), {"+447800900123", "resolve", "resolve", "+447800900123"});
    check(Router(config).of_recipient(address_of("+447700900123")), {"+447700900123", "mm1", "mm1", "+447700900123"});
    config.portability_prefixes = {"+4477009"};                                                                          // longer than what is served here
    check(Router(config).of_recipient(address_of("+447700900123")), {"+447700900123", "mm1", "mm1", "+447700900123"});   // but +4477009001 is longer still
    check(Router(config).of_recipient(address_of("+447700902123")), {"+447700902123", "resolve", "resolve", "+447700902123"});
    Router router(config);
    cr_expect(router.of_ported("+447800900123", "MMS2.other.example", "ENUM")->route == "mm4:other");
    cr_expect(router.of_ported("+447800900123", "mms.example.net", "ENUM")->route == "mm1");
    cr_expect(!router.of_ported("+447800900123", "mms.nobody.example", "ENUM"));
    cr_expect(router.by_prefix("+447800900123")->route == "mm4:other");
}

Test(router, lanes_of_peers_tell_their_priority) {
    Router router(with_peers());
    const Route to_peer = *router.of_recipient(address_of("+447800900123"));
    cr_expect(lane_for(to_peer, Priority::high) == "mm4:high:other" && lane_for(to_peer, Priority::low) == "mm4:low:other");
    cr_expect(lane_for(*router.of_recipient(address_of("+447700900123")), Priority::high) == "mm1");
    cr_expect(peer_of_lane("mm4:high:other") == "other" && peer_of_lane("mm4:other").empty() && peer_of_lane("mail:high:x").empty());
    cr_expect(peer_of_route("mm4:other") == "other" && peer_of_route("mm1").empty());
}

Test(router, tells_what_was_looked_at) {
    Config config = with_peers();
    Router router(config);
    using Steps = std::vector<std::string>;
    cr_expect(router.considered("+447800900123").back().starts_with("[[peer]] prefixes: +44"));
    cr_expect(router.considered("+447700900123").at(1).find("is ours") != std::string::npos);
    config.ported = {{"+447800900123", "other"}, {"+447800900124", ""}};
    cr_expect(Router(config).considered("+447800900123") == Steps{"[[ported]]: peer other"});
    cr_expect(Router(config).considered("+447800900124") == Steps{"[[ported]]: served here"});
    config.enum_zones = {{"e164enum.net", {"+4478"}, {}}};
    cr_expect(Router(config).considered("+447800900125").back() == "somebody else may know better: asked below");
    cr_expect(Router(config).considered("+447700900125").back() == "[portability] and [[enum]]: not asked about this number");
    config.mm4_default_peer = "other";
    cr_expect(Router(config).considered("+9991").back() == "mm4.default_peer: other");
}
