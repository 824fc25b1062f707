#include "store/committer.h"

#include <criterion/criterion.h>

#include <future>

#include "tests/support/memory_store.h"

using namespace mmgate;

namespace {

std::vector<Operation> nothing_much() {
    std::vector<Operation> operations;
    operations.emplace_back(PurgeSubmissions{Instant{}, 1});
    return operations;
}

}   // namespace

Test(committer, carries_out_what_nobody_waits_for, .timeout = 30) {
    MemoryStore store;
    Committer committer(store, [](Committer::Task task) { task(); });
    std::promise<bool> done;
    committer.submit(
        nothing_much(), [&](Result<std::vector<Outcome>> outcomes) { done.set_value(outcomes.has_value()); }, Committer::Urgency::relaxed);
    cr_expect(done.get_future().get(), "by itself, when nothing prompt comes");
}

Test(committer, lets_the_relaxed_share_the_commit_of_the_prompt, .timeout = 30) {
    MemoryStore store;
    std::promise<void> first_answered, go_on, all_answered;
    std::size_t answers = 0;
    Committer committer(store, [&](Committer::Task task) { task(); });
    committer.submit(nothing_much(), [&](Result<std::vector<Outcome>>) {
        first_answered.set_value();
        go_on.get_future().wait();   // the committer's thread stands here while the others queue
    });
    first_answered.get_future().wait();
    const auto before = store.stats().commits;
    auto answered = [&](Result<std::vector<Outcome>>) {
        if (++answers == 4) all_answered.set_value();
    };
    for (int i = 0; i < 3; ++i) committer.submit(nothing_much(), answered, Committer::Urgency::relaxed);
    committer.submit(nothing_much(), answered);
    go_on.set_value();
    all_answered.get_future().wait();
    cr_expect(store.stats().commits == before + 1, "%zu commits", static_cast<std::size_t>(store.stats().commits - before));
}

Test(committer, answers_all_when_it_stops, .timeout = 30) {
    MemoryStore store;
    std::size_t answers = 0;
    {
        Committer committer(store, [](Committer::Task task) { task(); });
        for (int i = 0; i < 10; ++i) committer.submit(
            nothing_much(), [&](Result<std::vector<Outcome>>) { ++answers; }, i % 2 ? Committer::Urgency::relaxed : Committer::Urgency::prompt);
        committer.stop();
        committer.submit(nothing_much(), [&](Result<std::vector<Outcome>> late) { answers += late ? 100 : 1; });
    }
    cr_expect(answers == 11, "%zu", answers);
}
