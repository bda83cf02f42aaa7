# SPDX-License-Identifier: MIT
"""Faults of queue that scenarios of claims show: what each changes in the library's text."""

from . import Fault

POP = "src/queue/pop.c"

FAULTS = [
    Fault("queue_claim retires without a seal", "reclamation", POP,
          "        if (was & QUEUE_PASSED) queue_seal(queue, old);\n", "        (void)was;\n",
          first="pct queue-left"),
    Fault("queue_claim passes over what was left", "skipped re-check", POP,
          "    pass->inside = !(was & QUEUE_LEFT);", "    pass->inside = 1 | (int)was;",
          "pct queue-behind"),
    Fault("queue_claim tells and looks without a fence", "order of steps", POP,
          "    thetis_atomic_fence_seq_cst();\n", "", "random queue-asked"),
    Fault("queue_claim owner does not kill its cell", "dropped step", POP,
          "    (void)thetis_atomic_fetch_or_relaxed(cell, THT_QUEUE_DEAD);\n", ""),
    Fault("queue_claim forgets the answer before the cell is dead", "order of steps", POP,
          "    (void)queue_take(me->queue_, cell, item);\n"
          "    (void)thetis_atomic_fetch_or_relaxed(cell, THT_QUEUE_DEAD);\n",
          "    (void)queue_take(me->queue_, cell, item);\n"
          "    thetis_domain_withdraw(me->thread_);\n"
          "    (void)thetis_atomic_fetch_or_relaxed(cell, THT_QUEUE_DEAD);\n"),
    Fault("queue_claim drawer takes what is claimed", "claim instead of complete", POP,
          "        if (!queue_owner(is)) return 1;", "        return 1;"),
    Fault("queue_claim drawer leaves what is void", "dropped step", POP,
          "        if (queue_settle(queue, cell, is)) return 0;\n"
          "        if (thetis_atomic_cas_relaxed(cell, is, is | THT_QUEUE_DEAD)) return 1;",
          "        (void)queue_settle(queue, cell, is);\n        return 0;"),
    Fault("queue_claim settles without answering", "dropped help", POP,
          "        thetis_domain_finish(queue->domain_, id, request, (uintptr_t)cell);\n",
          "        (void)request;\n"),
    Fault("queue_claim pass skips claims of others", "skipped re-check", POP,
          "        if (queue_is_decided(is) || (queue_owner(is) && queue_settle(queue, cell, "
          "is))) {\n"
          "            pass->at++;",
          "        if (queue_is_decided(is) || queue_owner(is)) {\n            pass->at++;"),
    Fault("queue_claim pass moves head too far", "off by one", POP,
          "                (void)thetis_atomic_cas_relaxed(&me->head_->head, head, pass->at);",
          "                (void)thetis_atomic_cas_relaxed(&me->head_->head, head, pass->at + "
          "1);"),
]
