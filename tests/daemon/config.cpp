#include "daemon/config.h"

#include <criterion/criterion.h>

#include <fstream>
#include <set>
#include <sstream>
#include <string>

#include "daemon/config_keys.h"

using namespace mmgate;
using namespace std::literals;

namespace {

std::string file_text(const char* path) {
    std::ifstream file(path, std::ios::binary);
    std::ostringstream text;
    text << file.rdbuf();
    return text.str();
}

constexpr std::string_view kSmallest = "[gateway]\ndomain = \"mms.example.net\"\n";

/// All messages, one a line.
std::string messages(std::string_view text) {
    auto config = parse_config(text, "t.toml");
    std::string out;
    if (!config)
        for (const ConfigError& error : config.error()) out += error.message + "\n";
    return out;
}

struct BadRow {
    const char* name;
    std::string_view text;   // behind kSmallest, so that its first line is line 3
    std::string_view want;
};

constexpr BadRow kBad[] = {
    {"unknown key", "[smtp]\nlistn = []", "t.toml:4: key smtp.listn is not known; did you mean smtp.listen?\n"},
    {"unknown section", "[smpt]\nlisten = []", "t.toml:3: key smpt is not known; did you mean smtp?\n"},
    {"key of another section", "[mm1]\nmessage_size = 5", "t.toml:4: key mm1.message_size is not known; did you mean limits.message_size?\n"},
    {"unknown key nobody could mean", "[smtp]\nzzzzzzzzzz = 1", "t.toml:4: key smtp.zzzzzzzzzz is not known; mmgate.toml(5) lists all keys\n"},
    {"unknown key of a peer", "[[peer]]\nname = \"a\"\ndomain = \"a.example\"\nnexthop = \"x:1\"", "t.toml:6: key peer.nexthop is not known; did you mean peer.next_hop?\n"},
    {"controls in a key", "\"a\\nb\" = 1", "t.toml:3: key gateway.a?b is not known; mmgate.toml(5) lists all keys\n"},
    {"section that is a value", "smtp = 1", "t.toml:3: key gateway.smtp is not known; did you mean smtp?\n"},
    {"value that is a section", "[smtp.listen]\na = 1", "t.toml:3: key smtp.listen is a table, but must be a single value of the list\n"},
    {"array of tables that is none", "[peer]\nname = \"a\"", "t.toml:3: key peer must be an array of tables: [[peer]]\n"},
    {"array of tables of values", "[mm1]\nclient = [1]", "t.toml:4: key mm1.client must be an array of tables: [[mm1.client]]\n"},
    {"missing in a table", "[[peer]]\nname = \"a\"", "t.toml:3: key peer.domain is missing in this [[peer]]\n"},
    {"text for a number", "[limits]\nrecipients = \"100\"", "t.toml:4: key limits.recipients is a text, but must be a number without quotes\n"},
    {"number too large", "[limits]\nrecipients = 1001", "t.toml:4: key limits.recipients must be from 1 to 1000, not 1001\n"},
    {"number too small", "[limits]\nrecipients = 0", "t.toml:4: key limits.recipients must be from 1 to 1000, not 0\n"},
    {"negative number", "[limits]\nrecipients = -1", "t.toml:4: key limits.recipients must not be negative\n"},
    {"port too large", "[mail]\nport = 65536", "t.toml:4: key mail.port must be from 1 to 65535, not 65536\n"},
    {"not a size", "[limits]\nmessage_size = \"5X\"", "t.toml:4: key limits.message_size: \"5X\" is no size; write octets, or a number with k, M or G such as \"300k\" or \"5M\"\n"},
    {"size out of bounds", "[limits]\nmessage_size = 4095", "t.toml:4: key limits.message_size must be from 4k to 256M, not 4095\n"},
    {"negative size", "[limits]\nmessage_size = -5", "t.toml:4: key limits.message_size must not be negative\n"},
    {"number for a time", "[queue]\nlifetime = 7", "t.toml:4: key queue.lifetime is a number, but must be a time with its unit in quotes, such as \"90s\" or \"5m\"\n"},
    {"not a time", "[queue]\nlifetime = \"7y\"", "t.toml:4: key queue.lifetime: \"7y\" is no time; write a number with s, m, h, d or w such as \"90s\", \"5m\", \"1h\", \"7d\"\n"},
    {"no lifetime", "[queue]\nlifetime = \"0s\"", "t.toml:4: key queue.lifetime must be from 1s to 366d, not 0s\n"},
    {"no retry", "[queue]\nretry = []", "t.toml:4: key queue.retry must have at least one time\n"},
    {"a retry of no time", "[queue]\nretry = [\"1m\",\n\"0s\"]", "t.toml:5: key queue.retry must be from 1s to 366d, not 0s\n"},
    {"not a boolean", "[mail]\ntls = \"yes\"", "t.toml:4: key mail.tls is a text, but must be true or false, without quotes\n"},
    {"endpoint without port", "[smtp]\nlisten = [\"127.0.0.1\"]", "t.toml:4: key smtp.listen: \"127.0.0.1\" has no port; write them as \"127.0.0.1:2525\" or \"[::1]:2525\"\n"},
    {"name to listen on", "[smtp]\nlisten = [\"localhost:25\"]", "t.toml:4: key smtp.listen: \"localhost:25\" is no address and port; write them as \"127.0.0.1:2525\" or \"[::1]:2525\"\n"},
    {"next hop with port 0", "[mail]\nrelay = \"127.0.0.1:0\"", "t.toml:4: key mail.relay needs a port from 1 to 65535 to connect to\n"},
    {"no listener", "[smtp]\nlisten = []", "t.toml:4: key smtp.listen must name at least one address and port\n"},
    {"listener twice", "[mm1]\nlisten = [\"127.0.0.1:2525\"]", "t.toml:4: key mm1.listen names 127.0.0.1:2525, which is taken already\n"},
    {"not a network", "[smtp]\nnetworks = [\"10.0.0.0/33\"]", "t.toml:4: key smtp.networks: \"10.0.0.0/33\" is no network; write one such as \"10.0.0.0/8\", \"2001:db8::/32\" or a single address\n"},
    {"host bits in a network", "[smtp]\nnetworks = \"10.0.0.1/8\"", "t.toml:4: key smtp.networks: \"10.0.0.1/8\" has bits set behind its prefix; write the first address of the network\n"},
    {"word of no enumeration", "[smtp.tls]\nmode = \"on\"", "t.toml:4: key smtp.tls.mode: \"on\" is not one of: off, opportunistic, required\n"},
    {"key without certificate", "[smtp.tls]\nkey = \"/k\"", "t.toml:4: key smtp.tls.key needs smtp.tls.certificate beside it\n"},
    {"certificate without key", "[smtp.tls]\ncertificate = \"/c\"", "t.toml:4: key smtp.tls.certificate needs smtp.tls.key beside it\n"},
    {"TLS required without certificate", "[smtp.tls]\nmode = \"required\"", "t.toml:4: key smtp.tls.mode is required, but there is no smtp.tls.certificate; nobody could hand in mail\n"},
    {"path with controls", "control = \"/a\\tb\"", "t.toml:3: key gateway.control: \"/a?b\" is no path; write one without control characters\n"},
    {"not a domain", "domains = [\"a b\"]", "t.toml:3: key gateway.domains: \"a b\" is no domain; write a name such as \"mms.example.net\", letters of other scripts as A-labels (xn--...)\n"},
    {"postmaster at home", "postmaster = \"ops@mms.example.net\"", "t.toml:3: key gateway.postmaster must be a mailbox elsewhere: mail to postmaster at our own domains goes there\n"},
    {"not a URL", "[mm1]\nurl = \"mms.example.net\"", "t.toml:4: key mm1.url: \"mms.example.net\" is no usable URL; write http:// or https://, a host, a port and a path if needed, at most 180 octets\n"},
    {"URL with a query", "[mm1]\nurl = \"http://a/?b\"", "t.toml:4: key mm1.url must not have a query\n"},
    {"header with a space", "[mm1]\nmsisdn_header = \"X MSISDN\"", "t.toml:4: key mm1.msisdn_header: \"X MSISDN\" is no plain name; write letters, digits and - . _ without spaces\n"},
    {"no header", "[mm1]\nmsisdn_header = []", "t.toml:4: key mm1.msisdn_header must name at least one header\n"},
    {"client's number", "[[mm1.client]]\naddress = \"10.1.2.3\"\nmsisdn = \"me\"", "t.toml:3: key mm1.client.0 has an msisdn that is no telephone number; write one such as \"+447700900123\"\n"},
    {"bearer without address", "[push]\nkind = \"pap\"", "t.toml:3: key push.url is missing; the bearer needs an address\n"},
    {"address without bearer", "[push]\nurl = \"http://127.0.0.1/\"", "t.toml:3: key push.kind is missing; write \"pap\" or \"kannel\"\n"},
    {"prefix without plus", "[[subscribers]]\nprefix = \"447700\"", "t.toml:4: key subscribers.prefix: \"447700\" is no prefix of international numbers; write plus, country code and more digits, such as \"+447700\"\n"},
    {"range twice", "[[subscribers]]\nprefix = \"+447700\"\n[[subscribers]]\nprefix = \"+447700\"", "t.toml:5: key subscribers.1 claims +447700, which [[subscribers]] has already\n"},
    {"range here and at a peer", "[[subscribers]]\nprefix = \"+447700\"\n[[peer]]\nname = \"p\"\ndomain = \"p.example\"\nprefixes = \"+447700\"", "t.toml:5: key peer.0 claims +447700, which [[subscribers]] has already\n"},
    {"two peers of one name", "[[peer]]\nname = \"p\"\ndomain = \"p.example\"\n[[peer]]\nname = \"p\"\ndomain = \"q.example\"", "t.toml:6: key peer.1 has the name of another peer: p\n"},
    {"unknown preset", "[[peer]]\nname = \"p\"\ndomain = \"p.example\"\npreset = \"hup\"", "t.toml:6: key peer.preset: \"hup\" is not one of: rel4, rel5, grx, hub, mbuni\n"},
    {"mutual TLS without a certificate", "[[peer]]\nname = \"p\"\ndomain = \"p.example\"\ntls = \"mutual\"\ntls_names = \"a.example\"", "t.toml:3: key peer.0 has tls = \"mutual\", for which we must show a certificate: give tls_certificate here or smtp.tls.certificate\n"},
    {"nothing to verify by", "[[peer]]\nname = \"p\"\ndomain = \"p.example\"\ntls = \"verify\"\nnext_hop = \"127.0.0.1:25\"", "t.toml:3: key peer.0 has tls = \"verify\", but neither a next_hop with a name, nor tls_names, nor tls_pins to verify it by\n"},
    {"password in clear", "[[peer]]\nname = \"p\"\ndomain = \"p.example\"\nuser = \"u\"\npassword = \"x\"", "t.toml:3: key peer.0 has a password, which is said within TLS only: set tls to must, verify or mutual\n"},
    {"default peer that is none", "[mm4]\ndefault_peer = \"x\"", "t.toml:4: key mm4.default_peer names no [[peer]]: x\n"},
    {"number ported to nobody", "[[ported]]\nnumber = \"+447800900123\"\npeer = \"x\"", "t.toml:3: key ported.0 names no [[peer]]: x\n"},
    {"peer with our domain", "[[peer]]\nname = \"p\"\ndomain = \"MMS.example.net\"", "t.toml:3: key peer.0 has one of our own domains: mms.example.net\n"},
    {"too little memory", "[limits]\nmemory = \"9M\"", "t.toml:4: key limits.memory must be at least twice limits.message_size, which is 5M\n"},
    {"not TOML", "[smtp\n", "t.toml:3: not TOML: "},
    {"key twice", "domain = \"x.example\"", "t.toml:3: not TOML: "},
    {"long key twice", "a_key_whose_name_is_so_long_that_it_fills_a_line = 1\na_key_whose_name_is_so_long_that_it_fills_a_line = 2",
     "t.toml:4: not TOML: Error while parsing key-value pair: cannot redefine existing integer 'a_key_whose_name_is_so_long_that_it_fills_a_line'\n"},
    {"bearer unknown, with an address", "[push]\nkind = \"PAP\"\nurl = \"http://127.0.0.1/\"", "t.toml:4: key push.kind: \"PAP\" is not one of: none, pap, kannel, smpp\n"},
    {"bearer with a bad address", "[push]\nkind = \"pap\"\nurl = \"127.0.0.1/\"",
     "t.toml:5: key push.url: \"127.0.0.1/\" is no usable URL; write http:// or https://, a host, a port and a path if needed, at most 180 octets\n"},
};

}   // namespace

