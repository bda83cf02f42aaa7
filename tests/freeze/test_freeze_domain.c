/* SPDX-License-Identifier: MIT
 *
 * test_freeze_domain.c: threads of a domain stop between any two instructions; the others replace,
 * read and pass on blocks, and never lack any. See test_freeze.c for the controls.
 */
#include "blocks.h"
#include "sweep.h"

enum { FREEZE_TIMEOUT_S = 600, FREEZE_STRIDE = 11, FREEZE_WALKS = 2 };

static void freeze_blocks(const char *name, unsigned stride, freezer_op *first, freezer_op *rest)
{
    const sweep_subject s = {.name = name,
                             .plan = {4, blocks_setup, first, rest},
                             .tries = FREEZE_WALKS,
                             .stride = stride};
    sweep_tally t = sweep_one(&s, 0);
    sweep_but_one(&s, t.length);
}

TEST(domain_replace)
{
    freeze_blocks("domain protect, take, cas, retire", FREEZE_STRIDE, blocks_replace,
                  blocks_replace);
}

TEST(domain_announce)
{
    freeze_blocks("domain announce, withdraw", 1, blocks_announce, blocks_replace);
}

TEST(domain_join)
{
    freeze_blocks("domain join, leave, collect", FREEZE_STRIDE, blocks_visit, blocks_replace);
}

TEST(pool_send)
{
    freeze_blocks("pool take_n, give", FREEZE_STRIDE, blocks_send, blocks_send);
}

TEST(pool_reclaim)
{
    freeze_blocks("pool reclaim", FREEZE_STRIDE, blocks_reclaim, blocks_replace);
}

TEST_MAIN(T(domain_replace, .timeout_s = FREEZE_TIMEOUT_S),
          T(domain_announce, .timeout_s = FREEZE_TIMEOUT_S),
          T(domain_join, .timeout_s = FREEZE_TIMEOUT_S),
          T(pool_send, .timeout_s = FREEZE_TIMEOUT_S),
          T(pool_reclaim, .timeout_s = FREEZE_TIMEOUT_S))
