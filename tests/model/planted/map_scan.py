# SPDX-License-Identifier: MIT
"""Faults of walks through a map: what each changes in the library's text."""

from . import Fault

CELL = "src/cell/cell.c"
ITER = "src/map/iter.c"

FAULTS = [
    Fault("map_scan reports the whole bucket", "skipped re-check", ITER,
          "        n += (size_t)tht_map_walk_has(walk, tht_map_hash(map, pairs[n].key));",
          "        n++;", first="dfs map-scan-middle"),
    Fault("map_scan goes to the end of a larger bucket", "off by one", ITER,
          "    return cell ? tht_map_table(tht_map_number_of(map, cell)) : map->most;",
          "    return cell ? tht_map_table(tht_map_number_of(map, cell)) : map->least;"),
    Fault("map_scan believes the cell of an attempt that failed", "stale state", CELL,
          "    op->cell = NULL;\n", ""),
    Fault("map_scan reads what it has released", "order of steps", ITER,
          "        size_t more = iter_copy(map, &walk, pairs + *count, n - *count);\n"
          "        tht_map_walk_end(map, me, &walk);\n",
          "        tht_map_walk_end(map, me, &walk);\n"
          "        size_t more = iter_copy(map, &walk, pairs + *count, n - *count);\n"),
    Fault("map_scan is announced for a key", "stale state", "src/map/map.c",
          "    return (n | (tht_map_hash_of(map, args) & (n - 1))) == number;",
          "    return (n | (tht_map_hash(map, args[THT_MAP_KEY]) & (n - 1))) == number;"),
    Fault("map_scan takes the new cell first", "order of steps", "src/map/grow.c",
          "        if (s != THETIS_OK || tht_cell_is_filled(*head)) return s;\n",
          "        if (s != THETIS_OK) return s;\n"),
]
