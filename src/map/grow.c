/* SPDX-License-Identifier: MIT
 *
 * grow.c: how pairs get from one table to the next one, and how operations find them meanwhile.
 *
 * A resize is divided into units, as many as the smaller table has buckets: growing, a unit is one
 * bucket of the old table and two of the new one, shrinking the other way round. Whoever meets a
 * unit that is not drained drains it, as a whole, in steps that anybody may repeat:
 *   1 freeze the unit's old cells; an attempt that does so carries the announced operations, too;
 *   2 tell the results that the frozen versions have, and read them;
 *   3 fill the unit's new cells, if the state is still the same after it has seen one unfilled;
 *   4 change the old cells from frozen to dead, with the resize's number. Who does so retires the
 *     version, unless it has become a new cell's.
 * A bucket of which all pairs go to the same new one is not copied: the version moves. Only when
 * growing: a version never comes back to a table, so a compare-and-swap that is late by any number
 * of resizes fails, or has done nothing wrong.
 *
 * Invariants. A cell of the current table is updated only after its unit is drained: what is in
 * the old cells is true until they are dead, and no version is retired that an old cell names. A
 * cell is filled once in each resize: what it had before, dead with an older number, does not come
 * again. It is 0 only where memory was never used or was given back, which does not happen while a
 * thread says that it works there (trim.c). An update looks at the state after it has protected the
 * head: without that, the freezing of a bucket could fail once for each thread, not once.
 *
 * A lookup begins with the old cell: live or frozen it has the truth, at the time when it is read.
 * Dead: the new one is filled, and has it, then or, if it is frozen, when it was frozen, which is
 * after the state was loaded.
 *
 * Who helps: each operation that may change something drains its own unit, or, if that is drained,
 * one in the next lines of cells, another one for each thread; and the first one that is not
 * drained. If another resize begins meanwhile, it is announced first. `front` counts those at the
 * beginning that are drained, as far as somebody has looked. When these are all, the next operation
 * ends the resize. No counter is believed: a thread may stop between what it has done and counting
 * it.
 *
 * Orders, beside those of domain.h:
 *   map.state  who ends a resize or trims has seen the cells that the state speaks of; whoever
 *              loads it acquires what they have. Beginning one tells nothing new: its relaxed
 *              compare-and-swap hands on what was released before.
 *   map.front  the same for the units that it counts.
 * `working` is relaxed: the full fence of a protection comes between it and what a thread does.
 */
#include "map.h"

enum {
    GROW_LINE = THETIS_CACHE_LINE / sizeof(thetis_atomic), /* cells of a line */
    GROW_LOOK = 16, /* units that an operation looks at, beyond the one it drains */
    GROW_CELLS = 2, /* of a unit, in one table, at most */
    GROW_ROUNDS = 4
};

/* A unit of a resize. */
typedef struct grow_unit {
    const thetis_map *map;
    uintptr_t state;
    size_t from[GROW_CELLS], from_n, to[GROW_CELLS], to_n; /* numbers of cells */
} grow_unit;

/* What its old cells have. */
typedef struct grow_load {
    tht_map_pair pairs[2 * THETIS_MAP_BUCKET];
    size_t n;
    size_t next; /* THT_CELL_NEXT */
    const tht_cell_block *version; /* of the only old cell */
} grow_load;

static size_t grow_units(uintptr_t state)
{
    size_t n = tht_map_buckets(state), left = tht_map_left(state);
    return n < left ? n : left;
}

static grow_unit grow_unit_of(const thetis_map *map, uintptr_t state, size_t k)
{
    size_t to = tht_map_buckets(state), from = tht_map_left(state);
    k &= grow_units(state) - 1;
    return (grow_unit){.map = map, .state = state, .from = {from | k, from | k | to},
                       .from_n = from > to ? 2 : 1, .to = {to | k, to | k | from},
                       .to_n = from > to ? 1 : 2};
}

static uintptr_t grow_dead(const grow_unit *unit)
{
    return tht_cell_dead(tht_map_number(unit->state));
}

