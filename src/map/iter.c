/* SPDX-License-Identifier: MIT
 *
 * iter.c: all pairs of a map, some in each call, while others change it.
 *
 * A pair's point is its hash with the bits in reverse order. A table of 2^b buckets decides by the
 * b lowest bits of a hash, which are the highest of the point: so the buckets of any table, taken
 * in this order, are intervals of points, one after the other. A table of twice as many halves each
 * interval, one of half as many joins two; a point stays what it is. (Pieter Noordhuis's order for
 * the SCAN of redis, which remembers a bucket, and so reports pairs again where tables shrink.)
 *
 * The cursor is a point: all before it is reported. A step reads the bucket that has the cursor, in
 * whatever table it is, reports what has its point at the cursor or behind it, and goes to the end
 * of the bucket's interval. So no point is passed twice, and none is left out.
 *
 * Invariant: what is read is a version that was the truth about its whole interval at one moment of
 * the step: see grow.c for why a lookup of any key there may believe it. In a merged bucket that is
 * filled while one of the two old ones is frozen, not dead, this is so as well: it has what both
 * had, and nobody updates it before both are dead. If somebody else has carried out an announced
 * step, nobody says in which table: then the step has to do with the bucket that the largest table
 * would have.
 */
#include "map.h"

/* Its own inverse. */
static uintptr_t iter_reverse(uintptr_t x)
{
    uintptr_t mask = UINTPTR_MAX;
    for (unsigned shift = THETIS_CAP_WORD_BITS / 2; shift > 0; shift /= 2) {
        mask ^= mask << shift;
        x = (x >> shift & mask) | (x & mask) << shift;
    }
    return x;
}

static size_t iter_buckets(const thetis_map *map, const thetis_atomic *cell)
{
    return cell ? tht_map_table(tht_map_number_of(map, cell)) : map->most;
}

void tht_map_walk_begin(const thetis_map *map, thetis_domain_thread *me, uintptr_t point,
                        tht_map_walk *walk)
{
    uintptr_t hash = iter_reverse(point);
    *walk = (tht_map_walk){.first = point, .args = {map->cells.self, THT_MAP_WALK, hash}};
    walk->op = (tht_cell_op){.args = walk->args, .result = walk->result};
    if (!map->cells.moves) {
        walk->op.cell = tht_map_cell(map, map->least | (hash & (map->least - 1)));
        walk->op.place = walk->op.cell;
    }
    walk->version = tht_cell_hold(&map->cells, map->cells.kind, me, &walk->op);
    walk->last = point | UINTPTR_MAX / iter_buckets(map, walk->op.cell);
}

void tht_map_walk_end(const thetis_map *map, thetis_domain_thread *me, const tht_map_walk *walk)
{
    tht_cell_release(&map->cells, me, &walk->op);
}

int tht_map_walk_has(const tht_map_walk *walk, uintptr_t hash)
{
    uintptr_t point = iter_reverse(hash);
    return point >= walk->first && point <= walk->last;
}

/* What the walk has to do with; SIZE_MAX: there may not be room for it. */
static size_t iter_copy(const thetis_map *map, const tht_map_walk *walk, thetis_map_pair *pairs,
                        size_t room)
{
    if (!walk->version) return 0;
    uintptr_t fields = tht_cell_fields(walk->version);
    size_t items = tht_cell_items(fields), n = 0;
    if (items > room) return SIZE_MAX;
    for (size_t k = 0; k < items; k++) {
        pairs[n] = tht_map_read(tht_map_at(walk->version, fields, k));
        n += (size_t)tht_map_walk_has(walk, tht_map_hash(map, pairs[n].key));
    }
    return n;
}

uintptr_t thetis_map_scan(const thetis_map *map, thetis_domain_thread *me, uintptr_t cursor,
                          thetis_map_pair *pairs, size_t n, size_t *count)
{
    size_t looks = 0;
    THETIS_ASSERT1(n >= 2 * map->bucket);
    *count = 0;
    do {
        tht_map_walk walk;
        tht_map_walk_begin(map, me, cursor, &walk);
        size_t more = iter_copy(map, &walk, pairs + *count, n - *count);
        tht_map_walk_end(map, me, &walk);
        if (more == SIZE_MAX) break;
        *count += more;
        cursor = walk.last + 1;
    } while (cursor != 0 && ++looks < n);
    return cursor;
}

/* From the beginning of a bucket on: else the first pairs of buckets came seldom. */
thetis_status thetis_map_choose(const thetis_map *map, thetis_domain_thread *me, uintptr_t random,
                                thetis_map_pair *pair)
{
    thetis_map_pair pairs[THETIS_MAP_SCAN_LEAST];
    size_t count;
    uintptr_t from = random & ~(UINTPTR_MAX / tht_map_buckets(tht_map_state(map)));
    uintptr_t next = thetis_map_scan(map, me, from, pairs, THETIS_MAP_SCAN_LEAST, &count);
    if (count == 0) (void)thetis_map_scan(map, me, next, pairs, THETIS_MAP_SCAN_LEAST, &count);
    if (count == 0) return THETIS_ABSENT;
    *pair = pairs[random % count];
    return THETIS_OK;
}
