// A connection with another program, as monitoring shows it.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "mapping/mm.h"

namespace mmgate {

struct Association {
    std::uint64_t number = 0;   // of no other connection of the same server or client
    std::string remote;         // an address literal
    Instant since{};
};

/// Connections of one kind: how many there are and were, and the first of them.
struct Associations {
    static constexpr std::size_t kMostListed = 64;
    std::size_t count = 0;
    std::uint64_t total = 0;   // since the start
    std::vector<Association> listed;
};

/// What `fact` tells of the first elements of a list that is `count` long.
template <class List, class Fact>
Associations associations_of(const List& list, std::size_t count, std::uint64_t total, Fact fact) {
    Associations out;
    out.count = count;
    out.total = total;
    for (const auto& one : list) {
        if (out.listed.size() == Associations::kMostListed) break;
        out.listed.push_back(fact(one));
    }
    return out;
}

}   // namespace mmgate
