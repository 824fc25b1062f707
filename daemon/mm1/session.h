// What an HTTP request on MM1 asks, who asks, and which answer each problem gets. No sockets, no store.
//
// A phone is whom a trusted proxy's header names or who sits at a configured address; never whom its PDU names.
// Every problem that can be told in a PDU is: several phones show "sent", or retry for ever, on an HTTP error without one.
// Source: OMA-MMS-CTR-V1_3 §7 (HTTP), §8 (transactions), §9 (versions); OMA-TS-MMS_ENC-V1_3 §7.3.48, §7.3.50 (statuses).
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <variant>
#include <vector>

#include "daemon/config.h"
#include "daemon/http/message.h"
#include "mapping/mm1/codec.h"
#include "mapping/result.h"

namespace mmgate::mm1 {

inline constexpr std::string_view kMmsMessage = "application/vnd.wap.mms-message";

// ------------------------------------------------------------------------------------------------------------------------------ who asks

/// The identity rules of one configuration.
class Identities {
public:
    explicit Identities(const Config& config);

    /// The number of the one who sent `request` from the address `peer`, as the proxy or the table writes it; nothing when nobody who is trusted
    /// says it, or says it in two ways. The first configured header that is there decides, and a header from a trusted address wins over the table.
    std::optional<std::string> identify(const http::Request& request, std::string_view peer) const;

private:
    std::vector<std::string> headers_;   // lower case
    std::vector<Network> trusted_;
    std::unordered_map<std::string, std::string> clients_;   // by address
};

/// The number in one header value: "+447700900123", "447700900123", "tel:+447700900123". Nothing for a list, an empty value, or anything else.
std::optional<std::string> number_in_header(std::string_view value);

// ------------------------------------------------------------------------------------------------------------------------------ what it asks

/// GET of a retrieval URL.
struct Retrieve {
    std::string locator;   // the path's last segment, unchecked
};
/// POST of a PDU, to whichever path.
struct Post {
    Peek peek;   // of the body; tells a type or a transaction id at least
};
/// Nothing that MM1 has: the answer.
struct NotMm1 {
    http::Response response;
    std::string rule;
};
using Ask = std::variant<Retrieve, Post, NotMm1>;
Ask ask_of(const http::Request& request);

// ------------------------------------------------------------------------------------------------------------------------ what it is answered

/// What becomes of a PDU of each type in a POST.
enum class Treatment : std::uint8_t {
    submission,     // M-Send.req
    confirmation,   // M-NotifyResp.ind, M-Acknowledge.ind
    read_report,    // M-Read-Rec.ind
    noted,          // taken with an empty 200; nothing here changes by it
    denied,         // a service that this relay does not offer: its .conf says so
    unsupported,    // nothing a client sends: M-Send.conf, Error-unsupported-message
};
struct TreatmentRow {
    PduType type;
    Treatment treatment;
    PduType conf;   // of submission, denied and unsupported
};

// clang-format off
// Source: OMA-MMS-CTR-V1_3 §8 (which PDU answers which), §9.4 (unknown types).
inline constexpr auto kTreatments = std::to_array<TreatmentRow>({
    {PduType::m_send_req,         Treatment::submission,   PduType::m_send_conf},
    {PduType::m_send_conf,        Treatment::unsupported,  PduType::m_send_conf},
    {PduType::m_notification_ind, Treatment::unsupported,  PduType::m_send_conf},
    {PduType::m_notifyresp_ind,   Treatment::confirmation, {}},
    {PduType::m_retrieve_conf,    Treatment::unsupported,  PduType::m_send_conf},
    {PduType::m_acknowledge_ind,  Treatment::confirmation, {}},
    {PduType::m_delivery_ind,     Treatment::unsupported,  PduType::m_send_conf},
    {PduType::m_read_rec_ind,     Treatment::read_report,  {}},
    {PduType::m_read_orig_ind,    Treatment::unsupported,  PduType::m_send_conf},
    {PduType::m_forward_req,      Treatment::denied,       PduType::m_forward_conf},
    {PduType::m_forward_conf,     Treatment::unsupported,  PduType::m_send_conf},
    {PduType::m_mbox_store_req,   Treatment::denied,       PduType::m_mbox_store_conf},
    {PduType::m_mbox_store_conf,  Treatment::unsupported,  PduType::m_send_conf},
    {PduType::m_mbox_view_req,    Treatment::denied,       PduType::m_mbox_view_conf},
    {PduType::m_mbox_view_conf,   Treatment::unsupported,  PduType::m_send_conf},
    {PduType::m_mbox_upload_req,  Treatment::denied,       PduType::m_mbox_upload_conf},
    {PduType::m_mbox_upload_conf, Treatment::unsupported,  PduType::m_send_conf},
    {PduType::m_mbox_delete_req,  Treatment::denied,       PduType::m_mbox_delete_conf},
    {PduType::m_mbox_delete_conf, Treatment::unsupported,  PduType::m_send_conf},
    {PduType::m_mbox_descr,       Treatment::unsupported,  PduType::m_send_conf},
    {PduType::m_delete_req,       Treatment::denied,       PduType::m_delete_conf},
    {PduType::m_delete_conf,      Treatment::unsupported,  PduType::m_send_conf},
    {PduType::m_cancel_req,       Treatment::unsupported,  PduType::m_send_conf},
    {PduType::m_cancel_conf,      Treatment::noted,        {}},
});
// clang-format on

constexpr bool treatments_are_in_order() {
    for (std::size_t i = 0; i < kTreatments.size(); ++i)
        if (static_cast<std::size_t>(kTreatments[i].type) != 0x80 + i) return false;
    return true;
}
static_assert(treatments_are_in_order());

/// Whether the PDU speaks another major version of MMS than 1.
bool is_other_major(const Peek& peek);

/// The row of a POST's type; `unsupported` for a reserved octet.
const TreatmentRow& treatment_of(const Peek& peek);

/// The .conf that refuses a request, in the version it was made in: M-Send.conf with the fault's Response-Status; for services that are not offered,
/// their own .conf with service-denied. Source: OMA-TS-MMS_ENC-V1_3 §7.3.48, §7.3.59 (Store-Status).
http::Response refuse(const Peek& peek, PduType conf, Fault fault, std::string_view text);
/// By what is wrong with a PDU that cannot be read: its .conf where it has one and the transaction id is known, else 400.
http::Response refuse_unreadable(const Peek& peek, const Error& error);
/// A body over the limit: content-not-accepted where the PDU's beginning can be answered, else 413.
http::Response refuse_oversized(const Peek& peek);

/// Why an MM is not given.
enum class NotGiven : std::uint8_t {
    not_found,   // unknown, foreign, used up, expired: nobody learns which
    held,        // by the operator: later
    failed,      // the store does not answer: later
    lost,        // the store no longer has what it was given: never
};
struct NotGivenRow {
    NotGiven why;
    int http_status;
    std::uint8_t retrieve_status;
    std::string_view text;
};
// Some phones delete a notification only on 404, others read the PDU.
// Source: OMA-TS-MMS_ENC-V1_3 §7.3.50 (X-Mms-Retrieve-Status).
inline constexpr auto kNotGiven = std::to_array<NotGivenRow>({
    {NotGiven::not_found, 404, 0xE2, "This message does not exist any more."},
    {NotGiven::held, 200, 0xC1, "This message is not available at the moment."},
    {NotGiven::failed, 200, 0xC0, "The message service has a problem. Please try again later."},
    {NotGiven::lost, 200, 0xE0, "The message was lost. Its sender is told."},
});
http::Response not_given(NotGiven why, Instant now);

/// 200 with a PDU, 200 with nothing.
http::Response with_pdu(Octets pdu);
http::Response with_nothing();

}   // namespace mmgate::mm1
