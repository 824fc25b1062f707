#include "daemon/mm1/submission.h"

#include <criterion/criterion.h>

#include <string>

using namespace mmgate;
using namespace mmgate::mm1;
using namespace std::string_literals;
using std::chrono::hours;

namespace {

const Address kSender{Address::Kind::phone, "+447700900001", {}};
const Instant kNow(Seconds(1'767'323'045));

Config sample() {
    Config config;
    config.domain = "mms.example.net";
    config.numbering = {"44", "0", "00"};
    config.subscribers = {{"+447700"}};
    config.recipients = 5;
    config.lifetime = hours(24 * 7);
    config.submission_memory = hours(1);
    config.report_delay = Seconds(5);
    return config;
}

// Counts up: what it gives is known and never the same.
class Counting final : public Random {
public:
    Octets octets(std::size_t count) override { return Octets(count, static_cast<char>(++last_)); }
    std::uint32_t below(std::uint32_t) override { return 0; }

private:
    unsigned last_ = 0;
};

// An M-Send.req of one text part; `fields` are octets between From and Content-Type.
Octets send_req(const std::string& fields, const std::string& id = "T1", std::uint8_t version = 0x92) {
    return "\x8C\x80\x98"s + id + "\0\x8D"s + static_cast<char>(version) + "\x89\x01\x81"s + fields + "\x84\xA3\x01\x04\x02\x03\x83\x81\xEAHi"s;
}
std::string to(const std::string& address) { return "\x97"s + address + "\0"s; }
std::string cc(const std::string& address) { return "\x82"s + address + "\0"s; }
std::string bcc(const std::string& address) { return "\x81"s + address + "\0"s; }

Result<Submission> submit(const Octets& pdu, const Config& config = sample()) {
    auto read = read_submission(pdu);
    cr_assert(read.has_value(), "%s", read ? "" : read.error().rule.c_str());
    Counting random;
    return submission_of(std::move(*read), kSender, "10.0.0.1", config, Router(config), random, kNow);
}

}   // namespace

Test(submission, makes_a_message_of_the_one_who_is_trusted) {
    const auto made = submit(send_req(to("07700900123/TYPE=PLMN") + cc("A@B.Example") + bcc("+447700900125/TYPE=PLMN") + "\x96Hello\0"s + "\x86\x80"s));
    cr_assert(made.has_value() && !made->partial);
    const Message& message = made->enqueue.message;
    cr_expect(message.kind == MessageKind::mm && message.interface == Interface::mm1 && message.originator == kSender && message.peer == "[10.0.0.1]");
    cr_expect(message.originator_mms_version == 0x92 && message.return_path.empty() && !message.automatic);
    cr_expect(message.arrival == kNow && message.expires == kNow + hours(24 * 7) && message.size_bytes == made->enqueue.content.size());
    cr_expect(message.headers.from == kSender && message.headers.subject == "Hello" && message.headers.delivery_report && message.headers.date == kNow);
    cr_expect(message.headers.to.size() == 1 && message.headers.to[0].value == "+447700900123", "a number is shown as it is reached");
    cr_expect(message.headers.cc.size() == 1 && message.headers.cc[0].value == "A@b.example");
    cr_assert(message.recipients.size() == 3);
    const Recipient &first = message.recipients[0], &second = message.recipients[1], &third = message.recipients[2];
    cr_expect(first.address.value == "+447700900123" && first.role == RecipientRole::to && first.route == "mm1" && first.lane == "mm1" && first.token == Octets(16, 1));
    cr_expect(second.route == "mail" && second.role == RecipientRole::cc && second.lane == "mail:b.example" && second.token.empty());
    cr_expect(third.role == RecipientRole::bcc && third.token == Octets(16, 2));
    for (const Recipient& recipient : message.recipients) cr_expect(recipient.state == RecipientState::queued && recipient.next_attempt == kNow && !recipient.report_due);
    cr_expect(made->enqueue.submission.has_value() && made->enqueue.submission_until == kNow + hours(1));
    cr_expect(made->enqueue.events.size() == 1 && made->enqueue.events[0].what == "accepted");
    cr_expect(made->enqueue.content.starts_with("\xA3\x01"), "Content-Type and body, as they stand behind octet 84");
}

Test(submission, knows_the_same_from_another) {
    const std::string there = to("+447700900123");
    const auto key = [](const Octets& pdu, const Address& sender = kSender) {
        auto read = read_submission(pdu);
        Counting random;
        const Config config = sample();
        return *submission_of(std::move(*read), sender, "10.0.0.1", config, Router(config), random, kNow)->enqueue.submission;
    };
    const SubmissionKey one = key(send_req(there));
    cr_expect(key(send_req(there)) == one);
    cr_expect(key(send_req(there, "T2")) != one, "another transaction");
    cr_expect(key(send_req(there), {Address::Kind::phone, "+447700900002", {}}) != one, "another phone");
    cr_expect(key(send_req(there + "\x96x\0"s)) != one, "another message under the same transaction id");
}

Test(submission, ends_recipients_that_cannot_be_reached_and_keeps_the_others) {
    const auto made = submit(send_req(to("+447700900123") + to("+999123") + cc("12345") + to("@@") + cc("a@b.example")));
    cr_assert(made.has_value() && made->partial);
    const auto& recipients = made->enqueue.message.recipients;
    cr_assert(recipients.size() == 5);
    struct Row {
        RecipientState state;
        Fault fault;
    };
    constexpr Row kRows[] = {{RecipientState::queued, Fault::internal},
                             {RecipientState::failed, Fault::recipient_unknown},
                             {RecipientState::failed, Fault::recipient_unknown},
                             {RecipientState::queued, Fault::internal},
                             {RecipientState::failed, Fault::recipient_syntax}};
    for (std::size_t i = 0; i < recipients.size(); ++i) {
        cr_expect(recipients[i].state == kRows[i].state && recipients[i].fault == kRows[i].fault, "%zu", i);
        cr_expect(recipients[i].report_due == is_end(kRows[i].state), "%zu", i);
        if (is_end(kRows[i].state)) cr_expect(!recipients[i].reason.empty() && recipients[i].enhanced_status.starts_with("5.1.") && recipients[i].next_attempt == kNow);
    }
    cr_expect(made->enqueue.report_at == kNow + Seconds(5));
    cr_expect(made->enqueue.events.size() == 4);
    struct Answer {
        std::uint8_t version, status;
    };
    for (const Answer& answer : {Answer{0x90, 0x80}, Answer{0x91, 0x80}, Answer{0x92, 0xC4}, Answer{0x93, 0xC4}})
        cr_expect(accepted_status(*made, answer.version) == answer.status, "%02x", answer.version);
    cr_expect(accepted_status(Submission{}, 0x93) == 0x80);
    // Nobody is told of what befell an automatic message.
    const auto automatic = submit(send_req(to("+447700900123") + to("+999123") + "\x8A\x83"s));
    cr_expect(automatic && automatic->enqueue.message.automatic && !automatic->enqueue.message.recipients[1].report_due);
}

Test(submission, counts_an_address_once) {
    const auto made = submit(send_req(to("+447700900123/TYPE=PLMN") + to("07700900123") + cc("+447700900123@mms.example.net") + bcc("0044 7700 900123")));
    cr_assert(made.has_value());
    cr_expect(made->enqueue.message.recipients.size() == 1 && made->enqueue.message.recipients[0].role == RecipientRole::to && !made->partial);
}

Test(submission, refuses_what_has_nowhere_to_go) {
    struct Row {
        const char* name;
        std::string fields;
        Fault fault;
    };
    const Row rows[] = {
        {"no recipient", "", Fault::no_recipients},
        {"one unknown", to("+999123"), Fault::recipient_unknown},
        {"none that is an address", to("@@"), Fault::recipient_syntax},
        {"hidden, and all are mail", "\x94\x80"s + to("a@b.example") + to("c@b.example"), Fault::hidden_sender},
        {"one too many", to("a@b.example") + to("b@b.example") + to("c@b.example") + to("d@b.example") + to("e@b.example") + to("@@"), Fault::sender_denied},
    };
    for (const Row& row : rows) {
        const auto made = submit(send_req(row.fields));
        cr_expect(!made && made.error().fault == row.fault, "%s", row.name);
    }
    cr_expect(submit(send_req(to("a@b.example") + to("b@b.example") + to("c@b.example") + to("d@b.example") + to("e@b.example"))).has_value(), "as many as there may be");
}

Test(submission, hides_the_sender_from_phones_alone) {
    const auto made = submit(send_req("\x94\x80"s + to("+447700900123") + to("a@b.example")));
    cr_assert(made.has_value() && made->partial);
    const Message& message = made->enqueue.message;
    cr_expect(!message.headers.from && message.headers.sender_hidden && message.originator == kSender);
    cr_expect(message.recipients[0].state == RecipientState::queued);
    cr_expect(message.recipients[1].state == RecipientState::failed && message.recipients[1].fault == Fault::hidden_sender && message.recipients[1].report_due);
}

Test(submission, lives_as_long_as_was_asked_within_limits) {
    struct Row {
        const char* name;
        std::string fields;
        Seconds begin, end;
    };
    const Seconds week = hours(24 * 7);
    const Row rows[] = {
        {"unasked", "", Seconds(0), week},
        {"a day", "\x88\x05\x81\x03\x01\x51\x80"s, Seconds(0), hours(24)},
        {"nothing", "\x88\x03\x81\x01\x00"s, Seconds(0), Seconds(60)},
        {"a month", "\x88\x05\x81\x03\x27\x8D\x00"s, Seconds(0), week},
        {"until a date long past", "\x88\x06\x80\x04\x10\x00\x00\x00"s, Seconds(0), Seconds(60)},
        {"beyond all calendars", "\x88\x0A\x81\x08\x7F\xFF\xFF\xFF\xFF\xFF\xFF\xFF"s, Seconds(0), week},
        {"delivered in a day", "\x87\x05\x81\x03\x01\x51\x80"s, hours(24), hours(24) + week},
        {"delivered in a day, expired in an hour", "\x87\x05\x81\x03\x01\x51\x80\x88\x04\x81\x02\x0E\x10"s, hours(24), hours(24) + Seconds(60)},
        {"delivered in a month", "\x87\x05\x81\x03\x27\x8D\x00"s, week, 2 * week},
        {"delivered in the past", "\x87\x06\x80\x04\x10\x00\x00\x00"s, Seconds(0), week},
    };
    for (const Row& row : rows) {
        const auto made = submit(send_req(to("+447700900123") + row.fields));
        cr_assert(made.has_value(), "%s", row.name);
        const Message& message = made->enqueue.message;
        cr_expect(message.recipients[0].next_attempt == kNow + row.begin && message.expires == kNow + row.end, "%s", row.name);
    }
}

Test(submission, corrects_a_clock_that_is_far_off) {
    const auto date_of = [](std::int64_t seconds) {
        std::string octets = "\x85\x04"s;
        for (int shift : {24, 16, 8, 0}) octets += static_cast<char>((seconds >> shift) & 0xFF);
        return submit(send_req(to("+447700900123") + octets))->enqueue.message.headers.date;
    };
    const std::int64_t now = kNow.time_since_epoch().count() / 1000;
    cr_expect(date_of(now - 3600) == kNow - hours(1));
    cr_expect(date_of(now + 86'400) == kNow + hours(24));
    cr_expect(date_of(now + 86'401) == kNow && date_of(now - 86'401) == kNow && date_of(0) == kNow);
}
