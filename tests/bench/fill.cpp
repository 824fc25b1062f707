// Fills a store with messages that wait, for rows about long queues: fill DIRECTORY COUNT.
#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

#include "store/lmdb_store.h"

using namespace mmgate;

namespace {

constexpr std::size_t kOneCommit = 2'000;

Enqueue waiting(std::size_t number, Instant now) {
    Enqueue out;
    Message& message = out.message;
    message.kind = MessageKind::mm;
    message.interface = Interface::mm1;
    message.arrival = now - Seconds(number % 86'400);
    message.expires = now + std::chrono::hours(24 * 6);
    message.originator = {Address::Kind::phone, "+447700" + std::to_string(900'000 + number % 1'000), {}};
    message.headers.from = message.originator;
    message.headers.subject = "Message " + std::to_string(number);
    out.content = "short";
    message.size_bytes = out.content.size();
    Recipient recipient;
    recipient.address = {Address::Kind::mailbox, "user" + std::to_string(number) + "@host" + std::to_string(number % 500) + ".example", {}};
    recipient.route = "mail";
    recipient.lane = "mail:host" + std::to_string(number % 500) + ".example";
    recipient.state = RecipientState::deferred;
    recipient.attempts = 3;
    recipient.next_attempt = now + std::chrono::hours(24);
    recipient.reason = "450 4.2.0 the mailbox is busy, try again later";
    recipient.enhanced_status = "4.2.0";
    message.headers.to = {recipient.address};
    message.recipients.push_back(std::move(recipient));
    return out;
}

}   // namespace

int main(int argc, char** argv) {
    if (argc != 3) return std::fprintf(stderr, "usage: fill DIRECTORY COUNT\n"), 64;
    const std::size_t count = std::strtoull(argv[2], nullptr, 10);
    LmdbOptions options;
    options.directory = argv[1];
    auto store = open_lmdb_store(options);
    if (!store) return std::fprintf(stderr, "fill: %s\n", store.error().rule.c_str()), 74;
    const Instant now = std::chrono::time_point_cast<Instant::duration>(std::chrono::system_clock::now());
    for (std::size_t done = 0; done < count;) {
        std::vector<Operation> operations;
        for (; operations.size() < kOneCommit && done < count; ++done) operations.emplace_back(waiting(done, now));
        if (auto applied = (*store)->apply(operations); !applied) return std::fprintf(stderr, "fill: %s\n", applied.error().rule.c_str()), 74;
    }
}
