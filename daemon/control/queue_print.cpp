#include "daemon/control/queue_print.h"

#include <algorithm>
#include <array>
#include <cstdio>
#include <optional>
#include <vector>

#include <nlohmann/json.hpp>

namespace mmgate::control {

namespace {

using Json = nlohmann::ordered_json;

std::string text_of(const Json& json, const char* name) {
    auto found = json.find(name);
    if (found == json.end() || found->is_null()) return {};
    if (const auto* text = found->get_ptr<const std::string*>()) return harmless(*text, Text::line);
    return harmless(found->dump(), Text::line);
}
std::uint64_t number_of(const Json& json, const char* name) {
    auto found = json.find(name);
    return found != json.end() && found->is_number_unsigned() ? found->get<std::uint64_t>() : 0;
}

std::string age_text(const std::string& at, std::chrono::sys_seconds now) {
    auto time = time_of(at);
    return time ? short_span(now - *time) : "-";
}

std::string next_text(const std::string& at, std::chrono::sys_seconds now) {
    auto time = time_of(at);
    if (!time) return {};
    return *time > now ? "next in " + short_span(*time - now) : "due";
}

constexpr std::size_t kFewestColumns = 40;
constexpr std::size_t kReasonIndent = 14;

struct StateColour {
    std::string_view state, code;
};
constexpr auto kStateColours = std::to_array<StateColour>({{"active", "32"}, {"deferred", "33"}, {"held", "35"}, {"rejected", "31"}, {"expired", "31"}, {"failed", "31"}});

/// A state in its column; the colour takes no column.
std::string state_text(const std::string& state, std::size_t columns, Screen screen) {
    auto row = std::ranges::find(kStateColours, std::string_view(state), &StateColour::state);
    if (screen.colour == Colour::none || row == kStateColours.end()) return padded(state, columns);
    return "\x1b[" + std::string(row->code) + "m" + state + "\x1b[0m" + std::string(columns > state.size() ? columns - state.size() : 0, ' ');
}

bool begins_character(char c) { return (static_cast<unsigned char>(c) & 0xC0) != 0x80; }
std::size_t columns_of(std::string_view text) { return static_cast<std::size_t>(std::ranges::count_if(text, begins_character)); }

/// The first characters, and an ellipsis for the others.
std::string cut(std::string text, std::size_t columns) {
    if (columns_of(text) <= columns) return text;
    std::size_t octets = 0, seen = 0;
    while (octets < text.size() && (seen += begins_character(text[octets])) < columns) ++octets;
    return text.substr(0, octets) + "…";
}

/// Lines of at most the screen's columns, each indented; words are kept whole where they fit.
std::string folded(std::string_view text, std::size_t indent, Screen screen) {
    std::string out, line;
    auto flush = [&] {
        out += std::string(indent, ' ') + line + "\n";
        line.clear();
    };
    const std::size_t room = screen.columns == 0 ? text.size() + 1 : std::max(screen.columns, kFewestColumns) - indent;
    while (!text.empty()) {
        std::size_t end = std::min(text.find(' '), text.size());
        std::string word(text.substr(0, end));
        text.remove_prefix(std::min(end + 1, text.size()));
        if (!line.empty() && columns_of(line) + 1 + columns_of(word) > room) flush();
        if (!line.empty()) line += ' ';
        line += cut(std::move(word), room);
    }
    if (!line.empty()) flush();
    return out;
}

std::string recipients_text(const Json& json, std::chrono::sys_seconds now, Screen screen) {
    std::string out;
    auto list = json.find("recipients");
    if (list == json.end() || !list->is_array()) return out;
    for (const Json& recipient : *list) {
        const std::string address = text_of(recipient, "address");
        std::string rest = text_of(recipient, "route");
        if (std::uint64_t attempts = number_of(recipient, "attempts"); attempts > 0) rest += ", " + counted(attempts, "attempt");
        if (std::string next = next_text(text_of(recipient, "next_attempt"), now); !next.empty()) rest += ", " + next;
        const std::string head = "    " + state_text(text_of(recipient, "state"), 10, screen);
        const bool fits = screen.columns == 0 || kReasonIndent + std::max<std::size_t>(columns_of(address), 34) + 1 + columns_of(rest) <= screen.columns;
        out += fits ? head + padded(address, 34) + " " + rest + "\n" : head + cut(address, screen.columns - kReasonIndent) + "\n" + folded(rest, kReasonIndent, screen);
        out += folded(text_of(recipient, "reason"), kReasonIndent, screen);
    }
    return out;
}

std::string list_text(const Json& json, std::chrono::sys_seconds now, Screen screen) {
    const std::string from = text_of(json, "from");
    return padded(text_of(json, "id"), 15) + state_text(text_of(json, "state"), 11, screen) + padded(age_text(text_of(json, "arrival"), now), 6) +
           padded(size_text(number_of(json, "size")), 8) + padded(text_of(json, "interface"), 6) + (screen.columns ? cut(from, screen.columns - 46) : from) + "\n" +
           recipients_text(json, now, screen);
}

std::string shown(const Json& value) { return harmless(value.is_string() ? value.get<std::string>() : value.dump(), Text::line); }

void add_lines(std::string& out, const Json& json, std::string_view indent) {
    for (const auto& [name, value] : json.items()) {
        if (value.is_null() || (value.is_string() && value.get_ref<const std::string&>().empty()) || (value.is_array() && value.empty())) continue;
        if (value.is_object()) {
            out += std::string(indent) + name + ":\n";
            for (const auto& [inner, content] : value.items())
                if (!(content.is_string() && content.get_ref<const std::string&>().empty()) && !content.is_null())
                    out += std::string(indent) + "  " + padded(inner + ":", 28) + shown(content) + "\n";
            continue;
        }
        if (value.is_array()) continue;   // recipients and parts have forms of their own
        out += std::string(indent) + padded(name + ":", 20) + shown(value) + "\n";
    }
}

std::string show_text(const Json& json, std::chrono::sys_seconds now, Screen screen) {
    std::string out;
    add_lines(out, json, "");
    out += "recipients:\n" + recipients_text(json, now, screen);
    return out;
}

std::string cat_text(const Json& json) {
    std::string out;
    add_lines(out, json, "");
    if (auto parts = json.find("parts"); parts != json.end() && parts->is_array()) {
        for (const Json& part : *parts) {
            out += "part " + text_of(part, "number") + ": " + text_of(part, "type") + ", " + text_of(part, "size") + " octets";
            if (std::string name = text_of(part, "name"); !name.empty()) out += ", " + name;
            out += "\n";
            if (auto found = part.find("text"); found != part.end() && found->is_string() && !found->get_ref<const std::string&>().empty()) {
                const std::string text = harmless(found->get_ref<const std::string&>(), Text::lines);
                out += text + (text.ends_with('\n') ? "" : "\n");
            }
        }
    }
    return out;
}

std::string trace_text(const Json& json) {
    std::string out = text_of(json, "at") + "  " + padded(text_of(json, "what"), 16);
    if (std::string who = text_of(json, "recipient"); !who.empty()) out += who + "  ";
    return out + text_of(json, "detail") + "\n";
}

std::string why_text(const Json& json, Screen screen) {
    std::string out = text_of(json, "id") + "\n";
    if (auto why = json.find("why"); why != json.end() && why->is_array())
        for (const Json& sentence : *why)
            if (sentence.is_string()) out += folded(shown(sentence), 2, screen);
    return out;
}

/// A figure with its name, where it says anything.
std::string figure_text(std::string_view name, const Json& value) {
    if (value.is_null() || (value.is_string() && value.get_ref<const std::string&>().empty())) return {};
    return "  " + harmless(name, Text::line) + " " + shown(value);
}

std::string stats_text(const Json& json) {
    std::string out;
    add_lines(out, json, "");
    for (const auto& [name, rows] : json.items()) {
        if (!rows.is_array() || rows.empty()) continue;
        out += name + ":\n";
        for (const Json& row : rows) {
            if (!row.is_object()) continue;
            std::string line = "  " + padded(text_of(row, "name"), 28);
            for (const auto& [column, value] : row.items())
                if (column != "name") line += figure_text(column, value);
            out += line + "\n";
        }
    }
    return out;
}

std::string alarm_text(const Json& json, std::chrono::sys_seconds now) {
    const std::string object = text_of(json, "object"), text = text_of(json, "text");
    return padded(text_of(json, "severity"), 10) + padded(text_of(json, "kind"), 22) + "for " + padded(age_text(text_of(json, "since"), now), 6) + text +
           (object.empty() || text.find(object) != std::string::npos ? "" : " (" + object + ")") + "\n";
}

std::string route_text(const Json& json, Screen screen) {
    const std::string route = text_of(json, "route"), as = text_of(json, "as"), hop = text_of(json, "next_hop");
    std::string out = text_of(json, "address") + (as.empty() || as == text_of(json, "address") ? "" : ", which is " + as) + "\n";
    if (auto steps = json.find("steps"); steps != json.end() && steps->is_array())
        for (const Json& step : *steps) out += folded(shown(step), 2, screen);
    if (route.empty()) return out + folded("no route: " + text_of(json, "why"), 0, screen);
    const bool held = json.value("held", false);
    return out + folded("goes to " + route + (hop.empty() || hop == route ? "" : " by " + hop) + ": " + text_of(json, "why") + (held ? "; held by the operator" : ""), 0, screen);
}

/// "up", "down for 3h", "held": what an operator looks at first.
std::string peer_state(const Json& json, std::chrono::sys_seconds now) {
    if (json.value("held", false)) return "held";
    const std::string since = text_of(json, "down_since");
    return since.empty() ? text_of(json, "status") : "down for " + age_text(since, now);
}

std::string peers_text(const Json& json, std::chrono::sys_seconds now, Screen screen) {
    std::string out = padded(text_of(json, "name"), 20) + " " + padded(peer_state(json, now), 16) + padded(std::to_string(number_of(json, "queued")), 10) +
                      padded(std::to_string(number_of(json, "sent")), 10) + text_of(json, "domain") + "\n";
    if (std::string reason = text_of(json, "reason"); !reason.empty()) {
        if (std::string next = next_text(text_of(json, "next_try"), now); !next.empty()) reason += ", " + next;
        out += folded(reason, kReasonIndent, screen);
    }
    return out;
}

std::string step_text(const Json& json, Screen screen) {
    const std::string result = text_of(json, "result");
    return padded(result, 9) + padded(text_of(json, "step"), 13) + (result == "skipped" ? "" : std::to_string(number_of(json, "milliseconds")) + " ms") + "\n" +
           folded(text_of(json, "detail"), kReasonIndent, screen);
}

std::string event_text(const Json& json) {
    std::string out = text_of(json, "at") + "  " + padded(text_of(json, "event"), 14);
    for (const auto& [name, value] : json.items())
        if (name != "at" && name != "event" && name != "since") out += figure_text(name, value);
    return out + "\n";
}

}   // namespace

std::string harmless(std::string_view text, Text kind) {
    std::string out;
    for (std::size_t i = 0; i < text.size(); ++i) {
        const auto octet = [&](std::size_t at) { return at < text.size() ? static_cast<unsigned char>(text[at]) : 0u; };
        const bool breaks = kind == Text::lines && (text[i] == '\n' || text[i] == '\t');
        const unsigned last = octet(i + 2);
        const bool c1 = octet(i) == 0xC2 && octet(i + 1) >= 0x80 && octet(i + 1) < 0xA0;                    // U+0080 to U+009F
        const bool turns = octet(i) == 0xE2 && ((octet(i + 1) == 0x80 && last >= 0xA8 && last <= 0xAE) ||   // U+2028 to U+202E
                                                (octet(i + 1) == 0x81 && last >= 0xA6 && last <= 0xA9));    // U+2066 to U+2069
        if ((octet(i) < 0x20 && !breaks) || octet(i) == 0x7F || c1 || turns) {
            out += '?';
            i += c1 ? 1 : turns ? 2
                                : 0;
        } else {
            out += text[i];
        }
    }
    return out;
}

std::string padded(std::string text, std::size_t columns) {
    if (std::size_t taken = columns_of(text); taken < columns) text.append(columns - taken, ' ');
    return text;
}

std::string size_text(std::uint64_t octets) {
    if (octets < 10'000) return std::to_string(octets);
    if (octets < 10'000'000) return std::to_string(octets / 1000) + "k";
    return std::to_string(octets / 1'000'000) + "M";
}

std::optional<std::chrono::sys_seconds> time_of(const std::string& text) {
    int year = 0;
    unsigned month = 0, day = 0, hour = 0, minute = 0, second = 0;
    if (std::sscanf(text.c_str(), "%4d-%2u-%2uT%2u:%2u:%2uZ", &year, &month, &day, &hour, &minute, &second) != 6) return std::nullopt;
    return std::chrono::sys_days(std::chrono::year(year) / static_cast<int>(month) / static_cast<int>(day)) + std::chrono::hours(hour) + std::chrono::minutes(minute) +
           std::chrono::seconds(second);
}

std::string short_span(std::chrono::seconds span) {
    const auto s = span.count() < 0 ? -span.count() : span.count();
    if (s < 120) return std::to_string(s) + "s";
    if (s < 2 * 3600) return std::to_string(s / 60) + "m";
    if (s < 2 * 86400) return std::to_string(s / 3600) + "h";
    return std::to_string(s / 86400) + "d";
}

std::string counted(std::uint64_t count, std::string_view noun) { return std::to_string(count) + " " + std::string(noun) + (count == 1 ? "" : "s"); }

std::string_view table_head(Verb verb) {
    switch (verb) {
        case Verb::list: return "ID             STATE      AGE   SIZE    DOOR  FROM\n";
        case Verb::peers: return "NAME                 STATE           WAITING   SENT      DOMAIN\n";
        default: return "";
    }
}

std::string for_people(Verb verb, std::string_view line, std::chrono::sys_seconds now, Screen screen) {
    Json json = Json::parse(line, nullptr, false);
    if (!json.is_object()) return harmless(line, Text::line) + "\n";
    if (json.contains("error")) return {};
    switch (verb) {
        case Verb::list: return list_text(json, now, screen);
        case Verb::show: return show_text(json, now, screen);
        case Verb::cat: return cat_text(json);
        case Verb::trace: return trace_text(json);
        case Verb::why: return why_text(json, screen);
        case Verb::stats: return stats_text(json);
        case Verb::alarms: return alarm_text(json, now);
        case Verb::events: return event_text(json);
        case Verb::route: return route_text(json, screen);
        case Verb::peers: return peers_text(json, now, screen);
        case Verb::peer: {
            std::string out;
            add_lines(out, json, "");
            return out;
        }
        case Verb::peer_test: return step_text(json, screen);
        case Verb::peer_hold:
        case Verb::peer_release:
        case Verb::drain:
        case Verb::resume:
        case Verb::import_: return text_of(json, "text") + "\n";
        case Verb::hold:
        case Verb::release:
        case Verb::retry:
        case Verb::erase:
        case Verb::undelete: return text_of(json, "id") + "  " + counted(number_of(json, "recipients"), "recipient") + "\n";
        case Verb::reload:
        case Verb::check:
        case Verb::backup: return text_of(json, "text") + "\n";
    }
    return {};
}

}   // namespace mmgate::control
