#include "daemon/control/queue_options.h"

#include <config.h>   // what configure chose; daemon/config.h is the configuration
#include <getopt.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <iostream>
#include <iterator>

namespace mmgate::control {

namespace {

constexpr std::string_view kUsage =
    "usage: mmq [--control PATH | -c FILE] COMMAND\n"
    "\n"
    "  list [SELECTORS] [--all]           what waits; --all: what has ended, too\n"
    "  summary [SELECTORS]                what waits by destination, state and age\n"
    "  show ID...                         all that the queue knows of a message\n"
    "  cat ID [--mail | --raw | --part N] the message itself\n"
    "  trace ID...                        its whole life\n"
    "  why ID...                          why it is where it is, and what to do\n"
    "  log ID [FILE]                      its lines in the log\n"
    "  hold | release | retry             ID..., or --all with SELECTORS\n"
    "  delete [--for-good] | undelete     the same; what is deleted is kept for a day\n"
    "  flush DESTINATION                  retry all that goes there, now\n"
    "  export ID... [--raw] --into FOLDER messages as files: .eml, or as stored\n"
    "  import FILE... [--from A --to A]   mails or M-Send.req from files into the queue\n"
    "  route ADDRESS                      where a number or mail address would go, and why\n"
    "  peer list | show NAME              peers of MM4, and how they are\n"
    "  peer test NAME [RECIPIENT]         try out the conversation up to the recipient\n"
    "  peer hold | release NAME           keep what goes to a peer; let it go\n"
    "  drain | resume                     take no new messages; take them again\n"
    "  stats                              counters and sizes\n"
    "  alarms                             what is wrong now, and since when\n"
    "  events                             what happens, as it happens\n"
    "  health                             one line for a monitor: 0 well, 1 warning, 2 critical, 3 unknown\n"
    "  top                                what waits, as it changes; q ends it\n"
    "  reload                             read the configuration anew\n"
    "  config show | check | diff FILE    what is configured, without secrets\n"
    "  check [--repair --offline]         verify the store; mend its indexes\n"
    "  backup FILE                        a consistent copy of the store\n"
    "  pdu FILE|-                         decode one MM1 PDU (needs no gateway)\n"
    "\n"
    "  SELECTORS: --state S[,S...] --from PATTERN --to PATTERN --peer PATTERN --error PATTERN --older TIME\n"
    "  -j, --json  objects, one a line     -y, --yes  do not ask     -n, --dry-run  only say what would change\n"
    "  --offline   the store of a gateway that does not run          --color auto|always|never\n"
    "  IDs may come on standard input as -\n";

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

constexpr std::string_view kColourWords[] = {"auto", "always", "never"};

bool add_states(std::string_view list, std::vector<RecipientState>& states) {
    if (list.empty()) return false;
    while (!list.empty()) {
        std::size_t comma = std::min(list.find(','), list.size());
        auto state = recipient_state_of(list.substr(0, comma));
        if (!state) return false;
        states.push_back(*state);
        list.remove_prefix(std::min(comma + 1, list.size()));
    }
    return true;
}

}   // namespace

int fail_with(Exit code, const std::string& text) {
    std::cerr << "mmq: " << text << "\n";
    return static_cast<int>(code);
}
int misused(const std::string& text) {
    // The whole usage would push what is wrong off the screen.
    std::cerr << "mmq: " << text << "\nmmq --help tells what there is\n";
    return static_cast<int>(Exit::usage);
}

std::variant<Options, int> read_options(int argc, char** argv) {
    enum : int { kControl = 256,
                 kState,
                 kFrom,
                 kTo,
                 kOlder,
                 kPeer,
                 kError,
                 kMail,
                 kRaw,
                 kPart,
                 kInto,
                 kOffline,
                 kRepair,
                 kForGood,
                 kColour,
                 kAll,
                 kVersionOption,
                 kHelp };
    const option known[] = {{"control", required_argument, nullptr, kControl}, {"config", required_argument, nullptr, 'c'}, {"json", no_argument, nullptr, 'j'}, {"yes", no_argument, nullptr, 'y'}, {"dry-run", no_argument, nullptr, 'n'}, {"all", no_argument, nullptr, kAll}, {"state", required_argument, nullptr, kState}, {"from", required_argument, nullptr, kFrom}, {"to", required_argument, nullptr, kTo}, {"older", required_argument, nullptr, kOlder}, {"peer", required_argument, nullptr, kPeer}, {"error", required_argument, nullptr, kError}, {"into", required_argument, nullptr, kInto}, {"offline", no_argument, nullptr, kOffline}, {"repair", no_argument, nullptr, kRepair}, {"for-good", no_argument, nullptr, kForGood}, {"color", required_argument, nullptr, kColour}, {"mail", no_argument, nullptr, kMail}, {"raw", no_argument, nullptr, kRaw}, {"part", required_argument, nullptr, kPart}, {"version", no_argument, nullptr, kVersionOption}, {"help", no_argument, nullptr, kHelp}, {nullptr, 0, nullptr, 0}};
    Options options;
    Request& request = options.request;
    // A pattern of a script's unset variable would select everything.
    const auto is_pattern = [](std::string& target) { return !(target = optarg).empty(); };
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
            case kFrom:
                if (!is_pattern(request.selector.from)) return misused("--from takes a pattern, and was given none");
                break;
            case kTo:
                if (!is_pattern(request.selector.to)) return misused("--to takes a pattern, and was given none");
                break;
            case kOlder:
                request.selector.older = seconds_of(optarg);
                if (!request.selector.older) return misused("--older takes a time such as 90s, 5m, 1h, 7d");
                break;
            case kPeer:
                if (!is_pattern(request.selector.peer)) return misused("--peer takes a pattern, and was given none");
                break;
            case kError:
                if (!is_pattern(request.selector.error)) return misused("--error takes a pattern, and was given none");
                break;
            case kInto: options.into = optarg; break;
            case kOffline: options.offline = true; break;
            case kForGood: request.for_good = true; break;
            case kRepair: options.repair = true; break;
            case kColour: {
                auto when = std::ranges::find(kColourWords, std::string_view(optarg));
                if (when == std::end(kColourWords)) return misused("--color takes auto, always or never");
                options.colour = static_cast<ColourWish>(when - std::begin(kColourWords));
                break;
            }
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
            default: std::cerr << "mmq --help tells what there is\n"; return static_cast<int>(Exit::usage);   // getopt has said what is wrong
        }
    }
    options.words.assign(argv + optind, argv + argc);
    if (options.words.empty()) {
        std::cerr << "mmq: a command is missing\n"
                  << kUsage;
        return static_cast<int>(Exit::usage);
    }
    return options;
}

}   // namespace mmgate::control
