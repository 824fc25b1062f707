// Values to FlatBuffers.
#include "store/records.h"

#include "records_generated.h"
#include "store/fault_numbers.h"

namespace mmgate::records {

namespace {

using flatbuffers::FlatBufferBuilder;
using flatbuffers::Offset;
template <class T>
using Vector = flatbuffers::Vector<T>;

// The numbers on disk are those of these enumerations: a name put in the middle would change what is written already.
static_assert(static_cast<int>(RecipientState::deleted) == 11 && static_cast<int>(MessageKind::push) == 2 &&
                  static_cast<int>(Interface::mm7) == 3 && static_cast<int>(RecipientRole::bcc) == 2 && static_cast<int>(Address::Kind::other) == 5 &&
                  static_cast<int>(MessageClass::automatic) == 3 && static_cast<int>(Priority::high) == 2,
              "names are added to a stored enumeration at its end only");

constexpr std::size_t kFirstBufferBytes = 4096;

// What is empty takes no room: reading gives the empty value for an absent one.
Offset<flatbuffers::String> text(FlatBufferBuilder& out, const std::string& value) {
    return value.empty() ? Offset<flatbuffers::String>() : out.CreateString(value);
}
Offset<Vector<std::uint8_t>> octets(FlatBufferBuilder& out, Bytes value) {
    return value.empty() ? Offset<Vector<std::uint8_t>>() : out.CreateVector(reinterpret_cast<const std::uint8_t*>(value.data()), value.size());
}
std::int64_t ms(Instant at) { return at.time_since_epoch().count(); }
flatbuffers::Optional<std::int64_t> ms(const std::optional<Instant>& at) {
    return at ? flatbuffers::Optional<std::int64_t>(ms(*at)) : flatbuffers::nullopt;
}
template <class T>
flatbuffers::Optional<T> optional(const std::optional<T>& value) {
    return value ? flatbuffers::Optional<T>(*value) : flatbuffers::nullopt;
}

Offset<disk::Address> address(FlatBufferBuilder& out, const mmgate::Address& value) {
    auto name = text(out, value.display_name);
    auto canonical = text(out, value.value);
    return disk::CreateAddress(out, static_cast<std::uint8_t>(value.kind), canonical, name);
}

Offset<Vector<Offset<disk::Address>>> addresses(FlatBufferBuilder& out, const std::vector<mmgate::Address>& values) {
    if (values.empty()) return {};
    std::vector<Offset<disk::Address>> all;
    all.reserve(values.size());
    for (const mmgate::Address& one : values) all.push_back(address(out, one));
    return out.CreateVector(all);
}

Offset<disk::When> when(FlatBufferBuilder& out, const std::optional<mmgate::When>& value) {
    if (!value) return {};
    flatbuffers::Optional<std::int64_t> relative = flatbuffers::nullopt;
    if (value->relative) relative = static_cast<std::int64_t>(value->relative->count());
    return disk::CreateWhen(out, relative, ms(value->absolute));
}

Offset<Vector<Offset<disk::PreviouslySent>>> previously_sent(FlatBufferBuilder& out, const std::vector<mmgate::PreviouslySent>& values) {
    if (values.empty()) return {};
    std::vector<Offset<disk::PreviouslySent>> all;
    for (const mmgate::PreviouslySent& one : values) {
        auto by = address(out, one.by);
        all.push_back(disk::CreatePreviouslySent(out, one.count, by, ms(one.date)));
    }
    return out.CreateVector(all);
}

Offset<Vector<Offset<disk::Parameter>>> parameters(FlatBufferBuilder& out, const std::vector<mmgate::Parameter>& values) {
    if (values.empty()) return {};
    std::vector<Offset<disk::Parameter>> all;
    for (const mmgate::Parameter& one : values) {
        auto name = text(out, one.name);
        auto value = text(out, one.value);
        all.push_back(disk::CreateParameter(out, name, value));
    }
    return out.CreateVector(all);
}

Offset<disk::Mm4Origin> mm4_origin(FlatBufferBuilder& out, const std::optional<mmgate::Mm4Origin>& value) {
    if (!value) return {};
    auto peer = text(out, value->peer);
    auto transaction_id = text(out, value->transaction_id);
    auto message_id = text(out, value->message_id);
    auto answer_to = text(out, value->answer_to);
    return disk::CreateMm4Origin(out, peer, transaction_id, message_id, answer_to, value->relay_report);
}

Offset<disk::Headers> headers(FlatBufferBuilder& out, const MmHeaders& value) {
    auto message_id = text(out, value.message_id);
    auto from = value.from ? address(out, *value.from) : Offset<disk::Address>();
    auto to = addresses(out, value.to);
    auto cc = addresses(out, value.cc);
    auto subject = text(out, value.subject);
    auto expiry = when(out, value.expiry);
    auto delivery_time = when(out, value.delivery_time);
    auto applic_id = octets(out, value.applic_id);
    auto reply_applic_id = octets(out, value.reply_applic_id);
    auto aux_applic_info = octets(out, value.aux_applic_info);
    auto replace_id = text(out, value.replace_id);
    auto previously = previously_sent(out, value.previously_sent);
    auto reply_charging_id = text(out, value.reply_charging_id);
    auto extension_fields = parameters(out, value.extension_fields);
    return disk::CreateHeaders(out, message_id, from, to, cc, subject, ms(value.date), static_cast<std::uint8_t>(value.message_class),
                               static_cast<std::uint8_t>(value.priority), value.delivery_report, value.read_report, value.sender_hidden, expiry, delivery_time,
                               applic_id, reply_applic_id, aux_applic_info, optional(value.content_class), value.drm_content, value.adaptation_allowed,
                               replace_id, previously, reply_charging_id, optional(value.reply_charging), extension_fields);
}

}   // namespace

struct Encoder::Builder {
    FlatBufferBuilder out{kFirstBufferBytes};

