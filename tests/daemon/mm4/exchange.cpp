#include "daemon/mm4/exchange.h"

#include <criterion/criterion.h>

#include <algorithm>

#include "mapping/mm4/words.h"

using namespace mmgate;
using namespace mmgate::mm4;
using namespace std::chrono_literals;
using enum RecipientState;
using smtp::Delivered;

namespace {

constexpr Instant kNow{1'700'000'000'000ms};
constexpr std::string_view kPeer = "other", kBob = "+447800900123", kBen = "+447800900124", kCarol = "+33600000004";

struct Middle final : Random {
    Octets octets(std::size_t count) override { return Octets(count, 'r'); }
    std::uint32_t below(std::uint32_t bound) override { return bound / 2; }   // no jitter
};

Peer peer(std::string name, std::vector<std::string> prefixes) {
    Peer out;
    out.domain = "mms." + name + ".example";
    out.name = std::move(name);
    out.prefixes = std::move(prefixes);
    out.version = "6.16.0";
    return out;
}

Config sample() {
    Config config;
    config.domain = "mms.example.net";
    config.hostname = "gw.example.net";
    config.numbering = {"44", "0", "00"};
    config.subscribers = {{"+447700"}};
    config.mm4_system = "mms-system";
    config.mm4_response_timeout = 30min;
    config.mm4_resend = 3;
    config.mm4_retry = {60s, 120s};
    config.mm4_lifetime = 24h;
    config.report_delay = 5s;
    config.service_messages = true;
    config.peers = {peer("other", {"+4478"}), peer("third", {"+336"})};
    return config;
}

Recipient recipient(std::string_view number, std::string_view at = kPeer) {
    Recipient out;
    out.address = {Address::Kind::phone, std::string(number), {}};
    out.route = at == "mm1" ? "mm1" : "mm4:" + std::string(at);
    out.lane = at == "mm1" ? "mm1" : "mm4:normal:" + std::string(at);
    out.next_attempt = kNow - 1s;
    return out;
}

/// An MM of one of our phones, which asked for reports.
Message sample_mm(std::vector<Recipient> recipients = {recipient(kBob)}) {
    Message message;
    message.id = {7};
    message.interface = Interface::mm1;
    message.arrival = kNow - 1h;
    message.expires = kNow + 48h;
    message.originator = {Address::Kind::phone, "+447700900001", {}};
    message.headers.delivery_report = true;
    message.recipients = std::move(recipients);
    return message;
}

/// In request `number`, which has left and waits for its response.
Recipient asked(std::string_view number_called, std::uint16_t number, std::string_view at = kPeer) {
    Recipient out = recipient(number_called, at);
    out.state = deferred;
    out.attempts = 1;
    out.request = number;
    out.requests_sent = 1;
    out.response_awaited = true;
    out.remote_mta = "mx.other.example";
    return out;
}
/// Which the peer has taken, and will report on.
Recipient taken(std::string_view number_called) {
    Recipient out = asked(number_called, 1);
    out.state = relayed;
    out.response_awaited = false;
    out.report_expected = true;
    out.report_from = kNow + 49h;
    out.report_due = true;
    return out;
}

Response response(std::string status) {
    Response out;
    out.ids = {"t", "m", {}, {}};
    out.status = std::move(status);
    return out;
}

DeliveryReportReq report(DeliveryStatus status) {
    DeliveryReportReq out;
    out.ids = {"t", "m", {}, {}};
    out.status = status;
    return out;
}

Delivered verdict(Delivered::Verdict kind, std::string reply, Fault fault = Fault::internal, std::string enhanced = {}, Delivered::Extent extent = Delivered::Extent::message) {
    return {kind, fault, std::move(reply), std::move(enhanced), "mx.other.example", extent};
}

const char* name(RecipientState state) { return to_text(state).data(); }

}   // namespace

// ------------------------------------------------------------------------------------------------------------------------------ after sending

