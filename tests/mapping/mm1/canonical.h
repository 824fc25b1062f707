// What decoding, encoding and decoding again must keep, for tests and fuzzing.
#pragma once

#include <algorithm>

#include "mapping/mm1/codec.h"
#include "mapping/mm1/fields.h"

namespace mmgate::test {

/// The PDU with its fields in the order in which encode_pdu writes them: transaction id and version first.
inline mm1::Pdu canonical(mm1::Pdu pdu) {
    for (std::uint8_t first : {mm1::field::mms_version, mm1::field::transaction_id})
        std::stable_partition(pdu.fields.begin(), pdu.fields.end(), [first](const mm1::FieldValue& field) { return field.number == first; });
    return pdu;
}

/// Whether what `pdu` is written as reads as the same, and is written the same once more.
inline bool survives(const mm1::Pdu& pdu) {
    const Octets written = mm1::encode_pdu(pdu);
    const auto again = mm1::decode_pdu(written);
    return again && *again == canonical(pdu) && mm1::encode_pdu(*again) == written;
}

}   // namespace mmgate::test
