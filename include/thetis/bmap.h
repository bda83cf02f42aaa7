/* SPDX-License-Identifier: MIT
 *
 * thetis/bmap.h: hash map from bytes to bytes, any number of readers and writers: thetis/map.h for
 * keys and values of any length, up to one that is configured.
 *
 *     thetis_domain_cfg threads = {
 *         .threads = 8, .hazards = THETIS_BMAP_HAZARDS, .args = THETIS_BMAP_ARGS};
 *     thetis_bmap_cfg cfg = {
 *         .capacity = 1000, .capacity_max = 1000000, .key_max = 64, .value_max = 1000};
 *     thetis_domain *domain;                               thetis/domain.h
 *     thetis_domain_thread *me;                            one for each thread
 *     thetis_bmap *map;
 *     thetis_status s = thetis_bmap_create(domain, &cfg, &map);
 *     thetis_bmap_bytes key = {"answer", 6}, value = {"42", 2};
 *     s = thetis_bmap_put(map, me, key, value, NULL);      OK or ENOMEM
 *     char room[1000];
 *     thetis_bmap_value found = {.data = room, .room = sizeof room};
 *     s = thetis_bmap_find(map, me, key, &found);          OK or ABSENT; found.len
 *
 * Keys are equal if their bytes are. Where others are to be, in upper and lower case, say, the user
 * gives all operations one form of them.
 *
 * Read, compute, replace: each record has a version, which no other record of the map ever has;
 * find() tells it, and cas() and discard() do what they do to the record of that version only. A
 * loop around them is the user's, and lock-free: somebody else's success makes it go round. An
 * expiry time, say, is part of the value.
 *
 * Algorithm: the map of thetis/map.h, whose pairs are here a key's hash and the address of a
 * record. A record is a block with the bytes of a key and of a value, and never changes: put()
 * makes one, and the bucket's version that has its address makes it valid. Blocks come from one
 * pool for each class of sizes, or from that of a larger class if one has none left. Who has
 * replaced or erased a record retires it.
 *
 * Invariant: a record that the version in a cell names is not retired. So what was read of a record
 * is right if the cell has that version after it was read, and a hazard that was set before that
 * protects the record. What was read of others may be of a later record in the same block; no
 * more than that, as blocks are only ever used for records: it is discarded, as is what was made of
 * it, since the compare-and-swap on the cell fails.
 *
 * A find that meets no update of its bucket stores nothing but the answer, and passes no fence.
 * The bytes of announced keys stand where others can read them: in the new record, or in a place of
 * each thread's own. A record that is the answer to an announced operation is what the status word
 * of its thread says, instead of the version, so it is protected until the thread has read it: see
 * src/cell/cell.h.
 *
 * Linearization, resizes, what a thread that stops withholds: as of thetis/map.h; and such a thread
 * withholds two records more, for which there is room beyond what is configured. With 9 threads or
 * more the bound has the exception that thetis/map.h tells.
 *
 * Out of memory: as of thetis/map.h; and no block of the record's class or a larger one is free.
 * The map is as it was before, then. find(), erase() and discard() take no record.
 *
 * Steps: as of thetis/map.h, and each word of records and announced keys.
 * Memory: that of a map; for each record a block of the next class, and three words; the longest
 * key for each thread. On 32-bit machines one must not sleep between find() and cas() through just
 * 2^29 / m records of one thread, m being the power of two above N.
 *
 * | operation                 | progress            | bound               | ISR-safe | shm |
 * |---------------------------|---------------------|---------------------|----------|-----|
 * | find                      | wait-free           | thetis_bmap_bound() | no       | no  |
 * | insert, put, replace      | wait-free           | thetis_bmap_bound() | no       | no  |
 * | erase, cas, discard       | wait-free           | thetis_bmap_bound() | no       | no  |
 * | count                     | wait-free (claimed) | N                   | no       | no  |
 */
#ifndef THETIS_BMAP_H
#define THETIS_BMAP_H

#include <thetis/domain.h>

/** The map; opaque. */
typedef struct thetis_bmap thetis_bmap;

/** Bytes of the caller; NULL is allowed where there are none. */
typedef struct thetis_bmap_bytes {
    const void *data;
    size_t len;
} thetis_bmap_bytes;

