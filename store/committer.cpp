#include "store/committer.h"

#include <algorithm>
#include <iterator>

namespace mmgate {

namespace {

// Beyond these a batch gains no more from sharing its commit, and makes those in it wait.
constexpr std::size_t kMostSubmissions = 1024;
constexpr std::uint64_t kMostBytes = 64ULL << 20;
// So many that nobody waits for are worth a commit of their own.
constexpr std::size_t kRelaxedEnough = 512;
// So many parts of a batch that the disk fails one after another say that it is not the part's fault.
constexpr unsigned kMostFailures = 3;

std::uint64_t size_of(const Enqueue& enqueue) { return enqueue.content.size() + enqueue.original_header.size(); }

std::uint64_t size_of(const Operation& operation) {
    auto sum = [](const std::vector<Enqueue>& all) {
        std::uint64_t bytes = 0;
        for (const Enqueue& one : all) bytes += size_of(one);
        return bytes;
    };
    return std::visit(overloaded{
                          [](const Enqueue& op) { return size_of(op); },
                          [&](const Settle& op) { return sum(op.consequences); },
                          [&](const Reported& op) { return sum(op.consequences); },
                          [](const auto&) { return std::uint64_t{0}; },
                      },
                      operation);
}

bool brings_mail(const std::vector<Operation>& operations) {
    return std::ranges::any_of(operations, [](const Operation& operation) { return std::holds_alternative<Enqueue>(operation); });
}

}   // namespace

Committer::Committer(Store& store, Post post) : store_(store), post_(std::move(post)), thread_([this] { run(); }) {}

Committer::~Committer() { stop(); }

void Committer::submit(std::vector<Operation> operations, Done done, Urgency urgency) {
    Submission submission{std::move(operations), std::move(done), urgency};
    for (const Operation& operation : submission.operations) submission.size_bytes += size_of(operation);
    ++*pending_;
    {
        std::lock_guard lock(mutex_);
        if (!stopping_) {
            if (urgency == Urgency::prompt) ++prompt_;
            queued_.push_back(std::move(submission));
            // What only rides along wakes nobody: each waking costs more than the submission itself.
            if (urgency == Urgency::prompt || queued_.size() == 1 || queued_.size() == kRelaxedEnough) wake_.notify_one();
            return;
        }
    }
    answer(submission, fail(Fault::storage_failed, "the store is closing"));
}

void Committer::stop() {
    {
        std::lock_guard lock(mutex_);
        stopping_ = true;
        wake_.notify_one();
    }
    if (thread_.joinable()) thread_.join();
}

void Committer::run() {
    for (;;) {
        Batch batch = next_batch();
        if (batch.empty()) return;
        carry_out(std::move(batch));
    }
}

// Waits for work. Empty: stopped, and nothing is left.
Committer::Batch Committer::next_batch() {
    std::unique_lock lock(mutex_);
    wake_.wait(lock, [this] { return stopping_ || !queued_.empty(); });
    wake_.wait_for(lock, kRelaxedWait, [this] { return stopping_ || prompt_ > 0 || queued_.size() >= kRelaxedEnough; });
    Batch batch;
    std::uint64_t bytes = 0;
    while (!queued_.empty() && batch.size() < kMostSubmissions && (batch.empty() || bytes + queued_.front().size_bytes <= kMostBytes)) {
        bytes += queued_.front().size_bytes;
        if (queued_.front().urgency == Urgency::prompt) --prompt_;
        batch.push_back(std::move(queued_.front()));
        queued_.pop_front();
    }
    return batch;
}

void Committer::carry_out(Batch batch) {
    // What brings no new mail comes first in the second round: a full store takes it.
    auto apply = [this](std::span<Submission> part) {
        std::vector<Operation> operations;
        for (Submission& one : part)
            operations.insert(operations.end(), std::make_move_iterator(one.operations.begin()), std::make_move_iterator(one.operations.end()));
        auto outcomes = store_.apply(operations);
        auto next = operations.begin();
        std::size_t first = 0;
        for (Submission& one : part) {
            const auto count = static_cast<std::ptrdiff_t>(one.operations.size());
            if (outcomes) {
                const auto from = outcomes->begin() + static_cast<std::ptrdiff_t>(first);
                answer(one, std::vector<Outcome>(from, from + count));
            } else if (part.size() == 1) {
                answer(one, fail(outcomes.error()));
            } else {
                std::move(next, next + count, one.operations.begin());   // back to where they came from
            }
            next += count;
            first += static_cast<std::size_t>(count);
        }
        return outcomes ? std::optional<Error>() : std::optional<Error>(outcomes.error());
    };

    if (!apply(batch) || batch.size() == 1) return;
    const auto mail = std::stable_partition(batch.begin(), batch.end(), [](const Submission& one) { return !brings_mail(one.operations); });
    std::span<Submission> singles(batch);
    if (const auto others = static_cast<std::size_t>(mail - batch.begin()); others > 1 && mail != batch.end())
        if (!apply(singles.first(others))) singles = singles.subspan(others);
    unsigned failures = 0;
    for (Submission& one : singles) {
        if (failures >= kMostFailures) {
            answer(one, fail(Fault::storage_failed, "the disk failed others of the same batch"));
            continue;
        }
        auto error = apply({&one, 1});
        failures = error && error->fault == Fault::storage_failed ? failures + 1 : 0;
    }
}

void Committer::answer(Submission& submission, Result<std::vector<Outcome>> outcomes) {
    // std::function wants what can be copied; the outcomes move on when the task runs.
    auto result = std::make_shared<Result<std::vector<Outcome>>>(std::move(outcomes));
    post_([done = std::move(submission.done), result, pending = pending_, failures = failures_] {
        --*pending;
        if (!*result) ++*failures;
        done(std::move(*result));
    });
}

}   // namespace mmgate
