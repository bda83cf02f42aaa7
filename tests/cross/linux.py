#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""i686.py: the test programs with 32-bit words, and counters that pass their ends. TAP.

    tests/cross/i686.py [NAME]

Words of 32 bits wrap in use, not only in theory. Here the library and its tests are built for
32-bit x86 and run, by the kernel if it can, else by qemu-user, and with src/core/start.h all
counters begin a little before the end of the unsigned numbers (all programs) and of the signed ones
(those of rings): a comparison that is not one of differences, or has the wrong sign, then fails.
NAME: only programs whose names contain it.
"""

import os
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path += [str(ROOT / "tools"), str(ROOT / "tests/harness")]

import run as harness  # noqa: E402
from tap import Tap  # noqa: E402

COMPILER, EMULATOR, LIBC = "i686-linux-gnu-gcc", "qemu-i386", "/usr/i686-linux-gnu"
RINGS = ("spsc", "bytes", "bcast", "latest", "mpsc", "oversubscribed")
# name: where counters begin, and which programs see it
TREES = {"wrap": ("-96", ("",)), "sign": ("0x7fffffa0", RINGS)}
TIMEOUT_S = 200


def cmake(*arguments):
    """Runs CMake; what it printed, if it failed."""
    done = subprocess.run(["cmake", *arguments], cwd=ROOT, text=True, check=False,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    return done.stdout if done.returncode else ""


def build(name, start, wanted):
    """(programs, what went wrong) of one tree."""
    tree = ROOT / f"build/cross/i686-{name}"
    wrong = cmake("--preset", "i686-linux-gnu", "-B", str(tree),
                  f"-DCMAKE_C_FLAGS=-DTHETIS_TEST_START={start}")
    if wrong:
        return [], wrong
    listing = (tree / "tests/suite.txt").read_text(encoding="utf-8").split()
    programs = [Path(p) for p in listing if any(part in Path(p).name for part in wanted)]
    targets = [f"thetis_{p.name}" for p in programs]
    return programs, cmake("--build", str(tree), "--parallel", "2", "--target", *targets)


def runner(program):
    """The words to put before a program that make it run here, or None."""
    for words in ([], [EMULATOR, "-L", LIBC]):
        try:
            if subprocess.run([*words, program, "--list"], check=False,
                              stdout=subprocess.DEVNULL).returncode == 0:
                return words
        except OSError:
            continue
    return None


def problems(result):
    """What a program's run has shown, as lines."""
    return result.complaints + result.output.splitlines() if result.failed else []


def check(tap, name, programs, words):
    """Runs the programs of a tree, two at a time; each is a case."""
    commands = [harness.Program(p.name, [*words, str(p)]) for p in programs]
    with ThreadPoolExecutor(2) as pool:
        for result in pool.map(lambda c: harness.run(c, TIMEOUT_S), commands):
            tap.case(f"{result.name} on i686, {name}: {result.passed} cases", problems(result))


def main():
    """Runs as a command."""
    tap = Tap()
    only = sys.argv[1] if len(sys.argv) > 1 else ""
    os.environ["THETIS_EMULATOR"] = "1"  # shorter runs of the same paths
    if not shutil.which(COMPILER):
        tap.skip("32-bit words", "environment", f"no {COMPILER}")
        tap.end()
    for name, (start, wanted) in TREES.items():
        programs, wrong = build(name, start, wanted)
        tap.case(f"builds for i686, {name}", wrong.splitlines())
        if wrong:
            continue
        words = runner(str(programs[0]))
        if words is None:
            tap.skip(f"i686, {name}", "environment", "neither kernel nor qemu-i386 runs i686")
            continue
        check(tap, name, [p for p in programs if only in p.name], words)
    tap.end()


if __name__ == "__main__":
    main()
