// Addresses of multimedia messages and of Internet mail, and how written numbers become E.164.
//
// Pure. Sources: OMA-TS-MMS_ENC-V1_3 §8 (MMS forms), RFC 5321 §4.1.2 (paths), RFC 3191 (numbers in local parts),
// ITU-T E.164 (at most 15 digits).
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "mapping/result.h"

namespace mmgate {

/// One address as a value. `value` is canonical for its kind and never holds controls, CR, LF or NUL.
struct Address {
    enum class Kind : std::uint8_t {
        phone,        // "+447700900123": E.164 with plus, or digits as written until normalised
        mailbox,      // "local@domain", domain in lower case and A-labels
        short_code,   // "12345", "*100#", "INFO": no /TYPE
        ipv4,
        ipv6,
        other,   // any /TYPE=token we do not know; `value` keeps the whole text
    };
    Kind kind = Kind::mailbox;
    std::string value;
    std::string display_name;   // UTF-8, may be empty

    bool operator==(const Address&) const = default;
};

/// How numbers are written here. Values of the [numbering] section.
struct NumberingPlan {
    std::string country_code = "1";
    std::string trunk_prefix = "0";
    std::string international_prefix = "00";

    bool operator==(const NumberingPlan&) const = default;
};

/// Reads an address as it stands in an MM1 or MM4 field: "+44770…/TYPE=PLMN", "a@b", "Name <a@b>", "12345".
/// A bare number of digits and separators is a phone. Separators - . ( ) and space are removed.
/// Fails: recipient_syntax, also for controls and for more than kLimits.mms_address_bytes octets.
/// Source: OMA-TS-MMS_ENC-V1_3 §8.
Result<Address> parse_mms_address(std::string_view text);

/// Writes an address for an MM1 or MM4 field: "+447700900123/TYPE=PLMN", "a@b.example".
/// The display name is left out: old terminals take plain addresses only.
std::string to_mms_text(const Address& address);

/// Reads the mailbox between the angle brackets of an SMTP path (without them): quoted local parts are unquoted to their
/// shortest form, a source route is ignored, domains become A-labels in lower case, [literals] are kept.
/// An empty text is not a mailbox. Fails: recipient_syntax.
/// Source: RFC 5321 §4.1.2, §4.1.3.
Result<Address> parse_mailbox(std::string_view path);

/// Whether `domain` is a syntactically valid domain name or address literal, as EHLO takes.
bool is_domain_or_literal(std::string_view domain);

/// The part before and after the last @ of a mailbox (empty views for other kinds).
std::string_view local_part(const Address& mailbox);
std::string_view domain_part(const Address& mailbox);

/// Brings a written number to "+" and 7 to 15 digits by the plan: +CC…, international prefix, trunk prefix, or bare digits that
/// begin with the country code. Separators are dropped.
/// Fails: recipient_unknown when no E.164 number comes out.
Result<std::string> to_e164(const NumberingPlan& plan, std::string_view written);

/// Reads the local part of a mail address to one of our domains as a phone number: "+44…", "44…", "07…", "0044…",
/// "+44…/TYPE=PLMN", "MMS=+44…", "SMS=+44…", quoted forms of these. Case of keywords does not matter.
/// Fails: recipient_unknown.
/// Source: RFC 3191; mail-interworking §8.1.
Result<std::string> number_of_local_part(const NumberingPlan& plan, std::string_view local_part);

/// A mailbox as text for a mail header or an SMTP path: the local part is quoted where RFC 5321 needs it.
std::string to_mail_text(const Address& mailbox);

}   // namespace mmgate
