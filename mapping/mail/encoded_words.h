// Encoded words of mail headers: text of any charset in ASCII, read tolerantly. mail_writer.h writes them.
//
// Pure and linear. GMime joins the words of one charset before it decodes base64, and loses what follows a padded word; this does not.
// Source: RFC 2047 §2, §4, §6; RFC 2231 §5 (language).
#pragma once

#include <string>
#include <string_view>

namespace mmgate::mail {

/// Decodes the encoded words of a line. White space between two words is dropped, a character may be torn between two words of one charset, words need not stand
/// alone and may hold spaces, as mail programs write them. What breaks the rules beyond that stays as it is.
/// Controls may come out: header_text makes the result fit.
std::string decode_encoded_words(std::string_view line);

}   // namespace mmgate::mail
