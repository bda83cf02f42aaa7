# SPDX-License-Identifier: MIT
"""Faults of thread: what each changes in the library's text."""

from . import Fault

THREAD = "src/core/thread.c"

FAULTS = [
    Fault("thread admits one more", "off by one", THREAD,
          "if (in >= places) {", "if (in > places) {"),
    Fault("thread refusal keeps its admission", "dropped step", THREAD,
          "        (void)thetis_atomic_fetch_sub_relaxed(&table->admitted, 1);\n", ""),
    Fault("thread tests, then sets", "skipped re-check", THREAD,
          "while (thetis_atomic_exchange_acq_rel(&table->place[i], 1)) {",
          "while (thetis_atomic_load_acquire(&table->place[i]) || "
          "(thetis_atomic_store_release(&table->place[i], 1), 0)) {"),
    Fault("thread leaves before it clears", "order of steps", THREAD,
          "    thetis_atomic_store_release(&table->place[id], 0); /* pair: thread.place */\n"
          "    (void)thetis_atomic_fetch_sub_release(&table->admitted, 1);",
          "    (void)thetis_atomic_fetch_sub_release(&table->admitted, 1);\n"
          "    thetis_atomic_store_release(&table->place[id], 0);\n    (void)0;"),
    Fault("thread gives back another's place", "reused thread id", THREAD,
          "    thetis_atomic_store_release(&table->place[id], 0); /*",
          "    thetis_atomic_store_release(&table->place[0], 0); /*"),
    Fault("thread probes twice", "steps beyond the bound", THREAD,
          "while (thetis_atomic_exchange_acq_rel(&table->place[i], 1)) {",
          "while (thetis_atomic_load_relaxed(&table->place[i]) | "
          "thetis_atomic_exchange_acq_rel(&table->place[i], 1)) {"),
]
