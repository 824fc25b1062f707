#include "daemon/mm1/submission.h"

#include <algorithm>
#include <array>
#include <map>
#include <utility>

#include "daemon/names.h"
#include "daemon/outcome.h"
#include "mapping/charset.h"
#include "mapping/limits.h"
#include "mapping/status.h"

namespace mmgate::mm1 {

namespace {

constexpr std::uint8_t kOk = 0x80;
constexpr std::uint8_t kPartialSuccess = 0xC4;
constexpr std::uint8_t kFirstVersionOfPartialSuccess = 0x92;
// A shorter life could end before the notification has arrived.
constexpr Seconds kShortestLife{60};
// Phones sort by Date: a clock that is further off is replaced by ours.
constexpr Seconds kMostClockError = std::chrono::hours(24);

constexpr RecipientRole role_of(Role role) {
    return role == Role::to ? RecipientRole::to : role == Role::cc ? RecipientRole::cc
                                                                   : RecipientRole::bcc;
}

Recipient failed_recipient(Address address, RecipientRole role, Error error, Instant now) {
    Recipient out;
    out.route = address.kind == Address::Kind::mailbox ? "mail" : "mm1";
    out.lane = out.route;
    out.address = std::move(address);
    out.role = role;
    out.state = RecipientState::failed;
    out.fault = error.fault;
    out.enhanced_status = spec_of(error.fault).enhanced;
    out.reason = header_text(error.rule, kLimits.reason_bytes);
    out.next_attempt = now;
    return out;
}

// When delivery begins and when it ends. Source: OMA-TS-MMS_ENC-V1_3 §7.3.13 (Delivery-Time), §7.3.20 (Expiry).
struct Life {
    Instant begin, end;
};
Life life_of(const MmHeaders& headers, Seconds longest, Instant now) {
    Life life;
    life.begin = headers.delivery_time ? std::clamp(headers.delivery_time->from(now), now, now + longest) : now;
    const Instant latest = life.begin + longest;
    life.end = headers.expiry ? std::clamp(headers.expiry->from(now), std::min(life.begin + kShortestLife, latest), latest) : latest;
    return life;
}

// Other phones and mailboxes answer to what they see: a number is shown as it is reached.
void show_as_routed(std::vector<Address>& addresses, const std::map<std::string, Address>& routed) {
    for (Address& address : addresses) {
        const auto found = routed.find(address.value);
        if (found == routed.end()) continue;
        address.kind = found->second.kind;
        address.value = found->second.value;
    }
}

}   // namespace

Result<ReadSubmission> read_submission(Bytes pdu) {
    auto decoded = decode_pdu(pdu);
    if (!decoded) return fail(decoded.error());
    auto req = send_req_of(std::move(*decoded));
    if (!req) return fail(req.error());
    ReadSubmission out{std::move(*req), {}, sha256(pdu)};
    out.content = encode_content(out.req.content);
    out.req.content = {};
    return out;
}

Result<Submission> submission_of(ReadSubmission read, const Address& sender, std::string_view peer, const Config& config, const Router& router, Random& random,
                                 Instant now) {
    SendReq& req = read.req;
    const std::size_t named = req.recipients.size() + req.bad_recipients.size();
    if (named == 0) return fail(Fault::no_recipients, "no recipient is named");
    if (named > config.recipients) return fail(Fault::sender_denied, "more than " + std::to_string(config.recipients) + " recipients");

    Submission out;
    Message& message = out.enqueue.message;
    const Life life = life_of(req.headers, config.lifetime, now);
    std::map<std::string, Address> routed;   // by the address as the phone wrote it
    std::optional<Error> first_failure;
    const auto fails = [&](Address address, RecipientRole role, Error error) {
        if (!first_failure) first_failure = error;
        message.recipients.push_back(failed_recipient(std::move(address), role, std::move(error), now));
    };
    for (SendReq::Recipient& to : req.recipients) {
        auto route = router.of_recipient(to.address);
        const std::string& reached = route ? route->address.value : to.address.value;
        if (std::ranges::any_of(message.recipients, [&](const Recipient& other) { return other.address.value == reached; })) continue;
        if (!route) {
            fails(std::move(to.address), role_of(to.role), route.error());
        } else if (req.headers.sender_hidden && route->route == "mail") {
            fails(std::move(to.address), role_of(to.role), Error{Fault::hidden_sender, 0, "a hidden sender cannot be mapped to mail"});
        } else {
            routed.emplace(to.address.value, route->address);
            Recipient recipient;
            recipient.lane = lane_for(*route, req.headers.priority);
            recipient.address = std::move(route->address);
            recipient.role = role_of(to.role);
            recipient.route = std::move(route->route);
            recipient.next_attempt = life.begin;
            if (recipient.route == "mm1") recipient.token = random.octets(kTokenBytes);
            message.recipients.push_back(std::move(recipient));
        }
    }
    for (std::string& text : req.bad_recipients)
        fails({Address::Kind::other, std::move(text), {}}, RecipientRole::to, Error{Fault::recipient_syntax, 0, "this is no address"});
    out.partial = first_failure.has_value();
    if (std::ranges::all_of(message.recipients, [](const Recipient& recipient) { return is_end(recipient.state); })) return fail(*first_failure);

    message.kind = MessageKind::mm;
    message.interface = Interface::mm1;
    message.arrival = now;
    message.expires = life.end;
    message.size_bytes = read.content.size();
    message.originator = sender;
    message.originator_mms_version = req.version;
    message.automatic = req.headers.message_class == MessageClass::automatic;
    message.peer = "[" + std::string(peer) + "]";
    message.headers = std::move(req.headers);
    MmHeaders& headers = message.headers;
    headers.from = headers.sender_hidden ? std::nullopt : std::optional(sender);
    if (headers.date < now - kMostClockError || headers.date > now + kMostClockError) headers.date = now;
    show_as_routed(headers.to, routed);
    show_as_routed(headers.cc, routed);

    std::vector<Event>& events = out.enqueue.events;
    events.push_back({now, std::nullopt, "accepted", "from " + sender.value + " " + message.peer + " by MM1, " + std::to_string(message.size_bytes) + " octets"});
    const ReportPolicy policy{config.service_messages, config.report_delay};
    for (std::size_t i = 0; i < message.recipients.size(); ++i) {
        Recipient& recipient = message.recipients[i];
        if (!is_end(recipient.state)) continue;
        recipient.report_due = report_wanted(message, recipient, policy);
        events.push_back({now, static_cast<std::uint16_t>(i), std::string(to_text(recipient.state)), recipient.reason});
    }
    out.enqueue.report_at = now + config.report_delay;
    out.enqueue.submission = submission_key({sender.value, req.transaction_id, read.body_digest});
    out.enqueue.submission_until = now + config.submission_memory;
    out.enqueue.content = std::move(read.content);
    return out;
}

std::uint8_t accepted_status(const Submission& submission, std::uint8_t version) {
    return submission.partial && version >= kFirstVersionOfPartialSuccess ? kPartialSuccess : kOk;
}

}   // namespace mmgate::mm1
