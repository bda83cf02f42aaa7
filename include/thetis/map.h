/* SPDX-License-Identifier: MIT
 *
 * thetis/map.h: hash map from words to words, any number of readers and writers. It grows and
 * shrinks with its content, without ever stopping anybody, or keeps its size in caller's memory.
 *
 *     thetis_domain_cfg threads = {.threads = 8, .hazards = 1, .args = THETIS_MAP_ARGS};
 *     thetis_map_cfg cfg = {.capacity = 1000};
 *     thetis_domain *domain;                               thetis/domain.h
 *     thetis_domain_thread *me;                            one for each thread
 *     thetis_map *map;
 *     thetis_status s = thetis_map_init(mem, len, domain, &cfg, &map);     of a fixed size; or
 *     cfg.capacity_max = 1000000;
 *     s = thetis_map_create(domain, &cfg, &map);
 *     s = thetis_map_insert(map, me, 7, 42, NULL);         OK, EXISTS or ENOMEM
 *     uintptr_t value;
 *     s = thetis_map_find(map, me, 7, &value);             OK or ABSENT
 *
 * Keys and values are words; all of them may be used.
 *
 * A thread that stops for ever, wherever, delays nobody, and withholds no more than thetis_pool
 * says (thetis/pool.h).
 *
 * Algorithm: an array of buckets, each a wait-free cell (src/cell/cell.h) with the pairs of the
 * keys that hash there; buckets are replaced as a whole. After the freezable sets of Liu, Zhang and
 * Spear ("Dynamic-sized nonblocking hash tables", 2014), with updates that carry out those of
 * others. A map that has more than 3 pairs for 2 buckets begins a table of twice as many, one that
 * has less than 1 for 4 a table of half as many. Then each operation but find moves the bucket that
 * it needs and two others, or what becomes of two: so the resize is over after a quarter to half as
 * many operations as there are buckets, before the next one is due, and no operation does more. It
 * is src/map/grow.c that says how.
 *
 * Invariants: the pairs of a bucket have different keys, that hash there. At any time one bucket
 * has the truth about a key: the old one until it is given up, then the new one.
 *
 * A find that meets no update of its bucket stores nothing, and passes no fence: it reads the
 * pairs, and then that their memory was not used anew meanwhile.
 *
 * Linearization: find, and what changes nothing, when the bucket is read, or, if the bucket was
 * frozen since the call, when that was done; an update when the bucket is replaced, by whoever does
 * that. A find reads at most two buckets for each try.
 *
 * Iteration. scan() goes through the map in the order of the keys' hashes, in a way that resizes do
 * not disturb; its cursor is a word, and costs nothing while it is not in use. A key that is there
 * from the first call to the last is reported once, any other one at most once; with the value that
 * it had at a moment of the call that reports it. A bucket is read as a whole, the map is not.
 *
 * The function of update() is pure: it depends on its arguments only, and touches nothing else. It
 * may be called several times, by other threads, but takes effect once. So is a hash function.
 *
 * Out of memory: a bucket is full with THETIS_MAP_BUCKET pairs, or there is no block for it. Up to
 * `capacity` pairs, with a hash function that spreads the keys, neither is to be expected: of maps
 * with 10^6 pairs one in about 10^8 has a fuller bucket. The map is as it was before, then. What
 * replaces a pair or erases it needs a block, too, unless the bucket is left empty: beyond
 * `capacity` it may fail until others have been erased.
 *
 * The bound of updates in a map that may grow is the sum of the worst of each part, and not tight:
 * no schedule of the tester took more than a tenth of it. The term that is not reached is the
 * moving of buckets, each of them lost to others after all the work, in three resizes.
 * With 9 threads or more, it is not kept in one case that is known, and that no scenario has: an
 * announced operation has used up what it reserved, on buckets of two resizes, and others have
 * taken the last block of the largest size meanwhile. Then it goes on when one of them gives one
 * back, or carries it out.
 *
 * A map that grew keeps the memory of its tables, 8 bytes for each bucket that it ever had, until
 * trim(). Two full buckets that become one when it shrinks have up to twice as many pairs; then it
 * does not shrink any more until it has grown.
 *
 * Steps: accesses to buckets, versions (each word of them), and words of the domain and pools.
 * On 32-bit machines resizes are numbered with 22 bits: nobody may sleep through just 2^22 / m of
 * them, m being the buckets for capacity_max, or a multiple of that; and empty buckets with 29: nor
 * through just 2^29 / m of those that one thread has emptied, m being the power of two above N.
 * Memory: thetis_map_size() bytes from the caller, or pages from the system, as they are written. A
 * table of n buckets is for up to 3n / 2 pairs: then all is about 36 bytes a pair, at the least
 * load 49. A growing map is at 36, too, when it begins a table, and at 45 when that is little more
 * than half full, 40 after trim(). And what the pools keep for stopped threads: 0.1 MB for 2
 * threads, 0.7 for 8, 9 for 32; of a growing map only as far as it is needed.
 *
 * Orders (each end names the other), beside those of thetis/domain.h:
 *   map.state    who sets the state releases what it has seen in the tables' cells; who loads it
 *                acquires that.
 *   map.front    the same for the buckets that have been moved.
 *
 * | operation            | progress  | bound              | ISR-safe | shm |
 * |----------------------|-----------|--------------------|----------|-----|
 * | find                 | wait-free | thetis_map_bound() | no       | no  |
 * | insert, put, replace | wait-free | thetis_map_bound() | no       | no  |
 * | erase, cas, update   | wait-free | thetis_map_bound() | no       | no  |
 * | scan, choose         | wait-free | thetis_map_bound() | no       | no  |
 * | count                | wait-free | N                  | no       | no  |
 * | stat                 | wait-free | 3N + 1             | no       | no  |
 */
