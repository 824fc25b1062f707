#include "daemon/mm4/replies.h"

#include <criterion/criterion.h>

#include <algorithm>

#include "daemon/mm4/exchange.h"
#include "mapping/mm4/words.h"

using namespace mmgate;
using namespace mmgate::mm4;
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

struct Bed {
    Config config;
    Peer peer;
    std::optional<Router> router;
    Counting random;

    Bed() {
        peer.name = "b";
        peer.domain = "mms.b.example";
        peer.domains = {"mms-two.b.example"};
        peer.version = "6.16.0";
        config.domain = "mms.example.net";
        config.hostname = "gw.example.net";
        config.numbering = {"44", "0", "00"};
        config.subscribers = {{"+447700"}};
        config.mm4_system = "mms-system";
        config.mm4_response_lifetime = 4h;
        config.mm4_report_lifetime = 24h;
    }
    ReplyContext context() {
        config.peers = {peer};
        router.emplace(config);
        return {config, *router, random, kNow};
    }
};

/// An MM that the peer's phone sent to one of ours.
Message mm_of_peer() {
    Message message;
    message.id = {7};
    message.interface = Interface::mm4;
    message.arrival = kNow - 1h;
    message.expires = kNow + 48h;
    message.originator = {Address::Kind::phone, "+48600000002", {}};
    message.headers.message_id = "m1@mms.b.example";
    message.headers.delivery_report = true;
    message.mm4 = Mm4Origin{"b", "\"t1\"", "\"m1@mms.b.example\"", "system-user@mms.b.example", false};
    Recipient recipient;
    recipient.address = {Address::Kind::phone, "+447700900123", {}};
    recipient.route = "mm1";
    message.recipients = {recipient};
    return message;
}

template <class Kind>
Kind read_back(const Enqueue& enqueue) {
    DecodeOptions options;
    options.now = kNow;
    options.dialect.lenient = false;
    options.our_domains = {"mms.b.example"};
    options.peer_domains = {"mms.example.net"};
    auto decoded = decode(enqueue.content, options);
    cr_assert(decoded, "%s", decoded ? "" : decoded.error().rule.c_str());
    cr_assert(std::holds_alternative<Kind>(*decoded));
    return std::get<Kind>(*decoded);
}

void expect_for_peer(const Enqueue& enqueue, std::string_view to, Priority priority, Seconds lifetime) {
    const Message& message = enqueue.message;
    cr_expect(message.kind == MessageKind::mm4 && message.automatic && message.expires == kNow + lifetime);
    cr_assert(message.recipients.size() == 1);
    const Recipient& recipient = message.recipients[0];
    cr_expect(recipient.address.value == to, "%s", recipient.address.value.c_str());
    cr_expect(recipient.route == "mm4:b" && recipient.lane == mm4_lane("b", priority) && recipient.notify.never && !recipient.notify.failure);
    cr_expect(message.size_bytes == enqueue.content.size() && !enqueue.submission);
}

}   // namespace

Test(replies, only_a_domain_of_the_peer_is_answered) {
    Bed bed;
    struct Row {
        const char* name;
        std::string_view first, second, third;
        const char* answered;
    };
    constexpr Row kRows[] = {
        {"the first", "a@mms.b.example", "b@mms.b.example", "", "a@mms.b.example"},
        {"another domain of the peer", "a@MMS-two.b.example", "", "", "a@MMS-two.b.example"},
        {"a victim, and the peer", "a@victim.example", "b@mms.b.example", "", "b@mms.b.example"},
        {"victims only", "a@victim.example", "<b@victim.example>", "c@mms.example.net", "system-user@mms.b.example"},
        {"a domain that ends like the peer's", "a@evil-mms.b.example", "a@x.mms.b.example", "", "system-user@mms.b.example"},
        {"no mailboxes", "", "not a mailbox", "a@mms.b.example, b@victim.example", "system-user@mms.b.example"},
    };
    for (const Row& row : kRows) {
        const std::string got = answer_address(bed.peer, {row.first, row.second, row.third});
        cr_expect(in_lower_case(got) == in_lower_case(row.answered), "%s: %s", row.name, got.c_str());
    }
    bed.peer.system = "postmaster@mms.b.example";
    cr_expect(answer_address(bed.peer, {"a@victim.example"}) == "postmaster@mms.b.example");
}