Test(exchange, what_the_host_says_is_taken_for_what_it_says) {
    using Verdict = Delivered::Verdict;
    struct Row {
        const char* name;
        Delivered delivered;
        Sent sent;
        RecipientState state;
        bool response_awaited, report_expected;
        std::uint32_t attempts;
        Instant next_attempt;
    };
    const Row rows[] = {
        {"taken, and a response is awaited", verdict(Verdict::delivered, "250 Ok"), {1, true, true}, deferred, true, false, 1, kNow + 30min},
        {"taken by a host without DSN", verdict(Verdict::relayed, "250 Ok"), {1, true, false}, deferred, true, false, 1, kNow + 30min},
        {"taken, no response, but a report", verdict(Verdict::delivered, "250 Ok"), {1, false, true}, relayed, false, true, 1, kNow},
        {"taken, and no more will be known", verdict(Verdict::delivered, "250 Ok"), {1, false, false}, delivered, false, false, 1, kNow},
        {"deferred for this message", verdict(Verdict::deferred, "451 later", Fault::peer_deferred), {1, true, true}, deferred, false, false, 1, kNow + 60s},
        {"deferred for whoever comes", verdict(Verdict::deferred, "refused", Fault::peer_unreachable, "4.4.1", Delivered::Extent::destination), {1, true, true}, deferred, false, false, 0, kNow - 1s},
        {"refused", verdict(Verdict::failed, "550 5.7.1 no", Fault::peer_refused, "5.7.1"), {1, true, true}, failed, false, false, 1, kNow},
    };
    Middle random;
    for (const Row& row : rows) {
        const Settle got = after_sending(sample_mm(), 0, row.delivered, row.sent, kNow, sample(), random);
        const Recipient& after = got.recipient;
        cr_expect(after.state == row.state, "%s: %s", row.name, name(after.state));
        cr_expect(after.response_awaited == row.response_awaited && after.report_expected == row.report_expected, "%s", row.name);
        cr_expect(after.attempts == row.attempts && after.next_attempt == row.next_attempt, "%s: %u", row.name, after.attempts);
        cr_expect(after.remote_mta == "mx.other.example" && got.events.size() == 1, "%s", row.name);
        if (is_end(row.state)) cr_expect(got.report_at.has_value(), "%s: somebody is told, now or when no report has come", row.name);
        else cr_expect(!got.report_at && !after.report_due, "%s: nobody is told yet", row.name);
    }
}

Test(exchange, a_copy_that_is_refused_says_nothing_of_the_first_one) {
    Middle random;
    const Delivered refused = verdict(Delivered::Verdict::failed, "550 5.7.1 no", Fault::peer_refused, "5.7.1");
    const Settle again = after_sending(sample_mm({asked(kBob, 1)}), 0, refused, {1, true, true}, kNow, sample(), random);
    cr_expect(again.recipient.state == failed && again.recipient.unconfirmed && report_of(again.recipient).status == DeliveryStatus::indeterminate);
    const Settle first = after_sending(sample_mm(), 0, refused, {1, true, true}, kNow, sample(), random);
    cr_expect(!first.recipient.unconfirmed && report_of(first.recipient).status == DeliveryStatus::rejected);
}

Test(exchange, each_copy_is_counted_and_silence_is_no_delivery) {
    Middle random;
    Message message = sample_mm();
    for (std::uint16_t copy = 1; copy <= 4; ++copy) {
        const Settle got = after_sending(message, 0, verdict(Delivered::Verdict::delivered, "250 Ok"), {3, true, true}, kNow, sample(), random);
        cr_expect(got.recipient.requests_sent == copy && got.recipient.request == 3 && got.events.at(0).what == (copy == 1 ? "sent" : "sent-again"));
        message.recipients[0] = got.recipient;
    }
    const Settle end = after_silence(message, 0, kNow, sample());
    cr_expect(end.recipient.state == failed && end.recipient.unconfirmed && !end.recipient.response_awaited);
    cr_expect(end.recipient.reason.find("4 times") != std::string::npos, "%s", end.recipient.reason.c_str());
    cr_expect(report_of(end.recipient).status == DeliveryStatus::indeterminate && end.report_at == kNow);
}

Test(exchange, who_comes_back_comes_back_together) {
    const auto settle = [](RecipientState state, Instant when) {
        Settle out;
        out.recipient.state = state;
        out.recipient.next_attempt = when;
        return out;
    };
    std::vector<Settle> settles = {settle(deferred, kNow + 60s), settle(failed, kNow + 900s), settle(deferred, kNow + 66s), settle(queued, kNow), settle(relayed, kNow)};
    keep_together(settles);
    const Instant want[] = {kNow + 66s, kNow + 900s, kNow + 66s, kNow, kNow};
    for (std::size_t i = 0; i < settles.size(); ++i) cr_expect(settles[i].recipient.next_attempt == want[i], "%zu", i);
    settles.clear();
    keep_together(settles);
}

