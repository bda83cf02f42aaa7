/* SPDX-License-Identifier: MIT
 *
 * thread.c: thread numbers by k-renaming. Algorithm, proof and orders are in thetis/thread.h.
 *
 * Rejected: a list of free places (compare-and-swap loops are lock-free, not wait-free, and have
 * the ABA problem), bits in one word (a fetch-or returns the word, but which bit to try next is a
 * loop again), a hash of the thread's name (not small numbers).
 */
#include "thread.h"

struct thetis_thread_table {
    thetis_atomic admitted; /* threads that hold a place, look for one, or are being refused */
    uintptr_t places;       /* constant after init */
    thetis_atomic place[];  /* 1: held */
};

_Static_assert(sizeof(thetis_thread_table) == THETIS_THREAD_SIZE(0), "the header states the size");

size_t thetis_thread_size(size_t places)
{
    return places >= 1 && places <= THETIS_THREAD_MAX ? THETIS_THREAD_SIZE(places) : 0;
}

thetis_status thetis_thread_init(void *mem, size_t len, size_t places, thetis_thread_table **out)
{
    size_t size = thetis_thread_size(places);
    thetis_thread_table *table = mem;
    THETIS_ASSERT1(out);
    if (!mem || (uintptr_t)mem % _Alignof(thetis_thread_table) != 0) return THETIS_EINVAL;
    if (size == 0 || len < size) return THETIS_EINVAL;
    thetis_atomic_store_relaxed(&table->admitted, 0);
    table->places = places;
    for (size_t i = 0; i < places; i++) thetis_atomic_store_relaxed(&table->place[i], 0);
    *out = table;
    return THETIS_OK;
}

thetis_status tht_thread_take(thetis_thread_table *table, size_t places, size_t *id)
{
    uintptr_t in = thetis_atomic_fetch_add_acquire(&table->admitted, 1); /* pair: thread.admit */
    size_t i = 0;
    if (in >= places) {
        (void)thetis_atomic_fetch_sub_relaxed(&table->admitted, 1);
        return THETIS_ENOSLOT;
    }
    while (thetis_atomic_exchange_acq_rel(&table->place[i], 1)) { /* pair: thread.place */
        if (++i == places) return THETIS_ECORRUPT; /* by the proof in the header one was free */
    }
    *id = i;
    return THETIS_OK;
}

void tht_thread_give(thetis_thread_table *table, size_t id)
{
    thetis_atomic_store_release(&table->place[id], 0); /* pair: thread.place */
    (void)thetis_atomic_fetch_sub_release(&table->admitted, 1); /* pair: thread.admit */
}

thetis_status thetis_thread_join(thetis_thread_table *table, size_t *id)
{
    thetis_status s = tht_thread_take(table, table->places, id);
    THETIS_ASSERT1(s != THETIS_ECORRUPT);
    return s;
}

void thetis_thread_leave(thetis_thread_table *table, size_t id)
{
    THETIS_ASSERT1(id < table->places);
    tht_thread_give(table, id);
}

uint64_t thetis_thread_bound(const thetis_thread_table *table, thetis_thread_op op)
{
    return op == THETIS_THREAD_JOIN ? (uint64_t)table->places + 1 : 2;
}
