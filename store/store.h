// The durable queue: all that the rest of the gateway knows of it.
//
// A message is accepted by Enqueue and stays until each recipient has an outcome; its record stays some time longer for
// mmq trace and for late reports. Changes are Operations; `apply` carries out all it is given in one durable transaction, so that many
// sessions share one commit. Reads may come from any thread and see the last commit. Work that is due is found by lane and time.
// One process owns a store. LMDB is behind it in lmdb_store.h; the tests' MemoryStore is another.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <variant>
#include <vector>

#include "mapping/mm.h"
#include "mapping/report.h"
#include "mapping/result.h"

namespace mmgate {

/// Names a message in this store. Ascends with arrival and never repeats. 13 characters of Crockford's base 32 as text.
struct QueueId {
    std::uint64_t value = 0;
    auto operator<=>(const QueueId&) const = default;
};
std::string to_text(QueueId id);
std::optional<QueueId> queue_id_of(std::string_view text);   // any case; O I L as Crockford reads them

enum class Interface : std::uint8_t { mail,
                                      mm1,
                                      mm4,
                                      mm7 };

/// What the content of a message is, and so which stage carries it.
enum class MessageKind : std::uint8_t {
    mm,     // content: an MM body as mm1::encode_content writes it
    mail,   // content: a finished RFC 5322 mail of ours (a delivery status notification)
    push,   // content: a finished MM1 PDU to push once (M-Delivery.ind)
    mm4,    // content: an MM4 response or report of ours as mm4::encode writes it
};

/// The contract's states, in order of progress; those from `delivered` on are ends.
enum class RecipientState : std::uint8_t {
    queued,
    active,
    deferred,
    held,
    notified,
    fetched,
    delivered,
    relayed,
    rejected,
    expired,
    failed,
    deleted,
};
constexpr bool is_end(RecipientState state) { return state >= RecipientState::delivered; }
std::string_view to_text(RecipientState state);
std::optional<RecipientState> recipient_state_of(std::string_view text);
std::string_view to_text(Interface interface);

/// Which delivery status notifications the sender of a mail asked for (RFC 3461 §4.1).
struct Notify {
    bool never = false, success = false, failure = true, delay = false;
    bool operator==(const Notify&) const = default;
};

enum class RecipientRole : std::uint8_t { to,
                                          cc,
                                          bcc };

struct Recipient {
    Address address;   // phone (E.164) or mailbox
    RecipientRole role = RecipientRole::to;
    std::string route;   // "mm1", "mail" or "mm4:NAME"
    std::string lane;    // whose turns it shares: "mm1", "mail:example.org", "mail:[127.0.0.1]:1025"
    RecipientState state = RecipientState::queued;
    RecipientState held_from = RecipientState::queued;   // what release goes back to
    std::uint32_t attempts = 0;
    Instant next_attempt{};          // when it is due again; of ends: when it ended
    std::string reason;              // last reply or refusal, one line
    std::string enhanced_status;     // of an end: "2.0.0", "5.1.1"
    Fault fault = Fault::internal;   // of a failure
    std::string remote_mta;          // who gave the last answer
    Notify notify;
    std::string original_recipient;               // ORCPT, xtext undone
    Octets token;                                 // route mm1: 16 random octets, the secret of its retrieval URL and transaction id (daemon/names.h)
    std::uint32_t expiry_told = 0;                // seconds in the first notification: repeats are identical
    std::uint8_t mms_version = 0;                 // octet of the phone's version as last seen, 0 unknown
    std::uint32_t notified_since_fetch = 0;       // route mm1: notifications repeated after a retrieval that nobody confirmed
    bool unconfirmed = false;                     // it ended after a retrieval that the phone never confirmed: nobody knows
    bool report_allowed = true;                   // Report-Allowed of the phone
    bool report_due = false;                      // an end nobody has been told of yet
    bool report_expected = false;                 // relayed: the next hop promised a report
    Instant report_from{};                        // report_due: not before this time
    std::uint16_t request = 0;                    // route mm4: which request to the peer names it, 0 none yet
    std::uint16_t requests_sent = 0;              // ... how often that request has left
    bool response_awaited = false;                // ... it has left and its response has not come
    bool looked_up_again = false;                 // ... a peer did not know its number, and who serves it was asked once more
    std::optional<ReadStatus> read;               // what it did, as last reported
    std::optional<RecipientState> deleted_from;   // deleted, and still kept: what undelete goes back to

