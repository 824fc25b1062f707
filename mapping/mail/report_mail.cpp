#include "mapping/mail/report_mail.h"

#include <algorithm>
#include <array>

#include "mapping/charset.h"
#include "mapping/limits.h"
#include "mapping/mail/mail_writer.h"
#include "mapping/mail/mime_tree.h"
#include "mapping/mail/plain_text.h"

namespace mmgate::mail {
namespace {

constexpr std::size_t kShownSubjectBytes = 100;

enum class Action : std::uint8_t { delivered,
                                   relayed,
                                   delayed,
                                   failed };
struct ActionSpec {
    Action action;
    std::string_view name;      // RFC 3464 §2.3.3
    std::string_view subject;   // of the notification
    std::string_view heading;   // above the recipients it happened to
};
constexpr auto kActions = std::to_array<ActionSpec>({
    {Action::delivered, "delivered", "Delivered", "Your message was delivered to"},
    {Action::relayed, "relayed", "Handed on", "Your message was handed on; whether it arrives will not be reported. It went to"},
    {Action::delayed, "delayed", "Delayed", "Your message has not been delivered yet, and we go on trying, to"},
    {Action::failed, "failed", "Undelivered", "Your message was not delivered to"},
});
const ActionSpec& spec_of(Action action) { return kActions[static_cast<std::size_t>(action)]; }

struct StatusSpec {
    DeliveryStatus status;
    Action action;
    std::string_view enhanced;   // where nothing more exact is known
};
// Source: RFC 4356 §2.1.4.1; a refusal is no delivery, so `rejected` fails.
constexpr auto kStatuses = std::to_array<StatusSpec>({
    {DeliveryStatus::expired, Action::failed, "5.4.7"},
    {DeliveryStatus::retrieved, Action::delivered, "2.1.5"},
    {DeliveryStatus::rejected, Action::failed, "5.7.1"},
    {DeliveryStatus::deferred, Action::delayed, "4.2.0"},
    {DeliveryStatus::unrecognised, Action::failed, "5.6.1"},
    {DeliveryStatus::indeterminate, Action::relayed, "2.0.0"},
    {DeliveryStatus::forwarded, Action::relayed, "2.0.0"},
    {DeliveryStatus::unreachable, Action::failed, "5.4.1"},
});
const StatusSpec& spec_of(DeliveryStatus status) { return kStatuses[static_cast<std::size_t>(status)]; }
constexpr bool statuses_are_in_order() {
    for (std::size_t i = 0; i < kStatuses.size(); ++i)
        if (kStatuses[i].status != static_cast<DeliveryStatus>(i)) return false;
    return kStatuses.size() == static_cast<std::size_t>(DeliveryStatus::unreachable) + 1;
}
static_assert(statuses_are_in_order());

struct ReasonSpec {
    std::string_view detail;   // subject and detail of an enhanced status, or the subject alone
    std::string_view why;
    std::string_view advice;
};
// What the numbers mean, in words for whoever wrote the message. The first row that fits counts.
// Source: RFC 3463 §3 and its registry (RFC 5248).
constexpr auto kReasons = std::to_array<ReasonSpec>({
    {"1.1", "There is no such number or mailbox.", "Check the address and send the message again."},
    {"1.2", "The domain in the address does not exist.", "Check the part behind the @ and send the message again."},
    {"1.3", "The address is not written correctly.", "Check the address and send the message again."},
    {"1.6", "The number or mailbox has moved.", "Ask the recipient for the new address."},
    {"1.10", "The recipient's domain takes no mail.", "Ask the recipient for another address."},
    {"1.", "The address was not accepted.", "Check the address and send the message again."},
    {"2.1", "The recipient does not take messages at present.", "Reach the recipient another way."},
    {"2.2", "The recipient's mailbox is full.", "Send the message again later."},
    {"2.3", "The message is larger than the recipient may receive.", "Send a smaller message."},
    {"2.", "The recipient's mailbox could not take the message.", "Send the message again later."},
    {"3.4", "The message is too large.", "Send a smaller message, for example with smaller pictures."},
    {"3.", "The receiving system could not take the message.", "Send the message again later."},
    {"4.1", "The phone or the receiving system did not answer.", "Send the message again later."},
    {"4.4", "No way to the recipient's system was found.", "Check the address, or ask your operator."},
    {"4.6", "The message was going round in circles.", "Ask your operator: systems forward to each other."},
    {"4.7", "The phone or the receiving system could not be reached in the time there was.", "Send the message again when the recipient can be reached."},
    {"4.", "The network could not deliver the message.", "Send the message again later."},
    {"6.", "The recipient's system cannot use the content of the message.", "Send the message again as plain text or with other attachments."},
    {"7.", "The message was refused.", "Ask the recipient whether messages from you are accepted."},
    {"", "The message could not be delivered.", "Send the message again later, or ask your operator."},
});

// Where it may have arrived all the same: whoever sends it again on our word sends it twice.
constexpr ReasonSpec kUnconfirmed{"", "Nobody confirmed that it arrived; it may have arrived all the same.", "Ask the recipient before you send the message again."};
constexpr std::string_view kUnconfirmedSubject = "Unconfirmed";
constexpr std::string_view kUnconfirmedHeading = "It is not known whether your message reached";

bool is_enhanced_status(std::string_view text) {
    std::size_t dots = 0;
    for (char c : text) {
        if (c == '.') ++dots;
        else if (c < '0' || c > '9') return false;
    }
    return text.size() >= 5 && text.size() <= 9 && dots == 2 && (text[0] == '2' || text[0] == '4' || text[0] == '5') && text[1] == '.' && text.back() != '.';
}

/// One recipient's report with all that follows from it.
struct Outcome {
    const RecipientReport* report;
    Action action;
    std::string status;    // always a whole one
    std::string mailbox;   // the recipient as a mail address

