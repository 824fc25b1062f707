// A client's octets into the session: whatever they are, replies are well formed, what is taken is what was sent, and how the octets were parted
// changes nothing.
//
// Input: the first octet chooses rules and answers; then octets of the client.
#include <cstdint>
#include <cstdlib>
#include <string>
#include <vector>

#include "daemon/smtp/session.h"

using namespace mmgate;
using namespace mmgate::smtp;

namespace {

/// Fails also where assert is off.
void hold(bool promise) {
    if (!promise) std::abort();
}

SessionRules rules(TlsOffer tls) {
    Config config;
    config.domain = "a.example";
    config.hostname = "gw.example";
    config.message_size_bytes = 100;
    config.recipients = 3;
    config.smtp_line_bytes = 1000;
    config.smtp_command_bytes = 512;
    config.smtp_commands = 200;
    config.smtp_errors = 20;
    SessionRules out = session_rules(config, tls);
    out.mail_bytes = 300;   // near enough for a fuzzer
    return out;
}

struct Policy final : SessionPolicy {
    Result<Route> route(const Address& mailbox, const Whence&) const override {
        if (local_part(mailbox).starts_with('+')) return Route{{Address::Kind::phone, std::string(local_part(mailbox)), {}}, "mm1", "mm1", "served"};
        return fail(domain_part(mailbox) == "a.example" ? Fault::recipient_unknown : Fault::relay_denied, "not ours");
    }
    Result<void> admits(std::uint64_t) const override { return {}; }
    // A peer that is known by its password, so that AUTH is read.
    mm4::Standing standing_of(const mm4::SessionFacts& facts) const override {
        mm4::Standing standing;
        standing.candidates = {"peer"};
        standing.message_size_bytes = 300;
        standing.password_wanted = facts.user.empty();
        if (!facts.user.empty()) standing.peers = standing.candidates;
        return standing;
    }
    bool accepts(const mm4::SessionFacts&, std::string_view user, std::string_view) const override { return user == "peer"; }
    bool takes_message_of(const std::vector<std::string>&) override { return true; }
};

void check_replies(std::string_view wire) {
    while (!wire.empty()) {
        const std::size_t end = wire.find("\r\n");
        hold(end != std::string_view::npos && end >= 4 && end <= 510);
        const std::string_view line = wire.substr(0, end);
        hold(line[0] >= '2' && line[0] <= '5' && (line[3] == ' ' || line[3] == '-'));
        for (char c : line) hold(c >= ' ' && c <= '~');
        wire.remove_prefix(end + 2);
    }
}

/// What DATA carried for this content.
std::string as_sent(std::string_view content) {
    std::string out;
    bool line_start = true;
    for (char c : content) {
        if (line_start && c == '.') out += '.';
        out += c;
        line_start = c == '\n';
    }
    return out + ".\r\n";
}

/// Whether a line begins with a dot that its sender should have doubled: it is taken away all the same, and stuffing does not bring it back.
bool has_lone_dot(std::string_view input) {
    for (std::size_t at = input.find("\n."); at != std::string_view::npos; at = input.find("\n.", at + 1)) {
        const std::string_view behind = input.substr(at + 2);
        if (!behind.starts_with('.') && !behind.starts_with("\r\n")) return true;
    }
    return false;
}

void check_content(std::string_view content) {
    for (std::size_t i = 0; i < content.size(); ++i) {
        hold(content[i] != '\0');
        if (content[i] == '\r') hold(i + 1 < content.size() && content[i + 1] == '\n');
        if (content[i] == '\n') hold(i > 0 && content[i - 1] == '\r');
    }
    hold(content.empty() || content.ends_with("\r\n"));
}

struct Talk {
    std::string wire;
    std::vector<std::string> mails;
    bool operator==(const Talk&) const = default;
};

Talk talk(std::string_view input, std::uint8_t choice, std::size_t piece_bytes) {
    Policy policy;
    MemoryBudget memory(64 * 1024);
    Talk out;
    {
        const TlsOffer tls = choice & 1 ? TlsOffer::offered : TlsOffer::none;
        Session session(std::make_shared<const SessionRules>(rules(tls)), policy, memory, "192.0.2.7", choice & 2 ? ClientRights::denied : ClientRights::may_send);
        out.wire += session.greet().replies;
        bool open = true;
        auto follow = [&](SessionStep step) {
            out.wire += step.replies;
            for (const Refusal& refusal : step.refusals) hold(!refusal.reply.empty() && !refusal.verb.empty());
            if (step.next == Next::close) open = false;
            if (step.next == Next::start_tls) {
                hold(session.phase() == Phase::securing);
                out.wire += session.secured(std::nullopt).replies;
            }
            return std::move(step.mail);
        };
        while (open && !input.empty()) {
            const std::string_view piece = input.substr(0, piece_bytes);
            SessionStep step = session.received(piece, input.size() - piece.size());
            const std::size_t consumed = step.consumed;
            hold(consumed <= piece.size());
            hold(step.next != Next::read || consumed == piece.size());
            input.remove_prefix(consumed);
            if (auto mail = follow(std::move(step))) {
                hold(mail->memory.bytes() == mail->octets.size() && !mail->envelope.recipients.empty());
                out.mails.push_back(mail->octets);
                const bool refuse = choice & 4;
                mail.reset();
                follow(session.answered(refuse ? Accepted(fail(Fault::malformed, "no mail\r\n\x01")) : Accepted("Ok")));
            }
        }
        if (open) follow(session.end(ReplyId::shutting_down));
    }
    hold(memory.taken_bytes() == 0);
    return out;
}

}   // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size == 0 || size > 256 * 1024) return 0;
    const std::uint8_t choice = data[0];
    const std::string_view input(reinterpret_cast<const char*>(data + 1), size - 1);
    const Talk whole = talk(input, choice, input.size());
    check_replies(whole.wire);
    for (const std::string& mail : whole.mails) {
        check_content(mail);
        // RFC 5321 §4.5.2: nothing but the dots has been taken away.
        hold(has_lone_dot(input) || input.find(as_sent(mail)) != std::string_view::npos);
    }
    hold(talk(input, choice, 1) == whole);
    hold(talk(input, choice, 7) == whole);
    return 0;
}
