#include "mapping/mm4/field_reader.h"

#include <algorithm>
#include <array>

#include "mapping/charset.h"
#include "mapping/limits.h"
#include "mapping/mail/mime_tree.h"
#include "mapping/mm4/addresses.h"
#include "mapping/mm4/fields.h"
#include "mapping/mm4/values.h"

namespace mmgate::mm4 {

namespace {

using mail::HeaderBlock;
using mail::HeaderField;
using mail::same_name;

constexpr auto kFuture = std::chrono::hours(24);                                                       // a Date further ahead is a broken clock
constexpr Instant kPast = std::chrono::sys_days(std::chrono::year(1990) / std::chrono::January / 1);   // so is one before
constexpr auto kOldestSubmission = std::chrono::hours(24 * 30);                                        // a lifetime is not counted from longer ago
constexpr std::string_view kExtension = "X-Mms-";

class Reader {
public:
    Reader(const HeaderBlock& header, MessageType type, const DecodeOptions& options) : header_(header), type_(type), options_(options) {}

    Result<ReadElements> read() {
        out_.elements.version = options_.dialect.version;
        out_.elements.date = options_.now;
        for (const FieldSpec& field : kFields) {
            if (presence_in(field, type_) == '-' || !reader_of(field)) continue;
            if (std::optional<Error> error = read_field(field)) return fail(*std::move(error));
        }
        if (std::optional<Error> error = finish()) return fail(*std::move(error));
        if (type_ == MessageType::forward_req) keep_extensions();
        return std::move(out_);
    }

private:
    using Read = std::optional<Error> (Reader::*)(const FieldSpec&, const std::string&);
    struct SyntaxReader {
        Syntax syntax;
        Read read;
        bool repeats;   // every occurrence is read
    };
    static const SyntaxReader* reader_of(const FieldSpec& field);

    template <class T>
    T& place(const FieldSpec& field) {
        return out_.elements.*std::get<T Elements::*>(field.target);
    }

    void note(std::string_view field, std::string_view what) {
        if (out_.notes.size() < kLimits.notes) out_.notes.push_back(std::string(field) + ": " + std::string(what));
    }
    static Error malformed(std::string rule) { return {Fault::malformed, 0, std::move(rule)}; }
    bool lenient() const { return options_.dialect.lenient; }

    /// Reads a field under its own name, else under its others. What is mandatory must then be there.
    std::optional<Error> read_field(const FieldSpec& field) {
        bool found = false;
        std::optional<Error> error = read_named(field, field.name, found);
        if (found && !error) return std::nullopt;
        if (!field.alias.empty() && lenient()) {
            bool stands_in = false;
            std::optional<Error> other = read_named(field, field.alias, stands_in);
            if (stands_in && !other) {
                note(field.name, "read from " + std::string(field.alias));
                return std::nullopt;
            }
        }
        return judge(field, found, std::move(error));
    }

    /// What a missing or unusable field means for the message.
    std::optional<Error> judge(const FieldSpec& field, bool found, std::optional<Error> error) {
        const char presence = presence_in(field, type_);
        const bool forgiven = presence == 'm' || (presence == 'L' && lenient());
        const bool mandatory = presence == 'M' || presence == 'L';
        // To may be missing where Cc is there: together they are the recipients.
        const bool excused = !found && field.syntax == Syntax::addresses && header_.find("Cc");
        if (!found) {
            if (!mandatory || forgiven || excused) return std::nullopt;
            return malformed(std::string(field.name) + ": the field is missing");
        }
        if ((mandatory && !forgiven) || error->fault == Fault::too_large) return Error{error->fault, error->offset, std::string(field.name) + ": " + error->rule};
        note(field.name, error->rule);
        return std::nullopt;
    }

    std::optional<Error> read_named(const FieldSpec& field, std::string_view name, bool& found);

    // One reader a syntax. An error is the caller's to judge.
    std::optional<Error> date(const FieldSpec& field, const std::string& value) {
        std::optional<Instant> date = read_date(value);
        if (!date) return malformed("the value is no date");
        if (*date >= kPast && *date <= options_.now + kFuture) place<Instant>(field) = *date;
        else note(field.name, "the date is not plausible; the time of receipt is taken");
        return std::nullopt;
    }

    void keep_domain(const Mm4Address& address) {
        PhoneDomains& domains = out_.elements.phone_domains;
        if (!address.domain.empty() && std::ranges::find(domains, address.address.value, &PhoneDomains::value_type::first) == domains.end())
            domains.emplace_back(address.address.value, address.domain);
    }

