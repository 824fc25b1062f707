#include "mapping/mm1/codec.h"

#include <criterion/criterion.h>

#include <algorithm>
#include <array>

#include "mapping/limits.h"
#include "mapping/mm1/dump.h"
#include "mapping/mm1/fields.h"
#include "mapping/mm1/pdus.h"
#include "mapping/mm1/wsp.h"
#include "tests/mapping/mm1/examples.h"
#include "tests/support/hex.h"

using namespace mmgate;
using namespace mmgate::mm1;
using test::hex;
using test::octets;

namespace {

/// A M-Mbox-Descr, which has no mandatory fields, with these.
std::string descr(std::string_view fields) { return octets("8C 93") + octets(fields); }
/// A M-Send.req with these fields between its mandatory ones and its body.
std::string send_req(std::string_view fields) { return octets("8C 80 98 'T1' 00 8D 92 89 01 81") + octets(fields) + octets("84 83 'Hi'"); }
std::string delete_conf(std::string_view fields) { return octets("8C 95 98 'T1' 00 8D 93 92 80") + octets(fields); }

std::string name_of(std::uint8_t number) { return std::string(field_of(number)->name); }

/// "X-Mms-Priority=High Subject=Hi", application headers behind them; "fault at octet" for what is refused.
std::string told(const std::string& wire) {
    const auto pdu = decode_pdu(wire);
    if (!pdu) return std::to_string(static_cast<int>(pdu.error().fault)) + " at " + std::to_string(pdu.error().offset);
    std::string out;
    for (const FieldValue& field : pdu->fields) out += (out.empty() ? "" : " ") + name_of(field.number) + "=" + value_text(field);
    for (const Parameter& header : pdu->application) out += (out.empty() ? "" : " ") + header.name + "=" + header.value;
    return out;
}

struct FieldRow {
    std::string_view wire, want;
};
template <class Rows>
void expect_fields(const Rows& rows) {
    for (const FieldRow& row : rows) cr_expect(told(descr(row.wire)) == row.want, "%s gives '%s'", row.wire.data(), told(descr(row.wire)).c_str());
}

struct RefusedRow {
    std::string_view name;
    std::string wire;
    Fault fault;
    std::size_t offset;
};
template <class Rows>
void expect_refused(const Rows& rows) {
    for (const RefusedRow& row : rows) {
        const auto got = decode_pdu(row.wire);
        cr_assert(!got, "%s is taken: %s", row.name.data(), told(row.wire).c_str());
        cr_expect(got.error().fault == row.fault && got.error().offset == row.offset && !got.error().rule.empty(), "%s: %s at %zu", row.name.data(),
                  got.error().rule.c_str(), got.error().offset);
    }
}

}   // namespace

