#include "daemon/mail_intake.h"

#include <criterion/criterion.h>

#include "daemon/outcome.h"
#include "mapping/mm1/messages.h"
#include "tests/support/memory_store.h"

using namespace mmgate;

namespace {

struct Counting final : Random {
    std::uint8_t next = 0;
    Octets octets(std::size_t count) override {
        Octets out;
        while (out.size() < count) out += static_cast<char>(++next);
        return out;
    }
    std::uint32_t below(std::uint32_t) override { return 0; }
};

Config sample() {
    Config config;
    config.domain = "mms.example.net";
    config.hostname = "gw.example.net";
    config.postmaster = "ops@example.net";
    config.numbering = {"44", "0", "00"};
    config.subscribers = {{"+447700"}};
    config.message_size_bytes = 300'000;
    config.lifetime = std::chrono::hours(24 * 7);
    config.report_delay = Seconds(5);
    return config;
}

const std::string kPhone = "+447700900123@mms.example.net";

struct Bed {
    Config config = sample();
    Loop loop;
    Log log{{Level::error}};
    Metrics metrics;
    MemoryStore store;
    Counting random;
    Names names{Octets(32, 's'), "mms.example.net"};
    Workers workers{loop, 1};
    Committer committer{store, [this](Committer::Task task) { loop.post(std::move(task)); }};
    Admission admission;
    MailIntake intake{loop, store, committer, workers, names, random, log, metrics, admission};
    Timer deadline;
    bool late = false;

    /// Hands in a mail and gives the answer.
    Accepted take(std::string return_path, const std::vector<std::string>& to, Octets mail, std::string client = "192.0.2.7") {
        const auto routes = std::make_shared<const Router>(config);
        intake.configure(std::make_shared<const Config>(config), routes);
        const Router& router = *routes;
        ReceivedEnvelope envelope{std::move(client), "mx.example", "ESMTP", std::move(return_path), "ENV1", false, {}};
        for (const std::string& one : to) {
            auto mailbox = one == "postmaster" ? Result<Address>(Address{Address::Kind::mailbox, one, {}}) : parse_mailbox(one);
            cr_assert(mailbox.has_value());
            auto route = router.of_mail_recipient(*mailbox, {});
            cr_assert(route.has_value());
            envelope.recipients.push_back({*mailbox, *route, {}, "rfc822;" + one});
        }
        std::optional<Accepted> answer;
        deadline = loop.after(std::chrono::seconds(20), [this] {
            late = true;
            loop.stop();
        });
        loop.post([&] {
            intake.accept(std::move(envelope), std::move(mail), [&](Accepted result) {
                cr_assert(!answer, "answered twice");
                answer = std::move(result);
                loop.stop();
            });
        });
        loop.run();
        cr_assert(!late && answer);
        return *answer;
    }
    std::vector<Message> messages() const { return store.list({}, 100, true); }

    /// An MM of a phone to mailboxes, in these states; nothing is under way.
    QueueId sent_by_phone(const std::vector<std::pair<std::string, RecipientState>>& to, bool delivery_report = false) {
        Enqueue enqueue;
        enqueue.message.headers.delivery_report = delivery_report;
        enqueue.message.interface = Interface::mm1;
        enqueue.message.arrival = loop.now();
        enqueue.message.expires = loop.now() + std::chrono::hours(24);
        enqueue.message.originator = {Address::Kind::phone, "+447700900123", {}};
        for (const auto& [address, state] : to) {
            Recipient recipient;
            const bool phone = address.starts_with('+');
            recipient.address = {phone ? Address::Kind::phone : Address::Kind::mailbox, address, {}};
            recipient.route = phone ? "mm1" : "mail";
            recipient.lane = phone ? "mm1" : "mail:x.example";
            recipient.state = state;
            recipient.report_expected = state == RecipientState::relayed;
            enqueue.message.recipients.push_back(std::move(recipient));
        }
        enqueue.content = "c";
        std::vector<Operation> operations{std::move(enqueue)};
        auto outcomes = store.apply(operations);
        cr_assert(outcomes.has_value());
        return outcomes->front().id;
    }
};

std::string mail_of(std::string_view headers, std::string_view body = "Hello\r\n") {
    return "From: Bob <bob@b.example>\r\nTo: " + kPhone + "\r\nSubject: Greetings\r\nMessage-ID: <m1@b.example>\r\nMIME-Version: 1.0\r\n" + std::string(headers) + "\r\n" + std::string(body);
}

/// A delivery status notification about one recipient.
std::string report(const std::string& message_id, std::string_view about, std::string_view action, std::string_view status) {
    std::string out =
        "From: MAILER-DAEMON@x.example\r\nTo: <" + kPhone +
        ">\r\nMIME-Version: 1.0\r\nContent-Type: multipart/report; report-type=delivery-status; boundary=b\r\n\r\n"
        "--b\r\n\r\nThis is what became of it.\r\n--b\r\nContent-Type: message/delivery-status\r\n\r\nReporting-MTA: dns; x.example\r\n\r\n";
    if (!about.empty()) out += "Final-Recipient: rfc822; " + std::string(about) + "\r\n";
    out += "Action: " + std::string(action) + "\r\nStatus: " + std::string(status) + "\r\nDiagnostic-Code: smtp; 550 5.1.1 no such user\r\n\r\n";
    return out + "--b\r\nContent-Type: text/rfc822-headers\r\n\r\nMessage-ID: <" + message_id + ">\r\nSubject: s\r\n\r\n--b--\r\n";
}

}   // namespace

