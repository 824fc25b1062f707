// A client's octets into the reader of HTTP requests: however they were parted, the same requests come out, and what MM1 makes of them is well formed.
//
// Input: an octet, of which four bits say how many octets behind it are lengths of pieces; then the client's octets.
#include <cstdint>
#include <cstdlib>
#include <string>
#include <variant>
#include <vector>

#include "daemon/http/request_reader.h"
#include "daemon/http/response_head.h"
#include "daemon/mm1/session.h"

using namespace mmgate;
using namespace mmgate::http;
using Progress = RequestReader::Progress;

namespace {

constexpr ReaderLimits kSmall{.head_bytes = 600, .target_bytes = 40, .fields = 8, .body_bytes = 100, .kept_of_cut_body = 10};

/// Fails also where assert is off.
void hold(bool promise) {
    if (!promise) std::abort();
}

struct Talk {
    std::vector<std::string> requests;
    Refusal refusal;
    Progress progress = Progress::head;
    bool wants_continue = false;
    bool operator==(const Talk&) const = default;
};

void check_response(const Response& response) {
    const std::string head = response_head(response, true, date_text(Instant(std::chrono::seconds(1'780'000'000))));
    hold(head.starts_with("HTTP/1.1 ") && head.find("\r\n\r\n") == head.size() - 4);
    for (std::size_t i = 0; i < head.size(); ++i) {
        const auto c = static_cast<unsigned char>(head[i]);
        hold((c >= 0x20 && c < 0x7F) || (c == '\r' && head[i + 1] == '\n') || (c == '\n' && head[i - 1] == '\r'));
    }
}

void check_request(const Request& request) {
    hold(!request.method.empty() && !request.path.empty() && request.path.size() <= kSmall.target_bytes + 1 &&
         request.fields.size() <= kSmall.fields);
    hold(request.body.size() <= (request.body_cut ? kSmall.kept_of_cut_body : kSmall.body_bytes));
    hold(!request.body_cut || !request.keep_alive);
    for (char c : request.method + request.path) hold(c > 0x20 && c < 0x7F);
    for (const http::Field& field : request.fields) {
        hold(!field.name.empty());
        for (char c : field.name) hold(c > 0x20 && c < 0x7F && (c < 'A' || c > 'Z'));
        for (char c : field.value) hold(c == '\t' || (static_cast<unsigned char>(c) >= 0x20 && c != 0x7F));
    }
    const mm1::Ask ask = mm1::ask_of(request);
    if (const auto* other = std::get_if<mm1::NotMm1>(&ask)) check_response(other->response);
    if (const auto* get = std::get_if<mm1::Retrieve>(&ask)) hold(get->locator.find_first_of("/?#") == std::string::npos);
    if (const auto* post = std::get_if<mm1::Post>(&ask)) check_response(mm1::refuse_oversized(post->peek));
}

std::string text_of(const Request& request) {
    std::string out = request.method + " " + request.path + (request.keep_alive ? " kept" : " closed") + (request.body_cut ? " cut\n" : "\n");
    for (const http::Field& field : request.fields) out += field.name + ": " + field.value + "\n";
    return out + "\n" + request.body;
}

Talk talk(Bytes input, Bytes pieces) {
    RequestReader reader(kSmall);
    Talk out;
    std::size_t turn = 0;
    while (!input.empty()) {
        const std::size_t length = pieces.empty() ? input.size() : 1 + static_cast<unsigned char>(pieces[turn++ % pieces.size()]);
        Bytes piece = input.substr(0, length);
        input.remove_prefix(piece.size());
        while (!piece.empty()) {
            const std::size_t taken = reader.feed(piece);
            hold(taken <= piece.size());
            piece.remove_prefix(taken);
            hold(piece.empty() || reader.progress() == Progress::complete || reader.progress() == Progress::refused);
            hold(reader.body_bytes() <= kSmall.body_bytes && reader.announced_bytes() <= kSmall.body_bytes);
            if (reader.progress() == Progress::refused) {
                hold(reader.refusal().status >= 400 && !reader.refusal().rule.empty());
                out.refusal = reader.refusal();
                out.progress = Progress::refused;
                return out;
            }
            if (reader.progress() != Progress::complete) continue;
            const Request request = reader.take();
            check_request(request);
            out.requests.push_back(text_of(request));
            // Behind such a request nobody reads on.
            if (!request.keep_alive) return out;
        }
    }
    out.progress = reader.progress();
    out.wants_continue = reader.progress() == Progress::body && reader.wants_continue();
    return out;
}

}   // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size == 0 || size > 16 * 1024) return 0;
    const Bytes all(reinterpret_cast<const char*>(data), size);
    const Bytes pieces = all.substr(1, static_cast<unsigned char>(all[0]) & 0x0F);
    const Bytes input = all.substr(1 + pieces.size());
    const Talk whole = talk(input, {});
    hold(talk(input, pieces) == whole);
    hold(talk(input, Bytes("\0", 1)) == whole);
    return 0;
}
