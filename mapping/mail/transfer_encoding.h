// Content-Transfer-Encoding: base64 and quoted-printable, undone from mail and made for mail.
//
// Pure. Decoding is lenient and linear: octets outside the alphabet are passed over, as mail that people wrote is worth reading.
// Source: RFC 2045 §6.7 (quoted-printable), §6.8 (base64).
#pragma once

#include "mapping/result.h"

namespace mmgate::mail {

/// Octets outside the alphabet are passed over; the first padding ends the data; a last group of one character gives nothing.
Octets decode_base64(Bytes text);

/// An equals sign that starts no hexadecimal pair and no soft line break stays as it is; white space before a line end is dropped.
Octets decode_quoted_printable(Bytes text);

/// Lines of 76 characters, each with CRLF. Nothing for no data.
Octets encode_base64(Bytes data);

/// The base64 of `data` without line ends, for encoded words.
std::string base64_text(Bytes data);

/// Text with CRLF line ends as quoted-printable lines of at most 76 characters. A dot or "From " at the start of a line is encoded too,
/// so that no hop changes it.
Octets encode_quoted_printable(Bytes text);

}   // namespace mmgate::mail