// ------------------------------------------------------------------------------------------------------------------------------------ requests

Test(exchange, requests_are_numbered_apart) {
    struct Row {
        const char* name;
        std::vector<Recipient> recipients;
        std::uint16_t first, number;
    };
    Recipient answered = asked(kBob, 1);
    answered.response_awaited = false;
    answered.requests_sent = 0;
    const Row rows[] = {
        {"the first", {recipient(kBob), recipient(kBen)}, 0, 1},
        {"the second peer's", {recipient(kBob), recipient(kCarol, "third")}, 1, 2},
        {"after an answer", {answered, recipient(kBen)}, 0, 3},
        {"a number that another one has", {recipient(kBob), asked(kBen, 1)}, 0, 3},
    };
    for (const Row& row : rows) {
        const Message message = sample_mm(row.recipients);
        cr_expect(next_request(message, row.first) == row.number, "%s: %u", row.name, next_request(message, row.first));
    }
    cr_expect(is_answered(answered) && !is_answered(recipient(kBob)) && !is_answered(asked(kBob, 1)));
}

Test(exchange, for_whom_a_report_is_asked) {
    struct Row {
        const char* name;
        bool user, relay_reports, rel6;
        const char* version;
        bool automatic, asks;
    };
    constexpr Row kRows[] = {
        {"nobody", false, false, true, "6.16.0", false, false},
        {"the originator", true, false, true, "6.16.0", false, true},
        {"the originator, of an old peer", true, false, false, "4.11.0", false, true},
        {"ourselves", false, true, true, "6.16.0", false, true},
        {"ourselves, of a peer without the field", false, true, false, "6.16.0", false, false},
        {"ourselves, of a Release without it", false, true, true, "5.3.0", false, false},
        {"ourselves, about an automatic message", false, true, true, "6.16.0", true, false},
    };
    for (const Row& row : kRows) {
        Message message = sample_mm();
        message.headers.delivery_report = row.user;
        message.automatic = row.automatic;
        Peer other = peer("other", {});
        other.relay_reports = row.relay_reports;
        other.rel6 = row.rel6;
        other.version = row.version;
        cr_expect(asks_for_report(message, other) == row.asks, "%s", row.name);
    }
}

Test(exchange, in_whose_name_a_mail_goes) {
    const Router router(sample());
    struct Row {
        const char* name;
        MessageKind kind;
        Interface interface;
        EnvelopeSender style;
        bool automatic;
        const char* sender;
    };
    using enum EnvelopeSender;
    constexpr const char *kUser = "+447700900001/TYPE=PLMN@mms.example.net", *kSystem = "mms-system@mms.example.net";
    constexpr Row kRows[] = {
        {"a phone's MM", MessageKind::mm, Interface::mm1, user, false, kUser},
        {"a phone's MM, by agreement", MessageKind::mm, Interface::mm1, EnvelopeSender::system, false, kSystem},
        {"a phone's MM where reports come from nobody", MessageKind::mm, Interface::mm1, null, false, kUser},
        {"an automatic MM where reports come from nobody", MessageKind::mm, Interface::mm1, null, true, ""},
        {"what passes through", MessageKind::mm, Interface::mm4, user, false, kSystem},
        {"a response", MessageKind::mm4, Interface::mm4, user, true, kSystem},
        {"a response from nobody", MessageKind::mm4, Interface::mm4, null, true, ""},
    };
    for (const Row& row : kRows) {
        Message message = sample_mm();
        message.kind = row.kind;
        message.interface = row.interface;
        message.automatic = row.automatic;
        Peer other = peer("other", {});
        other.mail_from = row.style;
        cr_expect(envelope_sender(message, other, router) == row.sender, "%s: %s", row.name, envelope_sender(message, other, router).c_str());
    }
}

Test(exchange, a_peer_is_tried_for_as_long_as_it_may_take) {
    Message message = sample_mm();
    cr_expect(last_attempt(message, sample()) == message.arrival + 24h);
    message.expires = kNow + 1h;
    cr_expect(last_attempt(message, sample()) == kNow + 1h);
    message.kind = MessageKind::mm4;
    message.expires = kNow + 48h;
    cr_expect(last_attempt(message, sample()) == kNow + 48h);
}