    template <class T>
    Bytes finish(Offset<T> root) {
        out.Finish(root);
        return {reinterpret_cast<const char*>(out.GetBufferPointer()), out.GetSize()};
    }
};

Encoder::Encoder() : builder_(std::make_unique<Builder>()) {}
Encoder::~Encoder() = default;

Bytes Encoder::meta(const Meta& meta) {
    FlatBufferBuilder& out = builder_->out;
    out.Clear();
    auto secret = octets(out, meta.secret);
    return builder_->finish(disk::CreateMeta(out, meta.schema_version, secret, meta.migrating_to));
}

Bytes Encoder::tally(const Tally& tally) {
    FlatBufferBuilder& out = builder_->out;
    out.Clear();
    auto states = out.CreateVector(tally.recipients_by_state.data(), tally.recipients_by_state.size());
    return builder_->finish(disk::CreateTally(out, tally.last_id, tally.next_lane, tally.messages, tally.waiting, tally.content_bytes, states));
}

Bytes Encoder::lane(std::string_view name) {
    FlatBufferBuilder& out = builder_->out;
    out.Clear();
    auto text = out.CreateString(name.data(), name.size());
    return builder_->finish(disk::CreateLane(out, text));
}

Bytes Encoder::submission(const Submission& submission) {
    FlatBufferBuilder& out = builder_->out;
    out.Clear();
    return builder_->finish(disk::CreateSubmission(out, submission.id.value, ms(submission.until)));
}

Bytes Encoder::message(const Tracked& tracked) {
    FlatBufferBuilder& out = builder_->out;
    out.Clear();
    const mmgate::Message& value = tracked.message;
    auto return_path = text(out, value.return_path);
    auto originator = address(out, value.originator);
    auto envelope_id = text(out, value.envelope_id);
    auto peer = text(out, value.peer);
    auto headers = records::headers(out, value.headers);
    auto mm4 = mm4_origin(out, value.mm4);
    flatbuffers::Optional<std::uint64_t> reports_on = flatbuffers::nullopt;
    if (value.reports_on) reports_on = value.reports_on->value;
    return builder_->finish(disk::CreateMessage(out, static_cast<std::uint8_t>(value.kind), static_cast<std::uint8_t>(value.interface), ms(value.arrival), ms(value.expires),
                                                value.size_bytes, return_path, originator, value.originator_mms_version, envelope_id, value.return_full, value.automatic,
                                                peer, reports_on, headers, static_cast<std::uint32_t>(value.recipients.size()), ms(tracked.report_at),
                                                ms(tracked.purge_at), tracked.has_content, tracked.original_header_bytes, mm4, optional(tracked.content_sum)));
}

Bytes Encoder::recipient(const mmgate::Recipient& value) {
    FlatBufferBuilder& out = builder_->out;
    out.Clear();
    auto address = records::address(out, value.address);
    auto route = text(out, value.route);
    auto lane = text(out, value.lane);
    auto reason = text(out, value.reason);
    auto enhanced_status = text(out, value.enhanced_status);
    auto remote_mta = text(out, value.remote_mta);
    auto original_recipient = text(out, value.original_recipient);
    auto token = octets(out, value.token);
    const Notify& asked = value.notify;
    const auto notify = static_cast<std::uint8_t>((asked.never ? 1 : 0) | (asked.success ? 2 : 0) | (asked.failure ? 4 : 0) | (asked.delay ? 8 : 0));
    const auto flags = static_cast<std::uint8_t>((value.unconfirmed ? 1 : 0) | (value.report_allowed ? 2 : 0) | (value.report_due ? 4 : 0) | (value.report_expected ? 8 : 0) | (value.response_awaited ? 16 : 0) |
                                                 (value.looked_up_again ? 32 : 0));
    flatbuffers::Optional<std::uint8_t> read = flatbuffers::nullopt;
    if (value.read) read = static_cast<std::uint8_t>(*value.read);
    flatbuffers::Optional<std::uint8_t> deleted_from = flatbuffers::nullopt;
    if (value.deleted_from) deleted_from = static_cast<std::uint8_t>(*value.deleted_from);
    return builder_->finish(disk::CreateRecipient(out, address, static_cast<std::uint8_t>(value.role), route, lane, static_cast<std::uint8_t>(value.state),
                                                  static_cast<std::uint8_t>(value.held_from), value.attempts, ms(value.next_attempt), reason, enhanced_status,
                                                  number_of(value.fault), remote_mta, notify, original_recipient, token, value.expiry_told,
                                                  value.mms_version, value.notified_since_fetch, flags, ms(value.report_from), value.request,
                                                  value.requests_sent, read, deleted_from));
}

Bytes Encoder::events(std::span<const mmgate::Event> events) {
    FlatBufferBuilder& out = builder_->out;
    out.Clear();
    std::vector<Offset<disk::Event>> all;
    all.reserve(events.size());
    for (const mmgate::Event& one : events) {
        auto what = text(out, one.what);
        auto detail = text(out, one.detail);
        all.push_back(disk::CreateEvent(out, ms(one.at), optional(one.recipient), what, detail));
    }
    auto list = out.CreateVector(all);
    return builder_->finish(disk::CreateEvents(out, list));
}

}   // namespace mmgate::records
