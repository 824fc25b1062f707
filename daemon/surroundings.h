// Whether a configuration agrees with the machine that it is for: certificates, addresses to listen on, names of next hops, files and folders.
//
// For --check-config: it looks and changes nothing, and what it opens it closes again.
#pragma once

#include <string>
#include <vector>

#include "daemon/config.h"

namespace mmgate {

struct Observation {
    enum class Weight : std::uint8_t {
        note,   // may be meant so, or may pass: a name that cannot be looked up now
        fault   // the gateway would not start, or a part of it would not work
    };
    Weight weight = Weight::note;
    std::string key;    // "smtp.listen", "peer.1.tls_ca"
    std::string what;   // a clause for people
    bool operator==(const Observation&) const = default;
};

/// All that is found, by subject and then in the order of the keys. Asks name servers, for a few seconds at most.
std::vector<Observation> check_surroundings(const Config& config, const std::string& config_file);

}   // namespace mmgate