Test(exchange, keys_tell_peers_and_recipients_apart) {
    const Ids ids{"t", "m", {}, {}};
    cr_expect(request_key("a", ids, {"1", "2"}) == request_key("a", ids, {"2", "1"}), "the order of RCPT is nothing");
    cr_expect(request_key("a", ids, {"1"}) != request_key("b", ids, {"1"}) && request_key("a", ids, {"1"}) != request_key("a", ids, {"1", "2"}));
    cr_expect(request_key("a", {"t", "n", {}, {}}, {"1"}) != request_key("a", ids, {"1"}));
    const Address bob{Address::Kind::phone, std::string(kBob), {}}, ben{Address::Kind::phone, std::string(kBen), {}};
    cr_expect(recipient_key("a", "m", bob) != recipient_key("a", "m", ben) && recipient_key("a", "m", bob) != recipient_key("b", "m", bob));
    cr_expect(transit_key("m", bob) != transit_key("m", ben) && forwarded_key("a", "m") != report_key("a", "m"));
}

// ----------------------------------------------------------------------------------------------------------------------------------- responses

Test(exchange, each_response_has_its_meaning) {
    struct Row {
        const char* status;
        RecipientState state;
        DeliveryStatus told;
    };
    constexpr Row kRows[] = {
        {"Ok", relayed, DeliveryStatus::indeterminate},
        {"OK", relayed, DeliveryStatus::indeterminate},
        {"Error-service-denied", rejected, DeliveryStatus::rejected},
        {"Error-content-not-accepted", rejected, DeliveryStatus::rejected},
        {"Error-unsupported-message", rejected, DeliveryStatus::rejected},
        {"Error-message-format-corrupt", rejected, DeliveryStatus::rejected},
        {"Error-sending-address-unresolved", failed, DeliveryStatus::unreachable},
        {"Error-message-not-found", failed, DeliveryStatus::indeterminate},
        {"Error-of-no-kind", failed, DeliveryStatus::rejected},
        {"Error-permanent-whatever", failed, DeliveryStatus::rejected},
        {"a word that nobody knows", failed, DeliveryStatus::rejected},
        {"", failed, DeliveryStatus::rejected},
        {"Error-network-problem", deferred, DeliveryStatus::indeterminate},
        {"Error-unspecified", deferred, DeliveryStatus::indeterminate},
        {"Error-transient-failure", deferred, DeliveryStatus::indeterminate},
    };
    Middle random;
    for (const Row& row : kRows) {
        const Message message = sample_mm({asked(kBob, 1)});
        const auto got = after_response(message, 0, response(row.status), true, kNow, sample(), random);
        cr_assert(got, "%s", row.status);
        cr_expect(got->recipient.state == row.state, "%s: %s", row.status, name(got->recipient.state));
        cr_expect(got->was == std::vector{deferred} && !got->recipient.response_awaited, "%s", row.status);
        cr_expect(report_of(got->recipient).status == row.told, "%s: %s", row.status, spec_of(report_of(got->recipient).status).name.data());
        if (row.state == deferred) {
            cr_expect(is_answered(got->recipient) && got->recipient.next_attempt == kNow + 60s && !got->report_at, "%s: a new request", row.status);
            cr_expect(next_request(sample_mm({got->recipient}), 0) == 2, "%s", row.status);
        }
    }
}

Test(exchange, ok_is_no_delivery_where_a_report_is_to_come) {
    Middle random;
    const Message message = sample_mm({asked(kBob, 1)});
    const auto awaited = after_response(message, 0, response("Ok"), true, kNow, sample(), random);
    cr_assert(awaited && awaited->recipient.state == relayed && awaited->recipient.report_expected);
    cr_expect(awaited->recipient.report_from == message.expires + 1h && awaited->report_at == message.expires + 1h, "without one nobody knows, and that is told then");
    const auto last = after_response(message, 0, response("Ok"), false, kNow, sample(), random);
    cr_assert(last && last->recipient.state == delivered && report_of(last->recipient).status == DeliveryStatus::indeterminate);
}

