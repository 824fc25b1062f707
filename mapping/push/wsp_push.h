// The WSP push PDU around an MM1 PDU, and the user data header that takes it to a phone's push port in short messages.
//
// Pure. For bearers that carry short messages; a Push Proxy Gateway makes this header itself.
// Source: WAP-230-WSP §8.2.4.1 (Push), WAP-235-PushOTA §7 (application id), WAP-259-WDP §6.5.1.1 and 3GPP TS 23.040 §9.2.3.24.4 (ports).
#pragma once

#include <cstdint>
#include <string_view>

#include "mapping/result.h"

namespace mmgate::push {

/// Ports as a user data header: destination 2948 (wap-push), source 9200. Whoever splits the push repeats it in each part.
inline constexpr std::string_view kWapPushPorts{"\x06\x05\x04\x0B\x84\x23\xF0", 7};

/// How the content type application/vnd.wap.mms-message is written: its number is unknown to WSP 1.1 stacks, its text fails on some later ones.
enum class ContentTypeForm : std::uint8_t { number,
                                            text };

/// `push_number` stands where a transaction id would: a terminal may drop a second push with the number of the last one.
Octets encode_wsp_push(std::uint8_t push_number, Bytes pdu, ContentTypeForm form = ContentTypeForm::number);

}   // namespace mmgate::push
