// How often each door gave or was given which enhanced status code: MTA-MIB's table of errors. Bounded and thread-safe.
//
// Source: RFC 3463 (the codes), RFC 2789 (mtaGroupErrorTable).
#pragma once

#include <cstdint>
#include <map>
#include <mutex>
#include <string_view>
#include <vector>

namespace mmgate {

/// In the order of kDoorWords.
enum class Door : std::uint8_t { smtp_in = 1,
                                 smtp_out,
                                 mm1_in,
                                 push_out,
                                 mm4_in,
                                 mm4_out };

struct StatusCount {
    Door door{};
    std::uint32_t code = 0;   // X.Y.Z as X*1000000 + Y*1000 + Z
    std::uint64_t inbound = 0, outbound = 0;
};

/// "5.1.1" as 5001001; 0 when it is no code of a failure.
constexpr std::uint32_t status_number(std::string_view enhanced) {
    std::uint32_t parts[3] = {}, part = 0, digits = 0;
    for (char c : enhanced) {
        if (c == '.' && digits > 0 && part < 2) {
            ++part;
            digits = 0;
        } else if (c >= '0' && c <= '9' && digits < 3) {
            parts[part] = parts[part] * 10 + static_cast<std::uint32_t>(c - '0');
            ++digits;
        } else {
            return 0;
        }
    }
    const bool known_class = parts[0] == 4 || parts[0] == 5;
    return part == 2 && digits > 0 && known_class ? parts[0] * 1'000'000 + parts[1] * 1'000 + parts[2] : 0;
}

class StatusBook {
public:
    static constexpr std::size_t kMostCodes = 256;   // what others answer is theirs to choose; codes beyond are not counted

    /// What we answered somebody.
    void gave(Door door, std::string_view enhanced) { count(door, enhanced, &StatusCount::inbound); }
    /// What somebody answered us.
    void got(Door door, std::string_view enhanced) { count(door, enhanced, &StatusCount::outbound); }

    std::vector<StatusCount> counts() const {
        std::lock_guard lock(mutex_);
        std::vector<StatusCount> out;
        for (const auto& [key, count] : counts_) out.push_back(count);
        return out;
    }

private:
    void count(Door door, std::string_view enhanced, std::uint64_t StatusCount::*which) {
        const std::uint32_t code = status_number(enhanced);
        if (code == 0) return;
        std::lock_guard lock(mutex_);
        auto found = counts_.find({door, code});
        if (found == counts_.end()) {
            if (counts_.size() >= kMostCodes) return;
            found = counts_.emplace(std::pair(door, code), StatusCount{door, code, 0, 0}).first;
        }
        ++(found->second.*which);
    }

    mutable std::mutex mutex_;
    std::map<std::pair<Door, std::uint32_t>, StatusCount> counts_;
};

}   // namespace mmgate
