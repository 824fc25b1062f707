// What mmq prints for people, made from the lines that scripts get.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

#include "daemon/control/protocol.h"

namespace mmgate::control {

enum class Colour : std::uint8_t { none,
                                   ansi };

/// What is printed on.
struct Screen {
    std::size_t columns = 0;   // 0: a pipe or a file, where nothing is cut or folded
    Colour colour = Colour::none;
};

/// One line of an answer as text for a terminal or a pipe, with its line ends; "" where a verb's line says nothing to a person.
/// `now` is what ages are counted from. A line that is no JSON is given as it is.
std::string for_people(Verb verb, std::string_view line, std::chrono::sys_seconds now, Screen screen);
/// The head of a verb's table, or "".
std::string_view table_head(Verb verb);
/// A text of a peer that cannot steer a terminal: controls, also those beyond ASCII and those that turn the direction of writing, become "?".
/// Line ends and tabs stay only in `Text::lines`.
enum class Text : std::uint8_t { line,
                                 lines };
std::string harmless(std::string_view text, Text kind);
/// `text` with blanks up to `columns`, one for each character of UTF-8.
std::string padded(std::string text, std::size_t columns);
/// Octets as "9999", "12k", "3M".
std::string size_text(std::uint64_t octets);
/// Seconds as "90s", "5m", "7h", "3d".
std::string short_span(std::chrono::seconds span);
/// "2026-01-02T03:04:05Z" as a time; nothing for anything else.
std::optional<std::chrono::sys_seconds> time_of(const std::string& text);
/// "3 messages", "1 message".
std::string counted(std::uint64_t count, std::string_view noun);

}   // namespace mmgate::control
