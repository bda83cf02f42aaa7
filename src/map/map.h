/* SPDX-License-Identifier: MIT
 *
 * map.h: what the sources of the map share; making one of any shape, for tests that want tiny ones.
 *
 * State: one word says which table is the current one, which one is being left, if any, and how
 * many resizes there were. A table of n buckets, n a power of two, has the cells n .. 2n - 1: the
 * highest bit of a cell's number tells the table, and there is a place for each table that there
 * can be.
 */
#ifndef THT_MAP_H
#define THT_MAP_H

#include <thetis/map.h>

#include "../cell/cell.h"

enum { THT_MAP_SIZES = 8 };

/* Words of an operation. */
enum { THT_MAP_SELF, THT_MAP_OP, THT_MAP_KEY, THT_MAP_VALUE, THT_MAP_MORE };

/* The operation that changes nothing, and has a hash in place of a key. */
enum { THT_MAP_WALK = 1 << 8 };

/* What is to be done; discard erases a value that is the expected one, as cas replaces it. */
typedef enum tht_map_verb {
    THT_MAP_FIND, THT_MAP_INSERT, THT_MAP_PUT, THT_MAP_REPLACE, THT_MAP_ERASE, THT_MAP_CAS,
    THT_MAP_UPDATE, THT_MAP_DISCARD
} tht_map_verb;

/* Words of a result. `found` is the value that is or was there; after an insertion, how many pairs
 * the bucket has. */
enum { THT_MAP_STATUS, THT_MAP_FOUND };

/* A version has as many as it has items. */
typedef thetis_map_pair tht_map_pair;

typedef struct tht_map_shape {
    size_t buckets;     /* a power of two, as are */
    size_t buckets_max; /* that there can be later */
    size_t bucket;      /* most pairs in one that insertions make; two that are merged have twice */
    size_t crowd;       /* pairs in one after an insertion that let it look at the load */
    size_t often;       /* erasures of a thread after which it looks at it; a power of two */
    size_t tries;       /* K of the cells */
    size_t batch;       /* b of the cells */
    thetis_pool_cfg pool[THT_MAP_SIZES];
} tht_map_shape;

/* What makes words stand for something else: a key for a hash, a value for a record. What is read
 * there may be used anew; then it does not matter what is said, see cell.h. */
typedef struct tht_map_rule {
    /* Whether the value of a pair with the operation's key word is of the operation's key. */
    int (*same)(uintptr_t value, const uintptr_t *args);
    /* Whether it is the one that is expected. */
    int (*expects)(uintptr_t value, uintptr_t expected);
} tht_map_rule;

/* What all threads write, with the mask behind it. */
typedef struct tht_map_shared {
    thetis_atomic state;
    thetis_atomic front; /* how many units are drained, of which resize: see grow.c */
} tht_map_shared;

/* What one thread writes. */
typedef struct tht_map_local {
    uintptr_t empties;       /* the cells', as is */
    thetis_atomic announced;
    thetis_atomic pairs;     /* inserted less erased: a sum over all threads counts */
    thetis_atomic longest;   /* most pairs in a bucket that its insertions left */
    thetis_atomic working;   /* the state whose cells it is moving, or 0 */
} THETIS_CACHE_ALIGNED tht_map_local;

struct thetis_map {
    tht_cells cells;
    tht_cell_size sizes[THT_MAP_SIZES];
    thetis_map_cfg cfg;
    size_t least, most; /* buckets */
    size_t bucket, crowd, often;
    const tht_map_rule *rule; /* NULL: words are words */
    size_t same, expects;     /* steps of the rule's functions, the value's word included */
    size_t mapped; /* bytes, if create() made it */
    tht_map_shared *shared;
    tht_map_local *local; /* of each thread */
    thetis_atomic *cell;  /* the first one has the number `least`, the last one 2 * most - 1 */
};

/* ---- state ----------------------------------------------------------------------------------- */

