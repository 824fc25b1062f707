#include "daemon/mm4/reception.h"

#include <criterion/criterion.h>

#include <algorithm>

#include "daemon/mm4/exchange.h"
#include "daemon/outcome.h"

using namespace mmgate;
using namespace mmgate::mm4;
using namespace std::chrono_literals;

namespace {

constexpr Instant kNow{1'700'000'000'000ms};
constexpr std::string_view kOne = "+447700900123", kTwo = "+447700900124", kBob = "+48600000002", kCarol = "+33600000004";

struct Counting final : Random {
    char next = 0;
    Octets octets(std::size_t count) override {
        Octets out;
        while (out.size() < count) out += ++next;
        return out;
    }
    std::uint32_t below(std::uint32_t bound) override { return bound / 2; }
};

Peer peer(std::string name, std::vector<std::string> prefixes) {
    Peer out;
    out.domain = "mms." + name + ".example";
    out.name = std::move(name);
    out.prefixes = std::move(prefixes);
    out.version = "6.16.0";
    return out;
}

struct Bed {
    Config config;
    std::optional<Router> router;
    Names names{Octets(32, 's'), "mms.example.net"};
    Counting random;

    Bed() {
        config.domain = "mms.example.net";
        config.hostname = "gw.example.net";
        config.numbering = {"44", "0", "00"};
        config.subscribers = {{"+447700"}};
        config.mm4_system = "mms-system";
        config.mm4_forwards = 10;
        config.recipients = 100;
        config.message_size_bytes = 100'000;
        config.lifetime = 7 * 24h;
        config.peers = {peer("b", {"+48600"}), peer("c", {"+33600"})};
        config.peers[0].domains = {"mms-two.b.example"};
        config.peers[0].transit = true;
    }
    const Router& routes() { return router ? *router : router.emplace(config); }
    const Peer& b() { return *routes().peers().named("b"); }

    ReceivedEnvelope envelope(const std::vector<std::string_view>& to = {kOne}) {
        ReceivedEnvelope out{"192.0.2.7", "mx.b.example", "ESMTP", "+48600000002/TYPE=PLMN@mms.b.example", "", false, {}};
        out.peers = {"b"};
        for (const std::string_view number : to) {
            const Address mailbox{Address::Kind::mailbox, std::string(number) + "/TYPE=PLMN@mms.example.net", {}};
            auto route = routes().of_mail_recipient(mailbox, {out.client, out.peers});
            cr_assert(route, "%s", route ? "" : route.error().rule.c_str());
            out.recipients.push_back({mailbox, *route, {}, {}});
        }
        return out;
    }
    Received take(ForwardReq request, const std::vector<std::string_view>& to = {kOne}, const std::vector<std::size_t>& seen = {}) {
        return receive(std::move(request), "content", envelope(to), seen, b(), routes(), names, random, kNow);
    }
};

ForwardReq request() {
    ForwardReq out;
    out.ids = {"t1", "m1@mms.b.example", "\"t1\"", "\"m1@mms.b.example\""};
    out.headers.from = Address{Address::Kind::phone, std::string(kBob), {}};
    out.headers.to = {{Address::Kind::phone, std::string(kOne), {}}};
    out.headers.cc = {{Address::Kind::phone, std::string(kCarol), {}}};
    out.from_domain = "mms.b.example";
    out.ack_requested = true;
    out.originator_system = "system-user@mms.b.example";
    out.sender = "system-user@mms.b.example";
    return out;
}

}   // namespace

Test(reception, as_whom_a_client_speaks) {
    struct Row {
        const char* name;
        std::vector<std::string> peers;
        const char *return_path, *originator_system, *sender;
        const char* speaks_as;   // "" nobody
    };
    const Row rows[] = {
        {"by MAIL FROM", {"b"}, "+48600000002/TYPE=PLMN@mms.b.example", "", "", "b"},
        {"by another domain of it", {"b"}, "x@MMS-two.b.example", "", "", "b"},
        {"either of two", {"b", "c"}, "x@mms.c.example", "", "x@mms.c.example", "c"},
        {"another's MAIL FROM", {"b"}, "x@mms.c.example", "", "", ""},
        {"nobody's MAIL FROM", {"b"}, "x@mms.nobody.example", "", "", ""},
        {"ours", {"b"}, "+447700900123/TYPE=PLMN@mms.example.net", "", "", ""},
        {"another's Sender behind a right MAIL FROM", {"b", "c"}, "x@mms.b.example", "", "x@mms.c.example", ""},
        {"from nobody, by X-Mms-Originator-System", {"b", "c"}, "", "s@mms.c.example", "", "c"},
        {"from nobody, by Sender", {"b", "c"}, "", "", "s@mms.b.example", "b"},
        {"from nobody without a word", {"b"}, "", "", "", "b"},
        {"the same where it may be two", {"b", "c"}, "", "", "", ""},
        {"from nobody, as another", {"b"}, "", "s@mms.c.example", "", ""},
        {"who may speak as nobody", {}, "x@mms.b.example", "", "x@mms.b.example", ""},
        {"a domain that only ends like the peer's", {"b"}, "x@evil.mms.b.example", "", "", ""},
    };
    Bed bed;
    for (const Row& row : rows) {
        ReceivedEnvelope envelope;
        envelope.peers = row.peers;
        envelope.return_path = row.return_path;
        Peeked peeked;
        peeked.originator_system = row.originator_system;
        peeked.sender = row.sender;
        auto got = speaker_of(envelope, peeked, bed.routes().peers());
        const bool nobody = row.speaks_as[0] == '\0';
        if (nobody) cr_expect(!got && got.error().fault == Fault::sender_denied, "%s", row.name);
        else cr_expect(got && (*got)->name == row.speaks_as, "%s: %s", row.name, got ? (*got)->name.c_str() : got.error().rule.c_str());
    }
}

