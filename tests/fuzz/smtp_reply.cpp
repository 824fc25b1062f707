// A next hop's octets into the sender: whatever they are, it keeps its bounds, and nobody is delivered before the final dot has left.
//
// Input: octets of the server; 0xFF parts what arrives at one time, 0xFE begins a mail when one may begin, 0xFD ends the connection.
#include <cassert>
#include <cstdint>
#include <cstdlib>
#include <string>

#include "daemon/smtp/sender.h"

using namespace mmgate;
using namespace mmgate::smtp;

namespace {

/// Fails also where assert is off.
void hold(bool promise) {
    if (!promise) std::abort();
}

struct Pump {
    Sender sender{{"gw.example", TlsUse::opportunistic, "mx.example"}};
    std::shared_ptr<const OutboundMail> mail;
    bool content_left = false, handshake = false, closed = false, running = false;

    explicit Pump(std::shared_ptr<const OutboundMail> m) : mail(std::move(m)) {}

    void follow(const SendStep& step) {
        hold(!closed);
        hold(step.commands.find('\0') == std::string::npos);
        if (step.finished) {
            hold(running);
            running = false;
            hold(step.finished->size() == mail->recipients.size());
            for (const auto& verdict : *step.finished) {
                hold(verdict || step.close || sender.ready());
                if (!verdict) continue;
                hold(content_left || verdict->verdict > Delivered::Verdict::relayed);
                hold(verdict->reply.size() <= 500);
                for (char c : verdict->reply) hold(c >= 0x20 && c < 0x7F);
            }
        }
        if (step.content) {
            Octets all = *step.content + step.after_content;
            hold(all.ends_with("\r\n.\r\n"));
            content_left = true;
        }
        if (step.trouble) hold(step.close);
        handshake = step.start_tls;
        closed = step.close;
    }
    void begin() {
        if (closed || !sender.may_begin()) return;
        running = true;
        content_left = false;
        follow(sender.begin(mail, {0, 1, 2}));
    }
};

}   // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    auto mail = std::make_shared<OutboundMail>();
    mail->return_path = "a@b.example";
    mail->envelope_id = "id";
    mail->data = std::make_shared<const Octets>("Subject: x\r\n\r\n.\r\n");
    for (const char* address : {"1@a.example", "2@b.example", "3@a.example"}) mail->recipients.push_back({Address{Address::Kind::mailbox, address, ""}, {}, ""});

    Pump pump(mail);
    pump.follow(pump.sender.connected());
    std::string piece;
    for (std::size_t i = 0; i <= size && !pump.closed; ++i) {
        std::uint8_t octet = i < size ? data[i] : 0xFF;
        if (octet < 0xFD) {
            piece += static_cast<char>(octet);
            continue;
        }
        if (!piece.empty()) pump.follow(pump.sender.received(std::exchange(piece, ""), true));
        if (!pump.closed && pump.handshake) {
            pump.handshake = false;
            pump.follow(pump.sender.secured());
        }
        if (octet == 0xFE) pump.begin();
        if (octet == 0xFD && !pump.closed) pump.follow(pump.sender.lost("lost", true));
    }
    return 0;
}