Test(config, reads_every_default) {
    auto config = parse_config(kSmallest, "t.toml");
    cr_assert(config.has_value(), "%s", messages(kSmallest).c_str());
    cr_expect(config->hostname == "mms.example.net");
    cr_expect(config->message_size_bytes == 5242880);
    cr_expect((config->smtp_listen == std::vector{Endpoint{"127.0.0.1", 2525}}));
    cr_expect((config->retry == std::vector<Seconds>{Seconds(60), Seconds(300), Seconds(900), Seconds(3600)}));
    cr_expect(config->lifetime == Seconds(7 * 86400));
    cr_expect((config->msisdn_headers == std::vector{"X-MSISDN"s}));
    cr_expect(config->push_kind == PushKind::none);
    cr_expect(!config->mail_relay);
    cr_expect(config->log.level == Level::info && config->log.numbers == Numbers::masked);
    cr_expect(contains(config->smtp_networks, "127.0.0.1") && contains(config->smtp_networks, "::1") && !contains(config->smtp_networks, "192.0.2.1"));
    // A key whose default is written in the file changes nothing.
    for (const KeySpec<Config>& spec : kConfigKeys) {
        if (spec.required || spec.name == "gateway.hostname") continue;
        Config scratch;
        bool bare = std::visit([](auto* t) { return std::is_arithmetic_v<std::remove_pointer_t<decltype(t)>> && !std::is_same_v<decltype(t), std::uint64_t*>; }, spec.target(scratch));
        std::string value(spec.default_text);
        if (!bare && !value.starts_with('[')) value = "\"" + value + "\"";
        std::string name(spec.name), text = name.starts_with("gateway.") ? std::string(kSmallest) : name.substr(0, name.rfind('.'));
        text = name.starts_with("gateway.") ? std::string(kSmallest) + name.substr(8) + " = " + value
                                            : std::string(kSmallest) + "[" + name.substr(0, name.rfind('.')) + "]\n" + name.substr(name.rfind('.') + 1) + " = " + value;
        auto again = parse_config(text, "t.toml");
        cr_expect(again.has_value() && *again == *config, "%s: %s", name.c_str(), messages(text).c_str());
    }
}

