// Names of messages and of states.
#include "store/store.h"

#include <criterion/criterion.h>

#include "store/room.h"

using namespace mmgate;

namespace {

struct IdRow {
    const char* text;
    std::optional<std::uint64_t> value;
};
constexpr IdRow kIds[] = {
    {"0000000000000", 0},
    {"0000000000001", 1},
    {"000000000000Z", 31},
    {"FZZZZZZZZZZZZ", UINT64_MAX},
    {"fzzzzzzzzzzzz", UINT64_MAX},
    {"G000000000000", std::nullopt},   // 65 bits
    {"0000000000010", 32},
    {"OOOOOOOOOOOIL", 33},   // as people copy them
    {"oooooooooooil", 33},
    {"000000000000U", std::nullopt},
    {"000000000000-", std::nullopt},
    {"00000000000000", std::nullopt},
    {"000000000000", std::nullopt},
    {"", std::nullopt},
};

}   // namespace

Test(queue_id, is_crockford_base_32) {
    for (const IdRow& row : kIds) {
        auto id = queue_id_of(row.text);
        cr_expect(id.has_value() == row.value.has_value() && (!id || id->value == *row.value), "%s", row.text);
    }
    for (std::uint64_t value : {std::uint64_t{0}, std::uint64_t{1} << 63, UINT64_MAX, std::uint64_t{0x123456789ABCDEF0}}) {
        const std::string text = to_text(QueueId{value});
        cr_expect(text.size() == 13 && queue_id_of(text) == QueueId{value}, "%s", text.c_str());
    }
}

Test(states, have_names_and_an_order) {
    for (int i = 0; i < 12; ++i) {
        const auto state = static_cast<RecipientState>(i);
        cr_expect(recipient_state_of(to_text(state)) == state);
        cr_expect(is_end(state) == (i >= 6));
    }
    cr_expect(!recipient_state_of("waiting") && !recipient_state_of(""));
    cr_expect(to_text(RecipientState::relayed) == "relayed" && to_text(Interface::mm7) == "mm7");
    Message message;
    message.recipients.resize(3);
    message.recipients[0].state = RecipientState::delivered;
    message.recipients[1].state = RecipientState::notified;
    message.recipients[2].state = RecipientState::failed;
    cr_expect(state_of(message) == RecipientState::notified, "the least finished");
}

// What is free in the file counts until the file grows in spite of it.
Test(room, learns_which_free_pages_are_of_use) {
    constexpr std::uint64_t kPage = 4096, kMap = 10'000 * kPage;
    Room room(kMap, 100 * kPage);
    room.begin({1000, 2000}, kPage);
    cr_expect(room.bytes(100 * kPage) == (1000 - 128) * kPage, "freed, but for what is in flux");
    cr_expect(room.bytes(600 * kPage) == (1000 - 128 + 500) * kPage, "and what the disk has above its reserve");
    cr_expect(room.bytes(kMap) == 8000 * kPage, "up to nine tenths of the map");
    room.committed({1200, 2000});
    cr_expect(room.bytes(0) == (800 - 128) * kPage);
    room.committed({1210, 2000});
    room.committed({1220, 2000});
    // It grows though 780 pages are free: those are of no use.
    room.committed({1240, 2010});
    cr_expect(room.bytes(0) == 0);
    // What is freed from now on is.
    room.committed({640, 2010});
    cr_expect(room.bytes(0) > 590 * kPage && room.bytes(0) < 700 * kPage, "%llu", static_cast<unsigned long long>(room.bytes(0) / kPage));
    // A page freed by the last commit may be used by the next but one: that the file grows in between says nothing.
    room.begin({9000, 9000}, kPage);
    room.committed({2000, 9000});
    room.committed({2050, 9050});
    cr_expect(room.bytes(0) > 6500 * kPage);
    room.begin({9500, 9500}, kPage);
    cr_expect(room.bytes(kMap) == 0, "above the mark");
}
