#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Holds docs/quirks.md to the tree. TAP.

Every number of each series is there once; every test that a line names exists; a line without one
says why; every test that is named after a number is listed at it.
"""

import collections
import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tools"))

from tap import Tap  # noqa: E402

SERIES = {"Q": range(1, 127), "T": range(2, 10), "S": range(1, 6), "L": range(1, 16),
          "D": range(1, 9), "N": range(1, 4)}
ROW = re.compile(r"^\| ([A-Z]\d+) \| (.+?) \| (.+) \|$", re.MULTILINE)
NAMED = re.compile(r"`([\w-]+):([\w-]+)`")
# What is still to come, and the file that says that it has.
NEXT = {"lwIP": "src/loop/backend/lwip*.c", "DPDK": "src/loop/backend/dpdk*.c",
        "FreeRTOS+TCP": "src/loop/backend/frtos*.c", "Zephyr": "src/port/*zephyr*.c"}


def cases(root):
    """The cases of each program of the tree."""
    found = collections.defaultdict(set)
    for path in (root / "tests/unit").glob("test_*.c"):
        found[path.stem] |= set(re.findall(r"^TEST\((\w+)\)", path.read_text(), re.MULTILINE))
    for path in (root / "tests/conform").glob("conform_*.c"):
        found[path.stem] |= set(re.findall(r"^static void (row_\w+)\(", path.read_text(),
                                           re.MULTILINE))
    for path in (root / "tests/sim").glob("*.c"):
        found["thetis-sim"] |= set(re.findall(r"\.name = \"([\w-]+)\"", path.read_text()))
    return found


def numbers(rows):
    """What is wrong with the numbers."""
    wanted = collections.Counter(f"{s}{n}" for s, all_of in SERIES.items() for n in all_of)
    have = collections.Counter(number for number, _, _ in rows)
    return [f"{number}: {have[number]} lines" for number in sorted(wanted | have)
            if have[number] != wanted[number]]


def tests(rows, known):
    """Tests that a line names and nobody has."""
    return [f"{number}: no {program}:{case}" for number, _, text in rows
            for program, case in NAMED.findall(text) if case not in known[program]]


def reasons(rows, root):
    """Lines that name no test and give no reason; what was to come and has."""
    bad = []
    for number, _, text in rows:
        first, _, rest = text.partition(": ")
        if first not in ("none", "next"):
            bad += [] if NAMED.search(text) else [f"{number}: neither a test nor a reason"]
        elif first == "next":
            what = next((w for w in NEXT if rest.startswith(w)), None)
            if what is None:
                bad.append(f"{number}: nothing known is next: {rest}")
            elif NEXT[what] and list(root.glob(NEXT[what])):
                bad.append(f"{number}: {what} is there")
        elif not rest:
            bad.append(f"{number}: none, and no reason")
    return bad


def unlisted(rows, known):
    """Tests named after numbers whose lines do not name them."""
    listed = {number: set(NAMED.findall(text)) for number, _, text in rows}
    return [f"{number.upper()}: does not name {program}:{case}" for program in known
            for case in known[program] if (prefix := re.match(r"(?:[qts]\d+_)+", case))
            for number in re.findall(r"[qts]\d+", prefix[0])
            if (program, case) not in listed.get(number.upper(), ())]


def main():
    """Runs as a command."""
    tap = Tap()
    rows = ROW.findall((ROOT / "docs/quirks.md").read_text())
    known = cases(ROOT)
    met = sum(bool(NAMED.search(text)) for _, _, text in rows)
    tap.case(f"{len(rows)} quirks, each once", numbers(rows))
    tap.case(f"{met} are met by tests that exist", tests(rows, known))
    tap.case("the others say why", reasons(rows, ROOT))
    tap.case("tests named after a quirk are listed", unlisted(rows, known))
    broken = [("Q1", "x", "`test_sim:no_such_case`"), ("Q2", "x", "later"), ("Q2", "x", "next: y")]
    tap.case("what is wrong is found", [] if tests(broken, known) and len(
        reasons(broken, ROOT)) == 2 and len(numbers(broken)) == 164 and unlisted(broken, known)
        else ["it is not"])
    tap.end()


if __name__ == "__main__":
    main()