    bool unconfirmed() const { return report->unconfirmed && action == Action::failed; }
};

/// The class of the status decides between success and failure, MMS's status what kind of either.
Outcome outcome_of(const RecipientReport& report, std::string_view domain) {
    const StatusSpec& spec = spec_of(report.status);
    Outcome out{&report, spec.action, std::string(spec.enhanced), report.recipient.value};
    if (report.recipient.kind != Address::Kind::mailbox) out.mailbox += "@" + std::string(domain);
    if (is_enhanced_status(report.enhanced_status)) {
        out.status = report.enhanced_status;
        char status_class = out.status.front();
        bool success = spec.action == Action::delivered || spec.action == Action::relayed;
        if (status_class == '5') out.action = Action::failed;
        if (status_class == '4' && success) out.action = Action::delayed;
        if (status_class == '2' && !success) out.action = Action::relayed;
    }
    // A failure that began as a temporary one keeps its reason, but Status must agree with Action (RFC 3464 §2.3.4).
    if (out.action == Action::failed && out.status.front() == '4') out.status.front() = '5';
    return out;
}

const ReasonSpec& reason_of(const Outcome& outcome) {
    if (outcome.unconfirmed()) return kUnconfirmed;
    std::string_view detail = outcome.status.size() > 2 ? std::string_view(outcome.status).substr(2) : std::string_view();
    for (const ReasonSpec& row : kReasons)
        if (row.detail.ends_with('.') ? detail.starts_with(row.detail) : detail == row.detail || row.detail.empty()) return row;
    return kReasons.back();
}

/// A report's own words, fit for a line: nothing when they say no more than the status does.
std::string words_of(const RecipientReport& report) { return one_line(header_text(report.diagnostic, kLimits.reason_bytes)); }

/// What the reader sees of an original: taken from its header.
struct Original {
    std::string subject, date, message_id;
};
Original read_original(const Octets& header) {
    Original out;
    Result<HeaderBlock> block = scan_header(header);
    if (!block) return out;
    if (const HeaderField* field = block->find("Subject")) out.subject = header_text(decode_text(field->folded), kShownSubjectBytes);
    if (const HeaderField* field = block->find("Date")) out.date = header_text(unfolded(field->folded), kShownSubjectBytes);
    if (const HeaderField* field = block->find("Message-ID")) {
        std::string id = unfolded(field->folded);
        bool plain = id.starts_with('<') && id.ends_with('>') && id.size() <= kLimits.message_id_bytes + 2 && id.find(' ') == std::string::npos && is_ascii(id);
        if (plain) out.message_id = header_text(id, id.size());
    }
    return out;
}

std::string explanation(const std::vector<Outcome>& outcomes, const Original& original, const DsnOptions& options) {
    std::string out = "This is the MMS gateway " + header_text(options.hostname, kLimits.domain_bytes) + ".\n";
    struct Group {
        Action action;
        bool unconfirmed;
        std::string_view heading;
    };
    std::vector<Group> groups;
    for (const ActionSpec& row : kActions) groups.push_back({row.action, false, row.heading});
    groups.push_back({Action::failed, true, kUnconfirmedHeading});
    for (const Group& group : groups) {
        bool first = true;
        for (const Outcome& outcome : outcomes) {
            if (outcome.action != group.action || outcome.unconfirmed() != group.unconfirmed) continue;
            if (first) out.append("\n").append(group.heading).append(":\n");
            first = false;
            const RecipientReport& report = *outcome.report;
            out += "\n  " + header_text(outcome.mailbox, kLimits.path_bytes) + "\n";
            std::string words = words_of(report);
            if (group.action == Action::failed || group.action == Action::delayed) {
                const ReasonSpec& reason = reason_of(outcome);
                out.append("    Why: ").append(reason.why).append("\n");
                if (!words.empty()) {
                    std::string who = report.remote_mta.empty() ? "Reported" : header_text(report.remote_mta, kLimits.domain_bytes) + " said";
                    out += "    " + who + ": " + words + "\n";
                }
                if (report.at) out += "    When: " + mail_date(*report.at) + "\n";
                out += "    What to do: " + (group.action == Action::delayed ? std::string("Nothing. You will hear again when it has failed for good.") : std::string(reason.advice)) + "\n";
            } else if (report.at) {
                out += "    When: " + mail_date(*report.at) + "\n";
            }
        }
    }
    out += "\nYour message:\n";
    if (!original.subject.empty()) out += "  Subject: " + original.subject + "\n";
    if (!original.date.empty()) out += "  Date: " + original.date + "\n";
    out += "  Received here: " + mail_date(options.arrival) + "\n\n";
    out += "This notification was made by a program from what the multimedia messaging side reported. Please do not answer it.\n";
    return out;
}

/// "type;address" as a field's value; beyond ASCII in the escapes of RFC 6533 §3.
std::string typed_address(std::string_view original_recipient) {
    std::string clean = header_text(original_recipient, kLimits.path_bytes + 40);
    std::size_t semicolon = clean.find(';');
    std::string type = semicolon == std::string::npos ? "rfc822" : clean.substr(0, semicolon);
    std::string address = semicolon == std::string::npos ? clean : clean.substr(semicolon + 1);
    if (is_ascii(address)) return type + ";" + address;
    std::string out = "utf-8;";
    for (std::size_t i = 0; i < address.size();) {
        auto octet = static_cast<unsigned char>(address[i]);
        int more = octet >= 0xF0 ? 3 : octet >= 0xE0 ? 2
                                   : octet >= 0xC0   ? 1
                                                     : 0;
        if (more == 0) {
            out += address[i++];
            continue;
        }
        std::uint32_t character = octet & (0x3F >> more);
        for (++i; more > 0 && i < address.size(); --more, ++i) character = character << 6 | (static_cast<unsigned char>(address[i]) & 0x3F);
        constexpr std::string_view kHex = "0123456789ABCDEF";
        std::string digits;
        for (; character > 0; character >>= 4) digits.insert(digits.begin(), kHex[character & 15]);
        out += "\\x{" + digits + "}";
    }
    return out;
}

bool starts_with_reply_code(std::string_view text) {
    return text.size() >= 3 && text[0] >= '2' && text[0] <= '5' && text[1] >= '0' && text[1] <= '9' && text[2] >= '0' && text[2] <= '9' && (text.size() == 3 || text[3] == ' ' || text[3] == '-');
}

/// The field groups of message/delivery-status. Source: RFC 3464 §2.2 (message), §2.3 (recipients).
Octets delivery_status(const std::vector<Outcome>& outcomes, const DsnOptions& options) {
    Octets out;
    if (!options.envelope_id.empty()) write_field(out, "Original-Envelope-Id", options.envelope_id);
    write_field(out, "Reporting-MTA", "dns; " + options.hostname);
    write_field(out, "DSN-Gateway", "dns; " + options.hostname);
    write_field(out, "Arrival-Date", mail_date(options.arrival));
    for (const Outcome& outcome : outcomes) {
        const RecipientReport& report = *outcome.report;
        out += "\r\n";
        if (!report.original_recipient.empty()) write_field(out, "Original-Recipient", typed_address(report.original_recipient));
        write_field(out, "Final-Recipient", "rfc822; " + outcome.mailbox);
        write_field(out, "Action", spec_of(outcome.action).name);
        write_field(out, "Status", outcome.status);
        if (!report.remote_mta.empty()) write_field(out, "Remote-MTA", "dns; " + report.remote_mta);
        std::string words = words_of(report);
        bool smtp = !report.remote_mta.empty() && starts_with_reply_code(words);
        if (!words.empty()) write_field(out, "Diagnostic-Code", (smtp ? "smtp; " : "x-mms; ") + words);
        if (report.at) write_field(out, "Last-Attempt-Date", mail_date(*report.at));
    }
    return out;
}

/// Original-Recipient with an address beyond ASCII makes it the international form (RFC 6533 §3).
std::string_view status_type(const std::vector<Outcome>& outcomes) {
    bool international = std::any_of(outcomes.begin(), outcomes.end(), [](const Outcome& o) { return !is_ascii(o.report->original_recipient); });
    return international ? "message/global-delivery-status" : "message/delivery-status";
}

/// The header as it came where it may travel so: programs look for Message-ID in it. None of its lines begins with a hyphen, so none is a delimiter.
void write_returned_header(Octets& out, const Octets& header) {
    std::size_t longest = 0;
    for (std::size_t at = 0; at < header.size();) {
        std::size_t end = std::min(header.find("\r\n", at), header.size());
        longest = std::max(longest, end - at);
        at = end + 2;
    }
    bool plain = std::all_of(header.begin(), header.end(), [](char c) { return (c >= ' ' && c < 0x7F) || c == '\t' || c == '\r' || c == '\n'; });
    bool whole_lines = header.empty() || header.ends_with("\r\n");
    auto count = [&](char c) { return std::count(header.begin(), header.end(), c); };
    std::size_t pairs = 0;
    for (std::size_t at = header.find("\r\n"); at != Octets::npos; at = header.find("\r\n", at + 2)) ++pairs;
    bool only_crlf = count('\r') == static_cast<std::ptrdiff_t>(pairs) && count('\n') == static_cast<std::ptrdiff_t>(pairs);
    if (plain && whole_lines && only_crlf && longest <= kLimits.mail_line_bytes && header.find("\n-") == Octets::npos)
        out.append("Content-Transfer-Encoding: 7bit\r\n\r\n").append(header);
    else
        write_text_body(out, header);
}

/// The action to name in the subject: the worst of all.
Action worst(const std::vector<Outcome>& outcomes) {
    Action out = Action::delivered;
    for (const Outcome& outcome : outcomes) out = std::max(out, outcome.action);
    return out;
}

}   // namespace

Octets make_dsn(const std::vector<RecipientReport>& recipients, const DsnOptions& options) {
    std::size_t at = options.from.rfind('@');
    std::string domain = at == std::string::npos ? options.hostname : options.from.substr(at + 1);
    std::vector<Outcome> outcomes;
    for (const RecipientReport& report : recipients) outcomes.push_back(outcome_of(report, domain));
    Original original = read_original(options.original_header);

    Octets out;
    write_field(out, "Date", mail_date(options.now));
    write_address_field(out, "From", {{Address::Kind::mailbox, options.from, "Mail gateway"}});
    write_address_field(out, "To", {{Address::Kind::mailbox, options.to, {}}});
    const bool unconfirmed = worst(outcomes) == Action::failed && std::ranges::all_of(outcomes, [](const Outcome& o) { return o.action != Action::failed || o.unconfirmed(); });
    std::string subject(unconfirmed ? kUnconfirmedSubject : spec_of(worst(outcomes)).subject);
    write_text_field(out, "Subject", original.subject.empty() ? subject + ": your message" : subject + ": " + original.subject);
    write_field(out, "Message-ID", "<" + options.message_id + ">");
    if (!original.message_id.empty()) {
        write_field(out, "In-Reply-To", original.message_id);
        write_field(out, "References", original.message_id);
    }
    write_field(out, "Auto-Submitted", "auto-replied");
    write_field(out, "MIME-Version", "1.0");
    std::string boundary = make_boundary(options.boundary_seed, 1);
    write_parameter_field(out, "Content-Type", "multipart/report", {{"report-type", "delivery-status"}, {"boundary", boundary}});
    out += "\r\nThis is a delivery status notification in MIME format.\r\n";

    out += "\r\n--" + boundary + "\r\n";
    write_parameter_field(out, "Content-Type", "text/plain", {{"charset", "utf-8"}});
    write_text_body(out, explanation(outcomes, original, options));
    out += "\r\n--" + boundary + "\r\n";
    write_parameter_field(out, "Content-Type", status_type(outcomes), {});
    out += "\r\n" + delivery_status(outcomes, options);
    out += "\r\n--" + boundary + "\r\n";
    write_parameter_field(out, "Content-Type", "text/rfc822-headers", {});
    write_returned_header(out, options.original_header);
    out += "\r\n--" + boundary + "--\r\n";
    return out;
}

namespace {

/// One text part, as every phone shows it.
Content text_content(std::string_view text) {
    Part part;
    part.media = {"text/plain", {{"charset", "utf-8"}}};
    part.content_id = part.content_location = "report.txt";
    part.data = with_crlf(tidy_text(text));
    Content out;
    out.media.type = "multipart/mixed";
    out.parts.push_back(std::move(part));
    return out;
}

/// "our message "subject" of date", behind a Y or a y.
std::string which_message(const std::string& subject_of_original, Instant sent_at) {
    const std::string subject = header_text(subject_of_original, kShownSubjectBytes);
    return "our message " + (subject.empty() ? "" : "\"" + subject + "\" ") + "of " + mail_date(sent_at);
}

}   // namespace

Content make_service_message(const std::vector<RecipientReport>& recipients, const std::string& subject_of_original, Instant sent_at) {
    const bool unconfirmed = !recipients.empty() && std::ranges::all_of(recipients, &RecipientReport::unconfirmed);
    const std::string which = which_message(subject_of_original, sent_at);
    std::string text = unconfirmed ? "It is not known whether y" + which + " arrived.\n" : "Y" + which + " was not delivered.\n";
    for (const RecipientReport& report : recipients) {
        Outcome outcome = outcome_of(report, {});
        const ReasonSpec& reason = reason_of(outcome);
        text += "\nTo " + header_text(report.recipient.value, kLimits.path_bytes) + ": ";
        text.append(reason.why).append(" ").append(reason.advice);
        if (std::string words = words_of(report); !words.empty()) text += " (" + words + ")";
        text += "\n";
    }
    return text_content(text);
}

Content make_read_message(const Address& reader, ReadStatus status, const std::string& subject_of_original, Instant sent_at, Instant read_at) {
    std::string text = "Y" + which_message(subject_of_original, sent_at) + (status == ReadStatus::read ? " was read by " : " was deleted without being read by ");
    return text_content(text + header_text(reader.value, kLimits.path_bytes) + " on " + mail_date(read_at) + ".\n");
}

}   // namespace mmgate::mail
