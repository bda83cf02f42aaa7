# SPDX-License-Identifier: MIT
"""Faults of queue: what each changes in the library's text."""

from . import Fault

QUEUE, PUSH, POP = "src/queue/queue.c", "src/queue/push.c", "src/queue/pop.c"
QUEUE_H = "include/thetis/queue.h"

FAULTS = [
    Fault("queue pop never announces", "lock-free only", POP,
          "    return s == THETIS_AGAIN ? tht_queue_ask(me, item) : s;",
          "    while (s == THETIS_AGAIN) s = queue_try(me, item);\n    return s;"),
    Fault("queue EMPTY at the end of a segment", "skipped re-check", POP,
          "        else if (!turned++) s = queue_turn(me);\n        else break;",
          "        else s = THETIS_EMPTY;"),
    Fault("queue announcement is not cleared", "dropped step", PUSH,
          "        (void)thetis_atomic_cas_relaxed(link, (uintptr_t)last, 0);", "        (void)0;"),
    Fault("queue links its own first", "dropped help", PUSH,
          "        if (announced) return announced;",
          "        if (announced && !mine) return mine;"),
    Fault("queue push never announces", "lock-free only", PUSH,
          "    for (int lost = 0; lost < THT_QUEUE_LOST; lost++) {",
          "    for (int lost = 0;; lost++) {"),
    Fault("queue links behind an open segment", "dropped step", PUSH,
          "        (void)thetis_atomic_fetch_or_relaxed(&last->tail, THT_QUEUE_CLOSED);",
          "        (void)0;"),
    Fault("queue close has no flag", "unfair", PUSH,
          "    if (thetis_atomic_load_acquire(&queue->closing_)) return THT_QUEUE_END; "
          "/* pair: queue.end */\n", ""),
    Fault("queue spare is used again after it was linked", "reclamation", PUSH,
          "    thetis_status s = queue_follow(me, next, linked);\n"
          "    if (s == THETIS_OK) me->spare_ = NULL;",
          "    thetis_status s = queue_follow(me, next, linked);"),
    Fault("queue link is known by its address", "reclamation", PUSH,
          "    thetis_status s = queue_follow(me, next, linked);\n",
          "    thetis_status s = queue_follow(me, next, next == (uintptr_t)me->spare_);\n",
          first="dfs queue-returned"),
    Fault("queue segment is not cleared", "stale state", QUEUE,
          "        thetis_atomic_store_relaxed(thetis_queue_cell_(segment, k, queue->stride_), 0);",
          "        if (k == 0) thetis_atomic_store_relaxed(thetis_queue_cell_(segment, k, "
          "queue->stride_), 0);"),
    Fault("queue element behind its mark", "order of steps", QUEUE_H,
          "    memcpy(cell + 1, item, size);\n"
          "    return thetis_atomic_fetch_add_release(cell, THETIS_QUEUE_WRITTEN_) == 0; "
          "/* pair: queue.cell */",
          "    int is = thetis_atomic_fetch_add_release(cell, THETIS_QUEUE_WRITTEN_) == 0;\n"
          "    memcpy(cell + 1, item, size);\n    return is;"),
    Fault("queue push does not ask whether its cell was dead", "skipped re-check", QUEUE_H,
          "    return thetis_atomic_fetch_add_release(cell, THETIS_QUEUE_WRITTEN_) == 0;",
          "    (void)thetis_atomic_fetch_add_release(cell, THETIS_QUEUE_WRITTEN_);\n    return 1;"),
]
