// The conversation on the control socket: what mmq asks, what the gateway answers.
//
// Lines of JSON, UTF-8, each ended by LF. The gateway speaks first: {"mmgate":"0.1.0","protocol":1}. Each request is one line:
//
//   {"verb":"list","state":["deferred"],"to":"*@example.net","older":3600}
//
// and is answered by any number of lines, one object each, and a last one: {"end":true,"code":0,"count":12,"text":""}. Where octets
// are asked for, a line {"octets":N} is followed by N octets as they are, and then by the last line. One request at a time.
// `events` has no end: what happens is told line by line, see Notice; who does not read is dropped.
// Source: the exit codes are those of sysexits(3), given their meaning in mmq(1).
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "daemon/metrics.h"
#include "daemon/watch/alarms.h"
#include "mapping/result.h"
#include "store/store.h"

namespace mmgate::control {

inline constexpr int kProtocolVersion = 1;
inline constexpr std::size_t kRequestBytes = 64 * 1024;   // with its LF
inline constexpr std::size_t kRequestIds = 2000;          // of one request
inline constexpr std::size_t kPatternBytes = 400;         // of a selector
inline constexpr std::size_t kActorBytes = 64;
inline constexpr std::size_t kImportBytes = 64 * 1024 * 1024;
inline constexpr std::size_t kImportRecipients = 100;

/// What mmq ends with, and what the last line of an answer says.
enum class Exit : std::uint8_t {
    done = 0,
    nothing_matched = 1,
    usage = 64,
    bad_data = 65,
    no_such_id = 66,
    not_running = 69,
    our_bug = 70,
    io = 74,
    busy = 75,
    not_allowed = 77,
    configuration = 78,
};

enum class Verb : std::uint8_t { list,
                                 show,
                                 cat,
                                 hold,
                                 release,
                                 retry,
                                 erase,
                                 undelete,
                                 stats,
                                 trace,
                                 why,
                                 reload,
                                 check,
                                 backup,
                                 alarms,
                                 events,
                                 route,
                                 peers,
                                 peer,
                                 peer_test,
                                 peer_hold,
                                 peer_release,
                                 drain,
                                 resume,
                                 import_ };

struct VerbSpec {
    Verb verb;
    std::string_view name;
    bool changes = false;     // the queue or the gateway: such requests are logged with who made them
    bool takes_ids = false;   // one or more, or selectors where `selects`
    bool selects = false;
    bool monitors = false;        // snmp.user may use it
    bool over_snmp = false;       // with an actor, where snmp.control allows it
    bool offline = false;         // asks nothing but the store
    bool takes_peer = false;      // the name of one of [[peer]]
    bool takes_address = false;   // as a person writes it
};
// clang-format off
inline constexpr auto kVerbs = std::to_array<VerbSpec>({
    {.verb = Verb::list, .name = "list", .selects = true, .offline = true},
    {.verb = Verb::show, .name = "show", .takes_ids = true, .offline = true},
    {.verb = Verb::cat, .name = "cat", .takes_ids = true, .offline = true},
    {.verb = Verb::hold, .name = "hold", .changes = true, .takes_ids = true, .selects = true, .over_snmp = true, .offline = true},
    {.verb = Verb::release, .name = "release", .changes = true, .takes_ids = true, .selects = true, .over_snmp = true, .offline = true},
    {.verb = Verb::retry, .name = "retry", .changes = true, .takes_ids = true, .selects = true, .over_snmp = true, .offline = true},
    {.verb = Verb::erase, .name = "delete", .changes = true, .takes_ids = true, .selects = true, .offline = true},
    {.verb = Verb::undelete, .name = "undelete", .changes = true, .takes_ids = true, .selects = true, .offline = true},
    {.verb = Verb::stats, .name = "stats", .monitors = true},
    {.verb = Verb::trace, .name = "trace", .takes_ids = true, .offline = true},
    {.verb = Verb::why, .name = "why", .takes_ids = true, .offline = true},
    {.verb = Verb::reload, .name = "reload", .changes = true, .over_snmp = true},
    {.verb = Verb::check, .name = "check", .offline = true},
    {.verb = Verb::backup, .name = "backup", .changes = true, .offline = true},
    {.verb = Verb::alarms, .name = "alarms", .monitors = true},
    {.verb = Verb::events, .name = "events", .monitors = true},
    {.verb = Verb::route, .name = "route", .takes_address = true},
    {.verb = Verb::peers, .name = "peers"},
    {.verb = Verb::peer, .name = "peer", .takes_peer = true},
    {.verb = Verb::peer_test, .name = "peer-test", .takes_peer = true, .takes_address = true},
    {.verb = Verb::peer_hold, .name = "peer-hold", .changes = true, .takes_peer = true},
    {.verb = Verb::peer_release, .name = "peer-release", .changes = true, .takes_peer = true},
    {.verb = Verb::drain, .name = "drain", .changes = true},
    {.verb = Verb::resume, .name = "resume", .changes = true},
    {.verb = Verb::import_, .name = "import", .changes = true},
});
// clang-format on
constexpr const VerbSpec& spec_of(Verb verb) { return kVerbs[static_cast<std::size_t>(verb)]; }

/// Whether an answer is read from the store, or what the gateway's parts know.
constexpr bool is_of_store(Verb verb) { return verb < Verb::route; }

/// Which messages are meant. What is empty selects nothing out; conditions add up.
struct Selector {
    std::vector<RecipientState> states{};   // the message's, as `list` shows it
    std::string from{}, to{};               // patterns, see `matches`; `to` of any recipient
    std::string peer{};                     // who handed it in, or the next hop of a recipient that has not ended: see `concerns`
    std::string error{};                    // of a recipient's last reason or enhanced status; without "*" it may stand anywhere in it
    std::optional<Seconds> older{};         // arrived at least so long ago
    bool ended = false;                     // those all of whose recipients have ended as well
    bool operator==(const Selector&) const = default;
};

/// Whether `address` is what a pattern names: whole and in any case, "*" for any letters, "@domain" for all of a domain; a phone is
/// named by its number with or without /TYPE=PLMN.
bool matches(std::string_view pattern, std::string_view address);
bool matches(const Selector& selector, const Message& message, Instant now);
/// Whether a message came from, or has a recipient that still goes to, what a pattern names: a peer ("other" or "mm4:other"), a route ("mm1"), or
/// where mail goes ("example.org", "mail:example.org").
bool concerns(std::string_view pattern, const Message& message);

/// What `cat` gives.
enum class CatForm : std::uint8_t {
    person,    // objects: headers, parts, texts
    content,   // the octets that the store keeps
    mail,      // the message as Internet mail
    part,      // the octets of one part
};

struct Request {
    Verb verb = Verb::list;
    std::vector<QueueId> ids{};
    bool all = false;        // of verbs that select: the messages that `selector` names
    bool dry_run = false;    // of verbs that change: only say which
    bool for_good = false;   // of delete: undelete does not bring it back
    Selector selector{};
    CatForm form = CatForm::person;
    std::uint32_t part = 0;                  // from 1
    std::uint64_t octets = 0;                // of import: how many follow the request, a mail or an M-Send.req
    std::string originator{};                // of import: who sends it; "" for the mail's own From
    std::vector<std::string> recipients{};   // of import: of a mail; none for its own To and Cc
    std::string peer{};                      // of verbs about one: its name
    std::string address{};                   // of route; of peer_test: the recipient to name, "" for the peer's system address
    std::string actor{};                     // on whose behalf something is changed, where it is not the peer's own user: what SNMP says of its manager, for the log
    bool operator==(const Request&) const = default;
};
/// One line without its LF. Fails: malformed, with what is wrong; unknown members are wrong.
Result<Request> decode_request(std::string_view line);
std::string encode_request(const Request& request);

/// The last line of an answer.
struct End {
    Exit code = Exit::done;
    std::uint64_t count = 0;   // objects, or messages changed
    std::string text;          // for people where code is not 0, else ""
    bool operator==(const End&) const = default;
};
std::string encode_end(const End& end);
std::string encode_hello(std::string_view version);

/// The answer to `stats`: one object of all figures by their names; counters stand in `counters`, tables in lists of their own.
std::string encode_figures(const Figures& figures);
/// Fails: malformed. Figures that this version does not know are passed over, those that are missing stay empty.
Result<Figures> decode_figures(std::string_view line);

/// The columns of a row by their names, without the row's own: an object.
std::string encode_columns(const FigureRow& row, FigureTable table);

/// One object of `alarms`.
std::string encode_alarm(const Alarm& alarm);

/// One line of `events`. A conversation begins with `begin`, each alarm that is raised, and `ready`; then they come as things happen.
struct Notice {
    enum class What : std::uint8_t { begin,
                                     ready,
                                     alarm_raised,
                                     alarm_cleared,
                                     health,
                                     reload,
                                     control };
    What what = What::begin;
    Instant at{};
    Alarm alarm{};             // of alarms
    std::string version{};     // of begin: the gateway's
    Instant started{};         // of begin: when it started
    Health health{};           // of begin and health
    std::string text{};        // of health: why; of reload and control: what came of it
    Exit code = Exit::done;    // of reload and control
    std::string verb{};        // of control
    std::string actor{};       // of control: who, as the log names it
    std::uint64_t count = 0;   // of control: messages
    bool operator==(const Notice&) const = default;
};
std::string encode_notice(const Notice& notice);
Result<Notice> decode_notice(std::string_view line);
/// The end of an answer that `line` is, or nothing when it is another line.
std::optional<End> decode_end(std::string_view line);

/// The control socket of the gateway that a file configures. Fails: malformed, with everything that is wrong with it.
Result<std::string> control_socket_of(const std::string& config_file);

/// Announces octets that follow.
std::string encode_octets(std::uint64_t count);

}   // namespace mmgate::control
