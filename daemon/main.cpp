// mmgated: reads its arguments and its configuration, builds the parts, runs the loop.

#include <config.h>   // what configure chose; daemon/config.h is the configuration
#include <getopt.h>
#include <sys/stat.h>
#include <sysexits.h>

#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <iostream>
#include <optional>

#include "daemon/config.h"
#include "daemon/control/desk.h"
#include "daemon/control/server.h"
#include "daemon/crash_record.h"
#include "daemon/dispatcher.h"
#include "daemon/heap.h"
#include "daemon/log.h"
#include "daemon/loop/resolver.h"
#include "daemon/loop/workers.h"
#include "daemon/lost_page.h"
#include "daemon/mail_carrier.h"
#include "daemon/mail_intake.h"
#include "daemon/mm1/server.h"
#include "daemon/mm1/service.h"
#include "daemon/mm4/carrier.h"
#include "daemon/mm4/intake.h"
#include "daemon/notifier.h"
#include "daemon/number_resolver.h"
#include "daemon/push/make_bearer.h"
#include "daemon/reporter.h"
#include "daemon/sandbox/sandbox.h"
#include "daemon/sandbox/trial.h"
#include "daemon/service_manager.h"
#include "daemon/smtp/client.h"
#include "daemon/smtp/server.h"
#include "daemon/store_options.h"
#include "daemon/surroundings.h"
#include "daemon/watch/metrics_server.h"
#include "daemon/watch/telemetry.h"
#include "store/committer.h"

