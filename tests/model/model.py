#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""model.py: the concurrency tester over all scenarios, as TAP.

    tests/model/model.py PROGRAM [--schedules N] [--seed N] [--short | --orders]

One case for each scenario (its verdict), each operation (half of its bound was seen, or
unreached.txt says which words of a header name the term that was not), and each structure (its
scenarios ran 10,000 schedules or more). With --orders instead: one for each weakened memory order
(a scenario notices, or a proof says why none can), each pair of lines that was seen to synchronise
(they share a tag), and each tag (it was seen).

Of the library's scenarios each random phase and search has --schedules; the controls, which judge
each strategy that they name, and the weakened orders have 10,000. The seed changes with every run;
THETIS_SEED or --seed repeats one.
"""

import argparse
import json
import os
import random
import re
import subprocess
import sys
from collections import defaultdict
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tools"))

from pairs import Pairs  # noqa: E402
from tap import Tap  # noqa: E402
from tidyrules.tree import Tree  # noqa: E402

LIBRARY = ("include/", "src/")
LEAST = 10000  # schedules of a structure
FULL = ["--schedules", "10000"]


def run(program, *options):
    """The JSON lines that the tester prints, and what it says of a failure."""
    done = subprocess.run([program, "--json", *options], cwd=ROOT, text=True, check=False,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    if done.returncode not in (0, 1):
        return [], [f"status {done.returncode}", *done.stderr.splitlines()[-20:]]
    return [json.loads(line) for line in done.stdout.splitlines()], done.stderr.splitlines()


def unreached():
    """The operations whose bound no scenario comes near, if their header says so: see the file."""
    lines = (ROOT / "tests/model/unreached.txt").read_text().splitlines()
    rows = [line.split(" | ") for line in lines if line and not line.startswith("#")]
    return {op for op, path, said in rows
            if said in re.sub(r"\n \* ?", " ", (ROOT / path).read_text())}


def words(phase):
    """A phase in a few words."""
    bound = f" complete to {phase['preemptions']}" if phase.get("preemptions", -1) >= 0 else ""
    found = f" found {phase['found']} at {phase['at']}" if "found" in phase else ""
    return f"{phase['strategy']}/{phase['model']} {phase['schedules']}{bound}{found}"


def scenarios(tap, program, controls, *options):
    """Runs scenarios; a case for each of one sort, and for each bound. Stem -> schedules."""
    results, said = run(program, *options)
    results = [r for r in results if r.get("scenario", "").startswith("control-") == controls]
    ran, known = defaultdict(int), unreached()
    if not results:
        tap.case("thetis-check", said or ["no result"])
    for r in results:
        good = r["verdict"] in ("pass", "expected", "tight") or r.get("op") in known
        if "scenario" in r:
            ran[r["scenario"].split("-")[0]] += r["schedules"]
            tap.case(f"model {r['scenario']}", [] if good else
                     [*map(words, r["phases"]), *said])
        else:
            tap.case(f"bound {r['op']}", [] if good else
                     [f"{r['max']} of {r['bound']} steps: no scenario comes near"])
    return ran


def enough(tap, ran):
    """A case for each structure."""
    for stem, schedules in sorted(ran.items()):
        few = schedules < LEAST
        tap.case(f"schedules of {stem}", [f"{schedules} of at least {LEAST}"] if few else [])


def mutations(tap, results, said):
    """A case for each weakened order."""
    if not results:
        tap.case("thetis-check --mutate", said or ["no result"])
    for r in results:
        survived = r["outcome"] == "survived"
        tap.case(f"weakened {r['site']} {r['mutation']}",
                 ["no scenario notices"] if survived else [])


def tags_of_lines(pairs):
    """line -> its tags, for every line with an order."""
    tags = defaultdict(set)
    for tag, sites in pairs.sites.items():
        for site in sites:
            tags[f"{site.path}:{site.line}"].add(tag)
    return tags


def compare_pairs(tap, observed, said):
    """Observed pairs against documented tags, both ways."""
    if not observed:
        tap.case("thetis-check --pairs", said or ["no result"])
    documented = Pairs(Tree(ROOT))
    tags, seen = tags_of_lines(documented), set()
    for pair in observed:
        ends = pair["release"], pair["acquire"]
        if not all(end.startswith(LIBRARY) for end in ends):
            continue
        common = tags[ends[0]] & tags[ends[1]]
        seen |= common
        tap.case(f"pair {ends[0]} {ends[1]}", [] if common else ["the lines share no tag"])
    for tag in sorted(documented.sites):
        tap.case(f"pair {tag} observed", [] if tag in seen else ["never seen to synchronise"])


def orders(tap, program, *options):
    """Weakened orders and observed pairs, of one run."""
    results, said = run(program, "--mutate", "--pairs", *options)
    mutations(tap, [r for r in results if "site" in r], said)
    compare_pairs(tap, [r for r in results if "release" in r], said)


def fallback(tap, program):
    """The engine's own tests make the same runs with both ways to switch fibres."""
    folder = Path(program).resolve().parents[1] / "tests" / "model"
    said = [subprocess.run([folder / name], text=True, check=False, stdout=subprocess.PIPE).stdout
            for name in ("test_engine", "test_engine_ucontext")]
    same = said[0] == said[1] and "hash" in said[0]
    tap.case("the same runs with ucontext", [] if same else ["test_engine says other things"])


def main():
    """Runs as a command."""
    parser = argparse.ArgumentParser(description="the concurrency tester as TAP")
    parser.add_argument("program")
    parser.add_argument("--schedules", type=int, default=2500)
    parser.add_argument("--seed", type=int, default=int(
        os.environ.get("THETIS_SEED") or random.SystemRandom().getrandbits(31)))
    which = parser.add_mutually_exclusive_group()
    which.add_argument("--short", action="store_true", help="scenarios only, 2000 schedules")
    which.add_argument("--orders", action="store_true", help="weakened orders and pairs only")
    args = parser.parse_args()
    seed, tap = ["--seed", str(args.seed)], Tap()
    print(f"# seed {args.seed}")
    if args.orders:
        orders(tap, args.program, *FULL, *seed)
        return tap.end()
    few = ["--schedules", str(2000 if args.short else args.schedules)]
    ran = scenarios(tap, args.program, False, *few, *seed)
    ran |= scenarios(tap, args.program, True, *(few if args.short else FULL), *seed,
                     "--scenario", "control-*")
    if not args.short:
        enough(tap, ran)
        fallback(tap, args.program)
    return tap.end()


if __name__ == "__main__":
    sys.exit(main())
