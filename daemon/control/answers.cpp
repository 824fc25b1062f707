#include "daemon/control/answers.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <mutex>

#include "daemon/control/explain.h"
#include "daemon/control/message_json.h"
#include "mapping/mail/mm_to_mail.h"
#include "mapping/mm1/dump.h"
#include "mapping/mm1/messages.h"

namespace mmgate::control {

namespace {

constexpr std::size_t kPageMessages = 64;
constexpr std::size_t kPageIds = 100;
constexpr std::size_t kBackupPieceBytes = 1024 * 1024;

// Two copies under way would have one name, and take the room of two stores.
std::mutex copying;

Piece failed(Piece piece, Exit code, std::string text) {
    piece.failed = End{code, 0, std::move(text)};
    piece.last = true;
    return piece;
}

/// What a verb that changes messages does with one: it stands among those to change, or is told of where it is a dry run.
void take(const Request& request, const Message& message, Instant now, Piece& piece) {
    const std::size_t recipients = would_change(operation_of(request, message.id, now), message);
    if (recipients == 0) return;
    if (!request.dry_run) return piece.change.push_back(message.id);
    piece.octets += changed_line(message.id, recipients);
    ++piece.count;
}

/// From where the error came decides whether trying again helps.
Exit exit_of(const Error& error) { return error.fault == Fault::storage_full || error.fault == Fault::overloaded ? Exit::busy : Exit::io; }

}   // namespace

Operation operation_of(const Request& request, QueueId id, Instant now) {
    switch (request.verb) {
        case Verb::hold: return Hold{id, now, {}};
        case Verb::release: return Release{id, now};
        case Verb::retry: return Retry{id, now};
        case Verb::undelete: return Undelete{id, now};
        default: return Delete{id, now, request.for_good};
    }
}

End verdict(const Request& request, std::uint64_t count, std::uint64_t missing) {
    const VerbSpec& spec = spec_of(request.verb);
    if (missing) return {Exit::no_such_id, count, missing == 1 && request.ids.size() == 1 ? "no such ID" : std::to_string(missing) + " of these IDs do not exist"};
    Selector anything;
    anything.ended = request.selector.ended;
    const bool selected = request.selector != anything;
    if (count == 0 && ((spec.selects && spec.changes) || (request.verb == Verb::list && selected)))
        return {Exit::nothing_matched, 0, request.ids.empty() ? "nothing matched" : request.verb == Verb::retry ? "nothing to change: it has ended, is held, or is under way"
                                                                                                                : "nothing to change: it has ended, or is so already"};
    return {Exit::done, count, ""};
}

BackupFile::~BackupFile() { ::close(fd_); }

std::optional<Octets> BackupFile::read(std::size_t most) {
    Octets out(static_cast<std::size_t>(std::min<std::uint64_t>(most, left_)), '\0');
    std::size_t got = 0;
    while (got < out.size()) {
        ssize_t n = ::read(fd_, out.data() + got, out.size() - got);
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) return std::nullopt;
        got += static_cast<std::size_t>(n);
    }
    left_ -= got;
    return out;
}

Answers::Answers(const Store& store, const Names& names, const Config& config)
    : store_(store), names_(names), domain_(config.domain), hostname_(config.hostname), state_dir_(config.state_dir), keep_smil_(config.keep_smil), mm4_lifetime_(config.mm4_lifetime) {}

Piece Answers::next(Cursor cursor, Instant now) const {
    switch (cursor.request.verb) {
        case Verb::check: return check(std::move(cursor));
        case Verb::backup: return backup(std::move(cursor));
        case Verb::list: return walk(std::move(cursor), now);
        default: return cursor.request.ids.empty() ? walk(std::move(cursor), now) : named(std::move(cursor), now);
    }
}

Piece Answers::walk(Cursor cursor, Instant now) const {
    const Request& request = cursor.request;
    Selector selector = request.selector;
    selector.ended |= request.verb == Verb::undelete || request.for_good;   // what is deleted has ended
    const bool wants_ended = selector.ended || std::ranges::any_of(selector.states, is_end);
    std::vector<Message> messages = store_.list(cursor.after, kPageMessages, wants_ended);
    Piece piece;
    piece.last = messages.size() < kPageMessages;
    for (const Message& message : messages) {
        cursor.after = message.id;
        if (!matches(selector, message, now)) continue;
        if (request.verb == Verb::list) {
            piece.octets += list_line(message);
            ++piece.count;
        } else {
            take(request, message, now, piece);
        }
    }
    piece.cursor = std::move(cursor);
    return piece;
}

Piece Answers::named(Cursor cursor, Instant now) const {
    Piece piece;
    piece.cursor = std::move(cursor);
    const Request& request = piece.cursor.request;
    bool changes = spec_of(request.verb).changes;
    std::size_t& next = piece.cursor.next_id;
    // One message a piece where each may be large.
    for (std::size_t until = std::min(request.ids.size(), next + (changes ? kPageIds : 1)); next < until && !piece.failed; ++next) {
        QueueId id = request.ids[next];
        auto message = store_.find(id);
        if (!message) {
            piece.octets += missing_line(id);
            ++piece.missing;
        } else if (changes) {
            take(request, *message, now, piece);
        } else {
            describe(*message, now, piece);
        }
    }
    piece.last = piece.last || next == request.ids.size();
    return piece;
}