Test(codec, reads_each_syntax) {
    constexpr auto kRows = std::to_array<FieldRow>({
        // Texts
        {"96 'Hi' 00", "Subject=Hi"},
        {"96 00", "Subject="},
        {"96 02 EA 00", "Subject="},
        {"96 05 EA 48 C3 A9 00", "Subject=Hé"},
        {"96 09 02 03 E8 00 48 00 69 00 00", "Subject=Hi"},
        {"96 22 'Hi' 22 00", "Subject=\"Hi\""},
        {"96 '=?utf-8?Q?x?=' 00", "Subject==?utf-8?Q?x?="},
        {"97 0B 83 'a@b.exam' 00 'x'", "To=a@b.exam"},
        {"97 '+447/TYPE=PLMN' 00 82 'a@b' 00 81 00", "To=+447/TYPE=PLMN Cc=a@b Bcc="},
        {"97 'a' 00 97 'b' 00", "To=a To=b"},
        {"83 20 'http://m/1' 20 20 00", "X-Mms-Content-Location=http://m/1"},
        {"83 00", "X-Mms-Content-Location="},
        {"8B '<m1@x>' 00", "Message-ID=m1@x"},
        {"8B 20 '<<m1@x>>' 00", "Message-ID=m1@x"},
        {"8B '< m1@x >' 00", "Message-ID=m1@x"},
        {"8B '<m1@x' 00", "Message-ID=<m1@x"},
        {"9E 'm0@x' 00 BD 'm1@x' 00 BE 'm2@x' 00", "X-Mms-Reply-Charging-ID=m0@x X-Mms-Replace-ID=m1@x X-Mms-Cancel-ID=m2@x"},
        {"98 'T1' 00", "X-Mms-Transaction-ID=T1"},
        {"98 7F FC 'A' 00", "X-Mms-Transaction-ID=�A"},
        {"B7 'MEM' 00 B8 00 B9 7F C3 A9 00", "X-Mms-Applic-ID=MEM X-Mms-Reply-Applic-ID= X-Mms-Aux-Applic-Info=é"},
        // Numbers
        {"8E 02 27 10", "X-Mms-Message-Size=10000"},
        {"8E 01 00", "X-Mms-Message-Size=0"},
        {"8E 85", "X-Mms-Message-Size=5"},
        {"8E 08 7F FF FF FF FF FF FF FF", "X-Mms-Message-Size=9223372036854775807"},
        {"8E 09 00 00 00 00 00 00 00 00 07", "X-Mms-Message-Size=7"},
        {"85 04 65 00 00 00", "Date=2023-09-12T06:06:56Z"},
        {"85 01 00", "Date=1970-01-01T00:00:00Z"},
        {"85 05 3A FF F4 41 7F", "Date=9999-12-31T23:59:59Z"},
        {"85 05 3A FF F4 41 80", "Date=253402300800"},
        {"AF 80 B3 8A AD 02 01 00", "X-Mms-Start=0 X-Mms-Limit=10 X-Mms-Message-Count=256"},
        {"9F 01 0A", "X-Mms-Reply-Charging-Size=10"},
        // Octets
        {"8D 92", "X-Mms-MMS-Version=1.2"},
        {"8D 9F", "X-Mms-MMS-Version=1"},
        {"8D A0", "X-Mms-MMS-Version=2.0"},
        {"8D 80", "X-Mms-MMS-Version=0.0"},
        {"86 80 90 81", "X-Mms-Delivery-Report=Yes X-Mms-Read-Report=No"},
        {"86 82", "X-Mms-Delivery-Report=unknown (82)"},
        {"8F 80 94 81", "X-Mms-Priority=Low X-Mms-Sender-Visibility=Show"},
        {"8F FF", "X-Mms-Priority=unknown (255)"},
        {"95 81 9B 81 BF 80", "X-Mms-Status=Retrieved (129) X-Mms-Read-Status=Deleted without being read (129) X-Mms-Cancel-Status=received (128)"},
        {"99 E2 A5 E4", "X-Mms-Retrieve-Status=Error-permanent-message-not-found (226) X-Mms-Store-Status=Error-permanent-mmbox-full (228)"},
        {"99 C9", "X-Mms-Retrieve-Status=unknown (201)"},
        {"8A 83", "X-Mms-Message-Class=Auto"},
        {"8A 'mine' 00", "X-Mms-Message-Class=mine"},
        {"8A 'Auto' 00", "X-Mms-Message-Class=Auto"},
        {"8A 84", "X-Mms-Message-Class=unknown (132)"},
        {"8A 00", "X-Mms-Message-Class="},
        {"A8 96 A8 AE A8 B0 A8 C0 A8 80",
         "X-Mms-Attributes=Subject X-Mms-Attributes=Content X-Mms-Attributes=Additional-headers X-Mms-Attributes=unknown (C0) "
         "X-Mms-Attributes=unknown (80)"},
        {"A3 80 A3 84", "X-Mms-MM-State=Draft X-Mms-MM-State=Forwarded"},
        // Structures
        {"89 01 81", "From=(to be inserted by the relay)"},
        {"89 10 80 '+447/TYPE=PLMN' 00", "From=+447/TYPE=PLMN"},
        {"89 07 80 05 83 'abc' 00", "From=abc"},
        {"89 02 80 00", "From="},
        {"89 08 80 'a@b' 00 'xyz'", "From=a@b"},
        {"89 03 81 FF FF", "From=(to be inserted by the relay)"},
        {"89 1F 23 80 'abcdefghijklmnopqrstuvwxyz@b.exam' 00", "From=abcdefghijklmnopqrstuvwxyz@b.exam"},
        {"88 05 81 03 09 3A 80", "X-Mms-Expiry=604800 s from now"},
        {"88 06 80 04 65 00 00 00", "X-Mms-Expiry=2023-09-12T06:06:56Z"},
        {"88 03 81 01 00", "X-Mms-Expiry=0 s from now"},
        {"88 02 81 BC", "X-Mms-Expiry=60 s from now"},
        {"87 1F 05 81 01 05 FF FF", "X-Mms-Delivery-Time=5 s from now"},
        {"9D 06 80 04 65 00 00 00", "X-Mms-Reply-Charging-Deadline=2023-09-12T06:06:56Z"},
        {"A0 05 81 'a@b' 00 A1 06 81 04 65 00 00 00", "X-Mms-Previously-Sent-By=1, a@b X-Mms-Previously-Sent-Date=1, 2023-09-12T06:06:56Z"},
        {"A0 07 02 01 00 'a@b' 00", "X-Mms-Previously-Sent-By=256, a@b"},
        {"A4 05 80 'fun' 00 A4 07 82 05 EA C3 A9 'x' 00", "X-Mms-MM-Flags=Add: fun X-Mms-MM-Flags=Filter: éx"},
        {"AA 02 80 85 AC 04 81 02 03 E8", "X-Mms-Mbox-Totals=Messages: 5 X-Mms-Mbox-Quotas=Octets: 1000"},
        {"B2 03 'p1' 00", "X-Mms-Element-Descriptor=p1"},
        {"B2 0E 'p1' 00 82 9E 82 'a/b' 00 'k' 00 'v' 00", "X-Mms-Element-Descriptor=p1; type=image/jpeg; k=v"},
        {"B2 0C 'p1' 00 'k' 00 'v' 00 82 'a/b' 00", "X-Mms-Element-Descriptor=p1; k=v; type=a/b"},
        // Application headers
        {"'X-A' 00 'v' 00 96 'Hi' 00", "Subject=Hi X-A=v"},
        {"'X-A' 00 05 'v' 00 'Z' 00 00", "X-A= v Z="},
        {"'a b:c' 00 'a' 0D 0A 'Bcc: x' 00", "a b:c=a Bcc: x"},
    });
    expect_fields(kRows);
}

