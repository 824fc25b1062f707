#include "mapping/mm1/codec.h"

#include <algorithm>
#include <cassert>

#include "mapping/limits.h"
#include "mapping/mm1/fields.h"
#include "mapping/mm1/media.h"
#include "mapping/mm1/multipart.h"
#include "mapping/mm1/pdus.h"
#include "mapping/mm1/wsp.h"

namespace mmgate::mm1 {

namespace {

constexpr std::uint8_t kPresent = 0x80;   // Address-present-token, Absolute-token
constexpr std::uint8_t kInsert = 0x81;    // Insert-address-token, Relative-token

// In an Element-Descriptor number 02 is Type and not level. Source: OMA-TS-MMS_ENC-V1_3 §7.3.18.
constexpr auto kElementParameters = std::to_array<ParameterSpec>({{0x02, "type", ParameterSyntax::media, true}});

/// A text field's greatest length.
std::size_t text_limit(const FieldSpec& field) {
    switch (field.number) {
        case field::transaction_id: return kLimits.transaction_id_bytes;
        case field::content_location: return kLimits.uri_bytes;
        default: break;
    }
    if (field.syntax == Syntax::message_id) return kLimits.message_id_bytes;
    if (field.syntax == Syntax::address) return kLimits.mms_address_bytes;
    return kLimits.text_bytes;
}

/// Whether a value that begins with this octet is the counted form that a field has in confirmations of deletion.
bool is_counted(const FieldSpec& field, const PduSpec& pdu, std::uint8_t first) {
    const Shape shape = shape_of(first);
    const bool has_form = field.syntax == Syntax::status || field.syntax == Syntax::uri || field.syntax == Syntax::encoded_string;
    return pdu.counted && field.repeats == Repeats::in_mbox && has_form && first != 0 && (shape == Shape::length || shape == Shape::quoted_length);
}

/// Whether a value that begins with this octet has the shape of the field's.
bool takes(const FieldSpec& field, const PduSpec& pdu, std::uint8_t first) {
    if (is_counted(field, pdu, first)) return true;
    const Shape shape = shape_of(first);
    const bool length = shape == Shape::length || shape == Shape::quoted_length;
    switch (field.syntax) {
        case Syntax::address:
        case Syntax::encoded_string: return shape != Shape::octet;
        case Syntax::text:
        case Syntax::raw_text:
        case Syntax::uri:
        case Syntax::message_id: return shape == Shape::text || first == 0;
        case Syntax::long_integer:
        case Syntax::date:
        case Syntax::integer: return shape != Shape::text;
        case Syntax::version:
        case Syntax::yes_no:
        case Syntax::enumerated:
        case Syntax::pdu_type:
        case Syntax::status:
        case Syntax::header_number: return shape == Shape::octet;
        case Syntax::class_or_token: return shape == Shape::octet || shape == Shape::text || first == 0;
        case Syntax::from:
        case Syntax::time:
        case Syntax::counted_address:
        case Syntax::counted_date:
        case Syntax::flagged_text:
        case Syntax::flagged_integer:
        case Syntax::element_descriptor: return length;
        case Syntax::content_type: return true;
        case Syntax::attribute_only: return false;
    }
    return false;
}

std::string_view trimmed(std::string_view text) {
    while (text.starts_with(' ')) text.remove_prefix(1);
    while (text.ends_with(' ')) text.remove_suffix(1);
    return text;
}

/// A Message-ID without spaces and angle brackets around it, however many.
std::string without_brackets(std::string_view text) {
    text = trimmed(text);
    while (text.size() >= 2 && text.front() == '<' && text.back() == '>') text = trimmed(text.substr(1, text.size() - 2));
    return std::string(text);
}

std::string read_plain_text(Cursor& in, const FieldSpec& field) {
    switch (field.syntax) {
        case Syntax::raw_text: return std::string(read_raw_text(in, text_limit(field), field.name));
        case Syntax::uri: return std::string(trimmed(read_text(in, text_limit(field), field.name)));
        case Syntax::message_id: return without_brackets(read_text(in, text_limit(field), field.name));
        case Syntax::text: return read_text(in, text_limit(field), field.name);
        default: return read_encoded_string(in, text_limit(field), field.name);
    }
}

/// The inside of a Value-length field. Octets behind its elements are passed over: they are seen in the wild.
Value read_inner(Cursor& in, const FieldSpec& field) {
    const std::size_t start = in.offset();
    auto token = [&]() -> std::uint8_t { return in.octet(field.name); };
    switch (field.syntax) {
        case Syntax::from: {
            std::uint8_t which = token();
            if (which == kInsert) return FromValue{};
            if (which != kPresent) in.set_error_at(Fault::malformed, "From has an unknown token", start);
            return FromValue{read_encoded_string(in, kLimits.mms_address_bytes, field.name)};
        }
        case Syntax::time: {
            std::uint8_t which = token();
            if (which != kPresent && which != kInsert) in.set_error_at(Fault::malformed, std::string(field.name) + " has an unknown token", start);
            return TimeValue{which == kInsert, read_integer(in)};
        }
        case Syntax::counted_address: {
            std::uint64_t count = read_integer(in);
            return CountedValue{count, read_encoded_string(in, kLimits.mms_address_bytes, field.name)};
        }
        case Syntax::counted_date: {
            std::uint64_t count = read_integer(in);
            return CountedValue{count, read_integer(in)};
        }
        case Syntax::flagged_text: {
            std::uint8_t which = token();
            if (!in.error() && !value_name(field, which)) in.set_error_at(Fault::malformed, std::string(field.name) + " has an unknown token", start);
            return FlaggedValue{which, read_encoded_string(in, kLimits.text_bytes, field.name)};
        }
        case Syntax::flagged_integer: {
            std::uint8_t which = token();
            if (!in.error() && !value_name(field, which)) in.set_error_at(Fault::malformed, std::string(field.name) + " has an unknown token", start);
            return FlaggedValue{which, read_integer(in)};
        }
        case Syntax::element_descriptor: {
            ElementDescriptor out;
            out.reference = read_text(in, kLimits.text_bytes, field.name);
            read_parameters(in, out.parameters, kElementParameters);
            return out;
        }
        // The counted forms of M-Mbox-Delete.conf and M-Delete.conf
        case Syntax::status: {
            std::uint64_t count = read_integer(in);
            return CountedValue{count, Octet{token()}};
        }
        default: {
            std::uint64_t count = read_integer(in);
            return CountedValue{count, read_plain_text(in, field)};
        }
    }
}

Value read_value(Cursor& in, const FieldSpec& field, const PduSpec& pdu) {
    const bool counted_form = is_counted(field, pdu, in.peek());
    switch (field.syntax) {
        case Syntax::address:
        case Syntax::encoded_string:
        case Syntax::text:
        case Syntax::raw_text:
        case Syntax::uri:
        case Syntax::message_id:
            if (!counted_form) return read_plain_text(in, field);
            break;
        case Syntax::long_integer:
        case Syntax::date:
        case Syntax::integer: return read_integer(in);
        case Syntax::status:
            if (!counted_form) return Octet{in.octet(field.name)};
            break;
        case Syntax::class_or_token:
            if (shape_of(in.peek()) != Shape::octet) {
                std::string token = read_text(in, kLimits.text_bytes, field.name);
                for (const EnumSpec& known : field.values)
                    if (known.name == token) return Octet{known.octet};
                return token;
            }
            return Octet{in.octet(field.name)};
        case Syntax::version:
        case Syntax::yes_no:
        case Syntax::enumerated:
        case Syntax::header_number:
        case Syntax::pdu_type: return Octet{in.octet(field.name)};
        default: break;
    }
    const std::size_t start = in.offset();
    std::uint32_t size = read_value_length(in);
    Cursor inner = in.sub(size, field.name);
    if (in.error()) return std::string();
    if (size == 0) {
        in.set_error_at(Fault::malformed, std::string(field.name) + " has length 0", start);
        return std::string();
    }
    Value value = read_inner(inner, field);
    if (inner.error()) in.set_error_at(inner.error()->fault, inner.error()->rule, inner.error()->offset);
    return value;
}

/// Finds the message type wherever it stands; nothing when the headers cannot be walked so far.
std::optional<std::uint8_t> find_type(Bytes wire) {
    Cursor in(wire);
    for (std::size_t count = 0; !in.at_end() && !in.error() && count < kLimits.pdu_headers; ++count) {
        std::uint8_t first = in.peek();
        if (first < 0x20 || first == 0x7F) return std::nullopt;
        if (first < 0x80) {
            read_raw_text(in, SIZE_MAX, "header name");
            read_raw_text(in, SIZE_MAX, "header value");
            continue;
        }
        in.octet("field");
        if ((first & 0x7F) == field::message_type) return in.peek();
        if ((first & 0x7F) == field::content_type) return std::nullopt;
        skip_value(in);
    }
    return std::nullopt;
}

void read_body(Cursor& in, Pdu& pdu, const PduSpec& spec) {
    const MediaType& media = *pdu.content_type;
    if (spec.body == Body::none) {   // some append a content to a PDU that has none: it ends the headers and says nothing
        pdu.content_type.reset();
        return;
    }
    if (is_multipart(media.type)) {
        pdu.parts = read_multipart(in);
        return;
    }
    // An empty view may say */* with nothing behind it: no description matched.
    if (pdu.type == PduType::m_mbox_view_conf && media.type == "*/*" && in.at_end()) return;
    Entry entry;
    entry.media = media;
    entry.data = in.rest();
    pdu.parts.push_back(std::move(entry));
}

}   // namespace

Peek peek(Bytes wire) {
    Peek out;
    out.type_octet = find_type(wire);
    if (out.type_octet)
        if (const PduSpec* spec = pdu_of(*out.type_octet)) out.type = spec->type;
    Cursor in(wire);
    for (std::size_t count = 0; !in.at_end() && !in.error() && count < kLimits.pdu_headers; ++count) {
        std::uint8_t first = in.peek();
        if (first < 0x20 || first == 0x7F) break;
        if (first < 0x80) {
            read_raw_text(in, SIZE_MAX, "header name");
            read_raw_text(in, SIZE_MAX, "header value");
            continue;
        }
        in.octet("field");
        const std::uint8_t number = first & 0x7F;
        if (number == field::content_type) break;
        // Whatever decode_pdu takes for one, the empty text included.
        if (number == field::transaction_id && !out.transaction_id && !in.at_end() && (shape_of(in.peek()) == Shape::text || in.peek() == 0)) {
            Bytes text = read_raw_text(in, kLimits.transaction_id_bytes, "X-Mms-Transaction-ID");
            if (!in.error()) out.transaction_id = std::string(text);
        } else if (number == field::mms_version && !out.version && shape_of(in.peek()) == Shape::octet) {
            out.version = in.octet("X-Mms-MMS-Version");
        } else {
            skip_value(in);
        }
    }
    return out;
}

Result<Pdu> decode_pdu(Bytes wire) {
    Cursor in(wire);
    auto type = find_type(wire);
    if (!type) return fail(Fault::malformed, "X-Mms-Message-Type is missing");
    const PduSpec* spec = pdu_of(*type);
    if (!spec) return fail(Fault::unsupported_type, "X-Mms-Message-Type is not assigned: " + std::to_string(*type));
    Pdu pdu;
    pdu.type = spec->type;
    bool type_seen = false;
    for (std::size_t count = 0; !in.at_end() && !in.error(); ++count) {
        if (count >= kLimits.pdu_headers) {
            in.set_error(Fault::too_large, "more than " + std::to_string(kLimits.pdu_headers) + " header fields");
            break;
        }
        const std::size_t start = in.offset();
        const std::uint8_t first = in.peek();
        if (first == 0) {
            if (in.view().find_first_not_of('\0') != Bytes::npos) in.set_error(Fault::malformed, "00 where a field is due");
            else if (spec->body == Body::mandatory) in.set_error(Fault::truncated, "zeros where Content-Type is due");
            else in.rest();
            break;
        }
        if (first < 0x20 || first == 0x7F) {
            in.set_error(Fault::malformed, "no field has the number " + std::to_string(first) + ", and MMS has no code pages");
            break;
        }
        if (first < 0x80) {
            std::string name = read_text(in, kLimits.text_bytes, "header name");
            std::string value = read_text(in, kLimits.text_bytes, "header value");
            pdu.application.push_back({std::move(name), std::move(value)});
            continue;
        }
        in.octet("field");
        const FieldSpec* field = field_of(first);
        if (!field) {
            skip_value(in);
            continue;
        }
        if (field->syntax == Syntax::pdu_type) {
            in.octet(field->name);
            if (type_seen) in.set_error_at(Fault::malformed, "a second X-Mms-Message-Type", start);
            type_seen = true;
            continue;
        }
        if (field->syntax == Syntax::content_type) {
            pdu.content_type = read_content_type(in, ContentTypePlace::pdu);
            if (in.error()) break;
            read_body(in, pdu, *spec);
            break;
        }
        if (in.at_end()) {
            in.set_error(Fault::truncated, std::string(field->name) + " has no value");
            break;
        }
        if (!takes(*field, *spec, in.peek())) {
            // A value of another shape: as if the field were absent.
            skip_value(in);
            continue;
        }
        Value value = read_value(in, *field, *spec);
        const bool repeats = field->repeats == Repeats::yes || (field->repeats == Repeats::in_mbox && spec->mbox);
        if (!repeats && pdu.find(field->number)) continue;
        pdu.fields.push_back({field->number, std::move(value)});
    }
    if (in.error()) return fail(*in.error());
    for (std::uint8_t number : spec->mandatory) {
        if (number == 0) break;
        const bool present = number == field::content_type ? pdu.content_type.has_value() : pdu.find(number) != nullptr;
        if (!present) return fail(Fault::malformed, std::string(field_of(number)->name) + " is missing in " + std::string(spec->name), wire.size());
    }
    return pdu;
}

void write_field(Octets& out, const FieldValue& given) {
    const FieldSpec* field = field_of(given.number);
    assert(field && field->syntax != Syntax::content_type && field->syntax != Syntax::pdu_type);
    out += static_cast<char>(0x80 | field->number);
    auto form = [&](const Octets& inner) {
        write_value_length(out, inner.size());
        out += inner;
    };
    auto write_plain = [&](Octets& to, const std::string& text) {
        switch (field->syntax) {
            case Syntax::raw_text: write_raw_text(to, text); break;
            case Syntax::text:
            case Syntax::uri:
            case Syntax::message_id: write_text(to, text); break;
            default: write_encoded_string(to, text); break;
        }
    };
    std::visit(overloaded{
                   [&](const std::string& text) {
                       if (field->syntax == Syntax::class_or_token) write_text(out, text);
                       else write_plain(out, text);
                   },
                   [&](std::uint64_t number) {
                       // Old decoders take a Long-integer only, whatever the value.
                       if (field->syntax == Syntax::integer) write_integer(out, number);
                       else write_long_integer(out, number);
                   },
                   [&](const Octet& octet) { out += static_cast<char>(octet.value); },
                   [&](const FromValue& from) {
                       Octets inner;
                       inner += static_cast<char>(from.address ? kPresent : kInsert);
                       if (from.address) write_encoded_string(inner, *from.address);
                       form(inner);
                   },
                   [&](const TimeValue& time) {
                       Octets inner;
                       inner += static_cast<char>(time.relative ? kInsert : kPresent);
                       write_long_integer(inner, time.seconds);
                       form(inner);
                   },
                   [&](const CountedValue& counted) {
                       Octets inner;
                       write_integer(inner, counted.count);
                       std::visit(overloaded{
                                      [&](const std::string& text) { write_plain(inner, text); },
                                      [&](std::uint64_t number) { write_long_integer(inner, number); },
                                      [&](const Octet& octet) { inner += static_cast<char>(octet.value); },
                                  },
                                  counted.value);
                       form(inner);
                   },
                   [&](const FlaggedValue& flagged) {
                       Octets inner;
                       inner += static_cast<char>(flagged.token);
                       std::visit(overloaded{
                                      [&](const std::string& text) { write_encoded_string(inner, text); },
                                      [&](std::uint64_t number) { write_integer(inner, number); },
                                  },
                                  flagged.value);
                       form(inner);
                   },
                   [&](const ElementDescriptor& element) {
                       Octets inner;
                       write_text(inner, element.reference);
                       for (const Parameter& parameter : element.parameters) write_parameter(inner, parameter, kElementParameters);
                       form(inner);
                   },
               },
               given.value);
}

Octets encode_pdu(const Pdu& pdu) {
    Octets out;
    out += static_cast<char>(0x80 | field::message_type);
    out += static_cast<char>(pdu.type);
    for (std::uint8_t first : {field::transaction_id, field::mms_version})
        for (const FieldValue& given : pdu.fields)
            if (given.number == first) write_field(out, given);
    for (const FieldValue& given : pdu.fields) {
        if (given.number == field::transaction_id || given.number == field::mms_version) continue;
        if (pdu_spec(pdu.type).counted && given.number == field::response_text && std::holds_alternative<std::string>(given.value)) {
            // Without a count, but a length before a charset would be taken for one's.
            out += static_cast<char>(0x80 | given.number);
            write_text(out, std::get<std::string>(given.value));
        } else {
            write_field(out, given);
        }
    }
    for (const Parameter& header : pdu.application) {
        std::string name = one_line(header.name);
        if (name.empty() || static_cast<unsigned char>(name[0]) < 0x20 || static_cast<unsigned char>(name[0]) >= 0x7F) continue;
        write_raw_text(out, name);
        write_text(out, header.value);
    }
    if (pdu.content_type) {
        out += static_cast<char>(0x80 | field::content_type);
        write_content_type(out, *pdu.content_type);
        if (is_multipart(pdu.content_type->type)) write_multipart(out, pdu.parts);
        else if (!pdu.parts.empty()) out += pdu.parts.front().data;
    }
    return out;
}

}   // namespace mmgate::mm1
