#include "daemon/crash_record.h"

#include <criterion/criterion.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>

using namespace mmgate;

namespace {

constexpr QueueId kOne{1}, kTwo{2};

struct Folder {
    std::string path = [] {
        char name[] = "/tmp/mmgate-crashes-XXXXXX";
        return std::string(::mkdtemp(name));
    }();
    std::string file() const { return path + "/crashes"; }
    Folder() = default;
    Folder(const Folder&) = delete;
    Folder& operator=(const Folder&) = delete;
    ~Folder() { std::filesystem::remove_all(path); }
};

/// A run of a gateway of its own, that ends by this signal, or by itself with 0. How it ended.
int run(const Folder& folder, int signal, const std::function<void(CrashRecord&)>& work) {
    const pid_t child = ::fork();
    if (child == 0) {
        for (const int fatal : {SIGABRT, SIGSEGV}) ::signal(fatal, SIG_DFL);   // the test's runner has handlers of its own
        auto record = CrashRecord::open(folder.file());
        if (!record) ::_exit(99);
        record->watch_signals();
        work(*record);
        if (signal == 0) ::_exit(0);
        ::kill(::getpid(), signal);
        ::_exit(98);
    }
    int status = 0;
    ::waitpid(child, &status, 0);
    return WIFSIGNALED(status) ? WTERMSIG(status) : -WEXITSTATUS(status);
}

}   // namespace

Test(crash_record, counts_crashes_with_a_message_under_way, .timeout = 60) {
    const Folder folder;
    struct Row {
        int signal;
        unsigned one, two;   // crashes that are known afterwards
    };
    // The second message has ended each time; SIGKILL is nobody's fault and forgives nothing.
    for (const Row& row : {Row{SIGABRT, 1, 0}, Row{SIGKILL, 1, 0}, Row{SIGSEGV, 2, 0}, Row{0, 2, 0}, Row{SIGABRT, 3, 0}}) {
        const int ended = run(folder, row.signal, [](CrashRecord& record) {
            record.begin(kOne, "mm1");
            record.end(record.begin(kTwo, "mm1"));
        });
        cr_expect(ended == row.signal, "%d", ended);
        auto record = CrashRecord::open(folder.file());
        cr_assert(record.has_value());
        const bool crashed = row.signal != 0 && row.signal != SIGKILL;
        cr_expect(record->last_run().signal == (crashed ? row.signal : 0), "%d", record->last_run().signal);
        cr_expect(record->last_run().under_way == (crashed ? 1 : 0));
        cr_expect(record->crashes(kOne, "mm1") == row.one && record->crashes(kTwo, "mm1") == row.two, "%u %u", record->crashes(kOne, "mm1"), record->crashes(kTwo, "mm1"));
        cr_expect(record->crashes(kOne, "mail:example.org") == 0, "another lane is another work");
    }
}

Test(crash_record, what_ends_well_or_is_forgotten_begins_anew, .timeout = 60) {
    const Folder folder;
    run(folder, SIGABRT, [](CrashRecord& record) {
        record.begin(kOne, "a");
        record.begin(kTwo, "a");
    });
    auto record = CrashRecord::open(folder.file());
    cr_assert(record.has_value());
    cr_expect(record->crashes(kOne, "a") == 1 && record->crashes(kTwo, "a") == 1);
    record->end(record->begin(kOne, "a"));
    record->forget(kTwo, "a");
    cr_expect(record->crashes(kOne, "a") == 0 && record->crashes(kTwo, "a") == 0);
}

Test(crash_record, takes_more_than_it_can_record, .timeout = 60) {
    const Folder folder;
    run(folder, SIGABRT, [](CrashRecord& record) {
        for (std::uint64_t id = 1; id <= 5000; ++id) record.begin({id}, "a");
    });
    auto record = CrashRecord::open(folder.file());
    cr_assert(record.has_value());
    std::size_t suspects = 0;
    for (std::uint64_t id = 1; id <= 5000; ++id) suspects += record->crashes({id}, "a");
    cr_expect(suspects == 1024, "%zu", suspects);
    for (std::uint64_t id = 1; id <= 5000; ++id) record->end(record->begin({id}, "a"));
    cr_expect(record->begin(kOne, "a") != CrashRecord::kUnrecorded);
}

Test(crash_record, a_damaged_file_counts_for_nothing, .timeout = 60) {
    for (const std::string& octets : {std::string(), std::string("mmgcrash"), std::string(1 << 20, 'x'), std::string(49168, '\xff')}) {
        const Folder folder;
        std::ofstream(folder.file(), std::ios::binary) << octets;
        auto record = CrashRecord::open(folder.file());
        cr_assert(record.has_value());
        cr_expect(record->last_run().signal == 0 && record->last_run().under_way == 0 && record->crashes(kOne, "a") == 0);
        cr_expect(record->begin(kOne, "a") != CrashRecord::kUnrecorded);
    }
}

Test(crash_record, a_place_that_cannot_be_written_is_an_error, .timeout = 60) {
    const Folder folder;
    cr_expect(!CrashRecord::open(folder.path + "/none/crashes"));
    std::filesystem::create_symlink("/dev/null", folder.file());
    cr_expect(!CrashRecord::open(folder.file()), "a link is not followed");
    CrashRecord none;
    none.watch_signals();
    none.end(none.begin(kOne, "a"));
    cr_expect(none.crashes(kOne, "a") == 0);
}