Test(mail_intake, makes_one_message_of_a_mail_to_phones) {
    Bed bed;
    const Accepted answer = bed.take("bob@b.example", {kPhone, "07700900124@mms.example.net", "+447700900123/TYPE=PLMN@mms.example.net"}, mail_of("X-Priority: 1\r\n"));
    cr_assert(answer.has_value(), "%s", answer ? "" : answer.error().rule.c_str());
    const auto messages = bed.messages();
    cr_assert(messages.size() == 1);
    const Message& message = messages.front();
    cr_expect(*answer == "Ok: queued as " + to_text(message.id), "%s", answer->c_str());
    cr_expect(message.kind == MessageKind::mm && message.interface == Interface::mail && message.return_path == "bob@b.example" && message.envelope_id == "ENV1");
    cr_expect(message.originator.value == "bob@b.example" && message.peer == "mx.example [192.0.2.7]" && message.headers.subject == "Greetings");
    cr_expect(message.expires - message.arrival == bed.config.lifetime);
    // One phone under two names is one recipient; who stands in no header is blind.
    cr_assert(message.recipients.size() == 2);
    cr_expect(message.recipients[0].address.value == "+447700900123" && message.recipients[0].role == RecipientRole::to);
    cr_expect(message.recipients[1].address.value == "+447700900124" && message.recipients[1].role == RecipientRole::bcc);
    for (const Recipient& recipient : message.recipients) cr_expect(recipient.route == "mm1" && recipient.token.size() == 16 && recipient.state == RecipientState::queued);
    cr_expect(message.recipients[0].token != message.recipients[1].token);
    const auto header = bed.store.original_header(message.id);
    cr_assert(header.has_value());
    cr_expect(header->starts_with("Received: from mx.example ([192.0.2.7])\r\n\tby gw.example.net (mmgate) with ESMTP;\r\n\t"), "%s", header->c_str());
    cr_expect(header->find("\r\nSubject: Greetings\r\n") != std::string::npos);
    cr_expect(mm1::decode_content(*bed.store.content(message.id)).has_value());
    cr_expect(bed.store.events(message.id).front().what == "accepted");
    cr_expect(bed.metrics.value(Counter::smtp_accepted) == 1 && bed.metrics.value(Counter::smtp_bytes) > 0);
}

