// A push bearer brings one finished MM1 PDU to one phone. One file per kind beside this one.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <string>

#include "mapping/mm.h"

namespace mmgate::push {

struct Push {
    std::string number;       // E.164 with plus
    Octets pdu;               // M-Notification.ind, M-Delivery.ind, …: without WSP header
    std::string push_id;      // unique per push, letters digits and dots
    Seconds lifetime{3600};   // after which bringing it is pointless
};

enum class Verdict : std::uint8_t { accepted,
                                    try_later,
                                    refused };

struct Pushed {
    Verdict verdict = Verdict::try_later;
    std::string reason;   // the bearer's own words in one line: "PAP 2003 address not found"
};

class Bearer {
public:
    virtual ~Bearer() = default;
    /// Sends; `done` runs on the loop exactly once, never from inside `push`.
    virtual void push(Push push, std::function<void(Pushed)> done) = 0;
};

}   // namespace mmgate::push