Test(config, names_of_keys_are_unique_and_documented) {
    std::set<std::string_view> names;
    for (const KeySpec<Config>& spec : kConfigKeys) {
        cr_expect(names.insert(spec.name).second, "%s twice", std::string(spec.name).c_str());
        cr_expect(spec.documentation.ends_with('.'), "%s", std::string(spec.name).c_str());
        cr_expect(spec.required == (spec.name == "gateway.domain"));
    }
}

Test(config, reads_the_contract_verbatim) {
    auto config = parse_config(file_text("tests/corpus/config/contract.toml"), "contract.toml");
    cr_assert(config.has_value(), "%s", config.error().front().message.c_str());
    cr_expect(config->domain == "mms.example.net" && config->hostname == "gw1.mms.example.net" && config->postmaster == "ops@example.net");
    cr_expect(config->state_dir == "/var/lib/mmgate" && config->control == "/run/mmgate/control.sock");
    cr_expect((config->numbering == NumberingPlan{"44", "0", "00"}));
    cr_expect(config->message_size_bytes == 5242880);
    cr_expect(config->mm1_url == "http://127.0.0.1:8080");
    cr_expect(config->push_kind == PushKind::pap && config->push_url == "http://127.0.0.1:8090/push");
    cr_expect((config->mail_relay == Endpoint{"127.0.0.1", 1025}));
    cr_expect((config->subscribers == std::vector{SubscriberRange{"+447700"}}));
    cr_assert(config->peers.size() == 1);
    cr_expect((config->peers[0].name == "other" && config->peers[0].domain == "mms.other.example" && config->peers[0].prefixes == std::vector{"+447800"s}));
    cr_expect((config->peers[0].next_hop == std::vector{NextHop{{"127.0.0.1", 2626}}}));
    cr_expect(contains(config->peers[0].networks, "127.0.0.2"));
    cr_assert(config->applications.size() == 1);
    cr_expect(config->applications[0].id == "MEM");
}

