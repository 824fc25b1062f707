#include "mapping/mail/mail_to_mm.h"

#include <algorithm>
#include <array>

#include "mapping/charset.h"
#include "mapping/limits.h"
#include "mapping/mail/body_parts.h"
#include "mapping/mail/mime_tree.h"
#include "mapping/mail/slide_show.h"

namespace mmgate::mail {
namespace {

constexpr auto kFuture = std::chrono::hours(24);                                                       // a Date further ahead is a broken clock
constexpr Instant kPast = std::chrono::sys_days(std::chrono::year(1990) / std::chrono::January / 1);   // so is one before
constexpr std::size_t kMaxResentBlocks = 20;
constexpr std::string_view kNoText = "(no text)";

struct PriorityWord {
    std::string_view field;
    std::string_view word;   // the value's first word, lower case
    Priority priority;
};
// Fields in order of rank: the first that is there decides, whatever it says. What no row names is normal.
// Source: RFC 2156 §5.3.4 (Importance, Priority); practice of mail clients for the X- fields.
constexpr auto kPriorityWords = std::to_array<PriorityWord>({
    {"Importance", "high", Priority::high},
    {"Importance", "low", Priority::low},
    {"X-Priority", "1", Priority::high},
    {"X-Priority", "2", Priority::high},
    {"X-Priority", "4", Priority::low},
    {"X-Priority", "5", Priority::low},
    {"X-MSMail-Priority", "high", Priority::high},
    {"X-MSMail-Priority", "low", Priority::low},
    {"Priority", "urgent", Priority::high},
    {"Priority", "non-urgent", Priority::low},
});

// Source: RFC 4356 §2.1.3.3: such mail must not be sent on into MMS. Other values, which some clients always write, say nothing.
constexpr auto kSensitivities = std::to_array<std::string_view>({"personal", "private", "company-confidential"});

constexpr auto kBulkPrecedences = std::to_array<std::string_view>({"bulk", "list", "junk"});

/// The first word of a field's value in lower case.
std::string first_word(std::string_view folded) {
    std::string text = unfolded(folded);
    text.resize(std::min(text.find_first_of(" \t;,("), text.size()));
    for (char& c : text)
        if (c >= 'A' && c <= 'Z') c = static_cast<char>(c + ('a' - 'A'));
    return text;
}

template <std::size_t n>
bool is_one_of(const std::array<std::string_view, n>& words, std::string_view word) {
    return std::find(words.begin(), words.end(), word) != words.end();
}

/// Whether one of "attribute=importance,value; …" has the importance "required".
bool requires_something(std::string_view options) {
    for (std::size_t at = options.find('='); at != std::string_view::npos; at = options.find('=', at + 1)) {
        const std::size_t start = std::min(options.find_first_not_of(" \t", at + 1), options.size());
        const std::size_t end = std::min(options.find_first_of(" \t,;", start), options.size());
        if (same_name(options.substr(start, end - start), "required")) return true;
    }
    return false;
}

/// An identifier without < >, or "" when it is none that could be written again.
std::string read_message_id(std::string_view folded) {
    std::string text = unfolded(folded);
    if (std::size_t open = text.find('<'); open != std::string::npos) text = text.substr(open + 1, text.find('>', open) - open - 1);
    bool printable = std::all_of(text.begin(), text.end(), [](char c) { return c > ' ' && c < 0x7F && c != '<' && c != '>'; });
    return printable && text.size() <= kLimits.message_id_bytes ? text : std::string();
}

/// The content of a mail without anything for the eye.
Piece text_piece(std::string text) { return {std::move(text), MediaKind::none, {}}; }

/// One forwarding of the mail as its Resent- fields tell it. Source: RFC 5322 §3.6.6.
struct ResentBlock {
    std::string_view from, sender, date, message_id;
};

class Mapper {
public:
    Mapper(const Entity& mail, const MailToMmOptions& options) : mail_(mail), header_(mail.header), options_(options) {}

    Result<ReceivedMail> map() {
        if (header_.count("Received") > kLimits.received_fields) return fail(Fault::routing_loop, "the mail has passed more than 100 hosts");
        if (const HeaderField* field = header_.find("Sensitivity"); field && is_one_of(kSensitivities, first_word(field->folded)))
            return fail(Fault::unmappable, "Sensitivity forbids handing the mail on to MMS");
        read_resent_blocks();
        map_origin_of_automatic_mail();
        map_dates();
        map_ids();
        map_priority();
        headers_.subject = header_.find("Subject") ? header_text(decode_text(header_.find("Subject")->folded), kLimits.subject_bytes) : "";
        for (auto step : {&Mapper::map_originator, &Mapper::map_recipients, &Mapper::map_history, &Mapper::map_read_report, &Mapper::map_application})
            if (std::optional<Error> error = (this->*step)()) return fail(*std::move(error));
        Result<Content> content = headers_.applic_id.empty() ? map_body() : untouched_content(mail_);
        if (!content) return fail(content.error());
        out_.mm.content = *std::move(content);
        out_.original_header = Octets(header_.text);
        return std::move(out_);
    }

private:
    std::string_view value_of(std::string_view name) const {
        const HeaderField* field = header_.find(name);
        return field ? field->folded : std::string_view();
    }

