#include "daemon/loop/public_address.h"

#include <criterion/criterion.h>

using namespace mmgate;

Test(public_address, knows_what_is_not_on_the_internet) {
    struct Row {
        const char* literal;
        bool is_public;
    };
    const Row rows[] = {
        {"8.8.8.8", true},
        {"9.255.255.255", true},
        {"10.0.0.0", false},
        {"10.255.255.255", false},
        {"11.0.0.0", true},
        {"0.0.0.0", false},
        {"100.63.255.255", true},
        {"100.64.0.0", false},
        {"100.127.255.255", false},
        {"100.128.0.0", true},
        {"126.255.255.255", true},
        {"127.0.0.1", false},
        {"127.255.255.255", false},
        {"128.0.0.0", true},
        {"169.254.169.254", false},
        {"172.15.255.255", true},
        {"172.16.0.0", false},
        {"172.31.255.255", false},
        {"172.32.0.0", true},
        {"192.0.0.8", false},
        {"192.0.1.0", true},
        {"192.0.2.1", false},
        {"192.168.0.1", false},
        {"192.169.0.0", true},
        {"198.17.255.255", true},
        {"198.18.0.0", false},
        {"198.19.255.255", false},
        {"198.20.0.0", true},
        {"198.51.100.1", false},
        {"203.0.113.1", false},
        {"223.255.255.255", true},
        {"224.0.0.1", false},
        {"239.255.255.255", false},
        {"240.0.0.1", false},
        {"255.255.255.255", false},
        {"::", false},
        {"::1", false},
        {"::ffff:127.0.0.1", false},
        {"::ffff:8.8.8.8", true},
        {"64:ff9b::a00:1", false},
        {"64:ff9b::808:808", true},
        {"fe80::1", false},
        {"fc00::1", false},
        {"fdff::1", false},
        {"ff02::1", false},
        {"2001:db8::1", false},
        {"2001::1", false},
        {"2001:200::1", true},
        {"2600::1", true},
        {"2002:7f00:1::", false},
        {"2002:808:808::", true},
        {"3fff::1", false},
        {"4000::1", false},
        {"", false},
        {"mx.example", false},
        {"127.1", false},
        {"1.2.3.4.5", false},
        {"[2600::1]", false},
        {"fe80::1%lo", false},
    };
    for (const Row& row : rows) cr_expect(is_public_address(row.literal) == row.is_public, "%s", row.literal);
    cr_expect(is_address_literal("127.0.0.1") && is_address_literal("::1") && !is_address_literal("mx.example") && !is_address_literal("[::1]"));
}