Test(config, the_example_is_a_working_loopback_configuration) {
    auto config = parse_config(file_text("docs/examples/mmgate.toml"), "mmgate.toml");
    cr_assert(config.has_value(), "%s", config.error().front().message.c_str());
    for (const auto& listen : {config->smtp_listen, config->mm1_listen})
        for (const Endpoint& endpoint : listen) cr_expect(endpoint.host == "127.0.0.1");
    cr_expect(config->push_kind == PushKind::pap && config->subscribers.size() == 1);
}

Test(config, reads_the_other_forms_of_values) {
    auto config = parse_config(R"(
[gateway]
domain = "MMS.Example.NET"
control_users = "monitor"
[numbering]
trunk_prefix = ""
[limits]
message_size = "300k"
[mm1]
url = "https://mms.example.net/mm1/"
msisdn_header = ["X-MSISDN", "X-WAP-Network-Client-MSISDN"]
listen = "[::1]:0"
[[mm1.client]]
address = "10.1.2.3"
msisdn = "07700 900123"
[mail]
relay = "relay.example.net:25"
[queue]
retry = "1h30m"
[log]
level = "debug"
numbers = "full"
)",
                               "t.toml");
    cr_assert(config.has_value(), "%s", config.error().front().message.c_str());
    cr_expect(config->domain == "mms.example.net" && config->hostname == "mms.example.net");
    cr_expect((config->control_users == std::vector{"monitor"s}));
    cr_expect(config->numbering.trunk_prefix.empty());
    cr_expect(config->message_size_bytes == 307200);
    cr_expect(config->mm1_url == "https://mms.example.net/mm1");
    cr_expect(config->msisdn_headers.size() == 2);
    cr_expect((config->mm1_listen == std::vector{Endpoint{"::1", 0}}));
    cr_expect((config->mm1_clients == std::vector{Mm1Client{"10.1.2.3", "07700 900123"}}));
    cr_expect((config->mail_relay == Endpoint{"relay.example.net", 25}));
    cr_expect((config->retry == std::vector{Seconds(5400)}));
    cr_expect(config->log.level == Level::debug && config->log.numbers == Numbers::full);
}

