// A reader of octets whose first error sticks: a decoder reads straight down and checks once.
//
// Never reads past the current limit; a nested length narrows the limit and restores it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "mapping/result.h"

namespace mmgate {

class Cursor {
public:
    explicit Cursor(Bytes input, std::size_t origin = 0) : input_(input), limit_(input.size()), origin_(origin) {}

    std::size_t offset() const { return origin_ + position_; }
    std::size_t remaining() const { return error_ ? 0 : limit_ - position_; }
    bool at_end() const { return remaining() == 0; }
    const std::optional<Error>& error() const { return error_; }

    /// Keeps the first error only; from then on every read gives zero or nothing.
    void set_error(Fault fault, std::string rule) { set_error_at(fault, std::move(rule), offset()); }
    void set_error_at(Fault fault, std::string rule, std::size_t offset) {
        if (!error_) error_ = Error{fault, offset, std::move(rule)};
    }

    /// The next octet without consuming it; 0 at the end (which is no error).
    std::uint8_t peek(std::size_t ahead = 0) const {
        return ahead < remaining() ? static_cast<std::uint8_t>(input_[position_ + ahead]) : std::uint8_t{0};
    }

    std::uint8_t octet(std::string_view what) {
        if (at_end()) {
            set_error(Fault::truncated, std::string(what) + " expected, but the input ends");
            return 0;
        }
        return static_cast<std::uint8_t>(input_[position_++]);
    }

    Bytes take(std::size_t count, std::string_view what) {
        if (count > remaining()) {
            set_error(Fault::truncated, std::string(what) + " reaches beyond the end of what holds it");
            return {};
        }
        Bytes out = input_.substr(position_, count);
        position_ += count;
        return out;
    }

    Bytes rest() { return take(remaining(), "rest"); }
    /// What is left before the limit, without consuming it.
    Bytes view() const { return error_ ? Bytes{} : input_.substr(position_, limit_ - position_); }

    /// A cursor over the next `count` octets, which are consumed here. Its errors are the caller's to look at.
    Cursor sub(std::size_t count, std::string_view what) {
        std::size_t at = offset();
        return Cursor(take(count, what), at);
    }

private:
    Bytes input_;
    std::size_t position_ = 0;
    std::size_t limit_ = 0;
    std::size_t origin_ = 0;
    std::optional<Error> error_;
};

}   // namespace mmgate