Test(reception, from_whom_a_peer_may_send) {
    using enum Address::Kind;
    struct Row {
        const char* name;
        std::optional<Address> from;
        const char* domain;
        bool may;
    };
    const Row rows[] = {
        {"its own number", Address{phone, std::string(kBob), {}}, "mms.b.example", true},
        {"its own number without a domain", Address{phone, std::string(kBob), {}}, "", true},
        {"its own number in another's domain", Address{phone, std::string(kBob), {}}, "mms.c.example", false},
        {"another's number", Address{phone, std::string(kCarol), {}}, "mms.b.example", false},
        {"nobody's number", Address{phone, "+15550001", {}}, "mms.b.example", false},
        {"our number", Address{phone, std::string(kOne), {}}, "mms.b.example", false},
        {"a mailbox of somewhere", Address{mailbox, "anna@example.org", {}}, "", true},
        {"a mailbox of its own", Address{mailbox, "anna@mms.b.example", {}}, "", true},
        {"a mailbox of another peer", Address{mailbox, "anna@mms.c.example", {}}, "", false},
        {"a mailbox of ours", Address{mailbox, "anna@mms.example.net", {}}, "", false},
        {"a short code", Address{short_code, "12345", {}}, "mms.b.example", true},
        {"nobody", std::nullopt, "", false},
    };
    Bed bed;
    for (const Row& row : rows) {
        ForwardReq one = request();
        one.headers.from = row.from;
        one.from_domain = row.domain;
        auto got = check_originator(one, bed.b(), bed.routes());
        cr_expect(got.has_value() == row.may, "%s", row.name);
        if (!got) cr_expect(got.error().fault == Fault::sender_denied, "%s", row.name);
    }
}

Test(reception, a_request_becomes_a_message) {
    Bed bed;
    ForwardReq one = request();
    one.headers.delivery_report = true;
    one.relay_report = true;
    one.headers.sender_hidden = true;
    one.notes = {"a note\r\nof the reader"};
    const Received got = bed.take(one, {kOne, kTwo, kCarol, kOne});
    cr_assert(!got.refused && got.enqueue.message.recipients.size() == 3, "who is named twice is one");
    const Message& message = got.enqueue.message;
    cr_expect(message.interface == Interface::mm4 && message.originator.value == kBob && !message.headers.from, "hidden from phones, known to us");
    cr_expect(message.headers.message_id == "m1@mms.b.example" && message.expires == kNow + 7 * 24h && !message.automatic);
    const Mm4Origin want{"b", "\"t1\"", "\"m1@mms.b.example\"", "system-user@mms.b.example", true};
    cr_expect(message.mm4 == want);
    const auto& [one_of_ours, blind, passing] = std::tie(message.recipients[0], message.recipients[1], message.recipients[2]);
    cr_expect(one_of_ours.route == "mm1" && one_of_ours.role == RecipientRole::to && one_of_ours.token.size() == 16);
    cr_expect(blind.role == RecipientRole::bcc && blind.token != one_of_ours.token);
    cr_expect(passing.route == "mm4:c" && passing.lane == "mm4:normal:c" && passing.role == RecipientRole::cc && passing.token.empty());
    cr_expect(got.enqueue.submission == request_key("b", one.ids, recipients_of(bed.envelope({kOne, kTwo, kCarol, kOne}))));
    cr_expect(got.enqueue.submission_until == message.expires + kNamesOutlive && got.enqueue.recipient_keys.size() == 3);
    cr_assert(got.enqueue.aliases.size() == 2);
    cr_expect(got.enqueue.aliases[0].key == forwarded_key("c", "m1@mms.b.example") && got.enqueue.aliases[1].key == transit_key("m1@mms.b.example", passing.address));
    cr_expect(got.enqueue.events.size() == 2 && got.enqueue.events[1].detail.find('\n') == std::string::npos);
}

