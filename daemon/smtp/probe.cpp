#include "daemon/smtp/probe.h"

#include <algorithm>
#include <array>

#include "daemon/crypto.h"
#include "daemon/loop/stream.h"
#include "daemon/smtp/offered.h"
#include "daemon/smtp/outbound.h"
#include "daemon/smtp/reply_reader.h"
#include "daemon/smtp/targets.h"
#include "daemon/smtp/tls_material.h"

namespace mmgate::smtp {

namespace {

using namespace std::chrono_literals;
using Result = ProbeStep::Result;

constexpr std::chrono::milliseconds kPatience = 30s;   // somebody is waiting
constexpr std::size_t kReadAtOnce = 16 * 1024;
constexpr std::size_t kNamesTold = 10;

enum class At : std::uint8_t { resolve,
                               connect,
                               greeting,
                               ehlo,
                               starttls,
                               tls,
                               certificate,
                               ehlo_in_tls,
                               auth,
                               mail,
                               rcpt,
                               rset,
                               quit };
struct StepSpec {
    At at;
    std::string_view name;
};
constexpr auto kSteps = std::to_array<StepSpec>({
    {At::resolve, "resolve"},
    {At::connect, "connect"},
    {At::greeting, "greeting"},
    {At::ehlo, "EHLO"},
    {At::starttls, "STARTTLS"},
    {At::tls, "TLS"},
    {At::certificate, "certificate"},
    {At::ehlo_in_tls, "EHLO in TLS"},
    {At::auth, "AUTH"},
    {At::mail, "MAIL"},
    {At::rcpt, "RCPT"},
    {At::rset, "RSET"},
    {At::quit, "QUIT"},
});
static_assert(std::ranges::is_sorted(kSteps, {}, &StepSpec::at) && kSteps.size() == static_cast<std::size_t>(At::quit) + 1);
// The order where TLS begins with the connection; above it is the other one.
constexpr auto kImplicitSteps = std::to_array<At>({At::resolve, At::connect, At::tls, At::certificate, At::greeting, At::ehlo_in_tls, At::auth, At::mail, At::rcpt, At::rset, At::quit});

std::string_view name_of(At at) { return kSteps[static_cast<std::size_t>(at)].name; }

std::string text_of(const CertificateFacts& facts) {
    std::string names;
    for (std::size_t i = 0; i < facts.names.size() && i < kNamesTold; ++i) names += (i == 0 ? "" : ", ") + facts.names[i];
    if (facts.names.size() > kNamesTold) names += ", ...";
    return "subject " + facts.subject + "; issuer " + facts.issuer + "; until " + facts.ends + "; names " + (names.empty() ? "none" : names) + "; pin " + facts.pin;
}

class Probe final : public StreamEvents, public std::enable_shared_from_this<Probe> {
public:
    Probe(Loop& loop, const Transport& transport, const Address& sender, Address recipient, std::function<void(std::vector<ProbeStep>)> done)
        : loop_(loop), transport_(transport), recipient_(std::move(recipient)), done_(std::move(done)), began_(loop.now()), patience_(std::min<std::chrono::milliseconds>(kPatience, transport.patience)) {
        mail_.return_path = sender.value.empty() ? std::string() : to_mail_text(sender);
    }

    void start(Resolver& resolver) {
        self_ = shared_from_this();   // its own until it ends
        locate(resolver, transport_, [self = self_](mmgate::Result<std::vector<Target>> targets) { self->located(std::move(targets)); });
    }

private:
    void located(mmgate::Result<std::vector<Target>> targets) {
        if (!targets) return fail_here(targets.error().rule);
        targets_ = std::move(*targets);
        std::string found;
        for (const Target& target : targets_) found += (found.empty() ? "" : ", ") + target.host + " [" + target.endpoint.host + "]:" + std::to_string(target.endpoint.port);
        if (targets_.empty()) return fail_here("no address was found");
        ok(found);
        auto material = materials_.of(transport_.tls);
        if (!material) {
            at_ = At::connect;
            return fail_here(material.error().rule);
        }
        material_ = std::move(*material);
        connect();
    }

