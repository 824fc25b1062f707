#include "daemon/config_values.h"

#include <criterion/criterion.h>

#include <string>

using namespace mmgate;
using namespace std::literals;

Test(config_values, sizes) {
    struct Row {
        std::string_view text;
        std::optional<std::uint64_t> want;
    };
    for (const Row& row : std::initializer_list<Row>{
             {"0", 0}, {"5242880", 5242880}, {"5M", 5242880}, {"5m", 5242880}, {"300k", 307200}, {"64G", 64ull << 30}, {"4294967296G", 1ull << 62}, {"4294967297G", {}}, {"18446744073709551616", {}}, {"", {}}, {"M", {}}, {"-1", {}}, {"1.5M", {}}, {"5MB", {}}, {" 5", {}}, {"5 M", {}}, {"0x10", {}}}) {
        auto got = parse_size(row.text);
        cr_expect(got.has_value() == row.want.has_value() && (!got || *got == *row.want), "%s", std::string(row.text).c_str());
        if (got) cr_expect(parse_size(size_text(*got)) == *got);
    }
    cr_expect(size_text(5242880) == "5M" && size_text(307200) == "300k" && size_text(1023) == "1023");
}

Test(config_values, times) {
    struct Row {
        std::string_view text;
        std::optional<std::int64_t> want;
    };
    for (const Row& row : std::initializer_list<Row>{
             {"90s", 90}, {"5m", 300}, {"1h", 3600}, {"7d", 604800}, {"2w", 1209600}, {"1h30m", 5400}, {"0s", 0}, {"36600d", 36600ll * 86400}, {"36600d1s", {}}, {"36601d", {}}, {"99999999999999999999s", {}}, {"", {}}, {"90", {}}, {"s", {}}, {"5y", {}}, {"5 m", {}}, {"-5m", {}}, {"1h30", {}}}) {
        auto got = parse_duration(row.text);
        cr_expect(got.has_value() == row.want.has_value() && (!got || got->count() == *row.want), "%s", std::string(row.text).c_str());
        if (got) cr_expect(parse_duration(duration_text(*got)) == *got);
    }
    cr_expect(duration_text(Seconds(5400)) == "90m" && duration_text(Seconds(0)) == "0s");
}

Test(config_values, endpoints) {
    struct Row {
        std::string_view text;
        bool literal, name;   // whether it is taken without and with names
    };
    for (const Row& row : std::initializer_list<Row>{
             {"127.0.0.1:2525", true, true}, {"[::1]:0", true, true}, {"[::ffff:10.0.0.1]:1", true, true}, {"mail.example.net:25", false, true}, {"127.0.0.1:65536", false, false}, {"127.0.0.1:", false, false}, {"127.0.0.1", false, false}, {"::1:25", false, false}, {"[::1]", false, false}, {"[127.0.0.1]:25", false, false}, {"[::1:25", false, false}, {":25", false, false}, {"300.0.0.1:25", false, false}, {"a_b:25", false, false}, {"", false, false}, {"127.0.0.1:-1", false, false}, {"fe80::1%lo:25", false, false}}) {
        auto literal = parse_endpoint(row.text, HostNames::refused), name = parse_endpoint(row.text, HostNames::allowed);
        cr_expect(literal.has_value() == row.literal && name.has_value() == row.name, "%s", std::string(row.text).c_str());
        if (name) cr_expect(to_text(*name) == row.text);
    }
}

