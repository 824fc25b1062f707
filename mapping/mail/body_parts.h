// What a mail's body has for a phone: texts in reading order, media, attachments, and notes on what is left out.
//
// Pure. Alternatives are chosen, related pictures put in order, transfer encodings undone, texts brought to UTF-8.
// Source: RFC 2046 §5.1 (multiparts), RFC 2387 (related), RFC 1847 (signed, encrypted), RFC 4356 §2.1.3.3.
#pragma once

#include <string>
#include <vector>

#include "mapping/mail/mime_tree.h"
#include "mapping/mail/slide_show.h"
#include "mapping/result.h"

namespace mmgate::mail {

struct Body {
    std::vector<Piece> pieces;
    std::vector<std::string> notes;   // "[not delivered: a.zip, application/zip, 12 kB]"
};

/// Fails: content_refused for message/partial, which is no whole message.
Result<Body> read_body(const Entity& mail);

/// The visible text of a leaf of type text/plain or text/html, tidied; "" for other types. `cut_short` of HTML is ignored.
std::string leaf_text(const Entity& leaf);

/// The parts of a multipart body just as they came, for applications and from other relays: decoded octets, types with all parameters, nested multiparts kept.
/// Fails: too_large beyond kLimits.pdu_parts or pdu_depth, which a phone's PDU cannot hold.
Result<Content> untouched_content(const Entity& mail);

/// Width and height that the header of a PNG, GIF or JPEG tells; zeros otherwise.
struct PictureSize {
    std::uint32_t width = 0;
    std::uint32_t height = 0;
};
PictureSize picture_size(Bytes picture);

}   // namespace mmgate::mail
