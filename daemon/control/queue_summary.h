// What waits, counted by destination, state and age: the picture of a queue.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>

#include "daemon/control/queue_print.h"

namespace mmgate::control {

/// Ages in minutes that the columns end at; a last column takes what is older.
inline constexpr auto kAgeMinutes = std::to_array<std::int64_t>({5, 10, 20, 40, 80, 160, 320, 640, 1280});

/// Counts recipients that have not ended; memory is bounded by kMostDestinations, whatever the queue's length.
class Summary {
public:
    static constexpr std::size_t kMostDestinations = 10'000;

    /// One line of `list`.
    void add(std::string_view line, std::chrono::sys_seconds now);
    std::uint64_t recipients() const { return recipients_; }
    /// The largest destinations first, at most `rows` (0: all), and above them the total.
    std::string table(std::size_t rows, Screen screen) const;
    /// One object for each destination.
    std::string lines() const;

private:
    struct Row {
        std::uint64_t recipients = 0, bytes = 0;
        std::int64_t oldest_seconds = 0;
        std::map<std::string, std::uint64_t> states{};
        std::array<std::uint64_t, kAgeMinutes.size() + 1> ages{};
    };
    static void count(Row& row, const std::string& state, std::uint64_t bytes, std::int64_t seconds);
    std::vector<const std::pair<const std::string, Row>*> largest_first() const;

    std::map<std::string, Row> rows_;
    Row total_;
    std::uint64_t recipients_ = 0;
};

}   // namespace mmgate::control
