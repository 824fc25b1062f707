#include "daemon/certificate.h"

#include <algorithm>

#include "daemon/peer_directory.h"

namespace mmgate {

namespace {

constexpr std::size_t kNamesTold = 5;

std::string listed(const std::vector<std::string>& names) {
    std::string out;
    for (std::size_t i = 0; i < names.size() && i < kNamesTold; ++i) out += (i == 0 ? "" : ", ") + names[i];
    return names.empty() ? "no name" : names.size() > kNamesTold ? out + ", ..."
                                                                 : out;
}

}   // namespace

bool certificate_name_matches(std::string_view pattern, std::string_view host) {
    if (!pattern.starts_with("*.")) return !host.empty() && equal_ignoring_case(pattern, host);
    // One whole label, and never all names below a domain of one label.
    pattern.remove_prefix(1);
    const std::size_t dot = host.find('.');
    return dot != std::string_view::npos && dot > 0 && pattern.find('.', 1) != std::string_view::npos && equal_ignoring_case(pattern, host.substr(dot));
}

Result<void> check(const CertificateFacts& facts, const CertificateRules& rules) {
    if (!rules.pins.empty()) {
        if (std::ranges::count(rules.pins, facts.pin) > 0) return {};
        return fail(Fault::peer_unreachable, "its public key is none of those that are pinned, but " + facts.pin);
    }
    if (!std::ranges::count(facts.authorities, rules.authorities))
        return fail(Fault::peer_unreachable, "its certificate does not come from an authority that is trusted for it: " + facts.chain_fault);
    for (const std::string& pattern : facts.names)
        for (const std::string& host : rules.names)
            if (certificate_name_matches(pattern, host)) return {};
    return fail(Fault::peer_unreachable, "its certificate is for " + listed(facts.names) + " and not for " + listed(rules.names));
}

}   // namespace mmgate
