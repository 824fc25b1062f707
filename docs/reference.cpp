// Prints the tables of the documentation from the tables of the code, into the pages that hold them.
//
//   reference FILE...           writes each table between its marks anew
//   reference --check FILE...   says which page differs, and ends with 1
//
// A mark is a comment of the page's language: `.\" begin keys` and `.\" end keys` in mdoc, `<!-- begin faults -->` in Markdown,
// `-- begin objects` in a MIB module.

#include <algorithm>
#include <array>
#include <fstream>
#include <iostream>
#include <sstream>
#include <string>
#include <string_view>

#include "daemon/config_keys.h"
#include "daemon/config_values.h"
#include "daemon/metrics.h"
#include "daemon/watch/alarms.h"
#include "daemon/watch/open_metrics.h"
#include "docs/mdoc.h"
#include "docs/mib.h"
#include "mapping/mm1/fields.h"
#include "mapping/mm1/pdus.h"
#include "mapping/mm4/fields.h"
#include "mapping/mm4/words.h"
#include "mapping/status.h"

namespace mmgate {
namespace {

/// An argument of a macro.
std::string argument(std::string_view text) {
    std::string out = "\"";
    for (char c : text) out += c == '"' ? "\\(dq" : std::string(1, c);
    return out + "\"";
}

template <class T>
std::string kind_of(const T* value) {
    if constexpr (std::is_same_v<T, bool>) return "true or false";
    else if constexpr (std::is_same_v<T, std::uint64_t>) return "size";
    else if constexpr (std::is_integral_v<T>) return "number";
    else if constexpr (std::is_same_v<T, Seconds>) return "time";
    else if constexpr (std::is_same_v<T, Endpoint>) return "address:port";
    else if constexpr (std::is_same_v<T, std::optional<Endpoint>> || std::is_same_v<T, NextHop>) return "host:port";
    else if constexpr (std::is_same_v<T, Network>) return "network";
    else if constexpr (std::is_same_v<T, std::string>) return "text";
    else if constexpr (std::is_enum_v<T>) {
        std::string words;
        for (const auto& word : words_of(*value)) words += (words.empty() ? "" : " | ") + std::string(word.text);
        return words;
    } else {
        typename T::value_type element{};
        return "list of " + kind_of(&element) + "s";
    }
}

template <class Owner>
std::string kind_of(const KeySpec<Owner>& spec) {
    Owner owner{};
    std::string kind = std::visit([](auto* target) { return kind_of(target); }, spec.target(owner));
    std::string_view shape = std::ranges::find(shape_specs(), spec.shape, &ShapeSpec::shape)->name;
    if (kind == "text") return std::string(shape);
    if (kind == "list of texts") return "list of " + std::string(shape) + (shape.ends_with("address") ? "es" : shape == "digits" ? ""
                                                                                                           : shape == "prefix"   ? "es"
                                                                                                                                 : "s");
    return kind;
}

std::string_view reload_text(Reload reload) {
    switch (reload) {
        case Reload::live: return "";
        case Reload::listeners: return "A reload opens and closes listeners as needed.";
        case Reload::restart: return "A change takes effect at the next start.";
    }
    return "";
}

template <class Owner>
std::string key_entry(const KeySpec<Owner>& spec) {
    std::string_view name = spec.name.substr(std::is_same_v<Owner, Config> ? spec.name.rfind('.') + 1 : 0);
    std::string out = ".It Ic " + std::string(name) + " No = Ar " + argument(kind_of(spec)) + "\n" + mdoc(spec.documentation);
    if (spec.required) out += "Required.\n";
    else if (spec.default_text == "[]" || spec.default_text.empty()) out += "Default: none.\n";
    else out += "Default:\n.Ql " + argument(spec.default_text) + " .\n";
    if (!reload_text(spec.reload).empty()) out += mdoc(reload_text(spec.reload));
    return out;
}

std::string keys_table() {
    std::string out, section;
    for (const KeySpec<Config>& spec : kConfigKeys) {
        std::string own(spec.name.substr(0, spec.name.rfind('.')));
        if (own != section) {
            if (!section.empty()) out += ".El\n";
            out += ".Ss [" + own + "]\\&\n.Bl -tag -width Ds\n";
            section = own;
        }
        out += key_entry(spec);
    }
    out += ".El\n";
    for_each_table([&](const auto& table) {
        out += ".Ss [[" + std::string(table.name) + "]]\\&\n" + mdoc(table.documentation) + ".Bl -tag -width Ds\n";
        for (const auto& spec : *table.keys) out += key_entry(spec);
        out += ".El\n";
    });
    return out;
}

std::string presets_table() {
    std::string out = ".Bl -tag -width Ds\n";
    for (const PresetSpec& preset : kPresets) {
        out += ".It Ic " + std::string(preset.name) + "\n" + mdoc(preset.documentation);
        for (const PresetValue& value : preset.values) out += ".br\n.Ic " + std::string(value.key) + " No = Ar " + argument(value.text) + "\n";
    }
    return out + ".El\n";
}

std::string counters_table() {
    std::string out = ".Bl -tag -width Ds -compact\n";
    for (const MetricSpec& counter : std::span(kMetrics).first(static_cast<std::size_t>(Counter::count_))) out += ".It " + std::string(counter.name) + "\n" + mdoc(counter.help);
    return out + ".El\n";
}

std::string figures_table() {
    std::string out = ".Bl -tag -width Ds -compact\n";
    for (const MetricSpec& figure : kScalarMetrics.subspan(static_cast<std::size_t>(Counter::count_))) out += ".It " + std::string(figure.name) + "\n" + mdoc(figure.help);
    for (const FigureTableSpec& table : kFigureTables) {
        std::string columns;
        for (const MetricSpec& column : columns_of(table.table)) columns += (columns.empty() ? "" : ", ") + std::string(column.name);
        out += ".It " + std::string(table.name) + "\n" + mdoc(table.help) + "Each with name, " + mdoc(columns + ".");
    }
    return out + ".El\n";
}

std::string open_metrics_table() {
    std::string out = "| metric | type | what |\n| --- | --- | --- |\n";
    constexpr std::array<std::string_view, 7> kTypes{"counter", "gauge", "gauge, 0 or 1", "state set", "gauge", "info", ""};   // by Kind
    for (const MetricSpec& spec : kMetrics) {
        const std::string name = open_metrics_sample(spec);
        if (name.empty()) continue;
        const std::string labels = spec.home.in_table ? "{" + std::string(spec_of(spec.home.table).name) + "}" : "";
        out += "| " + name + labels + " | " + std::string(kTypes[static_cast<std::size_t>(spec.kind)]) + " | " + std::string(spec.help) + " |\n";
    }
    return out;
}

std::string alarms_table() {
    std::string out = "| alarm | severity | what has happened | what to do |\n| --- | --- | --- | --- |\n";
    for (const AlarmSpec& alarm : kAlarms)
        out += "| " + std::string(to_text(alarm.kind)) + " | " + std::string(to_text(alarm.severity)) + " | " + std::string(alarm.meaning) + " | " + std::string(alarm.remedy) + " |\n";
    return out;
}

std::string hex(unsigned octet) {
    constexpr std::string_view kDigits = "0123456789ABCDEF";
    return {kDigits[octet >> 4 & 15], kDigits[octet & 15]};
}
std::string version_text(std::uint8_t octet) { return std::to_string(octet >> 4 & 7) + "." + std::to_string(octet & 15); }

std::string faults_table() {
    std::string out = "| fault | SMTP | X-Mms-Response-Status | MM4 | text |\n| --- | --- | --- | --- | --- |\n";
    for (const FaultSpec& fault : kFaults)
        out += "| " + std::string(fault.name) + " | " + std::to_string(fault.smtp_code) + " " + std::string(fault.enhanced) + " | " + hex(fault.response_status) + " " +
               std::string(mm1::value_name(*mm1::field_of(mm1::field::response_status), fault.response_status).value_or("")) + " | " + std::string(fault.mm4_status) + " | " +
               std::string(fault.text) + " |\n";
    return out;
}

constexpr std::array<std::string_view, 24> kSyntaxes{
    "address", "text", "text", "text, echoed as it is", "URI", "text without < >", "long integer", "date", "integer", "version", "yes or no", "word", "status", "word or token",
    "header number", "address, or insert", "time, absolute or relative", "count, address", "count, date", "token, text", "token, integer", "reference, parameters", "PDU type",
    "media type; last"};

std::string fields_table() {
    std::string out = "| octet | field | value | repeats | since | words |\n| --- | --- | --- | --- | --- | --- |\n";
    for (const mm1::FieldSpec& field : mm1::kFields) {
        std::string words;
        for (const mm1::EnumSpec& value : field.values) words += (words.empty() ? "" : ", ") + hex(value.octet) + " " + std::string(value.name);
        std::size_t syntax = static_cast<std::size_t>(field.syntax);
        out += "| " + hex(field.number | 0x80u) + " | " + std::string(field.name) + " | " +
               std::string(syntax < kSyntaxes.size() ? kSyntaxes[syntax] : "only as a header number") + " | " +
               (field.repeats == mm1::Repeats::yes ? "yes" : field.repeats == mm1::Repeats::in_mbox ? "in the MMBox"
                                                                                                    : "no") +
               " | " + version_text(field.since) + " | " + words + " |\n";
    }
    return out;
}

std::string pdus_table() {
    std::string out = "| octet | PDU | body | since | must have |\n| --- | --- | --- | --- | --- |\n";
    for (const mm1::PduSpec& pdu : mm1::kPdus) {
        std::string fields;
        for (std::uint8_t number : pdu.mandatory)
            if (number) fields += (fields.empty() ? "" : ", ") + std::string(mm1::field_of(number)->name);
        out += "| " + hex(static_cast<unsigned>(pdu.type)) + " | " + std::string(pdu.name) + " | " +
               (pdu.body == mm1::Body::mandatory ? "yes" : pdu.body == mm1::Body::optional ? "may"
                                                                                           : "no") +
               " | " + version_text(pdu.since) + " | " + fields + " |\n";
    }
    return out;
}

constexpr std::array<std::string_view, 27> kMm4Syntaxes{
    "date", "address", "addresses", "mailbox of a relay", "text", "text, may be quoted", "text, kept as it is", "msg-id", "version", "type of the message", "quoted-string or token",
    "yes or no", "Hide or Show", "word or text", "word", "word", "date, seconds or RFC 3339", "number from 1", "number, addresses; one field a number", "number, date; one field a number",
    "status", "addresses", "status", "word or text", "status", "version of MIME", "media type"};
static_assert(kMm4Syntaxes.size() == static_cast<std::size_t>(mm4::Syntax::ignored));

/// Fields that are passed over stand in a sentence of their own, below the table.
std::string mm4_fields_table() {
    std::string out = "| field | value |";
    for (const mm4::TypeSpec& type : mm4::kTypes) out += " " + std::string(type.name.substr(type.name.find('_') + 1)) + " |";
    out += " since | written | absent means |\n| --- | --- |";
    for (std::size_t i = 0; i < mm4::kTypes.size(); ++i) out += " --- |";
    out += " --- | --- | --- |\n";
    std::string passed_over;
    for (const mm4::FieldSpec& field : mm4::kFields) {
        if (field.syntax == mm4::Syntax::ignored) {
            passed_over += (passed_over.empty() ? "" : ", ") + std::string(field.name);
            continue;
        }
        out += "| " + std::string(field.name) + " | " + std::string(kMm4Syntaxes[static_cast<std::size_t>(field.syntax)]) + " |";
        for (char presence : field.presence) out += " " + std::string(presence == '-' ? "" : std::string(1, presence)) + " |";
        out += " Rel-" + std::to_string(field.since) + " | " + (field.written == mm4::Written::always ? "always" : "when set") + " | " + std::string(field.absent) + " |\n";
    }
    return out + "\nPassed over: " + passed_over + ".\n";
}

std::string mm4_lenient_table() {
    std::string out = "| field | for example | read as |\n| --- | --- | --- |\n";
    for (const mm4::LenientSpec& row : mm4::kLenient)
        out += "| " + std::string(row.field) + " | " + (row.example.empty() ? "" : "`" + std::string(row.example) + "`") + " | " + std::string(row.meaning) + " |\n";
    for (const mm4::FieldSpec& field : mm4::kFields)
        if (!field.alias.empty()) out += "| " + std::string(field.alias) + " |  | " + std::string(field.name) + ", where that is missing or cannot be read |\n";
    return out;
}

struct DocsTable {
    std::string_view name;
    std::string (*text)();
};
constexpr DocsTable kDocsTables[] = {{"keys", keys_table}, {"presets", presets_table}, {"counters", counters_table}, {"figures", figures_table}, {"metrics", open_metrics_table}, {"alarms", alarms_table}, {"faults", faults_table}, {"fields", fields_table}, {"pdus", pdus_table}, {"mm4_fields", mm4_fields_table}, {"mm4_lenient", mm4_lenient_table}, {"mib objects", mib_objects}, {"mib notifications", mib_notifications}, {"mib conformance", mib_conformance}, {"mib groups", mib_groups_table}, {"mib alarms", mib_alarms_table}};

struct Marks {
    std::string begin, end;
};
Marks marks_of(const std::string& file, std::string_view table) {
    std::string name(table);
    if (file.ends_with(".md")) return {"<!-- begin " + name + " -->\n", "<!-- end " + name + " -->\n"};
    if (file.ends_with(".in")) return {"-- begin " + name + "\n", "-- end " + name + "\n"};
    return {".\\\" begin " + name + "\n", ".\\\" end " + name + "\n"};
}

/// What every section about an alarm begins with.
std::string alarm_facts(const AlarmSpec& alarm) {
    return "*" + std::string(to_text(alarm.severity)) + "; SNMP: mmgate" + std::string(alarm.raised) + ", cleared by mmgate" + std::string(alarm.cleared) + "*\n\n" +
           std::string(alarm.meaning) + "\n\n" + std::string(alarm.remedy) + "\n";
}

/// Whether the page has these marks; what stands between them is then `text`.
bool put(std::string& page, const Marks& marks, const std::string& text) {
    std::size_t begin = page.find(marks.begin);
    if (begin == std::string::npos) return false;
    begin += marks.begin.size();
    const std::size_t end = page.find(marks.end, begin);
    if (end == std::string::npos) return false;
    page.replace(begin, end - begin, text);
    return true;
}

/// The page with its tables as they should be. `found` counts them.
std::string renewed(const std::string& file, std::string page, std::size_t& found) {
    for (const DocsTable& table : kDocsTables)
        if (put(page, marks_of(file, table.name), table.text())) ++found;
    return page;
}

/// The same for a page with a section of each alarm. Gives the alarms that have none, or all where the page is about something else.
std::vector<std::string_view> renew_alarms(const std::string& file, std::string& page) {
    std::vector<std::string_view> missing;
    for (const AlarmSpec& alarm : kAlarms)
        if (!put(page, marks_of(file, "alarm " + std::string(to_text(alarm.kind))), alarm_facts(alarm))) missing.push_back(to_text(alarm.kind));
    return missing;
}

int run(std::vector<std::string> files) {
    bool check = !files.empty() && files.front() == "--check";
    if (check) files.erase(files.begin());
    int status = 0;
    for (const std::string& file : files) {
        std::ifstream in(file, std::ios::binary);
        std::ostringstream text;
        text << in.rdbuf();
        std::size_t found = 0;
        std::string page = renewed(file, text.str(), found);
        const std::vector<std::string_view> missing = renew_alarms(file, page);
        const bool about_alarms = missing.size() < kAlarms.size();
        if (about_alarms) ++found;
        for (std::string_view alarm : about_alarms ? missing : std::vector<std::string_view>{}) {
            std::cerr << file << ": has no section about the alarm " << alarm << "\n";
            status = 1;
        }
        if (!in || found == 0) {
            std::cerr << file << ": cannot be read, or has no marks of a table\n";
            status = 1;
        } else if (page != text.str() && check) {
            std::cerr << file << ": differs from the declarations in the code; run make docs\n";
            status = 1;
        } else if (page != text.str()) {
            std::ofstream out(file, std::ios::binary);
            out << page;
            if (!out.flush()) status = 1;
        }
    }
    return status;
}

}   // namespace
}   // namespace mmgate

int main(int argc, char** argv) { return mmgate::run({argv + 1, argv + argc}); }
