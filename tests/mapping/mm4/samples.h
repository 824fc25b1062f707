// Mails of the six messages, to be changed field by field, and the options that read and write them.
//
// Relay A (mms.a.example) writes to relay B (mms.b.example); who reads is B, who writes is A.
#pragma once

#include <criterion/criterion.h>

#include <array>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "mapping/mm4/codec.h"

namespace mmgate::mm4 {

constexpr Instant kSent = Instant(std::chrono::seconds(1'795'165'200));   // Fri, 20 Nov 2026 09:00:00 GMT
constexpr std::string_view kSentText = "Fri, 20 Nov 2026 09:00:00 +0000";

constexpr auto kAllTypes = std::to_array<MessageType>({MessageType::forward_req, MessageType::forward_res, MessageType::delivery_report_req, MessageType::delivery_report_res,
                                                       MessageType::read_reply_report_req, MessageType::read_reply_report_res});

using AnyMessage = std::variant<ForwardReq, Response, DeliveryReportReq, ReadReplyReportReq>;

struct SampleField {
    std::string name, value;
};

struct SampleMail {
    std::vector<SampleField> fields;
    std::string body;

    /// The mail with that field, instead of any of its name.
    SampleMail with(std::string_view name, std::string_view value) const;
    /// The mail with one more field at the end.
    SampleMail also(std::string_view name, std::string_view value) const;
    SampleMail without(std::string_view name) const;
    Octets text() const;
};

/// A mail with all fields that such a message must have, and those that every mail has.
SampleMail sample_mail(MessageType type);

DecodeOptions reading();
DecodeOptions reading_strictly();
EncodeOptions writing();

/// The message of a mail; the test ends when there is none, or of another kind.
template <class Kind>
Kind read_as(const Octets& mail, const DecodeOptions& options = reading()) {
    auto message = decode(mail, options);
    cr_assert(message.has_value(), "%s in\n%s", message ? "" : message.error().rule.c_str(), mail.substr(0, 2000).c_str());
    cr_assert(std::holds_alternative<Kind>(*message));
    return std::get<Kind>(*std::move(message));
}
ForwardReq read_forward(const SampleMail& mail, const DecodeOptions& options = reading());

/// What is wrong with a mail; the test ends when nothing is.
Error error_of(const Octets& mail, const DecodeOptions& options = reading());

Octets written(const AnyMessage& message, const EncodeOptions& options = writing());

/// The values of a field in the header of a mail, unfolded.
std::vector<std::string> values_of(const Octets& mail, std::string_view name);
/// The first of them, "" without one.
std::string value_of(const Octets& mail, std::string_view name);

/// ASCII lines of mail: CRLF, no control, not too long.
bool is_clean(const Octets& mail);

}   // namespace mmgate::mm4
