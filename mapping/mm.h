// The multimedia message as a value: what every door maps to and from.
//
// Nothing here knows how a PDU, a mail or a record looks. Texts are UTF-8 without controls unless said otherwise.
// Source: 3GPP TS 23.140 (information elements), OMA-TS-MMS_ENC-V1_3 §7.3 (their values).
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "mapping/address.h"
#include "mapping/result.h"

namespace mmgate {

/// Wall-clock time. Stages take it as an argument and never read a clock.
using Instant = std::chrono::sys_time<std::chrono::milliseconds>;
using Seconds = std::chrono::seconds;

struct Parameter {
    std::string name;    // lower case
    std::string value;   // UTF-8
    bool operator==(const Parameter&) const = default;
};

/// A media type in Internet spelling, lower case ("image/jpeg", "multipart/related", "application/smil"), with parameters.
/// WAP's multipart types are named as they are ("application/vnd.wap.multipart.related") only inside mm1/.
struct MediaType {
    std::string type;
    std::vector<Parameter> parameters;
    bool operator==(const MediaType&) const = default;

    /// The value of a parameter, or nullptr.
    const std::string* parameter(std::string_view name) const {
        for (const Parameter& p : parameters)
            if (p.name == name) return &p.value;
        return nullptr;
    }
};

/// One body part. Data are the decoded octets, never transfer-encoded.
struct Part {
    MediaType media;
    std::string content_id;         // without < >
    std::string content_location;   // a plain name
    std::string disposition;        // "", "inline" or "attachment"
    std::string file_name;          // from name or filename; may be empty
    Octets data;                    // empty for a multipart
    std::vector<Part> parts;        // of a nested multipart
    bool operator==(const Part&) const = default;

    bool is_multipart() const { return media.type.starts_with("multipart/"); }
};

/// The content of an MM: "multipart/related" with a presentation first, "multipart/mixed" without one.
struct Content {
    MediaType media;   // always a multipart; parameters start and type for related
    std::vector<Part> parts;
    bool operator==(const Content&) const = default;
};

enum class MessageClass : std::uint8_t { personal,
                                         advertisement,
                                         informational,
                                         automatic };
enum class Priority : std::uint8_t { low,
                                     normal,
                                     high };

/// A time as a sender may give it: seconds from now, or an instant.
struct When {
    std::optional<Seconds> relative;
    std::optional<Instant> absolute;
    bool operator==(const When&) const = default;
    Instant from(Instant now) const { return relative ? now + *relative : absolute.value_or(now); }
};

/// An earlier hop of a forwarded MM; count 0 is the first originator in mail's history, 1 in MM1's.
struct PreviouslySent {
    std::uint32_t count = 0;
    Address by;
    Instant date{};
    bool operator==(const PreviouslySent&) const = default;
};

/// All information elements of an MM beside its content. Blind recipients stand only in the queue's recipients.
struct MmHeaders {
    std::string message_id;        // as it came with mail, without < >; our own is made from the queue id
    std::optional<Address> from;   // nothing: hidden
    std::vector<Address> to;
    std::vector<Address> cc;
    std::string subject;
    Instant date{};
    MessageClass message_class = MessageClass::personal;
    Priority priority = Priority::normal;
    bool delivery_report = false;   // the originator asked for delivery reports
    bool read_report = false;
    bool sender_hidden = false;   // X-Mms-Sender-Visibility: Hide
    std::optional<When> expiry;
    std::optional<When> delivery_time;
    std::string applic_id;   // copied octet for octet, "" absent
    std::string reply_applic_id;
    std::string aux_applic_info;
    std::optional<std::uint8_t> content_class;   // X-Mms-Content-Class, the wire's octet
    bool drm_content = false;
    bool adaptation_allowed = true;
    std::string replace_id;
    std::vector<PreviouslySent> previously_sent;
    std::string reply_charging_id;                // present in a reply MM
    std::optional<std::uint8_t> reply_charging;   // the wire's octet, 1.1
    std::vector<Parameter> extension_fields;      // X-Mms-* fields of MM4 that we do not know, kept for transit only

    bool operator==(const MmHeaders&) const = default;
};

struct Mm {
    MmHeaders headers;
    Content content;
    bool operator==(const Mm&) const = default;
};

}   // namespace mmgate
