#include "daemon/smtp/client.h"

#include <algorithm>
#include <deque>
#include <list>
#include <map>

#include "daemon/smtp/connection.h"
#include "daemon/smtp/targets.h"
#include "daemon/token_bucket.h"

namespace mmgate::smtp {

namespace {

using namespace std::chrono_literals;

constexpr std::size_t kFirstTransactions = 2;   // to a destination nothing is known of
constexpr std::size_t kMailsPerConnection = 100;
constexpr Seconds kConnectionAge{300};
constexpr Seconds kIdle{10};
constexpr Seconds kConnectPatience{30};                 // at most: RFC 5321 §4.5.3.2.1 bounds the greeting, not the connection
constexpr std::size_t kConnectionsPerMail = 24;         // of one attempt, whatever servers do
constexpr std::size_t kConnections = 500;               // over all destinations
constexpr std::size_t kConnectionsKeptForNew = 50;      // of those, not for destinations that have one already
constexpr std::string_view kConnectionLost = "4.4.2";   // RFC 3463 §3.5
constexpr Seconds kHostsRemembered{60};
constexpr Seconds kDeadRemembered{60};     // an address that could not be reached comes after the others for so long
constexpr auto kShortestFailure = 500ms;   // what fails faster costs nothing to try again
constexpr Seconds kLongestBackOff{60};

/// Whether connections made for the one serve the other.
bool same_way(Transport a, const Transport& b) {
    a.connections = b.connections;
    a.messages_per_second = b.messages_per_second;
    return a == b;
}

class PooledClient final : public Client {
public:
    PooledClient(Loop& loop, Resolver& resolver, Log& log, Metrics& metrics) : loop_(loop), resolver_(resolver), log_(log), metrics_(metrics) {}

    void send(const Transport& transport, OutboundMail mail, std::function<void(std::vector<Delivered>)> done) override;
    std::size_t free_slots(const Transport& transport) const override;
    Instant next_slot(const Transport& transport) const override;
    void reconfigure() override;
    void try_now() override;
    void drain() override;
    Associations associations() const override;

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
    struct Pool;

    /// A connection and what it does.
    struct Link final : ConnectionEvents {
        PooledClient& client;
        Pool& pool;
        JobHandle job;
        std::unique_ptr<Connection> connection;
        Target target;
        Instant opened{};
        std::uint64_t number = 0;
        std::size_t mails = 0;
        bool outdated = false;   // made under other terms
        bool idle = false;       // takes a mail at once
        bool leaving = false;    // says QUIT, or has ended
        bool ended = false;
        Timer idle_timer;

        Link(PooledClient& c, Pool& p) : client(c), pool(p) {}
        void on_ready() override { client.ready(*this); }
        void on_finished(Verdicts verdicts, bool possible_duplicate) override { client.finished(*this, std::move(verdicts), possible_duplicate); }
        void on_ended(std::optional<Delivered> trouble, bool tls_failed) override { client.ended(*this, std::move(trouble), tls_failed); }
    };

    struct Pool {
        Transport transport;   // as last given
        TokenBucket rate;
        std::deque<JobHandle> waiting;
        std::list<Link> links;
        std::size_t locating = 0;   // mails whose hosts are looked up
        std::size_t limit;
        std::vector<Target> targets;   // as last looked up
        Instant targets_until{};
        std::vector<std::pair<Endpoint, Instant>> dead;   // addresses that were not reached, and until when that counts
        Instant down_until{};                             // no attempt before
        Delivered down_reason;
        bool pumping = false;

        Pool(const Transport& t, Instant now) : transport(t), rate(t.messages_per_second, now), limit(std::clamp<std::size_t>(t.connections, 1, kFirstTransactions)) {}
        void limit_to(std::size_t wanted) { limit = std::clamp<std::size_t>(wanted, 1, std::max<std::size_t>(transport.connections, 1)); }
        /// Of the limit: mails on their way and connections that are not free yet.
        std::size_t active() const {
            return locating + static_cast<std::size_t>(std::count_if(links.begin(), links.end(), [](const Link& link) { return !link.idle && !link.leaving; }));
        }
    };

