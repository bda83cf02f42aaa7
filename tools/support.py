#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""support.py: the table of targets in SUPPORT.md, from what make test, cross and emu have shown.

    tools/support.py            writes the table
    tools/support.py --check    compares it; exits 1 if it claims what was not shown, or less

Run after those three, in the same tree. A target that could not be tried here, for want of a
compiler, keeps its row when the table is compared, and is named; written, it has none.
"""
import argparse
import sys
import typing
from pathlib import Path

import claims

ROOT = Path(__file__).resolve().parent.parent
TABLE = ROOT / "SUPPORT.md"
BEGIN = "<!-- the table is written by tools/support.py -->"
END = "<!-- end of the table -->"
HEAD = ["| target | parts | state | by |", "|---|---|---|---|"]
ALL = "everything but the concurrency tester"
BARE = "port template and all that needs no loop"
HOSTED = "library, tests, examples, `thetis-doctor`, `thetis-selftest`"
KQUEUE = "the kqueue backend on "


class Row(typing.NamedTuple):
    """A line of the table: what is said, and the claims behind it, all of one state."""
    target: str
    parts: str
    by: str
    behind: list
    note: str = ""


def fake(*systems):
    """The claims of a row about the fake kernel."""
    return [f"sim-{system}" for system in systems]


ROWS = [
    Row("Linux, x86-64", "everything", "test", ["x86_64-linux-gnu"]),
    Row("Linux, 32-bit x86 on a 64-bit kernel", ALL, "emu", ["i686-linux-gnu"]),
    Row("Linux, AArch64, ARMv7, RV64, s390x (big endian)",
        ALL + ", whose own tests run on AArch64; datagram options that qemu-user lacks are listed "
        "in `tests/cross/linux.py`", "emu",
        ["aarch64-linux-gnu", "arm-linux-gnueabihf", "riscv64-linux-gnu", "s390x-linux-gnu"],
        "qemu-user; AArch64 with and without LSE"),
    Row("FreeBSD, x86-64 and AArch64", HOSTED, "cross", ["x86_64-freebsd", "aarch64-freebsd"]),
    Row("NetBSD, x86-64 and AArch64", HOSTED, "cross", ["x86_64-netbsd", "aarch64-netbsd"]),
    Row("OpenBSD, x86-64", HOSTED, "cross", ["x86_64-openbsd"]),
    Row("macOS, x86-64 and Apple silicon", HOSTED, "cross", ["x86_64-macos", "aarch64-macos"]),
    Row("Cortex-M3 (ARMv7-M), no operating system", BARE, "cross", ["armv7m-none-eabi"]),
    Row("Cortex-M0 (ARMv6-M), no operating system",
        "the same; without read-modify-writes, so only `spsc` and `bytes` are of use", "cross",
        ["armv6m-none-eabi"]),
    Row("RV32IMAC, no operating system", BARE, "cross", ["riscv32imac-unknown-elf"]),
    Row(KQUEUE + "FreeBSD 12.1 and 12.3, NetBSD 7.99.34", "conformance suite, random programs",
        "test", fake("freebsd1:kqueue", "freebsd2:kqueue", "freebsd4:kqueue", "netbsd:kqueue"),
        "the model's facts were measured on these kernels"),
    Row(KQUEUE + "OpenBSD, macOS", "the same", "test", fake("openbsd:kqueue", "macos:kqueue"),
        "from documents"),
    Row("the poll backend on lwIP 2.2 sockets", "the same", "test", fake("lwip:poll"),
        "the model's facts were measured"),
]


def state_of_test(record, name):
    """What the programs of make test say about a claim; "" if one has failed, or none is there."""
    programs = record.get("programs", {})
    if name.startswith("sim-"):
        rows = f"tests/sim/rows.py build/host {name.removeprefix('sim-')}"
        programs = {p: failed for p, failed in programs.items() if p.endswith(rows)}
    state = "simulated" if name.startswith("sim-") else "native"
    return state if programs and not any(programs.values()) else ""


def state_of(row, known):
    """The state of a row; "": not shown; None: not tried here, the second value says why."""
    states = set()
    for name in row.behind:
        if row.by == "test":
            states.add(state_of_test(known.get("make-test", {}), name))
            continue
        claim = known.get(name, {})
        if "skipped" in claim:
            return None, f"{name}: {claim['skipped']}"
        states.add(claim.get("state", ""))
    return (states.pop() if len(states) == 1 else ""), ""


def line_of(row, state):
    """The line of the table."""
    note = f"; {row.note}" if row.note else ""
    return f"| {row.target} | {row.parts} | {state}{note} | `make {row.by}` |"


def split(text):
    """SUPPORT.md before the table, the lines of the table, and what is behind it."""
    before, rest = text.split(BEGIN + "\n")
    table, after = rest.split(END)
    return before, [line for line in table.splitlines() if line.startswith("|")], after


def differences(known, table):
    """What the table says and was not shown, and the other way round; what was not tried."""
    wrong, untried, lines = [], [], set(HEAD)
    for row in ROWS:
        state, reason = state_of(row, known)
        mine = [line for line in table if line.startswith(f"| {row.target} |")]
        want = [line_of(row, state)] if state else []
        lines.update(mine)
        if state is None:
            untried.append(f"not tried here: {reason}")
        elif mine != want:
            wrong += [f"claimed, not shown: {line}" for line in mine if line not in want]
            wrong += [f"shown, not claimed: {line}" for line in want if line not in mine]
    wrong += [f"claimed by nobody: {line}" for line in table if line not in lines]
    return wrong, untried


def main():
    """Runs as a command."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--check", action="store_true", help="compare, do not write")
    arguments = parser.parse_args()
    known = claims.read()
    before, table, after = split(TABLE.read_text(encoding="utf-8"))
    if arguments.check:
        wrong, untried = differences(known, table)
        print("\n".join(untried + wrong) or "support: SUPPORT.md claims what was shown")
        return 1 if wrong else 0
    states = [(row, state_of(row, known)[0]) for row in ROWS]
    lines = HEAD + [line_of(row, state) for row, state in states if state]
    TABLE.write_text(before + BEGIN + "\n\n" + "\n".join(lines) + "\n\n" + END + after,
                     encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
