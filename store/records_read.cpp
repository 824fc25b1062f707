// FlatBuffers to values.
#include "store/records.h"

#include <cstring>

#include "records_generated.h"
#include "store/fault_numbers.h"

namespace mmgate::records {

namespace {

// Real records nest four deep; a message of a thousand recipients holds some thousands of tables.
constexpr std::size_t kMostDepth = 8;
constexpr std::size_t kMostTables = 200'000;

// LMDB does not align values and FlatBuffers reads aligned: a record is copied first. Most fit in place.
class Aligned {
public:
    explicit Aligned(Bytes record) : size_(record.size()) {
        if (size_ > small_.size() * sizeof(small_[0])) large_ = std::make_unique_for_overwrite<std::uint64_t[]>(size_ / sizeof(std::uint64_t) + 1);
        if (size_ > 0) std::memcpy(data(), record.data(), size_);
    }
    std::uint64_t* data() { return large_ ? large_.get() : small_.data(); }

    /// The record as a table of this kind, or nullptr when it does not verify.
    template <class T>
    const T* as() {
        const auto* octets = reinterpret_cast<const std::uint8_t*>(data());
        flatbuffers::Verifier verifier(octets, size_, kMostDepth, kMostTables);
        return verifier.VerifyBuffer<T>(nullptr) ? flatbuffers::GetRoot<T>(octets) : nullptr;
    }

private:
    std::size_t size_;
    std::array<std::uint64_t, 256> small_;
    std::unique_ptr<std::uint64_t[]> large_;
};

// Reads fields of a verified table; remembers a value that no version ever wrote.
class Reader {
public:
    bool ok() const { return ok_; }

    std::string text(const flatbuffers::String* value) { return value ? value->str() : std::string(); }
    Octets octets(const flatbuffers::Vector<std::uint8_t>* value) {
        return value ? Octets(reinterpret_cast<const char*>(value->data()), value->size()) : Octets();
    }
    Instant instant(std::int64_t ms) { return Instant(std::chrono::milliseconds(ms)); }
    std::optional<Instant> instant(flatbuffers::Optional<std::int64_t> ms) { return ms ? std::optional(instant(*ms)) : std::nullopt; }
    template <class T>
    std::optional<T> optional(flatbuffers::Optional<T> value) { return value ? std::optional<T>(*value) : std::nullopt; }

    template <class E>
    E enumerator(std::uint8_t value, E last) {
        if (value > static_cast<std::uint8_t>(last)) ok_ = false;
        return static_cast<E>(value);
    }

    Address address(const disk::Address* value) {
        Address out;
        if (!value) return out;
        out.kind = enumerator(value->kind(), Address::Kind::other);
        out.value = text(value->value());
        out.display_name = text(value->display_name());
        return out;
    }

    template <class T, class Each>
    auto list(const flatbuffers::Vector<flatbuffers::Offset<T>>* values, Each each) {
        std::vector<decltype(each(static_cast<const T*>(nullptr)))> out;
        if (!values) return out;
        out.reserve(values->size());
        for (const T* one : *values) out.push_back(each(one));
        return out;
    }
    std::vector<Address> addresses(const flatbuffers::Vector<flatbuffers::Offset<disk::Address>>* values) {
        return list(values, [this](const disk::Address* one) { return address(one); });
    }

    std::optional<When> when(const disk::When* value) {
        if (!value) return std::nullopt;
        When out;
        if (value->relative_seconds()) out.relative = Seconds(*value->relative_seconds());
        out.absolute = instant(value->absolute());
        return out;
    }

