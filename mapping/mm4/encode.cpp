#include <algorithm>
#include <array>

#include "mapping/charset.h"
#include "mapping/limits.h"
#include "mapping/mail/content_writer.h"
#include "mapping/mail/header_scan.h"
#include "mapping/mail/mail_writer.h"
#include "mapping/mm4/addresses.h"
#include "mapping/mm4/body.h"
#include "mapping/mm4/codec.h"
#include "mapping/mm4/fields.h"
#include "mapping/mm4/values.h"

namespace mmgate::mm4 {

namespace {

constexpr unsigned kRelease6 = 6;
constexpr std::size_t kHeaderBytes = 8192;
constexpr std::string_view kNobody = "undisclosed-recipients:;";
constexpr std::string_view kExtension = "X-Mms-";

/// The header of a message, written row by row. A value that is mandatory and missing, or cannot be said, leaves an error.
class Writer {
public:
    Writer(MessageType type, Elements elements, const EncodeOptions& options) : type_(type), elements_(std::move(elements)), options_(options) {}

    std::optional<Error> write(Octets& out) {
        prepare();
        const bool forward = type_ == MessageType::forward_req;
        if (forward && !options_.hostname.empty() && !options_.queue_id.empty())
            mail::write_field(out, "Received", "by " + options_.hostname + " (mmgate) with MMS id " + options_.queue_id + "; " + mail::mail_date(options_.now));
        for (const FieldSpec& field : kFields) {
            if (!is_written(field)) continue;
            write_field(out, field);
            if (error_) return error_;
        }
        if (forward) write_extensions(out);
        return std::nullopt;
    }

private:
    using Write = void (Writer::*)(Octets&, const FieldSpec&);
    struct SyntaxWriter {
        Syntax syntax;
        Write write;
    };
    void write_field(Octets& out, const FieldSpec& field);

    /// What the value does not hold because it is the mail's, and what peers expect of it.
    void prepare() {
        if (!options_.system_address.empty()) elements_.sender = elements_.originator_system = options_.system_address;
        if (elements_.ack_requested && elements_.originator_system.empty()) elements_.originator_system = elements_.sender;
        elements_.internet_message_id = options_.internet_message_id.empty() ? options_.boundary_seed + "@" + options_.hostname : options_.internet_message_id;
        elements_.version = options_.dialect.version;
        if (is_response(type_)) {
            elements_.date = options_.now;
            if (!elements_.sender.empty()) elements_.from = Address{Address::Kind::mailbox, elements_.sender, {}};
        }
        if (elements_.mm_status != DeliveryStatus::rejected) elements_.status_extension.clear();
        number_history();
    }

    /// Numbers begin at 0 and have no gaps, whatever MM1 or mail counted from.
    void number_history() {
        std::vector<PreviouslySent>& history = elements_.previously_sent;
        std::ranges::stable_sort(history, {}, &PreviouslySent::count);
        std::uint32_t number = 0;
        for (std::size_t i = 0; i < history.size();) {
            const std::uint32_t count = history[i].count;
            for (; i < history.size() && history[i].count == count; ++i) history[i].count = number;
            ++number;
        }
        if (elements_.forward_counter == 0) elements_.forward_counter = number;
    }

    bool is_written(const FieldSpec& field) const {
        if (presence_in(field, type_) == '-' || field.written == Written::never) return false;
        const unsigned release = options_.dialect.version.major;
        return field.since < kRelease6 || (release >= field.since && options_.dialect.rel6_fields);
    }

    template <class T>
    const T& value(const FieldSpec& field) const {
        return elements_.*std::get<T Elements::*>(field.target);
    }
    bool is_mandatory(const FieldSpec& field) const { return std::string_view("ML").find(presence_in(field, type_)) != std::string_view::npos; }
    void set_error(Fault fault, const FieldSpec& field, std::string_view rule) {
        if (!error_) error_ = Error{fault, 0, std::string(field.name) + ": " + std::string(rule)};
    }

    /// A word or another text of ASCII; one that is missing is left out where it may be.
    void word(Octets& out, const FieldSpec& field, std::string_view text) {
        if (!text.empty()) mail::write_field(out, field.name, text);
        else if (is_mandatory(field)) set_error(Fault::malformed, field, "the value is missing");
    }

    void date(Octets& out, const FieldSpec& field) { word(out, field, mail::mail_date(value<Instant>(field))); }

    /// The domain behind a number: the caller's, else ours for who sent it and for those our answer is about, else the peer's.
    std::string domain_for(const Address& address, const FieldSpec& field) const {
        std::string named = domain_of(options_.phone_domains, address);
        if (!named.empty()) return named;
        return field.syntax == Syntax::addresses ? options_.peer_domain : options_.domain;
    }

    void mailbox(Octets& out, const FieldSpec& field) {
        const std::optional<Address>& address = value<std::optional<Address>>(field);
        std::string text = address ? to_mm4_text(*address, domain_for(*address, field)) : std::string();
        if (text.empty() && is_mandatory(field)) set_error(Fault::sender_syntax, field, "the address is missing or cannot stand in a mail");
        else word(out, field, text);
    }

