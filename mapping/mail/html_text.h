// HTML as text that reads well: paragraphs, lists, tables, links with their address once, entities decoded, nothing hidden and no script.
//
// libxml2 reads the tags and nothing is ever fetched; it is named in html_text.cpp only. Linear in the input for bounded depth.
// Source: RFC 4356 §2.1.3.3 leaves the conversion open; HTML Living Standard §4 for what elements mean.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace mmgate::mail {

struct HtmlText {
    std::string text;         // UTF-8, LF line ends
    bool cut_short = false;   // the input was larger or nested deeper than we read
};

/// Reads UTF-8 HTML, however broken. At most 1 MiB and 500 open elements are read; what follows is left out.
HtmlText html_to_text(std::string_view html);

/// The charset that the first 1,024 octets of a page name in a meta element, or "".
std::string_view html_charset(std::string_view html);

/// What the page refers to, in order, each once: by "cid:", percent-decoded, and as the value of src, which may be a Content-Location as it is written.
std::vector<std::string> html_references(std::string_view html);

}   // namespace mmgate::mail
