#include "daemon/smtp/connection.h"

#include <utility>

namespace mmgate::smtp {

namespace {

constexpr std::size_t kReadAtOnce = 16 * 1024;
// After QUIT nothing of value is waited for.
constexpr std::chrono::milliseconds kLeavingPatience{5'000};
// Content may take as long as at this rate, beyond the wait for the final reply: a next hop that takes an octet now and then does not hold a slot for ever.
constexpr std::size_t kLeastBytesPerSecond = 1024;

}   // namespace

Connection::Connection(Loop& loop, const Endpoint& to, SenderOptions options, Deadlines deadlines, std::shared_ptr<const TlsMaterial> tls,
                       CertificateRules certificate, ConnectionEvents& events)
    : loop_(loop), deadlines_(deadlines), tls_(std::move(tls)), tls_use_(options.tls), certificate_(std::move(certificate)), events_(events), server_name_(options.remote_mta), address_(to.host), sender_(std::move(options)) {
    stream_ = Stream::connect(loop_, to, *this);
    if (stream_) {
        wait(deadlines_.connect);
    } else {
        deadline_ = loop_.after(std::chrono::milliseconds(0), [this] { follow(sender_.lost("[" + address_ + "]: no descriptor is left for a connection", false)); });
    }
}

void Connection::begin(std::shared_ptr<const OutboundMail> mail, std::vector<std::size_t> recipients) {
    ready_told_ = false;
    follow(sender_.begin(std::move(mail), std::move(recipients)));
}

void Connection::quit() {
    leaving_ = true;
    follow(sender_.quit());
}

void Connection::on_connected() { follow(sender_.connected()); }
void Connection::on_secured() {
    if (tls_use_ != TlsUse::verified) return follow(sender_.secured());
    auto right = check(tls_->facts(stream_->tls_peer()), certificate_);
    follow(right ? sender_.secured() : sender_.distrusted(right.error().rule));
}

void Connection::on_input() {
    char octets[kReadAtOnce];
    while (stream_) {
        int got = evbuffer_remove(stream_->input(), octets, sizeof octets);
        if (got <= 0 || leaving_) return;
        follow(sender_.received(Bytes(octets, static_cast<std::size_t>(got)), all_sent()));
        // What follows a step that waits for the handshake or for a new mail is looked at by the next step.
    }
}

void Connection::on_flushed() {
    if (!sending_ || !stream_) return;
    sending_ = false;
    stream_->idle_timeout({});
    wait(deadlines_.final_reply);
}

void Connection::on_closed(const std::string& reason) {
    bool sent = all_sent();
    if (leaving_) {
        stream_.reset();
        deadline_.cancel();
        return events_.on_ended(std::nullopt, false);
    }
    follow(sender_.lost("[" + address_ + "]: " + reason + " while waiting for " + std::string(sender_.awaiting()), sent));
}

void Connection::on_deadline() {
    if (leaving_) return on_closed("timeout");
    auto seconds = std::chrono::duration_cast<std::chrono::seconds>(patience_).count();
    follow(sender_.lost("[" + address_ + "]: no answer within " + std::to_string(seconds) + " s while waiting for " + std::string(sender_.awaiting()), all_sent()));
}

void Connection::wait(std::chrono::milliseconds patience) {
    patience_ = patience;
    deadline_ = loop_.after(patience, [this] { on_deadline(); });
}

void Connection::follow(SendStep step) {
    if (stream_ && !step.commands.empty()) stream_->write(step.commands);
    if (stream_ && step.content) {
        std::size_t size = step.content->size();
        stream_->write(step.content, *step.content);
        if (!step.after_content.empty()) stream_->write(step.after_content);
        sending_ = stream_->unsent() > 0;
        if (sending_) {
            stream_->idle_timeout(deadlines_.reply);
            wait(deadlines_.final_reply + std::chrono::seconds(size / kLeastBytesPerSecond));
        }
    }
    if (step.start_tls) stream_->start_tls(tls_->context.connect_session(server_name_), false);

    switch (step.awaited) {
        case Awaited::nothing: deadline_.cancel(); break;
        case Awaited::greeting:
        case Awaited::reply:
        case Awaited::handshake:
            if (step.advanced) wait(deadlines_.reply);
            break;
        case Awaited::final_reply:
            if (step.content && !sending_) wait(deadlines_.final_reply);
            break;
    }

    if (step.finished) events_.on_finished(std::move(*step.finished), step.possible_duplicate);
    if (step.close) {
        if (leaving_ && stream_) {
            wait(kLeavingPatience);
            stream_->close_after_flush();
            return;
        }
        stream_.reset();
        deadline_.cancel();
        events_.on_ended(std::move(step.trouble), step.tls_failed);
    } else if (sender_.ready() && !std::exchange(ready_told_, true)) {
        events_.on_ready();
    }
}

}   // namespace mmgate::smtp
