#include "mapping/enum.h"

#include <criterion/criterion.h>

#include <array>
#include <chrono>

using namespace mmgate;

namespace {

constexpr std::string_view kNumber = "+447700900123";

NamePointer terminal(std::string rule, std::string service = "E2U+mms:mailto", std::uint16_t order = 100, std::uint16_t preference = 10) {
    return {order, preference, "u", std::move(service), std::move(rule), "."};
}
NamePointer onward(std::string name, std::uint16_t order = 100, std::uint16_t preference = 10) { return {order, preference, "", "E2U+mms:mailto", "", std::move(name)}; }

std::string many(std::string_view what, std::size_t times) {
    std::string out;
    for (std::size_t i = 0; i < times; ++i) out += what;
    return out;
}

}   // namespace

Test(enum_name, has_the_digits_the_other_way_round) {
    cr_expect(enum_name("+447700900123", "e164.arpa") == "3.2.1.0.0.9.0.0.7.7.4.4.e164.arpa");
    cr_expect(enum_name("+1", "e164enum.net") == "1.e164enum.net");
    cr_expect(enum_name("", "e164enum.net") == "e164enum.net");
}

Test(enum_rule, leads_to_a_mailbox) {
    struct Row {
        const char* name;
        NamePointer record;
        std::string_view mailbox;   // "" is none
    };
    const auto rows = std::to_array<Row>({
        {"the whole number", terminal("!^(.*)$!mailto:\\1/TYPE=PLMN@mms.b.example!"), "+447700900123/TYPE=PLMN@mms.b.example"},
        {"nothing of the number", terminal("!^.*$!mailto:any@mms.b.example!"), "any@mms.b.example"},
        {"all that fits", terminal("!^\\+44(.*)$!mailto:\\0@mms.b.example!"), "+447700900123@mms.b.example"},
        {"a part of it", terminal("!^\\+44(.*)$!mailto:\\1@mms.b.example!"), "7700900123@mms.b.example"},
        {"a group that took no part", terminal("!^(x)?(.*)$!mailto:\\1a\\2@mms.b.example!"), "a+447700900123@mms.b.example"},
        {"another delimiter", terminal("/^(.*)$/mailto:\\1@mms.b.example/"), "+447700900123@mms.b.example"},
        {"the delimiter in the substitution", terminal("/^(.*)$/mailto:\\1\\/TYPE=PLMN@mms.b.example/"), "+447700900123/TYPE=PLMN@mms.b.example"},
        {"case ignored", terminal("!^(.*)$!MAILTO:\\1@mms.b.example!i"), "+447700900123@mms.b.example"},
        {"octets as percent", terminal("!^(.*)$!mailto:\\1%2FTYPE=PLMN@mms.b.example!"), "+447700900123/TYPE=PLMN@mms.b.example"},
        {"with a subject", terminal("!^(.*)$!mailto:\\1@mms.b.example?subject=x@y!"), "+447700900123@mms.b.example"},
        {"a substitution that ends in a backslash", terminal("!^(.*)$!mailto:\\1@mms.b.example\\!"), ""},
        {"another flag", terminal("!^(.*)$!mailto:\\1@mms.b.example!x"), ""},
        {"no end", terminal("!^(.*)$!mailto:\\1@mms.b.example"), ""},
        {"a field too many", terminal("!^(.*)$!mailto:\\1@mms.b.example!i!"), ""},
        {"nothing", terminal(""), ""},
        {"three delimiters", terminal("!!!"), ""},
        {"a digit as delimiter", terminal("1^(.*)$1mailto:a@mms.b.example1"), ""},
        {"a backslash as delimiter", terminal("\\^(.*)$\\mailto:a@mms.b.example\\"), ""},
        {"another number", terminal("!^\\+45(.*)$!mailto:\\1@mms.b.example!"), ""},
        {"no regular expression", terminal("!^((.*)$!mailto:\\1@mms.b.example!"), ""},
        {"another scheme", terminal("!^(.*)$!sip:\\1@mms.b.example!"), ""},
        {"a file", terminal("!^.*$!file:///etc/passwd!"), ""},
        {"no mailbox", terminal("!^.*$!mailto:nobody!"), ""},
        {"two mailboxes", terminal("!^.*$!mailto:a@b.example,c@d.example!"), ""},
        {"a line of its own", terminal("!^.*$!mailto:a%0D%0ARCPT@b.example!"), ""},
        {"a NUL", terminal("!^.*$!mailto:a%00@b.example!"), ""},
        {"half a percent", terminal("!^.*$!mailto:a%2@b.example!"), "a%2@b.example"},
    });
    for (const Row& row : rows) {
        const auto got = follow({row.record}, kNumber);
        cr_expect(got.has_value() == !row.mailbox.empty(), "%s: %s", row.name, got ? got->mailbox.value.c_str() : got.error().rule.c_str());
        if (got) cr_expect(got->mailbox.value == row.mailbox && got->next_name.empty(), "%s: %s", row.name, got->mailbox.value.c_str());
        else cr_expect(got.error().fault == Fault::recipient_unknown && !got.error().rule.empty(), "%s", row.name);
    }
}

