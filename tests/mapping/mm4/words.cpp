#include "mapping/mm4/words.h"

#include <criterion/criterion.h>

#include <optional>
#include <string>

#include "samples.h"

using namespace mmgate;
using namespace mmgate::mm4;

Test(mm4_words, name_the_type_in_any_case) {
    for (const TypeSpec& row : kTypes) cr_expect(type_of_name(row.name) == row.type && name_of(row.type) == row.name);
    cr_expect(type_of_name("MM4_Delivery_Report.req") == MessageType::delivery_report_req);
    cr_expect(type_of_name("mm4_READ_reply_report.RES") == MessageType::read_reply_report_res);
    for (std::string_view other : {"", "MM4_capability_negotiation.REQ", "MM4_forward", "MM4_forward.REQ.", "m-send-req"}) cr_expect(!type_of_name(other));
}

Test(mm4_words, pair_each_request_with_its_response) {
    cr_expect(response_to(MessageType::forward_req) == MessageType::forward_res);
    cr_expect(response_to(MessageType::delivery_report_req) == MessageType::delivery_report_res);
    cr_expect(response_to(MessageType::read_reply_report_req) == MessageType::read_reply_report_res);
    for (MessageType type : kAllTypes) cr_expect(is_response(response_to(type)) && response_to(response_to(type)) == response_to(type));
}

Test(mm4_words, say_what_a_request_status_means) {
    struct Row {
        std::string_view written;
        std::optional<Fault> fault;
        bool again;
        std::string_view canonical;
    };
    const Row rows[] = {
        {"Ok", std::nullopt, false, "Ok"},
        {"OK", std::nullopt, false, "Ok"},
        {"0", std::nullopt, false, "Ok"},
        {"200", std::nullopt, false, "Ok"},
        {"Error-unspecified", Fault::internal, true, "Error-unspecified"},
        {"error-service-DENIED", Fault::sender_denied, false, "Error-service-denied"},
        {"Error-message-format-corrupt", Fault::malformed, false, "Error-message-format-corrupt"},
        {"Error-sending-address-unresolved", Fault::recipient_unknown, false, "Error-sending-address-unresolved"},
        {"Error-message-not-found", Fault::not_found, false, "Error-message-not-found"},
        {"Error-network-problem", Fault::peer_deferred, true, "Error-network-problem"},
        {"Error-content-not-accepted", Fault::content_refused, false, "Error-content-not-accepted"},
        {"Error-unsupported-message", Fault::unsupported_type, false, "Error-unsupported-message"},
        {"Error-transient-failure", Fault::peer_deferred, true, "Error-transient-failure"},
        {"Error-transient-network-problem", Fault::peer_deferred, true, "Error-transient-network-problem"},
        {"Error-permanent-failure", Fault::peer_refused, false, "Error-permanent-failure"},
        {"Error-permanent-service-denied", Fault::sender_denied, false, "Error-permanent-service-denied"},
        {"Error-permanent-network-problem", Fault::peer_refused, false, "Error-permanent-network-problem"},
        {"Error-of-my-own", Fault::peer_refused, false, "Error-of-my-own"},
        {"Okay", Fault::peer_refused, false, "Okay"},
        {"", Fault::peer_refused, false, ""},
        {"a\r\nb", Fault::peer_refused, false, "a b"},
    };
    for (const Row& row : rows) {
        const std::optional<Fault> fault = fault_of_status(row.written);
        cr_expect(fault == row.fault, "%s", std::string(row.written).c_str());
        cr_expect((fault && is_temporary(*fault)) == row.again, "%s", std::string(row.written).c_str());
        cr_expect(canonical_request_status(row.written) == row.canonical, "%s", std::string(row.written).c_str());
    }
}

Test(mm4_words, take_no_unknown_status_for_a_delivery) {
    struct Row {
        std::string_view written;
        DeliveryStatus status;
    };
    const Row rows[] = {
        {"Expired", DeliveryStatus::expired},
        {"retrieved", DeliveryStatus::retrieved},
        {"Rejected", DeliveryStatus::rejected},
        {"Deferred", DeliveryStatus::deferred},
        {"Unrecognised", DeliveryStatus::unrecognised},
        {"Unrecognized", DeliveryStatus::unrecognised},
        {"Indeterminate", DeliveryStatus::indeterminate},
        {"Forwarded", DeliveryStatus::forwarded},
        {"ForwardedToMMBox", DeliveryStatus::forwarded},
        {"Unreachable", DeliveryStatus::unreachable},
        {"Retrieved.", DeliveryStatus::indeterminate},
        {"Delivered", DeliveryStatus::indeterminate},
        {"", DeliveryStatus::indeterminate},
    };
    for (const Row& row : rows) cr_expect(delivery_status_of(row.written) == row.status, "%s", std::string(row.written).c_str());
    for (const MmStatusSpec& row : kMmStatuses) cr_expect(row.final == (row.status != DeliveryStatus::deferred));
}

Test(mm4_words, read_other_spellings) {
    for (std::string_view read : {"Read", "READ", "re-ad"}) cr_expect(read_status_of(read) == ReadStatus::read);
    for (std::string_view deleted : {"Deleted without being read", "deleted-without-being-read", "DeletedWithoutBeingRead"})
        cr_expect(read_status_of(deleted) == ReadStatus::deleted_unread);
    for (std::string_view other : {"", "Deleted", "Unread", "Read!"}) cr_expect(!read_status_of(other));
    cr_expect(canonical_status_extension("rejected-by-RECIPIENT") == kRejectedByRecipient);
    cr_expect(canonical_status_extension("Rejected-by-other-MMSC") == kRejectedByRelay);
    cr_expect(canonical_status_extension("Because") == "Because");
}

Test(mm4_words, share_those_of_mm1) {
    cr_expect(message_class_of("auto") == MessageClass::automatic && name_of(MessageClass::automatic) == "Auto");
    cr_expect(message_class_of("Personal") == MessageClass::personal && name_of(MessageClass::personal) == "Personal");
    cr_expect(!message_class_of("Test") && !message_class_of(""));
    for (Priority priority : {Priority::low, Priority::normal, Priority::high}) cr_expect(priority_of(name_of(priority)) == priority);
    cr_expect(name_of(Priority::low) == "Low" && !priority_of("Urgent"));
    cr_expect(content_class_of("Video-Rich") == 0x84 && content_class_name(0x84) == "video-rich");
    cr_expect(!content_class_of("hologram") && content_class_name(0x79).empty() && content_class_name(0xFF).empty());
}