Test(exchange, late_and_second_responses_change_nothing) {
    struct Row {
        const char* name;
        Recipient recipient;
    };
    const auto at = [](RecipientState state, bool awaited) {
        Recipient out = asked(kBob, 1);
        out.state = state;
        out.response_awaited = awaited;
        return out;
    };
    const Row rows[] = {
        {"never sent", recipient(kBob)},
        {"answered", at(deferred, false)},
        {"relayed", at(relayed, false)},
        {"delivered", at(delivered, true)},
        {"rejected", at(rejected, true)},
        {"expired", at(expired, true)},
        {"failed", at(failed, true)},
        {"deleted", at(deleted, true)},
    };
    Middle random;
    for (const Row& row : rows)
        for (const char* status : {"Ok", "Error-service-denied", "Error-network-problem", "?"})
            cr_expect(!after_response(sample_mm({row.recipient}), 0, response(status), true, kNow, sample(), random), "%s, %s", row.name, status);
}

Test(exchange, whom_a_response_is_about) {
    Message message = sample_mm({asked(kBob, 1), asked(kBen, 1), asked(kCarol, 1, "third"), asked("+447800900125", 2), recipient("+447700900002", "mm1")});
    using Indexes = std::vector<std::uint16_t>;
    Response all = response("Ok");
    cr_expect(recipients_of(all, message, 1, kPeer) == Indexes({0, 1}) && recipients_of(all, message, 2, kPeer) == Indexes{3});
    cr_expect(recipients_of(all, message, 1, "third") == Indexes{2} && recipients_of(all, message, 2, "third").empty() && recipients_of(all, message, 0, kPeer).empty());
    Response one = all;
    one.request_recipients = {{Address::Kind::phone, std::string(kBen), {}}, {Address::Kind::phone, std::string(kCarol), {}}};
    cr_expect(recipients_of(one, message, 1, kPeer) == Indexes{1});
    one.request_recipients = {{Address::Kind::phone, "+1", {}}};
    cr_expect(recipients_of(one, message, 1, kPeer).empty());
    cr_expect(recipient_at(message, {Address::Kind::phone, std::string(kCarol), {}}, "third") == 2 && !recipient_at(message, {Address::Kind::phone, std::string(kCarol), {}}, kPeer));
}

// ------------------------------------------------------------------------------------------------------------------------------ looked up again

Test(exchange, who_is_looked_up_again) {
    Config asks = sample();
    asks.enum_zones = {{"e164enum.net", {"+4478"}, {}}};
    struct Row {
        const char* name;
        bool somebody_else_may_know, once_before, unconfirmed;
        RecipientState state;
        Fault fault;
        const char *enhanced, *reason;
        bool again;
    };
    constexpr Row kRows[] = {
        {"a response: unresolved", true, false, false, failed, Fault::recipient_unknown, "5.1.1", "the relay responded", true},
        {"SMTP 5.1.1", true, false, false, failed, Fault::peer_refused, "5.1.1", "550 5.1.1 nobody", true},
        {"SMTP 5.1.6", true, false, false, failed, Fault::peer_refused, "5.1.6", "550 5.1.6 moved", true},
        {"SMTP 551", true, false, false, failed, Fault::peer_refused, "5.0.0", "551 moved", true},
        {"for the second time", true, true, false, failed, Fault::recipient_unknown, "5.1.1", "550 5.1.1 nobody", false},
        {"where only our own tables know", false, false, false, failed, Fault::recipient_unknown, "5.1.1", "550 5.1.1 nobody", false},
        {"a copy, while the first one was taken", true, false, true, failed, Fault::recipient_unknown, "5.1.1", "550 5.1.1 nobody", false},
        {"a rejection", true, false, false, rejected, Fault::sender_denied, "5.7.1", "the relay responded", false},
        {"another refusal", true, false, false, failed, Fault::peer_refused, "5.7.1", "550 5.7.1 no", false},
        {"a response: the message is not found", true, false, false, failed, Fault::not_found, "5.1.1", "the relay responded", false},
        {"not yet the end", true, false, false, deferred, Fault::recipient_unknown, "4.1.1", "450 4.1.1", false},
        {"expired", true, false, false, expired, Fault::expired, "5.4.7", "late", false},
    };
    for (const Row& row : kRows) {
        const Router router(row.somebody_else_may_know ? asks : sample());
        Message message = sample_mm({asked(kBob, 1)});
        message.recipients[0].looked_up_again = row.once_before;
        Settle refused;
        refused.ref = {message.id, 0};
        refused.was = {deferred};
        refused.recipient = message.recipients[0];
        refused.recipient.state = row.state;
        refused.recipient.fault = row.fault;
        refused.recipient.enhanced_status = row.enhanced;
        refused.recipient.reason = row.reason;
        refused.recipient.unconfirmed = row.unconfirmed;
        const auto got = look_up_again(message, refused, router, kNow);
        cr_assert(got.has_value() == row.again, "%s", row.name);
        if (!got) continue;
        const Recipient& after = got->recipient;
        cr_expect(after.looked_up_again && after.state == queued && after.lane == kResolveLane && after.next_attempt == kNow, "%s", row.name);
        cr_expect(after.route == "mm4:other" && after.reason == row.reason && is_answered(after) && !after.report_due, "%s", row.name);
        cr_expect(got->was == refused.was && !got->report_at && got->events.at(0).what == "looked-up-again", "%s", row.name);
    }
}

