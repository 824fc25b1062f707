#include "daemon/read_report.h"

#include <criterion/criterion.h>

#include <algorithm>

#include "mapping/mail/disposition.h"
#include "mapping/mm1/messages.h"
#include "mapping/mm4/codec.h"

using namespace mmgate;
using namespace std::chrono_literals;

namespace {

constexpr Instant kNow{1'700'000'000'000ms};

struct Counting final : Random {
    char next = 0;
    Octets octets(std::size_t count) override {
        Octets out;
        while (out.size() < count) out += ++next;
        return out;
    }
    std::uint32_t below(std::uint32_t bound) override { return bound / 2; }
};

Config sample() {
    Config config;
    config.domain = "mms.example.net";
    config.hostname = "gw.example.net";
    config.numbering = {"44", "0", "00"};
    config.subscribers = {{"+447700"}};
    config.mm4_system = "mms-system";
    config.mm4_report_lifetime = 24h;
    config.lifetime = 7 * 24h;
    Peer peer;
    peer.name = "b";
    peer.domain = "mms.b.example";
    peer.version = "6.16.0";
    peer.prefixes = {"+48600"};
    config.peers = {peer};
    return config;
}

struct Bed {
    Config config = sample();
    Router router{config};
    Names names{Octets(32, 's'), "mms.example.net"};
    Counting random;

    std::optional<Settle> read(const Message& message, std::uint16_t index = 0, ReadStatus status = ReadStatus::read, Instant date = kNow - 10s) {
        return after_reading(message, index, status, date, {config, router, names, random, kNow});
    }
};

Message sample_mm(Interface interface) {
    Message message;
    message.id = {7};
    message.interface = interface;
    message.arrival = kNow - 1h;
    message.expires = kNow + 48h;
    message.headers.read_report = true;
    message.headers.message_id = "m1@b.example";
    message.headers.subject = "Grüße";
    message.headers.reply_applic_id = "reply-app";
    message.return_path = "anna@b.example";
    message.originator = interface == Interface::mail  ? Address{Address::Kind::mailbox, "anna@b.example", {}}
                         : interface == Interface::mm1 ? Address{Address::Kind::phone, "+447700900001", {}}
                                                       : Address{Address::Kind::phone, "+48600000002", {}};
    if (interface == Interface::mm4) message.mm4 = Mm4Origin{"b", "\"t1\"", "\"m1@b.example\"", "system-user@mms.b.example", false};
    Recipient recipient;
    recipient.address = {Address::Kind::phone, "+447700900123", {}};
    recipient.route = "mm1";
    recipient.state = RecipientState::delivered;
    recipient.original_recipient = "rfc822;phone@example.net";
    message.recipients = {recipient, recipient};
    message.recipients[1].address.value = "+447700900124";
    return message;
}

const Enqueue& only_report(const std::optional<Settle>& settle) {
    cr_assert(settle && settle->consequences.size() == 1);
    const Enqueue& report = settle->consequences[0];
    cr_assert(report.message.automatic && report.message.recipients.size() == 1 && report.message.reports_on == QueueId{7});
    return report;
}

}   // namespace

Test(read_report, reaches_a_phone_as_m_read_orig_ind) {
    for (const ReadStatus status : {ReadStatus::read, ReadStatus::deleted_unread}) {
        Bed bed;
        const auto settle = bed.read(sample_mm(Interface::mm1), 0, status);
        const Enqueue& report = only_report(settle);
        cr_expect(report.message.kind == MessageKind::push && report.message.recipients[0].address.value == "+447700900001" && report.message.recipients[0].lane == "mm1");
        mm1::ReadOrigInd want;
        want.version = mm1::answer_version(0);
        want.message_id = bed.names.message_id({7});
        want.reader = {Address::Kind::phone, "+447700900123", {}};
        want.originator = {Address::Kind::phone, "+447700900001", {}};
        want.date = kNow - 10s;
        want.status = status;
        want.applic_id = "reply-app";
        cr_expect(report.content == mm1::encode_read_orig_ind(want));
    }
}

Test(read_report, reaches_a_phone_of_1_0_as_a_message) {
    for (const ReadStatus status : {ReadStatus::read, ReadStatus::deleted_unread}) {
        Bed bed;
        Message message = sample_mm(Interface::mm1);
        message.originator_mms_version = 0x90;
        const auto settle = bed.read(message, 0, status);
        const Enqueue& report = only_report(settle);
        cr_expect(report.message.kind == MessageKind::mm && report.message.automatic && report.message.headers.message_class == MessageClass::automatic);
        cr_expect(report.message.recipients[0].address.value == "+447700900001" && report.message.recipients[0].lane == "mm1" && !report.message.recipients[0].token.empty());
        cr_expect(report.message.headers.subject == (status == ReadStatus::read ? "Read: Grüße" : "Deleted without being read: Grüße") && !report.message.headers.read_report);
        const auto content = mm1::decode_content(report.content);
        const std::string want = std::string("Your message \"Grüße\" of Tue, 14 Nov 2023 21:13:20 +0000 was ") + (status == ReadStatus::read ? "read" : "deleted without being read") +
                                 " by +447700900123 on Tue, 14 Nov 2023 22:13:10 +0000.";
        cr_assert(content && content->parts.size() == 1);
        cr_expect(content->parts[0].data == want, "%s", content->parts[0].data.c_str());
    }
}

