/* SPDX-License-Identifier: MIT
 *
 * model_mpmc_long.c: the longest operations of thetis/mpmc.h with 2, 3 and 4 participants that ask
 * at once. Thread 0 puts or takes; thread 1 does, step by step, what all others could do: each has
 * asked and ends while another one is helped, and the place to look at is as far away as it can be.
 * See tht_mpmc_bound() and src/ring/mpmc.h.
 */
#include "model/model_mpmc.h"

enum { LONG_CELLS = 60, LONG_FEW = 4 };

static tht_mpmc_kind kind;
static uintptr_t at;     /* the position that comes next */
static unsigned pending; /* accesses of thread 0 to wait for */
static uint64_t over;    /* there are no more; what the others still do is seen by nobody */

static void make_long(unsigned users, tht_mpmc_kind of)
{
    tht_mpmc_shape shape = {.capacity = LONG_CELLS, .users = users, .bits = 16, .stride = 1,
                            .whole = 1};
    kind = of;
    at = 0;
    over = 0;
    make(shape, kind == THT_MPMC_POP ? LONG_CELLS : 0);
}

/* ---- what the others do ---------------------------------------------------------------------- */

/* Asked once before each access of thread 0. */
static int long_has_passed(void *unused)
{
    (void)unused;
    return __atomic_load_n(&over, __ATOMIC_RELAXED) || pending-- == 0;
}

static void long_pass(unsigned accesses)
{
    pending = accesses;
    thetis_check_wait(long_has_passed, NULL);
}

/* The cell that comes next, and what is in it: 1 if nobody is named there. If thread 0 was given
 * less time, it has done more itself. */
static int long_next(void **where, tht_cell *c)
{
    unsigned before = kind == THT_MPMC_POP ? THT_CELL_FILLED : THT_CELL_EMPTY, state;
    for (;; at++) {
        *where = tht_cell_at(&track, at);
        *c = tht_cell_load(&track, *where);
        state = tht_cell_state(&track, *c, at);
        if (state != THT_CELL_PASSED && (before || state != THT_CELL_FILLED)) break;
    }
    return state == before;
}

/* Somebody who has ended since, or is about to, fills or empties so many, and does not show it. */
static void long_go(unsigned positions)
{
    void *where;
    tht_cell c;
    for (; positions > 0 && long_next(&where, &c); positions--, at++) {
        tht_cell to = tht_cell_with(c, 0, THT_CELL_FILLED, 1);
        (void)tht_cell_cas(&track, where, c, kind == THT_MPMC_POP ? tht_cell_emptied(c) : to);
    }
}

/* Somebody shows what is so far. */
static void long_show(void)
{
    thetis_atomic *word = kind == THT_MPMC_POP ? &track.head : &track.tail;
    uintptr_t shown = thetis_atomic_load_relaxed(word);
    if (shown != at) (void)thetis_atomic_cas_relaxed(word, shown, at);
}

/* All others have begun, and ask. Those who had asked have been answered. Nobody begins any more
 * once thread 0 has asked: it would be helped first. */
static void long_ask(void)
{
    uintptr_t asked = thetis_atomic_load_relaxed(&track.asked);
    if (asked & 1) return;
    for (unsigned id = 1; id < track.users; id++) {
        uintptr_t bit = (uintptr_t)1 << id;
        tht_cell request = tht_cell_load(&track, tht_request_at(&track, id));
        if (tht_request_status(request) == THT_REQUEST_PENDING) continue;
        if (asked & bit) (void)thetis_atomic_fetch_sub_relaxed(&track.asked, bit);
        tht_mpmc_request(&track, id, kind, 1);
    }
}

/* The request of `id` is carried out: each step just before thread 0 would have done it. */
static void long_serve(unsigned id)
{
    unsigned names = kind == THT_MPMC_POP ? THT_CELL_TAKING : THT_CELL_PUTTING;
    void *where, *mine = tht_request_at(&track, id);
    tht_cell c;
    long_pass(2); /* cell, request */
    if (!long_next(&where, &c)) return;
    tht_cell request = tht_cell_load(&track, mine); /* after the cell, as whoever helps does */
    if (tht_request_status(request) != THT_REQUEST_PENDING) return;
    tht_cell to = tht_cell_with(c, id, names, c.value);
    if (!tht_cell_cas(&track, where, c, to)) return;
    long_pass(5); /* in vain; cell, request; that of `id`, cell */
    to = tht_request_decided(request, THT_REQUEST_DONE, at & track.mask, 1);
    (void)tht_cell_cas(&track, mine, request, to);
    long_pass(5); /* in vain; that of `id`, the cell is settled; cell, request */
}

/* While `id` is helped, those of all others end, each in the way. */
static void long_help(unsigned id)
{
    for (unsigned k = 1; k < track.users; k++)
        if (k != id) long_serve(k);
    long_serve(id);
}

/* Those who show are not among those who are late: 2 for each other one if it was thread 0, in its
 * operation before, else for each but one. */
static void long_others(void)
{
    unsigned users = track.users;
    long_pass(1); /* asked */
    for (unsigned id = 1; id < users; id++) {
        if (id > 1) {
            long_ask();
            long_show();
            long_go(2 * (users - 2));
        }
        long_pass(2 + 2 * (id > 1 ? 2 * (users - 2) : 2 * (users - 1))); /* request, word; way */
        long_help(id);
    }
    long_ask();
    long_pass(3); /* word, request, changed */
    long_show();
    long_go(2 * (users - 2));
    long_pass(1 + 2 + 2 * 2 * (users - 2));
    long_help(0);
}

/* ---- the operation --------------------------------------------------------------------------- */

static void long_body(unsigned thread)
{
    static const char *const of[2][3] = {{"mpmc.put-2", "mpmc.put-3", "mpmc.put-4"},
                                         {"mpmc.take-2", "mpmc.take-3", "mpmc.take-4"}};
    uintptr_t value = 1;
    if (thread == 1) {
        long_others();
        return;
    }
    thetis_check_begin(of[kind == THT_MPMC_POP][track.users - 2], tht_mpmc_bound(&track, kind));
    thetis_status s = kind == THT_MPMC_POP ? tht_mpmc_take(&track, &view[0], 0, &value)
                                           : tht_mpmc_put(&track, &view[0], 0, value);
    thetis_check_end();
    THETIS_CHECK(s == THETIS_OK);
    __atomic_store_n(&over, 1, __ATOMIC_RELAXED);
}

/* Before thread 0 begins, the others have asked, and are as far ahead of what it has shown as can
 * be. */
static void make_asked(unsigned users, tht_mpmc_kind of)
{
    make_long(users, of);
    long_ask();
    long_go(2 * (users - 1));
}

#define MPMC_LONG(form, kind, users)                                                            \
    static void make_##form##_##users(void)                                                     \
    {                                                                                           \
        make_asked(users, kind);                                                                \
    }                                                                                           \
    const thetis_check_scenario mpmc_long_##form##_##users = {                                  \
        .name = "mpmc-long-" #form "-" #users, .threads = 2, .setup = make_##form##_##users,    \
        .body = long_body, .flags = THETIS_CHECK_BLOCKING, .slow = LONG_FEW}

MPMC_LONG(put, THT_MPMC_PUSH, 2);
MPMC_LONG(put, THT_MPMC_PUSH, 3);
MPMC_LONG(put, THT_MPMC_PUSH, 4);
MPMC_LONG(take, THT_MPMC_POP, 2);
MPMC_LONG(take, THT_MPMC_POP, 3);
MPMC_LONG(take, THT_MPMC_POP, 4);
