// Content that phones are being given: in memory once, however many fetch it at the same time.
#pragma once

#include <cstddef>
#include <functional>
#include <map>
#include <memory>
#include <mutex>

#include "mapping/result.h"
#include "store/store.h"

namespace mmgate::mm1 {

class Contents {
public:
    /// What somebody is being given of this message, or else what `read` gives. Content never changes. On any thread.
    /// Fails: as `read` does.
    Result<std::shared_ptr<const Octets>> of(QueueId id, const std::function<Result<Octets>()>& read);

private:
    // What nobody holds any more goes when so many are known, so that no request pays for all of them.
    static constexpr std::size_t kCleanAt = 64;

    std::mutex mutex_;
    std::map<QueueId, std::weak_ptr<const Octets>> held_;
    std::size_t clean_at_ = kCleanAt;
};

}   // namespace mmgate::mm1