    std::optional<Error> mailbox(const FieldSpec& field, const std::string& value) {
        Result<std::vector<std::string>> list = split_addresses(value);
        if (!list) return list.error();
        if (list->empty()) return Error{Fault::sender_syntax, 0, "the field names nobody"};
        if (list->size() > 1) note(field.name, "more than one address; the first counts");
        Result<Mm4Address> address = parse_mm4_address(list->front(), options_);
        if (!address) return Error{Fault::sender_syntax, 0, address.error().rule};
        keep_domain(*address);
        place<std::optional<Address>>(field) = std::move(address->address);
        return std::nullopt;
    }

    std::optional<Error> addresses(const FieldSpec& field, const std::string& value) {
        Result<std::vector<std::string>> list = split_addresses(value);
        if (!list) return list.error();
        std::vector<Address>& into = place<std::vector<Address>>(field);
        std::size_t unusable = 0;
        for (const std::string& text : *list) {
            Result<Mm4Address> address = parse_mm4_address(text, options_);
            if (!address && !lenient()) return address.error();
            if (!address) {
                ++unusable;
                continue;
            }
            keep_domain(*address);
            into.push_back(std::move(address->address));
            if (out_.elements.to.size() + out_.elements.cc.size() > kLimits.header_addresses) return Error{Fault::too_large, 0, "To and Cc have more than 1000 addresses"};
        }
        if (unusable > 0 && unusable == list->size()) return Error{Fault::recipient_syntax, 0, "none of the addresses can be read"};
        if (unusable > 0) note(field.name, std::to_string(unusable) + " addresses cannot be read");
        return std::nullopt;
    }

    std::optional<Error> status_recipients(const FieldSpec& field, const std::string& value) {
        std::string list = value;
        if (lenient())
            for (std::size_t at = list.find(".+"); at != std::string::npos; at = list.find(".+", at)) list[at] = ',';
        return addresses(field, list);
    }

    std::optional<Error> system_address(const FieldSpec& field, const std::string& value) {
        Result<std::string> mailbox = parse_system_address(value, options_.dialect);
        if (!mailbox) return mailbox.error();
        place<std::string>(field) = *std::move(mailbox);
        return std::nullopt;
    }

    std::optional<Error> text(const FieldSpec& field, const std::string& value) {
        place<std::string>(field) = header_text(mail::decode_text(value), kLimits.subject_bytes);
        return std::nullopt;
    }
    std::optional<Error> status_text(const FieldSpec& field, const std::string& value) {
        const std::string text = mail::decode_text(value);
        place<std::string>(field) = header_text(unquoted(text).value_or(text), kLimits.status_text_bytes);
        return std::nullopt;
    }
    std::optional<Error> opaque(const FieldSpec& field, const std::string& value) {
        std::string text = mail::decode_text(value);
        if (text.size() > kLimits.text_bytes) return Error{Fault::too_large, 0, "the text is longer than 8192 octets"};
        place<std::string>(field) = header_text(text, kLimits.text_bytes);
        return std::nullopt;
    }

    std::optional<Error> internet_id(const FieldSpec& field, const std::string& value) {
        Result<std::string> id = read_identifier(value);
        if (!id) return id.error();
        place<std::string>(field) = *std::move(id);
        return std::nullopt;
    }
    std::optional<Error> identifier(const FieldSpec& field, const std::string& value) {
        Result<std::string> id = read_identifier(value);
        if (!id) return id.error();
        const IdTarget& target = std::get<IdTarget>(field.target);
        out_.elements.ids.*target.text = *std::move(id);
        out_.elements.ids.*target.raw = value;
        return std::nullopt;
    }

    std::optional<Error> version(const FieldSpec& field, const std::string& value) {
        Result<Version> version = parse_version(value);
        if (!version) return version.error();
        place<Version>(field) = *version;
        return std::nullopt;
    }

    /// A word that no row knows is as good as none.
    template <std::size_t n>
    std::optional<Error> truth(const FieldSpec& field, const std::string& value, const std::array<TruthSpec, n>& words) {
        for (const TruthSpec& word : words) {
            if (!same_name(word.name, value) || (word.lenient && !lenient())) continue;
            if (auto* member = std::get_if<bool Elements::*>(&field.target)) out_.elements.** member = word.value;
            else place<std::optional<bool>>(field) = word.value;
            return std::nullopt;
        }
        return malformed("the word is not known");
    }
    std::optional<Error> yes_no(const FieldSpec& field, const std::string& value) { return truth(field, value, kYesNo); }
    std::optional<Error> visibility(const FieldSpec& field, const std::string& value) { return truth(field, value, kVisibility); }

