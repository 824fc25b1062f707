#include "daemon/smtp/client.h"

#include <algorithm>
#include <deque>
#include <list>
#include <map>

#include "daemon/smtp/connection.h"
#include "mapping/limits.h"
#include "mapping/status.h"

namespace mmgate::smtp {

namespace {

using namespace std::chrono_literals;

constexpr std::size_t kFirstTransactions = 2;   // to a destination nothing is known of
constexpr std::size_t kMailsPerConnection = 100;
constexpr Seconds kConnectionAge{300};
constexpr Seconds kIdle{10};
constexpr Seconds kConnectPatience{30};                 // at most: RFC 5321 §4.5.3.2.1 bounds the greeting, not the connection
constexpr std::size_t kAddresses = 5;                   // tried for one mail in one attempt
constexpr std::size_t kAddressesPerHost = 2;            // where there are other hosts
constexpr std::size_t kConnectionsPerMail = 24;         // of one attempt, whatever servers do
constexpr std::size_t kConnections = 500;               // over all destinations
constexpr std::size_t kConnectionsKeptForNew = 50;      // of those, not for destinations that have one already
constexpr std::string_view kConnectionLost = "4.4.2";   // RFC 3463 §3.5
constexpr Seconds kHostsRemembered{60};
constexpr auto kShortestFailure = 500ms;   // what fails faster costs nothing to try again
constexpr Seconds kLongestBackOff{60};

/// One address to try.
struct Target {
    std::string host;   // for people, verdicts and TLS
    Endpoint endpoint;
};

/// Where a lane leads: a configured relay, or a domain whose mail hosts are looked up.
struct Destination {
    std::optional<Endpoint> relay;
    std::string domain;
};

// "mail:HOST:PORT", "mail:[ADDRESS]:PORT", "mail:DOMAIN", "mail:[ADDRESS]"
Destination destination_of(std::string_view lane) {
    lane.remove_prefix(std::min(lane.size(), lane.find(':') + 1));
    std::size_t colon = lane.rfind(':');
    if (colon == std::string_view::npos || lane.ends_with(']')) return {std::nullopt, std::string(lane)};
    std::string_view host = lane.substr(0, colon);
    if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
    unsigned port = 0;
    for (char c : lane.substr(colon + 1)) port = c >= '0' && c <= '9' && port < 65536 ? port * 10 + static_cast<unsigned>(c - '0') : 65536;
    return {Endpoint{std::string(host), static_cast<std::uint16_t>(port < 65536 ? port : 0)}, {}};
}

/// At most kAddresses of them, with every host having its turn before one has many.
std::vector<Target> targets_of(const std::vector<MailHost>& hosts, std::uint16_t port) {
    std::vector<Target> out;
    std::size_t per_host = std::max(kAddressesPerHost, kAddresses / std::max<std::size_t>(hosts.size(), 1));
    for (const MailHost& host : hosts) {
        std::size_t taken = 0;
        for (const std::string& address : host.addresses) {
            if (out.size() == kAddresses || taken++ == per_host) break;
            out.push_back({host.name, {address, port}});
        }
    }
    return out;
}

Delivered look_up_verdict(const Error& error, const Destination& destination) {
    // A relay is the operator's: whatever is wrong with its name is waited out.
    bool failed = !destination.relay && !is_temporary(error.fault);
    const FaultSpec& spec = spec_of(failed ? error.fault : Fault::peer_unreachable);
    std::string status(failed ? spec.enhanced : "4.4.3");
    std::string name = destination.relay ? destination.relay->host : destination.domain;
    return {failed ? Delivered::Verdict::failed : Delivered::Verdict::deferred, spec.fault, printable_line(std::to_string(spec.smtp_code) + " " + status + " " + name + ": " + error.rule), status, {}};
}

class PooledClient final : public Client {
public:
    PooledClient(Loop& loop, Resolver& resolver, const Config& config, Log& log, Metrics& metrics)
        : loop_(loop), resolver_(resolver), log_(log), metrics_(metrics), tls_(TlsContext::client()) {
        reconfigure(config);
    }

