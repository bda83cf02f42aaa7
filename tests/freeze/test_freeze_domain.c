/* SPDX-License-Identifier: MIT
 *
 * test_freeze_domain.c: threads of a domain stop between any two instructions; the others replace,
 * read and pass on blocks, and never lack any. See test_freeze.c for the controls.
 */
#include "blocks.h"
#include "sweep.h"

enum { FREEZE_TIMEOUT_S = 600, FREEZE_STRIDE = 7 };

/* Thread 0 stops at each stride-th instruction of its operation. */
static unsigned freeze_first(const char *name, unsigned stride, freezer_op *first,
                             freezer_op *rest)
{
    const sweep_subject s = {
        .name = name, .plan = {4, blocks_setup, first, rest}, .tries = 1, .stride = stride};
    return sweep_one(&s, 0).length;
}

/* All do the same: then all but one stop, too. */
static void freeze_all(const char *name, freezer_op *op)
{
    const sweep_subject s = {.name = name, .plan = {4, blocks_setup, op, op}, .tries = 1};
    sweep_but_one(&s, freeze_first(name, FREEZE_STRIDE, op, op));
}

TEST(domain_replace)
{
    freeze_all("domain protect, take, cas, retire", blocks_replace);
}

TEST(domain_announce)
{
    (void)freeze_first("domain announce, withdraw", 1, blocks_announce, blocks_replace);
}

TEST(domain_join)
{
    (void)freeze_first("domain join, leave, collect", FREEZE_STRIDE, blocks_visit,
                       blocks_replace);
}

TEST(pool_send)
{
    freeze_all("pool take_n, give", blocks_send);
}

TEST(pool_reclaim)
{
    (void)freeze_first("pool reclaim", FREEZE_STRIDE, blocks_reclaim, blocks_replace);
}

TEST_MAIN(T(domain_replace, .timeout_s = FREEZE_TIMEOUT_S),
          T(domain_announce, .timeout_s = FREEZE_TIMEOUT_S),
          T(domain_join, .timeout_s = FREEZE_TIMEOUT_S),
          T(pool_send, .timeout_s = FREEZE_TIMEOUT_S),
          T(pool_reclaim, .timeout_s = FREEZE_TIMEOUT_S))