    std::string where() const { return targets_[target_].host + " [" + targets_[target_].endpoint.host + "]:" + std::to_string(targets_[target_].endpoint.port); }

    void connect() {
        wait_for(At::connect);
        stream_ = Stream::connect(loop_, targets_[target_].endpoint, *this);
        if (!stream_) fail_here("no descriptor is left for a connection");
    }
    void on_connected() override {
        ok(where());
        if (transport_.tls.start == TlsStart::at_once) start_tls();
        else wait_for(At::greeting);
    }
    void on_closed(const std::string& reason) override { lost(reason); }
    void lost(const std::string& reason) {
        if (over_) return;
        if (at_ == At::quit) return ok("the connection ended");
        if (at_ == At::connect && target_ + 1 < targets_.size()) {
            add(Result::failed, where() + ": " + reason);
            ++target_;
            stream_.reset();
            return connect();
        }
        fail_here(at_ == At::connect ? where() + ": " + reason : reason);
    }

    void start_tls() {
        wait_for(At::tls);
        stream_->start_tls(material_->context.connect_session(targets_[target_].host), false);
    }
    void on_secured() override {
        ok(stream_->tls_description());
        wait_for(At::certificate);
        reader_ = {};
        const CertificateFacts facts = material_->facts(stream_->tls_peer());
        const auto right = check(facts, transport_.tls.peer);
        if (transport_.tls.use == TlsUse::verified && !right) return fail_here(right.error().rule + "; " + text_of(facts));
        ok((transport_.tls.use == TlsUse::verified ? "it is right; " : "it is not verified; ") + text_of(facts));
        if (transport_.tls.start == TlsStart::at_once) wait_for(At::greeting);
        else say(At::ehlo_in_tls, "EHLO " + transport_.hostname);
    }

    void on_input() override {
        char octets[kReadAtOnce];
        while (stream_ && !over_) {
            const int got = evbuffer_remove(stream_->input(), octets, sizeof octets);
            if (got <= 0) return;
            for (const ServerReply& reply : reader_.feed(Bytes(octets, static_cast<std::size_t>(got))))
                if (!over_) take(reply);
            if (!over_ && reader_.error()) return fail_here("out of step: " + reader_.error()->rule);
        }
    }

    void take(const ServerReply& reply) {
        const bool goes_on = at_ == At::auth && reply.code == 334 && !answers_.empty();
        if (goes_on) {
            stream_->write(answers_.back() + "\r\n");
            answers_.pop_back();
            return;
        }
        if (!reply.positive() && at_ != At::quit) return fail_here(to_text(reply));
        ok(to_text(reply));
        switch (at_) {
            case At::greeting: return say(stream_->secured() ? At::ehlo_in_tls : At::ehlo, "EHLO " + transport_.hostname);
            case At::ehlo:
                offered_ = offered_by(reply);
                return decide_on_tls();
            case At::starttls: return start_tls();
            case At::ehlo_in_tls:
                offered_ = offered_by(reply);
                return authenticate();
            case At::auth: return say_mail();
            case At::mail: return say_rcpt();
            case At::rcpt: return say(At::rset, "RSET");
            case At::rset: return say(At::quit, "QUIT");
            default: return end();
        }
    }