Test(mail_intake, maps_large_mails_on_a_worker) {
    Bed bed;
    std::string body;
    while (body.size() < 100'000) body += "A line of a text that is not short.\r\n";
    cr_expect(bed.take("bob@b.example", {kPhone}, mail_of("", body)).has_value());
    cr_expect(bed.messages().size() == 1);
}

Test(mail_intake, holds_the_size_of_the_pdu) {
    Bed probe;
    const std::string mail = mail_of("");
    cr_assert(probe.take("bob@b.example", {kPhone}, mail).has_value());
    const Message message = probe.messages().front();
    mm1::RetrieveConf conf{std::string(24, 'x'), mm1::kOurVersion, probe.names.message_id(message.id), message.headers};
    const std::size_t size = mm1::encode_retrieve_head(conf).size() + message.size_bytes;
    for (bool fits : {true, false}) {
        Bed bed;
        bed.config.message_size_bytes = size - (fits ? 0 : 1);
        const Accepted answer = bed.take("bob@b.example", {kPhone}, mail);
        cr_expect(answer.has_value() == fits);
        if (!fits) cr_expect(answer.error().fault == Fault::message_too_big && bed.messages().empty());
    }
}

Test(mail_intake, says_what_is_wrong_and_queues_nothing) {
    struct Row {
        const char* name;
        std::string mail;
        Fault fault;
    };
    std::string loop;
    for (int i = 0; i <= 100; ++i) loop += "Received: from a by b; Mon, 2 Jan 2006 15:04:05 +0000\r\n";
    const Row rows[] = {
        {"a loop", mail_of(loop), Fault::routing_loop},
        {"a header that is too large", mail_of("X-Long: " + std::string(20'000, 'x') + "\r\n"), Fault::too_large},
        {"a part of a message", mail_of("Content-Type: message/partial; id=\"x\"; number=1; total=2\r\n"), Fault::content_refused},
    };
    for (const Row& row : rows) {
        Bed bed;
        const Accepted answer = bed.take("bob@b.example", {kPhone}, row.mail);
        cr_assert(!answer, "%s", row.name);
        cr_expect(answer.error().fault == row.fault, "%s: %s", row.name, answer.error().rule.c_str());
        cr_expect(bed.messages().empty() && bed.metrics.value(Counter::smtp_rejected) == 1, "%s", row.name);
    }
    for (Fault fault : {Fault::storage_full, Fault::storage_failed}) {
        Bed bed;
        bed.store.fail_with(Error{fault, 0, "x"});
        const Accepted answer = bed.take("bob@b.example", {kPhone}, mail_of(""));
        cr_assert(!answer);
        cr_expect(answer.error().fault == fault && bed.metrics.value(Counter::smtp_accepted) == 0);
    }
}

Test(mail_intake, passes_mail_for_postmaster_on_as_it_is) {
    Bed bed;
    const std::string mail = mail_of("");
    cr_assert(bed.take("bob@b.example", {"postmaster", kPhone}, mail, "2001:db8::7").has_value());
    const auto messages = bed.messages();
    cr_assert(messages.size() == 2);
    const bool first = messages[0].kind == MessageKind::mail;
    const Message& copy = messages[first ? 0 : 1];
    cr_expect(copy.kind == MessageKind::mail && messages[first ? 1 : 0].kind == MessageKind::mm);
    cr_assert(copy.recipients.size() == 1);
    cr_expect(copy.recipients[0].address.value == "ops@example.net" && copy.recipients[0].route == "mail" && copy.recipients[0].lane == "mail:example.net");
    const Octets content = *bed.store.content(copy.id);
    cr_expect(content.starts_with("Received: from mx.example ([IPv6:2001:db8::7])\r\n") && content.ends_with("\r\n" + mail), "%s", content.c_str());
}

Test(mail_intake, lets_a_report_end_what_it_is_about) {
    using enum RecipientState;
    struct Row {
        const char* action;
        const char* status;
        RecipientState before, after;
        const char* enhanced;
    };
    const Row rows[] = {
        {"failed", "5.1.1", relayed, failed, "5.1.1"},
        {"failed", "5.1.1", delivered, failed, "5.1.1"},
        {"failed", "5.1.1", queued, failed, "5.1.1"},
        {"failed", "5.1.1", deferred, failed, "5.1.1"},
        {"failed", "4.4.7", relayed, failed, "4.4.7"},
        {"failed", "2.0.0", relayed, failed, "5.0.0"},
        {"failed", "5.1.1", failed, failed, ""},
        {"failed", "5.1.1", expired, expired, ""},
        {"failed", "5.1.1", rejected, rejected, ""},
        {"delivered", "2.0.0", relayed, delivered, "2.0.0"},
        {"delivered", "2.1.5", queued, delivered, "2.1.5"},
        {"delivered", "2.0.0", failed, failed, ""},
        {"delayed", "4.4.1", relayed, relayed, ""},
        {"relayed", "2.0.0", queued, queued, ""},
        {"relayed", "2.0.0", relayed, relayed, "2.0.0"},
        {"relayed", "2.0.0", delivered, delivered, ""},
        {"expanded", "2.0.0", relayed, relayed, "2.0.0"},
    };
    for (const Row& row : rows) {
        Bed bed;
        const QueueId id = bed.sent_by_phone({{"a@x.example", row.before}, {"other@x.example", relayed}, {"+447700900999", notified}});
        const std::size_t events = bed.store.events(id).size();
        const Accepted answer = bed.take("", {kPhone}, report(bed.names.message_id(id), "A@X.example", row.action, row.status));
        cr_assert(answer.has_value());
        const Message message = *bed.store.find(id);
        const Recipient& recipient = message.recipients[0];
        cr_expect(recipient.state == row.after, "%s %s: %s", row.action, row.status, to_text(recipient.state).data());
        cr_expect(recipient.enhanced_status == row.enhanced, "%s %s: %s", row.action, row.status, recipient.enhanced_status.c_str());
        cr_expect(message.recipients[1].state == relayed && message.recipients[2].state == notified);
        cr_expect(bed.store.events(id).size() == events + 1, "%s %s", row.action, row.status);
        cr_expect(bed.metrics.value(Counter::reports_in) == (row.enhanced[0] ? 1 : 0) && bed.metrics.value(Counter::reports_in_unmatched) == 0);
        cr_expect(bed.messages().size() == 1);
    }
}

Test(mail_intake, tells_once_that_a_mail_went_where_nobody_reports) {
    Bed bed;
    const QueueId id = bed.sent_by_phone({{"a@x.example", RecipientState::relayed}}, true);
    for (const char* action : {"relayed", "relayed", "expanded", "delivered"}) {
        cr_assert(bed.take("", {kPhone}, report(bed.names.message_id(id), "a@x.example", action, "2.0.0")).has_value());
        const Message message = *bed.store.find(id);
        const Recipient& recipient = message.recipients[0];
        cr_expect(recipient.state == RecipientState::relayed && recipient.report_due && report_of(recipient).status == DeliveryStatus::forwarded, "%s", action);
        cr_expect(bed.metrics.value(Counter::reports_in) == 1, "%s", action);
    }
}

Test(mail_intake, drops_a_report_that_is_not_about_ours) {
    Bed bed;
    const QueueId id = bed.sent_by_phone({{"a@x.example", RecipientState::relayed}, {"b@x.example", RecipientState::relayed}, {"+447700900999", RecipientState::notified}});
    const std::string ours = bed.names.message_id(id);
    struct Row {
        const char* name;
        std::string to, mail;
    };
    const Row rows[] = {
        {"another's Message-ID", kPhone, report("m1@b.example", "a@x.example", "failed", "5.1.1")},
        {"one that looks like ours", kPhone, report("0123456789abcdefghjkmnpqrs@mms.example.net", "a@x.example", "failed", "5.1.1")},
        {"a recipient whom nobody wrote to", kPhone, report(ours, "c@x.example", "failed", "5.1.1")},
        {"nobody, where there are two", kPhone, report(ours, "", "failed", "5.1.1")},
        {"a phone", kPhone, report(ours, "+447700900999", "failed", "5.1.1")},
        {"sent to another phone than the mail's originator", "+447700900124@mms.example.net", report(ours, "a@x.example", "failed", "5.1.1")},
    };
    std::size_t dropped = 0;
    for (const Row& row : rows) {
        const Accepted answer = bed.take("", {row.to}, row.mail);
        cr_expect(answer.has_value(), "%s", row.name);
        cr_expect(bed.metrics.value(Counter::reports_in_unmatched) == ++dropped, "%s", row.name);
        const Message message = *bed.store.find(id);
        cr_expect(message.recipients[0].state == RecipientState::relayed && message.recipients[1].state == RecipientState::relayed && message.recipients[2].state == RecipientState::notified, "%s",
                  row.name);
    }
    cr_expect(bed.messages().size() == 1);
}

Test(mail_intake, refuses_what_else_comes_from_nobody) {
    Bed bed;
    const Accepted answer = bed.take("", {kPhone}, mail_of("Auto-Submitted: auto-replied\r\n", "I am on holiday.\r\n"));
    cr_assert(!answer);
    cr_expect(answer.error().fault == Fault::sender_denied && bed.messages().empty());
}
