// Hands what is due to who carries it: the only place that claims.
//
// Looks at lanes, not at messages: a lane without free slots costs nothing, and a next hop in trouble holds up nobody else.
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "daemon/crash_record.h"
#include "daemon/log.h"
#include "daemon/loop/loop.h"
#include "daemon/loop/workers.h"
#include "daemon/settler.h"
#include "store/store.h"

namespace mmgate {

/// Takes claimed messages of some lanes to where they go, and settles them.
class Carrier {
public:
    virtual ~Carrier() = default;
    virtual bool carries(std::string_view lane) const = 0;
    /// How many more messages it takes of this lane now.
    virtual std::size_t free_slots(std::string_view lane) const = 0;
    /// Lanes with the same name for it share slots.
    virtual std::string_view pool(std::string_view lane) const { return lane; }
    /// Of lanes that share slots, the lower goes first.
    virtual int rank(std::string_view) const { return 0; }
    /// When a lane without free slots is worth a look again: later than now while its next hop is left alone, now where what is under way is in the way.
    virtual Instant next_slot(std::string_view, Instant now) const { return now; }
    /// Next hops that are left alone for a while are tried at the next occasion.
    virtual void try_now() {}
    /// Carries one claimed message. `done` runs on the loop, once, when its leases have ended.
    virtual void carry(std::string_view lane, Claimed claimed, std::function<void()> done) = 0;
};

/// What was under way in a crash is carried one at a time after it; after two crashes alone, so that the third is nobody else's; and after three it is parked:
/// held, with the reason. A report that cannot be made is given up.
class Dispatcher {
public:
    Dispatcher(Loop& loop, Store& store, Workers& workers, Settler& settler, CrashRecord& crashes, Log& log, std::vector<Carrier*> carriers);

    /// Something may have become due: looks at the end of this turn of the loop.
    void kick();
    /// The operator asks for attempts, or has changed something: lanes and next hops that rest rest no longer.
    void try_now();
    /// Claims no more; what is carried finishes.
    void drain();
    std::size_t carrying() const { return carrying_; }

private:
    struct Lane {
        bool claiming = false;
        std::size_t promised = 0;   // slots, while claiming
        int rank = 0;               // while claiming
        std::size_t carrying = 0;
    };
    // Of a pool: for what is being claimed.
    struct Promise {
        std::size_t slots = 0;
        std::multiset<int> ranks;   // of the lanes that claim
    };
    struct Suspect {
        std::string lane;
        Carrier* carrier;
        Claimed claimed;
        unsigned crashes;
    };
    void look();
    void claim(const std::string& lane, Carrier& carrier, std::size_t slots);
    void take(const std::string& lane, Carrier& carrier, std::vector<Claimed> claimed);
    void begin(const std::string& lane, Carrier& carrier, Claimed claimed);
    void next_suspect();
    void park(const std::string& lane, Claimed claimed);
    Carrier* carrier_of(std::string_view lane) const;
    void release(const std::string& lane);

    Loop& loop_;
    Store& store_;
    Workers& workers_;
    Settler& settler_;
    CrashRecord& crashes_;
    Log& log_;
    std::vector<Carrier*> carriers_;
    std::map<std::string, Lane, std::less<>> lanes_;         // lanes with work under way
    std::map<std::string, Promise, std::less<>> promised_;   // by pool
    bool stood_back_ = false;                                // a lane left its pool's slots to another that claims
    std::deque<Suspect> suspects_;                           // claimed, not yet carried
    bool suspect_under_way_ = false;
    bool alone_ = false;   // a suspect is carried, or waits to be, with nothing beside it
    std::size_t carrying_ = 0;
    bool looking_ = false;
    bool draining_ = false;
    Timer next_;
    Timer soon_;
};

}   // namespace mmgate