enum tht_map_way { THT_MAP_STAY, THT_MAP_GROW, THT_MAP_SHRINK };

enum {
    THT_MAP_LOG = 63,       /* of the current table's buckets */
    THT_MAP_WAY_SHIFT = 6,  /* from which table */
    THT_MAP_FULL = 1 << 8,  /* a merged bucket has more pairs than insertions make: no shrinking */
    THT_MAP_TRIM = 1 << 9,  /* pages are being given back: no resize begins */
    THT_MAP_NUMBER_SHIFT = 10
};

static inline size_t tht_map_buckets(uintptr_t state)
{
    return (size_t)1 << (state & THT_MAP_LOG);
}

static inline enum tht_map_way tht_map_way(uintptr_t state)
{
    return (enum tht_map_way)(state >> THT_MAP_WAY_SHIFT & 3);
}

/* Of the last resize; it names the tables. */
static inline uintptr_t tht_map_number(uintptr_t state)
{
    return state >> THT_MAP_NUMBER_SHIFT;
}

/* Buckets of the table that is being left. */
static inline size_t tht_map_left(uintptr_t state)
{
    size_t n = tht_map_buckets(state);
    return tht_map_way(state) == THT_MAP_GROW ? n / 2 : n * 2;
}

/* With what its author knew. */
static inline uintptr_t tht_map_state(const thetis_map *map)
{
    return thetis_atomic_load_acquire(&map->shared->state); /* pair: map.state */
}

static inline thetis_atomic *tht_map_cell(const thetis_map *map, size_t number)
{
    return &map->cell[number - map->least];
}

/* The other way round; and how many buckets the table has that a cell of this number is of. */
static inline size_t tht_map_number_of(const thetis_map *map, const void *cell)
{
    return (size_t)((const thetis_atomic *)cell - map->cell) + map->least;
}

static inline size_t tht_map_table(size_t number)
{
    return (size_t)1 << (63 - __builtin_clzll(number));
}

/* Whether it is still the same resize, or no other one since. */
static inline int tht_map_lasts(const thetis_map *map, uintptr_t state)
{
    return tht_map_number(tht_map_state(map)) == tht_map_number(state);
}

/* ---- map.c ----------------------------------------------------------------------------------- */

/* What a bucket's content is; where buckets do not move. */
extern const tht_cell_kind tht_map_kind, tht_map_fixed_kind;

/* Pairs of a version, two words each, with its fields. */
static inline thetis_atomic *tht_map_at(const tht_cell_block *version, uintptr_t fields, size_t k)
{
    return tht_cell_content(version, fields) + 2 * k;
}

static inline tht_map_pair tht_map_read(const thetis_atomic *at)
{
    return (tht_map_pair){tht_cell_read(&at[0]), tht_cell_read(&at[1])};
}

static inline void tht_map_write(thetis_atomic *at, tht_map_pair pair)
{
    tht_cell_write(&at[0], pair.key);
    tht_cell_write(&at[1], pair.value);
}

/* Pairs of a version that are left to look at. */
typedef struct tht_map_range {
    thetis_atomic *at, *end;
} tht_map_range;

static inline tht_map_range tht_map_range_of(const tht_cell_block *version)
{
    uintptr_t fields = tht_cell_fields(version);
    thetis_atomic *at = tht_map_at(version, fields, 0);
    return (tht_map_range){at, at + 2 * tht_cell_items(fields)};
}

/* The next one with that key word, or NULL. */
static inline thetis_atomic *tht_map_next(tht_map_range *range, uintptr_t key)
{
    for (; range->at < range->end; range->at += 2) {
        if (tht_cell_read(range->at) != key) continue;
        range->at += 2;
        return range->at - 2;
    }
    return NULL;
}

uintptr_t tht_map_hash(const thetis_map *map, uintptr_t key);

/* Of an operation. */
static inline uintptr_t tht_map_hash_of(const thetis_map *map, const uintptr_t *args)
{
    if (args[THT_MAP_OP] == THT_MAP_WALK) return args[THT_MAP_KEY];
    return tht_map_hash(map, args[THT_MAP_KEY]);
}

