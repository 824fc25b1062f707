// Mail from peers that is MM4: what each of the six messages does to the queue, and the answer after the dot.
//
// Everything that comes in over SMTP passes here. From anyone who is no peer, X-Mms-* fields mean nothing and are taken out, and the mail is mail.
// A peer's request, its response, and whatever it reports are committed before their 250; a request is refused in the dialogue where no
// response was asked for, and by its response otherwise. What is late, unknown or another peer's changes nothing and is logged.
// Source: 3GPP TS 23.140 §8.4; the sheet's §6.4 (order), §6.6 (what is no MM4), §7.2 (repetitions).
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "daemon/admission.h"
#include "daemon/config.h"
#include "daemon/crypto.h"
#include "daemon/log.h"
#include "daemon/loop/loop.h"
#include "daemon/loop/workers.h"
#include "daemon/mail_intake.h"
#include "daemon/metrics.h"
#include "daemon/mm4/carrier.h"
#include "daemon/mm4/replies.h"
#include "daemon/names.h"
#include "daemon/received_envelope.h"
#include "daemon/router.h"
#include "mapping/mm4/codec.h"
#include "store/committer.h"

namespace mmgate::mm4 {

class Intake {
public:
    struct Parts {
        Loop& loop;
        Store& store;
        Committer& committer;
        Workers& workers;
        const Names& names;
        Random& random;
        Log& log;
        Metrics& metrics;
        MailIntake& mail;   // for what is no MM4
        Carrier& carrier;
        const Admission& admission;
    };
    explicit Intake(Parts parts) : parts_(parts) {}
    void configure(std::shared_ptr<const Config> config, std::shared_ptr<const Router> router);

    /// Takes a mail as MailIntake::accept does.
    void accept(ReceivedEnvelope envelope, Octets mail, std::function<void(Accepted)> done);
    /// Called after each commit that brought work: the dispatcher's kick.
    void on_queued(std::function<void()> kick) { kick_ = std::move(kick); }

private:
    struct Taken;
    struct Read;
    using Shared = std::shared_ptr<Taken>;   // shared by the stages of one mail's way

    void decoded(const Shared& taken, Read read);
    void refuse(const Shared& taken, const Error& error);
    void answer_refused(const Shared& taken, const Error& error);

    void on_request(const Shared& taken, ForwardReq request, Octets content);
    void receive_request(const Shared& taken, ForwardReq request, Octets content, std::vector<std::size_t> seen);
    void repeat_answer(const Shared& taken, const Ids& ids, const Message& record);

    void on_response(const Shared& taken, Response response);
    void settle_request(const Shared& taken, const Response& response, std::uint16_t number, std::optional<Message> message);
    void settle_own_report(const Shared& taken, const Response& response, std::optional<Message> message);

    void on_report(const Shared& taken, DeliveryReportReq report);
    void settle_report(const Shared& taken, const DeliveryReportReq& report, std::optional<Message> message);
    void on_read_report(const Shared& taken, ReadReplyReportReq report);
    void settle_read_report(const Shared& taken, const ReadReplyReportReq& report, std::optional<Message> message);

    /// Finds what a peer was sent under this Message-ID, when nothing of it is under way any more.
    void find_forwarded(const Shared& taken, const std::string& message_id, std::function<void(std::optional<Message>)> then);
    void find_settled(QueueId id, std::function<void(std::optional<Message>)> then);
    /// Adds the response to a request that asked for one.
    void respond(const Shared& taken, std::vector<Operation>& operations, const Ids& ids, std::string_view status, std::string_view text = {});
    void alien(const Shared& taken, std::string_view why);
    void commit(const Shared& taken, std::vector<Operation> operations, std::string text);
    void commit_report(const Shared& taken, std::vector<Operation> operations, std::function<void()> again);
    ReplyContext context(const Shared& taken) const;

    Parts parts_;
    std::function<void()> kick_ = [] {};
    std::shared_ptr<const Config> config_;
    std::shared_ptr<const Router> router_;
};

}   // namespace mmgate::mm4
