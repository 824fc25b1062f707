#include "daemon/control/queue_offline.h"

#include "daemon/control/message_json.h"

namespace mmgate::control {

namespace {

Instant present() { return std::chrono::time_point_cast<Instant::duration>(std::chrono::system_clock::now()); }

}   // namespace

OfflineQueue::OfflineQueue(std::unique_ptr<Store> store, const Config& config)
    : store_(std::move(store)), names_(store_->secret(), config.domain), answers_(*store_, names_, config) {}

Result<std::string> OfflineQueue::change(const Request& request, const std::vector<QueueId>& ids, std::uint64_t& count) {
    std::string lines;
    std::vector<Operation> operations;
    for (QueueId id : ids) operations.push_back(operation_of(request, id, present()));
    auto outcomes = store_->apply(operations);
    if (!outcomes) return fail(outcomes.error());
    for (std::size_t i = 0; i < ids.size(); ++i) {
        if ((*outcomes)[i].changed == 0) continue;
        lines += changed_line(ids[i], (*outcomes)[i].changed);
        ++count;
    }
    return lines;
}

tl::expected<End, Failure> OfflineQueue::ask(const Request& request, const std::function<bool(std::string_view)>& line, const std::function<bool(Bytes)>& octets, Bytes /*nobody reads it*/) {
    const VerbSpec& spec = spec_of(request.verb);
    if (!spec.offline) return tl::unexpected(Failure{Exit::not_running, std::string(spec.name) + " asks a running gateway"});
    // Every limit of the conversation holds here, too.
    if (auto checked = decode_request(encode_request(request)); !checked) return tl::unexpected(Failure{Exit::usage, checked.error().rule});
    auto print = [&](std::string_view lines) {
        while (!lines.empty()) {
            const std::size_t end = std::min(lines.find('\n'), lines.size());
            if (!line(lines.substr(0, end))) return false;
            lines.remove_prefix(std::min(end + 1, lines.size()));
        }
        return true;
    };
    Cursor cursor;
    cursor.request = request;
    std::uint64_t count = 0, missing = 0;
    for (bool last = false; !last;) {
        Piece piece = answers_.next(std::move(cursor), present());
        const bool raw = request.verb == Verb::backup || request.form != CatForm::person;
        if (raw && !piece.failed) {
            // The announcement is for a socket: here the octets speak for themselves.
            const std::size_t head = piece.octets.starts_with("{\"octets\":") ? piece.octets.find('\n') + 1 : 0;
            if (!octets(Bytes(piece.octets).substr(head))) return End{Exit::io, 0, "the output cannot be written"};
        } else if (!print(piece.octets)) {
            return End{Exit::io, 0, "the output cannot be written"};
        }
        count += piece.count;
        missing += piece.missing;
        if (piece.failed) return *piece.failed;
        if (!piece.change.empty()) {
            auto lines = change(request, piece.change, count);
            if (!lines) return End{lines.error().fault == Fault::storage_full ? Exit::busy : Exit::io, count, lines.error().rule};
            if (!print(*lines)) return End{Exit::io, count, "the output cannot be written"};
        }
        last = piece.last;
        cursor = std::move(piece.cursor);
    }
    return verdict(request, count, missing);
}

}   // namespace mmgate::control
