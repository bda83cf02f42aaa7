#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Tests the self-contained test program: what it prints last, how it ends, what it needs. TAP."""
import pathlib
import re
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tools"))
from tap import Tap  # noqa: E402

PROGRAM = ROOT / "build/host/bin/thetis-selftest"


def call(*arguments, env=None):
    """Runs the program in an empty folder; returns its exit status and the lines it printed."""
    with tempfile.TemporaryDirectory() as folder:
        done = subprocess.run([PROGRAM, *arguments], cwd=folder, env=env or {}, text=True,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
        left = [] if not list(pathlib.Path(folder).iterdir()) else ["it left files"]
        return done.returncode, done.stdout.splitlines() + left


def is_static():
    """Whether the program names no loader: that of dynamic ones stands in its first bytes."""
    return b"ld-linux" not in PROGRAM.read_bytes()[:4096]


def ends_well(tap, name, *arguments):
    """One case: the last line counts cases that have passed, and no other."""
    status, lines = call(*arguments)
    good = status == 0 and re.fullmatch(r"[1-9]\d* passed, 0 failed, \d+ skipped", lines[-1])
    tap.case(name, [] if good else [f"status {status}", *lines[-20:]])


def main():
    """Runs as a command."""
    tap = Tap()
    if not PROGRAM.exists():
        tap.skip("thetis-selftest", "environment", "build/host is not built")
        tap.end()
    tap.case("it is static", [] if is_static() else ["a loader is named"])
    ends_well(tap, "two suites pass", "test_addr", "conform_timer")
    ends_well(tap, "another backend", "--backend", "poll", "conform_timer")
    ends_well(tap, "one case", "--only", "test_addr", "*")
    status, lines = call("--backend", "none", "conform_timer")
    good = status == 1 and re.fullmatch(r"\d+ passed, [1-9]\d* failed, \d+ skipped", lines[-1])
    tap.case("a failure is told by status and last line", [] if good else lines[-20:])
    status, lines = call("--only", "conform_timer", "no_such_case")
    tap.case("nothing passed is no success", [] if status == 1 else lines)
    status, lines = call("test_nothing")
    tap.case("an unknown suite is refused", [] if status == 2 else lines)
    status, lines = call("--list")
    tap.case("the list", [] if status == 0 and "unit test_addr" in lines else lines)
    tap.end()


if __name__ == "__main__":
    main()