namespace mmgate {
namespace {

// Mapping a large mail and reading the store: two of each at a time is what two cores can use.
constexpr std::size_t kWorkers = 3;
// How long SIGTERM waits for what is under way; the queue holds the rest.
constexpr std::chrono::seconds kDrainTime{10};
constexpr std::chrono::milliseconds kDrainLook{20};
// How often a gateway with nothing under way gives freed memory back.
constexpr std::chrono::seconds kTidyEvery{30};

struct Arguments {
    std::string config_file = kDefaultConfigFile;
    enum class Task : std::uint8_t { run,
                                     check_config,
                                     try_sandbox } task = Task::run;
};

constexpr char kUsage[] =
    "usage: mmgated [-c FILE] [--check-config | --try-sandbox] [--version] [--help]\n"
    "\n"
    "  -c FILE          the configuration (absent: %s)\n"
    "  --check-config   read it, look at what it names, say what is wrong, and end\n"
    "  --try-sandbox    try from inside the sandbox what it forbids, say how each attempt ended, and end\n"
    "\n"
    "See mmgated(8) and mmgate.toml(5).\n";

/// The arguments, or the status to exit with at once.
std::variant<Arguments, int> read_arguments(int argc, char** argv) {
    constexpr int kCheck = 256, kVersionOption = 257, kHelp = 258, kTry = 259;
    const option options[] = {{"config", required_argument, nullptr, 'c'},
                              {"check-config", no_argument, nullptr, kCheck},
                              {"try-sandbox", no_argument, nullptr, kTry},
                              {"version", no_argument, nullptr, kVersionOption},
                              {"help", no_argument, nullptr, kHelp},
                              {nullptr, 0, nullptr, 0}};
    Arguments arguments;
    for (int given; (given = getopt_long(argc, argv, "c:", options, nullptr)) != -1;) {
        switch (given) {
            case 'c': arguments.config_file = optarg; break;
            case kCheck: arguments.task = Arguments::Task::check_config; break;
            case kTry: arguments.task = Arguments::Task::try_sandbox; break;
            case kVersionOption: std::printf("mmgated %s\n", kVersion); return EX_OK;
            case kHelp: std::printf(kUsage, kDefaultConfigFile); return EX_OK;
            default: std::fprintf(stderr, kUsage, kDefaultConfigFile); return EX_USAGE;
        }
    }
    if (optind < argc) {
        std::fprintf(stderr, "mmgated: %s: no such argument\n", argv[optind]);
        std::fprintf(stderr, kUsage, kDefaultConfigFile);
        return EX_USAGE;
    }
    return arguments;
}

std::string listed(const std::vector<Endpoint>& endpoints) {
    std::string out;
    for (const Endpoint& endpoint : endpoints) out += (out.empty() ? "" : ",") + to_text(endpoint);
    return out;
}

/// Folds a failed start into one line for the operator.
int cannot_start(Log& log, const std::string& what, int status) {
    log.error("-", "cannot-start", {{"reason", what}});
    return status;
}

/// The folders that we write to, where only their last part is missing.
Result<void> make_folders(const Config& config) {
    if (::mkdir(config.state_dir.c_str(), 0700) != 0 && errno != EEXIST) return fail(Fault::internal, config.state_dir + ": " + std::strerror(errno));
    // Without it the control socket says what is wrong with its path.
    if (const std::size_t slash = config.control.rfind('/'); slash != std::string::npos && slash > 0) ::mkdir(config.control.substr(0, slash).c_str(), 0750);
    return {};
}

void tell_confined(Log& log, const char* what, const sandbox::Done& done) {
    if (done) log.info("-", "confined", {{what, *done}});
    else log.warning("-", "not-confined", {{"what", what}, {"reason", done.error().rule}, {"consequence", "the gateway runs with less protection"}});
}

/// Without it the gateway works as well; only that a message is parked which ends it is missing.
CrashRecord recorded_crashes(const Config& config, Log& log) {
    auto opened = CrashRecord::open(config.state_dir + "/crashes");
    if (!opened) {
        log.warning("-", "no-crash-record", {{"reason", opened.error().rule}, {"consequence", "a message that crashes the gateway is not parked"}});
        return {};
    }
    if (const auto& last = opened->last_run(); last.signal != 0)
        log.error("-", "crashed", {{"signal", last.signal}, {"under-way", last.under_way}, {"consequence", "what was under way is carried one at a time"}});
    return std::move(*opened);
}

/// Upgrading a large store takes longer than the service manager waits for a start: it is told that we are at it.
void tell_upgrade(const Upgrade& upgrade, const ServiceManager& service, Log& log) {
    // A slow disk writes that much of a backup in a second; what is rewritten is heard of often.
    constexpr std::uint64_t kSlowBytes = 10 << 20;
    const Seconds patience = Seconds(60) + Seconds(upgrade.stage == Upgrade::Stage::backs_up ? upgrade.bytes / kSlowBytes : 0);
    const std::string formats = std::to_string(upgrade.from) + " to " + std::to_string(upgrade.to);
    service.tell("EXTEND_TIMEOUT_USEC=" + std::to_string(std::chrono::microseconds(patience).count()) + "\nSTATUS=bringing the store from format " + formats + ": " +
                 (upgrade.stage == Upgrade::Stage::backs_up ? "backup" : std::to_string(upgrade.messages) + " messages rewritten"));
    if (upgrade.stage == Upgrade::Stage::backs_up) log.notice("-", "store-upgrade", {{"formats", formats}, {"backup", upgrade.backup}, {"size", upgrade.bytes}});
    if (upgrade.stage == Upgrade::Stage::done) log.notice("-", "store-upgraded", {{"formats", formats}, {"messages", upgrade.messages}});
}

/// What does not agree with the machine, a line each; EX_CONFIG where the gateway would not work as configured.
int tell_of_surroundings(const Config& config, const std::string& config_file) {
    int status = EX_OK;
    for (const Observation& finding : check_surroundings(config, config_file)) {
        const bool fault = finding.weight == Observation::Weight::fault;
        std::cerr << "mmgated: " << (fault ? "" : "note: ") << finding.key << ": " << finding.what << "\n";
        if (fault) status = EX_CONFIG;
    }
    return status;
}

/// Applies what of a configuration takes effect without a restart. The parts do not know each other; this is where they meet.
struct Reconfigure {
    Loop& loop;
    Log& log;
    smtp::Server& smtp_server;
    mm1::Server& mm1_server;
    mm1::Service& mm1_service;
    MemoryBudget& memory;
    MailIntake& intake;
    mm4::Intake& mm4_intake;
    NumberResolver& number_resolver;
    mm4::Carrier& mm4_carrier;
    Notifier& notifier;
    MailCarrier& mail_carrier;
    Reporter& reporter;
    smtp::Client& client;
    MetricsServer& metrics_server;
    Telemetry& telemetry;
    control::Desk& desk;

