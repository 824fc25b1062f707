// The bearer "pap": a Push Proxy Gateway by the Push Access Protocol.
//
// The documents are in mapping/push/pap.h. A push is refused only by a result code that says so: what HTTP says (a wrong password, a wrong path,
// trouble) is about the gateway and not about this phone, and is tried again.
// Source: WAP-247-PAP §7.2 (push submission), §10 (HTTP).
#pragma once

#include <memory>
#include <string>

#include "daemon/config.h"
#include "daemon/loop/http_client.h"
#include "daemon/push/bearer.h"
#include "mapping/push/pap.h"

namespace mmgate::push {

/// The HTTP request that hands `push` to the gateway at push.url. `quality_of_service` as in PapPush.
HttpRequest pap_request(const Config& config, const Push& push, Instant now, bool quality_of_service);

/// What the gateway's answer makes of a push.
struct PapOutcome {
    PapAction action = PapAction::retry;
    std::string reason;
};
PapOutcome pap_outcome(const Result<HttpResponse>& response);

class PapBearer final : public Bearer {
public:
    PapBearer(Loop& loop, const Config& config);
    void push(Push push, std::function<void(Pushed)> done) override;

private:
    void send(Push push, bool quality_of_service, std::function<void(Pushed)> done);

    Loop& loop_;
    Config config_;
    // Shared with the answers under way: one that comes after the bearer's end finds nothing to repeat with.
    std::shared_ptr<HttpClient> client_;
};

}   // namespace mmgate::push