    bool operator==(const Recipient&) const = default;
};

/// What has to be known of a request of a peer when it is answered or reported on. Source: 3GPP TS 23.140 §8.4.
struct Mm4Origin {
    std::string peer;                         // its name
    std::string transaction_id, message_id;   // as it wrote them, quotes and all
    std::string answer_to;                    // its system address, of its own domain
    bool relay_report = false;                // X-Mms-Originator-R/S-Delivery-Report
    bool operator==(const Mm4Origin&) const = default;
};

/// How long a recipient that the operator deleted is kept, so that Undelete brings it back.
inline constexpr Seconds kUndeleteFor = std::chrono::hours(24);
inline bool can_be_undeleted(const Recipient& recipient, Instant now) { return recipient.deleted_from && now < recipient.next_attempt + kUndeleteFor; }

struct Message {
    QueueId id;
    MessageKind kind = MessageKind::mm;
    Interface interface = Interface::mail;
    Instant arrival{};
    Instant expires{};                         // after it, what has not ended is expired
    std::uint64_t size_bytes = 0;              // of the content
    std::string return_path;                   // MAIL FROM of mail, "" for the null sender
    Address originator;                        // whom reports go to: a mailbox, or the phone that sent
    std::uint8_t originator_mms_version = 0;   // of the M-Send.req
    std::string envelope_id;                   // ENVID, xtext undone
    bool return_full = false;                  // RET=FULL
    bool automatic = false;                    // class Auto, null sender or list: never answered
    std::string peer;                          // who handed it in, for Received and trace: "host [127.0.0.1]"
    std::optional<QueueId> reports_on;         // of a report: the message it is about
    std::optional<Mm4Origin> mm4;              // of what a peer sent
    MmHeaders headers;
    std::vector<Recipient> recipients;   // at least one

