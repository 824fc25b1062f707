#include "snmp/mib.h"

#include <criterion/criterion.h>

#include <algorithm>
#include <set>

#include "config.h"

using namespace mmgate;
using namespace mmgate::snmp;
using namespace std::chrono_literals;

Test(mib, values_stay_in_their_range) {
    cr_expect(integer(1ull << 40).number == 2'147'483'647 && gauge32(1ull << 40).number == 4'294'967'295 && timeticks(1ull << 40).number == 4'294'967'295);
    cr_expect(counter32((1ull << 32) + 7).number == 7, "a counter wraps");
    cr_expect(counter64(~0ull).number == ~0ull);
    cr_expect(octets(std::string(300, 'x')).octets.size() == 255);
}

Test(mib, date_and_time_is_eleven_octets_in_utc) {
    // 2026-11-26 13:30:15.3. Source: RFC 2579.
    const Instant at = Instant(std::chrono::sys_days(std::chrono::year(2026) / 11 / 26)) + 13h + 30min + 15s + 300ms;
    cr_expect(date_and_time(at).octets == std::string("\x07\xea\x0b\x1a\x0d\x1e\x0f\x03+\0\0", 11));
    cr_expect(date_and_time(Instant{}).octets == std::string("\x07\xb2\x01\x01\0\0\0\0+\0\0", 11));
}

Test(mib, time_stamps_are_hundredths_of_the_systems_uptime) {
    const Clock clock{Instant{1'000'000s}, 5'000};
    cr_expect(clock.stamp(clock.now - 10s) == 4'000 && clock.stamp(clock.now - 60s) == 0 && clock.stamp(clock.now) == 5'000);
    cr_expect(clock.since(clock.now - 1s) == 100 && clock.since(clock.now + 1s) == 0 && clock.until(clock.now + 1s) == 100 && clock.until(clock.now - 1s) == 0);
}

Test(mib, figures_have_their_objects_syntax) {
    struct Row {
        MetricId id;
        Figure figure;
        std::optional<Value> want;
    };
    for (const Row& row : std::initializer_list<Row>{{Counter::smtp_accepted, std::uint64_t{5}, counter64(5)},
                                                     {Reading::messages, std::uint64_t{5}, gauge32(5)},
                                                     {Reading::content_bytes, std::uint64_t{1} << 40, counter64(std::uint64_t{1} << 40)},
                                                     {Reading::accepting, std::uint64_t{1}, integer(1)},
                                                     {Reading::accepting, std::uint64_t{0}, integer(2)},
                                                     {Reading::health, std::uint64_t{3}, integer(3)},
                                                     {Reading::started, std::uint64_t{0}, date_and_time(Instant{})},
                                                     {Reading::version, std::string("1.0"), octets("1.0")},
                                                     {Reading::started, {}, std::nullopt}})
        cr_expect(value_of(spec_of(row.id), row.figure) == row.want, "%s", std::string(spec_of(row.id).name).c_str());
}

Test(mib, a_row_keeps_its_index_and_the_book_is_bounded) {
    IndexBook book;
    const std::uint32_t first = book.of("a"), second = book.of("b");
    cr_expect(first == 1 && second == 2 && book.of("a") == 1);
    for (std::size_t i = 0; i < IndexBook::kMostNames; ++i) book.of(std::to_string(i));
    cr_expect(book.of("a") > IndexBook::kMostNames, "forgotten, and never given to another");
}

Test(mib, what_is_shown_is_what_the_module_defines) {
    Figures figures;
    for (const MetricSpec& spec : kScalarMetrics) figures.scalar(spec) = spec.kind == Kind::info || spec.kind == Kind::text ? Figure("x") : Figure(std::uint64_t{1});
    for (const FigureTableSpec& table : kFigureTables) {
        FigureRow& row = figures.rows(table.table).emplace_back("name", table.table);
        for (std::size_t i = 0; const MetricSpec& spec : columns_of(table.table)) row.values[i++] = spec.kind == Kind::text ? Figure("x") : Figure(std::uint64_t{1});
    }
    Indices indices;
    View view;
    add_mmgate(figures, indices, {Instant{1'000'000s}, 100}, view);
    const std::vector<Oid> objects = mmgate_objects();
    cr_expect(std::set(objects.begin(), objects.end()).size() == objects.size());
    std::set<Oid> seen;
    for (const auto& [oid, value] : view) {
        const Oid object(oid.begin(), oid.end() - 1);
        cr_expect(std::ranges::binary_search(objects, object) && starts_with(object, mib_root()));
        seen.insert(object);
    }
    for (const Oid& object : objects) cr_expect(seen.contains(object) || starts_with(object, mib_group(Group::control)), "an object without an instance");
}

Test(mib, what_has_no_value_has_no_instance) {
    Indices indices;
    View view;
    add_mmgate(Figures(), indices, {}, view);
    cr_expect(view.empty());
}