    void send(std::string_view lane, OutboundMail mail, std::function<void(std::vector<Delivered>)> done) override;
    std::size_t free_slots(std::string_view lane) const override;
    void reconfigure(const Config& config) override;
    void drain() override;

private:
    /// A mail on its way, from `send` to `done`.
    struct Job {
        std::shared_ptr<const OutboundMail> mail;   // shared with the connection's sender
        std::function<void(std::vector<Delivered>)> done;
        Verdicts verdicts;
        std::vector<Target> targets;   // to try in this order
        std::size_t target = 0;
        bool in_clear = false;   // TLS failed with this target
        std::size_t connections = 0;
        Instant began{};
        std::optional<Delivered> trouble;   // the last one
    };
    using JobHandle = std::unique_ptr<Job>;
    struct Lane;

    /// A connection and what it does.
    struct Link final : ConnectionEvents {
        PooledClient& client;
        Lane& lane;
        JobHandle job;
        std::unique_ptr<Connection> connection;
        Target target;
        Instant opened{};
        std::size_t mails = 0;
        bool idle = false;      // takes a mail at once
        bool leaving = false;   // says QUIT, or has ended
        bool ended = false;
        Timer idle_timer;

        Link(PooledClient& c, Lane& l) : client(c), lane(l) {}
        void on_ready() override { client.ready(*this); }
        void on_finished(Verdicts verdicts, bool possible_duplicate) override { client.finished(*this, std::move(verdicts), possible_duplicate); }
        void on_ended(std::optional<Delivered> trouble, bool tls_failed) override { client.ended(*this, std::move(trouble), tls_failed); }
    };

    struct Lane {
        std::string name;
        Destination destination;
        std::deque<JobHandle> waiting;
        std::list<Link> links;
        std::size_t locating = 0;   // mails whose hosts are looked up
        std::size_t limit = kFirstTransactions;
        std::vector<Target> targets;   // as last looked up
        Instant targets_until{};
        Instant down_until{};   // no attempt before
        Delivered down_reason;
        bool pumping = false;

        /// Of the limit: mails on their way and connections that are not free yet.
        std::size_t active() const {
            return locating + static_cast<std::size_t>(std::count_if(links.begin(), links.end(), [](const Link& link) { return !link.idle && !link.leaving; }));
        }
    };

    void pump(Lane& lane);
    void start(Lane& lane, JobHandle job);
    void locate(Lane& lane, JobHandle job);
    void located(const std::string& lane, const std::shared_ptr<JobHandle>& job, Result<std::vector<Target>> targets);
    void open(Lane& lane, JobHandle job);
    void begin(Link& link, JobHandle job);

    void ready(Link& link);
    void finished(Link& link, Verdicts verdicts, bool possible_duplicate);
    void ended(Link& link, std::optional<Delivered> trouble, bool tls_failed);

    static void continue_from(Job& job, const Lane& lane, const Target& target);
    void next_target(Lane& lane, JobHandle job, bool tls_failed);
    void unreachable(Lane& lane, JobHandle job);
    void complete(JobHandle job, const Delivered& rest);
    void rest(Link& link);
    void sweep();
    bool room_for_connection(const Lane& lane) const;
    Lane* find(std::string_view lane);