    MmHeaders headers(const disk::Headers* value) {
        MmHeaders out;
        if (!value) {
            ok_ = false;
            return out;
        }
        out.message_id = text(value->message_id());
        if (value->from()) out.from = address(value->from());
        out.to = addresses(value->to());
        out.cc = addresses(value->cc());
        out.subject = text(value->subject());
        out.date = instant(value->date());
        out.message_class = enumerator(value->message_class(), MessageClass::automatic);
        out.priority = enumerator(value->priority(), Priority::high);
        out.delivery_report = value->delivery_report();
        out.read_report = value->read_report();
        out.sender_hidden = value->sender_hidden();
        out.expiry = when(value->expiry());
        out.delivery_time = when(value->delivery_time());
        out.applic_id = octets(value->applic_id());
        out.reply_applic_id = octets(value->reply_applic_id());
        out.aux_applic_info = octets(value->aux_applic_info());
        out.content_class = optional(value->content_class());
        out.drm_content = value->drm_content();
        out.adaptation_allowed = value->adaptation_allowed();
        out.replace_id = text(value->replace_id());
        out.previously_sent = list(value->previously_sent(), [this](const disk::PreviouslySent* one) {
            return PreviouslySent{one->count(), address(one->by()), instant(one->date())};
        });
        out.reply_charging_id = text(value->reply_charging_id());
        out.reply_charging = optional(value->reply_charging());
        out.extension_fields = list(value->extension_fields(), [this](const disk::Parameter* one) { return Parameter{text(one->name()), text(one->value())}; });
        return out;
    }
    std::optional<Mm4Origin> mm4_origin(const disk::Mm4Origin* value) {
        if (!value) return std::nullopt;
        return Mm4Origin{text(value->peer()), text(value->transaction_id()), text(value->message_id()), text(value->answer_to()), value->relay_report()};
    }

private:
    bool ok_ = true;
};

}   // namespace

std::optional<Meta> meta_of(Bytes record) {
    Aligned aligned(record);
    const auto* value = aligned.as<disk::Meta>();
    if (!value) return std::nullopt;
    return Meta{value->schema_version(), Reader().octets(value->secret()), value->migrating_to()};
}

std::optional<Tally> tally_of(Bytes record) {
    Aligned aligned(record);
    const auto* value = aligned.as<disk::Tally>();
    if (!value) return std::nullopt;
    Tally out{value->last_id(), value->next_lane(), value->messages(), value->waiting(), value->content_bytes(), {}};
    const auto* states = value->recipients_by_state();
    if (!states || states->size() != out.recipients_by_state.size()) return std::nullopt;
    for (std::size_t i = 0; i < out.recipients_by_state.size(); ++i) out.recipients_by_state[i] = states->Get(static_cast<flatbuffers::uoffset_t>(i));
    return out;
}

std::optional<std::string> lane_of(Bytes record) {
    Aligned aligned(record);
    const auto* value = aligned.as<disk::Lane>();
    if (!value) return std::nullopt;
    return Reader().text(value->name());
}

std::optional<Submission> submission_of(Bytes record) {
    Aligned aligned(record);
    const auto* value = aligned.as<disk::Submission>();
    if (!value) return std::nullopt;
    return Submission{{value->id()}, Reader().instant(value->until())};
}

std::optional<MessageRecord> message_of(Bytes record) {
    Aligned aligned(record);
    const auto* value = aligned.as<disk::Message>();
    if (!value) return std::nullopt;
    Reader in;
    MessageRecord out;
    Message& message = out.tracked.message;
    message.kind = in.enumerator(value->kind(), MessageKind::mm4);
    message.interface = in.enumerator(value->interface(), Interface::mm7);
    message.arrival = in.instant(value->arrival());
    message.expires = in.instant(value->expires());
    message.size_bytes = value->size_bytes();
    message.return_path = in.text(value->return_path());
    message.originator = in.address(value->originator());
    message.originator_mms_version = value->originator_mms_version();
    message.envelope_id = in.text(value->envelope_id());
    message.return_full = value->return_full();
    message.automatic = value->automatic();
    message.peer = in.text(value->peer());
    if (value->reports_on()) message.reports_on = QueueId{*value->reports_on()};
    message.headers = in.headers(value->headers());
    message.mm4 = in.mm4_origin(value->mm4());
    out.recipients = value->recipients();
    out.tracked.report_at = in.instant(value->report_at());
    out.tracked.purge_at = in.instant(value->purge_at());
    out.tracked.has_content = value->has_content();
    out.tracked.original_header_bytes = value->original_header_bytes();
    out.tracked.content_sum = in.optional(value->content_sum());
    if (!in.ok() || out.recipients == 0 || out.recipients > kMostRecipients) return std::nullopt;
    return out;
}

std::optional<Recipient> recipient_of(Bytes record) {
    Aligned aligned(record);
    const auto* value = aligned.as<disk::Recipient>();
    if (!value) return std::nullopt;
    Reader in;
    Recipient out;
    out.address = in.address(value->address());
    out.role = in.enumerator(value->role(), RecipientRole::bcc);
    out.route = in.text(value->route());
    out.lane = in.text(value->lane());
    out.state = in.enumerator(value->state(), RecipientState::deleted);
    out.held_from = in.enumerator(value->held_from(), RecipientState::deleted);
    out.attempts = value->attempts();
    out.next_attempt = in.instant(value->next_attempt());
    out.reason = in.text(value->reason());
    out.enhanced_status = in.text(value->enhanced_status());
    out.fault = fault_of(value->fault());
    out.remote_mta = in.text(value->remote_mta());
    const std::uint8_t notify = value->notify();
    out.notify = {.never = (notify & 1) != 0, .success = (notify & 2) != 0, .failure = (notify & 4) != 0, .delay = (notify & 8) != 0};
    out.original_recipient = in.text(value->original_recipient());
    out.token = in.octets(value->token());
    out.expiry_told = value->expiry_told();
    out.mms_version = value->mms_version();
    out.notified_since_fetch = value->notified_since_fetch();
    const std::uint8_t flags = value->flags();
    out.unconfirmed = (flags & 1) != 0;
    out.report_allowed = (flags & 2) != 0;
    out.report_due = (flags & 4) != 0;
    out.report_expected = (flags & 8) != 0;
    out.response_awaited = (flags & 16) != 0;
    out.looked_up_again = (flags & 32) != 0;
    out.report_from = in.instant(value->report_from());
    out.request = value->request();
    out.requests_sent = value->requests_sent();
    if (value->read()) out.read = in.enumerator(*value->read(), ReadStatus::deleted_unread);
    if (value->deleted_from()) out.deleted_from = in.enumerator(*value->deleted_from(), RecipientState::fetched);
    if (!in.ok()) return std::nullopt;
    return out;
}

std::optional<std::vector<Event>> events_of(Bytes record) {
    Aligned aligned(record);
    const auto* value = aligned.as<disk::Events>();
    if (!value) return std::nullopt;
    Reader in;
    return in.list(value->events(), [&](const disk::Event* one) {
        return Event{in.instant(one->at()), in.optional(one->recipient()), in.text(one->what()), in.text(one->detail())};
    });
}

}   // namespace mmgate::records
