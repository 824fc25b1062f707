// The agent's log, in the form of the gateway's: one line an event, a hyphen where the queue id would stand, then key=value.
//
// To standard error; led by the time, or by the level where the journal reads it.
#pragma once

#include <concepts>
#include <initializer_list>
#include <string>
#include <string_view>

namespace mmgate::snmp {

/// syslog's numbers.
enum class Severity : unsigned char { error = 3,
                                      warning = 4,
                                      notice = 5,
                                      info = 6 };

struct LogField {
    std::string_view key;
    std::string value;
    LogField(std::string_view k, std::string_view v) : key(k), value(v) {}
    LogField(std::string_view k, std::integral auto v) : key(k), value(std::to_string(v)) {}
};

/// The line without what leads it and without its end. Controls never reach it.
std::string log_line(std::string_view event, std::initializer_list<LogField> fields);

class Log {
public:
    Log();
    void write(Severity severity, std::string_view event, std::initializer_list<LogField> fields = {}) const;
    void error(std::string_view event, std::initializer_list<LogField> fields = {}) const { write(Severity::error, event, fields); }
    void warning(std::string_view event, std::initializer_list<LogField> fields = {}) const { write(Severity::warning, event, fields); }
    void notice(std::string_view event, std::initializer_list<LogField> fields = {}) const { write(Severity::notice, event, fields); }
    void info(std::string_view event, std::initializer_list<LogField> fields = {}) const { write(Severity::info, event, fields); }

private:
    bool journal_ = false;
};

}   // namespace mmgate::snmp
