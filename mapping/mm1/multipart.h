// WAP multiparts: entries with binary headers, nested to a bounded depth and read without recursion.
//
// Source: WAP-230-WSP §8.5; §8.4.2 for the headers of entries.
#pragma once

#include <vector>

#include "mapping/cursor.h"
#include "mapping/mm1/codec.h"

namespace mmgate::mm1 {

/// Reads a multipart from its number of entries to its last entry; octets behind it are left.
/// Fails: truncated and malformed, too_large beyond kLimits.pdu_parts over all levels or kLimits.pdu_depth.
std::vector<Entry> read_multipart(Cursor& in);

/// The octets of a multipart with these entries.
void write_multipart(Octets& out, const std::vector<Entry>& entries);

/// The head of an entry: its content type and headers, without the two lengths.
Octets entry_head(const MediaType& media, const std::vector<Parameter>& headers, const std::vector<Parameter>& disposition_parameters);

}   // namespace mmgate::mm1
