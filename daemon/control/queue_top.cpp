#include <poll.h>
#include <termios.h>
#include <unistd.h>

#include <csignal>
#include <iostream>

#include "daemon/control/queue_commands.h"
#include "daemon/control/queue_summary.h"

namespace mmgate::control {

namespace {

constexpr int kPauseMilliseconds = 2000;
constexpr std::size_t kRows = 10;   // destinations, two lines each: a screen of 24 lines

/// The terminal as one for single keys, on a screen of its own; it is put back whatever happens. An interrupt arrives as a key.
class RawTerminal {
public:
    RawTerminal() {
        ::tcgetattr(STDIN_FILENO, &before_);
        termios now = before_;
        now.c_lflag &= ~static_cast<tcflag_t>(ICANON | ECHO | ISIG);
        ::tcsetattr(STDIN_FILENO, TCSANOW, &now);
        std::cout << "\x1b[?1049h\x1b[?25l" << std::flush;
    }
    ~RawTerminal() {
        std::cout << "\x1b[?25h\x1b[?1049l" << std::flush;
        ::tcsetattr(STDIN_FILENO, TCSANOW, &before_);
    }
    RawTerminal(const RawTerminal&) = delete;
    RawTerminal& operator=(const RawTerminal&) = delete;

private:
    termios before_{};
};

/// Waits for a key or the pause to be over; false: it is to end.
bool goes_on() {
    pollfd input{STDIN_FILENO, POLLIN, 0};
    if (::poll(&input, 1, kPauseMilliseconds) <= 0) return true;
    char key = 0;
    if (::read(STDIN_FILENO, &key, 1) != 1) return false;
    return key != 'q' && key != 'Q' && key != '\x03' && key != '\x04';
}

}   // namespace

int top(Conversation& other, Options& options, const Operands& operands) {
    if (!operands.empty()) return misused("top takes selectors, not " + operands.front());
    if (options.json || isatty(STDIN_FILENO) != 1 || isatty(STDOUT_FILENO) != 1) return misused("top needs a terminal; use summary");
    options.request.verb = Verb::list;
    std::optional<Failure> failure;
    {
        RawTerminal terminal;
        do {
            const auto now = std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now());
            Summary counted;
            auto end = other.ask(
                options.request, [&](std::string_view line) { return counted.add(line, now), true; }, [](Bytes) { return false; });
            if (!end) {
                failure = end.error();
                break;
            }
            std::cout << "\x1b[H\x1b[2J" << counted.table(kRows, screen_of(options)) << "q ends" << std::flush;
        } while (goes_on());
    }
    return failure ? fail_with(failure->code, failure->text) : 0;
}

}   // namespace mmgate::control
