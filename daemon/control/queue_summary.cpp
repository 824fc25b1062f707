#include "daemon/control/queue_summary.h"

#include <algorithm>
#include <iostream>
#include <vector>

#include <nlohmann/json.hpp>

#include "daemon/control/queue_commands.h"

namespace mmgate::control {

namespace {

using Json = nlohmann::ordered_json;

constexpr std::size_t kNameColumns = 22, kCountColumns = 6, kAgeColumns = 5;
constexpr std::string_view kOthers = "(others)";
constexpr std::string_view kEnds[] = {"delivered", "relayed", "rejected", "expired", "failed", "deleted"};

std::string right(std::string text, std::size_t columns) { return (text.size() < columns ? std::string(columns - text.size(), ' ') : " ") + text; }

/// Where a recipient goes: its domain for mail, else its route.
std::string destination_of(const Json& recipient) {
    const std::string route = recipient.value("route", ""), address = recipient.value("address", "");
    const std::size_t at = address.rfind('@');
    std::string name = route == "mail" && at != std::string::npos ? address.substr(at + 1) : route;
    std::ranges::transform(name, name.begin(), [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; });
    return name;
}

}   // namespace

void Summary::count(Row& row, const std::string& state, std::uint64_t bytes, std::int64_t seconds) {
    ++row.recipients;
    row.bytes += bytes;
    row.oldest_seconds = std::max(row.oldest_seconds, seconds);
    ++row.states[state];
    ++row.ages[static_cast<std::size_t>(std::ranges::upper_bound(kAgeMinutes, seconds / 60) - kAgeMinutes.begin())];
}

void Summary::add(std::string_view line, std::chrono::sys_seconds now) {
    Json json = Json::parse(line, nullptr, false);
    if (!json.is_object() || !json.contains("recipients")) return;
    auto arrival = time_of(json.value("arrival", ""));
    const std::int64_t seconds = arrival ? std::max<std::int64_t>((now - *arrival).count(), 0) : 0;
    const std::uint64_t bytes = json.value("size", std::uint64_t{0});
    for (const Json& recipient : json["recipients"]) {
        const std::string state = recipient.value("state", "");
        if (std::ranges::find(kEnds, state) != std::end(kEnds)) continue;
        std::string name = destination_of(recipient);
        if (rows_.size() >= kMostDestinations && !rows_.contains(name)) name = kOthers;
        count(rows_[name], state, bytes, seconds);
        count(total_, state, bytes, seconds);
        ++recipients_;
    }
}

std::vector<const std::pair<const std::string, Summary::Row>*> Summary::largest_first() const {
    std::vector<const std::pair<const std::string, Row>*> out;
    for (const auto& row : rows_) out.push_back(&row);
    std::ranges::stable_sort(out, [](auto* a, auto* b) { return a->second.recipients > b->second.recipients; });
    return out;
}

std::string Summary::table(std::size_t rows, Screen screen) const {
    std::string out = padded("DESTINATION", kNameColumns) + right("T", kCountColumns);
    for (std::int64_t minutes : kAgeMinutes) out += right(std::to_string(minutes), kAgeColumns);
    out += right(std::to_string(kAgeMinutes.back()) + "+", kAgeColumns + 1) + "\n";
    auto add = [&](const std::string& name, const Row& row) {
        std::string shown = harmless(name, Text::line);
        const bool wide = shown.size() > kNameColumns - 1;
        if (wide && screen.columns > 0) shown = shown.substr(0, kNameColumns - 4) + "...";
        out += padded(shown, kNameColumns) + right(std::to_string(row.recipients), kCountColumns);
        for (std::size_t i = 0; i < row.ages.size(); ++i) out += right(std::to_string(row.ages[i]), kAgeColumns + (i + 1 == row.ages.size()));
        out += "\n" + std::string(2, ' ');
        for (const auto& [state, count] : row.states) out += state + " " + std::to_string(count) + "  ";
        out += size_text(row.bytes) + " octets, oldest " + short_span(std::chrono::seconds(row.oldest_seconds)) + "\n";
    };
    add("TOTAL", total_);
    std::size_t left = rows ? rows : rows_.size();
    for (const auto* row : largest_first()) {
        if (left-- == 0) break;
        add(row->first, row->second);
    }
    return out;
}

std::string Summary::lines() const {
    std::string out;
    for (const auto* row : largest_first()) {
        Json json{{"destination", row->first}, {"recipients", row->second.recipients}, {"bytes", row->second.bytes}, {"oldest_seconds", row->second.oldest_seconds}, {"states", Json::object()}, {"ages", Json::array()}};
        for (const auto& [state, count] : row->second.states) json["states"][state] = count;
        for (std::size_t i = 0; i < row->second.ages.size(); ++i)
            json["ages"].push_back({{"below_minutes", i < kAgeMinutes.size() ? Json(kAgeMinutes[i]) : Json(nullptr)}, {"recipients", row->second.ages[i]}});
        out += json.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n";
    }
    return out;
}

int summary(Conversation& other, Options& options, const Operands& operands) {
    if (!operands.empty()) return misused("summary takes selectors, not " + operands.front());
    options.request.verb = Verb::list;
    const auto now = std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now());
    Summary counted;
    auto end = other.ask(
        options.request, [&](std::string_view line) { return counted.add(line, now), true; }, [](Bytes) { return false; });
    if (!end) return fail_with(end.error().code, end.error().text);
    if (end->code != Exit::done) return fail_with(end->code, end->text);
    if (options.json) std::cout << counted.lines();
    else std::cout << counted.table(0, screen_of(options));
    std::cout.flush();
    return std::cout ? 0 : fail_with(Exit::io, "the output cannot be written");
}

int flush(Conversation& other, Options& options, const Operands& operands) {
    if (operands.size() != 1 || operands.front().empty()) return misused("flush takes one destination: a peer, a domain, or mm1");
    if (options.request.selector != Selector{}) return misused("flush takes no selectors; use retry --all with them");
    options.request.verb = Verb::retry;
    options.request.all = true;
    options.request.selector.peer = operands.front();
    return carry_out(other, options);
}

}   // namespace mmgate::control
