/* SPDX-License-Identifier: MIT
 *
 * trim.c: giving back the pages of tables that are not in use.
 *
 * Cells of such pages are 0 afterwards: not filled, as before their first use. So a thread that is
 * about to fill a cell which it had seen as 0, late by some resizes, would succeed. Therefore
 * threads that move cells say so, pass the full fence of a protection, and look at the state again;
 * and trimming keeps resizes from beginning, and looks at what the threads say. It needs no fence
 * of its own: the resize that took the late thread's new table out of use is over, and whoever
 * drained a unit of it passed a full fence after that resize had begun, and before it was over,
 * which is acquired with the state. Either the late thread's fence comes before that one, and
 * trimming sees what it says, or after, and the late thread sees the newer state.
 *
 * Who is stopped for ever in here keeps the map at its size; the others work on.
 */
#include "map.h"

#include "../port/port.h"

/* The tables of a state, as sums of their numbers of buckets. */
static size_t trim_tables(uintptr_t state)
{
    size_t n = tht_map_buckets(state);
    return tht_map_way(state) == THT_MAP_STAY ? n : n | tht_map_left(state);
}

static size_t trim_in_use(const thetis_map *map, uintptr_t state)
{
    size_t in_use = trim_tables(state);
    for (size_t id = 0; id < map->cells.domain->threads_; id++) {
        const thetis_atomic *word = &map->local[id].working;
        uintptr_t working = thetis_atomic_load_relaxed(word);
        if (working) in_use |= trim_tables(working);
    }
    return in_use;
}

/* Whole pages only. */
static size_t trim_table(const thetis_map *map, size_t n, size_t page, tht_map_discard *discard)
{
    uintptr_t from = (uintptr_t)tht_map_cell(map, n), to = from + n * sizeof(thetis_atomic);
    from = (from + page - 1) & ~(page - 1);
    to &= ~(page - 1);
    if (from >= to) return 0;
    discard((void *)from, to - from);
    return to - from;
}

size_t tht_map_trim(thetis_map *map, size_t page, tht_map_discard *discard)
{
    thetis_atomic *word = &map->shared->state;
    uintptr_t state = tht_map_state(map), trims = state | THT_MAP_TRIM;
    size_t bytes = 0;
    if (state == trims) return 0;
    if (!thetis_atomic_cas_relaxed(word, state, trims)) return 0;
    size_t in_use = trim_in_use(map, state);
    for (size_t n = map->least; n <= map->most; n *= 2)
        if (!(in_use & n)) bytes += trim_table(map, n, page, discard);
    (void)thetis_atomic_fetch_sub_release(word, THT_MAP_TRIM); /* pair: map.state */
    return bytes;
}

size_t thetis_map_trim(thetis_map *map)
{
    return map->mapped ? tht_map_trim(map, tht_port_page(), tht_port_discard) : 0;
}
