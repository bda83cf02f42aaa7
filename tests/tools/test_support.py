#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Tests tools/support.py: claims without a result, and results without a claim. Prints TAP."""
import pathlib
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tools"))
import support  # noqa: E402
from tap import Tap  # noqa: E402


def everything():
    """What a run that shows all has written."""
    known = {name: {"state": "linked"} for row in support.ROWS for name in row.behind}
    for row in support.ROWS:
        for name in row.behind:
            if row.parts in (support.BARE,) or "read-modify" in row.parts:
                known[name] = {"state": "compiled"}
            if row.by == "emu":
                known[name] = {"state": "emulated"}
    known["i686-linux-gnu"] = {"state": "native"}
    systems = [n.removeprefix("sim-") for n in known if n.startswith("sim-")]
    programs = {f"x tests/sim/rows.py build/host {system}": 0 for system in systems}
    known["make-test"] = {"programs": {"test_addr": 0, **programs}}
    return known


TABLE = support.split(support.TABLE.read_text(encoding="utf-8"))[1]


def expect(tap, name, known, words, untried=0):
    """One case: the complaints begin with these words, as many as there are; none for none."""
    wrong, skipped = support.differences(known, TABLE)
    good = all(line.startswith(words) for line in wrong) if words else not wrong
    good = good and bool(wrong) == bool(words) and len(skipped) == untried
    tap.case(name, [] if good else [*wrong, *skipped])


def main():
    """Runs as a command."""
    tap = Tap()
    expect(tap, "the table is what a full run shows", everything(), "")
    for name in ("aarch64-freebsd", "s390x-linux-gnu", "armv6m-none-eabi"):
        known = everything()
        del known[name]
        expect(tap, f"a claim without {name}", known, "claimed, not shown")
        known[name] = {"skipped": "no compiler"}
        expect(tap, f"{name} cannot be tried here", known, "", untried=1)
    known = everything()
    known["x86_64-netbsd"]["state"] = known["aarch64-netbsd"]["state"] = "native"
    wrong, _ = support.differences(known, TABLE)
    tap.case("another state is two complaints", [] if len(wrong) == 2 else wrong)
    known = everything()
    known["make-test"]["programs"]["x tests/sim/rows.py build/host lwip:poll"] = 1
    expect(tap, "a program that fails on a fake system, and so on the host", known, "claimed")
    wrong, _ = support.differences(everything(), [*TABLE, "| Plan 9 | all | native | me |"])
    tap.case("a row by hand", [] if len(wrong) == 1 else wrong)
    tap.end()


if __name__ == "__main__":
    main()
