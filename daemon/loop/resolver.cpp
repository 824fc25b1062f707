#include "daemon/loop/resolver.h"

#include <ares.h>
#include <arpa/nameser.h>
#include <netdb.h>
#include <sys/socket.h>

#include <algorithm>
#include <cassert>
#include <map>
#include <optional>
#include <random>

#include "daemon/loop/public_address.h"

namespace mmgate {

namespace {

using AresData = std::unique_ptr<ares_mx_reply, FreedBy<ares_free_data>>;
using HostEntry = std::unique_ptr<hostent, FreedBy<ares_free_hostent>>;

constexpr int kTries = 3;
constexpr int kEdnsBytes = 1232;   // fits any path without fragments

struct Exchanger {
    std::uint16_t preference = 0;
    std::string name;
};

/// What one question brought: nothing of the kind, no such name, or an answer that could not be had now.
enum class Found : std::uint8_t { records,
                                  no_records,
                                  no_name,
                                  nothing_now };

Found found_of(int status) {
    switch (status) {
        case ARES_SUCCESS: return Found::records;
        case ARES_ENODATA: return Found::no_records;
        case ARES_ENOTFOUND: return Found::no_name;
        default: return Found::nothing_now;
    }
}

std::string lower(std::string_view text) {
    std::string out(text);
    for (char& c : out)
        if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
    while (out.ends_with('.')) out.pop_back();
    return out;
}

/// Letters, digits, hyphen and underscore between dots: what may be asked for, logged and offered to TLS.
bool is_host_name(std::string_view name) {
    if (name.empty() || name.size() > 253) return false;
    std::size_t label = 0;
    for (char c : name) {
        bool usual = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
        if (c == '.' ? label == 0 : !usual || label == 63) return false;
        label = c == '.' ? 0 : label + 1;
    }
    return label > 0;
}

/// "[192.0.2.1]", "[IPv6:2001:db8::1]": the address; "" when it is no such thing. Source: RFC 5321 §4.1.3.
std::string literal_of(std::string_view domain) {
    if (domain.size() < 2 || domain.front() != '[' || domain.back() != ']') return {};
    std::string inside = lower(domain.substr(1, domain.size() - 2));
    if (inside.starts_with("ipv6:")) inside.erase(0, 5);
    return is_address_literal(inside) ? inside : std::string();
}

std::vector<std::string> interleaved(const std::vector<std::string>& v6, const std::vector<std::string>& v4) {
    std::vector<std::string> out;
    for (std::size_t i = 0; i < std::max(v6.size(), v4.size()); ++i) {
        if (i < v6.size()) out.push_back(v6[i]);
        if (i < v4.size()) out.push_back(v4[i]);
    }
    return out;
}

std::string address_text(int family, const void* address) {
    char text[INET6_ADDRSTRLEN] = "";
    ares_inet_ntop(family, address, text, sizeof text);
    return text;
}

/// Whether an answer could be read. One without records of its kind could, too; one that ends inside a record or points out of itself says nothing, least of
/// all that there is nothing.
bool is_read(int status) { return status == ARES_SUCCESS || status == ARES_ENODATA; }

// Each gives nothing where the answer cannot be read.
std::optional<std::vector<std::string>> addresses_in(Bytes answer, int type) {
    const auto* octets = reinterpret_cast<const unsigned char*>(answer.data());
    auto length = static_cast<int>(answer.size());
    int count = kAddressesPerHost;
    std::vector<std::string> out;
    if (type == ns_t_a) {
        ares_addrttl found[kAddressesPerHost];
        const int status = ares_parse_a_reply(octets, length, nullptr, found, &count);
        if (!is_read(status)) return std::nullopt;
        for (int i = 0; status == ARES_SUCCESS && i < count; ++i) out.push_back(address_text(AF_INET, &found[i].ipaddr));
    } else {
        ares_addr6ttl found[kAddressesPerHost];
        const int status = ares_parse_aaaa_reply(octets, length, nullptr, found, &count);
        if (!is_read(status)) return std::nullopt;
        for (int i = 0; status == ARES_SUCCESS && i < count; ++i) out.push_back(address_text(AF_INET6, &found[i].ip6addr));
    }
    return out;
}

std::optional<std::vector<Exchanger>> exchangers_in(Bytes answer) {
    ares_mx_reply* first = nullptr;
    if (!is_read(ares_parse_mx_reply(reinterpret_cast<const unsigned char*>(answer.data()), static_cast<int>(answer.size()), &first))) return std::nullopt;
    AresData list(first);
    std::vector<Exchanger> out;
    for (const ares_mx_reply* mx = list.get(); mx != nullptr; mx = mx->next) out.push_back({mx->priority, lower(mx->host)});
    return out;
}

std::optional<std::vector<NamePointer>> name_pointers_in(Bytes answer) {
    ares_naptr_reply* first = nullptr;
    if (!is_read(ares_parse_naptr_reply(reinterpret_cast<const unsigned char*>(answer.data()), static_cast<int>(answer.size()), &first))) return std::nullopt;
    const std::unique_ptr<ares_naptr_reply, FreedBy<ares_free_data>> list(first);
    const auto text = [](const unsigned char* octets) { return std::string(reinterpret_cast<const char*>(octets)); };
    std::vector<NamePointer> out;
    for (const ares_naptr_reply* one = list.get(); one != nullptr && out.size() < kNamePointers; one = one->next)
        out.push_back({one->order, one->preference, text(one->flags), text(one->service), text(one->regexp), one->replacement});
    return out;
}

class CaresResolver final : public Resolver {
public:
    CaresResolver(Loop& loop, const Config& config) : loop_(loop), random_(std::random_device{}()) {
        [[maybe_unused]] int status = ares_library_init(ARES_LIB_INIT_ALL);
        assert(status == ARES_SUCCESS);
        timer_.reset(evtimer_new(
            loop_.base(), [](evutil_socket_t, short, void* self) { guarded([&] { static_cast<CaresResolver*>(self)->process(ARES_SOCKET_BAD, ARES_SOCKET_BAD); }); },
            this));
        reconfigure(config);
    }
    ~CaresResolver() override {
        closing_ = true;
        close_channel();
        ares_library_cleanup();
    }

