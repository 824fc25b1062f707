#include "daemon/smtp/data_reader.h"

#include <algorithm>
#include <cassert>
#include <cstring>

namespace mmgate::smtp {

namespace {

// A declared size is only a promise: more than this is not set aside before octets come.
constexpr std::uint64_t kMostSetAside = 1024 * 1024;

bool holds(const char* begin, const char* end, char octet) {
    return begin < end && std::memchr(begin, octet, static_cast<std::size_t>(end - begin)) != nullptr;
}

}   // namespace

void DataReader::find(Finding finding) {
    if (finding_ && *finding_ <= finding) return;
    finding_ = finding;
    Octets().swap(content_);
}

void DataReader::find_bare_line_end() {
    if (bounds_.line_ends == LineEnds::strict) return find(Finding::bare_line_end);
    to_repair_ = true;
    line_bytes_ = 0;
}

/// Makes a line end of each CR and LF that stands alone.
void DataReader::repair() {
    Octets out;
    out.reserve(std::min<std::uint64_t>(content_.size() + content_.size() / 32, bounds_.content_bytes));
    for (std::size_t at = 0; at < content_.size();) {
        const std::size_t end = std::min(content_.find_first_of("\r\n", at), content_.size());
        const bool whole = content_.compare(end, 2, "\r\n") == 0;
        out.append(content_, at, end - at);
        if (end < content_.size()) out += "\r\n";
        at = end + (whole ? 2 : 1);
        if (out.size() > bounds_.content_bytes) return find(Finding::too_big);
    }
    content_ = std::move(out);
}

void DataReader::keep(Bytes octets) {
    if (finding_) return;
    if (octets.size() > bounds_.content_bytes - content_.size()) return find(Finding::too_big);
    if (content_.capacity() - content_.size() < octets.size() && content_.empty())
        content_.reserve(std::max<std::uint64_t>(octets.size(), std::min({bounds_.expected_bytes, bounds_.content_bytes, kMostSetAside})));
    content_.append(octets);
}

void DataReader::grow_line(std::size_t octets) {
    line_bytes_ += octets;
    if (line_bytes_ > bounds_.line_bytes) find(Finding::line_too_long);
}

/// Octets of lines until one begins with a dot, or the octets end. The line under way, if any, has not ended with CR.
std::size_t DataReader::feed_line(Bytes octets) {
    const char* const begin = octets.data();
    const char* const end = begin + octets.size();
    const char* at = begin;
    while (at < end) {
        const auto* lf = static_cast<const char*>(std::memchr(at, '\n', static_cast<std::size_t>(end - at)));
        if (!lf) {
            const bool ends_with_cr = end[-1] == '\r';
            grow_line(static_cast<std::size_t>(end - at));
            if (holds(at, end - (ends_with_cr ? 1 : 0), '\r')) find_bare_line_end();
            state_ = ends_with_cr ? State::cr : State::in_line;
            at = end;
            break;
        }
        const bool ends_line = lf > at && lf[-1] == '\r';
        grow_line(static_cast<std::size_t>(lf + 1 - at));
        if (!ends_line || holds(at, lf - 1, '\r')) find_bare_line_end();
        at = lf + 1;
        if (!ends_line) {
            state_ = State::in_line;
            continue;
        }
        line_bytes_ = 0;
        state_ = State::line_start;
        if (at < end && *at == '.') break;
    }
    keep(octets.substr(0, static_cast<std::size_t>(at - begin)));
    return static_cast<std::size_t>(at - begin);
}

std::size_t DataReader::feed(Bytes octets) {
    assert(!done());
    std::size_t at = 0;
    while (at < octets.size() && !done()) {
        const char c = octets[at];
        switch (state_) {
            case State::line_start:
                if (c == '.') {
                    state_ = State::dot;   // not kept: more of the line undoes it, the line's end makes it the end
                    ++line_bytes_;
                    ++at;
                    break;
                }
                state_ = State::in_line;
                [[fallthrough]];
            case State::in_line: at += feed_line(octets.substr(at)); break;
            case State::dot:
                if (c == '\r') {
                    state_ = State::dot_cr;
                    ++at;
                } else {
                    state_ = State::in_line;
                }
                break;
            case State::dot_cr:
                if (c == '\n') {
                    state_ = State::done;
                    ++at;
                } else {
                    // The dot is undone; the CR behind it is content.
                    find_bare_line_end();
                    keep("\r");
                    state_ = State::in_line;
                }
                break;
            case State::cr:
                if (c == '\n') {
                    grow_line(1);
                    line_bytes_ = 0;
                    keep(octets.substr(at, 1));
                    state_ = State::line_start;
                    ++at;
                } else {
                    find_bare_line_end();
                    state_ = State::in_line;
                }
                break;
            case State::done: break;
        }
    }
    if (holds(octets.data(), octets.data() + at, '\0')) find(Finding::nul);
    seen_ += at;
    if (done() && to_repair_ && !finding_) repair();
    return at;
}

}   // namespace mmgate::smtp
