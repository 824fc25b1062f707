#include <cerrno>
#include <cstring>
#include <fstream>
#include <iostream>
#include <iterator>

#include "daemon/control/queue_commands.h"

namespace mmgate::control {

namespace {

/// The file as it is to be sent: a mail's lines end with CRLF.
tl::expected<Octets, Failure> read_message(const std::string& name) {
    std::ifstream file;
    if (name != "-") {
        file.open(name, std::ios::binary);
        if (!file) return tl::unexpected(Failure{errno == EACCES ? Exit::not_allowed : Exit::io, name + ": " + std::strerror(errno)});
    }
    std::istream& in = name == "-" ? std::cin : file;
    Octets octets;
    for (char c = 0; in.get(c) && octets.size() <= kImportBytes;) octets += c;
    if (in.bad()) return tl::unexpected(Failure{Exit::io, name + ": cannot be read"});
    if (octets.empty()) return tl::unexpected(Failure{Exit::bad_data, name + ": is empty"});
    if (octets.size() > kImportBytes) return tl::unexpected(Failure{Exit::bad_data, name + ": is more than 64 MiB"});
    if (octets.front() == '\x8C') return octets;
    Octets mail;
    mail.reserve(octets.size() + octets.size() / 32);
    for (std::size_t i = 0; i < octets.size(); ++i) {
        if (octets[i] == '\n' && (i == 0 || octets[i - 1] != '\r')) mail += '\r';
        mail += octets[i];
    }
    if (!mail.ends_with("\r\n")) mail += "\r\n";
    return mail;
}

}   // namespace

int import_messages(Conversation& other, Options& options, const Operands& operands) {
    if (operands.empty()) return misused("import takes files: mails, or M-Send.req");
    Exit worst = Exit::done;
    std::uint64_t count = 0;
    for (const std::string& name : operands) {
        auto octets = read_message(name);
        Failure failure;
        if (octets) {
            Request request;
            request.verb = Verb::import_;
            request.octets = octets->size();
            request.originator = options.request.selector.from;
            if (!options.request.selector.to.empty()) request.recipients = {options.request.selector.to};
            std::string answer;
            auto end = other.ask(
                request, [&](std::string_view line) { return answer = line, true; }, [](Bytes) { return true; }, *octets);
            if (!end) return fail_with(end.error().code, end.error().text);
            if (end->code == Exit::done) {
                ++count;
                if (options.json) std::cout << answer << "\n";
                else std::cout << harmless(name, Text::line) << ": " << for_people(Verb::import_, answer, {}, {}) << std::flush;
                continue;
            }
            failure = {end->code, name + ": " + end->text};
        } else {
            failure = octets.error();
        }
        worst = failure.code;
        std::cerr << "mmq: " << harmless(failure.text, Text::line) << "\n";
    }
    if (!options.json) std::cerr << counted(count, "message") << " imported\n";
    return static_cast<int>(worst);
}

}   // namespace mmgate::control
