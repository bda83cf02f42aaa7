# SPDX-License-Identifier: MIT
"""Faults of bmap: what each changes in the library's text."""

from . import Fault

BMAP = "src/map/bmap.c"
CELL = "src/cell/cell.c"
MAP = "src/map/map.c"
RECORD = "src/map/record.c"

FAULTS = [
    Fault("bmap answer protects the version, not the record", "stale state", CELL,
          "    return tht_cell_read(&record->result[1]) | THT_CELL_NAMED;\n",
          "    return (uintptr_t)version;\n", first="pct bmap-handed"),
    Fault("bmap own operation behind the batch", "order of steps", CELL,
          "    if (own) kind->apply(block, own->args, own->result);\n"
          "    for (size_t k = 0; k < batch->n; k++) cell_apply(cells, block, batch, k);\n",
          "    for (size_t k = 0; k < batch->n; k++) cell_apply(cells, block, batch, k);\n"
          "    if (own) kind->apply(block, own->args, own->result);\n"),
    Fault("bmap lookup believes what it has read", "skipped re-check", CELL,
          "    return tht_cell_version(thetis_atomic_load_relaxed(op->cell)) == version;\n",
          "    return 1;\n"),
    Fault("bmap looks again, protects later", "order of steps", CELL,
          "        thetis_atomic_store_relaxed(hazard, op->result[1]);\n"
          "        thetis_atomic_fence_seq_cst();\n    }\n"
          "    return tht_cell_version(thetis_atomic_load_relaxed(op->cell)) == version;\n",
          "        thetis_atomic_fence_seq_cst();\n    }\n"
          "    int has = tht_cell_version(thetis_atomic_load_relaxed(op->cell)) == version;\n"
          "    thetis_atomic_store_relaxed(hazard, op->result[1]);\n    return has;\n"),
    Fault("bmap glance does not look at the cell again", "skipped re-check", BMAP,
          "    if (!tht_cell_glance_confirm(cell, &glance)) return 0;\n",
          "    if (!tht_cell_glance_end(&glance)) return 0;\n", first="pct bmap-told"),
    Fault("bmap answer withdrawn before it is a hazard", "order of steps", CELL,
          "    if (answer != op->request) cell_result(answer, me, op->request, op->result);\n"
          "    cell_withdraw(cells, me);",
          "    cell_withdraw(cells, me);\n"
          "    if (answer != op->request) cell_result(answer, me, op->request, op->result);",
          first="pct bmap-handed"),
    Fault("bmap record given back at once", "claim instead of complete", BMAP,
          "    tht_record_retire(&map->records, me, record);",
          "    tht_record_give(&map->records, me, record);"),
    Fault("bmap record lost", "dropped step", BMAP,
          "    else tht_record_give(&map->records, me, record);\n    return s;\n",
          "    return s;\n"),
    Fault("bmap keys are hashes", "skipped re-check", BMAP,
          "    return tht_record_same((const tht_record *)value, "
          "(const tht_record *)args[THT_MAP_VALUE]);\n",
          "    return value != 0 && args != NULL;\n"),
    Fault("bmap any version will do", "skipped re-check", BMAP,
          "    return tht_record_version((const tht_record *)value) == expected;\n",
          "    return value != expected;\n", first="pct bmap-two"),
    Fault("bmap last word of a key not compared", "off by one", RECORD,
          "*end = x + tht_record_words(len);", "*end = x + len / sizeof *x;"),
    Fault("bmap erases what it does not find", "skipped re-check", MAP,
          "    if (!gone) return;\n", "", first="pct bmap-reused-by"),
]
