/* SPDX-License-Identifier: MIT
 *
 * search.c: what the exhaustive searches share.
 */
#include "search.h"

#include <stdlib.h>

#include "room.h"

static struct {
    uint64_t clock, allocs, frees;
} local;

static uint64_t frees(void)
{
    return tst.allocs - tst_heap_live();
}

void tst_local_begin(void)
{
    local.clock = tst.clock;
    local.allocs = tst.allocs;
    local.frees = frees();
}

unsigned tst_local(void)
{
    unsigned did = 0;
    if (tst.clock != local.clock) did |= TST_TIMED;
    if (tst.allocs != local.allocs) did |= TST_ALLOCATED;
    if (frees() != local.frees) did |= TST_FREED;
    return did;
}

void *tst_one_more(void *at, size_t count, size_t *room, size_t bytes)
{
    enum { FIRST = 256 };
    if (count < *room) return at;
    *room = *room ? *room * 2 : FIRST;
    at = realloc(at, *room * bytes);
    if (!at) tst_die("no memory for a search");
    return at;
}

void tst_diverged(void)
{
    tst_fail("assertion", NULL, "the same decisions gave another run: setup must build all state");
}
