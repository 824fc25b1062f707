#include "mapping/mail/disposition.h"

#include <criterion/criterion.h>

#include <algorithm>

#include "mapping/limits.h"
#include "mapping/mail/mail_to_mm.h"
#include "mapping/mail/mime_tree.h"

using namespace mmgate;
using namespace mmgate::mail;

namespace {

constexpr Instant kNow = Instant(std::chrono::seconds(1'780'000'000));

DispositionOptions sample() {
    DispositionOptions out;
    out.message_id = "mdn.1@mms.example.net";
    out.hostname = "gw1.mms.example.net";
    out.reader = {Address::Kind::mailbox, "+447700900123@mms.example.net", {}};
    out.to = "anna@x.example";
    out.original_message_id = "1@x.example";
    out.original_recipient = "rfc822;phone@x.example";
    out.subject = "Grüße";
    out.at = kNow - std::chrono::minutes(5);
    out.now = kNow;
    out.boundary_seed = "s1";
    return out;
}

/// A notification with these fields in its second part.
std::string notification(std::string_view fields, std::string_view type = "message/disposition-notification", std::string_view encoding = {}) {
    std::string out =
        "From: phone@x.example\r\nTo: <anna@x.example>\r\nMIME-Version: 1.0\r\nContent-Type: multipart/report; report-type=disposition-notification; boundary=b\r\n\r\n"
        "--b\r\n\r\nIt was read.\r\n--b\r\nContent-Type: ";
    out += std::string(type) + "\r\n";
    if (!encoding.empty()) out += "Content-Transfer-Encoding: " + std::string(encoding) + "\r\n";
    return out + "\r\n" + std::string(fields) + "\r\n--b--\r\n";
}

std::optional<ReceivedDisposition> read(const std::string& mail) {
    auto got = read_disposition(mail);
    cr_assert(got, "%s", got ? "" : got.error().rule.c_str());
    return *got;
}

}   // namespace

Test(disposition, what_we_write_we_read) {
    for (const ReadStatus status : {ReadStatus::read, ReadStatus::deleted_unread}) {
        DispositionOptions options = sample();
        options.status = status;
        const Octets mail = make_disposition(options);
        const auto back = read(mail);
        cr_assert(back);
        cr_expect(back->original_message_id == "1@x.example" && back->final_recipient == "+447700900123@mms.example.net" && back->status == status);
        const HeaderBlock header = *scan_header(mail);
        cr_expect(decode_text(header.find("Subject")->folded) == (status == ReadStatus::read ? "Read: Grüße" : "Deleted without being read: Grüße"));
        cr_expect(unfolded(header.find("Auto-Submitted")->folded) == "auto-replied");
        for (std::size_t at = 0; at < mail.size();) {
            const std::size_t end = std::min(mail.find("\r\n", at), mail.size());
            const std::string line = mail.substr(at, end - at);
            cr_expect(line.size() <= kLimits.mail_line_bytes && std::ranges::all_of(line, [](char c) { return (c >= ' ' && c < 0x7F) || c == '\t'; }), "%s", line.c_str());
            at = end + 2;
        }
    }
}

Test(disposition, what_is_not_known_is_left_out) {
    DispositionOptions options = sample();
    options.original_message_id.clear();
    options.original_recipient.clear();
    options.subject.clear();
    const Octets mail = make_disposition(options);
    for (const char* field : {"Original-Message-ID", "Original-Recipient", "In-Reply-To", "References"}) cr_expect(mail.find(field) == Octets::npos, "%s", field);
    cr_expect(mail.find("Subject: Read: your message\r\n") != Octets::npos);
    const auto back = read(mail);
    cr_expect(back && back->original_message_id.empty() && back->status == ReadStatus::read);
}

Test(disposition, no_value_begins_a_field) {
    DispositionOptions options = sample();
    options.subject = "a\r\nBcc: everybody@x.example\r\n\r\nbody" + std::string(5000, 'x');
    const Octets mail = make_disposition(options);
    cr_expect(mail.find("\r\nBcc:") == Octets::npos);
    const auto back = read(mail);
    cr_expect(back && back->status == ReadStatus::read);
}

Test(disposition, each_type_has_its_meaning) {
    struct Row {
        const char* written;
        std::optional<ReadStatus> status;
    };
    constexpr Row kRows[] = {
        {"manual-action/MDN-sent-manually; displayed", ReadStatus::read},
        {"automatic-action/MDN-sent-automatically; Displayed", ReadStatus::read},
        {"manual-action/MDN-sent-manually;displayed/warning,expired", ReadStatus::read},
        {"manual-action/MDN-sent-manually; displayed/ERROR", std::nullopt},
        {"manual-action/MDN-sent-manually; deleted / expired , error", std::nullopt},
        {"manual-action/MDN-sent-manually; displayed/x-error,errors", ReadStatus::read},
        {"manual-action/MDN-sent-manually; DELETED", ReadStatus::deleted_unread},
        {"manual-action/MDN-sent-manually; dispatched", std::nullopt},
        {"automatic-action/MDN-sent-automatically; processed", std::nullopt},
        {"automatic-action/MDN-sent-automatically; failed", std::nullopt},
        {"manual-action/MDN-sent-manually; displayedly", std::nullopt},
        {"displayed", std::nullopt},
        {"", std::nullopt},
        {";", std::nullopt},
    };
    for (const Row& row : kRows) {
        const auto got = read(notification("Final-Recipient: rfc822;phone@x.example\r\nOriginal-Message-ID: <1@x.example>\r\nDisposition: " + std::string(row.written) + "\r\n"));
        cr_assert(got, "%s", row.written);
        cr_expect(got->status == row.status, "%s", row.written);
        cr_expect(got->final_recipient == "phone@x.example" && got->original_message_id == "1@x.example");
    }
}

Test(disposition, fields_as_others_write_them) {
    struct Row {
        const char *name, *fields, *message_id, *recipient;
    };
    constexpr Row kRows[] = {
        {"folded", "final-recipient: rfc822;\r\n phone@x.example\r\noriginal-message-id:\r\n <1@x.example>\r\n", "1@x.example", "phone@x.example"},
        {"without brackets", "Original-Message-ID: 1@x.example\r\nFinal-Recipient: RFC822; <phone@x.example>\r\n", "1@x.example", "phone@x.example"},
        {"no address type", "Final-Recipient: phone@x.example\r\n", "", ""},
        {"nothing", "Reporting-UA: x\r\n", "", ""},
    };
    for (const Row& row : kRows) {
        const auto got = read(notification(row.fields));
        cr_assert(got, "%s", row.name);
        cr_expect(got->original_message_id == row.message_id && got->final_recipient == row.recipient && !got->status, "%s: %s, %s", row.name, got->original_message_id.c_str(), got->final_recipient.c_str());
    }
    const auto encoded = read(notification("RGlzcG9zaXRpb246IGEvYjsgZGlzcGxheWVkDQo=\r\n", "message/disposition-notification", "base64"));
    cr_expect(encoded && encoded->status == ReadStatus::read, "base64");
    const auto global = read(notification("Disposition: a/b; displayed\r\n", "message/global-disposition-notification"));
    cr_expect(global && global->status == ReadStatus::read, "RFC 6533");
    const auto large = read(notification("Original-Message-ID: <" + std::string(5000, 'x') + ">\r\n"));
    cr_expect(large && large->original_message_id.size() <= kLimits.message_id_bytes);
}

Test(disposition, the_returned_header_names_what_no_field_does) {
    struct Row {
        const char *fields, *part, *message_id;
    };
    constexpr Row kRows[] = {
        {"Disposition: a/b; displayed\r\n", "Content-Type: text/rfc822-headers\r\n\r\nSubject: s\r\nMessage-ID:\r\n <1@x.example>\r\n", "1@x.example"},
        {"Disposition: a/b; displayed\r\n", "Content-Type: message/rfc822\r\n\r\nMessage-ID: <1@x.example>\r\n\r\ntext", "1@x.example"},
        {"Original-Message-ID: <2@x.example>\r\n", "Content-Type: text/rfc822-headers\r\n\r\nMessage-ID: <1@x.example>\r\n", "2@x.example"},
        {"Disposition: a/b; displayed\r\n", "Content-Type: text/plain\r\n\r\nMessage-ID: <1@x.example>\r\n", ""},
        {"Disposition: a/b; displayed\r\n", "Content-Type: text/rfc822-headers\r\n\r\nSubject: s\r\n", ""},
    };
    for (const Row& row : kRows) {
        std::string mail = notification(row.fields);
        mail.insert(mail.rfind("--b--"), "--b\r\n" + std::string(row.part) + "\r\n");
        const auto got = read(mail);
        cr_expect(got && got->original_message_id == row.message_id, "%s", row.part);
    }
}

Test(disposition, what_is_none) {
    const std::string rows[] = {
        "From: a@x.example\r\n\r\nDisposition: a/b; displayed\r\n",
        "From: a@x.example\r\nContent-Type: message/disposition-notification\r\n\r\nDisposition: a/b; displayed\r\n",
        "From: a@x.example\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Type: message/disposition-notification\r\n\r\nDisposition: a/b; displayed\r\n--b--\r\n",
        notification("Action: delivered\r\n", "message/delivery-status"),
        "",
    };
    for (const std::string& mail : rows) {
        auto got = read_disposition(mail);
        cr_expect(!got || !*got, "%s", mail.c_str());
    }
}
