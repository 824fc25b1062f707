// Addresses of MM4: numbers, short codes and IP addresses behind which the domain of their MMS environment stands, and mailboxes.
//
// Pure. Visual separators in numbers are of people and of phones: here they make an address malformed.
// Source: 3GPP TS 23.140 §8.4.5; RFC 5321 §4.1.2, RFC 5322 §3.4.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "mapping/mm4/codec.h"

namespace mmgate::mm4 {

struct Mm4Address {
    Address address;
    std::string domain;   // behind a number, short code or IP address, lower case; "" when there is none, and for mailboxes
    bool operator==(const Mm4Address&) const = default;
};

/// Cuts an address list (one line) at its commas; group names and comments are dropped, quoted strings and names stay as they are.
/// Fails: too_large past kLimits.header_addresses.
Result<std::vector<std::string>> split_addresses(std::string_view list);

/// Reads one address, with or without < >, quotes and a name: "+41790000001/TYPE=PLMN@d" (phone), "12345/TYPE=PLMN@d" (short code), "10.0.0.1/TYPE=IPv4@d",
/// "a@b". Numbers with a type may lack the domain. Lenient dialects also take "+41790000001" with one of our or the peer's domains, or without any.
/// Digits without + are a phone where options.numbering makes an E.164 number of them, else a short code.
/// Fails: recipient_syntax.
Result<Mm4Address> parse_mm4_address(std::string_view text, const DecodeOptions& options);

/// Writes an address: numbers and short codes get /TYPE=PLMN, all but mailboxes get @domain unless it is "".
/// "" when mail cannot say it: beyond ASCII, too long, no number.
std::string to_mm4_text(const Address& address, std::string_view domain);

/// Reads the mailbox of a relay: bare, in quotes or < >, behind a name; leniently also "system=host;party=address", whose mailbox is kSystemUser at host.
/// Fails: malformed.
inline constexpr std::string_view kSystemUser = "system-user";
Result<std::string> parse_system_address(std::string_view text, const Dialect& dialect);

}   // namespace mmgate::mm4
