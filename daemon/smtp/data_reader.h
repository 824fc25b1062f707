// The content of a mail as DATA brings it: finds its end, undoes the dots, and notices what must not be in it.
//
// Pure and incremental: octets go in as they come, each is looked at once. The only end is CR LF . CR LF; a line ends with CR LF and with nothing
// else, so that no other reading of the same octets can find an end where we find none. From who is trusted to mean well, CR and LF that stand alone
// become line ends; that is done when the end has been found, and never helps to find it.
// Source: RFC 5321 §2.3.8 (lines), §4.1.1.4 (the end), §4.5.2 (transparency).
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>

#include "mapping/result.h"

namespace mmgate::smtp {

/// What becomes of a CR or LF that stands alone.
enum class LineEnds : std::uint8_t { strict,       // a finding
                                     repaired };   // a line end

class DataReader {
public:
    struct Bounds {
        std::uint64_t content_bytes = 0;    // the greatest message
        std::uint64_t line_bytes = 0;       // the longest line with its CR LF
        std::uint64_t expected_bytes = 0;   // what the sender declared, 0: nothing
        LineEnds line_ends = LineEnds::strict;
    };
    /// The gravest first.
    enum class Finding : std::uint8_t { bare_line_end,
                                        nul,
                                        line_too_long,
                                        too_big,
                                        not_kept };

    explicit DataReader(Bounds bounds) : bounds_(bounds) {}

    /// Takes octets up to the end at most and returns how many. Not to be called once `done`.
    std::size_t feed(Bytes octets);
    bool done() const { return state_ == State::done; }

    /// The gravest thing found wrong. From the first one on content is read to its end and not kept.
    std::optional<Finding> finding() const { return finding_; }
    /// Gives up what was kept and keeps no more: the caller has no room for it.
    void keep_no_more() { find(Finding::not_kept); }

    std::uint64_t octets_seen() const { return seen_; }   // as they came, the end included
    std::size_t octets_kept() const { return content_.size(); }
    Octets take() { return std::move(content_); }

private:
    enum class State : std::uint8_t {
        line_start,
        dot,      // a line has begun with a dot
        dot_cr,   // ... and CR: LF is the end
        in_line,
        cr,   // CR in a line: LF ends the line
        done,
    };
    void find(Finding finding);
    void find_bare_line_end();
    void repair();
    void keep(Bytes octets);
    void grow_line(std::size_t octets);
    std::size_t feed_line(Bytes octets);

    Bounds bounds_;
    Octets content_;
    std::uint64_t seen_ = 0;
    std::uint64_t line_bytes_ = 0;
    State state_ = State::line_start;
    std::optional<Finding> finding_;
    bool to_repair_ = false;
};

}   // namespace mmgate::smtp
