#include "daemon/router.h"

#include <algorithm>

namespace mmgate {

namespace {

bool equal_ignoring_case(std::string_view a, std::string_view b) {
    auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; };
    return std::ranges::equal(a, b, {}, lower, lower);
}

}  // namespace

Router::Router(const Config& config) : numbering_(config.numbering), domains_(config.domains), postmaster_(config.postmaster) {
    domains_.insert(domains_.begin(), config.domain);
    if (config.mail_relay) mail_relay_ = to_text(*config.mail_relay);
    for (const SubscriberRange& range : config.subscribers) served_prefixes_.push_back(range.prefix);
}

bool Router::is_our_domain(std::string_view domain) const {
    return std::ranges::any_of(domains_, [&](const std::string& ours) { return equal_ignoring_case(ours, domain); });
}

Address Router::mail_address_of(const Address& phone) const { return {Address::Kind::mailbox, phone.value + "@" + domains_.front(), {}}; }

Result<Route> Router::of_phone(std::string number) const {
    const std::string* longest = nullptr;
    for (const std::string& prefix : served_prefixes_)
        if (number.starts_with(prefix) && (!longest || prefix.size() > longest->size())) longest = &prefix;
    if (!longest) return fail(Fault::recipient_unknown, "the number is in no range that is served here");
    return Route{{Address::Kind::phone, std::move(number), {}}, "mm1", "mm1", *longest + " is served here"};
}

Result<Route> Router::of_foreign_mailbox(const Address& mailbox) const {
    if (!mail_relay_.empty()) return Route{mailbox, "mail", "mail:" + mail_relay_, "all mail goes to the relay " + mail_relay_};
    std::string domain(domain_part(mailbox));
    return Route{mailbox, "mail", "mail:" + domain, "mail goes to the MX of " + domain};
}

Result<Route> Router::of_recipient(const Address& recipient) const {
    switch (recipient.kind) {
        case Address::Kind::phone: {
            auto number = to_e164(numbering_, recipient.value);
            if (!number) return fail(number.error());
            return of_phone(std::move(*number));
        }
        case Address::Kind::mailbox:
            if (is_our_domain(domain_part(recipient))) return of_mail_recipient(recipient);
            return of_foreign_mailbox(recipient);
        case Address::Kind::short_code: return fail(Fault::recipient_unknown, "short codes are not served here");
        default: return fail(Fault::recipient_unknown, "this type of address is not served here");
    }
}

Result<Route> Router::of_mail_recipient(const Address& mailbox) const {
    if (mailbox.kind != Address::Kind::mailbox) return fail(Fault::recipient_syntax, "not a mailbox");
    std::string_view domain = domain_part(mailbox);
    std::string_view local = local_part(mailbox);
    // RFC 5321 §4.5.1: postmaster without a domain is ours too.
    bool ours = domain.empty() || is_our_domain(domain);
    if (ours && equal_ignoring_case(local, "postmaster")) {
        if (postmaster_.empty()) return fail(Fault::recipient_unknown, "gateway.postmaster is not set");
        auto target = parse_mailbox(postmaster_);
        if (!target) return fail(target.error());
        auto route = of_foreign_mailbox(*target);
        if (route) route->why = "postmaster is " + postmaster_ + "; " + route->why;
        return route;
    }
    if (!ours) return fail(Fault::relay_denied, "the domain is not ours");
    auto number = number_of_local_part(numbering_, local);
    if (!number) return fail(number.error());
    return of_phone(std::move(*number));
}

Result<Address> Router::subscriber(std::string_view msisdn) const {
    auto number = to_e164(numbering_, msisdn);
    if (!number) return fail(Fault::sender_denied, "the sender's number is not a phone number");
    auto route = of_phone(std::move(*number));
    if (!route) return fail(Fault::sender_denied, "the sender's number is in no range that is served here");
    return route->address;
}

}  // namespace mmgate
