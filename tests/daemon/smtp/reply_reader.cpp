// Replies of servers that behave, misbehave and attack.
#include "daemon/smtp/reply_reader.h"

#include <criterion/criterion.h>

#include <array>
#include <string>

#include "mapping/limits.h"

using namespace mmgate;
using namespace mmgate::smtp;
using namespace std::literals;

namespace {

struct Row {
    const char* name;
    std::string_view wire;
    const char* texts;   // of the replies, with | between them
    const char* error;   // "" none
    bool partial = false;
};

const Row kRows[] = {
    {"one line", "250 2.1.0 Ok\r\n", "250 2.1.0 Ok", ""},
    {"code alone", "250\r\n", "250", ""},
    {"code and a space", "250 \r\n", "250", ""},
    {"two replies at once", "250 a\r\n354 b\r\n", "250 a|354 b", ""},
    {"lines of one reply", "250-mx\r\n250-PIPELINING\r\n250 DSN\r\n", "250 mx PIPELINING DSN", ""},
    {"an empty line inside", "250-\r\n250-a\r\n250 \r\n", "250 a", ""},
    {"status repeated on each line", "550-5.7.1 Not\r\n550 5.7.1 here\r\n", "550 5.7.1 Not here", ""},
    {"another status on the second line", "550-5.7.1 Not\r\n550 5.1.1 here\r\n", "550 5.7.1 Not 5.1.1 here", ""},
    {"controls and escapes", "550 a\x1b[31m\tb\0c\x7f\xff\r\n"sv, "550 a?[31m b?c??", ""},
    {"cut inside a code", "25", "", "", true},
    {"cut inside a line", "250 Ok\r", "", "", true},
    {"cut between lines", "250-a\r\n", "", "", true},
    {"least code", "200 a\r\n", "200 a", ""},
    {"greatest code", "559 a\r\n", "559 a", ""},
    {"first digit too low", "150 a\r\n", "", "a reply that does not begin with a reply code"},
    {"first digit too high", "650 a\r\n", "", "a reply that does not begin with a reply code"},
    {"second digit too high", "260 a\r\n", "", "a reply that does not begin with a reply code"},
    {"no digits", "Ok\r\n", "", "a reply that does not begin with a reply code"},
    {"two digits", "25\r\n", "", "a reply that does not begin with a reply code"},
    {"empty line", "\r\n", "", "a reply that does not begin with a reply code"},
    {"four digits", "2500\r\n", "", "a reply code without a space or hyphen after it"},
    {"tab after the code", "250\tOk\r\n", "", "a reply code without a space or hyphen after it"},
    {"bare LF", "250 Ok\n", "", "a reply line that ends with a bare LF"},
    {"bare CR", "250 O\rk\r\n", "", "a bare CR in a reply"},
    {"codes differ", "250-a\r\n251 b\r\n", "", "lines of one reply that differ in code"},
    {"good, then garbage", "250 a\r\nHTTP/1.1 200\r\n250 b\r\n", "250 a", "a reply that does not begin with a reply code"},
};

std::string joined(const std::vector<ServerReply>& replies) {
    std::string out;
    for (const ServerReply& reply : replies) out += (out.empty() ? "" : "|") + to_text(reply);
    return out;
}

}   // namespace

Test(reply_reader, reads_whole_and_octet_by_octet) {
    for (const Row& row : kRows) {
        for (std::size_t piece : {row.wire.size(), std::size_t{1}}) {
            ReplyReader reader;
            std::vector<ServerReply> replies;
            for (std::size_t at = 0; at < row.wire.size(); at += piece)
                for (ServerReply& reply : reader.feed(row.wire.substr(at, piece))) replies.push_back(std::move(reply));
            cr_expect(joined(replies) == row.texts, "%s: %s", row.name, joined(replies).c_str());
            std::string error = reader.error() ? reader.error()->rule : "";
            cr_expect(error == row.error, "%s: %s", row.name, error.c_str());
            if (!reader.error()) cr_expect(reader.partial() == row.partial, "%s", row.name);
        }
    }
}

Test(reply_reader, holds_its_bounds) {
    struct Bound {
        const char* name;
        std::string wire;
        const char* error;
    };
    auto lines = [](std::size_t count, std::size_t text_bytes) {
        std::string out;
        for (std::size_t i = 0; i + 1 < count; ++i) out += "250-" + std::string(text_bytes, 'a') + "\r\n";
        return out + "250 end\r\n";
    };
    const Bound rows[] = {
        {"longest line", "250 " + std::string(kReplyLineBytes - 5, 'a') + "\r\n", ""},
        {"line too long", "250 " + std::string(kReplyLineBytes - 4, 'a') + "\r\n", "a reply line of more than 2048 octets"},
        {"line without end", std::string(kReplyLineBytes + 1, '2'), "a reply line of more than 2048 octets"},
        {"most lines", lines(kReplyLines, 10), ""},
        {"too many lines", lines(kReplyLines + 1, 10), "a reply of more than 256 lines"},
        {"ten thousand lines", lines(10'000, 1), "a reply of more than 256 lines"},
        {"reply too long", lines(100, 1000), "a reply of more than 64 KiB"},
        {"longest reply", lines(65, 1000), ""},
    };
    for (const Bound& row : rows) {
        ReplyReader reader;
        std::size_t count = reader.feed(row.wire).size();
        std::string error = reader.error() ? reader.error()->rule : "";
        cr_expect(error == row.error, "%s: %s", row.name, error.c_str());
        cr_expect(count == (error.empty() ? 1U : 0U), "%s", row.name);
        if (!error.empty()) cr_expect(reader.feed("250 ok\r\n").empty(), "%s: an error is for good", row.name);
    }
}

Test(reply_reader, takes_a_status_of_the_same_class_only) {
    struct Status {
        std::string_view wire;
        const char* status;
    };
    const Status rows[] = {
        {"550 5.1.1 no", "5.1.1"},
        {"550 5.1.1", "5.1.1"},
        {"550 4.1.1 no", ""},
        {"250 2.0.0 yes", "2.0.0"},
        {"550 5.1 no", ""},
        {"550 5.1.1no", ""},
        {"550 5.1000.1 no", ""},
        {"550 5.1.1000 no", ""},
        {"550 no 5.1.1", ""},
        {"550", ""},
        {"556 5.1.10 null", "5.1.10"},
        {"550 55.1.1 no", ""},
    };
    for (const Status& row : rows) {
        ReplyReader reader;
        auto replies = reader.feed(std::string(row.wire) + "\r\n");
        cr_assert(replies.size() == 1);
        cr_expect(enhanced_status(replies[0]) == row.status, "%s", std::string(row.wire).c_str());
    }
}

Test(reply_reader, cuts_what_it_prints) {
    std::string text = to_text({550, {std::string(2000, 'x')}});
    cr_expect(text.size() == kLimits.reason_bytes);
    cr_expect(text.starts_with("550 xxx"));
}
