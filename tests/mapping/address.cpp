#include "mapping/address.h"

#include <criterion/criterion.h>

#include <array>

using namespace mmgate;
using Kind = Address::Kind;

Test(address, mms_forms) {
    struct Row {
        std::string_view text;
        Kind kind;
        std::string_view value, written;
    };
    constexpr auto kRows = std::to_array<Row>({
        {"+447700900123/TYPE=PLMN", Kind::phone, "+447700900123", "+447700900123/TYPE=PLMN"},
        {"+44 (7700) 900-123/type=plmn", Kind::phone, "+447700900123", "+447700900123/TYPE=PLMN"},
        {"07700.900.123", Kind::phone, "07700900123", "07700900123/TYPE=PLMN"},
        {"Bob <+447700900123/TYPE=PLMN>", Kind::phone, "+447700900123", "+447700900123/TYPE=PLMN"},
        {"a@b.example", Kind::mailbox, "a@b.example", "a@b.example"},
        {"Anna B <a/x@B.Example>", Kind::mailbox, "a/x@b.example", "a/x@b.example"},
        {"+447700900123/TYPE=PLMN@mms.example.net", Kind::mailbox, "+447700900123/TYPE=PLMN@mms.example.net", "+447700900123/TYPE=PLMN@mms.example.net"},
        {"192.0.2.1/TYPE=IPv4", Kind::ipv4, "192.0.2.1", "192.0.2.1/TYPE=IPv4"},
        {"2001:db8::1/TYPE=IPv6", Kind::ipv6, "2001:db8::1", "2001:db8::1/TYPE=IPv6"},
        {"12345", Kind::short_code, "12345", "12345"},
        {"*100#", Kind::short_code, "*100#", "*100#"},
        {"INFO", Kind::short_code, "INFO", "INFO"},
        {"x/TYPE=token_1", Kind::other, "x/TYPE=token_1", "x/TYPE=token_1"},
    });
    for (auto [text, kind, value, written] : kRows) {
        auto got = parse_mms_address(text);
        cr_assert(got.has_value(), "%s: %s", text.data(), got.error().rule.c_str());
        cr_expect(got->kind == kind && got->value == value, "%s gives %s", text.data(), got->value.c_str());
        cr_expect(to_mms_text(*got) == written, "%s", text.data());
    }
    using namespace std::string_view_literals;
    for (std::string_view bad : {""sv, " "sv, "a b"sv, "a@b\r\nBcc: c@d"sv, "+44\0"sv, "x/TYPE=PLMN"sv, "1.2.3/TYPE=IPv4"sv, "1.2.3.256/TYPE=IPv4"sv, "::1::2/TYPE=IPv6"sv, "a@"sv,
                                 "@b"sv, "a>"sv, "<>"sv, "/TYPE=PLMN"sv, "../../etc"sv})
        cr_expect(!parse_mms_address(bad), "%s", bad.data());
    cr_expect(!parse_mms_address(std::string(313, '1')));
    cr_expect(parse_mms_address("J\xC3\xB6rg <a@b.example>")->display_name == "J\xC3\xB6rg");
}

Test(address, mailboxes_of_smtp_paths) {
    struct Row {
        std::string_view path, value, written;
    };
    constexpr auto kRows = std::to_array<Row>({
        {"a@b.example", "a@b.example", "a@b.example"},
        {"A.b+c@B.EXAMPLE", "A.b+c@b.example", "A.b+c@b.example"},
        {"@x.example,@y.example:a@b.example", "a@b.example", "a@b.example"},
        {"\"a b\"@x.example", "a b@x.example", "\"a b\"@x.example"},
        {"\"a\\\"b\"@x.example", "a\"b@x.example", "\"a\\\"b\"@x.example"},
        {"\"+447700900123\"@mms.example", "+447700900123@mms.example", "+447700900123@mms.example"},
        {"a@[192.0.2.1]", "a@[192.0.2.1]", "a@[192.0.2.1]"},
        {"a@[IPv6:2001:DB8::1]", "a@[ipv6:2001:db8::1]", "a@[ipv6:2001:db8::1]"},
        {"a@b\xC3\xBC"
         "cher.example",
         "a@xn--bcher-kva.example", "a@xn--bcher-kva.example"},
        {"a@b.example.", "a@b.example", "a@b.example"},
    });
    for (auto [path, value, written] : kRows) {
        auto got = parse_mailbox(path);
        cr_assert(got.has_value(), "%s: %s", path.data(), got.error().rule.c_str());
        cr_expect(got->value == value, "%s gives %s", path.data(), got->value.c_str());
        cr_expect(to_mail_text(*got) == written, "%s gives %s", path.data(), to_mail_text(*got).c_str());
    }
    using namespace std::string_view_literals;
    for (std::string_view bad : {""sv, "a"sv, "a@"sv, "@b.example"sv, ".a@b.example"sv, "a..b@c.example"sv, "a b@c.example"sv, "a@b..c"sv, "a@-b.example"sv, "a@b.example>"sv,
                                 "a@[300.1.1.1]"sv, "a@[x]"sv, "\"a@b.example"sv, "\"a\r\n\"@b.example"sv, "@x:a@b.example:"sv, "a@b.example\0x"sv, "<a@b.example"sv,
                                 "a@b.example.."sv, "a@."sv, "a@.."sv, "a@b\xE3\x80\x82."sv})
        cr_expect(!parse_mailbox(bad), "%s", bad.data());
    cr_expect(parse_mailbox(std::string(64, 'a') + "@b.example").has_value());
    cr_expect(!parse_mailbox(std::string(65, 'a') + "@b.example"));
}

Test(address, numbers_become_e164) {
    const NumberingPlan plan{"44", "0", "00"};
    struct Row {
        std::string_view written, number;
    };
    constexpr auto kRows = std::to_array<Row>({
        {"+447700900123", "+447700900123"},
        {"447700900123", "+447700900123"},
        {"07700 900-123", "+447700900123"},
        {"00447700900123", "+447700900123"},
        {"0049301234567", "+49301234567"},
        {"+1234567", "+1234567"},
        {"+123456789012345", "+123456789012345"},
        {"", ""},
        {"+", ""},
        {"+123456", ""},
        {"+1234567890123456", ""},
        {"+0123456789", ""},
        {"7700900123", ""},
        {"+44a", ""},
        {"++447700900123", ""},
        {"4", ""},
    });
    for (auto [written, number] : kRows) {
        auto got = to_e164(plan, written);
        cr_expect((got ? *got : std::string()) == number, "%s gives %s", written.data(), got ? got->c_str() : "nothing");
    }
    for (std::string_view local : {"+447700900123", "447700900123", "07700900123", "0044 7700 900123", "+447700900123/TYPE=PLMN", "+447700900123/type=plmn", "MMS=+447700900123",
                                   "sms=07700900123", "\"+447700900123\""})
        cr_expect(number_of_local_part(plan, local).value_or("") == "+447700900123", "%s", local.data());
    for (std::string_view local : {"anna", "FAX=+447700900123", "+447700900123/T33S=1", "", "postmaster"}) cr_expect(!number_of_local_part(plan, local), "%s", local.data());
}
