// The body of MM4_forward.REQ: MIME as the content of an MM, with its presentation first.
//
// Pure. Source: 3GPP TS 23.140 §8.4.3 (content), RFC 2387 (start and type).
#pragma once

#include "mapping/mail/mime_tree.h"
#include "mapping/mm.h"
#include "mapping/result.h"

namespace mmgate::mm4 {

/// The content of a mail: octets and names of parts as they are; the root of a multipart/related is brought to the front and named by start and type.
/// An empty text/plain, or a multipart of nothing, is an MM without parts.
/// Fails: malformed for a multipart in whose body no part is found, and for WAP's binary multipart; too_large as untouched_content does.
Result<Content> read_content(const mail::Entity& mail);

/// The media type to write a content under: in a multipart/related, start and type as its root has them.
MediaType media_to_write(const Content& content);

}   // namespace mmgate::mm4
