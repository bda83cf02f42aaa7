# SPDX-License-Identifier: MIT
"""Faults of wake: what each changes in the library's text."""

from . import Fault

TURN = "src/loop/turn.c"

FAULTS = [
    Fault("wake sleeps blindly", "skipped re-check", TURN,
          "int slept = thetis_atomic_cas_relaxed(&loop->wake, THT_RUNNING, THT_SLEEPING);",
          "int slept = (thetis_atomic_store_relaxed(&loop->wake, THT_SLEEPING), 1);"),
    Fault("wake shows a sleep that is none", "order of steps", TURN,
          "int slept = thetis_atomic_cas_relaxed(&loop->wake, THT_RUNNING, THT_SLEEPING);",
          "int slept = thetis_atomic_exchange_acquire(&loop->wake, THT_SLEEPING) == THT_RUNNING;"),
    Fault("wake overwrites a notification", "skipped re-check", TURN,
          "uintptr_t was = thetis_atomic_exchange_acquire(&loop->wake, THT_RUNNING);",
          "uintptr_t was = thetis_atomic_load_acquire(&loop->wake);\n"
          "    thetis_atomic_store_relaxed(&loop->wake, THT_RUNNING);"),
    Fault("wake without the system call", "dropped help", TURN,
          "if (was == THT_SLEEPING) loop->poller->wake", "if (was == THT_NOTIFIED) "
          "loop->poller->wake"),
    Fault("wake calls the system always", "claim instead of complete", TURN,
          "if (was == THT_SLEEPING) loop->poller->wake", "(void)was;\n    loop->poller->wake"),
    Fault("wake notes last", "order of steps", TURN,
          "    (void)thetis_atomic_fetch_or_release(&loop->note, 1); /* pair: loop.note */\n"
          "    tht_loop_notify(loop);",
          "    tht_loop_notify(loop);\n"
          "    (void)thetis_atomic_fetch_or_release(&loop->note, 1); /* pair: loop.note */"),
    Fault("wake stores its note", "broken release sequence", TURN,
          "(void)thetis_atomic_fetch_or_release(&loop->note, 1);",
          "thetis_atomic_store_release(&loop->note, 1);"),
    Fault("wake is taken and forgotten", "dropped step", TURN,
          "    if (was == THT_NOTIFIED) loop->woken = 1;\n", "    (void)was;\n"),
    Fault("wake: stop notifies nobody", "dropped help", TURN,
          "    thetis_atomic_store_release(&loop->stop, 1); /* pair: loop.stop */\n"
          "    tht_loop_notify(loop);", "    thetis_atomic_store_release(&loop->stop, 1);"),
]
