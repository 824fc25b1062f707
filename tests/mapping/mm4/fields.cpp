#include "mapping/mm4/fields.h"

#include <criterion/criterion.h>

#include <algorithm>
#include <cctype>
#include <optional>
#include <span>
#include <string>

#include "mapping/mm4/field_reader.h"
#include "mapping/mm4/words.h"
#include "samples.h"

using namespace mmgate;
using namespace mmgate::mm4;

namespace {

/// Values of a field: two that differ, the first also from the default; one that cannot be read; how the first is written.
struct Row {
    std::string_view name, value, other;
    std::optional<std::string_view> unreadable{};
    std::string_view written{};               // "" as `value`
    std::string_view written_in_response{};   // "" as `written`
    SampleField beside{};                     // a field that it makes sense with
};

const Row kRows[] = {
    {"Date", kSentText, "Fri, 20 Nov 2026 10:00:01 +0100", "yesterday"},
    {"From", "+41790000003/TYPE=PLMN@mms.a.example", "<someone@x.example>", "@", "", "system-user@mms.a.example"},
    {"Sender", "\"<relay@mms.a.example>\"", "system-user@x.example", "nobody", "relay@mms.a.example"},
    {"To", "user@x.example", "+48600000003/TYPE=PLMN@mms.b.example", "@"},
    {"Cc", "+48600000004/TYPE=PLMN@mms.b.example", "user@x.example", "@"},
    {"Subject", "=?utf-8?B?R3LDvMOfZQ==?=", "Hello"},
    {"Message-ID", "<q1.7f3a@mms.a.example>", "<other@mms.a.example>", ""},
    {"X-Mms-3GPP-MMS-Version", "5.3.0", "6.1", "six", "6.16.0"},
    {"X-Mms-Transaction-ID", "\"t-1\"", "t-2", ""},
    {"X-Mms-Message-ID", "\"m-1\"", "m-2", ""},
    {"X-Mms-Message-Class", "Informational", "Auto"},
    {"X-Mms-Priority", "High", "Low", "Urgent"},
    {"X-Mms-Expiry", "Fri, 27 Nov 2026 09:00:00 GMT", "60", "soon"},
    {"X-Mms-Delivery-Report", "Yes", "No", "perhaps"},
    {"X-Mms-Originator-R/S-Delivery-Report", "Yes", "No", "perhaps"},
    {"X-Mms-Read-Reply", "Yes", "No", "perhaps"},
    {"X-Mms-Sender-Visibility", "Hide", "Show", "perhaps"},
    {"X-Mms-Content-Class", "image-rich", "text"},
    {"X-Mms-Drm-Content", "Yes", "No", "perhaps"},
    {"X-Mms-Adaptation-Allowed", "No", "Yes", "perhaps"},
    {"X-Mms-Applic-ID", "MEM", "Other"},
    {"X-Mms-Reply-Applic-ID", "MEM", "Other"},
    {"X-Mms-Aux-Applic-Info", "a = b; \"c\"", "Other"},
    {"X-Mms-Forward-Counter", "2", "3", "0"},
    {"X-Mms-Previously-sent-by", "0, +41790000009/TYPE=PLMN@mms.a.example", "1, user@x.example", "+41790000009/TYPE=PLMN@mms.a.example"},
    {"X-Mms-Previously-sent-date-and-time", "0, Thu, 19 Nov 2026 08:00:00 GMT", "0, Wed, 18 Nov 2026 08:00:00 GMT", "Thu, 19 Nov 2026 08:00:00 GMT", "", "", {"X-Mms-Previously-sent-by", "0, +41790000009/TYPE=PLMN@mms.a.example"}},
    {"X-Mms-Request-Status-Code", "Error-network-problem", "Ok", ""},
    {"X-Mms-MM-Status-Code", "Retrieved", "Expired"},
    {"X-Mms-MM-Status-Extension", "Rejection-by-MMS-Recipient", "Rejection-by-Other-RS"},
    {"X-Mms-Read-Status", "Deleted without being read", "Read", "eaten"},
    {"X-Mms-Status-Text", "All is well", "All is lost"},
    {"X-Mms-Forward-To-Originator-UA", "No", "Yes", "perhaps"},
    {"X-Mms-Request-Recipients", "+41790000003/TYPE=PLMN@mms.a.example", "user@x.example", "@"},
    {"X-Mms-Ack-Request", "Yes", "No", "perhaps"},
    {"X-Mms-Originator-System", "relay@mms.a.example", "system-user@x.example", "nobody"},
};

constexpr Syntax kUnread[] = {Syntax::message_type, Syntax::mime_version, Syntax::media_type, Syntax::ignored};
constexpr Syntax kRepeated[] = {Syntax::addresses, Syntax::status_recipients, Syntax::numbered_addresses, Syntax::numbered_date};
bool is_among(std::span<const Syntax> some, Syntax syntax) { return std::ranges::find(some, syntax) != some.end(); }

/// One field of one kind of message, and that message without the field.
struct Case {
    const FieldSpec& field;
    const Row& row;
    MessageType type;
    SampleMail rest;
};

void for_each_case(auto check) {
    for (const FieldSpec& field : kFields) {
        if (is_among(kUnread, field.syntax)) continue;
        const auto row = std::ranges::find(kRows, field.name, &Row::name);
        cr_assert(row != std::end(kRows), "%s has no values to test with", std::string(field.name).c_str());
        for (MessageType type : kAllTypes) {
            if (presence_in(field, type) == '-') continue;
            SampleMail rest = sample_mail(type).without(field.name);
            if (!row->beside.name.empty()) rest = rest.with(row->beside.name, row->beside.value);
            check(Case{field, *row, type, std::move(rest)});
        }
    }
}

std::string about(const Case& at) { return std::string(at.field.name) + " in " + std::string(name_of(at.type)); }

Result<ReadElements> read(const Case& at, const SampleMail& mail, const DecodeOptions& options = reading()) {
    const Octets text = mail.text();
    Result<mail::HeaderBlock> header = mail::scan_header(text);
    cr_assert(header.has_value());
    return read_fields(*header, at.type, options);
}
Elements elements(const Case& at, const SampleMail& mail, const DecodeOptions& options = reading()) {
    Result<ReadElements> read_elements = read(at, mail, options);
    cr_assert(read_elements.has_value(), "%s: %s", about(at).c_str(), read_elements ? "" : read_elements.error().rule.c_str());
    return std::move(read_elements->elements);
}

bool are_same(const FieldSpec& field, const Elements& a, const Elements& b) {
    return std::visit(overloaded{
                          [](std::monostate) { return true; },
                          [&](const IdTarget& id) { return a.ids.*id.text == b.ids.*id.text; },
                          [&](auto member) { return a.*member == b.*member; },
                      },
                      field.target);
}

/// Whether a note or an error names the field.
bool names(const std::string& text, const FieldSpec& field) { return text.starts_with(std::string(field.name) + ": "); }
bool is_noted(const ReadElements& read, const FieldSpec& field) {
    return std::ranges::any_of(read.notes, [&](const std::string& note) { return names(note, field); });
}

std::string in_upper_case(std::string_view text) {
    std::string out(text);
    for (char& c : out) c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
    return out;
}

}   // namespace