Test(config_values, networks_contain) {
    struct Row {
        std::string_view network, address;
        bool want;
    };
    for (const Row& row : std::initializer_list<Row>{
             {"10.0.0.0/8", "10.255.255.255", true}, {"10.0.0.0/8", "11.0.0.0", false}, {"10.0.0.0/9", "10.127.0.1", true}, {"10.0.0.0/9", "10.128.0.1", false}, {"0.0.0.0/0", "192.0.2.1", true}, {"0.0.0.0/0", "::1", false}, {"::/0", "::1", true}, {"::/0", "192.0.2.1", false}, {"192.0.2.1", "192.0.2.1", true}, {"192.0.2.1", "192.0.2.0", false}, {"::1/128", "::1", true}, {"::1", "::2", false}, {"2001:db8::/33", "2001:db8:7fff::1", true}, {"2001:db8::/33", "2001:db8:8000::1", false}, {"10.0.0.0/8", "::ffff:10.1.2.3", true}, {"::ffff:10.0.0.0/104", "10.1.2.3", true}, {"fe80::/10", "fe80::1%eth0", true}, {"0.0.0.0/0", "", false}, {"0.0.0.0/0", "host", false}, {"0.0.0.0/0", "1.2.3", false}}) {
        auto network = parse_network(row.network);
        cr_assert(network.has_value(), "%s", std::string(row.network).c_str());
        cr_expect(contains({*network}, row.address) == row.want, "%s in %s", std::string(row.address).c_str(), std::string(row.network).c_str());
    }
    cr_expect(!contains({}, "127.0.0.1"), "an empty list contains nobody");
    for (std::string_view bad : {"10.0.0.0/33", "10.0.0.1/8", "::/129", "::1/64", "10.0.0.0/", "10.0.0.0/x", "10/8", "", "/8", "fe80::1%eth0", "::ffff:10.0.0.0/8"})
        cr_expect(!parse_network(bad), "%s", std::string(bad).c_str());
}

Test(config_values, shapes) {
    struct Row {
        Shape shape;
        std::string_view text, want;   // "": refused
    };
    const std::string label63(63, 'a'), label64(64, 'a');
    for (const Row& row : std::initializer_list<Row>{
             {Shape::domain, "MMS.Example.net", "mms.example.net"}, {Shape::domain, "localhost", "localhost"}, {Shape::domain, "a..b", ""}, {Shape::domain, "a.", ""}, {Shape::domain, "-a.b", ""}, {Shape::domain, "m\xc3\xbc.example", ""}, {Shape::domain, "1.2.3.4", ""}, {Shape::domain, label63, label63}, {Shape::domain, label64, ""}, {Shape::mailbox, "ops@example.net", "ops@example.net"}, {Shape::mailbox, "@example.net", ""}, {Shape::mailbox, "a b@example.net", ""}, {Shape::mailbox, "ops@", ""}, {Shape::path, "/a", "/a"}, {Shape::path, "build/a", "build/a"}, {Shape::path, "/a\n", ""}, {Shape::digits, "0044", "0044"}, {Shape::digits, "123456789", ""}, {Shape::digits, "+44", ""}, {Shape::prefix, "+44", "+44"}, {Shape::prefix, "+", "+"}, {Shape::prefix, "+0", ""}, {Shape::prefix, "+1234567890123456", ""}, {Shape::prefix, "+44x", ""}, {Shape::url, "http://a", "http://a"}, {Shape::url, "http://a/b//", "http://a/b"}, {Shape::url, "https://[::1]:8/x", "https://[::1]:8/x"}, {Shape::url, "http://[::1]", "http://[::1]"}, {Shape::url, "ftp://a", ""}, {Shape::url, "http://", ""}, {Shape::url, "http://u@h", ""}, {Shape::url, "http://a/ b", ""}, {Shape::url, "http://a/#f", ""}, {Shape::url, "http://a:b", ""}, {Shape::address, "10.1.2.3", "10.1.2.3"}, {Shape::address, "::1", "::1"}, {Shape::address, "a", ""}, {Shape::address, "10.1.2.3:4", ""}, {Shape::token, "X-MSISDN", "X-MSISDN"}, {Shape::token, "", ""}, {Shape::token, "a b", ""}, {Shape::version, "6.16.0", "6.16.0"}, {Shape::version, "5", "5"}, {Shape::version, "6.", ""}, {Shape::version, "1.2.3.4", ""}, {Shape::pin, "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=", "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="}, {Shape::pin, "47DEQpj8HBSa", ""}, {Shape::url_template, "http://mnp.example/q?n={number}", "http://mnp.example/q?n={number}"}, {Shape::url_template, "http://mnp.example/q", ""}, {Shape::any, "any text", "any text"}, {Shape::any, "a\rb", ""}}) {
        auto got = shaped(row.shape, row.text);
        cr_expect(got.has_value() == !row.want.empty() && (!got || *got == row.want), "%s", std::string(row.text).c_str());
        if (!got) cr_expect(!got.error().rule.empty());
    }
    for (std::size_t i = 0; i < shape_specs().size(); ++i) cr_expect(shape_specs()[i].shape == static_cast<Shape>(i));
}
