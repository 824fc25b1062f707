#include "daemon/smtp/session.h"

#include <algorithm>
#include <array>
#include <cassert>
#include <cstring>

#include "daemon/crypto.h"
#include "mapping/status.h"

namespace mmgate::smtp {

namespace {

// Commands that move nothing forward are free up to here; beyond it each counts as an error.
constexpr std::uint32_t kIdleCommands = 100;
// A mail that is too big is read to its end, so that the client learns why it is refused and does not come again; up to this many times the size
// that would have been taken.
constexpr std::uint64_t kReadBeyond = 16;
// The same for the content of a command that is not offered.
constexpr std::uint64_t kMostSkipped = 1024 * 1024 * 1024;
// Of one session. Who does not know the password by then is guessing.
constexpr std::uint32_t kFailedPasswords = 3;
// RFC 9422 §4: the greatest value.
constexpr std::uint32_t kMostLimit = 999'999;

struct FindingSpec {
    DataReader::Finding finding;
    ReplyId reply;
    Refusal::What what;
};
constexpr auto kFindings = std::to_array<FindingSpec>({
    {DataReader::Finding::bare_line_end, ReplyId::bare_line_end_in_content, Refusal::What::smuggling},
    {DataReader::Finding::nul, ReplyId::nul_in_content, Refusal::What::smuggling},
    {DataReader::Finding::line_too_long, ReplyId::content_line_too_long, Refusal::What::mail},
    {DataReader::Finding::too_big, ReplyId::too_big, Refusal::What::mail},
    {DataReader::Finding::not_kept, ReplyId::memory_full, Refusal::What::mail},
});
constexpr bool findings_are_in_order() {
    for (std::size_t i = 0; i < kFindings.size(); ++i)
        if (kFindings[i].finding != static_cast<DataReader::Finding>(i)) return false;
    return kFindings.size() == static_cast<std::size_t>(DataReader::Finding::not_kept) + 1;
}
static_assert(findings_are_in_order());

/// What stands between a client and MAIL.
struct LackSpec {
    mm4::Lack lack;
    ReplyId reply;
};
constexpr auto kLacks = std::to_array<LackSpec>({
    {mm4::Lack::nothing, ReplyId::client_denied},
    {mm4::Lack::tls, ReplyId::tls_required},
    {mm4::Lack::certificate, ReplyId::certificate_wrong},
    {mm4::Lack::authentication, ReplyId::auth_required},
});
static_assert(std::ranges::is_sorted(kLacks, {}, &LackSpec::lack) && kLacks.size() == static_cast<std::size_t>(mm4::Lack::authentication) + 1);

// RFC 3207 §4: what is served in clear where TLS is required; HELP would be harmless, too, but is not in its list.
bool is_served_in_clear(const Command& command) {
    return std::holds_alternative<Hello>(command) || std::holds_alternative<StartTls>(command) || std::holds_alternative<Noop>(command) ||
           std::holds_alternative<Quit>(command) || std::holds_alternative<Refused>(command);
}

}   // namespace

SessionRules session_rules(const Config& config, TlsOffer tls) {
    SessionRules rules;
    rules.hostname = config.hostname.empty() ? config.domain : config.hostname;
    rules.tls = tls;
    rules.mail_bytes = mail_bytes_for(config.message_size_bytes);
    rules.recipients = config.recipients;
    rules.line_bytes = config.smtp_line_bytes;
    rules.command_bytes = config.smtp_command_bytes;
    rules.commands = config.smtp_commands;
    rules.errors = config.smtp_errors;
    return rules;
}

Session::Session(std::shared_ptr<const SessionRules> rules, SessionPolicy& policy, MemoryBudget& memory, std::string client, ClientRights rights)
    : rules_(std::move(rules)), policy_(policy), memory_(memory), rights_(rights) {
    facts_.client = std::move(client);
    standing_ = policy_.standing_of(facts_);
}

/// Of one mail: what the gateway takes, and of a peer no more than was agreed with it.
std::uint64_t Session::mail_bytes() const {
    return standing_.candidates.empty() ? rules_->mail_bytes : std::min(rules_->mail_bytes, mail_bytes_for(standing_.message_size_bytes));
}

// ------------------------------------------------------------------------------------------------------------------------------ what the pump says

SessionStep Session::greet() {
    assert(std::holds_alternative<Silent>(state_));
    SessionStep step;
    state_.emplace<Connected>();
    step.replies = "220 " + rules_->hostname + " ESMTP mmgate\r\n";
    return step;
}

SessionStep Session::received(Bytes octets, std::size_t behind) {
    SessionStep step;
    if (std::holds_alternative<Silent>(state_)) {
        step.consumed = octets.size();
        refuse(ReplyId::talks_first, step);
        return step;
    }
    if (std::holds_alternative<Waiting>(state_)) step.next = Next::wait;
    if (std::holds_alternative<Securing>(state_)) step.next = Next::start_tls;
    if (std::holds_alternative<Closed>(state_)) step.next = Next::close;
    while (step.consumed < octets.size() && step.next == Next::read) {
        const Bytes rest = octets.substr(step.consumed);
        if (auto* collecting = std::get_if<Collecting>(&state_)) step.consumed += collect(*collecting, rest, step);
        else if (skip_bytes_ > 0) step.consumed += skip(rest);
        else step.consumed += take_line(rest, behind, step);
    }
    return step;
}

SessionStep Session::answered(const Accepted& result) {
    SessionStep step;
    auto* waiting = std::get_if<Waiting>(&state_);
    if (!waiting) return step;
    state_ = Idle{std::move(waiting->hello)};
    if (result) {
        errors_ = 0;
        idle_commands_ = 0;
        step.replies = "250 2.0.0 " + *result + "\r\n";
    } else {
        append_reply(step.replies, result.error());
        if (step.replies.front() == '5') ++errors_;
    }
    if (ending_) reply(ReplyId::shutting_down, step);
    return step;
}

SessionStep Session::secured(std::optional<CertificateFacts> certificate) {
    assert(std::holds_alternative<Securing>(state_));
    secured_ = true;
    facts_.channel = Channel::tls;
    facts_.certificate = std::move(certificate);
    facts_.user.clear();
    standing_ = policy_.standing_of(facts_);
    line_.clear();
    state_.emplace<Connected>();
    return {};
}

SessionStep Session::end(ReplyId reason) {
    SessionStep step;
    const Phase now = phase();
    if (reason == ReplyId::shutting_down && (now == Phase::content || now == Phase::waiting)) {
        ending_ = true;
        return step;
    }
    step.next = Next::close;
    if (now == Phase::closed) return step;
    // Within a handshake nothing can be said, and of a mail whose fate is open nothing true.
    if (now == Phase::securing || now == Phase::waiting) state_.emplace<Closed>();
    else refuse(reason, step, now == Phase::content ? Refusal::What::mail : Refusal::What::command);
    return step;
}

Phase Session::phase() const {
    if (std::holds_alternative<Collecting>(state_)) return Phase::content;
    if (std::holds_alternative<Waiting>(state_)) return Phase::waiting;
    if (std::holds_alternative<Securing>(state_)) return Phase::securing;
    if (std::holds_alternative<Closed>(state_)) return Phase::closed;
    return Phase::commands;
}

std::uint64_t Session::content_seen() const {
    const auto* collecting = std::get_if<Collecting>(&state_);
    return collecting ? collecting->reader.octets_seen() : 0;
}

// ------------------------------------------------------------------------------------------------------------------------------- octets to commands

void Session::keep_of_line(Bytes octets) {
    if (line_too_long_ || line_.size() + octets.size() > rules_->command_bytes) {
        // Only how the line ends is still of interest.
        line_too_long_ = true;
        if (!octets.empty()) line_.assign(1, octets.back());
        return;
    }
    line_.append(octets);
}

std::size_t Session::take_line(Bytes octets, std::size_t behind, SessionStep& step) {
    const auto* lf = static_cast<const char*>(std::memchr(octets.data(), '\n', octets.size()));
    if (!lf) {
        keep_of_line(octets);
        return octets.size();
    }
    const auto length = static_cast<std::size_t>(lf - octets.data());
    std::string_view line = octets.substr(0, length);
    if (!line_.empty() || line_too_long_) {
        keep_of_line(line);
        line = line_;
    }
    behind_ = behind + octets.size() - length - 1;
    take_command(line, step);
    line_.clear();
    line_too_long_ = false;
    return length + 1;
}

/// `line` with its CR, if it has one, and without its LF.
void Session::take_command(std::string_view line, SessionStep& step) {
    ++commands_;
    verb_ = "?";
    if (commands_ > rules_->commands) return refuse(ReplyId::too_many_commands, step);
    if (errors_ >= rules_->errors) return refuse(ReplyId::too_many_errors, step);
    if (!line.ends_with('\r')) return refuse(ReplyId::bare_line_end, step);
    // Of a line too long nothing but its end was kept, where it came in pieces.
    auto* authenticating = std::get_if<Authenticating>(&state_);
    if (line_too_long_ || line.size() + 1 > rules_->command_bytes) {
        if (authenticating) {
            verb_ = "AUTH";
            state_ = Idle{Hello(std::move(authenticating->hello))};
        }
        return refuse(ReplyId::command_too_long, step);
    }
    line.remove_suffix(1);
    if (authenticating) return take_auth_response(line, step);
    if (line.find('\r') != std::string_view::npos) return refuse(ReplyId::bare_line_end, step);
    ParsedCommand parsed = parse_command(line);
    verb_ = parsed.verb;
    if (rules_->tls == TlsOffer::required && !secured_ && !is_served_in_clear(parsed.command)) return refuse(ReplyId::tls_required, step);
    std::visit([&](auto& command) { on(command, step); }, parsed.command);
}

std::size_t Session::skip(Bytes octets) {
    const auto skipped = static_cast<std::size_t>(std::min<std::uint64_t>(skip_bytes_, octets.size()));
    skip_bytes_ -= skipped;
    return skipped;
}

// --------------------------------------------------------------------------------------------------------------------------------------- content

std::size_t Session::collect(Collecting& collecting, Bytes octets, SessionStep& step) {
    DataReader& reader = collecting.reader;
    if (!reader.finding() && !collecting.memory.resize(reader.octets_kept() + octets.size())) reader.keep_no_more();
    const std::size_t taken = reader.feed(octets);
    // Less is always granted; repaired line ends may be more.
    if (!collecting.memory.resize(reader.octets_kept())) {
        reader.keep_no_more();
        static_cast<void>(collecting.memory.resize(0));
    }
    if (reader.done()) {
        end_of_content(collecting, step);
    } else if (reader.octets_seen() / kReadBeyond > mail_bytes()) {
        verb_ = "DATA";
        refuse(ReplyId::far_too_big, step, Refusal::What::mail);
    }
    return taken;
}

void Session::end_of_content(Collecting& collecting, SessionStep& step) {
    verb_ = "DATA";
    Hello hello = std::move(collecting.transaction.hello);
    if (const auto finding = collecting.reader.finding()) {
        const FindingSpec& row = kFindings[static_cast<std::size_t>(*finding)];
        state_ = Idle{std::move(hello)};
        refuse(row.reply, step, row.what);
        if (ending_ && step.next == Next::read) reply(ReplyId::shutting_down, step);
        return;
    }
    step.mail.emplace(IncomingMail{std::move(collecting.transaction.envelope), collecting.reader.take(), std::move(collecting.memory)});
    step.next = Next::wait;
    state_.emplace<Waiting>(Waiting{std::move(hello)});
}

// -------------------------------------------------------------------------------------------------------------------------------------- commands

void Session::on(const Refused& refused, SessionStep& step) { refuse(refused.reply, step); }

void Session::on(const BadAddress& bad, SessionStep& step) { refuse(bad.error, step); }

void Session::on(Hello& hello, SessionStep& step) {
    if (!std::holds_alternative<Connected>(state_)) count_idle_command();
    standing_ = policy_.standing_of(facts_);
    if (hello.dialect == Dialect::smtp) {
        step.replies += "250 " + rules_->hostname + "\r\n";
    } else {
        step.replies += "250-" + rules_->hostname + "\r\n250-PIPELINING\r\n250-SIZE " + std::to_string(mail_bytes()) + "\r\n250-8BITMIME\r\n250-ENHANCEDSTATUSCODES\r\n";
        if ((rules_->tls == TlsOffer::offered || rules_->tls == TlsOffer::required) && !secured_) step.replies += "250-STARTTLS\r\n";
        if (standing_.password_wanted && secured_) step.replies += "250-AUTH PLAIN LOGIN\r\n";
        step.replies += "250-LIMITS RCPTMAX=" + std::to_string(std::min(rules_->recipients, kMostLimit)) + "\r\n250 DSN\r\n";
    }
    state_ = Idle{std::move(hello)};
}

void Session::on(MailFrom& mail, SessionStep& step) {
    auto* idle = std::get_if<Idle>(&state_);
    if (!idle) return refuse(ReplyId::bad_sequence, step);
    // Who said HELO was offered nothing.
    if (idle->hello.dialect == Dialect::smtp && mail.has_parameters) return refuse(ReplyId::unknown_parameter, step);
    // Asked anew: the configuration may be another by now. Who was a peer and lacks what is asked for now was never asked for it: nothing is refused for good, and
    // no message of a relay taken for a mail.
    const bool was_peer = !standing_.peers.empty();
    standing_ = policy_.standing_of(facts_);
    if (was_peer && standing_.peers.empty()) return refuse(ReplyId::terms_changed, step, Refusal::What::command, std::move(mail.sender));
    if (rights_ == ClientRights::denied && standing_.peers.empty()) {
        const bool helpless = standing_.lack == mm4::Lack::tls && rules_->tls == TlsOffer::none;
        return refuse(helpless ? ReplyId::client_denied : kLacks[static_cast<std::size_t>(standing_.lack)].reply, step, Refusal::What::command, std::move(mail.sender));
    }
    if (mail.size_bytes > mail_bytes()) return refuse(ReplyId::too_big, step, Refusal::What::command, std::move(mail.sender));
    const std::uint64_t size = std::max<std::uint64_t>(mail.size_bytes, 1);
    if (auto admitted = policy_.admits(size); !admitted) return refuse(admitted.error(), step, Refusal::What::command, std::move(mail.sender));
    // A bounce, and a peer's response or report, belong to messages that are here; what else a peer sends is told after its content.
    if (mail.sender && standing_.peers.empty())
        if (auto open = policy_.takes_new(); !open) return refuse(open.error(), step, Refusal::What::command, std::move(mail.sender));
    // A declared size is not set aside: it costs its sender nothing to say.
    if (!MemoryShare(memory_).resize(size)) return refuse(ReplyId::memory_full, step, Refusal::What::command, std::move(mail.sender));
    if (!standing_.peers.empty() && !policy_.takes_message_of(standing_.peers)) return refuse(ReplyId::peer_too_fast, step, Refusal::What::command, std::move(mail.sender));
    Transaction next{std::move(idle->hello), mail.size_bytes, {}};
    // RFC 3848 has names for TLS and passwords with ESMTP only.
    next.envelope.protocol = next.hello.dialect == Dialect::smtp ? "SMTP" : !facts_.user.empty() ? "ESMTPSA"
                                                                        : secured_               ? "ESMTPS"
                                                                                                 : "ESMTP";
    next.envelope.client = facts_.client;
    next.envelope.peers = standing_.peers;
    next.envelope.channel = facts_.channel;
    next.envelope.helo = next.hello.host;
    if (mail.sender) next.envelope.return_path = to_mail_text(*mail.sender);
    next.envelope.envelope_id = std::move(mail.envelope_id);
    next.envelope.return_full = mail.return_full;
    state_ = std::move(next);
    reply(ReplyId::sender_ok, step);
}

void Session::on(RcptTo& rcpt, SessionStep& step) {
    auto* transaction = std::get_if<Transaction>(&state_);
    if (!transaction) return refuse(ReplyId::bad_sequence, step);
    if (transaction->hello.dialect == Dialect::smtp && rcpt.has_parameters) return refuse(ReplyId::unknown_parameter, step);
    auto& recipients = transaction->envelope.recipients;
    if (recipients.size() >= rules_->recipients) {
        if (transaction->too_many) return reply(ReplyId::too_many_recipients, step);
        transaction->too_many = true;   // the log has one line of it
        return refuse(ReplyId::too_many_recipients, step);
    }
    auto route = policy_.route(rcpt.mailbox, {facts_.client, transaction->envelope.peers});
    if (!route) {
        ++transaction->refused;
        return refuse(route.error(), step, Refusal::What::command, std::move(rcpt.mailbox));
    }
    // One phone has many addresses; it gets one message.
    const bool known = std::ranges::any_of(recipients, [&](const EnvelopeRecipient& r) { return r.route.address == route->address && r.route.route == route->route; });
    if (!known) recipients.push_back({std::move(rcpt.mailbox), std::move(*route), rcpt.notify, std::move(rcpt.original_recipient)});
    reply(ReplyId::recipient_ok, step);
}

void Session::on(const Data&, SessionStep& step) {
    auto* transaction = std::get_if<Transaction>(&state_);
    if (!transaction) return refuse(ReplyId::bad_sequence, step);
    if (transaction->envelope.recipients.empty()) return refuse(transaction->refused > 0 ? ReplyId::no_valid_recipients : ReplyId::bad_sequence, step);
    const DataReader::Bounds bounds{mail_bytes(), rules_->line_bytes, transaction->declared_bytes, standing_.line_ends_repaired ? LineEnds::repaired : LineEnds::strict};
    Transaction taken = std::move(*transaction);
    state_.emplace<Collecting>(Collecting{std::move(taken), DataReader(bounds), MemoryShare(memory_)});
    reply(ReplyId::start_content, step);
}

void Session::on(const Bdat& bdat, SessionStep& step) {
    refuse(ReplyId::not_implemented, step);
    if (bdat.size_bytes && *bdat.size_bytes <= kMostSkipped) {
        skip_bytes_ = *bdat.size_bytes;
        return;
    }
    state_.emplace<Closed>();
    step.next = Next::close;
}

void Session::on(const Rset&, SessionStep& step) {
    auto* transaction = std::get_if<Transaction>(&state_);
    if (transaction) state_ = Idle{Hello(std::move(transaction->hello))};
    else count_idle_command();
    reply(ReplyId::ok, step);
}

void Session::on(const Noop&, SessionStep& step) {
    count_idle_command();
    reply(ReplyId::ok, step);
}

void Session::on(const Vrfy&, SessionStep& step) {
    count_idle_command();
    reply(ReplyId::cannot_verify, step);
}

void Session::on(const Help&, SessionStep& step) {
    count_idle_command();
    reply(ReplyId::help, step);
}

void Session::on(const StartTls&, SessionStep& step) {
    if (secured_) return refuse(ReplyId::tls_already, step);
    if (rules_->tls == TlsOffer::none) return refuse(ReplyId::not_implemented, step);
    const auto* idle = std::get_if<Idle>(&state_);
    if (!idle || idle->hello.dialect == Dialect::smtp) return refuse(ReplyId::bad_sequence, step);
    if (rules_->tls == TlsOffer::broken) return refuse(ReplyId::tls_unavailable, step);
    // What stands behind it in clear would be taken for something said in TLS.
    if (behind_ > 0) return refuse(ReplyId::octets_behind_starttls, step, Refusal::What::smuggling);
    reply(ReplyId::start_tls, step);
    state_.emplace<Securing>();
    step.next = Next::start_tls;
}

void Session::on(const Auth& auth, SessionStep& step) {
    auto* idle = std::get_if<Idle>(&state_);
    if (!standing_.password_wanted) return refuse(facts_.user.empty() ? ReplyId::not_implemented : ReplyId::bad_sequence, step);
    if (!idle || idle->hello.dialect == Dialect::smtp) return refuse(ReplyId::bad_sequence, step);
    if (!secured_) return refuse(ReplyId::auth_in_clear, step);
    using Wanted = Authenticating::Wanted;
    if (auth.mechanism != "PLAIN" && auth.mechanism != "LOGIN") return refuse(ReplyId::auth_mechanism, step);
    const Wanted wanted = auth.mechanism == "PLAIN" ? Wanted::plain : Wanted::user;
    state_ = Authenticating{Hello(std::move(idle->hello)), wanted};
    if (auth.response) return take_auth_response(*auth.response == "=" ? std::string_view() : std::string_view(*auth.response), step);
    reply(wanted == Wanted::plain ? ReplyId::auth_go_on : ReplyId::auth_user, step);
}

/// A line that answers a 334. Source: RFC 4954 §4, RFC 4616 §2 (PLAIN).
void Session::take_auth_response(std::string_view response, SessionStep& step) {
    verb_ = "AUTH";
    auto authenticating = std::move(std::get<Authenticating>(state_));
    state_ = Idle{std::move(authenticating.hello)};
    if (response == "*") return refuse(ReplyId::auth_cancelled, step);
    const auto decoded = from_base64(response);
    if (!decoded) return refuse(ReplyId::auth_malformed, step);
    switch (authenticating.wanted) {
        case Authenticating::Wanted::user:
            state_ = Authenticating{Hello(std::move(std::get<Idle>(state_).hello)), Authenticating::Wanted::password, *decoded};
            return reply(ReplyId::auth_password, step);
        case Authenticating::Wanted::password: return judge(authenticating.user, *decoded, step);
        case Authenticating::Wanted::plain: break;
    }
    const std::string_view all(*decoded);
    const std::size_t first = all.find('\0'), second = first == std::string_view::npos ? first : all.find('\0', first + 1);
    if (second == std::string_view::npos || all.find('\0', second + 1) != std::string_view::npos) return refuse(ReplyId::auth_malformed, step);
    const std::string_view acts_as = all.substr(0, first), user = all.substr(first + 1, second - first - 1);
    // To act as somebody else is nobody's right.
    judge(acts_as.empty() || acts_as == user ? user : std::string_view(), all.substr(second + 1), step);
}

void Session::judge(std::string_view user, std::string_view password, SessionStep& step) {
    if (!policy_.accepts(facts_, user, password)) return refuse(++failed_passwords_ >= kFailedPasswords ? ReplyId::auth_failed_too_often : ReplyId::auth_failed, step);
    facts_.user = user;
    standing_ = policy_.standing_of(facts_);
    step.authenticated = facts_.user;
    reply(ReplyId::authenticated, step);
}

void Session::on(const Quit&, SessionStep& step) { reply(ReplyId::bye, step); }

// --------------------------------------------------------------------------------------------------------------------------------------- replies

void Session::reply(ReplyId id, SessionStep& step) {
    append_reply(step.replies, id);
    if (spec_of(id).after == After::goes_on) return;
    state_.emplace<Closed>();
    step.next = Next::close;
}

void Session::note_refusal(std::size_t reply_from, Refusal::What what, std::optional<Address> address, SessionStep& step) {
    if (step.replies[reply_from] == '5') ++errors_;
    step.refusals.push_back({what, verb_, step.replies.substr(reply_from, step.replies.size() - reply_from - 2), std::move(address)});
}

void Session::refuse(ReplyId id, SessionStep& step, Refusal::What what, std::optional<Address> address) {
    const std::size_t from = step.replies.size();
    reply(id, step);
    note_refusal(from, what, std::move(address), step);
}

void Session::refuse(const Error& error, SessionStep& step, Refusal::What what, std::optional<Address> address) {
    const std::size_t from = step.replies.size();
    append_reply(step.replies, error);
    note_refusal(from, what, std::move(address), step);
}

void Session::count_idle_command() {
    if (++idle_commands_ > kIdleCommands) ++errors_;
}

}   // namespace mmgate::smtp
