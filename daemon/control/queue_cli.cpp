// mmq: the queue command. Arguments in, one request to the gateway, tables or JSON lines out. See mmq(1).

#include <config.h>   // what configure chose; daemon/config.h is the configuration
#include <fcntl.h>
#include <getopt.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <iostream>
#include <iterator>
#include <optional>

#include "daemon/config.h"
#include "daemon/control/pdu_json.h"
#include "daemon/control/protocol.h"
#include "daemon/control/queue_client.h"
#include "daemon/control/queue_print.h"
#include "mapping/mm1/dump.h"

namespace mmgate::control {
namespace {

constexpr std::string_view kUsage =
    "usage: mmq [--control PATH | -c FILE] COMMAND\n"
    "\n"
    "  list [SELECTORS] [--all]           what waits; --all: what has ended, too\n"
    "  show ID...                         all that the queue knows of a message\n"
    "  cat ID [--mail | --raw | --part N] the message itself\n"
    "  trace ID...                        its whole life\n"
    "  why ID...                          why it is where it is, and what to do\n"
    "  hold | release | retry | delete    ID..., or --all with SELECTORS\n"
    "  stats                              counters and sizes\n"
    "  alarms                             what is wrong now, and since when\n"
    "  events                             what happens, as it happens\n"
    "  reload                             read the configuration anew\n"
    "  check                              verify the store\n"
    "  backup FILE                        a consistent copy of the store\n"
    "  pdu FILE|-                         decode one MM1 PDU (needs no gateway)\n"
    "\n"
    "  SELECTORS: --state S[,S...] --from PATTERN --to PATTERN --older TIME\n"
    "  -j, --json  objects, one a line     -y, --yes  do not ask     -n, --dry-run  only say what would change\n"
    "  IDs may come on standard input as -\n";

constexpr std::size_t kMostPduBytes = 64 * 1024 * 1024;

struct Options {
    std::string control, config_file = kDefaultConfigFile;
    bool json = false, yes = false, all = false;
    std::vector<std::string> words;   // the command and its operands
    Request request;
};

int fail_with(Exit code, const std::string& text) {
    std::cerr << "mmq: " << text << "\n";
    return static_cast<int>(code);
}
int misused(const std::string& text) {
    std::cerr << "mmq: " << text << "\n" << kUsage;
    return static_cast<int>(Exit::usage);
}

std::optional<Seconds> seconds_of(std::string_view text) {
    std::int64_t number = 0;
    auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error != std::errc() || number < 0 || number > 1'000'000) return std::nullopt;
    std::string_view unit(end, static_cast<std::size_t>(text.data() + text.size() - end));
    struct Unit {
        std::string_view name;
        std::int64_t seconds;
    };
    for (auto [name, seconds] : std::to_array<Unit>({{"", 1}, {"s", 1}, {"m", 60}, {"h", 3600}, {"d", 86400}, {"w", 604800}}))
        if (name == unit) return Seconds(number * seconds);
    return std::nullopt;
}

bool add_states(std::string_view list, std::vector<RecipientState>& states) {
    while (!list.empty()) {
        std::size_t comma = std::min(list.find(','), list.size());
        auto state = recipient_state_of(list.substr(0, comma));
        if (!state) return false;
        states.push_back(*state);
        list.remove_prefix(std::min(comma + 1, list.size()));
    }
    return true;
}

/// The options, or the status to end with.
std::variant<Options, int> read_options(int argc, char** argv) {
    enum : int { kControl = 256, kState, kFrom, kTo, kOlder, kMail, kRaw, kPart, kAll, kVersionOption, kHelp };
    const option known[] = {{"control", required_argument, nullptr, kControl}, {"config", required_argument, nullptr, 'c'}, {"json", no_argument, nullptr, 'j'},
                            {"yes", no_argument, nullptr, 'y'},                {"dry-run", no_argument, nullptr, 'n'},      {"all", no_argument, nullptr, kAll},
                            {"state", required_argument, nullptr, kState},     {"from", required_argument, nullptr, kFrom}, {"to", required_argument, nullptr, kTo},
                            {"older", required_argument, nullptr, kOlder},     {"mail", no_argument, nullptr, kMail},       {"raw", no_argument, nullptr, kRaw},
                            {"part", required_argument, nullptr, kPart},       {"version", no_argument, nullptr, kVersionOption}, {"help", no_argument, nullptr, kHelp},
                            {nullptr, 0, nullptr, 0}};
    Options options;
    Request& request = options.request;
    for (int given; (given = getopt_long(argc, argv, "c:jyn", known, nullptr)) != -1;) {
        switch (given) {
            case kControl: options.control = optarg; break;
            case 'c': options.config_file = optarg; break;
            case 'j': options.json = true; break;
            case 'y': options.yes = true; break;
            case 'n': request.dry_run = true; break;
            case kAll: options.all = true; break;
            case kState:
                if (!add_states(optarg, request.selector.states))
                    return misused("--state takes queued, active, deferred, held, notified, fetched, delivered, relayed, rejected, expired, failed or deleted");
                break;
            case kFrom: request.selector.from = optarg; break;
            case kTo: request.selector.to = optarg; break;
            case kOlder:
                request.selector.older = seconds_of(optarg);
                if (!request.selector.older) return misused("--older takes a time such as 90s, 5m, 1h, 7d");
                break;
            case kMail: request.form = CatForm::mail; break;
            case kRaw: request.form = CatForm::content; break;
            case kPart: {
                std::string_view text = optarg;
                auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), request.part);
                if (error != std::errc() || end != text.data() + text.size() || request.part == 0) return misused("--part takes a number from 1");
                request.form = CatForm::part;
                break;
            }
            case kVersionOption: std::cout << "mmq " << kVersion << "\n"; return 0;
            case kHelp: std::cout << kUsage; return 0;
            default: std::cerr << kUsage; return static_cast<int>(Exit::usage);
        }
    }
    options.words.assign(argv + optind, argv + argc);
    if (options.words.empty()) return misused("a command is missing");
    return options;
}

