// The bearer "kannel": the sendsms interface of a Kannel smsbox, which takes the push as one binary short message and splits it itself.
//
// Short ones go as GET, longer ones as POST with the parameters in header fields: some proxies cut URLs.
// Source: Kannel user guide 1.4.5, "Using the HTTP sendsms interface"; 3GPP TS 23.038 §4 (data coding F5: 8 bit, class 1).
#pragma once

#include <memory>
#include <string>

#include "daemon/config.h"
#include "daemon/loop/http_client.h"
#include "daemon/push/bearer.h"

namespace mmgate::push {

/// The HTTP request for one push. `push_number` is the WSP push's, see mapping/push/wsp_push.h.
HttpRequest kannel_request(const Config& config, const Push& push, std::uint8_t push_number);

/// What smsbox's answer makes of a push.
Pushed kannel_outcome(const Result<HttpResponse>& response);

class KannelBearer final : public Bearer {
public:
    KannelBearer(Loop& loop, const Config& config);
    void push(Push push, std::function<void(Pushed)> done) override;

private:
    Config config_;
    HttpClient client_;
    std::uint8_t push_number_ = 0;
};

}   // namespace mmgate::push