    std::string list_of(const std::vector<Address>& addresses, const FieldSpec& field) const {
        std::string list;
        for (const Address& address : addresses) {
            const bool bare = options_.dialect.addresses == AddressForm::without_domain && field.syntax == Syntax::addresses && address.kind == Address::Kind::phone;
            std::string text = to_mm4_text(address, bare ? std::string() : domain_for(address, field));
            if (!text.empty()) list += (list.empty() ? "" : ", ") + text;
        }
        return list;
    }
    void addresses(Octets& out, const FieldSpec& field) {
        std::string list = list_of(value<std::vector<Address>>(field), field);
        if (list.empty() && field.written == Written::when_set) return;
        const bool report = !is_response(type_) && type_ != MessageType::forward_req;
        if (list.empty() && report) set_error(Fault::recipient_syntax, field, "the address is missing or cannot stand in a mail");
        else mail::write_field(out, field.name, list.empty() ? kNobody : std::string_view(list));
    }
    void status_recipients(Octets& out, const FieldSpec& field) { word(out, field, list_of(value<std::vector<Address>>(field), field)); }

    void system_address(Octets& out, const FieldSpec& field) {
        const std::string& mailbox = value<std::string>(field);
        const bool needed = elements_.ack_requested && !is_response(type_);
        std::string text = mailbox.empty() ? std::string() : to_mm4_text(Address{Address::Kind::mailbox, mailbox, {}}, {});
        if (text.empty() && needed) set_error(Fault::malformed, field, "an answer is asked for, but not where to");
        else word(out, field, text);
    }

    void text(Octets& out, const FieldSpec& field) {
        if (!value<std::string>(field).empty()) mail::write_text_field(out, field.name, value<std::string>(field));
    }
    /// A text that begins like a quoted-string is made one, so that its quotes are not taken off.
    void status_text(Octets& out, const FieldSpec& field) {
        const std::string text = header_text(value<std::string>(field), kLimits.status_text_bytes);
        if (!text.empty()) mail::write_text_field(out, field.name, text.starts_with('"') ? quoted(text) : text);
    }

    void internet_id(Octets& out, const FieldSpec& field) { word(out, field, "<" + value<std::string>(field) + ">"); }
    void identifier(Octets& out, const FieldSpec& field) {
        const IdTarget& target = std::get<IdTarget>(field.target);
        const std::string& id = elements_.ids.*target.text;
        if (!id.empty() && !read_identifier(quoted(id))) set_error(Fault::malformed, field, "the identifier cannot stand in a mail");
        const std::string text = identifier_text(id, elements_.ids.*target.raw, options_.dialect.quote_ids ? Quoting::quoted : Quoting::bare);
        if (text.empty() && type_ != MessageType::read_reply_report_res) set_error(Fault::malformed, field, "the identifier is missing");
        else word(out, field, text);
    }
    void mime_version(Octets& out, const FieldSpec& field) { word(out, field, "1.0"); }
    void version(Octets& out, const FieldSpec& field) { word(out, field, to_text(value<Version>(field))); }
    void message_type(Octets& out, const FieldSpec& field) { word(out, field, name_of(type_)); }

    template <std::size_t n>
    void truth(Octets& out, const FieldSpec& field, const std::array<TruthSpec, n>& words) {
        std::optional<bool> set;
        if (const auto* member = std::get_if<bool Elements::*>(&field.target)) set = elements_.**member;
        else set = value<std::optional<bool>>(field);
        const bool optional = std::holds_alternative<std::optional<bool> Elements::*>(field.target);
        if (!set || (!*set && !optional && field.written == Written::when_set)) return;
        word(out, field, std::ranges::find(words, *set, &TruthSpec::value)->name);
    }
    void yes_no(Octets& out, const FieldSpec& field) { truth(out, field, kYesNo); }
    void visibility(Octets& out, const FieldSpec& field) { truth(out, field, kVisibility); }

    void message_class(Octets& out, const FieldSpec& field) {
        const MessageClass known = value<MessageClass>(field);
        auto kept = std::ranges::find_if(elements_.extension_fields, [&](const Parameter& p) { return mail::same_name(p.name, field.name); });
        const bool other = known == MessageClass::personal && kept != elements_.extension_fields.end() && is_keepable(*kept);
        word(out, field, other ? std::string_view(kept->value) : name_of(known));
    }
    void priority(Octets& out, const FieldSpec& field) { word(out, field, name_of(value<Priority>(field))); }
    void content_class(Octets& out, const FieldSpec& field) {
        if (const auto& octet = value<std::optional<std::uint8_t>>(field)) word(out, field, content_class_name(*octet));
    }

    void expiry(Octets& out, const FieldSpec& field) {
        const std::optional<When>& when = value<std::optional<When>>(field);
        if (!when) return;
        const Instant at = when->from(options_.now);
        const auto left = std::max<std::int64_t>(0, std::chrono::ceil<Seconds>(at - options_.now).count());
        word(out, field, options_.dialect.expiry == ExpiryForm::date ? http_date(at) : std::to_string(left));
    }
    void counter(Octets& out, const FieldSpec& field) {
        if (const std::uint32_t number = value<std::uint32_t>(field)) word(out, field, std::to_string(number));
    }

