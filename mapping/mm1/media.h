// Content-Type values and their parameters: media types by number or name, parameters by number or name.
//
// Source: WAP-230-WSP §8.4.2.24 (Content-Type), table 38 (parameters), OMNA WSP content type numbers.
#pragma once

#include <array>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "mapping/cursor.h"
#include "mapping/mm.h"

namespace mmgate::mm1 {

struct MediaNumber {
    std::uint16_t number;
    std::string_view type;   // lower case
};

/// How the value of a parameter or part header stands on the wire.
enum class ParameterSyntax : std::uint8_t { text,
                                            charset,
                                            media,
                                            integer,
                                            date,
                                            q_value,
                                            version,
                                            no_value };

struct ParameterSpec {
    std::uint8_t number;
    std::string_view name;
    ParameterSyntax syntax;
    bool encoded;   // written by this number; all others are written by name
};

// Source: WAP-230-WSP table 38. 05, 06, 0A and 0B are called deprecated there and are what every phone uses.
// clang-format off
inline constexpr auto kParameters = std::to_array<ParameterSpec>({
    {0x00, "q", ParameterSyntax::q_value, false},
    {0x01, "charset", ParameterSyntax::charset, true},
    {0x02, "level", ParameterSyntax::version, false},
    {0x03, "type", ParameterSyntax::integer, false},
    {0x05, "name", ParameterSyntax::text, true},
    {0x06, "filename", ParameterSyntax::text, true},
    {0x07, "differences", ParameterSyntax::text, false},
    {0x08, "padding", ParameterSyntax::integer, false},
    {0x09, "type", ParameterSyntax::media, true},
    {0x0A, "start", ParameterSyntax::text, true},
    {0x0B, "start-info", ParameterSyntax::text, true},
    {0x0C, "comment", ParameterSyntax::text, false},
    {0x0D, "domain", ParameterSyntax::text, false},
    {0x0E, "max-age", ParameterSyntax::integer, false},
    {0x0F, "path", ParameterSyntax::text, false},
    {0x10, "secure", ParameterSyntax::no_value, false},
    {0x11, "sec", ParameterSyntax::integer, false},
    {0x12, "mac", ParameterSyntax::text, false},
    {0x13, "creation-date", ParameterSyntax::date, false},
    {0x14, "modification-date", ParameterSyntax::date, false},
    {0x15, "read-date", ParameterSyntax::date, false},
    {0x16, "size", ParameterSyntax::integer, false},
    {0x17, "name", ParameterSyntax::text, false},
    {0x18, "filename", ParameterSyntax::text, false},
    {0x19, "start", ParameterSyntax::text, false},
    {0x1A, "start-info", ParameterSyntax::text, false},
    {0x1B, "comment", ParameterSyntax::text, false},
    {0x1C, "domain", ParameterSyntax::text, false},
    {0x1D, "path", ParameterSyntax::text, false},
});
// clang-format on

/// The media type of an OMNA number, lower case; nothing for one that is not assigned.
std::optional<std::string_view> media_of(std::uint64_t number);
/// The number to write a media type by: assigned up to encoding version 1.3, which every terminal reads.
std::optional<std::uint8_t> number_of_media(std::string_view type);

inline constexpr std::string_view kWapMultipart = "application/vnd.wap.multipart.";
bool is_multipart(std::string_view type);
/// "application/vnd.wap.multipart.related" as "multipart/related" and back; other types unchanged. A multipart of no kind becomes mixed; towards WAP,
/// one without a number too. What is_multipart takes for a multipart begins with "multipart/" afterwards.
std::string internet_type_of(std::string_view wap_type);
std::string wap_type_of(std::string_view internet_type);

/// Where a Content-Type stands. A general form of length 0 is refused in a PDU and application/octet-stream in a part.
enum class ContentTypePlace : std::uint8_t { pdu,
                                             part };
/// Reads a Content-Type value: constrained, or the general form with parameters. Types are lower case, in WAP's spelling; parameters are UTF-8.
/// A parameter that crosses the end of the form is dropped.
/// Source: WAP-230-WSP §8.4.2.24.
MediaType read_content_type(Cursor& in, ContentTypePlace place);
void write_content_type(Octets& out, const MediaType& media);
/// A type that was given as text with its parameters as text, "text/plain; charset=utf-8": the type in lower case; appends the parameters whose name is new.
std::string split_text_type(std::string_view text, std::vector<Parameter>& parameters);

/// Reads parameters up to the end of `in`, appending those whose name is new. Numbers and names of `own` go before those of kParameters.
/// Passed over: unknown numbers, names that are no tokens, charsets of nothing, q out of its range.
void read_parameters(Cursor& in, std::vector<Parameter>& parameters, std::span<const ParameterSpec> own = {});
/// A name that is no token is left out.
void write_parameter(Octets& out, const Parameter& parameter, std::span<const ParameterSpec> own = {});

}   // namespace mmgate::mm1