/// `mmq pdu FILE|-`: strict, and alone.
int decode_pdu_file(const std::string& name, bool json) {
    std::string wire;
    std::ifstream file;
    if (name != "-") {
        file.open(name, std::ios::binary);
        if (!file) return fail_with(errno == EACCES ? Exit::not_allowed : Exit::io, name + ": " + std::strerror(errno));
    }
    std::istream& in = name == "-" ? std::cin : file;
    wire.assign(std::istreambuf_iterator<char>(in), {});
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

/// What is asked in requests of a bounded number of ids.
class Command {
public:
    Command(QueueClient& client, const Options& options) : client_(client), options_(options), now_(std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now())) {}

    int run(const Request& whole) {
        if (!options_.json && isatty(STDOUT_FILENO) == 1) std::cout << table_head(whole.verb);
        Exit worst = Exit::done;
        std::uint64_t count = 0;
        std::size_t next = 0;
        do {
            Request request = whole;
            const std::size_t many = std::min(kRequestIds, whole.ids.size() - next);
            request.ids.assign(whole.ids.begin() + static_cast<std::ptrdiff_t>(next), whole.ids.begin() + static_cast<std::ptrdiff_t>(next + many));
            next += many;
            auto end = client_.ask(
                request, [&](std::string_view line) { return print(request.verb, line); },
                [](Bytes octets) { return static_cast<bool>(std::cout.write(octets.data(), static_cast<std::streamsize>(octets.size()))); });
            if (!end) return fail_with(end.error().code, end.error().text);
            count += end->count;
            if (!end->text.empty()) std::cerr << "mmq: " << end->text << "\n";
            if (end->code != Exit::done && !(end->code == Exit::nothing_matched && worst != Exit::done)) worst = end->code;
        } while (next < whole.ids.size());
        std::cout.flush();
        if (!std::cout) return fail_with(Exit::io, "the output cannot be written");
        if (spec_of(whole.verb).changes && spec_of(whole.verb).selects && !options_.json)
            std::cerr << counted(count, "message") << (whole.dry_run ? " would change\n" : " changed\n");
        return static_cast<int>(worst);
    }

private:
    bool print(Verb verb, std::string_view line) {
        if (options_.json) std::cout << line << "\n";
        else std::cout << for_people(verb, line, now_);
        if (verb == Verb::events) std::cout.flush();   // somebody watches
        return static_cast<bool>(std::cout);
    }

    QueueClient& client_;
    const Options& options_;
    std::chrono::sys_seconds now_;
};

