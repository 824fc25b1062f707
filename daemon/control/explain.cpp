#include "daemon/control/explain.h"

#include <algorithm>
#include <array>

#include "daemon/control/message_json.h"

namespace mmgate::control {

namespace {

constexpr std::string_view kMm4 = "mm4:";

std::string moment(Instant at, Instant now) {
    auto distance = std::chrono::duration_cast<Seconds>(at - now);
    if (at == Instant{}) return "at no set time";
    if (distance.count() == 0) return "now";
    std::string span = span_text(Seconds(std::abs(distance.count())));
    return (distance.count() > 0 ? "in " + span : span + " ago") + " (" + time_text(at) + ")";
}

/// When something comes: an hour that is over says only that its turn has not come.
std::string due(Instant at, Instant now) { return at == Instant{} || at > now ? "due " + moment(at, now) : "due since " + time_text(at); }

std::string peer_of(const Recipient& recipient) { return recipient.route.substr(recipient.route.find(':') + 1); }

std::string times(std::uint32_t count) { return count == 1 ? "once" : std::to_string(count) + " times"; }

std::string quoted_reason(const Recipient& recipient) {
    if (recipient.reason.empty()) return ".";
    return (recipient.remote_mta.empty() ? ": " : ", said " + recipient.remote_mta + ": ") + recipient.reason;
}

/// What is said of a recipient in one state; by state.
struct StateSpec {
    RecipientState state;
    std::string (*text)(const Recipient&, const Message&, Instant);
};

const std::array<StateSpec, 12> kStates{{
    {RecipientState::queued, [](const Recipient& r, const Message&, Instant now) {
         return "is accepted and has not been tried. It is " + due(r.next_attempt, now) + (r.next_attempt <= now ? "; it waits for a free connection of its lane, " + r.lane + "." : ".");
     }},
    {RecipientState::active, [](const Recipient& r, const Message&, Instant) { return "is being delivered at this moment over " + r.lane + "."; }},
    {RecipientState::deferred, [](const Recipient& r, const Message& m, Instant now) {
         const std::string given_up = "; it is given up " + moment(m.expires, now) + ".";
         if (r.response_awaited)
             return "was sent to peer " + peer_of(r) + ", whose response has not come" + (r.reason.empty() ? "" : " (" + r.reason + ")") + ". Without one it is sent again " + moment(r.next_attempt, now) + given_up;
         const std::string last = (r.reason.empty() ? "no reason" : "\"" + r.reason + "\"") + (r.remote_mta.empty() ? "" : " of " + r.remote_mta);
         // A peer that cannot be reached is tried with one message for all.
         if (r.attempts == 0 && r.route.starts_with(kMm4))
             return "has not been tried itself, because its peer does not take anything: " + last + ". It is " + due(r.next_attempt, now) + " and goes when " + peer_of(r) + " is tried again, which \"mmq peer show " +
                    peer_of(r) + "\" tells" + given_up;
         return (r.attempts == 0 ? std::string("is to be tried again") : "was tried " + times(r.attempts) + " in vain") + ". The last try ended with " + last + ". The next is " + due(r.next_attempt, now) + given_up;
     }},
    {RecipientState::held, [](const Recipient& r, const Message& m, Instant now) {
         return "is held; before, it was " + std::string(to_text(r.held_from)) + "." + (r.reason.empty() ? "" : " Last: " + r.reason + ".") + " \"mmq release " + to_text(m.id) + "\" lets it go on. It expires " + moment(m.expires, now) + ".";
     }},
    {RecipientState::notified, [](const Recipient& r, const Message& m, Instant now) {
         return "was told " + times(r.attempts) + " that a message waits, and has not fetched it. It is told again " + moment(r.next_attempt, now) +
                "; the message expires " + moment(m.expires, now) + "." + (r.reason.empty() ? "" : " Last: " + r.reason);
     }},
    {RecipientState::fetched, [](const Recipient&, const Message& m, Instant now) {
         return "fetched the message; the phone has not confirmed it. Until it does, it is told again; the message expires " + moment(m.expires, now) + ".";
     }},
    {RecipientState::delivered, [](const Recipient& r, const Message&, Instant now) { return "was delivered " + moment(r.next_attempt, now) + quoted_reason(r); }},
    {RecipientState::relayed, [](const Recipient& r, const Message&, Instant now) {
         return "was handed on " + moment(r.next_attempt, now) + (r.report_expected ? "; a report may come" : "") + quoted_reason(r);
     }},
    {RecipientState::rejected, [](const Recipient& r, const Message&, Instant now) { return "rejected the message " + moment(r.next_attempt, now) + quoted_reason(r); }},
    {RecipientState::expired, [](const Recipient& r, const Message&, Instant now) { return "was given up when the time was over, " + moment(r.next_attempt, now) + quoted_reason(r); }},
    {RecipientState::failed, [](const Recipient& r, const Message&, Instant now) { return "failed for good " + moment(r.next_attempt, now) + quoted_reason(r); }},
    {RecipientState::deleted, [](const Recipient& r, const Message& m, Instant now) {
         return "was deleted by the operator " + moment(r.next_attempt, now) + "." +
                (can_be_undeleted(r, now) ? " \"mmq undelete " + to_text(m.id) + "\" brings it back; it is kept for that until " + time_text(r.next_attempt + kUndeleteFor) + "." : "");
     }},
}};

}   // namespace

std::string span_text(Seconds span) {
    struct Unit {
        std::int64_t seconds;
        const char* name;
    };
    constexpr Unit kUnits[] = {{86400, " d"}, {3600, " h"}, {60, " min"}};
    for (const Unit& unit : kUnits)
        if (span.count() >= 2 * unit.seconds || (span.count() >= unit.seconds && span.count() % unit.seconds == 0)) return std::to_string(span.count() / unit.seconds) + unit.name;
    return std::to_string(span.count()) + " s";
}

std::vector<std::string> explain(const Message& message, Instant now, Seconds mm4_lifetime, const std::vector<std::string>& held_routes) {
    std::vector<std::string> out;
    std::size_t ended = 0;
    for (const Recipient& recipient : message.recipients) ended += is_end(recipient.state);
    std::size_t count = message.recipients.size();
    out.push_back("Arrived over " + std::string(to_text(message.interface)) + " " + moment(message.arrival, now) + "; " +
                  (ended == count ? "all recipients have ended." : std::to_string(count - ended) + " of " + std::to_string(count) + (count == 1 ? " recipient is" : " recipients are") + " not done."));
    Message whole;   // all of it but the recipients that a sentence may need
    whole.id = message.id;
    for (const Recipient& recipient : message.recipients) {
        whole.expires = message.kind == MessageKind::mm && recipient.route.starts_with(kMm4) ? std::min<Instant>(message.expires, message.arrival + mm4_lifetime) : message.expires;
        const bool waits = recipient.state == RecipientState::queued || (recipient.state == RecipientState::deferred && !recipient.response_awaited);
        std::string text = kStates[static_cast<std::size_t>(recipient.state)].text(recipient, whole, now);
        if (waits && std::ranges::find(held_routes, recipient.route) != held_routes.end())
            text = "waits because the operator holds peer " + peer_of(recipient) + "; \"mmq peer release " + peer_of(recipient) + "\" lets all go that goes there. It is given up " + moment(whole.expires, now) + "." +
                   (recipient.reason.empty() ? "" : " Last: " + recipient.reason);
        out.push_back(to_mms_text(recipient.address) + " " + text);
    }
    return out;
}

}   // namespace mmgate::control
