#include "mapping/mail/disposition.h"

#include <algorithm>
#include <array>

#include "mapping/charset.h"
#include "mapping/limits.h"
#include "mapping/mail/mail_writer.h"
#include "mapping/mail/mime_tree.h"

namespace mmgate::mail {

namespace {

constexpr std::size_t kShownSubjectBytes = 100;

/// Disposition types, and what they say of an MM. Source: RFC 8098 §3.2.6.2; "deleted" stood in RFC 3798 and is still sent.
struct DispositionSpec {
    std::string_view name;
    ReadStatus status;
    std::string_view heading;   // what the text says that the reader did
};
constexpr auto kDispositions = std::to_array<DispositionSpec>({
    {"displayed", ReadStatus::read, "Read"},
    {"deleted", ReadStatus::deleted_unread, "Deleted without being read"},
});
const DispositionSpec& spec_of(ReadStatus status) { return *std::ranges::find(kDispositions, status, &DispositionSpec::status); }

std::string trimmed(std::string_view text) {
    const std::size_t start = text.find_first_not_of(" \t");
    if (start == std::string_view::npos) return {};
    return std::string(text.substr(start, text.find_last_not_of(" \t") + 1 - start));
}

std::string without_angles(std::string text) {
    if (text.starts_with('<')) text.erase(0, 1);
    text.resize(std::min(text.find('>'), text.size()));
    return text;
}

std::string behind_semicolon(std::string_view value) {
    const std::size_t at = value.find(';');
    return at == std::string_view::npos ? std::string() : trimmed(value.substr(at + 1));
}

/// Whether one of the modifiers behind a disposition type is "error": then the type tells nothing. Source: RFC 8098 §3.2.6.3.
bool has_error(std::string_view modifiers) {
    while (!modifiers.empty()) {
        const std::size_t start = std::min(modifiers.find_first_not_of("/ \t,"), modifiers.size());
        modifiers.remove_prefix(start);
        const std::size_t end = std::min(modifiers.find_first_of("/ \t,;"), modifiers.size());
        if (same_name(modifiers.substr(0, end), "error")) return true;
        modifiers.remove_prefix(std::min(end + 1, modifiers.size()));
    }
    return false;
}

ReceivedDisposition read_fields(const HeaderBlock& fields) {
    ReceivedDisposition out;
    for (const HeaderField& field : fields.fields) {
        const std::string value = unfolded(field.folded);
        if (same_name(field.name, "Final-Recipient")) out.final_recipient = header_text(without_angles(behind_semicolon(value)), kLimits.path_bytes);
        if (same_name(field.name, "Original-Message-ID")) out.original_message_id = header_text(without_angles(trimmed(value)), kLimits.message_id_bytes);
        if (!same_name(field.name, "Disposition")) continue;
        // "manual-action/MDN-sent-manually; displayed/modifier, modifier"
        std::string type = behind_semicolon(value);
        const std::size_t end = std::min(type.find_first_of("/ ,;"), type.size());
        const bool went_wrong = has_error(std::string_view(type).substr(end));
        type.resize(end);
        for (const DispositionSpec& row : kDispositions)
            if (same_name(row.name, type) && !went_wrong) out.status = row.status;
    }
    return out;
}

/// The Message-ID of what came back with the notification: some name it nowhere else.
std::string returned_message_id(const Entity& report) {
    for (const Entity& part : report.parts) {
        const bool fields = part.media.type == "text/rfc822-headers" || part.media.type == "message/global-headers";
        const Octets octets = fields ? decoded_body(part) : Octets();
        const Result<HeaderBlock> read = scan_header(octets);
        const HeaderBlock* header = !part.parts.empty() && !part.is_multipart() ? &part.parts.front().header : fields && read ? &*read
                                                                                                                              : nullptr;
        const HeaderField* id = header ? header->find("Message-ID") : nullptr;
        if (id) return header_text(without_angles(trimmed(unfolded(id->folded))), kLimits.message_id_bytes);
    }
    return {};
}

}   // namespace

Octets make_disposition(const DispositionOptions& options) {
    const DispositionSpec& row = spec_of(options.status);
    const std::string subject = header_text(options.subject, kShownSubjectBytes);
    const std::string reader = to_mail_text(options.reader);
    Octets out;
    write_field(out, "Date", mail_date(options.now));
    write_address_field(out, "From", {options.reader});
    write_address_field(out, "To", {{Address::Kind::mailbox, options.to, {}}});
    write_text_field(out, "Subject", std::string(row.heading) + ": " + (subject.empty() ? "your message" : subject));
    write_field(out, "Message-ID", "<" + options.message_id + ">");
    if (!options.original_message_id.empty()) {
        write_field(out, "In-Reply-To", "<" + options.original_message_id + ">");
        write_field(out, "References", "<" + options.original_message_id + ">");
    }
    write_field(out, "Auto-Submitted", "auto-replied");
    write_field(out, "MIME-Version", "1.0");
    const std::string boundary = make_boundary(options.boundary_seed, 1);
    write_parameter_field(out, "Content-Type", "multipart/report", {{"report-type", "disposition-notification"}, {"boundary", boundary}});
    out += "\r\nThis is a read report in MIME format.\r\n";

    out += "\r\n--" + boundary + "\r\n";
    write_parameter_field(out, "Content-Type", "text/plain", {{"charset", "utf-8"}});
    std::string text = "Your message " + (subject.empty() ? std::string() : "\"" + subject + "\" ") + "to " + reader;
    text += options.status == ReadStatus::read ? " was opened on the phone on " : " was deleted on the phone without being read on ";
    write_text_body(out, text + mail_date(options.at) + ".\nThat does not say that it was read or understood.\n");

    out += "\r\n--" + boundary + "\r\n";
    write_parameter_field(out, "Content-Type", "message/disposition-notification", {});
    out += "\r\n";
    write_field(out, "Reporting-UA", options.hostname + "; mmgate");
    if (!options.original_recipient.empty()) write_field(out, "Original-Recipient", options.original_recipient);
    write_field(out, "Final-Recipient", "rfc822;" + reader);
    if (!options.original_message_id.empty()) write_field(out, "Original-Message-ID", "<" + options.original_message_id + ">");
    write_field(out, "Disposition", "manual-action/MDN-sent-manually; " + std::string(row.name));
    out += "\r\n--" + boundary + "--\r\n";
    return out;
}

Result<std::optional<ReceivedDisposition>> read_disposition(Bytes mail) {
    Result<Entity> tree = read_mime_tree(mail);
    if (!tree) return fail(tree.error());
    if (tree->media.type != "multipart/report") return std::nullopt;
    for (const Entity& part : tree->parts) {
        if (part.media.type != "message/disposition-notification" && part.media.type != "message/global-disposition-notification") continue;
        const Octets octets = decoded_body(part);
        Result<HeaderBlock> fields = scan_header(octets);
        if (!fields) return fail(fields.error());
        ReceivedDisposition out = read_fields(*fields);
        if (out.original_message_id.empty()) out.original_message_id = returned_message_id(*tree);
        return out;
    }
    return std::nullopt;
}

}   // namespace mmgate::mail
