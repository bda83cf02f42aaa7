#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""rows.py: all rows of the conformance suite on systems of the fake kernel, as TAP.

    tests/sim/rows.py BUILD PERSONALITY:BACKEND...

Every case of every program is a case here. One more for each system: what it skipped is what
tests/conform/unsupported.def names, no more and no less.
"""

import re
import subprocess
import sys
from fnmatch import fnmatch
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tools"))

from tap import Tap  # noqa: E402

LACK = re.compile(r"LACK\((\w+), (\S+), ([^)]+)\)$")
CASE = re.compile(r"(not )?ok \d+ - (\S+)(?: # SKIP (\w+)\((.*)\))?$")


def unsupported(system):
    """What the list names for a system: pairs of a row and what it lacks."""
    rows, lack = set(), None
    for line in (ROOT / "tests/conform/unsupported.def").read_text().splitlines():
        if line.startswith("LACK"):
            lack = LACK.match(line)
            holds = fnmatch(system, lack[2]) and not any(
                fnmatch(system, but) for but in lack[3].split())
        elif line.startswith("    ") and holds:
            rows.add((line.strip(), lack[1]))
    return rows


def run(tap, program, system):
    """Reports the cases of one program; returns the pairs that it skipped."""
    personality, backend = system.split(":")
    done = subprocess.run([program, "--sim", personality, "--backend", backend], text=True,
                          check=False, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    lines, skipped, count = done.stdout.splitlines(), set(), 0
    for at, line in enumerate(lines):
        case = CASE.match(line)
        if not case:
            continue
        count += 1
        if case[3]:
            tap.skip(f"{system} {case[2]}", case[3], case[4])
            skipped.add((case[2].rsplit(".", 1)[0], case[4]))
        else:
            tap.case(f"{system} {case[2]}", lines[at + 1:at + 12] if case[1] else [])
    if f"1..{count}" not in lines or done.returncode not in (0, 1, 77):
        tap.case(f"{system} {program.name}", [f"status {done.returncode}"] + lines[-20:])
    return skipped


def main():
    """Runs as a command."""
    tap = Tap()
    programs = sorted(Path(sys.argv[1], "tests/conform").glob("conform_*"))
    programs = [p for p in programs if p.is_file() and not p.suffix]
    for system in sys.argv[2:]:
        skipped = set().union(*(run(tap, program, system) for program in programs))
        listed = unsupported(system)
        tap.case(f"{system}: {len(skipped)} rows are not supported, as listed",
                 [f"skipped for want of {why}, not listed: {row}" for row, why in
                  sorted(skipped - listed)] +
                 [f"listed for want of {why}, not skipped: {row}" for row, why in
                  sorted(listed - skipped)])
    tap.end()


if __name__ == "__main__":
    main()
