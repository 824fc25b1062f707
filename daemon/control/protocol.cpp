#include "daemon/control/protocol.h"

#include <algorithm>

#include <nlohmann/json.hpp>

namespace mmgate::control {

namespace {

using Json = nlohmann::ordered_json;

constexpr bool verbs_are_in_order() {
    for (std::size_t i = 0; i < kVerbs.size(); ++i)
        if (kVerbs[i].verb != static_cast<Verb>(i)) return false;
    return true;
}
static_assert(verbs_are_in_order());

constexpr std::string_view kForms[] = {"person", "content", "mail", "part"};
constexpr std::int64_t kMostSeconds = 10ll * 366 * 86400;

std::string line_of(const Json& json) { return json.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n"; }

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

/// "*" stands for any letters; everything else for itself, in any case. Linear in both but for stars: each is tried from its last place only.
bool glob(std::string_view pattern, std::string_view text) {
    std::size_t p = 0, t = 0, star = std::string_view::npos, resume = 0;
    while (t < text.size()) {
        if (p < pattern.size() && pattern[p] == '*') {
            star = p++;
            resume = t;
        } else if (p < pattern.size() && lower(pattern[p]) == lower(text[t])) {
            ++p, ++t;
        } else if (star != std::string_view::npos) {
            p = star + 1;
            t = ++resume;
        } else {
            return false;
        }
    }
    while (p < pattern.size() && pattern[p] == '*') ++p;
    return p == pattern.size();
}

/// A pattern with stars is for the whole text, one without may stand anywhere in it.
bool says(std::string_view pattern, std::string_view text) {
    return pattern.find('*') != std::string_view::npos ? glob(pattern, text) : glob("*" + std::string(pattern) + "*", text);
}

std::string_view without_type(std::string_view address) {
    constexpr std::string_view kType = "/TYPE=PLMN";
    if (address.size() < kType.size()) return address;
    std::string_view tail = address.substr(address.size() - kType.size());
    return std::ranges::equal(tail, kType, {}, lower, lower) ? address.substr(0, address.size() - kType.size()) : address;
}

/// Reads members of a request; the first that is wrong is kept.
class Members {
public:
    explicit Members(const Json& object) : object_(object) {}

    template <class Take>
    void take(std::string_view name, std::string_view wanted, Take&& take) {
        auto it = object_.find(name);
        if (it == object_.end()) return;
        ++known_;
        if (!take(*it) && problem_.empty()) problem_ = std::string(name) + " must be " + std::string(wanted);
    }
    std::string problem() const {
        if (problem_.empty() && known_ != object_.size()) return "a member is not known";
        return problem_;
    }

private:
    const Json& object_;
    std::size_t known_ = 0;
    std::string problem_;
};

auto text_into(std::string& target) {
    return [&target](const Json& value) {
        const auto* text = value.get_ptr<const std::string*>();
        if (!text || text->size() > kPatternBytes) return false;
        target = *text;
        return true;
    };
}
auto flag_into(bool& target) {
    return [&target](const Json& value) {
        const auto* flag = value.get_ptr<const bool*>();
        if (flag) target = *flag;
        return flag != nullptr;
    };
}
std::optional<std::int64_t> whole(const Json& value, std::int64_t least, std::int64_t most) {
    if (const auto* number = value.get_ptr<const std::uint64_t*>(); number && *number <= static_cast<std::uint64_t>(most) && *number >= static_cast<std::uint64_t>(least))
        return static_cast<std::int64_t>(*number);
    return std::nullopt;
}
/// Calls `take` with each text of a list.
template <class Take>
bool each_text(const Json& value, std::size_t most, Take&& take) {
    if (!value.is_array() || value.size() > most) return false;
    return std::ranges::all_of(value, [&](const Json& item) {
        const auto* text = item.get_ptr<const std::string*>();
        return text && take(*text);
    });
}

std::string misuse(const Request& request) {
    const VerbSpec& spec = spec_of(request.verb);
    bool selects = request.all || request.selector != Selector{};
    if (!request.ids.empty() && (!spec.takes_ids || selects)) return "ids do not go with this";
    if (selects && !spec.selects) return "selectors do not go with this verb";
    if (spec.takes_ids && request.ids.empty() && !request.all) return "ids are missing";
    if (request.for_good && request.verb != Verb::erase) return "for_good does not go with this verb";
    if (request.dry_run && !(spec.changes && spec.selects)) return "dry_run does not go with this verb";
    if (request.peer.empty() == spec.takes_peer) return spec.takes_peer ? "the name of a peer is missing" : "a peer does not go with this verb";
    if (!request.address.empty() && !spec.takes_address) return "an address does not go with this verb";
    if (request.verb != Verb::import_ && (request.octets || !request.originator.empty() || !request.recipients.empty())) return "octets go with import";
    if (request.verb == Verb::import_ && request.octets == 0) return "octets are missing";
    if (request.verb == Verb::route && request.address.empty()) return "the address is missing";
    if (request.form != CatForm::person && (request.verb != Verb::cat || request.ids.size() != 1)) return "form goes with cat and one id";
    if ((request.part != 0) != (request.form == CatForm::part)) return "part goes with the form of its name";
    if (!request.actor.empty() && (!spec.over_snmp || !request.ids.empty() || request.selector != Selector{})) return "actor goes with all messages, or reload";
    return {};
}

}   // namespace

bool matches(std::string_view pattern, std::string_view address) {
    if (pattern.starts_with('@')) {
        std::size_t at = address.rfind('@');
        return at != std::string_view::npos && glob(pattern, address.substr(at));
    }
    return glob(without_type(pattern), without_type(address));
}

bool matches(const Selector& selector, const Message& message, Instant now) {
    RecipientState state = state_of(message);
    if (!selector.ended && selector.states.empty() && is_end(state)) return false;
    if (!selector.states.empty() && !std::ranges::count(selector.states, state)) return false;
    if (selector.older && now - message.arrival < *selector.older) return false;
    if (!selector.from.empty() && !matches(selector.from, message.originator.value)) return false;
    if (!selector.peer.empty() && !concerns(selector.peer, message)) return false;
    auto error = [&](const Recipient& recipient) { return says(selector.error, recipient.reason) || says(selector.error, recipient.enhanced_status); };
    if (!selector.error.empty() && std::ranges::none_of(message.recipients, error)) return false;
    auto to = [&](const Recipient& recipient) { return matches(selector.to, recipient.address.value); };
    return selector.to.empty() || std::ranges::any_of(message.recipients, to);
}

bool concerns(std::string_view pattern, const Message& message) {
    if (message.mm4 && glob(pattern, message.mm4->peer)) return true;
    auto either = [&](std::string_view name) { return glob(pattern, name) || glob(pattern, name.substr(name.find(':') + 1)); };   // npos + 1 is 0
    // All mail may go to one relay, and still each domain is a destination of its own.
    auto domain = [&](const Recipient& recipient) { return recipient.route == "mail" && glob(pattern, domain_part(recipient.address)); };
    return std::ranges::any_of(message.recipients, [&](const Recipient& recipient) { return !is_end(recipient.state) && (either(recipient.route) || either(recipient.lane) || domain(recipient)); });
}

Result<Request> decode_request(std::string_view line) {
    Json json = Json::parse(line, nullptr, false);
    if (!json.is_object()) return fail(Fault::malformed, "the request is no JSON object");
    Request request;
    bool has_verb = false;
    Members members(json);
    members.take("verb", "a verb of this version", [&](const Json& value) {
        const auto* name = value.get_ptr<const std::string*>();
        auto spec = std::ranges::find_if(kVerbs, [&](const VerbSpec& row) { return name && row.name == *name; });
        if (spec == kVerbs.end()) return false;
        request.verb = spec->verb;
        return has_verb = true;
    });
    members.take("ids", "a list of at most 2000 queue ids", [&](const Json& value) {
        return each_text(value, kRequestIds, [&](const std::string& text) {
            auto id = queue_id_of(text);
            if (id) request.ids.push_back(*id);
            return id.has_value();
        });
    });
    members.take("all", "true or false", flag_into(request.all));
    members.take("dry_run", "true or false", flag_into(request.dry_run));
    members.take("for_good", "true or false", flag_into(request.for_good));
    members.take("ended", "true or false", flag_into(request.selector.ended));
    members.take("from", "a pattern", text_into(request.selector.from));
    members.take("to", "a pattern", text_into(request.selector.to));
    members.take("peer", "a pattern", text_into(request.selector.peer));
    members.take("error", "a pattern", text_into(request.selector.error));
    members.take("state", "a list of states", [&](const Json& value) {
        return each_text(value, 12, [&](const std::string& text) {
            auto state = recipient_state_of(text);
            if (state) request.selector.states.push_back(*state);
            return state.has_value();
        });
    });
    members.take("older", "a number of seconds", [&](const Json& value) {
        auto seconds = whole(value, 0, kMostSeconds);
        if (seconds) request.selector.older = Seconds(*seconds);
        return seconds.has_value();
    });
    members.take("form", "person, content, mail or part", [&](const Json& value) {
        const auto* name = value.get_ptr<const std::string*>();
        auto form = std::ranges::find_if(kForms, [&](std::string_view known) { return name && known == *name; });
        if (form == std::end(kForms)) return false;
        request.form = static_cast<CatForm>(form - std::begin(kForms));
        return true;
    });
    members.take("part", "a number from 1", [&](const Json& value) {
        auto number = whole(value, 1, 100'000);
        if (number) request.part = static_cast<std::uint32_t>(*number);
        return number.has_value();
    });
    members.take("octets", "a number up to 64 MiB", [&](const Json& value) {
        auto number = whole(value, 1, static_cast<std::int64_t>(kImportBytes));
        if (number) request.octets = static_cast<std::uint64_t>(*number);
        return number.has_value();
    });
    members.take("originator", "an address", text_into(request.originator));
    members.take("recipients", "a list of at most 100 addresses", [&](const Json& value) {
        return each_text(value, kImportRecipients, [&](const std::string& text) {
            request.recipients.push_back(text);
            return !text.empty() && text.size() <= kPatternBytes;
        });
    });
    members.take("name", "the name of a peer", text_into(request.peer));
    members.take("address", "an address", text_into(request.address));
    members.take("actor", "a name of at most 64 octets", [&](const Json& value) {
        const auto* name = value.get_ptr<const std::string*>();
        if (!name || name->empty() || name->size() > kActorBytes) return false;
        request.actor = *name;
        return true;
    });
    std::string problem = members.problem();
    if (problem.empty() && !has_verb) problem = "verb is missing";
    if (problem.empty()) problem = misuse(request);
    if (!problem.empty()) return fail(Fault::malformed, std::move(problem));
    return request;
}

std::string encode_request(const Request& request) {
    Json json{{"verb", spec_of(request.verb).name}};
    for (QueueId id : request.ids) json["ids"].push_back(to_text(id));
    if (request.all) json["all"] = true;
    if (request.dry_run) json["dry_run"] = true;
    if (request.for_good) json["for_good"] = true;
    if (request.selector.ended) json["ended"] = true;
    if (!request.selector.from.empty()) json["from"] = request.selector.from;
    if (!request.selector.to.empty()) json["to"] = request.selector.to;
    if (!request.selector.peer.empty()) json["peer"] = request.selector.peer;
    if (!request.selector.error.empty()) json["error"] = request.selector.error;
    for (RecipientState state : request.selector.states) json["state"].push_back(to_text(state));
    if (request.selector.older) json["older"] = request.selector.older->count();
    if (request.form != CatForm::person) json["form"] = kForms[static_cast<std::size_t>(request.form)];
    if (request.part) json["part"] = request.part;
    if (request.octets) json["octets"] = request.octets;
    if (!request.originator.empty()) json["originator"] = request.originator;
    for (const std::string& recipient : request.recipients) json["recipients"].push_back(recipient);
    if (!request.peer.empty()) json["name"] = request.peer;
    if (!request.address.empty()) json["address"] = request.address;
    if (!request.actor.empty()) json["actor"] = request.actor;
    return line_of(json);
}

std::string encode_end(const End& end) {
    return line_of({{"end", true}, {"code", static_cast<int>(end.code)}, {"count", end.count}, {"text", end.text}});
}
std::string encode_hello(std::string_view version) { return line_of({{"mmgate", version}, {"protocol", kProtocolVersion}}); }
std::string encode_octets(std::uint64_t count) { return line_of({{"octets", count}}); }

}   // namespace mmgate::control
