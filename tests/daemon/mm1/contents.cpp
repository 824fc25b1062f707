#include "daemon/mm1/contents.h"

#include <criterion/criterion.h>

using namespace mmgate;
using namespace mmgate::mm1;

Test(contents, are_read_once_while_they_are_given) {
    Contents contents;
    int reads = 0;
    const auto read = [&]() -> Result<Octets> { return Octets("content ") + std::to_string(++reads); };
    auto first = contents.of({1}, read);
    auto second = contents.of({1}, read);
    cr_assert(first && second);
    cr_expect(first->get() == second->get() && reads == 1);
    cr_expect(**contents.of({2}, read) == "content 2", "another message");
    first->reset();
    cr_expect(**contents.of({1}, read) == "content 1", "somebody still has it");
    second->reset();
    cr_expect(**contents.of({1}, read) == "content 3", "nobody had it any more");
}

Test(contents, that_cannot_be_read_are_not_remembered) {
    Contents contents;
    cr_expect(contents.of({1}, [] { return fail(Fault::storage_failed, "gone"); }).error().rule == "gone");
    const auto content = contents.of({1}, []() -> Result<Octets> { return Octets("here"); });
    cr_expect(content && **content == "here");
}

Test(contents, may_be_asked_for_while_they_are_read) {
    Contents contents;
    std::shared_ptr<const Octets> inner;
    const auto outer = contents.of({1}, [&]() -> Result<Octets> {
        inner = *contents.of({1}, []() -> Result<Octets> { return Octets("inner"); });
        return Octets("outer");
    });
    cr_expect(outer && *outer == inner, "the later one gives its copy up");
}
