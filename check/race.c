/* SPDX-License-Identifier: MIT
 *
 * race.c: two accesses to the same byte, one of them a write, not both atomic, neither before the
 * other. Reads are remembered as well as writes, with the reader's clock: else a write that comes
 * after an unordered read would pass.
 */
#include "engine.h"

#include "room.h"

/* Per word: threads x kinds x sets of bytes that are in use. What is not used costs nothing. */
enum { ACCESSES = UINT8_MAX };

static bool ordered(const tst_access *before)
{
    return before->thread == tst.self ||
           tst.threads[tst.self].now[before->thread] >= before->clock;
}

static const char *words(const tst_access *access)
{
    if (access->atomic) return access->write ? "atomic write" : "atomic read";
    return access->write ? "write" : "read";
}

static void report(const tst_access *before, const tst_access *now, void *site)
{
    tst_fail("race", site, "%s of thread %u is not ordered after the %s of thread %u",
             words(now), now->thread, words(before), before->thread);
}

/* Is `old` of no more use once `now` is remembered: whoever comes after `now` comes after it? */
static bool covered(const tst_access *old, const tst_access *now)
{
    return (old->bytes & ~now->bytes) == 0 && now->write >= old->write &&
           now->atomic <= old->atomic;
}

void tst_race(tst_cell *cell, unsigned bytes, bool write, bool atomic, void *site)
{
    tst_access now = {tst.threads[tst.self].now[tst.self], (uint8_t)tst.self, (uint8_t)bytes,
                      write, atomic};
    unsigned kept = 0;
    if (cell->run != tst.id) tst_race_forget(cell);
    for (unsigned k = 0; k < cell->accesses; k++) {
        tst_access old = cell->access[k];
        if (!ordered(&old)) {
            bool conflict = (old.bytes & now.bytes) && (old.write || write) &&
                            !(old.atomic && atomic);
            if (conflict) report(&old, &now, site);
        } else if (covered(&old, &now)) {
            continue;
        }
        cell->access[kept++] = old;
    }
    if (kept == ACCESSES) tst_die("too many different accesses to one word");
    if (write || tst_fault != TST_FAULT_NO_READ_CLOCKS) cell->access[kept++] = now;
    cell->accesses = (uint8_t)kept;
}

void tst_race_forget(tst_cell *cell)
{
    if (!cell->access) cell->access = tst_room(ACCESSES * sizeof *cell->access);
    cell->run = tst.id;
    cell->accesses = 0;
}
