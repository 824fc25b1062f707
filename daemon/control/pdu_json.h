// An MM1 PDU as one JSON object: what `mmq pdu --json` prints.
//
// Fields and enumerations have the names of the standard's tables; texts that are not UTF-8 on the wire come out as UTF-8.
// Source: OMA-TS-MMS_ENC-V1_3 §7.3 (names of fields and values).
#pragma once

#include <string>

#include "mapping/mm1/codec.h"

namespace mmgate::control {

/// The object on one line, without a line end. Its members:
/// "type", "headers" in the order of the PDU, and with a body "content_type" and "parts". To, Cc and Bcc are always lists, another header
/// only where it occurs more than once. Times are {"rel": seconds} or {"abs": unix seconds}, yes/no is a boolean, status octets and octets
/// that an enumeration does not have are numbers, From is {"address": text} or {"insert": true}.
/// A part has "type", "params" (those of its Content-Disposition beside its own), "headers", and either "parts" or "size" and "sha256";
/// text parts also give "text".
std::string pdu_json(const mm1::Pdu& pdu);

}   // namespace mmgate::control
