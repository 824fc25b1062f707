// Every reply of the SMTP server, once: code, enhanced code, text, and whether the connection ends with it.
//
// What answers a Fault has its row in mapping/status.h. A reply never repeats what a client sent.
// Source: RFC 5321 §4.2 (codes), RFC 2034 (enhanced codes), RFC 3463 and its registry.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

#include "mapping/result.h"

namespace mmgate::smtp {

enum class ReplyId : std::uint8_t {
    ok,
    sender_ok,
    recipient_ok,
    start_content,
    start_tls,
    auth_go_on,
    auth_user,
    auth_password,
    authenticated,
    help,
    cannot_verify,
    bye,
    unknown_command,
    control_in_command,
    bare_line_end,
    command_too_long,
    eight_bit_command,
    argument_not_allowed,
    argument_needed,
    bad_hello,
    bad_path,
    bad_parameter,
    repeated_parameter,
    bad_sequence,
    not_implemented,
    unknown_parameter,
    sender_unqualified,
    non_ascii_address,
    client_denied,
    certificate_wrong,
    peer_too_fast,
    no_valid_recipients,
    too_many_recipients,
    memory_full,
    tls_required,
    tls_already,
    tls_unavailable,
    octets_behind_starttls,
    auth_required,
    auth_in_clear,
    auth_mechanism,
    auth_malformed,
    auth_cancelled,
    auth_failed,
    auth_failed_too_often,
    foreign_protocol,
    talks_first,
    bare_line_end_in_content,
    nul_in_content,
    content_line_too_long,
    too_big,
    far_too_big,
    idle,
    too_slow,
    session_over,
    terms_changed,
    shutting_down,
    too_many_connections,
    too_many_errors,
    too_many_commands,
};

enum class After : std::uint8_t { goes_on,
                                  closes };

struct ReplySpec {
    ReplyId id;
    std::uint16_t code;
    std::string_view enhanced;   // "" where RFC 2034 §4 wants none
    std::string_view text;
    After after = After::goes_on;
};

// clang-format off
inline constexpr auto kReplies = std::to_array<ReplySpec>({
    {ReplyId::ok,                       250, "2.0.0", "Ok"},
    {ReplyId::sender_ok,                250, "2.1.0", "Sender ok"},
    {ReplyId::recipient_ok,             250, "2.1.5", "Recipient ok"},
    {ReplyId::start_content,            354, "",      "End data with <CR><LF>.<CR><LF>"},
    {ReplyId::start_tls,                220, "2.0.0", "Ready to start TLS"},
    {ReplyId::auth_go_on,               334, "",      ""},
    {ReplyId::auth_user,                334, "",      "VXNlcm5hbWU6"},
    {ReplyId::auth_password,            334, "",      "UGFzc3dvcmQ6"},
    {ReplyId::authenticated,            235, "2.7.0", "Authentication succeeded"},
    {ReplyId::help,                     214, "2.0.0", "EHLO HELO MAIL RCPT DATA RSET NOOP VRFY STARTTLS QUIT; see RFC 5321"},
    {ReplyId::cannot_verify,            252, "2.0.0", "Send some mail, and it will be seen"},
    {ReplyId::bye,                      221, "2.0.0", "Bye", After::closes},

    {ReplyId::unknown_command,          500, "5.5.2", "Command not recognized"},
    {ReplyId::control_in_command,       500, "5.5.2", "Control character in a command", After::closes},
    {ReplyId::bare_line_end,            500, "5.5.2", "Lines end with <CR><LF> only", After::closes},
    {ReplyId::command_too_long,         500, "5.5.2", "Command line too long"},
    {ReplyId::eight_bit_command,        501, "5.5.2", "Octets beyond ASCII in a command"},
    {ReplyId::argument_not_allowed,     501, "5.5.4", "No argument is allowed"},
    {ReplyId::argument_needed,          501, "5.5.4", "An argument is needed"},
    {ReplyId::bad_hello,                501, "5.5.4", "A domain name or address literal is needed"},
    {ReplyId::bad_path,                 501, "5.5.4", "Syntax: MAIL FROM:<address> or RCPT TO:<address>"},
    {ReplyId::bad_parameter,            501, "5.5.4", "Malformed parameter"},
    {ReplyId::repeated_parameter,       501, "5.5.4", "Parameter given twice"},
    {ReplyId::bad_sequence,             503, "5.5.1", "Bad sequence of commands"},
    {ReplyId::not_implemented,          502, "5.5.1", "Command not implemented"},
    {ReplyId::unknown_parameter,        555, "5.5.4", "Parameter not recognized or not offered"},
    {ReplyId::sender_unqualified,       501, "5.1.8", "Sender address needs a domain"},
    {ReplyId::non_ascii_address,        553, "5.6.7", "Addresses beyond ASCII are not supported"},

    {ReplyId::client_denied,            550, "5.7.1", "Mail from your host is not accepted here"},
    {ReplyId::certificate_wrong,        550, "5.7.1", "Your certificate is missing, or not the one that is known here"},
    {ReplyId::peer_too_fast,            451, "4.7.1", "Too many messages at once, try again later"},
    {ReplyId::no_valid_recipients,      554, "5.5.1", "No valid recipients"},
    {ReplyId::too_many_recipients,      452, "4.5.3", "Too many recipients"},
    {ReplyId::memory_full,              452, "4.3.1", "Too much mail under way, try again later"},

    {ReplyId::tls_required,             530, "5.7.0", "Must issue a STARTTLS command first"},
    {ReplyId::tls_already,              554, "5.5.1", "TLS is active already"},
    {ReplyId::tls_unavailable,          454, "4.7.0", "TLS not available, try again later"},
    {ReplyId::octets_behind_starttls,   554, "5.5.1", "STARTTLS must be the last command of a group", After::closes},

    {ReplyId::auth_required,            530, "5.7.0", "Authentication required"},
    {ReplyId::auth_in_clear,            538, "5.7.11", "Passwords are taken within TLS only"},
    {ReplyId::auth_mechanism,           504, "5.5.4", "Authentication mechanism not offered"},
    {ReplyId::auth_malformed,           501, "5.5.2", "Malformed authentication response"},
    {ReplyId::auth_cancelled,           501, "5.7.0", "Authentication cancelled"},
    {ReplyId::auth_failed,              535, "5.7.8", "User name or password is wrong"},
    {ReplyId::auth_failed_too_often,    421, "4.7.0", "Too many failed authentications", After::closes},

    {ReplyId::foreign_protocol,         554, "5.5.1", "This is an SMTP server", After::closes},
    {ReplyId::talks_first,              554, "5.5.0", "SMTP protocol synchronization", After::closes},

    {ReplyId::bare_line_end_in_content, 554, "5.6.0", "Bare <CR> or <LF> in the message", After::closes},
    {ReplyId::nul_in_content,           554, "5.6.0", "NUL in the message", After::closes},
    {ReplyId::content_line_too_long,    554, "5.6.0", "Line too long in the message"},
    {ReplyId::too_big,                  552, "5.3.4", "Message is too big"},
    {ReplyId::far_too_big,              421, "4.3.4", "Message is far too big", After::closes},

    {ReplyId::idle,                     421, "4.4.2", "Timeout", After::closes},
    {ReplyId::too_slow,                 421, "4.4.2", "Message arrives too slowly", After::closes},
    {ReplyId::session_over,             421, "4.4.2", "Session has lasted long enough, connect again", After::closes},
    {ReplyId::terms_changed,            421, "4.4.2", "The configuration has changed, connect again", After::closes},
    {ReplyId::shutting_down,            421, "4.3.2", "Shutting down", After::closes},
    {ReplyId::too_many_connections,     421, "4.7.0", "Too many connections", After::closes},
    {ReplyId::too_many_errors,          421, "4.7.0", "Too many errors", After::closes},
    {ReplyId::too_many_commands,        421, "4.7.0", "Too many commands", After::closes},
});
// clang-format on

constexpr bool replies_are_in_order() {
    for (std::size_t i = 0; i < kReplies.size(); ++i)
        if (kReplies[i].id != static_cast<ReplyId>(i)) return false;
    return kReplies.size() == static_cast<std::size_t>(ReplyId::too_many_commands) + 1;
}
static_assert(replies_are_in_order());
/// RFC 2034 §4: the class of the enhanced code is that of the basic one.
constexpr bool classes_agree() {
    for (const ReplySpec& row : kReplies)
        if (!row.enhanced.empty() && row.enhanced.front() - '0' != row.code / 100) return false;
    return true;
}
static_assert(classes_agree());

constexpr const ReplySpec& spec_of(ReplyId id) { return kReplies[static_cast<std::size_t>(id)]; }

/// "250 2.1.0 Sender ok\r\n" at the end of `out`.
void append_reply(Octets& out, ReplyId id);
/// The row of a fault; of a permanent one also the rule that was broken, at most 100 octets of printable ASCII.
void append_reply(Octets& out, const Error& error);

}   // namespace mmgate::smtp
