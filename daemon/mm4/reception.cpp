#include "daemon/mm4/reception.h"

#include <algorithm>

#include "daemon/mm4/exchange.h"
#include "daemon/mm4/replies.h"
#include "daemon/outcome.h"
#include "mapping/charset.h"
#include "mapping/limits.h"
#include "mapping/mm1/messages.h"
#include "mapping/status.h"

namespace mmgate::mm4 {

namespace {

std::string domain_of(std::string_view mailbox) {
    auto parsed = parse_mailbox(mailbox);
    return parsed ? std::string(domain_part(*parsed)) : std::string();
}

/// How long what is said of a message is remembered.
Instant remembered_until(const Message& message) { return std::max(message.expires, message.arrival) + kNamesOutlive; }

Recipient recipient_of(const EnvelopeRecipient& to, const MmHeaders& headers, Random& random, Instant now) {
    Recipient recipient;
    recipient.address = to.route.address;
    auto listed = [&](const std::vector<Address>& list) { return std::ranges::find(list, recipient.address.value, &Address::value) != list.end(); };
    recipient.role = listed(headers.to) ? RecipientRole::to : listed(headers.cc) ? RecipientRole::cc
                                                                                 : RecipientRole::bcc;
    recipient.route = to.route.route;
    recipient.lane = lane_for(to.route, headers.priority);
    recipient.next_attempt = now;
    recipient.notify = {.never = true, .success = false, .failure = false, .delay = false};
    if (recipient.route == "mm1") recipient.token = random.octets(kTokenBytes);
    return recipient;
}

void end_at_once(Recipient& recipient, RecipientState state, const Error& error, Instant now) {
    recipient.state = state;
    recipient.fault = error.fault;
    recipient.enhanced_status = spec_of(error.fault).enhanced;
    recipient.reason = header_text(error.rule, kLimits.reason_bytes);
    recipient.next_attempt = now;
}

/// Why the whole request is refused, if it is.
std::optional<Error> refusal_of(const ForwardReq& request, const Message& message, std::size_t content_bytes, const Peer& peer, const Config& config, const Names& names) {
    if (message.recipients.empty()) return Error{Fault::no_recipients, 0, "no recipient that is served from here"};
    if (message.recipients.size() > config.recipients) return Error{Fault::sender_denied, 0, "more than " + std::to_string(config.recipients) + " recipients"};
    if (request.forward_counter > config.mm4_forwards)
        return Error{Fault::sender_denied, 0, "forwarded " + std::to_string(request.forward_counter) + " times, " + std::to_string(config.mm4_forwards) + " are allowed"};
    const mm1::RetrieveConf fetched{std::string(24, 'x'), mm1::kOurVersion, names.message_id(QueueId{}), message.headers};
    const std::size_t pdu_bytes = mm1::encode_retrieve_head(fetched).size() + content_bytes;
    const std::uint64_t most = peer.message_size_bytes > 0 ? std::min(peer.message_size_bytes, config.message_size_bytes) : config.message_size_bytes;
    if (pdu_bytes > most) return Error{Fault::message_too_big, 0, "the MM would have " + std::to_string(pdu_bytes) + " octets, " + std::to_string(most) + " are allowed"};
    return std::nullopt;
}

}   // namespace

Result<const Peer*> speaker_of(const ReceivedEnvelope& envelope, const Peeked& peeked, const PeerDirectory& peers) {
    const std::string sender = domain_of(peeked.sender);
    std::string domain = domain_of(envelope.return_path);
    std::string_view where = "MAIL FROM";
    if (envelope.return_path.empty()) {
        domain = domain_of(peeked.originator_system);
        where = "X-Mms-Originator-System";
        if (domain.empty()) {
            domain = sender;
            where = "Sender";
        }
    }
    for (const std::string& name : envelope.peers) {
        const Peer* peer = peers.named(name);
        // Who names nobody is whom the session alone may be.
        const bool speaks = peer && (domain.empty() ? envelope.peers.size() == 1 : PeerDirectory::has_domain(*peer, domain));
        if (!speaks) continue;
        if (!sender.empty() && !PeerDirectory::has_domain(*peer, sender))
            return fail(Fault::sender_denied, "the domain of Sender, " + header_text(sender, kLimits.domain_bytes) + ", is none of peer " + peer->name);
        return peer;
    }
    return fail(Fault::sender_denied, "the domain of " + std::string(where) + ", " + (domain.empty() ? "which is missing" : header_text(domain, kLimits.domain_bytes)) + ", is none of a peer that this client may speak as");
}

DecodeOptions decode_options(const Peer& peer, const ReceivedEnvelope& envelope, const Config& config, Instant now) {
    DecodeOptions options;
    options.now = now;
    options.dialect = dialect_of(peer);
    options.our_domains = config.domains;
    options.our_domains.push_back(config.domain);
    options.peer_domains = peer.domains;
    options.peer_domains.push_back(peer.domain);
    options.envelope_from = envelope.return_path;
    return options;
}

Result<void> check_originator(const ForwardReq& request, const Peer& peer, const Router& router) {
    if (!request.headers.from) return fail(Fault::sender_denied, "there is no originator");
    const Address& from = *request.headers.from;
    if (!request.from_domain.empty() && !PeerDirectory::has_domain(peer, request.from_domain))
        return fail(Fault::sender_denied, "the originator's domain, " + header_text(request.from_domain, kLimits.domain_bytes) + ", is none of peer " + peer.name);
    switch (from.kind) {
        case Address::Kind::phone:
            if (router.is_served_here(from.value)) return fail(Fault::sender_denied, "the originator's number is served here, and peer " + peer.name + " may not send from it");
            if (!PeerDirectory::may_originate(peer, from.value)) return fail(Fault::sender_denied, "the originator's number is none of those that peer " + peer.name + " may send from");
            return {};
        case Address::Kind::mailbox: {
            const std::string_view domain = domain_part(from);
            if (router.is_our_domain(domain)) return fail(Fault::sender_denied, "the originator's domain is ours");
            const Peer* owner = router.peers().of_domain(domain);
            if (owner && owner->name != peer.name) return fail(Fault::sender_denied, "the originator's domain is one of peer " + owner->name);
            return {};
        }
        default: return {};   // short codes and the like are the peer's own
    }
}

std::string_view status_of_record(const Message& message) {
    const bool refused = std::ranges::all_of(message.recipients, [&](const Recipient& recipient) { return recipient.state == RecipientState::failed && recipient.next_attempt == message.arrival; });
    return refused ? spec_of(message.recipients.front().fault).mm4_status : std::string_view("Ok");
}

std::vector<std::string> recipients_of(const ReceivedEnvelope& envelope) {
    std::vector<std::string> out;
    for (const EnvelopeRecipient& recipient : envelope.recipients) out.push_back(recipient.route.address.value);
    return out;
}

Received receive(ForwardReq request, Octets content, const ReceivedEnvelope& envelope, const std::vector<std::size_t>& seen, const Peer& peer, const Router& router,
                 const Names& names, Random& random, Instant now) {
    const Config& config = router.config();
    Received out;
    Message& message = out.enqueue.message;
    message.kind = MessageKind::mm;
    message.interface = Interface::mm4;
    message.arrival = now;
    message.originator = *request.headers.from;
    message.return_path = envelope.return_path;
    message.automatic = request.headers.message_class == MessageClass::automatic;
    message.peer = peer.name + ", " + envelope.helo + " [" + envelope.client + "]";
    message.mm4 = Mm4Origin{peer.name, request.ids.raw_transaction_id.empty() ? request.ids.transaction_id : request.ids.raw_transaction_id,
                            request.ids.raw_message_id.empty() ? request.ids.message_id : request.ids.raw_message_id,
                            answer_address(peer, {request.originator_system, request.sender, envelope.return_path}), request.relay_report};
    message.headers = std::move(request.headers);
    message.headers.message_id = request.ids.message_id;
    if (message.headers.sender_hidden) message.headers.from.reset();
    const std::optional<Instant> wanted = message.headers.expiry ? std::optional(message.headers.expiry->from(now)) : std::nullopt;
    message.expires = std::min<Instant>(wanted.value_or(now + config.lifetime), now + config.lifetime);
    const bool too_late = wanted && *wanted <= now;

    const bool was_ours = names.message_of(message.headers.message_id).has_value();
    const Instant until = remembered_until(message);
    for (std::size_t i = 0; i < envelope.recipients.size(); ++i) {
        const EnvelopeRecipient& to = envelope.recipients[i];
        const std::string_view next = peer_of_route(to.route.route);
        if (to.route.route == "mail" || to.route.route == "system") continue;
        if (std::ranges::any_of(message.recipients, [&](const Recipient& other) { return other.address.value == to.route.address.value; })) continue;
        Recipient recipient = recipient_of(to, message.headers, random, now);
        const bool passes_through = recipient.route != "mm1";
        if (passes_through && (was_ours || std::ranges::count(seen, i) > 0)) {
            end_at_once(recipient, RecipientState::failed, {Fault::routing_loop, 0, "the message has been here before"}, now);
        } else if (too_late) {
            end_at_once(recipient, RecipientState::expired, {Fault::expired, 0, "the time of expiry was over when it came"}, now);
        } else if (passes_through) {
            if (!next.empty()) out.enqueue.aliases.push_back({forwarded_key(next, message.headers.message_id), until});
            out.enqueue.aliases.push_back({transit_key(message.headers.message_id, recipient.address), until});
        }
        out.enqueue.recipient_keys.push_back(recipient_key(peer.name, message.headers.message_id, recipient.address));
        message.recipients.push_back(std::move(recipient));
    }
    out.refused = refusal_of(request, message, content.size(), peer, config, names);
    if (!out.refused && std::ranges::all_of(message.recipients, [](const Recipient& recipient) { return recipient.state == RecipientState::failed; }))
        out.refused = Error{message.recipients.front().fault, 0, message.recipients.front().reason};
    if (message.recipients.empty()) return out;
    if (out.refused) {
        for (Recipient& recipient : message.recipients) end_at_once(recipient, RecipientState::failed, *out.refused, now);
        out.enqueue.recipient_keys.clear();
        out.enqueue.aliases.clear();
        content.clear();
    }
    message.size_bytes = content.size();
    out.enqueue.content = std::move(content);
    out.enqueue.submission = request_key(peer.name, request.ids, recipients_of(envelope));
    out.enqueue.submission_until = until;
    std::vector<Event>& events = out.enqueue.events;
    events.push_back({now, std::nullopt, out.refused ? "refused" : "accepted",
                      header_text("from " + message.originator.value + " by MM4 of peer " + message.peer + ", " + std::to_string(message.size_bytes) + " octets, " + std::to_string(message.recipients.size()) + " recipients",
                                  kLimits.reason_bytes)});
    for (const std::string& note : request.notes) events.push_back({now, std::nullopt, "noted", header_text(note, kLimits.reason_bytes)});
    for (std::size_t i = 0; i < message.recipients.size(); ++i) {
        Recipient& recipient = message.recipients[i];
        if (!is_end(recipient.state)) continue;
        // A refused request is answered by its response; what ends after an Ok is reported.
        recipient.report_due = !out.refused && report_wanted(message, recipient, {config.service_messages, config.report_delay});
        events.push_back({now, static_cast<std::uint16_t>(i), std::string(to_text(recipient.state)), recipient.reason});
    }
    out.enqueue.report_at = now;
    return out;
}

}   // namespace mmgate::mm4
