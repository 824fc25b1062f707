// MM1 PDUs: octets to a generic value and back, by the tables of pdus.h and fields.h.
//
// Strict where a PDU could be read as two things, liberal where a row says what phones do.
// Source: OMA-TS-MMS_ENC-V1_3 §7.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "mapping/mm.h"
#include "mapping/result.h"

namespace mmgate::mm1 {

enum class PduType : std::uint8_t {
    m_send_req = 0x80, m_send_conf, m_notification_ind, m_notifyresp_ind, m_retrieve_conf, m_acknowledge_ind,
    m_delivery_ind, m_read_rec_ind, m_read_orig_ind, m_forward_req, m_forward_conf, m_mbox_store_req, m_mbox_store_conf,
    m_mbox_view_req, m_mbox_view_conf, m_mbox_upload_req, m_mbox_upload_conf, m_mbox_delete_req, m_mbox_delete_conf,
    m_mbox_descr, m_delete_req, m_delete_conf, m_cancel_req, m_cancel_conf,
};

// The generic value of a PDU (struct Pdu with its fields in order, content type, parts) is defined here by its author.
struct Pdu;

Result<Pdu> decode_pdu(Bytes wire);
Octets encode_pdu(const Pdu& pdu);

/// What can be told of a PDU that does not decode: enough to answer it.
struct Peek {
    std::optional<PduType> type;
    std::optional<std::uint8_t> type_octet;
    std::optional<std::string> transaction_id;
    std::optional<std::uint8_t> version;
};
Peek peek(Bytes wire);

}  // namespace mmgate::mm1
