#include "daemon/watch/open_metrics.h"

#include <criterion/criterion.h>

#include <regex>
#include <set>

using namespace mmgate;

namespace {
bool holds(const std::string& text, std::string_view part) { return text.find(part) != std::string::npos; }
}   // namespace

Test(open_metrics, names_follow_the_rules_and_are_unique) {
    const std::regex lawful("mmgate_[a-z0-9_]+");
    std::set<std::string> names;
    for (const MetricSpec& spec : kMetrics) {
        const std::string name = open_metrics_name(spec);
        if (name.empty()) continue;
        cr_expect(std::regex_match(name, lawful) && names.insert(name).second, "%s", name.c_str());
        // The format keeps these endings for samples.
        for (std::string_view suffix : {"_total", "_created", "_count", "_sum", "_bucket", "_info"}) cr_expect(!name.ends_with(suffix), "%s", name.c_str());
        if (spec.unit != Unit::none) cr_expect((name + "_").find("_" + std::string(to_text(spec.unit)) + "_") != std::string::npos, "%s", name.c_str());
    }
}

Test(open_metrics, every_kind_of_figure_has_its_form) {
    Figures figures;
    figures[Counter::smtp_bytes] = std::uint64_t{18'446'744'073'709'551'615u};
    figures[Reading::version] = std::string("1.0 \"beta\\\n");
    figures[Reading::health] = std::uint64_t{2};
    figures[Reading::accepting] = std::uint64_t{1};
    figures[Reading::started] = std::uint64_t{1'700'000'000};
    figures[Reading::health_reason] = std::string("no place for texts");
    FigureRow& peer = figures.rows(FigureTable::peer).emplace_back("mm4:\"x\"", FigureTable::peer);
    peer[Column::peer_status] = std::uint64_t{3};
    peer[Column::peer_sent] = std::uint64_t{5};
    const std::string text = open_metrics(figures);
    for (std::string_view part : {"# TYPE mmgate_smtp_bytes counter\n# UNIT mmgate_smtp_bytes bytes\n# HELP mmgate_smtp_bytes octets of accepted mails\nmmgate_smtp_bytes_total 18446744073709551615\n",
                                  "# TYPE mmgate_version info\n", "mmgate_version_info{version=\"1.0 \\\"beta\\\\\\n\"} 1\n", "# TYPE mmgate_health stateset\n",
                                  "mmgate_health{mmgate_health=\"ok\"} 0\nmmgate_health{mmgate_health=\"degraded\"} 1\n", "mmgate_accepting 1\n",
                                  "# UNIT mmgate_started_timestamp_seconds seconds\n", "mmgate_started_timestamp_seconds 1700000000\n",
                                  "mmgate_peer_status{peer=\"mm4:\\\"x\\\"\",mmgate_peer_status=\"down\"} 1\n", "mmgate_peer_sent_total{peer=\"mm4:\\\"x\\\"\"} 5\n"})
        cr_expect(holds(text, part), "%s\nin\n%s", std::string(part).c_str(), text.c_str());
    cr_expect(text.ends_with("\n# EOF\n") && !holds(text, "no place") && !holds(text, "mmgate_peer_queued"), "what has no value has no family");
}

Test(open_metrics, of_nothing_is_the_end_mark) { cr_expect(open_metrics(Figures()) == "# EOF\n"); }