static int grow_is_drained(const grow_unit *unit)
{
    for (size_t k = 0; k < unit->from_n; k++) {
        thetis_atomic *cell = tht_map_cell(unit->map, unit->from[k]);
        if (thetis_atomic_load_acquire(cell) != grow_dead(unit)) return 0; /* pair: domain.cell */
    }
    return 1;
}

/* ---- draining -------------------------------------------------------------------------------- */

/* Protects the head of an old cell and sees to it that it is frozen, or dead. */
static thetis_status grow_freeze(const grow_unit *unit, thetis_domain_thread *me,
                                 const tht_cell_op *op, thetis_atomic *cell, uintptr_t *head)
{
    const tht_cells *cells = &unit->map->cells;
    tht_cell_op at = {cell, cell, op->args, op->result, op->request};
    for (size_t round = 0;; round++) {
        THETIS_ASSERT2(round < GROW_ROUNDS);
        thetis_status s = thetis_domain_protect(me, THT_CELL_HAZARD, cell, head);
        if (!tht_map_lasts(unit->map, unit->state)) return THETIS_AGAIN;
        if (s != THETIS_OK) continue;
        if (!tht_cell_is_filled(*head)) return THETIS_OK;
        if (tht_cell_is_frozen(*head)) break;
        if (tht_cell_freeze(cells, me, &at, *head) == THETIS_ENOMEM) return THETIS_ENOMEM;
    }
    tht_cell_finish(cells, *head);
    return THETIS_OK;
}

static void grow_read(const tht_cell_block *version, grow_load *load)
{
    load->version = version;
    if (!version) return;
    uintptr_t fields = tht_cell_fields(version);
    load->next = tht_cell_field_of(fields, THT_CELL_NEXT);
    size_t items = tht_cell_items(fields);
    THETIS_ASSERT2(load->n + items <= 2 * THETIS_MAP_BUCKET);
    for (size_t k = 0; k < items; k++)
        load->pairs[load->n++] = tht_map_read(tht_map_at(version, fields, k));
}

static thetis_status grow_load_all(const grow_unit *unit, thetis_domain_thread *me,
                                   const tht_cell_op *op, grow_load *load)
{
    for (size_t k = 0; k < unit->from_n; k++) {
        uintptr_t head;
        thetis_status s = grow_freeze(unit, me, op, tht_map_cell(unit->map, unit->from[k]), &head);
        if (s != THETIS_OK) return s;
        if (!tht_cell_is_filled(head)) return THETIS_EMPTY; /* the new ones are */
        grow_read(tht_cell_version(head), load);
    }
    return THETIS_OK;
}

/* Pairs that go to the k-th new cell. */
static size_t grow_share(const grow_unit *unit, const grow_load *load, size_t k, tht_map_pair *to)
{
    size_t n = 0, buckets = tht_map_buckets(unit->state);
    for (size_t i = 0; i < load->n; i++) {
        uintptr_t hash = tht_map_hash(unit->map, load->pairs[i].key);
        if ((buckets | (hash & (buckets - 1))) == unit->to[k]) to[n++] = load->pairs[i];
    }
    return n;
}

static uintptr_t grow_copy(const grow_unit *unit, thetis_domain_thread *me, const grow_load *load,
                           const tht_map_pair *pairs, size_t n)
{
    tht_cell_block *block = tht_cell_take(&unit->map->cells, me, n * sizeof *pairs);
    if (!block) return 0;
    tht_cell_start(block, 0, load->next);
    uintptr_t fields = tht_cell_fields(block);
    for (size_t k = 0; k < n; k++) tht_map_write(tht_map_at(block, fields, k), pairs[k]);
    tht_cell_set_items(block, fields, n);
    return (uintptr_t)block;
}

/* Before there is a bucket that must not be merged with another one. Too late it only keeps the map
 * from shrinking for a while. */
static void grow_say_full(const grow_unit *unit)
{
    thetis_atomic *state = &unit->map->shared->state;
    (void)thetis_atomic_fetch_or_relaxed(state, THT_MAP_FULL);
}