    void reconfigure(const Config& config) override {
        private_allowed_ = config.private_mx;
        own_name_ = lower(config.hostname);
        if (channel_ != nullptr && servers_ == config.dns_servers && patience_ == config.dns_timeout) return;
        servers_ = config.dns_servers;
        patience_ = config.dns_timeout;
        open_channel();
    }

    void mail_hosts(const std::string& domain, std::function<void(Result<std::vector<MailHost>>)> done) override;
    void addresses(const std::string& host, std::function<void(Result<std::vector<std::string>>)> done) override;
    void name_pointers(const std::string& name, std::function<void(Result<std::vector<NamePointer>>)> done) override;

private:
    /// One host's addresses while they are looked up.
    struct Host {
        std::string name;
        std::vector<std::string> v4, v6;
        bool temporary = false;   // some answer could not be had
        bool exists = false;      // some answer was not NXDOMAIN
        bool skipped = false;     // an address was not public
    };
    /// One call of ours. Shared by its open questions, which keep it alive; what comes after its end is ignored.
    struct LookUp {
        std::string domain;
        std::vector<Host> hosts;
        bool implicit = false;   // the domain itself, for want of MX
        std::size_t open_questions = 0;
        bool ended = false;
        Timer deadline;
        std::function<void(LookUp&)> complete;            // all questions are answered
        std::function<void(Fault, std::string)> failed;   // posts the failure
    };
    using LookUpHandle = std::shared_ptr<LookUp>;

    struct Question {
        const CaresResolver* resolver;
        std::function<void(Found, Bytes)> answered;
    };

    void open_channel();
    void close_channel();
    void process(ares_socket_t readable, ares_socket_t writable);
    void watch(ares_socket_t fd, bool readable, bool writable);
    void set_timer();

    void ask(const std::string& name, int type, std::function<void(Found, Bytes)> answered);
    void ask_addresses(const LookUpHandle& lookup, std::size_t host);
    void start(const LookUpHandle& lookup);
    void end(LookUp& lookup);
    void take_exchangers(const LookUpHandle& lookup, std::vector<Exchanger> exchangers);
    bool in_hosts_file(const std::string& name, Host& host) const;

