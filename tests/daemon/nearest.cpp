#include "daemon/nearest.h"

#include <criterion/criterion.h>

#include <array>
#include <string>

using namespace mmgate;
using namespace std::literals;

Test(nearest, counts_edits) {
    struct Row {
        std::string_view a, b;
        std::size_t want;
    };
    for (const Row& row : std::initializer_list<Row>{{"", "", 0}, {"", "abc", 3}, {"abc", "", 3}, {"listen", "listen", 0}, {"listn", "listen", 1}, {"litsen", "listen", 1}, {"kitten", "sitting", 3}})
        cr_expect(edit_distance(row.a, row.b) == row.want, "%s", std::string(row.a).c_str());
}

Test(nearest, finds_what_was_meant_or_nothing) {
    constexpr std::array known{"list"sv, "show"sv, "retry"sv};
    cr_expect(nearest("lst", known) == "list"sv);
    cr_expect(nearest("rtery", known) == "retry"sv || !nearest("rtery", known));
    cr_expect(nearest("retyr", known) == "retry"sv);
    cr_expect(!nearest("backup", known));
    cr_expect(!nearest("", known));
    cr_expect(!nearest(std::string(101, 'x'), known));
    cr_expect((!nearest("list", {})));
}
