#include "daemon/push/make_bearer.h"

#include "daemon/push/kannel.h"
#include "daemon/push/pap.h"

namespace mmgate::push {

namespace {

// Messages wait, and mmq list shows why, until somebody configures a bearer and reloads.
class NoBearer final : public Bearer {
public:
    NoBearer(Loop& loop, std::string reason) : loop_(loop), reason_(std::move(reason)) {}
    void push(Push, std::function<void(Pushed)> done) override {
        loop_.post([done = std::move(done), reason = reason_] { done({Verdict::try_later, reason}); });
    }

private:
    Loop& loop_;
    std::string reason_;
};

}   // namespace

std::unique_ptr<Bearer> make_bearer(Loop& loop, const Config& config) {
    switch (config.push_kind) {
        case PushKind::pap: return std::make_unique<PapBearer>(loop, config);
        case PushKind::kannel: return std::make_unique<KannelBearer>(loop, config);
        case PushKind::smpp: return std::make_unique<NoBearer>(loop, "no bearer: push.kind smpp is not part of this version");
        case PushKind::none: break;
    }
    return std::make_unique<NoBearer>(loop, "no bearer: push.kind is not configured");
}

}   // namespace mmgate::push