int backup_to(QueueClient& client, const std::string& name) {
    int fd = ::open(name.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0) return fail_with(errno == EACCES ? Exit::not_allowed : Exit::io, name + ": " + std::strerror(errno));
    bool written = true;
    Request request;
    request.verb = Verb::backup;
    auto end = client.ask(request, [](std::string_view) { return true; },
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
    if (end && end->code == Exit::done && written) return 0;
    ::unlink(name.c_str());   // half a backup is none
    if (!end) return fail_with(end.error().code, end.error().text);
    return fail_with(written ? end->code : Exit::io, written ? end->text : name + ": cannot be written; nothing is left there");
}

/// Asks before messages are destroyed, where there is somebody to ask.
bool confirmed(QueueClient& client, const Request& request) {
    std::uint64_t count = request.ids.size();
    if (request.all) {
        Request dry = request;
        dry.dry_run = true;
        auto end = client.ask(dry, [](std::string_view) { return true; }, [](Bytes) { return true; });
        count = end ? end->count : 0;
        if (count == 0) return true;   // the gateway says what that means
    }
    std::cerr << "mmq: delete " << counted(count, "message") << " for good? [y/N] " << std::flush;
    std::string answer;
    std::getline(std::cin, answer);
    return answer == "y" || answer == "Y" || answer == "yes";
}

int run(Options options) {
    const std::string name = options.words.front();
    std::vector<std::string> operands(options.words.begin() + 1, options.words.end());
    if (name == "pdu") {
        if (operands.size() != 1) return misused("pdu takes one file, or - for standard input");
        return decode_pdu_file(operands.front(), options.json);
    }
    auto spec = std::ranges::find_if(kVerbs, [&](const VerbSpec& row) { return row.name == name; });
    if (spec == kVerbs.end()) return misused(name + ": no such command");
    Request& request = options.request;
    request.verb = spec->verb;
    if (spec->verb == Verb::list) {
        request.selector.ended = options.all;
        if (!operands.empty()) return misused("list takes selectors, not " + operands.front());
    } else if (spec->verb == Verb::backup) {
        if (operands.size() != 1) return misused("backup takes one file, which must not exist yet");
    } else if (spec->takes_ids) {
        const bool reads_input = std::ranges::find(operands, "-") != operands.end();
        if (auto wrong = add_ids(operands, request.ids)) return misused(*wrong);
        request.all = options.all;
        if (request.ids.empty() && reads_input) return fail_with(Exit::nothing_matched, "no ids on standard input");
        if (request.ids.empty() && !request.all) return misused(name + " takes queue ids" + (spec->selects ? ", or --all with selectors" : ""));
        if (!request.ids.empty() && (request.all || request.selector != Selector{})) return misused("either ids, or --all with selectors");
    } else if (!operands.empty()) {
        return misused(name + " takes no " + operands.front());
    }
    if (request.form != CatForm::person && (spec->verb != Verb::cat || request.ids.size() != 1)) return misused("--mail, --raw and --part go with cat and one id");

    if (options.control.empty()) {
        auto config = read_config(options.config_file);
        if (!config) {
            for (const ConfigError& error : config.error()) std::cerr << error.message << "\n";
            return static_cast<int>(Exit::configuration);
        }
        options.control = config->control;
    }
    QueueClient client;
    if (auto done = client.connect(options.control); !done) return fail_with(done.error().code, done.error().text);
    if (spec->verb == Verb::backup) return backup_to(client, operands.front());
    if (spec->verb == Verb::erase && !options.yes && !request.dry_run && isatty(STDIN_FILENO) == 1 && !confirmed(client, request))
        return fail_with(Exit::nothing_matched, "nothing was deleted");
    return Command(client, options).run(request);
}

}  // namespace
}  // namespace mmgate::control

int main(int argc, char** argv) {
    std::ios::sync_with_stdio(false);
    auto options = mmgate::control::read_options(argc, argv);
    if (const int* status = std::get_if<int>(&options)) return *status;
    return mmgate::control::run(std::get<mmgate::control::Options>(std::move(options)));
}