Test(enum_rule, is_for_mms_by_mail) {
    struct Row {
        std::string_view service;
        bool taken;
    };
    for (const Row& row : std::to_array<Row>({{"E2U+mms:mailto", true},
                                              {"e2u+MMS:mailto", true},
                                              {"E2U+sip+mms:mailto", true},
                                              {"E2U+mms:mailto+sip", true},
                                              {"mms+E2U", true},
                                              {"mms:mailto+E2U", true},
                                              {"E2U+mms:tel", false},
                                              {"E2U+mms", false},
                                              {"E2U+email:mailto", false},
                                              {"E2U+mms:mailtox", false},
                                              {"E2U+", false},
                                              {"E2U", false},
                                              {"", false}}))
        cr_expect(follow({terminal("!^.*$!mailto:a@b.example!", std::string(row.service))}, kNumber).has_value() == row.taken, "%s", row.service.data());
    for (const char* flags : {"s", "a", "p", "uu", "U "}) {
        NamePointer record = terminal("!^.*$!mailto:a@b.example!");
        record.flags = flags;
        cr_expect(!follow({record}, kNumber), "%s", flags);
    }
    NamePointer capital = terminal("!^.*$!mailto:a@b.example!");
    capital.flags = "U";
    cr_expect(follow({capital}, kNumber));
}

Test(enum_rule, comes_by_order_then_preference) {
    const auto first = [](std::vector<NamePointer> records) { return follow(std::move(records), kNumber).value().mailbox.value; };
    const NamePointer a = terminal("!^.*$!mailto:a@b.example!", "E2U+mms:mailto", 10, 20), b = terminal("!^.*$!mailto:b@b.example!", "E2U+mms:mailto", 10, 10),
                      c = terminal("!^.*$!mailto:c@b.example!", "E2U+mms:mailto", 5, 65535), other = terminal("!^.*$!sip:d@b.example!", "E2U+sip", 0, 0);
    cr_expect(first({a, b}) == "b@b.example" && first({a, b, c}) == "c@b.example");
    cr_expect(first({other, a}) == "a@b.example", "what is for others is passed by");
    cr_expect(first({terminal("!^\\+9!mailto:x@b.example!", "E2U+mms:mailto", 0, 0), a}) == "a@b.example", "and what does not fit");
    const auto next = follow({onward("Other.Example", 1, 1), a}, kNumber);
    cr_assert(next && next->next_name == "other.example");
    cr_expect(!follow({onward("."), onward("")}, kNumber) && !follow({}, kNumber) && !follow({onward(many("a", kPointerBytes + 1))}, kNumber));
}

Test(enum_rule, of_a_hostile_zone_costs_nothing) {
    const std::string to = "!mailto:a@b.example!";
    const auto rows = std::to_array<std::string>({
        "!^." + many("+", 40) + "$" + to,                          // each + doubles what was before
        "!^" + many("(", 60) + "." + many("+)+", 60) + "$" + to,   // ... inside groups, too
        "!^(.*)*(.*)*(.*)*(.*)*(.*)*$" + to,                       // more than any rule needs
        "!^(.{1,255}){1,255}$" + to,                               // counted repetition
        "{^.\\{1,255}${mailto:a@b.example{",                       // ... behind a delimiter of the same name
        "!^(.*)(\\1)*$" + to,                                      // references back
        "!" + many("(", 120) + many(")", 120) + to,                // nesting without repetition
        "!^" + many("a|", 100) + "x$" + to,
        "!^.*$!mailto:" + many("\\0", 80) + "@b.example!",   // more comes out than goes in
        "!^.*$!" + many("\\9", 100) + "!",
        "!" + many("[", 200) + to,
        std::string("!^.*\0$", 6) + to,
        "!" + many("x", 2000) + to,
        std::string("\0\0\0", 3),
    });
    const auto began = std::chrono::steady_clock::now();
    for (const std::string& rule : rows) {
        const auto got = follow(std::vector<NamePointer>(kNamePointers, terminal(rule)), kNumber);
        cr_expect(!got || got->mailbox.value.size() <= kPointerBytes, "%s", rule.c_str());
    }
    cr_expect(std::chrono::steady_clock::now() - began < std::chrono::seconds(5), "it takes too long");
    // Four repetitions are a rule's right, and no more than so many records are looked at.
    cr_expect(follow({terminal("!^\\+?(.*)(.*)(.*)$!mailto:\\1@b.example!")}, kNumber));
    cr_expect(!follow({terminal("!^(.*)(.*)(.*)(.*)(.*)$!mailto:\\1@b.example!")}, kNumber));
    std::vector<NamePointer> records(kNamePointers, terminal("!^x$" + to));
    records.push_back(terminal("!^.*$" + to, "E2U+mms:mailto", 200));
    cr_expect(!follow(records, kNumber));
    records.erase(records.begin());
    cr_expect(follow(records, kNumber));
}
