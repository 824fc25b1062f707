// Where a number goes when our own tables do not know for sure: the portability service is asked, then ENUM.
//
// The lane "resolve": a claimed recipient is looked up and moves to the lane of its route. Answers are believed for [portability].memory. Where nobody can be
// asked just now the recipient waits; after a few tries it goes where its prefix leads, since the range holder can still find it. One whose peer did not know it
// comes back once: what was remembered of it is forgotten, and it ends when the answer is the same.
// Source: 3GPP TS 23.140 §7.2; RFC 4355 (ENUM for MMS); the sheet's §5 (order, portability).
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "daemon/config.h"
#include "daemon/crypto.h"
#include "daemon/dispatcher.h"
#include "daemon/log.h"
#include "daemon/loop/http_client.h"
#include "daemon/loop/loop.h"
#include "daemon/loop/resolver.h"
#include "daemon/router.h"
#include "daemon/settler.h"

namespace mmgate {

class NumberResolver final : public Carrier {
public:
    NumberResolver(Loop& loop, Settler& settler, Random& random, Log& log);
    void configure(std::shared_ptr<const Config> config, std::shared_ptr<const Router> router);

    bool carries(std::string_view lane) const override { return lane == kResolveLane; }
    std::size_t free_slots(std::string_view lane) const override;
    void carry(std::string_view lane, Claimed claimed, std::function<void()> done) override;

    /// What was asked and answered, in order, for people.
    using Steps = std::vector<std::string>;
    /// Looks a number in E.164 up, from memory where it is known. `done` runs on the loop, never from inside.
    /// Fails: recipient_unknown (nobody serves it), peer_unreachable (somebody could not be asked).
    using Done = std::function<void(Result<Route>, Steps)>;
    void look_up(const std::string& number, Done done);

private:
    struct LookUp;
    using Shared = std::shared_ptr<LookUp>;   // shared by the questions of one look-up
    /// What somebody said of a number: a peer or a domain; "" knows nothing.
    struct Answer {
        std::string where, who;
        Instant until{};
    };
    void ask_portability(const Shared& lookup);
    void ask_enum(const Shared& lookup);
    void ask_name(const Shared& lookup, Resolver& servers, const std::string& name, std::size_t step);
    void answered(const Shared& lookup, std::string where, std::string who);
    void conclude(const Shared& lookup, Result<Route> route);
    void remember(const std::string& number, Answer answer);
    Settle after_look_up(const Message& message, std::uint16_t index, const Result<Route>& route, const Steps& steps) const;

    Loop& loop_;
    Settler& settler_;
    Random& random_;
    Log& log_;
    std::shared_ptr<const Config> config_;
    std::shared_ptr<const Router> router_;   // shared with look-ups under way
    std::unique_ptr<HttpClient> http_;
    std::map<std::string, std::unique_ptr<Resolver>> zones_;   // by zone: each has name servers of its own
    std::map<std::string, Answer> known_;                      // by number
    std::size_t asking_ = 0;
};

}   // namespace mmgate
