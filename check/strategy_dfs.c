/* SPDX-License-Identifier: MIT
 *
 * strategy_dfs.c: all decisions, in depth-first order, with at most 0, 1, 2, ... preemptions
 * (Musuvathi and Qadeer, "Iterative context bounding for systematic testing of multithreaded
 * programs", PLDI 2007).
 *
 * A decision with one option is none and not kept. Each bound sees again what the smaller ones saw;
 * only schedules that use the bound up are counted as different. When no option had to be left out,
 * all schedules have been seen.
 *
 * A thread that is chosen for the first time runs through its first access: what it does before
 * that has no effect on others, so a place to switch there would show nothing new. That does not
 * hold if it allocates or frees, or if others may wait for what no step shows.
 */
#include "search.h"
#include "strategy.h"

typedef struct decision {
    uint32_t taken; /* a thread, or the number of a value */
    uint32_t values; /* 0: a thread is chosen */
    uint8_t rest;    /* threads that are still to be tried */
    uint8_t cheap;   /* threads whose choice is no preemption */
} decision;

tst_search tst_dfs;
unsigned tst_dfs_bound = 3;
int tst_dfs_complete = -1;

static decision *path;
static size_t depth, room; /* of the path */
static size_t at;          /* on it, in this schedule */
static unsigned bound;
static bool omitted;       /* some option, because of the bound */
static unsigned used;      /* preemptions of this schedule */
static unsigned most_used; /* of any */
static unsigned started;   /* threads, as bits */
static bool starting;      /* the thread chosen last has just begun */

static void restart(void)
{
    tst_dfs = (tst_search){0};
    tst_dfs_complete = -1;
    depth = 0;
    bound = tst_dfs_bound == TST_DFS_NO_BOUND ? TST_DFS_NO_BOUND : 0;
    most_used = 0;
    omitted = false;
}

static void dfs_begin(uint64_t n)
{
    (void)n;
    at = 0;
    used = 0;
    started = 0;
    starting = false;
}

static decision *add(decision made)
{
    path = tst_one_more(path, depth, &room, sizeof *path);
    path[depth] = made;
    return &path[depth++];
}

/* The first option: to go on, or the first that costs nothing. */
static decision first(unsigned self, unsigned options, unsigned cheap)
{
    unsigned go = self < TST_THREADS && cheap >> self & 1 ? self : (unsigned)__builtin_ctz(cheap);
    return (decision){.taken = go, .rest = (uint8_t)(options & ~(1u << go)),
                      .cheap = (uint8_t)cheap};
}

static unsigned decide(unsigned self, unsigned able)
{
    bool going = self < TST_THREADS && able >> self & 1 && !tst_at_none(self);
    unsigned cheap = going ? 1u << self : able;
    unsigned options = used < bound ? able : cheap;
    if (options != able) omitted = true;
    if ((options & (options - 1)) == 0) return (unsigned)__builtin_ctz(options);
    const decision *d = at < depth ? &path[at] : add(first(self, options, cheap));
    at++;
    if (d->values || !(options >> d->taken & 1)) tst_diverged();
    if (!(d->cheap >> d->taken & 1)) used++;
    return d->taken;
}

/* Has the running thread come to its first access, by what nobody else can notice? */
static bool quiet_start(unsigned self, unsigned able)
{
    if (!starting) return false;
    starting = false;
    return able >> self & 1 && !tst_at_none(self) && !(tst_local() & (TST_ALLOCATED | TST_FREED)) &&
           !(tst.scenario->flags & THETIS_CHECK_BLOCKING);
}

static unsigned dfs_thread(unsigned self, unsigned able)
{
    if (quiet_start(self, able)) return self;
    unsigned go = decide(self, able);
    starting = !(started >> go & 1);
    if (starting) tst_local_begin();
    started |= 1u << go;
    return go;
}

static unsigned dfs_value(unsigned n)
{
    const decision *d = at < depth ? &path[at] : add((decision){.values = n});
    at++;
    if (d->values != n) tst_diverged();
    return d->taken;
}

/* The next option of the last decision that has one. */
static bool backtrack(void)
{
    for (; depth > 0; depth--) {
        decision *d = &path[depth - 1];
        if (d->taken + 1 < d->values) {
            d->taken++;
            return true;
        }
        if (d->rest) {
            d->taken = (uint32_t)__builtin_ctz(d->rest);
            d->rest &= (uint8_t)(d->rest - 1);
            return true;
        }
    }
    return false;
}

static bool dfs_more(void)
{
    if (used == bound || bound == TST_DFS_NO_BOUND) tst_dfs.schedules++;
    else tst_dfs.repeated++;
    if (used > most_used) most_used = used;
    if (backtrack()) return true;
    tst_dfs.all = !omitted;
    tst_dfs_complete = (int)(tst_dfs.all ? most_used : bound);
    omitted = false;
    return !tst_dfs.all && bound++ < tst_dfs_bound;
}

const tst_strategy tst_strategy_dfs = {
    .name = "dfs",
    .about = "all schedules with at most so many preemptions",
    .open = restart,
    .begin = dfs_begin,
    .thread = dfs_thread,
    .value = dfs_value,
    .more = dfs_more,
    .learned = restart,
};
