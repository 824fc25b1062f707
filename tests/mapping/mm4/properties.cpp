// What holds for any message: what is written reads back the same, and what was read once is read the same ever after.
#include <criterion/criterion.h>
#include <rapidcheck.h>

#include <algorithm>
#include <cstdlib>
#include <string>
#include <vector>

#include "mapping/charset.h"
#include "mapping/limits.h"
#include "mapping/mm4/codec.h"
#include "mapping/mm4/values.h"
#include "mapping/mm4/words.h"
#include "samples.h"

using namespace mmgate;
using namespace mmgate::mm4;

namespace {

using Kind = Address::Kind;

template <class T>
T any_of(std::initializer_list<T> values) {
    return *rc::gen::elementOf(std::vector<T>(values));
}
int up_to(int last) { return *rc::gen::inRange(0, last + 1); }
bool coin() { return up_to(1) == 1; }

/// One line of text as the model has it.
std::string any_text(std::size_t limit) {
    std::string out;
    for (int i = up_to(12); i > 0; --i)
        out += any_of<std::string>({"a", "Z", " ", "  ", "\"", "\\", "=", "?", "=?", "?=", "_", "é", "ü", "€", "😀", ",", ";", "<", ">", "(", ")", ":", "@", ".", "-", "=?utf-8?Q?x?=", "wordwordword",
                                    std::string(90, 'w')});
    return header_text(out, limit);
}

std::string any_identifier() {
    std::string out;
    for (int i = up_to(20); i >= 0; --i) out += any_of<std::string>({"a", "Z", "0", "@", ".", "-", " ", "\"", "\\", "<", ">", "(", ",", "wwwwwwww"});
    return out;
}

std::string any_mailbox() { return any_of<std::string>({"a", "A.b", "system-user", "a+b", "x=y/z"}) + "@" + any_of<std::string>({"x.example", "mms.b.example", "[10.0.0.1]"}); }

Address any_address() {
    switch (up_to(3)) {
        case 0: return {Kind::mailbox, any_mailbox(), {}};
        case 1: return {Kind::short_code, std::to_string(up_to(99'999)), {}};
        case 2: return {Kind::ipv4, "10.0.0." + std::to_string(up_to(255)), {}};
        default: return {Kind::phone, "+4860000" + std::to_string(1000 + up_to(8999)), {}};
    }
}
std::vector<Address> any_addresses(int most) {
    std::vector<Address> out(static_cast<std::size_t>(up_to(most)));
    for (Address& address : out) address = any_address();
    return out;
}

Instant any_second() { return kSent - std::chrono::seconds(up_to(600'000'000)); }

/// A domain for each number, always the same.
std::string domain_for(const Address& address) {
    if (address.kind == Kind::mailbox) return {};
    return address.value.back() % 2 == 0 ? "mms.b.example" : "mms.c.example";
}
void keep_domain(PhoneDomains& domains, const Address& address) {
    const bool known = std::ranges::find(domains, address.value, &PhoneDomains::value_type::first) != domains.end();
    if (address.kind != Kind::mailbox && !known) domains.emplace_back(address.value, domain_for(address));
}

struct Given {
    AnyMessage message;
    EncodeOptions options;
};

EncodeOptions any_options() {
    EncodeOptions out = writing();
    out.dialect.version = any_of<Version>({{6, 16, 0}, {6, 3, 0}, {5, 5, 0}, {4, 2, 0}});
    out.dialect.rel6_fields = coin();
    out.dialect.quote_ids = coin();
    out.dialect.expiry = coin() ? ExpiryForm::date : ExpiryForm::delta;
    return out;
}
bool has_release6(const EncodeOptions& options) { return options.dialect.rel6_fields && options.dialect.version.major >= 6; }

/// Identifiers, raw as they will be read.
Ids any_ids(const EncodeOptions& options) {
    Ids out{any_identifier(), any_identifier(), {}, {}};
    const Quoting quoting = options.dialect.quote_ids ? Quoting::quoted : Quoting::bare;
    for (auto [id, raw] : {std::pair(&out.transaction_id, &out.raw_transaction_id), {&out.message_id, &out.raw_message_id}}) *raw = identifier_text(*id, {}, quoting);
    return out;
}

Part any_part() {
    Part out;
    out.media = any_of<MediaType>({{"image/jpeg", {}}, {"text/plain", {{"charset", "utf-8"}}}, {"application/smil", {}}, {"audio/amr", {{"x", "y z"}}}});
    out.content_id = any_of<std::string>({"", "s", "a@b"});
    out.content_location = any_of<std::string>({"", "a.jpg", "é è.txt"});
    out.file_name = any_of<std::string>({"", "a.jpg", "é.txt"});
    out.disposition = any_of<std::string>({"", "inline", "attachment"});
    for (int i = up_to(5); i >= 0; --i) out.data += any_of<std::string>({"\r\n", "\n", "\r", "--", "=_", "a", "\xFF\xFE", std::string(1, '\0'), std::string(100, 'w'), ".\r\n", "From "});
    // A name is told twice, for readers old and new; where both say the same one is kept.
    return out;
}

Content any_content() {
    Content out{{"multipart/mixed", {}}, {}};
    for (int i = up_to(4); i > 0; --i) out.parts.push_back(any_part());
    if (!out.parts.empty() && coin()) {
        Part& root = out.parts.front();
        root.media = {"application/smil", {}};
        root.content_id = "root";
        out.media = {"multipart/related", {{"type", "application/smil"}, {"start", "<root>"}}};
    }
    return out;
}

Given any_forward() {
    Given out{ForwardReq(), any_options()};
    auto& m = std::get<ForwardReq>(out.message);
    MmHeaders& h = m.headers;
    const bool release6 = has_release6(out.options);
    m.version = out.options.dialect.version;
    m.ids = any_ids(out.options);
    h.message_id = m.ids.message_id;
    h.from = any_address();
    h.to = any_addresses(4);
    h.cc = any_addresses(3);
    h.subject = any_text(kLimits.subject_bytes);
    h.date = any_second();
    h.message_class = any_of({MessageClass::personal, MessageClass::advertisement, MessageClass::informational, MessageClass::automatic});
    h.priority = any_of({Priority::low, Priority::normal, Priority::high});
    h.delivery_report = coin();
    h.read_report = coin();
    h.sender_hidden = coin();
    if (coin()) h.expiry = When{std::nullopt, kSent + std::chrono::seconds(up_to(10'000'000))};
    if (h.expiry && out.options.dialect.expiry == ExpiryForm::delta) h.date = kSent;   // seconds count from Date
    if (release6) {
        h.applic_id = any_text(kLimits.subject_bytes);
        h.reply_applic_id = any_text(kLimits.subject_bytes);
        h.aux_applic_info = any_text(kLimits.subject_bytes);
        if (coin()) h.content_class = static_cast<std::uint8_t>(0x80 + up_to(7));
        h.drm_content = coin();
        h.adaptation_allowed = coin();
        m.relay_report = coin();
    }
    for (int i = 0, hops = up_to(3); i < hops; ++i) h.previously_sent.push_back({static_cast<std::uint32_t>(i), any_address(), coin() ? any_second() : Instant{}});
    m.forward_counter = h.previously_sent.empty() ? static_cast<std::uint32_t>(up_to(3)) : static_cast<std::uint32_t>(1 + up_to(5));
    for (int i = up_to(3); i > 0; --i) {
        std::string value = any_text(300);
        // Fields are kept as they stand: encoded words are not undone.
        if (value.empty() || !is_ascii(value)) value = "x";
        h.extension_fields.push_back({"X-Mms-Extra-" + std::to_string(i), value});
    }
    m.ack_requested = coin();
    m.sender = any_mailbox();
    m.originator_system = any_mailbox();
    m.content = any_content();
    keep_domain(m.phone_domains, *h.from);
    for (const auto* list : {&h.to, &h.cc})
        for (const Address& address : *list) keep_domain(m.phone_domains, address);
    for (const PreviouslySent& hop : h.previously_sent) keep_domain(m.phone_domains, hop.by);
    m.from_domain = domain_for(*h.from);
    out.options.phone_domains = m.phone_domains;
    return out;
}

Given any_response() {
    Given out{Response(), any_options()};
    auto& m = std::get<Response>(out.message);
    m.type = any_of({MessageType::forward_res, MessageType::delivery_report_res, MessageType::read_reply_report_res});
    m.version = out.options.dialect.version;
    m.ids = any_ids(out.options);
    m.status = any_of<std::string>({"Ok", "Error-unspecified", "Error-network-problem", "Error-of my own"});
    m.status_text = any_text(kLimits.status_text_bytes);
    m.sender = any_mailbox();
    m.to = coin() ? any_mailbox() : std::string();
    m.request_recipients = any_addresses(3);
    return out;
}

template <class Report>
Report any_report(EncodeOptions& options) {
    Report m;
    m.version = options.dialect.version;
    m.ids = any_ids(options);
    m.recipient = coin() ? Address{Kind::phone, "+41790000001", {}} : Address{Kind::mailbox, any_mailbox(), {}};
    m.originator = any_address();
    m.date = any_second();
    m.ack_requested = coin();
    m.status_text = any_text(kLimits.status_text_bytes);
    if (has_release6(options)) m.applic_id = any_text(kLimits.subject_bytes);
    m.sender = any_mailbox();
    m.recipient_domain = domain_for(m.recipient);
    m.originator_domain = domain_for(m.originator);
    keep_domain(options.phone_domains, m.recipient);
    keep_domain(options.phone_domains, m.originator);
    return m;
}
Given any_delivery_report() {
    Given out{{}, any_options()};
    auto m = any_report<DeliveryReportReq>(out.options);
    m.status = any_of({DeliveryStatus::expired, DeliveryStatus::retrieved, DeliveryStatus::rejected, DeliveryStatus::deferred, DeliveryStatus::unrecognised, DeliveryStatus::indeterminate,
                       DeliveryStatus::forwarded});
    if (has_release6(out.options)) {
        if (coin()) m.forward_to_originator = coin();
        if (m.status == DeliveryStatus::rejected) m.status_extension = any_of<std::string>({"", std::string(kRejectedByRecipient), "Because of me"});
    }
    out.message = std::move(m);
    return out;
}
Given any_read_report() {
    Given out{{}, any_options()};
    auto m = any_report<ReadReplyReportReq>(out.options);
    m.status = any_of({ReadStatus::read, ReadStatus::deleted_unread});
    out.message = std::move(m);
    return out;
}

DecodeOptions reading_back() {
    DecodeOptions out = reading();
    out.now = kSent;
    return out;
}

/// The names of files stand in a parameter, too, which is then the part's own.
void expect_reads_back(Given (*any)()) {
    setenv("RC_PARAMS", "seed=20261120 max_success=300", 0);
    const bool held = rc::check("what is read is what was written", [any] {
        const Given given = any();
        Result<Octets> mail = encode(given.message, given.options);
        if (!mail) RC_LOG() << mail.error().rule << "\n";
        RC_ASSERT(mail.has_value());
        RC_LOG() << *mail << "\n";
        RC_ASSERT(is_clean(*mail));
        for (bool lenient : {true, false}) {
            DecodeOptions options = reading_back();
            options.dialect.lenient = lenient;
            auto back = decode(*mail, options);
            if (!back) RC_LOG() << back.error().rule << "\n";
            RC_ASSERT(back.has_value());
            RC_ASSERT(type_of(*back) == type_of(given.message));
            std::visit([](const auto& read) { for (const std::string& note : read.notes) RC_LOG() << note << "\n"; }, *back);
            RC_ASSERT(*back == given.message);
        }
    });
    cr_expect(held);
}

/// A mail with a few octets changed, taken out, or put twice.
Octets spoilt(Octets mail) {
    for (int i = up_to(6); i > 0 && !mail.empty(); --i) {
        const auto at = static_cast<std::size_t>(up_to(static_cast<int>(mail.size()) - 1));
        switch (up_to(3)) {
            case 0: mail[at] = any_of({'\0', '\r', '\n', ' ', '"', '<', '>', ',', ':', '\x7F', '\xFF', '=', '0'}); break;
            case 1: mail.erase(at, static_cast<std::size_t>(up_to(40))); break;
            case 2: mail.insert(at, mail.substr(at / 2, static_cast<std::size_t>(up_to(60)))); break;
            default: mail.insert(at, any_of<std::string>({"\r\n", "\r\n ", "\r\nX-Mms-A: ", "=?utf-8?B?", "\"", "/TYPE=PLMN", "\r\nTo: ", ";"})); break;
        }
    }
    return mail;
}

}   // namespace

Test(mm4_properties, forward_requests_read_back) { expect_reads_back(any_forward); }
Test(mm4_properties, responses_read_back) { expect_reads_back(any_response); }
Test(mm4_properties, delivery_reports_read_back) { expect_reads_back(any_delivery_report); }
Test(mm4_properties, read_reports_read_back) { expect_reads_back(any_read_report); }

Test(mm4_properties, what_was_read_once_is_read_the_same_ever_after) {
    setenv("RC_PARAMS", "seed=20261120 max_success=1000", 0);
    std::size_t messages = 0;
    const bool held = rc::check("reading what was written of what was read changes nothing more", [&messages] {
        constexpr Given (*kKinds[])() = {any_forward, any_response, any_delivery_report, any_read_report};
        const Given given = kKinds[up_to(3)]();
        Result<Octets> mail = encode(given.message, given.options);
        RC_ASSERT(mail.has_value());
        const Octets wild = spoilt(*mail);
        RC_LOG() << wild << "\n";
        auto first = decode(wild, reading_back());
        if (!first) return;
        ++messages;
        // Written and read twice: the second time nothing is left to put right.
        EncodeOptions options = writing();
        options.dialect.version = std::visit([](const auto& m) { return m.version; }, *first);
        auto again = [&](const auto& message) {
            if (const auto* forward = std::get_if<ForwardReq>(&message)) options.phone_domains = forward->phone_domains;
            Result<Octets> out = encode(message, options);
            if (!out) RC_LOG() << out.error().rule << "\n";
            RC_ASSERT(out.has_value());
            RC_LOG() << *out << "\n";
            RC_ASSERT(is_clean(*out));
            auto back = decode(*out, reading_back());
            if (!back) RC_LOG() << back.error().rule << "\n";
            RC_ASSERT(back.has_value());
            std::visit([](auto& read) { read.notes.clear(); }, *back);
            return *std::move(back);
        };
        const auto second = again(*first);
        RC_ASSERT(again(second) == second);
    });
    cr_expect(held);
    cr_expect(messages > 100, "%zu", messages);
}
