#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""sim.py: thetis-sim over all scenarios and personalities, as TAP.

    tests/sim/sim.py PROGRAM [--runs N] [--seed N]

One case for each scenario and personality, one for the k-th-call sweep of each scenario that bears
it, one for the speed. The seed changes with every run; THETIS_SEED or --seed repeats one.
"""

import argparse
import json
import os
import random
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tools"))

from tap import Tap  # noqa: E402

# The calls that can fail, and those that a personality does not have.
CALLS = set(re.findall(r"^SIM_CALL\((\w+), (?!NONE)", (ROOT / "sim/calls.def").read_text(),
                       re.MULTILINE))
LACKS = {"lwip": {"send_fds", "recv_fds", "poller_open"}}  # no unix sockets; poll() is not opened
LEAST_PAIRS = 2000
LEAST_SPEED = 500_000  # calls per second of processor time, in a build without sanitizers


def run(program, *options):
    """The JSON lines that the program prints, and the seconds of processor time."""
    before = os.times()
    done = subprocess.run([program, "--json", *options], text=True, check=False,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    after = os.times()
    if done.returncode not in (0, 1):
        raise RuntimeError(f"status {done.returncode}: {done.stderr[-2000:]}")
    spent = sum(after[2:4]) - sum(before[2:4])
    return [json.loads(line) for line in done.stdout.splitlines()], spent


def report(tap, what, line):
    """One case."""
    good = line["verdict"] in ("pass", "expected")
    tap.case(f"{what} {line['scenario']} on {line['personality']}: {line['runs']} runs, "
             f"{line['calls']} calls",
             [] if good else [f"{line['verdict']} {line['found']}", line["replay"]])


def sweep(tap, program, seed):
    """Each call fails once; none is left out on any personality, by the scenario `calls`."""
    for line in run(program, "--sweep", "--seed", seed)[0]:
        if line["runs"] == 0 and line["verdict"] == "pass":
            continue
        report(tap, "each call fails in", line)
        if line["scenario"] == "calls":
            who = line["personality"]
            tap.case(f"each call that can fail did on {who}", sorted(
                CALLS ^ LACKS.get(who, set()) ^ set(line["swept"].split())))


def main():
    """Runs as a command."""
    parser = argparse.ArgumentParser(description="the fake kernel's scenarios")
    parser.add_argument("program")
    parser.add_argument("--runs", default="300")
    parser.add_argument("--seed", default=os.environ.get("THETIS_SEED"))
    args = parser.parse_args()
    seed = args.seed or str(random.getrandbits(62) + 1)
    tap = Tap()
    print(f"# THETIS_SEED={seed}")
    lines, spent = run(args.program, "--runs", args.runs, "--seed", seed)
    for line in lines:
        report(tap, "seeds", line)
    calls = sum(line["calls"] for line in lines)
    pairs = sum(line["runs"] for line in lines)
    host = "host" in Path(args.program).parts
    wrong = ["too slow"] if host and calls < LEAST_SPEED * spent else []
    wrong += ["too few"] if host and pairs < LEAST_PAIRS else []
    tap.case(f"{pairs} pairs of seed and personality in {spent:.1f} s, "
             f"{calls / max(spent, 0.01):.0f} calls/s", wrong)
    sweep(tap, args.program, seed)
    tap.end()


if __name__ == "__main__":
    main()
