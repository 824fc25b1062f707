#include "daemon/crypto.h"

#include <criterion/criterion.h>

#include <array>

using namespace mmgate;

Test(crypto, digests_are_sha256) {
    cr_expect(sha256_hex("") == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    cr_expect(sha256_hex("abc") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

Test(crypto, submission_key_keeps_fields_apart) {
    cr_expect(submission_key({"ab", "c"}) != submission_key({"a", "bc"}));
    cr_expect(submission_key({"a", ""}) != submission_key({"a"}));
    cr_expect(submission_key({"a", "b"}) == submission_key({"a", "b"}));
}

Test(crypto, base64url_round_trips_and_has_one_text_a_value) {
    struct Row {
        std::string_view octets, text;
    };
    for (auto [octets, text] : std::to_array<Row>({{"", ""}, {"f", "Zg"}, {"fo", "Zm8"}, {"foo", "Zm9v"}, {"\xFB\xFF\xFE", "-__-"}})) {
        cr_expect(base64url(octets) == text);
        auto back = from_base64url(text);
        cr_expect(back && *back == octets);
    }
    for (std::string_view bad : {"Z", "Zh", "Zm9", "Zm9v!", "Zm9v=", "Zg==", "+/+/"}) cr_expect(!from_base64url(bad), "%s", bad.data());
}

Test(crypto, cipher_is_a_permutation_of_blocks) {
    AesBlock cipher(Octets(32, '\x01'));
    Octets block = "sixteen octets..";
    cr_expect(cipher.decipher(cipher.encipher(block)) == block);
    cr_expect(cipher.encipher(block) != block);
}

Test(crypto, chance_is_uniform_enough_and_bounded) {
    SystemRandom random;
    std::array<int, 5> seen{};
    for (int i = 0; i < 5000; ++i) ++seen.at(random.below(5));
    for (int count : seen) cr_expect(count > 700 && count < 1300, "%d", count);
    cr_expect(random.octets(16) != random.octets(16));
}
