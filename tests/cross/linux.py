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
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[2]
sys.path += [str(ROOT / "tools"), str(ROOT / "tests/harness")]

import claims  # noqa: E402
import run as harness  # noqa: E402
from tap import Tap  # noqa: E402



class Tree(NamedTuple):
    """A build: flags of the compiler, parts of the names of programs that are run, processor."""
    flags: str = ""
    wanted: tuple = ("",)
    cpu: str = ""


RINGS = ("spsc", "bytes", "bcast", "latest", "mpsc", "oversubscribed")
PLAIN = {"plain": Tree()}
WRAPS = {"wrap": Tree("-DTHETIS_TEST_START=-96"),
         "sign": Tree("-DTHETIS_TEST_START=0x7fffffa0", RINGS)}
# Two words change by load and store exclusive, or by one instruction, which the first processor of
# these lacks. A word of its own changes in both ways too: the compiler's run-time asks.
PAIRS = {"plain": Tree(cpu="cortex-a57"),
         "lse": Tree("-march=armv8.1-a", ("test_atomic", "mpmc", "mpsc", "map"), "neoverse-n1")}
# triple: its emulator, its trees
TARGETS = {
    "i686-linux-gnu": ("qemu-i386", WRAPS),
    "aarch64-linux-gnu": ("qemu-aarch64", PAIRS),
    "arm-linux-gnueabihf": ("qemu-arm", PLAIN),
    "riscv64-linux-gnu": ("qemu-riscv64", PLAIN),
    "s390x-linux-gnu": ("qemu-s390x", PLAIN),
}
# What qemu-user does not do as the kernel does: socket options of datagrams (groups, drop counts,
# time of arrival), of which it reads an interface's number as a long, which is right only where
# that has 32 bits; and in the other byte order the length of a train's segments, which it hands on
# as it is. These cases must fail: one that passes one day must be taken off.
OPTIONS = {
    "test_sys_msg": ("time_and_drops",),
    "test_udp": ("options", "stamps_and_drops"),
    "conform_udp": ("row_090_a_multicast_group",),
    "conform_fault": ("row_117_every_call_for_datagrams_interrupted",
                      "row_118_each_call_for_datagrams_fails_once",
                      "row_118_the_kth_call_for_datagrams_fails",
                      "row_118_no_call_is_left_out",
                      "row_119_short_counts_everywhere"),
}
INTERFACES = {"test_sys_msg": ("groups",)}
SEGMENTS = {
    "test_sys_msg": ("trains",),
    "test_udp": ("a_train_that_stops_half_way",),
    "conform_udp": ("row_089_long_trains_leave_others_their_turn",),
    "conform_udp_send": ("row_085_a_", "row_086_", "row_087_a_batch_taken_in_part_goes_on",
                         "row_119_random_batches_and_faults"),
}
TIMEOUT_S = 200
SELFTEST = ("test_addr", "test_hist", "test_spsc", "conform_timer")