/* The word for the k-th new cell; 0: out of memory. */
static uintptr_t grow_word(const grow_unit *unit, thetis_domain_thread *me, const grow_load *load,
                           size_t k)
{
    tht_map_pair pairs[2 * THETIS_MAP_BUCKET];
    size_t n = grow_share(unit, load, k, pairs);
    if (n == 0) return tht_cell_empty(&unit->map->cells, me);
    if (n > unit->map->bucket) grow_say_full(unit);
    if (n == load->n && unit->from_n == 1) return (uintptr_t)load->version;
    return grow_copy(unit, me, load, pairs, n);
}

static thetis_status grow_fill(const grow_unit *unit, thetis_domain_thread *me,
                               const grow_load *load, size_t k)
{
    thetis_atomic *cell = tht_map_cell(unit->map, unit->to[k]);
    uintptr_t seen = thetis_atomic_load_acquire(cell); /* pair: domain.cell */
    if (!tht_map_lasts(unit->map, unit->state)) return THETIS_AGAIN;
    if (tht_cell_is_filled(seen)) return THETIS_OK;
    uintptr_t word = grow_word(unit, me, load, k);
    if (!word) return THETIS_ENOMEM;
    if (!thetis_domain_cas(cell, seen, word) && word != (uintptr_t)load->version)
        tht_cell_drop(&unit->map->cells, me, word);
    return THETIS_OK;
}

/* Whether the new cells, which nobody updates before the unit is drained, have the version. */
static int grow_has_moved(const grow_unit *unit, uintptr_t frozen)
{
    for (size_t k = 0; k < unit->to_n; k++) {
        uintptr_t word = thetis_atomic_load_relaxed(tht_map_cell(unit->map, unit->to[k]));
        if (word == (frozen & ~THT_CELL_FROZEN)) return 1;
    }
    return 0;
}

/* Gives up an old cell whose new ones are filled. */
static thetis_status grow_give_up(const grow_unit *unit, thetis_domain_thread *me,
                                  thetis_atomic *cell)
{
    uintptr_t head;
    if (thetis_domain_protect(me, THT_CELL_HAZARD, cell, &head) != THETIS_OK) return THETIS_OK;
    if (!tht_map_lasts(unit->map, unit->state)) return THETIS_AGAIN;
    if (!tht_cell_is_filled(head)) return THETIS_OK;
    int moved = grow_has_moved(unit, head);
    if (thetis_domain_cas(cell, head, grow_dead(unit)) && !moved)
        tht_cell_retire(&unit->map->cells, me, head);
    return THETIS_OK;
}

static thetis_status grow_drain_all(const grow_unit *unit, thetis_domain_thread *me,
                                    const tht_cell_op *op)
{
    grow_load load = {.n = 0};
    thetis_status s = grow_load_all(unit, me, op, &load);
    for (size_t k = 0; k < unit->to_n && s == THETIS_OK; k++) s = grow_fill(unit, me, &load, k);
    if (s != THETIS_OK && s != THETIS_EMPTY) return s;
    for (size_t k = 0; k < unit->from_n; k++) {
        s = grow_give_up(unit, me, tht_map_cell(unit->map, unit->from[k]));
        if (s != THETIS_OK) return s;
    }
    return THETIS_OK;
}

/* OK: the unit is drained. AGAIN: the resize is over. ENOMEM. */
static thetis_status grow_drain(const grow_unit *unit, thetis_domain_thread *me,
                                const tht_cell_op *op)
{
    if (grow_is_drained(unit)) return THETIS_OK;
    thetis_atomic *working = &unit->map->local[thetis_domain_self(me)].working;
    thetis_atomic_store_relaxed(working, unit->state);
    thetis_status s = grow_drain_all(unit, me, op);
    thetis_atomic_store_relaxed(working, 0);
    return s;
}

/* ---- all units ------------------------------------------------------------------------------- */

/* `front` has a number below `most`, and above it that of the resize. */
static uintptr_t grow_front(const thetis_map *map, uintptr_t state, size_t units)
{
    return tht_map_number(state) * map->most + units;
}

/* As far as has been seen; the word that says so is `seen`. */
static size_t grow_drained(const thetis_map *map, uintptr_t state, uintptr_t *seen)
{
    *seen = thetis_atomic_load_acquire(&map->shared->front); /* pair: map.front */
    uintptr_t n = *seen - grow_front(map, state, 0);
    return n <= grow_units(state) ? n : 0;
}