    Loop& loop_;
    Resolver& resolver_;
    Log& log_;
    Metrics& metrics_;
    TlsContext tls_;
    Config config_;
    std::map<std::string, std::unique_ptr<Lane>, std::less<>> lanes_;
    std::size_t connections_ = 0;
    bool draining_ = false;
    Timer sweep_;
    // What was posted or asked for holds it weakly, so that nothing runs for a client that is gone.
    std::shared_ptr<PooledClient*> self_ = std::make_shared<PooledClient*>(this);
};

std::vector<std::size_t> without_verdict(const Verdicts& verdicts) {
    std::vector<std::size_t> out;
    for (std::size_t i = 0; i < verdicts.size(); ++i)
        if (!verdicts[i]) out.push_back(i);
    return out;
}

void PooledClient::reconfigure(const Config& config) {
    config_ = config;
    for (auto& [name, lane] : lanes_) lane->limit = std::clamp<std::size_t>(lane->limit, 1, std::max<std::size_t>(1, config_.mail_connections));
}

void PooledClient::drain() {
    draining_ = true;
    for (auto& [name, lane] : lanes_)
        for (Link& link : lane->links)
            if (link.idle) rest(link);
}

std::size_t PooledClient::free_slots(std::string_view lane) const {
    if (draining_) return 0;
    std::size_t limit = std::min<std::size_t>(kFirstTransactions, config_.mail_connections), used = 0;
    if (auto found = lanes_.find(lane); found != lanes_.end()) {
        if (loop_.now() < found->second->down_until) return 0;
        limit = found->second->limit;
        used = found->second->active() + found->second->waiting.size();
    }
    return limit - std::min(limit, used);
}

void PooledClient::send(std::string_view name, OutboundMail mail, std::function<void(std::vector<Delivered>)> done) {
    std::unique_ptr<Lane>& lane = lanes_[std::string(name)];
    if (!lane) {
        lane = std::make_unique<Lane>();
        lane->name = name;
        lane->destination = destination_of(name);
        lane->limit = std::clamp<std::size_t>(config_.mail_connections, 1, kFirstTransactions);
    }
    auto job = std::make_unique<Job>();
    job->verdicts.resize(mail.recipients.size());
    job->mail = std::make_shared<const OutboundMail>(std::move(mail));
    job->done = std::move(done);
    job->began = loop_.now();
    lane->waiting.push_back(std::move(job));
    loop_.post([self = std::weak_ptr(self_), name = std::string(name)] {
        auto client = self.lock();
        if (!client) return;
        if (Lane* there = (*client)->find(name)) (*client)->pump(*there);
    });
}

PooledClient::Lane* PooledClient::find(std::string_view lane) {
    auto found = lanes_.find(lane);
    return found == lanes_.end() ? nullptr : found->second.get();
}

bool PooledClient::room_for_connection(const Lane& lane) const { return connections_ + (lane.links.empty() ? 0 : kConnectionsKeptForNew) < kConnections; }

/// Starts what waits and may: over idle connections first, then over new ones.
void PooledClient::pump(Lane& lane) {
    if (lane.pumping) return;   // a mail that ends inside `begin` comes back here
    lane.pumping = true;
    while (!lane.waiting.empty()) {
        if (loop_.now() < lane.down_until) {
            JobHandle job = std::move(lane.waiting.front());
            lane.waiting.pop_front();
            complete(std::move(job), lane.down_reason);
            continue;
        }
        auto idle = std::find_if(lane.links.begin(), lane.links.end(), [](const Link& link) { return link.idle; });
        if (lane.active() >= lane.limit || (idle == lane.links.end() && !room_for_connection(lane))) break;
        JobHandle job = std::move(lane.waiting.front());
        lane.waiting.pop_front();
        if (idle != lane.links.end()) {
            begin(*idle, std::move(job));
        } else {
            start(lane, std::move(job));
        }
    }
    lane.pumping = false;
}

/// A new connection for this mail.
void PooledClient::start(Lane& lane, JobHandle job) {
    job->target = 0;
    job->in_clear = false;
    if (lane.targets.empty() || loop_.now() >= lane.targets_until) return locate(lane, std::move(job));
    job->targets = lane.targets;
    open(lane, std::move(job));
}

void PooledClient::locate(Lane& lane, JobHandle job) {
    ++lane.locating;
    auto waiting = std::make_shared<JobHandle>(std::move(job));   // shared: std::function copies its target
    auto answer = [self = std::weak_ptr(self_), name = lane.name, waiting](Result<std::vector<Target>> targets) {
        if (auto client = self.lock()) (*client)->located(name, waiting, std::move(targets));
    };
    if (const auto& relay = lane.destination.relay) {
        resolver_.addresses(relay->host, [answer, relay = *relay](Result<std::vector<std::string>> addresses) {
            if (!addresses) return answer(fail(addresses.error()));
            answer(targets_of({{relay.host, std::move(*addresses)}}, relay.port));
        });
    } else {
        resolver_.mail_hosts(lane.destination.domain, [answer, port = config_.mail_port](Result<std::vector<MailHost>> hosts) {
            if (!hosts) return answer(fail(hosts.error()));
            answer(targets_of(*hosts, port));
        });
    }
}

void PooledClient::located(const std::string& name, const std::shared_ptr<JobHandle>& waiting, Result<std::vector<Target>> targets) {
    Lane* lane = find(name);
    JobHandle job = std::move(*waiting);
    --lane->locating;   // a lane with a look-up stays
    if (targets) {
        lane->targets = std::move(*targets);
        lane->targets_until = loop_.now() + kHostsRemembered;
        job->targets = lane->targets;
        open(*lane, std::move(job));
        return;
    }
    job->trouble = look_up_verdict(targets.error(), lane->destination);
    lane->targets.clear();
    unreachable(*lane, std::move(job));
    sweep_ = loop_.after(0ms, [this] { sweep(); });
}

void PooledClient::open(Lane& lane, JobHandle job) {
    ++job->connections;
    Link& link = lane.links.emplace_back(*this, lane);
    link.target = job->targets.at(job->target);
    link.opened = loop_.now();
    SenderOptions options{config_.hostname, config_.mail_tls && !job->in_clear ? TlsMode::opportunistic : TlsMode::off, link.target.host};
    link.job = std::move(job);
    ++connections_;
    metrics_.add(Counter::mail_connections);
    Deadlines deadlines{std::min(kConnectPatience, config_.mail_timeout), config_.mail_timeout, config_.mail_final_timeout};
    link.connection = std::make_unique<Connection>(loop_, link.target.endpoint, std::move(options), deadlines, tls_, link);
}

void PooledClient::begin(Link& link, JobHandle job) {
    link.idle = false;
    link.idle_timer.cancel();
    link.job = std::move(job);
    if (++link.mails > 1) ++link.job->connections;
    link.connection->begin(link.job->mail, without_verdict(link.job->verdicts));
}

void PooledClient::ready(Link& link) {
    Lane& lane = link.lane;
    if (link.job && link.mails == 0) {
        begin(link, std::move(link.job));   // the mail it was opened for
        return;
    }
    bool worn = link.mails >= kMailsPerConnection || loop_.now() - link.opened >= kConnectionAge || !link.connection->may_begin();
    if (link.job) {   // the server takes no more of this mail in this session
        worn = true;
        JobHandle job = std::move(link.job);
        job->trouble.reset();
        if (job->connections < kConnectionsPerMail) {
            lane.waiting.push_front(std::move(job));
        } else {
            complete(std::move(job), {Delivered::Verdict::deferred, Fault::peer_deferred, "451 4.5.3 " + link.target.host + " takes too few recipients at once", "4.5.3", link.target.host});
        }
    }
    if (worn || draining_) {
        rest(link);
    } else {
        link.idle = true;
        link.idle_timer = loop_.after(kIdle, [this, &link] { rest(link); });
    }
    pump(lane);
}

/// Says QUIT; the connection ends when it has.
void PooledClient::rest(Link& link) {
    link.idle = false;
    link.leaving = true;
    link.idle_timer.cancel();
    link.connection->quit();
}

void PooledClient::finished(Link& link, Verdicts verdicts, bool possible_duplicate) {
    Job& job = *link.job;
    for (std::size_t i = 0; i < verdicts.size(); ++i)
        if (verdicts[i]) job.verdicts[i] = std::move(verdicts[i]);
    if (possible_duplicate)
        log_.warning(job.mail->subject, "possible-duplicate", {{"mta", link.target.host}, {"address", link.target.endpoint.host}, {"reason", "no answer to the final dot"}});
    for (const auto& verdict : job.verdicts)
        if (verdict && verdict->fault == Fault::internal && verdict->verdict == Delivered::Verdict::failed) log_.error(job.mail->subject, "bug", {{"reason", verdict->reply}});
    if (!without_verdict(job.verdicts).empty()) return;   // another connection takes the rest

    Lane& lane = link.lane;
    lane.limit = possible_duplicate ? lane.limit / 2 : lane.limit + 1;
    lane.limit = std::clamp<std::size_t>(lane.limit, 1, std::max<std::size_t>(1, config_.mail_connections));
    complete(std::move(link.job), {});
}

void PooledClient::ended(Link& link, std::optional<Delivered> trouble, bool tls_failed) {
    Lane& lane = link.lane;
    link.ended = link.leaving = true;
    link.idle = false;
    link.idle_timer.cancel();
    --connections_;
    JobHandle job = std::move(link.job);
    // A kept connection that was lost says nothing of the host: servers end what is idle when they like.
    const bool stale = link.mails > 1 && trouble && trouble->enhanced_status == kConnectionLost;
    if (job && stale && job->connections < kConnectionsPerMail) {
        job->trouble = std::move(trouble);
        lane.waiting.push_front(std::move(job));
    } else if (job) {
        log_.notice(job->mail->subject, "next-hop-trouble",
                    {{"mta", link.target.host}, {"address", link.target.endpoint.host}, {"reply", trouble->reply}, {"fallback", tls_failed ? "in clear" : "none"}});
        if (!tls_failed) lane.limit = std::max<std::size_t>(1, lane.limit / 2);
        job->trouble = std::move(trouble);
        if (job->targets.empty()) continue_from(*job, lane, link.target);
        next_target(lane, std::move(job), tls_failed);
    }
    sweep_ = loop_.after(0ms, [this] { sweep(); });
    pump(lane);
}

/// Puts a mail that began on a kept connection where that stands in the walk.
void PooledClient::continue_from(Job& job, const Lane& lane, const Target& target) {
    job.targets = lane.targets;
    auto found = std::find_if(job.targets.begin(), job.targets.end(), [&](const Target& one) { return one.endpoint == target.endpoint; });
    job.target = static_cast<std::size_t>(found - job.targets.begin());
}

/// The same host in clear where TLS failed, else the next one.
void PooledClient::next_target(Lane& lane, JobHandle job, bool tls_failed) {
    if (tls_failed && !job->in_clear) {
        job->in_clear = true;
    } else {
        job->in_clear = false;
        ++job->target;
    }
    if (job->target < job->targets.size() && job->connections < kConnectionsPerMail && room_for_connection(lane)) return open(lane, std::move(job));

    // A host that takes no more connections than it has: they will do.
    bool others = std::any_of(lane.links.begin(), lane.links.end(), [](const Link& link) { return !link.leaving; });
    if (others && job->connections < kConnectionsPerMail) {
        lane.limit = std::max<std::size_t>(1, lane.active());
        lane.waiting.push_front(std::move(job));
        return;
    }
    unreachable(lane, std::move(job));
}

/// No host took this mail, and so none of those that wait. What took long to fail is left alone for as long.
void PooledClient::unreachable(Lane& lane, JobHandle job) {
    Delivered reason = *job->trouble;
    Instant now = loop_.now();
    auto took = std::min<std::chrono::milliseconds>(now - job->began, kLongestBackOff);
    if (took >= kShortestFailure) lane.down_until = now + took;
    lane.down_reason = reason;
    lane.targets_until = {};
    complete(std::move(job), reason);
    while (!lane.waiting.empty()) {
        JobHandle other = std::move(lane.waiting.front());
        lane.waiting.pop_front();
        complete(std::move(other), reason);
    }
}

void PooledClient::complete(JobHandle job, const Delivered& rest) {
    std::vector<Delivered> all;
    for (auto& verdict : job->verdicts) all.push_back(verdict ? std::move(*verdict) : rest);
    loop_.post([done = std::move(job->done), all = std::move(all)]() mutable { done(std::move(all)); });
}

/// Forgets what has ended, and lets those that wait have its place.
void PooledClient::sweep() {
    Instant now = loop_.now();
    std::vector<std::string> waiting;
    for (auto& [name, lane] : lanes_) {
        lane->links.remove_if([](const Link& link) { return link.ended; });
        if (!lane->waiting.empty()) waiting.push_back(name);
    }
    std::erase_if(lanes_, [&](const auto& entry) {
        const Lane& lane = *entry.second;
        return lane.links.empty() && lane.waiting.empty() && lane.locating == 0 && now >= lane.down_until && now >= lane.targets_until;
    });
    for (const std::string& name : waiting) pump(*find(name));
    if (!lanes_.empty() && !sweep_.pending()) sweep_ = loop_.after(kHostsRemembered, [this] { sweep(); });
}

}   // namespace

std::unique_ptr<Client> make_client(Loop& loop, Resolver& resolver, const Config& config, Log& log, Metrics& metrics) {
    return std::make_unique<PooledClient>(loop, resolver, config, log, metrics);
}

}   // namespace mmgate::smtp
