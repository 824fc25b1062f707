// All information elements of all MM4 messages in one flat value: what the rows of fields.h point into.
//
// The elements that an MM has anywhere are those of MmHeaders: From of a report is `from` here, To is `to`, Date is `date`.
// Source: 3GPP TS 23.140 §8.4.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "mapping/mm4/messages.h"

namespace mmgate::mm4 {

struct Elements : MmHeaders {
    Version version;
    Ids ids;
    bool ack_requested = false;
    bool relay_report = false;
    std::optional<bool> forward_to_originator;
    std::string originator_system;
    std::string sender;
    std::uint32_t forward_counter = 0;
    std::string request_status;
    std::vector<Address> request_recipients;
    DeliveryStatus mm_status = DeliveryStatus::indeterminate;
    std::string status_extension;
    std::string status_text;
    ReadStatus read_status = ReadStatus::read;
    std::string internet_message_id;   // Message-ID of the mail, without < >
    PhoneDomains phone_domains;
};

/// The elements of a message; its content and notes stay where they are.
Elements elements_of(const Mm4Message& message);
/// The message of that type. Mandatory elements are there: the decoder has seen to it.
Mm4Message message_of(MessageType type, Elements elements);

/// The domain that stands with an address's number, "" when none does.
std::string domain_of(const PhoneDomains& domains, const Address& address);

}   // namespace mmgate::mm4
