#include "daemon/mm1/reads.h"

#include <iterator>
#include <utility>

namespace mmgate::mm1 {

namespace {

constexpr std::size_t kTurnsAtOnce = 2;
constexpr std::size_t kMostInTurn = 16;   // each may bring a message of limits.message_size, which counts only once it is sent

}   // namespace

void Reads::run(std::function<Task()> read) {
    waiting_.push_back(std::move(read));
    if (turns_ < kTurnsAtOnce) start();
}

void Reads::start() {
    std::vector<std::function<Task()>> batch;
    if (waiting_.size() <= kMostInTurn) {
        batch = std::exchange(waiting_, {});
    } else {
        const auto end = waiting_.begin() + kMostInTurn;
        batch.assign(std::make_move_iterator(waiting_.begin()), std::make_move_iterator(end));
        waiting_.erase(waiting_.begin(), end);
    }
    ++turns_;
    workers_.run(
        [batch = std::move(batch)] {
            std::vector<Task> tasks;
            tasks.reserve(batch.size());
            // One that throws drops its own request; it is answered when its deadline comes.
            for (const auto& read : batch) guarded([&] { tasks.push_back(read()); });
            return tasks;
        },
        [this](std::vector<Task> tasks) {
            --turns_;
            if (!waiting_.empty()) start();
            for (Task& task : tasks) guarded([&] { task(); });
        });
}

}   // namespace mmgate::mm1
