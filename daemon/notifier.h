// Tells phones: M-Notification.ind until an MM is fetched or expires, and finished PDUs (M-Delivery.ind) once.
//
// The lane "mm1". What is sent is made from the record alone, so that a repeated notification is the same to the octet.
// Source: OMA-MMS-CTR-V1_3 §8.2, OMA-TS-MMS_ENC-V1_3 §6.2.
#pragma once

#include <memory>

#include "daemon/config.h"
#include "daemon/crypto.h"
#include "daemon/dispatcher.h"
#include "daemon/metrics.h"
#include "daemon/outcome.h"
#include "daemon/push/bearer.h"
#include "daemon/settler.h"

namespace mmgate {

/// The version of MMS to speak to this recipient's phone: what it last spoke, or 1.0; 1.3 where the message has fields that need it.
/// Source: OMA-MMS-CTR-V1_3 §9 (version management).
std::uint8_t version_towards(const Message& message, const Recipient& recipient);

/// The notification of one recipient. `url` is mm1.url without a final slash.
Octets notification_of(const Message& message, std::uint16_t index, std::string_view url, Instant now);

/// What a push's verdict makes of a recipient that was to be notified.
Settle after_notification(const Message& message, std::uint16_t index, const push::Pushed& pushed, Instant now, const Config& config, Random& random);

class Notifier final : public Carrier {
public:
    /// `url`: where phones fetch from, without a final slash.
    Notifier(Loop& loop, Store& store, Workers& workers, Settler& settler, Random& random, Log& log, Metrics& metrics);
    void configure(std::shared_ptr<const Config> config, std::string url, std::shared_ptr<push::Bearer> bearer);

    bool carries(std::string_view lane) const override { return lane == "mm1"; }
    std::size_t free_slots(std::string_view lane) const override;
    void carry(std::string_view lane, Claimed claimed, std::function<void()> done) override;

private:
    // One claimed message under way: its recipients settle one by one, the lease of the message ends with the last.
    struct Carried {
        Claimed claimed;
        std::function<void()> done;
        std::size_t open = 0;
    };
    void notify(const std::shared_ptr<Carried>& carried, std::uint16_t index);
    void push_finished_pdu(const std::shared_ptr<Carried>& carried, Result<Octets> pdu);
    void note(const push::Pushed& pushed);
    void settled(const std::shared_ptr<Carried>& carried, Settle settle);

    Loop& loop_;
    Store& store_;
    Workers& workers_;
    Settler& settler_;
    Random& random_;
    Log& log_;
    Metrics& metrics_;
    // Shared with pushes that are under way when a reload replaces them.
    std::shared_ptr<const Config> config_;
    std::shared_ptr<push::Bearer> bearer_;
    std::string url_;
    std::size_t pushing_ = 0;
};

}   // namespace mmgate
