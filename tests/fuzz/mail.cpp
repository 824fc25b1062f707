// Fuzzes the mail mapping: any octets as a mail in, what came of it out again as mail, and that mail in once more.
#include <cstdint>
#include <cstdlib>

#include "mapping/limits.h"
#include "mapping/mail/mail_to_mm.h"
#include "mapping/mail/mm_to_mail.h"
#include "mapping/mail/report_mail.h"

using namespace mmgate;
using namespace mmgate::mail;

namespace {

constexpr Instant kNow = Instant(std::chrono::seconds(1'780'000'000));

void require(bool holds) {
    if (!holds) std::abort();
}

/// What every mail of ours keeps: ASCII without controls, CRLF, short lines.
void require_clean(const Octets& mail) {
    std::size_t line = 0;
    for (std::size_t i = 0; i < mail.size(); ++i) {
        auto c = static_cast<unsigned char>(mail[i]);
        if (c == '\r') {
            require(i + 1 < mail.size() && mail[i + 1] == '\n' && i - line <= kLimits.mail_line_bytes);
            line = ++i + 1;
        } else {
            require((c >= ' ' && c < 0x7F) || c == '\t');
        }
    }
}

void require_sane(const ReceivedMail& received) {
    const MmHeaders& h = received.mm.headers;
    require(h.from.has_value() && h.subject.size() <= kLimits.subject_bytes);
    require(h.subject.find_first_of(std::string_view("\r\n\0", 3)) == std::string::npos);
    require(!received.mm.content.parts.empty() && received.mm.content.parts.size() <= kLimits.pdu_parts);
}

MailToMmOptions reading(bool application) {
    MailToMmOptions out;
    out.now = kNow;
    out.return_path = "a@b.example";
    out.our_domains = {"mms.example.net"};
    out.numbering = {"44", "0", "00"};
    out.application_allowed = application;
    out.application_ids = {"MEM"};
    return out;
}

MmToMailOptions writing() {
    MmToMailOptions out;
    out.message_id = "id@mms.example.net";
    out.domain = "mms.example.net";
    out.hostname = "gw.mms.example.net";
    out.queue_id = "0123456789ABC";
    out.boundary_seed = "0123456789ABC";
    out.received_at = kNow;
    out.keep_smil = true;
    out.keep_applic_id = true;
    return out;
}

}   // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    Bytes mail(reinterpret_cast<const char*>(data), size);
    if (auto dsn = read_dsn(mail); dsn && *dsn) {
        require((*dsn)->text.size() <= 200);
        std::vector<RecipientReport> reports;
        for (const ReceivedDsn::Recipient& r : (*dsn)->recipients) {
            RecipientReport report;
            report.recipient = {Address::Kind::mailbox, r.final_recipient, {}};
            report.status = static_cast<DeliveryStatus>(size % 8);
            report.enhanced_status = r.status;
            report.diagnostic = r.diagnostic;
            report.remote_mta = r.action;
            report.original_recipient = r.original_recipient;
            reports.push_back(std::move(report));
        }
        DsnOptions options;
        options.message_id = "dsn@mms.example.net";
        options.hostname = "gw.mms.example.net";
        options.from = "postmaster@mms.example.net";
        options.to = "a@b.example";
        options.envelope_id = (*dsn)->envelope_id;
        options.arrival = options.now = kNow;
        options.original_header = Octets(mail.substr(0, 4000));
        options.boundary_seed = "dsn";
        require_clean(make_dsn(reports, options));
        require(make_service_message(reports, (*dsn)->text, kNow).parts.size() == 1);
    }
    auto received = mail_to_mm(mail, reading(size % 2 == 1));
    if (!received) return 0;
    require_sane(*received);
    auto out = mm_to_mail(received->mm.headers, received->mm.content, writing());
    if (!out) return 0;
    require_clean(*out);
    MailToMmOptions again = reading(false);
    again.our_domains.clear();
    auto back = mail_to_mm(*out, again);
    require(back.has_value());
    require_sane(*back);
    require(back->mm.headers.subject == received->mm.headers.subject || !received->mm.headers.applic_id.empty());
    return 0;
}
