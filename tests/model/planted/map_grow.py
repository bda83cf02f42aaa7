# SPDX-License-Identifier: MIT
"""Faults of a map that changes its size: what each changes in the library's text."""

from . import Fault

CELL = "src/cell/cell.c"
GROW = "src/map/grow.c"
TABLE = "src/map/table.c"
TRIM = "src/map/trim.c"

FAULTS = [
    Fault("map_grow freezer carries nothing", "dropped help", CELL,
          "    uintptr_t word = cell_next(cells, me, &at, NULL, head);\n",
          "    uintptr_t word = head;\n"),
    Fault("map_grow freezer does not finish", "dropped help", CELL,
          "    tht_cell_op at = *op;\n    tht_cell_finish(cells, head);\n",
          "    tht_cell_op at = *op;\n"),
    Fault("map_grow freezer carries its own once more", "skipped re-check", CELL,
          "    if (at.request && thetis_domain_answer(me) != at.request) "
          "at.request = 0; /* it is done */\n", ""),
    Fault("map_grow frozen results are not told", "dropped help", GROW,
          "    tht_cell_finish(cells, *head);\n    return THETIS_OK;",
          "    return THETIS_OK;"),
    Fault("map_grow update does not look at the state again", "skipped re-check", GROW,
          "    if (!tht_map_lasts(map, state) || tht_cell_is_frozen(*head)) return THETIS_AGAIN;",
          "    if (tht_cell_is_frozen(*head)) return THETIS_AGAIN;"),
    Fault("map_grow freezes late", "skipped re-check", GROW,
          "        if (!tht_map_lasts(unit->map, unit->state)) return THETIS_AGAIN;\n"
          "        if (s != THETIS_OK) continue;",
          "        if (s != THETIS_OK) continue;"),
    Fault("map_grow fills late", "skipped re-check", GROW,
          "    if (!tht_map_lasts(unit->map, unit->state)) return THETIS_AGAIN;\n"
          "    if (tht_cell_is_filled(seen)) return THETIS_OK;",
          "    if (tht_cell_is_filled(seen)) return THETIS_OK;"),
    Fault("map_grow dead cells are all alike", "reused number", GROW,
          "    return tht_cell_dead(tht_map_number(unit->state));",
          "    return tht_cell_dead(!unit);"),
    Fault("map_grow moved version is retired", "claim instead of complete", GROW,
          "    int moved = grow_has_moved(unit, head);", "    int moved = 0;"),
    Fault("map_grow gives up half a unit", "off by one", GROW,
          "    for (size_t k = 0; k < unit->from_n; k++) {\n"
          "        s = grow_give_up(",
          "    for (size_t k = 1; k < unit->from_n; k++) {\n"
          "        s = grow_give_up("),
    Fault("map_grow fills one new cell only", "off by one", GROW,
          "    for (size_t k = 0; k < unit->to_n && s == THETIS_OK; k++)",
          "    for (size_t k = 0; k < 1 && s == THETIS_OK; k++)"),
    Fault("map_grow looks at one old cell only", "off by one", GROW,
          "    for (size_t k = 0; k < unit->from_n; k++) {\n        thetis_atomic *cell",
          "    for (size_t k = 0; k < 1; k++) {\n        thetis_atomic *cell",
          first="dfs map-grow-shrink"),
    Fault("map_grow updates before the unit is drained", "dropped step", GROW,
          "    return grow_is_drained(unit) ? THETIS_OK : THETIS_AGAIN;", "    return THETIS_OK;"),
    Fault("map_grow ends a resize too early", "off by one", GROW,
          "    if (before == grow_units(state)) {", "    if (before > 0) {"),
    Fault("map_grow believes an older count", "stale state", GROW,
          "    return tht_map_number(state) * map->most + units;",
          "    return (state & 0) + map->most * 0 + units;"),
    Fault("map_grow find takes the new cell first", "order of steps", GROW,
          "        if (s != THETIS_OK || tht_cell_is_filled(*head)) return s;\n",
          "        if (s != THETIS_OK) return s;\n"),
    Fault("map_grow begins a resize in another one", "skipped re-check", TABLE,
          "    if (tht_map_way(state) != THT_MAP_STAY || (state & THT_MAP_TRIM)) return 0;\n", ""),
    Fault("map_grow begins a resize while trimmed", "skipped re-check", TABLE,
          " || (state & THT_MAP_TRIM)) return 0;", ") return 0;"),
    Fault("map_grow trims where somebody works", "skipped re-check", TRIM,
          "        if (working) in_use |= trim_tables(working);\n", "        (void)working;\n"),
    Fault("map_grow trims the table that is left", "off by one", TRIM,
          "    return tht_map_way(state) == THT_MAP_STAY ? n : n | tht_map_left(state);",
          "    return n;"),
]
