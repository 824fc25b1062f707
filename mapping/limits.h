// Every bound on what a peer may send, in one place.
//
// A bound that operators may set is a configuration key (daemon/config_keys.h); what stands here is fixed.
// Sources: mm1-pdu §2, §14; WSP encoding practice; RFC 5321 §4.5.3; RFC 5322 §2.1.1.
#pragma once

#include <cstddef>
#include <cstdint>

namespace mmgate {

struct Limits {
    // MM1 PDUs and WSP values
    std::size_t text_bytes = 8192;            // any text header
    std::size_t uri_bytes = 255;              // Content-Location
    std::size_t transaction_id_bytes = 255;   // accepted; ours stay below 40
    std::size_t message_id_bytes = 255;
    std::size_t mms_address_bytes = 312;   // To, Cc, Bcc, From
    std::size_t pdu_headers = 4000;        // header fields of one PDU
    std::size_t pdu_recipients = 1000;     // before the configured limit on recipients
    std::size_t pdu_parts = 256;           // over all levels of one MM1 PDU
    std::size_t pdu_depth = 8;             // nested multiparts; the outermost is 1
    std::size_t parameters = 64;           // of one Content-Type
    std::size_t part_headers = 64;         // of one entry

    // Internet mail
    std::size_t header_block_bytes = 128 * 1024;
    std::size_t header_field_bytes = 16 * 1024;   // one field, unfolded
    std::size_t mime_parts = 1000;
    std::size_t mime_depth = 20;
    std::size_t rfc822_depth = 3;          // message/rfc822 inside message/rfc822
    std::size_t received_fields = 100;     // RFC 5321 §6.3
    std::size_t address_groups = 8;        // nesting of RFC 5322 groups
    std::size_t header_addresses = 1000;   // To and Cc together

    std::size_t mail_media_parts = 100;   // attachments of one mail that an MM keeps; with the texts they stay below pdu_parts
    std::size_t mail_text_slides = 50;    // a text that would take more gets longer slides

    std::size_t local_part_bytes = 64;
    std::size_t domain_bytes = 255;
    std::size_t path_bytes = 320;
    std::size_t subject_bytes = 1000;   // UTF-8, as stored

    // MM4
    std::size_t extension_fields = 40;   // unknown X-Mms-* fields kept for transit
    std::size_t extension_name_bytes = 64;
    std::size_t extension_value_bytes = 800;   // fits into one line of mail, whatever it is made of
    std::size_t raw_id_bytes = 540;            // an identifier as received: 255 octets, each a quoted-pair, quotes and < >
    std::size_t status_text_bytes = 800;       // UTF-8, as stored
    std::size_t previously_sent = 64;          // entries of a forwarding history
    std::size_t notes = 20;                    // on one message

    // What leaves
    std::size_t mail_line_bytes = 998;   // without CRLF
    std::size_t file_name_bytes = 100;
    std::size_t reason_bytes = 400;   // a peer's reply as we keep it
};
inline constexpr Limits kLimits{};

}   // namespace mmgate
