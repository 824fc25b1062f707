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

}  // namespace

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
        {"+447700900123@b.example", "", "", "", Fault::relay_denied},
        {"a%b.example@mms.example.net", "", "", "", Fault::recipient_unknown},
    });
    for (const Row& row : kRows) check(router.of_mail_recipient(address_of(row.recipient)), row);
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
