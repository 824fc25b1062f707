// Records round the disk, and what is not a record.
#include "store/records.h"

#include <random>

#include <criterion/criterion.h>

#include "store/fault_numbers.h"
#include "tests/store/samples.h"

using namespace mmgate;
using namespace mmgate::samples;

namespace {

Tracked full_message() {
    Tracked out;
    out.message = enqueue({recipient("+447700900001")}).message;
    out.message.id = {};   // stands in the key
    out.report_at = at(1);
    out.purge_at = at(2);
    out.has_content = true;
    out.original_header_bytes = 77;
    out.content_sum = 0xFEDC'BA98'7654'3210;
    return out;
}

Recipient full_recipient() {
    Recipient out = recipient("+447700900001");
    out.role = RecipientRole::bcc;
    out.state = RecipientState::held;
    out.held_from = RecipientState::fetched;
    out.deleted_from = RecipientState::notified;
    out.attempts = 12;
    out.reason = "451 4.4.1 later";
    out.enhanced_status = "4.4.1";
    out.fault = Fault::peer_deferred;
    out.remote_mta = "mx.example.org";
    out.expiry_told = 3600;
    out.notified_since_fetch = 2;
    out.unconfirmed = out.report_due = out.report_expected = true;
    out.report_allowed = false;
    return out;
}

// Every kind of record, encoded, and its reader.
struct Kind {
    const char* name;
    Octets octets;
    std::function<bool(Bytes)> reads;
};
std::vector<Kind> every_kind() {
    records::Encoder encoder;
    const std::vector<Event> events = {{at(1), 3, "notified", "accepted"}, {at(2), std::nullopt, "", ""}};
    return {
        {"meta", Octets(encoder.meta({1, Octets(32, 's'), 0})), [](Bytes octets) { return records::meta_of(octets).has_value(); }},
        {"tally", Octets(encoder.tally({1, 2, 3, 4, 5, {6, 7}})), [](Bytes octets) { return records::tally_of(octets).has_value(); }},
        {"lane", Octets(encoder.lane("mail:example.org")), [](Bytes octets) { return records::lane_of(octets).has_value(); }},
        {"submission", Octets(encoder.submission({{9}, at(9)})), [](Bytes octets) { return records::submission_of(octets).has_value(); }},
        {"message", Octets(encoder.message(full_message())), [](Bytes octets) { return records::message_of(octets).has_value(); }},
        {"recipient", Octets(encoder.recipient(full_recipient())), [](Bytes octets) { return records::recipient_of(octets).has_value(); }},
        {"events", Octets(encoder.events(events)), [](Bytes octets) { return records::events_of(octets).has_value(); }},
    };
}

}   // namespace

Test(records, come_back_as_they_went) {
    records::Encoder encoder;
    Tracked message = full_message();
    auto read = records::message_of(encoder.message(message));
    cr_assert(read.has_value() && read->recipients == 1);
    message.message.recipients.clear();
    cr_expect(read->tracked == message);
    Tracked plain;
    plain.message.recipients.resize(3);
    read = records::message_of(encoder.message(plain));
    plain.message.recipients.clear();
    cr_expect(read && read->recipients == 3 && read->tracked == plain, "every default");

    cr_expect(records::recipient_of(encoder.recipient(full_recipient())) == full_recipient());
    cr_expect(records::recipient_of(encoder.recipient({})) == Recipient{});
    const std::vector<Event> events = {{at(1), 65'535, "what", "détail"}, {Instant{}, std::nullopt, "", ""}, {at(-1), 0, "x", std::string(5000, 'y')}};
    cr_expect(records::events_of(encoder.events(events)) == events && records::events_of(encoder.events({})) == std::vector<Event>());
    const records::Tally tally{UINT64_MAX, 2, 3, 4, 5, {6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17}};
    cr_expect(records::tally_of(encoder.tally(tally)) == tally);
    cr_expect(records::meta_of(encoder.meta({3, "secret", 4})) == (records::Meta{3, "secret", 4}));
    cr_expect(records::lane_of(encoder.lane("mail:example.org")) == "mail:example.org" && records::lane_of(encoder.lane("")) == "");
    cr_expect(records::submission_of(encoder.submission({{7}, at(5)})) == (records::Submission{{7}, at(5)}));
    for (int i = 0; i < 256; ++i) {
        Recipient one;
        one.notify = {.never = (i & 1) != 0, .success = (i & 2) != 0, .failure = (i & 4) != 0, .delay = (i & 8) != 0};
        one.unconfirmed = (i & 16) != 0;
        one.report_allowed = (i & 32) != 0;
        one.report_due = (i & 64) != 0;
        one.report_expected = (i & 128) != 0;
        cr_expect(records::recipient_of(encoder.recipient(one)) == one, "%d", i);
    }
}

Test(records, every_fault_has_a_number) {
    for (int i = 0; i < static_cast<int>(std::size(records::kFaultNumbers)); ++i) {
        const auto fault = static_cast<Fault>(i);
        cr_expect(records::fault_of(records::number_of(fault)) == fault, "fault %d has no number in store/fault_numbers.h", i);
    }
    cr_expect(static_cast<std::size_t>(Fault::internal) + 1 == std::size(records::kFaultNumbers), "give every fault a number in store/fault_numbers.h");
    cr_expect(records::fault_of(255) == Fault::internal);
}

Test(records, damage_is_never_more_than_no_record) {
    std::mt19937 random(3);
    for (const Kind& kind : every_kind()) {
        cr_expect(kind.reads(kind.octets), "%s", kind.name);
        for (std::size_t size = 0; size < 8; ++size) cr_expect(!kind.reads(kind.octets.substr(0, size)), "%s cut to %zu", kind.name, size);
        for (std::size_t size = 8; size < kind.octets.size(); ++size) kind.reads(kind.octets.substr(0, size));
        for (int i = 0; i < 20'000; ++i) {
            Octets damaged = kind.octets;
            for (std::uint32_t n = 0; n <= random() % 4; ++n) damaged[random() % damaged.size()] = static_cast<char>(random());
            kind.reads(damaged);   // either way; the sanitizers look on
        }
        for (int i = 0; i < 5000; ++i) {
            Octets noise(random() % 200, '\0');
            for (char& c : noise) c = static_cast<char>(random());
            kind.reads(noise);
        }
    }
    // A value that no version wrote.
    records::Encoder encoder;
    Recipient odd;
    odd.state = static_cast<RecipientState>(12);
    cr_expect(!records::recipient_of(encoder.recipient(odd)));
    Tracked strange;
    cr_expect(!records::message_of(encoder.message(strange)), "a message without a recipient");
    strange.message.recipients.resize(1);
    strange.message.kind = static_cast<MessageKind>(4);
    cr_expect(!records::message_of(encoder.message(strange)));
}