#ifndef THETIS_MAP_H
#define THETIS_MAP_H

#include <thetis/domain.h>

/** The map; opaque. */
typedef struct thetis_map thetis_map;

typedef struct thetis_map_cfg {
    size_t capacity;                   /* pairs, >= 1 */
    size_t capacity_max;               /* pairs that it may grow to; 0: it keeps its size */
    uintptr_t seed;                    /* of the hash: a secret, where keys come from strangers */
    uintptr_t (*hash)(uintptr_t key);  /* its lower bits are used; NULL: a mix with the seed */
} thetis_map_cfg;

/** What update() puts in the place of `value`. */
typedef uintptr_t thetis_map_fn(uintptr_t value, uintptr_t arg);

typedef struct thetis_map_pair {
    uintptr_t key, value;
} thetis_map_pair;

typedef struct thetis_map_levels {
    size_t pairs;      /* as count() says */
    size_t buckets;    /* of the table that is, or is becoming, the current one */
    size_t resizes;    /* that were begun */
    size_t moving;     /* 1: one is under way */
    size_t longest;    /* the most pairs in a bucket that an insertion has ever left there */
    size_t announced;  /* operations that could not do without help */
} thetis_map_levels;

typedef enum thetis_map_op { THETIS_MAP_FIND, THETIS_MAP_UPDATE, THETIS_MAP_SCAN } thetis_map_op;

/** Words of an announcement: the domain has at least so many. */
#define THETIS_MAP_ARGS 5

/** The most pairs in a bucket, and of a capacity. */
#define THETIS_MAP_BUCKET 20
#define THETIS_MAP_SCAN_LEAST (2 * THETIS_MAP_BUCKET)
#define THETIS_MAP_CAPACITY_MAX (THETIS_CAST(size_t, 1) << (THETIS_CAP_WORD_BITS - 12))

THETIS_BEGIN_DECLS

/** Bytes that a map of this configuration needs, for a domain of that one; 0 if one is invalid, or
 *  the map may grow.
 *  @progress wait-free, 0 steps */
THETIS_API size_t thetis_map_size(const thetis_domain_cfg *domain, const thetis_map_cfg *cfg);

/** Builds an empty map in `mem`: aligned to THETIS_CACHE_LINE, `len` >= thetis_map_size().
 *  EINVAL: a bad configuration, mem NULL or misaligned, len too small, the domain has less than
 *  THETIS_MAP_ARGS words for an announcement.
 *  @progress wait-free; before any other use of the memory */
THETIS_API THETIS_NODISCARD thetis_status thetis_map_init(void *mem, size_t len,
                                                          thetis_domain *domain,
                                                          const thetis_map_cfg *cfg,
                                                          thetis_map **out);

/** An empty map that may grow, in memory of its own: addresses for all tables that there can be are
 *  taken now, pages as they are used. init() builds maps that keep their size.
 *  EINVAL: as for init(). ENOMEM: no memory, or the port maps none.
 *  @progress blocking: the system's mmap */
THETIS_API THETIS_NODISCARD thetis_status thetis_map_create(thetis_domain *domain,
                                                            const thetis_map_cfg *cfg,
                                                            thetis_map **out);

/** Frees a map of create() that nobody uses any more. NULL is allowed.
 *  @progress blocking: the system's munmap */
THETIS_API void thetis_map_destroy(thetis_map *map);

/** OK and the key's value; ABSENT. Allocates nothing.
 *  @progress wait-free, at most thetis_map_bound() steps */
THETIS_API THETIS_NODISCARD thetis_status thetis_map_find(const thetis_map *map,
                                                          thetis_domain_thread *me, uintptr_t key,
                                                          uintptr_t *value);

