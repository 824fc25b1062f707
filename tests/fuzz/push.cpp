// What push gateways answer: any octets lead to a verdict and to words that a log can hold.
//
// Input: two octets, the HTTP status less 100; then the body.
#include <cstdint>
#include <cstdlib>

#include "daemon/push/kannel.h"
#include "daemon/push/pap.h"
#include "mapping/charset.h"
#include "mapping/limits.h"

using namespace mmgate;
using namespace mmgate::push;

namespace {

/// Fails also where assert is off.
void hold(bool promise) {
    if (!promise) std::abort();
}

void check_words(const std::string& words) {
    hold(is_utf8(words) && words.size() <= kLimits.reason_bytes + 100);
    for (char c : words) hold(static_cast<unsigned char>(c) >= 0x20 && c != 0x7F);
}

}   // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size < 2) return 0;
    HttpResponse response;
    response.status = 100 + (data[0] << 8 | data[1]) % 500;
    response.body.assign(reinterpret_cast<const char*>(data + 2), size - 2);
    if (const auto answer = decode_pap_answer(response.body)) {
        check_words(answer->description);
        hold(pap_code(answer->code).code == answer->code);
    } else {
        hold(answer.error().offset <= response.body.size());
        check_words(answer.error().rule);
    }
    const PapOutcome outcome = pap_outcome(response);
    check_words(outcome.reason);
    hold(outcome.action == PapAction::retry || decode_pap_answer(response.body).has_value());
    const Pushed pushed = kannel_outcome(response);
    check_words(pushed.reason);
    hold((pushed.verdict == Verdict::accepted) == (response.status >= 200 && response.status < 300));
    return 0;
}