Test(mm4_fields, are_read_under_their_name_in_any_case) {
    for_each_case([](const Case& at) {
        const Elements first = elements(at, at.rest.also(at.field.name, at.row.value)), other = elements(at, at.rest.also(at.field.name, at.row.other));
        cr_expect(!are_same(at.field, first, other), "%s", about(at).c_str());
        const Elements shouted = elements(at, at.rest.also(in_upper_case(at.field.name), at.row.value));
        cr_expect(are_same(at.field, first, shouted), "%s", about(at).c_str());
        const Elements padded = elements(at, at.rest.also(at.field.name, "\r\n \t " + std::string(at.row.value) + " \t"));
        cr_expect(are_same(at.field, first, padded), "%s", about(at).c_str());
        const bool strict = reading_strictly().dialect.lenient;
        cr_expect(!strict && are_same(at.field, first, elements(at, at.rest.also(at.field.name, at.row.value), reading_strictly())), "%s", about(at).c_str());
    });
}

Test(mm4_fields, are_missed_where_they_must_be_there) {
    for_each_case([](const Case& at) {
        const char presence = presence_in(at.field, at.type);
        for (const DecodeOptions& options : {reading(), reading_strictly()}) {
            Result<ReadElements> without = read(at, at.rest, options);
            const bool needed = presence == 'M' || (presence == 'L' && !options.dialect.lenient);
            cr_expect(without.has_value() != needed, "%s", about(at).c_str());
            if (!without) cr_expect(without.error().fault == Fault::malformed && without.error().rule == std::string(at.field.name) + ": the field is missing");
            else if (!needed) cr_expect(!are_same(at.field, without->elements, elements(at, at.rest.also(at.field.name, at.row.value))), "%s", about(at).c_str());
        }
    });
}

