#include "snmp/mib.h"

#include <algorithm>
#include <limits>

#include "config.h"
#include "snmp/control.h"

namespace mmgate::snmp {

namespace {

constexpr std::size_t kMostOctets = 255;
constexpr std::uint64_t kLargestTicks = std::numeric_limits<std::uint32_t>::max();

std::uint64_t hundredths(std::chrono::milliseconds span) { return span.count() < 0 ? 0 : std::min<std::uint64_t>(static_cast<std::uint64_t>(span.count()) / 10, kLargestTicks); }

Instant instant_of(std::uint64_t seconds) { return Instant(Seconds(static_cast<Seconds::rep>(std::min<std::uint64_t>(seconds, 1ull << 40)))); }

}   // namespace

Oid operator+(Oid left, const Oid& right) {
    left.insert(left.end(), right.begin(), right.end());
    return left;
}

bool starts_with(const Oid& oid, const Oid& prefix) { return oid.size() >= prefix.size() && std::equal(prefix.begin(), prefix.end(), oid.begin()); }

Value integer(std::uint64_t number) { return {Value::Type::integer, std::min<std::uint64_t>(number, std::numeric_limits<std::int32_t>::max())}; }
Value counter32(std::uint64_t number) { return {Value::Type::counter32, number & kLargestTicks}; }
Value gauge32(std::uint64_t number) { return {Value::Type::gauge32, std::min(number, kLargestTicks)}; }
Value timeticks(std::uint64_t hundredths) { return {Value::Type::timeticks, std::min(hundredths, kLargestTicks)}; }
Value counter64(std::uint64_t number) { return {Value::Type::counter64, number}; }
Value octets(std::string_view text) { return {Value::Type::octets, 0, std::string(text.substr(0, kMostOctets))}; }
Value object_id(Oid oid) { return {Value::Type::oid, 0, {}, std::move(oid)}; }

Value date_and_time(Instant at) {
    const auto days = std::chrono::floor<std::chrono::days>(at);
    const std::chrono::year_month_day date(days);
    const std::chrono::hh_mm_ss time(std::chrono::floor<std::chrono::milliseconds>(at - days));
    const int year = static_cast<int>(date.year());
    const auto octet = [](auto number) { return static_cast<char>(number); };
    return octets({std::to_array<char>({octet(year >> 8), octet(year & 255), octet(static_cast<unsigned>(date.month())), octet(static_cast<unsigned>(date.day())), octet(time.hours().count()),
                                        octet(time.minutes().count()), octet(time.seconds().count()), octet(time.subseconds().count() / 100), '+', 0, 0})
                       .data(),
                   11});
}

std::uint64_t Clock::stamp(Instant at) const {
    const std::uint64_t ago = since(at);
    return uptime > ago ? uptime - ago : 0;
}
std::uint64_t Clock::since(Instant at) const { return hundredths(now - at); }
std::uint64_t Clock::until(Instant at) const { return hundredths(at - now); }

std::uint32_t IndexBook::of(std::string_view name) {
    if (auto known = numbers_.find(name); known != numbers_.end()) return known->second;
    if (numbers_.size() >= kMostNames) numbers_.erase(std::ranges::min_element(numbers_, {}, [](const auto& entry) { return entry.second; }));
    return numbers_.emplace(std::string(name), ++last_).first->second;
}

Oid mib_root() { return Oid{1, 3, 6, 1, 4, 1} + Oid(std::begin(kMibArcs), std::end(kMibArcs)); }
Oid mib_group(Group group) { return mib_root() + Oid{1, static_cast<std::uint32_t>(group)}; }
Oid mib_notification(std::uint32_t number) { return mib_root() + Oid{0, number}; }
Oid mib_scalar(Group group, std::uint32_t number) { return mib_group(group) + Oid{number}; }
Oid mib_column(FigureTable table, std::uint32_t column) { return mib_scalar(spec_of(table).group, spec_of(table).number) + Oid{1, column}; }
Oid mib_object(const MetricSpec& spec) { return spec.home.in_table ? mib_column(spec.home.table, spec.number) : mib_scalar(spec.home.group, spec.number); }

std::optional<Value> value_of(const MetricSpec& spec, const Figure& figure) {
    if (const auto* text = std::get_if<std::string>(&figure)) return octets(*text);
    const auto* number = std::get_if<std::uint64_t>(&figure);
    if (!number) return std::nullopt;
    switch (spec.kind) {
        case Kind::counter: return counter64(*number);
        case Kind::gauge: return spec.unit == Unit::bytes ? counter64(*number) : gauge32(*number);
        case Kind::truth: return integer(*number ? 1 : 2);   // TruthValue
        case Kind::state: return integer(*number);
        case Kind::time: return date_and_time(instant_of(*number));
        case Kind::info:
        case Kind::text: break;
    }
    return std::nullopt;
}

void add_mmgate(const Figures& figures, Indices& indices, const Clock& clock, View& view) {
    auto add = [&](Oid oid, std::optional<Value> value) {
        if (value) view[std::move(oid)] = std::move(*value);
    };
    for (const MetricSpec& spec : kScalarMetrics) add(mib_object(spec) + Oid{0}, value_of(spec, figures.scalar(spec)));
    if (const std::uint64_t started = number_of(figures[Reading::started])) add(mib_scalar(Group::system, kDiscontinuityTime) + Oid{0}, timeticks(clock.stamp(instant_of(started))));
    for (const FigureTableSpec& table : kFigureTables) {
        if (table.group == Group::none) continue;
        for (const FigureRow& row : figures.rows(table.table)) {
            const Oid index{indices[table.table].of(row.name)};
            add(mib_column(table.table, 2) + index, octets(row.name));
            for (std::size_t i = 0; const MetricSpec& spec : columns_of(table.table)) add(mib_object(spec) + index, value_of(spec, row.values.at(i++)));
        }
    }
}

std::vector<Oid> mmgate_objects() {
    std::vector<Oid> out{mib_scalar(Group::system, kDiscontinuityTime)};
    for (const MetricSpec& spec : kMetrics)
        if (spec.home.group != Group::none) out.push_back(mib_object(spec));
    for (const FigureTableSpec& table : kFigureTables)
        if (table.group != Group::none) out.push_back(mib_column(table.table, 2));
    for (const Oid& own : control_objects()) out.push_back(own);
    std::ranges::sort(out);
    return out;
}

}   // namespace mmgate::snmp
