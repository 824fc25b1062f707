#include "daemon/smtp/sender.h"

#include <algorithm>
#include <array>
#include <cassert>

#include "daemon/crypto.h"
#include "mapping/status.h"

namespace mmgate::smtp {

namespace {

constexpr std::uint16_t kReady = 220;
constexpr std::uint16_t kAuthenticated = 235;
constexpr std::uint16_t kGoOn = 334;
constexpr std::uint16_t kStartMail = 354;
constexpr std::uint16_t kClosing = 421;

// A server that answers EHLO so may still be an old one that knows HELO. Source: RFC 5321 §3.2, §4.1.4.
constexpr auto kEhloUnknown = std::to_array<std::uint16_t>({500, 501, 502, 504, 550});

/// A verdict in our own words, in the form of a reply.
Delivered our_verdict(Fault fault, std::string_view status, std::string_view reason) {
    bool failed = status.starts_with('5');
    std::uint16_t code = spec_of(fault).smtp_code;
    if ((code >= 500) != failed) code = failed ? 554 : 451;
    return {failed ? Delivered::Verdict::failed : Delivered::Verdict::deferred, fault, printable_line(std::to_string(code) + " " + std::string(status) + " " + std::string(reason)), std::string(status), {}};
}

// Replies to RCPT that mean "too many in this transaction" when earlier ones were taken. Source: RFC 5321 §4.5.3.1.10.
bool says_too_many(const ServerReply& reply) { return reply.code == 452 || reply.code == 552; }

}   // namespace

Sender::Sender(SenderOptions options) : options_(std::move(options)), state_(Connecting{}) {}

SendStep Sender::connected() {
    SendStep step;
    if (options_.start == TlsStart::at_once) {
        state_ = Handshake{};
        step.start_tls = true;
    } else {
        state_ = Greeting{};
    }
    step.awaited = awaited();
    step.advanced = true;
    return step;
}

SendStep Sender::secured() {
    secured_ = true;
    reader_ = {};   // nothing of the time in clear counts (RFC 3207 §4.2)
    SendStep step;
    if (options_.start == TlsStart::at_once) state_ = Greeting{};
    else send_ehlo(step);
    step.awaited = awaited();
    step.advanced = true;
    return step;
}

SendStep Sender::distrusted(std::string_view reason) {
    SendStep step;
    give_up(host_verdict(Fault::peer_unreachable, "4.7.5", "is not trusted: " + std::string(reason)), false, step);
    return step;
}

SendStep Sender::received(Bytes octets, bool all_sent) {
    SendStep step;
    for (const ServerReply& reply : reader_.feed(octets)) {
        if (std::holds_alternative<Closed>(state_)) break;
        if (step.writes()) {
            out_of_step("a reply before the command", false, step);
            break;
        }
        take(reply, all_sent, step);
        step.advanced = true;
    }
    if (std::holds_alternative<Closed>(state_)) {
        // nothing more is believed
    } else if (reader_.error()) {
        out_of_step(reader_.error()->rule, all_sent && !step.writes(), step);
    } else if (reader_.partial() && step.writes()) {
        out_of_step("a reply before the command", false, step);
    }
    step.awaited = awaited();
    return step;
}

Awaited Sender::awaited() const {
    return std::visit(overloaded{
                          [](const Greeting&) { return Awaited::greeting; },
                          [](const Handshake&) { return Awaited::handshake; },
                          [](const Content&) { return Awaited::final_reply; },
                          [](const Connecting&) { return Awaited::nothing; },
                          [](const Idle&) { return Awaited::nothing; },
                          [](const Closed&) { return Awaited::nothing; },
                          [](const auto&) { return Awaited::reply; },
                      },
                      state_);
}

SendStep Sender::begin(std::shared_ptr<const OutboundMail> mail, std::vector<std::size_t> recipients) {
    assert(may_begin() && mail && mail->data && !recipients.empty());
    SendStep step;
    Job job{.mail = std::move(mail), .facts = {}, .verdicts = {}, .waiting = std::move(recipients), .named = {}, .accepted = {}, .again = {}};
    job.verdicts.resize(job.mail->recipients.size());

    std::optional<Delivered> refused;
    if (auto facts = check_content(*job.mail->data)) {
        job.facts = *facts;
    } else {
        refused = our_verdict(Fault::internal, "5.6.0", facts.error().rule);
    }
    if (offered_.size_bytes > 0 && job.mail->data->size() > offered_.size_bytes) {
        refused = host_verdict(Fault::message_too_big, "5.3.4",
                               "takes at most " + std::to_string(offered_.size_bytes) + " octets, the mail has " + std::to_string(job.mail->data->size()));
    } else if (job.facts.eight_bit && !offered_.eight_bit_mime) {
        refused = host_verdict(Fault::content_refused, "5.6.3", "does not take 8-bit content");
    }
    if (refused) {
        for (std::size_t i : job.waiting) job.verdicts[i] = refused;
        finish(std::move(job), step);
    } else {
        next_transaction(std::move(job), step);
    }
    step.awaited = awaited();
    step.advanced = true;
    return step;
}

SendStep Sender::lost(std::string_view reason, bool all_sent) {
    SendStep step;
    bool handshake = std::holds_alternative<Handshake>(state_);
    std::string_view status = handshake ? "4.7.5" : std::holds_alternative<Connecting>(state_) ? "4.4.1"
                                                                                               : "4.4.2";
    give_up(host_verdict(Fault::peer_unreachable, status, reason), all_sent, step);
    step.tls_failed = handshake && options_.tls == TlsUse::opportunistic && options_.start == TlsStart::starttls;
    return step;
}

SendStep Sender::quit() {
    assert(ready());
    state_ = Closed{};
    SendStep step;
    step.commands = "QUIT\r\n";
    step.close = true;
    return step;
}

std::string_view Sender::awaiting() const {
    return std::visit(overloaded{
                          [](const Connecting&) -> std::string_view { return "the connection"; },
                          [](const Greeting&) -> std::string_view { return "the greeting"; },
                          [](const Ehlo&) -> std::string_view { return "the reply to EHLO"; },
                          [](const Helo&) -> std::string_view { return "the reply to HELO"; },
                          [](const StartTls&) -> std::string_view { return "the reply to STARTTLS"; },
                          [](const Handshake&) -> std::string_view { return "the TLS handshake"; },
                          [](const Auth&) -> std::string_view { return "the reply to AUTH"; },
                          [](const Envelope& e) -> std::string_view {
                              return e.answered == 0 ? "the reply to MAIL" : e.answered <= e.job.named.size() ? "the reply to RCPT"
                                                                                                              : "the reply to DATA";
                          },
                          [](const Content&) -> std::string_view { return "the reply to the content"; },
                          [](const Reset&) -> std::string_view { return "the reply to RSET"; },
                          [](const Idle&) -> std::string_view { return "nothing"; },
                          [](const Closed&) -> std::string_view { return "nothing"; },
                      },
                      state_);
}

void Sender::take(const ServerReply& reply, bool all_sent, SendStep& step) {
    std::visit(overloaded{
                   [&](const Greeting&) { take_greeting(reply, step); },
                   [&](const Ehlo&) { take_ehlo(reply, step); },
                   [&](const Helo&) {
                       if (!reply.positive()) return give_up(trouble_of(reply), false, step);
                       if (!secured_ && options_.tls >= TlsUse::required) return give_up(host_verdict(Fault::peer_unreachable, "4.7.0", "does not offer TLS"), false, step);
                       identify(step);
                   },
                   [&](const StartTls&) {
                       if (reply.code == kReady) {
                           state_ = Handshake{};
                           step.start_tls = true;
                       } else if (reply.code == kClosing || options_.tls >= TlsUse::required) {
                           give_up(trouble_of(reply), false, step);
                       } else if (reply.transient() || reply.permanent()) {
                           identify(step);   // in clear: TLS was a wish (RFC 7435)
                       } else {
                           out_of_step("an unexpected reply to STARTTLS", false, step);
                       }
                   },
                   [&](const Auth&) { take_auth(reply, step); },
                   [&](const Envelope&) { take_envelope(reply, step); },
                   [&](const Content&) { take_final(reply, all_sent, step); },
                   [&](const Reset&) { take_reset(reply, step); },
                   // Nothing was asked: a 421 before the server closes, or a server out of step.
                   [&](const auto&) { give_up(trouble_of(reply), false, step); },
               },
               state_);
}

void Sender::take_greeting(const ServerReply& reply, SendStep& step) {
    if (reply.code == kReady) return send_ehlo(step);
    if (reply.transient() || reply.permanent()) return give_up(trouble_of(reply), false, step);
    out_of_step("an unexpected greeting", false, step);
}

void Sender::send_ehlo(SendStep& step) {
    offered_ = {};
    state_ = Ehlo{};
    step.commands = "EHLO " + options_.hostname + "\r\n";
}

void Sender::take_ehlo(const ServerReply& reply, SendStep& step) {
    if (!reply.positive()) {
        bool unknown = std::find(kEhloUnknown.begin(), kEhloUnknown.end(), reply.code) != kEhloUnknown.end();
        if (!unknown || secured_) return give_up(trouble_of(reply), false, step);
        state_ = Helo{};
        step.commands = "HELO " + options_.hostname + "\r\n";
        return;
    }
    offered_ = offered_by(reply);
    if (secured_ || options_.tls == TlsUse::never) {
        identify(step);
    } else if (offered_.starttls) {
        state_ = StartTls{};
        step.commands = "STARTTLS\r\n";
    } else if (options_.tls >= TlsUse::required) {
        give_up(host_verdict(Fault::peer_unreachable, "4.7.0", "does not offer TLS"), false, step);
    } else {
        identify(step);
    }
}

/// Says who we are, where that is asked for; then mail may follow.
void Sender::identify(SendStep& step) {
    if (!options_.credentials) {
        state_ = Idle{};
        return;
    }
    const auto& [user, password] = *options_.credentials;
    if (!secured_) return give_up(host_verdict(Fault::peer_unreachable, "4.7.11", "would hear our password in clear"), false, step);
    if (offered_.auth_plain) {
        state_ = Auth{};
        step.commands = "AUTH PLAIN " + base64(std::string(1, '\0') + user + '\0' + password) + "\r\n";
    } else if (offered_.auth_login) {
        state_ = Auth{{base64(password), base64(user)}};
        step.commands = "AUTH LOGIN\r\n";
    } else {
        give_up(host_verdict(Fault::peer_unreachable, "4.7.0", "offers neither AUTH PLAIN nor AUTH LOGIN"), false, step);
    }
}

void Sender::take_auth(const ServerReply& reply, SendStep& step) {
    auto& answers = std::get<Auth>(state_).answers;
    if (reply.code == kGoOn && !answers.empty()) {
        step.commands = answers.back() + "\r\n";
        answers.pop_back();
    } else if (reply.code == kAuthenticated) {
        state_ = Idle{};
    } else if (reply.transient() || reply.permanent()) {
        // Whatever it says of our password, another day's configuration may be right.
        give_up(trouble_of(reply), false, step);
    } else {
        out_of_step("an unexpected reply to AUTH", false, step);
    }
}

/// Names as many recipients as one transaction may hold; without any left to name, the mail has ended here.
void Sender::next_transaction(Job job, SendStep& step) {
    if (offered_.mails && mails_begun_ >= *offered_.mails) return finish(std::move(job), step);

    job.named.clear();
    job.accepted.clear();
    job.again.clear();
    Envelope envelope;
    if (auto mail = mail_command(*job.mail, job.facts, offered_)) {
        envelope.commands.push_back(std::move(*mail));
    } else {
        for (std::size_t i : job.waiting) job.verdicts[i] = our_verdict(mail.error().fault, "5.1.7", mail.error().rule);
        return finish(std::move(job), step);
    }

    std::size_t most = std::min(options_.recipients, offered_.recipients.value_or(options_.recipients));
    std::vector<std::size_t> later;
    for (std::size_t i : job.waiting) {
        const OutboundRecipient& recipient = job.mail->recipients[i];
        auto command = rcpt_command(recipient, offered_);
        if (!command) {
            job.verdicts[i] = our_verdict(command.error().fault, "5.1.3", command.error().rule);
        } else if (job.named.size() == most || !names_domain(recipient)) {
            later.push_back(i);
        } else {
            job.named.push_back(i);
            envelope.commands.push_back(std::move(*command));
        }
    }
    job.waiting = std::move(later);
    if (job.named.empty()) return finish(std::move(job), step);

    envelope.commands.emplace_back("DATA\r\n");
    envelope.job = std::move(job);
    ++mails_begun_;
    send_envelope(envelope, step);
    state_ = std::move(envelope);
}

/// Whether RCPTDOMAINMAX leaves room for this recipient's domain; counts it. Source: RFC 9422 §4.3.
bool Sender::names_domain(const OutboundRecipient& recipient) {
    if (!offered_.recipient_domains) return true;
    std::string_view domain = domain_part(recipient.mailbox);
    if (domains_.contains(domain)) return true;
    if (domains_.size() >= *offered_.recipient_domains) return false;
    domains_.emplace(domain);
    return true;
}

void Sender::send_envelope(Envelope& envelope, SendStep& step) {
    std::size_t until = offered_.pipelining ? envelope.commands.size() : envelope.sent + 1;
    for (; envelope.sent < until; ++envelope.sent) step.commands += envelope.commands[envelope.sent];
}

void Sender::take_envelope(const ServerReply& reply, SendStep& step) {
    Envelope& envelope = std::get<Envelope>(state_);
    Job& job = envelope.job;
    if (reply.code == kClosing) return give_up(trouble_of(reply), false, step);

    std::size_t command = envelope.answered++;
    bool is_data = command + 1 == envelope.commands.size();
    if (is_data && reply.code == kStartMail) {
        // Without a recipient the content would go to nobody, or to those of whom the server said no (RFC 2920 §3.1).
        if (job.accepted.empty()) return out_of_step("354 without a recipient", false, step);
        return send_content(std::move(job), step);
    }
    if (reply.code / 100 == 3 || (is_data && reply.positive())) return out_of_step("an unexpected reply to a command of the envelope", false, step);

    if (command == 0) {
        envelope.mail_refused = !reply.positive();
        if (envelope.mail_refused) {
            for (std::size_t i : job.named) job.verdicts[i] = verdict_of(reply);
            for (std::size_t i : job.waiting) job.verdicts[i] = verdict_of(reply);
            job.waiting.clear();
        }
    } else if (envelope.mail_refused) {
        // each reply to what was pipelined behind it says no more than that
    } else if (is_data) {
        for (std::size_t i : job.accepted) job.verdicts[i] = verdict_of(reply);
    } else {
        std::size_t recipient = job.named[command - 1];
        if (reply.positive()) {
            job.accepted.push_back(recipient);
        } else if (says_too_many(reply) && !job.accepted.empty()) {
            job.again.push_back(recipient);
        } else {
            job.verdicts[recipient] = verdict_of(reply);
        }
    }

    if (envelope.answered < envelope.sent) return;
    bool only_data_left = envelope.answered + 1 == envelope.commands.size();
    bool refused = is_data || envelope.mail_refused || (only_data_left && job.accepted.empty());
    if (refused) return end_refused_transaction(std::move(job), step);
    send_envelope(envelope, step);
}

void Sender::send_content(Job job, SendStep& step) {
    if (job.facts.leading_dot) {
        step.content = std::make_shared<const Octets>(stuffed_and_terminated(*job.mail->data));
    } else {
        step.content = job.mail->data;
        step.after_content = terminator(*job.mail->data);
    }
    state_ = Content{std::move(job)};
}

void Sender::take_final(const ServerReply& reply, bool all_sent, SendStep& step) {
    if (reply.code / 100 == 3) return out_of_step("an unexpected reply to the content", all_sent, step);
    if (!all_sent && (reply.positive() || reply.code == kClosing)) return give_up(trouble_of(reply), false, step);

    Job job = std::move(std::get<Content>(state_).job);
    for (std::size_t i : job.accepted) job.verdicts[i] = reply.positive() ? accepted_verdict(reply, job.mail->recipients[i]) : verdict_of(reply);
    if (!all_sent || reply.code == kClosing) {   // the rest of the content, or the connection, is of no use
        step.finished = std::move(job.verdicts);
        step.close = true;
        state_ = Closed{};
        return;
    }
    job.waiting.insert(job.waiting.begin(), job.again.begin(), job.again.end());
    if (job.waiting.empty()) return finish(std::move(job), step);
    next_transaction(std::move(job), step);
}

/// The server took no content: its transaction may still be open.
void Sender::end_refused_transaction(Job job, SendStep& step) {
    job.waiting.insert(job.waiting.begin(), job.again.begin(), job.again.end());
    step.commands += "RSET\r\n";
    if (job.waiting.empty()) {
        step.finished = std::move(job.verdicts);
        state_ = Reset{};
    } else {
        state_ = Reset{std::move(job)};
    }
}

void Sender::take_reset(const ServerReply& reply, SendStep& step) {
    if (!reply.positive()) return give_up(trouble_of(reply), false, step);
    std::optional<Job> job = std::move(std::get<Reset>(state_).job);
    state_ = Idle{};
    if (job) next_transaction(std::move(*job), step);
}

void Sender::finish(Job job, SendStep& step) {
    step.finished = std::move(job.verdicts);
    state_ = Idle{};
}

void Sender::out_of_step(std::string_view rule, bool all_sent, SendStep& step) {
    give_up(host_verdict(Fault::peer_deferred, "4.5.0", "is out of step: " + std::string(rule)), all_sent, step);
}

/// The connection is of no more use. Content that left whole and was not answered may have arrived: another host must not get it now.
void Sender::give_up(Delivered trouble, bool all_sent, SendStep& step) {
    std::optional<Job> job = std::visit(overloaded{
                                            [](Envelope& e) -> std::optional<Job> { return std::move(e.job); },
                                            [](Content& c) -> std::optional<Job> { return std::move(c.job); },
                                            [](Reset& r) -> std::optional<Job> { return std::move(r.job); },
                                            [](auto&) -> std::optional<Job> { return std::nullopt; },
                                        },
                                        state_);
    // What ends a connection within a content may be that content. All else would meet the next message just so.
    const bool says_closing = trouble.reply.starts_with(std::to_string(kClosing));
    trouble.extent = std::holds_alternative<Content>(state_) && !says_closing ? Delivered::Extent::message : Delivered::Extent::destination;
    if (job) {
        if (std::holds_alternative<Content>(state_) && all_sent) {
            step.possible_duplicate = true;
            Delivered unknown = trouble;
            unknown.reply = printable_line(unknown.reply + "; no answer to the final dot, the mail may arrive twice");
            for (std::size_t i : job->accepted) job->verdicts[i] = unknown;
        }
        step.finished = std::move(job->verdicts);
    }
    step.commands.clear();
    step.content.reset();
    step.after_content.clear();
    step.start_tls = false;
    step.close = true;
    step.trouble = std::move(trouble);
    state_ = Closed{};
}

Delivered Sender::verdict_of(const ServerReply& reply) const {
    std::string status = enhanced_status(reply);
    bool failed = reply.permanent();
    if (status.empty()) status = failed ? "5.0.0" : "4.0.0";
    Fault fault = !failed ? Fault::peer_deferred : reply.code == 552 && status == "5.3.4" ? Fault::message_too_big
                                                                                          : Fault::peer_refused;
    return {failed ? Delivered::Verdict::failed : Delivered::Verdict::deferred, fault, to_text(reply), std::move(status), options_.remote_mta,
            reply.code == kClosing ? Delivered::Extent::destination : Delivered::Extent::message};
}

Delivered Sender::accepted_verdict(const ServerReply& reply, const OutboundRecipient& recipient) const {
    const Notify& notify = recipient.notify;
    bool report_follows = offered_.dsn && !notify.never && (notify.success || notify.failure);
    std::string status = enhanced_status(reply);
    return {report_follows ? Delivered::Verdict::relayed : Delivered::Verdict::delivered, Fault::internal, to_text(reply),
            status.empty() ? "2.0.0" : std::move(status), options_.remote_mta};
}

/// A reply that ends the connection: whatever it says, another host or another time may do.
Delivered Sender::trouble_of(const ServerReply& reply) const {
    std::string status = enhanced_status(reply);
    if (!status.starts_with('4')) status = "4.3.2";
    return {Delivered::Verdict::deferred, Fault::peer_deferred, to_text(reply), std::move(status), options_.remote_mta};
}

Delivered Sender::host_verdict(Fault fault, std::string_view status, std::string_view reason) const {
    Delivered verdict = our_verdict(fault, status, options_.remote_mta + " " + std::string(reason));
    verdict.remote_mta = options_.remote_mta;
    return verdict;
}

}   // namespace mmgate::smtp