def cmake(*arguments):
    """Runs CMake; what it printed, if it failed."""
    done = subprocess.run(["cmake", *arguments], cwd=ROOT, text=True, check=False,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    return done.stdout if done.returncode else ""


def build(triple, name, tree):
    """(programs, what went wrong) of one tree. The one program of all is built if all are."""
    folder = ROOT / f"build/cross/{triple}-{name}"
    wrong = cmake("--preset", triple, "-B", str(folder), f"-DCMAKE_C_FLAGS={tree.flags}")
    if wrong:
        return [], wrong
    listing = (folder / "tests/suite.txt").read_text(encoding="utf-8").split()
    programs = [Path(p) for p in listing if any(part in Path(p).name for part in tree.wanted)]
    if tree.wanted == Tree().wanted:
        programs.append(folder / "bin/thetis-selftest")
    targets = [f"thetis_{p.name.removeprefix('thetis-')}" for p in programs]
    return programs, cmake("--build", str(folder), "--parallel", "2", "--target", *targets)


def runner(triple, program, cpu):
    """The words to put before a program that make it run here, or None."""
    model = ["-cpu", cpu] if cpu else []
    for words in ([], [TARGETS[triple][0], *model, "-L", f"/usr/{triple}"]):
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
    long = () if triple == "arm-linux-gnueabihf" else INTERFACES.get(program, ())
    return OPTIONS.get(program, ()) + swapped + long


def differences(result, expected):
    """What is wrong with the run of a program of which just the `expected` cases must fail."""
    failed = re.findall(r"^not ok \d+ - (.*)$", result.output, re.M)
    other = [name for name in failed if not name.startswith(expected)]
    passed = [e for e in expected if not any(name.startswith(e) for name in failed)]
    return problems(result) if other or not failed else [f"{name} passes" for name in passed]


def check_selftest(program, words):
    """What is wrong with the program that can be carried alone: a few suites, in no environment."""
    command = [*words, str(program), *SELFTEST]
    done = subprocess.run(command, env={"THETIS_EMULATOR": "1"}, text=True, check=False,
                          cwd=program.parent, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    last = done.stdout.splitlines()[-1:]
    good = done.returncode == 0 and re.fullmatch(r"[1-9]\d* passed, 0 failed, \d+ skipped", *last)
    return [] if good else done.stdout.splitlines()[-40:]


def check(tap, triple, title, programs, words):
    """Runs the programs of a tree, two at a time; each is a case. True: all is well."""
    fine = True
    commands = [harness.Program(p.name, [*words, str(p)]) for p in programs]
    with ThreadPoolExecutor(2) as pool:
        for result in pool.map(lambda c: harness.run(c, TIMEOUT_S), commands):
            expected = unfaithful(triple, result.name) if words else ()
            wrong = differences(result, expected) if expected else problems(result)
            fine = fine and not wrong
            tap.case(f"{result.name} on {title}: {result.passed} cases", wrong)
            for name in expected:
                tap.skip(f"{name} on {title}", "emulator", "no such socket options")
    return fine


def try_tree(tap, triple, name, only):
    """Builds and runs a tree; what was shown: "native", "emulated"; "": nothing; None: skipped."""
    tree = TARGETS[triple][1][name]
    title = f"{triple}, {name}" + (f", {tree.cpu}" if tree.cpu else "")
    programs, wrong = build(triple, name, tree)
    tap.case(f"builds for {title}", wrong.splitlines())
    if wrong:
        return ""
    words = runner(triple, str(programs[0]), tree.cpu)
    if words is None:
        tap.skip(title, "environment", f"neither kernel nor {TARGETS[triple][0]} runs it")
        return None
    fine = True
    if programs[-1].name == "thetis-selftest":
        wrong = check_selftest(programs.pop(), words[:-2])
        tap.case(f"thetis-selftest {' '.join(SELFTEST)} on {title}", wrong)
        fine = not wrong
    chosen = [p for p in programs if only in p.name]
    fine = check(tap, triple, title, chosen, words) and fine
    return ("emulated" if words else "native") if fine and not only else ""


def try_target(tap, triple, only):
    """Builds and runs all trees of a target."""
    if not shutil.which(f"{triple}-gcc"):
        claims.skipped(triple, f"no {triple}-gcc")
        tap.skip(triple, "environment", f"no {triple}-gcc")
        return
    states = {try_tree(tap, triple, name, only) for name in TARGETS[triple][1]}
    if states in ({"native"}, {"emulated"}):
        claims.shown(triple, states.pop())
    elif states == {None}:
        claims.skipped(triple, "it cannot be run here")


def main():
    """Runs as a command."""
    tap = Tap()
    os.environ["THETIS_EMULATOR"] = "1"  # shorter runs of the same paths
    claims.forget(sys.argv[1:2] or TARGETS)
    for triple in TARGETS:
        if len(sys.argv) < 2 or triple == sys.argv[1]:
            try_target(tap, triple, sys.argv[2] if len(sys.argv) > 2 else "")
    tap.end()


if __name__ == "__main__":
    main()
