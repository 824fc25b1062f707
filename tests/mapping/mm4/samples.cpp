#include "samples.h"

#include <algorithm>

#include "mapping/limits.h"
#include "mapping/mail/header_scan.h"
#include "mapping/mm4/words.h"

namespace mmgate::mm4 {

namespace {

using mail::same_name;

const std::vector<SampleField> kOfRequests{
    {"From", "+41790000001/TYPE=PLMN@mms.a.example"},
    {"To", "+48600000002/TYPE=PLMN@mms.b.example"},
};
const std::vector<SampleField> kOfAll{
    {"Date", std::string(kSentText)},
    {"Sender", "system-user@mms.a.example"},
    {"Message-ID", "<q1.7f3a@mms.a.example>"},
    {"MIME-Version", "1.0"},
    {"X-Mms-3GPP-MMS-Version", "6.16.0"},
    {"X-Mms-Transaction-ID", "\"t-000042@mms.a.example\""},
    {"X-Mms-Message-ID", "\"m-7f3a@mms.a.example\""},
    {"Content-Type", "text/plain; charset=us-ascii"},
};

}   // namespace

SampleMail SampleMail::with(std::string_view name, std::string_view value) const { return without(name).also(name, value); }
SampleMail SampleMail::also(std::string_view name, std::string_view value) const {
    SampleMail out = *this;
    out.fields.push_back({std::string(name), std::string(value)});
    return out;
}
SampleMail SampleMail::without(std::string_view name) const {
    SampleMail out = *this;
    std::erase_if(out.fields, [&](const SampleField& field) { return same_name(field.name, name); });
    return out;
}
Octets SampleMail::text() const {
    Octets out;
    for (const SampleField& field : fields) out += field.name + ": " + field.value + "\r\n";
    return out + "\r\n" + body;
}

SampleMail sample_mail(MessageType type) {
    SampleMail out;
    out.fields = kOfAll;
    out.fields.push_back({"X-Mms-Message-Type", std::string(name_of(type))});
    if (is_response(type)) {
        out.fields.push_back({"To", "system-user@mms.b.example"});
        out.fields.push_back({"X-Mms-Request-Status-Code", "Ok"});
        return out;
    }
    out.fields.insert(out.fields.end(), kOfRequests.begin(), kOfRequests.end());
    if (type == MessageType::delivery_report_req) out.fields.push_back({"X-Mms-MM-Status-Code", "Rejected"});
    if (type == MessageType::read_reply_report_req) out.fields.push_back({"X-Mms-Read-Status", "Read"});
    if (type == MessageType::forward_req) out.body = "Hello\r\n";
    return out;
}

DecodeOptions reading() {
    DecodeOptions out;
    out.now = kSent + std::chrono::seconds(5);
    out.our_domains = {"mms.b.example"};
    out.peer_domains = {"mms.a.example"};
    out.envelope_from = "mms-daemon@mms.a.example";
    return out;
}
DecodeOptions reading_strictly() {
    DecodeOptions out = reading();
    out.dialect.lenient = false;
    return out;
}

EncodeOptions writing() {
    EncodeOptions out;
    out.domain = "mms.a.example";
    out.hostname = "mm4.a.example";
    out.queue_id = "0123456789ABC";
    out.peer_domain = "mms.b.example";
    out.boundary_seed = "0123456789ABC";
    out.internet_message_id = "q1.7f3a@mms.a.example";
    out.now = kSent;
    return out;
}

ForwardReq read_forward(const SampleMail& mail, const DecodeOptions& options) { return read_as<ForwardReq>(mail.text(), options); }

Error error_of(const Octets& mail, const DecodeOptions& options) {
    auto message = decode(mail, options);
    cr_assert(!message.has_value(), "read although it should not be:\n%s", mail.substr(0, 2000).c_str());
    return message.error();
}

Octets written(const AnyMessage& message, const EncodeOptions& options) {
    Result<Octets> out = encode(message, options);
    cr_assert(out.has_value(), "%s", out ? "" : out.error().rule.c_str());
    cr_expect(is_clean(*out), "%s", out->substr(0, 4000).c_str());
    return *std::move(out);
}

std::vector<std::string> values_of(const Octets& mail, std::string_view name) {
    Result<mail::HeaderBlock> header = mail::scan_header(mail);
    cr_assert(header.has_value());
    std::vector<std::string> out;
    for (const mail::HeaderField& field : header->fields)
        if (same_name(field.name, name)) out.push_back(mail::unfolded(field.folded));
    return out;
}
std::string value_of(const Octets& mail, std::string_view name) {
    std::vector<std::string> values = values_of(mail, name);
    return values.empty() ? std::string() : values.front();
}

bool is_clean(const Octets& mail) {
    std::size_t line = 0;
    for (std::size_t i = 0; i < mail.size(); ++i) {
        auto c = static_cast<unsigned char>(mail[i]);
        if (c == '\r' && i + 1 < mail.size() && mail[i + 1] == '\n') {
            if (i - line > kLimits.mail_line_bytes) return false;
            line = ++i + 1;
        } else if ((c < ' ' && c != '\t') || c >= 0x7F) {
            return false;
        }
    }
    return line == mail.size();
}

}   // namespace mmgate::mm4
