// What mmq prints for people, made from the lines that scripts get.
#pragma once

#include <chrono>
#include <string>
#include <string_view>

#include "daemon/control/protocol.h"

namespace mmgate::control {

/// One line of an answer as text for a terminal or a pipe, with its line ends; "" where a verb's line says nothing to a person.
/// `now` is what ages are counted from. A line that is no JSON is given as it is.
std::string for_people(Verb verb, std::string_view line, std::chrono::sys_seconds now);
/// The head of a verb's table, or "".
std::string_view table_head(Verb verb);
/// "3 messages", "1 message".
std::string counted(std::uint64_t count, std::string_view noun);

}  // namespace mmgate::control
