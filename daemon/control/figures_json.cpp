// Figures, alarms and notices as lines of JSON, and back: what monitors are told on the control socket.
#include <array>
#include <ctime>

#include <nlohmann/json.hpp>

#include "daemon/config.h"
#include "daemon/control/message_json.h"
#include "daemon/control/protocol.h"

namespace mmgate::control {

namespace {

using Json = nlohmann::ordered_json;

constexpr std::size_t kMostRows = 2000;   // of one table
constexpr std::size_t kMostTextBytes = 1000;

std::string line_of(const Json& json) { return json.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n"; }

std::uint64_t seconds_of(Instant at) { return static_cast<std::uint64_t>(std::chrono::duration_cast<Seconds>(at.time_since_epoch()).count()); }
Instant instant_of(std::uint64_t seconds) { return Instant(Seconds(static_cast<Seconds::rep>(std::min<std::uint64_t>(seconds, 1ull << 40)))); }

std::optional<Instant> time_of(const std::string& text) {
    std::tm tm{};
    const char* end = strptime(text.c_str(), "%Y-%m-%dT%H:%M:%SZ", &tm);
    if (!end || *end) return std::nullopt;
    return Instant(Seconds(timegm(&tm)));
}

Json json_of(const MetricSpec& spec, const Figure& figure) {
    if (const auto* text = std::get_if<std::string>(&figure)) return *text;
    const auto* number = std::get_if<std::uint64_t>(&figure);
    if (!number) return nullptr;
    switch (spec.kind) {
        case Kind::truth: return *number != 0;
        case Kind::time: return time_text(instant_of(*number));
        case Kind::state: return *number >= 1 && *number <= spec.words.size() ? Json(spec.words[*number - 1]) : Json(nullptr);
        default: return *number;
    }
}

Figure figure_of(const MetricSpec& spec, const Json& json) {
    const auto* text = json.get_ptr<const std::string*>();
    switch (spec.kind) {
        case Kind::truth:
            if (const auto* flag = json.get_ptr<const bool*>()) return std::uint64_t{*flag};
            return {};
        case Kind::time: {
            auto time = text ? time_of(*text) : std::nullopt;
            return time ? Figure(seconds_of(*time)) : Figure();
        }
        case Kind::state:
            for (std::size_t i = 0; text && i < spec.words.size(); ++i)
                if (spec.words[i] == *text) return std::uint64_t{i + 1};
            return {};
        case Kind::info:
        case Kind::text: return text && text->size() <= kMostTextBytes ? Figure(*text) : Figure();
        default:
            if (const auto* number = json.get_ptr<const std::uint64_t*>()) return *number;
            return {};
    }
}

bool is_counted(const MetricSpec& spec) { return spec.id.value < static_cast<std::uint16_t>(Counter::count_); }

constexpr std::array<std::string_view, 7> kWhat{"begin", "ready", "alarm_raised", "alarm_cleared", "health", "reload", "control"};

void add_alarm(const Alarm& alarm, Json& json) {
    json["kind"] = to_text(alarm.kind);
    json["object"] = alarm.object;
    json["severity"] = to_text(alarm.severity);
    json["since"] = time_text(alarm.since);
    json["text"] = alarm.text;
}

void add_columns(const FigureRow& row, FigureTable table, Json& json) {
    for (std::size_t i = 0; const MetricSpec& spec : columns_of(table)) json[spec.name] = json_of(spec, row.values[i++]);
}

/// Reads members that may be missing; those of a wrong type count as missing.
class Members {
public:
    explicit Members(const Json& object) : object_(object) {}
    std::string text(std::string_view name) const {
        auto found = object_.find(name);
        const auto* value = found == object_.end() ? nullptr : found->get_ptr<const std::string*>();
        return value && value->size() <= kMostTextBytes ? *value : std::string();
    }
    std::uint64_t number(std::string_view name) const {
        auto found = object_.find(name);
        const auto* value = found == object_.end() ? nullptr : found->get_ptr<const std::uint64_t*>();
        return value ? *value : 0;
    }
    Instant time(std::string_view name) const { return time_of(text(name)).value_or(Instant{}); }
    template <class Words>
    std::optional<std::size_t> word(std::string_view name, const Words& words) const {
        const std::string given = text(name);
        for (std::size_t i = 0; i < std::size(words); ++i)
            if (words[i] == given) return i;
        return std::nullopt;
    }

private:
    const Json& object_;
};

}   // namespace

std::string encode_figures(const Figures& figures) {
    Json json = Json::object(), counters = Json::object();
    for (const MetricSpec& spec : kScalarMetrics) (is_counted(spec) ? counters : json)[spec.name] = json_of(spec, figures.scalar(spec));
    for (const FigureTableSpec& table : kFigureTables) {
        Json rows = Json::array();
        for (const FigureRow& row : figures.rows(table.table)) {
            Json out{{"name", row.name}};
            add_columns(row, table.table, out);
            rows.push_back(std::move(out));
        }
        json[table.name] = std::move(rows);
    }
    json["counters"] = std::move(counters);
    return line_of(json);
}

std::string encode_columns(const FigureRow& row, FigureTable table) {
    Json json = Json::object();
    add_columns(row, table, json);
    return line_of(json);
}

Result<Figures> decode_figures(std::string_view line) {
    const Json json = Json::parse(line, nullptr, false);
    auto counters = json.is_object() ? json.find("counters") : json.end();
    if (!json.is_object() || counters == json.end() || !counters->is_object()) return fail(Fault::malformed, "no figures of a gateway");
    Figures figures;
    for (const MetricSpec& spec : kScalarMetrics) {
        const Json& from = is_counted(spec) ? *counters : json;
        if (auto found = from.find(spec.name); found != from.end()) figures.scalar(spec) = figure_of(spec, *found);
    }
    for (const FigureTableSpec& table : kFigureTables) {
        auto rows = json.find(table.name);
        if (rows == json.end() || !rows->is_array() || rows->size() > kMostRows) continue;
        for (const Json& given : *rows) {
            if (!given.is_object()) return fail(Fault::malformed, "a row of a table is no object");
            FigureRow& row = figures.rows(table.table).emplace_back(Members(given).text("name"), table.table);
            for (std::size_t i = 0; const MetricSpec& spec : columns_of(table.table)) {
                if (auto found = given.find(spec.name); found != given.end()) row.values[i] = figure_of(spec, *found);
                ++i;
            }
        }
    }
    return figures;
}

std::string encode_alarm(const Alarm& alarm) {
    Json json = Json::object();
    add_alarm(alarm, json);
    return line_of(json);
}

std::string encode_notice(const Notice& notice) {
    using What = Notice::What;
    Json json{{"event", kWhat[static_cast<std::size_t>(notice.what)]}, {"at", time_text(notice.at)}};
    switch (notice.what) {
        case What::begin:
            json["version"] = notice.version;
            json["started"] = time_text(notice.started);
            json["health"] = kHealthWords[static_cast<std::size_t>(notice.health) - 1];
            json["text"] = notice.text;
            break;
        case What::ready: break;
        case What::alarm_raised:
        case What::alarm_cleared: add_alarm(notice.alarm, json); break;
        case What::health:
            json["health"] = kHealthWords[static_cast<std::size_t>(notice.health) - 1];
            json["text"] = notice.text;
            break;
        case What::control:
            json["verb"] = notice.verb;
            json["actor"] = notice.actor;
            json["count"] = notice.count;
            [[fallthrough]];
        case What::reload:
            json["code"] = static_cast<int>(notice.code);
            json["text"] = notice.text;
            break;
    }
    return line_of(json);
}

Result<Notice> decode_notice(std::string_view line) {
    const Json json = Json::parse(line, nullptr, false);
    if (!json.is_object()) return fail(Fault::malformed, "the line is no JSON object");
    const Members members(json);
    const auto what = members.word("event", kWhat);
    if (!what) return fail(Fault::unsupported_type, "an event of another version");
    Notice out;
    out.what = static_cast<Notice::What>(*what);
    out.at = members.time("at");
    out.version = members.text("version");
    out.started = members.time("started");
    if (auto health = members.word("health", kHealthWords)) out.health = static_cast<Health>(*health + 1);
    out.text = members.text("text");
    out.code = static_cast<Exit>(members.number("code"));
    out.verb = members.text("verb");
    out.actor = members.text("actor");
    out.count = members.number("count");
    if (out.what == Notice::What::alarm_raised || out.what == Notice::What::alarm_cleared) {
        const auto kind = members.word("kind", kAlarmWords), severity = members.word("severity", kSeverityWords);
        if (!kind || !severity) return fail(Fault::unsupported_type, "an alarm of another version");
        out.alarm = {static_cast<AlarmKind>(*kind + 1), members.text("object"), static_cast<Severity>(*severity + 1), members.time("since"), out.text};
        out.text.clear();
    }
    return out;
}

std::optional<End> decode_end(std::string_view line) {
    if (!line.starts_with("{\"end\":")) return std::nullopt;
    const Json json = Json::parse(line, nullptr, false);
    if (!json.is_object()) return std::nullopt;
    const Members members(json);
    return End{static_cast<Exit>(members.number("code")), members.number("count"), members.text("text")};
}

Result<std::string> control_socket_of(const std::string& config_file) {
    auto config = read_config(config_file);
    if (config) return config->control;
    std::string all;
    for (const ConfigError& error : config.error()) all += (all.empty() ? "" : "\n") + error.message;
    return fail(Fault::malformed, std::move(all));
}

}   // namespace mmgate::control