Test(exchange, who_leaves_a_peer_that_is_gone) {
    Middle random;
    Config config = sample();
    std::erase_if(config.peers, [](const Peer& peer) { return peer.name == "other"; });
    const Router nowhere(config);
    config.subscribers.push_back({"+447800"});
    const Router here(config);
    config.subscribers.pop_back();
    config.peers.push_back({});
    config.peers.back().name = "hub";
    config.mm4_default_peer = "hub";
    const Router elsewhere(config);

    const Message message = sample_mm({recipient(kBob)});
    cr_expect(!leaves_peer(message, 0, nowhere, kNow, random), "it waits for its peer to come back");
    const auto to_hub = leaves_peer(message, 0, elsewhere, kNow, random), home = leaves_peer(message, 0, here, kNow, random);
    cr_assert(to_hub && home);
    cr_expect(to_hub->recipient.route == "mm4:hub" && to_hub->recipient.lane == "mm4:normal:hub" && to_hub->recipient.token.empty() && to_hub->recipient.next_attempt == kNow);
    cr_expect(home->recipient.route == "mm1" && home->recipient.lane == "mm1" && home->recipient.token.size() == kTokenBytes && home->events.at(0).what == "rerouted");

    Message transit = message;
    transit.interface = Interface::mm4;
    cr_expect(!leaves_peer(transit, 0, elsewhere, kNow, random), "another relay's message goes where it was agreed");
    cr_expect(!leaves_peer(sample_mm({asked(kBob, 1)}), 0, elsewhere, kNow, random), "the peer may have it");
}

// ------------------------------------------------------------------------------------------------------------------------------------- reports

Test(exchange, each_status_of_a_report_has_its_meaning) {
    struct Row {
        DeliveryStatus status;
        RecipientState state;
        DeliveryStatus told;
    };
    constexpr Row kRows[] = {
        {DeliveryStatus::retrieved, delivered, DeliveryStatus::retrieved},
        {DeliveryStatus::rejected, rejected, DeliveryStatus::rejected},
        {DeliveryStatus::expired, expired, DeliveryStatus::expired},
        {DeliveryStatus::unrecognised, failed, DeliveryStatus::unrecognised},
        {DeliveryStatus::indeterminate, relayed, DeliveryStatus::indeterminate},
        {DeliveryStatus::forwarded, relayed, DeliveryStatus::forwarded},
        {DeliveryStatus::unreachable, failed, DeliveryStatus::unreachable},
    };
    for (const Row& row : kRows) {
        for (const Recipient& before : {taken(kBob), asked(kBob, 1), recipient(kBob)}) {   // in its turn, before its response, and where the reply to the request was lost
            const auto got = after_report(sample_mm({before}), 0, report(row.status), kNow, sample());
            cr_assert(got, "%s", spec_of(row.status).name.data());
            cr_expect(got->recipient.state == row.state && !got->recipient.response_awaited, "%s: %s", spec_of(row.status).name.data(), name(got->recipient.state));
            cr_expect(report_of(got->recipient).status == row.told, "%s is told as %s", spec_of(row.status).name.data(), spec_of(report_of(got->recipient).status).name.data());
            cr_expect(got->report_at == kNow && got->recipient.report_due && got->was == std::vector{before.state}, "%s", spec_of(row.status).name.data());
        }
    }
}

