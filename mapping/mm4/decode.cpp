#include "mapping/limits.h"
#include "mapping/mail/mime_tree.h"
#include "mapping/mm4/body.h"
#include "mapping/mm4/codec.h"
#include "mapping/mm4/field_reader.h"
#include "mapping/mm4/words.h"

namespace mmgate::mm4 {

namespace {

/// The type a header names. Only the codec of another interface writes none of the six.
Result<MessageType> type_of_header(const mail::HeaderBlock& header) {
    const mail::HeaderField* field = header.find("X-Mms-Message-Type");
    if (!field) return fail(Fault::unsupported_type, "X-Mms-Message-Type: the field is missing");
    std::optional<MessageType> type = type_of_name(mail::unfolded(field->folded));
    if (!type) return fail(Fault::unsupported_type, "X-Mms-Message-Type: not one of the six types of MM4");
    return *type;
}

/// What does not decode and says that it follows another major version is not wrong, but not understood.
Error in_the_light_of_version(const mail::HeaderBlock& header, Error error) {
    const mail::HeaderField* field = header.find("X-Mms-3GPP-MMS-Version");
    Result<Version> version = field ? parse_version(mail::unfolded(field->folded)) : Result<Version>(Version{});
    if (error.fault != Fault::too_large && version && !is_known(*version)) error.fault = Fault::unsupported_version;
    return error;
}

Result<Mm4Message> decode_checked(Bytes mail, const mail::HeaderBlock& header, MessageType type, const DecodeOptions& options) {
    if (std::optional<Error> error = find_bare_control(header)) return fail(*std::move(error));
    Result<ReadElements> read = read_fields(header, type, options);
    if (!read) return fail(read.error());
    Mm4Message out = message_of(type, std::move(read->elements));
    std::visit([&](auto& message) { message.notes = std::move(read->notes); }, out);
    if (auto* forward = std::get_if<ForwardReq>(&out)) {
        Result<mail::Entity> tree = mail::read_mime_tree(mail);
        if (!tree) return fail(tree.error());
        if (!tree->header.find("Content-Type")) return fail(Fault::malformed, "Content-Type: the field is missing");
        Result<Content> content = read_content(*tree);
        if (!content) return fail(content.error());
        forward->content = *std::move(content);
    }
    return out;
}

}   // namespace

Result<Mm4Message> decode(Bytes mail, const DecodeOptions& options) {
    Result<mail::HeaderBlock> header = mail::scan_header(mail);
    if (!header) return fail(header.error());
    Result<MessageType> type = type_of_header(*header);
    if (!type) return fail(type.error());
    if (header->count("Received") > kLimits.received_fields) return fail(Fault::routing_loop, "the message has passed more than 100 hosts");
    Result<Mm4Message> message = decode_checked(mail, *header, *type, options);
    if (!message) return fail(in_the_light_of_version(*header, message.error()));
    return message;
}

}   // namespace mmgate::mm4