    /// One field a number, with all addresses of that number.
    void numbered_addresses(Octets& out, const FieldSpec& field) {
        const std::vector<PreviouslySent>& history = value<std::vector<PreviouslySent>>(field);
        for (std::size_t i = 0; i < history.size();) {
            const std::uint32_t number = history[i].count;
            std::vector<Address> together;
            for (; i < history.size() && history[i].count == number; ++i) together.push_back(history[i].by);
            if (std::string list = list_of(together, field); !list.empty()) word(out, field, std::to_string(number) + ", " + list);
        }
    }
    void numbered_date(Octets& out, const FieldSpec& field) {
        const PreviouslySent* last = nullptr;
        for (const PreviouslySent& hop : value<std::vector<PreviouslySent>>(field)) {
            if (hop.date == Instant{} || (last && last->count == hop.count)) continue;
            word(out, field, std::to_string(hop.count) + ", " + http_date(hop.date));
            last = &hop;
        }
    }

    void request_status(Octets& out, const FieldSpec& field) { word(out, field, canonical_request_status(value<std::string>(field))); }
    void mm_status(Octets& out, const FieldSpec& field) { word(out, field, spec_of(value<DeliveryStatus>(field)).written); }
    void status_extension(Octets& out, const FieldSpec& field) { word(out, field, canonical_status_extension(value<std::string>(field))); }
    void read_status(Octets& out, const FieldSpec& field) { word(out, field, name_of(value<ReadStatus>(field))); }

    static bool is_keepable(const Parameter& kept) {
        const bool name = mail::same_name(std::string_view(kept.name).substr(0, kExtension.size()), kExtension) && kept.name.size() <= kLimits.extension_name_bytes &&
                          std::ranges::all_of(kept.name, [](char c) { return c > ' ' && c < 0x7F && c != ':'; });
        return name && !kept.value.empty() && kept.value.size() <= kLimits.extension_value_bytes;
    }
    void write_extensions(Octets& out) {
        std::size_t count = 0;
        for (const Parameter& kept : elements_.extension_fields) {
            if (field_of(kept.name) || !is_keepable(kept) || ++count > kLimits.extension_fields) continue;
            is_ascii(kept.value) ? mail::write_field(out, kept.name, kept.value) : mail::write_text_field(out, kept.name, kept.value);
        }
    }

    MessageType type_;
    Elements elements_;
    const EncodeOptions& options_;
    std::optional<Error> error_;
};

void Writer::write_field(Octets& out, const FieldSpec& field) {
    static constexpr auto kWriters = std::to_array<SyntaxWriter>({
        {Syntax::date, &Writer::date},
        {Syntax::mailbox, &Writer::mailbox},
        {Syntax::addresses, &Writer::addresses},
        {Syntax::system_address, &Writer::system_address},
        {Syntax::text, &Writer::text},
        {Syntax::status_text, &Writer::status_text},
        {Syntax::opaque, &Writer::text},
        {Syntax::internet_id, &Writer::internet_id},
        {Syntax::version, &Writer::version},
        {Syntax::message_type, &Writer::message_type},
        {Syntax::identifier, &Writer::identifier},
        {Syntax::yes_no, &Writer::yes_no},
        {Syntax::visibility, &Writer::visibility},
        {Syntax::message_class, &Writer::message_class},
        {Syntax::priority, &Writer::priority},
        {Syntax::content_class, &Writer::content_class},
        {Syntax::expiry, &Writer::expiry},
        {Syntax::counter, &Writer::counter},
        {Syntax::numbered_addresses, &Writer::numbered_addresses},
        {Syntax::numbered_date, &Writer::numbered_date},
        {Syntax::request_status, &Writer::request_status},
        {Syntax::status_recipients, &Writer::status_recipients},
        {Syntax::mm_status, &Writer::mm_status},
        {Syntax::status_extension, &Writer::status_extension},
        {Syntax::read_status, &Writer::read_status},
        {Syntax::mime_version, &Writer::mime_version},
    });
    // Content-Type is written with the body.
    if (auto row = std::ranges::find(kWriters, field.syntax, &SyntaxWriter::syntax); row != kWriters.end()) (this->*row->write)(out, field);
}

}   // namespace

Result<Octets> encode(const Mm4Message& message, const EncodeOptions& options) {
    const auto* response = std::get_if<Response>(&message);
    if (response && !is_response(response->type)) return fail(Fault::malformed, "the type of a response is none");
    const auto* forward = std::get_if<ForwardReq>(&message);
    Octets out;
    out.reserve((forward ? mail::mail_octets_of(forward->content.parts) : 0) + kHeaderBytes);
    if (std::optional<Error> error = Writer(type_of(message), elements_of(message), options).write(out)) return fail(*std::move(error));
    const Content nothing{{"multipart/mixed", {}}, {}};
    const Content& content = forward ? forward->content : nothing;
    mail::write_content(out, media_to_write(content), content.parts, options.boundary_seed);
    return out;
}

}   // namespace mmgate::mm4
