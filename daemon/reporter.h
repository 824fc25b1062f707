// Tells originators: delivery status notifications to mail, M-Delivery.ind or a short service MM to phones, MM4 delivery reports to peers.
//
// The lane "report". A report is a new message that enters the queue in the transaction that notes that it was made; nothing that is
// itself automatic is ever reported on.
// Source: RFC 3461 §5, RFC 3464, RFC 3834 §2, RFC 4356 §2.1.4, OMA-MMS-CTR-V1_3 §8.4.
#pragma once

#include <memory>

#include "daemon/config.h"
#include "daemon/crypto.h"
#include "daemon/dispatcher.h"
#include "daemon/metrics.h"
#include "daemon/names.h"
#include "daemon/outcome.h"
#include "daemon/report_message.h"
#include "daemon/router.h"
#include "daemon/settler.h"

namespace mmgate {

/// The reports about all recipients of `message` that wait for one, and the note that they were made. A report that cannot be made (its
/// originator has no route) is left out, and an event says so.
Reported reports_on(const Message& message, const Octets& original_header, const ReportContext& context);

class Reporter final : public Carrier {
public:
    Reporter(Loop& loop, Store& store, Workers& workers, Settler& settler, const Names& names, Random& random, Log& log, Metrics& metrics);
    void configure(std::shared_ptr<const Config> config, std::shared_ptr<const Router> router);

    bool carries(std::string_view lane) const override { return lane == kReportLane; }
    std::size_t free_slots(std::string_view lane) const override;
    void carry(std::string_view lane, Claimed claimed, std::function<void()> done) override;

private:
    Loop& loop_;
    Store& store_;
    Workers& workers_;
    Settler& settler_;
    const Names& names_;
    Random& random_;
    Log& log_;
    Metrics& metrics_;
    // Shared with reports under way on workers when a reload replaces them.
    std::shared_ptr<const Config> config_;
    std::shared_ptr<const Router> router_;
    std::size_t reporting_ = 0;
};

/// Forgets what has ended long ago. The lane "purge".
class Janitor final : public Carrier {
public:
    Janitor(Loop& loop, Settler& settler, Log& log);
    bool carries(std::string_view lane) const override { return lane == kPurgeLane; }
    std::size_t free_slots(std::string_view lane) const override;
    void carry(std::string_view lane, Claimed claimed, std::function<void()> done) override;

private:
    void forget_submissions();

    Loop& loop_;
    Settler& settler_;
    Log& log_;
    std::size_t purging_ = 0;
    Timer next_;
};

}   // namespace mmgate
