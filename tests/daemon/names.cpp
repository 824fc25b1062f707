#include "daemon/names.h"

#include <criterion/criterion.h>

#include <set>

using namespace mmgate;

namespace {
const Octets kSecret(32, 'k');
const Octets kToken = "0123456789abcdef";
}   // namespace

Test(names, message_id_leads_back_and_reveals_nothing) {
    Names names(kSecret, "mms.example.net");
    std::set<std::string> seen;
    for (std::uint64_t value : {std::uint64_t{0}, std::uint64_t{1}, std::uint64_t{2}, std::uint64_t{1} << 40, UINT64_MAX}) {
        std::string id = names.message_id(QueueId{value});
        cr_assert_eq(id.size(), 26U + 16U, "%s", id.c_str());
        cr_assert(id.ends_with("@mms.example.net"));
        auto back = names.message_of(id);
        cr_assert(back && back->value == value);
        cr_assert(names.message_of("<" + id + ">") == back);
        cr_assert(seen.insert(id.substr(0, 8)).second, "neighbours share a beginning: %s", id.c_str());
    }
}

Test(names, foreign_message_ids_are_not_ours) {
    Names names(kSecret, "mms.example.net");
    Names other(Octets(32, 'x'), "mms.example.net");
    std::string ours = names.message_id(QueueId{7});
    std::string altered = ours;
    altered[5] = altered[5] == '0' ? '1' : '0';
    for (const std::string& id : {other.message_id(QueueId{7}), altered, std::string(), std::string("<>"), std::string("@"), std::string(26, 'u') + "@x", std::string(26, 'z'),
                                  std::string(27, '0'), ours.substr(1)})
        cr_expect(!names.message_of(id), "%s", id.c_str());
}

Test(names, locator_carries_recipient_and_secret) {
    RecipientRef ref{QueueId{0x0123456789ABCDEF}, 513};
    std::string text = locator(ref, kToken);
    cr_assert_eq(text.size(), 35U);
    auto back = located(text);
    cr_assert(back && back->ref == ref && back->token == kToken);
    for (std::size_t cut = 0; cut < text.size(); ++cut) cr_expect(!located(text.substr(0, cut)), "%zu", cut);
    cr_expect(!located(text + "A"));
    cr_expect(!located(std::string(35, '=')));
    // A terminal takes it as it stands: there is nothing to escape, and no "=" behind which some put the transaction id.
    constexpr std::string_view kUnreserved = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    for (int octet = 0; octet < 256; ++octet)
        cr_expect(locator({QueueId{std::uint64_t{0x0101010101010101} * static_cast<std::uint64_t>(octet)}, 513}, Octets(16, static_cast<char>(octet)))
                          .find_first_not_of(kUnreserved) == std::string::npos,
                  "%d", octet);
    cr_expect(!located(text.substr(0, 34) + "_"), "the unused bits of the last character are zero: one URL for one recipient");
}

Test(names, transaction_id_is_repeatable_and_hides_the_token) {
    RecipientRef ref{QueueId{42}, 3};
    std::string text = notification_transaction_id(ref, kToken);
    cr_assert_eq(text.size(), 24U);
    cr_assert(text == notification_transaction_id(ref, kToken));
    cr_assert(recipient_of_transaction(text) == ref);
    cr_assert(text != notification_transaction_id(ref, "another sixteen."));
    cr_assert(locator(ref, kToken).find(text.substr(14)) == std::string::npos);
    cr_assert(!recipient_of_transaction("T1"));
    cr_assert(!recipient_of_transaction(locator(ref, kToken)));
}