Test(exchange, a_status_nobody_knows_is_never_delivered) {
    for (const char* word : {"", "?", "Retrieved-perhaps", "Eaten-by-the-dog", "Retr", "ok", "delivered"}) {
        const auto got = after_report(sample_mm({taken(kBob)}), 0, report(delivery_status_of(word)), kNow, sample());
        cr_assert(got, "%s", word);
        cr_expect(got->recipient.state == relayed && got->recipient.unconfirmed, "%s", word);
        cr_expect(report_of(got->recipient).status == DeliveryStatus::indeterminate, "%s", word);
    }
}

Test(exchange, deferred_is_no_end) {
    const auto got = after_report(sample_mm({taken(kBob)}), 0, report(DeliveryStatus::deferred), kNow, sample());
    cr_assert(got);
    Recipient want = taken(kBob);
    want.reason = "the relay reports Deferred";
    cr_expect(got->recipient == want && !got->report_at, "all but the words stays as it was");
}

Test(exchange, second_alien_and_late_reports_change_nothing) {
    Recipient told = taken(kBob);
    told.report_due = false;   // the report lane has told that nobody knows
    Recipient unasked = asked(kBob, 1);
    unasked.state = delivered;
    unasked.response_awaited = false;
    Recipient ended = taken(kBob);
    ended.state = rejected;
    const Recipient rows[] = {told, unasked, ended};
    for (const Recipient& before : rows)
        for (const DeliveryStatus status : {DeliveryStatus::retrieved, DeliveryStatus::rejected, DeliveryStatus::deferred})
            cr_expect(!after_report(sample_mm({before}), 0, report(status), kNow, sample()), "%s", name(before.state));
    // The same report twice.
    Message message = sample_mm({taken(kBob)});
    message.recipients[0] = after_report(message, 0, report(DeliveryStatus::retrieved), kNow, sample())->recipient;
    cr_expect(!after_report(message, 0, report(DeliveryStatus::retrieved), kNow, sample()));
}

Test(exchange, what_is_for_relays_only_stays_with_them) {
    struct Row {
        const char* name;
        Interface interface;
        bool asked;
        std::optional<bool> forward;
        DeliveryStatus status;
        bool told;
    };
    constexpr Row kRows[] = {
        {"a phone that asked, of an older peer", Interface::mm1, true, std::nullopt, DeliveryStatus::retrieved, true},
        {"a phone that asked, and may know", Interface::mm1, true, true, DeliveryStatus::retrieved, true},
        {"a phone that asked, and may not know", Interface::mm1, true, false, DeliveryStatus::retrieved, false},
        {"... not of a rejection either", Interface::mm1, true, false, DeliveryStatus::rejected, false},
        {"a phone that asked nothing is told of a failure as ever", Interface::mm1, false, false, DeliveryStatus::unreachable, true},
        {"... but of no delivery", Interface::mm1, false, false, DeliveryStatus::retrieved, false},
        {"mail bounces as ever", Interface::mail, true, false, DeliveryStatus::expired, true},
    };
    for (const Row& row : kRows) {
        Message message = sample_mm({taken(kBob)});
        message.interface = row.interface;
        message.headers.delivery_report = row.asked;
        message.return_path = "anna@example.org";
        DeliveryReportReq about = report(row.status);
        about.forward_to_originator = row.forward;
        const auto got = after_report(message, 0, about, kNow, sample());
        cr_assert(got, "%s", row.name);
        cr_expect(got->recipient.report_due == row.told && got->report_at.has_value() == row.told, "%s", row.name);
        cr_expect(got->recipient.report_allowed == (row.forward != false), "%s", row.name);
    }
}

Test(exchange, what_a_peer_writes_is_one_line_of_ours) {
    Middle random;
    DeliveryReportReq about = report(DeliveryStatus::expired);
    about.status_text = std::string("a\r\nX-Forged: 1\x00\x1b[2J", 20) + std::string(10'000, 'x');
    const auto got = after_report(sample_mm({taken(kBob)}), 0, about, kNow, sample());
    Response says = response("Error-service-denied");
    says.status_text = about.status_text;
    const auto other = after_response(sample_mm({asked(kBob, 1)}), 0, says, true, kNow, sample(), random);
    for (const std::string& reason : {got->recipient.reason, other->recipient.reason}) {
        cr_expect(reason.size() < 1000 && std::ranges::all_of(reason, [](unsigned char c) { return c >= ' ' && c != 0x7F; }), "%s", reason.c_str());
    }
}