/** OK: the key was absent, and has this value now. EXISTS: it was not; `*found` is its value, and
 *  stays so. ENOMEM. `found` may be NULL.
 *  @progress wait-free, at most thetis_map_bound() steps */
THETIS_API THETIS_NODISCARD thetis_status thetis_map_insert(thetis_map *map,
                                                            thetis_domain_thread *me,
                                                            uintptr_t key, uintptr_t value,
                                                            uintptr_t *found);

/** OK: the key has this value now; `*old` is the one it had, or as it was, if it was absent.
 *  ENOMEM. `old` may be NULL.
 *  @progress wait-free, at most thetis_map_bound() steps */
THETIS_API THETIS_NODISCARD thetis_status thetis_map_put(thetis_map *map,
                                                         thetis_domain_thread *me, uintptr_t key,
                                                         uintptr_t value, uintptr_t *old);

/** put() if the key is there: OK, ABSENT, ENOMEM.
 *  @progress wait-free, at most thetis_map_bound() steps */
THETIS_API THETIS_NODISCARD thetis_status thetis_map_replace(thetis_map *map,
                                                             thetis_domain_thread *me,
                                                             uintptr_t key, uintptr_t value,
                                                             uintptr_t *old);

/** OK: the key is absent now, and `*old` the value it had; ABSENT; ENOMEM. `old` may be NULL.
 *  @progress wait-free, at most thetis_map_bound() steps */
THETIS_API THETIS_NODISCARD thetis_status thetis_map_erase(thetis_map *map,
                                                           thetis_domain_thread *me,
                                                           uintptr_t key, uintptr_t *old);

/** OK: the key had `expected` and has `value` now. MISMATCH: it has `*found`. ABSENT; ENOMEM.
 *  `found` may be NULL.
 *  @progress wait-free, at most thetis_map_bound() steps */
THETIS_API THETIS_NODISCARD thetis_status thetis_map_cas(thetis_map *map, thetis_domain_thread *me,
                                                         uintptr_t key, uintptr_t expected,
                                                         uintptr_t value, uintptr_t *found);

/** OK: the key had `*old` and has fn(*old, arg) now. ABSENT; ENOMEM. `old` may be NULL.
 *  @progress wait-free, at most thetis_map_bound() steps, and calls of fn */
THETIS_API THETIS_NODISCARD thetis_status thetis_map_update(thetis_map *map,
                                                            thetis_domain_thread *me,
                                                            uintptr_t key, thetis_map_fn *fn,
                                                            uintptr_t arg, uintptr_t *old);

/** Some of the pairs, `*count`, and where to go on: begin with the cursor 0, and go on with what is
 *  returned, until that is 0. Looks at n buckets at most; may report none, and have more to report.
 *  `n` >= THETIS_MAP_SCAN_LEAST.
 *  @progress wait-free, at most n thetis_map_bound() steps */
THETIS_API uintptr_t thetis_map_scan(const thetis_map *map, thetis_domain_thread *me,
                                     uintptr_t cursor, thetis_map_pair *pairs, size_t n,
                                     size_t *count);

/** OK: `*pair` is any pair, if `random` is any number: of the first ones that are found in at most
 *  2 THETIS_MAP_SCAN_LEAST buckets, so not all with the same probability. ABSENT: there is none
 *  there. So the map is empty, or, after many were erased, has not shrunk yet.
 *  @progress wait-free (claimed), at most 2 THETIS_MAP_SCAN_LEAST thetis_map_bound() + 1 steps */
THETIS_API THETIS_NODISCARD thetis_status thetis_map_choose(const thetis_map *map,
                                                            thetis_domain_thread *me,
                                                            uintptr_t random,
                                                            thetis_map_pair *pair);

/** Gives the pages of tables that a map of create() does not use now back to the system: how many
 *  bytes. Any thread may call it at any time; no resize begins meanwhile.
 *  @progress blocking: the system's madvise */
THETIS_API size_t thetis_map_trim(thetis_map *map);

/** While nobody else uses it: ECORRUPT if a table or a bucket contradicts the invariants above;
 *  `*pairs` is how many there are.
 *  @progress owner */
THETIS_API THETIS_NODISCARD thetis_status thetis_map_check(const thetis_map *map, size_t *pairs);

/** How many pairs there are, but for what operations insert or erase meanwhile. By anybody.
 *  @progress wait-free, N steps */
THETIS_API size_t thetis_map_count(const thetis_map *map);

/** Each as it is at some moment during the call. By anybody.
 *  @progress wait-free, 3N + 1 steps */
THETIS_API void thetis_map_stat(const thetis_map *map, thetis_map_levels *out);

/** The most steps of find, of scan for each bucket, and of each other operation.
 *  @progress wait-free, 0 steps */
THETIS_API uint64_t thetis_map_bound(const thetis_map *map, thetis_map_op op);

THETIS_END_DECLS

#endif