Test(codec, each_octet_of_each_enumeration) {
    for (const FieldSpec& field : kFields) {
        if (field.syntax == Syntax::flagged_text || field.syntax == Syntax::flagged_integer) continue;
        for (const EnumSpec& value : field.values) {
            std::string wire = octets("8C 93");
            wire += static_cast<char>(0x80 | field.number);
            wire += static_cast<char>(value.octet);
            const auto pdu = decode_pdu(wire);
            cr_assert(pdu.has_value());
            cr_expect(*pdu->find(field.number) == Value(Octet{value.octet}) && encode_pdu(*pdu) == wire, "%s %02X", field.name.data(), value.octet);
        }
    }
}

Test(codec, passes_over_what_the_standard_says) {
    constexpr auto kRows = std::to_array<FieldRow>({
        // Fields without a number of ours
        {"C0 81 C0 02 01 02 C0 'abc' 00 FD 1F 02 FF FF 80 80 96 'Hi' 00", "Subject=Hi"},
        // Another shape than is due
        {"86 'yes' 00 86 80", "X-Mms-Delivery-Report=Yes"},
        {"8F 01 80 8F 82", "X-Mms-Priority=High"},
        {"8D '1.2' 00 8D 91", "X-Mms-MMS-Version=1.1"},
        {"95 02 81 81 95 80", "X-Mms-Status=Expired (128)"},
        {"96 85 96 'Hi' 00", "Subject=Hi"},
        {"98 85 98 03 'abc' 98 'T1' 00", "X-Mms-Transaction-ID=T1"},
        {"8B 02 'ab' 8B 'm1@x' 00", "Message-ID=m1@x"},
        {"83 02 'ab' 83 'x/1' 00", "X-Mms-Content-Location=x/1"},
        {"8E 'big' 00 8E 01 05", "X-Mms-Message-Size=5"},
        {"88 'never' 00 88 85 88 03 81 01 05", "X-Mms-Expiry=5 s from now"},
        {"89 20 80 '+447/TYPE=PLMN' 00 96 'Hi' 00", "Subject=Hi"},   // a From of 32 octets by a length of one octet is a text
        {"8A 02 01 02 8A 81", "X-Mms-Message-Class=Advertisement"},
        {"92 02 80 E4 92 80", "X-Mms-Response-Status=Ok (128)"},   // counted only in confirmations of deletion
        {"AE 80 B0 'x' 00 96 'Hi' 00", "Subject=Hi"},              // fields that have no value of their own
        // Only the first of what stands once
        {"96 'Hi' 00 96 'Ho' 00 8F 80 8F 82", "Subject=Hi X-Mms-Priority=Low"},
    });
    expect_fields(kRows);
    // Padding, and what some append to a PDU that has no body
    cr_expect(decode_pdu(octets("8C 83 98 'n1' 00 8D 92 95 81 00 00 00")).has_value());
    cr_expect(decode_pdu(descr("96 'Hi' 00 00")).has_value());
    const auto appended = decode_pdu(octets("8C 83 98 'n1' 00 8D 92 95 81 84 A3 FF FF"));
    cr_assert(appended.has_value());
    cr_expect(!appended->content_type && appended->parts.empty());
    // The order does not matter, but to the end.
    cr_expect(decode_pdu(octets("8D 92 89 01 81 98 'T1' 00 96 'Hi' 00 8C 80 84 83 'x'")).has_value());
    cr_expect(decode_pdu(send_req("8B 'm1@x' 00 95 81 BF 80")).has_value(), "any field in any PDU");
    cr_expect(decode_pdu(send_req("")).has_value(), "no recipient is for the answer to say");
    cr_expect(decode_pdu(octets("8C 80 98 'T1' 00 8D A1 89 01 81 84 83")).has_value(), "another major version is for the answer to say");
    // An octet beyond its enumeration does not make a mandatory field a missing one.
    cr_expect(decode_pdu(octets("8C 81 98 'T1' 00 8D 92 92 FF")).has_value());
}