Test(config, refuses_with_file_line_key_and_what_would_be_right) {
    for (const BadRow& row : kBad) {
        std::string got = messages(std::string(kSmallest) + std::string(row.text));
        bool matches = row.want.ends_with('\n') ? got == row.want : got.starts_with(row.want) && got.size() > row.want.size();
        cr_expect(matches, "%s:\n got: %s want: %s", row.name, got.c_str(), std::string(row.want).c_str());
    }
}

Test(config, reports_all_errors_in_the_order_of_lines) {
    std::string got = messages("[queue]\nlifetime = 1\n[gateway]\nhostname = \"-\"\n");
    cr_expect(got ==
                  "t.toml:2: key queue.lifetime is a number, but must be a time with its unit in quotes, such as \"90s\" or \"5m\"\n"
                  "t.toml:3: key gateway.domain is missing; it has no default\n"
                  "t.toml:4: key gateway.hostname: \"-\" is no domain; write a name such as \"mms.example.net\", letters of other scripts as A-labels (xn--...)\n",
              "%s", got.c_str());
    cr_expect(messages("") == "t.toml: key gateway.domain is missing; it has no default\n");
}

Test(config, says_when_a_file_cannot_be_read) {
    auto config = read_config("/nonexistent/mmgate.toml");
    cr_assert(!config);
    cr_expect(config.error().front().message == "/nonexistent/mmgate.toml: cannot be read: No such file or directory; name a readable file with -c");
    auto endless = read_config("/dev/zero");
    cr_assert(!endless);
    cr_expect(endless.error().front().message == "/dev/zero: the file is larger than 4M");
    auto folder = read_config("/");
    cr_assert(!folder);
    cr_expect(folder.error().front().message == "/: cannot be read: Is a directory; name a readable file with -c");
}

