#include "mapping/mm1/dump.h"

#include <chrono>

#include "mapping/charset.h"
#include "mapping/mm1/fields.h"
#include "mapping/mm1/media.h"
#include "mapping/mm1/pdus.h"

namespace mmgate::mm1 {

namespace {

constexpr std::size_t kNameColumn = 30;
constexpr std::uint64_t kLatestUnixSecond = 253402300799;

std::string padded(std::string_view text, std::size_t width) {
    std::string out(text);
    if (out.size() < width) out.append(width - out.size(), ' ');
    return out;
}

std::string hex(std::uint8_t octet) {
    constexpr char kDigits[] = "0123456789ABCDEF";
    return {kDigits[octet >> 4], kDigits[octet & 15]};
}

std::string octet_text(const FieldSpec& field, std::uint8_t octet) {
    switch (field.syntax) {
        case Syntax::yes_no: return octet == 0x80 ? "Yes" : octet == 0x81 ? "No"
                                                                          : "unknown (" + hex(octet) + ")";
        case Syntax::version: return std::to_string((octet >> 4) & 7) + ((octet & 15) == 15 ? std::string() : "." + std::to_string(octet & 15));
        case Syntax::header_number: {
            const FieldSpec* named = field_of(octet);
            return named ? std::string(named->name) : "unknown (" + hex(octet) + ")";
        }
        default: {
            auto name = value_name(field, octet);
            std::string text = name ? std::string(*name) : "unknown";
            return field.syntax == Syntax::status || !name ? text + " (" + std::to_string(octet) + ")" : text;
        }
    }
}

std::string type_text(const MediaType& media) {
    std::string out = media.type;
    for (const Parameter& parameter : media.parameters) out += "; " + parameter.name + "=" + parameter.value;
    return out;
}

/// A peer's text for a terminal: controls of any kind would steer it.
std::string shown(std::string_view text) { return header_text(text, SIZE_MAX); }

/// The beginning of a text as Unicode, not cut inside a character.
std::string beginning(Bytes text, std::size_t most, std::string_view charset) {
    if (text.size() <= most || is_utf8(text.substr(0, most))) return to_utf8(text.substr(0, most), charset);
    // The character that the cut would part: its octets are UTF-8 together, and so is all before it.
    for (std::size_t trailing = 1; trailing <= 3 && trailing <= most; ++trailing)
        for (std::size_t length = trailing + 1; length <= 4; ++length)
            if (is_utf8(text.substr(most - trailing, length)) && is_utf8(text.substr(0, most - trailing)))
                return to_utf8(text.substr(0, most - trailing), charset);
    return to_utf8(text.substr(0, most), charset);
}

struct Waiting {
    const std::vector<Entry>* entries;
    std::size_t next;
    std::string prefix;
};

}   // namespace

std::string utc_text(std::uint64_t unix_seconds) {
    if (unix_seconds > kLatestUnixSecond) return std::to_string(unix_seconds);
    using namespace std::chrono;
    const sys_seconds time{seconds(static_cast<std::int64_t>(unix_seconds))};
    const auto day = floor<days>(time);
    const year_month_day date(day);
    const hh_mm_ss clock(time - day);
    auto two = [](std::int64_t n) { return (n < 10 ? "0" : "") + std::to_string(n); };
    std::string year = std::to_string(static_cast<int>(date.year()));
    return year + "-" + two(static_cast<unsigned>(date.month())) + "-" + two(static_cast<unsigned>(date.day())) + "T" + two(clock.hours().count()) + ":" +
           two(clock.minutes().count()) + ":" + two(clock.seconds().count()) + "Z";
}

std::string value_text(const FieldValue& given) {
    const FieldSpec& field = *field_of(given.number);
    return shown(std::visit(
        overloaded{
            [&](const std::string& text) { return text; },
            [&](std::uint64_t number) { return field.syntax == Syntax::date ? utc_text(number) : std::to_string(number); },
            [&](const Octet& octet) { return octet_text(field, octet.value); },
            [&](const FromValue& from) { return from.address ? *from.address : std::string("(to be inserted by the relay)"); },
            [&](const TimeValue& time) { return time.relative ? std::to_string(time.seconds) + " s from now" : utc_text(time.seconds); },
            [&](const CountedValue& counted) {
                std::string inner = std::visit(overloaded{
                                                   [](const std::string& text) { return text; },
                                                   [](std::uint64_t number) { return utc_text(number); },
                                                   [&](const Octet& octet) { return octet_text(field, octet.value); },
                                               },
                                               counted.value);
                return std::to_string(counted.count) + ", " + inner;
            },
            [&](const FlaggedValue& flagged) {
                std::string inner = std::visit(overloaded{
                                                   [](const std::string& text) { return text; },
                                                   [](std::uint64_t number) { return std::to_string(number); },
                                               },
                                               flagged.value);
                return std::string(value_name(field, flagged.token).value_or("unknown")) + ": " + inner;
            },
            [&](const ElementDescriptor& element) {
                std::string out = element.reference;
                for (const Parameter& parameter : element.parameters) out += "; " + parameter.name + "=" + parameter.value;
                return out;
            },
        },
        given.value));
}

std::string dump(const Pdu& pdu, std::size_t text_bytes) {
    std::string out(pdu_spec(pdu.type).name);
    out += "\n";
    auto line = [&](std::string_view name, std::string_view value) { out += "  " + padded(name, kNameColumn) + " " + shown(value) + "\n"; };
    for (const FieldValue& field : pdu.fields) line(field_of(field.number)->name, value_text(field));
    for (const Parameter& header : pdu.application) line(shown(header.name), header.value);
    if (pdu.content_type) line("Content-Type", type_text(*pdu.content_type));

    std::vector<Waiting> stack{{&pdu.parts, 0, ""}};
    while (!stack.empty()) {
        Waiting& top = stack.back();
        if (top.next == top.entries->size()) {
            stack.pop_back();
            continue;
        }
        const Entry& entry = (*top.entries)[top.next++];
        const std::string number = top.prefix + std::to_string(top.next);
        out += "  part " + number + "\n";
        auto inner = [&](std::string_view name, std::string_view value) {
            out += "    " + padded(name, kNameColumn - 2) + " " + shown(value) + "\n";
        };
        inner("Content-Type", type_text(entry.media));
        for (const Parameter& header : entry.headers) inner(shown(header.name), header.value);
        if (is_multipart(entry.media.type)) {
            stack.push_back({&entry.parts, 0, number + "."});
            continue;
        }
        inner("size", std::to_string(entry.data.size()) + " octets");
        if (entry.media.type.starts_with("text/") || entry.media.type == "application/smil") {
            const std::string* charset = entry.media.parameter("charset");
            std::string text = beginning(entry.data, text_bytes, charset ? *charset : "");
            std::size_t start = 0;
            while (start < text.size()) {
                std::size_t end = std::min(text.find('\n', start), text.size());
                out += "    | " + shown(std::string_view(text).substr(start, end - start)) + "\n";
                start = end + 1;
            }
            if (entry.data.size() > text_bytes) out += "    | ...\n";
        }
    }
    return out;
}

}   // namespace mmgate::mm1
