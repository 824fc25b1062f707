#include "mapping/mm4/addresses.h"

#include <criterion/criterion.h>

#include <string>
#include <vector>

#include "samples.h"

using namespace mmgate;
using namespace mmgate::mm4;

namespace {

using Kind = Address::Kind;

std::string show(const Result<Mm4Address>& address) {
    if (!address) return "error: " + address.error().rule;
    return std::to_string(static_cast<int>(address->address.kind)) + " " + address->address.value + " [" + address->address.display_name + "] at " + address->domain;
}

}   // namespace

Test(mm4_addresses, are_read_in_every_form_seen) {
    struct Row {
        std::string written;
        Address want;
        std::string domain;
        bool strictly;   // strict dialects read the same; else they refuse, or see a mailbox
    };
    const Row rows[] = {
        {"+41790000001/TYPE=PLMN@mms.a.example", {Kind::phone, "+41790000001", {}}, "mms.a.example", true},
        {"<+41790000001/type=plmn@MMS.a.example>", {Kind::phone, "+41790000001", {}}, "mms.a.example", true},
        {"\"+41790000001/TYPE=PLMN\"@mms.a.example", {Kind::phone, "+41790000001", {}}, "mms.a.example", true},
        {"\"+41790000001/TYPE=PLMN@mms.a.example\"", {Kind::phone, "+41790000001", {}}, "mms.a.example", true},
        {"\"Doe, J.\" <+41790000001/TYPE=PLMN@mms.a.example>", {Kind::phone, "+41790000001", "Doe, J."}, "mms.a.example", true},
        {"=?utf-8?Q?Gr=C3=BC=C3=9F?= <+1/TYPE=PLMN@x.example>", {Kind::phone, "+1", "Grüß"}, "x.example", true},
        {"+41790000001/TYPE=PLMN", {Kind::phone, "+41790000001", {}}, "", true},
        {"12345/TYPE=PLMN@mms.a.example", {Kind::short_code, "12345", {}}, "mms.a.example", true},
        {"12345@mms.a.example", {Kind::short_code, "12345", {}}, "mms.a.example", true},
        {"12345@x.example", {Kind::mailbox, "12345@x.example", {}}, "", true},
        {"10.0.0.1/TYPE=IPv4@mms.a.example", {Kind::ipv4, "10.0.0.1", {}}, "mms.a.example", true},
        {"user@X.example", {Kind::mailbox, "user@x.example", {}}, "", true},
        {"User Name <user@x.example>", {Kind::mailbox, "user@x.example", "User Name"}, "", true},
        {"+41790000001@mms.a.example", {Kind::phone, "+41790000001", {}}, "mms.a.example", false},
        {"+41790000001@mms.b.example", {Kind::phone, "+41790000001", {}}, "mms.b.example", false},
        {"+41790000001", {Kind::phone, "+41790000001", {}}, "", false},
        {"12345", {Kind::short_code, "12345", {}}, "", false},
    };
    for (const Row& row : rows) {
        const Mm4Address want{row.want, row.domain};
        Result<Mm4Address> lenient = parse_mm4_address(row.written, reading()), strict = parse_mm4_address(row.written, reading_strictly());
        cr_expect(lenient && *lenient == want, "%s: %s", row.written.c_str(), show(lenient).c_str());
        cr_expect((strict && *strict == want) == row.strictly, "%s: %s", row.written.c_str(), show(strict).c_str());
    }
    // At a stranger's domain a number without a type is a mailbox.
    Result<Mm4Address> stranger = parse_mm4_address("+41790000001@x.example", reading());
    cr_expect(stranger && stranger->address.kind == Kind::mailbox, "%s", show(stranger).c_str());
}

Test(mm4_addresses, of_bare_digits_follow_the_peers_country) {
    DecodeOptions options = reading();
    options.numbering = {"41", "0", "00"};
    for (std::string written : {"0790000001/TYPE=PLMN@mms.a.example", "0041790000001@mms.a.example", "41790000001"}) {
        Result<Mm4Address> address = parse_mm4_address(written, options);
        cr_expect(address && address->address.kind == Kind::phone && address->address.value == "+41790000001", "%s: %s", written.c_str(), show(address).c_str());
    }
    Result<Mm4Address> short_code = parse_mm4_address("123/TYPE=PLMN@mms.a.example", options);
    cr_expect(short_code && short_code->address.kind == Kind::short_code, "%s", show(short_code).c_str());
}