Test(codec, counted_forms_of_deletions) {
    constexpr FieldRow kRows[] = {
        {"92 02 80 80 92 02 81 E4", "X-Mms-Response-Status=0, Ok (128) X-Mms-Response-Status=1, Error-permanent-message-not-found (228)"},
        {"93 04 81 'no' 00 93 'done' 00 93 00", "X-Mms-Response-Text=1, no X-Mms-Response-Text=done X-Mms-Response-Text="},
        {"93 05 EA 'abc' 00", "X-Mms-Response-Text=106, abc"},
        {"83 05 81 'x/2' 00 83 'x/3' 00", "X-Mms-Content-Location=1, x/2 X-Mms-Content-Location=x/3"},
        {"96 05 EA C3 A9 'x' 00", "Subject=éx"},   // all others as ever
        {"95 02 81 E4", ""},
        {"9E 02 81 82", ""},
    };
    for (const FieldRow& row : kRows) {
        const std::string got = told(delete_conf(row.wire)), fixed = "X-Mms-Transaction-ID=T1 X-Mms-MMS-Version=1.3 X-Mms-Response-Status=Ok (128)";
        cr_expect(got == fixed + (row.want.empty() ? "" : " ") + std::string(row.want), "%s gives '%s'", row.wire.data(), got.c_str());
    }
    cr_expect(!decode_pdu(octets("8C 95 98 02 41 00 8D 93 92 80")), "a transaction id is never counted");
}

