// Messages, their events and their contents as lines of JSON: what `mmq --json` prints, and what mmq makes its tables from.
//
// Pure. The members of a listed message are promised to scripts; more may be added behind them.
#pragma once

#include <string>
#include <vector>

#include "daemon/control/protocol.h"
#include "store/store.h"

namespace mmgate::control {

/// "2026-01-02T03:04:05Z".
std::string time_text(Instant at);

/// One object of `mmq list`, with its LF.
std::string list_line(const Message& message);
/// The same and all else that the queue knows: headers, expiry, what each recipient's next hop said.
std::string show_line(const Message& message, std::string_view message_id);
/// One object of `mmq trace`: time, recipient's address or null, what, detail.
std::string event_line(const Message& message, const Event& event);
/// The message for a person: headers, the parts with number, type, name and size; texts up to some length.
std::string cat_line(const Message& message, std::string_view message_id, const Content& content);
/// The same for what is no MM: the text of the mail or the dump of the PDU.
std::string cat_text_line(const Message& message, std::string_view message_id, std::string_view text);
/// One message that a verb changed, or would: how many recipients.
std::string changed_line(QueueId id, std::size_t recipients);
std::string missing_line(QueueId id);
/// A line of text: findings, answers of reload and why.
std::string text_line(std::string_view text);
std::string why_line(QueueId id, const std::vector<std::string>& sentences);

/// The parts that are no multiparts, in order; their place from 1 is the number that `cat` shows.
std::vector<const Part*> leaf_parts(const Content& content);

}   // namespace mmgate::control