Test(read_report, reaches_mail_as_a_disposition_notification) {
    Bed bed;
    const auto settle = bed.read(sample_mm(Interface::mail), 1, ReadStatus::deleted_unread);
    const Enqueue& report = only_report(settle);
    cr_expect(report.message.kind == MessageKind::mail && report.message.recipients[0].address.value == "anna@b.example" && report.message.return_path.empty());
    auto back = mail::read_disposition(report.content);
    cr_assert(back && *back);
    cr_expect((*back)->original_message_id == "m1@b.example" && (*back)->final_recipient == "+447700900124@mms.example.net" && (*back)->status == ReadStatus::deleted_unread);
}

Test(read_report, reaches_a_relay_as_its_own_message) {
    Bed bed;
    const auto settle = bed.read(sample_mm(Interface::mm4));
    const Enqueue& report = only_report(settle);
    cr_expect(report.message.kind == MessageKind::mm4 && report.message.recipients[0].route == "mm4:b");
    mm4::DecodeOptions options;
    options.now = kNow;
    auto back = mm4::decode(report.content, options);
    cr_assert(back && std::holds_alternative<mm4::ReadReplyReportReq>(*back));
    const auto& read = std::get<mm4::ReadReplyReportReq>(*back);
    cr_expect(read.ids.message_id == "m1@b.example" && read.recipient.value == "+447700900123" && read.status == ReadStatus::read && read.date == kNow - 10s);
}

Test(read_report, is_noted_once_for_each_recipient) {
    Bed bed;
    Message message = sample_mm(Interface::mm1);
    const auto first = bed.read(message, 0, ReadStatus::read);
    cr_assert(first && first->recipient.read == ReadStatus::read && first->was == std::vector{RecipientState::delivered});
    cr_expect(first->recipient.state == RecipientState::delivered && first->events.at(0).what == "read" && !first->report_at);
    message.recipients[0] = first->recipient;
    cr_expect(!bed.read(message, 0, ReadStatus::read) && !bed.read(message, 0, ReadStatus::deleted_unread), "what was read stays read");
    cr_expect(bed.read(message, 1, ReadStatus::deleted_unread)->events.at(0).what == "deleted-unread", "the other one reads for himself");
}

Test(read_report, goes_only_to_who_asked) {
    struct Row {
        const char* name;
        Interface interface;
        bool asked, automatic;
        const char* return_path;
        std::size_t reports;
        const char* last_event;
    };
    constexpr Row kRows[] = {
        {"a phone that asked", Interface::mm1, true, false, "", 1, "read"},
        {"a phone that did not", Interface::mm1, false, false, "", 0, "read"},
        {"an automatic message", Interface::mm1, true, true, "", 0, "read"},
        {"mail from nobody", Interface::mail, true, false, "", 0, "report-impossible"},
        {"mail", Interface::mail, true, false, "anna@b.example", 1, "read"},
        {"another interface", Interface::mm7, true, false, "", 0, "report-impossible"},
    };
    for (const Row& row : kRows) {
        Bed bed;
        Message message = sample_mm(row.interface);
        if (row.interface == Interface::mm7) message.originator = {};
        message.headers.read_report = row.asked;
        message.automatic = row.automatic;
        message.return_path = row.return_path;
        const auto settle = bed.read(message);
        cr_assert(settle, "%s", row.name);
        cr_expect(settle->consequences.size() == row.reports && settle->events.back().what == row.last_event && settle->recipient.read == ReadStatus::read, "%s", row.name);
    }
    Bed bed;
    Message gone = sample_mm(Interface::mm4);
    gone.mm4->peer = "a peer of former times";
    cr_expect(bed.read(gone)->consequences.empty() && bed.read(gone)->events.back().what == "report-impossible");
    Message report = sample_mm(Interface::mm1);
    report.reports_on = QueueId{3};
    cr_expect(!bed.read(report), "reports are not reported on");
}

Test(read_report, keeps_the_date_of_reading_possible) {
    struct Row {
        const char* name;
        Instant said, written;
    };
    const Row rows[] = {
        {"as said", kNow - 10s, kNow - 10s},
        {"before it came", kNow - 2h, kNow - 1h},
        {"in times to come", kNow + 24h, kNow},
    };
    for (const Row& row : rows) {
        Bed bed;
        const auto settle = bed.read(sample_mm(Interface::mm4), 0, ReadStatus::read, row.said);
        mm4::DecodeOptions options;
        options.now = kNow;
        auto back = mm4::decode(only_report(settle).content, options);
        cr_assert(back, "%s", row.name);
        cr_expect(std::get<mm4::ReadReplyReportReq>(*back).date == row.written, "%s", row.name);
    }
}
