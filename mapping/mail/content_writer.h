// The content of an MM as the body of a mail, parts just as they are: octets, media types with their parameters, identifiers, locations, dispositions.
//
// Pure. For applications and for other relays; a mail for people is made by mm_to_mail.h.
// Source: RFC 2045 §5, RFC 2046 §5.1, RFC 2183, RFC 2387, RFC 2557 §4.
#pragma once

#include <string_view>
#include <vector>

#include "mapping/mm.h"
#include "mapping/result.h"

namespace mmgate::mail {

/// Content-Type, the other fields that describe the body, the empty line and the body. One part of a multipart/mixed is the whole body, no part at all an
/// empty text/plain; everything else is a multipart of the media type given, whose boundaries are made of the seed.
/// Texts travel readable where they can, all else as base64. Reading the mail gives back every octet.
void write_content(Octets& out, const MediaType& media, const std::vector<Part>& parts, std::string_view boundary_seed);

/// A number of octets that the mail of this content will hardly exceed, to reserve.
std::size_t mail_octets_of(const std::vector<Part>& parts);

}   // namespace mmgate::mail