Test(codec, refuses) {
    const RefusedRow rows[] = {
        {"nothing", "", Fault::malformed, 0},
        {"no type", octets("98 'T1' 00 8D 92"), Fault::malformed, 0},
        {"a type without its octet", octets("8C"), Fault::unsupported_type, 0},
        {"a reserved type", octets("8C 98 98 'T1' 00"), Fault::unsupported_type, 0},
        {"a type below 80", octets("8C 7F 00 98 'T1' 00"), Fault::unsupported_type, 0},
        {"a type behind Content-Type", octets("98 'T1' 00 8D 92 89 01 81 84 83 8C 80"), Fault::malformed, 0},
        {"two types", descr("8C 93"), Fault::malformed, 2},
        {"two types, differing", send_req("8C 84"), Fault::malformed, 11},
        {"no transaction id", octets("8C 80 8D 92 89 01 81 84 83"), Fault::malformed, 9},
        {"no version", octets("8C 80 98 'T1' 00 89 01 81 84 83"), Fault::malformed, 11},
        {"no From", octets("8C 80 98 'T1' 00 8D 92 84 83"), Fault::malformed, 10},
        {"no Content-Type", octets("8C 80 98 'T1' 00 8D 92 89 01 81"), Fault::malformed, 11},
        {"a mandatory field of another shape", octets("8C 80 98 85 8D 92 89 01 81 84 83"), Fault::malformed, 11},
        {"zeros where Content-Type is due", octets("8C 80 98 'T1' 00 8D 92 89 01 81 00 00"), Fault::truncated, 11},
        {"a zero between fields", descr("96 'Hi' 00 00 86 80"), Fault::malformed, 6},
        {"a code page", descr("05 86 80"), Fault::malformed, 2},
        {"a code page by 7F", descr("7F 05 86 80"), Fault::malformed, 2},
        {"a field without a value", descr("86"), Fault::truncated, 3},
        {"a text without its NUL", descr("96 'Hi'"), Fault::truncated, 3},
        {"a text behind a length, without its NUL", descr("96 03 EA 'Hi'"), Fault::truncated, 5},
        {"a length beyond the end", descr("96 05 EA 'Hi'"), Fault::truncated, 4},
        {"an application header's name without its NUL", descr("'X-A'"), Fault::truncated, 2},
        {"an application header's value without its NUL", descr("'X-A' 00 'v'"), Fault::truncated, 6},
        {"an unknown field beyond the end", descr("C0 05 'abc'"), Fault::truncated, 4},
        {"a Long-integer of length 0", descr("8E 00"), Fault::malformed, 3},
        {"a Long-integer longer than 30", descr("8E 1F 01 05"), Fault::malformed, 3},
        {"a Long-integer of 2^63", descr("8E 08 80 00 00 00 00 00 00 00"), Fault::too_large, 3},
        {"a date cut short", descr("85 04 65 00"), Fault::truncated, 4},
        {"a From of length 0", descr("89 00"), Fault::malformed, 3},
        {"a From of length 0, quoted", descr("89 1F 00"), Fault::malformed, 3},
        {"a From of another token", descr("89 05 82 'a@b' 00"), Fault::malformed, 4},
        {"a From whose address crosses its length", descr("89 04 80 'a@b' 00"), Fault::truncated, 5},
        {"a From of the token alone", descr("89 01 80"), Fault::truncated, 5},
        {"an Expiry of length 0", descr("88 00"), Fault::malformed, 3},
        {"an Expiry of another token", descr("88 03 82 01 05"), Fault::malformed, 4},
        {"an Expiry whose time crosses its length", descr("88 02 81 02 01 05"), Fault::truncated, 6},
        {"an Expiry without a time", descr("88 01 81"), Fault::truncated, 5},
        {"an Expiry of length 0 inside", descr("88 02 81 00"), Fault::malformed, 5},
        {"Previously-Sent-By of length 0", descr("A0 00"), Fault::malformed, 3},
        {"Previously-Sent-By without an address", descr("A0 01 81"), Fault::truncated, 5},
        {"Previously-Sent-Date whose date crosses", descr("A1 03 81 04 65 00 00 00"), Fault::truncated, 6},
        {"MM-Flags of another token", descr("A4 03 83 'x' 00"), Fault::malformed, 4},
        {"Mbox-Totals of another token", descr("AA 02 82 85"), Fault::malformed, 4},
        {"Mbox-Totals without a number", descr("AA 01 80"), Fault::truncated, 5},
        {"an Element-Descriptor whose reference crosses", descr("B2 02 'ab' 00"), Fault::truncated, 4},
        {"a counted status of length 1", delete_conf("92 01 80"), Fault::truncated, 13},
        {"a Content-Type of length 0", octets("8C 80 98 'T1' 00 8D 92 89 01 81 84 00 'x'"), Fault::malformed, 12},
        {"a Content-Type cut off", octets("8C 80 98 'T1' 00 8D 92 89 01 81 84 04 83 81"), Fault::truncated, 13},
        {"Content-Type at the end", octets("8C 80 98 'T1' 00 8D 92 89 01 81 84"), Fault::truncated, 12},
        {"a bad Content-Type where there is no body", octets("8C 83 98 'n1' 00 8D 92 95 81 84 00"), Fault::malformed, 11},
        {"a multipart with nothing behind it", octets("8C 80 98 'T1' 00 8D 92 89 01 81 84 A3"), Fault::truncated, 13},
        {"a multipart by name with nothing behind it", octets("8C 80 98 'T1' 00 8D 92 89 01 81 84 'multipart/mixed' 00"), Fault::truncated, 28},
        {"a multipart cut off between its entries", octets("8C 80 98 'T1' 00 8D 92 89 01 81 84 A3 02 01 05 83 'Hello'"), Fault::truncated, 22},
        {"*/* and nothing in another PDU than a view", octets("8C 8E 98 'b2' 00 8D 92 92 80 84"), Fault::truncated, 11},
    };
    expect_refused(rows);
}

