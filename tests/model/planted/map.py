# SPDX-License-Identifier: MIT
"""Faults of map: what each changes in the library's text."""

from . import Fault

CELL = "src/cell/cell.c"
MAP = "src/map/map.c"

FAULTS = [
    Fault("map word without content comes again", "reused number", CELL,
          "    return tht_number(++*n, cells->domain->step_, id) << 3 | THT_CELL_EMPTY;",
          "    *n = id;\n    return *n << 3 | THT_CELL_EMPTY;",
          first="pct map-emptied"),
    Fault("map words of two threads are the same", "reused number", CELL,
          "    return tht_number(++*n, cells->domain->step_, id) << 3 | THT_CELL_EMPTY;",
          "    return ++*n << 3 | THT_CELL_EMPTY;",
          first="pct map-emptied-by-two"),
    Fault("map insert replaces", "skipped re-check", MAP,
          "    case THT_MAP_FIND:\n    case THT_MAP_INSERT:\n"
          "        return map_tell(result, THETIS_EXISTS, value);\n",
          "    case THT_MAP_FIND:\n        return map_tell(result, THETIS_EXISTS, value);\n"
          "    case THT_MAP_INSERT:\n        return 0;\n"),
    Fault("map cas does not compare", "skipped re-check", MAP,
          "        return !map_expects(value, args) && "
          "map_tell(result, THETIS_MISMATCH, value);", "        return 0;"),
    Fault("map erase takes the wrong pair", "off by one", MAP,
          "        if (pair == gone) pair += 2;\n", "        if (pair == gone) continue;\n"),
    Fault("map helper erases only the count", "off by one", MAP,
          "    tht_map_write(pair, tht_map_read(tht_map_at(to, fields, items)));\n",
          "    (void)pair;\n"),
    Fault("map helper carries out any key's", "skipped re-check", MAP,
          "    return (n | (tht_map_hash_of(map, args) & (n - 1))) == number;",
          "    return n && number && map;"),
]
