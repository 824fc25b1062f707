// Pieces of a mail in reading order become the content of an MM: slides, their texts and media, and what is only attached.
//
// Pure. Source: OMA-TS-MMS_CONF §5.1 (presentation first, start parameter); RFC 2387.
#pragma once

#include <string>
#include <vector>

#include "mapping/mail/smil.h"
#include "mapping/mm.h"

namespace mmgate::mail {

/// A piece is text, or a part that is shown (picture, sound, video) or attached (none).
struct Piece {
    std::string text;   // UTF-8, LF line ends; "" for a part
    MediaKind kind = MediaKind::none;
    Part part;   // `file_name` as the sender wrote it

    bool is_text() const { return part.media.type.empty(); }
};

/// A multipart/related with the presentation first. One slide per medium with the text before it; text above some 1,000 characters takes
/// slides of its own, longer ones where it would be more than kLimits.mail_text_slides. File names become safe and unique, Content-Location and Content-ID
/// are their ASCII form. Needs at least one piece.
Content make_slide_show(std::vector<Piece> pieces);

}   // namespace mmgate::mail
