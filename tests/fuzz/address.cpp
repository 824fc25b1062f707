// Addresses as phones, mail clients and peers write them: what is taken is canonical, written without anything that could break out, and read as the same.
#include <algorithm>
#include <cstdint>
#include <cstdlib>

#include "mapping/address.h"
#include "mapping/charset.h"
#include "mapping/limits.h"

using namespace mmgate;

namespace {

/// Fails also where assert is off.
void hold(bool promise) {
    if (!promise) std::abort();
}

bool is_clean(std::string_view text) {
    return is_utf8(text) && std::ranges::none_of(text, [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7F; });
}

bool is_e164(std::string_view number) {
    return number.size() >= 8 && number.size() <= 16 && number[0] == '+' && number[1] != '0' &&
           std::ranges::all_of(number.substr(1), [](char c) { return c >= '0' && c <= '9'; });
}

void check_mailbox(const Address& mailbox) {
    hold(mailbox.kind == Address::Kind::mailbox && is_clean(mailbox.value));
    const std::string_view domain = domain_part(mailbox);
    hold(!local_part(mailbox).empty() && local_part(mailbox).size() <= kLimits.local_part_bytes && is_domain_or_literal(domain) && is_ascii(domain));
    hold(std::ranges::none_of(domain, [](char c) { return c >= 'A' && c <= 'Z'; }));
    const auto again = parse_mailbox(to_mail_text(mailbox));
    hold(again && again->value == mailbox.value);
}

}   // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    if (const auto address = parse_mms_address(text)) {
        hold(is_clean(address->value) && is_clean(address->display_name) && !address->value.empty());
        if (address->kind == Address::Kind::mailbox) check_mailbox(*address);
        const std::string written = to_mms_text(*address);
        hold(is_clean(written));
        const auto again = parse_mms_address(written);
        hold(again && again->kind == address->kind && again->value == address->value && again->display_name.empty());
    }
    if (const auto mailbox = parse_mailbox(text)) check_mailbox(*mailbox);
    is_domain_or_literal(text);
    const NumberingPlan plans[] = {{"44", "0", "00"}, {"1", "1", "011"}, {"7", "8", "810"}, {"39", "", "00"}};
    for (const NumberingPlan& plan : plans) {
        for (const auto& number : {number_of_local_part(plan, text), to_e164(plan, text)}) {
            if (!number) continue;
            hold(is_e164(*number));
            hold(to_e164(plan, *number) == *number);
        }
    }
    return 0;
}
