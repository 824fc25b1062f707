#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <iostream>

#include "daemon/control/queue_commands.h"

namespace mmgate::control {

namespace {

constexpr std::size_t kUsualColumns = 80;

}   // namespace

Screen screen_of(const Options& options) {
    const bool terminal = isatty(STDOUT_FILENO) == 1;
    Screen screen;
    if (terminal) {
        winsize size{};
        const bool known = ::ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0;
        screen.columns = std::max<std::size_t>(known ? size.ws_col : kUsualColumns, kUsualColumns);
    }
    const char* none = std::getenv("NO_COLOR");
    const char* kind = std::getenv("TERM");
    const bool plain = (none && *none) || (kind && std::string_view(kind) == "dumb");
    if (options.colour == ColourWish::always || (options.colour == ColourWish::automatic && terminal && !plain)) screen.colour = Colour::ansi;
    return screen;
}

int carry_out(Conversation& other, const Options& options) {
    const Request& whole = options.request;
    const Screen screen = screen_of(options);
    const auto now = std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now());
    if (!options.json && screen.columns > 0) std::cout << table_head(whole.verb);
    auto print = [&](std::string_view line) {
        if (options.json) std::cout << line << "\n";
        else std::cout << for_people(whole.verb, line, now, screen);
        if (whole.verb == Verb::events) std::cout.flush();   // somebody watches
        return static_cast<bool>(std::cout);
    };
    Exit worst = Exit::done;
    std::uint64_t count = 0;
    std::size_t next = 0;
    do {
        Request request = whole;
        const std::size_t many = std::min(kRequestIds, whole.ids.size() - next);
        request.ids.assign(whole.ids.begin() + static_cast<std::ptrdiff_t>(next), whole.ids.begin() + static_cast<std::ptrdiff_t>(next + many));
        next += many;
        auto end = other.ask(request, print, [](Bytes octets) { return static_cast<bool>(std::cout.write(octets.data(), static_cast<std::streamsize>(octets.size()))); });
        if (!end) return fail_with(end.error().code, end.error().text);
        count += end->count;
        if (!end->text.empty()) std::cerr << "mmq: " << end->text << "\n";
        if (end->code != Exit::done && !(end->code == Exit::nothing_matched && worst != Exit::done)) worst = end->code;
    } while (next < whole.ids.size());
    std::cout.flush();
    if (!std::cout) return fail_with(Exit::io, "the output cannot be written");
    if (spec_of(whole.verb).changes && spec_of(whole.verb).selects && !options.json)
        std::cerr << counted(count, "message") << (whole.dry_run ? " would change\n" : " changed\n");
    return static_cast<int>(worst);
}

}   // namespace mmgate::control