    Loop& loop_;
    std::mt19937 random_;
    bool closing_ = false;
    bool private_allowed_ = false;
    std::string own_name_;
    std::vector<Endpoint> servers_;
    Seconds patience_{};
    ares_channel channel_ = nullptr;
    std::map<ares_socket_t, EventHandle> sockets_;
    EventHandle timer_;
};

void CaresResolver::open_channel() {
    close_channel();
    ares_options options{};
    options.flags = ARES_FLAG_EDNS;
    options.ednspsz = kEdnsBytes;
    // The wait doubles with each try: 1 + 2 + 4 parts of the whole.
    options.timeout = static_cast<int>(std::clamp<std::int64_t>(std::chrono::milliseconds(patience_).count() / 7, 100, 5'000));
    options.tries = kTries;
    options.ndomains = 0;   // names are whole: nothing is appended to them
    options.sock_state_cb_data = this;
    options.sock_state_cb = [](void* self, ares_socket_t fd, int readable, int writable) {
        guarded([&] { static_cast<CaresResolver*>(self)->watch(fd, readable != 0, writable != 0); });
    };
    int mask = ARES_OPT_FLAGS | ARES_OPT_EDNSPSZ | ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES | ARES_OPT_DOMAINS | ARES_OPT_SOCK_STATE_CB;
    [[maybe_unused]] int status = ares_init_options(&channel_, &options, mask);
    assert(status == ARES_SUCCESS);

    std::string list;
    for (const Endpoint& server : servers_) list += (list.empty() ? "" : ",") + to_text(server);
    if (!list.empty()) ares_set_servers_ports_csv(channel_, list.c_str());
}

void CaresResolver::close_channel() {
    if (channel_ == nullptr) return;
    ares_destroy(channel_);   // answers what is open with ARES_EDESTRUCTION
    channel_ = nullptr;
    sockets_.clear();
    evtimer_del(timer_.get());
}

void CaresResolver::watch(ares_socket_t fd, bool readable, bool writable) {
    sockets_.erase(fd);   // a number may come back as another socket: its old event must be gone first
    if (!readable && !writable) return;
    auto what = static_cast<short>((readable ? EV_READ : 0) | (writable ? EV_WRITE : 0) | EV_PERSIST);
    EventHandle& socket = sockets_[fd];
    socket.reset(event_new(
        loop_.base(), fd, what,
        [](evutil_socket_t at, short happened, void* arg) {
            guarded([&] {
                static_cast<CaresResolver*>(arg)->process((happened & EV_READ) != 0 ? at : ARES_SOCKET_BAD, (happened & EV_WRITE) != 0 ? at : ARES_SOCKET_BAD);
            });
        },
        this));
    event_add(socket.get(), nullptr);
}

void CaresResolver::process(ares_socket_t readable, ares_socket_t writable) {
    ares_process_fd(channel_, readable, writable);
    set_timer();
}

void CaresResolver::set_timer() {
    timeval wait{};
    if (ares_timeout(channel_, nullptr, &wait) != nullptr) {
        evtimer_add(timer_.get(), &wait);
    } else {
        evtimer_del(timer_.get());
    }
}

void CaresResolver::ask(const std::string& name, int type, std::function<void(Found, Bytes)> answered) {
    auto question = std::make_unique<Question>(Question{this, std::move(answered)});
    ares_query(
        channel_, name.c_str(), ns_c_in, type,
        [](void* arg, int status, int, unsigned char* answer, int length) {
            std::unique_ptr<Question> own(static_cast<Question*>(arg));
            if (own->resolver->closing_) return;
            guarded([&] { own->answered(found_of(status), Bytes(reinterpret_cast<const char*>(answer), static_cast<std::size_t>(length))); });
        },
        question.release());
    set_timer();
}

void CaresResolver::start(const LookUpHandle& lookup) {
    lookup->deadline = loop_.after(patience_, [this, weak = std::weak_ptr(lookup)] {
        LookUpHandle lookup = weak.lock();
        if (!lookup || lookup->ended) return;
        end(*lookup);
        lookup->failed(Fault::peer_unreachable, "the name server did not answer in time");
    });
}

void CaresResolver::end(LookUp& lookup) {
    lookup.ended = true;
    lookup.deadline.cancel();
}

void CaresResolver::ask_addresses(const LookUpHandle& lookup, std::size_t index) {
    lookup->open_questions += 2;
    for (int type : {static_cast<int>(ns_t_aaaa), static_cast<int>(ns_t_a)}) {
        ask(lookup->hosts[index].name, type, [this, lookup, index, type](Found found, Bytes answer) {
            if (lookup->ended) return;
            Host& host = lookup->hosts[index];
            host.temporary |= found == Found::nothing_now;
            host.exists |= found != Found::no_name;
            if (found == Found::records) {
                if (auto addresses = addresses_in(answer, type)) (type == ns_t_a ? host.v4 : host.v6) = std::move(*addresses);
                else host.temporary = true;
            }
            if (--lookup->open_questions > 0) return;
            end(*lookup);
            lookup->complete(*lookup);
        });
    }
}

void CaresResolver::mail_hosts(const std::string& domain, std::function<void(Result<std::vector<MailHost>>)> done) {
    auto answer = [this, done = std::move(done)](Result<std::vector<MailHost>> result) { loop_.post([done, result = std::move(result)] { done(result); }); };
    if (domain.starts_with('[')) {
        std::string literal = literal_of(domain);
        if (literal.empty()) return answer(fail(Fault::no_such_domain, "the address literal is not understood"));
        if (!private_allowed_ && !is_public_address(literal)) return answer(fail(Fault::no_such_domain, "the address literal is not a public address"));
        return answer(std::vector<MailHost>{{domain, {literal}}});
    }
    auto lookup = std::make_shared<LookUp>();
    lookup->domain = lower(domain);
    if (!is_host_name(lookup->domain)) return answer(fail(Fault::no_such_domain, "the domain is not a domain name"));

    lookup->failed = [answer](Fault fault, std::string rule) { answer(fail(fault, std::move(rule))); };
    lookup->complete = [this, answer](LookUp& ended) {
        std::vector<MailHost> usable;
        bool temporary = false, skipped = false, exists = false;
        for (Host& host : ended.hosts) {
            for (auto* list : {&host.v6, &host.v4})
                host.skipped |= !private_allowed_ && std::erase_if(*list, [](const std::string& address) { return !is_public_address(address); }) > 0;
            temporary |= host.temporary;
            skipped |= host.skipped;
            exists |= host.exists;
            std::vector<std::string> all = interleaved(host.v6, host.v4);
            if (!all.empty()) usable.push_back({host.name, std::move(all)});
        }
        if (!usable.empty()) return answer(std::move(usable));
        if (temporary) return answer(fail(Fault::peer_unreachable, "the addresses of the domain's mail hosts could not be looked up"));
        if (skipped) return answer(fail(Fault::peer_unreachable, "the domain's mail hosts have no public address"));
        if (!ended.implicit) return answer(fail(Fault::peer_unreachable, "the domain's mail hosts have no address"));
        answer(fail(Fault::no_such_domain, exists ? "the domain has neither mail host nor address" : "the domain does not exist"));
    };
    start(lookup);
    ask(lookup->domain, ns_t_mx, [this, lookup](Found found, Bytes reply) {
        if (lookup->ended) return;
        auto exchangers = found == Found::records ? exchangers_in(reply) : std::vector<Exchanger>();
        switch (exchangers ? found : Found::nothing_now) {
            case Found::records: return take_exchangers(lookup, std::move(*exchangers));
            case Found::no_records: return take_exchangers(lookup, {});
            case Found::no_name: end(*lookup); return lookup->failed(Fault::no_such_domain, "the domain does not exist");
            case Found::nothing_now: end(*lookup); return lookup->failed(Fault::peer_unreachable, "the domain's mail hosts could not be looked up");
        }
    });
}

void CaresResolver::take_exchangers(const LookUpHandle& lookup, std::vector<Exchanger> exchangers) {
    if (exchangers.empty()) {
        lookup->implicit = true;
        lookup->hosts.push_back({.name = lookup->domain, .v4 = {}, .v6 = {}});
        return ask_addresses(lookup, 0);
    }
    auto stop = [&](Fault fault, std::string rule) {
        end(*lookup);
        lookup->failed(fault, std::move(rule));
    };
    if (exchangers.size() == 1 && exchangers.front().name.empty()) return stop(Fault::null_mx, "the domain takes no mail");

    // Shuffled, then sorted by preference alone: equal ones stay shuffled (RFC 5321 §5.1).
    std::shuffle(exchangers.begin(), exchangers.end(), random_);
    std::stable_sort(exchangers.begin(), exchangers.end(), [](const Exchanger& a, const Exchanger& b) { return a.preference < b.preference; });

    // Hosts that are no better than we are would bring the mail back to us.
    auto own = std::find_if(exchangers.begin(), exchangers.end(), [&](const Exchanger& mx) { return mx.name == own_name_; });
    if (own != exchangers.end()) {
        std::uint16_t preference = own->preference;
        std::erase_if(exchangers, [&](const Exchanger& mx) { return mx.preference >= preference; });
        if (exchangers.empty()) return stop(Fault::routing_loop, "the domain's best mail host is this gateway");
    }
    for (const Exchanger& mx : exchangers) {
        if (lookup->hosts.size() == kMailHosts) break;
        // An address where a name belongs is passed over, as is what is no name at all.
        if (is_host_name(mx.name) && !is_address_literal(mx.name)) lookup->hosts.push_back({.name = mx.name, .v4 = {}, .v6 = {}});
    }
    if (lookup->hosts.empty()) return stop(Fault::peer_unreachable, "the domain's mail hosts are no host names");
    lookup->open_questions = 1;   // so that an answer at once does not end the loop below
    for (std::size_t i = 0; i < lookup->hosts.size(); ++i) ask_addresses(lookup, i);
    if (--lookup->open_questions == 0 && !lookup->ended) {
        end(*lookup);
        lookup->complete(*lookup);
    }
}

void CaresResolver::addresses(const std::string& host, std::function<void(Result<std::vector<std::string>>)> done) {
    auto answer = [this, done = std::move(done)](Result<std::vector<std::string>> result) { loop_.post([done, result = std::move(result)] { done(result); }); };
    if (is_address_literal(host)) return answer(std::vector<std::string>{host});

    auto lookup = std::make_shared<LookUp>();
    lookup->domain = lower(host);
    if (!is_host_name(lookup->domain)) return answer(fail(Fault::no_such_domain, "the host is not a host name"));
    lookup->hosts.push_back({.name = lookup->domain, .v4 = {}, .v6 = {}});
    Host& found = lookup->hosts.front();
    if (in_hosts_file(lookup->domain, found)) return answer(interleaved(found.v6, found.v4));

    lookup->failed = [answer](Fault fault, std::string rule) { answer(fail(fault, std::move(rule))); };
    lookup->complete = [answer](LookUp& ended) {
        const Host& asked = ended.hosts.front();
        std::vector<std::string> all = interleaved(asked.v6, asked.v4);
        if (!all.empty()) return answer(std::move(all));
        if (asked.temporary) return answer(fail(Fault::peer_unreachable, "the host's addresses could not be looked up"));
        answer(fail(Fault::no_such_domain, asked.exists ? "the host has no address" : "the host does not exist"));
    };
    start(lookup);
    ask_addresses(lookup, 0);
}

void CaresResolver::name_pointers(const std::string& name, std::function<void(Result<std::vector<NamePointer>>)> done) {
    auto answer = [this, done = std::move(done)](Result<std::vector<NamePointer>> result) { loop_.post([done, result = std::move(result)] { done(result); }); };
    auto lookup = std::make_shared<LookUp>();
    lookup->domain = lower(name);
    if (!is_host_name(lookup->domain)) return answer(fail(Fault::no_such_domain, "the name to ask for is no domain name"));
    lookup->failed = [answer](Fault fault, std::string rule) { answer(fail(fault, std::move(rule))); };
    start(lookup);
    ask(lookup->domain, ns_t_naptr, [this, lookup, answer](Found found, Bytes reply) {
        if (lookup->ended) return;
        end(*lookup);
        auto pointers = found == Found::records ? name_pointers_in(reply) : std::vector<NamePointer>();
        if (found == Found::nothing_now || !pointers) return lookup->failed(Fault::peer_unreachable, "the name server gave no answer");
        answer(std::move(*pointers));
    });
}

/// The file is small and local: the one thing that is read here and now. "localhost" is known without it (RFC 6761 §6.3).
bool CaresResolver::in_hosts_file(const std::string& name, Host& host) const {
    if (name == "localhost" || name.ends_with(".localhost")) {
        host.v4 = {"127.0.0.1"};
        host.v6 = {"::1"};
        return true;
    }
    for (int family : {AF_INET6, AF_INET}) {
        hostent* entry = nullptr;
        if (ares_gethostbyname_file(channel_, name.c_str(), family, &entry) != ARES_SUCCESS) continue;
        HostEntry own(entry);
        std::vector<std::string>& list = family == AF_INET ? host.v4 : host.v6;
        for (char** address = entry->h_addr_list; *address != nullptr && list.size() < kAddressesPerHost; ++address)
            if (entry->h_addrtype == family) list.push_back(address_text(family, *address));
    }
    return !host.v4.empty() || !host.v6.empty();
}

}   // namespace

std::unique_ptr<Resolver> make_resolver(Loop& loop, const Config& config) { return std::make_unique<CaresResolver>(loop, config); }

}   // namespace mmgate
