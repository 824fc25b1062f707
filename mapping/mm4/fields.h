// The header fields of MM4 messages: name, value syntax, in which messages, since when, and where they go in the value.
//
// Decoder, encoder, documentation and tests walk these rows; the encoder writes fields in their order. The words of enumerated fields are in words.h.
// Source: 3GPP TS 23.140 §8.4.4 (tables of each message), §8.4.5 (values). Fields that no table of it has are marked `ignored` where they must not pass.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>
#include <variant>

#include "mapping/mm4/elements.h"
#include "mapping/mm4/words.h"

namespace mmgate::mm4 {

enum class Syntax : std::uint8_t {
    date,             // RFC 5322 date-time
    mailbox,          // one address of an MM
    addresses,        // a list of them
    system_address,   // the mailbox of a relay, possibly quoted, in < >, or with a name
    text,             // text of any charset by RFC 2047
    status_text,      // the same, possibly a quoted-string
    opaque,           // text that is kept byte for byte, RFC 2047 beyond ASCII
    internet_id,      // RFC 5322 msg-id
    version,          // digits.digits.digits
    message_type,     // a name of kTypes
    identifier,       // quoted-string or token, compared without quotes and < >
    yes_no,
    visibility,      // Hide or Show
    message_class,   // a word of MM1, or any other text
    priority,
    content_class,
    expiry,               // HTTP-date, delta-seconds or RFC 3339
    counter,              // decimal integer from 1
    numbered_addresses,   // number, address; once a number
    numbered_date,        // number, HTTP-date; once a number
    request_status,
    status_recipients,   // addresses, leniently joined by dots too
    mm_status,
    status_extension,
    read_status,
    mime_version,   // written, not read
    media_type,     // Content-Type: written and read with the body
    ignored,        // of other interfaces: neither kept nor written
};

/// Where a value goes. Identifiers have their comparable and their raw text.
struct IdTarget {
    std::string Ids::*text;
    std::string Ids::*raw;
};
using Target = std::variant<std::monostate, Instant Elements::*, std::optional<Address> Elements::*, std::vector<Address> Elements::*, std::string Elements::*, Version Elements::*, IdTarget,
                            bool Elements::*, std::optional<bool> Elements::*, MessageClass Elements::*, Priority Elements::*, std::optional<std::uint8_t> Elements::*,
                            std::optional<When> Elements::*, std::uint32_t Elements::*, std::vector<PreviouslySent> Elements::*, DeliveryStatus Elements::*, ReadStatus Elements::*>;

enum class Written : std::uint8_t {
    always,     // with its default too
    when_set,   // not with its default
    never,      // only read
};

struct FieldSpec {
    std::string_view name;
    Syntax syntax;
    Target target;
    unsigned since;   // release: major version of TS 23.140
    // One letter for each message, in the order of MessageType: M mandatory, C conditional, O optional, - not there.
    // Mandatory fields whose absence is forgiven: m by us always, L when the peer is lenient.
    std::string_view presence;
    Written written;
    std::string_view absent{};   // what its absence means, "" nothing
    std::string_view alias{};    // another name, read from lenient peers when the field itself is missing or cannot be used
};

// clang-format off
inline constexpr auto kFields = std::to_array<FieldSpec>({
    {"Date",                                Syntax::date,               &Elements::date,                  4, "MmMmMm", Written::always, "the time of receipt"},
    {"From",                                Syntax::mailbox,            &Elements::from,                  4, "MOMOMO", Written::always, "", "X-Mms-Sender-Address"},
    {"Sender",                              Syntax::system_address,     &Elements::sender,                4, "mmmmmm", Written::always, "MAIL FROM, else From"},
    {"To",                                  Syntax::addresses,          &Elements::to,                    4, "MmMmMm", Written::always, "", "X-Mms-To"},
    {"Cc",                                  Syntax::addresses,          &Elements::cc,                    4, "C-----", Written::when_set},
    {"Subject",                             Syntax::text,               &Elements::subject,               4, "C-----", Written::when_set},
    {"Message-ID",                          Syntax::internet_id,        &Elements::internet_message_id,   4, "mmmmmm", Written::always},
    {"MIME-Version",                        Syntax::mime_version,       {},                               4, "mmmmmm", Written::always, "1.0"},
    {"X-Mms-3GPP-MMS-Version",              Syntax::version,            &Elements::version,               4, "LLLLLL", Written::always, "the version configured for the peer"},
    {"X-Mms-Message-Type",                  Syntax::message_type,       {},                               4, "MMMMMM", Written::always, "plain mail"},
    {"X-Mms-Transaction-ID",                Syntax::identifier,         IdTarget{&Ids::transaction_id, &Ids::raw_transaction_id}, 4, "MMMMMM", Written::always},
    {"X-Mms-Message-ID",                    Syntax::identifier,         IdTarget{&Ids::message_id, &Ids::raw_message_id},         4, "mMMMMm", Written::always, "Message-ID, in MM4_forward.REQ"},
    {"X-Mms-Message-Class",                 Syntax::message_class,      &Elements::message_class,         4, "C-----", Written::always, "Personal"},
    {"X-Mms-Priority",                      Syntax::priority,           &Elements::priority,              4, "C-----", Written::always, "Normal"},
    {"X-Mms-Expiry",                        Syntax::expiry,             &Elements::expiry,                4, "C-----", Written::when_set, "the lifetime configured here"},
    {"X-Mms-Delivery-Report",               Syntax::yes_no,             &Elements::delivery_report,       4, "C-----", Written::always, "No"},
    {"X-Mms-Originator-R/S-Delivery-Report", Syntax::yes_no,            &Elements::relay_report,          6, "C-----", Written::always, "No"},
    {"X-Mms-Read-Reply",                    Syntax::yes_no,             &Elements::read_report,           4, "C-----", Written::always, "No"},
    {"X-Mms-Sender-Visibility",             Syntax::visibility,         &Elements::sender_hidden,         4, "C-----", Written::always, "Show"},
    {"X-Mms-Content-Class",                 Syntax::content_class,      &Elements::content_class,         6, "C-----", Written::when_set},
    {"X-Mms-Drm-Content",                   Syntax::yes_no,             &Elements::drm_content,           6, "C-----", Written::when_set, "No"},
    {"X-Mms-Adaptation-Allowed",            Syntax::yes_no,             &Elements::adaptation_allowed,    6, "C-----", Written::always, "Yes"},
    {"X-Mms-Applic-ID",                     Syntax::opaque,             &Elements::applic_id,             6, "C-C-C-", Written::when_set},
    {"X-Mms-Reply-Applic-ID",               Syntax::opaque,             &Elements::reply_applic_id,       6, "C-C-C-", Written::when_set},
    {"X-Mms-Aux-Applic-Info",               Syntax::opaque,             &Elements::aux_applic_info,       6, "C-C-C-", Written::when_set},
    {"X-Mms-Forward-Counter",               Syntax::counter,            &Elements::forward_counter,       4, "C-----", Written::when_set, "not forwarded"},
    {"X-Mms-Previously-sent-by",            Syntax::numbered_addresses, &Elements::previously_sent,       4, "O-----", Written::when_set},
    {"X-Mms-Previously-sent-date-and-time", Syntax::numbered_date,      &Elements::previously_sent,       4, "O-----", Written::when_set},
    {"X-Mms-Request-Status-Code",           Syntax::request_status,     &Elements::request_status,        4, "-M-M-M", Written::always},
    {"X-Mms-MM-Status-Code",                Syntax::mm_status,          &Elements::mm_status,             4, "--M---", Written::always, "", "X-Mms-Status"},
    {"X-Mms-MM-Status-Extension",           Syntax::status_extension,   &Elements::status_extension,      6, "--O---", Written::when_set},
    {"X-Mms-Read-Status",                   Syntax::read_status,        &Elements::read_status,           4, "----M-", Written::always, "", "X-Mms-MM-Read-Status"},
    {"X-Mms-Status-Text",                   Syntax::status_text,        &Elements::status_text,           4, "-OOOOO", Written::when_set},
    {"X-Mms-Forward-To-Originator-UA",      Syntax::yes_no,             &Elements::forward_to_originator, 6, "--C---", Written::when_set, "Yes, when the user asked"},
    {"X-Mms-Request-Recipients",            Syntax::status_recipients,  &Elements::request_recipients,    4, "-O-O-O", Written::when_set, "all"},
    {"X-Mms-Ack-Request",                   Syntax::yes_no,             &Elements::ack_requested,         4, "O-O-O-", Written::always, "No"},
    {"X-Mms-Originator-System",             Syntax::system_address,     &Elements::originator_system,     4, "C-----", Written::always, "Sender"},
    {"Content-Type",                        Syntax::media_type,         {},                               4, "Mmmmmm", Written::always},
    // What MM1 and MM7 call so has no meaning between relays; reply charging ends at the border of an MMS environment.
    {"X-Mms-Reply-Charging",                Syntax::ignored,            {},                               4, "------", Written::never},
    {"X-Mms-Reply-Charging-Deadline",       Syntax::ignored,            {},                               4, "------", Written::never},
    {"X-Mms-Reply-Charging-Size",           Syntax::ignored,            {},                               4, "------", Written::never},
    {"X-Mms-Reply-Charging-ID",             Syntax::ignored,            {},                               4, "------", Written::never},
    {"X-Mms-Delivery-Time",                 Syntax::ignored,            {},                               4, "------", Written::never},
    {"X-Mms-MMS-Version",                   Syntax::ignored,            {},                               4, "------", Written::never},
    {"X-Mms-UACapabilities",                Syntax::ignored,            {},                               4, "------", Written::never},
});
// clang-format on

/// What is read from lenient peers although the specification has it otherwise, each with an example. The other names of fields stand in their rows above.
struct LenientSpec {
    std::string_view field;
    std::string_view example;   // a value that strict dialects do not read so; "" is the absence of the field
    std::string_view meaning;
};
inline constexpr auto kLenient = std::to_array<LenientSpec>({
    {"X-Mms-3GPP-MMS-Version", "", "absent: the version configured for the peer"},
    {"From", "+41790000005", "a phone without type and domain"},
    {"To", "+41790000001@mms.a.example", "a phone without type, at a domain of ours or of the peer's"},
    {"Cc", "12345", "a short code without type and domain"},
    {"To", "user@x.example, somebody", "of a list, the addresses that can be read"},
    {"X-Mms-Read-Reply", "1", "Yes; and so 0, true and false in every such field"},
    {"X-Mms-Originator-System", "system=mms.a.example;party=+41790000001", "system-user@mms.a.example"},
    {"X-Mms-Request-Recipients", "user@x.example.+41790000001/TYPE=PLMN@mms.a.example", "addresses joined by dots"},
});

constexpr bool presences_are_sane() {
    for (const FieldSpec& field : kFields)
        if (field.presence.size() != kTypes.size() || field.presence.find_first_not_of("MmLCO-") != std::string_view::npos) return false;
    return true;
}
static_assert(presences_are_sane());

/// The letter of a field in a message.
constexpr char presence_in(const FieldSpec& field, MessageType type) { return field.presence[static_cast<std::size_t>(type)]; }

/// The row of a field name in any case; nullptr for a name that no row has (aliases are not looked at).
const FieldSpec* field_of(std::string_view name);

}   // namespace mmgate::mm4
