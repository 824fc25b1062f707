#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <fstream>
#include <iostream>

#include "daemon/control/queue_commands.h"

namespace mmgate::control {

namespace {

constexpr std::size_t kMostLineBytes = 64 * 1024;   // of a log line; what is longer is none of ours

/// Whether the id stands in a line as a word: a message's own lines begin with it, others name it as a value.
bool names(std::string_view line, std::string_view id) {
    auto is_word = [](char c) { return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z'); };
    for (std::size_t at = line.find(id); at != std::string_view::npos; at = line.find(id, at + 1))
        if ((at == 0 || !is_word(line[at - 1])) && (at + id.size() == line.size() || !is_word(line[at + id.size()]))) return true;
    return false;
}

}   // namespace

int log_of(const Options&, const Operands& operands) {
    if (operands.empty() || operands.size() > 2) return misused("log takes one queue id, and a file or - unless the journal has it");
    auto id = queue_id_of(operands.front());
    if (!id) return misused(operands.front() + " is no queue id");
    const std::string word = to_text(*id);
    if (operands.size() == 1) {
        // Only we are replaced, by a program of a fixed name with an id that we wrote ourselves.
        ::execlp("journalctl", "journalctl", "--no-pager", "-o", "short-iso", "-t", "mmgated", "-g", word.c_str(), static_cast<char*>(nullptr));
        return fail_with(Exit::io, "the journal cannot be read: " + std::string(std::strerror(errno)) + "; name the log's file, or - for standard input");
    }
    std::ifstream file;
    if (operands[1] != "-") {
        file.open(operands[1]);
        if (!file) return fail_with(errno == EACCES ? Exit::not_allowed : Exit::io, operands[1] + ": " + std::strerror(errno));
    }
    std::istream& in = operands[1] == "-" ? std::cin : file;
    std::uint64_t found = 0;
    for (std::string line; std::getline(in, line);) {
        if (line.size() > kMostLineBytes || !names(line, word)) continue;
        std::cout << harmless(line, Text::line) << "\n";
        ++found;
    }
    std::cout.flush();
    if (in.bad() || !std::cout) return fail_with(Exit::io, operands[1] + ": cannot be read");
    return found ? 0 : fail_with(Exit::nothing_matched, "the log does not name " + word);
}

}   // namespace mmgate::control
