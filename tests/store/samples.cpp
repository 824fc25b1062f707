#include "tests/store/samples.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <sstream>

#include <criterion/criterion.h>
#include <unistd.h>

namespace mmgate::samples {

Recipient recipient(std::string address, std::string lane, Instant due) {
    Recipient out;
    out.address = {address.starts_with('+') ? Address::Kind::phone : Address::Kind::mailbox, std::move(address), "A Name"};
    out.route = lane == "mm1" ? "mm1" : "mail";
    out.lane = std::move(lane);
    out.next_attempt = due;
    out.notify = {.never = false, .success = true, .failure = true, .delay = true};
    out.original_recipient = "rfc822;someone@example.org";
    out.token = Octets("\x00\xff\x10 token octets", 16);
    out.mms_version = 0x92;
    out.request = 3;
    out.requests_sent = 2;
    out.response_awaited = true;
    out.looked_up_again = true;
    out.read = ReadStatus::deleted_unread;
    return out;
}

Enqueue enqueue(std::vector<Recipient> recipients, std::string content, Instant arrival) {
    Enqueue out;
    Message& message = out.message;
    message.kind = MessageKind::mm;
    message.interface = Interface::mm1;
    message.arrival = arrival;
    message.expires = arrival + std::chrono::hours(24);
    message.size_bytes = content.size();
    message.return_path = "sender@example.org";
    message.originator = {Address::Kind::mailbox, "sender@example.org", "Sénder"};
    message.originator_mms_version = 0x93;
    message.envelope_id = "ENVID=1";
    message.return_full = true;
    message.automatic = true;
    message.peer = "client.example.org [192.0.2.1]";
    message.reports_on = QueueId{77};
    MmHeaders& headers = message.headers;
    headers.message_id = "abc@example.org";
    headers.from = message.originator;
    for (const Recipient& one : recipients) headers.to.push_back(one.address);
    headers.cc.push_back({Address::Kind::short_code, "12345", {}});
    headers.subject = "Grüße";
    headers.date = arrival - Seconds(5);
    headers.message_class = MessageClass::informational;
    headers.priority = Priority::high;
    headers.delivery_report = headers.read_report = headers.sender_hidden = headers.drm_content = true;
    headers.expiry = When{Seconds(3600), std::nullopt};
    headers.delivery_time = When{std::nullopt, arrival + Seconds(60)};
    headers.applic_id = Octets("\x00\xfe app", 6);
    headers.reply_applic_id = "reply";
    headers.aux_applic_info = "aux";
    headers.content_class = 0x80;
    headers.adaptation_allowed = false;
    headers.replace_id = "replaced";
    headers.previously_sent = {{1, {Address::Kind::phone, "+447700900009", {}}, arrival - Seconds(100)}};
    headers.reply_charging_id = "charged";
    headers.reply_charging = 0x81;
    headers.extension_fields = {{"X-Mms-VAS-ID", "news"}, {"X-Mms-Service-Code", "a;b"}};
    message.mm4 = Mm4Origin{"other", "\"t-1\"", "<m-1@b.example>", "system@b.example", true};
    message.recipients = std::move(recipients);
    out.content = std::move(content);
    out.original_header = "Subject: hello\r\n";
    out.events = {{arrival, std::nullopt, "accepted", "from a test"}, {arrival, 0, "routed", "to its lane"}};
    return out;
}

SubmissionKey key(std::uint8_t number) {
    SubmissionKey out{};
    out.fill(number);
    return out;
}

Settle settle(RecipientRef ref, const Recipient& before, RecipientState state, Instant due, std::vector<RecipientState> was) {
    Settle out;
    out.ref = ref;
    out.was = std::move(was);
    out.recipient = before;
    out.recipient.state = state;
    out.recipient.next_attempt = due;
    ++out.recipient.attempts;
    out.events = {{due, ref.index, std::string(to_text(state)), "settled"}};
    return out;
}

TemporaryDirectory::TemporaryDirectory() {
    // In memory where there is such a place: what is tested is what is written, not how fast a disk syncs.
    const char* parent = std::getenv("TMPDIR");
    const bool in_memory = !parent && access("/dev/shm", W_OK | X_OK) == 0;
    path_ = std::string(parent ? parent : in_memory ? "/dev/shm"
                                                    : "/tmp") +
            "/mmgate-store-XXXXXX";
    cr_assert(mkdtemp(path_.data()) != nullptr);
}

TemporaryDirectory::~TemporaryDirectory() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
}

