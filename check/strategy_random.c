/* SPDX-License-Identifier: MIT
 *
 * strategy_random.c: at each access any thread that can go on, with equal probability; any of the
 * values that may be read.
 */
#include "strategy.h"

static unsigned random_thread(unsigned self, unsigned able)
{
    (void)self;
    return tst_nth(able, tst_random_below((unsigned)__builtin_popcount(able)));
}

static unsigned random_value(unsigned n)
{
    return tst_random_below(n);
}

const tst_strategy tst_strategy_random = {
    .name = "random",
    .about = "any thread, any value",
    .thread = random_thread,
    .value = random_value,
};
