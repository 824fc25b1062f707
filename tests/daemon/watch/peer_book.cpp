#include "daemon/watch/peer_book.h"

#include <criterion/criterion.h>

#include <algorithm>

#include "daemon/watch/status_book.h"

using namespace mmgate;
using namespace std::chrono_literals;

namespace {
constexpr Instant kNow{1'000'000s};

PeerRecord only(const PeerBook& book) {
    const std::vector<PeerRecord> records = book.records();
    cr_assert(records.size() == 1);
    return records[0];
}
}   // namespace

Test(peer_book, counts_failures_since_the_last_answer) {
    PeerBook book;
    book.note("mail:a.example", Attempt::sent, "250 Ok", kNow);
    book.note("mail:a.example", Attempt::deferred, "451 later", kNow + 1s);
    book.note("mail:a.example", Attempt::deferred, "no route to host", kNow + 2s);
    PeerRecord record = only(book);
    cr_expect(record.sent == 1 && record.deferred == 2 && record.failures == 2 && record.failing_since == kNow + 1s);
    cr_expect(record.last_success == kNow && record.last_failure == kNow + 2s && record.last_error == "no route to host");
    // It answers, though it will not have the message.
    book.note("mail:a.example", Attempt::refused, "550 5.1.1 no", kNow + 3s);
    record = only(book);
    cr_expect(record.refused == 1 && record.failures == 0 && record.last_success == kNow + 3s && record.last_error == "550 5.1.1 no");
}

Test(peer_book, lanes_of_one_environment_are_one_peer) {
    struct Row {
        std::string_view lane, name;
    };
    for (const Row& row : {Row{"mm1", "mm1"}, Row{"mail:[127.0.0.1]:25", "mail:[127.0.0.1]:25"}, Row{"mm4:high:other", "mm4:other"}, Row{"mm4:low:a:b", "mm4:a:b"}, Row{"mm4:other", "mm4:other"},
                           Row{"mm4:", "mm4:"}, Row{"", ""}})
        cr_expect(peer_of(row.lane) == row.name, "%s", std::string(row.lane).c_str());
    PeerBook book;
    for (std::string_view lane : {"mm4:high:other", "mm4:normal:other", "mm4:other"}) book.note(lane, Attempt::sent, {}, kNow);
    cr_expect(only(book).name == "mm4:other" && only(book).sent == 3);
}

Test(peer_book, domains_make_room_for_others) {
    PeerBook book;
    book.note("mm1", Attempt::sent, {}, kNow);
    book.note("mm4:other", Attempt::sent, {}, kNow);
    for (std::size_t i = 0; i < 2 * PeerBook::kMostPeers; ++i) book.note("mail:d" + std::to_string(i) + ".example", Attempt::sent, {}, kNow + Seconds(i));
    const std::vector<PeerRecord> records = book.records();
    cr_expect(records.size() == PeerBook::kMostPeers);
    auto known = [&](std::string_view name) { return std::ranges::find(records, name, &PeerRecord::name) != records.end(); };
    cr_expect(known("mm1") && known("mm4:other") && !known("mail:d0.example") && known("mail:d511.example"));
}

Test(peer_book, keeps_no_address_and_no_number) {
    struct Row {
        std::string_view said, kept;
    };
    for (const Row& row : {Row{"451 4.7.1 <ann@example.org>: later", "451 4.7.1 <*@*>: later"}, Row{"to +447700900123/TYPE=PLMN", "to +************/TYPE=PLMN"}, Row{"550 5.1.1", "550 5.1.1"},
                           Row{"a\r\nb\x80", "a??b?"}, Row{"a@b", "*@*"}, Row{"@", "*@*"}, Row{"", ""}})
        cr_expect(without_identities(row.said) == row.kept, "%s gives %s", std::string(row.said).c_str(), without_identities(row.said).c_str());
    cr_expect(without_identities(std::string(10'000, 'x')).size() == 120);
    cr_expect(without_identities(std::string(10'000, '@')).size() <= 120);
}

Test(status_book, reads_codes_of_failures) {
    struct Row {
        std::string_view text;
        std::uint32_t number;
    };
    for (const Row& row : {Row{"5.1.1", 5'001'001}, Row{"4.4.1", 4'004'001}, Row{"5.255.999", 5'255'999}, Row{"2.0.0", 0}, Row{"5.1", 0}, Row{"5.1.", 0}, Row{"5..1", 0}, Row{"5.1.1.1", 0}, Row{"5.1.1000", 0},
                           Row{"x.1.1", 0}, Row{"", 0}, Row{"55.1.1", 0}})
        cr_expect(status_number(row.text) == row.number, "%s", std::string(row.text).c_str());
}

Test(status_book, counts_by_door_and_is_bounded) {
    StatusBook book;
    book.gave(Door::smtp_in, "5.1.1");
    book.gave(Door::smtp_in, "5.1.1");
    book.got(Door::smtp_out, "5.1.1");
    book.gave(Door::smtp_in, "250");
    const std::vector<StatusCount> counts = book.counts();
    cr_assert(counts.size() == 2);
    cr_expect(counts[0].door == Door::smtp_in && counts[0].inbound == 2 && counts[0].outbound == 0 && counts[1].outbound == 1);
    for (int i = 0; i < 900; ++i) book.got(Door::smtp_out, "4.1." + std::to_string(i));
    cr_expect(book.counts().size() == StatusBook::kMostCodes);
}