static void grow_end(const thetis_map *map, uintptr_t state)
{
    uintptr_t now = tht_map_state(map), way = (uintptr_t)3 << THT_MAP_WAY_SHIFT;
    if (tht_map_number(now) != tht_map_number(state)) return;
    (void)thetis_atomic_cas_release(&map->shared->state, now, now & ~way); /* pair: map.state */
}

/* One unit that no other thread begins with. */
static void grow_help_ahead(const thetis_map *map, thetis_domain_thread *me, uintptr_t state,
                            size_t front)
{
    size_t line = (front / GROW_LINE + 1 + thetis_domain_self(me)) * GROW_LINE;
    for (size_t k = line; k < line + GROW_LINE; k++) {
        grow_unit unit = grow_unit_of(map, state, k);
        if (grow_is_drained(&unit)) continue;
        (void)grow_drain(&unit, me, &(tht_cell_op){.request = 0});
        return;
    }
}

/* The first one, then as many as are drained already. */
static size_t grow_help_front(const thetis_map *map, thetis_domain_thread *me, uintptr_t state,
                              size_t front)
{
    size_t units = grow_units(state), end = front + GROW_LOOK < units ? front + GROW_LOOK : units;
    grow_unit unit = grow_unit_of(map, state, front);
    if (grow_drain(&unit, me, &(tht_cell_op){.request = 0}) != THETIS_OK) return front;
    for (front++; front < end; front++) {
        unit = grow_unit_of(map, state, front);
        if (!grow_is_drained(&unit)) break;
    }
    return front;
}

/* Its share of the moving; what is moved already ends the resize. */
static void grow_help(const thetis_map *map, thetis_domain_thread *me, uintptr_t state,
                      uintptr_t hash)
{
    uintptr_t seen;
    size_t before = grow_drained(map, state, &seen), front;
    if (before == grow_units(state)) {
        grow_end(map, state);
        return;
    }
    grow_unit own = grow_unit_of(map, state, hash);
    if (grow_is_drained(&own)) grow_help_ahead(map, me, state, before);
    else (void)grow_drain(&own, me, &(tht_cell_op){.request = 0});
    front = grow_help_front(map, me, state, before);
    uintptr_t now = grow_front(map, state, front);
    if (front > before)
        (void)thetis_atomic_cas_release(&map->shared->front, seen, now); /* pair: map.front */
}

void tht_map_help(const thetis_map *map, thetis_domain_thread *me, uintptr_t key)
{
    uintptr_t state = tht_map_state(map);
    if (THETIS_UNLIKELY(tht_map_way(state) != THT_MAP_STAY))
        grow_help(map, me, state, tht_map_hash(map, key));
}

/* ---- operations ------------------------------------------------------------------------------ */

static const thetis_map *grow_map(const tht_cells *cells)
{
    return (const thetis_map *)cells->self;
}

/* An operation has helped at first: if its unit is not drained the resize is a new one, and the
 * next one may be, too. Announced it is carried along by whoever freezes its cell. */
static thetis_status grow_reach(const grow_unit *unit, thetis_domain_thread *me,
                                const tht_cell_op *op)
{
    if (op->request) return grow_drain(unit, me, op);
    return grow_is_drained(unit) ? THETIS_OK : THETIS_AGAIN;
}

thetis_status tht_map_reach(const tht_cells *cells, thetis_domain_thread *me, tht_cell_op *op,
                            uintptr_t *head)
{
    const thetis_map *map = grow_map(cells);
    uintptr_t state = tht_map_state(map), hash = tht_map_hash(map, op->args[THT_MAP_KEY]);
    size_t n = tht_map_buckets(state);
    if (tht_map_way(state) != THT_MAP_STAY) {
        grow_unit unit = grow_unit_of(map, state, hash);
        thetis_status s = grow_reach(&unit, me, op);
        if (s != THETIS_OK) return s;
    }
    op->cell = tht_map_cell(map, n | (hash & (n - 1)));
    op->place = op->cell;
    thetis_status s = thetis_domain_protect(me, THT_CELL_HAZARD, op->cell, head);
    if (s != THETIS_OK) return s;
    if (!tht_map_lasts(map, state) || tht_cell_is_frozen(*head)) return THETIS_AGAIN;
    return THETIS_OK;
}

