// The log: one line an event, queue id first, then key=value. No bodies, no secrets, numbers masked unless configured.
//
//   01JD3M8K2V7QF accepted from=+44770090**** size=102400 recipients=1
//
// Standard error with syslog's <N> prefix when systemd reads it, to the journal with fields when it is there.
#pragma once

#include <concepts>
#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>

#include "mapping/address.h"

namespace mmgate {

enum class Level : std::uint8_t { error = 3, warning = 4, notice = 5, info = 6, debug = 7 };

/// A key and its value. Values are quoted when they need it; controls and non-UTF-8 never reach the line.
struct Field {
    std::string_view key;
    std::string value;

    Field(std::string_view k, std::string_view v) : key(k), value(v) {}
    Field(std::string_view k, const std::string& v) : key(k), value(v) {}
    Field(std::string_view k, const char* v) : key(k), value(v) {}
    Field(std::string_view k, std::integral auto v) : key(k), value(std::to_string(v)) {}
    /// Phones are masked by the log.
    Field(std::string_view k, const Address& address);
};

class Log {
public:
    struct Options {
        Level level = Level::info;
        bool full_numbers = false;
        bool operator==(const Options&) const = default;
    };
    explicit Log(Options options);
    ~Log();
    void configure(Options options);   // on reload
    bool enabled(Level level) const { return level <= options_.level; }

    /// `subject` is the queue id, or "-" where there is none.
    void write(Level level, std::string_view subject, std::string_view event, std::initializer_list<Field> fields = {});
    void error(std::string_view subject, std::string_view event, std::initializer_list<Field> fields = {}) { write(Level::error, subject, event, fields); }
    void warning(std::string_view subject, std::string_view event, std::initializer_list<Field> fields = {}) { write(Level::warning, subject, event, fields); }
    void notice(std::string_view subject, std::string_view event, std::initializer_list<Field> fields = {}) { write(Level::notice, subject, event, fields); }
    void info(std::string_view subject, std::string_view event, std::initializer_list<Field> fields = {}) { write(Level::info, subject, event, fields); }
    void debug(std::string_view subject, std::string_view event, std::initializer_list<Field> fields = {}) { write(Level::debug, subject, event, fields); }

private:
    Options options_;
};

/// "+447700900123" as "+44770090****": the last four digits hidden.
std::string masked(std::string_view number);

}  // namespace mmgate
