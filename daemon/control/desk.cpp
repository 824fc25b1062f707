#include "daemon/control/desk.h"

#include <algorithm>

#include "daemon/control/desk_json.h"
#include "daemon/control/message_json.h"
#include "mapping/charset.h"
#include "mapping/limits.h"
#include "mapping/mail/mime_tree.h"
#include "mapping/status.h"

namespace mmgate::control {

namespace {

Desk::Answer failed(Exit code, std::string text) { return {{}, 0, {code, 0, std::move(text)}}; }

Exit exit_of(Fault fault) {
    if (fault == Fault::recipient_syntax) return Exit::bad_data;
    return fault == Fault::peer_unreachable ? Exit::busy : Exit::nothing_matched;
}

std::string names_of(const std::vector<Peer>& peers) {
    std::string out;
    for (const Peer& peer : peers) out += (out.empty() ? "" : ", ") + peer.name;
    return out.empty() ? "there is no [[peer]]" : "there are " + out;
}

std::string next_hop_of(const Route& route, const Router& router) {
    const Peer* peer = router.peers().named(peer_of_route(route.route));
    if (!peer) return route.lane;
    std::string out;
    for (const NextHop& hop : peer->next_hop) out += (out.empty() ? "" : ", ") + to_text(hop);
    return out.empty() ? "the MX of " + peer->domain : out;
}

}   // namespace

void Desk::configure(std::shared_ptr<const Config> config, std::shared_ptr<const Router> router) {
    config_ = std::move(config);
    router_ = std::move(router);
}

void Desk::ask(const Request& request, Octets octets, Done done) {
    const Peer* peer = router_->peers().named(request.peer);
    if (spec_of(request.verb).takes_peer && !peer) return done(failed(Exit::no_such_id, "no such peer; " + names_of(router_->peers().all())));
    switch (request.verb) {
        case Verb::route: return route(request.address, std::move(done));
        case Verb::peers: return peers({}, std::move(done));
        case Verb::peer: return peers(peer->name, std::move(done));
        case Verb::peer_test: return test(*peer, request, std::move(done));
        case Verb::peer_hold: return set_gate(*peer, Gate::held, std::move(done));
        case Verb::peer_release: return set_gate(*peer, Gate::open, std::move(done));
        case Verb::import_: return import(request, std::move(octets), std::move(done));
        default: return doors(request.verb, std::move(done));
    }
}

void Desk::route(const std::string& written, Done done) const {
    RouteNow now;
    now.written = header_text(written, kLimits.path_bytes);
    const auto conclude = [router = router_, carrier = &parts_.carrier, done](RouteNow end) {
        Answer answer;
        if (end.route) {
            end.next_hop = next_hop_of(*end.route, *router);
            end.held = carrier->is_held(peer_of_route(end.route->route));
        } else {
            answer.end.code = exit_of(end.route.error().fault);   // the line says why
        }
        answer.lines = encode_route(end);
        answer.count = 1;
        done(std::move(answer));
    };
    const Result<Address> address = parse_mms_address(written);
    if (!address) {
        now.route = fail(address.error());
        return conclude(std::move(now));
    }
    now.route = router_->of_recipient(*address);
    const bool is_number = now.route ? now.route->address.kind == Address::Kind::phone : address->kind == Address::Kind::phone;
    if (is_number) {
        const std::string number = now.route ? now.route->address.value : to_e164(config_->numbering, address->value).value_or("");
        if (number.empty()) now.steps.push_back("[numbering]: no number in E.164 comes out of it");
        else if (number != address->value) now.steps.push_back("read as " + number);
        if (!number.empty() && address->kind == Address::Kind::phone) std::ranges::copy(router_->considered(number), std::back_inserter(now.steps));
    }
    if (!now.route || now.route->route != kResolveLane) return conclude(std::move(now));
    parts_.numbers.look_up(now.route->address.value, [now, conclude](Result<Route> route, const NumberResolver::Steps& steps) mutable {
        now.route = std::move(route);
        now.steps.insert(now.steps.end(), steps.begin(), steps.end());
        conclude(std::move(now));
    });
}

void Desk::peers(std::string name, Done done) const {
    parts_.telemetry.ask([this, name = std::move(name), router = router_, done = std::move(done)](const Figures& figures) {
        Answer answer;
        const std::vector<FigureRow>& rows = figures.rows(FigureTable::peer);
        for (const Peer& peer : router->peers().all()) {
            if (!name.empty() && peer.name != name) continue;
            const auto row = std::ranges::find(rows, "mm4:" + peer.name, &FigureRow::name);
            PeerNow now{&peer, row == rows.end() ? FigureRow(peer.name, FigureTable::peer) : *row};
            now.held = parts_.carrier.is_held(peer.name);
            if (const mm4::PeerLine* line = parts_.carrier.line(peer.name)) {
                now.under_way = line->under_way();
                now.next_try = line->next_try();
                if (line->is_down()) {
                    now.down_since = line->down_since();
                    now.reason = line->reason();
                }
            }
            answer.lines += name.empty() ? encode_peer(now) : encode_peer_whole(now);
            ++answer.count;
        }
        done(std::move(answer));
    });
}

void Desk::test(const Peer& peer, const Request& request, Done done) const {
    const std::string system = peer.system.empty() ? config_->mm4_system + "@" + peer.domain : peer.system;
    auto recipient = parse_mailbox(request.address.empty() ? system : request.address);
    if (!recipient) return done(failed(Exit::bad_data, "the recipient to name is no mail address: " + recipient.error().rule));
    const Address sender{Address::Kind::mailbox, router_->system_address(), {}};
    smtp::probe(parts_.loop, parts_.resolver, smtp::transport_of_peer(peer, *config_), sender, *recipient, [done = std::move(done)](const std::vector<smtp::ProbeStep>& steps) {
        Answer answer;
        const smtp::ProbeStep* broken = nullptr;
        bool named = false;
        for (const smtp::ProbeStep& step : steps) {
            answer.lines += encode_step(step);
            ++answer.count;
            if (step.result == smtp::ProbeStep::Result::failed) broken = &step;
            named |= step.step == "RCPT" && step.result == smtp::ProbeStep::Result::ok;
        }
        if (!named) answer.end = {Exit::io, 0, broken ? broken->step + ": " + broken->detail : "the conversation did not come to the recipient"};
        done(std::move(answer));
    });
}

void Desk::set_gate(const Peer& peer, Gate gate, Done done) {
    parts_.committer.submit({SetGate{"mm4:" + peer.name, gate}}, [this, name = peer.name, gate, done = std::move(done)](const Result<std::vector<Outcome>>& outcomes) {
        if (!outcomes) return done(failed(outcomes.error().fault == Fault::storage_full ? Exit::busy : Exit::io, outcomes.error().rule));
        parts_.carrier.set_gate(name, gate);
        done({text_line(name + (gate == Gate::held ? ": what goes there waits until it is released" : ": what waits goes there")), 1, {}});
    });
}

void Desk::doors(Verb verb, Done done) {
    if (verb == Verb::drain) parts_.admission.close();
    else parts_.admission.open();
    parts_.telemetry.ask([verb, done = std::move(done)](const Figures& figures) {
        const std::uint64_t waiting = number_of(figures[Reading::messages]);
        const std::string text = verb == Verb::drain ? "no new messages are taken until mmq resume; " + std::to_string(waiting) + " are still here" : "new messages are taken";
        done({text_line(text), 1, {}});
    });
}

/// Who sends it and to whom: as the operator says, or else as the mail does.
Result<ReceivedEnvelope> Desk::envelope_of(const Request& request, Bytes mail) const {
    auto header = mail::scan_header(mail);
    if (!header) return fail(header.error());
    ReceivedEnvelope out;
    out.client = "127.0.0.1";
    out.helo = config_->hostname;
    out.protocol = "local";
    const auto addresses = [&](std::string_view name) {
        std::vector<std::string> found;
        for (const mail::HeaderField& field : header->fields)
            if (equal_ignoring_case(field.name, name))
                if (auto list = mail::decode_addresses(field.folded))
                    for (mail::MailAddress& address : *list) found.push_back(std::move(address.addr_spec));
        return found;
    };
    const std::vector<std::string> senders = request.originator.empty() ? addresses("From") : std::vector{request.originator};
    if (senders.empty()) return fail(Fault::sender_syntax, "the mail has no From; say who sends it with --from");
    auto sender = parse_mailbox(senders.front());
    if (!sender) return fail(Fault::sender_syntax, "the sender is no mail address: " + sender.error().rule);
    out.return_path = sender->value;
    std::vector<std::string> recipients = request.recipients;
    if (recipients.empty()) {
        recipients = addresses("To");
        std::ranges::copy(addresses("Cc"), std::back_inserter(recipients));
    }
    if (recipients.empty()) return fail(Fault::recipient_syntax, "the mail has no To; say whom it is for with --to");
    if (recipients.size() > kImportRecipients) return fail(Fault::too_large, "the mail has more than 100 recipients; name them with --to");
    for (const std::string& text : recipients) {
        auto address = parse_mms_address(text);
        auto route = address ? router_->of_recipient(*address) : Result<Route>(fail(address.error()));
        if (!route) return fail(route.error().fault, header_text(text, kLimits.path_bytes) + ": " + route.error().rule);
        Address mailbox = address->kind == Address::Kind::mailbox ? *address : router_->mail_address_of(route->address);
        out.recipients.push_back({std::move(mailbox), std::move(*route), {}, {}});
    }
    return out;
}

void Desk::import(const Request& request, Octets octets, Done done) {
    constexpr char kFirstOfPdu = '\x8C';   // X-Mms-Message-Type comes first in every PDU, and in no mail
    const auto told = [done](const std::string& text, std::uint64_t count) { done({text_line(text), count, {}}); };
    const auto refused = [done](const Error& error) {
        done(failed(is_temporary(error.fault) ? Exit::busy : Exit::bad_data, std::string(spec_of(error.fault).text) + ": " + error.rule));
    };
    if (octets.starts_with(kFirstOfPdu)) {
        if (request.originator.empty() || !request.recipients.empty())
            return refused({Fault::sender_denied, 0, "an M-Send.req names its recipients itself, and not who sends it: give --from NUMBER, and no --to"});
        return parts_.mm1.import(std::move(octets), request.originator, [told, refused](const Result<QueueId>& id) { id ? told("queued as " + to_text(*id), 1) : refused(id.error()); });
    }
    auto envelope = envelope_of(request, octets);
    if (!envelope) return refused(envelope.error());
    parts_.mail.accept(std::move(*envelope), std::move(octets), [told, refused](const Accepted& accepted) { accepted ? told(*accepted, 1) : refused(accepted.error()); });
}

}   // namespace mmgate::control
