#include "daemon/watch/open_metrics.h"

#include <array>

namespace mmgate {

namespace {

/// By Kind.
constexpr std::array<std::string_view, 7> kTypes{"counter", "gauge", "gauge", "stateset", "gauge", "info", ""};
std::string_view type_of(Kind kind) { return kTypes[static_cast<std::size_t>(kind)]; }
/// "" where there is none, or where it stands inside the name: the format wants it at the end of one that declares it.
std::string_view unit_of(const MetricSpec& spec) {
    const std::string_view unit = spec.kind == Kind::time ? "seconds" : to_text(spec.unit);
    return open_metrics_name(spec).ends_with(unit) ? unit : std::string_view();
}

bool is_shown(const MetricSpec& spec) { return spec.home.group != Group::none && spec.kind != Kind::text; }

std::string escaped(std::string_view text) {
    std::string out;
    for (char c : text) {
        if (c == '\n') out += "\\n";
        else if (c == '"' || c == '\\') out += std::string("\\") + c;
        else out += c;
    }
    return out;
}

std::string label(std::string_view name, std::string_view value) { return std::string(name) + "=\"" + escaped(value) + "\""; }

/// The samples of one figure. `labels`: what names the row of a table, "" for a scalar.
void add_samples(const MetricSpec& spec, const Figure& figure, const std::string& labels, std::string& out) {
    const std::string name = open_metrics_sample(spec);
    auto line = [&](const std::string& more, const std::string& value) {
        const std::string all = labels + (labels.empty() || more.empty() ? "" : ",") + more;
        out += name + (all.empty() ? "" : "{" + all + "}") + " " + value + "\n";
    };
    if (spec.kind == Kind::info) {
        if (const auto* text = std::get_if<std::string>(&figure)) line(label(spec.name, *text), "1");
        return;
    }
    const auto* number = std::get_if<std::uint64_t>(&figure);
    if (!number) return;
    if (spec.kind != Kind::state) return line({}, std::to_string(*number));
    for (std::size_t i = 0; i < spec.words.size(); ++i) line(label(name, spec.words[i]), *number == i + 1 ? "1" : "0");
}

}   // namespace

std::string open_metrics_name(const MetricSpec& spec) {
    if (!is_shown(spec)) return {};
    std::string name = "mmgate_";
    if (spec.home.in_table) name += std::string(spec_of(spec.home.table).name) + "_";
    name += spec.name;
    if (spec.kind == Kind::time) return name + "_timestamp_seconds";
    const std::string unit = "_" + std::string(to_text(spec.unit));
    return unit.size() == 1 || (name + "_").find(unit + "_") != std::string::npos ? name : name + unit;
}

std::string open_metrics_sample(const MetricSpec& spec) {
    const std::string name = open_metrics_name(spec);
    return name + (name.empty() ? "" : spec.kind == Kind::counter ? "_total"
                                   : spec.kind == Kind::info      ? "_info"
                                                                  : "");
}

std::string open_metrics(const Figures& figures) {
    std::string out;
    for (const MetricSpec& spec : kMetrics) {
        const std::string name = open_metrics_name(spec);
        if (name.empty()) continue;
        std::string samples;
        if (!spec.home.in_table) {
            add_samples(spec, figures.scalar(spec), {}, samples);
        } else {
            const FigureTableSpec& table = spec_of(spec.home.table);
            const std::size_t column = static_cast<std::size_t>(&spec - columns_of(table.table).data());
            for (const FigureRow& row : figures.rows(table.table)) add_samples(spec, row.values.at(column), label(table.name, row.name), samples);
        }
        if (samples.empty()) continue;
        out += "# TYPE " + name + " " + std::string(type_of(spec.kind)) + "\n";
        if (!unit_of(spec).empty()) out += "# UNIT " + name + " " + std::string(unit_of(spec)) + "\n";
        out += "# HELP " + name + " " + escaped(spec.help) + "\n" + samples;
    }
    return out + "# EOF\n";
}

}   // namespace mmgate