    bool operator==(const Message&) const = default;
};

/// A message's state is the least finished of its recipients'.
RecipientState state_of(const Message& message);
/// Whether Undelete would bring something back.
bool can_be_undeleted(const Message& message, Instant now);

/// One line in the life of a message.
struct Event {
    Instant at{};
    std::optional<std::uint16_t> recipient;   // index, or nothing for the whole message
    std::string what;                         // "accepted", "notified", "deferred": one word
    std::string detail;                       // one line, already fit for people
    bool operator==(const Event&) const = default;
};

/// A SHA-256 over what makes two submissions the same one. Never a peer's own text.
using SubmissionKey = std::array<std::uint8_t, 32>;

/// A name under which a message is to be found (see Store::named) until a time.
struct Alias {
    SubmissionKey key{};
    Instant until{};
    bool operator==(const Alias&) const = default;
};

/// A message with recipients that have reached no end, or have (a refused recipient of a group message may end at once).
struct Enqueue {
    Message message;   // id is chosen by the store
    Octets content;
    Octets original_header;                    // of a mail: its header block, for DSNs
    std::optional<SubmissionKey> submission;   // the same key within its lifetime gives the same id and no second message
    Instant submission_until{};
    std::vector<Event> events;
    std::optional<Instant> report_at;   // when the report lane is to look at recipients that ended at once; absent: on arrival
    /// Empty, or one for each recipient: a recipient whose key is known is left out, since it has this message already. With none left nothing is enqueued, and
    /// the outcome names the message that has them. They live as long as `submission_until`.
    std::vector<SubmissionKey> recipient_keys{};
    std::vector<Alias> aliases{};
};

/// The recipient `index` of message `id`.
struct RecipientRef {
    QueueId id;
    std::uint16_t index = 0;
    auto operator<=>(const RecipientRef&) const = default;
};

/// Writes back one recipient, ends its lease, and puts it where its state and next_attempt say: queued, deferred, notified and fetched are due at
/// next_attempt, held and ends are not. `was` guards against what happened meanwhile: with another state in the store nothing is changed.
struct Settle {
    RecipientRef ref;
    std::vector<RecipientState> was;   // empty: any state that is no end
    Recipient recipient;
    std::vector<Event> events;
    std::optional<Instant> report_at;    // when the report lane is to look at this message
    std::vector<Enqueue> consequences;   // committed with it
    std::vector<Alias> aliases{};        // of the message, should anything change
};

/// The reporter's turn is over: clears report_due of these recipients and enqueues what they gave rise to.
struct Reported {
    QueueId id;
    std::vector<std::uint16_t> recipients;
    std::vector<Event> events;
    std::vector<Enqueue> consequences;
};

/// The operator's verbs, on every recipient of a message that has not ended.
struct Hold {
    QueueId id;
    Instant now;
    std::string reason{};   // one line for people, kept with the recipients; "": the operator wants it so
};
struct Release {
    QueueId id;
    Instant now;
};
struct Retry {
    QueueId id;
    Instant now;
};
/// What is deleted is kept for Undelete. For good: it is not, and what was deleted before no longer is either.
struct Delete {
    QueueId id;
    Instant now;
    bool for_good = false;
};
/// Takes back what Delete did less than kUndeleteFor ago, but for a recipient that got its message all the same; what comes back is due at once.
struct Undelete {
    QueueId id;
    Instant now;
};

/// The time in the purge lane has come: gives up what was kept for Undelete, and forgets a message, with its events, once it need not be remembered
/// either. What has not ended is not touched.
struct Purge {
    QueueId id;
    Instant now = Instant::max();
};
/// Forgets submission keys whose time is over, at most `limit`.
struct PurgeSubmissions {
    Instant now;
    std::size_t limit = 1000;
};

/// Whether a route is held: what goes there waits, though nothing of it is held by itself.
enum class Gate : std::uint8_t { open,
                                 held };
struct SetGate {
    std::string route;   // "mm4:NAME", of our configuration
    Gate gate = Gate::open;
};

using Operation = std::variant<Enqueue, Settle, Reported, Hold, Release, Retry, Delete, Undelete, Purge, PurgeSubmissions, SetGate>;

/// How many recipients of a message one of an operator's operations (Hold, Release, Retry, Delete, Undelete) would change; 0 for any other.
std::size_t would_change(const Operation& operation, const Message& message);

struct Outcome {
    QueueId id;                // of Enqueue: the message (the first one when it was a repetition)
    bool repeated = false;     // of Enqueue: the submission was known
    std::size_t changed = 0;   // recipients (or keys) that changed; 0: not found, or another state
};

/// What is claimed: all due recipients of one message in one lane, leased until settled.
struct Claimed {
    Message message;                         // whole, all recipients
    std::vector<std::uint16_t> recipients;   // the leased ones; empty in the lanes kReportLane and kPurgeLane
};

/// Lanes of the store's own making: messages with recipients to report on, and records to forget.
inline constexpr std::string_view kReportLane = "report";
inline constexpr std::string_view kPurgeLane = "purge";

struct LaneDue {
    std::string lane;
    Instant due;   // of its earliest entry that is not leased
    bool operator==(const LaneDue&) const = default;
};

/// How much stands in a lane.
struct LaneLoad {
    std::string lane;
    std::uint64_t entries = 0;         // recipients that wait there, those under way included
    std::optional<Instant> earliest;   // when the first that is not under way is due
    bool operator==(const LaneLoad&) const = default;
};

struct StoreStats {
    std::array<std::uint64_t, 12> recipients_by_state{};   // by RecipientState; ends: of records not yet purged
    std::uint64_t messages = 0;                            // not ended
    std::uint64_t records = 0;                             // ended ones that are still remembered as well
    std::uint64_t content_bytes = 0;
    std::uint64_t file_bytes = 0;   // never shrinks
    std::uint64_t used_bytes = 0;   // of the file
    std::uint64_t map_bytes = 0;
    std::uint64_t disk_free_bytes = 0;
    std::uint64_t commits = 0;
    std::optional<Instant> oldest_arrival;   // of messages not ended
    bool accepting = true;                   // false: above the high-water mark or the disk is full
};

class Store {
public:
    virtual ~Store() = default;

