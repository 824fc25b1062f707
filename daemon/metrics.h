// Every counter, once: SNMP, mmq stats, and their documentation walk this table.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <string_view>

namespace mmgate {

enum class Counter : std::uint8_t {
    smtp_connections, smtp_refused_connections, smtp_accepted, smtp_rejected, smtp_recipients, smtp_octets, smtp_smuggling,
    mm1_requests, mm1_bad_requests, mm1_submitted, mm1_refused, mm1_repeated, mm1_retrieved, mm1_not_found, mm1_responses, mm1_unidentified,
    push_sent, push_failed, push_deferred,
    mail_sent, mail_failed, mail_deferred, mail_connections,
    mm4_requests_in, mm4_repeated, mm4_refused, mm4_responses_in, mm4_reports_in, mm4_alien, mm4_requests_out, mm4_responses_out, mm4_reports_out, mm4_resent, mm4_unanswered,
    read_reports_in, read_reports_out,
    reports_in, reports_in_unmatched, dsn_sent, delivery_reports_sent, service_messages_sent,
    expired, delivered, relayed, rejected, failed, deleted,
    store_commits, store_failures, store_full,
    config_reloads, config_reload_failures,
    count_,
};

struct CounterSpec {
    Counter counter;
    std::string_view name;   // as mmq stats --json prints it
    std::string_view help;
};

inline constexpr auto kCounters = std::to_array<CounterSpec>({
    {Counter::smtp_connections, "smtp_connections", "SMTP connections accepted"},
    {Counter::smtp_refused_connections, "smtp_refused_connections", "SMTP connections answered 421 or 554 at once"},
    {Counter::smtp_accepted, "smtp_accepted", "mails accepted (250 after the dot)"},
    {Counter::smtp_rejected, "smtp_rejected", "mails refused after the dot"},
    {Counter::smtp_recipients, "smtp_recipients", "recipients accepted over SMTP"},
    {Counter::smtp_octets, "smtp_octets", "octets of accepted mails"},
    {Counter::smtp_smuggling, "smtp_smuggling", "mails with bare CR, bare LF or NUL"},
    {Counter::mm1_requests, "mm1_requests", "HTTP requests of phones"},
    {Counter::mm1_bad_requests, "mm1_bad_requests", "HTTP requests that were no MMS"},
    {Counter::mm1_submitted, "mm1_submitted", "M-Send.req accepted"},
    {Counter::mm1_refused, "mm1_refused", "M-Send.req answered with an error"},
    {Counter::mm1_repeated, "mm1_repeated", "M-Send.req that repeated an earlier one"},
    {Counter::mm1_retrieved, "mm1_retrieved", "M-Retrieve.conf with a message"},
    {Counter::mm1_not_found, "mm1_not_found", "retrievals of unknown, foreign or used-up locations"},
    {Counter::mm1_responses, "mm1_responses", "M-NotifyResp.ind and M-Acknowledge.ind"},
    {Counter::mm1_unidentified, "mm1_unidentified", "submissions without a subscriber's identity"},
    {Counter::push_sent, "push_sent", "pushes that the bearer accepted"},
    {Counter::push_failed, "push_failed", "pushes that the bearer refused"},
    {Counter::push_deferred, "push_deferred", "pushes to be tried again"},
    {Counter::mail_sent, "mail_sent", "mail recipients that a next hop accepted"},
    {Counter::mail_failed, "mail_failed", "mail recipients that a next hop refused"},
    {Counter::mail_deferred, "mail_deferred", "mail attempts to be repeated"},
    {Counter::mail_connections, "mail_connections", "SMTP connections opened to next hops"},
    {Counter::mm4_requests_in, "mm4_requests_in", "MM4_forward.REQ accepted from peers"},
    {Counter::mm4_repeated, "mm4_repeated", "MM4 requests that repeated an earlier one"},
    {Counter::mm4_refused, "mm4_refused", "MM4 messages refused, in the dialogue or by a response"},
    {Counter::mm4_responses_in, "mm4_responses_in", "MM4 responses to requests of ours"},
    {Counter::mm4_reports_in, "mm4_reports_in", "MM4 reports about messages of ours"},
    {Counter::mm4_alien, "mm4_alien", "MM4 responses and reports that were late, unknown or about another peer's messages"},
    {Counter::mm4_requests_out, "mm4_requests_out", "MM4_forward.REQ that a peer's relay took"},
    {Counter::mm4_responses_out, "mm4_responses_out", "MM4 responses that a peer's relay took"},
    {Counter::mm4_reports_out, "mm4_reports_out", "MM4 reports that a peer's relay took"},
    {Counter::mm4_resent, "mm4_resent", "MM4 requests sent again for want of a response"},
    {Counter::mm4_unanswered, "mm4_unanswered", "MM4 requests given up for want of a response"},
    {Counter::read_reports_in, "read_reports_in", "read reports from phones, peers and mail"},
    {Counter::read_reports_out, "read_reports_out", "read reports made for originators"},
    {Counter::reports_in, "reports_in", "delivery status notifications that ended a recipient"},
    {Counter::reports_in_unmatched, "reports_in_unmatched", "reports about messages that are not ours"},
    {Counter::dsn_sent, "dsn_sent", "delivery status notifications made"},
    {Counter::delivery_reports_sent, "delivery_reports_sent", "M-Delivery.ind made"},
    {Counter::service_messages_sent, "service_messages_sent", "service messages to originators"},
    {Counter::expired, "expired", "recipients that expired"},
    {Counter::delivered, "delivered", "recipients delivered"},
    {Counter::relayed, "relayed", "recipients handed on with a report promised"},
    {Counter::rejected, "rejected", "recipients that rejected"},
    {Counter::failed, "failed", "recipients that failed"},
    {Counter::deleted, "deleted", "recipients deleted by the operator"},
    {Counter::store_commits, "store_commits", "commits of the store"},
    {Counter::store_failures, "store_failures", "commits that failed"},
    {Counter::store_full, "store_full", "submissions refused for lack of room"},
    {Counter::config_reloads, "config_reloads", "configurations reloaded"},
    {Counter::config_reload_failures, "config_reload_failures", "reloads that kept the old configuration"},
});

constexpr bool counters_are_in_order() {
    for (std::size_t i = 0; i < kCounters.size(); ++i)
        if (kCounters[i].counter != static_cast<Counter>(i)) return false;
    return kCounters.size() == static_cast<std::size_t>(Counter::count_);
}
static_assert(counters_are_in_order());

class Metrics {
public:
    void add(Counter counter, std::uint64_t amount = 1) { values_[static_cast<std::size_t>(counter)].fetch_add(amount, std::memory_order_relaxed); }
    std::uint64_t value(Counter counter) const { return values_[static_cast<std::size_t>(counter)].load(std::memory_order_relaxed); }

private:
    std::array<std::atomic<std::uint64_t>, static_cast<std::size_t>(Counter::count_)> values_{};
};

}  // namespace mmgate
