// The Push Access Protocol: a push-message for a Push Proxy Gateway, and what its answer means.
//
// Pure. Source: WAP-247-PAP §7 (messages), §8 (document types), §9.14 (result codes); WAP-249-PPGService §7 (client addresses).
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "mapping/mm.h"
#include "mapping/result.h"

namespace mmgate::push {

struct PapPush {
    std::string push_id;   // unique over all that push to this gateway: "id@domain"
    std::string number;    // E.164 with plus
    std::string ppg;       // the gateway's domain behind the address, or ""
    std::optional<Instant> deliver_before;
    bool quality_of_service = true;   // ask for unconfirmed delivery over SMS
    Octets pdu;                       // the MMS PDU; the gateway puts the WSP header around it
};

struct PapBody {
    std::string content_type;   // with its boundary, which occurs nowhere in the parts
    Octets octets;
};

/// The multipart/related body of a POST: control entity and MMS PDU.
PapBody encode_pap_push(const PapPush& push);

/// What to do about a result code.
enum class PapAction : std::uint8_t {
    accepted,
    retry,
    without_quality,   // the same again without quality-of-service
    refused,           // this push will never be taken
};

struct PapCode {
    std::uint16_t code;
    std::string_view name;
    PapAction action;
};

// clang-format off
// Source: WAP-247-PAP §9.14.
inline constexpr auto kPapCodes = std::to_array<PapCode>({
    {1000, "OK",                                        PapAction::accepted},
    {1001, "Accepted for processing",                   PapAction::accepted},
    {2000, "Bad request",                               PapAction::refused},
    {2001, "Forbidden",                                 PapAction::refused},
    {2002, "Address error",                             PapAction::refused},
    {2003, "Address not found",                         PapAction::refused},
    {2004, "Push ID not found",                         PapAction::refused},
    {2005, "Capabilities mismatch",                     PapAction::refused},
    {2006, "Required capabilities not supported",       PapAction::refused},
    {2007, "Duplicate push ID",                         PapAction::accepted},   // ours are unique: it has this push already
    {2008, "Cancellation not possible",                 PapAction::refused},
    {3000, "Internal server error",                     PapAction::retry},
    {3001, "Not implemented",                           PapAction::refused},
    {3002, "Version not supported",                     PapAction::refused},
    {3003, "Not possible",                              PapAction::retry},
    {3004, "Capability matching not supported",         PapAction::refused},
    {3005, "Multiple addresses not supported",          PapAction::refused},
    {3006, "Transformation failure",                    PapAction::refused},
    {3007, "Specified delivery method not possible",    PapAction::without_quality},
    {3008, "Capabilities not available",                PapAction::refused},
    {3009, "Required network not available",            PapAction::retry},
    {3010, "Required bearer not available",             PapAction::retry},
    {3011, "Replacement not supported",                 PapAction::refused},
    {4000, "Service failure",                           PapAction::retry},
    {4001, "Service unavailable",                       PapAction::retry},
    {5000, "Mobile client aborted",                     PapAction::refused},
    {5026, "Mobile client aborted: user request",       PapAction::refused},    // 5026 + WSP abort reason - EA
    {5027, "Mobile client aborted: refused",            PapAction::refused},
    {5028, "Mobile client aborted: cannot be delivered", PapAction::refused},
    {5029, "Mobile client aborted: resource shortage",  PapAction::retry},
    {5030, "Mobile client aborted: content type",       PapAction::refused},
});
// clang-format on

constexpr bool pap_codes_ascend() {
    for (std::size_t i = 1; i < kPapCodes.size(); ++i)
        if (kPapCodes[i - 1].code >= kPapCodes[i].code) return false;
    return true;
}
static_assert(pap_codes_ascend());

/// A code's row; for one that has none, what its class (1xxx to 5xxx) says; retry beyond those, where nothing was said.
/// Source: WAP-247-PAP §9.14: x500 to x999 are an implementation's own.
PapCode pap_code(std::uint16_t code);

struct PapAnswer {
    std::uint16_t code = 0;
    std::string description;   // the gateway's words, one clean line; may be empty
    bool operator==(const PapAnswer&) const = default;
};

/// Reads the answer to a push-message: the code of push-response's response-result, or of a badmessage-response.
/// Fails: malformed when it is no such document; too_large over 64 KiB.
Result<PapAnswer> decode_pap_answer(Bytes xml);

}   // namespace mmgate::push