    /// Carries out all operations in one transaction and returns when they are durable: one outcome each, in order.
    /// Fails as a whole, with nothing changed: storage_full, storage_failed.
    /// Called from one thread at a time (the committer's).
    virtual Result<std::vector<Outcome>> apply(std::span<Operation> operations) = 0;

    /// Whether an Enqueue of this size would be taken now: storage_full above the high-water mark. Cheap; any thread.
    virtual Result<void> admits(std::uint64_t size_bytes) const = 0;

    /// Leases at most `limit` messages with recipients due in `lane` by `now`, oldest first. A lease lasts until Settle, `abandon`, or the process's end.
    virtual std::vector<Claimed> claim(std::string_view lane, Instant now, std::size_t limit) = 0;
    /// Ends leases without a change, so that the recipients are due again at once.
    virtual void abandon(std::span<const RecipientRef> refs) = 0;
    /// The same for a message claimed in kReportLane or kPurgeLane.
    virtual void abandon(std::string_view lane, QueueId id) = 0;

    /// Keeps the lane from being due before `until`, whatever comes into it: its carrier takes nothing now. Ends with the process; a claim is not kept
    /// from it.
    virtual void rest(std::string_view lane, Instant until) = 0;

    /// Lanes with work due by `now`, earliest first, and after them the next one in the future if there is any: at most `limit`.
    virtual std::vector<LaneDue> lanes(Instant now, std::size_t limit) const = 0;

    /// All lanes with entries, by name: at most `limit`. Costs no disk.
    virtual std::vector<LaneLoad> lane_loads(std::size_t limit) const = 0;

    virtual std::optional<Message> find(QueueId id) const = 0;
    /// The message that a submission, a recipient key or an alias names at this time.
    virtual std::optional<QueueId> named(const SubmissionKey& key, Instant now) const = 0;
    /// Routes that are held.
    virtual std::vector<std::string> held_routes() const = 0;
    /// Fails: not_found when no such message is kept, or its content no longer is; content_lost when it is not what was stored; storage_failed when
    /// the store cannot be read now.
    virtual Result<Octets> content(QueueId id) const = 0;
    /// The same for whoever carries the message: that it ended meanwhile is no fault of it, and so storage_failed, which is temporary.
    Result<Octets> content_to_carry(QueueId id) const;
    virtual std::optional<Octets> original_header(QueueId id) const = 0;
    virtual std::vector<Event> events(QueueId id) const = 0;
    /// Messages with ids above `after`, ascending; `ended` includes those all of whose recipients have ended.
    virtual std::vector<Message> list(QueueId after, std::size_t limit, bool ended) const = 0;

    virtual StoreStats stats() const = 0;
    /// 32 random octets made with the store: the key under which message ids are made.
    virtual Octets secret() const = 0;
    /// Checks every record, index and octet of content; one line a finding, none when all is well.
    virtual std::vector<std::string> check() const = 0;
    /// A consistent copy of the store as one file. Fails: storage_failed.
    virtual Result<void> backup(const std::string& path) const = 0;
};

}   // namespace mmgate
