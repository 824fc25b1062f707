// Mail out: claimed messages become RFC 5322 mails and go to their next hop; what it answers is settled per recipient.
//
// The lanes "mail:…". All recipients of a message in one lane share one transaction.
#pragma once

#include <memory>

#include "daemon/config.h"
#include "daemon/crypto.h"
#include "daemon/dispatcher.h"
#include "daemon/metrics.h"
#include "daemon/names.h"
#include "daemon/outcome.h"
#include "daemon/settler.h"
#include "daemon/smtp/client.h"

namespace mmgate {

/// A recipient whose mail waits in the lane of another next hop than the configuration now names: it goes over to that one's, due at once.
Settle to_next_hop_now(const Message& message, std::uint16_t index, Instant now, const Config& config);

/// What a next hop's verdict makes of a recipient.
/// Source: RFC 5321 §4.5.4.1 (retries), RFC 3461 §5 (relayed where a report is promised).
Settle after_delivery(const Message& message, std::uint16_t index, const smtp::Delivered& delivered, Instant now, const Config& config, Random& random);

class MailCarrier final : public Carrier {
public:
    MailCarrier(Loop& loop, Store& store, Workers& workers, Settler& settler, smtp::Client& client, const Names& names, Random& random, Log& log, Metrics& metrics);
    void configure(std::shared_ptr<const Config> config) { config_ = std::move(config); }

    bool carries(std::string_view lane) const override { return lane.starts_with("mail:"); }
    std::size_t free_slots(std::string_view lane) const override;
    Instant next_slot(std::string_view lane, Instant now) const override;
    void try_now() override { client_.try_now(); }
    void carry(std::string_view lane, Claimed claimed, std::function<void()> done) override;

private:
    struct Carried {
        std::string lane;
        Claimed claimed;
        std::function<void()> done;
    };
    void send(const std::shared_ptr<Carried>& carried, Result<Octets> mail);
    void settle(const std::shared_ptr<Carried>& carried, std::vector<Settle> settles);
    void end_all(const std::shared_ptr<Carried>& carried, RecipientState state, const Error& error);

    Loop& loop_;
    Store& store_;
    Workers& workers_;
    Settler& settler_;
    smtp::Client& client_;
    const Names& names_;
    Random& random_;
    Log& log_;
    Metrics& metrics_;
    std::shared_ptr<const Config> config_;   // shared with mappings under way when a reload replaces it
};

}   // namespace mmgate
