#include "daemon/loop/workers.h"

#include <criterion/criterion.h>

#include <optional>
#include <stdexcept>

using namespace mmgate;

Test(workers, what_throws_instead_of_giving_a_result_is_an_error_of_ours) {
    Loop loop;
    Workers workers(loop, 1);
    std::optional<Result<int>> thrown, given;
    workers.run([]() -> Result<int> { throw std::runtime_error("a library's surprise"); }, [&](Result<int> result) { thrown = std::move(result); });
    workers.run([]() -> Result<int> { return 7; }, [&](Result<int> result) {
        given = std::move(result);
        loop.stop(); });
    loop.run();
    cr_assert(thrown && given, "both are told");
    cr_expect(!*thrown && thrown->error().fault == Fault::internal && *given == 7);
}
