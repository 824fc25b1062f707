#include "daemon/control/queue_print.h"

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
    if (const auto* text = found->get_ptr<const std::string*>()) return *text;
    return found->dump();
}
std::uint64_t number_of(const Json& json, const char* name) {
    auto found = json.find(name);
    return found != json.end() && found->is_number_unsigned() ? found->get<std::uint64_t>() : 0;
}

std::string padded(std::string text, std::size_t width) {
    if (text.size() < width) text.append(width - text.size(), ' ');
    return text;
}

std::string size_text(std::uint64_t octets) {
    if (octets < 10'000) return std::to_string(octets);
    if (octets < 10'000'000) return std::to_string(octets / 1000) + "k";
    return std::to_string(octets / 1'000'000) + "M";
}

/// "2026-01-02T03:04:05Z" as a time; nothing for anything else.
std::optional<std::chrono::sys_seconds> time_of(const std::string& text) {
    int year = 0;
    unsigned month = 0, day = 0, hour = 0, minute = 0, second = 0;
    if (std::sscanf(text.c_str(), "%4d-%2u-%2uT%2u:%2u:%2uZ", &year, &month, &day, &hour, &minute, &second) != 6) return std::nullopt;
    return std::chrono::sys_days(std::chrono::year(year) / static_cast<int>(month) / static_cast<int>(day)) + std::chrono::hours(hour) + std::chrono::minutes(minute) +
           std::chrono::seconds(second);
}

std::string span_text(std::chrono::seconds span) {
    const auto s = span.count() < 0 ? -span.count() : span.count();
    if (s < 120) return std::to_string(s) + "s";
    if (s < 2 * 3600) return std::to_string(s / 60) + "m";
    if (s < 2 * 86400) return std::to_string(s / 3600) + "h";
    return std::to_string(s / 86400) + "d";
}

std::string age_text(const std::string& at, std::chrono::sys_seconds now) {
    auto time = time_of(at);
    return time ? span_text(now - *time) : "-";
}

std::string next_text(const std::string& at, std::chrono::sys_seconds now) {
    auto time = time_of(at);
    if (!time) return {};
    return *time > now ? "next in " + span_text(*time - now) : "due";
}

std::string recipients_text(const Json& json, std::chrono::sys_seconds now) {
    std::string out;
    auto list = json.find("recipients");
    if (list == json.end() || !list->is_array()) return out;
    for (const Json& recipient : *list) {
        out += "    " + padded(text_of(recipient, "state"), 10) + padded(text_of(recipient, "address"), 34) + " " + text_of(recipient, "route");
        if (std::uint64_t attempts = number_of(recipient, "attempts"); attempts > 0) out += ", " + counted(attempts, "attempt");
        if (std::string next = next_text(text_of(recipient, "next_attempt"), now); !next.empty()) out += ", " + next;
        out += "\n";
        if (std::string reason = text_of(recipient, "reason"); !reason.empty()) out += "              " + reason + "\n";
    }
    return out;
}

std::string list_text(const Json& json, std::chrono::sys_seconds now) {
    return padded(text_of(json, "id"), 15) + padded(text_of(json, "state"), 11) + padded(age_text(text_of(json, "arrival"), now), 6) +
           padded(size_text(number_of(json, "size")), 8) + padded(text_of(json, "interface"), 6) + text_of(json, "from") + "\n" + recipients_text(json, now);
}

void add_lines(std::string& out, const Json& json, std::string_view indent) {
    for (const auto& [name, value] : json.items()) {
        if (value.is_null() || (value.is_string() && value.get_ref<const std::string&>().empty()) || (value.is_array() && value.empty())) continue;
        if (value.is_object()) {
            out += std::string(indent) + name + ":\n";
            for (const auto& [inner, content] : value.items())
                if (!(content.is_string() && content.get_ref<const std::string&>().empty()) && !content.is_null())
                    out += std::string(indent) + "  " + padded(inner + ":", 28) + (content.is_string() ? content.get<std::string>() : content.dump()) + "\n";
            continue;
        }
        if (value.is_array()) continue;   // recipients and parts have forms of their own
        out += std::string(indent) + padded(name + ":", 20) + (value.is_string() ? value.get<std::string>() : value.dump()) + "\n";
    }
}

std::string show_text(const Json& json, std::chrono::sys_seconds now) {
    std::string out;
    add_lines(out, json, "");
    out += "recipients:\n" + recipients_text(json, now);
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
            if (std::string text = text_of(part, "text"); !text.empty()) out += text + (text.ends_with('\n') ? "" : "\n");
        }
    }
    return out;
}

