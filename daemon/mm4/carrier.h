// Messages, responses and reports out to peers: the lanes "mm4:PRIORITY:NAME".
//
// Each claimed message becomes one request for its recipients at the peer, one mail, one SMTP transaction; what the host answers is settled, and the rest of
// the exchange (exchange.h) comes in by intake. What is under way is known here, so that a response that is faster than our own commit finds its request.
// Source: 3GPP TS 23.140 §8.4.1; the sheet of the peer (peer_keys.h).
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "daemon/config.h"
#include "daemon/crypto.h"
#include "daemon/dispatcher.h"
#include "daemon/log.h"
#include "daemon/loop/loop.h"
#include "daemon/loop/workers.h"
#include "daemon/metrics.h"
#include "daemon/mm4/exchange.h"
#include "daemon/mm4/peer_line.h"
#include "daemon/names.h"
#include "daemon/router.h"
#include "daemon/settler.h"
#include "daemon/smtp/client.h"
#include "store/store.h"

namespace mmgate::mm4 {

class Carrier final : public mmgate::Carrier {
public:
    struct Parts {
        Loop& loop;
        Store& store;
        Workers& workers;
        Settler& settler;
        smtp::Client& client;
        const Names& names;
        Random& random;
        Log& log;
        Metrics& metrics;
    };
    /// `kick`: slots have come free, look for work. All parts must outlive the carrier.
    Carrier(Parts parts, std::function<void()> kick);
    void configure(std::shared_ptr<const Config> config, std::shared_ptr<const Router> router);

    bool carries(std::string_view lane) const override;
    std::size_t free_slots(std::string_view lane) const override;
    std::string_view pool(std::string_view lane) const override { return peer_of_lane(lane); }
    int rank(std::string_view lane) const override;
    Instant next_slot(std::string_view lane, Instant now) const override;
    void try_now() override;
    void carry(std::string_view lane, Claimed claimed, std::function<void()> done) override;

    /// Runs `then` once nothing of this message is on its way to a peer: at once, or when its outcome is durable.
    void when_settled(QueueId id, std::function<void()> then);

    /// Whether the operator holds what goes to a peer. In memory; the store's SetGate keeps it.
    void set_gate(const std::string& peer, Gate gate);
    bool is_held(std::string_view peer) const { return held_.contains(peer); }
    /// The state of a peer's line, for people; nullptr while nothing has been sent to it.
    const PeerLine* line(std::string_view peer) const;

private:
    struct Batch;
    using Shared = std::shared_ptr<Batch>;   // shared by the stages of one claim's way
    struct Request {
        std::uint16_t number = 0;
        std::vector<std::uint16_t> recipients;   // indexes
    };

    static std::vector<Request> requests_of(const Claimed& claimed, std::size_t most_recipients);
    struct Written {
        Octets mail;
        Sent sent;
        std::string envelope_id;
        std::optional<MessageType> type;
    };
    /// What a worker is writing, or has.
    struct Draft {
        Shared batch;
        Request request;
        std::optional<Result<Written>> written;
    };
    void forward(const Shared& batch, const Peer& peer, Request request);
    void send_finished(const Shared& batch, Request request);
    void write(const Shared& batch, Request request, std::function<Result<Written>()> writing);
    void send(const Shared& batch, const Request& request, Result<Written> written);
    void delivered(const Shared& batch, const Request& request, const Sent& sent, std::optional<MessageType> type, const std::vector<smtp::Delivered>& verdicts);
    void count(std::optional<MessageType> type, const Recipient& recipient);
    void end_all(const Shared& batch, const std::vector<std::uint16_t>& recipients, RecipientState state, const Error& error);
    void wake(std::string_view peer);
    void wait_for_peer(const Shared& batch);
    void keep_held(std::string_view lane, const Shared& batch);
    void settle(const Shared& batch, std::vector<Settle> settles);
    void end(const Shared& batch);

    Parts parts_;
    std::function<void()> kick_;
    std::shared_ptr<const Config> config_;   // shared with mappings under way when a reload replaces them
    std::shared_ptr<const Router> router_;
    std::map<std::string, PeerLine, std::less<>> lines_;
    std::map<std::string, std::deque<std::shared_ptr<Draft>>> drafts_;   // of each peer, in the order in which they leave; shared with who writes them
    std::set<std::string, std::less<>> held_;
    std::map<std::string, Instant, std::less<>> held_looks_;   // lanes of what is held: when they are looked at for what is over
    std::multimap<QueueId, std::function<void()>> waiting_;    // for what is under way
    std::map<QueueId, std::size_t> under_way_;
};

}   // namespace mmgate::mm4
