// Plain text as people read it: paragraphs of format=flowed joined, line ends and controls made harmless, long text cut where it may be cut.
//
// Pure. Texts are UTF-8; inside the mapping lines end with LF, in a part with CRLF.
// Source: RFC 3676 (flowed), RFC 2046 §4.1.1 (CRLF).
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace mmgate::mail {

/// Lines end with LF, controls but tab are gone, blank lines at both ends and white space at line ends are dropped.
std::string tidy_text(std::string_view text);

/// Joins the lines of a paragraph that were broken for transport, undoes space stuffing, keeps quotation marks ("> ") and the signature line.
/// `delete_space` is the parameter DelSp=yes. Takes and gives LF line ends.
/// Source: RFC 3676 §4.
std::string reflow(std::string_view text, bool delete_space);

/// Whether anything is there that a person sees.
bool has_visible_text(std::string_view text);

/// Cuts text into pieces of at most `characters`, at the end of a paragraph, a line, a sentence or a word where one is near.
std::vector<std::string> split_text(std::string_view text, std::size_t characters);

/// Characters of UTF-8 text: every octet that is no continuation.
std::size_t count_characters(std::string_view text);

/// Every line end, of whatever kind, as CRLF.
std::string with_crlf(std::string_view text);

/// Runs of white space and line ends as one space, none at the ends.
std::string one_line(std::string_view text);

}   // namespace mmgate::mail
