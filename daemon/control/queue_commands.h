// The commands of mmq: each takes what was asked and gives the exit status.
#pragma once

#include <string>
#include <vector>

#include "daemon/control/queue_client.h"
#include "daemon/control/queue_options.h"
#include "daemon/control/queue_print.h"

namespace mmgate::control {

using Operands = std::vector<std::string>;

/// What standard output is, and what the user wishes.
Screen screen_of(const Options& options);

/// Asks what options.request says, in requests of a bounded number of ids, and prints the answer.
int carry_out(Conversation& other, const Options& options);

/// What waits by destination, state and age.
int summary(Conversation& other, Options& options, const Operands& operands);
/// Makes all that goes to one destination due now.
int flush(Conversation& other, Options& options, const Operands& operands);
/// Writes messages into a folder, a file each, named by their ids; no file is replaced.
int export_messages(Conversation& other, Options& options, const Operands& operands);
/// One line with figures, and 0, 1, 2 or 3 as monitoring plugins end.
int health(Conversation& other, Options& options, const Operands& operands);
/// The same where nobody answers.
int health_unknown(const Options& options);
/// The summary, again and again until q or an interrupt; a terminal only.
int top(Conversation& other, Options& options, const Operands& operands);

/// Brings mails and M-Send.req into the queue, a file each.
int import_messages(Conversation& other, Options& options, const Operands& operands);
/// `route ADDRESS`.
int route(Conversation& other, Options& options, const Operands& operands);
/// `peer list`, and `peer show`, `test`, `hold`, `release` with a name.
int peer(Conversation& other, Options& options, const Operands& operands);

/// `config show`, `config check`, `config diff FILE`.
int config_command(const Options& options, const Operands& operands);
/// The lines of one message in the journal, a file or standard input.
int log_of(const Options& options, const Operands& operands);

}   // namespace mmgate::control