Test(reception, how_long_an_mm_of_a_peer_lives) {
    struct Row {
        const char* name;
        std::optional<When> expiry;
        Instant expires;
        bool over;
    };
    const Row rows[] = {
        {"as long as ours, when nothing is said", std::nullopt, kNow + 7 * 24h, false},
        {"as it says", When{std::nullopt, kNow + 1h}, kNow + 1h, false},
        {"in seconds", When{Seconds(60), std::nullopt}, kNow + 60s, false},
        {"no longer than ours", When{std::nullopt, kNow + 24h * 365}, kNow + 7 * 24h, false},
        {"no time at all", When{std::nullopt, kNow}, kNow, true},
        {"its time was over when it came", When{std::nullopt, kNow - 1h}, kNow - 1h, true},
    };
    for (const Row& row : rows) {
        Bed bed;
        ForwardReq one = request();
        one.headers.expiry = row.expiry;
        one.headers.delivery_report = true;
        const Received got = bed.take(one);
        cr_expect(!got.refused && got.enqueue.message.expires == row.expires, "%s", row.name);
        const Recipient& recipient = got.enqueue.message.recipients.at(0);
        cr_expect((recipient.state == RecipientState::expired) == row.over, "%s", row.name);
        cr_expect(recipient.report_due == row.over && report_of(recipient).status == (row.over ? DeliveryStatus::expired : DeliveryStatus::indeterminate), "%s", row.name);
    }
}

Test(reception, what_is_refused_as_a_whole) {
    struct Row {
        const char* name;
        std::uint32_t forwards, most_recipients;
        std::uint64_t ours, theirs;
        Fault fault;
        const char* status;
    };
    constexpr Row kRows[] = {
        {"forwarded too often", 11, 100, 100'000, 0, Fault::sender_denied, "Error-service-denied"},
        {"more recipients than we take", 0, 1, 100'000, 0, Fault::sender_denied, "Error-service-denied"},
        {"larger than we take", 0, 100, 100, 0, Fault::message_too_big, "Error-content-not-accepted"},
        {"larger than was agreed", 0, 100, 100'000, 100, Fault::message_too_big, "Error-content-not-accepted"},
    };
    for (const Row& row : kRows) {
        Bed bed;
        bed.config.recipients = row.most_recipients;
        bed.config.message_size_bytes = row.ours;
        bed.config.peers[0].message_size_bytes = row.theirs;
        ForwardReq one = request();
        one.headers.delivery_report = true;
        one.forward_counter = row.forwards;
        const Received got = bed.take(one, {kOne, kTwo});
        cr_assert(got.refused && got.refused->fault == row.fault, "%s", row.name);
        const Enqueue& record = got.enqueue;
        cr_expect(record.content.empty() && record.recipient_keys.empty() && record.aliases.empty() && record.submission, "%s: what is kept answers a repetition", row.name);
        for (const Recipient& recipient : record.message.recipients)
            cr_expect(recipient.state == RecipientState::failed && !recipient.report_due && recipient.fault == row.fault, "%s: the response is the report", row.name);
        cr_expect(status_of_record(record.message) == row.status, "%s: %s", row.name, status_of_record(record.message).data());
    }
    Bed bed;
    ForwardReq most = request();
    most.forward_counter = 10;
    cr_expect(!bed.take(most).refused, "as often as it may be");
}

Test(reception, what_has_been_here_goes_no_further) {
    Bed bed;
    const Received once = bed.take(request(), {kOne, kCarol}, {1});
    cr_expect(!once.refused && once.enqueue.message.recipients[0].state == RecipientState::queued);
    cr_expect(once.enqueue.message.recipients[1].state == RecipientState::failed && once.enqueue.message.recipients[1].fault == Fault::routing_loop && once.enqueue.aliases.empty());
    const Received all = bed.take(request(), {kCarol}, {0});
    cr_expect(all.refused && all.refused->fault == Fault::routing_loop);
    // What we sent ourselves and what comes back by way of another.
    ForwardReq ours = request();
    ours.ids.message_id = bed.names.message_id({9});
    cr_expect(bed.take(ours, {kCarol}).refused && !bed.take(ours, {kOne}).refused, "to a phone of ours it may come");
}

Test(reception, a_record_repeats_its_answer) {
    Message message;
    message.arrival = kNow;
    const auto recipient = [](RecipientState state, Instant ended, Fault fault) {
        Recipient out;
        out.state = state;
        out.next_attempt = ended;
        out.fault = fault;
        return out;
    };
    struct Row {
        const char* name;
        std::vector<Recipient> recipients;
        const char* status;
    };
    const Row rows[] = {
        {"waiting", {recipient(RecipientState::queued, kNow, Fault::internal)}, "Ok"},
        {"failed later", {recipient(RecipientState::failed, kNow + 1h, Fault::peer_refused)}, "Ok"},
        {"refused when it came", {recipient(RecipientState::failed, kNow, Fault::content_refused)}, "Error-content-not-accepted"},
        {"one of two", {recipient(RecipientState::failed, kNow, Fault::routing_loop), recipient(RecipientState::delivered, kNow, Fault::internal)}, "Ok"},
    };
    for (const Row& row : rows) {
        message.recipients = row.recipients;
        cr_expect(status_of_record(message) == row.status, "%s: %s", row.name, status_of_record(message).data());
    }
}
