// Names of parts: safe on every system, unique in their message, with an extension that agrees with the media type.
//
// Pure; the table of extensions serves both directions.
// Source: RFC 2183 §2.3 (no path, nothing special), IANA media types.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace mmgate::mail {

/// The usual extension of a media type, without dot; "" when the table does not know the type.
std::string_view extension_of(std::string_view media_type);
/// The media type that an extension (any case, without dot) stands for; "" when unknown.
std::string_view type_of_extension(std::string_view extension);

/// Makes a name out of what a peer wrote: the last path segment, without controls, direction marks and what file systems forbid, at most
/// kLimits.file_name_bytes, with an extension of the media type. `stem` is taken where nothing is left.
/// An extension that belongs to another known type is replaced; one nobody knows is kept and the right one added.
std::string safe_file_name(std::string_view wanted, std::string_view media_type, std::string_view stem);

/// The name in letters, digits, dot, hyphen and underscore, at most 60 octets, its extension kept: fit for Content-Location and SMIL.
std::string ascii_file_name(std::string_view safe_name, std::string_view stem);

/// Gives each name once: "a.jpg", "a-2.jpg".
class UniqueNames {
public:
    std::string take(std::string name);

private:
    std::vector<std::string> taken_;   // lower case
};

}   // namespace mmgate::mail