Test(mm4_fields, count_once_unless_they_are_lists) {
    for_each_case([](const Case& at) {
        const SampleMail once = at.rest.also(at.field.name, at.row.value);
        Result<ReadElements> twice = read(at, once.also(at.field.name, at.row.other));
        cr_assert(twice.has_value(), "%s", about(at).c_str());
        const bool same = are_same(at.field, elements(at, once), twice->elements);
        // Of two dates of one number, too, the first counts.
        const bool list = is_among(kRepeated, at.field.syntax) && at.field.syntax != Syntax::numbered_date;
        cr_expect(same != list, "%s", about(at).c_str());
        cr_expect(is_noted(*twice, at.field) || is_among(kRepeated, at.field.syntax), "%s", about(at).c_str());
    });
}

Test(mm4_fields, refuse_or_note_what_cannot_be_read) {
    for_each_case([](const Case& at) {
        if (!at.row.unreadable) return;
        const char presence = presence_in(at.field, at.type);
        for (const DecodeOptions& options : {reading(), reading_strictly()}) {
            Result<ReadElements> bad = read(at, at.rest.also(at.field.name, *at.row.unreadable), options);
            const bool needed = presence == 'M' || (presence == 'L' && !options.dialect.lenient);
            cr_expect(bad.has_value() != needed, "%s", about(at).c_str());
            if (bad) cr_expect(is_noted(*bad, at.field), "%s", about(at).c_str());
            else cr_expect(names(bad.error().rule, at.field), "%s", bad.error().rule.c_str());
            if (bad && !needed && presence != 'm') {
                Result<ReadElements> without = read(at, at.rest, options);
                cr_expect(without && are_same(at.field, without->elements, bad->elements), "%s", about(at).c_str());
            }
        }
    });
}

Test(mm4_fields, have_other_names_with_lenient_peers_only) {
    std::size_t count = 0;
    for_each_case([&](const Case& at) {
        if (at.field.alias.empty()) return;
        ++count;
        const Elements named = elements(at, at.rest.also(at.field.name, at.row.value));
        const SampleMail mail = at.rest.also(at.field.alias, at.row.value);
        Result<ReadElements> lenient = read(at, mail);
        cr_expect(lenient && are_same(at.field, named, lenient->elements) && is_noted(*lenient, at.field), "%s", about(at).c_str());
        Result<ReadElements> strict = read(at, mail, reading_strictly());
        cr_expect(!strict || !are_same(at.field, named, strict->elements), "%s", about(at).c_str());
        // The field's own name comes first.
        const Elements both = elements(at, mail.also(at.field.name, at.row.other));
        cr_expect(!are_same(at.field, named, both), "%s", about(at).c_str());
        if (!at.row.unreadable) return;
        Result<ReadElements> instead = read(at, mail.also(at.field.name, *at.row.unreadable));
        cr_expect(instead && are_same(at.field, named, instead->elements), "%s", about(at).c_str());
    });
    cr_expect(count >= 6, "%zu", count);
}

