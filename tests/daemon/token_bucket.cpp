#include "daemon/token_bucket.h"

#include <criterion/criterion.h>

using namespace mmgate;
using namespace std::chrono_literals;

Test(token_bucket, fills_at_its_rate_and_no_further) {
    const Instant start{1000s};
    TokenBucket bucket(4, start);
    cr_expect(bucket.available(start) == 4 && bucket.full(start));
    for (int i = 0; i < 4; ++i) bucket.take(start);
    cr_expect(bucket.available(start) == 0 && bucket.next(start) == start + 250ms);
    cr_expect(bucket.available(start + 249ms) == 0 && bucket.available(start + 250ms) == 1);
    cr_expect(bucket.available(start + 24h) == 4 && bucket.full(start + 24h));
    bucket.take(start);   // more than there are: waited for later
    cr_expect(bucket.next(start) == start + 500ms);
    cr_expect(bucket.available(start - 10s) == 0, "a clock that goes back gives nothing");
}

Test(token_bucket, without_a_rate_there_is_no_limit) {
    TokenBucket bucket(0, Instant{});
    bucket.take(Instant{});
    cr_expect(bucket.available(Instant{}) > 1000 && bucket.full(Instant{}) && bucket.next(Instant{}) == Instant{});
}
