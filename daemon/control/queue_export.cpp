#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <iostream>

#include "daemon/control/queue_commands.h"

namespace mmgate::control {

namespace {

bool write_all(int fd, Bytes octets) {
    while (!octets.empty()) {
        ssize_t n = ::write(fd, octets.data(), octets.size());
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) return false;
        octets.remove_prefix(static_cast<std::size_t>(n));
    }
    return true;
}

/// One message into one new file of an open folder; the name is made of the id alone.
End export_one(Conversation& other, Request request, int folder, const std::string& name) {
    const int fd = ::openat(folder, name.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (fd < 0) return {errno == EACCES ? Exit::not_allowed : Exit::io, 0, name + ": " + std::strerror(errno)};
    auto end = other.ask(
        request, [](std::string_view) { return true; }, [&](Bytes octets) { return write_all(fd, octets); });
    const bool synced = ::fsync(fd) == 0;
    const bool written = ::close(fd) == 0 && synced;
    if (end && end->code == Exit::done && written) return *end;
    ::unlinkat(folder, name.c_str(), 0);   // half a message is none
    if (!end) return {end.error().code, 0, end.error().text};
    return end->code != Exit::done ? *end : End{Exit::io, 0, name + ": cannot be written"};
}

}   // namespace

int export_messages(Conversation& other, Options& options, const Operands& operands) {
    if (options.into.empty()) return misused("export takes --into FOLDER");
    if (operands.empty()) return misused("export takes queue ids");
    if (options.request.form == CatForm::part) return misused("export takes --mail or --raw");
    const int folder = ::open(options.into.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (folder < 0) return fail_with(errno == EACCES ? Exit::not_allowed : Exit::io, options.into + ": " + std::strerror(errno));
    const bool raw = options.request.form == CatForm::content;
    Exit worst = Exit::done;
    std::uint64_t count = 0;
    auto take = [&](const std::string& word) {
        auto id = queue_id_of(word);
        if (!id) {
            worst = Exit::usage;
            std::cerr << "mmq: " << harmless(word, Text::line) << " is no queue id\n";
            return;
        }
        Request request;
        request.verb = Verb::cat;
        request.ids = {*id};
        request.form = raw ? CatForm::content : CatForm::mail;
        const std::string name = to_text(*id) + (raw ? ".bin" : ".eml");
        const End end = export_one(other, request, folder, name);
        if (end.code == Exit::done) {
            ++count;
            if (!options.json) std::cout << name << "\n";
            else std::cout << "{\"id\":\"" << to_text(*id) << "\",\"file\":\"" << name << "\"}\n";
        } else {
            worst = end.code;
            std::cerr << "mmq: " << to_text(*id) << ": " << end.text << "\n";
        }
    };
    for (const std::string& word : operands) {
        if (word != "-") take(word);
        else
            for (std::string line; std::cin >> line;) take(line);
    }
    ::close(folder);
    std::cout.flush();
    if (!options.json) std::cerr << counted(count, "message") << " exported\n";
    return static_cast<int>(worst);
}

}   // namespace mmgate::control