thetis_status tht_map_seek(const tht_cells *cells, thetis_domain_thread *me, tht_cell_op *op,
                           uintptr_t *head)
{
    const thetis_map *map = grow_map(cells);
    uintptr_t state = tht_map_state(map), hash = tht_map_hash_of(map, op->args);
    if (tht_map_way(state) != THT_MAP_STAY) {
        size_t left = tht_map_left(state);
        op->cell = tht_map_cell(map, left | (hash & (left - 1)));
        thetis_status s = thetis_domain_protect(me, THT_CELL_HAZARD, op->cell, head);
        if (s != THETIS_OK || tht_cell_is_filled(*head)) return s;
    }
    size_t n = tht_map_buckets(state);
    op->cell = tht_map_cell(map, n | (hash & (n - 1)));
    thetis_status s = thetis_domain_protect(me, THT_CELL_HAZARD, op->cell, head);
    if (s != THETIS_OK) return s;
    return tht_cell_is_filled(*head) ? THETIS_OK : THETIS_AGAIN;
}

/* ---- bounds ---------------------------------------------------------------------------------- */

/* Cells frozen: each round protects and looks at the state; one is lost to who had loaded the head
 * before the resize, which each other thread does to one cell only; one to who freezes, too; one to
 * who gives up; then `finish`. Read: items, records twice, next, and pairs. */
static uint64_t grow_freeze_bound(const thetis_map *map, const tht_cell_cost *cost, size_t cells,
                                  size_t pairs)
{
    size_t others = map->cells.domain->threads_ - 1, lost = others < cells ? others : cells;
    return cells * (GROW_ROUNDS * 4 + tht_cell_finish_bound(&map->cells) + 4) + 2 * pairs +
           (cells + lost) * tht_cell_freeze_bound(&map->cells, cost);
}

/* A new cell filled: look, state, pairs, header; perhaps the word `full`. */
static uint64_t grow_fill_bound(const thetis_map *map, size_t pairs)
{
    uint64_t take = tht_cell_block_bound(&map->cells, THETIS_POOL_TAKE);
    uint64_t give = tht_cell_block_bound(&map->cells, THETIS_POOL_GIVE);
    return 2 + 1 + take + 2 * (map->cells.size_n - 1) + 4 + 2 * pairs + 1 + 1 + give;
}

/* An old cell given up: protect, state, new cells, compare-and-swap, clear, retire. */
static uint64_t grow_give_up_bound(const thetis_map *map, size_t to_n)
{
    return 3 + 1 + to_n + 1 + 2 + tht_cell_block_bound(&map->cells, THETIS_POOL_RETIRE);
}

static uint64_t grow_drain_bound(const thetis_map *map, const tht_cell_cost *cost)
{
    size_t most = 2 * map->bucket;
    uint64_t grow = 1 + grow_freeze_bound(map, cost, 1, most) + grow_fill_bound(map, most) +
                    grow_fill_bound(map, 0) + grow_give_up_bound(map, 2);
    uint64_t shrink = 2 + grow_freeze_bound(map, cost, 2, most) +
                      grow_fill_bound(map, most) + 2 * grow_give_up_bound(map, 1);
    return 3 + (grow > shrink ? grow : shrink);
}

/* The state twice, two old cells. */
void tht_map_grow_cost(const thetis_map *map, tht_cell_cost *cost)
{
    if (map->least == map->most) return;
    cost->reach = 4;
    cost->seek = 4;
    cost->drain = grow_drain_bound(map, cost);
}

/* State, front; a line ahead or its own, and one drained; one drained and as many as it looks at;
 * front. */
uint64_t tht_map_help_bound(const thetis_map *map, const tht_cell_cost *cost)
{
    if (map->least == map->most) return 0;
    return 2 + 2 + 2 * GROW_LINE + 2 * cost->drain + 2 * (GROW_LOOK - 1) + 1;
}