Test(replies, a_response_echoes_what_it_answers) {
    for (const MessageType request : {MessageType::forward_req, MessageType::delivery_report_req, MessageType::read_reply_report_req}) {
        Bed bed;
        const Ids ids{"t1", "m1@mms.b.example", "\"t1\"", "\"m1@mms.b.example\""};
        auto made = make_response(bed.peer, {request, ids, "system-user@mms.b.example", "Error-service-denied", "not from\r\nthere"}, bed.context());
        cr_assert(made);
        expect_for_peer(*made, "system-user@mms.b.example", Priority::high, 4h);
        const Response back = read_back<Response>(*made);
        cr_expect(back.type == response_to(request) && back.ids == ids && back.status == "Error-service-denied" && back.sender == "mms-system@mms.example.net");
        cr_expect(back.status_text.starts_with("not from") && back.status_text.find('\n') == std::string::npos, "%s", back.status_text.c_str());
        cr_expect(!made->message.reports_on && made->aliases.empty());
    }
    Bed bed;
    cr_expect(!make_response(bed.peer, {MessageType::forward_req, {"t", "m", {}, {}}, "not a mailbox", "Ok", {}}, bed.context()));
}

Test(replies, a_delivery_report_says_what_is_known) {
    struct Row {
        const char* name;
        RecipientState state;
        DeliveryStatus status;
        bool asked, allowed;
        DeliveryStatus written;
        std::string_view extension;
        bool forward;
    };
    using enum DeliveryStatus;
    constexpr Row kRows[] = {
        {"retrieved", RecipientState::delivered, retrieved, true, true, retrieved, "", true},
        {"rejected by the phone", RecipientState::rejected, rejected, true, true, rejected, kRejectedByRecipient, true},
        {"rejected by us", RecipientState::failed, rejected, true, true, rejected, kRejectedByRelay, true},
        {"expired", RecipientState::expired, expired, true, true, expired, "", true},
        {"unreachable, which MM4 has no word for", RecipientState::failed, unreachable, true, true, rejected, "", true},
        {"for the relay alone", RecipientState::delivered, retrieved, false, true, retrieved, "", false},
        {"the phone allows none", RecipientState::delivered, indeterminate, true, false, indeterminate, "", false},
    };
    for (const Row& row : kRows) {
        Bed bed;
        Message about = mm_of_peer();
        about.headers.delivery_report = row.asked;
        about.headers.applic_id = "app";
        about.headers.reply_applic_id = "reply-app";
        about.headers.aux_applic_info = "aux";
        Recipient& recipient = about.recipients[0];
        recipient.state = row.state;
        recipient.report_allowed = row.allowed;
        RecipientReport outcome;
        outcome.status = row.status;
        outcome.diagnostic = "what happened";
        outcome.at = kNow - 90s;
        auto made = make_delivery_report(bed.peer, about, recipient, outcome, bed.context());
        cr_assert(made, "%s", row.name);
        expect_for_peer(*made, "+48600000002/TYPE=PLMN@mms.b.example", Priority::normal, 24h);
        const auto back = read_back<DeliveryReportReq>(*made);
        cr_expect(back.status == row.written && back.status_extension == row.extension, "%s: %s", row.name, back.status_extension.c_str());
        cr_expect(back.forward_to_originator == row.forward && back.date == kNow - 90s && back.ack_requested, "%s", row.name);
        cr_expect(back.recipient.value == "+447700900123" && back.originator.value == "+48600000002", "%s", row.name);
        cr_expect(back.ids.raw_message_id == "\"m1@mms.b.example\"" && back.applic_id == "reply-app" && back.aux_applic_info == "aux", "%s", row.name);
        cr_expect(made->message.reports_on == about.id && made->aliases.size() == 1, "%s", row.name);
        cr_expect(made->aliases[0].key == report_key("b", back.ids.transaction_id), "%s: its response finds it", row.name);
    }
}

