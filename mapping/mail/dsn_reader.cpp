// Delivery status notifications and other bounces, read: who did not get our mail, and which mail it was. Declared in mail_to_mm.h.
//
// Source: RFC 3464 (fields), RFC 6522 (multipart/report), RFC 6533 (international forms); habits of MTAs for bounces that follow none of these.
#include <algorithm>
#include <array>

#include "mapping/charset.h"
#include "mapping/limits.h"
#include "mapping/mail/body_parts.h"
#include "mapping/mail/mail_to_mm.h"
#include "mapping/mail/mime_tree.h"
#include "mapping/mail/plain_text.h"

namespace mmgate::mail {
namespace {

constexpr std::size_t kTextBytes = 200;   // of part 1, as reports show it
constexpr std::size_t kMaxMentionedIds = 50;
constexpr std::size_t kSearchedBytes = 64 * 1024;   // of a bounce's text
constexpr std::size_t kMaxRecipients = 1000;

constexpr auto kStatusTypes = std::to_array<std::string_view>({"message/delivery-status", "message/global-delivery-status"});
constexpr auto kHeaderTypes = std::to_array<std::string_view>({"text/rfc822-headers", "message/global-headers"});
constexpr auto kActions = std::to_array<std::string_view>({"failed", "delayed", "delivered", "relayed", "expanded"});

template <std::size_t n>
bool is_one_of(const std::array<std::string_view, n>& words, std::string_view word) {
    return std::find(words.begin(), words.end(), word) != words.end();
}

std::string lower_case(std::string text) {
    for (char& c : text)
        if (c >= 'A' && c <= 'Z') c = static_cast<char>(c + ('a' - 'A'));
    return text;
}

int upper_hex_digit(char c) {
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'A' && c <= 'F') return c - 'A' + 10;
    return -1;
}

/// Undoes xtext that an MTA copied as it was. The notation stands only for +, = and what is not printable: "+44" of a phone number is none.
/// Source: RFC 3461 §4.
std::string without_xtext(std::string_view text) {
    std::string out;
    for (std::size_t i = 0; i < text.size(); ++i) {
        int high = -1, low = -1;
        if (text[i] == '+' && i + 2 < text.size()) high = upper_hex_digit(text[i + 1]), low = upper_hex_digit(text[i + 2]);
        int octet = high >= 0 && low >= 0 ? high << 4 | low : -1;
        bool encodes = octet == '+' || octet == '=' || octet == ' ' || octet > 0x7E;
        out += encodes ? static_cast<char>(octet) : text[i];
        if (encodes) i += 2;
    }
    return out;
}

/// The address of "rfc822; <a@b> (comment)".
std::string address_part(std::string_view folded) {
    std::string value = unfolded(folded);
    std::size_t semicolon = value.find(';');
    std::string address = semicolon == std::string::npos ? value : value.substr(semicolon + 1);
    if (std::size_t open = address.find('<'); open != std::string::npos) {
        address = address.substr(open + 1, address.find('>', open) - open - 1);
    } else {
        std::size_t start = std::min(address.find_first_not_of(" \t"), address.size());
        address = address.substr(start, address.find_first_of(" \t", start) - start);
    }
    return header_text(without_xtext(address), kLimits.path_bytes);
}

std::string first_token(std::string_view folded) {
    std::string value = unfolded(folded);
    return value.substr(0, value.find_first_of(" \t("));
}

bool is_status(std::string_view text) {
    std::size_t dots = static_cast<std::size_t>(std::count(text.begin(), text.end(), '.'));
    bool digits = std::all_of(text.begin(), text.end(), [](char c) { return c == '.' || (c >= '0' && c <= '9'); });
    return text.size() >= 5 && text.size() <= 9 && dots == 2 && digits && text[1] == '.' && (text[0] == '2' || text[0] == '4' || text[0] == '5');
}

/// Reads the field groups: the first is about the message, each further one about a recipient.
void read_status(Bytes groups, ReceivedDsn& out) {
    while (!groups.empty() && out.recipients.size() < kMaxRecipients) {
        Result<HeaderBlock> group = scan_header(groups);
        // What is no field ends a block; skipped up to its line's end, so that the walk goes on.
        if (!group) return;
        std::size_t next = group->body_offset;
        if (group->fields.empty() && next == 0) next = std::min(groups.find('\n'), groups.size() - 1) + 1;
        groups.remove_prefix(next);

        ReceivedDsn::Recipient recipient;
        for (const HeaderField& field : group->fields) {
            if (same_name(field.name, "Original-Envelope-Id")) out.envelope_id = header_text(without_xtext(unfolded(field.folded)), kLimits.message_id_bytes);
            if (same_name(field.name, "Original-Recipient")) recipient.original_recipient = address_part(field.folded);
            if (same_name(field.name, "Final-Recipient")) recipient.final_recipient = address_part(field.folded);
            if (same_name(field.name, "Action")) recipient.action = lower_case(first_token(field.folded));
            if (same_name(field.name, "Status")) recipient.status = first_token(field.folded);
            if (same_name(field.name, "Diagnostic-Code")) recipient.diagnostic = one_line(header_text(unfolded(field.folded), kLimits.reason_bytes));
        }
        if (!is_status(recipient.status)) recipient.status.clear();
        // An action nobody knows says nothing: it must not end a delivery.
        if (is_one_of(kActions, recipient.action)) out.recipients.push_back(std::move(recipient));
    }
}

bool is_id_char(char c) { return c > ' ' && c < 0x7F && c != '<' && c != '>' && c != '"' && c != '(' && c != ')' && c != ',' && c != ';' && c != '[' && c != ']'; }

/// Every "left@right" in a text: addresses are among them, the caller knows its own.
void collect_ids(std::string_view text, std::vector<std::string>& out) {
    text = text.substr(0, kSearchedBytes);
    for (std::size_t at = text.find('@'); at != std::string_view::npos && out.size() < kMaxMentionedIds; at = text.find('@', at + 1)) {
        std::size_t start = at, end = at + 1;
        while (start > 0 && is_id_char(text[start - 1]) && text[start - 1] != '@' && text[start - 1] != ':' && at - start < kLimits.message_id_bytes) --start;
        while (end < text.size() && is_id_char(text[end]) && text[end] != '@' && end - at < kLimits.message_id_bytes) ++end;
        std::string id(text.substr(start, end - start));
        while (id.ends_with('.') || id.ends_with(':')) id.pop_back();
        if (id.front() != '@' && id.back() != '@' && std::find(out.begin(), out.end(), id) == out.end()) out.push_back(std::move(id));
    }
}

std::string bare_id(std::string_view folded) {
    std::string id = unfolded(folded);
    if (id.starts_with('<')) id.erase(0, 1);
    id.resize(std::min(id.find_first_of("> \t"), id.size()));
    return is_ascii(id) && id.size() <= kLimits.message_id_bytes ? header_text(id, id.size()) : std::string();
}

void read_returned_header(const HeaderBlock& header, ReceivedDsn& out) {
    for (std::string_view name : {"Message-ID", "Resent-Message-ID"}) {
        const HeaderField* field = header.find(name);
        std::string id = field ? bare_id(field->folded) : std::string();
        if (id.empty()) continue;
        if (out.message_id.empty()) out.message_id = id;
        if (out.mentioned_message_ids.size() < kMaxMentionedIds) out.mentioned_message_ids.push_back(std::move(id));
    }
}

/// All leaves and messages in order; the depth is bounded by read_mime_tree.
template <class Visit>
void walk(const Entity& root, Visit visit) {
    std::vector<const Entity*> open{&root};
    while (!open.empty()) {
        const Entity* entity = open.back();
        open.pop_back();
        visit(*entity);
        for (std::size_t i = entity->parts.size(); i-- > 0;) open.push_back(&entity->parts[i]);
    }
}

bool is_delivery_report(const Entity& mail) {
    if (mail.media.type != "multipart/report") return false;
    return std::any_of(mail.parts.begin(), mail.parts.end(), [](const Entity& part) { return is_one_of(kStatusTypes, part.media.type); });
}

ReceivedDsn read_report(const Entity& mail) {
    ReceivedDsn out;
    for (const Entity& part : mail.parts) {
        if (is_one_of(kStatusTypes, part.media.type)) {
            read_status(decoded_body(part), out);
        } else if (is_one_of(kHeaderTypes, part.media.type)) {
            Octets octets = decoded_body(part);
            if (Result<HeaderBlock> header = scan_header(octets)) read_returned_header(*header, out);
        } else if (!part.parts.empty() && !part.is_multipart()) {
            read_returned_header(part.parts.front().header, out);
        }
    }
    walk(mail.parts.front(), [&](const Entity& leaf) {
        if (out.text.empty()) out.text = header_text(one_line(leaf_text(leaf)), kTextBytes);
    });
    return out;
}

/// The first enhanced status code in a text, or "".
std::string find_status(std::string_view text) {
    for (std::size_t i = 0; i + 5 <= text.size(); ++i) {
        if ((text[i] != '4' && text[i] != '5') || text[i + 1] != '.') continue;
        if (i > 0 && ((text[i - 1] >= '0' && text[i - 1] <= '9') || text[i - 1] == '.')) continue;
        std::size_t end = std::min(text.find_first_not_of("0123456789.", i), text.size());
        std::string code(text.substr(i, end - i));
        while (code.ends_with('.')) code.pop_back();
        if (is_status(code)) return code;
    }
    return {};
}

bool mentions(std::string_view text, std::string_view word) {
    return std::search(text.begin(), text.end(), word.begin(), word.end(), [](char a, char b) { return (a >= 'A' && a <= 'Z' ? static_cast<char>(a + 32) : a) == b; }) != text.end();
}

/// A bounce in words: what identifiers it names, and whom Exim's field or nobody. A warning about a delay is no failure.
std::optional<ReceivedDsn> read_other_bounce(const Entity& mail) {
    ReceivedDsn out;
    std::string text;
    walk(mail, [&](const Entity& entity) {
        if (&entity != &mail && entity.header.find("Message-ID")) read_returned_header(entity.header, out);
        std::string leaf = entity.parts.empty() && text.size() < kSearchedBytes ? leaf_text(entity) : std::string();
        if (is_one_of(kHeaderTypes, entity.media.type)) leaf = decoded_body(entity).substr(0, kSearchedBytes);
        if (!leaf.empty()) text += leaf + "\n";
    });
    collect_ids(text, out.mentioned_message_ids);
    if (out.mentioned_message_ids.empty()) return std::nullopt;
    out.text = header_text(one_line(std::string_view(text).substr(0, kTextBytes * 8)), kTextBytes);

    const HeaderField* subject = mail.header.find("Subject");
    std::string title = subject ? decode_text(subject->folded) : std::string();
    bool warning = mentions(title, "delayed") || mentions(title, "warning") || mentions(title, "(delay)");
    ReceivedDsn::Recipient recipient;
    recipient.action = warning ? "delayed" : "failed";
    recipient.status = find_status(std::string_view(text).substr(0, kSearchedBytes));
    if (recipient.status.empty()) recipient.status = warning ? "4.0.0" : "5.0.0";
    recipient.diagnostic = out.text;
    const HeaderField* failed = mail.header.find("X-Failed-Recipients");
    Result<std::vector<MailAddress>> named = failed ? decode_addresses(failed->folded) : Result<std::vector<MailAddress>>(std::vector<MailAddress>{});
    if (!named || named->empty()) {
        out.recipients.push_back(std::move(recipient));
        return out;
    }
    for (const MailAddress& address : *named) {
        recipient.final_recipient = header_text(address.addr_spec, kLimits.path_bytes);
        out.recipients.push_back(recipient);
    }
    return out;
}

}   // namespace

Result<std::optional<ReceivedDsn>> read_dsn(Bytes mail) {
    Result<Entity> tree = read_mime_tree(mail);
    if (!tree) return fail(tree.error());
    if (is_delivery_report(*tree)) return read_report(*tree);
    // Other reports (read receipts, abuse reports) are about what was delivered.
    if (tree->media.type == "multipart/report") return std::nullopt;
    return read_other_bounce(*tree);
}

}   // namespace mmgate::mail
