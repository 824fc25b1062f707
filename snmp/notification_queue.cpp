#include "snmp/notification_queue.h"

#include <algorithm>

namespace mmgate::snmp {

void NotificationQueue::push(Notification notification) {
    waiting_.push_back(std::move(notification));
    if (waiting_.size() > kMostWaiting) make_room();
}

void NotificationQueue::make_room() {
    for (auto first = waiting_.begin(); first != waiting_.end(); ++first) {
        if (first->subject.empty()) continue;
        auto second = std::find_if(std::next(first), waiting_.end(), [&](const Notification& other) { return other.subject == first->subject; });
        if (second == waiting_.end()) continue;
        const auto place = first - waiting_.begin();   // an erasure leaves no other iterator good
        waiting_.erase(second);
        waiting_.erase(waiting_.begin() + place);
        dropped_ += 2;
        return;
    }
    waiting_.pop_front();
    ++dropped_;
}

std::optional<Notification> NotificationQueue::next(Instant now) {
    while (!sent_.empty() && now - sent_.front().at > kDoubt) sent_.pop_front();
    if (!refilled_) refilled_ = now;
    if (const auto due = (now - *refilled_) / kEvery; due > 0) {
        tokens_ = std::min<std::size_t>(kBurst, tokens_ + static_cast<std::size_t>(due));
        refilled_ = *refilled_ + due * kEvery;
    }
    if (waiting_.empty() || tokens_ == 0) return std::nullopt;
    --tokens_;
    Notification out = std::move(waiting_.front());
    waiting_.pop_front();
    sent_.push_back({out, now});
    return out;
}

void NotificationQueue::session_ended(Instant now) {
    while (!sent_.empty()) {
        if (now - sent_.back().at <= kDoubt) waiting_.push_front(std::move(sent_.back().notification));
        sent_.pop_back();
    }
    while (waiting_.size() > kMostWaiting) make_room();
}

}   // namespace mmgate::snmp
