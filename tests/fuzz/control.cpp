// Lines on the control socket: a request that is taken says the same when it is written again; a pattern matches or not, in little time.
//
// Input: a request up to the first LF; behind it an address for the request's patterns.
#include <cstdint>
#include <cstdlib>

#include "daemon/control/protocol.h"
#include "mapping/charset.h"

using namespace mmgate;
using namespace mmgate::control;

namespace {

/// Fails also where assert is off.
void hold(bool promise) {
    if (!promise) std::abort();
}

}   // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size > kRequestBytes) return 0;
    const std::string_view input(reinterpret_cast<const char*>(data), size);
    const std::string_view line = input.substr(0, input.find('\n'));
    const std::string_view address = line.size() < input.size() ? input.substr(line.size() + 1) : std::string_view();
    matches(line, address);
    const auto request = decode_request(line);
    if (!request) {
        hold(request.error().fault == Fault::malformed && !request.error().rule.empty() && is_utf8(request.error().rule));
        return 0;
    }
    hold(request->ids.size() <= kRequestIds && request->selector.from.size() <= kPatternBytes && request->selector.to.size() <= kPatternBytes);
    std::string again = encode_request(*request);
    hold(again.ends_with('\n') && again.find('\n') == again.size() - 1);
    again.pop_back();
    const auto back = decode_request(again);
    hold(back && *back == *request);
    Message message;
    message.originator.value = address;
    message.recipients.resize(1);
    message.recipients[0].address.value = address;
    matches(request->selector, message, Instant(Seconds(1'780'000'000)));
    return 0;
}
