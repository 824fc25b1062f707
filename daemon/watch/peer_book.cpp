#include "daemon/watch/peer_book.h"

#include <algorithm>

namespace mmgate {

namespace {

constexpr std::size_t kMostErrorBytes = 120;
constexpr std::size_t kShortestNumber = 4;   // shorter ones are reply and status codes

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_space(char c) { return c == ' ' || c == '\t' || c == '<' || c == '>' || c == '"' || c == '(' || c == ')' || c == ',' || c == ';'; }

void strike_numbers(std::string& text) {
    for (std::size_t i = 0; i < text.size();) {
        const std::size_t end = static_cast<std::size_t>(std::find_if_not(text.begin() + static_cast<std::ptrdiff_t>(i), text.end(), is_digit) - text.begin());
        if (end - i >= kShortestNumber) std::fill(text.begin() + static_cast<std::ptrdiff_t>(i), text.begin() + static_cast<std::ptrdiff_t>(end), '*');
        i = std::max(end, i + 1);
    }
}

}   // namespace

std::string peer_of(std::string_view lane) {
    constexpr std::string_view kMm4 = "mm4:";
    const std::size_t second = lane.starts_with(kMm4) ? lane.find(':', kMm4.size()) : std::string_view::npos;
    return second == std::string_view::npos ? std::string(lane) : std::string(kMm4) + std::string(lane.substr(second + 1));
}

std::string without_identities(std::string_view text) {
    std::string out;
    while (!text.empty() && out.size() < kMostErrorBytes) {
        const auto end = static_cast<std::size_t>(std::ranges::find_if(text, is_space) - text.begin());
        std::string_view word = text.substr(0, std::max<std::size_t>(end, 1));
        text.remove_prefix(word.size());
        if (word.find('@') != std::string_view::npos) out += "*@*";
        else
            for (char c : word) out += c >= ' ' && c < 0x7F ? c : '?';
    }
    strike_numbers(out);
    if (out.size() > kMostErrorBytes) out.resize(kMostErrorBytes);
    return out;
}

void PeerBook::note(std::string_view lane, Attempt attempt, std::string_view reason, Instant now) {
    const std::string name = peer_of(lane);
    std::lock_guard lock(mutex_);
    auto found = peers_.find(name);
    if (found == peers_.end()) {
        if (peers_.size() >= kMostPeers) {
            auto touched = [](const PeerRecord& record) { return std::max(record.last_success, record.last_failure); };
            // Configured next hops are few; what strangers choose makes room first.
            auto before = [&](const auto& a, const auto& b) {
                const bool a_domain = a.first.starts_with("mail:"), b_domain = b.first.starts_with("mail:");
                return a_domain != b_domain ? a_domain : touched(a.second) < touched(b.second);
            };
            peers_.erase(std::ranges::min_element(peers_, before));
        }
        found = peers_.emplace(name, PeerRecord{}).first;
        found->second.name = name;
    }
    PeerRecord& record = found->second;
    switch (attempt) {
        case Attempt::deferred:
            ++record.deferred;
            if (record.failures++ == 0) record.failing_since = now;
            record.last_failure = now;
            record.last_error = without_identities(reason);
            return;
        case Attempt::refused:
            // It answers: what it will not have is the message's fault.
            ++record.refused;
            record.last_error = without_identities(reason);
            break;
        case Attempt::sent: ++record.sent; break;
    }
    record.failures = 0;
    record.last_success = now;
}

std::vector<PeerRecord> PeerBook::records() const {
    std::lock_guard lock(mutex_);
    std::vector<PeerRecord> out;
    for (const auto& [lane, record] : peers_) out.push_back(record);
    return out;
}

}   // namespace mmgate
