/* SPDX-License-Identifier: MIT
 *
 * thetis/thread.h: small thread numbers, given out and taken back at run time.
 *
 *     thetis_thread_table *t;
 *     thetis_thread_init(mem, sizeof mem, 8, &t);
 *     size_t id;
 *     if (thetis_thread_join(t, &id) == THETIS_OK) { ...; thetis_thread_leave(t, id); }
 *
 * Algorithm: k-renaming after Moir and Anderson ("Wait-free algorithms for fast, long-lived
 * renaming", 1995): an admission counter lets at most n threads in; each then takes the first free
 * place in one pass of test-and-sets.
 *
 * Why one pass always succeeds: let S(i) be the threads that hold or probe places >= i. To move
 * from i-1 to i a thread must find i-1 held by another, so |S(i)| <= n-i stays true, and at most
 * one thread reaches place n-1.
 *
 * Linearization: join at the winning exchange (ENOSLOT at the admission counter), leave at the
 * store that clears the place.
 * Memory: 2 words and n words, all given by the caller. Reuse: a place is free at once.
 *
 * Orders (each end names the other):
 *   thread.place   leave's store and join's winning exchange release; join's exchange acquires.
 *                  The exchange must be acq_rel: the loser of a place must learn that the winner's
 *                  older place is free, or the pass can fail.
 *   thread.admit   leave's subtraction releases, join's addition acquires.
 *
 * | operation | progress  | bound | ISR-safe | shm-safe |
 * |-----------|-----------|-------|----------|----------|
 * | join      | wait-free | n + 1 | yes      | not yet  |
 * | leave     | wait-free | 2     | yes      | not yet  |
 */
#ifndef THETIS_THREAD_H
#define THETIS_THREAD_H

#include <thetis/atomic.h>
#include <thetis/status.h>

/** A table of n places, in memory the caller gave to thetis_thread_init(). */
typedef struct thetis_thread_table thetis_thread_table;

typedef enum thetis_thread_op { THETIS_THREAD_JOIN, THETIS_THREAD_LEAVE } thetis_thread_op;

/** The most places a table can have. */
#define THETIS_THREAD_MAX 65536

/** thetis_thread_size() as a constant expression, for static memory. */
#define THETIS_THREAD_SIZE(places) ((THETIS_CAST(size_t, places) + 2) * sizeof(thetis_atomic))

THETIS_BEGIN_DECLS

/** Bytes that a table of `places` needs; 0 if places is 0 or above THETIS_THREAD_MAX.
 *  @progress wait-free, 0 steps */
THETIS_API size_t thetis_thread_size(size_t places);

/** Builds a table in `mem` (word-aligned, `len` bytes).
 *  EINVAL: mem is NULL or misaligned, len too small, places out of range.
 *  @progress wait-free; before any other use of the memory */
THETIS_API THETIS_NODISCARD thetis_status thetis_thread_init(void *mem, size_t len, size_t places,
                                                             thetis_thread_table **out);

/** Takes a place; `*id` is in [0, places). What the last holder wrote before leave() is visible.
 *  ENOSLOT: no place is free. It is not exact: a refused thread is counted for a moment, so
 *  another may be refused although a place has just become free. Give the table a margin.
 *  A thread that is killed keeps what it holds: a place or, inside this call, an admission, so
 *  that one thread less finds a place.
 *  @progress wait-free, at most places + 1 steps */
THETIS_API THETIS_NODISCARD thetis_status thetis_thread_join(thetis_thread_table *table,
                                                             size_t *id);

/** Gives the place back. Only its holder may call; `id` is asserted to be in range.
 *  @progress wait-free, 2 steps */
THETIS_API void thetis_thread_leave(thetis_thread_table *table, size_t id);

/** The most steps one call of `op` can take: shared words it reads or writes.
 *  @progress wait-free, 0 steps */
THETIS_API uint64_t thetis_thread_bound(const thetis_thread_table *table, thetis_thread_op op);

THETIS_END_DECLS

#endif
