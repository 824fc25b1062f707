// MM1's transactions: submissions enter the queue, retrievals leave it, confirmations end what they are about.
//
// What is decided is in session, submission, retrieval and confirmation, which are pure; here it is carried out: on workers what is large or reads
// the store, on the committer what changes it. M-Send.conf *Ok* leaves from the commit's callback and from nowhere else, and a confirmation's 200
// when it is durable.
// Source: OMA-MMS-CTR-V1_3 §8.
#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "daemon/admission.h"
#include "daemon/config.h"
#include "daemon/crypto.h"
#include "daemon/http/server.h"
#include "daemon/log.h"
#include "daemon/loop/loop.h"
#include "daemon/loop/workers.h"
#include "daemon/metrics.h"
#include "daemon/mm1/contents.h"
#include "daemon/mm1/reads.h"
#include "daemon/mm1/retrieval.h"
#include "daemon/mm1/session.h"
#include "daemon/mm1/submission.h"
#include "daemon/names.h"
#include "daemon/router.h"
#include "daemon/settler.h"
#include "store/committer.h"
#include "store/store.h"

namespace mmgate::mm1 {

class Service final : public http::Handler {
public:
    /// A PDU larger than this is decoded on a worker.
    static constexpr std::size_t kLargePduBytes = 64 * 1024;
    /// "Not found" leaves this long after its request came, whatever it took to find out: the time tells nobody which of the reasons it was.
    static constexpr std::chrono::milliseconds kNotFoundAfter{5};

    struct Parts {
        Loop& loop;
        Store& store;
        Committer& committer;
        Workers& workers;
        Settler& settler;
        const Names& names;
        Random& random;
        Log& log;
        Metrics& metrics;
        const Admission& admission;
    };
    /// `enqueued` is called when new work has come into the queue. All parts must outlive the service.
    Service(Parts parts, std::function<void()> enqueued);
    void configure(std::shared_ptr<const Config> config, std::shared_ptr<const Router> router);

    void handle(http::Request request, const std::string& peer, http::Respond respond) override;
    /// Takes an M-Send.req that an operator brings, as from the phone of this number. `done` gets the id in the queue, after the commit, or what is wrong;
    /// perhaps from inside.
    using Imported = std::function<void(Result<QueueId>)>;
    void import(Octets pdu, const std::string& number, Imported done);
    void on_refused(const std::string& peer, int status, const std::string& rule) override;

private:
    // What one submission needs until it is answered.
    struct Submitting {
        Peek peek;
        Address sender;
        std::string peer;
        http::Respond respond;
        Imported imported{};   // who is told instead of a phone
    };
    struct Late {
        Instant at{};
        http::Respond respond;
    };

    void post(http::Request request, Peek peek, const std::string& peer, http::Respond respond);
    void submit(Octets pdu, Submitting submitting, const std::optional<std::string>& identity);
    void accept(Submitting submitting, Result<ReadSubmission> read);
    void refuse_submission(const Submitting& submitting, const Error& error);
    void confirm(const Octets& body, const Peek& peek, const std::string& peer, const std::optional<std::string>& identity, http::Respond respond);
    void confirmed(const NotifyResp& resp, const RecipientRef& ref, const std::optional<Message>& message, std::span<const Event> before, const Asker& asker, http::Respond respond);
    void take_read_report(const Octets& body, const Peek& peek, const std::string& peer, const std::optional<std::string>& identity, http::Respond respond);
    void was_read(const ReadRecInd& ind, const std::optional<Message>& message, const Asker& asker, http::Respond respond);
    void retrieve(const std::string& locator, const std::string& peer, const std::optional<std::string>& identity, http::Respond respond);
    void give(const Message& message, std::uint16_t index, Octets head, std::shared_ptr<const Octets> content, http::Respond respond);
    void lose(const Message& message, std::uint16_t index, const Error& error);
    void do_not_give(NotGiven why, Instant asked, const std::string& peer, http::Respond respond);
    void answer_late();
    Asker asker_of(const std::optional<std::string>& identity) const;

    Parts parts_;
    std::function<void()> enqueued_;
    // Shared with work under way on workers when a reload replaces them.
    std::shared_ptr<const Config> config_;
    std::shared_ptr<const Router> router_;
    std::unique_ptr<const Identities> identities_;
    Reads reads_;
    Contents contents_;
    std::deque<Late> late_;   // in the order of their times
    Timer late_timer_;
};

}   // namespace mmgate::mm1
