#include "daemon/number_resolver.h"

#include <algorithm>

#include "daemon/mm4/exchange.h"
#include "daemon/outcome.h"
#include "daemon/retry.h"
#include "mapping/charset.h"
#include "mapping/limits.h"

namespace mmgate {

namespace {

constexpr std::size_t kLookUpsAtOnce = 32;
constexpr std::size_t kRemembered = 100'000;
// After so many tries with nobody to ask, the prefix decides.
constexpr std::uint32_t kTries = 3;

bool begins_with_one_of(std::string_view number, const std::vector<std::string>& prefixes) {
    return std::ranges::any_of(prefixes, [&](const std::string& prefix) { return number.starts_with(prefix); });
}

/// The zone with the longest matching prefix; nullptr where none is asked about this number.
const EnumZone* zone_of(const Config& config, std::string_view number) {
    const EnumZone* best = nullptr;
    std::size_t longest = 0;
    for (const EnumZone& zone : config.enum_zones)
        for (const std::string& prefix : zone.prefixes)
            if (number.starts_with(prefix) && prefix.size() > longest) best = &zone, longest = prefix.size();
    return best;
}

std::string url_for(std::string_view pattern, std::string_view number) {
    constexpr std::string_view kPlace = "{number}";
    std::string out(pattern);
    const std::size_t at = out.find(kPlace);
    if (at != std::string::npos) out.replace(at, kPlace.size(), "%2B" + std::string(number.substr(1)));
    return out;
}

std::string first_line(std::string_view body) {
    body = body.substr(0, body.find_first_of("\r\n"));
    const std::size_t start = body.find_first_not_of(" \t");
    if (start == std::string_view::npos) return {};
    return std::string(body.substr(start, body.find_last_not_of(" \t") + 1 - start));
}

}   // namespace

struct NumberResolver::LookUp {
    std::string number;
    Done done;
    Steps steps;
    // Those of its beginning.
    std::shared_ptr<const Config> config;
    std::shared_ptr<const Router> router;
};

NumberResolver::NumberResolver(Loop& loop, Settler& settler, Random& random, Log& log) : loop_(loop), settler_(settler), random_(random), log_(log) {}

void NumberResolver::configure(std::shared_ptr<const Config> config, std::shared_ptr<const Router> router) {
    if (!config_ || config_->portability_url != config->portability_url || config_->enum_zones != config->enum_zones || config_->ported != config->ported) known_.clear();
    config_ = std::move(config);
    router_ = std::move(router);
    if (!http_) http_ = std::make_unique<HttpClient>(loop_, HttpClient::Options{});
    // Zones change with a restart only: a look-up under way keeps its servers.
    if (!zones_.empty()) return;
    for (const EnumZone& zone : config_->enum_zones) {
        Config servers = *config_;
        if (!zone.servers.empty()) servers.dns_servers = zone.servers;
        zones_.emplace(zone.zone, make_resolver(loop_, servers));
    }
}

std::size_t NumberResolver::free_slots(std::string_view) const { return kLookUpsAtOnce - std::min(kLookUpsAtOnce, asking_); }

// --------------------------------------------------------------------------------------------------------------------------------- look-ups

void NumberResolver::look_up(const std::string& number, Done done) {
    auto lookup = std::make_shared<LookUp>(LookUp{number, std::move(done), {}, config_, router_});
    const auto known = known_.find(number);
    if (known != known_.end() && known->second.until > loop_.now()) {
        const Answer& answer = known->second;
        lookup->steps.push_back("remembered: " + (answer.where.empty() ? "nobody knows of another operator" : answer.who + " said " + answer.where));
        return conclude(lookup, answer.where.empty() ? router_->by_prefix(number) : router_->of_ported(number, answer.where, answer.who));
    }
    if (!config_->portability_url.empty() && begins_with_one_of(number, config_->portability_prefixes)) return ask_portability(lookup);
    ask_enum(lookup);
}

void NumberResolver::ask_portability(const Shared& lookup) {
    HttpRequest request;
    request.method = HttpRequest::Method::get;
    request.url = url_for(lookup->config->portability_url, lookup->number);
    request.user = lookup->config->portability_user;
    request.password = lookup->config->portability_password;
    request.timeout = lookup->config->portability_timeout;
    http_->send(std::move(request), [this, lookup](const Result<HttpResponse>& response) {
        if (!response) {
            lookup->steps.push_back("the portability service could not be asked: " + response.error().rule);
            return conclude(lookup, fail(Fault::peer_unreachable, "the portability service could not be asked: " + response.error().rule));
        }
        if (response->status == 404) {
            lookup->steps.push_back("the portability service: not ported (404)");
            return ask_enum(lookup);
        }
        const std::string where = header_text(first_line(response->body), kLimits.domain_bytes);
        if (response->status != 200 || where.empty()) {
            lookup->steps.push_back("the portability service answered " + std::to_string(response->status) + ", which is neither an answer nor \"not ported\"");
            return conclude(lookup, fail(Fault::peer_unreachable, "the portability service answered " + std::to_string(response->status)));
        }
        lookup->steps.push_back("the portability service: " + where);
        answered(lookup, where, "the portability service");
    });
}

void NumberResolver::ask_enum(const Shared& lookup) {
    const EnumZone* zone = zone_of(*lookup->config, lookup->number);
    const auto servers = zone ? zones_.find(zone->zone) : zones_.end();
    if (servers == zones_.end()) return answered(lookup, {}, {});
    ask_name(lookup, *servers->second, enum_name(lookup->number, zone->zone), 1);
}

void NumberResolver::ask_name(const Shared& lookup, Resolver& servers, const std::string& name, std::size_t step) {
    servers.name_pointers(name, [this, lookup, &servers, name, step](const Result<std::vector<NamePointer>>& records) {
        if (!records) {
            lookup->steps.push_back("ENUM " + name + ": " + records.error().rule);
            return conclude(lookup, fail(Fault::peer_unreachable, "ENUM could not be asked: " + records.error().rule));
        }
        if (records->empty()) {
            lookup->steps.push_back("ENUM " + name + ": no record");
            return answered(lookup, {}, {});
        }
        auto pointed = follow(*records, lookup->number);
        if (!pointed) {
            lookup->steps.push_back("ENUM " + name + ": " + pointed.error().rule);
            return answered(lookup, {}, {});
        }
        if (pointed->next_name.empty()) {
            lookup->steps.push_back("ENUM " + name + ": " + header_text(pointed->mailbox.value, kLimits.path_bytes));
            return answered(lookup, std::string(domain_part(pointed->mailbox)), "ENUM");
        }
        lookup->steps.push_back("ENUM " + name + ": ask " + header_text(pointed->next_name, kLimits.domain_bytes));
        if (step >= kPointerSteps) return answered(lookup, {}, {});
        ask_name(lookup, servers, pointed->next_name, step + 1);
    });
}

void NumberResolver::answered(const Shared& lookup, std::string where, std::string who) {
    auto route = where.empty() ? lookup->router->by_prefix(lookup->number) : lookup->router->of_ported(lookup->number, where, who);
    remember(lookup->number, {std::move(where), std::move(who), loop_.now() + lookup->config->portability_memory});
    conclude(lookup, std::move(route));
}

void NumberResolver::remember(const std::string& number, Answer answer) {
    if (known_.size() >= kRemembered) std::erase_if(known_, [now = loop_.now()](const auto& entry) { return entry.second.until <= now; });
    if (known_.size() >= kRemembered) known_.clear();
    known_.insert_or_assign(number, std::move(answer));
}

void NumberResolver::conclude(const Shared& lookup, Result<Route> route) {
    lookup->steps.push_back(route ? "route " + route->route + ": " + route->why : route.error().rule);
    loop_.post([lookup, route = std::move(route)] { lookup->done(route, lookup->steps); });
}

// ----------------------------------------------------------------------------------------------------------------------------------- carrier

Settle NumberResolver::after_look_up(const Message& message, std::uint16_t index, const Result<Route>& looked_up, const Steps& steps) const {
    const Instant now = loop_.now();
    const Recipient& before = message.recipients.at(index);
    Result<Route> route = looked_up;
    bool waits = !route && route.error().fault == Fault::peer_unreachable;
    if (waits && before.attempts + 1 >= kTries) {
        route = router_->by_prefix(before.address.value);
        // Where no prefix leads anywhere, only who cannot be asked just now can know.
        waits = !route && !before.looked_up_again;
    }
    Settle settle;
    settle.ref = {message.id, index};
    settle.recipient = before;
    Recipient& recipient = settle.recipient;
    if (waits) {
        ++recipient.attempts;
        recipient.state = RecipientState::deferred;
        recipient.fault = Fault::peer_unreachable;
        const std::string reason = header_text(looked_up.error().rule, kLimits.reason_bytes);
        if (!before.looked_up_again) recipient.reason = reason;   // the refusal is what will be told
        recipient.next_attempt = next_attempt(config_->retry, recipient.attempts, now, message.expires, random_);
        settle.events.push_back({now, index, "deferred", reason});
        return settle;
    }
    if (before.looked_up_again && (!route || route->route == before.route))
        return end_of(message, index, {RecipientState::failed, Fault::recipient_unknown, before.reason, {}, before.remote_mta}, now, {config_->service_messages, config_->report_delay});
    if (before.route == kResolveHere && route && route->route != "mm1")
        return end_of(message, index, {RecipientState::failed, Fault::relay_denied, "the number is served by another operator, and who sent this may not send there", {}, {}}, now,
                      {config_->service_messages, config_->report_delay});
    // A peer's own message must not go back to it.
    const bool loops = route && message.mm4 && peer_of_route(route->route) == message.mm4->peer;
    if (!route || loops) {
        const Error error = loops ? Error{Fault::routing_loop, 0, "the number is served by the peer that it comes from"} : route.error();
        return end_of(message, index, {RecipientState::failed, error.fault, error.rule, {}, {}}, now, {config_->service_messages, config_->report_delay});
    }
    return mm4::takes_route(message, index, *route, "routed", steps.empty() ? route->why : steps.back(), now, random_);
}

void NumberResolver::carry(std::string_view, Claimed claimed, std::function<void()> done) {
    struct Batch {
        Claimed claimed;
        std::function<void()> done;
        std::size_t open = 0;
    };
    auto batch = std::make_shared<Batch>(Batch{std::move(claimed), std::move(done), 0});   // shared by the look-ups of its recipients
    ++asking_;
    batch->open = batch->claimed.recipients.size();
    const auto settled = [this, batch](Settle settle) {
        log_.info(to_text(batch->claimed.message.id), settle.events.empty() ? std::string_view("routed") : std::string_view(settle.events.front().what),
                  {{"to", settle.recipient.address}, {"route", settle.recipient.route}, {"reason", settle.events.empty() ? std::string() : settle.events.front().detail}});
        batch->claimed.message.recipients[settle.ref.index] = settle.recipient;
        std::vector<Operation> operations;
        operations.emplace_back(std::move(settle));
        settler_.settle(std::move(operations), [this, batch] {
            if (--batch->open > 0) return;
            --asking_;
            batch->done();
        });
    };
    for (const std::uint16_t index : std::vector(batch->claimed.recipients)) {
        const Message& message = batch->claimed.message;
        if (loop_.now() >= message.expires) {
            settled(end_of(message, index, {RecipientState::expired, Fault::expired, "nobody could be asked in time who serves the number", {}, {}}, loop_.now(),
                           {config_->service_messages, config_->report_delay}));
            continue;
        }
        if (message.recipients.at(index).looked_up_again) known_.erase(message.recipients.at(index).address.value);
        look_up(message.recipients.at(index).address.value, [this, batch, index, settled](const Result<Route>& route, const Steps& steps) {
            settled(after_look_up(batch->claimed.message, index, route, steps));
        });
    }
}

}   // namespace mmgate
