#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""linux.py: the test programs for other processors that run Linux, by qemu-user. TAP.

    tests/cross/linux.py [TARGET [NAME]]

What this shows: the library compiles there without a call of a library of atomics, and does the
same with 32-bit words, in big-endian order, and with each processor's own read-modify-writes.
Nothing is said about speed, or about how the processor orders memory: an emulator keeps to its
host's order.

Words of 32 bits wrap in use, not only in theory: for i686, which the kernel may run itself, there
are two trees in which, with src/core/start.h, all counters begin a little before the end of the
unsigned numbers (all programs) and of the signed ones (those of rings). A comparison that is not
one of differences, or has the wrong sign, then fails.

TARGET: only that one; NAME: only programs whose names contain it.
"""

import os
import re
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path += [str(ROOT / "tools"), str(ROOT / "tests/harness")]

import run as harness  # noqa: E402
from tap import Tap  # noqa: E402

RINGS = ("spsc", "bytes", "bcast", "latest", "mpsc", "oversubscribed")
PLAIN = {"plain": ("", ("",))}
# tree: where counters begin, and which programs see it
WRAPS = {"wrap": ("-96", ("",)), "sign": ("0x7fffffa0", RINGS)}
# triple: its emulator, its trees
TARGETS = {
    "i686-linux-gnu": ("qemu-i386", WRAPS),
    "aarch64-linux-gnu": ("qemu-aarch64", PLAIN),
    "arm-linux-gnueabihf": ("qemu-arm", PLAIN),
    "riscv64-linux-gnu": ("qemu-riscv64", PLAIN),
    "s390x-linux-gnu": ("qemu-s390x", PLAIN),
}
# What qemu-user does not do as the kernel does: socket options of datagrams (groups, drop counts,
# time of arrival); and in the other byte order the length of a train's segments, which it hands on
# as it is. These cases must fail: one that passes one day must be taken off.
OPTIONS = {
    "test_sys_msg": ("time_and_drops", "groups"),
    "test_udp": ("options", "connect_and_groups", "stamps_and_drops"),
    "conform_udp": ("row_090_a_multicast_group",),
    "conform_fault": ("row_117_every_call_for_datagrams_interrupted",
                      "row_118_each_call_for_datagrams_fails_once",
                      "row_118_the_kth_call_for_datagrams_fails",
                      "row_119_short_counts_everywhere"),
}
SEGMENTS = {
    "test_sys_msg": ("trains",),
    "test_udp": ("a_train_that_stops_half_way",),
    "conform_udp": ("row_089_long_trains_leave_others_their_turn",),
    "conform_udp_send": ("row_085_a_", "row_086_", "row_087_a_batch_taken_in_part_goes_on",
                         "row_119_random_batches_and_faults"),
}
TIMEOUT_S = 200


def cmake(*arguments):
    """Runs CMake; what it printed, if it failed."""
    done = subprocess.run(["cmake", *arguments], cwd=ROOT, text=True, check=False,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    return done.stdout if done.returncode else ""


def build(triple, name, start, wanted):
    """(programs, what went wrong) of one tree."""
    tree = ROOT / f"build/cross/{triple}-{name}"
    flags = f"-DTHETIS_TEST_START={start}" if start else ""
    wrong = cmake("--preset", triple, "-B", str(tree), f"-DCMAKE_C_FLAGS={flags}")
    if wrong:
        return [], wrong
    listing = (tree / "tests/suite.txt").read_text(encoding="utf-8").split()
    programs = [Path(p) for p in listing if any(part in Path(p).name for part in wanted)]
    targets = [f"thetis_{p.name}" for p in programs]
    return programs, cmake("--build", str(tree), "--parallel", "2", "--target", *targets)


def runner(triple, program):
    """The words to put before a program that make it run here, or None."""
    for words in ([], [TARGETS[triple][0], "-L", f"/usr/{triple}"]):
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


def unfaithful(triple, program):
    """The cases of a program, or their first letters, that the emulator makes fail."""
    swapped = SEGMENTS.get(program, ()) if triple == "s390x-linux-gnu" else ()
    return OPTIONS.get(program, ()) + swapped


def differences(result, expected):
    """What is wrong with the run of a program of which just the `expected` cases must fail."""
    failed = re.findall(r"^not ok \d+ - (.*)$", result.output, re.M)
    other = [name for name in failed if not name.startswith(expected)]
    passed = [e for e in expected if not any(name.startswith(e) for name in failed)]
    return problems(result) if other or not failed else [f"{name} passes" for name in passed]


def check(tap, triple, title, programs, words):
    """Runs the programs of a tree, two at a time; each is a case."""
    commands = [harness.Program(p.name, [*words, str(p)]) for p in programs]
    with ThreadPoolExecutor(2) as pool:
        for result in pool.map(lambda c: harness.run(c, TIMEOUT_S), commands):
            expected = unfaithful(triple, result.name) if words else ()
            wrong = differences(result, expected) if expected else problems(result)
            tap.case(f"{result.name} on {title}: {result.passed} cases", wrong)
            for name in expected:
                tap.skip(f"{name} on {title}", "emulator", "no such socket options")


def try_target(tap, triple, only):
    """Builds and runs all trees of a target."""
    if not shutil.which(f"{triple}-gcc"):
        tap.skip(triple, "environment", f"no {triple}-gcc")
        return
    for name, (start, wanted) in TARGETS[triple][1].items():
        title = f"{triple}, {name}"
        programs, wrong = build(triple, name, start, wanted)
        tap.case(f"builds for {title}", wrong.splitlines())
        if wrong:
            continue
        words = runner(triple, str(programs[0]))
        if words is None:
            tap.skip(title, "environment", f"neither kernel nor {TARGETS[triple][0]} runs it")
            continue
        check(tap, triple, title, [p for p in programs if only in p.name], words)


def main():
    """Runs as a command."""
    tap = Tap()
    os.environ["THETIS_EMULATOR"] = "1"  # shorter runs of the same paths
    for triple in TARGETS:
        if len(sys.argv) < 2 or triple == sys.argv[1]:
            try_target(tap, triple, sys.argv[2] if len(sys.argv) > 2 else "")
    tap.end()


if __name__ == "__main__":
    main()