    Result<void> operator()(std::shared_ptr<const Config> config) {
        auto router = std::make_shared<const Router>(*config);
        // Listeners first: they alone can fail, and then nothing has changed.
        if (auto done = smtp_server.configure(config, router); !done) return done;
        if (auto done = mm1_server.configure(*config); !done) return done;
        if (auto done = metrics_server.configure(*config); !done) return done;
        log.configure(config->log);
        memory.configure(config->memory_bytes);
        intake.configure(config, router);
        mm4_intake.configure(config, router);
        number_resolver.configure(config, router);
        mm4_carrier.configure(config, router);
        mm1_service.configure(config, router);
        notifier.configure(config, mm1_server.url(*config), push::make_bearer(loop, *config));
        mail_carrier.configure(config);
        reporter.configure(config, router);
        client.reconfigure();
        telemetry.configure(config);
        desk.configure(config, router);
        return {};
    }
};

int run(const Arguments& arguments) {
    auto read = read_config(arguments.config_file);
    if (!read) {
        for (const ConfigError& error : read.error()) std::cerr << error.message << "\n";
        return EX_CONFIG;
    }
    if (arguments.task == Arguments::Task::check_config) return tell_of_surroundings(*read, arguments.config_file);
    if (auto made = make_folders(*read); !made) {
        std::cerr << "mmgated: " << made.error().rule << "\n";
        return EX_CANTCREAT;
    }
    if (arguments.task == Arguments::Task::try_sandbox) return sandbox::try_all(*read, arguments.config_file);
    auto config = std::make_shared<const Config>(std::move(*read));   // shared with all that works by it, until the last of them has seen a newer one

    const ServiceManager service = ServiceManager::from_environment();
    Log log(config->log);
    Loop loop;
    loop.adopt(InheritedSockets::from_environment());
    // Before the first thread; the calls follow when all is open.
    if (config->sandbox) tell_confined(log, "files", sandbox::confine_files(sandbox::reach_of(*config, arguments.config_file)));
    Metrics metrics;
    SystemRandom random;
    Workers workers(loop, kWorkers);

    LmdbOptions options = store_options(*config);
    options.tell = [&log](const std::string& text) { log.error("-", "store", {{"what", text}}); };
    options.on_upgrade = [&service, &log](const Upgrade& upgrade) { tell_upgrade(upgrade, service, log); };
    auto opened = [&] {
        const LostPage told("mmgated", options.directory);
        return open_lmdb_store(options);
    }();
    if (!opened) return cannot_start(log, opened.error().rule, opened.error().fault == Fault::storage_full ? EX_IOERR : EX_CANTCREAT);
    Store& store = **opened;
    CrashRecord crashes = recorded_crashes(*config, log);
    crashes.watch_signals();
    const LostPage told("mmgated", options.directory);   // and then the record is marked
    Names names(store.secret(), config->domain);
    Committer committer(store, [&loop](Task task) { loop.post(std::move(task)); });
    Settler settler(loop, committer, log, metrics);

    auto resolver = make_resolver(loop, *config);
    auto client = smtp::make_client(loop, *resolver, log, metrics);
    Notifier notifier(loop, store, workers, settler, random, log, metrics);
    MailCarrier mail_carrier(loop, store, workers, settler, *client, names, random, log, metrics);
    Reporter reporter(loop, store, workers, settler, names, random, log, metrics);
    Janitor janitor(loop, settler, log);
    NumberResolver number_resolver(loop, settler, random, log);
    std::function<void()> kick = [] {};   // the dispatcher's, once it is there
    mm4::Carrier mm4_carrier({loop, store, workers, settler, *client, names, random, log, metrics}, [&kick] { kick(); });
    Dispatcher dispatcher(loop, store, workers, settler, crashes, log, {&notifier, &mail_carrier, &mm4_carrier, &number_resolver, &reporter, &janitor});
    kick = [&dispatcher] { dispatcher.kick(); };

    Admission admission;
    MailIntake intake(loop, store, committer, workers, names, random, log, metrics, admission);
    intake.on_queued(kick);
    mm4::Intake mm4_intake({loop, store, committer, workers, names, random, log, metrics, intake, mm4_carrier, admission});
    mm4_intake.on_queued(kick);
    MemoryBudget memory(config->memory_bytes);
    smtp::Server smtp_server(
        loop, store, memory, [&mm4_intake](ReceivedEnvelope envelope, Octets mail, std::function<void(Accepted)> done) { mm4_intake.accept(std::move(envelope), std::move(mail), std::move(done)); },
        admission, log, metrics);
    mm1::Service mm1_service({loop, store, committer, workers, settler, names, random, log, metrics, admission}, [&dispatcher] { dispatcher.kick(); });
    mm1::Server mm1_server(loop, memory, mm1_service, *config);

    Telemetry telemetry(loop, workers, store, metrics, log, [&]() -> PartsNow {
        return {dispatcher.carrying(), settler.unsettled(), committer.failures(), memory.taken_bytes(), !admission.is_open(), smtp_server.associations(), mm1_server.associations(), client->associations()};
    });
    MetricsServer metrics_server(loop, memory, telemetry, log);

    control::Desk desk({loop, *resolver, committer, telemetry, number_resolver, mm4_carrier, admission, intake, mm1_service});
    Reconfigure reconfigure{loop, log, smtp_server, mm1_server, mm1_service, memory, intake, mm4_intake, number_resolver, mm4_carrier, notifier, mail_carrier, reporter, *client, metrics_server, telemetry, desk};
    if (auto done = reconfigure(config); !done) return cannot_start(log, done.error().rule, EX_UNAVAILABLE);

    Result<std::unique_ptr<control::Server>> control_server;
    auto tell_of_reload = [&](control::Exit code, const std::string& text) {
        telemetry.reloaded(code == control::Exit::done);
        control::Notice notice;
        notice.what = control::Notice::What::reload;
        notice.at = loop.now();
        notice.code = code;
        notice.text = text;
        (*control_server)->publish(notice);
    };
    // Lines for people, of what a reload did or why it did nothing.
    auto reload = [&]() -> control::Reloaded {
        const ServiceManager::Reloading told(service);
        auto next = read_config(arguments.config_file);
        std::vector<std::string> lines;
        if (!next) {
            for (const ConfigError& error : next.error()) lines.push_back(error.message);
        } else {
            const std::vector<std::string_view> later = changed_keys(*config, *next, Reload::restart);
            keep_until_restart(*config, *next);
            auto wanted = std::make_shared<const Config>(std::move(*next));
            if (auto done = reconfigure(wanted); done) {
                for (std::string_view key : later) lines.push_back(std::string(key) + " takes effect at the next start");
                config = wanted;
                (*control_server)->reconfigure(*config);
                metrics.add(Counter::config_reloads);
                log.notice("-", "reloaded", {{"file", arguments.config_file}, {"waiting-for-restart", lines.size()}});
                tell_of_reload(control::Exit::done, {});
                dispatcher.try_now();
                return {true, std::move(lines)};
            } else {
                lines.push_back(done.error().rule);
                // What had been changed by then goes back.
                static_cast<void>(reconfigure(config));
            }
        }
        metrics.add(Counter::config_reload_failures);
        for (const std::string& line : lines) log.error("-", "reload-failed", {{"reason", line}, {"consequence", "the old configuration stays"}});
        tell_of_reload(control::Exit::configuration, lines.empty() ? std::string() : lines.front());
        lines.insert(lines.begin(), "the old configuration stays:");
        return {false, std::move(lines)};
    };

    control_server = control::Server::open(loop, workers, store, committer, metrics, telemetry, names, log, *config,
                                           {reload,
                                            [&desk](const control::Request& request, Octets octets, auto done) {
                                                desk.ask(request, std::move(octets), [done = std::move(done)](control::Desk::Answer answer) { done(std::move(answer.lines), answer.count, std::move(answer.end)); });
                                            },
                                            [&dispatcher] { dispatcher.try_now(); }});
    if (!control_server) return cannot_start(log, control_server.error().rule, EX_UNAVAILABLE);

    // Stops in two steps: no more work comes in, then what is under way ends or its time does.
    Timer drain_look;
    std::optional<Instant> drain_until;
    std::function<void()> look = [&] {
        const bool busy = smtp_server.connections() + mm1_server.connections() + dispatcher.carrying() + committer.pending() > 0;
        if (busy && loop.now() < *drain_until) {
            drain_look = loop.after(kDrainLook, look);
            return;
        }
        log.notice("-", "stopped", {{"under-way", dispatcher.carrying()}});
        loop.stop();
    };
    auto stop = [&] {
        if (drain_until) {   // asked twice: at once
            loop.stop();
            return;
        }
        service.tell("STOPPING=1\nSTATUS=Stopping");
        telemetry.stopping();
        log.notice("-", "stopping");
        drain_until = loop.now() + kDrainTime;
        dispatcher.drain();
        smtp_server.drain();
        mm1_server.drain();
        metrics_server.drain();
        client->drain();
        look();
    };
    Timer tidy;
    std::function<void()> tidy_up = [&] {
        if (smtp_server.connections() + mm1_server.connections() + dispatcher.carrying() + committer.pending() == 0) workers.run(give_back_freed_memory, [] {});
        tidy = loop.after(kTidyEvery, tidy_up);
    };
    tidy_up();

    loop.on_signal(SIGTERM, stop);
    loop.on_signal(SIGINT, stop);
    loop.on_signal(SIGHUP, [&reload] { reload(); });

    telemetry.begin([&](const Telemetry::Change& change) { (*control_server)->publish(change); });
    dispatcher.kick();
    if (config->sandbox) tell_confined(log, "calls", sandbox::confine_calls());
    for (const std::string& what : loop.inherited().unusable()) log.warning("-", "socket-not-usable", {{"socket", what}});
    for (const std::string& what : loop.inherited().unclaimed()) log.warning("-", "socket-not-used", {{"socket", what}, {"reason", "no listen key names this address"}});
    const std::string doors = "smtp=" + listed(smtp_server.endpoints()) + " mm1=" + listed(mm1_server.endpoints());
    const std::string metrics_doors = config->metrics_listen.empty() ? "" : " metrics=" + listed(metrics_server.endpoints());
    std::cerr << "ready " << doors << " control=" << config->control << metrics_doors << std::endl;
    const Watchdog watchdog(loop, committer, service);
    service.tell("READY=1\nSTATUS=" + doors + metrics_doors);
    loop.run();
    committer.stop();
    return EX_OK;
}

}   // namespace
}   // namespace mmgate

int main(int argc, char** argv) {
    mmgate::keep_freed_memory();
    auto arguments = mmgate::read_arguments(argc, argv);
    if (const int* status = std::get_if<int>(&arguments)) return *status;
    return mmgate::run(std::get<mmgate::Arguments>(arguments));
}