    void renew(Pool& pool);
    void take_over(Pool& pool, const Transport& transport);
    void pump(Pool& pool);
    void start(Pool& pool, JobHandle job);
    void locate(Pool& pool, JobHandle job);
    void located(const std::string& pool, const std::shared_ptr<JobHandle>& job, Result<std::vector<Target>> targets);
    void open(Pool& pool, JobHandle job);
    void begin(Link& link, JobHandle job);

    void ready(Link& link);
    void finished(Link& link, Verdicts verdicts, bool possible_duplicate);
    void ended(Link& link, std::optional<Delivered> trouble, bool tls_failed);

    static void continue_from(Job& job, const Pool& pool, const Target& target);
    void next_target(Pool& pool, JobHandle job, bool tls_failed);
    std::vector<Target> in_order(Pool& pool);
    void unreachable(Pool& pool, JobHandle job);
    void complete(JobHandle job, const Delivered& rest);
    void rest(Link& link);
    void sweep();
    bool room_for_connection(const Pool& pool) const;
    Pool* find(std::string_view pool);

    Loop& loop_;
    Resolver& resolver_;
    Log& log_;
    Metrics& metrics_;
    TlsMaterials materials_;
    std::map<std::string, std::unique_ptr<Pool>, std::less<>> pools_;
    std::size_t connections_ = 0;
    std::uint64_t last_number_ = 0;
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

void PooledClient::reconfigure() {
    materials_.forget();
    for (auto& [name, pool] : pools_)
        if (pool->transport.tls.use != TlsUse::never && !(pool->transport.tls.certificate.empty() && pool->transport.tls.use < TlsUse::verified)) renew(*pool);
}

/// Connections that stand take no more mail, and hosts are looked up anew.
void PooledClient::renew(Pool& pool) {
    for (Link& link : pool.links) {
        link.outdated = true;
        if (link.idle) rest(link);
    }
    pool.targets_until = {};
    pool.down_until = {};
    pool.dead.clear();
}

void PooledClient::take_over(Pool& pool, const Transport& transport) {
    if (pool.transport == transport) return;
    if (!same_way(pool.transport, transport)) renew(pool);
    if (pool.transport.messages_per_second != transport.messages_per_second) pool.rate = TokenBucket(transport.messages_per_second, loop_.now());
    pool.transport = transport;
    pool.limit_to(pool.limit);
}

void PooledClient::try_now() {
    for (auto& [name, pool] : pools_) {
        pool->down_until = pool->targets_until = {};
        pool->dead.clear();
    }
}

void PooledClient::drain() {
    draining_ = true;
    for (auto& [name, pool] : pools_)
        for (Link& link : pool->links)
            if (link.idle) rest(link);
}

Associations PooledClient::associations() const {
    std::vector<const Link*> links;
    for (const auto& [name, pool] : pools_)
        for (const Link& link : pool->links)
            if (!link.ended && links.size() < Associations::kMostListed) links.push_back(&link);
    return associations_of(links, connections_, last_number_, [](const Link* link) { return Association{link->number, link->target.endpoint.host, link->opened}; });
}

std::size_t PooledClient::free_slots(const Transport& transport) const {
    if (draining_) return 0;
    const auto found = pools_.find(transport.pool);
    if (found == pools_.end()) return std::min<std::size_t>({kFirstTransactions, transport.connections, TokenBucket(transport.messages_per_second, loop_.now()).available(loop_.now())});
    const Pool& pool = *found->second;
    if (loop_.now() < pool.down_until) return 0;
    const std::size_t limit = std::min<std::size_t>(pool.limit, transport.connections), used = pool.active() + pool.waiting.size();
    return std::min(limit - std::min(limit, used), pool.rate.available(loop_.now()));
}

Instant PooledClient::next_slot(const Transport& transport) const {
    const auto found = pools_.find(transport.pool);
    const Instant now = loop_.now();
    return found == pools_.end() ? now : std::max({now, found->second->down_until, found->second->rate.next(now)});
}

void PooledClient::send(const Transport& transport, OutboundMail mail, std::function<void(std::vector<Delivered>)> done) {
    std::unique_ptr<Pool>& pool = pools_[transport.pool];
    if (!pool) pool = std::make_unique<Pool>(transport, loop_.now());
    take_over(*pool, transport);
    pool->rate.take(loop_.now());
    auto job = std::make_unique<Job>();
    job->verdicts.resize(mail.recipients.size());
    job->mail = std::make_shared<const OutboundMail>(std::move(mail));
    job->done = std::move(done);
    job->began = loop_.now();
    pool->waiting.push_back(std::move(job));
    loop_.post([self = std::weak_ptr(self_), name = transport.pool] {
        auto client = self.lock();
        if (!client) return;
        if (Pool* there = (*client)->find(name)) (*client)->pump(*there);
    });
}

PooledClient::Pool* PooledClient::find(std::string_view pool) {
    auto found = pools_.find(pool);
    return found == pools_.end() ? nullptr : found->second.get();
}

bool PooledClient::room_for_connection(const Pool& pool) const { return connections_ + (pool.links.empty() ? 0 : kConnectionsKeptForNew) < kConnections; }

/// Starts what waits and may: over idle connections first, then over new ones.
void PooledClient::pump(Pool& pool) {
    if (pool.pumping) return;   // a mail that ends inside `begin` comes back here
    pool.pumping = true;
    while (!pool.waiting.empty()) {
        if (loop_.now() < pool.down_until) {
            JobHandle job = std::move(pool.waiting.front());
            pool.waiting.pop_front();
            complete(std::move(job), pool.down_reason);
            continue;
        }
        auto idle = std::find_if(pool.links.begin(), pool.links.end(), [](const Link& link) { return link.idle; });
        if (pool.active() >= pool.limit || (idle == pool.links.end() && !room_for_connection(pool))) break;
        JobHandle job = std::move(pool.waiting.front());
        pool.waiting.pop_front();
        if (idle != pool.links.end()) {
            begin(*idle, std::move(job));
        } else {
            start(pool, std::move(job));
        }
    }
    pool.pumping = false;
}

/// A new connection for this mail.
void PooledClient::start(Pool& pool, JobHandle job) {
    job->target = 0;
    job->in_clear = false;
    if (pool.targets.empty() || loop_.now() >= pool.targets_until) return locate(pool, std::move(job));
    job->targets = in_order(pool);
    open(pool, std::move(job));
}

/// As looked up, those that are known to be dead last.
std::vector<Target> PooledClient::in_order(Pool& pool) {
    std::erase_if(pool.dead, [now = loop_.now()](const auto& one) { return now >= one.second; });
    std::vector<Target> out = pool.targets;
    std::ranges::stable_partition(out, [&](const Target& target) { return std::ranges::none_of(pool.dead, [&](const auto& one) { return one.first == target.endpoint; }); });
    return out;
}

void PooledClient::locate(Pool& pool, JobHandle job) {
    ++pool.locating;
    auto waiting = std::make_shared<JobHandle>(std::move(job));   // shared: std::function copies its target
    smtp::locate(resolver_, pool.transport, [self = std::weak_ptr(self_), name = pool.transport.pool, waiting](Result<std::vector<Target>> targets) {
        if (auto client = self.lock()) (*client)->located(name, waiting, std::move(targets));
    });
}

void PooledClient::located(const std::string& name, const std::shared_ptr<JobHandle>& waiting, Result<std::vector<Target>> targets) {
    Pool* pool = find(name);
    JobHandle job = std::move(*waiting);
    --pool->locating;   // a pool with a look-up stays
    if (targets) {
        pool->targets = std::move(*targets);
        pool->targets_until = loop_.now() + kHostsRemembered;
        job->targets = in_order(*pool);
        open(*pool, std::move(job));
        return;
    }
    job->trouble = look_up_verdict(targets.error(), pool->transport);
    pool->targets.clear();
    unreachable(*pool, std::move(job));
    sweep_ = loop_.after(0ms, [this] { sweep(); });
}

void PooledClient::open(Pool& pool, JobHandle job) {
    const Transport& transport = pool.transport;
    auto material = materials_.of(transport.tls);
    if (!material) {
        log_.error(job->mail->subject, "next-hop-certificate", {{"next-hop", transport.pool}, {"reason", material.error().rule}, {"consequence", "nothing is sent there"}});
        job->trouble = Delivered{Delivered::Verdict::deferred, Fault::peer_unreachable, "451 4.3.5 our certificates for this host cannot be read", "4.3.5", {}, Delivered::Extent::destination};
        return unreachable(pool, std::move(job));
    }
    ++job->connections;
    Link& link = pool.links.emplace_back(*this, pool);
    link.target = job->targets.at(job->target);
    link.opened = loop_.now();
    link.number = ++last_number_;
    SenderOptions options{transport.hostname, job->in_clear ? TlsUse::never : transport.tls.use, link.target.host, transport.tls.start, transport.credentials, transport.recipients};
    link.job = std::move(job);
    ++connections_;
    metrics_.add(Counter::mail_connections);
    const Deadlines deadlines{std::min(kConnectPatience, transport.patience), transport.patience, transport.final_patience};
    link.connection = std::make_unique<Connection>(loop_, link.target.endpoint, std::move(options), deadlines, *material, transport.tls.peer, link);
}

void PooledClient::begin(Link& link, JobHandle job) {
    link.idle = false;
    link.idle_timer.cancel();
    link.job = std::move(job);
    if (++link.mails > 1) ++link.job->connections;
    link.connection->begin(link.job->mail, without_verdict(link.job->verdicts));
}

void PooledClient::ready(Link& link) {
    Pool& pool = link.pool;
    if (link.job && link.mails == 0) {
        begin(link, std::move(link.job));   // the mail it was opened for
        return;
    }
    bool worn = link.outdated || link.mails >= kMailsPerConnection || loop_.now() - link.opened >= kConnectionAge || !link.connection->may_begin();
    if (link.job) {   // the server takes no more of this mail in this session
        worn = true;
        JobHandle job = std::move(link.job);
        job->trouble.reset();
        if (job->connections < kConnectionsPerMail) {
            pool.waiting.push_front(std::move(job));
        } else {
            complete(std::move(job), {Delivered::Verdict::deferred, Fault::peer_deferred, "451 4.5.3 " + link.target.host + " takes too few recipients at once", "4.5.3", link.target.host, Delivered::Extent::destination});
        }
    }
    if (worn || draining_) {
        rest(link);
    } else {
        link.idle = true;
        link.idle_timer = loop_.after(kIdle, [this, &link] { rest(link); });
    }
    pump(pool);
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

    Pool& pool = link.pool;
    pool.limit_to(possible_duplicate ? pool.limit / 2 : pool.limit + 1);
    complete(std::move(link.job), {});
}

void PooledClient::ended(Link& link, std::optional<Delivered> trouble, bool tls_failed) {
    Pool& pool = link.pool;
    link.ended = link.leaving = true;
    link.idle = false;
    link.idle_timer.cancel();
    --connections_;
    if (link.mails == 0) metrics_.add(Counter::mail_failed_connections);
    JobHandle job = std::move(link.job);
    // A kept connection that was lost says nothing of the host: servers end what is idle when they like.
    const bool stale = link.mails > 1 && trouble && trouble->enhanced_status == kConnectionLost;
    if (job && stale && job->connections < kConnectionsPerMail) {
        job->trouble = std::move(trouble);
        pool.waiting.push_front(std::move(job));
    } else if (job) {
        log_.notice(job->mail->subject, "next-hop-trouble",
                    {{"mta", link.target.host}, {"address", link.target.endpoint.host}, {"reply", trouble->reply}, {"fallback", tls_failed ? "in clear" : "none"}});
        if (!tls_failed) pool.limit_to(pool.limit / 2);
        if (!tls_failed && link.mails == 0) pool.dead.emplace_back(link.target.endpoint, loop_.now() + kDeadRemembered);
        job->trouble = std::move(trouble);
        if (job->targets.empty()) continue_from(*job, pool, link.target);
        next_target(pool, std::move(job), tls_failed);
    }
    sweep_ = loop_.after(0ms, [this] { sweep(); });
    pump(pool);
}

/// Puts a mail that began on a kept connection where that stands in the walk.
void PooledClient::continue_from(Job& job, const Pool& pool, const Target& target) {
    job.targets = pool.targets;
    auto found = std::find_if(job.targets.begin(), job.targets.end(), [&](const Target& one) { return one.endpoint == target.endpoint; });
    job.target = static_cast<std::size_t>(found - job.targets.begin());
}

/// The same host in clear where TLS failed, else the next one.
void PooledClient::next_target(Pool& pool, JobHandle job, bool tls_failed) {
    if (tls_failed && !job->in_clear) {
        job->in_clear = true;
    } else {
        job->in_clear = false;
        ++job->target;
    }
    if (job->target < job->targets.size() && job->connections < kConnectionsPerMail && room_for_connection(pool)) return open(pool, std::move(job));

    // A host that takes no more connections than it has: they will do.
    bool others = std::any_of(pool.links.begin(), pool.links.end(), [](const Link& link) { return !link.leaving; });
    if (others && job->connections < kConnectionsPerMail) {
        pool.limit = std::max<std::size_t>(1, pool.active());
        pool.waiting.push_front(std::move(job));
        return;
    }
    unreachable(pool, std::move(job));
}

/// No host took this mail, and so none of those that wait, unless it was for this mail's sake. What took long to fail is left alone for as long.
void PooledClient::unreachable(Pool& pool, JobHandle job) {
    Delivered reason = *job->trouble;
    if (reason.extent == Delivered::Extent::message) return complete(std::move(job), reason);
    Instant now = loop_.now();
    auto took = std::min<std::chrono::milliseconds>(now - job->began, kLongestBackOff);
    if (took >= kShortestFailure) pool.down_until = now + took;
    pool.down_reason = reason;
    pool.targets_until = {};
    complete(std::move(job), reason);
    while (!pool.waiting.empty()) {
        JobHandle other = std::move(pool.waiting.front());
        pool.waiting.pop_front();
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
    for (auto& [name, pool] : pools_) {
        pool->links.remove_if([](const Link& link) { return link.ended; });
        if (!pool->waiting.empty()) waiting.push_back(name);
    }
    std::erase_if(pools_, [&](const auto& entry) {
        const Pool& pool = *entry.second;
        return pool.links.empty() && pool.waiting.empty() && pool.locating == 0 && now >= pool.down_until && now >= pool.targets_until && pool.rate.full(now);
    });
    for (const std::string& name : waiting) pump(*find(name));
    if (!pools_.empty() && !sweep_.pending()) sweep_ = loop_.after(kHostsRemembered, [this] { sweep(); });
}

}   // namespace

std::unique_ptr<Client> make_client(Loop& loop, Resolver& resolver, Log& log, Metrics& metrics) {
    return std::make_unique<PooledClient>(loop, resolver, log, metrics);
}

}   // namespace mmgate::smtp