/* The cell that has the truth about a key until it is given up. */
const thetis_atomic *tht_map_first(const thetis_map *map, uintptr_t key);

/* An operation that may change something, and the protected part of a lookup: EXISTS or ABSENT. */
thetis_status tht_map_do(thetis_map *map, thetis_domain_thread *me, tht_map_verb verb,
                         uintptr_t key, uintptr_t value, uintptr_t more, uintptr_t *result);
thetis_status tht_map_ask(const thetis_map *map, thetis_domain_thread *me, uintptr_t key,
                          uintptr_t value, uintptr_t *result);

/* ---- table.c: the load, and what follows from it -------------------------------------------- */

/* Begins a resize, unless the state has changed or does not allow it. */
void tht_map_begin(thetis_map *map, uintptr_t state, enum tht_map_way way);

/* Says that the caller has inserted a pair into a bucket that now has `items`; or erased one. */
void tht_map_inserted(thetis_map *map, const thetis_domain_thread *me, size_t items);
void tht_map_erased(thetis_map *map, const thetis_domain_thread *me);

/* ---- grow.c: moving ---------------------------------------------------------------------------*/

/* The caller's share of the moving: before each operation that may change something. */
void tht_map_help(const thetis_map *map, thetis_domain_thread *me, uintptr_t key);

/* See tht_cell_kind. */
thetis_status tht_map_reach(const tht_cells *cells, thetis_domain_thread *me, tht_cell_op *op,
                            uintptr_t *head);
thetis_status tht_map_seek(const tht_cells *cells, thetis_domain_thread *me, tht_cell_op *op,
                           uintptr_t *head);

/* The most steps of reach and seek, but for draining; of draining; of help. */
void tht_map_grow_cost(const thetis_map *map, tht_cell_cost *cost);
uint64_t tht_map_help_bound(const thetis_map *map, const tht_cell_cost *cost);

/* ---- iter.c: all buckets, one by one --------------------------------------------------------- */

/* A bucket that is being read: from begin() to end() its version stays as it is, if the thread does
 * nothing else meanwhile. It is that of all points first .. last: the walk goes on behind them, and
 * has to do with no other ones. */
typedef struct tht_map_walk {
    const tht_cell_block *version;
    uintptr_t first, last;
    tht_cell_op op;
    uintptr_t args[THETIS_MAP_ARGS], result[THT_CELL_RESULT];
} tht_map_walk;

void tht_map_walk_begin(const thetis_map *map, thetis_domain_thread *me, uintptr_t point,
                        tht_map_walk *walk);
void tht_map_walk_end(const thetis_map *map, thetis_domain_thread *me, const tht_map_walk *walk);

/* Whether a pair with that hash is one of those that the walk has to do with. */
int tht_map_walk_has(const tht_map_walk *walk, uintptr_t hash);

/* ---- trim.c ---------------------------------------------------------------------------------- */

/* Gives back memory, which is 0 then. */
typedef void tht_map_discard(void *memory, size_t bytes);

/* Bytes that were given back, in multiples of a page. */
size_t tht_map_trim(thetis_map *map, size_t page, tht_map_discard *discard);

/* ---- make.c ---------------------------------------------------------------------------------- */

/* The shape for valid configurations; buckets is 0 for others. */
tht_map_shape tht_map_shape_of(const thetis_domain_cfg *domain, const thetis_map_cfg *cfg);

/* Bytes that it needs; 0: more than there can be. */
size_t tht_map_bytes(const thetis_domain_cfg *domain, const tht_map_shape *shape);

/* A map of that shape in memory that is aligned and large enough. `blank`: the memory is zero. */
thetis_map *tht_map_build(void *mem, thetis_domain *domain, const tht_map_shape *shape,
                          const thetis_map_cfg *cfg, int blank);

#endif
