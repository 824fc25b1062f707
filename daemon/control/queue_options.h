// The options of mmq, and how it ends when they are wrong.
#pragma once

#include <config.h>   // what configure chose; daemon/config.h is the configuration

#include <string>
#include <variant>
#include <vector>

#include "daemon/config.h"
#include "daemon/control/protocol.h"

namespace mmgate::control {

enum class ColourWish : std::uint8_t { automatic,
                                       always,
                                       never };

struct Options {
    std::string control, config_file = kDefaultConfigFile;
    bool json = false, yes = false, all = false, offline = false, repair = false;
    ColourWish colour = ColourWish::automatic;
    std::string into;                 // the folder that export writes to
    std::vector<std::string> words;   // the command and its operands
    Request request;
};

/// The options, or the status to end with when that is all there is to do.
std::variant<Options, int> read_options(int argc, char** argv);

/// Says on standard error what went wrong; gives the exit status.
int fail_with(Exit code, const std::string& text);
/// The same for wrong usage, with the usage.
int misused(const std::string& text);

}   // namespace mmgate::control