Test(config, a_secret_is_never_in_a_message) {
    std::string got = messages(std::string(kSmallest) + "[push]\npassword = \"sesame\\u0007\"");
    cr_expect(!got.empty() && got.find("sesame") == std::string::npos, "%s", got.c_str());
}

Test(config, names_what_changed_by_when_it_takes_effect) {
    Config from = *parse_config(kSmallest, "t");
    Config to = *parse_config(std::string(kSmallest) + "control = \"/c\"\n[smtp]\nlisten = [\"127.0.0.1:0\"]\nidle = \"1m\"\n[[subscribers]]\nprefix = \"+44\"", "t");
    cr_expect(changed_keys(from, from, Reload::live).empty() && changed_keys(from, from, Reload::restart).empty());
    cr_expect((changed_keys(from, to, Reload::restart) == std::vector{"gateway.control"sv}));
    cr_expect((changed_keys(from, to, Reload::listeners) == std::vector{"smtp.listen"sv}));
    cr_expect((changed_keys(from, to, Reload::live) == (std::vector{"smtp.idle"sv, "subscribers"sv})));
    // What waits for a restart stays as it is, and the rest is taken.
    Config next = to;
    keep_until_restart(from, next);
    cr_expect(changed_keys(from, next, Reload::restart).empty());
    cr_expect((changed_keys(to, next, Reload::restart) == std::vector{"gateway.control"sv}));
    cr_expect(changed_keys(to, next, Reload::live).empty() && changed_keys(to, next, Reload::listeners).empty());
}

Test(config, takes_a_preset_for_defaults_and_the_table_before_it) {
    auto config = parse_config(
        "[gateway]\ndomain = \"a.example\"\n[smtp.tls]\ncertificate = \"c\"\nkey = \"k\"\n[[peer]]\nname = \"h\"\ndomain = \"h.example\"\npreset = \"hub\"\n"
        "next_hop = \"mm4.h.example:25\"\nconnections = 3\n",
        "t.toml");
    cr_assert(config);
    const Peer& peer = config->peers.at(0);
    cr_expect((peer.tls == PeerTls::mutual));
    cr_expect((peer.mail_from == EnvelopeSender::system));
    cr_expect((peer.originators == std::vector<std::string>{"+"}));
    cr_expect((peer.connections == 3));
    cr_expect((peer.recipients == 100));
}
