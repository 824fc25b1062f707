// The log: one line an event, queue id first, then key=value. No bodies, no secrets, numbers masked unless configured.
//
//   01JD3M8K2V7QF accepted from=+44770090**** size=102400 recipients=1
//
// To the journal with fields when standard error is connected to it; otherwise to standard error, one write(2) a line, led by the time.
// Whatever field it stands in, "+" and eight or more digits is taken for a number and masked.
#pragma once

#include <concepts>
#include <cstdint>
#include <initializer_list>
#include <span>
#include <string>
#include <string_view>

#include "mapping/address.h"

namespace mmgate {

enum class Level : std::uint8_t { error = 3,
                                  warning = 4,
                                  notice = 5,
                                  info = 6,
                                  debug = 7 };

/// How telephone numbers are written: "+44770090****", or whole.
enum class Numbers : std::uint8_t { masked,
                                    full };

/// A key and its value. Values are quoted when they need it; controls and non-UTF-8 never reach the line.
struct Field {
    std::string_view key;
    std::string value;
    bool phone = false;   // the value is a number even without a plus

    Field(std::string_view k, std::string_view v) : key(k), value(v) {}
    Field(std::string_view k, const std::string& v) : key(k), value(v) {}
    Field(std::string_view k, const char* v) : key(k), value(v) {}
    Field(std::string_view k, std::integral auto v) : key(k), value(std::to_string(v)) {}
    /// Phones, and mailboxes that begin with a number, are masked by the log.
    Field(std::string_view k, const Address& address);
};

class Log {
public:
    struct Options {
        Level level = Level::info;
        Numbers numbers = Numbers::masked;
        bool operator==(const Options&) const = default;
    };
    explicit Log(Options options);
    ~Log();
    void configure(Options options);   // on reload; from the loop's thread
    const Options& options() const { return options_; }
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
    bool stream_is_journal_ = false;   // systemd reads standard error...
    bool to_journal_ = false;          // ...and its socket for fields is within reach
};

/// "+447700900123" as "+44770090****": the last four digits hidden, all of them when there are no more than six.
std::string masked(std::string_view number);
/// The same for every "+" and eight or more digits in a text.
std::string with_masked_numbers(std::string_view text);

/// The line that `write` makes, without time and line end: subject, event, fields; at most 8 KiB.
std::string log_line(const Log::Options& options, std::string_view subject, std::string_view event, std::span<const Field> fields);

}   // namespace mmgate
