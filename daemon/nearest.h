// The known word that somebody probably meant. Pure.
#pragma once

#include <algorithm>
#include <numeric>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

namespace mmgate {

/// How many letters must be inserted, dropped, replaced, or swapped with their neighbour to make `b` of `a`.
inline std::size_t edit_distance(std::string_view a, std::string_view b) {
    std::vector<std::size_t> before(b.size() + 1), last(b.size() + 1), row(b.size() + 1);
    std::iota(last.begin(), last.end(), std::size_t{0});
    for (std::size_t i = 1; i <= a.size(); ++i) {
        row[0] = i;
        for (std::size_t j = 1; j <= b.size(); ++j) {
            row[j] = std::min({last[j] + 1, row[j - 1] + 1, last[j - 1] + (a[i - 1] == b[j - 1] ? 0u : 1u)});
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) row[j] = std::min(row[j], before[j - 2] + 1);
        }
        before.swap(last);
        last.swap(row);
    }
    return last[b.size()];
}

/// The nearest of `known`, or nothing when even that differs in more than a third of its letters. Longer words than 100 letters have none.
inline std::optional<std::string_view> nearest(std::string_view word, std::span<const std::string_view> known) {
    std::optional<std::string_view> best;
    std::size_t best_distance = 0;
    if (word.size() > 100) return best;
    for (std::string_view candidate : known) {
        std::size_t distance = edit_distance(word, candidate);
        if (distance > std::max<std::size_t>(1, std::max(candidate.size(), word.size()) / 3)) continue;
        if (!best || distance < best_distance) best = candidate, best_distance = distance;
    }
    return best;
}

}   // namespace mmgate