void Answers::describe(const Message& message, Instant now, Piece& piece) const {
    switch (piece.cursor.request.verb) {
        case Verb::show: piece.octets += show_line(message, names_.message_id(message.id)); break;
        case Verb::why: piece.octets += why_line(message.id, explain(message, now, mm4_lifetime_, store_.held_routes())); break;
        case Verb::trace:
            for (const Event& event : store_.events(message.id)) piece.octets += event_line(message, event);
            break;
        default: cat(message, piece); break;
    }
    if (!piece.failed) ++piece.count;
}

void Answers::cat(const Message& message, Piece& piece) const {
    const Request& request = piece.cursor.request;
    auto refuse = [&](Exit code, std::string text) { piece = failed(std::move(piece), code, std::move(text)); };
    auto content = store_.content(message.id);
    if (!content && content.error().fault == Fault::not_found)
        return refuse(Exit::no_such_id, "the content of " + to_text(message.id) + " is no longer kept: all recipients have ended");
    if (!content) return refuse(Exit::io, "the content of " + to_text(message.id) + " cannot be had: " + content.error().rule);
    if (request.form != CatForm::person) {
        auto octets = octets_of(message, request, *content);
        if (!octets) return refuse(Exit::bad_data, octets.error().rule);
        piece.octets += encode_octets(octets->size()) + *octets;
        return;
    }
    std::string message_id = names_.message_id(message.id);
    if (message.kind == MessageKind::mail) {
        piece.octets += cat_text_line(message, message_id, *content);
    } else if (message.kind == MessageKind::mm4) {
        piece.octets += cat_text_line(message, message_id, *content);
    } else if (message.kind == MessageKind::push) {
        auto pdu = mm1::decode_pdu(*content);
        piece.octets += cat_text_line(message, message_id, pdu ? mm1::dump(*pdu) : "the PDU does not decode: " + pdu.error().rule);
    } else if (auto decoded = mm1::decode_content(*content)) {
        piece.octets += cat_line(message, message_id, *decoded);
    } else {
        refuse(Exit::bad_data, "octet " + std::to_string(decoded.error().offset) + " of the content: " + decoded.error().rule);
    }
}

Result<Octets> Answers::octets_of(const Message& message, const Request& request, const Octets& content) const {
    if (request.form == CatForm::content) return content;
    if (message.kind != MessageKind::mm) {
        if (request.form == CatForm::mail && message.kind == MessageKind::mail) return content;
        return fail(Fault::not_found, "the message is a report, not a multimedia message; only its raw content can be had");
    }
    auto decoded = mm1::decode_content(content);
    if (!decoded) return fail(decoded.error());
    if (request.form == CatForm::part) {
        auto parts = leaf_parts(*decoded);
        if (request.part > parts.size()) return fail(Fault::not_found, "the message has " + std::to_string(parts.size()) + " parts");
        return parts[request.part - 1]->data;
    }
    mail::MmToMailOptions options;
    options.message_id = names_.message_id(message.id);
    options.domain = domain_;
    options.hostname = hostname_;
    options.queue_id = to_text(message.id);
    options.boundary_seed = options.queue_id;
    options.received_at = message.arrival;
    options.keep_smil = keep_smil_;
    return mail::mm_to_mail(message.headers, *decoded, options);
}

Piece Answers::check(Cursor cursor) const {
    Piece piece;
    for (const std::string& finding : store_.check()) {
        piece.octets += text_line(finding);
        ++piece.count;
    }
    piece.cursor = std::move(cursor);
    piece.last = true;
    if (piece.count) piece.failed = End{Exit::bad_data, piece.count, "the store has " + std::to_string(piece.count) + " faults; see mmq check --repair in mmq(1)"};
    return piece;
}

// The gateway may write nowhere but in its state directory, and the copy is to belong to who asked for it: so it is made there, loses its
// name at once, and travels over the socket.
Piece Answers::backup(Cursor cursor) const {
    Piece piece;
    if (!cursor.backup) {
        const std::unique_lock alone(copying, std::try_to_lock);
        if (!alone) return failed(std::move(piece), Exit::busy, "another backup is being made; try again");
        std::string path = state_dir_ + "/backup.tmp";
        ::unlink(path.c_str());   // of a gateway that was killed meanwhile
        if (auto done = store_.backup(path); !done) return failed(std::move(piece), exit_of(done.error()), done.error().rule);
        int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
        ::unlink(path.c_str());
        struct stat status {};
        if (fd < 0 || ::fstat(fd, &status) != 0) {
            if (fd >= 0) ::close(fd);
            return failed(std::move(piece), Exit::io, "the copy of the store cannot be read");
        }
        cursor.backup = std::make_shared<BackupFile>(fd, static_cast<std::uint64_t>(status.st_size));
        piece.octets = encode_octets(cursor.backup->left());
    } else {
        auto octets = cursor.backup->read(kBackupPieceBytes);
        if (!octets) return failed(std::move(piece), Exit::io, "the copy of the store cannot be read");
        piece.octets = std::move(*octets);
    }
    piece.last = cursor.backup->left() == 0;
    piece.count = piece.last;
    piece.cursor = std::move(cursor);
    return piece;
}

}   // namespace mmgate::control