std::vector<Outcome> apply(Store& store, std::vector<Operation> operations) {
    const std::size_t count = operations.size();
    auto outcomes = store.apply(operations);
    cr_assert(outcomes.has_value(), "%s", outcomes ? "" : outcomes.error().rule.c_str());
    cr_assert(outcomes->size() == count);
    return std::move(*outcomes);
}

Outcome apply_one(Store& store, Operation operation) {
    std::vector<Operation> operations;
    operations.push_back(std::move(operation));
    return apply(store, std::move(operations)).front();
}

std::unique_ptr<Store> open(const LmdbOptions& options) {
    auto store = open_lmdb_store(options);
    cr_assert(store.has_value(), "%s", store ? "" : store.error().rule.c_str());
    return std::move(*store);
}

LmdbOptions options_in(const TemporaryDirectory& directory) {
    LmdbOptions options;
    options.directory = directory / "store";
    options.map_size_bytes = 1ULL << 30;
    options.disk_reserve_bytes = 0;
    options.tell = [](const std::string& text) { std::fprintf(stderr, "store: %s\n", text.c_str()); };
    return options;
}

std::string text_of(const Message& message) {
    std::ostringstream out;
    out << to_text(message.id) << " " << to_text(state_of(message)) << " " << message.size_bytes << " to " << message.headers.to.size();
    for (const Recipient& one : message.recipients)
        out << " [" << one.address.value << " " << one.lane << " " << to_text(one.state) << " " << to_text(one.held_from) << " " << one.attempts << " "
            << one.next_attempt.time_since_epoch().count() << " " << one.reason << (one.report_due ? " report" : "") << (one.report_expected ? " expected" : "") << "]";
    return out.str();
}

std::string describe(const Store& store, Instant now) {
    std::ostringstream out;
    auto messages = store.list({}, 1'000'000, true);
    for (const Message& message : messages) {
        out << text_of(message) << "\n";
        cr_expect(store.find(message.id) == message, "find and list differ");
        auto content = store.content(message.id);
        auto header = store.original_header(message.id);
        out << "  content " << (content ? std::to_string(std::hash<std::string>{}(*content)) : "none") << ", header " << (header ? *header : "none") << "\n";
        for (const Event& event : store.events(message.id))
            out << "  " << event.at.time_since_epoch().count() << " " << (event.recipient ? std::to_string(*event.recipient) : "-") << " " << event.what << " " << event.detail << "\n";
    }
    out << "waiting";
    for (const Message& message : store.list({}, 1'000'000, false)) out << " " << to_text(message.id);
    auto lanes = store.lanes(now, 1'000'000);
    // Lanes due at the same time come in any order.
    std::ranges::sort(lanes, {}, [](const LaneDue& lane) { return std::pair(lane.due, lane.lane); });
    out << "\nlanes";
    for (const LaneDue& lane : lanes)
        if (lane.due <= now) out << " " << lane.lane << "@" << lane.due.time_since_epoch().count();
        else out << " next@" << lane.due.time_since_epoch().count();
    const StoreStats stats = store.stats();
    out << "\nstats " << stats.messages << " " << stats.records << " " << stats.content_bytes << " " << (stats.oldest_arrival ? stats.oldest_arrival->time_since_epoch().count() : 0);
    for (std::uint64_t count : stats.recipients_by_state) out << " " << count;
    out << "\n";
    return out.str();
}

}   // namespace mmgate::samples