Test(codec, bounds) {
    struct Row {
        std::string_view before;
        std::size_t most;
    };
    constexpr Row kRows[] = {{"98", kLimits.transaction_id_bytes}, {"83", kLimits.uri_bytes}, {"8B", kLimits.message_id_bytes}, {"BE", kLimits.message_id_bytes}, {"97", kLimits.mms_address_bytes}, {"81", kLimits.mms_address_bytes}, {"96", kLimits.text_bytes}, {"8A", kLimits.text_bytes}, {"B7", kLimits.text_bytes}, {"'X' 00", kLimits.text_bytes}};
    for (const Row& row : kRows) {
        for (std::size_t length : {row.most, row.most + 1}) {
            const auto got = decode_pdu(descr(row.before) + std::string(length, 'a') + '\0');
            cr_expect(got.has_value() == (length == row.most), "%s of %zu", row.before.data(), length);
            if (!got) cr_expect(got.error().fault == Fault::too_large && got.error().offset == descr(row.before).size(), "%s", row.before.data());
        }
    }
    for (std::size_t length : {kLimits.mms_address_bytes, kLimits.mms_address_bytes + 1}) {
        Octets form = octets("80") + std::string(length, 'a') + '\0', wire = descr("89");
        write_value_length(wire, form.size());
        cr_expect(decode_pdu(wire + form).has_value() == (length == kLimits.mms_address_bytes), "From of %zu", length);
    }
    std::string many = octets("8C 93");
    for (std::size_t i = 1; i < kLimits.pdu_headers; ++i) many += octets("A8 96");
    cr_expect(decode_pdu(many).has_value());
    const auto beyond = decode_pdu(many + octets("A8 96"));
    cr_expect(!beyond && beyond.error().fault == Fault::too_large);
    std::string unknown = octets("98 'T1' 00");
    for (std::size_t i = 0; i < 100'000; ++i) unknown += octets("C0 80");
    cr_expect(!decode_pdu(unknown + octets("8C 93")), "the type must come within the bound");
}

Test(codec, every_truncation_is_an_error_or_whole_fields) {
    for (const test::ExamplePdu& example : test::kExamplePdus) {
        const std::string wire = octets(example.hex);
        const auto whole = decode_pdu(wire);
        cr_assert(whole.has_value(), "%s: %s", example.name.data(), whole.error().rule.c_str());
        for (std::size_t length = 0; length < wire.size(); ++length) {
            const auto cut = decode_pdu(wire.substr(0, length));
            if (!cut) continue;
            // Optional fields at the end may be missing; none is there by half, and nothing else is.
            cr_expect(cut->type == whole->type && cut->fields.size() <= whole->fields.size(), "%s at %zu", example.name.data(), length);
            cr_expect(std::equal(cut->fields.begin(), cut->fields.end(), whole->fields.begin()), "%s at %zu", example.name.data(), length);
            if (!cut->content_type) continue;
            cr_expect(cut->content_type == whole->content_type && cut->parts.size() == 1 &&
                          !whole->content_type->type.starts_with("application/vnd.wap.multipart"),
                      "%s at %zu", example.name.data(), length);
            if (cut->parts.size() == 1)
                cr_expect(whole->parts.at(0).data.starts_with(cut->parts.at(0).data), "%s at %zu", example.name.data(), length);
        }
    }
}

Test(codec, writes_the_canonical_form) {
    for (const test::ExamplePdu& example : test::kExamplePdus) {
        const std::string wire = octets(example.hex);
        const auto pdu = decode_pdu(wire);
        cr_assert(pdu.has_value());
        const Octets again = encode_pdu(*pdu);
        cr_expect(decode_pdu(again) == pdu, "%s: %s", example.name.data(), hex(again).c_str());
        // These hold what we read and write otherwise: a charset for plain ASCII, a length that is not needed.
        const bool rewritten = example.name == "M-Send.req" || example.name == "M-Retrieve.conf" || example.name == "M-Mbox-View.conf";
        cr_expect((again == wire) != rewritten, "%s: %s", example.name.data(), hex(again).c_str());
    }
    Pdu pdu;
    pdu.type = PduType::m_mbox_descr;
    pdu.fields = {{field::subject, std::string("Grüße")},
                  {field::mms_version, Octet{0x92}},
                  {field::transaction_id, std::string("T1")},
                  {field::date, std::uint64_t{5}},
                  {field::expiry, TimeValue{true, 60}}};
    pdu.application = {{"X-A", "a\r\nb"}, {"\x80", "x"}, {"", "x"}, {"\r", "x"}};
    pdu.content_type = MediaType{"text/plain", {}};
    pdu.parts.resize(1);
    pdu.parts[0].data = "Hi";
    cr_expect(
        hex(encode_pdu(pdu)) ==
            hex(octets("8C 93 98 'T1' 00 8D 92 96 09 EA 47 72 C3 BC C3 9F 65 00 85 01 05 88 03 81 01 3C 'X-A' 00 'a b' 00 20 00 'x' 00 84 83 'Hi'")),
        "%s", hex(encode_pdu(pdu)).c_str());
}

Test(codec, peek_tells_what_an_answer_needs) {
    struct Row {
        std::string_view name, wire;
        int type;   // -1: none
        std::string_view id;
        int version;
    };
    constexpr Row kRows[] = {
        {"whole", "8C 80 98 'T1' 00 8D 92 89 01 81 84 83", 0x80, "T1", 0x92},
        {"in another order", "96 'x' 00 8D 92 98 'T1' 00 8C 80", 0x80, "T1", 0x92},
        {"corrupt behind", "8C 80 98 'T1' 00 8D 92 89 00 05", 0x80, "T1", 0x92},
        {"cut", "8C 80 98 'T1' 00 8D", 0x80, "T1", -1},
        {"cut in the id", "8C 80 98 'T1'", 0x80, "", -1},
        {"an id of another shape", "8C 80 98 85 8D 92", 0x80, "", 0x92},
        {"the first of two", "8C 80 98 'a' 00 98 'b' 00 8D 91 8D 92", 0x80, "a", 0x91},
        {"a reserved type", "8C 98 98 'T1' 00", 0x98, "T1", -1},
        {"behind Content-Type", "8C 80 84 83 98 'T1' 00", 0x80, "", -1},
        {"application headers", "'X' 00 'y' 00 8C 80 98 'T1' 00", 0x80, "T1", -1},
        {"no PDU", "'<html>'", -1, "", -1},
        {"nothing", "", -1, "", -1},
        {"zeros", "00 00 8C 80", -1, "", -1},
    };
    for (const Row& row : kRows) {
        const std::string wire = octets(row.wire);
        const Peek got = peek(wire);
        cr_expect((got.type_octet ? *got.type_octet : -1) == row.type, "%s", row.name.data());
        cr_expect(got.transaction_id.value_or("") == row.id, "%s", row.name.data());
        cr_expect((got.version ? *got.version : -1) == row.version, "%s", row.name.data());
        cr_expect(got.type.has_value() == (row.type >= 0x80 && row.type <= 0x97), "%s", row.name.data());
    }
    for (std::string_view empty : {"8C 80 98 00 8D 92", "8C 80 98 7F 00 8D 92"})
        cr_expect(peek(octets(empty)).transaction_id == "" && peek(octets(empty)).version == 0x92, "%s", empty.data());
    cr_expect(!peek(octets("8C 80 98")).transaction_id);
    for (std::size_t length : {kLimits.transaction_id_bytes, kLimits.transaction_id_bytes + 1}) {
        const std::string wire = octets("8C 80 98") + std::string(length, 'x') + '\0';
        cr_expect(peek(wire).transaction_id.has_value() == (length == kLimits.transaction_id_bytes), "%zu", length);
    }
}
