# SPDX-License-Identifier: MIT
"""Faults of cell: what each changes in the library's text."""

from . import Fault

CELL = "src/cell/cell.c"

FAULTS = [
    Fault("cell built before it is finished", "dropped help", CELL,
          "    tht_cell_finish(cells, head);\n    return cell_attempt(cells, me, op, head);",
          "    return cell_attempt(cells, me, op, head);"),
    Fault("cell announced, not finished", "dropped help", CELL,
          "        if (s == THETIS_OK) tht_cell_finish(cells, head);\n", ""),
    Fault("cell helper does not look again", "skipped re-check", CELL,
          "    uintptr_t request = thetis_domain_pending(cells->domain, id, args, cells->args);\n",
          "    thetis_domain_thread *of = thetis_domain_record_(cells->domain, id);\n"
          "    uintptr_t request = thetis_atomic_load_acquire(thetis_domain_status_(of));\n"
          "    for (size_t k = 0; k < cells->args; k++)\n"
          "        args[k] = thetis_atomic_load_acquire(thetis_domain_arg_(of, k));\n"
          "    if (!(request & 1)) return;\n",
          first="pct cell-two-cells-slow"),
    Fault("cell helper takes what is of another cell", "skipped re-check", CELL,
          " || !cells->kind->goes(place, args)) return;", ") return;\n    (void)place;"),
    Fault("cell helps nobody", "dropped help", CELL,
          "    cell_collect_range(cells, place, next, threads, self, batch);\n"
          "    if (next > 0) cell_collect_range(cells, place, 0, next, self, batch);\n",
          "    (void)self;\n    (void)place;\n    (void)threads;\n"),
    Fault("cell helps half of them", "off by one", CELL,
          "    if (next > 0) cell_collect_range(cells, place, 0, next, self, batch);\n", ""),
    Fault("cell helps from the first thread on", "dropped step", CELL,
          "    batch->next = next;\n", "    batch->next = next = 0;\n"),
    Fault("cell bit without a fence", "dropped step", CELL,
          "    thetis_atomic_fence_seq_cst();\n    return request;", "    return request;"),
    Fault("cell bit before the request", "order of steps", CELL,
          "    uintptr_t bit, request = thetis_domain_announce(me, op->args, cells->args);\n"
          "    thetis_atomic *word = cell_mask(cells, me, &bit);\n"
          "    (void)thetis_atomic_fetch_add_relaxed(word, bit);\n"
          "    thetis_atomic_fence_seq_cst();\n",
          "    uintptr_t bit, request;\n"
          "    thetis_atomic *word = cell_mask(cells, me, &bit);\n"
          "    (void)thetis_atomic_fetch_add_relaxed(word, bit);\n"
          "    thetis_atomic_fence_seq_cst();\n"
          "    request = thetis_domain_announce(me, op->args, cells->args);\n"),
    Fault("cell result after it was withdrawn", "order of steps", CELL,
          "    cell_result(cell_insist(cells, me, op), me, op->request, op->result);\n"
          "    cell_withdraw(cells, me);\n    return",
          "    uintptr_t at = cell_insist(cells, me, op);\n    cell_withdraw(cells, me);\n"
          "    cell_result(at, me, op->request, op->result);\n    return"),
    Fault("cell gives up a round too early", "off by one", CELL,
          "    return 2 + (others + cells->batch", "    return 1 + (others + cells->batch"),
    Fault("cell does not see that it is done", "skipped re-check", CELL,
          "        if (answer != op->request) return answer;\n"
          "        if (s == THETIS_OK) (void)cell_attempt(cells, me, op, head);",
          "        if (s == THETIS_OK && cell_attempt(cells, me, op, head) == THETIS_OK)\n"
          "            continue;\n        if (answer != op->request) return answer;"),
    Fault("cell version given back at once", "claim instead of complete", CELL,
          "    if (version) thetis_pool_retire(cell_pool(cells, version), me, version);",
          "    if (version) thetis_pool_give(cell_pool(cells, version), me, version);"),
    Fault("cell glance believes what it has read", "skipped re-check", "src/cell/cell.h",
          "    return !glance->version || thetis_pool_stamp_(glance->version) == glance->stamp;\n",
          "    return 1;\n",
          first="dfs cell-reused"),
    Fault("cell glance loads the head once", "skipped re-check", "src/cell/cell.h",
          "    return out->stamp && thetis_atomic_load_acquire(cell) == head; "
          "/* pair: domain.cell */\n",
          "    return out->stamp != 0;\n", first="dfs cell-reused"),
    Fault("cell stamp is the thread's, not the take's", "stale state", "src/domain/pool.c",
          "tht_number(++local->takes, pool->shape_.step, id)",
          "tht_number(1, pool->shape_.step, id)",
          first="dfs cell-reused"),
    Fault("cell lookup keeps its bit", "stale state", CELL,
          "    if (answer != op->request) cell_result(answer, me, op->request, op->result);\n"
          "    cell_withdraw(cells, me);",
          "    if (answer != op->request) cell_result(answer, me, op->request, op->result);\n"
          "    thetis_domain_withdraw(me);"),
    Fault("cell announces without a block", "skipped re-check", CELL,
          "    if (cell_reserve(cells, me) != THETIS_OK) return THETIS_ENOMEM;\n", ""),
]
