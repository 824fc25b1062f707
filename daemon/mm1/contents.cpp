#include "daemon/mm1/contents.h"

#include <utility>

namespace mmgate::mm1 {

Result<std::shared_ptr<const Octets>> Contents::of(QueueId id, const std::function<Result<Octets>()>& read) {
    {
        const std::lock_guard lock(mutex_);
        const auto found = held_.find(id);
        if (found != held_.end())
            if (auto content = found->second.lock()) return content;
    }
    // Not under the lock: two may read the same, and the later one gives its copy up.
    auto octets = read();
    if (!octets) return fail(octets.error());
    auto content = std::make_shared<const Octets>(std::move(*octets));
    const std::lock_guard lock(mutex_);
    if (held_.size() >= clean_at_) {
        std::erase_if(held_, [](const auto& held) { return held.second.expired(); });
        clean_at_ = kCleanAt + 2 * held_.size();
    }
    const auto [place, fresh] = held_.try_emplace(id, content);
    if (!fresh)
        if (auto other = place->second.lock()) return other;
    place->second = content;
    return content;
}

}   // namespace mmgate::mm1