/** Where a value goes. `data` may be NULL if `room` is 0. */
typedef struct thetis_bmap_value {
    void *data;
    size_t room;       /* bytes that there is room for */
    size_t len;        /* told: of the value; more than `room`: only so many are in `data` */
    uintptr_t version; /* told: of the record; 0: there was none */
} thetis_bmap_value;

/** Records with up to so many bytes of key and value, each of them rounded up to whole words. */
typedef struct thetis_bmap_class {
    size_t bytes;
    size_t blocks;
} thetis_bmap_class;

/** Classes, at most. */
#define THETIS_BMAP_CLASSES 8

typedef struct thetis_bmap_cfg {
    size_t capacity;     /* records, >= 1 */
    size_t capacity_max; /* records that it may grow to; 0: it keeps its size */
    size_t key_max;      /* bytes of a key, at most, up to THETIS_BMAP_KEY_MAX */
    size_t value_max;    /* bytes of a value, at most, up to THETIS_BMAP_VALUE_MAX */
    /* The smallest first; the last one has room for the longest key and value. All 0: each twice
     * as large as the one before, or four times and so on if 8 were not enough, from 32 bytes on,
     * and each with a block for every record that there may be: for create(), which takes pages
     * as they are used. */
    thetis_bmap_class classes[THETIS_BMAP_CLASSES];
    uint64_t seed[2]; /* of the hash: a secret, where keys come from strangers */
    uintptr_t (*hash)(const void *key, size_t len); /* NULL: SipHash-1-3 with the seed */
} thetis_bmap_cfg;

typedef enum thetis_bmap_op {
    THETIS_BMAP_FIND,
    THETIS_BMAP_INSERT,
    THETIS_BMAP_UPDATE /* all others */
} thetis_bmap_op;

/** The domain has at least so many words of an announcement, and so many hazards. */
#define THETIS_BMAP_ARGS 5
#define THETIS_BMAP_HAZARDS 2

/** The longest key and value that can be configured: 2^24 - 1 and 2^32 - 1 bytes; 2^12 - 1 and
 *  2^16 - 1 on 32-bit machines. */
#define THETIS_BMAP_KEY_MAX                                                                     \
    ((THETIS_CAST(size_t, 1) << (THETIS_CAP_WORD_BITS / 8 * 3)) - 1)
#define THETIS_BMAP_VALUE_MAX ((THETIS_CAST(size_t, 1) << (THETIS_CAP_WORD_BITS / 2)) - 1)

THETIS_BEGIN_DECLS

/** Bytes that a map of this configuration needs, for a domain of that one; 0 if one is invalid, or
 *  the map may grow.
 *  @progress wait-free, 0 steps */
THETIS_API size_t thetis_bmap_size(const thetis_domain_cfg *domain, const thetis_bmap_cfg *cfg);

/** Builds an empty map in `mem`: aligned to THETIS_CACHE_LINE, `len` >= thetis_bmap_size().
 *  EINVAL: a bad configuration, mem NULL or misaligned, len too small, the domain has less than
 *  THETIS_BMAP_ARGS words for an announcement or THETIS_BMAP_HAZARDS hazards.
 *  @progress wait-free; before any other use of the memory */
THETIS_API THETIS_NODISCARD thetis_status thetis_bmap_init(void *mem, size_t len,
                                                           thetis_domain *domain,
                                                           const thetis_bmap_cfg *cfg,
                                                           thetis_bmap **out);

/** An empty map in memory of its own, which may grow: addresses for all that there can be are taken
 *  now, pages as they are used.
 *  EINVAL: as for init(). ENOMEM: no memory, or the port maps none.
 *  @progress blocking: the system's mmap */
THETIS_API THETIS_NODISCARD thetis_status thetis_bmap_create(thetis_domain *domain,
                                                             const thetis_bmap_cfg *cfg,
                                                             thetis_bmap **out);

/** Frees a map of create() that nobody uses any more. NULL is allowed.
 *  @progress blocking: the system's munmap */
THETIS_API void thetis_bmap_destroy(thetis_bmap *map);

/* Of all operations below. EINVAL: the key or the value is longer than configured. A
 * thetis_bmap_value may be NULL. What it does not tell is left as it was, but for `data`, which may
 * have been written into; neither key nor value of the call may be there. Hazards 0 and 1 of the
 * thread are overwritten: one's own begin with 2. */