Test(replies, that_a_phone_postpones_is_told_once_where_it_is_wanted) {
    struct Row {
        const char* name;
        bool asked, for_relay, allowed, automatic, told_before, other_told_before, told;
    };
    const Row rows[] = {
        {"asked for", true, false, true, false, false, false, true},
        {"wanted by the relay", false, true, true, false, false, false, true},
        {"by nobody", false, false, true, false, false, false, false},
        {"the phone allows none", true, true, false, false, false, false, false},
        {"class Auto", true, true, true, true, false, false, false},
        {"once", true, false, true, false, true, false, false},
        {"once for each recipient", true, false, true, false, false, true, true},
    };
    for (const Row& row : rows) {
        Bed bed;
        Message about = mm_of_peer();
        about.headers.delivery_report = row.asked;
        about.mm4->relay_report = row.for_relay;
        about.automatic = row.automatic;
        Settle settle;
        settle.ref = {about.id, 0};
        settle.recipient = about.recipients[0];
        settle.recipient.report_allowed = row.allowed;
        std::vector<Event> before;
        if (row.told_before) before.push_back({kNow, 0, "deferral-reported", {}});
        if (row.other_told_before) before.push_back({kNow, 1, "deferral-reported", {}});
        report_deferral(settle, about, before, bed.context());
        cr_assert(settle.consequences.size() == (row.told ? 1 : 0), "%s", row.name);
        cr_expect(settle.events.size() == settle.consequences.size(), "%s", row.name);
        if (row.told) cr_expect(read_back<DeliveryReportReq>(settle.consequences[0]).status == DeliveryStatus::deferred, "%s", row.name);
    }
    // The peer has left the configuration: nobody is there to be told.
    Bed bed;
    Message about = mm_of_peer();
    about.headers.delivery_report = true;
    about.mm4->peer = "gone";
    Settle settle;
    settle.recipient = about.recipients[0];
    report_deferral(settle, about, {}, bed.context());
    cr_expect(settle.consequences.empty() && settle.events.empty());
}

Test(replies, fields_of_rel_6_are_not_for_peers_without_them) {
    Bed bed;
    bed.peer.rel6 = false;
    bed.peer.version = "5.3.0";
    const Message about = mm_of_peer();
    RecipientReport outcome;
    outcome.status = DeliveryStatus::rejected;
    auto made = make_delivery_report(bed.peer, about, about.recipients[0], outcome, bed.context());
    cr_assert(made);
    const auto back = read_back<DeliveryReportReq>(*made);
    cr_expect(!back.forward_to_originator && back.status_extension.empty() && back.version.major == 5);
}

Test(replies, a_read_report_says_what_the_reader_did) {
    for (const ReadStatus status : {ReadStatus::read, ReadStatus::deleted_unread}) {
        Bed bed;
        bed.peer.ack = false;
        const Message about = mm_of_peer();
        auto made = make_read_report(bed.peer, about, about.recipients[0], status, kNow - 10s, bed.context());
        cr_assert(made);
        expect_for_peer(*made, "+48600000002/TYPE=PLMN@mms.b.example", Priority::normal, 24h);
        const auto back = read_back<ReadReplyReportReq>(*made);
        cr_expect(back.status == status && back.date == kNow - 10s && !back.ack_requested && back.ids.raw_message_id == "\"m1@mms.b.example\"");
    }
}

Test(replies, each_has_a_transaction_of_its_own) {
    Bed bed;
    const Message about = mm_of_peer();
    auto one = make_read_report(bed.peer, about, about.recipients[0], ReadStatus::read, kNow, bed.context());
    auto two = make_read_report(bed.peer, about, about.recipients[0], ReadStatus::read, kNow, bed.context());
    cr_assert(one && two);
    cr_expect(read_back<ReadReplyReportReq>(*one).ids.transaction_id != read_back<ReadReplyReportReq>(*two).ids.transaction_id);
}
