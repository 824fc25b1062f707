#include "daemon/certificate.h"

#include <criterion/criterion.h>

using namespace mmgate;

Test(certificate, names_hosts) {
    struct Row {
        const char *pattern, *host;
        bool matches;
    };
    const Row rows[] = {
        {"mms.a.example", "mms.a.example", true},
        {"mms.a.example", "MMS.A.Example", true},
        {"mms.a.example", "a.example", false},
        {"*.a.example", "mms.a.example", true},
        {"*.a.example", "a.example", false},
        {"*.a.example", "x.mms.a.example", false},
        {"*.a.example", ".a.example", false},
        {"*.example", "a.example", false},
        {"m*.a.example", "mms.a.example", false},
        {"*", "mms", false},
        {"", "", false},
    };
    for (const Row& row : rows) cr_expect(certificate_name_matches(row.pattern, row.host) == row.matches, "%s %s", row.pattern, row.host);
}
