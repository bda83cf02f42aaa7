#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Checks the protocol models exhaustively with SPIN, and that planted faults are found. TAP."""

import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
LIMIT_S = 120

# model, definitions, is it sound?
RUNS = [
    ("wake", ["WAKERS=2", "TIMES=2"], True),
    ("wake", ["WAKERS=3", "TIMES=1"], True),
    ("wake", ["PLAIN_RUNNING"], False),
    ("wake", ["BLIND_SLEEP"], False),
    ("wake", ["EXCHANGE_SLEEP"], False),
    ("wake", ["NOTE_LAST"], False),
    ("wait", ["WAITERS=2", "WAKERS=2"], True),
    ("wait", ["WAITERS=1", "WAKERS=2", "TIMES=2"], True),
    ("wait", ["WAITERS=2", "WAKERS=1", "CLOSE"], True),
    ("wait", ["WAITERS=2", "WAKERS=1", "CLOSE", "LOST"], True),
    ("wait", ["WAITERS=1", "WAKERS=2", "LOST"], False),
    ("wait", ["GATE_FIRST"], False),
    ("wait", ["LOOK_FIRST"], False),
    ("wait", ["WAKE_FIRST"], False),
    ("wait", ["LOAD_GATE"], False),
    ("wait", ["STORE_TAKE"], False),
    ("wait", ["FIRST_ONLY"], False),
    ("wait", ["WAKERS=1", "CLOSE", "LOST", "CLOSE_LAST"], False),
    ("wait", ["WAKERS=1", "CLOSE", "LOST", "CLOSE_TRUSTS"], False),
    ("threads", ["THREADS=3", "PLACES=2", "TIMES=2"], True),
    ("threads", ["THREADS=3", "PLACES=3", "TIMES=2"], True),
    ("threads", ["NO_ADMISSION"], False),
    ("threads", ["TEST_THEN_SET"], False),
    ("threads", ["LEAVE_FIRST"], False),
    ("store", ["THREADS=3", "SLOTS=3", "TIMES=2"], True),
    ("store", ["THREADS=2", "SLOTS=4", "TIMES=5"], True),
    ("store", ["NO_RIGHT"], False),
    ("store", ["COUNT_FIRST"], False),
    ("store", ["KEEPS_RIGHT"], False),
    ("store", ["LOAD_STORE"], False),
    ("store", ["GET_DOWNWARDS"], False),
    ("queue_pop", ["FILLED", "DRAWERS=2", "ASKERS=1"], True),
    ("queue_pop", ["FILLED", "CELLS=3", "DRAWERS=1", "ASKERS=2"], True),
    ("queue_pop", ["PRODUCE=2", "DRAWERS=1", "ASKERS=1"], True),
    ("queue_pop", ["FILLED", "BLIND_VOID"], False),
    ("queue_pop", ["FILLED", "NO_DEAD"], False),
    ("queue_pop", ["FILLED", "TAKE_OWNED"], False),
    ("queue_pop", ["FILLED", "SKIP_OWNED"], False),
    ("queue_link", ["THREADS=3", "TIMES=1"], True),
    ("queue_link", ["THREADS=3", "TIMES=1", "LOST=0"], True),
    ("queue_link", ["THREADS=2", "TIMES=2", "CLOSER"], True),
    ("queue_link", ["THREADS=3", "LOST=0", "NO_CLEAR"], False),
    ("queue_link", ["TIMES=5", "LOST=0", "MINE_FIRST"], False),
    ("queue_link", ["TIMES=4", "CLOSER", "CLOSE_LAST"], False),
    ("grow", ["TIMES=2", "RESIZES=2"], True),
    ("grow", ["TIMES=1", "RESIZES=3"], True),
    ("grow", ["TIMES=2", "RESIZES=3", "NO_RECHECK"], False),
    ("grow", ["TIMES=2", "RESIZES=3", "LATE_FILL"], False),
    ("grow", ["TIMES=2", "RESIZES=3", "DEAD_ALIKE"], False),
    ("grow", ["TIMES=2", "RESIZES=3", "MOVE_BACK"], False),
    ("grow", ["TIMES=2", "RESIZES=3", "DEAD_EARLY"], False),
    ("grow", ["TIMES=2", "RESIZES=3", "UNDRAINED"], False),
    ("grow", ["TIMES=2", "RESIZES=3", "TRIM_BLIND"], False),
    ("grow", ["TIMES=1", "RESIZES=3", "TRIM_ALONE"], False),
]


def explore(model, definitions, folder):
    """(errors, states) of a complete search; raises if the search was not complete."""
    flags = [f"-D{d}" for d in definitions]
    subprocess.run(["spin", "-a", *flags, str(HERE / f"{model}.pml")], cwd=folder, check=True,
                   capture_output=True, timeout=LIMIT_S)
    subprocess.run(["gcc", "-O1", "-w", "-DSAFETY", "-o", "pan", "pan.c"], cwd=folder, check=True,
                   capture_output=True, timeout=LIMIT_S)
    text = subprocess.run(["./pan", "-m1000000"], cwd=folder, check=True, capture_output=True,
                          text=True, timeout=LIMIT_S).stdout
    errors = int(re.search(r"errors: (\d+)", text).group(1))
    if errors == 0 and ("Search not completed" in text or "max search depth" in text):
        raise SystemExit(f"{model} {definitions}: the search was not complete")
    return errors, int(float(re.search(r"([\d.e+]+) states, stored", text).group(1)))


def main():
    """Runs every model."""
    print("TAP version 13")
    print(f"1..{len(RUNS)}")
    failed = 0
    for number, (model, definitions, sound) in enumerate(RUNS, 1):
        name = f"{model} {' '.join(definitions)}"
        if not shutil.which("spin"):
            print(f"ok {number} - {name} # SKIP environment(no spin)")
            continue
        with tempfile.TemporaryDirectory() as folder:
            errors, states = explore(model, definitions, folder)
        good = (errors == 0) == sound
        failed += not good
        print(f"{'ok' if good else 'not ok'} {number} - {name}: "
              f"{'sound' if errors == 0 else 'faulty'}, {states} states")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
