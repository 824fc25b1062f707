// Properties: what is written reads as it was; what was read can be written and reads alike; no octets do more than fail; no text leaves its place.
#include <criterion/criterion.h>
#include <rapidcheck.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <set>

#include "mapping/charset.h"
#include "mapping/limits.h"
#include "mapping/mail/mime_tree.h"
#include "mapping/mail/mm_to_mail.h"
#include "mapping/mm1/dump.h"
#include "mapping/mm1/media.h"
#include "mapping/mm1/messages.h"
#include "mapping/mm1/multipart.h"
#include "mapping/mm1/pdus.h"
#include "mapping/mm1/wsp.h"
#include "tests/mapping/mm1/canonical.h"
#include "tests/mapping/mm1/examples.h"
#include "tests/support/hex.h"

using namespace mmgate;
using namespace mmgate::mm1;
using test::hex;
using test::octets;

namespace {

/// The same values in every run, unless RC_PARAMS in the environment asks for others. Whole PDUs take very long to shrink.
template <class Property>
bool holds(const std::string& claim, int runs, Property property) {
    setenv("RC_PARAMS", ("seed=20260528 noshrink=1 max_size=40 max_success=" + std::to_string(runs)).c_str(), 0);
    return rc::check(claim, property);
}

using Pieces = std::vector<std::string>;

rc::Gen<std::string> joined(Pieces from) {
    constexpr std::size_t kMost = 100;   // within every limit, also as UTF-8
    return rc::gen::map(rc::gen::container<Pieces>(rc::gen::elementOf(std::move(from))), [](const Pieces& pieces) {
        std::string out;
        for (const std::string& one : pieces)
            if (out.size() < kMost) out += one;
        return out;
    });
}

/// Octets of what hurts in texts on the wire and on their way to mail.
rc::Gen<std::string> hostile() {
    return joined(
        {"\r\n", "\n", "\r", "Bcc: x@y", ":", "=?utf-8?Q?=0D=0A?=", "\"", "\\", "<", ">", ",", ";", "@", "é",
         "€", "😀", "\xFF", "\xC3", "\xC2\x85", "\xE2\x80\xA8", "\xEF\xBB\xBF", "\x7F", "\x1F", "\x05", " ", "a", "Z", "+447",
         "/TYPE=PLMN", "=", "..", "\x1B(J"});
}

/// Text as decoding leaves it: one line of UTF-8.
rc::Gen<std::string> text() {
    return rc::gen::map(hostile(), [](const std::string& octets) { return one_line(to_utf8(octets, "utf-8")); });
}
std::string token_of(std::string text) {
    std::erase_if(text, [](char c) { return (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '-' && c != '.'; });
    return text;
}
rc::Gen<std::string> token() {
    return rc::gen::map(rc::gen::string<std::string>(), [](std::string s) { return "x" + token_of(std::move(s)); });
}

std::string without(std::string text, std::string_view outer) {
    const std::size_t first = text.find_first_not_of(outer);
    if (first == std::string::npos) return "";
    return text.substr(first, text.find_last_not_of(outer) - first + 1);
}
rc::Gen<std::string> without_outer(std::string outer) {
    return rc::gen::map(text(), [outer](std::string s) { return without(std::move(s), outer); });
}

rc::Gen<std::uint64_t> number() {
    return rc::gen::oneOf(rc::gen::inRange<std::uint64_t>(0, 130),
                          rc::gen::map(rc::gen::arbitrary<std::uint64_t>(), [](std::uint64_t n) { return n >> 1; }),
                          rc::gen::just<std::uint64_t>(INT64_MAX));
}
rc::Gen<std::uint8_t> any_octet() {
    return rc::gen::map(rc::gen::arbitrary<std::uint8_t>(), [](std::uint8_t o) -> std::uint8_t { return o | 0x80; });
}

std::vector<Parameter> some_parameters() {
    const Pieces names{"charset", "name", "type", "start", "start-info", "filename", "x-a", "level", "q", "secure"};
    std::vector<Parameter> out;
    for (const std::string& name : *rc::gen::unique<Pieces>(rc::gen::elementOf(names))) {
        std::string value = *without_outer("\"");
        if (name == "charset") value = *rc::gen::element<std::string>("utf-8", "us-ascii", "iso-10646-ucs-2", "*", "9999", "x-none", "99999999999");
        if (name == "type") value = *rc::gen::element<std::string>("application/smil", "image/jpeg", "text/plain", "audio/*", "");
        if (name == "q" && value.empty()) value = "0.50";
        out.push_back({name, value});
    }
    return out;
}

MediaType some_media() {
    return {
        *rc::gen::oneOf(rc::gen::element<std::string>("text/plain", "image/jpeg", "application/smil", "audio/amr", "*/*", "application/octet-stream"),
                        rc::gen::map(token(), [](const std::string& t) { return "x/" + t; })),
        some_parameters()};
}

std::vector<Entry> some_entries(std::size_t depth) {
    std::vector<Entry> out(*rc::gen::inRange<std::size_t>(0, 4));
    for (Entry& entry : out) {
        entry.media = some_media();
        for (const std::string& name : *rc::gen::unique<Pieces>(
                 rc::gen::element<std::string>("Content-ID", "Content-Location", "Content-Disposition", "Content-Language", "X-A", "X b"))) {
            std::string value = *text();
            if (name == "Content-ID") value = without(value, "\"") + *rc::gen::element<std::string>("", "\"");
            if (name == "Content-Location") value = without(value, "\" ");
            if (name == "Content-Disposition") value = *rc::gen::element<std::string>("inline", "attachment", "form-data", "odd");
            entry.headers.push_back({name, value});
        }
        if (entry.header("Content-ID") && *entry.header("Content-ID") == "\"") entry.headers.clear();
        if (entry.header("Content-Disposition")) entry.disposition_parameters = some_parameters();
        if (depth > 1 && *rc::gen::inRange(0, 4) == 0) {
            entry.media.type = *rc::gen::element<std::string>("application/vnd.wap.multipart.mixed", "application/vnd.wap.multipart.alternative",
                                                              "multipart/related", "multipart/x");
            entry.parts = some_entries(depth - 1);
        } else {
            entry.data = *rc::gen::string<std::string>();
        }
    }
    return out;
}

Value some_value(const FieldSpec& field, const PduSpec& pdu) {
    const bool counted = pdu.counted && field.repeats == Repeats::in_mbox && *rc::gen::arbitrary<bool>();
    auto value_token = [&] { return field.values[*rc::gen::inRange<std::size_t>(0, field.values.size())].octet; };
    switch (field.syntax) {
        case Syntax::address: return *text();
        case Syntax::text: return *text();
        case Syntax::encoded_string: {
            std::string value = *text();
            return counted ? Value(CountedValue{*number(), value}) : Value(value);
        }
        case Syntax::raw_text:
            return *rc::gen::map(rc::gen::string<std::string>(), [](std::string s) { return s.erase(std::min(s.find('\0'), s.size())); });
        case Syntax::uri: {
            std::string value = *without_outer(" ");
            return counted ? Value(CountedValue{*number(), value}) : Value(value);
        }
        case Syntax::message_id: return *without_outer(" <>");
        case Syntax::long_integer:
        case Syntax::date:
        case Syntax::integer: return *number();
        case Syntax::version:
        case Syntax::yes_no:
        case Syntax::enumerated:
        case Syntax::header_number: return Octet{*any_octet()};
        case Syntax::status: {
            const Octet value{*any_octet()};
            return counted ? Value(CountedValue{*number(), value}) : Value(value);
        }
        case Syntax::class_or_token:
            if (*rc::gen::arbitrary<bool>()) return *token();
            return Octet{*any_octet()};
        case Syntax::from:
            if (*rc::gen::arbitrary<bool>()) return FromValue{*text()};
            return FromValue{};
        case Syntax::time: return TimeValue{*rc::gen::arbitrary<bool>(), *number()};
        case Syntax::counted_address: return CountedValue{*number(), *text()};
        case Syntax::counted_date: return CountedValue{*number(), *number()};
        case Syntax::flagged_text: return FlaggedValue{value_token(), *text()};
        case Syntax::flagged_integer: return FlaggedValue{value_token(), *number()};
        case Syntax::element_descriptor: {
            ElementDescriptor out{*text(), some_parameters()};
            return out;
        }
        case Syntax::pdu_type:
        case Syntax::content_type:
        case Syntax::attribute_only: break;
    }
    return Octet{};
}

Pdu some_pdu(const PduSpec& spec) {
    Pdu pdu;
    pdu.type = spec.type;
    std::vector<std::uint8_t> numbers;
    for (std::uint8_t number : spec.mandatory)
        if (number != 0 && number != field::content_type) numbers.push_back(number);
    const auto more =
        *rc::gen::container<std::vector<std::uint8_t>>(rc::gen::inRange<std::uint8_t>(1, static_cast<std::uint8_t>(kFields.size() + 1)));
    numbers.insert(numbers.end(), more.begin(), more.end());
    for (std::uint8_t number : numbers) {
        const FieldSpec& field = *field_of(number);
        if (field.syntax == Syntax::pdu_type || field.syntax == Syntax::content_type || field.syntax == Syntax::attribute_only) continue;
        const bool repeats = field.repeats == Repeats::yes || (field.repeats == Repeats::in_mbox && spec.mbox);
        if (!repeats && pdu.find(number)) continue;
        pdu.fields.push_back({number, some_value(field, spec)});
    }
    for (const std::string& name : *rc::gen::container<Pieces>(token())) pdu.application.push_back({name, *text()});
    if (spec.body == Body::mandatory || (spec.body == Body::optional && *rc::gen::arbitrary<bool>())) {
        pdu.content_type = some_media();
        if (*rc::gen::inRange(0, 3) != 0) {
            pdu.content_type->type =
                *rc::gen::element<std::string>("application/vnd.wap.multipart.related", "application/vnd.wap.multipart.mixed", "multipart/mixed");
            pdu.parts = some_entries(3);
        } else {
            pdu.parts.push_back({*pdu.content_type, {}, {}, *rc::gen::string<std::string>(), {}});
            if (spec.type == PduType::m_mbox_view_conf && pdu.content_type->type == "*/*" && pdu.parts[0].data.empty()) pdu.parts.clear();
        }
    }
    return test::canonical(std::move(pdu));
}

bool is_clean(std::string_view text) {
    return std::ranges::none_of(text, [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7F; });
}
bool is_clean(const std::vector<Parameter>& parameters) {
    return std::ranges::all_of(parameters, [](const Parameter& p) { return is_clean(p.name) && is_clean(p.value); });
}
bool is_clean(const std::vector<Entry>& entries) {
    return std::ranges::all_of(entries, [](const Entry& e) {
        return is_clean(e.media.type) && is_clean(e.media.parameters) && is_clean(e.headers) && is_clean(e.disposition_parameters) &&
               is_clean(e.parts);
    });
}

/// What holds for any octets: an error within them, or a value that can be written, shown and read again.
void expect_sane(const std::string& wire) {
    const auto pdu = decode_pdu(wire);
    peek(wire);
    if (!pdu) {
        RC_ASSERT(pdu.error().offset <= wire.size());
        RC_ASSERT(!pdu.error().rule.empty() && is_clean(pdu.error().rule));
        return;
    }
    RC_ASSERT(test::survives(*pdu));
    RC_ASSERT(is_utf8(dump(*pdu)));
    RC_ASSERT(is_clean(pdu->application) && is_clean(pdu->parts));
    if (pdu->type != PduType::m_send_req) return;
    const auto req = send_req_of(*pdu);
    if (!req) return;
    // What is stored must be readable, and the same each time.
    const Octets content = encode_content(req->content);
    const auto stored = decode_content(content);
    RC_ASSERT(stored.has_value());
    RC_ASSERT(encode_content(*stored) == content);
}

std::vector<std::filesystem::path> corpus() {
    const char* named = std::getenv("MMGATE_CORPUS");
    const std::filesystem::path folder = std::filesystem::path(named ? named : "../shared/corpus") / "mm1";
    std::vector<std::filesystem::path> out;
    std::error_code error;
    for (const auto& entry : std::filesystem::directory_iterator(folder, error)) out.push_back(entry.path());
    return out;
}

std::string contents(const std::filesystem::path& path) {
    std::ifstream file(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
}

}   // namespace

Test(round_trip, every_pdu_type_reads_as_it_was_written) {
    for (const PduSpec& spec : kPdus) {
        const bool held = holds(std::string("decode of encode: ") + std::string(spec.name), 60, [&] {
            const Pdu pdu = some_pdu(spec);
            const Octets wire = encode_pdu(pdu);
            const auto got = decode_pdu(wire);
            if (!got) RC_FAIL(got.error().rule + " at " + std::to_string(got.error().offset) + " of " + hex(wire));
            if (!(*got == pdu)) RC_FAIL(dump(pdu, 0) + "\nbecame\n" + dump(*got, 0) + "\nof " + hex(wire));
        });
        cr_expect(held, "%s", spec.name.data());
    }
}

Test(round_trip, multiparts_read_as_they_were_written) {
    const bool held = holds("decode of encode: multipart", 300, [] {
        const std::vector<Entry> entries = some_entries(kLimits.pdu_depth);
        Octets wire;
        write_multipart(wire, entries);
        Cursor in(wire);
        RC_ASSERT(read_multipart(in) == entries);
        RC_ASSERT(!in.error());
    });
    cr_expect(held);
}

Test(round_trip, any_octets_fail_or_survive) {
    const bool held = holds("mutated examples", 4000, [] {
        const auto& example = test::kExamplePdus[*rc::gen::inRange<std::size_t>(0, test::kExamplePdus.size())];
        std::string wire = octets(example.hex);
        const int changes = *rc::gen::inRange(1, 5);
        for (int i = 0; i < changes && !wire.empty(); ++i) {
            const std::size_t at = *rc::gen::inRange<std::size_t>(0, wire.size());
            switch (*rc::gen::inRange(0, 6)) {
                case 0: wire[at] = static_cast<char>(*rc::gen::arbitrary<std::uint8_t>()); break;
                case 1: wire[at] = *rc::gen::element('\0', '\x01', '\x1F', '\x7F', '\x80', '\x81', '\xFF', '"', '<', ' ', '\x84'); break;
                case 2: wire.erase(at, *rc::gen::inRange<std::size_t>(1, 4)); break;
                case 3: wire.insert(at, *hostile()); break;
                case 4: wire.insert(at, wire.substr(*rc::gen::inRange<std::size_t>(0, wire.size()), *rc::gen::inRange<std::size_t>(1, 12))); break;
                default: wire.resize(at); break;
            }
        }
        expect_sane(wire);
    });
    cr_expect(held);
    const bool any = holds("any octets", 2000, [] {
        expect_sane("\x8C" + std::string(1, static_cast<char>(0x80 + *rc::gen::inRange(0, 24))) + *rc::gen::string<std::string>());
    });
    cr_expect(any);
}

Test(round_trip, no_text_leaves_its_place_in_a_mail) {
    const std::set<std::string_view> known = {"Received",
                                              "Date",
                                              "From",
                                              "To",
                                              "Cc",
                                              "Message-ID",
                                              "Subject",
                                              "Importance",
                                              "Disposition-Notification-To",
                                              "Auto-Submitted",
                                              "Precedence",
                                              "MIME-Version",
                                              "Content-Type",
                                              "Content-Transfer-Encoding",
                                              "Content-ID",
                                              "Content-Disposition",
                                              "Content-Location",
                                              "Applic-ID",
                                              "Reply-Applic-ID",
                                              "Aux-Applic-Info",
                                              "Reply-To"};
    const bool held = holds("a submission of hostile texts as mail", 400, [&] {
        // Texts as a phone may put them on the wire: raw octets up to the NUL.
        auto raw = [](Octets& out, std::string_view text) { (out += text) += '\0'; };
        Octets wire = octets("8C 80 98 'T1' 00 8D 92 89 01 81");
        for (std::uint8_t field : {0x97, 0x82, 0x81, 0x97, 0x96, 0xB7, 0xB8, 0xB9, 0x9E, 0x8A, 0x8B}) {
            wire += static_cast<char>(field);
            raw(wire, (field == 0x97 || field == 0x82 ? "a@b.example" : "7") + (*rc::gen::arbitrary<bool>() ? *hostile() : std::string()));
        }
        raw(wire, "X-" + *hostile());
        raw(wire, *hostile());
        Octets form = octets("B3 89");
        raw(form, "a" + *hostile());
        raw(form += '\x8A', "<a" + *hostile());
        wire += '\x84';
        write_value_length(wire, form.size());
        wire += form + '\x02';
        for (int i = 0; i < 2; ++i) {
            Octets type, head;
            raw(type, *rc::gen::element<std::string>("text/plain", "image/jpeg", "application/x", "multipart/x", "a") + *hostile());
            raw(type += '\x85', "n" + *hostile());
            raw(type, "x-" + *hostile());
            raw(type, "v" + *hostile());
            write_value_length(head, type.size());
            head += type;
            raw(head += "\xC0\"", *hostile());
            raw(head += '\x8E', "l" + *hostile());
            raw(head += '\xAE', "attachment" + *hostile());
            raw(head, "Content-Location" + *hostile());
            raw(head, *hostile());
            write_uintvar(wire, head.size());
            wire += '\x01' + head + '\0';   // one octet of data, or no entry in a multipart
        }
        const auto pdu = decode_pdu(wire);
        RC_PRE(pdu.has_value());
        auto req = send_req_of(*pdu);
        RC_PRE(req.has_value());
        req->headers.from = Address{Address::Kind::phone, "+447700900123", {}};
        const auto content = decode_content(encode_content(req->content));
        RC_ASSERT(content.has_value());
        mail::MmToMailOptions options;
        options.message_id = "id@mms.example.net";
        options.domain = "mms.example.net";
        options.hostname = "gw1.mms.example.net";
        options.queue_id = options.boundary_seed = "0123456789ABC";
        options.keep_applic_id = *rc::gen::arbitrary<bool>();
        const auto mail = mail::mm_to_mail(req->headers, *content, options);
        RC_PRE(mail.has_value());
        for (std::size_t i = 0; i < mail->size(); ++i) {
            const auto c = static_cast<unsigned char>((*mail)[i]);
            RC_ASSERT((c >= 0x20 && c < 0x7F) || c == '\t' || c == '\r' || c == '\n');
            RC_ASSERT((c == '\n') == (i > 0 && (*mail)[i - 1] == '\r'));
        }
        const auto tree = mail::read_mime_tree(*mail);
        RC_ASSERT(tree.has_value());
        std::vector<const mail::Entity*> open{&*tree};
        while (!open.empty()) {
            const mail::Entity* entity = open.back();
            open.pop_back();
            for (const mail::HeaderField& field : entity->header.fields) RC_ASSERT(known.contains(field.name));
            for (const mail::Entity& part : entity->parts) open.push_back(&part);
        }
        for (std::string_view once : {"From", "To", "Subject", "Message-ID", "Content-Type"}) RC_ASSERT(tree->header.count(once) <= 1U);
    });
    cr_expect(held);
}

Test(round_trip, messages_of_the_wild_read_and_survive) {
    const auto files = corpus();
    if (files.empty()) cr_skip_test("no corpus: set MMGATE_CORPUS to the folder that holds mm1/");
    for (const auto& path : files) {
        const std::string wire = contents(path);
        const auto pdu = decode_pdu(wire);
        cr_assert(pdu.has_value(), "%s: %s at %zu", path.c_str(), pdu.error().rule.c_str(), pdu.error().offset);
        cr_expect(test::survives(*pdu), "%s", path.c_str());
        cr_expect(is_utf8(dump(*pdu)) && pdu->content_type && !pdu->parts.empty(), "%s", path.c_str());
    }
}

Test(round_trip, messages_of_the_wild_cut_anywhere_are_no_messages) {
    const auto files = corpus();
    if (files.empty()) cr_skip_test("no corpus: set MMGATE_CORPUS to the folder that holds mm1/");
    for (const auto& path : files) {
        const std::string wire = contents(path);
        const auto whole = decode_pdu(wire);
        cr_assert(whole.has_value());
        const std::size_t step = std::max<std::size_t>(1, wire.size() / 500);
        for (std::size_t length = 0; length < wire.size(); length += length < 1000 ? 1 : step) {
            const auto cut = decode_pdu(wire.substr(0, length));
            cr_expect(!cut || (!is_multipart(whole->content_type->type) && cut->content_type == whole->content_type), "%s at %zu", path.c_str(),
                      length);
        }
    }
}
