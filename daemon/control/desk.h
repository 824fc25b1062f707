// What an operator asks of the gateway's parts rather than of its store: where an address goes and why, how peers are, the doors,
// and what an operator brings himself.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "daemon/admission.h"
#include "daemon/config.h"
#include "daemon/control/protocol.h"
#include "daemon/loop/loop.h"
#include "daemon/loop/resolver.h"
#include "daemon/mail_intake.h"
#include "daemon/mm1/service.h"
#include "daemon/mm4/carrier.h"
#include "daemon/number_resolver.h"
#include "daemon/router.h"
#include "daemon/smtp/probe.h"
#include "daemon/watch/telemetry.h"
#include "store/committer.h"

namespace mmgate::control {

class Desk {
public:
    struct Parts {
        Loop& loop;
        Resolver& resolver;
        Committer& committer;
        Telemetry& telemetry;
        NumberResolver& numbers;
        mm4::Carrier& carrier;
        Admission& admission;
        MailIntake& mail;
        mm1::Service& mm1;
    };
    /// All parts must outlive the desk, and the desk what it was asked.
    explicit Desk(Parts parts) : parts_(parts) {}
    void configure(std::shared_ptr<const Config> config, std::shared_ptr<const Router> router);

    struct Answer {
        std::string lines;
        std::uint64_t count = 0;   // of lines, or of what was changed
        End end{};
    };
    using Done = std::function<void(Answer)>;
    /// Verbs that are not of the store. On the loop; `done` perhaps from inside.
    void ask(const Request& request, Octets octets, Done done);

private:
    void route(const std::string& written, Done done) const;
    void peers(std::string name, Done done) const;
    void test(const Peer& peer, const Request& request, Done done) const;
    void set_gate(const Peer& peer, Gate gate, Done done);
    void doors(Verb verb, Done done);
    void import(const Request& request, Octets octets, Done done);
    Result<ReceivedEnvelope> envelope_of(const Request& request, Bytes mail) const;

    Parts parts_;
    std::shared_ptr<const Config> config_;
    std::shared_ptr<const Router> router_;   // shared with look-ups under way
};

}   // namespace mmgate::control