Test(mm4_fields, say_more_with_lenient_peers) {
    for (const LenientSpec& row : kLenient) {
        const FieldSpec& field = *field_of(row.field);
        const auto type = std::ranges::find_if(kAllTypes, [&](MessageType one) { return presence_in(field, one) != '-'; });
        const Case at{field, kRows[0], *type, sample_mail(*type).without(row.field)};
        const SampleMail mail = row.example.empty() ? at.rest : at.rest.also(row.field, row.example);
        Result<ReadElements> lenient = read(at, mail), strict = read(at, mail, reading_strictly());
        cr_assert(lenient.has_value(), "%s: %s", std::string(row.example).c_str(), lenient ? "" : lenient.error().rule.c_str());
        cr_expect(!strict || !are_same(field, lenient->elements, strict->elements), "%s", std::string(row.example).c_str());
        const bool plainly_read = row.example.empty() || !are_same(field, lenient->elements, elements(at, sample_mail(*type)));
        cr_expect(plainly_read, "%s", std::string(row.example).c_str());
    }
}

Test(mm4_fields, are_written_as_their_row_says) {
    for_each_case([](const Case& at) {
        const std::string_view plain = at.row.written.empty() ? at.row.value : at.row.written;
        const std::string_view want = is_response(at.type) && !at.row.written_in_response.empty() ? at.row.written_in_response : plain;
        const AnyMessage message = message_of(at.type, elements(at, at.rest.also(at.field.name, at.row.value)));
        const Octets mail = written(message);
        cr_expect((values_of(mail, at.field.name) == std::vector<std::string>{std::string(want)}), "%s\n%s", about(at).c_str(), mail.c_str());
        cr_expect(mail.find("\r\n" + std::string(at.field.name) + ": ") != Octets::npos || mail.starts_with(at.field.name), "%s", about(at).c_str());
        if (at.field.written == Written::when_set) {
            const Octets without = written(message_of(at.type, elements(at, at.rest)));
            cr_expect(values_of(without, at.field.name).empty(), "%s\n%s", about(at).c_str(), without.c_str());
        }
        for (const char* version : {"6.16.0", "6.0.0", "5.3.0", "4.2.0"}) {
            EncodeOptions options = writing();
            options.dialect.version = *parse_version(version);
            const bool wanted = at.field.since <= options.dialect.version.major;
            cr_expect(values_of(written(message, options), at.field.name).empty() != wanted, "%s for %s", about(at).c_str(), version);
            options.dialect.rel6_fields = false;
            cr_expect(values_of(written(message, options), at.field.name).empty() != (at.field.since < 6), "%s for %s", about(at).c_str(), version);
        }
    });
}

Test(mm4_fields, stand_in_no_message_that_has_no_place_for_them) {
    for (const FieldSpec& field : kFields) {
        for (MessageType type : kAllTypes) {
            if (presence_in(field, type) != '-') continue;
            const auto row = std::ranges::find(kRows, field.name, &Row::name);
            const std::string value(row == std::end(kRows) ? "1" : row->value);
            const Octets mail = sample_mail(type).also(field.name, value).text();
            auto with = decode(mail, reading()), without = decode(sample_mail(type).text(), reading());
            cr_expect(with && without && *with == *without, "%s", std::string(field.name).c_str());
            cr_expect(values_of(written(*without), field.name).empty(), "%s", std::string(field.name).c_str());
        }
    }
}

Test(mm4_fields, are_found_by_name) {
    cr_expect(field_of("x-mms-originator-r/s-delivery-report") != nullptr);
    cr_expect(field_of("X-Mms-To") == nullptr && field_of("") == nullptr && field_of("X-Mms-") == nullptr);
    for (const FieldSpec& field : kFields) cr_expect(field_of(in_upper_case(field.name)) == &field);
}
