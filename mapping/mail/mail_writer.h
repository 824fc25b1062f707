// Writes the lines of a mail: header fields folded and encoded, parameters, dates, bodies in a transfer encoding that every hop leaves alone.
//
// Pure. Whatever a value holds, what is written is ASCII, has no line over 998 octets, and starts no field of its own.
// Source: RFC 5322 §2.1.1, §2.2.3 (folding), RFC 2047 (encoded words), RFC 2231 (parameters), RFC 2045 §6.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "mapping/mm.h"
#include "mapping/result.h"

namespace mmgate::mail {

/// "Subject: ..." of UTF-8 text. What is not plain ASCII becomes encoded words of at most 75 characters, lines of at most 76.
void write_text_field(Octets& out, std::string_view name, std::string_view text);

/// A structured field of ASCII text, folded at its spaces. Controls become spaces, what is not ASCII a question mark.
void write_field(Octets& out, std::string_view name, std::string_view value);

/// "To: ..." of mailboxes with display names, one line each. Addresses that ASCII cannot say are left out; without any left nothing is written.
/// Whether a field was written.
bool write_address_field(Octets& out, std::string_view name, const std::vector<Address>& mailboxes);

/// "Content-Type: type" or "Content-Disposition: token" with its parameters; values beyond ASCII after RFC 2231, with an ASCII one before for old readers.
/// What is no token is written as `fallback`.
void write_parameter_field(Octets& out, std::string_view name, std::string_view token, const std::vector<Parameter>& parameters,
                           std::string_view fallback = "application/octet-stream");

/// "Mon, 02 Jan 2006 15:04:05 +0000". Source: RFC 5322 §3.3.
std::string mail_date(Instant at);

/// Content-Transfer-Encoding, the empty line and the text (UTF-8, any line ends) as 7bit, quoted-printable or base64, whichever suits.
/// No encoded text holds "=_", with which our boundaries begin.
void write_text_body(Octets& out, std::string_view text);

/// The same for text whose octets arrive as they are, whatever its charset and its line ends. In a multipart the line end before a delimiter belongs to
/// that; at the end of a mail there is nothing to take it away.
enum class BodyPlace : std::uint8_t { mail,
                                      part };
void write_exact_body(Octets& out, Bytes text, BodyPlace place);

/// The same for octets: base64.
void write_octets_body(Octets& out, Bytes data);

/// The boundary number `index` of a mail, made of a seed that is unique to it: at most 70 characters, always beginning with "=_".
std::string make_boundary(std::string_view seed, unsigned index);

}   // namespace mmgate::mail
