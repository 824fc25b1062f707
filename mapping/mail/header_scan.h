// The header block of a mail, or of one of its parts, cut into fields: nothing is copied and nothing decoded.
//
// Pure, linear, and bounded: what comes out is small enough for any library that reads values afterwards.
// Source: RFC 5322 §2.2 (fields, folding), §3.6; RFC 2045 §3.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "mapping/result.h"

namespace mmgate::mail {

struct HeaderField {
    std::string_view name;     // as written
    std::string_view folded;   // all behind the colon, line ends of the folding included, without the last one
};

struct HeaderBlock {
    Bytes text;                        // the fields as received, each with its line end; without the empty line
    std::size_t body_offset = 0;       // where the body begins, from the start of the entity
    std::vector<HeaderField> fields;   // in order

    /// The first field of that name (any case), or nullptr.
    const HeaderField* find(std::string_view name) const;
    std::size_t count(std::string_view name) const;
};

/// Whether two ASCII texts are the same but for case.
bool same_name(std::string_view a, std::string_view b);

/// Cuts the block at the start of `entity` into fields. Lines end with CRLF; a lone LF ends one too, as it may inside a decoded message.
/// The block ends with an empty line, which is consumed, or before the first line that is neither field nor continuation.
/// A line that begins with "--" is never a field: a delimiter may follow a part's header at once.
/// Fails: too_large above kLimits.header_block_bytes, or header_field_bytes in one unfolded field.
Result<HeaderBlock> scan_header(Bytes entity);

/// A field's value on one line: line ends of the folding and NUL are taken out, white space at both ends is trimmed.
std::string unfolded(std::string_view folded);

/// How deep the groups of an address list nest, quoted strings, comments and literals passed over. 0 without a group.
/// Source: RFC 5322 §3.4.
std::size_t group_depth(std::string_view address_list);

}   // namespace mmgate::mail
