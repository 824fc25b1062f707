// What has been carried is written down, however often the store refuses.
#include "daemon/settler.h"

#include <criterion/criterion.h>

#include "tests/support/memory_store.h"

using namespace mmgate;

Test(settler, keeps_what_the_store_refuses_and_counts_it, .timeout = 60) {
    Loop loop;
    MemoryStore store;
    Log log{{Level::error}};
    Metrics metrics;
    Committer committer(store, [&](Task task) { loop.post(std::move(task)); });
    Settler settler(loop, committer, log, metrics);
    store.fail_with(Error{Fault::storage_failed, 0, "the disk is away"});
    bool refused = false;
    int ends = 0;
    for (int i = 0; i < 2; ++i)
        settler.settle({Delete{{1}, loop.now()}}, [&] {
            if (++ends == 2) loop.stop();
        });
    Timer timer;
    std::function<void()> look = [&] {
        if (settler.unsettled() == 2) {
            refused = true;
            store.fail_with(std::nullopt);
            return;
        }
        timer = loop.after(std::chrono::milliseconds(2), look);
    };
    look();
    loop.run();
    cr_expect(refused && ends == 2 && settler.unsettled() == 0, "%zu", settler.unsettled());
}
