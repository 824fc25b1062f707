// mmq: the queue command. Arguments in, one request to the gateway, tables or JSON lines out. See mmq(1).

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <iostream>
#include <optional>

#include "daemon/config.h"
#include "daemon/control/message_json.h"
#include "daemon/control/pdu_json.h"
#include "daemon/control/protocol.h"
#include "daemon/control/queue_client.h"
#include "daemon/control/queue_commands.h"
#include "daemon/control/queue_offline.h"
#include "daemon/control/queue_options.h"
#include "daemon/control/queue_print.h"
#include "daemon/control/queue_progress.h"
#include "daemon/lost_page.h"
#include "daemon/store_options.h"
#include "mapping/mm1/dump.h"

namespace mmgate::control {
namespace {

constexpr std::size_t kMostPduBytes = 64 * 1024 * 1024;
constexpr std::chrono::seconds kMonitorPatience{8};   // monitors end a plugin after 10 s, and then know nothing

/// `mmq pdu FILE|-`: strict, and alone.
int decode_pdu_file(const std::string& name, bool json) {
    std::string wire;
    std::ifstream file;
    if (name != "-") {
        file.open(name, std::ios::binary);
        if (!file) return fail_with(errno == EACCES ? Exit::not_allowed : Exit::io, name + ": " + std::strerror(errno));
    }
    std::istream& in = name == "-" ? std::cin : file;
    char piece[64 * 1024];
    while (in && wire.size() <= kMostPduBytes) {
        in.read(piece, sizeof piece);   // a stream iterator would throw what a folder gives
        wire.append(piece, static_cast<std::size_t>(in.gcount()));
    }
    if (in.bad()) return fail_with(Exit::io, name + ": cannot be read");
    if (wire.size() > kMostPduBytes) return fail_with(Exit::bad_data, name + ": is no PDU: more than 64 MiB");
    auto pdu = mm1::decode_pdu(wire);
    if (!pdu) return fail_with(Exit::bad_data, name + ": octet " + std::to_string(pdu.error().offset) + ": " + pdu.error().rule);
    std::cout << (json ? pdu_json(*pdu) + "\n" : mm1::dump(*pdu)) << std::flush;
    return std::cout ? 0 : fail_with(Exit::io, "the output cannot be written");
}

/// The ids among the operands; "-" stands for those on standard input. Gives what is wrong, or nothing.
std::optional<std::string> add_ids(const std::vector<std::string>& words, std::vector<QueueId>& ids) {
    auto add = [&](const std::string& word) {
        auto id = queue_id_of(word);
        if (id) ids.push_back(*id);
        return id.has_value();
    };
    for (const std::string& word : words) {
        if (word != "-") {
            if (!add(word)) return word + " is no queue id";
            continue;
        }
        for (std::string line; std::cin >> line;)
            if (!add(line)) return line + " is no queue id";
    }
    return std::nullopt;
}

/// Gives a whole file its name, over no other.
bool name_new(const std::string& unfinished, const std::string& name) {
    if (::renameat2(AT_FDCWD, unfinished.c_str(), AT_FDCWD, name.c_str(), RENAME_NOREPLACE) != 0) {
        // Not every file system has it; those of networks have links.
        if (errno != EINVAL || ::link(unfinished.c_str(), name.c_str()) != 0) return false;
        ::unlink(unfinished.c_str());
    }
    const std::size_t slash = name.rfind('/');
    const int folder = ::open(slash == std::string::npos ? "." : name.substr(0, slash + 1).c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (folder >= 0) {
        ::fsync(folder);
        ::close(folder);
    }
    return true;
}

int backup_to(Conversation& client, const std::string& name) {
    const auto system_says = [&] { return fail_with(errno == EACCES ? Exit::not_allowed : Exit::io, name + ": " + std::strerror(errno)); };
    if (::access(name.c_str(), F_OK) == 0) return fail_with(Exit::io, name + ": " + std::strerror(EEXIST));
    // Half a backup is none: whatever ends us, only a whole one has the name that it is to have.
    std::string unfinished = name + ".XXXXXX";
    int fd = ::mkostemp(unfinished.data(), O_CLOEXEC);
    if (fd < 0) return system_says();
    bool written = true;
    Request request;
    request.verb = Verb::backup;
    auto end = client.ask(
        request, [](std::string_view) { return true; },
        [&](Bytes octets) {
            while (!octets.empty() && written) {
                ssize_t n = ::write(fd, octets.data(), octets.size());
                if (n < 0 && errno == EINTR) continue;
                written = n > 0;
                if (written) octets.remove_prefix(static_cast<std::size_t>(n));
            }
            return written;
        });
    written = ::fsync(fd) == 0 && written;
    written = ::close(fd) == 0 && written;
    if (end && end->code == Exit::done && written) {
        if (name_new(unfinished, name)) return 0;
        const int failed = system_says();
        ::unlink(unfinished.c_str());
        return failed;
    }
    ::unlink(unfinished.c_str());
    if (!end) return fail_with(end.error().code, end.error().text);
    return fail_with(written ? end->code : Exit::io, written ? end->text : name + ": cannot be written; nothing is left there");
}

/// Asks before messages are destroyed; without anybody to ask, one message that is named is the most. Gives the status to end with, if any.
std::optional<int> unless_confirmed(Conversation& client, const Options& options) {
    const Request& request = options.request;
    if (request.verb != Verb::erase || options.yes || request.dry_run) return std::nullopt;
    const bool somebody = isatty(STDIN_FILENO) == 1;
    if (!somebody && !request.all && request.ids.size() == 1) return std::nullopt;
    if (!somebody) return misused("delete of more than one message takes --yes where nobody can be asked");
    std::uint64_t count = request.ids.size();
    if (request.all) {
        Request dry = request;
        dry.dry_run = true;
        auto end = client.ask(
            dry, [](std::string_view) { return true; }, [](Bytes) { return true; });
        count = end ? end->count : 0;
        if (count == 0) return std::nullopt;   // the gateway says what that means
    }
    std::cerr << "mmq: delete " << counted(count, "message") << (request.for_good ? " for good" : "") << "? [y/N] " << std::flush;
    std::string answer;
    std::getline(std::cin, answer);
    if (answer == "y" || answer == "Y" || answer == "yes") return std::nullopt;
    return fail_with(Exit::nothing_matched, "nothing was deleted");
}

/// What a verb takes besides options; into the request. Gives what is wrong, or nothing.
std::optional<std::string> take_operands(const VerbSpec& spec, const std::vector<std::string>& operands, Options& options) {
    Request& request = options.request;
    if (spec.verb == Verb::list) {
        request.selector.ended = options.all;
        if (!operands.empty()) return "list takes selectors, not " + operands.front();
    } else if (spec.verb == Verb::backup) {
        if (operands.size() != 1) return "backup takes one file, which must not exist yet";
    } else if (spec.takes_ids) {
        if (auto wrong = add_ids(operands, request.ids)) return wrong;
        request.all = options.all;
        const bool read_none = request.ids.empty() && std::ranges::find(operands, "-") != operands.end();
        if (!read_none && request.ids.empty() && !request.all) return std::string(spec.name) + " takes queue ids" + (spec.selects ? ", or --all with selectors" : "");
        if (!request.ids.empty() && (request.all || request.selector != Selector{})) return "either ids, or --all with selectors";
    } else if (!operands.empty()) {
        return std::string(spec.name) + " takes no " + operands.front();
    }
    if (request.for_good && spec.verb != Verb::erase) return "--for-good goes with delete";
    if (options.repair && (spec.verb != Verb::check || !options.offline)) return "--repair goes with check --offline: nothing may work on the store meanwhile";
    if (request.form != CatForm::person && (spec.verb != Verb::cat || request.ids.size() != 1)) return "--mail, --raw and --part go with cat and one id";
    return std::nullopt;
}

/// The gateway, or with --offline the store that it would use; or the status to end with when there is none.
tl::expected<std::unique_ptr<Conversation>, int> partner(const Options& options) {
    if (!options.control.empty() && options.offline) return tl::unexpected(misused("--offline takes -c FILE, not --control"));
    std::string socket = options.control;
    if (socket.empty()) {
        auto config = read_config(options.config_file);
        if (!config) {
            for (const ConfigError& error : config.error()) std::cerr << error.message << "\n";
            return tl::unexpected(static_cast<int>(Exit::configuration));
        }
        if (options.offline) {
            if (::access(config->state_dir.c_str(), R_OK | W_OK) != 0)
                return tl::unexpected(fail_with(errno == EACCES ? Exit::not_allowed : Exit::io, config->state_dir + ": " + std::strerror(errno)));
            auto opened = open_lmdb_store(store_options(*config));
            if (!opened) return tl::unexpected(fail_with(opened.error().fault == Fault::storage_full ? Exit::busy : Exit::io, opened.error().rule));
            return std::make_unique<OfflineQueue>(std::move(*opened), *config);
        }
        socket = config->control;
    }
    auto client = std::make_unique<QueueClient>(options.words.front() == "health" ? kMonitorPatience : std::chrono::seconds(0));
    if (auto done = client->connect(socket); !done) return tl::unexpected(fail_with(done.error().code, done.error().text));
    return client;
}

/// Mends what can be mended of the store of a gateway that does not run, and says what cannot.
int repair(const Options& options) {
    auto config = read_config(options.config_file);
    if (!config) {
        for (const ConfigError& error : config.error()) std::cerr << error.message << "\n";
        return static_cast<int>(Exit::configuration);
    }
    if (::access(config->state_dir.c_str(), R_OK | W_OK) != 0)
        return fail_with(errno == EACCES ? Exit::not_allowed : Exit::io, config->state_dir + ": " + std::strerror(errno));
    std::optional<Progress> progress;
    if (shows_progress(options)) progress.emplace("repair");
    auto repaired = repair_lmdb_store(store_options(*config));
    progress.reset();
    if (!repaired) return fail_with(repaired.error().fault == Fault::storage_full ? Exit::busy : Exit::io, repaired.error().rule);
    const auto print = [&](const std::string& finding, std::string_view fate) {
        const std::string line = text_line(std::string(fate) + ": " + finding);
        std::cout << (options.json ? line : for_people(Verb::check, line, {}, {}));
    };
    std::size_t mended = 0;
    for (const std::string& finding : repaired->found) {
        if (std::ranges::find(repaired->left, finding) != repaired->left.end()) continue;
        print(finding, "mended");
        ++mended;
    }
    for (const std::string& finding : repaired->left) print(finding, "lost");
    std::cerr << "mmq: " << mended << " of " << repaired->found.size() << " findings mended\n";
    return static_cast<int>(repaired->left.empty() ? Exit::done : Exit::bad_data);
}

/// Commands that are more than one verb of the gateway.
struct OwnCommand {
    std::string_view name;
    int (*run)(Conversation&, Options&, const std::vector<std::string>& operands);
};
constexpr auto kOwnCommands = std::to_array<OwnCommand>({
    {"summary", summary},
    {"flush", flush},
    {"export", export_messages},
    {"health", health},
    {"top", top},
    {"import", import_messages},
    {"route", route},
    {"peer", peer},
});
/// Those that need no gateway.
struct LocalCommand {
    std::string_view name;
    int (*run)(const Options&, const std::vector<std::string>& operands);
};
constexpr auto kLocalCommands = std::to_array<LocalCommand>({
    {"pdu", [](const Options& options, const std::vector<std::string>& operands) {
         return operands.size() == 1 ? decode_pdu_file(operands.front(), options.json) : misused("pdu takes one file, or - for standard input");
     }},
    {"config", config_command},
    {"log", log_of},
});

int run(Options options) {
    const std::string name = options.words.front();
    const std::vector<std::string> operands(options.words.begin() + 1, options.words.end());
    if (auto local = std::ranges::find(kLocalCommands, name, &LocalCommand::name); local != kLocalCommands.end()) return local->run(options, operands);
    auto own = std::ranges::find(kOwnCommands, name, &OwnCommand::name);
    auto spec = std::ranges::find(kVerbs, name, &VerbSpec::name);
    // Verbs about peers are said as `peer list`, `peer hold NAME`.
    if (own == kOwnCommands.end() && spec != kVerbs.end() && (spec->takes_peer || spec->verb == Verb::peers)) spec = kVerbs.end();
    if (own == kOwnCommands.end() && spec == kVerbs.end()) return misused(name + ": no such command");
    // Whoever asks what would happen is not to find that it has happened.
    const bool can_tell = name == "flush" || (spec != kVerbs.end() && spec->changes && spec->selects);
    if (options.request.dry_run && !can_tell) return misused(name + " takes no --dry-run");
    if (own == kOwnCommands.end()) {
        options.request.verb = spec->verb;
        if (auto wrong = take_operands(*spec, operands, options)) return misused(*wrong);
        if (spec->takes_ids && options.request.ids.empty() && !options.request.all) return fail_with(Exit::nothing_matched, "no ids on standard input");
    }
    // A damaged store may end who reads it.
    std::optional<LostPage> told;
    if (options.offline) told.emplace("mmq", "gateway.state_dir", static_cast<int>(Exit::bad_data));
    if (options.repair) return repair(options);
    auto other = partner(options);
    // A monitor counts what it cannot reach among its own results.
    if (!other) return name == "health" ? health_unknown(options) : other.error();
    const bool has_its_own_screen = name == "top" || name == "events";
    if (!has_its_own_screen && shows_progress(options)) *other = std::make_unique<WatchedConversation>(std::move(*other), name);
    if (own != kOwnCommands.end()) return own->run(**other, options, operands);
    if (spec->verb == Verb::backup) return backup_to(**other, operands.front());
    if (auto status = unless_confirmed(**other, options)) return *status;
    return carry_out(**other, options);
}

}   // namespace
}   // namespace mmgate::control

int main(int argc, char** argv) {
    std::ios::sync_with_stdio(false);
    auto options = mmgate::control::read_options(argc, argv);
    if (const int* status = std::get_if<int>(&options)) return *status;
    return mmgate::control::run(std::get<mmgate::control::Options>(std::move(options)));
}
