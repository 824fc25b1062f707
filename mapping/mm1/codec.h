// MM1 PDUs: octets to a generic value and back, by the tables of pdus.h and fields.h.
//
// Strict where a PDU could be read as two things, liberal where phones are known to differ. An error names the octet and the rule.
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
    m_send_req = 0x80,
    m_send_conf,
    m_notification_ind,
    m_notifyresp_ind,
    m_retrieve_conf,
    m_acknowledge_ind,
    m_delivery_ind,
    m_read_rec_ind,
    m_read_orig_ind,
    m_forward_req,
    m_forward_conf,
    m_mbox_store_req,
    m_mbox_store_conf,
    m_mbox_view_req,
    m_mbox_view_conf,
    m_mbox_upload_req,
    m_mbox_upload_conf,
    m_mbox_delete_req,
    m_mbox_delete_conf,
    m_mbox_descr,
    m_delete_req,
    m_delete_conf,
    m_cancel_req,
    m_cancel_conf,
};

/// An octet of an enumeration, a yes/no, a version or a header number; also one that the enumeration does not know.
struct Octet {
    std::uint8_t value = 0;
    bool operator==(const Octet&) const = default;
};
/// From: an address, or nothing where the relay is asked to insert it.
struct FromValue {
    std::optional<std::string> address;
    bool operator==(const FromValue&) const = default;
};
struct TimeValue {
    bool relative = true;
    std::uint64_t seconds = 0;   // from now, or since 1970
    bool operator==(const TimeValue&) const = default;
};
/// A value under a count: Previously-Sent-*, and the results of deletions.
struct CountedValue {
    std::uint64_t count = 0;
    std::variant<std::string, std::uint64_t, Octet> value;
    bool operator==(const CountedValue&) const = default;
};
/// A value behind a token: MM-Flags, totals and quotas.
struct FlaggedValue {
    std::uint8_t token = 0;
    std::variant<std::string, std::uint64_t> value;
    bool operator==(const FlaggedValue&) const = default;
};
struct ElementDescriptor {
    std::string reference;
    std::vector<Parameter> parameters;
    bool operator==(const ElementDescriptor&) const = default;
};
using Value = std::variant<std::string, std::uint64_t, Octet, FromValue, TimeValue, CountedValue, FlaggedValue, ElementDescriptor>;

struct FieldValue {
    std::uint8_t number = 0;   // of kFields
    Value value;
    bool operator==(const FieldValue&) const = default;
};

/// A body part as it stands in a PDU: media types in WAP's spelling, headers by name.
struct Entry {
    MediaType media;
    std::vector<Parameter> headers;                  // "Content-ID" with its < > as found, "Content-Location", …; names as the standard spells them
    std::vector<Parameter> disposition_parameters;   // of Content-Disposition
    Octets data;                                     // empty for a multipart
    std::vector<Entry> parts;                        // of a nested multipart
    bool operator==(const Entry&) const = default;

    const std::string* header(std::string_view name) const {
        for (const Parameter& p : headers)
            if (p.name == name) return &p.value;
        return nullptr;
    }
};

struct Pdu {
    PduType type = PduType::m_send_req;
    std::vector<FieldValue> fields;          // in their order, without X-Mms-Message-Type and Content-Type
    std::vector<Parameter> application;      // headers with a text name
    std::optional<MediaType> content_type;   // in WAP's spelling
    std::vector<Entry> parts;                // of a multipart; otherwise one, with the content type's media and all octets
    bool operator==(const Pdu&) const = default;

    /// The first field of that number, or nullptr.
    const Value* find(std::uint8_t number) const {
        for (const FieldValue& f : fields)
            if (f.number == number) return &f.value;
        return nullptr;
    }
};

/// Fails: malformed, truncated, too_large, unsupported_type; each with the octet where the rule is broken.
Result<Pdu> decode_pdu(Bytes wire);
/// The canonical form: type, transaction id and version first, Content-Type and body last.
Octets encode_pdu(const Pdu& pdu);
/// One header field, as encode_pdu writes it.
void write_field(Octets& out, const FieldValue& field);

/// What can be told of a PDU that does not decode: enough to answer it.
struct Peek {
    std::optional<PduType> type;
    std::optional<std::uint8_t> type_octet;
    std::optional<std::string> transaction_id;
    std::optional<std::uint8_t> version;
};
Peek peek(Bytes wire);

}   // namespace mmgate::mm1