    void decide_on_tls() {
        at_ = At::starttls;
        if (transport_.tls.use != TlsUse::never && offered_.starttls) return say(At::starttls, "STARTTLS");
        if (transport_.tls.use >= TlsUse::required) return fail_here("TLS is required and not offered");
        add(Result::skipped, transport_.tls.use == TlsUse::never ? "TLS is not wanted" : "TLS is not offered; mail goes in clear");
        authenticate();
    }
    void authenticate() {
        wait_for(At::auth);
        if (!transport_.credentials) {
            add(Result::skipped, "no user name is configured");
            return say_mail();
        }
        const auto& [user, password] = *transport_.credentials;
        if (!stream_->secured()) return fail_here("a password is never said in clear");
        if (offered_.auth_plain) return say(At::auth, "AUTH PLAIN " + base64(std::string(1, '\0') + user + '\0' + password));
        if (!offered_.auth_login) return fail_here("neither PLAIN nor LOGIN is offered");
        answers_ = {base64(password), base64(user)};
        say(At::auth, "AUTH LOGIN");
    }
    void say_mail() { command(At::mail, mail_command(mail_, {}, {})); }
    void say_rcpt() { command(At::rcpt, rcpt_command({recipient_, {}, {}}, {})); }
    void command(At at, mmgate::Result<std::string> line) {
        wait_for(at);
        if (!line) return fail_here(line.error().rule);
        stream_->write(*line);
    }
    void say(At at, const std::string& line) {
        wait_for(at);
        stream_->write(line + "\r\n");
    }

    void wait_for(At at) {
        at_ = at;
        began_ = loop_.now();
        deadline_ = loop_.after(patience_, [this] { lost("no answer within " + std::to_string(std::chrono::duration_cast<std::chrono::seconds>(patience_).count()) + " s"); });
    }
    void add(Result result, const std::string& detail) {
        steps_.push_back({std::string(name_of(at_)), result, printable_line(detail), std::chrono::duration_cast<std::chrono::milliseconds>(loop_.now() - began_)});
    }
    void ok(const std::string& detail) {
        add(Result::ok, detail);
        if (at_ == At::quit) end();
    }
    void fail_here(const std::string& detail) {
        add(Result::failed, detail);
        end();
    }

    /// Tells what was not reached, and goes.
    void end() {
        if (over_) return;
        over_ = true;
        deadline_.cancel();
        auto told = [&](At at) { return std::ranges::any_of(steps_, [&](const ProbeStep& step) { return step.step == name_of(at); }); };
        auto skip = [&](At at) {
            if (!told(at)) steps_.push_back({std::string(name_of(at)), Result::skipped, {}, {}});
        };
        if (transport_.tls.start == TlsStart::at_once)
            for (At at : kImplicitSteps) skip(at);
        else
            for (const StepSpec& spec : kSteps) skip(spec.at);
        // In the order of the conversation; several of "connect" stay together.
        auto place = [&](const ProbeStep& step) {
            if (transport_.tls.start == TlsStart::at_once) return std::ranges::find(kImplicitSteps, step.step, name_of) - kImplicitSteps.begin();
            return std::ranges::find(kSteps, step.step, &StepSpec::name) - kSteps.begin();
        };
        std::ranges::stable_sort(steps_, {}, place);
        loop_.post([self = std::move(self_)] {
            self->stream_.reset();
            self->done_(std::move(self->steps_));
        });
    }

    Loop& loop_;
    Transport transport_;
    OutboundMail mail_;
    Address recipient_;
    std::function<void(std::vector<ProbeStep>)> done_;
    Instant began_;
    std::chrono::milliseconds patience_;
    TlsMaterials materials_;
    std::shared_ptr<const TlsMaterial> material_;   // shared with `materials_`
    std::vector<Target> targets_;
    std::size_t target_ = 0;
    At at_ = At::resolve;
    ReplyReader reader_;
    Offered offered_;
    std::vector<std::string> answers_;   // to 334, the next one last
    std::vector<ProbeStep> steps_;
    std::unique_ptr<Stream> stream_;
    Timer deadline_;
    bool over_ = false;
    std::shared_ptr<Probe> self_;   // until the end
};

}   // namespace

void probe(Loop& loop, Resolver& resolver, const Transport& transport, Address sender, Address recipient, std::function<void(std::vector<ProbeStep>)> done) {
    std::make_shared<Probe>(loop, transport, sender, std::move(recipient), std::move(done))->start(resolver);
}

}   // namespace mmgate::smtp
