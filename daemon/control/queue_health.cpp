// `mmq health`: the gateway's figures as a monitoring plugin prints them. Source: the Monitoring Plugins' guidelines, "Plugin Output" and "Return Codes".
#include <algorithm>
#include <array>
#include <iostream>
#include <string>
#include <string_view>

#include <nlohmann/json.hpp>

#include "daemon/control/queue_commands.h"

namespace mmgate::control {

namespace {

using Json = nlohmann::ordered_json;

enum Status : int { kOk = 0,
                    kWarning = 1,
                    kCritical = 2,
                    kUnknown = 3 };
constexpr const char* kWords[] = {"OK", "WARNING", "CRITICAL", "UNKNOWN"};
struct HealthStatus {
    std::string_view word;   // of the gateway, which judges by its alarms
    Status status;
};
constexpr auto kHealthStatus = std::to_array<HealthStatus>({{"ok", kOk}, {"degraded", kWarning}, {"stopping", kWarning}, {"failed", kCritical}});

int unknown(const Options& options, const std::string& text) {
    if (options.json) std::cout << Json{{"status", kWords[kUnknown]}, {"code", static_cast<int>(kUnknown)}, {"text", text}, {"messages", nullptr}, {"oldest_seconds", nullptr}}.dump() << "\n";
    else std::cout << "MMGATE UNKNOWN - " << text << "\n";
    return kUnknown;
}

}   // namespace

int health_unknown(const Options& options) { return unknown(options, "the gateway does not answer"); }

int health(Conversation& other, Options& options, const Operands& operands) {
    if (!operands.empty()) return misused("health takes no " + operands.front());
    options.request.verb = Verb::stats;
    Json stats;
    auto end = other.ask(
        options.request, [&](std::string_view line) { return stats = Json::parse(line, nullptr, false), true; }, [](Bytes) { return false; });
    if (!end) return unknown(options, end.error().text);
    if (end->code != Exit::done) return unknown(options, end->text);
    if (!stats.is_object()) return unknown(options, "the gateway's answer is no object");

    auto number = [&](const char* name) { return stats.contains(name) && stats[name].is_number() ? stats[name].get<std::int64_t>() : 0; };
    auto recipients = [&](std::string_view state) {
        for (const Json& row : stats.value("queue", Json::array()))
            if (row.value("name", "") == state) return row.value("recipients", std::int64_t{0});
        return std::int64_t{0};
    };
    auto severity = std::ranges::find(kHealthStatus, stats.value("health", ""), &HealthStatus::word);
    const Status status = severity == kHealthStatus.end() ? kUnknown : severity->status;
    const std::int64_t oldest = number("oldest_age");
    std::string why;
    for (const Json& alarm : stats.value("alarm", Json::array())) why += (why.empty() ? "" : "; ") + harmless(alarm.value("text", ""), Text::line);
    if (why.empty()) why = status == kOk ? counted(static_cast<std::uint64_t>(number("messages")), "message") + " waiting" : harmless(stats.value("health_reason", ""), Text::line);
    std::ranges::replace(why, '|', '/');   // what follows it is figures
    if (options.json) {
        std::cout << Json{{"status", kWords[status]}, {"code", static_cast<int>(status)}, {"text", why}, {"messages", number("messages")}, {"oldest_seconds", oldest}}.dump() << "\n";
    } else {
        std::cout << "MMGATE " << kWords[status] << " - " << why << " | messages=" << number("messages") << " deferred=" << recipients("deferred") << " held=" << recipients("held")
                  << " oldest=" << oldest << "s content=" << number("content_bytes") << "B disk_free=" << number("disk_free_bytes") << "B\n";
    }
    return status;
}

}   // namespace mmgate::control
