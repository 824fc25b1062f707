// Writes the head of an HTTP response.
//
// Source: RFC 9110 §15 (status codes), RFC 9112 §4 (status line), §6 (length), §9.6 (closing).
#pragma once

#include <string>
#include <string_view>

#include "daemon/http/message.h"
#include "mapping/mm.h"

namespace mmgate::http {

/// Status line and fields up to the empty line. Always with Content-Length: old phones cannot read chunks; never to be cached.
/// `date` as date_text gives it.
std::string response_head(const Response& response, bool keep_alive, std::string_view date);

/// "Sun, 06 Nov 1994 08:49:37 GMT". Source: RFC 9110 §5.6.7.
std::string date_text(Instant at);

std::string_view reason_phrase(int status);

}   // namespace mmgate::http