    std::optional<Error> message_class(const FieldSpec& field, const std::string& value) {
        std::optional<std::string> plain = unquoted(value);
        std::optional<MessageClass> known = message_class_of(plain ? *plain : value);
        if (known) place<MessageClass>(field) = *known;
        else keep_extension(field.name, value);
        return std::nullopt;
    }
    std::optional<Error> priority(const FieldSpec& field, const std::string& value) {
        std::optional<Priority> known = priority_of(value);
        if (!known) return malformed("the word is not known");
        place<Priority>(field) = *known;
        return std::nullopt;
    }
    std::optional<Error> content_class(const FieldSpec& field, const std::string& value) {
        place<std::optional<std::uint8_t>>(field) = content_class_of(value);
        return std::nullopt;
    }

    std::optional<Error> expiry(const FieldSpec& field, const std::string& value) {
        const Instant sent = out_.elements.date;
        const bool recent = sent <= options_.now && options_.now - sent <= kOldestSubmission;
        std::optional<Instant> at = read_expiry(value, recent ? sent : options_.now);
        if (!at) return malformed("the value is neither a date nor a number of seconds");
        place<std::optional<When>>(field) = When{std::nullopt, at};
        return std::nullopt;
    }

    std::optional<Error> counter(const FieldSpec& field, const std::string& value) {
        std::optional<std::uint32_t> number = read_number(value);
        if (!number || *number == 0) return malformed("the value is no number from 1");
        place<std::uint32_t>(field) = *number;
        return std::nullopt;
    }

    std::optional<Error> numbered_addresses(const FieldSpec& field, const std::string& value) {
        std::optional<Numbered> numbered = read_numbered(value);
        if (!numbered) return malformed("the value is not a number, a comma and an address");
        Result<std::vector<std::string>> list = split_addresses(numbered->rest);
        if (!list) return list.error();
        std::vector<PreviouslySent>& history = place<std::vector<PreviouslySent>>(field);
        for (const std::string& text : *list) {
            Result<Mm4Address> address = parse_mm4_address(text, options_);
            if (!address) return address.error();
            if (history.size() == kLimits.previously_sent) return malformed("the history is too long; the rest is left out");
            keep_domain(*address);
            history.push_back({numbered->number, std::move(address->address), {}});
        }
        return std::nullopt;
    }
    /// Dates belong to the addresses of the same number, which the row before has read.
    std::optional<Error> numbered_date(const FieldSpec& field, const std::string& value) {
        std::optional<Numbered> numbered = read_numbered(value);
        std::optional<Instant> date = numbered ? read_date(numbered->rest) : std::nullopt;
        if (!date) return malformed("the value is not a number, a comma and a date");
        for (PreviouslySent& hop : place<std::vector<PreviouslySent>>(field))
            if (hop.count == numbered->number && hop.date == Instant{}) hop.date = *date;
        return std::nullopt;
    }

    std::optional<Error> request_status(const FieldSpec& field, const std::string& value) {
        if (value.empty()) return malformed("the status is empty");
        place<std::string>(field) = canonical_request_status(value);
        return std::nullopt;
    }
    std::optional<Error> mm_status(const FieldSpec& field, const std::string& value) {
        place<DeliveryStatus>(field) = delivery_status_of(value);
        return std::nullopt;
    }
    std::optional<Error> status_extension(const FieldSpec& field, const std::string& value) {
        place<std::string>(field) = canonical_status_extension(value);
        return std::nullopt;
    }
    std::optional<Error> read_status(const FieldSpec& field, const std::string& value) {
        std::optional<ReadStatus> known = read_status_of(value);
        if (!known) return malformed("the status is not known");
        place<ReadStatus>(field) = *known;
        return std::nullopt;
    }

    std::optional<Error> finish() {
        Elements& elements = out_.elements;
        if (type_ == MessageType::forward_req && elements.ids.message_id.empty()) {
            if (elements.internet_message_id.empty()) return malformed("X-Mms-Message-ID: the field is missing");
            elements.ids.message_id = elements.internet_message_id;
            note("X-Mms-Message-ID", "read from Message-ID");
        }
        if (elements.sender.empty()) take_sender();
        const bool report = !is_response(type_) && type_ != MessageType::forward_req;
        if (report && elements.to.empty()) return Error{Fault::recipient_syntax, 0, "To: the field names nobody"};
        if (report && elements.to.size() > 1) note("To", "more than one address; the first counts");
        std::ranges::stable_sort(elements.previously_sent, {}, &PreviouslySent::count);
        return std::nullopt;
    }

    /// Whom to answer when Sender does not say: who sent the mail, else who wrote it.
    void take_sender() {
        const HeaderField* from = header_.find("From");
        for (const std::string& text : {options_.envelope_from, from ? mail::unfolded(from->folded) : std::string()}) {
            Result<std::string> mailbox = parse_system_address(text, options_.dialect);
            if (!mailbox) continue;
            out_.elements.sender = *std::move(mailbox);
            return;
        }
    }

