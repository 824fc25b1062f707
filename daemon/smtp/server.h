// The SMTP server: connections, their limits and deadlines, and the mails handed on.
//
// The dialogue is smtp/session (no sockets); this is the pump. Replies of one turn leave together, and a mail is answered when its taker says so.
// Deadlines are for what is to be achieved, not for octets, so that an octet now and then keeps nothing alive.
// Source: RFC 5321 §4.5.3.2 (timeouts), RFC 3207 (STARTTLS), RFC 2920 (pipelining).
#pragma once

#include <functional>
#include <list>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "daemon/admission.h"
#include "daemon/config.h"
#include "daemon/log.h"
#include "daemon/loop/loop.h"
#include "daemon/loop/stream.h"
#include "daemon/loop/tls.h"
#include "daemon/memory_budget.h"
#include "daemon/metrics.h"
#include "daemon/mm4/identity.h"
#include "daemon/received_envelope.h"
#include "daemon/router.h"
#include "daemon/smtp/session.h"
#include "daemon/token_bucket.h"
#include "daemon/watch/association.h"
#include "store/store.h"

namespace mmgate::smtp {

class Server final : private SessionPolicy {
public:
    /// Takes a complete mail and answers once, on the loop's thread, now or later. The connection may be gone by then.
    using Taker = std::function<void(ReceivedEnvelope, Octets, std::function<void(Accepted)>)>;

    /// From the first octet of a mail on: what arrives more slowly, after the first minute, is ended.
    static constexpr std::uint64_t kSlowestBytesPerSecond = 1024;
    static constexpr Seconds kRateHoldsAfter{60};
    static constexpr Seconds kHandshake{60};

    /// All must outlive the server, `memory` also every answer of the taker.
    Server(Loop& loop, const Store& store, MemoryBudget& memory, Taker taker, const Admission& admission, Log& log, Metrics& metrics);
    ~Server() override;
    Server(const Server&) = delete;
    Server& operator=(const Server&) = delete;

    /// Takes the configuration for sessions that begin from now on, reads the certificate anew, listens where it says and no longer elsewhere; a
    /// listener that stays is not touched. Without a usable certificate STARTTLS is answered 454, and the log says why.
    /// Fails: internal when an endpoint cannot be listened on; nothing has changed then.
    Result<void> configure(std::shared_ptr<const Config> config, std::shared_ptr<const Router> router);
    /// With the ports they really got, in the order configured.
    std::vector<Endpoint> endpoints() const;

    /// No new connections; 421 to those that are there, to one with a mail under way after its answer.
    void drain();
    std::size_t connections() const { return connections_.size(); }
    Associations associations() const;

private:
    class Connection;
    using Connections = std::list<std::shared_ptr<Connection>>;   // shared, weakly, with the answers that are awaited
    struct Door {
        Endpoint wanted;
        std::unique_ptr<Listener> listener;
    };

    Result<Route> route(const Address& mailbox, const Whence& whence) const override { return router_->of_mail_recipient(mailbox, whence); }
    Result<void> admits(std::uint64_t size_bytes) const override;
    Result<void> takes_new() const override { return admission_.takes_new(); }
    mm4::Standing standing_of(const mm4::SessionFacts& facts) const override { return identity_->standing_of(facts); }
    bool accepts(const mm4::SessionFacts& facts, std::string_view user, std::string_view password) const override { return identity_->accepts(facts, user, password); }
    bool takes_message_of(const std::vector<std::string>& peers) override;

    Result<void> listen(const std::vector<Endpoint>& wanted);
    TlsOffer load_certificate(const Config& config);
    void load_authorities();
    std::optional<CertificateFacts> certificate_of(const Stream& stream) const;
    bool has_room_for(const std::vector<std::string>& peers) const;
    void accept(int fd, std::string peer);
    void turn_away(int fd, const std::string& peer, ReplyId why);
    void forget(Connection& connection);
    void look_at_clock();
    void look_later();

    Loop& loop_;
    const Store& store_;
    MemoryBudget& memory_;
    Taker taker_;
    const Admission& admission_;
    Log& log_;
    Metrics& metrics_;
    std::shared_ptr<const Config> config_;   // shared with the rest of the gateway until the next reload
    std::shared_ptr<const Router> router_;
    std::shared_ptr<const SessionRules> rules_;   // shared with the sessions that began under them
    std::shared_ptr<const mm4::Identity> identity_;
    std::vector<TlsAuthorities> authorities_;   // of peers' certificates
    std::optional<TlsContext> tls_;
    std::vector<Door> doors_;
    Connections connections_;
    std::uint64_t next_number_ = 1;
    std::unordered_map<std::string, std::size_t> per_client_, per_peer_;
    std::unordered_map<std::string, TokenBucket> rates_;   // of messages, by peer
    Timer clock_;
    bool draining_ = false;
};

}   // namespace mmgate::smtp
