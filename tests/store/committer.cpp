// One commit for all who wait, an outcome for each.
#include "store/committer.h"

#include <algorithm>
#include <condition_variable>
#include <deque>
#include <future>

#include <criterion/criterion.h>

#include "tests/store/samples.h"
#include "tests/support/memory_store.h"

using namespace mmgate;
using namespace mmgate::samples;

namespace {

// The loop: runs what is posted when it is asked to.
class Posts {
public:
    Committer::Post post() {
        return [this](Committer::Task task) {
            std::lock_guard lock(mutex_);
            tasks_.push_back(std::move(task));
            arrived_.notify_one();
        };
    }
    void run(std::size_t count) {
        for (; count > 0; --count) {
            std::unique_lock lock(mutex_);
            arrived_.wait(lock, [this] { return !tasks_.empty(); });
            Committer::Task task = std::move(tasks_.front());
            tasks_.pop_front();
            lock.unlock();
            task();
        }
    }
    bool empty() {
        std::lock_guard lock(mutex_);
        return tasks_.empty();
    }

private:
    std::mutex mutex_;
    std::condition_variable arrived_;
    std::deque<Committer::Task> tasks_;
};

// Holds every apply until it is let through, and refuses mail or everything.
class HeldStore final : public MemoryStore {
public:
    using MemoryStore::MemoryStore;
    Result<std::vector<Outcome>> apply(std::span<Operation> operations) override {
        {
            std::unique_lock lock(mutex_);
            ++waiting_;
            changed_.notify_all();
            changed_.wait(lock, [this] { return open_; });
            --waiting_;
            sizes.push_back(operations.size());
        }
        return MemoryStore::apply(operations);
    }
    void wait_for_one() {
        std::unique_lock lock(mutex_);
        changed_.wait(lock, [this] { return waiting_ > 0; });
    }
    void open() {
        std::lock_guard lock(mutex_);
        open_ = true;
        changed_.notify_all();
    }
    std::vector<std::size_t> sizes;   // of the batches; to be read when all is answered

private:
    std::mutex mutex_;
    std::condition_variable changed_;
    bool open_ = false;
    int waiting_ = 0;
};

std::vector<Operation> mail(std::string content = "content", int copies = 1) {
    std::vector<Operation> out;
    for (int i = 0; i < copies; ++i) out.emplace_back(enqueue({recipient("+447700900001")}, content));
    return out;
}

std::vector<Operation> nothing_much() {
    std::vector<Operation> operations;
    operations.emplace_back(PurgeSubmissions{Instant{}, 1});
    return operations;
}

}   // namespace

Test(committer, shares_commits_and_answers_in_order) {
    HeldStore store;
    Posts loop;
    std::vector<int> order;
    std::vector<QueueId> ids;
    Committer committer(store, loop.post());
    for (int i = 0; i < 20; ++i) {
        committer.submit(mail("content", 1 + i % 3), [&, i](Result<std::vector<Outcome>> outcomes) {
            cr_assert(outcomes.has_value() && outcomes->size() == static_cast<std::size_t>(1 + i % 3));
            for (const Outcome& one : *outcomes) ids.push_back(one.id);
            order.push_back(i);
        });
        if (i == 0) store.wait_for_one();   // the others queue behind its commit
    }
    cr_expect(committer.pending() == 20);
    store.open();
    loop.run(20);
    cr_expect(committer.pending() == 0);
    cr_expect(store.sizes == std::vector<std::size_t>({1, 38}), "one, and then all that had queued");
    cr_expect(std::ranges::is_sorted(order) && order.size() == 20 && std::ranges::is_sorted(ids) && ids.size() == 39);
    committer.submit({}, [&](Result<std::vector<Outcome>> outcomes) { order.push_back(outcomes && outcomes->empty() ? 99 : -1); });
    loop.run(1);
    cr_expect(order.back() == 99, "nothing is a submission as well");
}

Test(committer, a_full_store_takes_what_brings_no_mail) {
    HeldStore store({.content_bytes = 1000});
    Posts loop;
    Committer committer(store, loop.post());
    std::vector<std::string> answers(6);
    auto note = [&](std::size_t place) {
        return [&, place](Result<std::vector<Outcome>> outcomes) { answers[place] = outcomes ? "done" : outcomes.error().fault == Fault::storage_full ? "full"
                                                                                                                                                      : "failed"; };
    };
    committer.submit(mail("first"), note(0));
    store.wait_for_one();
    committer.submit(mail(std::string(2000, 'x')), note(1));
    committer.submit({Hold{{1}, kStart}}, note(2));
    committer.submit(mail("small"), note(3));
    committer.submit({Hold{{2}, kStart}}, note(4));
    committer.submit(mail(std::string(900, 'x'), 2), note(5));
    store.open();
    loop.run(6);
    cr_expect(answers == std::vector<std::string>({"done", "full", "done", "done", "done", "full"}));
    cr_expect(store.sizes == std::vector<std::size_t>({1, 6, 2, 1, 1, 2}), "all, then what brings no mail, then one by one");
    cr_expect(store.stats().records == 2, "and nothing of what was refused");
}

Test(committer, a_broken_disk_is_not_asked_for_ever) {
    HeldStore store;
    Posts loop;
    Committer committer(store, loop.post());
    std::size_t failed = 0;
    auto note = [&](Result<std::vector<Outcome>> outcomes) { failed += !outcomes && outcomes.error().fault == Fault::storage_failed ? 1 : 0; };
    store.fail_with(Error{Fault::storage_failed, 0, "a disk"});
    for (int i = 0; i < 100; ++i) {
        committer.submit(mail(), note);
        if (i == 0) store.wait_for_one();
    }
    store.open();
    loop.run(100);
    cr_expect(failed == 100 && store.sizes.size() == 1 + 1 + 3, "%zu tries", store.sizes.size());
    store.fail_with(std::nullopt);
    committer.submit(mail(), [&](Result<std::vector<Outcome>> outcomes) { cr_expect(outcomes.has_value()); });
    loop.run(1);
}

Test(committer, stops_when_all_is_applied) {
    HeldStore store;
    Posts loop;
    int done = 0;
    {
        Committer committer(store, loop.post());
        for (int i = 0; i < 50; ++i) committer.submit(mail(), [&](Result<std::vector<Outcome>> outcomes) { done += outcomes ? 1 : 0; });
        store.open();
        committer.stop();
        committer.submit(mail(), [&](Result<std::vector<Outcome>> outcomes) { done += outcomes ? 0 : 100; });
    }
    // The committer is gone; its answers are on their way all the same.
    loop.run(51);
    cr_expect(done == 150 && loop.empty());
    cr_expect(store.stats().messages == 50);
}

// Batches are bounded in octets: what follows a large message does not wait for hundreds of them.
Test(committer, large_messages_do_not_make_one_batch) {
    HeldStore store;
    Posts loop;
    Committer committer(store, loop.post());
    auto ignore = [](Result<std::vector<Outcome>> outcomes) { cr_expect(outcomes.has_value()); };
    committer.submit(mail(), ignore);
    store.wait_for_one();
    for (int i = 0; i < 5; ++i) committer.submit(mail(std::string(30 << 20, 'l')), ignore);
    store.open();
    loop.run(6);
    cr_expect(store.sizes == std::vector<std::size_t>({1, 2, 2, 1}));
}

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
