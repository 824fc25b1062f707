#include "snmp/control.h"

#include <algorithm>
#include <array>

namespace mmgate::snmp {

namespace {

/// The objects' numbers in the group.
enum Object : std::uint32_t { kLock = 2,
                              kOperator,
                              kAction,
                              kState,
                              kLastVerb,
                              kLastActor,
                              kLastResult,
                              kLastCount,
                              kLastTime };
constexpr std::uint32_t kLast = kLastTime;

Oid place_of(std::uint32_t object) { return mib_scalar(Group::control, object); }
bool is(const Oid& oid, Object object) { return oid == place_of(object) + Oid{0}; }

struct ActionSpec {
    std::uint64_t number;
    control::Verb verb;
    bool all;   // messages
};
constexpr std::uint64_t kNoAction = 1;
constexpr auto kActions = std::to_array<ActionSpec>({
    {2, control::Verb::hold, true},
    {3, control::Verb::release, true},
    {4, control::Verb::retry, true},
    {5, control::Verb::reload, false},
});

bool is_printable(const std::string& text) {
    return std::ranges::all_of(text, [](char c) { return c >= ' ' && c < 0x7F; });
}

}   // namespace

SetError Control::test(const Setting& setting) const {
    const auto& [oid, value] = setting;
    const bool known = is(oid, kLock) || is(oid, kOperator) || is(oid, kAction);
    if (!known) return SetError::not_writable;
    if (!enabled_) return SetError::resource_unavailable;
    if (!*enabled_) return SetError::not_writable;
    if (is(oid, kOperator)) {
        if (value.type != Value::Type::octets) return SetError::wrong_type;
        if (value.octets.size() > kOperatorBytes) return SetError::wrong_length;
        return is_printable(value.octets) ? SetError::none : SetError::wrong_value;
    }
    if (value.type != Value::Type::integer) return SetError::wrong_type;
    if (is(oid, kLock)) return value.number > 0x7FFFFFFF ? SetError::wrong_value : value.number == lock_ ? SetError::none
                                                                                                         : SetError::inconsistent_value;
    if (value.number == kNoAction) return SetError::none;
    if (std::ranges::find(kActions, value.number, &ActionSpec::number) == kActions.end()) return SetError::wrong_value;
    return state_ == State::running ? SetError::resource_unavailable : SetError::none;
}

void Control::commit(const std::vector<Setting>& settings) {
    for (const Setting& setting : settings) {
        if (is(setting.oid, kLock)) lock_ = lock_ == 0x7FFFFFFF ? 0 : lock_ + 1;
        if (is(setting.oid, kOperator)) operator_ = setting.value.octets;
    }
    // Last, so that it acts in the name that came with it, wherever that stood.
    for (const Setting& setting : settings) {
        auto action = std::ranges::find(kActions, setting.value.number, &ActionSpec::number);
        if (!is(setting.oid, kAction) || action == kActions.end() || state_ == State::running) continue;
        control::Request request;
        request.verb = action->verb;
        request.all = action->all;
        request.actor = operator_.empty() ? "unnamed" : operator_;
        request_ = std::move(request);
        state_ = State::running;
        problem_.clear();
    }
}

std::optional<control::Request> Control::take_request() { return std::exchange(request_, std::nullopt); }

void Control::finished(const std::optional<control::End>& end) {
    // Nothing to change is no failure: what was asked for is so.
    const bool done = end && (end->code == control::Exit::done || end->code == control::Exit::nothing_matched);
    state_ = done ? State::done : State::failed;
    problem_ = !end ? "the gateway does not answer" : done ? std::string()
                                                           : end->text;
}

void Control::add_to(View& view) const {
    auto put = [&](std::uint32_t object, Value value) { view[place_of(object) + Oid{0}] = std::move(value); };
    put(kLock, integer(lock_));
    put(kOperator, octets(operator_));
    put(kAction, integer(kNoAction));
    put(kState, integer(static_cast<std::uint64_t>(state_)));
    if (last_)
        for (auto& [oid, value] : control_values(*last_)) view[oid + Oid{0}] = std::move(value);
    if (!problem_.empty()) put(kLastResult, octets(problem_));
}

std::vector<Oid> control_objects() {
    std::vector<Oid> out;
    for (std::uint32_t object = kLock; object <= kLast; ++object) out.push_back(place_of(object));
    return out;
}

std::vector<std::pair<Oid, Value>> control_values(const control::Notice& notice) {
    return {{place_of(kLastVerb), octets(notice.verb.substr(0, 32))},
            {place_of(kLastActor), octets(notice.actor.substr(0, 128))},
            {place_of(kLastResult), octets(notice.text)},
            {place_of(kLastCount), gauge32(notice.count)},
            {place_of(kLastTime), date_and_time(notice.at)}};
}

}   // namespace mmgate::snmp
