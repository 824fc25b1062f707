#include "snmp/log.h"

#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <ctime>

namespace mmgate::snmp {

namespace {

constexpr std::size_t kMostValueBytes = 400;

std::string now_text() {
    const auto now = std::chrono::time_point_cast<std::chrono::milliseconds>(std::chrono::system_clock::now()).time_since_epoch().count();
    const auto seconds = static_cast<std::time_t>(now / 1000);
    std::tm tm{};
    gmtime_r(&seconds, &tm);
    char text[64], whole[80];
    std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S", &tm);
    std::snprintf(whole, sizeof whole, "%s.%03dZ", text, static_cast<int>(now % 1000));
    return whole;
}

std::string value_text(std::string_view value) {
    std::string out;
    bool plain = !value.empty();
    for (char c : value.substr(0, kMostValueBytes)) {
        const auto octet = static_cast<unsigned char>(c);
        if (c == ' ' || c == '"' || c == '=') plain = false;
        if (c == '"') out += '\\';
        out += octet < 0x20 || octet == 0x7F ? '?' : c;
    }
    return plain ? out : "\"" + out + "\"";
}

}   // namespace

std::string log_line(std::string_view event, std::initializer_list<LogField> fields) {
    std::string out = "- " + std::string(event);
    for (const LogField& field : fields) out += " " + std::string(field.key) + "=" + value_text(field.value);
    return out;
}

// systemd.exec(5): the variable is there where standard error is the journal's.
Log::Log() : journal_(std::getenv("JOURNAL_STREAM") != nullptr) {}

void Log::write(Severity severity, std::string_view event, std::initializer_list<LogField> fields) const {
    const std::string out = (journal_ ? "<" + std::to_string(static_cast<int>(severity)) + ">" : now_text() + " ") + log_line(event, fields) + "\n";
    [[maybe_unused]] const auto written = ::write(STDERR_FILENO, out.data(), out.size());
}

}   // namespace mmgate::snmp
