#include "daemon/outcome.h"

#include <criterion/criterion.h>

using namespace mmgate;
using namespace std::chrono_literals;

namespace {

constexpr Instant kNow{1'700'000'000'000ms};

Message sample(Interface interface, std::size_t recipients) {
    Message message;
    message.id = {7};
    message.interface = interface;
    message.return_path = "a@b.example";
    message.originator = {Address::Kind::phone, "+447700900001", {}};
    for (std::size_t i = 0; i < recipients; ++i) {
        Recipient recipient;
        recipient.route = interface == Interface::mail ? "mm1" : "mail";
        message.recipients.push_back(recipient);
    }
    return message;
}

}   // namespace

Test(outcome, the_last_end_reports_at_once_and_an_earlier_one_waits) {
    Message message = sample(Interface::mail, 2);
    const ReportPolicy policy{true, 5s};
    Settle first = end_of(message, 0, {RecipientState::failed, Fault::recipient_unknown, "gone\r\nX: y", {}, {}}, kNow, policy);
    cr_expect(first.report_at == kNow + 5s);
    cr_expect(first.recipient.report_due && first.recipient.enhanced_status == "5.1.1");
    cr_expect(first.recipient.reason.find('\n') == std::string::npos, "reasons are one line");
    message.recipients[0] = first.recipient;
    Settle last = end_of(message, 1, {RecipientState::expired, Fault::expired, "late", {}, {}}, kNow, policy);
    cr_expect(last.report_at == kNow);
    cr_expect(last.recipient.enhanced_status == "5.4.7");
}

Test(outcome, who_is_told) {
    struct Row {
        const char* what;
        Interface interface;
        RecipientState state;
        bool asked, service, automatic, report_allowed;
        bool told;
    };
    const Row rows[] = {
        {"a mail's failure", Interface::mail, RecipientState::failed, false, true, false, true, true},
        {"a mail's expiry", Interface::mail, RecipientState::expired, false, true, false, true, true},
        {"a mail's delivery that nobody asked about", Interface::mail, RecipientState::delivered, false, true, false, true, false},
        {"a mail's delivery that was asked about", Interface::mail, RecipientState::delivered, true, true, false, true, true},
        {"an automatic mail's failure", Interface::mail, RecipientState::failed, false, true, true, true, false},
        {"a phone's failure", Interface::mm1, RecipientState::failed, false, true, false, true, true},
        {"a phone's failure with service messages off", Interface::mm1, RecipientState::failed, false, false, false, true, false},
        {"the same, but a report was asked for", Interface::mm1, RecipientState::failed, true, false, false, true, true},
        {"a phone's delivery", Interface::mm1, RecipientState::delivered, false, true, false, true, false},
        {"a phone's delivery with a report", Interface::mm1, RecipientState::delivered, true, true, false, true, true},
        {"a delivery whose recipient allows no report", Interface::mm1, RecipientState::delivered, true, true, false, false, false},
        {"a rejection whose recipient allows no report", Interface::mm1, RecipientState::rejected, true, true, false, false, false},
        {"an expiry does not depend on the recipient", Interface::mm1, RecipientState::expired, true, true, false, false, true},
        {"what the operator deleted", Interface::mm1, RecipientState::deleted, true, true, false, true, false},
        {"what has not ended", Interface::mm1, RecipientState::deferred, true, true, false, true, false},
    };
    for (const Row& row : rows) {
        Message message = sample(row.interface, 1);
        message.automatic = row.automatic;
        message.headers.delivery_report = row.asked;
        Recipient& recipient = message.recipients[0];
        recipient.state = row.state;
        recipient.report_allowed = row.report_allowed;
        recipient.notify.success = row.asked;
        cr_expect(report_wanted(message, recipient, {row.service, 5s}) == row.told, "%s", row.what);
    }
    Message message = sample(Interface::mail, 1);
    message.recipients[0].state = RecipientState::failed;
    message.recipients[0].notify = {.never = true, .success = false, .failure = true, .delay = false};
    cr_expect(!report_wanted(message, message.recipients[0], {}), "NOTIFY=NEVER");
    message.recipients[0].notify = {};
    cr_expect(report_wanted(message, message.recipients[0], {}));
    message.reports_on = QueueId{3};
    cr_expect(!report_wanted(message, message.recipients[0], {}), "no report about a report");
    message.reports_on.reset();
    message.return_path.clear();
    cr_expect(!report_wanted(message, message.recipients[0], {}), "the null sender");
}

Test(outcome, a_report_says_what_happened) {
    struct Row {
        std::string_view route;
        RecipientState state;
        Fault fault;
        bool report_expected;
        bool unconfirmed;
        DeliveryStatus status;
    };
    const Row rows[] = {
        {"mm1", RecipientState::delivered, Fault::internal, false, false, DeliveryStatus::retrieved},
        {"mail", RecipientState::delivered, Fault::internal, false, false, DeliveryStatus::indeterminate},
        {"mail", RecipientState::delivered, Fault::internal, true, false, DeliveryStatus::retrieved},
        {"mail", RecipientState::relayed, Fault::internal, true, false, DeliveryStatus::forwarded},
        {"mm4:b", RecipientState::relayed, Fault::internal, false, true, DeliveryStatus::indeterminate},
        {"mm4:b", RecipientState::failed, Fault::peer_unreachable, false, true, DeliveryStatus::indeterminate},
        {"mm1", RecipientState::expired, Fault::expired, false, false, DeliveryStatus::expired},
        {"mm1", RecipientState::expired, Fault::expired, false, true, DeliveryStatus::indeterminate},
        {"mm1", RecipientState::rejected, Fault::internal, false, false, DeliveryStatus::rejected},
        {"mail", RecipientState::failed, Fault::no_such_domain, false, false, DeliveryStatus::unreachable},
    };
    for (const Row& row : rows) {
        Recipient recipient;
        recipient.route = row.route;
        recipient.state = row.state;
        recipient.fault = row.fault;
        recipient.report_expected = row.report_expected;
        recipient.unconfirmed = row.unconfirmed;
        cr_expect(report_of(recipient).status == row.status, "%s %d", row.route.data(), static_cast<int>(row.state));
    }
    Recipient fetched;
    fetched.route = "mm1";
    fetched.state = RecipientState::expired;
    fetched.fault = Fault::expired;
    fetched.enhanced_status = "5.4.7";
    cr_expect(!report_of(fetched).unconfirmed);
    fetched.unconfirmed = true;
    cr_expect(report_of(fetched).unconfirmed && report_of(fetched).enhanced_status == "5.4.7");
    Message message = sample(Interface::mail, 1);
    fetched.notify = {.never = false, .success = true, .failure = false, .delay = false};
    cr_expect(report_of(fetched).enhanced_status == "2.0.0" && report_wanted(message, fetched, {}), "a relaying to who asked about success");
    fetched.notify = {.never = true, .success = false, .failure = false, .delay = false};
    cr_expect(!report_wanted(message, fetched, {}));
}