/** OK: the key's value is in `found`, as far as there is room, with its length and version. E2BIG:
 *  the same, and it is longer than the room. ABSENT.
 *  @progress wait-free, at most thetis_bmap_bound() steps */
THETIS_API THETIS_NODISCARD thetis_status thetis_bmap_find(const thetis_bmap *map,
                                                           thetis_domain_thread *me,
                                                           thetis_bmap_bytes key,
                                                           thetis_bmap_value *found);

/** OK: the key was absent, and has this value now, in a record of version `found->version`. EXISTS:
 *  it was not, and keeps its value, which is in `found`. ENOMEM.
 *  @progress wait-free, at most thetis_bmap_bound() steps */
THETIS_API THETIS_NODISCARD thetis_status thetis_bmap_insert(thetis_bmap *map,
                                                             thetis_domain_thread *me,
                                                             thetis_bmap_bytes key,
                                                             thetis_bmap_bytes value,
                                                             thetis_bmap_value *found);

/** OK: the key has this value now; the one it had is in `old`, whose version is 0 if it was absent.
 *  ENOMEM.
 *  @progress wait-free, at most thetis_bmap_bound() steps */
THETIS_API THETIS_NODISCARD thetis_status thetis_bmap_put(thetis_bmap *map,
                                                          thetis_domain_thread *me,
                                                          thetis_bmap_bytes key,
                                                          thetis_bmap_bytes value,
                                                          thetis_bmap_value *old);

/** put() if the key is there: OK, ABSENT, ENOMEM.
 *  @progress wait-free, at most thetis_bmap_bound() steps */
THETIS_API THETIS_NODISCARD thetis_status thetis_bmap_replace(thetis_bmap *map,
                                                              thetis_domain_thread *me,
                                                              thetis_bmap_bytes key,
                                                              thetis_bmap_bytes value,
                                                              thetis_bmap_value *old);

/** OK: the key is absent now, and the value it had is in `old`. ABSENT; ENOMEM: for the bucket.
 *  @progress wait-free, at most thetis_bmap_bound() steps */
THETIS_API THETIS_NODISCARD thetis_status thetis_bmap_erase(thetis_bmap *map,
                                                            thetis_domain_thread *me,
                                                            thetis_bmap_bytes key,
                                                            thetis_bmap_value *old);

/** put() if the key's record is the one of that version: OK; MISMATCH: it is another one; ABSENT;
 *  ENOMEM.
 *  @progress wait-free, at most thetis_bmap_bound() steps */
THETIS_API THETIS_NODISCARD thetis_status thetis_bmap_cas(thetis_bmap *map,
                                                          thetis_domain_thread *me,
                                                          thetis_bmap_bytes key, uintptr_t version,
                                                          thetis_bmap_bytes value);

/** erase() if the key's record is the one of that version: OK; MISMATCH: it is another one; ABSENT;
 *  ENOMEM.
 *  @progress wait-free, at most thetis_bmap_bound() steps */
THETIS_API THETIS_NODISCARD thetis_status thetis_bmap_discard(thetis_bmap *map,
                                                              thetis_domain_thread *me,
                                                              thetis_bmap_bytes key,
                                                              uintptr_t version);

/** Gives pages of tables back, as thetis_map_trim() does: how many bytes. Those of records stay.
 *  @progress blocking: the system's madvise */
THETIS_API size_t thetis_bmap_trim(thetis_bmap *map);

/** While nobody else uses it: ECORRUPT if a table, a bucket or a record contradicts the invariants
 *  above; `*records` is how many there are.
 *  @progress owner */
THETIS_API THETIS_NODISCARD thetis_status thetis_bmap_check(const thetis_bmap *map,
                                                            size_t *records);

/** How many records there are, but for what operations insert or erase meanwhile. By anybody.
 *  @progress wait-free (claimed), N steps */
THETIS_API size_t thetis_bmap_count(const thetis_bmap *map);

/** The most steps of find, of insert, and of each other operation, with keys and values of the
 *  longest.
 *  @progress wait-free, 0 steps */
THETIS_API uint64_t thetis_bmap_bound(const thetis_bmap *map, thetis_bmap_op op);

THETIS_END_DECLS

#endif