Test(mm4_addresses, are_refused_when_they_are_none) {
    const std::string rows[] = {
        "", " ", "@", "<>", "a@", "@b", "a@-b-.example", "user@x.example>", "user name@x.example", "+/TYPE=PLMN@mms.a.example", "+41 79 000/TYPE=PLMN@mms.a.example",
        "+41-79/TYPE=PLMN@mms.a.example", "+1234567890123456/TYPE=PLMN@mms.a.example", "+41790000001/TYPE=PLMN@", "+41790000001/TYPE=PLMN@mms.a@x.example", "\xC3\xB2@x.example", "a@\xC3\xB2.example", "+41790000001/TYPE=PLMN@a b", "+4179\x01/TYPE=PLMN@mms.a.example",
        std::string("+4179\0/TYPE=PLMN@mms.a.example", 31), "word", std::string(65, 'a') + "@x.example", "a@" + std::string(260, 'b'), std::string(100'000, '<')};
    for (const std::string& row : rows) {
        Result<Mm4Address> address = parse_mm4_address(row, reading());
        cr_expect(!address && address.error().fault == Fault::recipient_syntax, "%s: %s", row.substr(0, 80).c_str(), show(address).substr(0, 200).c_str());
    }
}

Test(mm4_addresses, lists_are_cut_at_their_commas) {
    struct Row {
        std::string_view list;
        std::vector<std::string> want;
    };
    const Row rows[] = {
        {"", {}},
        {" , ,, ", {}},
        {"a@b, c@d", {"a@b", "c@d"}},
        {"a@b;c@d", {"a@b", "c@d"}},
        {"\"x, y\" <a@b>, c@d", {"\"x, y\" <a@b>", "c@d"}},
        {R"("x\", y" <a@b>, c@d)", {R"("x\", y" <a@b>)", "c@d"}},
        {"<a,b@c>, d@e", {"<a,b@c>", "d@e"}},
        {"(one, two) a@b (three), c@d", {"a@b", "c@d"}},
        {"friends: a@b, c@d; e@f", {"a@b", "c@d", "e@f"}},
        {"undisclosed-recipients:;", {}},
        {"2001:db8::1/TYPE=IPv6@mms.a.example, a@b", {"2001:db8::1/TYPE=IPv6@mms.a.example", "a@b"}},
        {"\"open, a@b", {"\"open, a@b"}},
        {"(open, a@b", {}},
    };
    for (const Row& row : rows) {
        Result<std::vector<std::string>> list = split_addresses(row.list);
        cr_expect(list && *list == row.want, "%s", std::string(row.list).c_str());
    }
    std::string many = "a@b";
    for (int i = 1; i < 1000; ++i) many += ",a@b";
    cr_expect(split_addresses(many)->size() == 1000);
    Result<std::vector<std::string>> too_many = split_addresses(many + ",a@b");
    cr_expect(!too_many && too_many.error().fault == Fault::too_large);
    cr_expect(split_addresses(std::string(1'000'000, '(')).has_value());
}

Test(mm4_addresses, are_written_so_that_they_read_back) {
    struct Row {
        Address address;
        std::string domain, want;
    };
    const Row rows[] = {
        {{Kind::phone, "+41790000001", "Name"}, "mms.a.example", "+41790000001/TYPE=PLMN@mms.a.example"},
        {{Kind::phone, "+41790000001", {}}, "", "+41790000001/TYPE=PLMN"},
        {{Kind::phone, "+41790000001", {}}, "[10.0.0.1]", "+41790000001/TYPE=PLMN@[10.0.0.1]"},
        {{Kind::short_code, "12345", {}}, "mms.a.example", "12345/TYPE=PLMN@mms.a.example"},
        {{Kind::ipv4, "10.0.0.1", {}}, "mms.a.example", "10.0.0.1/TYPE=IPv4@mms.a.example"},
        {{Kind::mailbox, "user@x.example", {}}, "mms.a.example", "user@x.example"},
        {{Kind::mailbox, "a b@x.example", {}}, "", "\"a b\"@x.example"},
        {{Kind::phone, "+41 79", {}}, "mms.a.example", ""},
        {{Kind::phone, "+41790000001", {}}, "no domain", ""},
        {{Kind::phone, "+41790000001", {}}, "a\r\nX-Evil: 1", ""},
        {{Kind::mailbox, "\xC3\xA9@x.example", {}}, "", ""},
        {{Kind::mailbox, "nobody", {}}, "", ""},
        {{Kind::mailbox, std::string(65, 'a') + "@x.example", {}}, "", ""},
        {{Kind::mailbox, "a\r\nb@x.example", {}}, "", ""},
    };
    for (const Row& row : rows) {
        const std::string text = to_mm4_text(row.address, row.domain);
        cr_expect(text == row.want, "%s for %s", text.c_str(), row.address.value.c_str());
    }
}

Test(mm4_addresses, of_relays_stand_in_many_wrappings) {
    for (std::string written : {"system-user@mms.a.example", "<system-user@mms.a.example>", "\"system-user@mms.a.example\"", "\"<system-user@mms.a.example>\"",
                                "\"Relay A\" <system-user@MMS.A.example>", " system-user@mms.a.example\t", "<\"system-user@mms.a.example\">"}) {
        Result<std::string> mailbox = parse_system_address(written, Dialect{});
        cr_expect(mailbox && *mailbox == "system-user@mms.a.example", "%s", written.c_str());
    }
    const std::string quirk = "system=mms.a.example;party=+41790000001";
    cr_expect((parse_system_address(quirk, Dialect{}) == "system-user@mms.a.example"));
    cr_expect(!parse_system_address(quirk, reading_strictly().dialect));
    for (std::string bad : {"", "system=", "system=;party=x", "system=[10.0.0.1]", "system=a b", "nobody", "<>", "a@b>", "\xC3\xB2@x.example", "\"\""}) cr_expect((!parse_system_address(bad, Dialect{})), "%s", bad.c_str());
}
