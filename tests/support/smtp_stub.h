// An SMTP server on loopback, on the loop of the test, that answers as it was told, well or badly.
#pragma once

#include <deque>
#include <list>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "daemon/loop/stream.h"

namespace mmgate::tests {

class SmtpStub {
public:
    explicit SmtpStub(Loop& loop, const std::string& address = "127.0.0.1", std::uint16_t port = 0);
    ~SmtpStub();

    /// What answers a verb ("GREETING", "EHLO", "MAIL", "RCPT", "DATA", "." …): each answer once, the last for ever. Octets as they stand, or
    ///   ""         silence from now on
    ///   "!flood"   a reply of any length, without end
    ///   "!drip"    an octet now and then, without end
    ///   "!close " and octets: these, then the end of the connection
    void answer(const std::string& verb, std::deque<std::string> answers);
    /// Offers STARTTLS with this certificate. `broken`: answers 220 and speaks no TLS.
    void offer_tls(TlsContext context);
    void break_tls();
    /// TLS begins with the connection, with the certificate of `offer_tls`.
    void begin_with_tls() { tls_at_once_ = true; }
    /// Closes what is open.
    void drop();

    Endpoint endpoint() const { return listener_->endpoint(); }
    std::size_t connections() const { return connections_; }   // ever
    std::size_t open() const;                                  // now
    std::size_t most_open() const { return most_open_; }
    const std::vector<std::string>& lines() const { return lines_; }   // commands, over all connections
    const std::vector<std::string>& mails() const { return mails_; }   // content as received, dots still stuffed
    std::size_t secured() const { return secured_; }
    const std::vector<std::string>& pins() const { return pins_; }   // of the certificates that clients showed; "" those without

private:
    struct Session;
    std::string next_answer(const std::string& verb);

    Loop& loop_;
    std::unique_ptr<Listener> listener_;
    std::list<Session> sessions_;
    std::map<std::string, std::deque<std::string>> answers_;
    std::optional<TlsContext> tls_;
    bool tls_broken_ = false, tls_at_once_ = false;
    std::vector<std::string> pins_;
    std::size_t connections_ = 0, most_open_ = 0, secured_ = 0;
    std::vector<std::string> lines_, mails_;
};

}   // namespace mmgate::tests
