// What happens with a complete mail: mapping, routing, one commit, and the answer after the dot.
//
// A mail to phones becomes one MM in the queue, whoever its recipients are; a mail to postmaster goes on as it is. What comes from <> to a number is never an
// MM: a delivery status notification about a mail of ours ends that recipient's delivery, anything else is refused.
// Source: RFC 5321 §6.1 (responsibility), RFC 4356 §2.1.3.3 and §2.1.4.2.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "daemon/admission.h"
#include "daemon/config.h"
#include "daemon/crypto.h"
#include "daemon/log.h"
#include "daemon/loop/loop.h"
#include "daemon/loop/workers.h"
#include "daemon/metrics.h"
#include "daemon/names.h"
#include "daemon/outcome.h"
#include "daemon/received_envelope.h"
#include "daemon/router.h"
#include "mapping/mail/disposition.h"
#include "mapping/mail/mail_to_mm.h"
#include "store/committer.h"

namespace mmgate {

class MailIntake {
public:
    MailIntake(Loop& loop, Store& store, Committer& committer, Workers& workers, const Names& names, Random& random, Log& log, Metrics& metrics,
               const Admission& admission);
    void configure(std::shared_ptr<const Config> config, std::shared_ptr<const Router> router);

    /// Takes a mail (dots undone, CRLF line ends, ending in CRLF unless empty). `done` runs on the loop, once, after the commit or with the fault; never from
    /// inside when the mail is queued.
    void accept(ReceivedEnvelope envelope, Octets mail, std::function<void(Accepted)> done);
    /// Called after each commit that brought work: the dispatcher's kick.
    void on_queued(std::function<void()> kick) { kick_ = std::move(kick); }

private:
    struct Taken;
    struct Mapped;
    using Shared = std::shared_ptr<Taken>;   // shared by the stages of one mail's way, which run on the loop and on workers
    void accept_report(const Shared& taken);
    void report_read(const Shared& taken, Result<std::optional<ReceivedDsn>> dsn);
    void settle_by_report(const Shared& taken, ReceivedDsn dsn, std::optional<Message> message);
    void find_read(const Shared& taken, mail::ReceivedDisposition disposition);
    void settle_read(const Shared& taken, const mail::ReceivedDisposition& disposition, std::optional<Message> message);
    void accept_message(const Shared& taken);
    void mapped(const Shared& taken, Mapped mapped);
    void submit(const Shared& taken, std::vector<Operation> operations, std::string text);
    void refuse(const Shared& taken, const Error& error);

    Loop& loop_;
    Store& store_;
    Committer& committer_;
    Workers& workers_;
    const Names& names_;
    Random& random_;
    Log& log_;
    Metrics& metrics_;
    const Admission& admission_;
    // Shared with mails under way when a reload replaces them.
    std::shared_ptr<const Config> config_;
    std::shared_ptr<const Router> router_;
    std::function<void()> kick_ = [] {};
};

}   // namespace mmgate
