// The PDU types: name, body, and the fields that each must have.
//
// Source: OMA-TS-MMS_ENC-V1_3 §6 (tables of each PDU), §7.3.30 (X-Mms-Message-Type).
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string_view>

#include "mapping/mm1/codec.h"
#include "mapping/mm1/fields.h"

namespace mmgate::mm1 {

enum class Body : std::uint8_t { none,
                                 mandatory,
                                 optional };

struct PduSpec {
    PduType type;
    std::string_view name;        // in prose: "M-Send.req"
    std::string_view json_name;   // "m-send-req"
    Body body;
    bool counted;   // Content-Location, Response-Status and Response-Text in their counted forms
    bool mbox;      // fields marked Repeats::in_mbox repeat
    std::uint8_t since;
    std::array<std::uint8_t, 7> mandatory;   // field numbers beside X-Mms-Message-Type; 0 fills
};

// Type, TID and Version come first in every PDU that has them. To, Cc and Bcc of a submission are answered, not refused, when they are missing.
// clang-format off
inline constexpr auto kPdus = std::to_array<PduSpec>({
    {PduType::m_send_req,         "M-Send.req",         "m-send-req",         Body::mandatory, false, false, 0x90, {field::transaction_id, field::mms_version, field::from, field::content_type}},
    {PduType::m_send_conf,        "M-Send.conf",        "m-send-conf",        Body::none,      false, false, 0x90, {field::transaction_id, field::mms_version, field::response_status}},
    {PduType::m_notification_ind, "M-Notification.ind", "m-notification-ind", Body::none,      false, false, 0x90, {field::transaction_id, field::mms_version, field::message_class, field::message_size, field::expiry, field::content_location}},
    {PduType::m_notifyresp_ind,   "M-NotifyResp.ind",   "m-notifyresp-ind",   Body::none,      false, false, 0x90, {field::transaction_id, field::mms_version, field::status}},
    {PduType::m_retrieve_conf,    "M-Retrieve.conf",    "m-retrieve-conf",    Body::mandatory, false, false, 0x90, {field::mms_version, field::date, field::content_type}},
    {PduType::m_acknowledge_ind,  "M-Acknowledge.ind",  "m-acknowledge-ind",  Body::none,      false, false, 0x90, {field::transaction_id, field::mms_version}},
    {PduType::m_delivery_ind,     "M-Delivery.ind",     "m-delivery-ind",     Body::none,      false, false, 0x90, {field::mms_version, field::message_id, field::to, field::date, field::status}},
    {PduType::m_read_rec_ind,     "M-Read-Rec.ind",     "m-read-rec-ind",     Body::none,      false, false, 0x91, {field::mms_version, field::message_id, field::to, field::from, field::read_status}},
    {PduType::m_read_orig_ind,    "M-Read-Orig.ind",    "m-read-orig-ind",    Body::none,      false, false, 0x91, {field::mms_version, field::message_id, field::to, field::from, field::date, field::read_status}},
    {PduType::m_forward_req,      "M-Forward.req",      "m-forward-req",      Body::none,      false, false, 0x91, {field::transaction_id, field::mms_version, field::from, field::content_location}},
    {PduType::m_forward_conf,     "M-Forward.conf",     "m-forward-conf",     Body::none,      false, false, 0x91, {field::transaction_id, field::mms_version, field::response_status}},
    {PduType::m_mbox_store_req,   "M-Mbox-Store.req",   "m-mbox-store-req",   Body::none,      false, true,  0x92, {field::transaction_id, field::mms_version, field::content_location}},
    {PduType::m_mbox_store_conf,  "M-Mbox-Store.conf",  "m-mbox-store-conf",  Body::none,      false, true,  0x92, {field::transaction_id, field::mms_version, field::store_status}},
    {PduType::m_mbox_view_req,    "M-Mbox-View.req",    "m-mbox-view-req",    Body::none,      false, true,  0x92, {field::transaction_id, field::mms_version}},
    {PduType::m_mbox_view_conf,   "M-Mbox-View.conf",   "m-mbox-view-conf",   Body::mandatory, false, true,  0x92, {field::transaction_id, field::mms_version, field::response_status, field::content_type}},
    {PduType::m_mbox_upload_req,  "M-Mbox-Upload.req",  "m-mbox-upload-req",  Body::mandatory, false, true,  0x92, {field::transaction_id, field::mms_version, field::content_type}},
    {PduType::m_mbox_upload_conf, "M-Mbox-Upload.conf", "m-mbox-upload-conf", Body::none,      false, true,  0x92, {field::transaction_id, field::mms_version, field::store_status}},
    {PduType::m_mbox_delete_req,  "M-Mbox-Delete.req",  "m-mbox-delete-req",  Body::none,      false, true,  0x92, {field::transaction_id, field::mms_version, field::content_location}},
    {PduType::m_mbox_delete_conf, "M-Mbox-Delete.conf", "m-mbox-delete-conf", Body::none,      true,  true,  0x92, {field::transaction_id, field::mms_version, field::response_status}},
    {PduType::m_mbox_descr,       "M-Mbox-Descr",       "m-mbox-descr",       Body::optional,  false, true,  0x92, {}},
    {PduType::m_delete_req,       "M-Delete.req",       "m-delete-req",       Body::none,      false, true,  0x93, {field::transaction_id, field::mms_version, field::content_location}},
    {PduType::m_delete_conf,      "M-Delete.conf",      "m-delete-conf",      Body::none,      true,  true,  0x93, {field::transaction_id, field::mms_version, field::response_status}},
    {PduType::m_cancel_req,       "M-Cancel.req",       "m-cancel-req",       Body::none,      false, false, 0x93, {field::transaction_id, field::mms_version, field::cancel_id}},
    {PduType::m_cancel_conf,      "M-Cancel.conf",      "m-cancel-conf",      Body::none,      false, false, 0x93, {field::transaction_id, field::mms_version, field::cancel_status}},
});
// clang-format on

constexpr bool pdus_are_in_order() {
    for (std::size_t i = 0; i < kPdus.size(); ++i)
        if (static_cast<std::size_t>(kPdus[i].type) != 0x80 + i) return false;
    return true;
}
static_assert(pdus_are_in_order());

constexpr const PduSpec& pdu_spec(PduType type) { return kPdus[static_cast<std::size_t>(type) - 0x80]; }
/// The type of an octet; nullptr for reserved ones.
constexpr const PduSpec* pdu_of(std::uint8_t octet) { return octet >= 0x80 && octet < 0x80 + kPdus.size() ? &kPdus[octet - 0x80] : nullptr; }

}   // namespace mmgate::mm1