    bool is_ours(std::string_view domain) const {
        return std::any_of(options_.our_domains.begin(), options_.our_domains.end(), [&](const std::string& ours) { return same_name(ours, domain); });
    }

    /// Mailboxes that can be an address of an MM, with fit display names; those in our domains become phones where they can.
    Result<std::vector<Address>> addresses(std::string_view folded) const {
        Result<std::vector<MailAddress>> written = decode_addresses(folded);
        if (!written) return fail(written.error());
        std::vector<Address> out;
        for (const MailAddress& one : *written) {
            Result<Address> address = parse_mailbox(one.addr_spec);
            if (!address) continue;
            if (is_ours(domain_part(*address)))
                if (Result<std::string> number = number_of_local_part(options_.numbering, local_part(*address)))
                    address = Address{Address::Kind::phone, *std::move(number), {}};
            address->display_name = header_text(one.display_name, kLimits.mms_address_bytes);
            out.push_back(*std::move(address));
        }
        return out;
    }

    /// The first mailbox of an originator field. Anybody can write any number there, so a number of ours is refused.
    Result<std::optional<Address>> originator(std::string_view folded) const {
        Result<std::vector<Address>> list = addresses(folded);
        if (!list) return fail(list.error());
        if (list->empty()) return std::nullopt;
        if (list->front().kind == Address::Kind::phone) return fail(Fault::sender_denied, "From names a phone of ours, but the mail is not that phone's");
        return std::move(list->front());
    }

    void read_resent_blocks() {
        struct Row {
            std::string_view name;
            std::string_view ResentBlock::*value;
        };
        constexpr auto kRows = std::to_array<Row>({
            {"Resent-From", &ResentBlock::from},
            {"Resent-Sender", &ResentBlock::sender},
            {"Resent-Date", &ResentBlock::date},
            {"Resent-Message-ID", &ResentBlock::message_id},
        });
        std::vector<ResentBlock> blocks;
        for (const HeaderField& field : header_.fields) {
            if (field.name.size() < 7 || !same_name(field.name.substr(0, 7), "Resent-")) continue;
            for (const Row& row : kRows) {
                if (!same_name(field.name, row.name)) continue;
                // Blocks carry no mark: one that is prepended begins where a field comes a second time.
                if (blocks.empty() || !(blocks.back().*row.value).empty()) blocks.emplace_back();
                blocks.back().*row.value = field.folded.empty() ? std::string_view(" ") : field.folded;
            }
            if (blocks.size() > kMaxResentBlocks) break;
        }
        for (ResentBlock& block : blocks) {
            if (block.from.empty()) block.from = block.sender;
            if (!block.from.empty() && resent_.size() < kMaxResentBlocks) resent_.push_back(block);
        }
    }

    void map_origin_of_automatic_mail() {
        std::string precedence = first_word(value_of("Precedence"));
        std::string submitted = first_word(value_of("Auto-Submitted"));
        bool machine = options_.return_path.empty() || (!submitted.empty() && submitted != "no");
        bool bulk = is_one_of(kBulkPrecedences, precedence) || header_.find("List-Id");
        out_.automatic = machine || bulk;
        headers_.message_class = machine ? MessageClass::automatic : bulk ? MessageClass::informational
                                                                          : MessageClass::personal;
    }

    Instant plausible_date(std::string_view folded) const {
        std::optional<Instant> date = decode_date(folded);
        return date && *date >= kPast && *date <= options_.now + kFuture ? *date : options_.now;
    }

    void map_dates() {
        headers_.date = plausible_date(resent_.empty() ? value_of("Date") : resent_.front().date);
        for (std::string_view name : {"Expires", "Expiry-Date"}) {
            std::optional<Instant> expiry = decode_date(value_of(name));
            if (!expiry || *expiry <= options_.now) continue;
            headers_.expiry = When{std::nullopt, expiry};
            break;
        }
    }

    void map_ids() {
        if (!resent_.empty()) headers_.message_id = read_message_id(resent_.front().message_id);
        if (headers_.message_id.empty()) headers_.message_id = read_message_id(value_of("Message-ID"));
    }

    void map_priority() {
        std::string_view decisive;
        for (const PriorityWord& row : kPriorityWords) {
            if (!decisive.empty() && row.field != decisive) return;
            const HeaderField* field = header_.find(row.field);
            if (!field) continue;
            decisive = row.field;
            if (first_word(field->folded) == row.word) headers_.priority = row.priority;
        }
    }