    void keep_extension(std::string_view name, const std::string& value) {
        std::vector<Parameter>& kept = out_.elements.extension_fields;
        std::string text = is_ascii(value) ? value : to_utf8(value, {});
        const bool fits = name.size() <= kLimits.extension_name_bytes && text.size() <= kLimits.extension_value_bytes && kept.size() < kLimits.extension_fields;
        if (fits) kept.push_back({std::string(name), header_text(text, kLimits.extension_value_bytes)});
        else note("X-Mms-*", "an unknown field is too long, or one too many, to be kept");
    }

    void keep_extensions() {
        for (const HeaderField& field : header_.fields) {
            if (!same_name(field.name.substr(0, kExtension.size()), kExtension) || field_of(field.name)) continue;
            const bool alias = std::ranges::any_of(kFields, [&](const FieldSpec& row) { return same_name(row.alias, field.name); });
            if (!alias) keep_extension(field.name, mail::unfolded(field.folded));
        }
    }

    const HeaderBlock& header_;
    MessageType type_;
    const DecodeOptions& options_;
    ReadElements out_;
};

const Reader::SyntaxReader* Reader::reader_of(const FieldSpec& field) {
    static constexpr auto kReaders = std::to_array<SyntaxReader>({
        {Syntax::date, &Reader::date, false},
        {Syntax::mailbox, &Reader::mailbox, false},
        {Syntax::addresses, &Reader::addresses, true},
        {Syntax::system_address, &Reader::system_address, false},
        {Syntax::text, &Reader::text, false},
        {Syntax::status_text, &Reader::status_text, false},
        {Syntax::opaque, &Reader::opaque, false},
        {Syntax::internet_id, &Reader::internet_id, false},
        {Syntax::version, &Reader::version, false},
        {Syntax::identifier, &Reader::identifier, false},
        {Syntax::yes_no, &Reader::yes_no, false},
        {Syntax::visibility, &Reader::visibility, false},
        {Syntax::message_class, &Reader::message_class, false},
        {Syntax::priority, &Reader::priority, false},
        {Syntax::content_class, &Reader::content_class, false},
        {Syntax::expiry, &Reader::expiry, false},
        {Syntax::counter, &Reader::counter, false},
        {Syntax::numbered_addresses, &Reader::numbered_addresses, true},
        {Syntax::numbered_date, &Reader::numbered_date, true},
        {Syntax::request_status, &Reader::request_status, false},
        {Syntax::status_recipients, &Reader::status_recipients, true},
        {Syntax::mm_status, &Reader::mm_status, false},
        {Syntax::status_extension, &Reader::status_extension, false},
        {Syntax::read_status, &Reader::read_status, false},
    });
    for (const SyntaxReader& row : kReaders)
        if (row.syntax == field.syntax) return &row;
    return nullptr;
}

std::optional<Error> Reader::read_named(const FieldSpec& field, std::string_view name, bool& found) {
    const SyntaxReader& reader = *reader_of(field);
    std::optional<Error> first_error;
    bool read = false;
    for (const HeaderField& given : header_.fields) {
        if (!same_name(given.name, name)) continue;
        if (found && !reader.repeats) {
            note(field.name, "the field occurs more than once; the first counts");
            break;
        }
        found = true;
        std::optional<Error> error = (this->*reader.read)(field, mail::unfolded(given.folded));
        if (!error) read = true;
        else if (error->fault == Fault::too_large || !first_error) first_error = std::move(error);
    }
    // Of a list, what can be read counts.
    if (read && first_error && first_error->fault != Fault::too_large && lenient()) {
        note(field.name, first_error->rule);
        return std::nullopt;
    }
    return first_error;
}

}   // namespace

Result<ReadElements> read_fields(const mail::HeaderBlock& header, MessageType type, const DecodeOptions& options) { return Reader(header, type, options).read(); }

std::optional<Error> find_bare_control(const mail::HeaderBlock& header) {
    const Bytes text = header.text;
    for (std::size_t at = text.find_first_of(std::string_view("\r\n\0", 3)); at != Bytes::npos; at = text.find_first_of(std::string_view("\r\n\0", 3), at)) {
        if (text[at] == '\r' && at + 1 < text.size() && text[at + 1] == '\n') {
            at += 2;
            continue;
        }
        const FieldSpec* known = nullptr;
        for (const HeaderField& field : header.fields)
            if (field.name.data() <= text.data() + at) known = field_of(field.name);
        return Error{Fault::malformed, at, std::string(known ? known->name : "a field") + ": the value holds a bare CR, LF or NUL"};
    }
    return std::nullopt;
}

}   // namespace mmgate::mm4
