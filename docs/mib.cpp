#include "docs/mib.h"

#include <algorithm>
#include <array>
#include <vector>

#include "daemon/metrics.h"
#include "daemon/watch/alarms.h"
#include "docs/mdoc.h"

namespace mmgate {

namespace {

constexpr std::size_t kColumns = 72;

struct GroupSpec {
    Group group;
    std::string_view name, help;
};
constexpr auto kGroups = std::to_array<GroupSpec>({
    {Group::system, "System", "the gateway as a whole"},
    {Group::queues, "Queues", "what waits"},
    {Group::peers, "Peers", "next hops"},
    {Group::traffic, "Traffic", "what came in and went out"},
    {Group::conversions, "Conversions", "between mail and MMS"},
    {Group::mms, "Mms", "what became of messages"},
    {Group::security, "Security", "what was not as it should be, and certificates"},
    {Group::store, "Store", "the queue on the disk"},
    {Group::alarms, "Alarms", "what is wrong"},
    {Group::control, "Control", "what a manager may do"},
});

std::string capital(std::string text) {
    if (!text.empty() && text[0] >= 'a' && text[0] <= 'z') text[0] = static_cast<char>(text[0] - 'a' + 'A');
    return text;
}
/// "smtp_bytes" as "smtpBytes".
std::string camel(std::string_view name) {
    std::string out;
    bool up = false;
    for (char c : name) {
        if (c == '_') up = true;
        else {
            out += up ? capital(std::string(1, c)) : std::string(1, c);
            up = false;
        }
    }
    return out;
}
std::string object_name(const MetricSpec& spec) {
    return "mmgate" + (spec.home.in_table ? capital(camel(spec_of(spec.home.table).name)) : std::string()) + capital(camel(spec.name));
}
std::string table_name(const FigureTableSpec& table, std::string_view what) { return "mmgate" + capital(camel(table.name)) + std::string(what); }

std::string sentence(std::string_view text) { return capital(std::string(text)) + (text.ends_with('.') ? "" : "."); }

/// A quoted text of lines that are not too long.
std::string quoted(std::string_view text) {
    std::string out = "\"", line;
    while (!text.empty()) {
        const std::size_t end = std::min(text.find(' '), text.size());
        const std::string_view word = text.substr(0, end);
        if (line.size() + 1 + word.size() > kColumns - 9) {
            out += line + "\n         ";
            line.clear();
        } else if (!line.empty()) {
            line += ' ';
        }
        for (char c : word) line += c == '"' ? '\'' : c;
        text.remove_prefix(std::min(end + 1, text.size()));
    }
    return out + line + "\"";
}

std::string syntax_of(const MetricSpec& spec) {
    switch (spec.kind) {
        case Kind::counter: return "Counter64";
        case Kind::gauge: return spec.unit == Unit::bytes ? "MmgateGauge64" : "Gauge32";
        case Kind::truth: return "TruthValue";
        case Kind::time: return "DateAndTime";
        case Kind::info:
        case Kind::text: return "SnmpAdminString";
        case Kind::state: break;
    }
    std::string out = "INTEGER {";
    for (std::size_t i = 0; i < spec.words.size(); ++i)
        out += (i ? "," : "") + std::string("\n        ") + camel(spec.words[i]) + "(" + std::to_string(i + 1) + ")";
    return out + "\n    }";
}

/// As it stands in the SEQUENCE of an entry.
std::string sequence_syntax_of(const MetricSpec& spec) { return spec.kind == Kind::state ? "INTEGER" : syntax_of(spec); }

std::string object(const std::string& name, const std::string& syntax, std::string_view units, std::string_view access, const std::string& description,
                   const std::string& parent, unsigned number, std::string_view more = {}) {
    return name + " OBJECT-TYPE\n    SYNTAX " + syntax + "\n" + (units.empty() ? "" : "    UNITS \"" + std::string(units) + "\"\n") + "    MAX-ACCESS " + std::string(access) +
           "\n    STATUS current\n    DESCRIPTION\n        " + quoted(description) + "\n" + std::string(more) + "    ::= { " + parent + " " + std::to_string(number) + " }\n\n";
}

std::string units_of(const MetricSpec& spec) { return spec.unit == Unit::bytes ? "octets" : std::string(to_text(spec.unit)); }

std::string metric_object(const MetricSpec& spec, const std::string& parent) {
    std::string description = sentence(spec.help);
    if (spec.kind == Kind::counter) description += " Counted since mmgateDiscontinuityTime.";
    return object(object_name(spec), syntax_of(spec), units_of(spec), "read-only", description, parent, spec.number);
}

std::string table_objects(const FigureTableSpec& table, const std::string& group) {
    const std::string rows = table_name(table, "Table"), entry = table_name(table, "Entry"), index = table_name(table, "Index"), name = table_name(table, "Name");
    std::string out = object(rows, "SEQUENCE OF " + capital(entry), {}, "not-accessible", sentence(table.help), group, table.number);
    out += object(entry, capital(entry), {}, "not-accessible", "One of them.", rows, 1, "    INDEX { " + index + " }\n");
    out += capital(entry) + " ::= SEQUENCE {\n    " + index + "\n        Unsigned32,\n    " + name + "\n        SnmpAdminString";
    for (const MetricSpec& spec : columns_of(table.table)) out += ",\n    " + object_name(spec) + "\n        " + sequence_syntax_of(spec);
    out += "\n}\n\n";
    out += object(index, "Unsigned32 (1..4294967295)", {}, "not-accessible", "Stays with the name as long as the agent runs; the name is what to go by.", entry, 1);
    out += object(name, "SnmpAdminString", {}, "read-only", sentence(table.key), entry, 2);
    for (const MetricSpec& spec : columns_of(table.table)) out += metric_object(spec, entry);
    return out;
}

std::string members(const std::vector<std::string>& names) {
    std::string out;
    for (const std::string& name : names) out += (out.empty() ? "" : ",") + std::string("\n        ") + name;
    return out;
}

std::vector<std::string> objects_of(Group group) {
    std::vector<std::string> out;
    for (const MetricSpec& spec : kScalarMetrics)
        if (spec.home.group == group) out.push_back(object_name(spec));
    for (const FigureTableSpec& table : kFigureTables) {
        if (table.group != group) continue;
        out.push_back(table_name(table, "Name"));
        for (const MetricSpec& spec : columns_of(table.table)) out.push_back(object_name(spec));
    }
    return out;
}

/// Objects of the agent's own, which stand in the template.
std::vector<std::string> own_objects_of(Group group) {
    if (group == Group::system) return {"mmgateDiscontinuityTime"};
    if (group != Group::control) return {};
    return {"mmgateControlLock", "mmgateControlOperator", "mmgateControlAction", "mmgateControlState", "mmgateControlLastVerb", "mmgateControlLastActor", "mmgateControlLastResult",
            "mmgateControlLastCount", "mmgateControlLastTime"};
}

}   // namespace

std::string mib_objects() {
    std::string out = "\n";
    for (const GroupSpec& group : kGroups)
        out += "mmgate" + std::string(group.name) + " OBJECT IDENTIFIER ::= { mmgateObjects " + std::to_string(static_cast<unsigned>(group.group)) + " }\n";
    out += "\n";
    for (const GroupSpec& group : kGroups) {
        const std::string parent = "mmgate" + std::string(group.name);
        out += "-- " + parent + ": " + std::string(group.help) + "\n\n";
        std::vector<const MetricSpec*> scalars;
        for (const MetricSpec& spec : kScalarMetrics)
            if (spec.home.group == group.group) scalars.push_back(&spec);
        std::ranges::sort(scalars, {}, &MetricSpec::number);
        for (const MetricSpec* spec : scalars) out += metric_object(*spec, parent);
        for (const FigureTableSpec& table : kFigureTables)
            if (table.group == group.group) out += table_objects(table, parent);
    }
    return out;
}

std::string mib_notifications() {
    std::string out = "\n";
    auto notification = [&](std::string_view name, const std::string& description, unsigned number) {
        out += "mmgate" + std::string(name) +
               " NOTIFICATION-TYPE\n    OBJECTS {\n        mmgateAlarmKind,\n        mmgateAlarmSeverity,\n        mmgateAlarmSince,\n        mmgateAlarmObject,\n        mmgateAlarmText\n    }\n"
               "    STATUS current\n    DESCRIPTION\n        " +
               quoted(description) + "\n    ::= { mmgateNotifications " + std::to_string(number) + " }\n\n";
    };
    for (const AlarmSpec& alarm : kAlarms) {
        notification(alarm.raised, std::string(alarm.meaning) + " " + std::string(alarm.remedy), alarm.number);
        notification(alarm.cleared, "The alarm that mmgate" + std::string(alarm.raised) + " told of is over; mmgateAlarmSeverity is cleared(1).", alarm.number + 1u);
    }
    return out;
}

std::string mib_conformance() {
    std::string out = "\n";
    unsigned number = 0;
    for (const GroupSpec& group : kGroups) {
        std::vector<std::string> objects = objects_of(group.group);
        for (std::string& own : own_objects_of(group.group)) objects.push_back(std::move(own));
        out += "mmgate" + std::string(group.name) + "Group OBJECT-GROUP\n    OBJECTS {" + members(objects) + "\n    }\n    STATUS current\n    DESCRIPTION\n        " +
               quoted("Objects of mmgate" + std::string(group.name) + ": " + std::string(group.help) + ".") + "\n    ::= { mmgateGroups " + std::to_string(++number) + " }\n\n";
    }
    std::vector<std::string> notifications{"mmgateGatewayStarted", "mmgateGatewayStopping", "mmgateHealthChanged", "mmgateControlDone"};
    for (const AlarmSpec& alarm : kAlarms) {
        notifications.push_back("mmgate" + std::string(alarm.raised));
        notifications.push_back("mmgate" + std::string(alarm.cleared));
    }
    out += "mmgateNotificationGroup NOTIFICATION-GROUP\n    NOTIFICATIONS {" + members(notifications) +
           "\n    }\n    STATUS current\n    DESCRIPTION\n        \"All notifications.\"\n    ::= { mmgateGroups " + std::to_string(++number) + " }\n\n";
    return out;
}

std::string mib_groups_table() {
    std::string out;
    auto entry = [&](const MetricSpec& spec) {
        std::string words;
        for (std::string_view word : spec.words) words += (words.empty() ? " One of " : ", ") + camel(word);
        out += ".It " + object_name(spec) + "\n" + mdoc(sentence(spec.help) + (words.empty() ? "" : words + "."));
    };
    for (const GroupSpec& group : kGroups) {
        out += ".Ss mmgate" + std::string(group.name) + ": " + std::string(group.help) + "\n";
        bool open = false;
        for (const MetricSpec& spec : kScalarMetrics) {
            if (spec.home.group != group.group) continue;
            if (!open) out += ".Bl -tag -width Ds -compact\n";
            open = true;
            entry(spec);
        }
        if (open) out += ".El\n";
        for (const FigureTableSpec& table : kFigureTables) {
            if (table.group != group.group) continue;
            out += std::string(open ? ".Pp\n" : "") + mdoc(table_name(table, "Table") + ": " + std::string(table.help) + " The name of a row: " + std::string(table.key)) + ".Bl -tag -width Ds -compact\n";
            for (const MetricSpec& spec : columns_of(table.table)) entry(spec);
            out += ".El\n";
        }
    }
    return out;
}

std::string mib_alarms_table() {
    std::string out = ".Bl -tag -width Ds\n";
    for (const AlarmSpec& alarm : kAlarms)
        out += ".It mmgate" + std::string(alarm.raised) + ", mmgate" + std::string(alarm.cleared) + " Pq " + std::string(to_text(alarm.kind)) + " , " + std::string(to_text(alarm.severity)) + "\n" +
               mdoc(alarm.meaning) + mdoc(alarm.remedy);
    return out + ".El\n";
}

}   // namespace mmgate