    std::optional<Error> map_originator() {
        Result<std::optional<Address>> from = originator(resent_.empty() ? value_of("From") : resent_.front().from);
        if (from && !*from && !resent_.empty()) from = originator(value_of("From"));
        if (from && !*from && !options_.return_path.empty()) from = originator("<" + options_.return_path + ">");
        if (!from) return from.error();
        if (!*from) return Error{Fault::malformed, 0, "the mail has neither a usable From nor a return path"};
        headers_.from = **std::move(from);
        return std::nullopt;
    }

    std::optional<Error> map_recipients() {
        for (const HeaderField& field : header_.fields) {
            bool to = same_name(field.name, "To");
            if (!to && !same_name(field.name, "Cc")) continue;
            Result<std::vector<Address>> list = addresses(field.folded);
            if (!list) return list.error();
            std::vector<Address>& into = to ? headers_.to : headers_.cc;
            std::move(list->begin(), list->end(), std::back_inserter(into));
            if (headers_.to.size() + headers_.cc.size() > kLimits.header_addresses) return Error{Fault::too_large, 0, "To and Cc have more than 1000 addresses"};
        }
        return std::nullopt;
    }

    /// The original's originator is number 0, then those who sent it on, oldest first; the last of them is the From of the MM.
    std::optional<Error> map_history() {
        if (resent_.empty()) return std::nullopt;
        std::uint32_t count = 0;
        auto add = [&](std::string_view from, std::string_view date) -> std::optional<Error> {
            Result<std::vector<Address>> list = addresses(from);
            if (!list) return list.error();
            if (!list->empty()) headers_.previously_sent.push_back({count++, std::move(list->front()), plausible_date(date)});
            return std::nullopt;
        };
        if (std::optional<Error> error = add(value_of("From"), value_of("Date"))) return error;
        for (std::size_t i = resent_.size(); i-- > 1;)
            if (std::optional<Error> error = add(resent_[i].from, resent_[i].date)) return error;
        return std::nullopt;
    }

    /// Only where the answer would go to the sender alone may it be given without asking the reader. Source: RFC 8098 §2.1.
    std::optional<Error> map_read_report() {
        const HeaderField* field = header_.find("Disposition-Notification-To");
        if (!field || options_.return_path.empty()) return std::nullopt;
        // Options that the sender requires are none that we know: then there is to be no answer (RFC 8098 §2.2).
        if (const HeaderField* wishes = header_.find("Disposition-Notification-Options"); wishes && requires_something(unfolded(wishes->folded))) return std::nullopt;
        Result<std::vector<MailAddress>> list = decode_addresses(field->folded);
        if (!list) return list.error();
        if (list->size() != 1) return std::nullopt;
        Result<Address> wanted = parse_mailbox(list->front().addr_spec), sender = parse_mailbox(options_.return_path);
        headers_.read_report = wanted && sender && wanted->value == sender->value;
        return std::nullopt;
    }

    /// Applic-ID starts software on the phone: it counts from those who may set it, and to the values they may set.
    std::optional<Error> map_application() {
        if (!options_.application_allowed || header_.count("Applic-ID") == 0) return std::nullopt;
        if (header_.count("Applic-ID") > 1) return Error{Fault::unmappable, 0, "Applic-ID occurs more than once"};
        std::string id = unfolded(value_of("Applic-ID"));
        if (id.empty()) return Error{Fault::unmappable, 0, "Applic-ID is empty"};
        if (std::find(options_.application_ids.begin(), options_.application_ids.end(), id) == options_.application_ids.end()) return std::nullopt;
        headers_.applic_id = std::move(id);
        headers_.reply_applic_id = header_text(unfolded(value_of("Reply-Applic-ID")), kLimits.text_bytes);
        headers_.aux_applic_info = header_text(unfolded(value_of("Aux-Applic-Info")), kLimits.text_bytes);
        headers_.adaptation_allowed = false;
        return std::nullopt;
    }

    Result<Content> map_body() {
        Result<Body> body = read_body(mail_);
        if (!body) return fail(body.error());
        std::vector<Piece>& pieces = body->pieces;
        if (!body->notes.empty()) {
            std::string lines;
            for (const std::string& note : body->notes) lines += (lines.empty() ? "" : "\n") + note;
            pieces.push_back(text_piece(std::move(lines)));
        }
        // An MM that shows nothing looks like a fault of the phone: the subject, or words, stand in.
        if (pieces.empty()) pieces.push_back(text_piece(headers_.subject.empty() ? std::string(kNoText) : headers_.subject));
        out_.notes = std::move(body->notes);
        return make_slide_show(std::move(pieces));
    }

    const Entity& mail_;
    const HeaderBlock& header_;
    const MailToMmOptions& options_;
    ReceivedMail out_;
    MmHeaders& headers_ = out_.mm.headers;
    std::vector<ResentBlock> resent_;   // newest first, those that name somebody
};

}   // namespace

Result<ReceivedMail> mail_to_mm(Bytes mail, const MailToMmOptions& options) {
    Result<Entity> tree = read_mime_tree(mail);
    if (!tree) return fail(tree.error());
    return Mapper(*tree, options).map();
}

}   // namespace mmgate::mail