std::string trace_text(const Json& json) {
    std::string out = text_of(json, "at") + "  " + padded(text_of(json, "what"), 16);
    if (std::string who = text_of(json, "recipient"); !who.empty()) out += who + "  ";
    return out + text_of(json, "detail") + "\n";
}

std::string why_text(const Json& json) {
    std::string out = text_of(json, "id") + "\n";
    if (auto why = json.find("why"); why != json.end() && why->is_array())
        for (const Json& sentence : *why)
            if (sentence.is_string()) out += "  " + sentence.get<std::string>() + "\n";
    return out;
}

/// A figure with its name, where it says anything.
std::string figure_text(std::string_view name, const Json& value) {
    if (value.is_null() || (value.is_string() && value.get_ref<const std::string&>().empty())) return {};
    return "  " + std::string(name) + " " + (value.is_string() ? value.get<std::string>() : value.dump());
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
    const std::string object = text_of(json, "object");
    return padded(text_of(json, "severity"), 10) + padded(text_of(json, "kind"), 22) + "for " + padded(age_text(text_of(json, "since"), now), 6) + text_of(json, "text") +
           (object.empty() || text_of(json, "text").find(object) != std::string::npos ? "" : " (" + object + ")") + "\n";
}

std::string event_text(const Json& json) {
    std::string out = text_of(json, "at") + "  " + padded(text_of(json, "event"), 14);
    for (const auto& [name, value] : json.items())
        if (name != "at" && name != "event" && name != "since") out += figure_text(name, value);
    return out + "\n";
}

/// Peers' texts stand in an answer: what would steer a terminal is shown, not obeyed.
std::string harmless(std::string text) {
    for (char& c : text)
        if ((static_cast<unsigned char>(c) < 0x20 && c != '\n' && c != '\t') || c == 0x7F) c = '?';
    return text;
}

}  // namespace

std::string counted(std::uint64_t count, std::string_view noun) { return std::to_string(count) + " " + std::string(noun) + (count == 1 ? "" : "s"); }

std::string_view table_head(Verb verb) { return verb == Verb::list ? "ID             STATE      AGE   SIZE    DOOR  FROM\n" : ""; }

std::string for_people(Verb verb, std::string_view line, std::chrono::sys_seconds now) {
    Json json = Json::parse(line, nullptr, false);
    if (!json.is_object()) return std::string(line) + "\n";
    if (json.contains("error")) return {};
    switch (verb) {
        case Verb::list: return harmless(list_text(json, now));
        case Verb::show: return harmless(show_text(json, now));
        case Verb::cat: return harmless(cat_text(json));
        case Verb::trace: return harmless(trace_text(json));
        case Verb::why: return harmless(why_text(json));
        case Verb::stats: return harmless(stats_text(json));
        case Verb::alarms: return harmless(alarm_text(json, now));
        case Verb::events: return harmless(event_text(json));
        case Verb::hold:
        case Verb::release:
        case Verb::retry:
        case Verb::erase: return text_of(json, "id") + "  " + counted(number_of(json, "recipients"), "recipient") + "\n";
        case Verb::reload:
        case Verb::check:
        case Verb::backup: return harmless(text_of(json, "text")) + "\n";
    }
    return {};
}

}  // namespace mmgate::control
